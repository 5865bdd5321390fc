import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type EventStore, WrongExpectedRevision } from '../../src/events/store/event-store.ts';
import { anEvent, append, aStream, aStreamOf, events, idsOf, outcomeOf, revisionsOf } from './events.ts';

/** What every store promises of an append. */
export function appendingContract(store: () => EventStore): void {
  describe('the expected revision', () => {
    const right = [
      ['no stream, of a stream that does not exist', 0, 'no_stream'],
      ['0, of a stream with one event', 1, 0],
      ['n, of a stream with n + 1 events', 5, 4],
    ] as const;
    test.each(right)('is right: %s', async (_, existing, expectedRevision) => {
      const { stream, written } = await aStreamOf(store(), existing);
      const event = anEvent();
      const appended = await store().append(append(stream, expectedRevision, event));
      expect(appended.revision).toBe(existing);
      const stored = await store().readStream(stream);
      expect(idsOf(stored)).toEqual([...idsOf(written), event.id]);
      expect(stored.at(-1)?.position).toBe(appended.position);
    });

    const wrong = [
      ['no stream, of a stream with one event', 1, 'no_stream', 0],
      ['no stream, of a stream with five events', 5, 'no_stream', 4],
      ['0, of a stream that does not exist', 0, 0, 'no_stream'],
      ['0, of a stream with five events: too low', 5, 0, 4],
      ['n, of a stream that does not exist', 0, 7, 'no_stream'],
      ['n, too low by one', 5, 3, 4],
      ['n, too high by one', 5, 5, 4],
      ['n, far too high', 5, 1_000_000, 4],
      ['higher than a store can count', 1, Number.MAX_SAFE_INTEGER, 0],
    ] as const;
    test.each(wrong)('is wrong: %s', async (_, existing, expected, actual) => {
      const { stream, written } = await aStreamOf(store(), existing);
      const refused = await store()
        .append(append(stream, expected, anEvent(), anEvent()))
        .catch((error) => error);
      expect(refused).toBeInstanceOf(WrongExpectedRevision);
      expect(refused).toMatchObject({ stream, expected, actual });
      expect(idsOf(await store().readStream(stream))).toEqual(idsOf(written));
    });
  });

  describe('the same ids again, on the same expected revision', () => {
    test.each(['no_stream', 2] as const)('succeed with the same answer and change nothing (on %s)', async (expectedRevision) => {
      const { stream } = await aStreamOf(store(), expectedRevision === 'no_stream' ? 0 : expectedRevision + 1);
      const repeated = append(stream, expectedRevision, anEvent(), anEvent());
      const first = await store().append(repeated);
      const before = await store().readStream(stream);
      expect(await store().append(repeated)).toEqual(first);
      expect(await store().readStream(stream)).toEqual(before);
    });

    test('succeed with the same answer after others have gone on', async () => {
      const { stream } = await aStreamOf(store(), 1);
      const repeated = append(stream, 0, anEvent(), anEvent());
      const first = await store().append(repeated);
      await store().append(append(stream, 2, ...events(3)));
      expect(await store().append(repeated)).toEqual(first);
      expect(await store().readStream(stream)).toHaveLength(6);
    });

    test('succeed, all of them, when they are sent many times at once', async () => {
      const { stream } = await aStreamOf(store(), 1);
      const repeated = append(stream, 0, anEvent());
      const answers = await Promise.all(Array.from({ length: 20 }, () => store().append(repeated)));
      expect(new Set(answers.map(({ revision, position }) => `${revision} ${position}`)).size).toBe(1);
      expect(await store().readStream(stream)).toHaveLength(2);
    });

    test('are a conflict on another expected revision, the right one excepted, where they are a new append', async () => {
      const { stream } = await aStreamOf(store(), 3);
      const event = anEvent();
      await store().append(append(stream, 2, event));
      await expect(store().append(append(stream, 1, event))).rejects.toThrow(WrongExpectedRevision);
      await expect(store().append(append(stream, 'no_stream', event))).rejects.toThrow(WrongExpectedRevision);
      await expect(store().append(append(stream, 4, event))).rejects.toThrow(WrongExpectedRevision);
      expect(await store().readStream(stream)).toHaveLength(4);
    });

    test('are a conflict when only some are the same, or in another order', async () => {
      const { stream } = await aStreamOf(store(), 1);
      const [first, second] = [anEvent(), anEvent()];
      await store().append(append(stream, 0, first, second));
      await expect(store().append(append(stream, 0, first, anEvent()))).rejects.toThrow(WrongExpectedRevision);
      await expect(store().append(append(stream, 0, second, first))).rejects.toThrow(WrongExpectedRevision);
      await expect(store().append(append(stream, 0, first, second, anEvent()))).rejects.toThrow(WrongExpectedRevision);
      expect(await store().readStream(stream)).toHaveLength(3);
    });

    test('in another stream are other events', async () => {
      const event = anEvent();
      const [one, other] = [aStream(), aStream()];
      const first = await store().append(append(one, 'no_stream', event));
      const second = await store().append(append(other, 'no_stream', event));
      expect(second.position).toBeGreaterThan(first.position);
      expect(await store().readStream(other)).toHaveLength(1);
    });
  });

  test('several events in one append get neighbouring revisions and ascending positions', async () => {
    const { stream } = await aStreamOf(store(), 2);
    const appended = await store().append(append(stream, 1, ...events(50)));
    const stored = (await store().readStream(stream)).slice(2);
    expect(revisionsOf(stored)).toEqual(Array.from({ length: 50 }, (_, index) => index + 2));
    expect(stored.every((event, index) => index === 0 || event.position > stored[index - 1]!.position)).toBe(true);
    expect(appended).toEqual({ revision: 51, position: stored.at(-1)?.position });
  });

  test('several events in one append are all or nothing, whoever else appends at the same moment', async () => {
    const { stream } = await aStreamOf(store(), 1);
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcomeOf(store().append(append(stream, 0, ...events(3))))));
    expect(outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(1);
    expect(await store().readStream(stream)).toHaveLength(4);
  });

  test('one conflict leaves the appends beside it alone', async () => {
    const { stream: taken } = await aStreamOf(store(), 3);
    const free = Array.from({ length: 30 }, () => aStream());
    const outcomes = await Promise.all([
      ...free.slice(0, 10).map((stream) => outcomeOf(store().append(append(stream, 'no_stream', ...events(2))))),
      outcomeOf(store().append(append(taken, 0, anEvent()))),
      ...free.slice(10, 20).map((stream) => outcomeOf(store().append(append(stream, 'no_stream', ...events(2))))),
      outcomeOf(store().append(append(aStream(), 5, anEvent()))),
      ...free.slice(20).map((stream) => outcomeOf(store().append(append(stream, 'no_stream', ...events(2))))),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'WrongExpectedRevision')).toHaveLength(2);
    expect(outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(30);
    for (const stream of free) expect(revisionsOf(await store().readStream(stream))).toEqual([0, 1]);
    expect(await store().readStream(taken)).toHaveLength(3);
  });

  test('appends to one stream that follow each other without waiting are written in their order', async () => {
    const stream = aStream();
    const appended = await Promise.all(
      Array.from({ length: 30 }, (_, index) => store().append(append(stream, index === 0 ? 'no_stream' : index - 1, anEvent(`${index}`)))),
    );
    expect(appended.map(({ revision }) => revision)).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect((await store().readStream(stream)).map(({ data }) => data.toString())).toEqual(
      Array.from({ length: 30 }, (_, index) => `${index}`),
    );
  });

  test('of a hundred appends at once on the same revision exactly one wins, round after round', async () => {
    const stream = aStream();
    for (let round = 0; round < 5; round++) {
      const expected = round === 0 ? 'no_stream' : round - 1;
      const outcomes = await Promise.all(Array.from({ length: 100 }, () => outcomeOf(store().append(append(stream, expected, anEvent())))));
      expect(outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'WrongExpectedRevision')).toHaveLength(99);
    }
    expect(revisionsOf(await store().readStream(stream))).toEqual([0, 1, 2, 3, 4]);
  });

  describe('an empty append', () => {
    test('answers where the stream stands', async () => {
      const stream = aStream();
      const appended = await store().append(append(stream, 'no_stream', ...events(3)));
      expect(await store().append(append(stream, 2))).toEqual(appended);
      expect(await store().readStream(stream)).toHaveLength(3);
    });

    test('answers revision -1 at the beginning for a stream that does not exist', async () => {
      expect(await store().append(append(aStream(), 'no_stream'))).toEqual({ revision: -1, position: 0n });
    });

    test.each([
      [3, 1, 2],
      [3, 3, 2],
      [3, 'no_stream', 2],
      [0, 0, 'no_stream'],
    ] as const)('on a stream of %s events that is expected at %s is a conflict', async (existing, expected, actual) => {
      const { stream } = await aStreamOf(store(), existing);
      await expect(store().append(append(stream, expected))).rejects.toMatchObject({ name: 'WrongExpectedRevision', expected, actual });
    });
  });

  test('bytes come back exactly as they were given', async () => {
    const stream = aStream();
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const bodies = [
      Buffer.alloc(0),
      every,
      Buffer.from('\0\\x00\\000"{},NULL'),
      Buffer.from('𝛼 ü\r\n'),
      randomBytes(3_000),
      randomBytes(300_000),
    ];
    const written = bodies.map((data, index) => ({ ...anEvent(), metadata: bodies.at(-1 - index)!, data }));
    const before = await store().head();
    await store().append(append(stream, 'no_stream', ...written));
    const stored = await store().readStream(stream);
    const inOrder = await store().readAll({ after: before, limit: 6 });
    for (const read of [stored, inOrder]) {
      expect(read.map(({ id, type }) => ({ id, type }))).toEqual(written.map(({ id, type }) => ({ id, type })));
      expect(
        read.every(({ metadata, data }, index) => metadata.equals(written[index]!.metadata) && data.equals(written[index]!.data)),
      ).toBe(true);
    }
  });

  test('streams may bear any name of the allowed letters', async () => {
    for (const stream of [`NULL:${aStream()}`, `a.b_c-d:${aStream()}`, `${'x'.repeat(163)}-${aStream('')}`.slice(0, 200)]) {
      await store().append(append(stream, 'no_stream', anEvent()));
      expect((await store().readStream(stream))[0]?.stream).toBe(stream);
    }
  });
}
