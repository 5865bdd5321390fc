import { servedPath } from '../../../src/api/endpoint.ts';
import type { Cell } from './cells.ts';
import { isToken } from './contract.ts';
import type { Prepared } from './prepare.ts';
import type { Place } from './row.ts';

/** A call as it is sent, without what belongs to every one. */
export interface Request {
  method: string;
  /** With the query. */
  path: string;
  /** An access token, or nothing. */
  proof: string | undefined;
  /** As it was before it was made JSON; undefined for none. */
  body: unknown;
}

export function requestOf({ cell, place }: Prepared): Request {
  const { route, row } = cell;
  const names: Record<string, string> = { comment_id: place.commentId, file_id: place.fileId, ...row.params?.(place) };
  const path = servedPath(route).replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(names[name] ?? place.id));
  const query = row.query?.(place);
  return {
    method: route.method.toUpperCase(),
    path: path + (query === undefined ? '' : `?${query}`),
    proof: proofOf(cell, place),
    body: row.body?.(place),
  };
}

function proofOf({ row, caller }: Cell, { session, people }: Place): string | undefined {
  const withSession = caller !== 'anonymous' && caller !== 'ended session' && caller !== 'disabled account' && !isToken(caller);
  if (row.ownSession && withSession) return session.accessToken;
  return people.tokenOf(caller, row.token, row.for === 'admins');
}
