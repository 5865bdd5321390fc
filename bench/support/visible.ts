import { Agent, request } from 'node:http';
import pg from 'pg';

/** A write: when it was sent, when it was answered, and when the read model had it; milliseconds. */
export interface Seen {
  answered: number;
  visible: number;
}

const LOOK_EVERY_MS = 1;

/**
 * Sends commands one after the other for a while, and looks for each until the read model has it: its checkpoint, of which rows and
 * position are committed together, is looked at again and again beside the load.
 */
export async function watchWrites({
  port,
  token,
  database,
  model,
  seconds,
}: {
  port: number;
  token: string;
  database: string;
  model: string;
  seconds: number;
}): Promise<Seen[]> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const seen: Seen[] = [];
  try {
    for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
      const since = performance.now();
      const position = await create(port, token, agent);
      const answered = performance.now() - since;
      while ((await checkpoint(client, model)) < position) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      seen.push({ answered, visible: performance.now() - since });
    }
  } finally {
    agent.destroy();
    await client.end();
  }
  return seen;
}

async function checkpoint(client: pg.Client, model: string): Promise<bigint> {
  const { rows } = await client.query<{ position: string }>({
    name: 'checkpoint',
    text: `select position from projections.generations where name = $1 and state = 'live' order by version desc limit 1`,
    values: [model],
  });
  return BigInt(rows[0]!.position);
}

/** @returns the position of what was written */
function create(port: number, token: string, agent: Agent): Promise<bigint> {
  const body = JSON.stringify({ title: 'Looked for', description: 'Until the list has it', tags: ['looked-for'] });
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
  };
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', method: 'POST', path: '/api/v1/tasks', agent, headers }, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        const position = response.headers['tasktrail-position'];
        if (response.statusCode !== 201 || typeof position !== 'string')
          reject(new Error(`a command was answered with ${response.statusCode}`));
        else resolve(BigInt(position));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
