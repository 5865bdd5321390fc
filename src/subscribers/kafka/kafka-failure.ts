import { Refused, Unreachable } from '../subscriber.ts';

/** The broker does not take a message: it is too large, or not as the topic wants them. */
export class MessageRefused extends Error {
  override name = 'MessageRefused';
}

/** The code of an error that a socket without TLS ends with when the broker answers in TLS. */
export const TLS_EXPECTED = 'ERR_TLS_EXPECTED';

const messageRefusals: ReadonlySet<unknown> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

/** What waiting does not heal, by the type of the protocol's error. */
const refusals: ReadonlySet<unknown> = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
]);
const tlsCode = /^(ERR_SSL_|ERR_TLS_|EPROTO$|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_|HOSTNAME_MISMATCH$)/;

interface Cause {
  name?: unknown;
  type?: unknown;
  code?: unknown;
  message: string;
  cause?: unknown;
  errors?: unknown;
}

/** An error of the client as the engine knows it, by what caused it. */
export function translateFailure(error: unknown, brokers: string): MessageRefused | Refused | Unreachable {
  const causes = [...chain(error)];
  const tooLarge = causes.find(({ type }) => messageRefusals.has(type));
  if (tooLarge) return new MessageRefused(`the broker refuses it: ${tooLarge.type}`, { cause: error });
  const options = { cause: error, part: 'its brokers' };
  const refusal = causes.find(
    ({ name, type, code }) => refusals.has(type) || tlsCode.test(String(code)) || name === 'KafkaJSSASLAuthenticationError',
  );
  if (refusal) return new Refused(`Kafka at ${brokers}: ${refusal.message}`, options);
  return new Unreachable(`Kafka at ${brokers}: ${(error as Error).message}`, options);
}

/** Whether one of the causes of an error is of this type of the protocol. */
export function isOfType(error: unknown, type: string): boolean {
  return [...chain(error)].some((cause) => cause.type === type);
}

function* chain(error: unknown): Generator<Cause> {
  for (let cause = error as Cause | undefined; cause; cause = cause.cause as Cause | undefined) {
    yield cause;
    if (Array.isArray(cause.errors)) for (const one of cause.errors) yield* chain(one);
  }
}
