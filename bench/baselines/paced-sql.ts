import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Statement } from '../support/list-sql.ts';

// Sends one prepared statement through `pg` so many times a second, whatever becomes of those before, and says how long the answers took.

const { DATABASE_URL, STATEMENT, PER_SECOND, SECONDS } = process.env;
const statement = JSON.parse(STATEMENT!) as Statement;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
const settle = 250;
const times: number[] = [];
const underWay = new Set<Promise<void>>();
await Promise.all(Array.from({ length: 10 }, () => pool.query({ ...statement, name: 'paced' })));
const start = performance.now();
const end = start + settle + Number(SECONDS) * 1000;
for (let sent = 0, now = start; now < end; now = performance.now()) {
  for (const due = ((now - start) / 1000) * Number(PER_SECOND); sent < due; sent++) {
    const since = performance.now();
    const asked = pool.query({ ...statement, name: 'paced' }).then(() => {
      if (since >= start + settle) times.push(performance.now() - since);
      underWay.delete(asked);
    });
    underWay.add(asked);
  }
  await pause(1);
}
await Promise.all(underWay);
times.sort((a, b) => a - b);
const at = (q: number) => times[Math.max(0, Math.ceil(times.length * q) - 1)]!;
process.send!({ p50: at(0.5), p99: at(0.99), count: times.length });
await pool.end();
process.disconnect();
