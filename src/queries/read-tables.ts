import { type RawBuilder, sql } from 'kysely';

/** The tables that queries read, by the names they have in the database. */
export interface ReadTables {
  tasks: RawBuilder<unknown>;
  access: RawBuilder<unknown>;
  counters: RawBuilder<unknown>;
  comments: RawBuilder<unknown>;
  /** The function that takes punctuation out of a text, as it was taken out of what is searched. */
  words: RawBuilder<unknown>;
  activity: RawBuilder<unknown>;
  users: RawBuilder<unknown>;
}

export interface ReadSchemas {
  /** The PostgreSQL schema of the version of the read model. */
  listingSchema: string;
  activitySchema: string;
}

export function readTables({ listingSchema, activitySchema }: ReadSchemas): ReadTables {
  return {
    tasks: sql.id(listingSchema, 'tasks'),
    access: sql.id(listingSchema, 'access'),
    counters: sql.id(listingSchema, 'counters'),
    comments: sql.id(listingSchema, 'comments'),
    words: sql.id(listingSchema, 'words'),
    activity: sql.id(activitySchema, 'activity'),
    users: sql.id('accounts', 'users'),
  };
}
