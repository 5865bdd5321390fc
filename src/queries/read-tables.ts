import { type RawBuilder, sql } from 'kysely';

/** The tables that queries read, by the names they have in the database. */
export interface ReadTables {
  tasks: RawBuilder<unknown>;
  access: RawBuilder<unknown>;
  counters: RawBuilder<unknown>;
  comments: RawBuilder<unknown>;
  files: RawBuilder<unknown>;
  /** The function that takes punctuation out of a text, as it was taken out of what is searched. */
  words: RawBuilder<unknown>;
  activity: RawBuilder<unknown>;
  versions: RawBuilder<unknown>;
  commentVersions: RawBuilder<unknown>;
  users: RawBuilder<unknown>;
  securityEvents: RawBuilder<unknown>;
}

/** In which PostgreSQL schema each read model is just now. */
export interface ReadSchemas {
  listing(): string;
  activity(): string;
  history(): string;
}

/** Looks a schema up when one of its tables is asked for. */
export function readTables({ listing, activity, history }: ReadSchemas): ReadTables {
  const within = (schema: () => string, table: string) => ({ get: () => sql.id(schema(), table), enumerable: true });
  return Object.defineProperties({} as ReadTables, {
    tasks: within(listing, 'tasks'),
    access: within(listing, 'access'),
    counters: within(listing, 'counters'),
    comments: within(listing, 'comments'),
    files: within(listing, 'files'),
    words: within(listing, 'words'),
    activity: within(activity, 'activity'),
    versions: within(history, 'versions'),
    commentVersions: within(history, 'comment_versions'),
    users: within(() => 'accounts', 'users'),
    securityEvents: within(() => 'accounts', 'security_events'),
  });
}
