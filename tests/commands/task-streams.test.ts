import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { emptyAggregate, type TaskAggregate } from '../../src/commands/task-aggregate.ts';
import { createTaskStreams } from '../../src/commands/task-streams.ts';
import { openWriteSide } from '../support/command-parts.ts';

let side: Awaited<ReturnType<typeof openWriteSide>>;
beforeAll(async () => {
  side = await openWriteSide();
});
afterAll(() => side.close());

function repeat(aggregate: TaskAggregate, commands: number): void {
  for (let n = 0; n < commands; n++)
    aggregate.commands.set(`command ${aggregate.commands.size}`, { bodyHmac: '', revision: 0, position: 1n });
}

test('what is kept of tasks is bounded by the commands it remembers, however many of one come while it is kept', async () => {
  const { store, parts } = await side.instance();
  const streams = createTaskStreams(store, parts.vault, 10);
  const [quiet, busy] = [emptyAggregate('quiet'), emptyAggregate('busy')];
  for (const aggregate of [quiet, busy]) {
    repeat(aggregate, 4);
    streams.keep(aggregate);
  }
  expect(streams.known('quiet')).toBe(quiet);
  repeat(busy, 4);
  streams.keep(busy);
  expect(streams.known('quiet')).toBeUndefined();
  expect(streams.known('busy')).toBe(busy);
});
