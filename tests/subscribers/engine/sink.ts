import type { RecordedEvent } from '../../../src/events/recorded-event.ts';
import type { Subscriber } from '../../../src/subscribers/subscriber.ts';

type First = (events: readonly RecordedEvent[], signal: AbortSignal) => Promise<void> | void;

/** A subscriber that keeps what it is sent, behind what the test has it do first. */
export function sink(name: string, first: First = () => {}, more: Partial<Subscriber> = {}) {
  const sent: RecordedEvent[] = [];
  const subscriber: Subscriber = {
    name,
    startsAt: 'beginning',
    async send(events, signal) {
      await first(events, signal);
      sent.push(...events);
    },
    ...more,
  };
  return { subscriber, sent };
}
