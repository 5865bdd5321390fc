import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { attachEmbeddedPostgres } from '../../../src/platform/postgres/attach-embedded.ts';
import { query, servers } from './servers.ts';

const { emptyDirectory, usedDirectory, start, startOwner } = servers();

describe('joining an embedded server', () => {
  test('finds the one that another process runs on the directory', async () => {
    const { answer } = await startOwner(usedDirectory());
    const connectionString = await attachEmbeddedPostgres(usedDirectory());
    expect(connectionString).toBe(answer.connectionString);
    const [row] = await query(connectionString!, 'select current_user as role, pg_postmaster_start_time() is not null as runs');
    expect(row).toEqual({ role: 'tasktrail', runs: true });
  }, 30_000);

  test('finds nothing where there is no directory, an empty one, or none that runs any more; and starts nothing', async () => {
    const directory = await emptyDirectory();
    expect(await attachEmbeddedPostgres(join(directory, 'nowhere'))).toBeNull();
    expect(await attachEmbeddedPostgres(directory)).toBeNull();
    const server = await start(usedDirectory());
    await server.stop();
    expect(await attachEmbeddedPostgres(usedDirectory())).toBeNull();
    await start(usedDirectory());
  }, 30_000);

  test('finds nothing after the server was killed, though it left its files behind', async () => {
    const owner = await startOwner(usedDirectory());
    process.kill(owner.answer.pid, 'SIGKILL');
    owner.process.kill('SIGKILL');
    expect(await attachEmbeddedPostgres(usedDirectory())).toBeNull();
  }, 30_000);
});
