-- A trigger that comes while a job runs is not lost: it leaves a mark, and the finishing transaction queues the job
-- again. And two clocks that quarantine jobs of the same users take their locks in one order.

create table private.again_marks (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    entity text not null,
    job_type text not null,
    run_id uuid not null references public.sync_runs (id) on delete cascade,
    primary key (user_id, platform, entity, job_type)
);
comment on table private.again_marks is 'Jobs to be queued again when the one that runs has ended: one mark, however often asked.';

-- end_job: what every ending has in common. The next entity moves up, whatever became of this one. The mark is looked
-- for under the profile's lock, which whoever leaves one holds too: it is either seen here, or its trigger sees the end.
create or replace function private.end_job(job public.sync_jobs, p_status text, p_code text, p_error text,
                                           p_seller_message text, p_certificate_id uuid) returns void
language plpgsql set search_path = '' as $$
declare mark private.again_marks;
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
    delete from private.again_marks as m
     where m.user_id = job.user_id and m.platform = job.platform and m.entity = job.entity
       and m.job_type = job.job_type
    returning * into mark;
    if mark.run_id is not null
       and exists (select 1 from public.connected_accounts where id = job.account_id and status = 'connected') then
        insert into public.sync_jobs (user_id, account_id, run_id, platform, entity, job_type, priority, position,
                                      created_at)
        values (job.user_id, job.account_id, mark.run_id, job.platform, job.entity, job.job_type, job.priority,
                job.position, clock_timestamp());
    end if;
    perform private.promote_next(job.user_id, job.platform, job.job_type);
    if job.job_type = 'backfill' then
        perform private.settle_profile(job.user_id);
    end if;
end $$;

-- rescue_jobs: take back jobs whose lease lapsed. The third death on one slice quarantines the job. In the order of
-- users: an ending locks the profile, and two clocks that met in another order would wait for each other.
create or replace function private.rescue_jobs() returns int
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
                format('three workers died on page %s', job.page_seq + 1),
                'Something in this part of your shop stops our sync. Our engineers have been told.', null);
        else
            update public.sync_jobs set status = 'queued', lease_id = null, lease_expires_at = null,
                   served_at = clock_timestamp() where id = job.id;
        end if;
    end loop;
    return rescued;
end $$;

-- queue_jobs: queue what is asked in one transaction. `p_jobs` is a list of {platform, entity, priority, position};
-- open jobs are left alone, completed ones too unless `p_again`. What shall be read again, and is being read, is read
-- once more after its end, however often that was asked. Answers what became of each.
create or replace function public.queue_jobs(p_user_id uuid, p_job_type text, p_trigger text, p_jobs jsonb,
                                             p_again boolean default false) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare wanted record; outcome text; outcomes jsonb := '[]'; run uuid; last public.sync_jobs;
        account public.connected_accounts; queued int := 0; marked int := 0;
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
        if last.status in ('waiting', 'queued', 'running', 'parked') and last.started_at is not null and p_again then
            insert into private.again_marks (user_id, platform, entity, job_type, run_id)
            values (p_user_id, wanted.platform, wanted.entity, p_job_type, run) on conflict do nothing;
            marked := marked + found::int;
            outcome := 'will run again';
        elsif last.status in ('waiting', 'queued', 'running', 'parked') then
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
    if queued + marked = 0 then
        delete from public.sync_runs where id = run;
    elsif queued > 0 and p_job_type = 'backfill' then
        update public.profiles set backfill_status = 'in_progress', backfill_completed_at = null,
               backfill_failures = '[]' where user_id = p_user_id;
    end if;
    return jsonb_build_object('run_id', case when queued + marked > 0 then run end, 'jobs', outcomes);
end $$;
