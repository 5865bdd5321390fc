import { z } from 'zod';

/** A UUID in either case, as the same id in lower case. */
const ID_PATTERN = '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$';

/** An id in a request: some languages print UUIDs in upper case. Everything behind the API knows the lower-case form alone. */
export const RequestedId = z
  .string()
  .toLowerCase()
  .regex(new RegExp(ID_PATTERN), 'must be a UUID')
  .meta({ format: 'uuid', pattern: ID_PATTERN });

const segments = new RegExp(`(?<=/)${ID_PATTERN.slice(1, -1)}(?=/|$)`, 'g');

/** A path with the ids in it in lower case, so that both forms are one resource, one queue and one key. */
export function withLowerCaseIds(path: string): string {
  return /[A-F]/.test(path) ? path.replace(segments, (id) => id.toLowerCase()) : path;
}
