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
 * Of a source, what a search finds: each term is in the task's own text or in one of its comments. The hits of each term are found from the
 * scope, so that the planner may begin with the scope's rows where they are few and with the text index where its hits are; and once, with
 * all that a list sorts by, so that nothing is looked up again for each of many.
 */
export function searched(source: Source, search: string, tables: ReadTables): Source {
  const terms = searchTerms(search);
  const visible = sql.join(source.conditions, sql` and `);
  const selected = sql`select ${source.id} as id, ${source.createdAt} as created_at from`;
  const hits = terms.map(
    (term) => sql`(${selected} ${source.from(true)} where ${visible}
        and ${fits(source.words, taskQuery(term, tables), source.unindexed && mayHave(source.unindexed.text, term, tables))}
      union
      ${selected} ${source.from(false)} join ${source.comments} m on m.task_id = ${source.id} where ${visible} and m.standing
        and ${fits(sql`m.search`, commentQuery(term, tables), source.unindexed && mayHave(source.unindexed.comment, term, tables))})`,
  );
  const found = hits.length === 0 ? sql`${selected} ${source.from(false)} where false` : sql.join(hits, sql` intersect `);
  return {
    ...source,
    id: sql`f.id`,
    createdAt: sql`f.created_at`,
    from: (withTask) => (withTask ? sql`(${found}) f ${source.rowOf(sql`f.id`)}` : sql`(${found}) f`),
    conditions: [sql`true`],
    // All hits are found before they are sorted: no index in any order is walked.
    ordered: undefined,
    has: undefined,
  };
}

function fits(words: RawBuilder<unknown>, query: RawBuilder<unknown>, first?: RawBuilder<unknown>): RawBuilder<unknown> {
  return first ? sql`case when ${first} then ${words} @@ ${query} else false end` : sql`${words} @@ ${query}`;
}

/** Whether a text has the words of a term somewhere, as parts of whatever: told in far less time than it takes to make words of it. */
function mayHave(text: RawBuilder<unknown>, term: SearchTerm, { words }: ReadTables): RawBuilder<unknown> {
  return sql`lower(${text}) like all (array(select '%' || word || '%' from unnest(tsvector_to_array(
    to_tsvector('simple', ${words}(${term.text}::text)))) word))`;
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
