import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Standing } from '../platform/rate-limits/sliding-windows.ts';
import { plainAddress } from './client-address.ts';
import type { Endpoint } from './endpoint.ts';
import { withLowerCaseIds } from './id.ts';
import { preferredType } from './media-types.ts';
import type { RequestContext } from './route.ts';

export const requestIdForm = /^[A-Za-z0-9._-]{1,128}$/;

/** One request as the handlers see it, and what its line in the log will say. */
export class ApiRequest implements RequestContext {
  readonly http: Request;
  readonly response: Response;
  readonly requestId: string;
  readonly path: string;
  /** Behind the question mark; empty when there is none. */
  readonly search: string;
  /** Milliseconds of the process's own clock. */
  readonly startedAt = performance.now();
  /** Known once the path and method are found. */
  endpoint: Endpoint | null = null;
  userId: string | null = null;
  /** Of the windows that it was counted in, the tightest. */
  limit: Standing | undefined = undefined;
  /** The status that was answered when the connection failed before the request was there as a whole. */
  cutOffWith: number | undefined;
  #operationId: string | undefined;
  #signal: AbortSignal | undefined;

  constructor(http: Request, response: Response) {
    this.http = http;
    this.response = response;
    const given = http.headers['x-request-id'];
    this.requestId = typeof given === 'string' && requestIdForm.test(given) ? given : randomUUID();
    const target = originForm(http.url);
    const question = target.indexOf('?');
    this.path = withLowerCaseIds(question < 0 ? target : target.slice(0, question));
    this.search = question < 0 ? '' : target.slice(question + 1);
  }

  /** Whether the answer names its operation. */
  get isCommand(): boolean {
    return this.endpoint !== null && this.endpoint.method !== 'GET';
  }

  get operationId(): string {
    this.#operationId ??= randomUUID();
    return this.#operationId;
  }

  get ip(): string {
    const { ip = '', socket } = this.http;
    // What a proxy says in the place of an address is not believed.
    return plainAddress(ip) ?? plainAddress(socket.remoteAddress ?? '') ?? '';
  }

  preferred<T extends string>(types: readonly T[]): T | undefined {
    return preferredType(this.http.headers.accept, types);
  }

  preferredCoding<C extends string>(codings: readonly C[]): C | undefined {
    const accepted = this.http.headers['accept-encoding'];
    if (accepted === undefined) return undefined;
    // Browsers name all that they take, and none of it first.
    if (!accepted.includes(';')) return codings.find((coding) => this.http.acceptsEncodings(coding));
    const first = this.http.acceptsEncodings([...codings, 'identity']);
    return codings.find((coding) => coding === first);
  }

  get signal(): AbortSignal {
    this.#signal ??= goneSignal(this.response);
    return this.#signal;
  }

  header(name: string): string | undefined {
    const value = this.http.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}

/** A proxy's absolute target (RFC 9112, 3.2.2) without its scheme and host. */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  return target.replace(/^https?:\/\/[^/?]*\/?/i, '/');
}

function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed) controller.abort();
  else response.once('close', () => !response.writableFinished && controller.abort());
  return controller.signal;
}
