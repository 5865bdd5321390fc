import type { Append } from '../event-store.ts';

const streamName = /^[\w.:-]{1,200}$/;
const eventType = /^[A-Za-z]{1,200}$/;
const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

/** What the port asks of names and ids; the database is sent them as they are. @throws TypeError */
export function requireWellFormed({ stream, expectedRevision, events, newKeys = [] }: Append): void {
  expectForm(streamName, stream, 'a stream');
  if (expectedRevision !== 'no_stream' && !(Number.isSafeInteger(expectedRevision) && expectedRevision >= 0))
    throw new TypeError(`${expectedRevision} is no revision`);
  for (const { id, type } of events) {
    expectForm(uuid, id, 'an event id');
    expectForm(eventType, type, 'an event type');
  }
  for (const { id, subject } of newKeys) {
    expectForm(uuid, id, 'a key id');
    expectForm(streamName, subject, 'a subject');
  }
}

function expectForm(form: RegExp, value: string, what: string): void {
  if (!form.test(value)) throw new TypeError(`${JSON.stringify(value)} is not ${what}`);
}
