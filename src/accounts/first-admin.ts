import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { faultMessage } from '../platform/fault-messages.ts';
import type { Logger } from '../platform/logging.ts';
import { system } from './account-call.ts';
import { Email, GivenUsername, isGuessable, Password } from './credentials.ts';
import type { Database } from './database.ts';
import { makeAccount } from './new-account.ts';
import type { PasswordHasher } from './password-hasher.ts';

/** What the operator wants the first admin to be; what is left out is chosen here. */
export interface FirstAdmin {
  email?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
  /** Where a password that is chosen here is written, for its owner's eyes only; without it the log shows the password once. */
  passwordFile?: string | undefined;
}

export interface FirstAdminParts {
  database: Database;
  hasher: PasswordHasher;
  log: Logger;
  clock: () => Date;
}

/**
 * Makes the first admin, once in the life of a database, however many instances start at once. A password chosen here is written to the
 * file that is named for it, or shown once in the log, at whatever level the log is.
 * @returns whether this instance made it. @throws an Error that names every variable that will not do
 */
export async function ensureFirstAdmin({ database, hasher, log, clock }: FirstAdminParts, wanted: FirstAdmin): Promise<boolean> {
  const [past] = await database.rows('select from accounts.first_start');
  if (past) return false;
  const { email, username, password } = acceptable(wanted);
  const passwordHash = await hasher.hash(password, 'the service');
  const user = await database.transaction(async (sql) => {
    // Whoever comes second waits here for the first, and then finds it done.
    const first = await sql.rows('insert into accounts.first_start (at) values ($1) on conflict do nothing returning at', [clock()]);
    if (first.length === 0) return null;
    // Before the commit: a crash in between leaves a file that the next start overwrites, and never an admin without a known password.
    if (wanted.password === undefined && wanted.passwordFile) await writePassword(wanted.passwordFile, password);
    const call = { requestId: randomUUID(), operationId: randomUUID() };
    const account = { email, username, fullName: '', passwordHash, role: 'admin', via: 'first_start' } as const;
    return makeAccount(sql, account, call, clock(), system);
  });
  if (!user) return false;
  if (wanted.password !== undefined) log.warn({ username, email }, `first start: made the admin '${username}'`);
  else if (wanted.passwordFile) {
    const file = wanted.passwordFile;
    log.warn(
      { username, email, file },
      `first start: made the admin '${username}'; the password is in ${file}: sign in, change it, delete it`,
    );
  } else {
    const advice = 'this password is not shown again: sign in and change it';
    log.once({ username, email, password }, `first start: made the admin '${username}'; ${advice}`);
  }
  return true;
}

const schemas = { email: Email, username: GivenUsername, password: Password };

function acceptable(wanted: FirstAdmin): { email: string; username: string; password: string } {
  const admin = {
    email: wanted.email ?? 'admin@tasktrail.localhost',
    username: (wanted.username ?? 'admin').toLowerCase(),
    password: wanted.password ?? newPassword(),
  };
  const mistakes = Object.entries(schemas).flatMap(([name, schema]) => {
    const { error } = (schema as z.ZodType).safeParse(admin[name as keyof typeof admin], { error: faultMessage });
    return (error?.issues ?? []).map(({ message }) => `ADMIN_${name.toUpperCase()} ${message}`);
  });
  if (isGuessable(admin.password, admin)) mistakes.push('ADMIN_PASSWORD must not be the e-mail address or the username');
  if (mistakes.length > 0) throw new Error(`The first admin cannot be made:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`);
  return admin;
}

/** Readable by its owner only, and on the disk before the account is. */
async function writePassword(file: string, password: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await rm(file, { force: true });
  await writeFile(file, `${password}\n`, { flag: 'wx', mode: 0o600, flush: true });
}

/** 128 random bits, in a form that meets the rules. */
function newPassword(): string {
  for (;;) {
    const password = randomBytes(16).toString('base64url');
    if (Password.safeParse(password).success) return password;
  }
}
