import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { z } from 'zod';
import { decodeEvents, encodeEvents, expectedHash, type Keys, VocabularyTooOld } from '../../src/events/codec.ts';
import { createKeyVault, type KeyVault } from '../../src/events/keys/key-vault.ts';
import type { EventContext } from '../../src/events/metadata.ts';
import type { EncodedEvent, StoredEvent } from '../../src/events/store/event-store.ts';
import type { TaskEvent } from '../../src/events/task/task-events.ts';
import { allEventTypes, type EventTypeName, UnknownEvent, upcast } from '../../src/events/upcasters.ts';
import { asItWas, assigned, created, deleted, editor, owner, restored, tagged, taskId } from '../support/happenings.ts';
import { everyTaskEvent, everyUserEvent } from './every-event.ts';

const context: EventContext = {
  occurred_at: '2026-01-02T03:04:05.678Z',
  actor: { id: owner, kind: 'user' },
  session_id: '00000000-0000-4000-8000-000000000005',
  operation_id: '00000000-0000-4000-8000-000000000001',
  request_id: 'a-request',
  command_id: '00000000-0000-4000-8000-000000000002',
  body_hmac: 'x'.repeat(43),
};
const place = { stream: `task-${taskId}`, revision: 0, previousHash: '' };

/** A vault on a table that is held in memory: the keys that `database` has are there, and no others. */
function vaultOn(database: Map<string, { id: string; subject: string; wrapped: Buffer }>): KeyVault {
  const query = async (_: string, [ids]: [string[]]) => ({ rows: ids.flatMap((id) => database.get(id) ?? []) });
  return createKeyVault({ query } as never, 'the master key of the fixtures, for ever');
}

/** As they are read: in bytes that this process has not seen. */
function stored(encoded: readonly EncodedEvent[], stream = place.stream, first = 0): StoredEvent[] {
  return encoded.map((event, index) => {
    const [metadata, data] = [Buffer.from(event.metadata), Buffer.from(event.data)];
    return { ...event, metadata, data, stream, revision: first + index, position: BigInt(index + 1) };
  });
}

/** As a follower of the log is given what was just appended here. */
function handedOver(encoded: readonly EncodedEvent[]): StoredEvent[] {
  return stored(encoded).map((event, index) => ({ ...event, ...encoded[index]! }));
}

function withKeys() {
  const database = new Map();
  const vault = vaultOn(database);
  const task = vault.create(`task-${taskId}`);
  const author = vault.create(`user-${owner}`);
  for (const { wrapped } of [task, author]) database.set(wrapped.id, wrapped);
  return { database, vault, keys: { task: task.key, author: author.key } satisfies Keys };
}

function asText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** The same object with its members, and theirs, in the opposite order. */
function backwards(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const members = Object.entries(value).map(([key, member]) => [key, backwards(member)]);
  return Object.fromEntries(members.reverse());
}

describe('the codec', () => {
  const events = [...Object.values(everyTaskEvent), ...Object.values(everyUserEvent)];

  test('gives every event back as it was written, also to a process that has not seen its keys', async () => {
    const { database, keys } = withKeys();
    const { encoded, recorded } = encodeEvents(events, place, context, keys);
    const decoded = await decodeEvents(stored(encoded), vaultOn(database));
    expect(decoded.map(({ type, data }) => ({ type, data }))).toEqual(events.map(({ type, data }) => ({ type, data })));
    expect(decoded.map(({ position: _, ...event }) => event)).toEqual(recorded);
  });

  test('gives members in the order of their schema, whatever the order in which they were written, sealed or not', async () => {
    const { database, keys } = withKeys();
    const shuffled = events.map((event) => ({ ...event, data: backwards(event.data) }) as typeof event);
    const { encoded, recorded } = encodeEvents(shuffled, place, context, keys);
    const decoded = await decodeEvents(stored(encoded), vaultOn(database));
    for (const [index, { type, data }] of decoded.entries()) {
      expect([type, JSON.stringify(data)]).toEqual([type, JSON.stringify(recorded[index]!.data)]);
      const members = Object.keys((allEventTypes[type].data as z.ZodObject).shape);
      expect([type, Object.keys(data)]).toEqual([type, members.filter((member) => member in data)]);
    }
  });

  test('gives what was encoded here as it would be read, for as long as its keys are there', async () => {
    const { database, vault, keys } = withKeys();
    const { encoded } = encodeEvents(events, place, context, keys);
    const read = async () => JSON.stringify(await decodeEvents(stored(encoded), vaultOn(database)), asText);
    const given = async () => JSON.stringify(await decodeEvents(handedOver(encoded), vaultOn(database)), asText);
    expect(await given()).toBe(await read());
    database.delete(keys.task.id);
    expect(await given()).toBe(await read());
    expect(await given()).toContain('redacted":["/title"');
    expect(await decodeEvents(handedOver(encoded), vault)).not.toEqual([]);
  });

  test('opens an event once for all who are given the same one, and again for whoever comes when its key is gone', async () => {
    const { database, keys } = withKeys();
    const [event] = stored(encodeEvents([created()], place, context, keys).encoded);
    const [first] = await decodeEvents([event!], vaultOn(database));
    const [second] = await decodeEvents([event!], vaultOn(database));
    expect(second!.data).toBe(first!.data);
    expect(first!.data).toHaveProperty('title', expect.any(String));
    const [asAnother] = await decodeEvents([{ ...event!, id: '00000000-0000-4000-8000-00000000000f' }], vaultOn(database)).catch(() => []);
    expect(asAnother).toBeUndefined();
    database.delete(keys.task.id);
    const [erased] = await decodeEvents([event!], vaultOn(database));
    expect(erased!.data).toHaveProperty('title', null);
  });

  test('stores no text of a task or a person in the clear', () => {
    const { keys } = withKeys();
    const { encoded } = encodeEvents(events, place, context, keys);
    const bytes = Buffer.concat(encoded.flatMap(({ data, metadata }) => [data, metadata])).toString();
    for (const secret of ['plants', 'palms', 'cactus', 'Soaked', 'plan.pdf', 'Look', 'home', 'garden']) expect(bytes).not.toContain(secret);
  });

  test('without its key, tells which members are lost and keeps the others', async () => {
    const { database, vault, keys } = withKeys();
    const { encoded } = encodeEvents(events, place, context, keys);
    database.delete(keys.task.id);
    const decoded = await decodeEvents(stored(encoded), vaultOn(database));
    const edited = decoded.find(({ type }) => type === 'TaskEdited');
    expect(edited).toMatchObject({
      redacted: ['/changes/title', '/changes/description'],
      data: { changes: { title: null, description: null, priority: { from: 'medium', to: 'urgent' } } },
    });
    expect(decoded.find(({ type }) => type === 'CommentAdded')).toMatchObject({ redacted: [], data: { content: 'Look at @editor' } });
    expect(await vault.load([keys.task.id])).toEqual(new Map());
  });

  test('without its key, reads tags as none', async () => {
    const { database, keys } = withKeys();
    const last = { ...asItWas(), tags: ['home'], gives_access: false };
    const events = [
      created({ tags: ['home'] }),
      everyTaskEvent.TaskTagsChanged,
      { type: 'TaskDeleted' as const, data: { forced: false, reason: 'command' as const, last } },
    ];
    const { encoded } = encodeEvents(events, place, context, keys);
    database.delete(keys.task.id);
    const decoded = await decodeEvents(stored(encoded), vaultOn(database));
    expect(decoded.map(({ redacted }) => redacted)).toEqual([
      ['/title', '/description', '/tags'],
      ['/tags/from', '/tags/to'],
      ['/last/tags'],
    ]);
    expect(decoded.map(({ data }) => data)).toMatchObject([
      { title: null, tags: [] },
      { tags: { from: [], to: [] } },
      { last: { ...last, tags: [] } },
    ]);
  });

  test('writes each event in the lowest version that holds it with its text sealed', () => {
    const { keys } = withKeys();
    const lasting = (more: object) => ({ ...asItWas(), ...more });
    const versions = (events: readonly TaskEvent[], vocabulary?: number) =>
      encodeEvents(events, place, context, keys, vocabulary).recorded.map(({ metadata }) => metadata.schema_version);
    const first: TaskEvent[] = [
      created(),
      assigned(editor),
      deleted(),
      restored(),
      { type: 'TaskUnassigned', data: { assignee_id: { from: editor, to: null }, reason: 'command' } },
    ] as TaskEvent[];
    expect(versions(first)).toEqual([1, 1, 1, 1, 1]);
    const second = [created({ tags: ['a'] }), tagged([], ['a']), assigned(editor, null, false), deleted(lasting({ tags: ['a'] }))];
    expect(versions([...second, restored(lasting({ gives_access: false }))] as TaskEvent[])).toEqual([2, 2, 2, 2, 2]);
  });

  test('for readers of the first vocabulary leaves tags in clear, and refuses what only the second can hold', async () => {
    const { database, keys } = withKeys();
    const events = [created({ tags: ['home'] }), tagged(['home'], []), deleted({ tags: ['home'] })] as TaskEvent[];
    const { encoded, recorded, vocabulary } = encodeEvents(events, place, context, keys, 1);
    expect(vocabulary).toBe(1);
    expect(recorded.map(({ metadata }) => metadata.schema_version)).toEqual([1, 1, 1]);
    expect(encoded.map(({ data }) => data.toString().includes('home'))).toEqual([true, true, true]);
    expect(encoded[2]!.data.toString()).not.toContain('gives_access');
    expect((await decodeEvents(stored(encoded), vaultOn(database))).map(({ data }) => data)).toEqual(events.map(({ data }) => data));
    for (const event of [assigned(editor, null, false), deleted({ gives_access: false })])
      expect(() => encodeEvents([event] as TaskEvent[], place, context, keys, 1)).toThrow(VocabularyTooOld);
  });

  test('a box that stands in the place of another does not open', async () => {
    const { database, keys } = withKeys();
    const { encoded } = encodeEvents([created(), created({ title: 'Other' })] as never, place, context, keys);
    const [first, second] = stored(encoded) as [StoredEvent, StoredEvent];
    await expect(decodeEvents([{ ...first, data: second.data }], vaultOn(database))).rejects.toThrow();
  });

  test('ids follow from the command: the same command encodes to the same ids, another to others', () => {
    const { keys } = withKeys();
    const ids = (command_id: string) =>
      encodeEvents(events.slice(0, 2), place, { ...context, command_id }, keys).encoded.map(({ id }) => id);
    expect(ids(context.command_id)).toEqual(ids(context.command_id));
    expect(new Set([...ids(context.command_id), ...ids(taskId)]).size).toBe(4);
  });

  test('each hash holds its event and the one before: any changed byte shows', () => {
    const { keys } = withKeys();
    const all = stored(encodeEvents(events, place, context, keys).encoded);
    let previous = '';
    for (const event of all) {
      const hash = expectedHash(event, previous);
      expect(hash.expected).toBe(hash.carried);
      expect(expectedHash(event, `${previous}x`).expected).not.toBe(hash.carried);
      expect(expectedHash({ ...event, revision: event.revision + 1 }, previous).expected).not.toBe(hash.carried);
      expect(expectedHash({ ...event, type: 'TaskErased' }, previous).expected).not.toBe(hash.carried);
      expect(expectedHash({ ...event, data: Buffer.concat([event.data, Buffer.from(' ')]) }, previous).expected).not.toBe(hash.carried);
      previous = hash.carried!;
    }
  });

  test('any text survives, and nothing else than what was written comes out', async () => {
    const { database, keys } = withKeys();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' }), async (title, description) => {
        const event = created({ title, description });
        const { encoded } = encodeEvents([event] as never, place, context, keys);
        const [decoded] = await decodeEvents(stored(encoded), vaultOn(database));
        expect(decoded!.data).toEqual(event.data);
      }),
    );
  });

  test('an unknown type or a version from the future is a loud stop', () => {
    expect(() => upcast('TaskVanished', 1, {})).toThrow(UnknownEvent);
    expect(() => upcast('TaskCreated', 3, {})).toThrow(UnknownEvent);
    expect(() => upcast('TaskEdited', 2, {})).toThrow(UnknownEvent);
    expect(() => upcast('toString', 1, {})).toThrow(UnknownEvent);
  });
});

describe('what was ever shipped', () => {
  interface Fixture {
    events: { stream: string; revision: number; id: string; type: EventTypeName; metadata: string; data: string; decoded: unknown }[];
    keys: { id: string; subject: string; wrapped: string }[];
  }
  const read = (name: string) => JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')) as Fixture;
  // Each release's events are in one stream of their own.
  const all = [read('events-v1.json'), read('events-v2.json')];
  const fixture: Fixture = { events: all.flatMap((file) => file.events), keys: all.flatMap((file) => file.keys) };
  const database = new Map(fixture.keys.map((key) => [key.id, { ...key, wrapped: Buffer.from(key.wrapped, 'base64') }]));
  const events = fixture.events.map((event, index) => ({
    ...event,
    metadata: Buffer.from(event.metadata),
    data: Buffer.from(event.data),
    position: BigInt(index + 1),
  }));

  test('has a frozen event of every version of every type', () => {
    const frozen = events.map(({ type, metadata }) => `${type} ${JSON.parse(metadata.toString()).schema_version}`);
    const known = Object.entries(allEventTypes).flatMap(([type, { versions }]) => versions.map((_, index) => `${type} ${index + 1}`));
    expect(frozen.toSorted()).toEqual(known.toSorted());
  });

  test('is read today as it was meant then, and its chain holds', async () => {
    const decoded = await decodeEvents(events, vaultOn(database));
    expect(decoded.map(({ data }) => data)).toEqual(fixture.events.map(({ decoded: then }) => then));
    const heads = new Map<string, string>();
    for (const event of events) {
      const hash = expectedHash(event, event.revision === 0 ? '' : heads.get(event.stream)!);
      expect(hash.expected).toBe(hash.carried);
      heads.set(event.stream, hash.carried!);
    }
  });

  test('fits the schemas that today holds for it', async () => {
    for (const { type, data } of await decodeEvents(events, vaultOn(database))) allEventTypes[type as EventTypeName].data.parse(data);
  });
});
