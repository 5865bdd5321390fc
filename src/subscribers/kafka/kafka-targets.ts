import type pg from 'pg';
import { BEGINNING, type Position } from '../../events/store/event-store.ts';
import { TargetChanged, TargetLost } from '../subscriber.ts';
import type { Acknowledged, TopicState } from './kafka-connection.ts';

const SUBSCRIBER = 'kafka';

/** By partition, the offset behind the last message that was acknowledged. */
type Offsets = Record<string, string>;

interface Target {
  system: string;
  name: string;
  position: string;
  acknowledged: Offsets;
  is_current: boolean;
}

/** Which topics of which clusters were published to, and how far. */
export interface KafkaTargets {
  /**
   * Compares a topic with what was acknowledged of it. A topic name that was never published to becomes the target.
   * @throws TargetLost when publishing goes on from another position; TargetChanged when an operator has to say from which
   */
  settle(topic: TopicState): Promise<void>;
  /** Whether messages were given offsets that the topic had given before: it is not the one that acknowledged those. */
  isOlder(acknowledged: Acknowledged): Promise<boolean>;
  /** Notes what was acknowledged, in the transaction that moves the checkpoint. */
  acknowledge(client: pg.ClientBase, acknowledged: Acknowledged, position: Position): Promise<void>;
}

export function createKafkaTargets(pool: pg.Pool): KafkaTargets {
  async function targets(): Promise<Target[]> {
    const { rows } = await pool.query<Target>(
      'select system, name, position, acknowledged, is_current from subscribers.targets where subscriber = $1',
      [SUBSCRIBER],
    );
    return rows;
  }

  /** Makes a topic the target. The same topic of another cluster is forgotten. */
  async function adopt({ clusterId, topic }: TopicState, position: string | bigint, acknowledged: Offsets): Promise<void> {
    await pool.query(
      `with others as (
         update subscribers.targets set is_current = false where subscriber = $1 and is_current and (system <> $2 or name <> $3)
       ), former as (
         delete from subscribers.targets where subscriber = $1 and not is_current and name = $3 and system <> $2
       )
       select`,
      [SUBSCRIBER, clusterId, topic],
    );
    await pool.query(
      `insert into subscribers.targets (subscriber, system, name, position, acknowledged, is_current) values ($1, $2, $3, $4, $5, true)
       on conflict (subscriber, system, name) do update set position = $4, acknowledged = $5, is_current = true`,
      [SUBSCRIBER, clusterId, topic, position.toString(), JSON.stringify(acknowledged)],
    );
  }

  async function restart(topic: TopicState, why: string): Promise<never> {
    await adopt(topic, BEGINNING, {});
    throw new TargetLost(`${nameOf(topic)} ${why}: it is published to from the first event on`, BEGINNING);
  }

  async function settle(topic: TopicState): Promise<void> {
    const { rows } = await pool.query<{ position: string; moves: number }>(
      'select position, moves from subscribers.checkpoints where name = $1',
      [SUBSCRIBER],
    );
    const { position, moves } = rows[0]!;
    const known = await targets();
    const own = known.find(({ system, name }) => system === topic.clusterId && name === topic.topic);
    const current = known.find(({ is_current }) => is_current);
    if (current === undefined) {
      // Installations of before have a position and no target; an operator who moved the subscriber means the topic as it stands.
      if (moves === 0 && position !== '0' && isEmpty(topic)) return restart(topic, 'is empty, and events were published before');
      return adopt(topic, position, Object.fromEntries([...topic.ends].map(([partition, end]) => [partition, end.toString()])));
    }
    if (own === undefined) {
      if (known.some(({ name }) => name === topic.topic))
        throw new TargetChanged(`${nameOf(topic)} is not in the cluster that was published to (${current.system}). ${remedy}`);
      if (position !== '0') return restart(topic, 'was never published to');
      return adopt(topic, BEGINNING, {});
    }
    await requireWhole(topic, own);
    if (own.is_current) return;
    await adopt(topic, own.position, own.acknowledged);
    throw new TargetLost(`${nameOf(topic)} is published to again, from where it was left`, BigInt(own.position));
  }

  async function requireWhole(topic: TopicState, { acknowledged }: Target): Promise<void> {
    const offsets = Object.entries(acknowledged).filter(([, next]) => next !== '0');
    if (offsets.length > 0 && isEmpty(topic)) return restart(topic, 'is empty, and has lost what was published to it');
    const shorter = offsets.find(([partition, next]) => (topic.ends.get(Number(partition)) ?? 0n) < BigInt(next));
    if (shorter === undefined) return;
    const [partition, next] = shorter;
    const end = topic.ends.get(Number(partition)) ?? 0n;
    throw new TargetChanged(
      `${nameOf(topic)} has lost messages: partition ${partition} ends at offset ${end}, and ${next} were acknowledged. ${remedy}`,
    );
  }

  return {
    settle,
    async isOlder(acknowledged) {
      const current = (await targets()).find(({ is_current }) => is_current);
      return [...acknowledged].some(([partition, { first }]) => first < BigInt(current?.acknowledged[partition] ?? 0));
    },
    async acknowledge(client, acknowledged, position) {
      const offsets = Object.fromEntries([...acknowledged].map(([partition, { next }]) => [partition, next.toString()]));
      await client.query({
        name: 'acknowledge kafka',
        text: `update subscribers.targets set acknowledged = acknowledged || $2, position = greatest(position, $3)
               where subscriber = $1 and is_current`,
        values: [SUBSCRIBER, JSON.stringify(offsets), position.toString()],
      });
    },
  };
}

const remedy =
  'Nothing is published until an operator says from where: npm run resume-subscriber -- kafka --after beginning, or --after head';

function nameOf({ topic, clusterId }: TopicState): string {
  return `The topic ${topic} of the Kafka cluster ${clusterId}`;
}

/** Messages that expired leave a partition's end where it was. */
function isEmpty({ isNew, ends }: TopicState): boolean {
  return isNew || [...ends.values()].every((end) => end === 0n);
}
