import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// A release before this one, as far as the log and the read models can tell: it reads and writes the first vocabulary alone, and its
// read models are of other versions. Its defences can be taken away like those of `weakened-service.ts`.
const src = pathToFileURL(join(import.meta.dirname, '..', '..', 'src')).href;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (url !== `${src}/events/vocabulary.ts`) return loaded;
    return { ...loaded, source: String(loaded.source).replace(/VOCABULARY = \d+;/, 'VOCABULARY = 1;') };
  },
});

const { allProjections } = await import('../../src/projections/all-projections.ts');
for (const projection of allProjections) projection.version -= 1;

await import('./weakened-service.ts');
