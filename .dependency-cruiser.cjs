/** Dependencies point one way: api → commands, queries → events; projections, subscribers → events; platform is below all. */
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule('no-circular', 'A cycle has no bottom to begin reading at.', {}, { circular: true }),
    rule('nothing-imports-main', 'main.ts knows every part; no part knows it.', {}, { path: '^src/main\\.ts$' }),
    rule(
      'platform-is-below-all',
      'The platform does not know what a task is.',
      { path: '^src/platform' },
      { path: '^src/', pathNot: '^src/platform' },
    ),
    rule(
      'events-know-no-one',
      'What happened does not depend on who asked or who reads.',
      { path: '^src/events' },
      { path: '^src/', pathNot: '^src/(events|platform)' },
    ),
    rule(
      'commands-know-events',
      'Deciding needs events alone.',
      { path: '^src/commands' },
      { path: '^src/', pathNot: '^src/(commands|events|platform|rejection\\.ts)' },
    ),
    rule(
      'projections-know-events',
      'Read models are made of events alone.',
      { path: '^src/projections' },
      { path: '^src/', pathNot: '^src/(projections|events|platform)' },
    ),
    rule(
      'queries-read-read-models',
      'Queries read what projections wrote: the shape of their tables, not how they are filled.',
      { path: '^src/queries' },
      { path: '^src/', pathNot: '^src/(queries|events|platform|accounts|rejection\\.ts|projections/[^/]+/(schema|describe)\\.ts)' },
    ),
    rule(
      'accounts-know-events',
      'Accounts write events; they know neither API nor commands.',
      { path: '^src/accounts' },
      { path: '^src/', pathNot: '^src/(accounts|events|platform|rejection\\.ts)' },
    ),
    rule(
      'notifications-know-accounts',
      'What is mailed, and to whom: accounts know the people, and nothing here knows who asked.',
      { path: '^src/notifications' },
      { path: '^src/', pathNot: '^src/(notifications|accounts|events|platform|rejection\\.ts)' },
    ),
    rule(
      'routes-do-not-touch-express',
      'A route is data and a translation.',
      { path: '^src/api/routes' },
      { path: 'node_modules/express' },
    ),
    rule('no-dev-dependency', 'The service runs without the tools of its making.', { path: '^src' }, { dependencyTypes: ['npm-dev'] }),
    rule(
      'no-orphans',
      'What nothing uses is to be deleted.',
      { orphan: true, pathNot: ['^src/(main\\.ts|tools/|api/pages/)', '\\.d\\.ts$'] },
      {},
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
