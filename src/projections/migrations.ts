/** The tables that every read model has in common, whatever it holds. */
export const projectionMigrations = [
  {
    name: '0001 generations',
    sql: `
create schema projections;
create table projections.generations (
  name text not null,
  version integer not null,
  -- Counted from 1: a rebuild makes another one beside those that are there.
  generation integer not null,
  -- building: not read yet; live: the one that is read; retired: kept for a while, in case it is to be taken back.
  state text not null check (state in ('building', 'live', 'retired')),
  -- Nobody writes it until it goes on.
  paused boolean not null default false,
  -- Everything in the log up to here is in the rows.
  position bigint not null default 0,
  -- Counts the writers: a late write of a former one finds another epoch and changes nothing.
  epoch bigint not null default 0,
  -- The log that the position is of.
  log_id uuid not null,
  made_at timestamptz not null default now(),
  moved_at timestamptz not null default now(),
  state_since timestamptz not null default now(),
  primary key (name, version, generation)
);
create unique index generations_live on projections.generations (name, version) where state = 'live';
create unique index generations_building on projections.generations (name, version) where state = 'building';
`,
  },
  {
    name: '0002 last event',
    // The last event that is in the rows, and where it stood: a log that was restored, or that is another, does not have it there.
    sql: 'alter table projections.generations add column last_event jsonb',
  },
  {
    name: '0003 settled moments',
    // Which position a time was answered with that no event had come after yet: an event still under way then must not move the answer.
    sql: 'create table projections.settled_moments (at timestamptz(3) primary key, position bigint not null)',
  },
  {
    name: '0004 complete generations',
    // Whether it has what only readers need: a generation that is being made is without until it has all events there are.
    sql: 'alter table projections.generations add column complete boolean not null default true',
  },
  {
    name: '0005 advance',
    // Raises where it cannot: then nothing that was sent behind it without waiting, as the commit, is carried out.
    sql: `
create function projections.advance(
  model text, of_version integer, of_generation integer, in_epoch bigint, from_position bigint, to_position bigint, new_last_event jsonb
) returns void language plpgsql volatile as $$
begin
  update projections.generations set position = to_position, last_event = coalesce(new_last_event, last_event), moved_at = now()
  where name = model and version = of_version and generation = of_generation and position = from_position and epoch = in_epoch and not paused
    and (state <> 'retired' or to_position <= (
      select live.position from projections.generations live where live.name = model and live.version = of_version and live.state = 'live'));
  if not found then
    perform from projections.generations
    where name = model and version = of_version and generation = of_generation and position = from_position and epoch = in_epoch
      and not paused and state = 'retired';
    if found then
      raise exception 'ahead of the live generation' using errcode = 'TTAHD';
    end if;
    raise exception 'not where this writer left it' using errcode = 'TTFEN';
  end if;
end $$;
`,
  },
  {
    name: '0006 one settled moment of a position',
    // Each position has one row, with the latest time that it was settled for. Answers are what they were: the least position of the same
    // time or a later one. A row is kept for good, as its answer is; there are no more of them than positions in the log.
    sql: `
lock table projections.settled_moments in access exclusive mode;
create temporary table answers on commit drop as
  select position, max(at) as at
  from (select at, min(position) over (order by at desc) as position from projections.settled_moments) answered
  group by position;
truncate projections.settled_moments;
insert into projections.settled_moments (at, position) select at, position from answers;

create function projections.settle(moment timestamptz, head bigint) returns bigint language plpgsql volatile as $$
declare
  latest projections.settled_moments;
begin
  perform pg_advisory_xact_lock(hashtextextended('settled moments', 0));
  select * into latest from projections.settled_moments order by at desc limit 1;
  if latest.at >= moment then
    return (select position from projections.settled_moments where at >= moment order by at limit 1);
  end if;
  if latest.position >= head then
    update projections.settled_moments set at = moment where at = latest.at;
    return latest.position;
  end if;
  insert into projections.settled_moments (at, position) values (moment, head);
  return head;
end $$;
`,
  },
  {
    name: '0007 logs of read models are known',
    // What read models were made from before logs were remembered is the log of this installation.
    sql: 'insert into event_log.known_logs (log_id) select distinct log_id from projections.generations on conflict do nothing',
  },
];
