import { type RawBuilder, sql } from 'kysely';
import { isSearchable } from '../../platform/text/characters.ts';
import { fold } from '../../platform/text/schema.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Source } from './task-scope.ts';

/** One thing that must be found: a word by its beginning, or a phrase as it stands. */
export interface SearchTerm {
  text: string;
  phrase: boolean;
}

export const MAX_SEARCH_WORDS = 10;

/** How many words a search asks for, those of its phrases and emoji included: each of them is looked up. */
export function countSearchWords(search: string): number {
  return search.match(/[\p{L}\p{N}\p{M}]+|\p{Extended_Pictographic}/gu)?.length ?? 0;
}

/** The terms of a search text: words, and phrases in quotes. A text without a letter, a digit or an emoji is no term. */
export function searchTerms(search: string): SearchTerm[] {
  const terms = new Map<string, SearchTerm>();
  for (const [whole, phrase] of search.matchAll(/"([^"]*)"|[^\s"]+/g)) {
    const term = { text: phrase ?? whole, phrase: phrase !== undefined };
    if (isSearchable(term.text)) terms.set(`${term.phrase} ${term.text}`, term);
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
        and ${fits(source.words, taskQuery(term, tables), source.unindexed && sql`${source.unindexed.isTextOfToday} or ${mayHave(source.unindexed.text, term, tables)}`)}
      union
      ${selected} ${source.from(false)} join ${source.comments} m on m.task_id = ${source.id} where ${visible} and m.standing
        and ${fits(sql`m.search`, commentQuery(term, tables), source.unindexed && sql`${source.unindexed.isCommentOfToday} or ${mayHave(source.unindexed.comment, term, tables)}`)})`,
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

/** Whether a text has the words of a term somewhere, as parts of any others: this takes far less time than making words of the text. */
function mayHave(text: RawBuilder<unknown>, term: SearchTerm, { words }: ReadTables): RawBuilder<unknown> {
  return sql`${sql.raw(fold)}(${text}) like all (array(select '%' || rtrim(word, '|') || '%' from unnest(tsvector_to_array(
    ${words}(${term.text}::text))) word))`;
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

function taskQuery({ text, phrase }: SearchTerm, { searchQuery }: ReadTables): RawBuilder<unknown> {
  return sql`${searchQuery}(${text}::text, ${sql.lit(phrase)}, true)`;
}

function commentQuery({ text, phrase }: SearchTerm, { searchQuery }: ReadTables): RawBuilder<unknown> {
  return sql`${searchQuery}(${text}::text, ${sql.lit(phrase)}, false)`;
}
