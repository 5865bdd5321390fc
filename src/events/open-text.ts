import { z } from 'zod';

const reasons = new WeakMap<z.ZodType, string>();

/**
 * Marks a member of an event that could hold text and is stored in clear all the same.
 * @param reason why nothing of a user's own is in it, or why it has to be readable
 */
export function openText<S extends z.ZodType>(schema: S, reason: string): S {
  // A copy, because the same schema may stand unmarked elsewhere.
  const marked = schema.clone() as S;
  reasons.set(marked, reason);
  return marked;
}

/** Marks a schema whose form leaves no room for words: an id, a date. */
export function formatted<S extends z.ZodType>(schema: S): S {
  reasons.set(schema, 'has a form without words');
  return schema;
}

/** The paths of members of a schema that can hold text and are neither accepted by `isSealed` nor marked as open. */
export function openTexts(schema: z.ZodType, isSealed: (schema: z.ZodType) => boolean, path = ''): string[] {
  if (isSealed(schema) || reasons.has(schema)) return [];
  const within = (inner: unknown, key?: string) =>
    openTexts(inner as z.ZodType, isSealed, [path, key].filter((part) => part !== undefined && part !== '').join('.'));
  if (schema instanceof z.ZodObject) return Object.entries(schema.shape).flatMap(([key, member]) => within(member, key));
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return within(schema.unwrap());
  if (schema instanceof z.ZodArray) return within(schema.element);
  const isClosed = [z.ZodEnum, z.ZodLiteral, z.ZodBoolean, z.ZodNumber, z.ZodNull].some((kind) => schema instanceof kind);
  return isClosed ? [] : [path];
}
