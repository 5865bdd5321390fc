import { decodeEvents } from '../../events/codec.ts';
import type { KeyVault } from '../../events/keys/key-vault.ts';
import type { EventStore } from '../../events/store/event-store.ts';
import type { Queries } from '../../queries/queries.ts';
import type { CloudEvent } from '../cloud-event.ts';
import { eventSeen } from '../event-seen.ts';
import type { Claimed } from './delivery-table.ts';

/** What a delivery says. `withheld`: its owner may not see it any more; `later`: whether they may is not known yet. */
export type Rendered = CloudEvent | 'withheld' | 'later';

export interface RenderParts {
  store: Pick<EventStore, 'readStream' | 'logId' | 'head'>;
  vault: KeyVault;
  queries: Pick<Queries, 'seenEvent'>;
}

export const testType = 'tasktrail.webhook.test.v1';

/** Says what a delivery says as it is sent, from the log and for what its owner may see then. @throws StoreUnavailable, DatabaseUnavailable */
export function webhookRenderer({ store, vault, queries }: RenderParts): (claimed: Claimed) => Promise<Rendered> {
  return async (claimed) => {
    const { stream, revision, eventId, owner } = claimed;
    if (!owner.isActive) return 'withheld';
    if (claimed.kind === 'test') return testEvent(claimed, store.logId, (await store.head()).toString());
    const stored = await store.readStream(stream, { from: revision, limit: 1 });
    if (stored[0]?.id !== eventId) throw new Error(`The log has no event ${eventId} at revision ${revision} of ${stream}`);
    const [event] = await decodeEvents(stored, vault);
    const { position } = event!;
    const { row, reached } = await queries.seenEvent(owner, position);
    if (row === null) return reached < position ? 'later' : 'withheld';
    return eventSeen(row, owner.id, event!, store.logId);
  };
}

/** An event of no stream: its position is where the log stands. */
function testEvent({ eventId, webhookId, owner, queuedAt, stream }: Claimed, logId: string, position: string): CloudEvent {
  return {
    specversion: '1.0',
    id: eventId,
    source: `urn:tasktrail:${logId}`,
    type: testType,
    subject: `webhooks/${webhookId}`,
    time: queuedAt.toISOString(),
    datacontenttype: 'application/json',
    position,
    revision: 0,
    partitionkey: stream,
    authtype: 'user',
    authid: owner.id,
    correlationid: eventId,
    data: { webhook_id: webhookId },
  };
}
