import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import type { Caller, SessionCaller } from '../accounts/caller.ts';
import type { Scope } from '../accounts/scope.ts';
import type { Permission } from '../events/task/permission.ts';
import type { RejectionCode } from '../rejection.ts';

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
      /** A session: no personal access token will do. */
      session?: true;
    };

/** What belongs to every request, whatever its route. */
export interface RequestContext {
  requestId: string;
  /** Made by the server for this call; the events of one call share it. */
  operationId: string;
  /** The header as sent, by its lower-case name. */
  header(name: string): string | undefined;
  /** The path as sent, without the query, and with the ids in it in lower case. */
  path: string;
  /** The query as sent: what is behind the question mark, or empty. */
  search: string;
  /** Who has signed in; null before that, and for those who have not. */
  userId: string | null;
  /** The address of the peer. */
  ip: string;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
  /** Which of these media types the caller would have first, by `Accept`; undefined for none of them. */
  preferred<T extends string>(types: readonly T[]): T | undefined;
  /** Which of these codings the caller would have first, by `Accept-Encoding`; undefined for none of them. */
  preferredCoding<C extends string>(codings: readonly C[]): C | undefined;
  /** The request itself, for routes that take its body as it comes. */
  readonly http: IncomingMessage;
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
  /** Never compressed on the way: it is in the coding that its headers name. */
  asItIs?: true;
}

/** A body written piece by piece, with back-pressure. What fails before the first piece is an answer of its own; later it cuts the line. */
export interface Streamed {
  contentType: string;
  chunks: AsyncIterable<string | Uint8Array>;
  /** Never compressed: its length and ranges are those of these very bytes. */
  asItIs?: true;
  /** Cuts the line when it aborts, wherever the stream is. */
  cut?: AbortSignal;
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

/**
 * Registrations, and what sends mail, by address; logins by address and account; what asks for the caller's password, by account; look-ups
 * of people that find no one (`USER_NOT_FOUND`), by the caller.
 */
export type LimitedAs<B = unknown> = 'registration' | 'mail' | 'password' | { loginOf(body: B): string } | { looksUp(body: B): boolean };

export type ObeyedHeader =
  | 'If-Match'
  | 'If-None-Match'
  | 'Idempotency-Key'
  | 'Prefer'
  | 'Tasktrail-Position'
  | 'Last-Event-ID'
  | 'Range'
  | 'If-Range';

/** The response headers that the documents state. */
export type HeaderName =
  | 'X-Request-ID'
  | 'Tasktrail-Operation'
  | 'ETag'
  | 'Tasktrail-Revision'
  | 'Tasktrail-Position'
  | 'Tasktrail-As-Of-Position'
  | 'Idempotent-Replayed'
  | 'Preference-Applied'
  | 'Tasktrail-Stale'
  | 'Location'
  | 'Link'
  | 'Allow'
  | 'WWW-Authenticate'
  | 'Accept-Encoding'
  | 'Accept-Ranges'
  | 'Content-Range'
  | 'Content-Disposition'
  | 'Retry-After'
  | 'X-RateLimit-Limit'
  | 'X-RateLimit-Remaining'
  | 'X-RateLimit-Reset';

/** A header that always comes, or with `?` one that may. */
export type GivenHeader = HeaderName | `${HeaderName}?`;

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
  /** Takes multipart/form-data with one part of this name, a file: the handler reads it from the request as it comes. */
  upload?: string;
  /** Takes whatever body comes, and does not look at it. */
  anyBody?: true;
  /** Which of the conventions' request headers it obeys. */
  obeys?: readonly ObeyedHeader[];
  /** The conventions' response headers that its successes carry, of every status or by status, but for those that follow from the rest. */
  gives?: readonly GivenHeader[] | Readonly<Record<number, readonly GivenHeader[]>>;
  /** A request header of the conventions that has no meaning here, so that a request with it is not valid: ignoring it would mislead. */
  refuses?: 'If-Match';
  /** The body of each status it answers; null for none. Other types than JSON by name, with the JSON that may come instead of them. */
  answers: Readonly<Record<number, z.ZodType | null | OtherTypes>>;
  rejects: readonly RejectionCode[];
  /** What it is limited as, beside the requests of its caller. Counted when the request is otherwise valid. */
  limited?: LimitedAs | readonly LimitedAs[];
  /** What a path id (`id`, or named `…_id`) that is no UUID is the absence of. */
  absent?: RejectionCode;
  /** Asked every few seconds by what watches the service: its requests are logged at debug. */
  isProbe?: true;
  /** Open to all, and shows some callers more than others. It is not counted against any limit. */
  isOwned?: true;
  /** Left out of the documents: pages and their parts. */
  undocumented?: true;
  handle(input: Handled<unknown, unknown, unknown, unknown>): Promise<Answer> | Answer;
}

interface Declared<P, Q, B, N> extends Omit<Route, 'params' | 'query' | 'body' | 'needs' | 'limited' | 'handle'> {
  needs: N;
  params?: P;
  query?: Q;
  body?: B;
  limited?: LimitedAs<Parsed<B, undefined>> | readonly LimitedAs<Parsed<B, undefined>>[];
  handle(input: Handled<Parsed<P>, Parsed<Q>, Parsed<B, undefined>, CallerBy<N>>): Promise<Answer> | Answer;
}

type CallerBy<N> = N extends 'open' ? Caller | null : N extends { session: true } ? SessionCaller : Caller;

/** Declares a route, so that its handler's types follow from its schemas. */
export function route<
  const N extends Needs,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(declared: Declared<P, Q, B, N>): Route {
  return declared as unknown as Route;
}
