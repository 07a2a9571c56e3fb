-- Functions that several changes of one day had each written, as supabase/schemas say them together.

-- lives: `belongs_to` says whose end takes it along: a connection's, a user's, or nobody's (service, reference). `life`,
-- counted from `aged_by`, is when the clock takes it; `only_if` spares rows (`t` is the row). Without a life, `bounded`
-- says what keeps the table small.
create or replace function private.lives() returns table (
        table_name text, belongs_to text, life interval, aged_by text, only_if text, bounded text)
language sql immutable set search_path = '' as $$
    values
    ('public.profiles', 'user', null::interval, null, null, 'one a user'),
    ('public.connected_accounts', 'user', null, null, null, 'one a shop of a user'),
    ('private.admins', 'user', null, null, null, 'one a user'),
    ('private.admin_actions', 'user', '3 years', 'at', null, null),
    ('private.rate_limits', 'user', null, null, null, 'one a user and action'),
    ('private.oauth_states', 'user', '1 hour', 'expires_at', null, null),
    ('private.privacy_requests', 'user', '3 years', 'done_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
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
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.heartbeats', 'service', '1 day', 'at', null, null),
    ('private.call_minutes', 'service', '2 days', 'minute', null, null),
    ('private.api_calls', 'service', '7 days', 'bucket', null, null),
    ('private.api_answers', 'service', '1 day', 'bucket', null, null),
    ('private.call_blocks', 'service', '1 day', 'bucket', null, null),
    ('private.api_budgets', 'service', null, null, null, 'one a scope'),
    ('private.api_buckets', 'service', null, null, null, 'one a scope'),
    ('private.circuit_breakers', 'service', null, null, null, 'one a scope that is away'),
    ('private.installation', 'reference', null, null, null, 'one row'),
    ('private.virtual_clock', 'reference', null, null, null, 'one row'),
    ('private.plan_weights', 'reference', null, null, null, 'one a plan'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

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
    job := private.leased_job((env ->> 'lease_id')::uuid);
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

-- replay_rejected: try records again that were rejected or landed in part, after the mapping was mended: those of one of
-- the user's connections, or of all. No call to the platform.
create or replace function public.replay_rejected(p_user_id uuid, p_after bigint default 0, p_limit int default 100,
                                                  p_connection_id uuid default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare r public.rejected_records; job public.sync_jobs; one record; landed int := 0; refused int := 0; last bigint;
begin
    for r in select * from public.rejected_records
             where connection_id = any (private.connections_of(p_user_id)) and status in ('open', 'partial') and id > p_after
               and (p_connection_id is null or connection_id = p_connection_id)
             order by id limit p_limit for update loop
        job.connection_id := r.connection_id;
        job.user_id := r.user_id;
        job.platform := r.platform;
        job.entity := r.entity;
        job.run_id := r.run_id;
        select * into one from private.land_one(job, r.shape, r.fetched_at, r.raw);
        if one.partial is not null then
            if r.status = 'open' then landed := landed + 1; else refused := refused + 1; end if;
            update public.rejected_records set status = 'partial', reason = one.partial, sqlstate = one.code where id = r.id;
        elsif one.reason is null then
            landed := landed + 1;
            update public.rejected_records set status = 'replayed', settled_at = clock_timestamp() where id = r.id;
        else
            refused := refused + 1;
            update public.rejected_records set reason = one.reason, sqlstate = one.code where id = r.id;
        end if;
        last := r.id;
    end loop;
    if landed > 0 then
        perform private.settle_replayed(p_user_id, case when p_connection_id is null
            then private.connections_of(p_user_id) else array[p_connection_id] end);
    end if;
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;

-- count_person_call: one more call that a person causes by asking. Answers the seconds until it may be, 0 where it may be
-- now: nobody takes more of the day than one person's share, and what could as well not be asked (p_optional) no more
-- than the share of all persons together.
create or replace function public.count_person_call(
    p_user_id uuid, p_scope text, p_optional boolean, p_per_day bigint, p_person_share double precision,
    p_people_share double precision) returns int
language plpgsql security definer set search_path = '' as $$
declare budget private.api_budgets := private.lock_scope(p_scope); now_ timestamptz := clock_timestamp();
        day_limit bigint := coalesce(budget.per_day, p_per_day); own bigint; everybodys bigint; oldest timestamptz;
begin
    select coalesce(sum(calls) filter (where user_id = p_user_id), 0), coalesce(sum(calls), 0),
           min(hour) filter (where user_id = p_user_id)
    into own, everybodys, oldest
    from private.person_calls where scope = p_scope and hour > now_ - interval '1 day';
    if own >= greatest(10, day_limit * p_person_share)
       or (p_optional and everybodys >= greatest(10, day_limit * p_people_share)) then
        return greatest(60, ceil(extract(epoch from coalesce(oldest, now_) + interval '1 day' - now_)))::int;
    end if;
    insert into private.person_calls as kept (scope, user_id, hour, calls)
    select p_scope, user_id, date_trunc('hour', now_), 1 from public.profiles where user_id = p_user_id
    on conflict (scope, hour, user_id) do update set calls = kept.calls + 1;
    return 0;
end $$;

-- record_heartbeat: a process is there.
create or replace function public.record_heartbeat(p_kind text, p_process text) returns void
language plpgsql security definer set search_path = '' as $$
begin
    insert into private.heartbeats (kind, process, at) values (p_kind, p_process, clock_timestamp())
    on conflict (kind, process) do update set at = excluded.at;
end $$;

-- pipeline_health: everything that health and metrics tell, in one answer. Counts stop at ten thousand: more of them
-- would say no more, and a look must stay quick.
create or replace function public.pipeline_health(p_minutes int default 60) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '3s' as $$
declare now_ timestamptz := clock_timestamp(); since timestamptz := clock_timestamp() - make_interval(mins => p_minutes);
begin
    return jsonb_build_object(
        'now', now_,
        'queue', (
            select jsonb_build_object('queued', count(*), 'lag_seconds',
                       coalesce(greatest(0, extract(epoch from now_ - min(served_at))), 0))
            from (select served_at from public.sync_jobs where status = 'queued' limit 10000) as q),
        'running', (select count(*) from (select 1 from public.sync_jobs where status = 'running' limit 10000) as r),
        'heartbeats', public.heartbeats(),
        'quarantined', (select count(*) from (select 1 from public.sync_jobs where status = 'quarantined' limit 10000) as q),
        'rejected', (select count(*) from (select 1 from public.rejected_records where status = 'open' limit 10000) as r),
        'parked', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('waiting', count(*), 'retries', count(*) filter (where attempts > 0),
                           'next_at', min(run_after)) as facts
                from (select platform, attempts, run_after from public.sync_jobs where status = 'parked'
                      order by run_after limit 10000) as p group by platform) as by_platform),
        'ended', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('completed', count(*) filter (where status in ('completed', 'completed_with_rejects')),
                           'failed', count(*) filter (where status = 'failed'),
                           'quarantined', count(*) filter (where status = 'quarantined')) as facts
                from (select platform, status from public.sync_jobs where finished_at > since
                      order by finished_at desc limit 10000) as e group by platform) as by_platform),
        'last_sync_at', (
            select max(finished_at) from (select finished_at, status from public.sync_jobs where finished_at is not null
                                          order by finished_at desc limit 1000) as e
            where status in ('completed', 'completed_with_rejects')),
        'calls', (
            select coalesce(jsonb_agg(jsonb_build_object('platform', platform, 'endpoint', endpoint, 'outcome', outcome,
                       'calls', calls, 'seconds', seconds, 'histogram', histogram)), '[]') from (
                select platform, endpoint, outcome, sum(calls) as calls, sum(seconds) as seconds,
                       array[sum(histogram[1]), sum(histogram[2]), sum(histogram[3]), sum(histogram[4]),
                             sum(histogram[5]), sum(histogram[6]), sum(histogram[7]), sum(histogram[8]),
                             sum(histogram[9]), sum(histogram[10]), sum(histogram[11]), sum(histogram[12]),
                             sum(histogram[13])] as histogram
                from private.call_minutes where minute > since group by 1, 2, 3 order by 1, 2, 3 limit 500) as c),
        'last_success', (
            select coalesce(jsonb_object_agg(platform, at), '{}') from (
                select platform, max(minute) as at from private.call_minutes where outcome = 'ok' group by 1) as s),
        'blocked', (
            select coalesce(jsonb_agg(jsonb_build_object('platform', split_part(scope, ':', 1), 'until', blocked_until,
                       'reason', blocked_reason) order by blocked_until desc), '[]')
            from (select * from private.api_budgets where blocked_until > now_ limit 1000) as b),
        'circuits', (
            select coalesce(jsonb_agg(to_jsonb(b) || jsonb_build_object('platform', split_part(b.scope, ':', 1))), '[]')
            from jsonb_to_recordset(public.breakers()) as b(scope text, state text, reason text, failures int,
                                                            since timestamptz, retry_at timestamptz)),
        'obligations', private.open_obligations(),
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;

-- figures: sums over a user's shops by platform, currency and unit of time ('day', 'month' or 'year' in p_zone) from p_since on.
-- Revenue is what buyers paid less the taxes that are passed on; amounts of two currencies are never added, and one that
-- could not be read adds nothing.
create or replace function public.figures(p_user_id uuid, p_unit text, p_zone text, p_since timestamptz) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
declare shops uuid[] := private.connections_of(p_user_id);
begin
    return (
        with parts as (
            select platform, currency, date_trunc(p_unit, ordered_at at time zone p_zone) as starts,
                   count(*) as orders,
                   coalesce(sum(total_amount - coalesce(tax_amount, 0) - coalesce(vat_amount, 0)), 0) as revenue,
                   0::numeric as refunds, 0::numeric as fees,
                   coalesce(sum(cost_amount) filter (where cost_state = 'linked' and cost_currency = currency), 0) as cost,
                   count(*) filter (where cost_state = 'linked') as costed,
                   count(*) filter (where cost_state <> 'linked') as uncosted
            from public.orders
            where connection_id = any (shops) and not is_deleted and ordered_at >= p_since
            group by 1, 2, 3
            union all
            -- Costs in another currency than the order's stand by themselves.
            select platform, cost_currency, date_trunc(p_unit, ordered_at at time zone p_zone),
                   0, 0, 0, 0, sum(cost_amount), 0, 0
            from public.orders
            where connection_id = any (shops) and not is_deleted and ordered_at >= p_since
              and cost_state = 'linked' and cost_currency <> currency
            group by 1, 2, 3
            union all
            select platform, currency, date_trunc(p_unit, refunded_at at time zone p_zone),
                   0, 0, coalesce(sum(refund_amount), 0), 0, 0, 0, 0
            from public.order_refunds
            where connection_id = any (shops) and not is_deleted and refunded_at >= p_since
            group by 1, 2, 3
            union all
            select platform, currency, date_trunc(p_unit, occurred_at at time zone p_zone),
                   0, 0, 0, -sum(entry_amount), 0, 0, 0
            from public.payments
            where connection_id = any (shops) and not is_deleted and occurred_at >= p_since and private.is_fee(entry_type)
            group by 1, 2, 3
            union all
            -- Where there is no ledger, the fees stand with the payment.
            select platform, currency, date_trunc(p_unit, paid_at at time zone p_zone),
                   0, 0, 0, sum(fees_amount), 0, 0, 0
            from public.order_payments
            where connection_id = any (shops) and not is_deleted and paid_at >= p_since and fees_amount is not null
              and platform not in (select c.platform from private.sales_channels as c where c.has_ledger)
            group by 1, 2, 3),
        sums as (
            select platform, currency, starts::date as starts, sum(orders) as orders, sum(revenue) as revenue,
                   sum(refunds) as refunds, sum(fees) as fees, sum(cost) as cost, sum(costed) as costed,
                   sum(uncosted) as uncosted
            from parts group by 1, 2, 3),
        sellers as (
            -- A line is of its order's time: not every platform tells it of lines.
            select l.platform, l.connection_id, l.currency, l.listing_platform_id, max(l.title) as title, sum(l.quantity) as sold,
                   coalesce(sum(l.quantity * l.price_amount), 0) as amount
            from public.line_items as l
            join public.orders as o on o.connection_id = l.connection_id and o.platform_id = l.order_platform_id
            where l.connection_id = any (shops) and not l.is_deleted and not o.is_deleted and o.ordered_at >= p_since
            group by l.platform, l.connection_id, l.currency, l.listing_platform_id,
                     case when l.listing_platform_id is null then l.title end
            order by amount desc, sold desc limit 6)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(to_jsonb(sums) order by starts, platform, currency) from sums), '[]'),
            'best_sellers', coalesce((select jsonb_agg(to_jsonb(sellers) order by amount desc, sold desc)
                                      from sellers), '[]'),
            'now', clock_timestamp()));
end $$;
