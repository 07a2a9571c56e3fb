-- Jobs of both new kinds.
alter table public.sync_jobs drop constraint sync_jobs_job_type_check,
    add constraint sync_jobs_job_type_check check (job_type in ('backfill', 'incremental', 'refresh', 'sample'));
alter table public.sync_runs drop constraint sync_runs_job_type_check,
    add constraint sync_runs_job_type_check check (job_type in ('backfill', 'incremental', 'refresh', 'rollback', 'sample'));

-- Meet: functions as supabase/schemas say them.

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
    -- What was told is told again on demand.
    ('private.outbox', 'user', '30 days', 'happened_at', null, null),
    -- Longer than any backup is kept that could bring them back.
    ('private.tombstones', 'record', '3 years', 'deleted_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
    ('private.sync_rounds', 'connection', null, null, null, 'one an entity'),
    ('private.samples', 'connection', null, null, null, 'one an entity'),
    ('private.webhook_standings', 'connection', null, null, null, 'one a connection'),
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
    -- So long what a run marked gone can be brought back.
    ('private.missing_records', 'connection', '90 days', 'gone_at', null, null),
    ('private.held_deletions', 'connection', '180 days', 'decided_at', null, null),
    ('private.full_refreshes', 'connection', '180 days', 'ended_at', null, null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('public.unit_costs', 'connection', null, null, null, 'one a value of a variant'),
    ('public.shop_time_zones', 'connection', null, null, null, 'one a change of a shop''s zone'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    ('public.money_days', 'connection', null, null, null, 'one a day, currency and class'),
    ('public.money_day_states', 'connection', null, null, null, 'one a day'),
    ('private.money_marks', 'connection', null, null, null, 'until they are rolled up'),
    ('private.money_touched', 'connection', null, null, null, 'until they are rolled up'),
    -- Sellers pay taxes by what stood there: it goes with the shop.
    ('private.money_journal', 'connection', null, null, null, 'one each change of a closed day'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.lateness', 'service', '90 days', 'week', null, null),
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
    ('private.round_prices', 'reference', null, null, null, 'one a platform whose shops share a day'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.money_classes', 'reference', null, null, null, 'one a class'),
    ('private.money_kinds', 'reference', null, null, null, 'one a kind of a platform''s records'),
    ('private.money_streams', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- connections: what a user connected, how fresh it is, and what it waits for.
create or replace function public.connections(p_user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name,
                   'currency', a.currency,
                   'status', a.status, 'status_reason', a.status_reason, 'connected_at', a.connected_at,
                   'last_synced_at', (select max(j.finished_at) from public.sync_jobs as j
                                      where j.connection_id = a.id and j.status = 'completed' and j.job_type not in ('refresh', 'sample')),
                   'syncing', exists (select 1 from public.sync_jobs as j
                                      where j.connection_id = a.id
                                        and j.status in ('waiting', 'queued', 'running', 'parked')))
               order by a.platform, a.shop_name, a.shop_id), '[]')
        from public.connected_accounts as a where a.user_id = p_user_id);
end $$;

-- tell_ended: an entity could not be read to its proof (once, until the reason is another one), or a round brought something.
-- A round that brought nothing is told where a person asked for it, or where the one before it had failed.
create or replace function private.tell_ended() returns trigger
language plpgsql security definer set search_path = '' as $$
declare before public.sync_jobs; facts jsonb; seen record; gone bigint;
begin
    if new.job_type = 'refresh' then
        -- Nothing of the shop has changed.
        return null;
    end if;
    select * into before from public.sync_jobs as j
     where j.connection_id = new.connection_id and j.entity = new.entity and j.id <> new.id and j.finished_at is not null
       and j.job_type not in ('refresh', 'sample')
     order by j.created_at desc limit 1;
    facts := jsonb_build_object('connection_id', new.connection_id, 'platform', new.platform, 'shop_id', (
                 select a.shop_id from public.connected_accounts as a where a.id = new.connection_id),
                 'entity', new.entity, 'run_id', new.run_id);
    -- That a shop was disconnected is told of the shop.
    if new.status <> 'completed' and new.job_type <> 'sample' and new.error_code <> 'disconnected' and new.error_code is distinct from before.error_code then
        perform private.tell(new.user_id, 'entity.incomplete', facts || jsonb_build_object(
            'status', new.status, 'code', new.error_code, 'records', new.records_done, 'rejected', new.records_rejected));
    end if;
    if new.job_type = 'backfill' or new.certificate_id is null then
        return null;
    end if;
    select coalesce(sum(g.created), 0) as created, coalesce(sum(g.updated), 0) as updated, coalesce(sum(g.rejected), 0) as rejected
      into seen from public.sync_pages as g where g.job_id = new.id;
    select coalesce(sum((c #>> '{detail,gone}')::bigint), 0) into gone
      from public.certificates as k, jsonb_array_elements(k.checks) as c
     where k.id = new.certificate_id and c ->> 'name' = 'gone';
    if seen.created + seen.updated + seen.rejected + gone > 0
       or before.id is not null and before.certificate_id is null
       or exists (select from public.sync_runs as r where r.id = new.run_id and r.trigger not in ('round', 'webhook')) then
        perform private.tell(new.user_id, 'sync.completed', facts || jsonb_build_object(
            'created', seen.created, 'updated', seen.updated, 'deleted', gone, 'rejected', seen.rejected));
    end if;
    return null;
end $$;

-- rank_plan: a plan counts from the next claim on: what is open is ranked by it. Backfills as directives/backfill.md says
-- (ten a plan), rounds as they are queued; what was charged before stays charged.
create or replace function private.rank_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
declare heavier int;
begin
    select count(*) into heavier from private.plan_weights as w
     where w.weight > coalesce((select m.weight from private.plan_weights as m where m.plan = new.plan), 1);
    update public.sync_jobs as j
       set priority = case when j.job_type <> 'incremental' then j.priority - mod(j.priority, 100) + 10 * heavier else -50 + heavier end
     where j.user_id = new.user_id and j.status in ('waiting', 'queued', 'running', 'parked')
       -- What webhooks named goes first, whoever's it is.
       and (j.job_type in ('backfill', 'refresh') or j.job_type = 'incremental' and j.priority >= -50);
    return null;
end $$;

-- open_since: since when a job of this entity is open that reads it; null where none is.
create or replace function private.open_since(p_connection_id uuid, p_entity text) returns timestamptz
language sql stable set search_path = '' as $$
    select min(j.created_at) from public.sync_jobs as j
    where j.connection_id = p_connection_id and j.entity = p_entity
      -- A full refresh reads beside the shop's rows, which are followed all the while; a sample follows nothing.
      and j.job_type not in ('refresh', 'sample') and j.status in ('waiting', 'queued', 'running', 'parked');
$$;

-- last_bound: up to where the entity of this job was read and proven before it.
create or replace function private.last_bound(job public.sync_jobs) returns timestamptz
language sql stable set search_path = '' as $$
    select coalesce((select j.window_end from public.sync_jobs as j
                     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
                       and j.certificate_id is not null and j.job_type not in ('refresh', 'sample')
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
       and j.job_type not in ('refresh', 'sample')
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

-- commit_page: the heart. `$1` is {"page": <the bytes as they came>, "envelope": {...}}, or with "records" in place
-- of "page" the same page cut into single records because one of them is poison. The envelope comes last, so a page
-- cannot bring one of its own. Idempotent by page_id: when the answer was lost, a second call returns the same one.
create or replace function public.commit_page(text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    document jsonb := $1::jsonb;
    env jsonb := document -> 'envelope';
    job public.sync_jobs;
    at timestamptz := (env ->> 'fetched_at')::timestamptz;
    stream_name text := env ->> 'stream';
    shape text := env ->> 'shape';
    landed private.landed;
    one_by_one record;
    rejected_now int := 0;
    fresh_keys int;
    result jsonb;
begin
    select p.answer into result from public.sync_pages as p where p.page_id = (env ->> 'page_id')::uuid;
    if found then
        return result;
    end if;
    job := private.reading_job((env ->> 'lease_id')::uuid);
    if job.page_seq <> (env ->> 'seq')::int then
        raise exception using errcode = 'PT409', message = 'page_out_of_order',
            detail = format('page %s came, %s pages are committed', env ->> 'seq', job.page_seq);
    end if;

    if document ? 'records' then
        one_by_one := private.land_one_by_one(job, stream_name, shape, at, document -> 'records');
        landed := one_by_one.landed;
        rejected_now := one_by_one.rejected;
    else
        landed := private.land_records(job, shape, at,
                                       document #> ('{page}' || string_to_array(env ->> 'records_at', '.')));
    end if;

    if job.job_type in ('incremental', 'sample') and landed.created + landed.updated > 0 then
        perform private.note_lateness(job, landed.keys, at);
    end if;

    -- A record that was rejected before needs nobody's attention any more, now that a later fetch of it has landed or
    -- was rejected with other bytes. What this very page rejects has its time of fetching.
    update public.rejected_records as r set status = 'superseded', settled_at = clock_timestamp()
     where r.connection_id = job.connection_id and r.stream = stream_name
       and r.status in ('open', 'partial') and r.platform_id = any (landed.keys) and r.fetched_at < at;

    -- Pages overlap by a record, and a second pass reads the same again: progress counts neither twice.
    select count(*) into fresh_keys from (
        select unnest(landed.keys) where (env ->> 'pass')::int = 1
        except
        select unnest(p.keys) from public.sync_pages as p
        where p.job_id = job.id and p.seq = job.page_seq - 1 and p.stream = stream_name) as k;

    result := jsonb_build_object('seq', job.page_seq + 1, 'created', landed.created, 'updated', landed.updated,
        'unchanged', landed.unchanged, 'stale', landed.stale, 'rejected', rejected_now);
    insert into public.sync_pages (job_id, seq, page_id, connection_id, user_id, platform, entity, stream, part, pass,
                                   window_start, window_end, position, provider_count, keys, created, updated, unchanged, stale,
                                   rejected, fetched_at, answer)
    values (job.id, job.page_seq, (env ->> 'page_id')::uuid, job.connection_id, job.user_id, job.platform, job.entity,
            stream_name,
            (env ->> 'part')::int, (env ->> 'pass')::int,
            to_timestamp((env ->> 'window_start')::bigint), to_timestamp((env ->> 'window_end')::bigint),
            (env ->> 'position')::bigint, (env ->> 'provider_count')::bigint, landed.keys, landed.created,
            landed.updated, landed.unchanged, landed.stale, rejected_now, at, result);

    if (env ->> 'closing')::boolean then
        -- The window has been read to its end: how many distinct records did this pass, and did all passes, see?
        result := result || (
            select jsonb_build_object(
                       'pass_keys', count(distinct k) filter (where p.pass = (env ->> 'pass')::int),
                       'window_keys', count(distinct k))
            from public.sync_pages as p, unnest(p.keys) as k
            where p.job_id = job.id and p.stream = stream_name and p.part = (env ->> 'part')::int
              and p.window_start is not distinct from to_timestamp((env ->> 'window_start')::bigint)
              and p.window_end is not distinct from to_timestamp((env ->> 'window_end')::bigint));
        update public.sync_pages set answer = result where job_id = job.id and seq = job.page_seq;
    end if;

    update public.sync_jobs
       set cursor = env -> 'cursor', page_seq = job.page_seq + 1,
           records_done = records_done + fresh_keys,
           records_total = coalesce((env ->> 'total')::bigint, records_total),
           fraction = coalesce((env ->> 'fraction')::real, fraction),
           records_rejected = records_rejected + rejected_now,
           lease_expires_at = clock_timestamp() + make_interval(secs => coalesce((env ->> 'lease_seconds')::int, 60)),
           -- A page that landed is progress: what went wrong before it is forgiven.
           attempts = 0, deaths = 0, refused_code = null
     where id = job.id;
    return result;
end $$;

-- backfill_status: how the backfills of a user's shops stand, as one JSON value, so that no row cap can cut it. Of an entity that is
-- being read once more, or was stopped in that, also when it was last proven complete and how much of it is held since:
-- until the new reading ends, that is what there is.
create or replace function public.backfill_status(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_id', p.user_id, 'plan', p.plan, 'backfill_status', p.backfill_status,
        'backfill_completed_at', p.backfill_completed_at, 'failures', p.backfill_failures, 'now', clock_timestamp(),
        'paused_at', p.paused_at,
        'connections', coalesce((
            select jsonb_agg(jsonb_build_object('connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id,
                       'shop_name', a.shop_name, 'status', a.status, 'status_reason', a.status_reason,
                       'paused_at', coalesce(p.paused_at, a.paused_at))
                   order by a.platform, a.shop_name, a.shop_id)
            from public.connected_accounts as a where a.user_id = p.user_id), '[]'),
        'jobs', coalesce((
            select jsonb_agg(jsonb_build_object(
                       'job_id', j.id, 'platform', j.platform, 'connection_id', j.connection_id, 'shop_id', a.shop_id,
                       'entity', j.entity, 'status', j.status,
                       'records_done', j.records_done, 'records_total', j.records_total,
                       'records_rejected', j.records_rejected, 'fraction', j.fraction, 'pages', j.page_seq, 'calls_used', j.calls_used,
                       'attempts', j.attempts, 'deaths', j.deaths, 'run_after', j.run_after,
                       'park_reason', j.park_reason, 'park_code', j.park_code, 'error_code', j.error_code,
                       'error', j.error, 'seller_message', j.seller_message,
                       'doubted_at', j.doubted_at, 'created_at', j.created_at, 'started_at', j.started_at,
                       'finished_at', j.finished_at, 'window_start', j.window_start, 'window_end', j.window_end,
                       'watermark', w.watermark,
                       'looked_at', (select n.finished_at from public.sync_jobs as n
                                     where n.connection_id = j.connection_id and n.entity = j.entity
                                       and n.job_type = 'incremental' and n.certificate_id is not null
                                       and n.finished_at > j.finished_at
                                     order by n.created_at desc limit 1), 'certificate', to_jsonb(c) - 'user_id',
                       'sampled', private.sampled(j.connection_id, j.entity),
                       'last_complete', case when j.status <> 'completed' then (
                           select jsonb_build_object('at', k.issued_at, 'held', k.distinct_keys - k.rejected)
                           from public.certificates as k
                           where k.connection_id = j.connection_id and k.entity = j.entity and k.is_whole
                             and not exists (select from public.sync_jobs as n where n.id = k.job_id and n.job_type = 'sample')
                             and not exists (select from private.full_refreshes as f where f.id = k.run_id)
                           order by k.issued_at desc limit 1) end)
                   order by j.platform, a.shop_name, a.shop_id, j.position)
            from (select distinct on (connection_id, entity) * from public.sync_jobs
                  where user_id = p.user_id and job_type = 'backfill'
                  order by connection_id, entity, created_at desc, id) as j
            join public.connected_accounts as a on a.id = j.connection_id
            left join public.certificates as c on c.id = j.certificate_id
            left join public.sync_cursors as w on w.connection_id = j.connection_id and w.entity = j.entity), '[]'))
    from public.profiles as p where p.user_id = p_user_id;
$$;

-- swap_table: the rows of one table that differ. `p_part` is one of the refresh's tables, `p_outdated` by table what is left alone.
-- A child is as new as its parent. Rows come by insertion, so that whatever watches over what lands watches over this too.
create or replace function private.swap_table(refresh private.full_refreshes, p_part jsonb, p_outdated jsonb) returns void
language plpgsql set search_path = '' as $$
declare t text := p_part ->> 'table'; columns text; values_ text; sets text; compared text; stored text; fresh text := 'true'; parent jsonb;
begin
    select string_agg(quote_ident(c.name), ', ' order by c.n), string_agg(c.value, ', ' order by c.n),
           string_agg(format('%1$I = excluded.%1$I', c.name), ', ' order by c.n),
           -- Not where a record was touched by a fetch that changed nothing of it.
           string_agg(c.value, ', ' order by c.n) filter (where c.name <> 'source_updated_at'),
           string_agg(format('t.%I', c.name), ', ' order by c.n) filter (where c.name <> 'source_updated_at')
      into columns, values_, sets, compared, stored
      from (select a.attname as name, a.attnum as n, private.kept_value(a.attname, p_part -> 'keeps' -> a.attname) as value
            from pg_catalog.pg_attribute as a
            where a.attrelid = format('public.%I', t)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              and a.attname <> all (private.derived_columns(t) || '{connection_id,user_id,platform_id,fetched_at,sync_run_id,first_seen_at}')) as c;
    for parent in select e from jsonb_array_elements(p_part -> 'parents') as e loop
        fresh := fresh || format(' and not exists (select from jsonb_array_elements_text($5 -> %L) as o(key) where o.key = s.%I)',
                                 parent ->> 'table', parent ->> 'column');
    end loop;
    execute format($sql$
        with differing as materialized (
            select s.platform_id, s.fetched_at, %3$s
            from public.%1$I as s
            left join public.%1$I as t on t.connection_id = $1 and t.platform_id = s.platform_id
            where s.connection_id = $2 and %7$s
              and not exists (select from jsonb_array_elements_text($5 -> %1$L) as o(key) where o.key = s.platform_id)
              and case when t.platform_id is null then not s.is_deleted else (%4$s) is distinct from (%5$s) end)
        insert into public.%1$I (connection_id, user_id, platform_id, fetched_at, sync_run_id, %2$s)
        select $1, $3, d.platform_id, d.fetched_at, $4, %2$s from differing as d
        on conflict (connection_id, platform_id) do update
           set fetched_at = excluded.fetched_at, sync_run_id = excluded.sync_run_id, %6$s
    $sql$, t, columns, (select string_agg(v, ', ') from (
              select private.kept_value(a.attname, p_part -> 'keeps' -> a.attname) || ' as ' || quote_ident(a.attname) as v
              from pg_catalog.pg_attribute as a
              where a.attrelid = format('public.%I', t)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                and a.attname <> all (private.derived_columns(t) || '{connection_id,user_id,platform_id,fetched_at,sync_run_id,first_seen_at}')
              order by a.attnum) as q), compared, stored, sets, fresh)
      using refresh.connection_id, refresh.shadow_id, refresh.user_id, refresh.id, p_outdated;
    -- What a record does not show any more inside it. Not of one that could be read in part only, nor that shows some alone.
    for parent in select e from jsonb_array_elements(p_part -> 'parents') as e loop
        execute format($sql$
            update public.%1$I as t set is_deleted = true, fetched_at = p.fetched_at, sync_run_id = $4
              from public.%2$I as p
             where p.connection_id = $2 and not p.is_deleted and p.platform_id = t.%3$I %4$s
               and t.connection_id = $1 and not t.is_deleted and t.fetched_at <= p.fetched_at
               and not exists (select from public.%1$I as s
                               where s.connection_id = $2 and s.platform_id = t.platform_id and not s.is_deleted)
               and not exists (select from jsonb_array_elements_text($5 -> %2$L) as o(key) where o.key = p.platform_id)
               and not exists (select from public.rejected_records as r
                               where r.connection_id in ($1, $2) and r.platform_id = p.platform_id and r.status in ('open', 'partial'))
        $sql$, t, parent ->> 'table', parent ->> 'column', (
                  select coalesce(string_agg(format('and (p.raw #>> %L) is distinct from ''true''', string_to_array(path, '.')), ' '), '')
                  from jsonb_array_elements_text(parent -> 'more_at') as path))
          using refresh.connection_id, refresh.shadow_id, refresh.user_id, refresh.id, p_outdated;
    end loop;
end $$;
