import { randomUUID } from 'node:crypto';
import { binaryEvent, EventStoreDBClient, jsonEvent, type ReadRevision } from '@eventstore/db-client';

type Written = ReturnType<typeof jsonEvent> | ReturnType<typeof binaryEvent>;

/** Another application on the same EventStoreDB, and its operator. */
export interface ForeignApplication {
  /** Appends to a stream, wherever that stands. */
  append(stream: string, ...events: Written[]): Promise<void>;
  /** So many events of a hundred bytes. */
  flood(stream: string, count: number): Promise<void>;
  tombstone(stream: string): Promise<void>;
  softDelete(stream: string): Promise<void>;
  truncate(stream: string, before: number): Promise<void>;
  scavenge(): Promise<void>;
  /** How many revisions a stream has now, of all writers. */
  count(stream: string): Promise<number>;
  close(): Promise<void>;
}

export const inJson = (type = 'UserRegistered', metadata: object | undefined = undefined): Written =>
  jsonEvent({ type, data: { name: 'a user of another application' }, ...(metadata && { metadata: metadata as Record<string, string> }) });
export const inBinary = (type: string): Written => binaryEvent({ type, data: Buffer.from([0, 255, 1, 254]) });

/** What another application may write to streams that are named like ours, by what it is. */
export function foreignStreams(): [stream: string, event: Written][] {
  return [
    ['user-42', inJson()],
    [`user-${randomUUID()}`, inJson()],
    ['task-force-7', inJson('TaskCreated')],
    [`task-${randomUUID()}`, inJson('SomethingElse')],
    [`task-${randomUUID()}`, inJson('TaskCreated', { correlation: 'theirs', schema_version: 'two' })],
    [`task-${randomUUID()}`, inBinary('TaskEdited')],
    [`task-${randomUUID()}`, binaryEvent({ type: '$>', data: Buffer.from('0@task-1') })],
  ];
}

export function aForeignApplication(url: string): ForeignApplication {
  const client = EventStoreDBClient.connectionString(url);
  const { port } = new URL(url);
  return {
    async append(stream, ...events) {
      await client.appendToStream(stream, events);
    },
    async flood(stream, count) {
      for (let left = count; left > 0; left -= 1_000) {
        const some = Array.from({ length: Math.min(left, 1_000) }, () => binaryEvent({ type: 'Measured', data: Buffer.alloc(100) }));
        await client.appendToStream(stream, some);
      }
    },
    async tombstone(stream) {
      await client.tombstoneStream(stream);
    },
    async softDelete(stream) {
      await client.deleteStream(stream);
    },
    async truncate(stream, before) {
      await client.setStreamMetadata(stream, { truncateBefore: before });
    },
    async scavenge() {
      const begun = await fetch(`http://127.0.0.1:${port}/admin/scavenge`, { method: 'POST' });
      if (!begun.ok) throw new Error(`the scavenge was refused: ${begun.status}`);
    },
    async count(stream) {
      let count = 0;
      for await (const _ of client.readStream(stream, { fromRevision: 'start' as ReadRevision })) count++;
      return count;
    },
    close: () => client.dispose(),
  };
}
