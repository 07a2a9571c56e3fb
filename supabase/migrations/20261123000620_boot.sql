-- What a process asks before it works: whose database this is, and which code may work on it.

create table private.installation (
    only_one boolean primary key default true check (only_one),
    -- The environment that this database belongs to: recorded by the first process that starts.
    environment text,
    -- The newest migration that the oldest code brings which may still run here. A migration that takes something away
    -- (the contract after an expansion) raises it, one release after the code stopped needing it.
    oldest_code text not null
);
insert into private.installation (oldest_code) values ('20261122000900');
comment on table private.installation is 'One row: what every process of this installation has in common.';

-- check_in: record the environment if nobody has; answer what the process must compare itself with.
create function public.check_in(p_environment text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare here private.installation;
begin
    update private.installation set environment = p_environment where environment is null;
    select * into here from private.installation;
    return jsonb_build_object('environment', here.environment, 'oldest_code', here.oldest_code,
        'schema', (select max(version) from supabase_migrations.schema_migrations));
end $$;

-- Circuit breakers, one a budget's scope: what all workers together know of a platform that is away. No row: closed.
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
create function public.ask_breaker(p_scope text, p_probe uuid, p_probe_seconds double precision default 90) returns jsonb
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

-- open_breaker: the platform is away. Each failed probe doubles the wait; others that find out at the same time do not.
create function public.open_breaker(p_scope text, p_reason text, p_first_seconds double precision default 15,
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

-- close_breaker: the platform answers again. True for the one who found out.
create function public.close_breaker(p_scope text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    delete from private.circuit_breakers where scope = p_scope;
    return found;
end $$;

-- breakers: the platforms that are away, for health and people.
create function public.breakers() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'scope', scope, 'state', case when retry_at > clock_timestamp() then 'open' else 'half_open' end,
               'reason', reason, 'failures', failures, 'since', opened_at, 'retry_at', retry_at) order by scope), '[]')
    from (select * from private.circuit_breakers order by scope limit 1000) as b;
$$;

do $$
declare f regprocedure;
begin
    foreach f in array array[
        'public.check_in(text)', 'public.ask_breaker(text, uuid, double precision)',
        'public.open_breaker(text, text, double precision, double precision)', 'public.close_breaker(text)',
        'public.breakers()']::regprocedure[] loop
        execute format('revoke all on function %s from public, anon, authenticated', f);
        execute format('grant execute on function %s to service_role', f);
    end loop;
end $$;
