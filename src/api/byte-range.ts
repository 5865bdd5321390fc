import parseRange from 'range-parser';
import type { ByteRange } from '../platform/files/file-storage.ts';
import { Rejection } from '../rejection.ts';
import { RefusalWithHeaders } from './refusal-with-headers.ts';
import type { RequestContext } from './route.ts';

/**
 * The one part that a request asks for; undefined for all of it: also where several are asked for, or where `If-Range` names something
 * else (RFC 9110, 13.1.5 and 14.2).
 * @throws RANGE_NOT_SATISFIABLE
 */
export function rangeOf(request: Pick<RequestContext, 'header'>, size: number, etag: string): ByteRange | undefined {
  const header = request.header('range');
  const condition = request.header('if-range');
  if (header === undefined || (condition !== undefined && condition.trim() !== etag)) return undefined;
  const ranges = parseRange(size, header);
  if (ranges === -1) {
    const headers = { 'Content-Range': `bytes */${size}` };
    throw new RefusalWithHeaders(new Rejection('RANGE_NOT_SATISFIABLE', `There are ${size} bytes`), headers);
  }
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  return ranges[0];
}
