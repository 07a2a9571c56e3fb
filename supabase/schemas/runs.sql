-- Runs, and taking them back. A rollback restores what runs changed from what is on record of it (changes.sql), in one
-- transaction, and is a run itself, on record as any: it is taken back the same way (docs/decisions/030).

-- record_cursor: where a run moved a watermark to, with where it was before.
create or replace function private.record_cursor() returns trigger
language plpgsql security definer set search_path = '' as $$
declare undo uuid := private.recording_for();
begin
    if tg_op = 'INSERT' then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys)
        values (new.connection_id, coalesce(undo, new.run_id), tg_table_name, 'created', array[new.entity]);
    elsif tg_op = 'UPDATE' and new.run_id <> old.run_id then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys, before)
        values (new.connection_id, coalesce(undo, new.run_id), tg_table_name, 'changed', array[old.entity], to_jsonb(old));
    elsif tg_op = 'DELETE' and undo is not null then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys, before)
        values (old.connection_id, undo, tg_table_name, 'removed', array[old.entity], to_jsonb(old));
    end if;
    return null;
end $$;
create trigger record_cursor after insert or update or delete on public.sync_cursors
    for each row execute function private.record_cursor();

-- undo_until: how long a run can be taken back: as long as all that it did is on record.
create or replace function private.undo_until(run public.sync_runs) returns timestamptz
language sql stable set search_path = '' as $$
    select run.created_at + l.life from private.lives() as l where l.table_name = 'private.row_changes';
$$;

-- why_kept: why this run cannot be taken back by itself, as a code; null where it can.
create or replace function private.why_kept(run public.sync_runs) returns text
language sql stable set search_path = '' as $$
    select case
        when run.undone_by is not null then 'already_undone'
        when exists (select from public.sync_jobs as j where j.run_id = run.id
                                                        and j.status in ('waiting', 'queued', 'running', 'parked'))
             or exists (select from private.rerun_requests as q where q.run_id = run.id)
             or exists (select from private.full_refreshes as f where f.id = run.id and f.status = 'reading') then 'run_is_open'
        when private.undo_until(run) <= clock_timestamp() then 'record_is_over'
        when not exists (select from private.row_changes as c where c.connection_id = run.connection_id and c.run_id = run.id)
            then 'changed_nothing' end;
$$;

-- touched: each row that these runs changed, with their first record of it, which has what stood there before all of them.
create or replace function private.touched(p_connection_id uuid, p_runs uuid[])
returns table (table_name text, key text, since bigint, was_removed boolean)
language sql stable set search_path = '' as $$
    select c.table_name, k.key, min(c.id), bool_or(c.kind = 'removed')
    from private.row_changes as c cross join unnest(c.keys) as k (key)
    where c.connection_id = p_connection_id and c.run_id = any (p_runs)
    group by c.table_name, k.key;
$$;

-- counts_since: whether what this run changed after these ones stands. One that was taken back does not, nor does what took it
-- back, where all of that came after these.
create or replace function private.counts_since(run public.sync_runs, p_runs uuid[]) returns boolean
language sql stable set search_path = '' as $$
    select run.id <> all (p_runs) and run.undone_by is null
       and (run.job_type <> 'rollback'
            or exists (select from public.sync_runs as u
                       where u.id = any (run.undoes)
                         and u.created_at < (select min(f.created_at) from public.sync_runs as f where f.id = any (p_runs))));
$$;

-- later_runs: which other runs changed the same rows after these did, or read what a rollback had removed; in their order.
create or replace function private.later_runs(p_connection_id uuid, p_runs uuid[]) returns uuid[]
language plpgsql stable set search_path = '' as $$
declare found_ uuid[];
begin
    with mine as materialized (
        select * from private.touched(p_connection_id, p_runs) as t where t.table_name <> 'sync_cursors'),
    removed as materialized (select * from mine as m where m.was_removed),
    later as (
        select c.run_id from mine as m cross join lateral (
            select c.run_id from private.row_changes as c
            where c.connection_id = p_connection_id and c.table_name = m.table_name and c.keys[1] = m.key
              and c.before is not null and c.id > m.since offset 0) as c
        union
        select c.run_id from private.row_changes as c cross join unnest(c.keys) as k (key)
        join removed as m on m.table_name = c.table_name and m.key = k.key and c.id > m.since
        where c.connection_id = p_connection_id and c.kind = 'created'
          and c.id > (select min(since) from removed))
    select array_agg(r.id order by r.created_at, r.id) into found_
      from public.sync_runs as r
     where r.id in (select l.run_id from later as l) and private.counts_since(r, p_runs);
    return coalesce(found_, '{}');
end $$;

-- restore: the rows of one table as they were before these runs. What is derived of other rows is left to what derives it.
create or replace function private.restore(p_connection_id uuid, p_runs uuid[], p_table text) returns void
language plpgsql set search_path = '' as $$
declare columns text; values_ text;
begin
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum), string_agg(format('b.%I', a.attname), ', ' order by a.attnum)
      into columns, values_
      from pg_catalog.pg_attribute as a
     where a.attrelid = format('public.%I', p_table)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
       and a.attname <> all (private.derived_columns(p_table));
    execute format($sql$
        with first as materialized (
            select distinct on (k.key) k.key, c.before
            from private.row_changes as c cross join unnest(c.keys) as k (key)
            where c.connection_id = $1 and c.run_id = any ($2) and c.table_name = %1$L
            order by k.key, c.id),
        back as materialized (
            select b.* from first as f cross join lateral jsonb_populate_record(null::public.%1$I, f.before) as b
            where f.before is not null),
        created as (
            delete from public.%1$I as t using first as f
             where t.connection_id = $1 and t.platform_id = f.key and f.before is null),
        changed as (
            update public.%1$I as t set (%2$s) = row(%3$s) from back as b
             where t.connection_id = b.connection_id and t.platform_id = b.platform_id)
        insert into public.%1$I (%2$s)
        select %3$s from back as b
        where not exists (select from public.%1$I as t where t.connection_id = b.connection_id and t.platform_id = b.platform_id)
    $sql$, p_table, columns, values_) using p_connection_id, p_runs;
end $$;

-- restore_cursors: watermarks as they were before these runs. Where a later run has moved one on, it goes back to where the
-- first of these began: the next round reads that again. An entity that they loaded is not loaded any more.
create or replace function private.restore_cursors(p_connection_id uuid, p_runs uuid[], p_rollback uuid) returns void
language plpgsql set search_path = '' as $$
declare one record; was public.sync_cursors; now_ public.sync_cursors;
begin
    for one in select distinct on (c.keys[1]) c.keys[1] as entity, c.before, c.id from private.row_changes as c
               where c.connection_id = p_connection_id and c.run_id = any (p_runs) and c.table_name = 'sync_cursors'
               order by c.keys[1], c.id loop
        delete from public.sync_cursors as c
         where c.connection_id = p_connection_id and c.entity = one.entity and one.before is null;
        continue when one.before is null;
        was := jsonb_populate_record(null::public.sync_cursors, one.before);
        select * into now_ from public.sync_cursors as c where c.connection_id = p_connection_id and c.entity = one.entity;
        if exists (select from private.row_changes as c join public.sync_runs as r on r.id = c.run_id
                   where c.connection_id = p_connection_id and c.table_name = 'sync_cursors' and c.keys = array[one.entity]
                     and c.id > one.id and private.counts_since(r, p_runs)) then
            was.watermark := least(was.watermark, now_.watermark);
            was.run_id := p_rollback;
        elsif not exists (select from public.sync_runs as r where r.id = was.run_id) then
            was.run_id := p_rollback;
        end if;
        insert into public.sync_cursors as c select was.*
        on conflict (connection_id, entity) do update
           set watermark = excluded.watermark, run_id = excluded.run_id, updated_at = excluded.updated_at;
        -- What a pulse shows is held against what is here.
        update private.sync_rounds as s set known_until = was.watermark
         where s.connection_id = p_connection_id and s.entity = one.entity and s.known_until > was.watermark;
    end loop;
    -- Rounds begin from a watermark.
    delete from private.sync_rounds as s using private.round_rules as r, public.connected_accounts as a
     where s.connection_id = p_connection_id and a.id = p_connection_id and r.platform = a.platform and r.entity = s.entity
       and not exists (select from public.sync_cursors as c where c.connection_id = p_connection_id and c.entity = r.entity);
    insert into private.sync_rounds (connection_id, entity, due_at, whole_at)
    select a.id, r.entity, 'infinity', clock_timestamp() + r.whole
      from public.connected_accounts as a join private.round_rules as r on r.platform = a.platform
     where a.id = p_connection_id
       and exists (select from public.sync_cursors as c where c.connection_id = a.id and c.entity = r.entity)
    on conflict do nothing;
    update private.sync_rounds as s set due_at = clock_timestamp() + t.promised
      from private.round_terms() as t
     where s.connection_id = p_connection_id and s.due_at = 'infinity'
       and t.connection_id = s.connection_id and t.entity = s.entity;
end $$;

-- settle_undone: what jobs and the profile say after a rollback. What was loaded by a run that is taken back is read again by
-- the next start, as what is doubted; by one that counts again it is as it was.
create or replace function private.settle_undone(connection public.connected_accounts, p_undone uuid[], p_again uuid[]) returns void
language plpgsql set search_path = '' as $$
begin
    update public.sync_jobs set doubted_at = clock_timestamp()
     where run_id = any (p_undone) and job_type = 'backfill' and status = 'completed';
    update public.sync_jobs set doubted_at = null where run_id = any (p_again) and job_type = 'backfill';
    if exists (select from public.sync_jobs where run_id = any (p_undone) and job_type = 'backfill')
       and not exists (select from public.sync_jobs where user_id = connection.user_id and job_type = 'backfill'
                                                      and status in ('waiting', 'queued', 'running', 'parked')) then
        update public.profiles set backfill_status = 'not_started', backfill_completed_at = null, backfill_failures = '[]'
         where user_id = connection.user_id;
    elsif exists (select from public.sync_jobs where run_id = any (p_again) and job_type = 'backfill') then
        perform private.settle_profile(connection.user_id);
    end if;
end $$;

-- roll_back: take a run of this user's back, whole: every row as it was before it, its watermarks where they were. Refuses
-- where later runs changed the same rows, and names them; `p_with_later` takes those back as well. `p_dry_run` only says
-- what would happen. One transaction, so at most `p_most` rows. `p_actor`: who does it, for the record.
-- Answers {run_id, dry_run, undone, later, tables: {table: {removed, restored}}, entities}.
create or replace function public.roll_back(p_run_id uuid, p_user_id uuid default null, p_with_later boolean default false,
                                            p_dry_run boolean default false, p_actor text default '', p_most int default 100000,
                                            p_rollback_id uuid default gen_random_uuid())
returns jsonb language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare run public.sync_runs; connection public.connected_accounts; runs uuid[] := array[p_run_id]; later uuid[];
        all_later uuid[] := '{}'; one public.sync_runs; code text; again uuid[]; answer jsonb; rows_ bigint; t text;
begin
    select * into run from public.sync_runs where id = p_run_id and user_id = coalesce(p_user_id, user_id);
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_run', detail = p_run_id::text;
    end if;
    select * into connection from public.connected_accounts where id = run.connection_id;
    -- As an erasure takes them: pages that are landing land first, or not before this has ended.
    perform private.await_pages(connection.id);
    perform private.bar_pages(connection.id, true);
    perform private.lock_costs(connection.user_id);
    perform 1 from public.profiles where user_id = connection.user_id for no key update;
    select a.details -> 'answer' into answer from private.admin_actions as a
     where a.subject_id = connection.user_id and a.action = 'rollback' and a.details #>> '{answer,run_id}' = p_rollback_id::text;
    if found then
        return answer;
    end if;
    loop
        for one in select * from public.sync_runs where id = any (runs) order by created_at, id loop
            code := private.why_kept(one);
            if code is not null and (one.id = p_run_id or code <> 'changed_nothing') then
                raise exception using errcode = 'PT409', message = code, detail = one.id::text;
            end if;
        end loop;
        later := private.later_runs(connection.id, runs);
        exit when later = '{}';
        all_later := all_later || later;
        exit when not p_with_later and p_dry_run;
        if not p_with_later then
            raise exception using errcode = 'PT409', message = 'later_runs', detail = array_to_string(later, ' ');
        end if;
        runs := runs || later;
    end loop;
    select j.entity into t from public.sync_jobs as j
     where j.connection_id = connection.id and j.started_at is not null and j.status in ('queued', 'running', 'parked')
       and j.job_type <> 'refresh' and j.entity in (select u.entity from public.sync_jobs as u where u.run_id = any (runs || (
                            select coalesce(array_agg(x), '{}') from public.sync_runs as s, unnest(s.undoes) as x where s.id = any (runs))))
     limit 1;
    if t is not null then
        -- It began at a watermark that this moves back, and would move it on again.
        raise exception using errcode = 'PT409', message = 'entity_is_read', detail = t;
    end if;
    with counted as (
        select f.table_name, count(*) filter (where c.before is null) as removed, count(*) filter (where c.before is not null) as restored
        from private.touched(connection.id, runs) as f join private.row_changes as c on c.id = f.since
        group by f.table_name)
    select coalesce(jsonb_object_agg(n.table_name, jsonb_build_object('removed', n.removed, 'restored', n.restored))
                    filter (where n.table_name <> 'sync_cursors'), '{}'), coalesce(sum(n.removed + n.restored), 0)
      into answer, rows_ from counted as n;
    if rows_ > p_most then
        raise exception using errcode = 'PT413', message = 'too_many_rows', detail = format('%s, of at most %s', rows_, p_most);
    end if;
    answer := jsonb_build_object(
        'run_id', case when not p_dry_run then p_rollback_id end, 'dry_run', p_dry_run, 'later', to_jsonb(all_later), 'tables', answer,
        'undone', (select jsonb_agg(r order by ord) from unnest(runs) with ordinality as r (r, ord)),
        'entities', (select coalesce(jsonb_agg(distinct k.key), '[]') from private.touched(connection.id, runs) as k
                     where k.table_name = 'sync_cursors'));
    if p_dry_run then
        return answer;
    end if;
    insert into public.sync_runs (id, connection_id, user_id, job_type, trigger, undoes)
    values (p_rollback_id, connection.id, connection.user_id, 'rollback', 'command', runs);
    -- Until the transaction ends, the triggers write what changes on this run's record.
    perform set_config('keeper.rollback', p_rollback_id::text, true);
    for t in select s.name from private.synced_tables as s where answer -> 'tables' ? s.name order by s.name loop
        perform private.restore(connection.id, runs, t);
    end loop;
    perform private.restore_cursors(connection.id, runs, p_rollback_id);
    perform set_config('keeper.rollback', '', true);
    -- What one of these had taken back counts again, where it is not taken back with it.
    again := array(select r.id from public.sync_runs as r where r.undone_by = any (runs) and r.id <> all (runs));
    update public.sync_runs set undone_by = case when id = any (runs) then p_rollback_id end where id = any (runs || again);
    perform private.settle_undone(connection, runs, again);
    insert into private.admin_actions (subject_id, action, details, actor, subject)
    values (connection.user_id, 'rollback', jsonb_build_object('by', p_actor, 'answer', answer),
            private.pseudonym(p_actor), private.pseudonym(connection.user_id::text));
    return answer;
end $$;
revoke all on function public.roll_back(uuid, uuid, boolean, boolean, text, int, uuid) from public, anon, authenticated;
grant execute on function public.roll_back(uuid, uuid, boolean, boolean, text, int, uuid) to service_role;

-- runs: a user's runs, the newest first, or one of them: what each was, how it stands, what it cost and did, until when it
-- can be taken back, or why not.
create or replace function public.runs(p_user_id uuid default null, p_connection_ids uuid[] default '{}', p_run_id uuid default null,
                                       p_before timestamptz default null, p_limit int default 50) returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '50s' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'run_id', r.id, 'user_id', r.user_id, 'connection_id', r.connection_id, 'platform', a.platform, 'shop_id', a.shop_id,
               'shop_name', a.shop_name, 'created_at', r.created_at, 'trigger', r.trigger, 'undoes', r.undoes, 'undone_by', r.undone_by,
               'kind', case when r.job_type <> 'incremental' then r.job_type when j.entities = '{changes}' then 'changes' else 'round' end,
               'state', case when r.undone_by is not null then 'undone' when r.job_type = 'rollback' then 'completed'
                             else coalesce(j.state, 'waiting') end,
               'finished_at', case when r.job_type = 'rollback' then r.created_at else j.finished_at end,
               'entities', coalesce(j.entities, '{}'), 'calls', coalesce(j.calls, 0), 'tables', coalesce(c.tables, '{}'),
               'undo_until', private.undo_until(r), 'kept_because', private.why_kept(r))
           order by r.created_at desc, r.id), '[]')
    from (select * from public.sync_runs as s
          where (p_user_id is null or s.user_id = p_user_id) and (p_run_id is null or s.id = p_run_id)
            and (p_user_id is not null or p_run_id is not null)
            and (p_connection_ids = '{}' or s.connection_id = any (p_connection_ids))
            and (p_user_id is null or s.connection_id = any (private.connections_of(p_user_id)))
            and (p_before is null or s.created_at < p_before)
          order by s.created_at desc, s.id limit least(p_limit, 500)) as r
    join public.connected_accounts as a on a.id = r.connection_id
    left join lateral (
        select array_agg(distinct j.entity) as entities, sum(j.calls_used) as calls,
               case when bool_and(j.finished_at is not null) then max(j.finished_at) end as finished_at,
               -- The worst of an ended run, the liveliest of one that is open.
               (array_agg(j.status order by array_position(
                   '{running,queued,parked,waiting,quarantined,failed,completed_with_rejects,completed}'::text[], j.status)))[1] as state
        from public.sync_jobs as j where j.run_id = r.id having count(*) > 0) as j on true
    left join lateral (
        select jsonb_object_agg(n.table_name, jsonb_build_object('created', n.created, 'changed', n.changed, 'deleted', n.deleted)) as tables
        from (select c.table_name, coalesce(sum(cardinality(c.keys)) filter (where c.kind = 'created'), 0) as created,
                     count(*) filter (where c.kind = 'changed') as changed,
                     count(*) filter (where c.kind in ('deleted', 'removed')) as deleted
              from private.row_changes as c
              where c.connection_id = r.connection_id and c.run_id = r.id and c.table_name <> 'sync_cursors'
              group by c.table_name) as n
        where n.created + n.changed + n.deleted > 0) as c on true;
$$;
revoke all on function public.runs(uuid, uuid[], uuid, timestamptz, int) from public, anon, authenticated;
grant execute on function public.runs(uuid, uuid[], uuid, timestamptz, int) to service_role;
