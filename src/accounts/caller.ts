import type { Scope } from './scope.ts';

/** Who makes a request, as the session or token of this very request says. */
export type Caller = SessionCaller | TokenCaller;

/** A person who has signed in. */
export interface SessionCaller extends CallingPerson {
  sessionId: string;
  token?: undefined;
}

/** A program that acts for a person, as far as its personal access token goes. */
export interface TokenCaller extends CallingPerson {
  sessionId?: undefined;
  token: { id: string; scopes: readonly Scope[] };
}

interface CallingPerson {
  id: string;
  username: string;
  fullName: string;
  /** May use an admin's powers in this request: by a token, only when that has the scope for it. */
  isAdmin: boolean;
  /** IANA name; what "today" means for this person. */
  timezone: string;
}
