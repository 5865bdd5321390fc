import { encodeEvents } from '../../src/events/codec.ts';
import type { DataKey } from '../../src/events/keys/data-key.ts';
import type { KeyVault } from '../../src/events/keys/key-vault.ts';
import type { StoredEvent, WrappedKey } from '../../src/events/store/event-store.ts';
import { taskStream } from '../../src/events/task/task-events.ts';
import { userStream } from '../../src/events/user/user-events.ts';
import { createRandom } from '../../src/tools/seed/random.ts';
import { idAt } from './ids.ts';
import type { Happening } from './story.ts';

export type Unpositioned = Omit<StoredEvent, 'position'>;

export interface EncodedPart {
  events: Unpositioned[];
  keys: WrappedKey[];
}

/** The events as the service itself would have written them: sealed, chained, with a new data key for each task. */
export async function encodePart(happenings: readonly Happening[], vault: KeyVault, seed: number): Promise<EncodedPart> {
  const random = createRandom(seed);
  const heads = new Map<string, { revision: number; previousHash: string; key: DataKey }>();
  const keys: WrappedKey[] = [];
  const events: Unpositioned[] = [];
  for (const { taskId, at, by, event } of happenings) {
    const stream = taskStream(taskId);
    let head = heads.get(stream);
    if (!head) {
      const { key, wrapped } = vault.create(stream);
      head = { revision: 0, previousHash: '', key };
      heads.set(stream, head);
      keys.push(wrapped);
    }
    const context = {
      occurred_at: new Date(at).toISOString(),
      actor: { id: by, kind: 'user' as const },
      session_id: by,
      operation_id: idAt(at, random),
      request_id: idAt(at, random),
      command_id: idAt(at, random),
    };
    const author = event.type.startsWith('Comment') ? { author: await vault.ofPerson(userStream(by)) } : {};
    const { encoded, recorded } = encodeEvents([event], { stream, ...head }, context, { task: head.key, ...author });
    events.push({ stream, revision: head.revision, ...encoded[0]! });
    head.revision++;
    head.previousHash = recorded[0]!.metadata.hash;
  }
  return { events, keys };
}
