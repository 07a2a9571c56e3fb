-- Who is next among rounds: whom a call saves the most delay (docs/decisions/031). The delay of all changes together is least
-- where each shop is read as often as the square root of w·λ/c says: w the square root of its plan's weight, λ the changes a
-- day that nobody announces, c the calls of a round.

-- Of platforms whose calls of a day all shops share. `price`: the weighted delay of one change, in days, that a call has to save
-- at least; it rises while the day does not suffice. `stretch`: how many times longer than promised shops have to wait, where
-- the day has no calls for all promises. The day and its shares are those of directives/rate_budgets.md.
create table private.round_prices (
    platform text primary key,
    per_day bigint not null check (per_day > 0),
    live_share double precision not null,
    backfill_share double precision not null,
    price double precision not null default 0.02,
    stretch double precision not null default 1 check (stretch >= 1),
    priced_at timestamptz not null default '-infinity'
);
comment on table private.round_prices is 'What a call of a day that all shops share has to be worth, to be spent on a round.';

-- least_price: half an hour, nearly: a call that saves one change of plan free less delay than that is not worth its while.
create or replace function private.least_price() returns double precision
language sql immutable as $$ select 0.02::double precision $$;

-- faded: what was counted up to one moment, as it counts at another: half as much in two weeks.
create or replace function private.faded(p_count double precision, p_from timestamptz, p_to timestamptz) returns double precision
language sql immutable as $$
    select p_count * 0.5 ^ (greatest(extract(epoch from p_to - p_from), 0)::double precision / (14 * 86400));
$$;

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

-- learn_from_round: what a proven round has seen: changes, which of them a hook had announced, and its calls. The share that
-- was announced is that of the last changes, about twenty: it falls by itself where a subscription dies.
create or replace function private.learn_from_round(job public.sync_jobs) returns void
language sql set search_path = '' as $$
    with seen as (
        select coalesce((select sum(g.created + g.updated) from public.sync_pages as g where g.job_id = job.id), 0)::double precision
                   as found,
               (select count(distinct e.object_id)
                from private.sync_rounds as s
                join private.platform_events as e on e.connection_id = s.connection_id and e.received_at > s.known_until
                where s.connection_id = job.connection_id and s.entity = job.entity
                  and e.object_id in (select k from public.sync_pages as g, unnest(g.keys) as k where g.job_id = job.id))
                   ::double precision as announced,
               (select j.calls_used from public.sync_jobs as j where j.id = job.id) as calls)
    update private.sync_rounds as s
       set changes = private.faded(s.changes, s.known_until, job.window_end) + n.found + n.announced,
           days = private.faded(s.days, s.known_until, job.window_end)
                  + greatest(extract(epoch from job.window_end - s.known_until), 0)::double precision / 86400,
           recall = case when n.found + n.announced > 0
                    then s.recall * 0.95 ^ (n.found + n.announced)
                         + n.announced / (n.found + n.announced) * (1 - 0.95 ^ (n.found + n.announced))
                    else s.recall end,
           calls = case when job.is_whole then s.calls else 0.8 * s.calls + 0.2 * greatest(n.calls, 1) end,
           known_until = job.window_end
      from seen as n
     where s.connection_id = job.connection_id and s.entity = job.entity and s.known_until is not null;
$$;

-- calls_for_rounds: how many calls a day rounds may count on: what live calls and, while there are any, backfills leave.
create or replace function private.calls_for_rounds(place private.round_prices) returns double precision
language sql stable set search_path = '' as $$
    select coalesce(max(b.per_day), place.per_day)
           * (1 - place.live_share - case when bool_or(b.backfill_asked_at > clock_timestamp() - interval '24 hours')
                                     then place.backfill_share else 0 end)
    from private.api_budgets as b where b.scope like place.platform || ':app:%';
$$;

-- set_round_prices: every five minutes: demand falls as the square root of the price. Where the promises alone are more than
-- the day, all wait the same number of times longer. The more there are, the smaller is their part of the day, down to a third: the rest
-- goes where it saves most. Where the least price leaves calls over, they go to the promises.
create or replace function private.set_round_prices() returns void
language plpgsql set search_path = '' as $$
declare place private.round_prices; supply double precision; asked record; over double precision; wanted double precision;
        lowest constant double precision := private.least_price();
begin
    for place in select * from private.round_prices where priced_at <= clock_timestamp() - interval '5 minutes'
                 for update skip locked loop
        supply := private.calls_for_rounds(place);
        select coalesce(sum(t.calls * 86400 / extract(epoch from t.lasts)), 0)::double precision as now,
               coalesce(sum(t.calls * 86400 / extract(epoch from t.promised)), 0)::double precision as promised
          into asked from private.round_terms() as t where t.platform = place.platform and t.is_connected;
        over := greatest(1, asked.promised / supply);
        wanted := place.price * least(4, greatest(0.25, (asked.now / supply) ^ 2));
        update private.round_prices
           set price = greatest(lowest, least(lowest * 1e6, wanted)),
               stretch = greatest(over, least(over * least(3, over), stretch * least(1.1, greatest(0.9, wanted / lowest)))),
               priced_at = clock_timestamp()
         where platform = place.platform;
    end loop;
end $$;

-- round_places: how many more rounds of a platform may wait in the line. It is short, so that who is next is chosen late: where
-- all shops share a day, for what it has in five minutes.
create or replace function private.round_places(p_platform text, p_most int) returns int
language sql stable set search_path = '' as $$
    select least(p_most, coalesce((select greatest(10, c.per_day / 288) from private.round_prices as c
                                   where c.platform = p_platform), p_most))::int
           - (select count(*) from (
                  select from public.sync_jobs as j
                  where j.platform = p_platform and j.job_type = 'incremental' and j.status in ('queued', 'parked')
                    and (j.status = 'queued' or j.park_code = 'day_used_up') limit p_most) as waiting)::int;
$$;

-- due_rounds: of a platform, what is due: first whom a promise would be broken to, then whom a call saves the most. Its time is
-- asked of the terms too: they are worked out for what is due, and not for all shops at every beat.
create or replace function private.due_rounds(p_platform text, p_most int) returns table (
        connection_id uuid, entity text, user_id uuid, lasts interval)
language sql set search_path = '' as $$
    select s.connection_id, s.entity, t.user_id, t.lasts
    from private.sync_rounds as s join private.round_terms() as t on t.connection_id = s.connection_id and t.entity = s.entity
    where s.due_at <= (select clock_timestamp()) and t.due_at <= (select clock_timestamp()) and t.platform = p_platform
    order by t.known_until + t.every < (select clock_timestamp()) desc,
             t.worth * extract(epoch from (select clock_timestamp()) - t.known_until)::double precision ^ 2 / t.calls desc
    limit greatest(p_most, 0) for update of s skip locked;
$$;

-- replan_rounds: a plan changes: what it is promised counts at once. A plan that is promised less is read once more first.
create or replace function private.replan_rounds() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update private.sync_rounds as s set due_at = least(s.due_at, t.known_until + t.lasts)
      from private.round_terms() as t
     where t.user_id = new.user_id and t.connection_id = s.connection_id and t.entity = s.entity;
    return new;
end $$;
create trigger replan_rounds after update of plan on public.profiles
    for each row when (old.plan is distinct from new.plan) execute function private.replan_rounds();
