-- Calls that persons cause by asking count in a share of their own.
create table private.person_calls (
    scope text not null,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    hour timestamptz not null,
    calls int not null,
    primary key (scope, hour, user_id)
);
create index person_calls_by_user on private.person_calls (user_id);
create index person_calls_by_age on private.person_calls (hour);
comment on table private.person_calls is 'Calls that persons caused by asking, by the hour. A day is kept; what they cost is in api_calls.';

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
    if own >= greatest(1, day_limit * p_person_share)
       or (p_optional and everybodys >= greatest(1, day_limit * p_people_share)) then
        return greatest(60, ceil(extract(epoch from coalesce(oldest, now_) + interval '1 day' - now_)))::int;
    end if;
    insert into private.person_calls as kept (scope, user_id, hour, calls)
    select p_scope, user_id, date_trunc('hour', now_), 1 from public.profiles where user_id = p_user_id
    on conflict (scope, hour, user_id) do update set calls = kept.calls + 1;
    delete from private.person_calls where hour < now_ - interval '25 hours';
    return 0;
end $$;

revoke all on function public.count_person_call(uuid, text, boolean, bigint, double precision, double precision)
    from public, anon, authenticated;

grant execute on function public.count_person_call(uuid, text, boolean, bigint, double precision, double precision)
    to service_role;
