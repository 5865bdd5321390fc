import { z } from 'zod';
import { openTexts } from './open-text.ts';

/** An event type, as it is read and written today. */
export interface EventType<S extends z.ZodType = z.ZodType> {
  /** The highest schema version: the one in which events are read, and written where no lower one holds them. */
  version: number;
  data: S;
  /** Dotted paths of members sealed with the task's key. */
  taskText: readonly string[];
  /** Dotted paths of members sealed with the key of the person who wrote them. */
  authorText: readonly string[];
  /** Every version that was ever shipped, the first one first. */
  versions: readonly SchemaVersion[];
}

type Data = Record<string, unknown>;

/** One shape of an event type. It is never edited once shipped. */
export interface SchemaVersion {
  /** The first vocabulary that has this version: a release with a lower one cannot read it. */
  vocabulary: number;
  data: z.ZodType;
  taskText: readonly string[];
  authorText: readonly string[];
  /** Those of the sealed members that are lists: erased, they are empty rather than null. */
  lists: readonly string[];
  /** Members that this version leaves in clear and the highest one seals. */
  unsealed: readonly string[];
  /** Brings data of this version to the next one; nothing at the highest. */
  upcast?(data: Data): Data;
  /** Brings data of the next version to this one; undefined where this version cannot hold them. Nothing at the highest. */
  downcast?(data: Data): Data | undefined;
}

export type EventTypes = Record<string, EventType>;

/** The union of all events of a table of types, told apart by `type`. */
export type EventOf<T extends EventTypes> = { [K in keyof T & string]: { type: K; data: z.output<T[K]['data']> } }[keyof T & string];

const taskTexts = new WeakSet<z.ZodType>();
const taskLists = new WeakSet<z.ZodType>();
const authorTexts = new WeakSet<z.ZodType>();

/** Marks a member as the task's own text: stored encrypted with the task's key, null once that key is destroyed. */
export function taskText<S extends z.ZodType>(schema: S): z.ZodNullable<S> {
  const marked = schema.nullable();
  taskTexts.add(marked);
  return marked;
}

/** Marks a member as a list of the task's own text: stored encrypted with the task's key, empty once that key is destroyed. */
export function taskList<S extends z.ZodType>(schema: S): S {
  // A copy, because the same schema may stand unmarked elsewhere.
  const marked = schema.clone() as S;
  taskLists.add(marked);
  return marked;
}

/** Marks a member as a person's text: stored encrypted with its author's key, null once that key is destroyed. */
export function authorText<S extends z.ZodType>(schema: S): z.ZodNullable<S> {
  const marked = schema.nullable();
  authorTexts.add(marked);
  return marked;
}

/**
 * An event type in its first schema version.
 * @throws Error for a member that could hold a user's text and is neither sealed nor marked as open, with the reason
 */
export function v1<S extends z.ZodObject>(data: S): EventType<S> {
  requireSealedText(data);
  const only = { vocabulary: 1, data, ...sealedPaths(data), unsealed: [] };
  return { version: 1, data, taskText: only.taskText, authorText: only.authorText, versions: [only] };
}

/** How a schema version differs from the one before it. A member that both have, and that only the new one seals, has the same path in both. */
export interface NextVersion<Before extends z.ZodType, S extends z.ZodObject> {
  vocabulary: number;
  data: S;
  upcast(data: z.output<Before>): z.output<S>;
  /** @returns undefined for what only the new version can hold */
  downcast(data: z.output<S>): z.output<Before> | undefined;
}

/**
 * The type with one more schema version.
 * @throws Error for a member that could hold a user's text, likewise
 */
export function nextVersion<Before extends z.ZodType, S extends z.ZodObject>(
  type: EventType<Before>,
  { vocabulary, data, upcast, downcast }: NextVersion<Before, S>,
): EventType<S> {
  requireSealedText(data);
  const paths = sealedPaths(data);
  const sealed = [...paths.taskText, ...paths.authorText];
  const older = type.versions.map((version, index) => ({
    ...version,
    unsealed: sealed.filter((path) => !version.taskText.includes(path) && !version.authorText.includes(path)),
    ...(index === type.versions.length - 1 && ({ upcast, downcast } as Pick<SchemaVersion, 'upcast' | 'downcast'>)),
  }));
  const versions = [...older, { vocabulary, data, ...paths, unsealed: [] }];
  return { version: versions.length, data, taskText: paths.taskText, authorText: paths.authorText, versions };
}

/** A changed value, as every event tells it. */
export function fromTo<S extends z.ZodType>(value: S) {
  return z.strictObject({ from: value, to: value });
}

function sealedPaths(data: z.ZodType): Pick<SchemaVersion, 'taskText' | 'authorText' | 'lists'> {
  const lists = markedPaths(data, taskLists);
  return { taskText: [...markedPaths(data, taskTexts), ...lists], authorText: markedPaths(data, authorTexts), lists };
}

function requireSealedText(data: z.ZodType): void {
  const [path] = openTexts(data, (schema) => taskTexts.has(schema) || taskLists.has(schema) || authorTexts.has(schema));
  if (path !== undefined)
    throw new Error(`The member ${path} of an event can hold a user's text: seal it, or give a reason why it is open`);
}

function markedPaths(schema: z.ZodType, marks: WeakSet<z.ZodType>, path: string[] = []): string[] {
  if (marks.has(schema)) return [path.join('.')];
  if (schema instanceof z.ZodOptional) return markedPaths(schema.unwrap() as z.ZodType, marks, path);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([key, member]) => markedPaths(member as z.ZodType, marks, [...path, key]));
}
