-- Rounds: how every entity of a shop follows its platform once its backfill is proven. A round is an incremental job,
-- queued when its time has come, claimed, fenced, budgeted and proven like any other (docs/decisions/029).

-- What plans are promised: nothing of a shop is older. `likely`: the changes a day of a shop of which nothing is known yet. Of
-- directives/sync_orchestration.md; a test holds them equal.
create table private.round_promises (
    plan text primary key,
    every interval not null check (every >= '1 minute'),
    likely double precision not null check (likely > 0)
);
insert into private.round_promises (plan, every, likely) values
    ('free', '6 hours', 0.3), ('starter', '1 hour', 2), ('pro', '15 minutes', 10), ('enterprise', '5 minutes', 50);
comment on table private.round_promises is 'How old a shop may be, by plan. Unknown plans are promised what free is.';

-- Which entities have rounds: each platform's, in its own file. `seldom`: not more often than this, whatever the plan.
-- `whole`: how often everything is read once more, where rounds do not see everything. `pulse`: the entity whose rounds
-- show whether there is news of this one; `at_rest`: how long that is taken to be all, where there never is any.
create table private.round_rules (
    platform text not null,
    entity text not null,
    position int not null,
    seldom interval not null,
    whole interval,
    -- No function uses it any more; it goes once no older code runs that does.
    begins_with text,
    pulse text,
    at_rest interval,
    -- How far behind its bound the next one begins, and how far at most, whatever was learned (lookbacks.sql); which column of
    -- which table tells a record's time, where rounds ask by one.
    lookback interval not null default '15 minutes',
    lookback_cap interval not null default '6 hours',
    table_name text,
    timed_by text,
    -- From which age on records are compared with random old pages, for younger ones are still followed (sampling.sql).
    sampled_from interval,
    primary key (platform, entity),
    check ((pulse is null) = (at_rest is null)),
    check ((table_name is null) = (timed_by is null) and lookback <= lookback_cap)
);
comment on table private.round_rules is 'Entities that are read again in rounds, in their order, and how often at most.';

create table private.sync_rounds (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    entity text not null,
    due_at timestamptz not null,
    whole_at timestamptz,
    -- Up to here everything that its rounds can see is here: it was read, or a pulse showed that nothing was new.
    known_until timestamptz,
    -- Changes that were seen and the days in which they came, both counting half in two weeks; the share of the last ones
    -- that hooks had announced; calls of a round.
    changes double precision not null default 0,
    days double precision not null default 0,
    recall double precision not null default 0,
    calls double precision not null default 1,
    primary key (connection_id, entity)
);
create index sync_rounds_due on private.sync_rounds (due_at);
comment on table private.sync_rounds is 'When each entity of each shop is read next, and when all of it is.';

-- age_step: which step of its life something of this age is in; steps begin at ten minutes and grow by half.
create or replace function private.age_step(p_age interval) returns int
language sql immutable as $$
    select floor(ln(greatest(extract(epoch from p_age) / 600, 1)) / ln(1.5))::int;
$$;

-- open_since: since when a job of this entity is open that reads it; null where none is.
create or replace function private.open_since(p_connection_id uuid, p_entity text) returns timestamptz
language sql stable set search_path = '' as $$
    select min(j.created_at) from public.sync_jobs as j
    where j.connection_id = p_connection_id and j.entity = p_entity
      -- A full refresh reads beside the shop's rows, which are followed all the while; a sample follows nothing.
      and j.job_type not in ('refresh', 'sample') and j.status in ('waiting', 'queued', 'running', 'parked');
$$;

-- last_bound: up to where the entity of this job was read and proven before it.
create or replace function private.last_bound(job public.sync_jobs) returns timestamptz
language sql stable set search_path = '' as $$
    select coalesce((select j.window_end from public.sync_jobs as j
                     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
                       and j.certificate_id is not null and j.job_type not in ('refresh', 'sample')
                       and not exists (select from public.sync_runs as r where r.id = j.run_id and r.undone_by is not null)
                     order by j.created_at desc limit 1), job.window_start);
$$;

-- plan_rounds: what follows the ending of a job. A proven backfill has its first round planned, in the transaction that
-- completes it; of a round the next one, whatever became of it, and what it found to be read is read at once.
create or replace function private.plan_rounds(job public.sync_jobs, p_is_proven boolean) returns void
language plpgsql set search_path = '' as $$
declare woken text[] := '{}'; named text; bound timestamptz := coalesce(job.window_end, clock_timestamp());
begin
    if job.job_type = 'sample' then
        perform private.settle_sample(job, p_is_proven);
        return;
    end if;
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
        if p_is_proven then
            perform private.plan_samples(job);
        end if;
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

-- forget_quiet_round: the round of the entity before this one leaves nothing where it changed nothing: thousands of them
-- would be all that a shop at rest consists of. What came of a round that did is on record.
create or replace function private.forget_quiet_round(job public.sync_jobs) returns void
language plpgsql set search_path = '' as $$
declare before public.sync_jobs;
begin
    select * into before from public.sync_jobs as j
     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
       and j.job_type not in ('refresh', 'sample')
     order by j.created_at desc limit 1;
    if before.job_type is distinct from job.job_type or before.status <> 'completed'
       or exists (select from public.sync_pages as g where g.job_id = before.id and g.created + g.updated + g.rejected > 0)
       or exists (select from private.row_changes as c where c.connection_id = before.connection_id
                                                         and c.run_id = before.run_id and c.table_name <> 'sync_cursors')
    then
        return;
    end if;
    delete from public.sync_jobs where id = before.id;
    delete from private.row_changes as c where c.connection_id = before.connection_id and c.run_id = before.run_id
       and not exists (select from public.sync_jobs as j where j.run_id = c.run_id);
    delete from public.sync_runs as r
     where r.id = before.run_id and not exists (select from public.sync_jobs as j where j.run_id = r.id)
       and not exists (select from public.sync_cursors as c where c.run_id = r.id)
       and not exists (select from private.rerun_requests as q where q.run_id = r.id);
end $$;

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
revoke all on function public.queue_rounds(uuid, text, uuid[], text[]) from public, anon, authenticated;
grant execute on function public.queue_rounds(uuid, text, uuid[], text[]) to service_role;
