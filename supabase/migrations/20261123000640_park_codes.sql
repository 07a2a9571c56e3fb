-- Why a job is parked, as a stable word where somebody has to act: waiting alone will not help it.

alter table public.sync_jobs add column park_code text;
comment on column public.sync_jobs.park_code is 'Of a parked job: setting_missing, platform_key_refused, token_unreadable; null where time helps.';

-- park_job: not now. `p_charge` spends an attempt; the last attempt ends the job. The wait is on the database's clock.
drop function public.park_job(uuid, text, double precision, boolean, int, int);
create function public.park_job(p_lease_id uuid, p_reason text, p_delay_seconds double precision, p_charge boolean,
                                p_max_attempts int default 10, p_calls int default 0, p_code text default null)
returns text language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    if p_charge and job.attempts + 1 >= p_max_attempts then
        perform private.end_job(job, 'failed', 'attempts_exhausted', p_reason,
            'The platform did not answer properly for too long. You can start this again.', null);
        return 'failed';
    end if;
    update public.sync_jobs
       set status = 'parked', lease_id = null, lease_expires_at = null, park_reason = p_reason, park_code = p_code,
           run_after = clock_timestamp() + make_interval(secs => greatest(p_delay_seconds, 0)),
           attempts = attempts + p_charge::int, served_at = clock_timestamp()
     where id = job.id;
    return 'parked';
end $$;
revoke all on function public.park_job(uuid, text, double precision, boolean, int, int, text)
    from public, anon, authenticated;
grant execute on function public.park_job(uuid, text, double precision, boolean, int, int, text) to service_role;
