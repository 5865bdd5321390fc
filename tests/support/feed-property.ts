import { expect } from '@jest/globals';
import { accessOf, followAtRandom, type Got, pollAtRandom } from './feed-readers.ts';
import { randomBy } from './random.ts';
import { openStream, type Sent } from './server-sent-events.ts';
import type { Client, TestService } from './service.ts';

const TASKS = 25;
/** A test that is tried once more has people of its own. */
let tried = 0;

/**
 * Lets so many events happen, to tasks that somebody gets and loses access to again and again, while they follow them in both ways, going
 * away at random; and holds what they got against what they might see.
 */
export async function expectFeedToBeExact(service: TestService, events: number, seed: number): Promise<void> {
  const random = randomBy(seed);
  tried++;
  const people = [service.someone(`ann-${seed}-${tried}`), service.someone(`bob-${seed}-${tried}`), service.admin()] as const;
  const [ann, bob, admin] = await Promise.all(people);
  const made = await Promise.all(Array.from({ length: TASKS }, (_, n) => ann.post('/tasks', { title: `Task ${n}` })));
  const tasks: string[] = made.map(({ body }) => body.id);
  let done = (_: bigint) => {};
  const end = new Promise<bigint>((resolve) => {
    done = resolve;
  });
  const followers = [
    followAtRandom(service.url, bob, end, randomBy(seed + 1)),
    followAtRandom(service.url, bob, end, randomBy(seed + 2)),
    pollAtRandom(bob, end, randomBy(seed + 3)),
  ];
  const failed = Promise.all(followers).then(() => {});
  const acting = act(events, { ann, bob, tasks, random });
  await Promise.race([acting, failed]);
  const last = await acting;
  done(last);
  const got = await Promise.all(followers);

  const isOfThem = ({ data }: Got) => data.task !== undefined && tasks.includes(data.task.id);
  const all = (await whole(admin)).filter(isOfThem);
  expect(all.length).toBeGreaterThanOrEqual(events);
  const history = accessOf(bob.id, all);
  const { must, may, lost } = expectations(history);
  for (const [index, one] of got.entries()) {
    const ofTasks = one.filter(isOfThem);
    const positions = ofTasks.map(({ position }) => BigInt(position));
    expect(positions.every((position, n) => n === 0 || position > positions[n - 1]!)).toBe(true);
    const whole = new Map(ofTasks.filter(isWhole).map((event) => [event.id, event]));
    const bare = ofTasks.filter((event) => !isWhole(event)).map(({ id }) => id);
    expect([index, 'missing', must.filter(({ id }) => !whole.has(id))]).toEqual([index, 'missing', []]);
    for (const event of must) expect(whole.get(event.id)).toEqual(withoutSharees(event));
    expect([index, 'not to be seen', [...whole.keys()].filter((id) => !may.has(id))]).toEqual([index, 'not to be seen', []]);
    expect([index, 'no loss', bare.filter((id) => !lost.has(id))]).toEqual([index, 'no loss', []]);
    const told = new Set([...whole.keys(), ...bare]);
    expect([index, 'loss untold', [...lost].filter((id) => !told.has(id))]).toEqual([index, 'loss untold', []]);
  }

  const now = (await whole(bob)).filter(isOfThem);
  expect(now.map(({ id, data }) => [id, Object.keys(data.task!).length === 3])).toEqual(visibleNow(history));
  expect((await streamed(service.url, bob)).filter(isOfThem)).toEqual(now);
}

/** What an admin is told, without the list of sharees, which a sharee does not see. */
function withoutSharees(event: Got): Got {
  const { data } = event as { data: Record<string, object> };
  const member = ['last', 'restored'].find((name) => name in data);
  if (member === undefined) return event;
  const hidden = { ...data, [member]: { ...data[member], sharee_ids: null } };
  return { ...event, redacted: `/${member}/sharee_ids`, data: hidden } as Got;
}

/** All that a stream tells until it has caught up. One that the server ended, too busy to look who reads, is gone on with. */
async function streamed(url: string, { token }: Client): Promise<Got[]> {
  const told: Sent[] = [];
  for (;;) {
    const last = told.at(-1)?.id;
    const stream = await openStream(`${url}/api/v1/events/stream`, token, last === undefined ? {} : { 'last-event-id': last });
    const isCaughtUp = await stream
      .until(({ event }) => event === 'caught_up', 30_000)
      .then(
        () => true,
        () => false,
      );
    stream.close();
    told.push(...stream.all.filter(({ event }) => event !== 'caught_up'));
    if (isCaughtUp) return told.map(({ data }) => data as Got);
    expect(stream.all).not.toEqual([]);
  }
}

const isWhole = ({ data }: Got) => 'title' in data.task!;

type History = ReturnType<typeof accessOf>;

function expectations(history: History) {
  const finals = new Map(history.map(({ event, after }) => [event.data.task!.id, after]));
  const must: Got[] = [];
  const may = new Set<string>();
  const lost = new Set<string>();
  // Backwards: whether there is access from here on until the end, and whether there ever is again.
  const stays = new Map(finals);
  const ever = new Map<string, boolean>();
  for (const { event, before, after } of [...history].reverse()) {
    const id = event.data.task!.id;
    if (after) ever.set(id, true);
    else stays.set(id, false);
    if (stays.get(id)) must.push(event);
    if (ever.get(id)) may.add(event.id);
    if (before && !after) lost.add(event.id);
  }
  return { must, may, lost };
}

/** The ids of what is there in the end, and whether it is there whole. */
function visibleNow(history: History): [string, boolean][] {
  const finals = new Map(history.map(({ event, after }) => [event.data.task!.id, after]));
  return history.flatMap(({ event, before, after }): [string, boolean][] => {
    if (finals.get(event.data.task!.id)) return [[event.id, true]];
    return before && !after ? [[event.id, false]] : [];
  });
}

async function whole(client: Client): Promise<Got[]> {
  const all: Got[] = [];
  for (let after = '0'; ; ) {
    const { body } = await client.get(`/events?after=${after}&limit=500`);
    all.push(...body.events);
    after = body.next;
    if (body.caught_up) return all;
  }
}

interface Acting {
  ann: Client;
  bob: Client;
  tasks: readonly string[];
  random: () => number;
}

/** @returns the position of the last event, when there were so many */
async function act(events: number, { ann, bob, tasks, random }: Acting): Promise<bigint> {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const deeds = [
    (id: string) => ann.post(`/tasks/${id}/share`, { user_id: bob.id }),
    (id: string) => ann.post(`/tasks/${id}/share`, { user_id: bob.id }),
    (id: string) => ann.delete(`/tasks/${id}/share/${bob.id}`),
    (id: string) => ann.post(`/tasks/${id}/assign`, { assignee_id: pick([bob.id, bob.id, null]) }),
    (id: string) => (random() < 0.3 ? ann.delete(`/tasks/${id}`) : ann.post(`/tasks/${id}/restore`)),
    (id: string) => ann.post(`/tasks/${id}/restore`),
  ];
  let happened = 0;
  let last = 0n;
  const count = (reply: { status: number; headers: Headers }) => {
    const position = BigInt(reply.headers.get('tasktrail-position') ?? '0');
    if (position > last) last = position;
  };
  for (let n = 0; happened < events; n++) {
    const replies = await Promise.all(Array.from({ length: 4 }, () => pick(deeds)(pick(tasks))));
    replies.forEach(count);
    const some = tasks.filter(() => random() < 0.7);
    const reply = await ann.patch('/tasks/bulk', { task_ids: some, updates: { title: `Title ${n}`, description: `Text ${n}` } });
    // What was so already is answered well, and no event.
    happened += reply.body.successful ?? 0;
    count(reply);
  }
  const closing = await ann.post(`/tasks/${tasks[0]}/restore`);
  count(closing);
  // Something that the follower is sure to get, as the last of all.
  const mark = await bob.post('/tasks', { title: 'The end' });
  count(mark);
  return last;
}
