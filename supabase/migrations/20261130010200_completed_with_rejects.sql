-- An entity that misses what could not be mapped ends as completed_with_rejects; a job remembers what was refused once,
-- and since when its verification fails.

alter table public.certificates add column is_whole boolean not null default true;
comment on table public.certificates is 'The proof of what came of an entity: one row a completed job.';

alter table public.profiles drop constraint profiles_backfill_status_check;
alter table public.profiles add constraint profiles_backfill_status_check check
    (backfill_status in ('not_started', 'in_progress', 'completed', 'completed_with_rejects', 'failed'));

alter table public.sync_jobs add column doubted_at timestamptz, add column refused_code text;
alter table public.sync_jobs
    drop constraint sync_jobs_status_check, drop constraint sync_jobs_check3, drop constraint sync_jobs_check4,
    drop constraint sync_jobs_check5;
alter table public.sync_jobs
    add constraint sync_jobs_status_check check (status in
        ('waiting', 'queued', 'running', 'parked', 'completed', 'completed_with_rejects', 'failed', 'quarantined')),
    add constraint sync_jobs_check3 check
        ((status in ('completed', 'completed_with_rejects', 'failed', 'quarantined')) = (finished_at is not null)),
    add constraint sync_jobs_check4 check
        ((status in ('completed', 'completed_with_rejects')) = (certificate_id is not null)),
    add constraint sync_jobs_check5 check
        ((status in ('completed_with_rejects', 'failed', 'quarantined')) = (error_code is not null));

create or replace trigger events_worked after update of status on public.sync_jobs
    for each row when (new.status in ('completed', 'completed_with_rejects') and new.entity = 'changes'
                       and old.finished_at is null)
    execute function private.events_worked();

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

-- settle_profile: once no backfill job of the user is open, say how the backfill ended. What only follows another entity
-- does not make the whole a failure.
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
    perform private.promote_next(job.connection_id, job.job_type);
    if job.job_type = 'backfill' then
        perform private.settle_profile(job.user_id);
    end if;
end $$;

drop function public.park_job(uuid,text,double precision,boolean,integer,integer,text,text);

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

drop function public.complete_job(uuid,jsonb,timestamp with time zone,integer);

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
    if p_watermark is not null then
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
                       'doubted_at', j.doubted_at, 'created_at', j.created_at, 'started_at', j.started_at,
                       'finished_at', j.finished_at, 'window_start', j.window_start, 'window_end', j.window_end,
                       'watermark', w.watermark, 'certificate', to_jsonb(c) - 'user_id',
                       'last_complete', case when j.status <> 'completed' then (
                           select jsonb_build_object('at', k.issued_at, 'held', k.distinct_keys - k.rejected)
                           from public.certificates as k
                           where k.connection_id = j.connection_id and k.entity = j.entity and k.is_whole
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

    -- A record that was rejected before needs nobody's attention any more, now that a later fetch of it has landed or
    -- was rejected with other bytes. What this very page rejects has its time of fetching.
    update public.rejected_records as r set status = 'superseded', settled_at = clock_timestamp()
     where r.connection_id = job.connection_id and r.stream = stream_name
       and r.status = 'open' and r.platform_id = any (landed.keys) and r.fetched_at < at;

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

-- move_cursor: a decision of the read that brings no page (a window to read again, the next stream).
create or replace function public.move_cursor(p_lease_id uuid, p_cursor jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    -- Progress forgives what went wrong before it, with or without a page.
    update public.sync_jobs set cursor = p_cursor, attempts = 0, deaths = 0, refused_code = null where id = job.id;
end $$;

-- settle_replayed: jobs that ended as completed_with_rejects, and of which nothing is kept aside any more, are complete:
-- their certificates say so, with what is held now.
create or replace function private.settle_replayed(p_user_id uuid, p_connections uuid[]) returns void
language plpgsql set search_path = '' as $$
declare job public.sync_jobs;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    for job in select * from public.sync_jobs
               where connection_id = any (p_connections) and status = 'completed_with_rejects' loop
        continue when private.job_rejects(job) <> '[]';
        update public.certificates set is_whole = true, rejected = 0, checks = (
            select jsonb_agg(case when c ->> 'name' = 'rejects'
                                  then '{"name": "rejects", "ok": true, "detail": {"replayed": true}}' else c end)
            from jsonb_array_elements(checks) as c)
         where id = job.certificate_id;
        update public.sync_jobs set status = 'completed', error_code = null, error = null, seller_message = null
         where id = job.id;
    end loop;
    perform private.settle_profile(p_user_id);
end $$;

-- replay_rejected: try rejected records again, after the mapping was mended: those of one of the user's connections, or
-- of all. No call to the platform.
create or replace function public.replay_rejected(p_user_id uuid, p_after bigint default 0, p_limit int default 100,
                                                  p_connection_id uuid default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare r public.rejected_records; job public.sync_jobs; one record; landed int := 0; refused int := 0; last bigint;
begin
    for r in select * from public.rejected_records
             where connection_id = any (private.connections_of(p_user_id)) and status = 'open' and id > p_after
               and (p_connection_id is null or connection_id = p_connection_id)
             order by id limit p_limit for update loop
        job.connection_id := r.connection_id;
        job.user_id := r.user_id;
        job.platform := r.platform;
        job.entity := r.entity;
        job.run_id := r.run_id;
        select * into one from private.land_one(job, r.shape, r.fetched_at, r.raw);
        if one.reason is null then
            landed := landed + 1;
            update public.rejected_records set status = 'replayed', settled_at = clock_timestamp() where id = r.id;
        else
            refused := refused + 1;
            update public.rejected_records set reason = one.reason, sqlstate = one.code where id = r.id;
        end if;
        last := r.id;
    end loop;
    if landed > 0 then
        perform private.settle_replayed(p_user_id, case when p_connection_id is null
            then private.connections_of(p_user_id) else array[p_connection_id] end);
    end if;
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;

-- new_keys: how many of these keys stand in no page that this job read of a stream.
create or replace function public.new_keys(p_lease_id uuid, p_stream text, p_keys text[]) returns int
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    return (select count(*) from (
        select unnest(p_keys)
        except
        select k from public.sync_pages as p, unnest(p.keys) as k where p.job_id = job.id and p.stream = p_stream) as n);
end $$;

revoke all on function public.new_keys(uuid, text, text[]) from public, anon, authenticated;

grant execute on function public.new_keys(uuid, text, text[]) to service_role;

-- job_rejects: of each stream and look-up that this job read and of which records are kept aside: how many came, and how
-- many of those are rejected still. What it did not see any more is nobody's loss.
create or replace function private.job_rejects(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with aside as materialized (
        select distinct stream, coalesce(platform_id, 'rejected:' || raw_md5) as key from public.rejected_records
        where connection_id = job.connection_id and entity = job.entity and status = 'open'),
    came as (
        select distinct p.stream, k as key from public.sync_pages as p, unnest(p.keys) as k
        where p.job_id = job.id and p.stream in (select stream from aside)),
    counted as (
        select c.stream, count(*) as read, count(a.key) as rejected
        from came as c left join aside as a on a.stream = c.stream and a.key = c.key group by c.stream)
    select coalesce(jsonb_agg(to_jsonb(counted) order by stream), '[]') from counted where rejected > 0;
$$;

-- rejects_of: job_rejects for whoever holds the lease.
create or replace function public.rejects_of(p_lease_id uuid) returns jsonb
language sql security definer set search_path = '' as $$
    select private.job_rejects(private.leased_job(p_lease_id));
$$;

revoke all on function public.rejects_of(uuid) from public, anon, authenticated;

grant execute on function public.rejects_of(uuid) to service_role;

-- verify_completed: hold a completed entity of a shop against its audit and its proofs once more. Asks no platform.
create or replace function public.verify_completed(p_user_id uuid, p_connection_id uuid, p_entity text, p_stream text, p_table text,
                                                   p_time_column text, p_proofs text[]) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs; audit jsonb := '{}';
begin
    select * into job from public.sync_jobs
     where user_id = p_user_id and connection_id = p_connection_id and entity = p_entity and job_type = 'backfill'
     order by created_at desc, id limit 1;
    if job.certificate_id is null then
        return jsonb_build_object('status', coalesce(job.status, 'never started'), 'error', job.error);
    end if;
    if p_stream <> '' then
        audit := private.audit_job(job, p_stream, p_table, p_time_column);
    end if;
    return jsonb_build_object('status', job.status, 'job_id', job.id, 'audit', audit, 'rejects', private.job_rejects(job),
        'certificate', (select to_jsonb(c) - 'user_id' from public.certificates as c where c.id = job.certificate_id),
        'proofs', (select coalesce(jsonb_agg(private.prove_job(job, name)), '[]') from unnest(p_proofs) as name));
end $$;

-- doubt_jobs: completed jobs whose verification fails now: the next start reads them again.
create or replace function public.doubt_jobs(p_user_id uuid, p_job_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
    update public.sync_jobs set doubted_at = coalesce(doubted_at, clock_timestamp())
     where user_id = p_user_id and id = any (p_job_ids) and status = 'completed';
end $$;

revoke all on function public.doubt_jobs(uuid, uuid[]) from public, anon, authenticated;

grant execute on function public.doubt_jobs(uuid, uuid[]) to service_role;

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
        'parked', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('waiting', count(*), 'retries', count(*) filter (where attempts > 0),
                           'next_at', min(run_after)) as facts
                from (select platform, attempts, run_after from public.sync_jobs where status = 'parked'
                      order by run_after limit 10000) as p group by platform) as by_platform),
        'ended', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('completed', count(*) filter (where status in ('completed', 'completed_with_rejects')),
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
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;

-- next_stretches: objects of which a nested list has another stretch, as '<object>:<cursor that the last one ended with>'.
-- A stretch that was asked for and left its object as it was (it is gone) is not asked for again.
create or replace function private.next_stretches(p_connection_id uuid, p_table regclass, p_list text, p_after text,
                                                  p_limit int) returns setof text
language plpgsql stable set search_path = '' as $$
begin
    return query execute format($sql$
        select s.stretch from (
            select t.platform_id, t.platform_id || ':' || coalesce(t.raw #>> '{%1$s,pageInfo,endCursor}', '') as stretch
            from %2$s as t
            where t.connection_id = $1 and t.platform = 'shopify' and not t.is_deleted
              and t.platform_id >= split_part($2, ':', 1)
              and (t.raw #>> '{%1$s,pageInfo,hasNextPage}') = 'true') as s
        where s.stretch <> $2 order by s.platform_id limit $3
    $sql$, p_list, p_table) using p_connection_id, p_after, p_limit;
end $$;

-- pending_shopify_order_lines: stretches of the lines of orders that have more than were shown so far.
create or replace function private.pending_shopify_order_lines(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select private.next_stretches(job.connection_id, 'public.orders', 'lineItems', p_after, p_limit);
$$;

-- pending_shopify_refund_lines: the same of refunds.
create or replace function private.pending_shopify_refund_lines(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select private.next_stretches(job.connection_id, 'public.order_refunds', 'refundLineItems', p_after, p_limit);
$$;

-- prove_shopify_line_items: every line of every order: an order that still shows that another stretch follows is named.
create or replace function private.prove_shopify_line_items(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with cut as (
        select o.platform_id from public.orders as o
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true')
    select jsonb_build_object('ok', not exists (select 1 from cut), 'detail', jsonb_build_object(
        'line_items', (select count(*) from public.line_items
                       where connection_id = job.connection_id and not is_deleted),
        'orders_cut', (select count(*) from cut),
        'first_cut', (select coalesce(jsonb_agg(platform_id), '[]') from (select * from cut limit 5) as c)));
$$;

-- prove_shopify_refunds: every refund that an order names is here, with all of its lines.
create or replace function private.prove_shopify_refunds(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with missing as (
        select l.id from private.listed_refunds(job.connection_id) as l
        except
        select f.platform_id from public.order_refunds as f
        where f.connection_id = job.connection_id and not f.is_deleted),
    cut as (
        select f.platform_id from public.order_refunds as f
        where f.connection_id = job.connection_id and not f.is_deleted
          and (f.raw #>> '{refundLineItems,pageInfo,hasNextPage}') = 'true')
    select jsonb_build_object('ok', not exists (select 1 from missing) and not exists (select 1 from cut),
        'detail', jsonb_build_object(
            'refunds', (select count(*) from private.listed_refunds(job.connection_id)),
            'missing', (select count(*) from missing), 'cut', (select count(*) from cut),
            'first_missing', (select coalesce(jsonb_agg(id), '[]') from (select * from missing limit 5) as m)));
$$;

drop function private.pending_shopify_refund_ends(public.sync_jobs,text,integer);

drop function private.pending_shopify_order_line_ends(public.sync_jobs,text,integer);
