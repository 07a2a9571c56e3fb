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
revoke all on function public.tick(text) from public, anon, authenticated;
grant execute on function public.tick(text) to service_role;
