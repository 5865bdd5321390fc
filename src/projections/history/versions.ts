import type { RecordedEvent } from '../../events/recorded-event.ts';
import { type ProjectionClient, writeRows } from '../projection.ts';

/** A row as it was from one position of the log until another. */
export type Version<Row> = Row & {
  /** The position of the event that made it: a bigint, a decimal string in JavaScript. */
  valid_from: string;
  /** The position of the event that ended it; null while it is the last. */
  valid_to: string | null;
};

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
    const written = new Map<string, Version<Row>>();
    const put = (row: Version<Row>) => written.set(`${row.id} ${row.valid_from}`, row);
    for (const event of events) {
      const before = latest.get(idOf(event));
      const next = fold(before, event);
      if (next === undefined || next.revision === before?.revision) continue;
      const valid_from = event.position.toString();
      if (before) put({ ...before, valid_to: valid_from });
      const version = { ...next, valid_from, valid_to: null };
      put(version);
      latest.set(next.id, version);
    }
    await writeRows(
      client,
      table,
      columns,
      [...written.values()],
      'on conflict (id, valid_from) do update set valid_to = excluded.valid_to',
    );
  };
}

async function loadLatest<Row>(
  client: ProjectionClient,
  { table, positions }: { table: string; positions: readonly string[] },
  ids: readonly string[],
): Promise<Map<string, Version<Row>>> {
  const asText = positions.map((column) => `'${column}', v.${column}::text`).join(', ');
  const { rows } = await client.query<{ id: string; row: Version<Row> }>({
    name: `load latest ${table}`,
    text: `select id, to_jsonb(v) || jsonb_build_object(${asText}) as row
      from ${table} v where id = any($1) and valid_to is null`,
    values: [ids],
  });
  return new Map(rows.map(({ id, row }) => [id, row]));
}
