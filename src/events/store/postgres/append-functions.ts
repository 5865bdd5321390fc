/**
 * Appends a batch: arrays with an element for each event, in the order of the appends they belong to. An event's `ordinal` is its place in
 * its append, so 0 begins a new one; `revision` is the one it is to get. `bodies` holds all metadata, data and keys, cut out by offsets
 * counted from 1. A key belongs to the append whose number, counted from 1, is in `key_appends`.
 *
 * Answers the position before the batch, with nulls beside it when all was written in order. Otherwise an element for each append: the
 * position of its last event, or null where the stream was at another revision, namely `actual_revisions` (-1: at none).
 */
const parameters = `
  streams text[], revisions integer[], ordinals integer[], ids uuid[], types text[],
  bodies bytea, metadata_starts integer[], data_starts integer[], ends integer[],
  key_ids uuid[], key_subjects text[], key_appends integer[], key_starts integer[], key_ends integer[]`;

/** The plans are made while the table is empty, and kept: they must never be ones that scan it. */
const settings = `
  set enable_seqscan = off
  set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan`;

/**
 * The fast path: insert everything, and let the unique indexes object, or the origin that is not found, because the stream does not
 * exist or has not come as far as is expected.
 *
 * Positions are given under the lock, and the lock is let go when the commit is visible: who has seen a position will never see a lower
 * one appear. The head is read by a statement after the one that waits, for a statement's snapshot is older than its wait.
 */
const appendBatch = `
create function event_log.append_batch(${parameters}, out head bigint, out positions bigint[], out actual_revisions integer[])
language plpgsql volatile ${settings} as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('event_log.append_batch', 0));
  select position into head from event_log.events order by position desc limit 1;
  if head is null then
    select first_position - 1 into head from event_log.log;
  end if;
  begin
    insert into event_log.events (position, origin, revision, stream, id, type, metadata, data)
    select head + nth,
           case when revision = ordinal then head + nth - ordinal else (
             select expected.origin
             from event_log.events first
             join event_log.events expected on expected.origin = first.position and expected.revision = event.revision - event.ordinal - 1
             where first.stream = event.stream and first.revision = 0
           ) end,
           revision, stream, id, type,
           substring(bodies from metadata_start for data_start - metadata_start), substring(bodies from data_start for data_end - data_start)
    from unnest(streams, revisions, ordinals, ids, types, metadata_starts, data_starts, ends)
      with ordinality as event (stream, revision, ordinal, id, type, metadata_start, data_start, data_end, nth);
    insert into event_log.data_keys (id, subject, wrapped)
    select id, subject, substring(bodies from key_start for key_end - key_start)
    from unnest(key_ids, key_subjects, key_starts, key_ends) as key (id, subject, key_start, key_end)
    on conflict (id) do nothing;
  exception when unique_violation or not_null_violation then
    select judged.positions, judged.actual_revisions into positions, actual_revisions
    from event_log.append_one_by_one(head, streams, revisions, ordinals, ids, types, bodies, metadata_starts, data_starts, ends,
      key_ids, key_subjects, key_appends, key_starts, key_ends) judged;
  end;
end $$;
`;

/** The careful path, under the lock of the fast one: each append is judged whole, and none by its neighbours. */
const appendOneByOne = `
create function event_log.append_one_by_one(head bigint, ${parameters}, out positions bigint[], out actual_revisions integer[])
language plpgsql volatile ${settings} as $$
declare
  append integer := 0;
  first integer := 1;
  last integer;
  stream_origin bigint;
  actual integer;
  recorded bigint;
begin
  while first <= cardinality(streams) loop
    append := append + 1;
    last := first;
    while ordinals[last + 1] > 0 loop
      last := last + 1;
    end loop;
    select position into stream_origin from event_log.events where stream = streams[first] and revision = 0;
    select revision into actual from event_log.events where origin = stream_origin order by revision desc limit 1;
    actual := coalesce(actual, -1);
    actual_revisions[append] := actual;
    if actual = revisions[first] - 1 then
      insert into event_log.events (position, origin, revision, stream, id, type, metadata, data)
      select head + n - first + 1, coalesce(stream_origin, head + 1), revisions[n], streams[n], ids[n], types[n],
             substring(bodies from metadata_starts[n] for data_starts[n] - metadata_starts[n]),
             substring(bodies from data_starts[n] for ends[n] - data_starts[n])
      from generate_series(first, last) n;
      insert into event_log.data_keys (id, subject, wrapped)
      select key_ids[n], key_subjects[n], substring(bodies from key_starts[n] for key_ends[n] - key_starts[n])
      from generate_subscripts(key_ids, 1) n where key_appends[n] = append
      on conflict (id) do nothing;
      head := head + last - first + 1;
      positions[append] := head;
    else
      -- The same ids at the same revisions: it was written before. Its keys are left alone, they may have been destroyed since.
      select case when count(*) = last - first + 1 then max(position) end into recorded from event_log.events
      where origin = stream_origin and revision between revisions[first] and revisions[last] and id = ids[first + revision - revisions[first]];
      positions[append] := recorded;
    end if;
    first := last + 1;
  end loop;
end $$;
`;

export const appendFunctions = appendBatch + appendOneByOne;
