import { type RawBuilder, sql } from 'kysely';
import type { ReadTables } from '../read-tables.ts';
import type { Source } from './task-scope.ts';

/** One thing that must be found: a word by its beginning, or a phrase as it stands. */
export interface SearchTerm {
  text: string;
  phrase: boolean;
}

/** The terms of a search text: words, and phrases in quotes. What holds neither letter nor digit is no term. */
export function searchTerms(search: string): SearchTerm[] {
  const terms = new Map<string, SearchTerm>();
  for (const [whole, phrase] of search.matchAll(/"([^"]*)"|[^\s"]+/g)) {
    const term = { text: phrase ?? whole, phrase: phrase !== undefined };
    if (/[^\p{P}\p{S}\p{Z}\p{C}]/u.test(term.text)) terms.set(`${term.phrase} ${term.text}`, term);
  }
  return [...terms.values()];
}

/**
 * Each term is in the task's own text or in one of its comments. The tasks are found from the scope, so that the planner may begin with
 * the scope's rows where they are few and with the text index where its hits are. They are found once for each term and kept: joined
 * into one plan, terms would be looked for again for each hit of the others.
 */
export function searchCondition(search: string, { tables, source }: { tables: ReadTables; source: Source }): RawBuilder<unknown> {
  const terms = searchTerms(search);
  if (terms.length === 0) return sql`false`;
  const visible = sql.join(source.conditions, sql` and `);
  const found = terms.map(
    (term) => sql`${source.id} in (with hit as materialized (
      select ${source.id} as id from ${source.from(true)} where ${visible} and ${source.words} @@ ${taskQuery(term, tables)}
      union all
      select ${source.id} from ${source.from(false)} join ${source.comments} m on m.task_id = ${source.id}
        where ${visible} and m.standing and m.search @@ ${commentQuery(term, tables)}) select id from hit)`,
  );
  return sql.join(found, sql` and `);
}

/** How well the task `t` fits: a hit in the title weighs more than one in the tags, the description and the comments, in this order. */
export function relevance(search: string, source: Source, tables: ReadTables): RawBuilder<unknown> {
  const terms = searchTerms(search);
  if (terms.length === 0) return sql`0::real`;
  const inTask = sql.join(
    terms.map((term) => taskQuery(term, tables)),
    sql` || `,
  );
  const inComment = sql.join(
    terms.map((term) => commentQuery(term, tables)),
    sql` || `,
  );
  return sql`(ts_rank(${source.words}, ${inTask}) + coalesce((select max(ts_rank(m.search, ${inComment}))
    from ${source.comments} m where m.task_id = t.id and m.standing), 0))`;
}

/** A term of several words must be found within one field, and these are told apart by their weights. */
function taskQuery(term: SearchTerm, tables: ReadTables): RawBuilder<unknown> {
  if (!/[^\p{L}\p{N}]/u.test(term.text)) return tsquery(term, '', tables);
  return sql`(${tsquery(term, 'A', tables)} || ${tsquery(term, 'B', tables)} || ${tsquery(term, 'C', tables)})`;
}

function commentQuery(term: SearchTerm, tables: ReadTables): RawBuilder<unknown> {
  return tsquery(term, '', tables);
}

/** Without its punctuation nothing in the text can end the quotes that it is put in. */
function tsquery({ text, phrase }: SearchTerm, weight: '' | 'A' | 'B' | 'C', { words }: ReadTables): RawBuilder<unknown> {
  const flags = sql.lit(`':${phrase ? '' : '*'}${weight}`.replace(/:$/, ''));
  return sql`to_tsquery('simple', '''' || ${words}(${text}::text) || ${flags})`;
}
