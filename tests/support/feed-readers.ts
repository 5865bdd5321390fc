import { openStream } from './server-sent-events.ts';
import type { Client } from './service.ts';

/** An event as a client got it. */
export interface Got {
  id: string;
  type: string;
  position: string;
  partitionkey: string;
  data: Record<string, unknown> & { task?: { id: string; title?: string | null } };
}

/** Follows the live stream until it is told to stop and has come to a position; goes away at random, and comes again where it was. */
export async function followAtRandom(url: string, client: Client, until: Promise<bigint>, random: () => number): Promise<Got[]> {
  const got: Got[] = [];
  let goal: bigint | undefined;
  void until.then((position) => {
    goal = position;
  });
  for (let last = '0'; goal === undefined || BigInt(last) < goal; ) {
    const stream = await openStream(`${url}/api/v1/events/stream?after=0`, client.token, last === '0' ? {} : { 'last-event-id': last });
    const leaveAfter = 1 + Math.floor(random() * 60);
    await stream.until(() => stream.all.length >= leaveAfter, 300 + random() * 300).catch(() => {});
    stream.close();
    for (const { id, event, data } of stream.all) {
      if (event !== 'caught_up') got.push(data);
      last = id!;
    }
  }
  return got;
}

/** Reads the feed in pieces of random size, waiting at random, until it is told to stop and has come to a position. */
export async function pollAtRandom(client: Client, until: Promise<bigint>, random: () => number): Promise<Got[]> {
  const got: Got[] = [];
  let goal: bigint | undefined;
  void until.then((position) => {
    goal = position;
  });
  for (let next = '0'; goal === undefined || BigInt(next) < goal; ) {
    const query = `after=${next}&limit=${1 + Math.floor(random() * 80)}${random() < 0.5 ? '&wait=1' : ''}`;
    const { status, body } = await client.get(`/events?${query}`);
    if (status !== 200) throw new Error(`${status} for ${query}`);
    got.push(...body.events);
    next = body.next;
  }
  return got;
}

/** The task events of all tasks, and for each whether somebody had access behind it: worked out from the events themselves. */
export function accessOf(personId: string, all: readonly Got[]): { event: Got; before: boolean; after: boolean }[] {
  const standings = new Map<string, { shared: boolean; assigned: boolean; deleted: boolean }>();
  const has = ({ shared, assigned, deleted }: { shared: boolean; assigned: boolean; deleted: boolean }) => !deleted && (shared || assigned);
  return all.map((event) => {
    const id = event.data.task!.id;
    const standing = standings.get(id) ?? { shared: false, assigned: false, deleted: false };
    standings.set(id, standing);
    const before = has(standing);
    const { data } = event;
    switch (event.type) {
      case 'tasktrail.task.shared.v1':
      case 'tasktrail.task.unshared.v1':
        if (data.user_id === personId) standing.shared = event.type === 'tasktrail.task.shared.v1';
        break;
      case 'tasktrail.task.assigned.v1':
      case 'tasktrail.task.unassigned.v1':
        standing.assigned = (data.assignee_id as { to: string | null }).to === personId;
        break;
      case 'tasktrail.task.deleted.v1':
        standing.deleted = true;
        break;
      case 'tasktrail.task.restored.v1':
        standing.deleted = false;
        break;
    }
    return { event, before, after: has(standing) };
  });
}
