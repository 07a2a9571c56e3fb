-- The mean delay of a change is less (031): weights count by their square root, promises that do not fit take less of the day the more
-- there are, and what is likely of a plan weighs less beside what was seen of the shop itself.

-- round_terms: what each entity's next round rests on. `worth`: weighted changes a day that nobody announces. What is likely
-- counts as half a change that was seen: shops of one plan differ a thousandfold, so the others say little of this one. Where
-- hooks tell nearly all, a twenty-fifth of it is still looked for. `every`: how old it may be, `lasts`: how long it is left alone.
create or replace function private.round_terms() returns table (
        connection_id uuid, entity text, platform text, user_id uuid, is_connected boolean, due_at timestamptz,
        known_until timestamptz, calls double precision, worth double precision, every interval, promised interval, lasts interval)
language sql stable as $$
    select t.connection_id, t.entity, t.platform, t.user_id, t.is_connected, t.due_at, t.known_until, t.calls, t.worth,
           greatest(t.seldom, t.promised * t.stretch), greatest(t.seldom, t.promised),
           greatest(t.seldom, interval '1 minute', least(t.promised * t.stretch, make_interval(
               secs => least(86400 * sqrt(t.price * t.calls / t.worth), 1e8))))
    from (
        select s.connection_id, s.entity, a.platform, a.user_id, a.status = 'connected' as is_connected, s.due_at,
               coalesce(s.known_until, s.due_at - p.every) as known_until, s.calls, r.seldom, p.every as promised,
               sqrt(coalesce(w.weight, 1)) * (s.changes + 0.5) / (s.days + 0.5 / p.likely) * greatest(1 - s.recall, 0.04) as worth,
               coalesce(c.price, private.least_price()) as price, coalesce(c.stretch, 1) as stretch
        from private.sync_rounds as s
        join public.connected_accounts as a on a.id = s.connection_id
        join private.round_rules as r on r.platform = a.platform and r.entity = s.entity
        left join public.profiles as u on u.user_id = a.user_id
        left join private.round_promises as k on k.plan = u.plan
        join private.round_promises as p on p.plan = coalesce(k.plan, 'free')
        left join private.plan_weights as w on w.plan = u.plan
        left join private.round_prices as c on c.platform = a.platform) as t;
$$;

-- set_round_prices: every five minutes: demand falls as the square root of the price. Where the promises alone are more than
-- the day, all wait the same number of times longer. The more there are, the smaller is their part of the day, down to a third: the rest
-- goes where it saves most.
create or replace function private.set_round_prices() returns void
language plpgsql set search_path = '' as $$
declare place private.round_prices; supply double precision; asked record; lowest constant double precision := private.least_price();
begin
    for place in select * from private.round_prices where priced_at <= clock_timestamp() - interval '5 minutes'
                 for update skip locked loop
        supply := private.calls_for_rounds(place);
        select coalesce(sum(t.calls * 86400 / extract(epoch from t.lasts)), 0)::double precision as now,
               coalesce(sum(t.calls * 86400 / extract(epoch from t.promised)), 0)::double precision as promised
          into asked from private.round_terms() as t where t.platform = place.platform and t.is_connected;
        update private.round_prices
           set price = greatest(lowest, least(lowest * 1e6, price * least(4, greatest(0.25, (asked.now / supply) ^ 2)))),
               stretch = case when asked.promised <= supply then 1 else asked.promised / supply * least(3, asked.promised / supply) end,
               priced_at = clock_timestamp()
         where platform = place.platform;
    end loop;
end $$;
