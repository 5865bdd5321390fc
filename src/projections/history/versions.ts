import type { RecordedEvent } from '../../events/recorded-event.ts';
import { slices } from '../../platform/slices.ts';
import { insertRows } from '../insert-rows.ts';
import type { ProjectionClient } from '../projection-client.ts';

/** So many events are folded in a millisecond or two. */
const IN_ONE_TURN = 250;

/** A row as it was from one position of the log until another. */
export type Version<Row> = Row & {
  /** The position of the event that made it: a bigint, a decimal string in JavaScript. */
  valid_from: string;
  /** The position of the event that ended it; null while it is the last. */
  valid_to: string | null;
};

/** The last version of a row, and whether it is still to be written. */
type Latest<Row> = Version<Row> & { isNew: boolean };

interface VersionedTable<Row, Event> {
  table: string;
  columns: readonly (keyof Version<Row> & string)[];
  /** Those that are positions, and never null of the last version: decimal strings in JavaScript. */
  positions: readonly (keyof Version<Row> & string)[];
  idOf(event: Event): string;
  /** @returns the row as the event leaves it; undefined, or with the revision of before, when it is not this row's event or not a new one */
  fold(row: Row | undefined, event: Event): Row | undefined;
}

/** Adds a version for each event of these, and ends the one before it. */
export function keepVersions<Row extends { id: string; revision: number }, Event extends RecordedEvent>(
  versioned: VersionedTable<Row, Event>,
) {
  const { table, columns, positions, idOf, fold } = versioned;
  return async (events: readonly Event[], client: ProjectionClient): Promise<void> => {
    if (events.length === 0) return;
    const latest = await loadLatest<Row>(client, { table, positions }, [...new Set(events.map(idOf))]);
    const added: Version<Row>[] = [];
    const ended: { id: string; valid_from: string; valid_to: string }[] = [];
    for await (const some of slices(events, IN_ONE_TURN)) {
      for (const event of some) {
        const before = latest.get(idOf(event));
        const next = fold(before, event);
        if (next === undefined || next.revision === before?.revision) continue;
        const valid_from = event.position.toString();
        if (before?.isNew) before.valid_to = valid_from;
        else if (before) ended.push({ id: before.id, valid_from: before.valid_from, valid_to: valid_from });
        const version = { ...next, valid_from, valid_to: null, isNew: true };
        added.push(version);
        latest.set(next.id, version);
      }
    }
    await endVersions(client, table, ended);
    await insertRows(client, table, columns, added);
  };
}

/** Of what is in the table nothing is written but the position that ended it. */
async function endVersions(client: ProjectionClient, table: string, ended: readonly object[]): Promise<void> {
  if (ended.length === 0) return;
  await client.write({
    name: `end ${table}`,
    text: `update ${table} v set valid_to = e.valid_to from json_to_recordset($1) e (id uuid, valid_from bigint, valid_to bigint)
      where v.id = e.id and v.valid_from = e.valid_from`,
    values: [JSON.stringify(ended)],
  });
}

async function loadLatest<Row>(
  client: ProjectionClient,
  { table, positions }: { table: string; positions: readonly string[] },
  ids: readonly string[],
): Promise<Map<string, Latest<Row>>> {
  const asText = positions.map((column) => `'${column}', v.${column}::text`).join(', ');
  const { rows } = await client.query<{ id: string; row: Version<Row> }>({
    name: `load latest ${table}`,
    text: `select id, to_jsonb(v) || jsonb_build_object(${asText}) as row
      from ${table} v where id = any($1) and valid_to is null`,
    values: [ids],
  });
  return new Map(rows.map(({ id, row }) => [id, { ...row, isNew: false }]));
}
