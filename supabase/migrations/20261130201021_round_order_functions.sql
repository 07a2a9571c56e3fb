-- Rounds are planned and chosen by what they have seen of a shop, and by the price of a call.

-- lives: `belongs_to` says whose end takes it along: a connection's, a user's, or nobody's (service, reference, and a record,
-- which outlives whom it is about and then names nobody). `life`,
-- counted from `aged_by`, is when the clock takes it; `only_if` spares rows (`t` is the row). Without a life, `bounded`
-- says what keeps the table small.
create or replace function private.lives() returns table (
        table_name text, belongs_to text, life interval, aged_by text, only_if text, bounded text)
language sql immutable set search_path = '' as $$
    values
    ('public.profiles', 'user', null::interval, null, null, 'one a user'),
    ('public.connected_accounts', 'user', null, null, null, 'one a shop of a user'),
    ('private.admins', 'user', null, null, null, 'one a user'),
    ('private.admin_actions', 'record', '3 years', 'at', null, null),
    ('private.rate_limits', 'user', null, null, null, 'one a user and action'),
    ('private.oauth_states', 'user', '1 hour', 'expires_at', null, null),
    ('private.privacy_requests', 'record', '3 years', 'done_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
    ('private.sync_rounds', 'connection', null, null, null, 'one an entity'),
    ('private.rerun_requests', 'connection', null, null, null, 'one an entity'),
    ('public.sync_pages', 'connection', null, null, null, 'go with their job'),
    ('public.certificates', 'connection', null, null, null, 'go with their job'),
    -- The newest proof of an entity stays, however old it is.
    ('public.sync_jobs', 'connection', '180 days', 'finished_at',
     'exists (select from public.sync_jobs as n where n.connection_id = t.connection_id and n.entity = t.entity '
     'and n.job_type = t.job_type and n.status = ''completed'' and n.finished_at > t.finished_at)', null),
    ('public.sync_runs', 'connection', '180 days', 'created_at',
     'not exists (select from public.sync_jobs as j where j.run_id = t.id) '
     'and not exists (select from public.sync_cursors as c where c.run_id = t.id) '
     'and not exists (select from private.rerun_requests as r where r.run_id = t.id)', null),
    -- As they came, with whom they name: from the last time that they came.
    ('public.rejected_records', 'connection', '90 days', 'fetched_at', null, null),
    ('private.platform_events', 'connection', '7 days', 'worked_at', null, null),
    -- No page is on its way for so long.
    ('private.closed_objects', 'connection', '90 days', 'gone_at', 't.forgotten_at is null', null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.heartbeats', 'service', '1 day', 'at', null, null),
    ('private.call_minutes', 'service', '2 days', 'minute', null, null),
    ('private.api_calls', 'service', '7 days', 'bucket', null, null),
    ('private.api_answers', 'service', '1 day', 'bucket', null, null),
    ('private.call_blocks', 'service', '1 day', 'bucket', null, null),
    -- What a platform told of its limits it tells again. Not while a call of it is in the ledger, or it is blocked.
    ('private.api_budgets', 'service', '7 days', 'made_at',
     'not exists (select from private.api_calls as c where c.scope = t.scope) '
     'and not exists (select from private.call_blocks as b where b.scope = t.scope) '
     'and coalesce(t.blocked_until, t.made_at) < clock_timestamp()', null),
    ('private.api_buckets', 'service', null, null, null, 'one a scope'),
    ('private.circuit_breakers', 'service', null, null, null, 'one a scope that is away'),
    ('private.installation', 'reference', null, null, null, 'one row'),
    ('private.virtual_clock', 'reference', null, null, null, 'one row'),
    ('private.plan_weights', 'reference', null, null, null, 'one a plan'),
    ('private.round_promises', 'reference', null, null, null, 'one a plan'),
    ('private.round_rules', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.round_prices', 'reference', null, null, null, 'one a platform whose shops share a day'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- plan_rounds: what follows the ending of a job. A proven backfill has its first round planned, in the transaction that
-- completes it; of a round the next one, whatever became of it, and what it found to be read is read at once.
create or replace function private.plan_rounds(job public.sync_jobs, p_is_proven boolean) returns void
language plpgsql set search_path = '' as $$
declare woken text[] := '{}'; named text; bound timestamptz := coalesce(job.window_end, clock_timestamp());
begin
    if job.job_type = 'backfill' then
        -- A shop of so many records in so many days is likely to go on so: that counts as a week of rounds.
        insert into private.sync_rounds as s (connection_id, entity, due_at, whole_at, known_until, changes, days)
        select job.connection_id, r.entity, bound, bound + r.whole, bound, coalesce(7 * k.a_day, 0),
               case when k.a_day is null then 0 else 7 end
          from private.round_rules as r
          left join lateral (
              select c.distinct_keys * 86400 / greatest(extract(epoch from c.latest - c.earliest), 86400) as a_day
              from public.certificates as c where c.job_id = job.id) as k on true
         where p_is_proven and r.platform = job.platform and r.entity = job.entity
        on conflict (connection_id, entity) do update
           set whole_at = excluded.whole_at, known_until = excluded.known_until;
    elsif p_is_proven then
        perform private.learn_from_round(job);
    end if;
    -- What was proven is true up to its bound; what failed is tried again when its plan is promised, and no sooner.
    update private.sync_rounds as s
       set due_at = case when p_is_proven then bound + t.lasts else clock_timestamp() + t.promised end,
           whole_at = case when p_is_proven and job.is_whole then bound + r.whole else s.whole_at end,
           known_until = case when p_is_proven then bound else s.known_until end
      from private.round_terms() as t join private.round_rules as r on r.platform = t.platform and r.entity = t.entity
     where s.connection_id = job.connection_id and s.entity = job.entity and (p_is_proven or job.job_type <> 'backfill')
       and t.connection_id = s.connection_id and t.entity = s.entity;
    if job.job_type = 'backfill' then
        return;
    end if;
    if not p_is_proven then
        return;
    end if;
    perform private.forget_quiet_round(job);
    if to_regprocedure(format('private.woken_by_%s_%s(public.sync_jobs)', job.platform, job.entity)) is not null then
        execute format('select coalesce(array_agg(w), %L) from private.woken_by_%s_%s($1) as w', '{}', job.platform,
                       job.entity) into woken using job;
    end if;
    foreach named in array woken loop
        perform private.queue_round(job.connection_id, named, 'round');
    end loop;
    perform private.put_off_shown(job, woken);
end $$;

-- queue_due_rounds: what is due is queued, as far as the line of its platform has places. It waits for nobody: whose profile is
-- locked, by another clock or an ending of his, is left for the next beat. One whose entity is being read comes again after
-- that; one of which another's round tells the news waits for that round, a few minutes at most.
create or replace function private.queue_due_rounds(p_most int default 200) returns int
language plpgsql set search_path = '' as $$
declare place text; one record; queued int := 0;
begin
    perform private.set_round_prices();
    if not exists (select from private.sync_rounds where due_at <= (select clock_timestamp())) then
        return 0;
    end if;
    for place in select distinct platform from private.round_rules order by platform loop
        for one in select * from private.due_rounds(place, private.round_places(place, p_most)) loop
            perform 1 from public.profiles where user_id = one.user_id for no key update skip locked;
            continue when not found;
            if private.waits_for_pulse(one.connection_id, one.entity) then
                one.lasts := interval '20 seconds';
            else
                queued := queued + private.queue_round(one.connection_id, one.entity, 'round')::int;
            end if;
            update private.sync_rounds set due_at = clock_timestamp() + one.lasts
             where connection_id = one.connection_id and entity = one.entity;
        end loop;
    end loop;
    return queued;
end $$;

-- least_price: half an hour, nearly: a call that saves one change of plan free less delay than that is not worth its while.
create or replace function private.least_price() returns double precision
language sql immutable as $$ select 0.02::double precision $$;

-- faded: what was counted up to one moment, as it counts at another: half as much in two weeks.
create or replace function private.faded(p_count double precision, p_from timestamptz, p_to timestamptz) returns double precision
language sql immutable as $$
    select p_count * 0.5 ^ (greatest(extract(epoch from p_to - p_from), 0)::double precision / (14 * 86400));
$$;

-- round_terms: what each entity's next round rests on. `worth`: weighted changes a day that nobody announces; of what is not
-- known what is likely. Where hooks tell nearly all, a twenty-fifth of it is still looked for. `every`: how old it may be,
-- `lasts`: how long it is left alone.
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
               coalesce(w.weight, 1) * (s.changes + p.likely) / (s.days + 1) * greatest(1 - s.recall, 0.04) as worth,
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
-- the day, all wait the same number of times longer, so that they take half of it and the other half goes where it saves most.
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
               stretch = case when asked.promised <= supply then 1 else 2 * asked.promised / supply end,
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

-- due_rounds: of a platform, what is due: first whom a promise would be broken to, then whom a call saves the most.
create or replace function private.due_rounds(p_platform text, p_most int) returns table (
        connection_id uuid, entity text, user_id uuid, lasts interval)
language sql set search_path = '' as $$
    select s.connection_id, s.entity, t.user_id, t.lasts
    from private.sync_rounds as s join private.round_terms() as t on t.connection_id = s.connection_id and t.entity = s.entity
    where s.due_at <= (select clock_timestamp()) and t.platform = p_platform
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

-- put_off_shown: of these entities the round has shown that nothing is new, and it began where they were known: they need
-- not be read, but for what is read whole, and for what a pulse may miss.
create or replace function private.put_off_shown(job public.sync_jobs, p_woken text[]) returns void
language sql set search_path = '' as $$
    update private.sync_rounds as s
       set known_until = job.window_end,
           changes = private.faded(s.changes, s.known_until, job.window_end),
           days = private.faded(s.days, s.known_until, job.window_end)
                  + greatest(extract(epoch from job.window_end - s.known_until), 0)::double precision / 86400,
           due_at = least(job.window_end + t.lasts, c.updated_at + r.at_rest, s.whole_at)
      from private.round_terms() as t
      join private.round_rules as r on r.platform = t.platform and r.entity = t.entity
      join public.sync_cursors as c on c.connection_id = t.connection_id and c.entity = t.entity
     where s.connection_id = job.connection_id and job.cursor -> 'shown' ? s.entity and s.entity <> all (p_woken)
       and s.known_until >= job.window_start
       and t.connection_id = s.connection_id and t.entity = s.entity and r.pulse = job.entity;
$$;

drop function private.round_interval(uuid,text,text);
