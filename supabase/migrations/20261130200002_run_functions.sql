-- Runs are taken back, and everything that changes rows says for which run, in the files of supabase/schemas.

-- lives: `belongs_to` says whose end takes it along: a connection's, a user's, or nobody's (service, reference, and a record,
-- which outlives whom it is about and then names nobody). `life`,
-- counted from `aged_by`, is when the clock takes it; `only_if` spares rows (`t` is the row). Without a life, `bounded`
-- says what keeps the table small.
create or replace function private.lives() returns table (
        table_name text, belongs_to text, life interval, aged_by text, only_if text, bounded text)
language sql immutable set search_path = '' as $$
    values
    ('public.profiles', 'user', null::interval, null, null, 'one a user'),
    ('public.connected_accounts', 'user', null, null, null, 'one a shop of a user'),
    ('private.admins', 'user', null, null, null, 'one a user'),
    ('private.admin_actions', 'record', '3 years', 'at', null, null),
    ('private.rate_limits', 'user', null, null, null, 'one a user and action'),
    ('private.oauth_states', 'user', '1 hour', 'expires_at', null, null),
    ('private.privacy_requests', 'record', '3 years', 'done_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
    ('private.sync_rounds', 'connection', null, null, null, 'one an entity'),
    ('private.rerun_requests', 'connection', null, null, null, 'one an entity'),
    ('public.sync_pages', 'connection', null, null, null, 'go with their job'),
    ('public.certificates', 'connection', null, null, null, 'go with their job'),
    -- The newest proof of an entity stays, however old it is.
    ('public.sync_jobs', 'connection', '180 days', 'finished_at',
     'exists (select from public.sync_jobs as n where n.connection_id = t.connection_id and n.entity = t.entity '
     'and n.job_type = t.job_type and n.status = ''completed'' and n.finished_at > t.finished_at)', null),
    ('public.sync_runs', 'connection', '180 days', 'created_at',
     'not exists (select from public.sync_jobs as j where j.run_id = t.id) '
     'and not exists (select from public.sync_cursors as c where c.run_id = t.id) '
     'and not exists (select from private.rerun_requests as r where r.run_id = t.id)', null),
    -- For so long a run can be taken back.
    ('private.row_changes', 'connection', '30 days', 'at', null, null),
    -- As they came, with whom they name: from the last time that they came.
    ('public.rejected_records', 'connection', '90 days', 'fetched_at', null, null),
    ('private.platform_events', 'connection', '7 days', 'worked_at', null, null),
    -- No page is on its way for so long.
    ('private.closed_objects', 'connection', '90 days', 'gone_at', 't.forgotten_at is null', null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.heartbeats', 'service', '1 day', 'at', null, null),
    ('private.call_minutes', 'service', '2 days', 'minute', null, null),
    ('private.api_calls', 'service', '7 days', 'bucket', null, null),
    ('private.api_answers', 'service', '1 day', 'bucket', null, null),
    ('private.call_blocks', 'service', '1 day', 'bucket', null, null),
    -- What a platform told of its limits it tells again. Not while a call of it is in the ledger, or it is blocked.
    ('private.api_budgets', 'service', '7 days', 'made_at',
     'not exists (select from private.api_calls as c where c.scope = t.scope) '
     'and not exists (select from private.call_blocks as b where b.scope = t.scope) '
     'and coalesce(t.blocked_until, t.made_at) < clock_timestamp()', null),
    ('private.api_buckets', 'service', null, null, null, 'one a scope'),
    ('private.circuit_breakers', 'service', null, null, null, 'one a scope that is away'),
    ('private.installation', 'reference', null, null, null, 'one row'),
    ('private.virtual_clock', 'reference', null, null, null, 'one row'),
    ('private.plan_weights', 'reference', null, null, null, 'one a plan'),
    ('private.round_promises', 'reference', null, null, null, 'one a plan'),
    ('private.round_rules', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- keep_gone: before a record is inserted; an update by the same statement takes what stands in it then. The trigger's
-- arguments: the table whose record is closed, and the column that names it: a variant goes with its product.
create or replace function private.keep_gone() returns trigger
language plpgsql security definer set search_path = '' as $$
declare id text;
begin
    if private.recording_for() is not null then
        -- A rollback restores what stood here.
        return new;
    end if;
    case tg_argv[1]
        when 'platform_id' then id := new.platform_id;
        when 'listing_platform_id' then id := new.listing_platform_id;
        when 'product_platform_id' then id := new.product_platform_id;
    end case;
    if exists (select 1 from private.closed_objects
               where connection_id = new.connection_id and table_name = tg_argv[0] and object_id = id
                 and gone_at > new.fetched_at) then
        new.is_deleted := true;
    end if;
    return new;
end $$;

-- take_children: a record that is gone takes along what came with it. The trigger's arguments: the children's table, and
-- their column that names the parent.
create or replace function private.take_children() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if private.recording_for() is not null then
        return null;
    end if;
    execute format('update public.%I set is_deleted = true, sync_run_id = $1 '
                   'where connection_id = $2 and %I = $3 and not is_deleted', tg_argv[0], tg_argv[1])
        using new.sync_run_id, new.connection_id, new.platform_id;
    return null;
end $$;

-- forget_changes: of these rows, which are erased with their keys, no record is left either. `p_key`: the column that
-- names whose they are.
create or replace function private.forget_changes(p_connection_id uuid, p_table text, p_key text, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
declare gone text[];
begin
    execute format('select array(select t.platform_id from public.%I as t where t.connection_id = $1 and t.%I = any ($2))',
                   p_table, p_key) into gone using p_connection_id, p_ids;
    with forgotten as (
        delete from private.row_changes as c
         where c.connection_id = p_connection_id and c.table_name = p_table and c.before ->> p_key = any (p_ids)
        returning c.keys[1] as key)
    select gone || array_agg(f.key) into gone from forgotten as f;
    update private.row_changes as c set keys = array(select k from unnest(c.keys) as k where k <> all (gone))
     where c.connection_id = p_connection_id and c.table_name = p_table and c.kind = 'created' and c.keys && gone;
end $$;

-- last_bound: up to where the entity of this job was read and proven before it.
create or replace function private.last_bound(job public.sync_jobs) returns timestamptz
language sql stable set search_path = '' as $$
    select coalesce((select j.window_end from public.sync_jobs as j
                     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
                       and j.certificate_id is not null
                       and not exists (select from public.sync_runs as r where r.id = j.run_id and r.undone_by is not null)
                     order by j.created_at desc limit 1), job.window_start);
$$;

-- forget_quiet_round: the round of the entity before this one leaves nothing where it changed nothing: thousands of them
-- would be all that a shop at rest consists of. What came of a round that did is on record.
create or replace function private.forget_quiet_round(job public.sync_jobs) returns void
language plpgsql set search_path = '' as $$
declare before public.sync_jobs;
begin
    select * into before from public.sync_jobs as j
     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
     order by j.created_at desc limit 1;
    if before.job_type is distinct from job.job_type or before.status <> 'completed'
       or exists (select from public.sync_pages as g where g.job_id = before.id and g.created + g.updated + g.rejected > 0)
       or exists (select from private.row_changes as c where c.connection_id = before.connection_id
                                                         and c.run_id = before.run_id and c.table_name <> 'sync_cursors')
    then
        return;
    end if;
    delete from public.sync_jobs where id = before.id;
    delete from private.row_changes as c where c.connection_id = before.connection_id and c.run_id = before.run_id
       and not exists (select from public.sync_jobs as j where j.run_id = c.run_id);
    delete from public.sync_runs as r
     where r.id = before.run_id and not exists (select from public.sync_jobs as j where j.run_id = r.id)
       and not exists (select from public.sync_cursors as c where c.run_id = r.id)
       and not exists (select from private.rerun_requests as q where q.run_id = r.id);
end $$;

-- close_gone: of these objects, for which a job has just asked, the platform showed none; those that a delivery said to be
-- deleted are, and are answered. Of all others nobody said so: they stay as they are. A page that was fetched before
-- brings nothing back.
create or replace function public.close_gone(p_lease_id uuid, p_kind text, p_table text, p_object_ids text[]) returns text[]
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); gone text[];
begin
    select coalesce(array_agg(e.object_id order by e.object_id), '{}') into gone from private.platform_events as e
     where e.connection_id = job.connection_id and e.kind = p_kind and e.object_id = any (p_object_ids)
       and e.says_gone and e.worked_at is null;
    if gone = '{}' then
        return gone;
    end if;
    if not exists (select from pg_catalog.pg_trigger where tgrelid = format('public.%I', p_table)::regclass
                                                       and tgname = 'keep_gone_' || job.platform) then
        raise exception using errcode = 'PT400', message = 'table_not_closed_by_events', detail = p_table,
            hint = 'Name it with private.closed_by_events in the platform''s schema file.';
    end if;
    insert into private.closed_objects as c (connection_id, table_name, object_id, gone_at)
    select job.connection_id, p_table, o.named, clock_timestamp() from unnest(gone) as o (named)
    on conflict (connection_id, table_name, object_id) do update set gone_at = excluded.gone_at;
    execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                   'and platform_id = any ($2) and not is_deleted', p_table) using job.connection_id, gone, job.run_id;
    return gone;
end $$;

-- derived_columns: columns of a synced table that are worked out from other rows, by triggers, whatever changes those.
create or replace function private.derived_columns(p_table text) returns text[]
language sql immutable as $$
    select case p_table when 'orders' then '{cost_amount,cost_currency,cost_source,cost_state}'::text[] else '{}' end;
$$;

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
             or exists (select from private.rerun_requests as q where q.run_id = run.id) then 'run_is_open'
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
    end loop;
    -- Rounds begin from a watermark.
    delete from private.sync_rounds as s using private.round_rules as r, public.connected_accounts as a
     where s.connection_id = p_connection_id and a.id = p_connection_id and r.platform = a.platform and r.entity = s.entity
       and not exists (select from public.sync_cursors as c where c.connection_id = p_connection_id
                                                             and c.entity = coalesce(r.begins_with, r.entity));
    insert into private.sync_rounds (connection_id, entity, due_at, whole_at)
    select a.id, r.entity, clock_timestamp() + private.round_interval(a.user_id, a.platform, r.entity),
           clock_timestamp() + r.whole
      from public.connected_accounts as a join private.round_rules as r on r.platform = a.platform
     where a.id = p_connection_id
       and exists (select from public.sync_cursors as c where c.connection_id = a.id
                                                         and c.entity = coalesce(r.begins_with, r.entity))
    on conflict do nothing;
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
       and j.entity in (select u.entity from public.sync_jobs as u where u.run_id = any (runs || (
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

-- empty_part: the text of these records goes, the figures stay, and of `raw` what their children are read by
-- (bones_<platform>); of what they were before some run as well (changes.sql), so that no rollback brings it back. Those that
-- are empty already cost no write. `p_live`: only what stands, which is what a page brings.
create or replace function private.empty_part(p_connection_id uuid, p_table text, p_key text, p_ids text[], p_clears text[],
                                              p_live boolean default false)
returns void language plpgsql set search_path = '' as $$
declare bones text := 'bones_' || (select a.platform from public.connected_accounts as a where a.id = p_connection_id);
begin
    if p_ids = '{}' then
        return;
    end if;
    bones := case when to_regprocedure(format('private.%I(text,jsonb)', bones)) is null then '''{}''::jsonb'
                  else format('private.%I(%L, %%s)', bones, p_table) end;
    execute format('update public.%I as t set raw = %s, content_hash = 0%s where t.connection_id = $1 and t.%I = any ($2) '
                   'and t.content_hash <> 0%s', p_table, replace(bones, '%s', 't.raw'),
                   (select string_agg(format(', %I = null', c), '') from unnest(p_clears) as c), p_key,
                   case when p_live then ' and not t.is_deleted' else '' end)
        using p_connection_id, p_ids;
    execute format('update private.row_changes as c set before = c.before || jsonb_build_object(''raw'', %s, ''content_hash'', 0) '
                   '|| $4 where c.connection_id = $1 and c.table_name = $3 and c.before ->> %L = any ($2) '
                   'and c.before ->> ''content_hash'' <> ''0''', replace(bones, '%s', 'c.before -> ''raw'''), p_key)
        using p_connection_id, p_ids, p_table, (select coalesce(jsonb_object_agg(k, null), '{}') from unnest(p_clears) as k);
end $$;

-- erase_orders: of these orders of a channel, and of all that came with them, the figures stay.
create or replace function private.erase_orders(p_connection_id uuid, p_orders text[], p_live boolean default false)
returns void language plpgsql set search_path = '' as $$
declare part record; refunds text[];
begin
    refunds := array(select r.platform_id from public.order_refunds as r
                     where r.connection_id = p_connection_id and r.order_platform_id = any (p_orders)
                       and not (p_live and r.is_deleted)
                     union
                     select c.keys[1] from private.row_changes as c
                     where c.connection_id = p_connection_id and c.table_name = 'order_refunds'
                       and c.before ->> 'order_platform_id' = any (p_orders));
    for part in select * from private.personal_parts() loop
        perform private.empty_part(p_connection_id, part.name, part.key,
                                   case when part.of_refund then refunds else p_orders end, part.clears,
                                   p_live and part.key <> 'platform_id');
    end loop;
end $$;

-- erase_buyer: nothing that names these buyers is left of this shop, nor of printers that made their orders: people,
-- orders with all that came with them, records that could not be mapped. Answers whether we knew whom to erase.
-- `p_email` alone may name them; `p_orders` are orders to erase whoever's they are.
create or replace function private.erase_buyer(connection public.connected_accounts, p_ids text[], p_email text, p_orders text[],
                                               p_for_good boolean) returns boolean
language plpgsql set search_path = '' as $$
declare buyers text[] := p_ids; orders text[]; part record; named text[];
begin
    perform private.await_pages(connection.id);
    perform private.bar_pages(connection.id, true);
    -- And the pages of those who print for this user.
    perform private.lock_costs(connection.user_id);
    if cardinality(buyers) = 0 then
        select coalesce(array_agg(c.platform_id), '{}') into buyers from public.customers as c
         where c.connection_id = connection.id and lower(c.email) = lower(p_email);
        buyers := array(select unnest(buyers)
                        union select c.keys[1] from private.row_changes as c
                              where c.connection_id = connection.id and c.table_name = 'customers'
                                and lower(c.before ->> 'email') = lower(p_email));
    end if;
    select coalesce(array_agg(o.platform_id), '{}') into orders from public.orders as o
     where o.connection_id = connection.id and (o.buyer_platform_id = any (buyers) or o.platform_id = any (p_orders));
    -- An order that could not be mapped may have brought a payment all the same.
    orders := array(select unnest(orders) union select unnest(p_orders)
                    -- And one that a rollback took away, or that another buyer's name stands on now, may come back by another.
                    union select c.keys[1] from private.row_changes as c
                          where c.connection_id = connection.id and c.table_name = 'orders'
                            and c.before ->> 'buyer_platform_id' = any (buyers)
                    union select r.platform_id from public.rejected_records as r
                           where r.connection_id = connection.id and r.platform_id is not null
                             and private.names_one(r.raw, buyers));
    -- What the rows say of them, before they say nothing: rejected bytes are found by it.
    named := array(select c.email from public.customers as c
                   where c.connection_id = connection.id and c.platform_id = any (buyers) and c.email <> ''
                   union select p_email where p_email <> '' union select unnest(buyers || orders));
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
    select connection.id, n.name, n.id, clock_timestamp(), n.for_good
    from (select 'customers' as name, b as id, p_for_good as for_good from unnest(buyers) as b
          union all select 'orders', o, true from unnest(orders) as o) as n order by n.name, n.id
    on conflict (connection_id, table_name, object_id) do update
       set forgotten_at = excluded.forgotten_at, for_good = c.for_good or excluded.for_good;
    perform private.empty_part(connection.id, 'customers', 'platform_id', buyers, '{name,email}');
    perform private.erase_orders(connection.id, orders);
    for part in select k.connection_id, array_agg(distinct k.source_id) as ids from private.cost_links as k
                where k.order_connection_id = connection.id and k.order_platform_id = any (orders)
                group by k.connection_id loop
        perform private.erase_made(part.connection_id, part.ids);
    end loop;
    -- What a printer's record names could not be linked where it could not be mapped.
    perform private.forget_rejected(a.id, named) from public.connected_accounts as a where a.user_id = connection.user_id;
    return cardinality(buyers) > 0;
end $$;

-- derive_etsy_payment_orders: which order a ledger entry belongs to (sheet 7.2, "Resolving the order of an entry"): a
-- receipt names it itself (the mapping does that), a transaction through its line, a payment or its fee through the
-- payment. `p_keys`: of these entries, whatever the job has read.
create or replace function private.derive_etsy_payment_orders(job public.sync_jobs, p_after text, p_limit int,
                                                              p_keys text[] default null) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb; orders text[];
begin
    with new as materialized (
        select coalesce(p_keys, array_agg(r.key)) as keys from private.read_keys(job, 'ledger_entries') as r
        where p_keys is null and not private.reads_all(job)),
    batch as materialized (
        (select p.ctid, p.platform_id, p.reference_type, p.reference_id, p.order_platform_id from public.payments as p
         where p.connection_id = job.connection_id and p.platform_id > p_after and p_keys is null and private.reads_all(job)
         order by p.platform_id limit p_limit)
        union all
        (select p.ctid, p.platform_id, p.reference_type, p.reference_id, p.order_platform_id from public.payments as p
         where p.connection_id = job.connection_id and p.platform_id > p_after and p.platform_id = any ((select keys from new)::text[])
         order by p.platform_id limit p_limit)),
    found as materialized (
        select b.ctid, b.platform_id, coalesce(l.order_platform_id, o.order_platform_id) as order_platform_id
        from batch as b
        -- `offset 0` keeps each a look-up by primary key.
        left join lateral (select l.order_platform_id from public.line_items as l
                           where b.reference_type = 'transaction' and l.connection_id = job.connection_id and l.platform_id = b.reference_id offset 0) as l on true
        left join lateral (select o.order_platform_id from public.order_payments as o
                           where b.reference_type in ('shop_payment', 'processing_fee') and o.connection_id = job.connection_id and o.platform_id = b.reference_id offset 0) as o on true
        where b.order_platform_id is null),
    linked as (
        update public.payments as p set order_platform_id = f.order_platform_id, sync_run_id = job.run_id
          from found as f
         where p.ctid = f.ctid and f.order_platform_id is not null
        returning p.order_platform_id)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(platform_id) from batch)),
           array(select distinct l.order_platform_id from linked as l) into answer, orders;
    perform private.keep_orders_erased(job.connection_id, orders);
    return answer;
end $$;

-- derive_etsy_line_payments: ledger entries that came before the line that they name belong to its order.
create or replace function private.derive_etsy_line_payments(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb; orders text[];
begin
    with batch as materialized (
        select r.key from private.read_keys(job, 'receipts') as r where r.key > p_after order by r.key limit p_limit),
    linked as (
        update public.payments as p set order_platform_id = l.order_platform_id, sync_run_id = job.run_id
          from batch as b join public.line_items as l on l.connection_id = job.connection_id and l.order_platform_id = b.key
         where p.connection_id = job.connection_id and p.order_platform_id is null
           and p.reference_type = 'transaction' and p.reference_id = l.platform_id
        returning p.order_platform_id)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(key) from batch)),
           array(select distinct l.order_platform_id from linked as l) into answer, orders;
    perform private.keep_orders_erased(job.connection_id, orders);
    return answer;
end $$;

-- erase_orders_printify: what names the buyer of these orders goes.
create or replace function private.erase_orders_printify(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
    select p_connection_id, 'printify_orders', o.id, clock_timestamp(), true from unnest(p_ids) as o (id) order by o.id
    on conflict (connection_id, table_name, object_id) do update set forgotten_at = excluded.forgotten_at, for_good = true
     where c.forgotten_at is null;
    perform private.empty_part(p_connection_id, 'printify_orders', 'platform_id', p_ids, '{region}');
    perform private.empty_part(p_connection_id, 'printify_line_items', 'order_platform_id', p_ids, '{}');
    -- Its number is a part of its key.
    perform private.forget_changes(p_connection_id, 'printify_shipments', 'order_platform_id', p_ids);
    delete from public.printify_shipments where connection_id = p_connection_id and order_platform_id = any (p_ids);
end $$;

-- order_takes_children: an order that is gone takes along what came with it, also where both come back in one late
-- page.
create or replace function private.order_takes_children() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if private.recording_for() is not null then
        -- A rollback restores its children by themselves.
        return null;
    end if;
    update public.line_items set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_transactions set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_fulfillments set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    return null;
end $$;

-- remove_refunds: an order that is gone takes its refunds along: no record of a refund shows its order any more.
create or replace function private.remove_refunds() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if private.recording_for() is not null then
        return new;
    end if;
    with gone as (
        update public.order_refunds set is_deleted = true, sync_run_id = new.sync_run_id
         where connection_id = new.connection_id and order_platform_id = new.platform_id
           and not is_deleted
        returning platform_id)
    update public.order_refund_lines as l set is_deleted = true, sync_run_id = new.sync_run_id
      from gone
     where l.connection_id = new.connection_id and l.refund_platform_id = gone.platform_id
       and not l.is_deleted;
    return new;
end $$;
