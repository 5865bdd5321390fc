import { type RecordedEvent, subjectId } from '../events/recorded-event.ts';
import { hideUsernames } from '../events/task/mentions.ts';
import type { ProjectionClient } from './projection-client.ts';

/** So many texts are read, searched and written at once. */
const PAGE_SIZE = 250;

/** A table whose rows hold a text and, in `mentions`, the users whom the text mentions. */
interface MentioningTable {
  table: string;
  /** The columns of its primary key with their types. */
  key: Readonly<Record<string, 'uuid' | 'bigint'>>;
  text: string;
}

/** A text without the names, and the key of its row: a bigint is a decimal string. */
interface ShownText {
  key: Readonly<Record<string, string>>;
  text: string;
}

/**
 * Takes the names of users whose accounts the events erase out of texts that mention them. The rows are then what they would be if made
 * again, since decoded events do not hold these names any more.
 * @param onChanged called with the rows that were changed, page by page
 */
export async function hideErasedNames(
  table: MentioningTable,
  events: readonly RecordedEvent[],
  client: ProjectionClient,
  onChanged: (changed: readonly ShownText[]) => Promise<void> = async () => {},
): Promise<void> {
  for (const event of events) {
    if (!event.erasedNames) continue;
    const userId = subjectId(event);
    for (let page = await readPage(table, userId, null, client); page.length > 0; ) {
      const changed: ShownText[] = [];
      for (const { key, text } of page) {
        const shown = hideUsernames(text, event.erasedNames);
        if (shown !== text) changed.push({ key, text: shown });
      }
      if (changed.length > 0) {
        await writeTexts(table, changed, client);
        await onChanged(changed);
      }
      page = await readPage(table, userId, page.at(-1)!.key, client);
    }
  }
}

async function readPage(
  { table, key, text }: MentioningTable,
  userId: string,
  after: ShownText['key'] | null,
  client: ProjectionClient,
): Promise<ShownText[]> {
  const columns = Object.keys(key);
  const behind = columns.map((column, index) => `$${index + 2}::${key[column]}`);
  const { rows } = await client.query<ShownText>(
    `select json_build_object(${columns.map((column) => `'${column}', ${column}::text`).join(', ')}) as key, ${text} as text
       from ${table}
      where mentions <> '{}' and mentions @> array[$1::uuid] and ${text} is not null
        ${after === null ? '' : `and (${columns.join(', ')}) > (${behind.join(', ')})`}
      order by ${columns.join(', ')} limit ${PAGE_SIZE}`,
    [userId, ...(after === null ? [] : columns.map((column) => after[column]))],
  );
  return rows;
}

async function writeTexts({ table, key, text }: MentioningTable, changed: readonly ShownText[], client: ProjectionClient): Promise<void> {
  const columns = Object.keys(key);
  await client.write({
    text: `update ${table} as stored set ${text} = changed.shown
      from json_to_recordset($1) as changed (${columns.map((column) => `${column} ${key[column]}`).join(', ')}, shown text)
     where ${columns.map((column) => `stored.${column} = changed.${column}`).join(' and ')}`,
    values: [JSON.stringify(changed.map(({ key: row, text: shown }) => ({ ...row, shown })))],
  });
}
