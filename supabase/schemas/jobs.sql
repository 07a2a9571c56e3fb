-- Jobs: what runs next. Postgres decides; messages in Valkey are only doorbells.
--
--   waiting ──(the entity before it ended)──▶ queued ◀──(run_after passed)── parked
--                                               │ claim                         ▲
--                                               ▼                               │ no budget, throttled, backoff
--                                            running ───────────────────────────┘
--                                               ├──▶ completed   (with a certificate)
--                                               ├──▶ completed_with_rejects (with one that says what could not be mapped)
--                                               ├──▶ failed      (for good, with a reason)
--                                               └──▶ quarantined (three workers died on one slice)
--
-- The claim: claim.sql. Whose job is next: virtual_time.sql. How jobs end: job_endings.sql. What time does: clock.sql.

create table public.sync_runs (
    id uuid primary key default gen_random_uuid(),
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    user_id uuid not null,
    job_type text not null check (job_type in ('backfill', 'incremental', 'refresh', 'rollback', 'sample')),
    trigger text not null,
    -- Those of one transaction have an order too.
    created_at timestamptz not null default clock_timestamp(),
    -- Of a rollback: the runs that it took back (runs.sql).
    undoes uuid[] not null default '{}',
    -- The rollback that took this one back, as long as that one is not taken back itself.
    undone_by uuid,
    check ((job_type = 'rollback') = (undoes <> '{}'))
);
create index sync_runs_of_connection on public.sync_runs (connection_id, created_at);
create index sync_runs_by_age on public.sync_runs (created_at);
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
    issued_at timestamptz not null default now(),
    -- False: more of it was rejected than the directive allows, and nobody may call it complete.
    is_whole boolean not null default true
);
comment on table public.certificates is 'The proof of what came of an entity: one row a completed job.';
create index certificates_of_connection on public.certificates (connection_id, entity, issued_at);
select private.own_rows('certificates');

create table public.sync_jobs (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    run_id uuid not null references public.sync_runs (id) on delete cascade,
    platform text not null,
    entity text not null,
    job_type text not null check (job_type in ('backfill', 'incremental', 'refresh', 'sample')),
    status text not null default 'waiting' check (status in
        ('waiting', 'queued', 'running', 'parked', 'completed', 'completed_with_rejects', 'failed', 'quarantined')),
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
    -- Of a completed job: since when its verification fails. The next start reads it again.
    doubted_at timestamptz,
    -- What the platform refused once, without having said it again: final is what is said twice.
    refused_code text,
    -- It reads all of its entity once more: of an incremental job, instead of what is new; every one of a full refresh.
    is_whole boolean not null default false,
    -- Of a full refresh: the scope that its records land in (full_refresh.sql).
    shadow_id uuid,
    constraint sync_jobs_shadow check ((shadow_id is not null) = (job_type = 'refresh')
                                       and (is_whole or job_type <> 'refresh')),
    check ((status in ('completed', 'completed_with_rejects', 'failed', 'quarantined')) = (finished_at is not null)),
    -- Complete means proven.
    check ((status in ('completed', 'completed_with_rejects')) = (certificate_id is not null)),
    check ((status in ('completed_with_rejects', 'failed', 'quarantined')) = (error_code is not null))
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
-- What waits in a platform's line of rounds.
create index sync_jobs_rounds on public.sync_jobs (platform) where job_type = 'incremental' and status in ('queued', 'parked');
create index sync_jobs_of_connection on public.sync_jobs (connection_id, entity, created_at);
create index sync_jobs_of_user on public.sync_jobs (user_id, job_type, created_at);
-- The newest of all, for operators.
create index sync_jobs_by_age on public.sync_jobs (created_at desc, id);
alter table public.certificates add foreign key (job_id) references public.sync_jobs (id)
    on delete cascade deferrable initially deferred;
alter table public.sync_jobs enable row level security;
alter table public.sync_jobs force row level security;
create policy own_rows on public.sync_jobs for select to authenticated using (user_id = (select auth.uid()));
grant select on public.sync_jobs to service_role;
-- The lease is the worker's key to a job, and what engineers read may say anything: an end user sees neither.
grant select (id, user_id, connection_id, run_id, platform, entity, job_type, status, records_done, records_total,
              records_rejected, fraction, calls_used, run_after, park_code, attempts, error_code, seller_message,
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

-- reads_all: whether a job reads all of its entity, from the beginning.
create or replace function private.reads_all(job public.sync_jobs) returns boolean
language sql immutable set search_path = '' as $$ select job.job_type = 'backfill' or job.is_whole $$;

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

-- reading_job: the same, with the scope that its records stand in: of a full refresh its shadow, else the shop itself.
create or replace function private.reading_job(p_lease_id uuid) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    if job.shadow_id is not null then
        job.connection_id := job.shadow_id;
        job.user_id := job.shadow_id;
    end if;
    return job;
end $$;

-- promote_next: put the next entity of a shop's line at the head, once the one before it has ended. A shop that is paused has none.
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
          and status in ('queued', 'running', 'parked'))
    and not private.is_paused(p_connection_id);
$$;

-- queue_jobs: queue what is asked in one transaction. `p_jobs` is a list of {platform, connection_id, entity, priority,
-- position}; without a connection it is asked of each shop that the user has there. Open jobs are left alone, completed
-- ones too unless `p_rerun`, or their verification has failed since. What shall be read again, and is being read, is
-- read once more after its end, however often that was asked. Answers what became of each.
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
            when last.status = 'completed' and last.doubted_at is null and not p_rerun then 'already_complete'
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
