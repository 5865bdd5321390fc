import { randomUUID } from 'node:crypto';
import type { EventContext } from '../events/metadata.ts';
import type { Caller } from './caller.ts';

/** What belongs to a call on an account, whatever it does. */
export interface AccountCall {
  requestId: string;
  operationId: string;
  /** The address of the peer. */
  ip: string;
  /** As the client names itself; empty when it does not. */
  userAgent: string;
}

/** Who did it: a person, in a session once there is one, a program with their token, or the service itself. */
export interface AccountActor {
  id: string;
  kind: 'user' | 'token' | 'system';
  tokenId?: string;
  sessionId?: string;
}

/** Who acts where somebody makes a request. */
export function actorOf({ id, sessionId, token }: Caller): AccountActor {
  return token ? { id, kind: 'token', tokenId: token.id } : { id, kind: 'user', sessionId };
}

/** The service itself, where no person acts. */
export const system = { id: '00000000-0000-0000-0000-000000000000', kind: 'system' } as const;

/** The context of the events of one account command. The members stand in the order in which metadata are stored. */
export function accountEventContext(call: Pick<AccountCall, 'requestId' | 'operationId'>, actor: AccountActor, at: Date): EventContext {
  return {
    occurred_at: at.toISOString(),
    actor: { id: actor.id, kind: actor.kind },
    ...(actor.tokenId !== undefined && { token_id: actor.tokenId }),
    ...(actor.sessionId !== undefined && { session_id: actor.sessionId }),
    operation_id: call.operationId,
    request_id: call.requestId,
    command_id: randomUUID(),
  };
}
