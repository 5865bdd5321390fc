import { type RawBuilder, sql } from 'kysely';

/** The tables that queries read, by the names they have in the database. */
export interface ReadTables {
  tasks: RawBuilder<unknown>;
  access: RawBuilder<unknown>;
  counters: RawBuilder<unknown>;
  presence: RawBuilder<unknown>;
  lastChanges: RawBuilder<unknown>;
  taskStates: RawBuilder<unknown>;
  comments: RawBuilder<unknown>;
  files: RawBuilder<unknown>;
  /** The function that makes a text what it is searched by, a tsvector. */
  words: RawBuilder<unknown>;
  /** The function that makes a tsquery of a term, of whether it is a phrase, and of whether it is looked for in a task. */
  searchQuery: RawBuilder<unknown>;
  activity: RawBuilder<unknown>;
  erasures: RawBuilder<unknown>;
  versions: RawBuilder<unknown>;
  commentVersions: RawBuilder<unknown>;
  moments: RawBuilder<unknown>;
  feedEvents: RawBuilder<unknown>;
  feedTasks: RawBuilder<unknown>;
  readers: RawBuilder<unknown>;
  losses: RawBuilder<unknown>;
  /** How far the feed has come, of the same moment as its rows: a scalar. */
  feedReached: RawBuilder<unknown>;
  users: RawBuilder<unknown>;
  securityEvents: RawBuilder<unknown>;
  sessions: RawBuilder<unknown>;
  accessTokens: RawBuilder<unknown>;
  mailLinks: RawBuilder<unknown>;
  formerEmails: RawBuilder<unknown>;
  preferences: RawBuilder<unknown>;
  inbox: RawBuilder<unknown>;
  webhooks: RawBuilder<unknown>;
  deliveries: RawBuilder<unknown>;
  deadLetters: RawBuilder<unknown>;
}

/** In which PostgreSQL schema each read model is just now. */
export interface ReadSchemas {
  listing(): string;
  activity(): string;
  history(): string;
  feed(): string;
}

/** Looks a schema up when one of its tables is asked for. */
export function readTables({ listing, activity, history, feed }: ReadSchemas): ReadTables {
  const within = (schema: () => string, table: string) => ({ get: () => sql.id(schema(), table), enumerable: true });
  return Object.defineProperties({} as ReadTables, {
    tasks: within(listing, 'tasks'),
    access: within(listing, 'access'),
    counters: within(listing, 'counters'),
    presence: within(listing, 'presence'),
    lastChanges: within(listing, 'last_changes'),
    taskStates: within(listing, 'task_states'),
    comments: within(listing, 'comments'),
    files: within(listing, 'files'),
    words: within(listing, 'words'),
    searchQuery: within(listing, 'search_query'),
    activity: within(activity, 'activity'),
    erasures: within(activity, 'erasures'),
    versions: within(history, 'versions'),
    commentVersions: within(history, 'comment_versions'),
    moments: within(history, 'moments'),
    feedEvents: within(feed, 'feed_events'),
    feedTasks: within(feed, 'feed_tasks'),
    readers: within(feed, 'readers'),
    losses: within(feed, 'losses'),
    feedReached: { get: () => checkpointOf(feed()), enumerable: true },
    users: within(() => 'accounts', 'users'),
    securityEvents: within(() => 'accounts', 'security_events'),
    sessions: within(() => 'accounts', 'sessions'),
    accessTokens: within(() => 'accounts', 'access_tokens'),
    mailLinks: within(() => 'accounts', 'mail_links'),
    formerEmails: within(() => 'accounts', 'former_emails'),
    preferences: within(() => 'notifications', 'preferences'),
    inbox: within(() => 'notifications', 'inbox'),
    webhooks: within(() => 'webhooks', 'webhooks'),
    deliveries: within(() => 'webhooks', 'deliveries'),
    deadLetters: within(() => 'subscribers', 'dead_letters'),
  });
}

function checkpointOf(schema: string): RawBuilder<unknown> {
  return sql`(select position from projections.generations where format('%s_v%s_g%s', name, version, generation) = ${schema})`;
}
