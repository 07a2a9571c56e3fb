-- What met in one tree: shops whose days cannot be rolled up are set aside, and those whose history is not whole wait (money_days.sql).

-- money_dates: the dates of UTC of which a connection has any record of money. A date that nothing happened on is none of them: one record
-- of the year 1 touches a day, and not two thousand years.
create or replace function private.money_dates(p_connection_id uuid) returns setof date
language sql stable set search_path = '' as $$
    select (m.at at time zone 'UTC')::date from (
        select ordered_at as at from public.orders where connection_id = p_connection_id and not is_deleted and ordered_at > '-infinity'
        union all
        select refunded_at from public.order_refunds where connection_id = p_connection_id and not is_deleted and refunded_at > '-infinity'
        union all
        select occurred_at from public.payments where connection_id = p_connection_id and not is_deleted and occurred_at > '-infinity'
        union all
        select happened_at from public.order_sales where connection_id = p_connection_id and not is_deleted and happened_at > '-infinity'
        union all
        select processed_at from public.order_transactions where connection_id = p_connection_id and not is_deleted and processed_at > '-infinity'
        union all
        select ordered_at from public.order_costs where connection_id = p_connection_id and state <> 'linked') as m
    where m.at is not null group by 1;
$$;

-- fold_marks: marks become the days that they are about, with why. An hour may be of two days.
create or replace function private.fold_marks(p_connection_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    with taken as (delete from private.money_marks
                   where id in (select m.id from private.money_marks as m where m.connection_id = p_connection_id for update skip locked)
                   returning *),
    hours as (select distinct t.table_name, t.run_id, h.hour from taken as t cross join unnest(t.hours) as h (hour)),
    of_hours as (
        select distinct ((h.hour + e.edge) at time zone z.zone)::date as day, h.table_name, h.run_id
        from hours as h
        cross join (values (interval '0'), (interval '59 minutes 59.999999 seconds')) as e (edge)
        cross join private.zones_of(p_connection_id) as z),
    days as (
        select h.day, jsonb_build_object('table', h.table_name, 'run_id', h.run_id) as cause from of_hours as h
        union all
        select d.day::date, jsonb_build_object('because', t.table_name)
        from taken as t
        cross join private.money_dates(p_connection_id) as s (date)
        -- A zone may have it on the day before, or after.
        cross join lateral generate_series(s.date - 1, s.date + 1, interval '1 day') as d (day)
        where t.hours is null
        union all
        select s.day, jsonb_build_object('because', t.table_name)
        from taken as t join public.money_day_states as s on s.connection_id = p_connection_id where t.hours is null)
    insert into private.money_touched as k (connection_id, day, causes)
    -- What lies beyond has no name in a calendar of four digits, which is what programs read.
    select p_connection_id, d.day, jsonb_agg(distinct d.cause) from days as d where d.day between '0001-01-01' and '9999-12-31' group by d.day
    on conflict (connection_id, day) do update
       set causes = (select jsonb_agg(distinct c) from jsonb_array_elements(k.causes || excluded.causes) as c);
end $$;

-- shops_to_roll: those that wait and whose history is whole, the longest first.
create or replace function private.shops_to_roll() returns uuid[]
language sql stable set search_path = '' as $$
    select coalesce(array_agg(w.id order by w.at, w.id), '{}')
    from (select a.id, min(k.at) as at
          from (select m.connection_id, min(m.at) as at from private.money_marks as m group by 1
                union all
                select t.connection_id, '-infinity' from private.money_touched as t group by 1
                union all
                select s.connection_id, min(s.due_at) from public.money_day_states as s
                where s.state = 'open' and s.due_at <= clock_timestamp() group by 1) as k
          join public.connected_accounts as a on a.id = k.connection_id
          where not private.is_refused_money(a.id) and not private.is_history_open(a.id)
          group by a.id order by min(k.at), a.id limit 100) as w;
$$;

drop function public.roll_money(uuid,integer);

-- roll_money: a step of a connection of a user, or of the one that has waited longest; `p_whole`: only where the history is whole. Answers
-- {days_left, connections_left, failed}: nothing is left where both numbers are 0. A shop that cannot be rolled up (`failed` says why) keeps
-- no other from it: it is tried again in an hour.
create or replace function public.roll_money(p_user_id uuid default null, p_days int default 7, p_whole boolean default false) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare shops uuid[] := private.connections_of(p_user_id); waiting uuid[]; days_left int := 0; failed text;
begin
    waiting := case when p_user_id is null then private.shops_to_roll() else array(
        select s from unnest(shops) as s
        where (exists (select from private.money_marks as m where m.connection_id = s)
               or exists (select from private.money_touched as t where t.connection_id = s)
               or exists (select from public.money_day_states as d
                          where d.connection_id = s and d.state = 'open' and d.due_at <= clock_timestamp()))
          and not (p_whole and private.is_history_open(s)) and not private.is_refused_money(s)
        order by s) end;
    if waiting <> '{}' then
        begin
            days_left := private.roll_connection(waiting[1], p_days);
            delete from private.money_refusals where connection_id = waiting[1];
        exception when others or query_canceled then
            if private.is_passing(sqlstate) then
                raise;
            end if;
            failed := format('shop %s: %s', waiting[1], sqlerrm);
            insert into private.money_refusals as r (connection_id, reason) values (waiting[1], sqlerrm)
            on conflict (connection_id) do update set at = clock_timestamp(), reason = excluded.reason;
        end;
    end if;
    if p_user_id is not null and cardinality(waiting) <= 1 and days_left = 0 then
        perform private.close_days(s) from unnest(shops) as s;
    end if;
    return jsonb_build_object('days_left', days_left, 'connections_left', greatest(cardinality(waiting) - (days_left = 0)::int, 0),
                              'failed', failed);
end $$;

revoke all on function public.roll_money(uuid, int, boolean) from public, anon, authenticated;

grant execute on function public.roll_money(uuid, int, boolean) to service_role;
