-- Circuit breakers, one a budget's scope: what all workers together know of a platform that is away.

create table private.circuit_breakers (
    scope text primary key,
    reason text not null,
    failures int not null default 1,
    opened_at timestamptz not null default clock_timestamp(),
    retry_at timestamptz not null default clock_timestamp(),
    -- Half open: who may try, and until when.
    probe uuid,
    probe_until timestamptz,
    check ((probe is null) = (probe_until is null))
);

-- ask_breaker: 'closed', 'open' (come back in so many seconds), or 'probe': half open, and it is you who tries.
create or replace function public.ask_breaker(p_scope text, p_probe uuid, p_probe_seconds double precision default 90)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare breaker private.circuit_breakers; moment timestamptz := clock_timestamp();
begin
    select * into breaker from private.circuit_breakers where scope = p_scope;
    if not found then
        return jsonb_build_object('state', 'closed');
    end if;
    if breaker.retry_at <= moment then
        update private.circuit_breakers set probe = p_probe, probe_until = moment + make_interval(secs => p_probe_seconds)
         where scope = p_scope and retry_at <= moment and (probe is null or probe = p_probe or probe_until <= moment);
        if found then
            return jsonb_build_object('state', 'probe');
        end if;
    end if;
    return jsonb_build_object('state', 'open', 'reason', breaker.reason, 'since', breaker.opened_at,
        'wait_seconds', greatest(5, extract(epoch from breaker.retry_at - moment)));
end $$;
revoke all on function public.ask_breaker(text, uuid, double precision) from public, anon, authenticated;
grant execute on function public.ask_breaker(text, uuid, double precision) to service_role;

-- open_breaker: the platform is away. Each failed probe doubles the wait; others that find out at the same time do not.
create or replace function public.open_breaker(p_scope text, p_reason text, p_first_seconds double precision default 15,
                                               p_longest_seconds double precision default 600) returns double precision
language plpgsql security definer set search_path = '' as $$
declare breaker private.circuit_breakers; moment timestamptz := clock_timestamp();
begin
    insert into private.circuit_breakers as b (scope, reason, failures, opened_at, retry_at)
    values (p_scope, left(p_reason, 500), 1, moment, moment + make_interval(secs => p_first_seconds))
    on conflict (scope) do update
       set reason = excluded.reason, failures = b.failures + 1, probe = null, probe_until = null,
           retry_at = moment + make_interval(secs => least(p_first_seconds * 2 ^ least(b.failures, 20), p_longest_seconds))
     where b.retry_at <= moment;
    select * into breaker from private.circuit_breakers where scope = p_scope;
    return extract(epoch from breaker.retry_at - moment);
end $$;
revoke all on function
    public.open_breaker(text, text, double precision, double precision)
    from public, anon, authenticated;
grant execute on function public.open_breaker(text, text, double precision, double precision) to service_role;

-- close_breaker: the platform answers again. True for the one who found out.
create or replace function public.close_breaker(p_scope text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    delete from private.circuit_breakers where scope = p_scope;
    return found;
end $$;
revoke all on function public.close_breaker(text) from public, anon, authenticated;
grant execute on function public.close_breaker(text) to service_role;

-- breakers: the platforms that are away, for health and people.
create or replace function public.breakers() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'scope', scope, 'state', case when retry_at > clock_timestamp() then 'open' else 'half_open' end,
               'reason', reason, 'failures', failures, 'since', opened_at, 'retry_at', retry_at) order by scope), '[]')
    from (select * from private.circuit_breakers order by scope limit 1000) as b;
$$;
revoke all on function public.breakers() from public, anon, authenticated;
grant execute on function public.breakers() to service_role;
