-- How a job ends or waits: parked, failed, quarantined, or completed with a certificate (which may say that more was
-- rejected than is declared: completed_with_rejects).

-- settle_profile: once no backfill job of the user is open, say how the backfill ended. What only follows another entity
-- does not make the whole a failure. The profile is the user's own to read: codes and their words, not what engineers read.
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
               'message', n.seller_message) order by a.platform, a.shop_id, n.position), '[]')
      into failures
      from (select distinct on (connection_id, entity) * from public.sync_jobs
            where user_id = p_user_id and job_type = 'backfill'
            order by connection_id, entity, created_at desc, id) as n
      join public.connected_accounts as a on a.id = n.connection_id
     where n.status <> 'completed';
    update public.profiles
       set backfill_status = case
               when failures = '[]' then 'completed'
               when exists (select from jsonb_array_elements(failures) as f
                            where f ->> 'status' <> 'completed_with_rejects' and f ->> 'code' <> 'source_incomplete')
                    or not failures @> '[{"status": "completed_with_rejects"}]' then 'failed'
               else 'completed_with_rejects' end,
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
           refused_code = null,
           fraction = case when p_certificate_id is not null then 1 else fraction end
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
    if job.job_type = 'refresh' then
        perform private.refresh_job_ended(job, p_status, p_code, p_error);
    else
        perform private.plan_rounds(job, p_certificate_id is not null);
        perform private.look_again(job);
    end if;
    perform private.promote_next(job.connection_id, job.job_type);
    if job.job_type = 'backfill' then
        perform private.settle_profile(job.user_id);
    end if;
end $$;

-- park_job: not now. `p_charge` spends an attempt; the last attempt ends the job. The wait is on the database's clock.
-- `p_code`: the stable word of why; programs act on it, and sellers read what stands for it. `p_seller_message`: what
-- they read where the last attempt was spent. `p_refused_code`: what the platform refused for the first time; the next
-- claim tells it, so that it is believed when it is said again. A page that lands forgets it.
create or replace function public.park_job(p_lease_id uuid, p_reason text, p_delay_seconds double precision, p_charge boolean,
                                           p_max_attempts int default 10, p_calls int default 0, p_code text default null,
                                           p_seller_message text default null, p_refused_code text default null)
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
           attempts = attempts + p_charge::int, served_at = clock_timestamp(),
           refused_code = coalesce(p_refused_code, refused_code)
     where id = job.id;
    return 'parked';
end $$;
revoke all on function
    public.park_job(uuid, text, double precision, boolean, int, int, text, text, text)
    from public, anon, authenticated;
grant execute on function public.park_job(uuid, text, double precision, boolean, int, int, text, text, text) to service_role;

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

-- complete_job: certificate, cursor for the incremental sync and the ending land together or not at all. With a code it
-- is no whole: more was rejected than is declared, and the error and the seller's message say so.
create or replace function public.complete_job(p_lease_id uuid, p_certificate jsonb, p_watermark timestamptz,
                                               p_calls int default 0, p_code text default null,
                                               p_error text default null, p_seller_message text default null)
returns uuid
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); certificate_id uuid := gen_random_uuid();
begin
    if p_watermark > job.window_end then
        raise exception using errcode = 'PT400', message = 'watermark_after_window',
            detail = format('%s is later than the frozen bound %s', p_watermark, job.window_end);
    end if;
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    insert into public.certificates (id, connection_id, user_id, platform, entity, run_id, job_id, provider_count, distinct_keys,
                                     rejected, earliest, latest, checks, is_whole)
    values (certificate_id, job.connection_id, job.user_id, job.platform, job.entity, job.run_id, job.id,
            (p_certificate ->> 'provider_count')::bigint, (p_certificate ->> 'distinct_keys')::bigint,
            coalesce((p_certificate ->> 'rejected')::bigint, 0),
            (p_certificate ->> 'earliest')::timestamptz, (p_certificate ->> 'latest')::timestamptz,
            p_certificate -> 'checks', p_code is null);
    -- Of a full refresh nothing is in the shop's rows yet, and rounds go on meanwhile: their watermark stands.
    if p_watermark is not null and job.job_type <> 'refresh' then
        insert into public.sync_cursors (connection_id, user_id, platform, entity, watermark, run_id)
        values (job.connection_id, job.user_id, job.platform, job.entity, p_watermark, job.run_id)
        on conflict (connection_id, entity) do update
           set watermark = excluded.watermark, run_id = excluded.run_id, updated_at = now();
    end if;
    perform private.end_job(job, case when p_code is null then 'completed' else 'completed_with_rejects' end, p_code,
                            left(p_error, 2000), left(p_seller_message, 2000), certificate_id);
    return certificate_id;
end $$;
revoke all on function public.complete_job(uuid, jsonb, timestamptz, int, text, text, text) from public, anon, authenticated;
grant execute on function public.complete_job(uuid, jsonb, timestamptz, int, text, text, text) to service_role;
