-- How far behind its bound a round's successor begins is learned from how late records come.

alter table private.round_rules
    add column lookback interval not null default '15 minutes',
    add column lookback_cap interval not null default '6 hours',
    add column table_name text,
    add column timed_by text;
update private.round_rules set lookback = '1 hour', lookback_cap = '1 day' where platform = 'etsy' and entity = 'payments';
update private.round_rules set lookback = '1 day', lookback_cap = '3 days' where platform = 'shopify' and entity = 'customers';
update private.round_rules as r set table_name = t.name, timed_by = t.by
  from (values ('etsy', 'payments', 'payments', 'source_updated_at'), ('etsy', 'orders', 'orders', 'source_updated_at'),
               ('printify', 'orders', 'printify_orders', 'ordered_at'), ('shopify', 'orders', 'orders', 'source_updated_at'),
               ('shopify', 'listings', 'listings', 'source_updated_at'),
               ('shopify', 'customers', 'customers', 'source_updated_at')) as t (platform, entity, name, by)
 where r.platform = t.platform and r.entity = t.entity;
alter table private.round_rules
    add check ((table_name is null) = (timed_by is null) and lookback <= lookback_cap);

create table private.lateness (
    platform text not null,
    entity text not null,
    week date not null,
    class int not null check (class >= 0),
    records bigint not null,
    primary key (platform, entity, week, class)
);
create index lateness_by_age on private.lateness (week);
comment on table private.lateness is 'How late records can be read after their own time, by classes that grow by half.';

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
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
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
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

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
        'lookback_seconds', extract(epoch from private.lookback(job.platform, job.entity)),
        'rights', (select rights from private.platform_tokens where connection_id = connection.id));
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

    if job.job_type = 'incremental' and landed.created + landed.updated > 0 then
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

-- lateness_class: the class of a lateness: none, up to a minute, and each half as long again.
create or replace function private.lateness_class(p_late interval) returns int
language sql immutable as $$
    select case when p_late <= interval '0' then 0
           else 1 + ceil(round((ln(greatest(extract(epoch from p_late), 60) / 60) / ln(1.5))::numeric, 6))::int end;
$$;

-- class_end: the longest lateness that belongs to a class.
create or replace function private.class_end(p_class int) returns interval
language sql immutable as $$
    select case when p_class = 0 then interval '0' else make_interval(secs => 60 * 1.5 ^ (p_class - 1)) end;
$$;

-- lookback_terms: of so large a share of all records the longest lateness counts, times a margin; with fewer records than these
-- nothing is known.
create or replace function private.lookback_terms(out share double precision, out margin double precision, out fewest double precision)
language sql immutable as $$ select 0.999::double precision, 1.25::double precision, 1000::double precision $$;

-- note_lateness: of the keys of a page that came at `p_fetched_at` in a round: those that were new, or newer than what stood here.
-- What changed without a newer time of its own says nothing of times.
create or replace function private.note_lateness(job public.sync_jobs, p_keys text[], p_fetched_at timestamptz) returns void
language plpgsql set search_path = '' as $$
declare rule private.round_rules; bound timestamptz;
begin
    select * into rule from private.round_rules where platform = job.platform and entity = job.entity;
    if rule.timed_by is null then
        return;
    end if;
    bound := private.last_bound(job);
    execute format($sql$
        insert into private.lateness as kept (platform, entity, week, class, records)
        select $1, $2, date_trunc('week', clock_timestamp())::date, private.lateness_class($3 - t.%2$I), count(*)
        from public.%1$I as t
        where t.connection_id = $4 and t.platform_id = any ($5) and t.sync_run_id = $6 and t.fetched_at = $7 and t.%2$I is not null
          and not exists (select from private.row_changes as c
                          where c.connection_id = t.connection_id and c.table_name = %1$L and c.keys[1] = t.platform_id
                            and c.before is not null and c.run_id = $6 and (c.before ->> %2$L)::timestamptz >= t.%2$I)
        group by 4
        on conflict (platform, entity, week, class) do update set records = kept.records + excluded.records
    $sql$, rule.table_name, rule.timed_by)
    using job.platform, job.entity, bound, job.connection_id, p_keys, job.run_id, p_fetched_at;
end $$;

-- lookbacks: of every entity whose records have a time: what is declared (`floor`, `cap`), what was learned of how many records
-- (counting half in two weeks; null where they are too few), and how far behind its bound a round's successor begins.
create or replace function private.lookbacks(p_platform text default null, p_entity text default null) returns table (
        platform text, entity text, records double precision, learned interval, floor interval, cap interval, used interval)
language sql stable set search_path = '' as $$
    select r.platform, r.entity, coalesce(k.records, 0), k.learned, r.lookback, r.lookback_cap,
           least(r.lookback_cap, greatest(r.lookback, k.learned))
    from private.round_rules as r
    left join lateral (
        select max(a.records) as records,
               case when max(a.records) >= t.fewest then t.margin * private.class_end(min(a.class) filter (where a.later <= (1 - t.share) * a.records))
               end as learned
        from private.lookback_terms() as t, (
            select w.class, sum(w.n) over () as records, sum(w.n) over (order by w.class desc) - w.n as later
            from (select l.class, sum(private.faded(l.records, l.week, clock_timestamp())) as n from private.lateness as l
                  where l.platform = r.platform and l.entity = r.entity group by l.class) as w) as a
        group by t.fewest, t.margin) as k on true
    where r.timed_by is not null and r.platform = coalesce(p_platform, r.platform) and r.entity = coalesce(p_entity, r.entity);
$$;

-- lookback: how far behind its bound the successor of a reading of this entity begins.
create or replace function private.lookback(p_platform text, p_entity text) returns interval
language sql stable set search_path = '' as $$
    select coalesce((select l.used from private.lookbacks(p_platform, p_entity) as l),
                    (select r.lookback from private.round_rules as r where r.platform = p_platform and r.entity = p_entity),
                    interval '15 minutes');
$$;

-- lookback_facts: the same for health. `state`: 'unknown' with too few records; 'grown': longer than declared; 'over': longer than
-- a round may look back, so that whole readings alone find the last of them.
create or replace function public.lookback_facts() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'platform', l.platform, 'entity', l.entity, 'records', round(l.records),
               'learned_seconds', extract(epoch from l.learned), 'floor_seconds', extract(epoch from l.floor),
               'cap_seconds', extract(epoch from l.cap), 'used_seconds', extract(epoch from l.used),
               'state', case when l.learned is null then 'unknown' when l.learned > l.cap then 'over'
                        when l.learned > l.floor then 'grown' else 'declared' end) order by l.platform, l.entity), '[]')
    from private.lookbacks() as l;
$$;

revoke all on function public.lookback_facts() from public, anon, authenticated;

grant execute on function public.lookback_facts() to service_role;

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
                select platform, jsonb_build_object('completed', count(*) filter (where status = 'completed'),
                           'with_rejects', count(*) filter (where status = 'completed_with_rejects'),
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
        'tables', private.table_sizes(),
        'webhooks', public.webhook_counts(),
        'deletions_held', (select count(*) from (select from private.held_deletions where decided_at is null limit 10000) as h),
        'events', private.outbox_facts(),
        'lookbacks', public.lookback_facts(),
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;
