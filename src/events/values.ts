import { z } from 'zod';
import { formatted } from './open-text.ts';

/** The values that events, commands and answers are made of. */

/** Text that every store, index and client can hold: no NUL, no half of a surrogate pair. */
export function text(max: number, min = 0) {
  return z
    .string()
    .min(min)
    .max(max)
    .refine((value) => isStorable(value), { error: 'must be well-formed text without NUL characters', params: { code: 'format' } });
}

export function isStorable(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0');
}

/** The length of text as every limit on it counts, zod's included: in code points, so that an emoji is one. */
export function codePointLength(value: string): number {
  let length = 0;
  for (const _ of value) length++;
  return length;
}

export const Id = formatted(
  z
    .string()
    .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a lower-case UUID')
    .meta({ format: 'uuid' }),
);
export const Time = formatted(z.iso.datetime({ precision: 3 }));
// The year 0 is a date to ISO 8601 and none to PostgreSQL.
export const DueDate = formatted(
  z.iso.date().refine((date) => date >= '0001-01-01', { error: 'must be a date from year 1 on', params: { code: 'format' } }),
);

export const priorities = ['low', 'medium', 'high', 'urgent'] as const;
export const Priority = z.enum(priorities);
export type Priority = z.output<typeof Priority>;

export const statuses = ['todo', 'in_progress', 'in_review', 'blocked', 'done', 'cancelled'] as const;
export const Status = z.enum(statuses);
export type Status = z.output<typeof Status>;

export const sharePermissions = ['view', 'edit'] as const;
export const SharePermission = z.enum(sharePermissions);
export type SharePermission = z.output<typeof SharePermission>;

export const Title = text(255, 1);
export const Description = text(5000);
export const CommentText = text(5000, 1);
export const Tag = text(50, 1);
export const Tags = z.array(Tag).max(20);
export const FileName = text(255, 1);

/** How much one task holds. Only what is new is refused at a limit: what is there already stays readable, and an undo may bring it back. */
export const limits = {
  /** Deleted ones count: they stay in the stream that every command folds. */
  maxComments: 10_000,
  /** Files that are not deleted. */
  maxFiles: 1_000,
  maxShares: 500,
} as const;

export const Role = z.enum(['user', 'admin']);
export type Role = z.output<typeof Role>;
