import type { AccountCall } from '../accounts/account-call.ts';
import type { RequestContext } from './route.ts';

/** What a request says beside its body, for what it does to an account. */
export function accountCall(request: RequestContext): AccountCall {
  const { requestId, operationId, ip } = request;
  return { requestId, operationId, ip, userAgent: request.header('user-agent') ?? '' };
}
