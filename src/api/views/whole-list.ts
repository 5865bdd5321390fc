import type { PageRequest } from '../../queries/page.ts';
import { Rejection } from '../../rejection.ts';
import type { Answer, RequestContext } from '../route.ts';
import { pageAnswer } from './listing-view.ts';

/** A page of a list that is short enough to be held whole. Its cursors are places in it. */
export function wholeListAnswer(all: readonly unknown[], asked: PageRequest, request: RequestContext): Answer {
  const start = startOf(asked);
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
    nextCursor: end < all.length ? Buffer.from(`at ${end}`).toString('base64url') : null,
  };
  return pageAnswer(page, asked, request, {});
}

function startOf(asked: PageRequest): number {
  if (asked.by === 'page') return (asked.page - 1) * asked.size;
  if (asked.by === 'skip') return asked.skip;
  const place = /^at (\d{1,9})$/.exec(Buffer.from(asked.cursor, 'base64url').toString())?.[1];
  if (place === undefined) throw new Rejection('INVALID_CURSOR', 'This cursor is not one of this list');
  return Number(place);
}
