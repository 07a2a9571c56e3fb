-- Buckets change hands between Valkey and Postgres without credit, as slots of the second do. What one of them remembers
-- of a bucket is worth nothing once the other has drawn from it: time would have refilled it, the other's calls did not.

-- lease_pacing: as before. `buckets_drawn`: Postgres drew from the scope's buckets within the hour that Valkey remembers
-- them, so a lease that lapsed meanwhile starts without them.
create or replace function public.lease_pacing(p_scope text, p_seconds double precision, p_state_kept boolean) returns jsonb
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

-- pace_cost: as before. A bucket that Valkey may have drawn from since starts without credit; and Valkey begins again
-- when the calls that wait here are on their way.
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
