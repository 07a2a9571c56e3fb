-- Jobs: what runs next. Postgres decides; messages in Valkey are only doorbells.
--
--   waiting ──(the entity before it ended)──▶ queued ◀──(run_after passed)── parked
--                                               │ claim                         ▲
--                                               ▼                               │ no budget, throttled, backoff
--                                            running ───────────────────────────┘
--                                               ├──▶ completed   (with a certificate)
--                                               ├──▶ failed      (for good, with a reason)
--                                               └──▶ quarantined (three workers died on one slice)

create table public.sync_runs (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    job_type text not null check (job_type in ('backfill', 'incremental')),
    trigger text not null,
    created_at timestamptz not null default now()
);
create index sync_runs_of_user on public.sync_runs (user_id, created_at);

create table public.certificates (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.profiles (user_id) on delete cascade,
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
create index certificates_of_user on public.certificates (user_id, platform, entity, issued_at);

create table public.sync_jobs (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    account_id uuid not null references public.connected_accounts (id) on delete cascade,
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
);
alter table public.sync_jobs set (fillfactor = 50);
comment on table public.sync_jobs is 'One entity of one platform of one user, worked in slices.';

-- One open job per user, platform, entity and job type: a double click cannot make two.
create unique index sync_jobs_one_open on public.sync_jobs (user_id, platform, entity, job_type)
    where status in ('waiting', 'queued', 'running', 'parked');
-- A platform's entities in their order, one at a time: only the head of the line is ever claimable.
create unique index sync_jobs_one_head on public.sync_jobs (user_id, platform, job_type)
    where status in ('queued', 'running', 'parked');
create unique index sync_jobs_one_running on public.sync_jobs (user_id, platform)
    where status = 'running';
-- The claim reads this index alone, so blocked and parked jobs cost it nothing.
create index sync_jobs_claim on public.sync_jobs (priority, served_at, id) where status = 'queued';
create index sync_jobs_due on public.sync_jobs (run_after) where status = 'parked';
-- Not by lease_expires_at, which every page moves: a page's update must touch no index (a heap-only tuple), or a long
-- job would leave a dead entry a page behind and every look at its lease would wade through them.
create index sync_jobs_running on public.sync_jobs (id) where status = 'running';
create index sync_jobs_line on public.sync_jobs (user_id, platform, job_type, position) where status = 'waiting';
create index sync_jobs_of_user on public.sync_jobs (user_id, platform, entity, created_at);
alter table public.certificates add foreign key (job_id) references public.sync_jobs (id)
    on delete cascade deferrable initially deferred;

-- Where the next incremental sync starts. Never later than the frozen bound of the read that left it.
create table public.sync_cursors (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    entity text not null,
    watermark timestamptz not null,
    run_id uuid not null references public.sync_runs (id) on delete cascade,
    updated_at timestamptz not null default now(),
    primary key (user_id, platform, entity)
);

-- leased_job: the running job of this lease, locked until the transaction ends, or lease_lost.
create function private.leased_job(p_lease_id uuid) returns public.sync_jobs
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

-- promote_next: put the next entity in line at the head, once the one before it has ended.
create function private.promote_next(p_user_id uuid, p_platform text, p_job_type text) returns void
language sql set search_path = '' as $$
    update public.sync_jobs set status = 'queued', served_at = clock_timestamp()
    where id = (
        select id from public.sync_jobs
        where user_id = p_user_id and platform = p_platform and job_type = p_job_type and status = 'waiting'
        order by position, created_at limit 1)
    and not exists (
        select 1 from public.sync_jobs
        where user_id = p_user_id and platform = p_platform and job_type = p_job_type
          and status in ('queued', 'running', 'parked'));
$$;

-- settle_profile: once no backfill job of the user is open, say how the backfill ended.
create function private.settle_profile(p_user_id uuid) returns void
language plpgsql set search_path = '' as $$
declare failures jsonb;
begin
    if exists (select 1 from public.sync_jobs
               where user_id = p_user_id and job_type = 'backfill'
                 and status in ('waiting', 'queued', 'running', 'parked')) then
        return;
    end if;
    select coalesce(jsonb_agg(jsonb_build_object('platform', platform, 'entity', entity, 'status', status,
               'code', error_code, 'error', error, 'message', seller_message) order by platform, position), '[]')
      into failures
      from (select distinct on (platform, entity) * from public.sync_jobs
            where user_id = p_user_id and job_type = 'backfill'
            order by platform, entity, created_at desc, id) as newest
     where status <> 'completed';
    update public.profiles
       set backfill_status = case when failures = '[]' then 'completed' else 'failed' end,
           backfill_completed_at = case when failures = '[]' then clock_timestamp() end,
           backfill_failures = failures
     where user_id = p_user_id;
end $$;

-- end_job: what every ending has in common. The next entity moves up, whatever became of this one.
create function private.end_job(job public.sync_jobs, p_status text, p_code text, p_error text,
                                p_seller_message text, p_certificate_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    -- Endings and triggers of one user take turns, so that neither misses the other's jobs. `no key`: the checks of
    -- foreign keys share the row, and a stronger lock after them would be a deadlock of two endings.
    perform 1 from public.profiles where user_id = job.user_id for no key update;
    update public.sync_jobs
       set status = p_status, error_code = p_code, error = p_error, seller_message = p_seller_message,
           certificate_id = p_certificate_id, lease_id = null, lease_expires_at = null, run_after = null,
           park_reason = null, finished_at = clock_timestamp(),
           fraction = case when p_status = 'completed' then 1 else fraction end
     where id = job.id;
    perform private.promote_next(job.user_id, job.platform, job.job_type);
    if job.job_type = 'backfill' then
        perform private.settle_profile(job.user_id);
    end if;
end $$;

-- wake_due_jobs: parked jobs whose time has come are claimable again.
create function private.wake_due_jobs() returns int
language sql set search_path = '' as $$
    with due as (
        -- The time comes from a subquery, once: a volatile function in the condition would read every parked job.
        select id from public.sync_jobs where status = 'parked' and run_after <= (select clock_timestamp())
        order by run_after limit 200 for update skip locked),
    woken as (
        update public.sync_jobs as job set status = 'queued', run_after = null, park_reason = null
        from due where job.id = due.id returning 1)
    select count(*)::int from woken;
$$;

-- rescue_jobs: take back jobs whose lease lapsed. The third death on one slice quarantines the job.
create function private.rescue_jobs() returns int
language plpgsql set search_path = '' as $$
declare job public.sync_jobs; rescued int := 0;
begin
    for job in select * from public.sync_jobs
               where status = 'running' and lease_expires_at <= clock_timestamp()
               order by id limit 200 for update skip locked loop
        rescued := rescued + 1;
        update public.sync_jobs set deaths = deaths + 1 where id = job.id;
        if job.deaths + 1 >= 3 then
            perform private.end_job(job, 'quarantined', 'quarantined',
                format('three workers died on page %s', job.page_seq + 1),
                'Something in this part of your shop stops our sync. Our engineers have been told.', null);
        else
            update public.sync_jobs set status = 'queued', lease_id = null, lease_expires_at = null,
                   served_at = clock_timestamp() where id = job.id;
        end if;
    end loop;
    return rescued;
end $$;

-- claim_job: lease the next due job to this worker, or answer null. Idempotent for one lease id, so a lost
-- answer costs nothing. One statement takes the job: it skips those that others are taking now.
create function public.claim_job(p_lease_id uuid, p_worker text, p_lease_seconds int default 60) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs; account public.connected_accounts;
begin
    select * into job from public.sync_jobs where lease_id = p_lease_id;
    if not found then
        perform private.wake_due_jobs();
        begin
            update public.sync_jobs as j
               set status = 'running', lease_id = p_lease_id, leased_by = p_worker,
                   lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds),
                   started_at = coalesce(started_at, clock_timestamp()),
                   served_at = clock_timestamp()
             where id = (
                select q.id from public.sync_jobs as q
                where q.status = 'queued'
                  and not exists (select 1 from public.sync_jobs as r
                                  where r.user_id = q.user_id and r.platform = q.platform and r.status = 'running')
                order by q.priority, q.served_at, q.id
                limit 1 for update skip locked)
            returning * into job;
        exception when unique_violation then
            -- A sibling of the same user and platform was claimed in this very moment: its bell rings again. Or this
            -- lease was, by an earlier call of the same claim: that one's job is the answer.
            select * into job from public.sync_jobs where lease_id = p_lease_id;
        end;
        if job.id is null then
            return null;
        end if;
    end if;
    select * into account from public.connected_accounts where id = job.account_id;
    return to_jsonb(job) || jsonb_build_object(
        'shop_id', account.shop_id, 'shop_created_at', account.shop_created_at, 'currency', account.currency,
        'account_status', account.status, 'now', clock_timestamp());
end $$;

-- extend_lease: the worker lives; used where no page commit extends the lease anyway.
create function public.extend_lease(p_lease_id uuid, p_lease_seconds int default 60) returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); until timestamptz;
begin
    update public.sync_jobs set lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
     where id = job.id returning lease_expires_at into until;
    return until;
end $$;

-- freeze_window: fix what this job will read, once. A second call answers the window that stands.
create function public.freeze_window(p_lease_id uuid, p_start timestamptz, p_end timestamptz) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs
       set window_start = coalesce(window_start, p_start),
           window_end = coalesce(window_end, least(p_end, clock_timestamp()))
     where id = job.id returning * into job;
    return jsonb_build_object('window_start', job.window_start, 'window_end', job.window_end);
end $$;

-- hand_back_job: the slice is over and there is more to do. Costs no attempt.
create function public.hand_back_job(p_lease_id uuid, p_calls int default 0) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs
       set status = 'queued', lease_id = null, lease_expires_at = null, served_at = clock_timestamp(),
           calls_used = calls_used + p_calls
     where id = job.id;
end $$;

-- park_job: not now. `p_charge` spends an attempt; the last attempt ends the job. The wait is on the database's clock.
create function public.park_job(p_lease_id uuid, p_reason text, p_delay_seconds double precision, p_charge boolean,
                                p_max_attempts int default 10, p_calls int default 0) returns text
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    if p_charge and job.attempts + 1 >= p_max_attempts then
        perform private.end_job(job, 'failed', 'attempts_exhausted', p_reason,
            'The platform did not answer properly for too long. You can start this again.', null);
        return 'failed';
    end if;
    update public.sync_jobs
       set status = 'parked', lease_id = null, lease_expires_at = null, park_reason = p_reason,
           run_after = clock_timestamp() + make_interval(secs => greatest(p_delay_seconds, 0)),
           attempts = attempts + p_charge::int, served_at = clock_timestamp()
     where id = job.id;
    return 'parked';
end $$;

-- fail_job: for good, with a reason that the seller can act on.
create function public.fail_job(p_lease_id uuid, p_code text, p_error text, p_seller_message text,
                                p_calls int default 0) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    perform private.end_job(job, 'failed', p_code, left(p_error, 2000), left(p_seller_message, 2000), null);
end $$;

-- complete_job: certificate, cursor for the incremental sync and the ending land together or not at all.
create function public.complete_job(p_lease_id uuid, p_certificate jsonb, p_watermark timestamptz,
                                    p_calls int default 0) returns uuid
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); certificate_id uuid := gen_random_uuid();
begin
    if p_watermark > job.window_end then
        raise exception using errcode = 'PT400', message = 'watermark_after_window',
            detail = format('%s is later than the frozen bound %s', p_watermark, job.window_end);
    end if;
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    insert into public.certificates (id, user_id, platform, entity, run_id, job_id, provider_count, distinct_keys,
                                     rejected, earliest, latest, checks)
    values (certificate_id, job.user_id, job.platform, job.entity, job.run_id, job.id,
            (p_certificate ->> 'provider_count')::bigint, (p_certificate ->> 'distinct_keys')::bigint,
            coalesce((p_certificate ->> 'rejected')::bigint, 0),
            (p_certificate ->> 'earliest')::timestamptz, (p_certificate ->> 'latest')::timestamptz,
            p_certificate -> 'checks');
    if p_watermark is not null then
        insert into public.sync_cursors (user_id, platform, entity, watermark, run_id)
        values (job.user_id, job.platform, job.entity, p_watermark, job.run_id)
        on conflict (user_id, platform, entity) do update
           set watermark = excluded.watermark, run_id = excluded.run_id, updated_at = now();
    end if;
    perform private.end_job(job, 'completed', null, null, null, certificate_id);
    return certificate_id;
end $$;

-- tick: what the clock does. Harmless when run twice at once. Answers what is claimable and when to look again.
create function public.tick() returns jsonb
language plpgsql security definer set search_path = '' as $$
declare woken int; rescued int;
begin
    rescued := private.rescue_jobs();
    woken := private.wake_due_jobs();
    return jsonb_build_object(
        'rescued', rescued, 'woken', woken,
        'queued', (select count(*) from (select 1 from public.sync_jobs where status = 'queued' limit 1000) as q),
        'running', (select count(*) from (select 1 from public.sync_jobs where status = 'running' limit 1000) as r),
        'next_due', (select min(run_after) from public.sync_jobs where status = 'parked'),
        'next_lapse', (select min(lease_expires_at) from public.sync_jobs where status = 'running'),
        'now', clock_timestamp());
end $$;

-- queue_jobs: queue what is asked in one transaction. `p_jobs` is a list of {platform, entity, priority, position};
-- open jobs are left alone, completed ones too unless `p_again`. Answers what became of each.
create function public.queue_jobs(p_user_id uuid, p_job_type text, p_trigger text, p_jobs jsonb,
                                  p_again boolean default false) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare wanted record; outcome text; outcomes jsonb := '[]'; run uuid; last public.sync_jobs;
        account public.connected_accounts; queued int := 0;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    insert into public.sync_runs (user_id, job_type, trigger) values (p_user_id, p_job_type, p_trigger)
        returning id into run;
    for wanted in select * from jsonb_to_recordset(p_jobs)
                  as j(platform text, entity text, priority int, position int) order by j.platform, j.position loop
        select * into account from public.connected_accounts
         where user_id = p_user_id and platform = wanted.platform;
        if not found then
            raise exception using errcode = 'PT404', message = 'not_connected',
                detail = wanted.platform, hint = 'Connect the platform first.';
        end if;
        select * into last from public.sync_jobs
         where user_id = p_user_id and platform = wanted.platform and entity = wanted.entity
           and job_type = p_job_type order by created_at desc, id limit 1;
        if last.status in ('waiting', 'queued', 'running', 'parked') then
            outcome := 'already running';
        elsif last.status = 'completed' and not p_again then
            outcome := 'already complete';
        else
            insert into public.sync_jobs (user_id, account_id, run_id, platform, entity, job_type, priority, position,
                                          created_at)
            values (p_user_id, account.id, run, wanted.platform, wanted.entity, p_job_type, wanted.priority,
                    wanted.position, clock_timestamp());
            outcome := 'queued';
            queued := queued + 1;
        end if;
        outcomes := outcomes || jsonb_build_object('platform', wanted.platform, 'entity', wanted.entity,
                                                   'outcome', outcome);
    end loop;
    perform private.promote_next(p_user_id, platform, p_job_type)
       from (select distinct platform from public.sync_jobs
             where user_id = p_user_id and job_type = p_job_type and status = 'waiting') as waiting;
    if queued = 0 then
        delete from public.sync_runs where id = run;
    elsif p_job_type = 'backfill' then
        update public.profiles set backfill_status = 'in_progress', backfill_completed_at = null,
               backfill_failures = '[]' where user_id = p_user_id;
    end if;
    return jsonb_build_object('run_id', case when queued > 0 then run end, 'jobs', outcomes);
end $$;

-- backfill_status: one JSON value, so that no row cap can cut it.
create function public.backfill_status(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_id', p.user_id, 'plan', p.plan, 'backfill_status', p.backfill_status,
        'backfill_completed_at', p.backfill_completed_at, 'failures', p.backfill_failures, 'now', clock_timestamp(),
        'platforms', coalesce((
            select jsonb_agg(jsonb_build_object('platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name,
                       'status', a.status, 'status_reason', a.status_reason) order by a.platform)
            from public.connected_accounts as a where a.user_id = p.user_id), '[]'),
        'jobs', coalesce((
            select jsonb_agg(jsonb_build_object(
                       'job_id', j.id, 'platform', j.platform, 'entity', j.entity, 'status', j.status,
                       'records_done', j.records_done, 'records_total', j.records_total,
                       'records_rejected', j.records_rejected, 'fraction', j.fraction, 'pages', j.page_seq, 'calls_used', j.calls_used,
                       'attempts', j.attempts, 'deaths', j.deaths, 'run_after', j.run_after,
                       'park_reason', j.park_reason, 'error_code', j.error_code, 'error', j.error,
                       'seller_message', j.seller_message, 'created_at', j.created_at, 'started_at', j.started_at,
                       'finished_at', j.finished_at, 'window_start', j.window_start, 'window_end', j.window_end,
                       'watermark', w.watermark, 'certificate', to_jsonb(c) - 'user_id')
                   order by j.platform, j.position)
            from (select distinct on (platform, entity) * from public.sync_jobs
                  where user_id = p.user_id and job_type = 'backfill'
                  order by platform, entity, created_at desc, id) as j
            left join public.certificates as c on c.id = j.certificate_id
            left join public.sync_cursors as w
                   on w.user_id = j.user_id and w.platform = j.platform and w.entity = j.entity), '[]'))
    from public.profiles as p where p.user_id = p_user_id;
$$;

alter table public.sync_runs enable row level security;
alter table public.sync_runs force row level security;
alter table public.sync_jobs enable row level security;
alter table public.sync_jobs force row level security;
alter table public.certificates enable row level security;
alter table public.certificates force row level security;
alter table public.sync_cursors enable row level security;
alter table public.sync_cursors force row level security;

create policy own_rows on public.sync_runs for select to authenticated using (user_id = (select auth.uid()));
create policy own_rows on public.sync_jobs for select to authenticated using (user_id = (select auth.uid()));
create policy own_rows on public.certificates for select to authenticated using (user_id = (select auth.uid()));
create policy own_rows on public.sync_cursors for select to authenticated using (user_id = (select auth.uid()));

grant select on public.sync_runs, public.certificates, public.sync_cursors to authenticated, service_role;
grant select on public.sync_jobs to service_role;
-- The lease is the worker's key to a job: an end user does not see it.
grant select (id, user_id, account_id, run_id, platform, entity, job_type, status, records_done, records_total,
              records_rejected, fraction, calls_used, run_after, park_reason, attempts, error_code, seller_message,
              certificate_id, created_at, started_at, finished_at, window_start, window_end)
    on public.sync_jobs to authenticated;

do $$
declare f regprocedure;
begin
    foreach f in array array[
        'public.claim_job(uuid, text, int)', 'public.extend_lease(uuid, int)',
        'public.freeze_window(uuid, timestamptz, timestamptz)', 'public.hand_back_job(uuid, int)',
        'public.park_job(uuid, text, double precision, boolean, int, int)',
        'public.fail_job(uuid, text, text, text, int)',
        'public.complete_job(uuid, jsonb, timestamptz, int)', 'public.tick()',
        'public.queue_jobs(uuid, text, text, jsonb, boolean)', 'public.backfill_status(uuid)']::regprocedure[] loop
        execute format('revoke all on function %s from public, anon, authenticated', f);
        execute format('grant execute on function %s to service_role', f);
    end loop;
end $$;
