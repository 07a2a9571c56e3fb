-- What a round shows of other entities is settled when it ends.

-- open_since: since when a job of this entity is open; null where none is.
create or replace function private.open_since(p_connection_id uuid, p_entity text) returns timestamptz
language sql stable set search_path = '' as $$
    select min(j.created_at) from public.sync_jobs as j
    where j.connection_id = p_connection_id and j.entity = p_entity
      and j.status in ('waiting', 'queued', 'running', 'parked');
$$;

-- plan_rounds: what follows the ending of a job. A proven backfill has its first round planned, in the transaction that
-- completes it; of a round the next one, whatever became of it, and what it found to be read is read at once.
create or replace function private.plan_rounds(job public.sync_jobs, p_is_proven boolean) returns void
language plpgsql set search_path = '' as $$
declare woken text[] := '{}'; named text; bound timestamptz := coalesce(job.window_end, clock_timestamp());
begin
    if job.job_type = 'backfill' then
        insert into private.sync_rounds as s (connection_id, entity, due_at, whole_at, known_until)
        select job.connection_id, r.entity,
               bound + private.round_interval(job.user_id, job.platform, r.entity), bound + r.whole, bound
          from private.round_rules as r
         where p_is_proven and r.platform = job.platform and r.entity = job.entity
        on conflict (connection_id, entity) do update
           set due_at = excluded.due_at, whole_at = excluded.whole_at, known_until = excluded.known_until;
        return;
    end if;
    -- What was proven is true up to its bound; what failed is tried again as if it had been.
    update private.sync_rounds as s
       set due_at = case when p_is_proven then bound else clock_timestamp() end
                    + private.round_interval(job.user_id, job.platform, job.entity),
           whole_at = case when p_is_proven and job.is_whole then bound + (
                               select r.whole from private.round_rules as r
                               where r.platform = job.platform and r.entity = job.entity)
                           else s.whole_at end,
           known_until = case when p_is_proven then bound else s.known_until end
     where s.connection_id = job.connection_id and s.entity = job.entity;
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

-- put_off_shown: of these entities the round has shown that nothing is new, and it began where they were known: they need
-- not be read, but for what is read whole, and for what a pulse may miss.
create or replace function private.put_off_shown(job public.sync_jobs, p_woken text[]) returns void
language sql set search_path = '' as $$
    update private.sync_rounds as s
       set known_until = job.window_end,
           due_at = least(job.window_end + private.round_interval(job.user_id, job.platform, s.entity),
                          c.updated_at + r.at_rest, s.whole_at)
      from private.round_rules as r, public.sync_cursors as c
     where s.connection_id = job.connection_id and job.cursor -> 'shown' ? s.entity and s.entity <> all (p_woken)
       and s.known_until >= job.window_start
       and r.platform = job.platform and r.entity = s.entity and r.pulse = job.entity
       and c.connection_id = s.connection_id and c.entity = s.entity;
$$;

-- queue_round: queue an entity's round now, unless one is open, or nothing was ever proven that it could begin from. Before
-- backfills, after what webhooks named; among rounds the dearer plan first. Answers whether it did.
create or replace function private.queue_round(p_connection_id uuid, p_entity text, p_trigger text) returns boolean
language plpgsql set search_path = '' as $$
declare shop public.connected_accounts; rule private.round_rules; run uuid := gen_random_uuid(); rank int;
        is_whole boolean; begins timestamptz;
begin
    select * into shop from public.connected_accounts where id = p_connection_id and status = 'connected';
    select * into rule from private.round_rules where platform = shop.platform and entity = p_entity;
    if rule.entity is null
       or not exists (select from public.sync_cursors as c where c.connection_id = p_connection_id and c.entity = p_entity)
       or private.open_since(p_connection_id, p_entity) is not null then
        return false;
    end if;
    select count(*) into rank from private.plan_weights as w
     where w.weight > coalesce((select m.weight from public.profiles as p join private.plan_weights as m on m.plan = p.plan
                                where p.user_id = shop.user_id), 1);
    select coalesce(s.whole_at <= clock_timestamp(), false) into is_whole from private.sync_rounds as s
     where s.connection_id = shop.id and s.entity = p_entity;
    if is_whole then
        -- As far back as the backfill went.
        select j.window_start into begins from public.sync_jobs as j
         where j.connection_id = shop.id and j.entity = p_entity and j.job_type = 'backfill'
         order by j.created_at desc limit 1;
    end if;
    insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)
    values (run, shop.id, shop.user_id, 'incremental', p_trigger);
    insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, is_whole, window_start,
                                  priority, position, created_at)
    values (shop.user_id, shop.id, run, shop.platform, p_entity, 'incremental', coalesce(is_whole, false), begins,
            -50 + rank, rule.position, clock_timestamp());
    perform private.promote_next(shop.id, 'incremental');
    return true;
end $$;

-- waits_for_pulse: whether another entity's round is about to tell the news of this one. What is to be read whole is read.
create or replace function private.waits_for_pulse(p_connection_id uuid, p_entity text) returns boolean
language sql stable set search_path = '' as $$
    select exists (
        select from private.sync_rounds as s
        join public.connected_accounts as a on a.id = s.connection_id
        join private.round_rules as r on r.platform = a.platform and r.entity = s.entity
        join private.sync_rounds as p on p.connection_id = s.connection_id and p.entity = r.pulse
        where s.connection_id = p_connection_id and s.entity = p_entity
          and coalesce(s.whole_at > clock_timestamp(), true)
          and (p.due_at <= clock_timestamp()
               or private.open_since(p.connection_id, p.entity) > clock_timestamp() - interval '10 minutes'));
$$;

-- queue_due_rounds: what is due is queued, the longest overdue first. It waits for nobody: whose profile is locked, by
-- another clock or an ending of his, is left for the next beat. One whose entity is being read comes again after that;
-- one of which another's round tells the news waits for that round, a few minutes at most.
create or replace function private.queue_due_rounds(p_most int default 200) returns int
language plpgsql set search_path = '' as $$
declare one record; queued int := 0;
begin
    for one in select s.connection_id, s.entity, a.user_id, private.round_interval(a.user_id, a.platform, s.entity) as every
               from private.sync_rounds as s join public.connected_accounts as a on a.id = s.connection_id
               where s.due_at <= (select clock_timestamp())
               order by s.due_at limit p_most for update of s skip locked loop
        perform 1 from public.profiles where user_id = one.user_id for no key update skip locked;
        continue when not found;
        if private.waits_for_pulse(one.connection_id, one.entity) then
            update private.sync_rounds set due_at = clock_timestamp() + interval '20 seconds'
             where connection_id = one.connection_id and entity = one.entity;
            continue;
        end if;
        queued := queued + private.queue_round(one.connection_id, one.entity, 'round')::int;
        update private.sync_rounds set due_at = clock_timestamp() + coalesce(one.every, '1 day')
         where connection_id = one.connection_id and entity = one.entity;
    end loop;
    return queued;
end $$;

-- queue_rounds: what a person asks to be read now, of a user's shops. `p_connection_ids` and `p_entities`: all where empty.
-- Answers {jobs: [{platform, connection_id, shop_id, entity, outcome}]}: queued, already_running, or not_loaded.
create or replace function public.queue_rounds(p_user_id uuid, p_trigger text, p_connection_ids uuid[],
                                               p_entities text[] default '{}') returns jsonb
language plpgsql security definer set search_path = '' as $$
declare wanted record; outcomes jsonb := '[]'; outcome text;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    for wanted in
        select a.id as connection_id, a.platform, a.shop_id, r.entity, s.connection_id is not null as is_loaded
        from public.connected_accounts as a
        join private.round_rules as r on r.platform = a.platform
        left join private.sync_rounds as s on s.connection_id = a.id and s.entity = r.entity
        where a.user_id = p_user_id and (p_connection_ids = '{}' or a.id = any (p_connection_ids))
          and (p_entities = '{}' or r.entity = any (p_entities))
        order by a.platform, a.shop_id, r.position loop
        outcome := case
            when not wanted.is_loaded then 'not_loaded'
            when private.queue_round(wanted.connection_id, wanted.entity, p_trigger) then 'queued'
            when private.open_since(wanted.connection_id, wanted.entity) is not null then 'already_running'
            else 'not_connected' end;
        outcomes := outcomes || jsonb_build_object('platform', wanted.platform, 'connection_id', wanted.connection_id,
            'shop_id', wanted.shop_id, 'entity', wanted.entity, 'outcome', outcome);
    end loop;
    return jsonb_build_object('jobs', outcomes);
end $$;

-- woken_by_shopify_orders: of products and customers the orders' call showed the newest change: where it is not here as new
-- as that, they are read at once. A time that cannot be read may be news.
create or replace function private.woken_by_shopify_orders(job public.sync_jobs) returns setof text
language sql stable set search_path = '' as $$
    with shown as (
        select e.key as entity, private.gid_tail(n ->> 'id') as id, private.readable_moment(n ->> 'updatedAt') as updated_at
        from jsonb_each(coalesce(job.cursor -> 'shown', '{}')) as e (key, value), jsonb_array_elements(e.value) as n)
    select s.entity from shown as s
    left join public.listings as l on s.entity = 'listings' and l.connection_id = job.connection_id and l.platform_id = s.id
    left join public.customers as c on s.entity = 'customers' and c.connection_id = job.connection_id and c.platform_id = s.id
    -- A search by whole days also shows what lies before the window.
    where coalesce(s.updated_at >= job.window_start, true)
      and coalesce(s.updated_at > coalesce(l.source_updated_at, c.source_updated_at), true);
$$;
