import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import { writeWrappedKeys } from '../../src/events/keys/wrapped-keys.ts';
import { importEvents } from '../../src/events/store/postgres/import-events.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { encodePart } from './encode-part.ts';
import { peopleOf } from './people.ts';
import { type Story, tellPart } from './story.ts';

/** What one of the processes that write a log is told: what to write, then each part, then that it is its turn. */
export type ToWriter = { story: Story; connectionString: string; masterKey: string } | { part: number } | { turn: number };
/** What it answers. */
export type FromWriter = { told: number } | { written: number; events: number };

// A process of its own, of several: while one waits for the database, another seals. Parts are written in their order, one at a time.

let write: ((part: number) => Promise<void>) | undefined;
let turn: (() => void) | undefined;

process.on('message', (message: ToWriter) => {
  if ('story' in message) write = writerOf(message);
  else if ('part' in message)
    write!(message.part).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  else turn!();
});
process.on('disconnect', () => process.exit(0));

function writerOf({ story, connectionString, masterKey }: Extract<ToWriter, { story: Story }>): (part: number) => Promise<void> {
  const people = peopleOf(story.people);
  const pool = createPool(connectionString, { max: 2, applicationName: 'bench data', onError: () => {}, statementTimeout: 0 });
  const vault = createKeyVault(pool, masterKey);
  return async (part) => {
    const { events, keys } = await encodePart(tellPart(story, part, people), vault, 1 + part);
    const mayWrite = new Promise<void>((resolve) => {
      turn = resolve;
    });
    tell({ told: part });
    await mayWrite;
    await writeWrappedKeys(pool, keys);
    await importEvents(pool, events);
    tell({ written: part, events: events.length });
  };
}

function tell(message: FromWriter): void {
  process.send!(message);
}
