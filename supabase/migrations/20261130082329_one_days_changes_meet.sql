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

create or replace function private.land_etsy_receipts(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'receipt_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'transactions', 'null') as line_items_at,
                     nullif(e.r -> 'refunds', 'null') as order_refunds_at,
                     nullif(e.r -> 'shipments', 'null') as order_fulfillments_at,
                     jsonb_build_object('buyer_user_id', e.r -> 'buyer_user_id', 'name', e.r -> 'name', 'buyer_email', e.r -> 'buyer_email', 'country_iso', e.r -> 'country_iso', 'created_timestamp', e.r -> 'created_timestamp') as customers_raw,
                     e.r ->> 'buyer_user_id' as customers_id,
                     greatest((e.r ->> 'created_timestamp')::bigint) as customers_version,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'refunds', 'shipments', 'first_line', 'second_line', 'city', 'zip', 'formatted_address', 'name', 'buyer_email', 'seller_email', 'payment_email', 'message_from_seller', 'message_from_buyer', 'message_from_payment', 'gift_message', 'gift_sender']::text[] as raw, greatest((e.r ->> 'updated_timestamp')::bigint, (e.r ->> 'update_timestamp')::bigint, (e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_receipts_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, is_paid = excluded.is_paid, is_shipped = excluded.is_shipped, is_gift = excluded.is_gift, buyer_platform_id = excluded.buyer_platform_id, country = excluded.country, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, item_total_amount = excluded.item_total_amount, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, vat_amount = excluded.vat_amount, gift_wrap_amount = excluded.gift_wrap_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price', e.r -> 'price', 'receipt_id', e.r -> 'receipt_id', 'paid_timestamp', e.r -> 'paid_timestamp', 'expected_ship_date', e.r -> 'expected_ship_date', 'processing_min', e.r -> 'processing_min', 'processing_max', e.r -> 'processing_max', 'transaction_id', e.r -> 'transaction_id', 'listing_id', e.r -> 'listing_id', 'product_id', e.r -> 'product_id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'quantity', e.r -> 'quantity', 'shipping_cost', e.r -> 'shipping_cost', 'shop_coupon', e.r -> 'shop_coupon', 'buyer_coupon', e.r -> 'buyer_coupon', 'is_digital', e.r -> 'is_digital', 'created_timestamp', e.r -> 'created_timestamp', 'shipped_timestamp', e.r -> 'shipped_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'transaction_id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = excluded.listing_platform_id, product_platform_id = excluded.product_platform_id, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, shipping_amount = excluded.shipping_amount, shop_coupon_amount = excluded.shop_coupon_amount, buyer_coupon_amount = excluded.buyer_coupon_amount, is_digital = excluded.is_digital, ordered_at = excluded.ordered_at, shipped_at = excluded.shipped_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_refunds_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amount', e.r -> 'amount', 'created_timestamp', e.r -> 'created_timestamp', 'reason', e.r -> 'reason', 'status', e.r -> 'status') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'created_timestamp', '-') || ':' || coalesce(e.r -> 'amount' ->> 'amount', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'created_timestamp', e.r -> 'amount' ->> 'amount' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refunds_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_order_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refunds as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refunds_new as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refunds_in where is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refunds_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, refund_amount = excluded.refund_amount, reason = excluded.reason, status = excluded.status, refunded_at = excluded.refunded_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refunds_gone as (
        update public.order_refunds as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refunds as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refunds_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_refunds_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('receipt_shipping_id', e.r -> 'receipt_shipping_id', 'carrier_name', e.r -> 'carrier_name', 'tracking_code', e.r -> 'tracking_code', 'shipment_notification_timestamp', e.r -> 'shipment_notification_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'receipt_shipping_id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'receipt_shipping_id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n))))),
    customers_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs
        from (
            select distinct on (e.platform_id) e.*, private.epoch(e.version) as source_updated_at,
                   jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.customers_raw as raw, f.ord, f.customers_id as platform_id, f.customers_version as version
                  from fresh as f where f.customers_id is not null offset 0) as e,
                 lateral private.map_etsy_receipts_customers(e.raw) as m
            order by e.platform_id, e.version desc, e.ord desc offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.customers as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    customers_new as (
        insert into public.customers as t (
            connection_id, user_id, platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from customers_in where is_new),
    customers_changed as (
        insert into public.customers as t (
            connection_id, user_id, platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from customers_in where differs
        on conflict (connection_id, platform_id) do update set name = excluded.name, email = excluded.email, country = excluded.country, last_order_at = excluded.last_order_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'receipt_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_etsy_transactions(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'transaction_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('price', e.r -> 'price', 'receipt_id', e.r -> 'receipt_id', 'paid_timestamp', e.r -> 'paid_timestamp', 'expected_ship_date', e.r -> 'expected_ship_date', 'processing_min', e.r -> 'processing_min', 'processing_max', e.r -> 'processing_max', 'transaction_id', e.r -> 'transaction_id', 'created_timestamp', e.r -> 'created_timestamp', 'listing_id', e.r -> 'listing_id', 'product_id', e.r -> 'product_id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'quantity', e.r -> 'quantity', 'shipping_cost', e.r -> 'shipping_cost', 'shop_coupon', e.r -> 'shop_coupon', 'buyer_coupon', e.r -> 'buyer_coupon', 'is_digital', e.r -> 'is_digital', 'shipped_timestamp', e.r -> 'shipped_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest((e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_transactions_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = excluded.listing_platform_id, product_platform_id = excluded.product_platform_id, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, shipping_amount = excluded.shipping_amount, shop_coupon_amount = excluded.shop_coupon_amount, buyer_coupon_amount = excluded.buyer_coupon_amount, is_digital = excluded.is_digital, ordered_at = excluded.ordered_at, shipped_at = excluded.shipped_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from line_items_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'transaction_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_printify_orders(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'line_items', 'null') as printify_line_items_at,
                     nullif(e.r -> 'shipments', 'null') as printify_shipments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(e.r - array['line_items', 'shipments', 'printify_connect']::text[], '{address_to}', jsonb_strip_nulls(jsonb_build_object('country', e.r -> 'address_to' -> 'country', 'region', e.r -> 'address_to' -> 'region')), false) as raw, greatest(private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_printify_orders_printify_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    printify_orders_new as (
        insert into public.printify_orders as t (
            connection_id, user_id, platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    printify_orders_changed as (
        insert into public.printify_orders as t (
            connection_id, user_id, platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set app_order_id = excluded.app_order_id, status = excluded.status, order_type = excluded.order_type, shop_order_id = excluded.shop_order_id, shop_order_label = excluded.shop_order_label, is_reprint = excluded.is_reprint, reprinted_order_ids = excluded.reprinted_order_ids, shipping_method = excluded.shipping_method, is_express = excluded.is_express, country = excluded.country, region = excluded.region, retail_amount = excluded.retail_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, ordered_at = excluded.ordered_at, sent_to_production_at = excluded.sent_to_production_at, fulfilled_at = excluded.fulfilled_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'print_provider_id', e.r -> 'print_provider_id', 'metadata', jsonb_build_object('sku', e.r -> 'metadata' -> 'sku', 'title', e.r -> 'metadata' -> 'title', 'variant_label', e.r -> 'metadata' -> 'variant_label', 'price', e.r -> 'metadata' -> 'price'), 'quantity', e.r -> 'quantity', 'cost', e.r -> 'cost', 'shipping_cost', e.r -> 'shipping_cost', 'sent_to_production_at', e.r -> 'sent_to_production_at', 'fulfilled_at', e.r -> 'fulfilled_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.printify_line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_printify_orders_printify_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_line_items_new as (
        insert into public.printify_line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_line_items_in where is_new),
    printify_line_items_changed as (
        insert into public.printify_line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, product_platform_id = excluded.product_platform_id, variant_id = excluded.variant_id, print_provider_id = excluded.print_provider_id, sku = excluded.sku, title = excluded.title, variant_title = excluded.variant_title, quantity = excluded.quantity, cost_amount = excluded.cost_amount, shipping_cost_amount = excluded.shipping_cost_amount, retail_amount = excluded.retail_amount, sent_to_production_at = excluded.sent_to_production_at, fulfilled_at = excluded.fulfilled_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_line_items_gone as (
        update public.printify_line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.printify_line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from printify_line_items_in as n))))),
    printify_shipments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('carrier', e.r -> 'carrier', 'number', e.r -> 'number', 'delivered_at', e.r -> 'delivered_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'carrier', '-') || ':' || coalesce(e.r ->> 'number', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'carrier', e.r ->> 'number' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.printify_shipments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_printify_orders_printify_shipments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_shipments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_shipments_new as (
        insert into public.printify_shipments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_shipments_in where is_new),
    printify_shipments_changed as (
        insert into public.printify_shipments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_shipments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, carrier = excluded.carrier, tracking_code = excluded.tracking_code, delivered_at = excluded.delivered_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_shipments_gone as (
        update public.printify_shipments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_shipments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.printify_shipments_at is not null
              and g.platform_id <> all (array(select n.platform_id from printify_shipments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from printify_orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_printify_products(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'variants', 'null') as printify_variants_at,
                     m.*
              from (select e.r, e.ord, e.r - array['variants', 'print_areas', 'print_details', 'views', 'images']::text[] as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'update_at', 'update_at', 'iso_time'), 'update_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_printify_products_printify_products(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_products as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    printify_products_new as (
        insert into public.printify_products as t (
            connection_id, user_id, platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    printify_products_changed as (
        insert into public.printify_products as t (
            connection_id, user_id, platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set title = excluded.title, tags = excluded.tags, blueprint_id = excluded.blueprint_id, print_provider_id = excluded.print_provider_id, is_visible = excluded.is_visible, is_locked = excluded.is_locked, channel_product_id = excluded.channel_product_id, channel_url = excluded.channel_url, made_at = excluded.made_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_variants_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.product_platform_id <> n.product_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as product_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'cost', e.r -> 'cost', 'price', e.r -> 'price', 'grams', e.r -> 'grams', 'is_enabled', e.r -> 'is_enabled', 'is_default', e.r -> 'is_default', 'is_available', e.r -> 'is_available') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.printify_variants_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_printify_products_printify_variants(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.product_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_variants as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_variants_new as (
        insert into public.printify_variants as t (
            connection_id, user_id, platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_variants_in where is_new),
    printify_variants_changed as (
        insert into public.printify_variants as t (
            connection_id, user_id, platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_variants_in where differs
        on conflict (connection_id, platform_id) do update set product_platform_id = excluded.product_platform_id, variant_id = excluded.variant_id, sku = excluded.sku, title = excluded.title, cost_amount = excluded.cost_amount, price_amount = excluded.price_amount, weight_grams = excluded.weight_grams, is_enabled = excluded.is_enabled, is_default = excluded.is_default, is_available = excluded.is_available, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_variants_gone as (
        update public.printify_variants as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_variants as t
                where t.connection_id = job.connection_id and t.product_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.printify_variants_at is not null
              and g.platform_id <> all (array(select n.platform_id from printify_variants_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from printify_products_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_shopify_orders(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') as line_items_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as line_items_more,
                     nullif(e.r -> 'transactions', 'null') as order_transactions_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'fulfillments']::text[] #- '{lineItems,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_paid = excluded.is_paid, is_test = excluded.is_test, buyer_platform_id = excluded.buyer_platform_id, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, refunded_amount = excluded.refunded_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('originalUnitPriceSet', jsonb_build_object('shopMoney', e.r -> 'originalUnitPriceSet' -> 'shopMoney'), 'id', e.r -> 'id', 'product', jsonb_build_object('id', e.r -> 'product' -> 'id'), 'variant', jsonb_build_object('id', e.r -> 'variant' -> 'id'), 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'currentQuantity', e.r -> 'currentQuantity', 'totalDiscountSet', jsonb_build_object('shopMoney', e.r -> 'totalDiscountSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = excluded.listing_platform_id, product_platform_id = excluded.product_platform_id, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null and f.line_items_more is not true
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_transactions_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amountSet', jsonb_build_object('shopMoney', e.r -> 'amountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'kind', e.r -> 'kind', 'status', e.r -> 'status', 'gateway', e.r -> 'gateway', 'test', e.r -> 'test', 'parentTransaction', jsonb_build_object('id', e.r -> 'parentTransaction' -> 'id'), 'processedAt', e.r -> 'processedAt') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_transactions_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_transactions as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_transactions_new as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where is_new),
    order_transactions_changed as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, kind = excluded.kind, status = excluded.status, gateway = excluded.gateway, is_test = excluded.is_test, parent_platform_id = excluded.parent_platform_id, transaction_amount = excluded.transaction_amount, processed_at = excluded.processed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_transactions_gone as (
        update public.order_transactions as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_transactions as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_transactions_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_transactions_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'carrier', e.r -> 'carrier', 'trackingInfo', e.r -> 'trackingInfo', 'trackingCode', e.r -> 'trackingCode', 'createdAt', e.r -> 'createdAt') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_shopify_refunds(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'refundLineItems' -> 'nodes', 'null') as order_refund_lines_at,
                     (e.r -> 'refundLineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'refundLineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as order_refund_lines_more,
                     m.*
              from (select e.r, e.ord, e.r #- '{refundLineItems,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_refunds_order_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refunds as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_refunds_new as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, refund_amount = excluded.refund_amount, reason = excluded.reason, refunded_at = excluded.refunded_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('subtotalSet', jsonb_build_object('shopMoney', e.r -> 'subtotalSet' -> 'shopMoney'), 'lineItem', jsonb_build_object('id', e.r -> 'lineItem' -> 'id'), 'quantity', e.r -> 'quantity', 'restockType', e.r -> 'restockType', 'totalTaxSet', jsonb_build_object('shopMoney', e.r -> 'totalTaxSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(private.gid_tail(e.r -> 'lineItem' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, private.gid_tail(e.r -> 'lineItem' ->> 'id') order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refunds_order_refund_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refund_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_lines_new as (
        insert into public.order_refund_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_lines_in where is_new),
    order_refund_lines_changed as (
        insert into public.order_refund_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_lines_in where differs
        on conflict (connection_id, platform_id) do update set refund_platform_id = excluded.refund_platform_id, line_item_platform_id = excluded.line_item_platform_id, quantity = excluded.quantity, restock_type = excluded.restock_type, subtotal_amount = excluded.subtotal_amount, tax_amount = excluded.tax_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_lines_gone as (
        update public.order_refund_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_lines as t
                where t.connection_id = job.connection_id and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_lines_at is not null and f.order_refund_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_lines_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_refunds_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_shopify_rest_orders(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'line_items', 'null') as line_items_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(jsonb_set(e.r - array['line_items', 'fulfillments']::text[], '{customer}', jsonb_strip_nulls(jsonb_build_object('id', e.r -> 'customer' -> 'id')), false), '{refunds}', (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', k -> 'id'))), '[]') from jsonb_array_elements(private.list_in(e.r -> 'refunds')) as k), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_rest_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_test = excluded.is_test, buyer_platform_id = excluded.buyer_platform_id, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'id', e.r -> 'id', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'current_quantity', e.r -> 'current_quantity', 'price', e.r -> 'price', 'total_discount', e.r -> 'total_discount') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = excluded.listing_platform_id, product_platform_id = excluded.product_platform_id, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'tracking_company', e.r -> 'tracking_company', 'tracking_number', e.r -> 'tracking_number', 'created_at', e.r -> 'created_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;
