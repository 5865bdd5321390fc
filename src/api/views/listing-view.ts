import { z } from 'zod';
import type { Page, PageRequest } from '../../queries/page.ts';
import { cursorForm } from '../forms.ts';
import { flag, wholeNumber } from '../query-parameters.ts';
import { type Answer, JsonText, type RequestContext } from '../route.ts';

const largest = 2 ** 31 - 1;
const usualSize = 20;
const largestSize = 100;

/** The page envelope that every collection is answered in. */
export function pageOf(item: z.ZodType) {
  return z.strictObject({
    items: z.array(item),
    total: z.int().nullable().describe('All that the list has; null with `cursor`, unless `include_total=true`.'),
    page: z.int().nullable(),
    per_page: z.int(),
    pages: z.int().nullable(),
    next_cursor: z.string().nullable().describe('Leads to what follows, at the same cost however deep; null at the end.'),
  });
}

export function isPage(answer: z.ZodType): boolean {
  return answer instanceof z.ZodObject && 'next_cursor' in answer.shape;
}

/** The parameters that say which part of a list is asked for. Put into a route's query schema together with `pageRules`. */
export const pageParameters = {
  page: wholeNumber(1, largest, { description: 'From 1, the default.' }),
  skip: wholeNumber(0, largest, { description: 'So many are left out, instead of whole pages.' }),
  cursor: z
    .string()
    .optional()
    .meta({ ...cursorForm, description: "Another answer's `next_cursor`, with the same filters and order." }),
  per_page: wholeNumber(1, largestSize, { default: usualSize }),
  limit: wholeNumber(1, largestSize, { description: 'The same as `per_page`.' }),
  include_total: flag('Whether an answer by `cursor` has `total` and `pages`. Others always have.'),
};

type PageParameters = z.output<z.ZodObject<typeof pageParameters>>;

/** Adds a fault for each parameter that says the same as another one: at most one of each group, whatever else is wrong. */
export function atMostOneOf<S extends z.ZodObject>(schema: S, ...groups: readonly (readonly string[])[]): S {
  return groups.flatMap(earlierOnes).reduce(
    (checked, { name, earlier }) => {
      const conflict = (query: Record<string, unknown>) => query[name] !== undefined && earlier.some((other) => query[other] !== undefined);
      const error = `cannot go together with ${earlier.join(' or ')}`;
      return checked.refine((query) => !conflict(query), { path: [name], error, params: { code: 'conflicts_with' }, when: () => true });
    },
    describingConflicts(schema, groups),
  );
}

/** A document has no other place for what parameters exclude than their descriptions. */
function describingConflicts<S extends z.ZodObject>(schema: S, groups: readonly (readonly string[])[]): S {
  const described = [...new Set(groups.flat())].map((name) => {
    const others = [...new Set(groups.filter((group) => group.includes(name)).flat())].filter((other) => other !== name);
    const parameter = schema.shape[name] as z.ZodType;
    const description = [parameter.meta()?.description, `Not together with ${listed(others)}.`].filter(Boolean).join(' ');
    return [name, parameter.meta({ description })];
  });
  return schema.extend(Object.fromEntries(described)) as unknown as S;
}

function listed(names: readonly string[]): string {
  return names
    .map((name) => `\`${name}\``)
    .join(', ')
    .replace(/, ([^,]+)$/, ' or $1');
}

function earlierOnes(group: readonly string[]): { name: string; earlier: readonly string[] }[] {
  return group.slice(1).map((name, index) => ({ name, earlier: group.slice(0, index + 1) }));
}

/** What goes with what among the page parameters. */
export const pageRules = [
  ['page', 'skip', 'cursor'],
  ['per_page', 'limit'],
] as const;

/** The query of a listing that has no parameters but those of its pages. */
export const PageQuery = atMostOneOf(z.strictObject(pageParameters), ...pageRules);

export function pageRequest({ page, skip, cursor, per_page, limit, include_total }: PageParameters): PageRequest {
  const size = per_page ?? limit ?? usualSize;
  if (cursor !== undefined) return { by: 'cursor', cursor, includeTotal: include_total === true, size };
  return skip === undefined ? { by: 'page', page: page ?? 1, size } : { by: 'skip', skip, size };
}

/** A page in its envelope, with its `Link` header. */
export function pageAnswer(page: Page, asked: PageRequest, request: RequestContext, headers: Record<string, string>): Answer {
  const { items, total, perPage, pages, nextCursor } = page;
  const rest = JSON.stringify({ total, page: page.page, per_page: perPage, pages, next_cursor: nextCursor });
  return {
    status: 200,
    headers: { ...headers, Link: links(page, asked, request) },
    body: new JsonText(`{"items":[${items}],${rest.slice(1)}`),
  };
}

/** RFC 8288: to the first, previous, next and last part, as far as they are known and there. */
function links(page: Page, asked: PageRequest, { path, search }: RequestContext): string {
  const link = (relation: string, place: Record<string, string | number>) => {
    const parameters = new URLSearchParams(search);
    for (const name of ['page', 'skip', 'cursor']) parameters.delete(name);
    for (const [name, value] of Object.entries(place)) parameters.set(name, String(value));
    return `<${path}${parameters.size > 0 ? `?${parameters}` : ''}>; rel="${relation}"`;
  };
  return Object.entries(placesAround(page, asked))
    .map(([relation, place]) => link(relation, place))
    .join(', ');
}

function placesAround({ pages, nextCursor }: Page, asked: PageRequest): Record<string, Record<string, string | number>> {
  if (asked.by === 'cursor') return { first: {}, ...(nextCursor !== null && { next: { cursor: nextCursor } }) };
  const last = Math.max(pages ?? 1, 1);
  if (asked.by === 'page') {
    const at = asked.page;
    return {
      first: { page: 1 },
      ...(at > 1 && { prev: { page: Math.min(at - 1, last) } }),
      ...(at < last && { next: { page: at + 1 } }),
      last: { page: last },
    };
  }
  const { skip, size } = asked;
  return {
    first: { skip: 0 },
    ...(skip > 0 && { prev: { skip: Math.max(skip - size, 0) } }),
    ...(nextCursor !== null && { next: { skip: skip + size } }),
    last: { skip: (last - 1) * size },
  };
}
