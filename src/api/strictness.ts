import { z } from 'zod';

/**
 * Where a schema would pass over keys that it does not know, as dotted paths; `.` for the whole. A mistyped key that is silently
 * dropped is the worst answer a request can get.
 */
export function loosePlaces(schema: z.ZodType): string[] {
  const { $defs = {}, ...own } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return [own, ...Object.values($defs)].flatMap((part) => looseIn(part, ''));
}

function looseIn(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, part]) => looseIn(part, `${path}.${key}`));
  const isLoose = 'properties' in value && 'type' in value && value.type === 'object' && !('additionalProperties' in value);
  return isLoose ? [path || '.', ...inner] : inner;
}
