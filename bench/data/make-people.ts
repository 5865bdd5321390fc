import argon2 from 'argon2';
import type pg from 'pg';
import { encodeEvents } from '../../src/events/codec.ts';
import type { KeyVault } from '../../src/events/keys/key-vault.ts';
import { importEvents } from '../../src/events/store/postgres/import-events.ts';
import { type UserEvent, userStream } from '../../src/events/user/user-events.ts';
import type { Role } from '../../src/events/values.ts';
import type { Unpositioned } from './encode-part.ts';
import { PASSWORD, type Person, REGISTERED } from './people.ts';

/** Makes the accounts of the people, all with one password, their data keys, and the first events of the log. The second of them is an admin. */
export async function makePeople(people: readonly Person[], pool: pg.Pool, vault: KeyVault): Promise<void> {
  const hash = await argon2.hash(PASSWORD, { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  const at = (n: number) => new Date(REGISTERED + n).toISOString();
  const role = (n: number): Role => (n === 1 ? 'admin' : 'user');
  const rows = people.map((person, n) => ({
    id: person.id,
    email: person.email,
    username: person.username,
    full_name: person.fullName,
    password_hash: hash,
    role: role(n),
    created_at: at(n),
    log_revision: 0,
  }));
  const columns = 'id, email, username, full_name, password_hash, role, created_at, log_revision';
  await pool.query(`insert into accounts.users (${columns}) select ${columns} from json_populate_recordset(null::accounts.users, $1)`, [
    JSON.stringify(rows),
  ]);
  // An installation that has people has had its first start.
  await pool.query('insert into accounts.first_start (at) values ($1) on conflict do nothing', [at(0)]);
  for (const { id } of people) await vault.ofPerson(userStream(id));
  await importEvents(
    pool,
    people.map(({ id }, n) => registered(id, role(n), at(n))),
  );
}

function registered(id: string, role: Role, at: string): Unpositioned {
  const stream = userStream(id);
  const event: UserEvent = { type: 'UserRegistered', data: { role, via: 'self' } };
  const context = { occurred_at: at, actor: { id, kind: 'user' as const }, operation_id: id, request_id: id, command_id: id };
  const { encoded } = encodeEvents([event], { stream, revision: 0, previousHash: '' }, context, {});
  return { stream, revision: 0, ...encoded[0]! };
}
