-- The second's calls: who hands out its slots, Valkey or Postgres.
--
-- Buckets change hands between the two without credit, as slots of the second do. What one of them remembers of a
-- bucket is worth nothing once the other has drawn from it: time would have refilled it, the other's calls did not.

create table private.api_buckets (
    scope text not null references private.api_budgets (scope) on delete cascade,
    kind text not null check (kind in ('points', 'calls')),
    level double precision not null,
    at timestamptz not null,
    primary key (scope, kind)
);
comment on table private.api_buckets is 'Buckets of points and calls while Valkey is away: never fuller than the platform''s.';

-- lease_pacing: Valkey may hand out the second's slots for so long. Where its state was lost, or Postgres has handed
-- out slots meanwhile, everything is quiet until whoever has a slot has used it (nobody books more than two seconds
-- ahead). `buckets_drawn`: Postgres drew from the scope's buckets within the hour that Valkey remembers them, so a
-- lease that lapsed meanwhile starts without them.
create or replace function public.lease_pacing(p_scope text, p_seconds double precision, p_state_kept boolean)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    horizon constant interval := interval '2 seconds';
    -- `least` passes over nulls: what never was must count as over.
    quiet interval := greatest(interval '0', least(coalesce(budget.paced_until, now_) - now_, horizon));
begin
    if not p_state_kept then
        quiet := greatest(quiet, least(coalesce(budget.valkey_until, now_ - horizon) + horizon - now_, horizon));
    end if;
    update private.api_budgets set valkey_until = now_ + make_interval(secs => p_seconds) where scope = p_scope;
    return jsonb_build_object(
        'quiet_seconds', extract(epoch from quiet),
        'buckets_drawn', exists (select from private.api_buckets where scope = p_scope and at > now_ - interval '1 hour'));
end $$;
revoke all on function public.lease_pacing(text, double precision, boolean) from public, anon, authenticated;
grant execute on function public.lease_pacing(text, double precision, boolean) to service_role;

-- paced_by_valkey: how long Postgres must not pace: Valkey may, and whoever has a slot of it may be on his way.
create or replace function private.paced_by_valkey(budget private.api_budgets, p_now timestamptz)
returns double precision
language sql immutable set search_path = '' as $$
    select greatest(0, extract(epoch from greatest(budget.blocked_until, budget.valkey_until + interval '2 seconds') - p_now));
$$;

-- pace_call: the next slot of the second while Valkey is away. The same rule as execution/budget/pacing.lua.
create or replace function public.pace_call(
    p_scope text, p_per_second double precision, p_safety_margin double precision, p_longest_wait_seconds double precision)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    limit_ double precision := coalesce(budget.per_second, p_per_second);
    rate double precision := limit_ * (1 - p_safety_margin);
    step interval := make_interval(secs => 1 / rate);
    burst double precision := greatest(1, floor((limit_ - rate) / 2));
    longest interval := make_interval(secs => p_longest_wait_seconds);
    used timestamptz := budget.paced_until;
    wait interval;
    elsewhere double precision := private.paced_by_valkey(budget, now_);
begin
    if elsewhere > 0 then
        return jsonb_build_object('booked', false, 'wait_seconds', elsewhere);
    end if;
    -- Unknown, left over from an earlier absence, or a clock that went back: go on without credit.
    if used is null or used < now_ - interval '1 second'
       or used > now_ + interval '2 seconds' + (burst + 1) * step + interval '1 s' then
        used := now_ + burst * step;
    end if;
    used := greatest(used, now_) + step;
    wait := greatest(interval '0', used - burst * step - now_);
    if wait <= longest then
        update private.api_budgets set paced_until = used where scope = p_scope;
    end if;
    return jsonb_build_object('booked', wait <= longest, 'wait_seconds', extract(epoch from wait));
end $$;
revoke all on function
    public.pace_call(text, double precision, double precision, double precision)
    from public, anon, authenticated;
grant execute on function public.pace_call(text, double precision, double precision, double precision) to service_role;

-- pace_cost: what a call costs, out of a bucket of points or calls, while Valkey is away. Starts without credit, and
-- takes every call for as dear as it was asked: never fuller than the platform's own bucket. A bucket that Valkey may
-- have drawn from since starts without credit too; and Valkey begins again when the calls that wait here are on their
-- way.
create or replace function public.pace_cost(
    p_scope text, p_kind text, p_maximum double precision, p_restore double precision, p_cost double precision,
    p_keep double precision, p_longest_wait_seconds double precision)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    bucket private.api_buckets; level_ double precision; wait double precision;
begin
    wait := private.paced_by_valkey(budget, now_);
    if wait > 0 then
        return jsonb_build_object('booked', false, 'wait_seconds', wait);
    end if;
    select * into bucket from private.api_buckets
     where scope = p_scope and kind = p_kind and at > coalesce(budget.valkey_until, '-infinity');
    level_ := least(p_maximum, coalesce(bucket.level + p_restore * greatest(0, extract(epoch from now_ - bucket.at)), p_keep));
    wait := greatest(0, (p_cost + least(p_keep, greatest(0, p_maximum - p_cost)) - level_) / p_restore);
    if wait <= p_longest_wait_seconds then
        level_ := level_ - p_cost;
        update private.api_budgets set paced_until = greatest(paced_until, now_ + make_interval(secs => wait))
         where scope = p_scope;
    end if;
    insert into private.api_buckets (scope, kind, level, at) values (p_scope, p_kind, level_, now_)
    on conflict (scope, kind) do update set level = excluded.level, at = excluded.at;
    return jsonb_build_object('booked', wait <= p_longest_wait_seconds, 'wait_seconds', wait);
end $$;
revoke all on function
    public.pace_cost(text, text, double precision, double precision, double precision, double precision, double precision)
    from public, anon, authenticated;
grant execute on function
    public.pace_cost(text, text, double precision, double precision, double precision, double precision, double precision)
    to service_role;

-- bucket_seen: the platform's own bucket is emptier than ours: others use it too.
create or replace function public.bucket_seen(p_scope text, p_kind text, p_available double precision) returns void
language sql security definer set search_path = '' as $$
    update private.api_buckets set level = least(level, p_available) where scope = p_scope and kind = p_kind;
$$;
revoke all on function public.bucket_seen(text, text, double precision) from public, anon, authenticated;
grant execute on function public.bucket_seen(text, text, double precision) to service_role;
