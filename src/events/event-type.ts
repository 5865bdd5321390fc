import { z } from 'zod';

/** What the world outside sees of an event type: a mapping of its own, so that a stored name can outlive a public one. */
export interface EventType<S extends z.ZodType = z.ZodType> {
  /** The schema version that is written today. */
  version: number;
  data: S;
  /** Dotted paths of members sealed with the task's key. */
  taskText: readonly string[];
  /** Dotted paths of members sealed with the key of the person who wrote them. */
  authorText: readonly string[];
}

export type EventTypes = Record<string, EventType>;

/** The union of all events of a table of types, told apart by `type`. */
export type EventOf<T extends EventTypes> = { [K in keyof T & string]: { type: K; data: z.output<T[K]['data']> } }[keyof T & string];

const taskTexts = new WeakSet<z.ZodType>();
const authorTexts = new WeakSet<z.ZodType>();

/** Marks a member as the task's own text: stored encrypted with the task's key, null once that key is destroyed. */
export function taskText<S extends z.ZodType>(schema: S): z.ZodNullable<S> {
  const marked = schema.nullable();
  taskTexts.add(marked);
  return marked;
}

/** Marks a member as a person's text: stored encrypted with its author's key, null once that key is destroyed. */
export function authorText<S extends z.ZodType>(schema: S): z.ZodNullable<S> {
  const marked = schema.nullable();
  authorTexts.add(marked);
  return marked;
}

/** An event type in its first schema version. */
export function v1<S extends z.ZodObject>(data: S): EventType<S> {
  return { version: 1, data, taskText: markedPaths(data, taskTexts), authorText: markedPaths(data, authorTexts) };
}

/** A changed value, as every event tells it. */
export function fromTo<S extends z.ZodType>(value: S) {
  return z.strictObject({ from: value, to: value });
}

function markedPaths(schema: z.ZodType, marks: WeakSet<z.ZodType>, path: string[] = []): string[] {
  if (marks.has(schema)) return [path.join('.')];
  if (schema instanceof z.ZodOptional) return markedPaths(schema.unwrap() as z.ZodType, marks, path);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([key, member]) => markedPaths(member as z.ZodType, marks, [...path, key]));
}
