import { type RawBuilder, sql } from 'kysely';
import { mailedKinds } from '../../accounts/preferences.ts';
import { completedOne } from '../activity/activity-item.ts';
import { pagedActivity } from '../activity/list-activity.ts';
import { jsonRow, utcTime } from '../json-values.ts';
import { allItems } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Reader } from '../tasks/task-scope.ts';

const times = (alias: string, ...columns: string[]) => columns.map((column) => `${utcTime(`${alias}.${column}`)} as ${column}`).join(', ');

const user = `u.id, u.email, u.username, u.full_name, u.role, u.is_active, u.email_verified, u.timezone, ${times('u', 'created_at')}`;
const session = `s.id, ${times('s', 'created_at', 'last_used_at', 'expires_at', 'ended_at')}, s.ended_by, s.user_agent, s.ip`;
const token = `k.id, k.name, k.scopes, ${times('k', 'created_at', 'expires_at', 'ended_at')}`;
const securityEvent = `e.id, e.kind, ${times('e', 'occurred_at', 'last_occurred_at')}, e.count, e.ip, e.code, e.method, e.path, e.request_id, e.details`;
const preference = `p.email_enabled, p.quiet_from, p.quiet_to, ${mailedKinds.map((kind) => `p.${kind}`).join(', ')}`;
const pendingAddress = `l.new_email as email, ${times('l', 'created_at', 'expires_at')}`;
const formerAddress = `m.email, m.was_verified as verified, ${times('m', 'changed_at')}`;
const webhook = `w.id, w.url, w.types, w.description, w.active, w.disabled_reason, ${times('w', 'disabled_at', 'created_at', 'updated_at')}`;
const notification = `n.id, n.kind, n.event_type as event, n.task_id, n.actor_id, n.details, ${times('n', 'created_at', 'read_at')}`;
const task = `t.id, t.title, t.description, t.status, t.priority, t.tags, t.due_date, t.assignee_id, ${times('t', 'completed_at', 'created_at', 'updated_at', 'deleted_at')}, t.revision`;
const share = 't.id as task_id, t.owner_id, h.key as user_id, h.value as permission';
const assignment = `t.id as task_id, t.owner_id, t.title`;
const comment = `c.id, c.task_id, c.content, ${times('c', 'created_at', 'edited_at')}, not c.standing as deleted, c.mentions, v.said as earlier`;
const file = `f.id, f.task_id, f.name, f.size, f.content_type, f.sha256, ${times('f', 'uploaded_at', 'deleted_at')}, f.purged`;

/**
 * Everything that is held about somebody, as the pieces of one JSON object, of one moment. Not in it: secrets, of which digests alone are
 * kept, and what others own.
 */
export async function* exportAccount(db: ReadDatabase, tables: ReadTables, userId: string, signal: AbortSignal): AsyncGenerator<string> {
  const names = Object.keys(sections(tables, userId)) as Section[];
  const [account] = await db.rows(
    sql<{ item: string }>`select ${sql.raw(jsonRow(user))} as item from ${tables.users} u where u.id = ${userId}::uuid`,
  );
  let begun = 0;
  const begin = () => {
    const name = names[begun++]!;
    return `${begun === 1 ? '' : '\n]'},\n${JSON.stringify(name)}:[\n`;
  };
  let text = `{"exported_at":${JSON.stringify(new Date().toISOString())},\n"user":${account?.item ?? 'null'}`;
  for await (const rows of db.batches(everything(tables, userId), signal, 'account')) {
    for (const { section, item } of rows) {
      const isNew = begun <= section;
      while (begun <= section) text += begin();
      text += `${isNew ? '' : ',\n'}${names[section] === 'activity' ? completedOne(item, readerOf(userId)) : item}`;
    }
    yield text;
    text = '';
  }
  while (begun < names.length) text += begin();
  yield `${text}\n]}\n`;
}

type Section = keyof ReturnType<typeof sections>;

/** All sections one after another, each in its order. */
function everything(tables: ReadTables, userId: string): RawBuilder<{ section: number; item: string }> {
  const parts = Object.values(sections(tables, userId));
  return sql`${sql.join(
    parts.map((part, number) => sql`(select ${sql.lit(number)} as section, part.item from (${part}) part)`),
    sql` union all `,
  )}`;
}

/** An account's data is what its user sees without the rights of an admin. */
function readerOf(id: string): Reader {
  return { id, isAdmin: false };
}

/** The shares are those of and by the person. */
function sections(tables: ReadTables, userId: string) {
  const { sessions, accessTokens, securityEvents, tasks, access, comments, commentVersions, files } = tables;
  const { preferences, mailLinks, formerEmails, inbox, webhooks } = tables;
  const me = sql`${userId}::uuid`;
  const of = (columns: string, rest: RawBuilder<unknown>) =>
    sql<{ item: string }>`select ${sql.raw(jsonRow(columns))} as item from ${rest}`;
  return {
    sessions: of(session, sql`${sessions} s where s.user_id = ${me} order by s.id`),
    tokens: of(token, sql`${accessTokens} k where k.user_id = ${me} order by k.id`),
    notification_preferences: of(preference, sql`${preferences} p where p.user_id = ${me}`),
    pending_addresses: of(
      pendingAddress,
      sql`${mailLinks} l where l.user_id = ${me} and l.new_email is not null and l.expires_at > now() order by l.created_at`,
    ),
    former_addresses: of(formerAddress, sql`${formerEmails} m where m.user_id = ${me} order by m.changed_at`),
    webhooks: of(webhook, sql`${webhooks} w where w.user_id = ${me} order by w.id`),
    notifications: of(notification, sql`${inbox} n where n.user_id = ${me} order by n.created_at, n.id`),
    security_events: of(securityEvent, sql`${securityEvents} e where e.user_id = ${me} order by e.occurred_at, e.id`),
    tasks: of(task, sql`${tasks} t where t.owner_id = ${me} order by t.created_at, t.id`),
    shares: of(
      share,
      sql`${tasks} t cross join lateral jsonb_each_text(t.shares) h
        where t.owner_id = ${me} or (h.key = ${userId} and t.id in (select a.task_id from ${access} a where a.user_id = ${me}))
        order by t.created_at, t.id, h.key`,
    ),
    assignments: of(
      assignment,
      sql`${tasks} t where t.assignee_id = ${me} and t.id in (select a.task_id from ${access} a where a.user_id = ${me}) order by t.id`,
    ),
    comments: of(
      comment,
      sql`${comments} c left join lateral (
          select json_agg(w.content order by w.valid_from) as said from ${commentVersions} w
           where w.id = c.id and w.valid_to is not null and w.content <> c.content) v on true
        where c.author_id = ${me} order by c.created_at, c.id`,
    ),
    files: of(file, sql`${files} f where f.uploaded_by = ${me} order by f.uploaded_at, f.id`),
    activity: allItems(pagedActivity(tables, { actor: { id: userId }, reader: readerOf(userId), filters: {} })),
  };
}
