import type { PageRequest } from '../../queries/page.ts';
import { Rejection } from '../../rejection.ts';
import type { Answer, RequestContext } from '../route.ts';
import { pageAnswer } from './listing-view.ts';

/**
 * A page of a list that is short enough to be held whole. Its cursors are places in it.
 * @param keyOf what the list is ordered by, the greatest first, where it may change between two pages: a cursor is then a key
 */
export function wholeListAnswer<T>(all: readonly T[], asked: PageRequest, request: RequestContext, keyOf?: (item: T) => string): Answer {
  const start = keyOf && asked.by === 'cursor' ? startBelow(all, asked.cursor, request.path, keyOf) : startOf(asked);
  const end = start + asked.size;
  const page = {
    items: all
      .slice(start, end)
      .map((item) => JSON.stringify(item))
      .join(','),
    total: asked.by === 'cursor' && !asked.includeTotal ? null : all.length,
    page: asked.by === 'page' ? asked.page : null,
    perPage: asked.size,
    pages: asked.by === 'cursor' && !asked.includeTotal ? null : Math.ceil(all.length / asked.size),
    nextCursor: end < all.length ? cursor(keyOf ? `${request.path} below ${keyOf(all[end - 1]!)}` : `at ${end}`) : null,
  };
  return pageAnswer(page, asked, request, {});
}

function cursor(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function startBelow<T>(all: readonly T[], given: string, path: string, keyOf: (item: T) => string): number {
  const [of, key, ...rest] = Buffer.from(given, 'base64url').toString().split(' below ');
  if (of !== path || key === undefined || rest.length > 0) throw invalidCursor();
  const start = all.findIndex((item) => keyOf(item) < key);
  return start < 0 ? all.length : start;
}

function startOf(asked: PageRequest): number {
  if (asked.by === 'page') return (asked.page - 1) * asked.size;
  if (asked.by === 'skip') return asked.skip;
  const place = /^at (\d{1,9})$/.exec(Buffer.from(asked.cursor, 'base64url').toString())?.[1];
  if (place === undefined) throw invalidCursor();
  return Number(place);
}

function invalidCursor(): Rejection {
  return new Rejection('INVALID_CURSOR', 'This cursor is not one of this list');
}
