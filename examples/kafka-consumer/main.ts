import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { startConsumer } from './consume.ts';

const { KAFKA_BROKERS = 'localhost:9092', KAFKA_TOPIC = 'tasktrail.events', DATABASE_URL } = process.env;
if (DATABASE_URL === undefined) throw new Error('Give DATABASE_URL: a database of its own, postgres://…');

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 4 });
pool.on('error', (error) => console.error(error.message));
await pool.query(await readFile(new URL('schema.sql', import.meta.url), 'utf8'));

const settings = { brokers: KAFKA_BROKERS.split(','), topic: KAFKA_TOPIC, groupId: 'task-board' };
const consumer = await startConsumer(settings, pool);
console.log(`The board follows ${KAFKA_TOPIC} at ${KAFKA_BROKERS}: select * from board where not deleted`);

const MONTH = '30 days';
const pruning = setInterval(() => {
  pool.query('delete from inbox where handled_at < now() - $1::interval', [MONTH]).catch((error) => console.error(error.message));
}, 3_600_000);

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, async () => {
    clearInterval(pruning);
    await consumer.stop();
    await pool.end();
  });
