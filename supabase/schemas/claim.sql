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
        'connection_status', connection.status, 'now', clock_timestamp(),
        'watermark', (select w.watermark from public.sync_cursors as w
                      where w.connection_id = job.connection_id and w.entity = job.entity),
        'lookback_seconds', extract(epoch from private.lookback(job.platform, job.entity)),
        'rights', (select rights from private.platform_tokens where connection_id = connection.id));
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
