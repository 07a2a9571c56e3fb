-- Health in numbers: what became of calls to platforms, by minute, and how the queue stands. Nothing of a tenant.

create table private.call_minutes (
    platform text not null,
    minute timestamptz not null,
    endpoint text not null,
    outcome text not null check (outcome in ('ok', 'throttled', 'failed', 'refused', 'lost')),
    calls bigint not null,
    seconds double precision not null,
    -- Calls by how long they took; the bounds are in execution/http/call_record.py.
    histogram bigint[] not null check (cardinality(histogram) = 13),
    primary key (platform, minute, endpoint, outcome)
);
create index call_minutes_by_age on private.call_minutes (minute);

create table private.heartbeats (
    kind text not null check (kind in ('worker', 'clock', 'web')),
    process text not null,
    at timestamptz not null,
    primary key (kind, process)
);
create index heartbeats_by_age on private.heartbeats (at);
comment on table private.heartbeats is 'When each process was last seen; a day is kept.';

-- record_heartbeat: a process is there.
create or replace function public.record_heartbeat(p_kind text, p_process text) returns void
language plpgsql security definer set search_path = '' as $$
begin
    insert into private.heartbeats (kind, process, at) values (p_kind, p_process, clock_timestamp())
    on conflict (kind, process) do update set at = excluded.at;
end $$;
revoke all on function public.record_heartbeat(text, text) from public, anon, authenticated;
grant execute on function public.record_heartbeat(text, text) to service_role;

-- heartbeats: by kind, how many processes were seen within three beats, and how long ago the last one was.
create or replace function public.heartbeats() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (
        select jsonb_object_agg(kinds.kind, jsonb_build_object('alive', seen.alive, 'age_seconds', seen.age))
        from unnest(array['worker', 'clock', 'web']) as kinds(kind)
        cross join lateral (
            select count(*) filter (where h.at > clock_timestamp() - interval '30 seconds') as alive,
                   extract(epoch from clock_timestamp() - max(h.at)) as age
            from private.heartbeats as h where h.kind = kinds.kind) as seen);
end $$;
revoke all on function public.heartbeats() from public, anon, authenticated;
grant execute on function public.heartbeats() to service_role;

-- record_calls: add a batch of a process's counts.
create or replace function public.record_calls(p_calls jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
    insert into private.call_minutes as m (platform, minute, endpoint, outcome, calls, seconds, histogram)
    select c.platform, date_trunc('minute', clock_timestamp() - make_interval(secs => c.age_seconds)), c.endpoint,
           c.outcome, sum(c.calls), sum(c.seconds),
           array[sum(c.histogram[1]), sum(c.histogram[2]), sum(c.histogram[3]), sum(c.histogram[4]),
                 sum(c.histogram[5]), sum(c.histogram[6]), sum(c.histogram[7]), sum(c.histogram[8]),
                 sum(c.histogram[9]), sum(c.histogram[10]), sum(c.histogram[11]), sum(c.histogram[12]),
                 sum(c.histogram[13])]::bigint[]
    from jsonb_to_recordset(p_calls) as c(platform text, endpoint text, outcome text, age_seconds double precision,
                                          calls bigint, seconds double precision, histogram bigint[])
    group by 1, 2, 3, 4
    order by 1, 2, 3, 4
    on conflict (platform, minute, endpoint, outcome) do update
       set calls = m.calls + excluded.calls, seconds = m.seconds + excluded.seconds,
           histogram = (select array_agg(a + b order by n)
                        from unnest(m.histogram, excluded.histogram) with ordinality as both_(a, b, n));
end $$;
revoke all on function public.record_calls(jsonb) from public, anon, authenticated;
grant execute on function public.record_calls(jsonb) to service_role;

-- table_sizes: bytes of each of our tables, with its indexes and what is stored beside it, and about how many rows it has; null
-- where nobody has counted yet. What grows without an end is seen here first.
create or replace function private.table_sizes() returns jsonb
language sql stable set search_path = '' as $$
    select coalesce(jsonb_object_agg(n.nspname || '.' || c.relname,
               jsonb_build_object('bytes', pg_total_relation_size(c.oid), 'rows', nullif(c.reltuples::bigint, -1))), '{}')
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname || '.' || c.relname in (
        select table_name from private.lives() union select 'public.' || name from private.synced_tables);
$$;

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
        -- One that was asked for again is somebody's work already.
        'quarantined', (
            select count(*) from (
                select 1 from public.sync_jobs as j where j.status = 'quarantined' and not exists (
                    select from public.sync_jobs as n where n.connection_id = j.connection_id and n.entity = j.entity
                       and n.job_type = j.job_type and n.created_at > j.created_at) limit 10000) as q),
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
        'sampling', private.sampling_facts(),
        'money_unclassified', (select count(*) from (select from public.money_day_states as d where d.waits ? 'unclassified' limit 10000) as d),
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;
revoke all on function public.pipeline_health(int) from public, anon, authenticated;
grant execute on function public.pipeline_health(int) to service_role;
