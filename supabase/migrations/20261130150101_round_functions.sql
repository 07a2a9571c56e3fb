-- Rounds: incremental jobs are planned with every ending, queued by the clock, proven by what they read (rounds.sql).

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

-- reads_all: whether a job reads all of its entity, from the beginning.
create or replace function private.reads_all(job public.sync_jobs) returns boolean
language sql immutable set search_path = '' as $$ select job.job_type = 'backfill' or job.is_whole $$;

-- claim_job: lease the next due job to this worker, or answer null, in the order of virtual time. Idempotent for one
-- lease id, so a lost answer costs nothing. One statement takes the job: it skips those that others are taking now. A
-- job that was away for days (an outage, a reconnect) catches up by a hundred calls at most.
create or replace function public.claim_job(p_lease_id uuid, p_worker text, p_lease_seconds int default 60)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs; connection public.connected_accounts;
begin
    select * into job from public.sync_jobs where lease_id = p_lease_id;
    if not found then
        perform private.wake_due_jobs();
        begin
            update public.sync_jobs as j
               set status = 'running', lease_id = p_lease_id, leased_by = p_worker,
                   lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds),
                   started_at = coalesce(started_at, clock_timestamp()),
                   served_at = clock_timestamp(),
                   virtual_time = greatest(j.virtual_time, (select virtual_time - 100 from private.virtual_clock))
             where id = (
                select q.id from public.sync_jobs as q
                where q.status = 'queued'
                  and not exists (select 1 from public.sync_jobs as r
                                  where r.connection_id = q.connection_id and r.status = 'running')
                order by private.round_of(q.virtual_time), q.priority, q.served_at, q.id
                limit 1 for update skip locked)
            returning * into job;
        exception when unique_violation then
            -- A sibling of the same shop was claimed in this very moment: its bell rings again. Or this
            -- lease was, by an earlier call of the same claim: that one's job is the answer.
            select * into job from public.sync_jobs where lease_id = p_lease_id;
        end;
        if job.id is null then
            return null;
        end if;
    end if;
    select * into connection from public.connected_accounts where id = job.connection_id;
    return to_jsonb(job) || jsonb_build_object(
        'shop_id', connection.shop_id, 'shop_created_at', connection.shop_created_at, 'currency', connection.currency,
        'connection_status', connection.status, 'now', clock_timestamp(),
        'watermark', (select w.watermark from public.sync_cursors as w
                      where w.connection_id = job.connection_id and w.entity = job.entity),
        'rights', (select rights from private.platform_tokens where connection_id = connection.id));
end $$;

-- end_job: what every ending has in common. The next entity moves up, whatever became of this one. The request for a
-- rerun is looked for under the profile's lock, which whoever leaves one holds too: it is either seen here, or its
-- trigger sees the end.
create or replace function private.end_job(job public.sync_jobs, p_status text, p_code text, p_error text,
                                           p_seller_message text, p_certificate_id uuid) returns void
language plpgsql set search_path = '' as $$
declare rerun private.rerun_requests;
begin
    -- Endings and triggers of one user take turns, so that neither misses the other's jobs. `no key`: the checks of
    -- foreign keys share the row, and a stronger lock after them would be a deadlock of two endings.
    perform 1 from public.profiles where user_id = job.user_id for no key update;
    update public.sync_jobs
       set status = p_status, error_code = p_code, error = p_error, seller_message = p_seller_message,
           certificate_id = p_certificate_id, lease_id = null, lease_expires_at = null, run_after = null,
           park_reason = null, park_code = null, finished_at = clock_timestamp(),
           refused_code = null,
           fraction = case when p_certificate_id is not null then 1 else fraction end
     where id = job.id;
    delete from private.rerun_requests as r
     where r.connection_id = job.connection_id and r.entity = job.entity and r.job_type = job.job_type
    returning * into rerun;
    if rerun.run_id is not null
       and exists (select 1 from public.connected_accounts where id = job.connection_id and status = 'connected') then
        insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, priority, position,
                                      created_at)
        values (job.user_id, job.connection_id, rerun.run_id, job.platform, job.entity, job.job_type, job.priority,
                job.position, clock_timestamp());
    end if;
    perform private.plan_rounds(job, p_certificate_id is not null);
    perform private.promote_next(job.connection_id, job.job_type);
    if job.job_type = 'backfill' then
        perform private.settle_profile(job.user_id);
    end if;
end $$;

-- tick: what the clock does. Harmless when run twice at once. Answers what is claimable and when to look again.
create or replace function public.tick(p_quarantined text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare woken int; rescued int; rounds int;
begin
    rescued := private.rescue_jobs(p_quarantined);
    woken := private.wake_due_jobs();
    rounds := private.queue_due_rounds();
    return jsonb_build_object(
        'rescued', rescued, 'woken', woken, 'rounds', rounds,
        'queued', (select count(*) from (select 1 from public.sync_jobs where status = 'queued' limit 1000) as q),
        'running', (select count(*) from (select 1 from public.sync_jobs where status = 'running' limit 1000) as r),
        'next_due', (select min(run_after) from public.sync_jobs where status = 'parked'),
        'next_lapse', (select min(lease_expires_at) from public.sync_jobs where status = 'running'),
        'now', clock_timestamp());
end $$;

-- age_step: which step of its life something of this age is in; steps begin at ten minutes and grow by half.
create or replace function private.age_step(p_age interval) returns int
language sql immutable set search_path = '' as $$
    select floor(ln(greatest(extract(epoch from p_age) / 600, 1)) / ln(1.5))::int;
$$;

-- last_bound: up to where the entity of this job was read and proven before it.
create or replace function private.last_bound(job public.sync_jobs) returns timestamptz
language sql stable set search_path = '' as $$
    select coalesce((select j.window_end from public.sync_jobs as j
                     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
                       and j.certificate_id is not null
                     order by j.created_at desc limit 1), job.window_start);
$$;

-- round_interval: how long a user's entity may be left alone.
create or replace function private.round_interval(p_user_id uuid, p_platform text, p_entity text) returns interval
language sql stable set search_path = '' as $$
    select greatest(r.seldom, coalesce(p.every, (select every from private.round_promises where plan = 'free')))
    from private.round_rules as r
    left join public.profiles as u on u.user_id = p_user_id
    left join private.round_promises as p on p.plan = u.plan
    where r.platform = p_platform and r.entity = p_entity;
$$;

-- plan_rounds: what follows the ending of a job. A proven backfill has its first round planned, in the transaction that
-- completes it; of a round the next one, whatever became of it, and what it found to be read is read at once.
create or replace function private.plan_rounds(job public.sync_jobs, p_is_proven boolean) returns void
language plpgsql set search_path = '' as $$
declare woken text; bound timestamptz := coalesce(job.window_end, clock_timestamp());
begin
    if job.job_type = 'backfill' then
        insert into private.sync_rounds as s (connection_id, entity, due_at, whole_at)
        select job.connection_id, r.entity,
               bound + private.round_interval(job.user_id, job.platform, r.entity), bound + r.whole
          from private.round_rules as r
         where p_is_proven and r.platform = job.platform and coalesce(r.begins_with, r.entity) = job.entity
        on conflict (connection_id, entity) do update set due_at = excluded.due_at, whole_at = excluded.whole_at;
        return;
    end if;
    -- What was proven is true up to its bound; what failed is tried again as if it had been.
    update private.sync_rounds as s
       set due_at = case when p_is_proven then bound else clock_timestamp() end
                    + private.round_interval(job.user_id, job.platform, job.entity),
           whole_at = case when p_is_proven and job.is_whole then bound + (
                               select r.whole from private.round_rules as r
                               where r.platform = job.platform and r.entity = job.entity)
                           else s.whole_at end
     where s.connection_id = job.connection_id and s.entity = job.entity;
    if not p_is_proven then
        return;
    end if;
    perform private.forget_quiet_round(job);
    if to_regprocedure(format('private.woken_by_%s_%s(public.sync_jobs)', job.platform, job.entity)) is not null then
        for woken in execute format('select private.woken_by_%s_%s($1)', job.platform, job.entity) using job loop
            perform private.queue_round(job.connection_id, woken, 'round');
        end loop;
    end if;
end $$;

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
    then
        return;
    end if;
    delete from public.sync_jobs where id = before.id;
    delete from public.sync_runs as r
     where r.id = before.run_id and not exists (select from public.sync_jobs as j where j.run_id = r.id)
       and not exists (select from public.sync_cursors as c where c.run_id = r.id)
       and not exists (select from private.rerun_requests as q where q.run_id = r.id);
end $$;

-- queue_round: queue an entity's round now, unless one is open, or nothing was ever proven that it could begin from. Before
-- backfills, after what webhooks named; among rounds the dearer plan first. Answers whether it did.
create or replace function private.queue_round(p_connection_id uuid, p_entity text, p_trigger text) returns boolean
language plpgsql set search_path = '' as $$
declare shop public.connected_accounts; rule private.round_rules; run uuid := gen_random_uuid(); rank int;
        is_whole boolean; begins timestamptz;
begin
    select * into shop from public.connected_accounts where id = p_connection_id and status = 'connected';
    select * into rule from private.round_rules where platform = shop.platform and entity = p_entity;
    if rule.entity is null
       or not exists (select from public.sync_cursors as c where c.connection_id = p_connection_id
                                                             and c.entity = coalesce(rule.begins_with, p_entity))
       or exists (select from public.sync_jobs as j
                  where j.connection_id = p_connection_id and j.entity = p_entity
                    and j.status in ('waiting', 'queued', 'running', 'parked')) then
        return false;
    end if;
    select count(*) into rank from private.plan_weights as w
     where w.weight > coalesce((select m.weight from public.profiles as p join private.plan_weights as m on m.plan = p.plan
                                where p.user_id = shop.user_id), 1);
    select coalesce(s.whole_at <= clock_timestamp(), false) into is_whole from private.sync_rounds as s
     where s.connection_id = shop.id and s.entity = p_entity;
    if is_whole then
        -- As far back as the backfill went.
        select j.window_start into begins from public.sync_jobs as j
         where j.connection_id = shop.id and j.entity = p_entity and j.job_type = 'backfill'
         order by j.created_at desc limit 1;
    end if;
    insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)
    values (run, shop.id, shop.user_id, 'incremental', p_trigger);
    insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, is_whole, window_start,
                                  priority, position, created_at)
    values (shop.user_id, shop.id, run, shop.platform, p_entity, 'incremental', coalesce(is_whole, false), begins,
            -50 + rank, rule.position, clock_timestamp());
    perform private.promote_next(shop.id, 'incremental');
    return true;
end $$;

-- queue_due_rounds: what is due is queued, the longest overdue first. It waits for nobody: whose profile is locked, by
-- another clock or an ending of his, is left for the next beat. One whose entity is being read comes again after that.
create or replace function private.queue_due_rounds(p_most int default 200) returns int
language plpgsql set search_path = '' as $$
declare one record; queued int := 0;
begin
    for one in select s.connection_id, s.entity, a.user_id, private.round_interval(a.user_id, a.platform, s.entity) as every
               from private.sync_rounds as s join public.connected_accounts as a on a.id = s.connection_id
               where s.due_at <= (select clock_timestamp())
               order by s.due_at limit p_most for update of s skip locked loop
        perform 1 from public.profiles where user_id = one.user_id for no key update skip locked;
        continue when not found;
        queued := queued + private.queue_round(one.connection_id, one.entity, 'round')::int;
        update private.sync_rounds set due_at = clock_timestamp() + coalesce(one.every, '1 day')
         where connection_id = one.connection_id and entity = one.entity;
    end loop;
    return queued;
end $$;

-- queue_rounds: what a person asks to be read now, of a user's shops. `p_connection_ids` and `p_entities`: all where empty.
-- Answers {jobs: [{platform, connection_id, shop_id, entity, outcome}]}: queued, already_running, or not_loaded.
create or replace function public.queue_rounds(p_user_id uuid, p_trigger text, p_connection_ids uuid[],
                                               p_entities text[] default '{}') returns jsonb
language plpgsql security definer set search_path = '' as $$
declare wanted record; outcomes jsonb := '[]'; outcome text;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    for wanted in
        select a.id as connection_id, a.platform, a.shop_id, r.entity, s.connection_id is not null as is_loaded
        from public.connected_accounts as a
        join private.round_rules as r on r.platform = a.platform
        left join private.sync_rounds as s on s.connection_id = a.id and s.entity = r.entity
        where a.user_id = p_user_id and (p_connection_ids = '{}' or a.id = any (p_connection_ids))
          and (p_entities = '{}' or r.entity = any (p_entities))
        order by a.platform, a.shop_id, r.position loop
        outcome := case
            when not wanted.is_loaded then 'not_loaded'
            when private.queue_round(wanted.connection_id, wanted.entity, p_trigger) then 'queued'
            when exists (select from public.sync_jobs as j
                         where j.connection_id = wanted.connection_id and j.entity = wanted.entity
                           and j.status in ('waiting', 'queued', 'running', 'parked')) then 'already_running'
            else 'not_connected' end;
        outcomes := outcomes || jsonb_build_object('platform', wanted.platform, 'connection_id', wanted.connection_id,
            'shop_id', wanted.shop_id, 'entity', wanted.entity, 'outcome', outcome);
    end loop;
    return jsonb_build_object('jobs', outcomes);
end $$;

revoke all on function public.queue_rounds(uuid, text, uuid[], text[]) from public, anon, authenticated;

grant execute on function public.queue_rounds(uuid, text, uuid[], text[]) to service_role;

-- backfill_status: how the backfills of a user's shops stand, as one JSON value, so that no row cap can cut it. Of an entity that is
-- being read once more, or was stopped in that, also when it was last proven complete and how much of it is held since:
-- until the new reading ends, that is what there is.
create or replace function public.backfill_status(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_id', p.user_id, 'plan', p.plan, 'backfill_status', p.backfill_status,
        'backfill_completed_at', p.backfill_completed_at, 'failures', p.backfill_failures, 'now', clock_timestamp(),
        'connections', coalesce((
            select jsonb_agg(jsonb_build_object('connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id,
                       'shop_name', a.shop_name, 'status', a.status, 'status_reason', a.status_reason)
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
                       'last_complete', case when j.status <> 'completed' then (
                           select jsonb_build_object('at', k.issued_at, 'held', k.distinct_keys - k.rejected)
                           from public.certificates as k
                           where k.connection_id = j.connection_id and k.entity = j.entity and k.is_whole
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

-- read_keys: what this job read of a stream, by key.
create or replace function private.read_keys(job public.sync_jobs, p_stream text) returns table (key text)
language sql stable set search_path = '' as $$
    select distinct k from public.sync_pages as g, unnest(g.keys) as k where g.job_id = job.id and g.stream = p_stream;
$$;

-- audit_windows: the windows of a stream as this job read them.
create or replace function private.audit_windows(job public.sync_jobs, p_stream text) returns jsonb
language sql stable set search_path = '' as $$
    with windows as (
        select part, window_start, window_end, max(pass) as passes,
               count(*) filter (where pass = last_pass) as pages,
               (array_agg(provider_count order by seq desc))[1] as provider_count
        from (select *, max(pass) over (partition by part, window_start, window_end) as last_pass
              from public.sync_pages where job_id = job.id and stream = p_stream) as g
        group by part, window_start, window_end)
    select coalesce(jsonb_agg(jsonb_build_object(
               'part', part, 'start', extract(epoch from window_start)::bigint,
               'end', extract(epoch from window_end)::bigint, 'passes', passes, 'pages', pages,
               'provider_count', provider_count) order by part, window_start), '[]')
    from windows;
$$;

-- audit_job: a piece of what the pagination audit and the table say about the stream that this job read: keys first, then
-- times. `p_newest` is the key of the newest record that the platform shows.
create or replace function private.audit_job(job public.sync_jobs, p_stream text, p_table text, p_time_column text, p_newest text,
                                             p_rest jsonb, p_rows int) returns jsonb
language plpgsql set search_path = '' as $$
declare facts jsonb; counts jsonb := p_rest -> 'counts'; times jsonb := coalesce(p_rest -> 'times', '{}'); piece jsonb;
        start text := coalesce(p_rest ->> 'from', ''); bound text;
begin
    if not p_rest ? 'times' then
        bound := least(private.key_bound(p_table, job.connection_id, start, p_rows),
                       private.page_keys_bound(job.id, p_stream, start, p_rows));
        counts := private.add_counts(counts, private.audit_keys(job, p_stream, p_table, start, bound));
        if bound is not null then
            return jsonb_build_object('rest', jsonb_build_object('from', bound, 'counts', counts));
        end if;
    end if;
    if p_time_column <> '' then
        piece := private.audit_times(job.connection_id, p_table, p_time_column, (times ->> 'next')::timestamptz, p_rows);
        times := jsonb_build_object(
            'earliest', coalesce(times ->> 'earliest', piece ->> 'earliest'), 'latest', coalesce(piece ->> 'latest', times ->> 'latest'),
            'gaps', (select coalesce(jsonb_agg(l.gap order by (l.gap ->> 'seconds')::numeric desc, l.gap ->> 'until'), '[]') from (
                        select gap from jsonb_array_elements(coalesce(times -> 'gaps', '[]') || (piece -> 'gaps')) as e(gap)
                        order by (gap ->> 'seconds')::numeric desc, gap ->> 'until' limit 5) as l),
            'classes', private.add_counts(times -> 'classes', piece -> 'classes'), 'next', piece -> 'next');
        if piece ->> 'next' is not null then
            return jsonb_build_object('rest', jsonb_build_object('counts', counts, 'times', times));
        end if;
        times := jsonb_build_object('earliest', times -> 'earliest', 'latest', times -> 'latest', 'largest_gaps', times -> 'gaps',
                                    'median_gap_seconds', private.median_gap(times -> 'classes'));
    end if;
    facts := jsonb_build_object(
        'partial', (select count(*) from public.rejected_records as r
                    where r.connection_id = job.connection_id and r.status = 'partial'
                      and (r.entity = job.entity or r.stream = p_stream)),
        'has_newest', exists (select 1 from public.sync_pages as g
                              where g.job_id = job.id and g.stream = p_stream and p_newest = any (g.keys)),
        'windows', private.audit_windows(job, p_stream));
    return counts || times || facts;
end $$;

-- audit_round: what a round read of a stream: the windows, how many keys came, and how many of them are rows or kept aside.
-- Of what it did not read it says nothing, and counts it nowhere.
create or replace function public.audit_round(p_lease_id uuid, p_stream text, p_table text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); counts jsonb;
begin
    execute format($sql$
        with came as materialized (select key from private.read_keys($1, $2)),
        aside as materialized (
            select coalesce(r.platform_id, 'rejected:' || r.raw_md5) as key from public.rejected_records as r
            where r.connection_id = $3 and r.stream = $2 and r.status = 'open')
        select jsonb_build_object(
            'union_keys', count(*), 'rejected', count(a.key),
            'missing_rows', count(*) filter (where a.key is null and not exists (
                select from public.%I as t where t.connection_id = $3 and t.platform_id = c.key)))
        from came as c left join aside as a on a.key = c.key
    $sql$, p_table) into counts using job, p_stream, job.connection_id;
    return counts || jsonb_build_object('windows', private.audit_windows(job, p_stream));
end $$;

revoke all on function public.audit_round(uuid, text, text) from public, anon, authenticated;

grant execute on function public.audit_round(uuid, text, text) to service_role;

-- pending_etsy_transactions: receipts that came without their lines (an order always has one).
create or replace function private.pending_etsy_transactions(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' as $$
    (select o.platform_id from public.orders as o
     where o.connection_id = job.connection_id and o.platform_id > p_after and not o.is_deleted
       and private.reads_all(job)
     union all
     select r.key from private.read_keys(job, 'receipts') as r
     where r.key > p_after and not private.reads_all(job))
    except
    select l.order_platform_id from public.line_items as l
    where l.connection_id = job.connection_id and not l.is_deleted
    order by 1 limit p_limit;
$$;

-- derive_etsy_payment_orders: which order a ledger entry belongs to (sheet 7.2, "Resolving the order of an entry"): a
-- receipt names it itself (the mapping does that), a transaction through its line, a payment or its fee through the
-- payment.
create or replace function private.derive_etsy_payment_orders(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with new as materialized (
        select array_agg(r.key) as keys from private.read_keys(job, 'ledger_entries') as r where not private.reads_all(job)),
    batch as materialized (
        (select p.ctid, p.platform_id, p.reference_type, p.reference_id, p.order_platform_id from public.payments as p
         where p.connection_id = job.connection_id and p.platform_id > p_after and private.reads_all(job)
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
        update public.payments as p set order_platform_id = f.order_platform_id
          from found as f
         where p.ctid = f.ctid and f.order_platform_id is not null
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

-- derive_etsy_line_payments: ledger entries that came before the line that they name belong to its order.
create or replace function private.derive_etsy_line_payments(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select r.key from private.read_keys(job, 'receipts') as r where r.key > p_after order by r.key limit p_limit),
    linked as (
        update public.payments as p set order_platform_id = l.order_platform_id
          from batch as b join public.line_items as l on l.connection_id = job.connection_id and l.order_platform_id = b.key
         where p.connection_id = job.connection_id and p.order_platform_id is null
           and p.reference_type = 'transaction' and p.reference_id = l.platform_id
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(key) from batch)) into answer;
    return answer;
end $$;

-- prove_etsy_new_balance: of what this job read, joined to the entry before it.
create or replace function private.prove_etsy_new_balance(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language plpgsql stable set search_path = '' as $$
declare first bigint; before text;
begin
    if p_from <> '' then
        return private.prove_etsy_balance(job, p_from, p_rows);
    end if;
    select min(p.sequence_number) into first from private.read_keys(job, 'ledger_entries') as r
      join public.payments as p on p.connection_id = job.connection_id and p.platform_id = r.key;
    if first is null then
        return '{"ok": true, "counts": {"entries": 0, "breaks": 0}, "firsts": {"first_breaks": []}, "says": {}}';
    end if;
    select jsonb_build_object('sequence_number', p.sequence_number, 'platform_id', p.platform_id,
               'balance_amount', p.balance_amount, 'occurred_at', p.occurred_at, 'currency', p.currency)::text
      into before from public.payments as p
     where p.connection_id = job.connection_id and not p.is_deleted and p.sequence_number < first
     order by p.sequence_number desc, p.platform_id desc limit 1;
    return private.prove_etsy_balance(job, coalesce(before, ''), p_rows);
end $$;

-- pending_etsy_refunded_receipts: receipts of which this round's ledger has booked a refund that was not known: their
-- own time of change does not move (etsy/open-api#513).
create or replace function private.pending_etsy_refunded_receipts(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select distinct p.order_platform_id from private.read_keys(job, 'ledger_entries') as r
    join public.payments as p on p.connection_id = job.connection_id and p.platform_id = r.key
    where p.sync_run_id = job.run_id and p.entry_type ilike '%refund%' and p.order_platform_id > p_after
    order by 1 limit p_limit;
$$;

-- woken_by_etsy_payments: the ledger names an order that is not here: orders are read at once.
create or replace function private.woken_by_etsy_payments(job public.sync_jobs) returns setof text
language sql stable set search_path = '' as $$
    select 'orders' where exists (
        select from private.read_keys(job, 'ledger_entries') as r
        join public.payments as p on p.connection_id = job.connection_id and p.platform_id = r.key
        where p.sync_run_id = job.run_id and p.order_platform_id is not null
          and not exists (select from public.orders as o
                          where o.connection_id = job.connection_id and o.platform_id = p.order_platform_id));
$$;

-- pending_printify_open_orders: orders that may still change and whose time to be asked for has come since the bound of
-- the round before: at ages of ten minutes, fifteen, 22, each half as old again as the one before, up to sixty days.
create or replace function private.pending_printify_open_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select o.platform_id from private.last_bound(job) as l (bound), public.printify_orders as o
    where o.connection_id = job.connection_id and o.platform_id > p_after and not o.is_deleted
      and o.ordered_at > job.window_end - interval '60 days'
      and coalesce(o.status, '') not in ('fulfilled', 'canceled')
      and private.age_step(job.window_end - o.ordered_at) > private.age_step(l.bound - o.ordered_at)
    order by o.platform_id limit p_limit;
$$;
