-- Baseline of jobs, written once from supabase/schemas (docs/decisions/022).

-- oauth.sql

-- Consent at a platform's page, begun and come back from.

-- A consent that has been begun: single-use, bound to user and platform. Only the hash of the state is kept.
create table private.oauth_states (
    state_hash text primary key,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    details jsonb not null default '{}'::jsonb,
    expires_at timestamptz not null
);
create index oauth_states_by_age on private.oauth_states (expires_at);

-- begin_oauth: remember a consent that is being asked for, for ten minutes; answers until when.
create or replace function public.begin_oauth(p_state_hash text, p_user_id uuid, p_platform text, p_details jsonb,
                                              p_seconds int default 600) returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare until timestamptz := clock_timestamp() + make_interval(secs => p_seconds);
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    delete from private.oauth_states where expires_at < clock_timestamp() - interval '1 hour';
    insert into private.oauth_states (state_hash, user_id, platform, details, expires_at)
    values (p_state_hash, p_user_id, p_platform, p_details, until);
    return until;
end $$;
revoke all on function public.begin_oauth(text, uuid, text, jsonb, int) from public, anon, authenticated;
grant execute on function public.begin_oauth(text, uuid, text, jsonb, int) to service_role;

-- finish_oauth: what was begun with this state by this user for this platform; once. Null for everything else.
create or replace function public.finish_oauth(p_state_hash text, p_user_id uuid, p_platform text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare found_ private.oauth_states;
begin
    delete from private.oauth_states
     where state_hash = p_state_hash and user_id = p_user_id and platform = p_platform
    returning * into found_;
    if found_.expires_at > clock_timestamp() then
        return found_.details;
    end if;
    return null;
end $$;
revoke all on function public.finish_oauth(text, uuid, text) from public, anon, authenticated;
grant execute on function public.finish_oauth(text, uuid, text) to service_role;

-- jobs.sql

-- Jobs: what runs next. Postgres decides; messages in Valkey are only doorbells.
--
--   waiting ──(the entity before it ended)──▶ queued ◀──(run_after passed)── parked
--                                               │ claim                         ▲
--                                               ▼                               │ no budget, throttled, backoff
--                                            running ───────────────────────────┘
--                                               ├──▶ completed   (with a certificate)
--                                               ├──▶ failed      (for good, with a reason)
--                                               └──▶ quarantined (three workers died on one slice)
--
-- The claim: claim.sql. Whose job is next: virtual_time.sql. How jobs end: job_endings.sql. What time does: clock.sql.

create table public.sync_runs (
    id uuid primary key default gen_random_uuid(),
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    user_id uuid not null,
    job_type text not null check (job_type in ('backfill', 'incremental')),
    trigger text not null,
    created_at timestamptz not null default now()
);
create index sync_runs_of_connection on public.sync_runs (connection_id, created_at);
select private.own_rows('sync_runs');

create table public.certificates (
    id uuid primary key default gen_random_uuid(),
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    user_id uuid not null,
    platform text not null,
    entity text not null,
    run_id uuid not null references public.sync_runs (id) on delete cascade,
    job_id uuid not null unique,
    provider_count bigint,
    distinct_keys bigint not null,
    rejected bigint not null default 0,
    earliest timestamptz,
    latest timestamptz,
    checks jsonb not null,
    issued_at timestamptz not null default now()
);
comment on table public.certificates is 'The proof that an entity is complete: one row a completed job.';
create index certificates_of_connection on public.certificates (connection_id, entity, issued_at);
select private.own_rows('certificates');

create table public.sync_jobs (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    run_id uuid not null references public.sync_runs (id) on delete cascade,
    platform text not null,
    entity text not null,
    job_type text not null check (job_type in ('backfill', 'incremental')),
    status text not null default 'waiting' check (status in
        ('waiting', 'queued', 'running', 'parked', 'completed', 'failed', 'quarantined')),
    -- Lower runs first: orders before other entities, then the plan.
    priority int not null default 0,
    -- The entity's place in its platform's order.
    position int not null default 0,
    -- The least recently served of equals runs next, so that one huge shop cannot hold the workers.
    served_at timestamptz not null default clock_timestamp(),
    virtual_time double precision not null default 0,
    -- The frozen window: nothing after window_end is read, and the cursor left behind is never later.
    window_start timestamptz,
    window_end timestamptz,
    cursor jsonb,
    page_seq int not null default 0,
    records_done bigint not null default 0,
    records_total bigint,
    records_rejected bigint not null default 0,
    -- How far the read is, 0 to 1, where the number of records is not known beforehand.
    fraction real,
    calls_used int not null default 0,
    lease_id uuid unique,
    lease_expires_at timestamptz,
    leased_by text,
    run_after timestamptz,
    park_reason text,
    park_code text,
    attempts int not null default 0,
    deaths int not null default 0,
    error_code text,
    error text,
    seller_message text,
    certificate_id uuid references public.certificates (id),
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    check ((status = 'running') = (lease_id is not null)),
    check ((status = 'running') = (lease_expires_at is not null)),
    check ((status = 'parked') = (run_after is not null)),
    check ((status in ('completed', 'failed', 'quarantined')) = (finished_at is not null)),
    -- Complete means proven.
    check ((status = 'completed') = (certificate_id is not null)),
    check ((status in ('failed', 'quarantined')) = (error_code is not null))
) with (fillfactor = 50);
comment on table public.sync_jobs is 'One entity of one connection, worked in slices.';
-- One open job per connection, entity and job type: a double click cannot make two.
create unique index sync_jobs_one_open on public.sync_jobs (connection_id, entity, job_type)
    where status in ('waiting', 'queued', 'running', 'parked');
-- A shop's entities in their order, one at a time: only the head of the line is ever claimable.
create unique index sync_jobs_one_head on public.sync_jobs (connection_id, job_type)
    where status in ('queued', 'running', 'parked');
create unique index sync_jobs_one_running on public.sync_jobs (connection_id)
    where status = 'running';
-- The claim reads this index alone, so blocked and parked jobs cost it nothing.
create index sync_jobs_claim on public.sync_jobs (priority, served_at, id) where status = 'queued';
create index sync_jobs_due on public.sync_jobs (run_after) where status = 'parked';
-- Not by lease_expires_at, which every page moves: a page's update must touch no index (a heap-only tuple), or a long
-- job would leave a dead entry a page behind and every look at its lease would wade through them.
create index sync_jobs_running on public.sync_jobs (id) where status = 'running';
create index sync_jobs_line on public.sync_jobs (connection_id, job_type, position) where status = 'waiting';
create index sync_jobs_of_connection on public.sync_jobs (connection_id, entity, created_at);
create index sync_jobs_of_user on public.sync_jobs (user_id, job_type, created_at);
alter table public.certificates add foreign key (job_id) references public.sync_jobs (id)
    on delete cascade deferrable initially deferred;
alter table public.sync_jobs enable row level security;
alter table public.sync_jobs force row level security;
create policy own_rows on public.sync_jobs for select to authenticated using (user_id = (select auth.uid()));
grant select on public.sync_jobs to service_role;
-- The lease is the worker's key to a job: an end user does not see it.
grant select (id, user_id, connection_id, run_id, platform, entity, job_type, status, records_done, records_total,
              records_rejected, fraction, calls_used, run_after, park_reason, attempts, error_code, seller_message,
              certificate_id, created_at, started_at, finished_at, window_start, window_end)
    on public.sync_jobs to authenticated;
comment on column public.sync_jobs.virtual_time is 'Calls that this line of jobs has had, divided by its plan''s weight; starts where the others stand.';
comment on column public.sync_jobs.park_code is 'Of a parked job: the stable word of why it waits.';
-- What ended lately, and the last success. An ending writes it once, so pages still touch no index.
create index sync_jobs_ended on public.sync_jobs (finished_at) where finished_at is not null;

-- Where the next incremental sync starts. Never later than the frozen bound of the read that left it.
create table public.sync_cursors (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    user_id uuid not null,
    platform text not null,
    entity text not null,
    watermark timestamptz not null,
    run_id uuid not null references public.sync_runs (id) on delete cascade,
    updated_at timestamptz not null default now(),
    primary key (connection_id, entity)
);
select private.own_rows('sync_cursors');

-- A trigger that comes while a job runs is not lost: it leaves a request, and the finishing transaction queues the job
-- again. And two clocks that quarantine jobs of the same users take their locks in one order.
create table private.rerun_requests (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    entity text not null,
    job_type text not null,
    run_id uuid not null references public.sync_runs (id) on delete cascade,
    primary key (connection_id, entity, job_type)
);
comment on table private.rerun_requests is 'Jobs to be queued again when the one that runs has ended: one request, however often asked.';

-- leased_job: the running job of this lease, locked until the transaction ends, or lease_lost.
create or replace function private.leased_job(p_lease_id uuid) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare job public.sync_jobs;
begin
    select * into job from public.sync_jobs where lease_id = p_lease_id for update;
    if not found then
        raise exception using errcode = 'PT409', message = 'lease_lost',
            hint = 'Another worker has this job, or it has ended: drop what is in hand.';
    end if;
    return job;
end $$;

-- promote_next: put the next entity of a shop's line at the head, once the one before it has ended.
create or replace function private.promote_next(p_connection_id uuid, p_job_type text) returns void
language sql set search_path = '' as $$
    update public.sync_jobs set status = 'queued', served_at = clock_timestamp()
    where id = (
        select id from public.sync_jobs
        where connection_id = p_connection_id and job_type = p_job_type and status = 'waiting'
        order by position, created_at limit 1)
    and not exists (
        select 1 from public.sync_jobs
        where connection_id = p_connection_id and job_type = p_job_type
          and status in ('queued', 'running', 'parked'));
$$;

-- queue_jobs: queue what is asked in one transaction. `p_jobs` is a list of {platform, connection_id, entity, priority,
-- position}; without a connection it is asked of each shop that the user has there. Open jobs are left alone, completed
-- ones too unless `p_rerun`. What shall be read again, and is being read, is read once more after its end, however often
-- that was asked. Answers what became of each.
create or replace function public.queue_jobs(p_user_id uuid, p_job_type text, p_trigger text, p_jobs jsonb,
                                             p_rerun boolean default false) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare wanted record; outcome text; outcomes jsonb := '[]'; run uuid; run_of uuid; runs uuid[] := '{}';
        last public.sync_jobs; queued int := 0;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    for wanted in
        select j.platform, j.entity, j.priority, j.position, a.id as connection_id, a.shop_id
        from jsonb_to_recordset(p_jobs)
             as j(platform text, connection_id uuid, entity text, priority int, position int)
        left join public.connected_accounts as a
               on a.user_id = p_user_id and a.platform = j.platform and (j.connection_id is null or a.id = j.connection_id)
        order by j.platform, a.shop_id, j.position loop
        if wanted.connection_id is null then
            raise exception using errcode = 'PT404', message = 'not_connected',
                detail = wanted.platform, hint = 'Connect the platform first.';
        end if;
        select * into last from public.sync_jobs
         where connection_id = wanted.connection_id and entity = wanted.entity and job_type = p_job_type
         order by created_at desc, id limit 1;
        if run_of is distinct from wanted.connection_id then
            run_of := wanted.connection_id;
            run := gen_random_uuid();
        end if;
        outcome := case
            when last.status in ('waiting', 'queued', 'running', 'parked') then
                case when last.started_at is not null and p_rerun then 'rerun_requested' else 'already_running' end
            when last.status = 'completed' and not p_rerun then 'already_complete'
            else 'queued' end;
        if outcome in ('queued', 'rerun_requested') and run <> all (runs) then
            insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)
            values (run, wanted.connection_id, p_user_id, p_job_type, p_trigger);
            runs := runs || run;
        end if;
        if outcome = 'rerun_requested' then
            insert into private.rerun_requests (connection_id, entity, job_type, run_id)
            values (wanted.connection_id, wanted.entity, p_job_type, run) on conflict do nothing;
        elsif outcome = 'queued' then
            insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, priority, position,
                                          created_at)
            values (p_user_id, wanted.connection_id, run, wanted.platform, wanted.entity, p_job_type, wanted.priority,
                    wanted.position, clock_timestamp());
            queued := queued + 1;
        end if;
        outcomes := outcomes || jsonb_build_object('platform', wanted.platform, 'connection_id', wanted.connection_id,
            'shop_id', wanted.shop_id, 'entity', wanted.entity, 'outcome', outcome);
    end loop;
    perform private.promote_next(connection_id, p_job_type)
       from (select distinct connection_id from public.sync_jobs
             where user_id = p_user_id and job_type = p_job_type and status = 'waiting') as waiting;
    -- A request that stood already keeps the run that it has.
    delete from public.sync_runs as r
     where r.id = any (runs) and not exists (select from public.sync_jobs as j where j.run_id = r.id)
       and not exists (select from private.rerun_requests as q where q.run_id = r.id);
    if queued > 0 and p_job_type = 'backfill' then
        update public.profiles set backfill_status = 'in_progress', backfill_completed_at = null,
               backfill_failures = '[]' where user_id = p_user_id;
    end if;
    return jsonb_build_object(
        'run_ids', (select coalesce(jsonb_agg(r.id order by r.platform, r.shop_id), '[]')
                    from (select s.id, a.platform, a.shop_id from public.sync_runs as s
                          join public.connected_accounts as a on a.id = s.connection_id where s.id = any (runs)) as r),
        'jobs', outcomes);
end $$;
revoke all on function public.queue_jobs(uuid, text, text, jsonb, boolean) from public, anon, authenticated;
grant execute on function public.queue_jobs(uuid, text, text, jsonb, boolean) to service_role;

-- queue_backfill: queue_jobs, with a start of the history that the new jobs read from. One transaction.
create or replace function public.queue_backfill(p_user_id uuid, p_trigger text, p_jobs jsonb, p_rerun boolean default false,
                                                 p_since timestamptz default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare answer jsonb;
begin
    answer := public.queue_jobs(p_user_id, 'backfill', p_trigger, p_jobs, p_rerun);
    if p_since is not null then
        update public.sync_jobs set window_start = p_since where run_id in (
            select r::uuid from jsonb_array_elements_text(answer -> 'run_ids') as r);
    end if;
    return answer;
end $$;
revoke all on function public.queue_backfill(uuid, text, jsonb, boolean, timestamptz) from public, anon, authenticated;
grant execute on function public.queue_backfill(uuid, text, jsonb, boolean, timestamptz) to service_role;

-- freeze_window: fix what this job will read, once. A second call answers the window that stands.
create or replace function public.freeze_window(p_lease_id uuid, p_start timestamptz, p_end timestamptz) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs
       set window_start = coalesce(window_start, p_start),
           window_end = coalesce(window_end, least(p_end, clock_timestamp()))
     where id = job.id returning * into job;
    return jsonb_build_object('window_start', job.window_start, 'window_end', job.window_end);
end $$;
revoke all on function public.freeze_window(uuid, timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.freeze_window(uuid, timestamptz, timestamptz) to service_role;

-- virtual_time.sql

-- Whose job is next: whoever has had the fewest calls for the weight of his plan (start-time fair queueing). Why here
-- and not at the reservation: docs/decisions/014-fairness-in-the-claim.md.

-- The weights of directives/rate_budgets.md.
create table private.plan_weights (plan text primary key, weight double precision not null check (weight > 0));
insert into private.plan_weights (plan, weight) values ('free', 1), ('starter', 2), ('pro', 4), ('enterprise', 8);
comment on table private.plan_weights is 'How many calls a plan gets for each call of plan free, while both wait. Unknown plans weigh 1.';

-- Where the others stand: the highest virtual time that was served. One row, written only when a round begins.
create table private.virtual_clock (
    one boolean primary key default true check (one),
    virtual_time double precision not null
);
insert into private.virtual_clock (virtual_time) values (0);

-- Who used what, by the hour.
create table private.tenant_calls (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    class text not null,
    hour timestamptz not null,
    calls bigint not null,
    primary key (user_id, platform, class, hour)
);
create index tenant_calls_by_hour on private.tenant_calls (hour);

-- round_of: a call of the plainest plan is a round. In a round orders come first, then the plan's rank.
create or replace function private.round_of(p_virtual_time double precision) returns double precision
language sql immutable set search_path = '' as $$ select floor(p_virtual_time) $$;
-- The round first; in a round the rank (orders, then the plan), then who was served longest ago.
create index sync_jobs_virtual_time on public.sync_jobs
    (private.round_of(virtual_time), priority, served_at, id) where status = 'queued';

-- start_virtual_time: a new job starts where the others stand: it neither waits for what they had nor owes anything.
create or replace function private.start_virtual_time() returns trigger language plpgsql set search_path = '' as $$
begin
    new.virtual_time := greatest(new.virtual_time, (select virtual_time from private.virtual_clock));
    return new;
end $$;
create trigger sync_jobs_start_virtual_time before insert on public.sync_jobs
    for each row execute function private.start_virtual_time();

-- continue_virtual_time: the next entity goes on where the one before it ended.
create or replace function private.continue_virtual_time() returns trigger language plpgsql set search_path = '' as $$
begin
    new.virtual_time := greatest(new.virtual_time, (
        select max(virtual_time) from public.sync_jobs
        where connection_id = new.connection_id and job_type = new.job_type));
    return new;
end $$;
create trigger sync_jobs_continue_virtual_time before update on public.sync_jobs
    for each row when (old.status = 'waiting' and new.status = 'queued') execute function private.continue_virtual_time();

-- charge_virtual_time: calls were used; moves the line on, by weight, and keeps the tenant's account.
create or replace function private.charge_virtual_time() returns trigger language plpgsql set search_path = '' as $$
declare
    calls_ bigint := greatest(0, new.calls_used - old.calls_used);
    now_ timestamptz := clock_timestamp();
    weight_ double precision;
begin
    select w.weight into weight_ from public.profiles as p join private.plan_weights as w on w.plan = p.plan
     where p.user_id = new.user_id;
    update private.virtual_clock set virtual_time = old.virtual_time
     where one and private.round_of(virtual_time) < private.round_of(old.virtual_time);
    new.virtual_time := old.virtual_time + calls_ / coalesce(weight_, 1);
    insert into private.tenant_calls as kept (user_id, platform, class, hour, calls)
    values (new.user_id, new.platform, new.job_type, date_trunc('hour', now_), calls_)
    on conflict (user_id, platform, class, hour) do update set calls = kept.calls + excluded.calls;
    delete from private.tenant_calls where user_id = new.user_id and hour < now_ - interval '30 days';
    return new;
end $$;
create trigger sync_jobs_charge_virtual_time before update on public.sync_jobs
    for each row when (old.calls_used is distinct from new.calls_used) execute function private.charge_virtual_time();

-- claim.sql

-- The claim: a worker leases a job, keeps the lease and gives it back.

-- claim_job: lease the next due job to this worker, or answer null, in the order of virtual time. Idempotent for one
-- lease id, so a lost answer costs nothing. One statement takes the job: it skips those that others are taking now. A
-- job that was away for days (an outage, a reconnect) catches up by a hundred calls at most.
create or replace function public.claim_job(p_lease_id uuid, p_worker text, p_lease_seconds int default 60)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs; connection public.connected_accounts;
begin
    select * into job from public.sync_jobs where lease_id = p_lease_id;
    if not found then
        perform private.wake_due_jobs();
        begin
            update public.sync_jobs as j
               set status = 'running', lease_id = p_lease_id, leased_by = p_worker,
                   lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds),
                   started_at = coalesce(started_at, clock_timestamp()),
                   served_at = clock_timestamp(),
                   virtual_time = greatest(j.virtual_time, (select virtual_time - 100 from private.virtual_clock))
             where id = (
                select q.id from public.sync_jobs as q
                where q.status = 'queued'
                  and not exists (select 1 from public.sync_jobs as r
                                  where r.connection_id = q.connection_id and r.status = 'running')
                order by private.round_of(q.virtual_time), q.priority, q.served_at, q.id
                limit 1 for update skip locked)
            returning * into job;
        exception when unique_violation then
            -- A sibling of the same shop was claimed in this very moment: its bell rings again. Or this
            -- lease was, by an earlier call of the same claim: that one's job is the answer.
            select * into job from public.sync_jobs where lease_id = p_lease_id;
        end;
        if job.id is null then
            return null;
        end if;
    end if;
    select * into connection from public.connected_accounts where id = job.connection_id;
    return to_jsonb(job) || jsonb_build_object(
        'shop_id', connection.shop_id, 'shop_created_at', connection.shop_created_at, 'currency', connection.currency,
        'connection_status', connection.status, 'now', clock_timestamp());
end $$;
revoke all on function public.claim_job(uuid, text, int) from public, anon, authenticated;
grant execute on function public.claim_job(uuid, text, int) to service_role;

-- extend_lease: the worker lives; used where no page commit extends the lease anyway.
create or replace function public.extend_lease(p_lease_id uuid, p_lease_seconds int default 60) returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); until timestamptz;
begin
    update public.sync_jobs set lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
     where id = job.id returning lease_expires_at into until;
    return until;
end $$;
revoke all on function public.extend_lease(uuid, int) from public, anon, authenticated;
grant execute on function public.extend_lease(uuid, int) to service_role;

-- hand_back_job: the slice is over and there is more to do. Costs no attempt.
create or replace function public.hand_back_job(p_lease_id uuid, p_calls int default 0) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs
       set status = 'queued', lease_id = null, lease_expires_at = null, served_at = clock_timestamp(),
           calls_used = calls_used + p_calls
     where id = job.id;
end $$;
revoke all on function public.hand_back_job(uuid, int) from public, anon, authenticated;
grant execute on function public.hand_back_job(uuid, int) to service_role;

-- job_endings.sql

-- How a job ends or waits: parked, failed, quarantined, or completed with a certificate.

-- settle_profile: once no backfill job of the user is open, say how the backfill ended.
create or replace function private.settle_profile(p_user_id uuid) returns void
language plpgsql set search_path = '' as $$
declare failures jsonb;
begin
    if exists (select 1 from public.sync_jobs
               where user_id = p_user_id and job_type = 'backfill'
                 and status in ('waiting', 'queued', 'running', 'parked')) then
        return;
    end if;
    select coalesce(jsonb_agg(jsonb_build_object('platform', a.platform, 'connection_id', a.id, 'shop_id', a.shop_id,
               'shop_name', a.shop_name, 'entity', n.entity, 'status', n.status, 'code', n.error_code,
               'error', n.error, 'message', n.seller_message) order by a.platform, a.shop_id, n.position), '[]')
      into failures
      from (select distinct on (connection_id, entity) * from public.sync_jobs
            where user_id = p_user_id and job_type = 'backfill'
            order by connection_id, entity, created_at desc, id) as n
      join public.connected_accounts as a on a.id = n.connection_id
     where n.status <> 'completed';
    update public.profiles
       set backfill_status = case when failures = '[]' then 'completed' else 'failed' end,
           backfill_completed_at = case when failures = '[]' then clock_timestamp() end,
           backfill_failures = failures
     where user_id = p_user_id;
end $$;

-- end_job: what every ending has in common. The next entity moves up, whatever became of this one. The request for a
-- rerun is looked for under the profile's lock, which whoever leaves one holds too: it is either seen here, or its
-- trigger sees the end.
create or replace function private.end_job(job public.sync_jobs, p_status text, p_code text, p_error text,
                                           p_seller_message text, p_certificate_id uuid) returns void
language plpgsql set search_path = '' as $$
declare rerun private.rerun_requests;
begin
    -- Endings and triggers of one user take turns, so that neither misses the other's jobs. `no key`: the checks of
    -- foreign keys share the row, and a stronger lock after them would be a deadlock of two endings.
    perform 1 from public.profiles where user_id = job.user_id for no key update;
    update public.sync_jobs
       set status = p_status, error_code = p_code, error = p_error, seller_message = p_seller_message,
           certificate_id = p_certificate_id, lease_id = null, lease_expires_at = null, run_after = null,
           park_reason = null, park_code = null, finished_at = clock_timestamp(),
           fraction = case when p_status = 'completed' then 1 else fraction end
     where id = job.id;
    delete from private.rerun_requests as r
     where r.connection_id = job.connection_id and r.entity = job.entity and r.job_type = job.job_type
    returning * into rerun;
    if rerun.run_id is not null
       and exists (select 1 from public.connected_accounts where id = job.connection_id and status = 'connected') then
        insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, priority, position,
                                      created_at)
        values (job.user_id, job.connection_id, rerun.run_id, job.platform, job.entity, job.job_type, job.priority,
                job.position, clock_timestamp());
    end if;
    perform private.promote_next(job.connection_id, job.job_type);
    if job.job_type = 'backfill' then
        perform private.settle_profile(job.user_id);
    end if;
end $$;

-- park_job: not now. `p_charge` spends an attempt; the last attempt ends the job. The wait is on the database's clock.
-- `p_code`: the stable word of why; programs act on it, and sellers read what stands for it. `p_seller_message`: what
-- they read where the last attempt was spent.
create or replace function public.park_job(p_lease_id uuid, p_reason text, p_delay_seconds double precision, p_charge boolean,
                                           p_max_attempts int default 10, p_calls int default 0, p_code text default null,
                                           p_seller_message text default null)
returns text language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    if p_charge and job.attempts + 1 >= p_max_attempts then
        perform private.end_job(job, 'failed', 'attempts_exhausted', p_reason, p_seller_message, null);
        return 'failed';
    end if;
    update public.sync_jobs
       set status = 'parked', lease_id = null, lease_expires_at = null, park_reason = p_reason, park_code = p_code,
           run_after = clock_timestamp() + make_interval(secs => greatest(p_delay_seconds, 0)),
           attempts = attempts + p_charge::int, served_at = clock_timestamp()
     where id = job.id;
    return 'parked';
end $$;
revoke all on function
    public.park_job(uuid, text, double precision, boolean, int, int, text, text)
    from public, anon, authenticated;
grant execute on function public.park_job(uuid, text, double precision, boolean, int, int, text, text) to service_role;

-- fail_job: for good, with a reason that the seller can act on.
create or replace function public.fail_job(p_lease_id uuid, p_code text, p_error text, p_seller_message text,
                                           p_calls int default 0) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    perform private.end_job(job, 'failed', p_code, left(p_error, 2000), left(p_seller_message, 2000), null);
end $$;
revoke all on function public.fail_job(uuid, text, text, text, int) from public, anon, authenticated;
grant execute on function public.fail_job(uuid, text, text, text, int) to service_role;

-- complete_job: certificate, cursor for the incremental sync and the ending land together or not at all.
create or replace function public.complete_job(p_lease_id uuid, p_certificate jsonb, p_watermark timestamptz,
                                               p_calls int default 0) returns uuid
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); certificate_id uuid := gen_random_uuid();
begin
    if p_watermark > job.window_end then
        raise exception using errcode = 'PT400', message = 'watermark_after_window',
            detail = format('%s is later than the frozen bound %s', p_watermark, job.window_end);
    end if;
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    insert into public.certificates (id, connection_id, user_id, platform, entity, run_id, job_id, provider_count, distinct_keys,
                                     rejected, earliest, latest, checks)
    values (certificate_id, job.connection_id, job.user_id, job.platform, job.entity, job.run_id, job.id,
            (p_certificate ->> 'provider_count')::bigint, (p_certificate ->> 'distinct_keys')::bigint,
            coalesce((p_certificate ->> 'rejected')::bigint, 0),
            (p_certificate ->> 'earliest')::timestamptz, (p_certificate ->> 'latest')::timestamptz,
            p_certificate -> 'checks');
    if p_watermark is not null then
        insert into public.sync_cursors (connection_id, user_id, platform, entity, watermark, run_id)
        values (job.connection_id, job.user_id, job.platform, job.entity, p_watermark, job.run_id)
        on conflict (connection_id, entity) do update
           set watermark = excluded.watermark, run_id = excluded.run_id, updated_at = now();
    end if;
    perform private.end_job(job, 'completed', null, null, null, certificate_id);
    return certificate_id;
end $$;
revoke all on function public.complete_job(uuid, jsonb, timestamptz, int) from public, anon, authenticated;
grant execute on function public.complete_job(uuid, jsonb, timestamptz, int) to service_role;

-- clock.sql

-- What time does to jobs: those that are due wake up, those whose worker died are taken back.

-- wake_due_jobs: parked jobs whose time has come are claimable again.
create or replace function private.wake_due_jobs() returns int
language sql set search_path = '' as $$
    with due as (
        -- The time comes from a subquery, once: a volatile function in the condition would read every parked job.
        select id from public.sync_jobs where status = 'parked' and run_after <= (select clock_timestamp())
        order by run_after limit 200 for update skip locked),
    woken as (
        update public.sync_jobs as job
           set status = 'queued', run_after = null, park_reason = null, park_code = null
        from due where job.id = due.id returning 1)
    select count(*)::int from woken;
$$;

-- rescue_jobs: take back jobs whose lease lapsed. The third death on one slice quarantines the job, and the seller reads
-- p_quarantined. In the order of
-- users: an ending locks the profile, and two clocks that met in another order would wait for each other.
create or replace function private.rescue_jobs(p_quarantined text) returns int
language plpgsql set search_path = '' as $$
declare job public.sync_jobs; rescued int := 0;
begin
    for job in select * from public.sync_jobs
               where status = 'running' and lease_expires_at <= clock_timestamp()
               order by user_id, id limit 200 for update skip locked loop
        rescued := rescued + 1;
        update public.sync_jobs set deaths = deaths + 1 where id = job.id;
        if job.deaths + 1 >= 3 then
            perform private.end_job(job, 'quarantined', 'quarantined',
                format('three workers died on page %s', job.page_seq + 1), p_quarantined, null);
        else
            update public.sync_jobs set status = 'queued', lease_id = null, lease_expires_at = null,
                   served_at = clock_timestamp() where id = job.id;
        end if;
    end loop;
    return rescued;
end $$;

-- tick: what the clock does. Harmless when run twice at once. Answers what is claimable and when to look again.
create or replace function public.tick(p_quarantined text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare woken int; rescued int;
begin
    rescued := private.rescue_jobs(p_quarantined);
    woken := private.wake_due_jobs();
    return jsonb_build_object(
        'rescued', rescued, 'woken', woken,
        'queued', (select count(*) from (select 1 from public.sync_jobs where status = 'queued' limit 1000) as q),
        'running', (select count(*) from (select 1 from public.sync_jobs where status = 'running' limit 1000) as r),
        'next_due', (select min(run_after) from public.sync_jobs where status = 'parked'),
        'next_lapse', (select min(lease_expires_at) from public.sync_jobs where status = 'running'),
        'now', clock_timestamp());
end $$;
revoke all on function public.tick(text) from public, anon, authenticated;
grant execute on function public.tick(text) to service_role;

-- backfill_status.sql

-- What a seller is told of a backfill.

-- backfill_status: how the backfills of a user's shops stand, as one JSON value, so that no row cap can cut it. Of an entity that is
-- being read once more, or was stopped in that, also when it was last proven complete and how much of it is held since:
-- until the new reading ends, that is what there is.
create or replace function public.backfill_status(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_id', p.user_id, 'plan', p.plan, 'backfill_status', p.backfill_status,
        'backfill_completed_at', p.backfill_completed_at, 'failures', p.backfill_failures, 'now', clock_timestamp(),
        'connections', coalesce((
            select jsonb_agg(jsonb_build_object('connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id,
                       'shop_name', a.shop_name, 'status', a.status, 'status_reason', a.status_reason)
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
                       'created_at', j.created_at, 'started_at', j.started_at,
                       'finished_at', j.finished_at, 'window_start', j.window_start, 'window_end', j.window_end,
                       'watermark', w.watermark, 'certificate', to_jsonb(c) - 'user_id',
                       'last_complete', case when j.status <> 'completed' then (
                           select jsonb_build_object('at', k.issued_at, 'held', k.distinct_keys - k.rejected)
                           from public.certificates as k
                           where k.connection_id = j.connection_id and k.entity = j.entity
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
revoke all on function public.backfill_status(uuid) from public, anon, authenticated;
grant execute on function public.backfill_status(uuid) to service_role;

-- backfill_statuses: the status of many users at once, for those who watch.
create or replace function public.backfill_statuses(p_user_ids uuid[]) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select coalesce(jsonb_object_agg(id, public.backfill_status(id)), '{}') from unnest(p_user_ids) as id);
end $$;
revoke all on function public.backfill_statuses(uuid[]) from public, anon, authenticated;
grant execute on function public.backfill_statuses(uuid[]) to service_role;
