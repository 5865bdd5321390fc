import type { Caller } from '../accounts/caller.ts';
import type { CommandCall, Idempotency } from '../commands/command-call.ts';
import type { CommandOutcome } from '../commands/command-order.ts';
import { formatPosition } from '../events/store/event-store.ts';
import { Rejection } from '../rejection.ts';
import { parseIfMatch, parseIfNoneMatch } from './etag.ts';
import { preferenceIn } from './preferences.ts';
import type { Answer, RequestContext, Route } from './route.ts';

/** What a request says beside its body, for the commands that it makes. @throws Rejection for a key that cannot be one */
export function commandCall(caller: Caller, request: RequestContext, method: Route['method'], body: unknown): CommandCall {
  const ifMatch = parseIfMatch(request.header('if-match'));
  const ifNoneMatch = parseIfNoneMatch(request.header('if-none-match'));
  const idempotency = parseIdempotencyKey(request, method, body);
  return {
    actor: { id: caller.id, isAdmin: caller.isAdmin, kind: caller.token ? 'token' : 'user' },
    ...(caller.token ? { tokenId: caller.token.id } : { sessionId: caller.sessionId }),
    operationId: request.operationId,
    requestId: request.requestId,
    at: new Date().toISOString(),
    ...(ifMatch !== undefined && { ifMatch }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
    ...(idempotency && { idempotency }),
  };
}

/** The headers that tell where a task stands after a command. */
export function taskHeaders({
  revision,
  position,
  replayed,
}: Pick<CommandOutcome, 'revision' | 'position' | 'replayed'>): Record<string, string> {
  return {
    ETag: `"${revision}"`,
    'Tasktrail-Revision': String(revision),
    'Tasktrail-Position': formatPosition(position),
    ...(replayed && { 'Idempotent-Replayed': 'true' }),
  };
}

/** What a request says for commands that no single revision is the condition of. */
export function unconditionalCall(...request: Parameters<typeof commandCall>): CommandCall {
  const { ifMatch: _, ifNoneMatch: __, ...call } = commandCall(...request);
  return call;
}

/** The headers of a call on several tasks. It counts as repeated if it wrote nothing and gives at least one first outcome. */
export function bulkHeaders(outcomes: readonly Pick<CommandOutcome, 'position' | 'events' | 'replayed'>[]): Record<string, string> {
  if (outcomes.length === 0) return {};
  const highest = outcomes.reduce((most, { position }) => (position > most ? position : most), 0n);
  const isReplayed = outcomes.some(({ replayed }) => replayed) && outcomes.every(({ replayed, events }) => replayed || events.length === 0);
  return { 'Tasktrail-Position': formatPosition(highest), ...(isReplayed && { 'Idempotent-Replayed': 'true' }) };
}

/** The answer of a command, or its headers alone for who prefers so: a creation stays 201. */
export function commandAnswer(request: RequestContext, status: 200 | 201, headers: Record<string, string>, body: () => unknown): Answer {
  if (!prefersMinimal(request)) return { status, headers, body: body() };
  return { status: status === 201 ? 201 : 204, headers: { ...headers, 'Preference-Applied': 'return=minimal' } };
}

/** The answer of a call on several tasks. Its headers alone do not say what was refused, so that they stand for a whole success only. */
export function bulkAnswer(request: RequestContext, headers: Record<string, string>, body: object, isWholeSuccess: boolean): Answer {
  return isWholeSuccess ? commandAnswer(request, 200, headers, () => body) : { status: 200, headers, body };
}

function prefersMinimal(request: RequestContext): boolean {
  return preferenceIn(request.header('prefer') ?? '', 'return')?.toLowerCase() === 'minimal';
}

function parseIdempotencyKey(request: RequestContext, method: string, body: unknown): Idempotency | undefined {
  const key = request.header('idempotency-key');
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,128}$/.test(key)) {
    const message = 'must be 1 to 128 visible ASCII characters';
    throw new Rejection('VALIDATION_FAILED', message, [{ path: 'header.idempotency-key', message, code: 'format' }]);
  }
  return { key, target: `${method} ${request.path}`, body };
}
