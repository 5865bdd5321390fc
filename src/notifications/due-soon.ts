import { v5 as uuidv5 } from 'uuid';
import type { Database, Sql } from '../accounts/database.ts';
import { queueMails } from '../platform/mail/outbox-table.ts';
import { putInInboxes } from './inbox.ts';
import { localTime } from './local-time.ts';
import { mailablePeople } from './mailable-people.ts';

/** A task of somebody's that is due on their day or the next, and neither done nor cancelled. */
export interface DueTask {
  userId: string;
  /** YYYY-MM-DD, both. */
  day: string;
  dueDate: string;
  taskId: string;
  title: string;
  ownerId: string;
}

export interface DueSoonParts {
  database: Database;
  /** Of those people who own them or are assigned to them, by due date. */
  dueTasks(people: readonly { userId: string; day: string }[]): Promise<readonly DueTask[]>;
  /** Resolves when the list of tasks is what the log says. @throws when it is not in time */
  tasksFollow(): Promise<void>;
  /** Mails were queued, and that is committed. */
  onQueued(): void;
  clock: () => Date;
}

/** From then on people are told of their day, by their own clocks. */
const TOLD_FROM = '08:00';
/** People that are told in one transaction. */
const AT_ONCE = 500;

const namespace = '1c0f8c1e-6d59-4c5b-9c3f-0f6a7c4f9e21';

/**
 * Tells everybody whose day has come to eight in the morning what is due that day or the next: each day once, whichever instance does it,
 * and later that day where nobody could in time. Ends early when the signal aborts.
 */
export async function tellDueSoon(parts: DueSoonParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await tellSome(parts))) parts.onQueued();
}

/** @returns whether there may be more */
async function tellSome({ database, dueTasks, tasksFollow, clock }: DueSoonParts): Promise<boolean> {
  const now = clock();
  const people = await notYetTold(database, await morningsAt(database, now));
  if (people.length === 0) return false;
  await tasksFollow();
  const due = await dueTasks(people);
  await database.transaction(async (sql) => {
    const claimed = await claim(sql, people);
    await tell(
      sql,
      due.filter(({ userId }) => claimed.has(userId)),
      now,
    );
  });
  return people.length === AT_ONCE;
}

/** The time zones in which it is eight or later, each with its day. */
async function morningsAt(sql: Sql, now: Date): Promise<{ timezone: string; day: string }[]> {
  const zones = await sql.rows<{ timezone: string }>('select distinct timezone from accounts.users where is_active');
  return zones.flatMap(({ timezone }) => {
    const { day, time } = localTime(timezone, now);
    return time >= TOLD_FROM ? [{ timezone, day }] : [];
  });
}

interface PersonsDay {
  userId: string;
  day: string;
}

/** Some who were not told of this day of theirs. */
async function notYetTold(sql: Sql, zones: readonly { timezone: string; day: string }[]): Promise<PersonsDay[]> {
  if (zones.length === 0) return [];
  return sql.rows(untold, [zones.map(({ timezone }) => timezone), zones.map(({ day }) => day), AT_ONCE]);
}

/** @returns those of them whom nobody else has told meanwhile. Nobody else will, once this is committed */
async function claim(sql: Sql, people: readonly PersonsDay[]): Promise<ReadonlySet<string>> {
  const claimed = await sql.rows<{ id: string }>(claimDays, [people.map(({ userId }) => userId), people.map(({ day }) => day)]);
  return new Set(claimed.map(({ id }) => id));
}

async function tell(sql: Sql, due: readonly DueTask[], now: Date): Promise<void> {
  await putInInboxes(
    sql,
    due.map(({ userId, taskId, day, dueDate }) => ({
      userId,
      kind: 'task_due_soon',
      sourceId: uuidv5(`${taskId}/${day}`, namespace),
      eventType: null,
      taskId,
      revision: null,
      actorId: null,
      details: { due_date: dueDate },
      at: now.toISOString(),
    })),
  );
  const people = [...new Map(due.map(({ userId, day }) => [userId, day]))];
  const { mailable } = await mailablePeople(
    sql,
    people.map(([userId]) => userId),
  );
  const told = people.filter(([userId]) => mailable.has(userId));
  await queueMails(
    sql,
    told.map(([userId, day]) => ({ kind: 'task_due_soon', sourceId: uuidv5(`${userId}/${day}`, namespace), userId, about: { day } })),
  );
}

// A day before the one that somebody was told of last comes again only for who travels: it is not told.
const untold = `
  select u.id as "userId", zones.day::text as day from unnest($1::text[], $2::date[]) as zones (timezone, day)
    join accounts.users u on u.timezone = zones.timezone and u.is_active
    left join notifications.due_days told on told.user_id = u.id
   where told.day is null or told.day < zones.day
   order by u.id limit $3`;

// In one order, so that two who claim the same wait for each other in one direction.
const claimDays = `
  insert into notifications.due_days (user_id, day)
  select user_id, day from unnest($1::uuid[], $2::date[]) as days (user_id, day) order by user_id
  on conflict (user_id) do update set day = excluded.day where due_days.day < excluded.day
  returning user_id as id`;
