/** Which part of a list is asked for. */
export type PageRequest = { size: number } & (
  | { by: 'page'; page: number }
  | { by: 'skip'; skip: number }
  | { by: 'cursor'; cursor: string; includeTotal: boolean }
);

/** A part of a list. */
export interface Page {
  /** JSON of the items, with commas between them and no brackets around. */
  items: string;
  /** All rows of the list; null where it was not to be counted, as `page` and `pages` then are. */
  total: number | null;
  page: number | null;
  perPage: number;
  pages: number | null;
  /** Leads to what follows; null at the end. */
  nextCursor: string | null;
}

/** How many rows come before the part that is asked for, where that is told by number. */
export function rowsBefore(request: PageRequest): number {
  if (request.by === 'page') return (request.page - 1) * request.size;
  return request.by === 'skip' ? request.skip : 0;
}

export function pageNumber(request: PageRequest): number | null {
  return request.by === 'cursor' ? null : Math.floor(rowsBefore(request) / request.size) + 1;
}
