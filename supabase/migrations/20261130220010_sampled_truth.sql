-- Random old pages are read once more with calls that are left over, and compared: what can differ is known.

alter table public.sync_runs drop constraint sync_runs_job_type_check;
alter table public.sync_runs add constraint sync_runs_job_type_check
    check (job_type in ('backfill', 'incremental', 'rollback', 'sample'));
alter table public.sync_jobs drop constraint sync_jobs_job_type_check;
alter table public.sync_jobs add constraint sync_jobs_job_type_check check (job_type in ('backfill', 'incremental', 'sample'));
alter table private.api_calls drop constraint api_calls_class_check;
alter table private.api_calls add constraint api_calls_class_check
    check (class in ('live', 'incremental', 'backfill', 'sample', 'external'));

alter table private.round_rules add column sampled_from interval;
update private.round_rules set sampled_from = case when platform = 'printify' and entity = 'orders' then interval '60 days' else interval '1 day' end
 where (platform, entity) in (('etsy', 'payments'), ('etsy', 'orders'), ('printify', 'orders'), ('printify', 'products'),
                              ('shopify', 'orders'), ('shopify', 'listings'), ('shopify', 'customers'));

create table private.samples (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    entity text not null,
    due_at timestamptz not null,
    compared double precision not null default 0,
    differences double precision not null default 0,
    sampled_at timestamptz,
    differed_at timestamptz,
    primary key (connection_id, entity)
);
create index samples_due on private.samples (due_at);
comment on table private.samples is 'What random old pages of each entity showed, and when the next one is read.';
insert into private.samples (connection_id, entity, due_at)
select s.connection_id, s.entity, clock_timestamp() + interval '6 hours'
from private.sync_rounds as s
join public.connected_accounts as a on a.id = s.connection_id
join private.round_rules as r on r.platform = a.platform and r.entity = s.entity
where r.sampled_from is not null;

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
    -- What was told is told again on demand.
    ('private.outbox', 'user', '30 days', 'happened_at', null, null),
    -- Longer than any backup is kept that could bring them back.
    ('private.tombstones', 'record', '3 years', 'deleted_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
    ('private.sync_rounds', 'connection', null, null, null, 'one an entity'),
    ('private.samples', 'connection', null, null, null, 'one an entity'),
    ('private.webhook_standings', 'connection', null, null, null, 'one a connection'),
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
    -- For so long a run can be taken back.
    ('private.row_changes', 'connection', '30 days', 'at', null, null),
    -- As they came, with whom they name: from the last time that they came.
    ('public.rejected_records', 'connection', '90 days', 'fetched_at', null, null),
    ('private.platform_events', 'connection', '7 days', 'worked_at', null, null),
    -- No page is on its way for so long.
    ('private.closed_objects', 'connection', '90 days', 'gone_at', 't.forgotten_at is null', null),
    -- So long what a run marked gone can be brought back.
    ('private.missing_records', 'connection', '90 days', 'gone_at', null, null),
    ('private.held_deletions', 'connection', '180 days', 'decided_at', null, null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.lateness', 'service', '90 days', 'week', null, null),
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

-- tick: what the clock does. Harmless when run twice at once. Answers what is claimable and when to look again.
create or replace function public.tick(p_quarantined text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare woken int; rescued int; rounds int; samples int;
begin
    rescued := private.rescue_jobs(p_quarantined);
    woken := private.wake_due_jobs();
    rounds := private.queue_due_rounds();
    samples := private.queue_due_samples();
    return jsonb_build_object(
        'rescued', rescued, 'woken', woken, 'rounds', rounds, 'samples', samples,
        'queued', (select count(*) from (select 1 from public.sync_jobs where status = 'queued' limit 1000) as q),
        'running', (select count(*) from (select 1 from public.sync_jobs where status = 'running' limit 1000) as r),
        'next_due', (select min(run_after) from public.sync_jobs where status = 'parked'),
        'next_lapse', (select min(lease_expires_at) from public.sync_jobs where status = 'running'),
        'now', clock_timestamp());
end $$;

-- tell_ended: an entity could not be read to its proof (once, until the reason is another one), or a round brought something.
-- A round that brought nothing is told where a person asked for it, or where the one before it had failed.
create or replace function private.tell_ended() returns trigger
language plpgsql security definer set search_path = '' as $$
declare before public.sync_jobs; facts jsonb; seen record; gone bigint;
begin
    select * into before from public.sync_jobs as j
     where j.connection_id = new.connection_id and j.entity = new.entity and j.id <> new.id and j.finished_at is not null
     order by j.created_at desc limit 1;
    facts := jsonb_build_object('connection_id', new.connection_id, 'platform', new.platform, 'shop_id', (
                 select a.shop_id from public.connected_accounts as a where a.id = new.connection_id),
                 'entity', new.entity, 'run_id', new.run_id);
    -- That a shop was disconnected is told of the shop.
    if new.status <> 'completed' and new.job_type <> 'sample' and new.error_code <> 'disconnected' and new.error_code is distinct from before.error_code then
        perform private.tell(new.user_id, 'entity.incomplete', facts || jsonb_build_object(
            'status', new.status, 'code', new.error_code, 'records', new.records_done, 'rejected', new.records_rejected));
    end if;
    if new.job_type = 'backfill' or new.certificate_id is null then
        return null;
    end if;
    select coalesce(sum(g.created), 0) as created, coalesce(sum(g.updated), 0) as updated, coalesce(sum(g.rejected), 0) as rejected
      into seen from public.sync_pages as g where g.job_id = new.id;
    select coalesce(sum((c #>> '{detail,gone}')::bigint), 0) into gone
      from public.certificates as k, jsonb_array_elements(k.checks) as c
     where k.id = new.certificate_id and c ->> 'name' = 'gone';
    if seen.created + seen.updated + seen.rejected + gone > 0
       or before.id is not null and before.certificate_id is null
       or exists (select from public.sync_runs as r where r.id = new.run_id and r.trigger not in ('round', 'webhook')) then
        perform private.tell(new.user_id, 'sync.completed', facts || jsonb_build_object(
            'created', seen.created, 'updated', seen.updated, 'deleted', gone, 'rejected', seen.rejected));
    end if;
    return null;
end $$;

-- rank_plan: a plan counts from the next claim on: what is open is ranked by it. Backfills as directives/backfill.md says
-- (ten a plan), rounds as they are queued; what was charged before stays charged.
create or replace function private.rank_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
declare heavier int;
begin
    select count(*) into heavier from private.plan_weights as w
     where w.weight > coalesce((select m.weight from private.plan_weights as m where m.plan = new.plan), 1);
    update public.sync_jobs as j
       set priority = case when j.job_type = 'backfill' then j.priority - mod(j.priority, 100) + 10 * heavier else -50 + heavier end
     where j.user_id = new.user_id and j.status in ('waiting', 'queued', 'running', 'parked')
       -- What webhooks named goes first, whoever's it is.
       and (j.job_type = 'backfill' or j.job_type = 'incremental' and j.priority >= -50);
    return null;
end $$;

-- open_since: since when a job of this entity is open that reads it; null where none is.
create or replace function private.open_since(p_connection_id uuid, p_entity text) returns timestamptz
language sql stable set search_path = '' as $$
    select min(j.created_at) from public.sync_jobs as j
    where j.connection_id = p_connection_id and j.entity = p_entity and j.job_type <> 'sample'
      and j.status in ('waiting', 'queued', 'running', 'parked');
$$;

-- last_bound: up to where the entity of this job was read and proven before it.
create or replace function private.last_bound(job public.sync_jobs) returns timestamptz
language sql stable set search_path = '' as $$
    select coalesce((select j.window_end from public.sync_jobs as j
                     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
                       and j.certificate_id is not null and j.job_type <> 'sample'
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
     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at and j.job_type <> 'sample'
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

-- available_calls: how many calls of the day a class may book now; none: when to come back, and why. `lent`: they
-- belong to the unused shares of others. A lent call comes back when it leaves the window, so shares are lent evenly
-- over the day: whoever wants his share back gets it at that pace from the first minute on, and an hour's worth of it
-- at once.
create or replace function private.available_calls(
    budget private.api_budgets, p_class text, p_wanted int, p_now timestamptz, p_per_day bigint,
    p_backfill_share double precision, p_live_share double precision, p_day_margin double precision,
    out free bigint, out lent interval, out probe boolean, out wake timestamptz, out reason text, out used bigint)
language plpgsql stable set search_path = '' as $$
declare
    calls record := private.calls_used(budget.scope, p_now);
    external_ bigint := private.external_hold(budget, p_now);
    usable bigint := greatest(1, floor(p_per_day * (1 - p_day_margin)));
    backfill_limit bigint := floor(p_per_day * p_backfill_share);
    live_left bigint := greatest(0, floor(p_per_day * p_live_share)::bigint - calls.live);
    backfill_left bigint := greatest(0, backfill_limit - calls.backfill);
    available bigint := usable - calls.own - external_;
    -- Worth coming back for: a five-hundredth of the day.
    need bigint := least(p_wanted, ceil(usable / 500.0));
    own constant text[] := '{live,incremental,backfill,sample}';
    kept bigint := 0; floor_ bigint; patience interval;
begin
    used := calls.own + budget.external_calls;
    probe := false;
    reason := 'the daily calls are used up';
    if p_class = 'backfill' then
        kept := live_left;
    elsif p_class = 'incremental' then
        kept := live_left + case when budget.backfill_asked_at > p_now - interval '24 hours' then backfill_left else 0 end;
    elsif p_class = 'sample' then
        kept := live_left + case when budget.backfill_asked_at > p_now - interval '24 hours' then backfill_left else 0 end
                + ceil(p_per_day * (private.sampling_terms()).reserve)::bigint;
    end if;
    floor_ := least(kept, ceil(p_per_day * p_live_share / 24)::bigint);
    -- What is lent already stays lent until it leaves the window: it need not be kept a second time.
    free := available - greatest(floor_, kept - calls.lent);
    wake := private.window_frees_at(budget.scope, p_now, own,
                                    greatest(0, usable - external_ - greatest(floor_, kept - calls.lent) - need));
    if p_class = 'incremental' and free <= 0 and kept > calls.lent then
        lent := interval '24 hours' / kept;
        free := least(floor(extract(epoch from p_now - greatest(coalesce(budget.lent_until, p_now), p_now - interval '1 hour'))
                            / extract(epoch from lent))::bigint,
                      available - floor_);
        wake := least(wake, p_now + least(interval '15 minutes', greatest(lent * need, interval '1 minute')));
    end if;
    if p_class = 'backfill' and backfill_left < free then
        free := backfill_left;
        if free <= 0 then
            reason := 'the share of backfills in the daily calls is used up';
            wake := greatest(wake, private.window_frees_at(budget.scope, p_now, '{backfill}',
                                                           backfill_limit - least(need, backfill_limit)));
        end if;
    end if;
    if p_class = 'sample' then
        -- What is left over, of which nothing is lent, and no more of the day than their share; within an hour more may be.
        free := least(available - kept, floor(p_per_day * (private.sampling_terms()).share)::bigint
                                        - private.sampled_calls(budget.scope, p_now));
        reason := 'no calls of the day are left over';
        wake := p_now + interval '1 hour';
    end if;
    -- How many external calls are expected changes with every answer that somebody gets.
    if free <= 0 and free + external_ > 0 and (p_class <> 'backfill' or backfill_left > 0) then
        wake := least(wake, p_now + interval '15 minutes');
    end if;
    -- Only external calls stand in the way, and only an answer can tell that they are gone: ask now and then.
    if p_class <> 'sample' and available <= 0 and available + external_ > 0 and (p_class <> 'backfill' or backfill_left > 0) then
        lent := null;
        patience := private.external_patience(budget, calls.own, external_, p_now, p_per_day);
        probe := coalesce(coalesce(budget.asked_at, '-infinity') <= p_now - patience, false);
        free := case when probe then 1 else 0 end;
        wake := least(wake, coalesce(budget.asked_at, p_now) + patience);
    end if;
    -- After a silence nobody knows what others did meanwhile: the first calls go one by one, until an answer has told.
    if budget.seen_at < p_now - interval '1 minute' then
        free := least(free, 1);
    end if;
end $$;

-- reserve_calls: a block of calls of the day before any of them is sent, or the time to come back. `p_seen`: the last
-- limits that an answer told this process. Blocks shrink as the day runs out, so that the last calls are shared. A
-- block ends ten seconds before its bucket does, so that no call is sent in a later bucket than it is booked in.
create or replace function public.reserve_calls(
    p_block_id uuid, p_scope text, p_class text, p_wanted int, p_per_second bigint, p_per_day bigint,
    p_backfill_share double precision, p_live_share double precision default 0, p_day_margin double precision default 0,
    p_seen jsonb default null, p_shadow boolean default false) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    spot timestamptz := private.bucket_of(now_ + interval '15 seconds');
    day_limit bigint; granted_ int := 0; available record; wake timestamptz; reason_ text := ''; shadowed text; lent_ interval;
    block private.call_blocks;
begin
    if p_wanted < 1 or p_class not in ('live', 'incremental', 'backfill', 'sample') then
        raise exception using errcode = 'PT400', message = 'wrong_reservation';
    end if;
    if p_seen is not null then
        budget := private.note_limits(budget, now_, (p_seen ->> 'per_second')::bigint, (p_seen ->> 'per_day')::bigint,
                                      (p_seen ->> 'remaining_today')::bigint);
    end if;
    day_limit := coalesce(budget.per_day, p_per_day);
    select * into block from private.call_blocks where id = p_block_id;
    if found then
        spot := block.bucket;
        granted_ := case when block.closed then 0 else block.calls end;
        wake := now_;
    else
        if budget.blocked_until > now_ then
            wake := budget.blocked_until;
            reason_ := coalesce(budget.blocked_reason, 'the platform says that the daily calls are used up');
        elsif day_limit is null then
            granted_ := p_wanted;
        else
            if p_class = 'backfill' then
                update private.api_budgets set backfill_asked_at = now_
                 where scope = p_scope and coalesce(backfill_asked_at, '-infinity') < now_ - interval '10 minutes';
            end if;
            available := private.available_calls(budget, p_class, p_wanted, now_, day_limit, p_backfill_share, p_live_share,
                                                 p_day_margin);
            granted_ := greatest(0, least(p_wanted, greatest(available.free / 10, 1), available.free));
            wake := available.wake;
            reason_ := available.reason;
            lent_ := available.lent;
            update private.api_budgets
               set asked_at = case when available.probe then now_ else asked_at end,
                   lent_until = case when available.lent is not null
                                then greatest(coalesce(lent_until, now_), now_ - interval '1 hour') + available.lent * granted_
                                else lent_until end
             where scope = p_scope and (available.probe or available.lent is not null);
        end if;
        if granted_ = 0 and p_shadow then
            shadowed := reason_;
            granted_ := p_wanted;
            update private.api_budgets set would_refuse = would_refuse + granted_ where scope = p_scope;
        end if;
        if granted_ > 0 then
            insert into private.call_blocks (id, scope, class, bucket, calls, lent)
            values (p_block_id, p_scope, p_class, spot, granted_, lent_);
            insert into private.api_calls as ledger (scope, bucket, class, reserved, lent)
            values (p_scope, spot, p_class, granted_, case when lent_ is null then 0 else granted_ end)
            on conflict (scope, bucket, class) do update
               set reserved = ledger.reserved + excluded.reserved, lent = ledger.lent + excluded.lent;
        end if;
    end if;
    return jsonb_build_object(
        'granted', granted_,
        'expires_in_seconds', extract(epoch from spot + interval '4 minutes 50 seconds' - now_),
        'wake_at', case when granted_ = 0 then wake end,
        'wake_in_seconds', case when granted_ = 0 then greatest(1, extract(epoch from wake - now_)) end,
        'reason', case when granted_ = 0 then reason_ end,
        'would_refuse', shadowed,
        'used', case when day_limit is null then null else
            (select used.own + budget.external_calls from private.calls_used(p_scope, now_) as used) end,
        'per_second', coalesce(budget.per_second, p_per_second),
        'per_day', day_limit);
end $$;

-- sampling_terms: `share`: of a day that all shops share samples take so much at most; `reserve`: so much more of it has to be left
-- over beside what is kept for live calls and backfills; `every`: how long an entity of a shop is left alone; `most`: of a
-- platform so many are open at once.
create or replace function private.sampling_terms(out share double precision, out reserve double precision, out every interval, out most int)
language sql immutable as $$ select 0.02::double precision, 0.2::double precision, interval '6 hours', 5 $$;

-- sampled_calls: how many calls of the day samples have had.
create or replace function private.sampled_calls(p_scope text, p_now timestamptz) returns bigint
language sql stable set search_path = '' as $$
    select coalesce(sum(c.reserved - c.returned), 0)::bigint from private.api_calls as c
    where c.scope = p_scope and c.class = 'sample' and c.bucket > p_now - interval '24 hours 5 minutes';
$$;

-- leftover_calls: of a platform whose day all shops share, how many calls are left over for samples now; null where shops do not.
create or replace function private.leftover_calls(p_platform text) returns bigint
language sql stable set search_path = '' as $$
    select (select min((private.available_calls(b, 'sample', 1, clock_timestamp(), coalesce(b.per_day, p.per_day), p.backfill_share,
                                                p.live_share, 0)).free)
            from private.api_budgets as b where b.scope like p.platform || ':app:%' and b.blocked_until is null)
    from private.round_prices as p where p.platform = p_platform;
$$;

-- queue_due_samples: who was sampled longest ago, as far as the line of its platform has places and its day has calls. It waits for nobody.
create or replace function private.queue_due_samples() returns int
language plpgsql set search_path = '' as $$
declare place text; one record; run uuid; queued int := 0; terms record := private.sampling_terms();
begin
    if not exists (select from private.samples where due_at <= (select clock_timestamp())) then
        return 0;
    end if;
    for place in select distinct platform from private.round_rules where sampled_from is not null order by platform loop
        continue when coalesce(private.leftover_calls(place), 1) <= 0;
        for one in
            select s.connection_id, s.entity, a.user_id, r.position
            from private.samples as s
            join public.connected_accounts as a on a.id = s.connection_id
            join private.round_rules as r on r.platform = a.platform and r.entity = s.entity
            where s.due_at <= (select clock_timestamp()) and a.platform = place and a.status = 'connected'
            order by s.due_at
            limit greatest(0, terms.most - (select count(*) from public.sync_jobs as j
                                            where j.platform = place and j.job_type = 'sample' and j.finished_at is null))
            for update of s skip locked loop
            perform 1 from public.profiles where user_id = one.user_id for no key update skip locked;
            continue when not found;
            update private.samples set due_at = clock_timestamp() + terms.every
             where connection_id = one.connection_id and entity = one.entity;
            continue when private.is_paused(one.connection_id)
                       or exists (select from public.sync_jobs as j where j.connection_id = one.connection_id and j.job_type = 'sample'
                                                                      and j.entity = one.entity and j.finished_at is null)
                       or not exists (select from public.sync_cursors as c
                                      where c.connection_id = one.connection_id and c.entity = one.entity);
            run := gen_random_uuid();
            insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)
            values (run, one.connection_id, one.user_id, 'sample', 'sample');
            -- After everything else.
            insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, priority, position, created_at)
            values (one.user_id, one.connection_id, run, place, one.entity, 'sample', 1000, one.position, clock_timestamp());
            perform private.promote_next(one.connection_id, 'sample');
            queued := queued + 1;
        end loop;
    end loop;
    return queued;
end $$;

-- plan_samples: an entity that is proven is sampled from then on.
create or replace function private.plan_samples(job public.sync_jobs) returns void
language sql set search_path = '' as $$
    insert into private.samples (connection_id, entity, due_at)
    select job.connection_id, job.entity, clock_timestamp() + t.every
    from private.round_rules as r, private.sampling_terms() as t
    where r.platform = job.platform and r.entity = job.entity and r.sampled_from is not null
    on conflict (connection_id, entity) do nothing;
$$;

-- sample_place: a record of ours at random: {key, at, before, rows}; `at` is when it happened, `before` how many stand before it
-- in the order of keys. Null: there is none.
create or replace function public.sample_place(p_lease_id uuid, p_table text, p_time_column text) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); stored bigint; spot bigint; place jsonb;
begin
    execute format('select count(*) from public.%I where connection_id = $1 and not is_deleted', p_table)
       into stored using job.connection_id;
    spot := floor(random() * stored);
    execute format('select jsonb_build_object(''key'', platform_id, ''at'', %s) from public.%I '
                   'where connection_id = $1 and not is_deleted order by platform_id offset $2 limit 1',
                   case when p_time_column = '' then 'null' else format('extract(epoch from %I)::bigint', p_time_column) end, p_table)
       into place using job.connection_id, spot;
    return place || jsonb_build_object('before', spot, 'rows', stored);
end $$;

revoke all on function public.sample_place(uuid, text, text) from public, anon, authenticated;

grant execute on function public.sample_place(uuid, text, text) to service_role;

-- audit_sample: of the records that came with the page of the job in hand: how many were compared, and how many of them differed, by
-- themselves or in one of their children ({table: the column that names the record}). What changed so lately that rounds have still
-- to see it, or ask for it by its age, is neither: `news`.
create or replace function public.audit_sample(p_lease_id uuid, p_table text, p_children jsonb) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); keys text[]; touched text[]; more text[]; child record; answer jsonb;
        settled timestamptz;
begin
    select array_agg(distinct k) into keys from public.sync_pages as g, unnest(g.keys) as k where g.job_id = job.id;
    select private.last_bound(job) - r.sampled_from into settled from private.round_rules as r
     where r.platform = job.platform and r.entity = job.entity;
    execute format('select array_agg(platform_id) from public.%I where connection_id = $1 and platform_id = any ($2) '
                   'and sync_run_id = $3', p_table) into touched using job.connection_id, keys, job.run_id;
    for child in select key as name, value as parent from jsonb_each_text(p_children) loop
        execute format('select array_agg(%I) from public.%I where connection_id = $1 and %I = any ($2) and sync_run_id = $3',
                       child.parent, child.name, child.parent) into more using job.connection_id, keys, job.run_id;
        touched := coalesce(touched, '{}') || coalesce(more, '{}');
    end loop;
    execute format('select jsonb_build_object(''compared'', count(*) filter (where source_updated_at <= $3), '
                   '''differences'', count(*) filter (where source_updated_at <= $3 and platform_id = any ($4)), '
                   '''news'', count(*) filter (where source_updated_at > $3)) '
                   'from public.%I where connection_id = $1 and platform_id = any ($2)', p_table)
       into answer using job.connection_id, coalesce(keys, '{}'), settled, coalesce(touched, '{}');
    return answer;
end $$;

revoke all on function public.audit_sample(uuid, text, jsonb) from public, anon, authenticated;

grant execute on function public.audit_sample(uuid, text, jsonb) to service_role;

-- settle_sample: what a sample showed is added to what was known, in the transaction that ends its job. Where something differed the
-- entity is read whole at once. One that changed nothing leaves nothing else behind.
create or replace function private.settle_sample(job public.sync_jobs, p_is_proven boolean) returns void
language plpgsql set search_path = '' as $$
declare found_ record; now_ timestamptz := clock_timestamp();
begin
    select coalesce(sum((c #>> '{detail,compared}')::bigint), 0) as compared,
           coalesce(sum((c #>> '{detail,differences}')::bigint), 0) as differences
      into found_ from public.certificates as k, jsonb_array_elements(k.checks) as c
     where p_is_proven and k.job_id = job.id and c ->> 'name' = 'sample';
    update private.samples as s
       set compared = coalesce(private.faded(s.compared, s.sampled_at, now_), 0) + found_.compared,
           differences = coalesce(private.faded(s.differences, s.sampled_at, now_), 0) + found_.differences,
           sampled_at = now_, differed_at = case when found_.differences > 0 then now_ else s.differed_at end
     where s.connection_id = job.connection_id and s.entity = job.entity and found_.compared > 0;
    update private.sync_rounds as s set whole_at = least(s.whole_at, now_), due_at = least(s.due_at, now_)
     where s.connection_id = job.connection_id and s.entity = job.entity and found_.differences > 0;
    if exists (select from public.sync_pages as g where g.job_id = job.id and g.created + g.updated + g.rejected > 0)
       or exists (select from private.row_changes as c where c.connection_id = job.connection_id and c.run_id = job.run_id) then
        return;
    end if;
    delete from public.sync_jobs where id = job.id;
    delete from public.sync_runs where id = job.run_id;
end $$;

-- sampled: what was sampled of an entity, as it counts now; null where nothing was.
create or replace function private.sampled(p_connection_id uuid, p_entity text) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('compared', private.faded(s.compared, s.sampled_at, clock_timestamp()),
                              'differences', private.faded(s.differences, s.sampled_at, clock_timestamp()),
                              'at', s.sampled_at, 'differed_at', s.differed_at)
    from private.samples as s
    where s.connection_id = p_connection_id and s.entity = p_entity and s.sampled_at is not null;
$$;

-- sampling_facts: for health, of all shops: what was compared by platform, and how many entities differed within a week.
create or replace function private.sampling_facts() returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'platforms', coalesce(jsonb_object_agg(p.platform, jsonb_build_object('compared', p.compared, 'differences', p.differences)), '{}'),
        'differed', coalesce(sum(p.differed), 0))
    from (select a.platform, sum(private.faded(s.compared, s.sampled_at, clock_timestamp())) as compared,
                 sum(private.faded(s.differences, s.sampled_at, clock_timestamp())) as differences,
                 count(*) filter (where s.differed_at > clock_timestamp() - interval '7 days') as differed
          from private.samples as s join public.connected_accounts as a on a.id = s.connection_id
          where s.sampled_at is not null group by a.platform) as p;
$$;

-- backfill_status: how the backfills of a user's shops stand, as one JSON value, so that no row cap can cut it. Of an entity that is
-- being read once more, or was stopped in that, also when it was last proven complete and how much of it is held since:
-- until the new reading ends, that is what there is.
create or replace function public.backfill_status(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_id', p.user_id, 'plan', p.plan, 'backfill_status', p.backfill_status,
        'backfill_completed_at', p.backfill_completed_at, 'failures', p.backfill_failures, 'now', clock_timestamp(),
        'paused_at', p.paused_at,
        'connections', coalesce((
            select jsonb_agg(jsonb_build_object('connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id,
                       'shop_name', a.shop_name, 'status', a.status, 'status_reason', a.status_reason,
                       'paused_at', coalesce(p.paused_at, a.paused_at))
                   order by a.platform, a.shop_name, a.shop_id)
            from public.connected_accounts as a where a.user_id = p.user_id), '[]'),
        'jobs', coalesce((
            select jsonb_agg(jsonb_build_object(
                       'job_id', j.id, 'platform', j.platform, 'connection_id', j.connection_id, 'shop_id', a.shop_id,
                       'entity', j.entity, 'status', j.status,
                       'records_done', j.records_done, 'records_total', j.records_total,
                       'records_rejected', j.records_rejected, 'fraction', j.fraction, 'pages', j.page_seq, 'calls_used', j.calls_used,
                       'attempts', j.attempts, 'deaths', j.deaths, 'run_after', j.run_after,
                       'park_reason', j.park_reason, 'park_code', j.park_code, 'error_code', j.error_code,
                       'error', j.error, 'seller_message', j.seller_message,
                       'doubted_at', j.doubted_at, 'created_at', j.created_at, 'started_at', j.started_at,
                       'finished_at', j.finished_at, 'window_start', j.window_start, 'window_end', j.window_end,
                       'watermark', w.watermark,
                       'looked_at', (select n.finished_at from public.sync_jobs as n
                                     where n.connection_id = j.connection_id and n.entity = j.entity
                                       and n.job_type = 'incremental' and n.certificate_id is not null
                                       and n.finished_at > j.finished_at
                                     order by n.created_at desc limit 1), 'certificate', to_jsonb(c) - 'user_id',
                       'sampled', private.sampled(j.connection_id, j.entity),
                       'last_complete', case when j.status <> 'completed' then (
                           select jsonb_build_object('at', k.issued_at, 'held', k.distinct_keys - k.rejected)
                           from public.certificates as k
                           where k.connection_id = j.connection_id and k.entity = j.entity and k.is_whole
                             and not exists (select from public.sync_jobs as n where n.id = k.job_id and n.job_type = 'sample')
                           order by k.issued_at desc limit 1) end)
                   order by j.platform, a.shop_name, a.shop_id, j.position)
            from (select distinct on (connection_id, entity) * from public.sync_jobs
                  where user_id = p.user_id and job_type = 'backfill'
                  order by connection_id, entity, created_at desc, id) as j
            join public.connected_accounts as a on a.id = j.connection_id
            left join public.certificates as c on c.id = j.certificate_id
            left join public.sync_cursors as w on w.connection_id = j.connection_id and w.entity = j.entity), '[]'))
    from public.profiles as p where p.user_id = p_user_id;
$$;

-- scope_report: one scope's day.
create or replace function private.scope_report(budget private.api_budgets, p_now timestamptz) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'scope', budget.scope, 'platform', split_part(budget.scope, ':', 1),
        'per_second', budget.per_second, 'per_day', budget.per_day,
        'used', jsonb_build_object('live', used.live, 'incremental', used.incremental, 'backfill', used.backfill, 'sample', private.sampled_calls(budget.scope, p_now),
                                   'external', budget.external_calls),
        'lent', used.lent, 'expected_external', private.external_hold(budget, p_now),
        'reserved', (select coalesce(jsonb_agg(jsonb_build_object('class', class, 'calls', calls, 'bucket', bucket)
                                               order by bucket), '[]')
                     from private.call_blocks
                     where scope = budget.scope and not closed and bucket + interval '5 minutes' > p_now),
        'frees', (select coalesce(jsonb_agg(jsonb_build_object('at', at, 'calls', calls) order by at), '[]')
                  from (select bucket + interval '24 hours 5 minutes' as at, sum(reserved - returned)::bigint as calls
                        from private.api_calls
                        where scope = budget.scope and class <> 'external' and reserved > returned
                          and bucket > p_now - interval '24 hours 5 minutes'
                        group by bucket order by bucket limit 12) as soon),
        'blocked_until', case when budget.blocked_until > p_now then budget.blocked_until end,
        'blocked_reason', case when budget.blocked_until > p_now then budget.blocked_reason end,
        'would_refuse', budget.would_refuse, 'seen_at', budget.seen_at,
        'errors_in_the_last_hour', (select coalesce(sum(errors), 0) from private.api_answers
                                    where scope = budget.scope and bucket > p_now - interval '1 hour'))
    from private.calls_used(budget.scope, p_now) as used;
$$;

-- pipeline_health: everything that health and metrics tell, in one answer. Counts stop at ten thousand: more of them
-- would say no more, and a look must stay quick.
create or replace function public.pipeline_health(p_minutes int default 60) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '3s' as $$
declare now_ timestamptz := clock_timestamp(); since timestamptz := clock_timestamp() - make_interval(mins => p_minutes);
begin
    return jsonb_build_object(
        'now', now_,
        'queue', (
            select jsonb_build_object('queued', count(*), 'lag_seconds',
                       coalesce(greatest(0, extract(epoch from now_ - min(served_at))), 0))
            from (select served_at from public.sync_jobs where status = 'queued' limit 10000) as q),
        'running', (select count(*) from (select 1 from public.sync_jobs where status = 'running' limit 10000) as r),
        'heartbeats', public.heartbeats(),
        'quarantined', (select count(*) from (select 1 from public.sync_jobs where status = 'quarantined' limit 10000) as q),
        'rejected', (select count(*) from (select 1 from public.rejected_records where status = 'open' limit 10000) as r),
        'parked', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('waiting', count(*), 'retries', count(*) filter (where attempts > 0),
                           'next_at', min(run_after)) as facts
                from (select platform, attempts, run_after from public.sync_jobs where status = 'parked'
                      order by run_after limit 10000) as p group by platform) as by_platform),
        'ended', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('completed', count(*) filter (where status = 'completed'),
                           'with_rejects', count(*) filter (where status = 'completed_with_rejects'),
                           'failed', count(*) filter (where status = 'failed'),
                           'quarantined', count(*) filter (where status = 'quarantined')) as facts
                from (select platform, status from public.sync_jobs where finished_at > since
                      order by finished_at desc limit 10000) as e group by platform) as by_platform),
        'last_sync_at', (
            select max(finished_at) from (select finished_at, status from public.sync_jobs where finished_at is not null
                                          order by finished_at desc limit 1000) as e
            where status in ('completed', 'completed_with_rejects')),
        'calls', (
            select coalesce(jsonb_agg(jsonb_build_object('platform', platform, 'endpoint', endpoint, 'outcome', outcome,
                       'calls', calls, 'seconds', seconds, 'histogram', histogram)), '[]') from (
                select platform, endpoint, outcome, sum(calls) as calls, sum(seconds) as seconds,
                       array[sum(histogram[1]), sum(histogram[2]), sum(histogram[3]), sum(histogram[4]),
                             sum(histogram[5]), sum(histogram[6]), sum(histogram[7]), sum(histogram[8]),
                             sum(histogram[9]), sum(histogram[10]), sum(histogram[11]), sum(histogram[12]),
                             sum(histogram[13])] as histogram
                from private.call_minutes where minute > since group by 1, 2, 3 order by 1, 2, 3 limit 500) as c),
        'last_success', (
            select coalesce(jsonb_object_agg(platform, at), '{}') from (
                select platform, max(minute) as at from private.call_minutes where outcome = 'ok' group by 1) as s),
        'blocked', (
            select coalesce(jsonb_agg(jsonb_build_object('platform', split_part(scope, ':', 1), 'until', blocked_until,
                       'reason', blocked_reason) order by blocked_until desc), '[]')
            from (select * from private.api_budgets where blocked_until > now_ limit 1000) as b),
        'circuits', (
            select coalesce(jsonb_agg(to_jsonb(b) || jsonb_build_object('platform', split_part(b.scope, ':', 1))), '[]')
            from jsonb_to_recordset(public.breakers()) as b(scope text, state text, reason text, failures int,
                                                            since timestamptz, retry_at timestamptz)),
        'obligations', private.open_obligations(),
        'tables', private.table_sizes(),
        'webhooks', public.webhook_counts(),
        'deletions_held', (select count(*) from (select from private.held_deletions where decided_at is null limit 10000) as h),
        'events', private.outbox_facts(),
        'lookbacks', public.lookback_facts(),
        'sampling', private.sampling_facts(),
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;

-- commit_page: the heart. `$1` is {"page": <the bytes as they came>, "envelope": {...}}, or with "records" in place
-- of "page" the same page cut into single records because one of them is poison. The envelope comes last, so a page
-- cannot bring one of its own. Idempotent by page_id: when the answer was lost, a second call returns the same one.
create or replace function public.commit_page(text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    document jsonb := $1::jsonb;
    env jsonb := document -> 'envelope';
    job public.sync_jobs;
    at timestamptz := (env ->> 'fetched_at')::timestamptz;
    stream_name text := env ->> 'stream';
    shape text := env ->> 'shape';
    landed private.landed;
    one_by_one record;
    rejected_now int := 0;
    fresh_keys int;
    result jsonb;
begin
    select p.answer into result from public.sync_pages as p where p.page_id = (env ->> 'page_id')::uuid;
    if found then
        return result;
    end if;
    job := private.leased_job((env ->> 'lease_id')::uuid);
    if job.page_seq <> (env ->> 'seq')::int then
        raise exception using errcode = 'PT409', message = 'page_out_of_order',
            detail = format('page %s came, %s pages are committed', env ->> 'seq', job.page_seq);
    end if;

    if document ? 'records' then
        one_by_one := private.land_one_by_one(job, stream_name, shape, at, document -> 'records');
        landed := one_by_one.landed;
        rejected_now := one_by_one.rejected;
    else
        landed := private.land_records(job, shape, at,
                                       document #> ('{page}' || string_to_array(env ->> 'records_at', '.')));
    end if;

    if job.job_type <> 'backfill' and landed.created + landed.updated > 0 then
        perform private.note_lateness(job, landed.keys, at);
    end if;

    -- A record that was rejected before needs nobody's attention any more, now that a later fetch of it has landed or
    -- was rejected with other bytes. What this very page rejects has its time of fetching.
    update public.rejected_records as r set status = 'superseded', settled_at = clock_timestamp()
     where r.connection_id = job.connection_id and r.stream = stream_name
       and r.status in ('open', 'partial') and r.platform_id = any (landed.keys) and r.fetched_at < at;

    -- Pages overlap by a record, and a second pass reads the same again: progress counts neither twice.
    select count(*) into fresh_keys from (
        select unnest(landed.keys) where (env ->> 'pass')::int = 1
        except
        select unnest(p.keys) from public.sync_pages as p
        where p.job_id = job.id and p.seq = job.page_seq - 1 and p.stream = stream_name) as k;

    result := jsonb_build_object('seq', job.page_seq + 1, 'created', landed.created, 'updated', landed.updated,
        'unchanged', landed.unchanged, 'stale', landed.stale, 'rejected', rejected_now);
    insert into public.sync_pages (job_id, seq, page_id, connection_id, user_id, platform, entity, stream, part, pass,
                                   window_start, window_end, position, provider_count, keys, created, updated, unchanged, stale,
                                   rejected, fetched_at, answer)
    values (job.id, job.page_seq, (env ->> 'page_id')::uuid, job.connection_id, job.user_id, job.platform, job.entity,
            stream_name,
            (env ->> 'part')::int, (env ->> 'pass')::int,
            to_timestamp((env ->> 'window_start')::bigint), to_timestamp((env ->> 'window_end')::bigint),
            (env ->> 'position')::bigint, (env ->> 'provider_count')::bigint, landed.keys, landed.created,
            landed.updated, landed.unchanged, landed.stale, rejected_now, at, result);

    if (env ->> 'closing')::boolean then
        -- The window has been read to its end: how many distinct records did this pass, and did all passes, see?
        result := result || (
            select jsonb_build_object(
                       'pass_keys', count(distinct k) filter (where p.pass = (env ->> 'pass')::int),
                       'window_keys', count(distinct k))
            from public.sync_pages as p, unnest(p.keys) as k
            where p.job_id = job.id and p.stream = stream_name and p.part = (env ->> 'part')::int
              and p.window_start is not distinct from to_timestamp((env ->> 'window_start')::bigint)
              and p.window_end is not distinct from to_timestamp((env ->> 'window_end')::bigint));
        update public.sync_pages set answer = result where job_id = job.id and seq = job.page_seq;
    end if;

    update public.sync_jobs
       set cursor = env -> 'cursor', page_seq = job.page_seq + 1,
           records_done = records_done + fresh_keys,
           records_total = coalesce((env ->> 'total')::bigint, records_total),
           fraction = coalesce((env ->> 'fraction')::real, fraction),
           records_rejected = records_rejected + rejected_now,
           lease_expires_at = clock_timestamp() + make_interval(secs => coalesce((env ->> 'lease_seconds')::int, 60)),
           -- A page that landed is progress: what went wrong before it is forgiven.
           attempts = 0, deaths = 0, refused_code = null
     where id = job.id;
    return result;
end $$;

-- verify_completed: hold a completed entity of a shop against its audit and its proofs once more, in pieces. Asks no
-- platform. A call ends with the first piece that is not the last of its question. Where the entity was completed anew
-- between two pieces, it begins again with that.
create or replace function public.verify_completed(p_user_id uuid, p_connection_id uuid, p_entity text, p_stream text, p_table text,
                                                   p_time_column text, p_proofs text[], p_rest jsonb default '{}',
                                                   p_rows int default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs; rest jsonb; part jsonb; proofs jsonb;
begin
    select * into job from public.sync_jobs
     where user_id = p_user_id and connection_id = p_connection_id and entity = p_entity and job_type = 'backfill'
     order by created_at desc, id limit 1;
    if job.certificate_id is null then
        return jsonb_build_object('status', coalesce(job.status, 'never started'), 'error', job.error);
    end if;
    rest := case when p_rest ->> 'certificate' = job.certificate_id::text then p_rest
                 else jsonb_build_object('certificate', job.certificate_id) end;
    if not rest ? 'audit' then
        part := case when p_stream = '' then '{}'
                     else private.audit_job(job, p_stream, p_table, p_time_column, null, coalesce(rest -> 'inner', '{}'), p_rows) end;
        if part ? 'rest' then
            return jsonb_build_object('rest', rest || jsonb_build_object('inner', part -> 'rest'));
        end if;
        rest := rest - 'inner' || jsonb_build_object('audit', part);
    end if;
    proofs := coalesce(rest -> 'proofs', '[]');
    for n in jsonb_array_length(proofs) + 1 .. cardinality(p_proofs) loop
        part := private.prove_job(job, p_proofs[n], coalesce(rest -> 'inner', '{}'), p_rows);
        if part ? 'rest' then
            return jsonb_build_object('rest', rest || jsonb_build_object('proofs', proofs, 'inner', part -> 'rest'));
        end if;
        proofs := proofs || jsonb_build_array(part);
        rest := rest - 'inner';
    end loop;
    return jsonb_build_object('status', job.status, 'job_id', job.id, 'audit', rest -> 'audit', 'rejects', private.job_rejects(job),
        'certificate', (select to_jsonb(c) - 'user_id' from public.certificates as c where c.id = job.certificate_id),
        'proofs', proofs, 'sampled', private.sampled(job.connection_id, job.entity));
end $$;
