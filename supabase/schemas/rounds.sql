-- Rounds: how every entity of a shop follows its platform once its backfill is proven. A round is an incremental job,
-- queued when its time has come, claimed, fenced, budgeted and proven like any other (docs/decisions/029).

-- What plans are promised: nothing of a shop is older. Of directives/sync_orchestration.md; a test holds them equal.
create table private.round_promises (plan text primary key, every interval not null check (every >= '1 minute'));
insert into private.round_promises (plan, every) values
    ('free', '6 hours'), ('starter', '1 hour'), ('pro', '15 minutes'), ('enterprise', '5 minutes');
comment on table private.round_promises is 'How old a shop may be, by plan. Unknown plans are promised what free is.';

-- Which entities have rounds: each platform's, in its own file. `seldom`: not more often than this, whatever the plan.
-- `whole`: how often everything is read once more, where rounds do not see everything. `begins_with`: the entity whose
-- backfill has to be proven first, where it is another.
create table private.round_rules (
    platform text not null,
    entity text not null,
    position int not null,
    seldom interval not null,
    whole interval,
    begins_with text,
    primary key (platform, entity)
);
comment on table private.round_rules is 'Entities that are read again in rounds, in their order, and how often at most.';

create table private.sync_rounds (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    entity text not null,
    due_at timestamptz not null,
    whole_at timestamptz,
    primary key (connection_id, entity)
);
create index sync_rounds_due on private.sync_rounds (due_at);
comment on table private.sync_rounds is 'When each entity of each shop is read next, and when all of it is.';

-- age_step: which step of its life something of this age is in; steps begin at ten minutes and grow by half.
create or replace function private.age_step(p_age interval) returns int
language sql immutable as $$
    select floor(ln(greatest(extract(epoch from p_age) / 600, 1)) / ln(1.5))::int;
$$;

-- last_bound: up to where the entity of this job was read and proven before it.
create or replace function private.last_bound(job public.sync_jobs) returns timestamptz
language sql stable set search_path = '' as $$
    select coalesce((select j.window_end from public.sync_jobs as j
                     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
                       and j.certificate_id is not null
                       and not exists (select from public.sync_runs as r where r.id = j.run_id and r.undone_by is not null)
                     order by j.created_at desc limit 1), job.window_start);
$$;

-- round_interval: how long a user's entity may be left alone.
create or replace function private.round_interval(p_user_id uuid, p_platform text, p_entity text) returns interval
language sql stable set search_path = '' as $$
    select greatest(r.seldom, coalesce(p.every, (select every from private.round_promises where plan = 'free')))
    from private.round_rules as r
    left join public.profiles as u on u.user_id = p_user_id
    left join private.round_promises as p on p.plan = u.plan
    where r.platform = p_platform and r.entity = p_entity;
$$;

-- plan_rounds: what follows the ending of a job. A proven backfill has its first round planned, in the transaction that
-- completes it; of a round the next one, whatever became of it, and what it found to be read is read at once.
create or replace function private.plan_rounds(job public.sync_jobs, p_is_proven boolean) returns void
language plpgsql set search_path = '' as $$
declare woken text; bound timestamptz := coalesce(job.window_end, clock_timestamp());
begin
    if job.job_type = 'backfill' then
        insert into private.sync_rounds as s (connection_id, entity, due_at, whole_at)
        select job.connection_id, r.entity,
               bound + private.round_interval(job.user_id, job.platform, r.entity), bound + r.whole
          from private.round_rules as r
         where p_is_proven and r.platform = job.platform and coalesce(r.begins_with, r.entity) = job.entity
        on conflict (connection_id, entity) do update set due_at = excluded.due_at, whole_at = excluded.whole_at;
        return;
    end if;
    -- What was proven is true up to its bound; what failed is tried again as if it had been.
    update private.sync_rounds as s
       set due_at = case when p_is_proven then bound else clock_timestamp() end
                    + private.round_interval(job.user_id, job.platform, job.entity),
           whole_at = case when p_is_proven and job.is_whole then bound + (
                               select r.whole from private.round_rules as r
                               where r.platform = job.platform and r.entity = job.entity)
                           else s.whole_at end
     where s.connection_id = job.connection_id and s.entity = job.entity;
    if not p_is_proven then
        return;
    end if;
    perform private.forget_quiet_round(job);
    if to_regprocedure(format('private.woken_by_%s_%s(public.sync_jobs)', job.platform, job.entity)) is not null then
        for woken in execute format('select private.woken_by_%s_%s($1)', job.platform, job.entity) using job loop
            perform private.queue_round(job.connection_id, woken, 'round');
        end loop;
    end if;
end $$;

-- forget_quiet_round: the round of the entity before this one leaves nothing where it changed nothing: thousands of them
-- would be all that a shop at rest consists of. What came of a round that did is on record.
create or replace function private.forget_quiet_round(job public.sync_jobs) returns void
language plpgsql set search_path = '' as $$
declare before public.sync_jobs;
begin
    select * into before from public.sync_jobs as j
     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
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
       or not exists (select from public.sync_cursors as c where c.connection_id = p_connection_id
                                                             and c.entity = coalesce(rule.begins_with, p_entity))
       or exists (select from public.sync_jobs as j
                  where j.connection_id = p_connection_id and j.entity = p_entity
                    and j.status in ('waiting', 'queued', 'running', 'parked')) then
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

-- queue_due_rounds: what is due is queued, the longest overdue first. It waits for nobody: whose profile is locked, by
-- another clock or an ending of his, is left for the next beat. One whose entity is being read comes again after that.
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
            when exists (select from public.sync_jobs as j
                         where j.connection_id = wanted.connection_id and j.entity = wanted.entity
                           and j.status in ('waiting', 'queued', 'running', 'parked')) then 'already_running'
            else 'not_connected' end;
        outcomes := outcomes || jsonb_build_object('platform', wanted.platform, 'connection_id', wanted.connection_id,
            'shop_id', wanted.shop_id, 'entity', wanted.entity, 'outcome', outcome);
    end loop;
    return jsonb_build_object('jobs', outcomes);
end $$;
revoke all on function public.queue_rounds(uuid, text, uuid[], text[]) from public, anon, authenticated;
grant execute on function public.queue_rounds(uuid, text, uuid[], text[]) to service_role;
