/** Who makes a request, as the session or token of this very request says. */
export interface Caller {
  id: string;
  username: string;
  fullName: string;
  isAdmin: boolean;
  /** IANA name; what "today" means for this person. */
  timezone: string;
  sessionId: string;
}
