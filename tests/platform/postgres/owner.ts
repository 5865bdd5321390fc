import { startEmbeddedPostgres } from '../../../src/platform/postgres/embedded.ts';

// A service in small, for tests that kill one: starts the server of the directory it is given, tells, and stops it when its input ends.
const [, , directory = '', settings = '{}'] = process.argv;
try {
  const server = await startEmbeddedPostgres({ directory, settings: JSON.parse(settings), log: () => {} });
  process.stdout.write(`${JSON.stringify({ connectionString: server.connectionString, pid: server.pid })}\n`);
  process.stdin.resume().once('close', async () => {
    await server.stop();
    process.exit(0);
  });
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
}
