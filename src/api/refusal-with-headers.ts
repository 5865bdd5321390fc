import type { Rejection } from '../rejection.ts';

/** A refusal whose answer carries headers of its own: the current ETag of a 412, the Retry-After of a 429. */
export class RefusalWithHeaders extends Error {
  override name = 'RefusalWithHeaders';
  readonly rejection: Rejection;
  readonly headers: Readonly<Record<string, string>>;
  constructor(rejection: Rejection, headers: Readonly<Record<string, string>>) {
    super(rejection.message, { cause: rejection });
    this.rejection = rejection;
    this.headers = headers;
  }
}
