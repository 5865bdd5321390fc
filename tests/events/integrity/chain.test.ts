import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { beginningOfChain, followChain } from '../../../src/events/integrity/chain.ts';
import { verifyLog } from '../../../src/events/integrity/verify-log.ts';
import type { StoredEvent } from '../../../src/events/store/event-store.ts';
import { history } from '../../tools/history.ts';

const log: StoredEvent[] = [...history(6, 60)].map(({ event }, index) => ({ ...event, position: BigInt(index + 1) }));
const longest = log.filter(({ stream }) => stream === log[0]!.stream);

function faultsOf(events: readonly StoredEvent[], firstPosition?: bigint): string[] {
  const verification = verifyLog({ heads: [], firstPosition });
  return [...events.flatMap((event) => verification.add(event)), ...verification.finish()].map(({ what }) => what);
}

/** The first revision of a stream at which its chain does not hold. */
function firstBad(events: readonly StoredEvent[]): number | null {
  let link = beginningOfChain;
  for (const event of events) {
    const followed = followChain(link, event);
    if (followed.fault) return followed.fault.revision;
    link = followed.link;
  }
  return null;
}

function changed(bytes: Buffer, at: number, by: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at % bytes.length]! ^= by;
  return copy;
}

describe('the chains of a log', () => {
  test('hold when nothing was tampered with', () => {
    expect(faultsOf(log, 1n)).toEqual([]);
    expect(longest.length).toBeGreaterThan(4);
    expect(firstBad(longest)).toBeNull();
  });

  test('show any byte that was changed, in any event, and nothing else', () => {
    const anyByte = fc.record({
      index: fc.nat(log.length - 1),
      part: fc.constantFrom('data', 'metadata'),
      at: fc.nat(),
      by: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(anyByte, ({ index, part, at, by }) => {
        const event = log[index]!;
        const tampered = log.with(index, { ...event, [part]: changed(event[part as 'data'], at, by) });
        const [first, ...others] = faultsOf(tampered, 1n);
        expect(first).toContain(`position ${event.position}: revision ${event.revision} of ${event.stream}`);
        // A changed hash breaks the link behind it too.
        expect(others.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });

  test('are chains of bytes: what is no text is not taken for other such bytes', () => {
    const [event] = longest as [StoredEvent];
    const at = event.metadata.indexOf('request');
    const [one, other] = [0xfe, 0xff].map((byte) =>
      Buffer.concat([event.metadata.subarray(0, at), Buffer.from([byte]), event.metadata.subarray(at)]),
    );
    const hash = (metadata: Buffer) => followChain(beginningOfChain, { ...event, metadata }).hash;
    expect(hash(one!)).not.toBe(hash(other!));
  });

  test('show a changed type, id, stream and revision', () => {
    const [first, second] = longest as [StoredEvent, StoredEvent];
    for (const change of [{ type: 'TaskDeleted' }, { id: second.id }, { stream: 'task-x' }])
      expect(firstBad([{ ...first, ...change }])).toBe(0);
    expect(firstBad([first, { ...second, revision: 2 }])).toBe(1);
  });

  test('tell which revision is missing, and which stands elsewhere', () => {
    const [a, b, c, d] = longest as [StoredEvent, StoredEvent, StoredEvent, StoredEvent];
    expect(firstBad([a, b, d])).toBe(2);
    expect(firstBad([b, c])).toBe(0);
    expect(firstBad([a, { ...b, data: c.data }, { ...c, data: b.data }])).toBe(1);
    expect(firstBad([a, b, b])).toBe(1);
    expect(firstBad([a, { ...b, position: c.position }, { ...c, position: b.position }])).toBe(2);
    expect(faultsOf([a, c, b, d])).toEqual([
      expect.stringContaining(`position ${c.position}: revision 2 of ${c.stream} (${c.type}): revision 1 is missing before it`),
      expect.stringContaining(`position ${b.position}: revision 1 of ${b.stream} (${b.type}): does not belong behind revision 2`),
    ]);
  });
});
