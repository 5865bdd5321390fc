import type pg from 'pg';

/** Owns the event log where it is guarded, and signs in nowhere. */
const LOG_OWNER = 'tasktrail_log';

/** What is written once, and what gives the log its meaning: the role that serves requests adds to these tables and changes nothing. */
const GUARDED_TABLES = 'event_log.events, event_log.data_keys, event_log.log, event_log.installation';

/**
 * Statements, for a superuser, after which the role that serves requests can neither change nor remove an event or a key: the log belongs
 * to another role, which it takes on for migrations and tools alone. They may be run again, and are when a release has added tables.
 * @param servingRole as an SQL name
 */
export function guardLogStatements(servingRole: string): string {
  return `
do $$
declare item text;
begin
  if not exists (select from pg_roles where rolname = '${LOG_OWNER}') then create role ${LOG_OWNER} nologin; end if;
  for item in
    select format('table %s', oid::regclass) from pg_class where relnamespace = 'event_log'::regnamespace and relkind = 'r'
    union all
    select format('routine %s', oid::regprocedure) from pg_proc where pronamespace = 'event_log'::regnamespace
  loop
    execute format('alter %s owner to ${LOG_OWNER}', item);
  end loop;
end $$;
alter schema event_log owner to ${LOG_OWNER};
grant ${LOG_OWNER} to ${servingRole} with inherit false, set true;
grant usage on schema event_log to ${servingRole};
grant select, insert, update, delete on all tables in schema event_log to ${servingRole};
revoke update, delete, truncate on ${GUARDED_TABLES} from ${servingRole};
alter default privileges for role ${LOG_OWNER} in schema event_log grant select, insert, update, delete on tables to ${servingRole};
`;
}

/** Whether the role of this connection can neither change nor remove events and keys. */
export async function isLogGuarded(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ guarded: boolean }>(
    `select not exists (
       select from unnest(array['event_log.events', 'event_log.data_keys']) as guarded (name)
       where has_table_privilege(name, 'update') or has_table_privilege(name, 'delete') or has_table_privilege(name, 'truncate')
     ) as guarded`,
  );
  return rows[0]!.guarded;
}
