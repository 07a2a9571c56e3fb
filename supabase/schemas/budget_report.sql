-- Who used what, what is reserved, when it frees, and when waiting backfills will be done. For operators alone.

-- scope_report: one scope's day.
create or replace function private.scope_report(budget private.api_budgets, p_now timestamptz) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'scope', budget.scope, 'platform', split_part(budget.scope, ':', 1),
        'per_second', budget.per_second, 'per_day', budget.per_day,
        'used', jsonb_build_object('live', used.live, 'incremental', used.incremental, 'backfill', used.backfill, 'sample', private.sampled_calls(budget.scope, p_now),
                                   'external', budget.external_calls),
        'lent', used.lent, 'expected_external', private.external_hold(budget, p_now),
        'reserved', (select coalesce(jsonb_agg(jsonb_build_object('class', class, 'calls', calls, 'bucket', bucket)
                                               order by bucket), '[]')
                     from private.call_blocks
                     where scope = budget.scope and not closed and bucket + interval '5 minutes' > p_now),
        'frees', (select coalesce(jsonb_agg(jsonb_build_object('at', at, 'calls', calls) order by at), '[]')
                  from (select bucket + interval '24 hours 5 minutes' as at, sum(reserved - returned)::bigint as calls
                        from private.api_calls
                        where scope = budget.scope and class <> 'external' and reserved > returned
                          and bucket > p_now - interval '24 hours 5 minutes'
                        group by bucket order by bucket limit 12) as soon),
        'blocked_until', case when budget.blocked_until > p_now then budget.blocked_until end,
        'blocked_reason', case when budget.blocked_until > p_now then budget.blocked_reason end,
        'would_refuse', budget.would_refuse, 'seen_at', budget.seen_at,
        'errors_in_the_last_hour', (select coalesce(sum(errors), 0) from private.api_answers
                                    where scope = budget.scope and bucket > p_now - interval '1 hour'))
    from private.calls_used(budget.scope, p_now) as used;
$$;

-- budget_report: each scope of a platform (all when null) with its day, and each platform's waiting work and its
-- tenants.
create or replace function public.budget_report(p_platform text default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare now_ timestamptz := clock_timestamp();
begin
    return jsonb_build_object(
        'now', now_,
        'scopes', (select coalesce(jsonb_agg(private.scope_report(b, now_) order by b.scope), '[]')
                   from private.api_budgets as b
                   where p_platform is null or split_part(b.scope, ':', 1) = p_platform),
        'tenants', (select coalesce(jsonb_agg(to_jsonb(t) order by t.calls desc), '[]')
                    from (select user_id, platform, class, sum(calls)::bigint as calls from private.tenant_calls
                          where hour > now_ - interval '24 hours' and (p_platform is null or platform = p_platform)
                          group by user_id, platform, class order by sum(calls) desc limit 50) as t),
        'waiting', (select coalesce(jsonb_agg(to_jsonb(w) order by w.platform), '[]')
                    from (select platform, count(distinct connection_id) as shops, count(*) as jobs,
                                 count(*) filter (where status = 'parked') as parked,
                                 min(run_after) as next_wake,
                                 -- What a job still needs, by what it took for what is done; unknown before it has begun.
                                 sum(case when done > 0.02 then ceil(calls_used / done * (1 - done)) end)::bigint
                                     as calls_left,
                                 count(*) filter (where coalesce(done, 0) <= 0.02) as jobs_unknown
                          from (select *, least(1, coalesce(fraction, records_done::double precision / nullif(records_total, 0))) as done
                                from public.sync_jobs
                                where status in ('waiting', 'queued', 'running', 'parked') and job_type = 'backfill'
                                  and (p_platform is null or platform = p_platform) limit 100000) as open_
                          group by platform) as w));
end $$;
revoke all on function public.budget_report(text) from public, anon, authenticated;
grant execute on function public.budget_report(text) to service_role;
