import type { z } from 'zod';
import type { Caller } from '../accounts/caller.ts';
import type { Permission } from '../events/task/permission.ts';
import type { RejectionCode } from '../rejection.ts';

export type Scope = 'tasks:read' | 'tasks:write' | 'events:read' | 'admin';

/** Who may call a route: the source of the check, of the documents and of the authorisation matrix. */
export type Needs =
  | 'open'
  | {
      /** What a personal access token must have been given; null where any token will do. */
      scope: Scope | null;
      /** The permission on the task that the path names. Checked by the command or query, from the task's own stream. */
      task?: Permission;
      /** Admins only. */
      admin?: true;
    };

/** What belongs to every request, whatever its route. */
export interface RequestContext {
  requestId: string;
  /** Made by the server for this call; the events of one call share it. */
  operationId: string;
  /** The header as sent, by its lower-case name. */
  header(name: string): string | undefined;
  /** The path as sent, without the query. */
  path: string;
  /** The query as sent: what is behind the question mark, or empty. */
  search: string;
  /** The address of the peer. */
  ip: string;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

export interface Handled<P, Q, B, C> {
  params: P;
  query: Q;
  body: B;
  caller: C;
  request: RequestContext;
}

/** A body that is JSON already: PostgreSQL made it, or it was made once. */
export class JsonText {
  readonly text: string;
  #byteLength: number | undefined;
  constructor(text: string) {
    this.text = text;
  }

  get byteLength(): number {
    this.#byteLength ??= Buffer.byteLength(this.text);
    return this.#byteLength;
  }
}

/** A body that is there as a whole and is not JSON: a page, a script, metrics. */
export interface Content {
  contentType: string;
  content: string | Uint8Array;
}

/** A body written piece by piece, with back-pressure. What fails before the first piece is an answer of its own; later it cuts the line. */
export interface Streamed {
  contentType: string;
  chunks: AsyncIterable<string | Uint8Array>;
}

/** At most one of `body`, `content` and `stream`. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown | JsonText;
  content?: Content;
  stream?: Streamed;
}

type Empty = Record<string, never>;
type Parsed<S, Otherwise = Empty> = S extends z.ZodType ? z.output<S> : Otherwise;

export interface OtherTypes {
  contentTypes: readonly string[];
  json?: z.ZodType;
}

/** A route is data: Express, OpenAPI and the authorisation matrix are made from it. */
export interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below `/api/v1` unless `root`; parameters as `:name`. */
  path: string;
  root?: true;
  summary: string;
  description?: string;
  /** The group it is shown under in the documents. */
  tag: string;
  needs: Needs;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  /** Which of the conventions' request headers it obeys. */
  obeys?: readonly ('If-Match' | 'If-None-Match' | 'Idempotency-Key' | 'Prefer' | 'Tasktrail-Position')[];
  /** The body of each status it answers; null for none. Other types than JSON by name, with the JSON that may come instead of them. */
  answers: Readonly<Record<number, z.ZodType | null | OtherTypes>>;
  rejects: readonly RejectionCode[];
  /** What a path id (`id`, or named `…_id`) that is no UUID is the absence of. */
  absent?: RejectionCode;
  /** Left out of the documents: pages and their parts. */
  undocumented?: true;
  handle(input: Handled<unknown, unknown, unknown, unknown>): Promise<Answer> | Answer;
}

interface Declared<P, Q, B, N> extends Omit<Route, 'params' | 'query' | 'body' | 'needs' | 'handle'> {
  needs: N;
  params?: P;
  query?: Q;
  body?: B;
  handle(input: Handled<Parsed<P>, Parsed<Q>, Parsed<B, undefined>, N extends 'open' ? Caller | null : Caller>): Promise<Answer> | Answer;
}

/** Declares a route, so that its handler's types follow from its schemas. */
export function route<
  const N extends Needs,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(declared: Declared<P, Q, B, N>): Route {
  return declared as unknown as Route;
}
