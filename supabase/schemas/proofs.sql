-- The facts and proofs that a certificate rests on. A platform's own: prove_<platform>_<name>.

-- prove_job: one named proof of a job in hand; answers {name, ok, detail}.
create or replace function private.prove_job(job public.sync_jobs, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    execute format('select private.%I($1)', 'prove_' || job.platform || '_' || p_name) into answer using job;
    return jsonb_build_object('name', p_name) || answer;
end $$;

-- prove: prove_job for whoever holds the lease.
create or replace function public.prove(p_lease_id uuid, p_name text) returns jsonb
language sql security definer set search_path = '' set statement_timeout = '120s' as $$
    select private.prove_job(private.leased_job(p_lease_id), p_name);
$$;
revoke all on function public.prove(uuid, text) from public, anon, authenticated;
grant execute on function public.prove(uuid, text) to service_role;

-- read_keys: what this job read of a stream, by key.
create or replace function private.read_keys(job public.sync_jobs, p_stream text) returns table (key text)
language sql stable set search_path = '' as $$
    select distinct k from public.sync_pages as g, unnest(g.keys) as k where g.job_id = job.id and g.stream = p_stream;
$$;

-- audit_pages: what the pagination audit says about the stream that this job read, and which of it is no row.
create or replace function private.audit_pages(job public.sync_jobs, p_stream text, p_table text) returns jsonb
language plpgsql set search_path = '' as $$
declare facts jsonb; missing bigint;
begin
    with pages as (
        select *, max(pass) over (partition by part, window_start, window_end) as last_pass
        from public.sync_pages where job_id = job.id and stream = p_stream),
    windows as (
        select part, window_start, window_end, max(pass) as passes,
               count(*) filter (where pass = last_pass) as pages,
               (array_agg(provider_count order by seq desc))[1] as provider_count
        from pages group by part, window_start, window_end)
    select jsonb_build_object(
        'union_keys', (select count(distinct k) from pages, unnest(keys) as k),
        'last_pass_keys', (select count(distinct k) from pages, unnest(keys) as k where pass = last_pass),
        'rejected', (select count(distinct k) from pages as g, unnest(g.keys) as k
                     join public.rejected_records as r on r.connection_id = job.connection_id
                      and r.stream = p_stream and r.status = 'open'
                      and k = coalesce(r.platform_id, 'rejected:' || r.raw_md5)),
        'partial', (select count(*) from public.rejected_records as r
                    where r.connection_id = job.connection_id and r.status = 'partial'
                      and (r.entity = job.entity or r.stream = p_stream)),
        'windows', (select coalesce(jsonb_agg(jsonb_build_object(
                        'part', part, 'start', extract(epoch from window_start)::bigint,
                        'end', extract(epoch from window_end)::bigint, 'passes', passes, 'pages', pages,
                        'provider_count', provider_count) order by part, window_start), '[]') from windows))
      into facts;

    execute format($sql$
        select count(*) from (
            select k from public.sync_pages as g, unnest(g.keys) as k where g.job_id = $1 and g.stream = $2
            except
            select t.platform_id from public.%1$I as t where t.connection_id = $3
            except
            select coalesce(r.platform_id, 'rejected:' || r.raw_md5) from public.rejected_records as r
            where r.connection_id = $3 and r.stream = $2 and r.status = 'open') as absent
    $sql$, p_table) into missing using job.id, p_stream, job.connection_id;
    return facts || jsonb_build_object('missing_rows', missing);
end $$;

-- audit_job: what the pagination audit and the table say about the stream that this job read. `p_newest` is the
-- key of the newest record that the platform shows.
create or replace function private.audit_job(job public.sync_jobs, p_stream text, p_table text, p_time_column text,
                                             p_newest text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare facts jsonb := private.audit_pages(job, p_stream, p_table); times jsonb; stored bigint; has_newest boolean;
begin
    execute format('select count(*) from public.%I where connection_id = $1 and not is_deleted', p_table)
       into stored using job.connection_id;

    select exists (select 1 from public.sync_pages as g
                   where g.job_id = job.id and g.stream = p_stream and p_newest = any (g.keys)) into has_newest;

    if p_time_column <> '' then
        execute format($sql$
            with gaps as (
                select %1$I as until, lag(%1$I) over (order by %1$I) as since
                from public.%2$I where connection_id = $1 and not is_deleted),
            sized as (select since, until, extract(epoch from until - since) as seconds from gaps where since is not null)
            select jsonb_build_object(
                'earliest', (select min(until) from gaps), 'latest', (select max(until) from gaps),
                'median_gap_seconds', (select percentile_cont(0.5) within group (order by seconds) from sized),
                'largest_gaps', (select coalesce(jsonb_agg(to_jsonb(g)), '[]') from
                                 (select since, until, seconds from sized order by seconds desc limit 5) as g))
        $sql$, p_time_column, p_table) into times using job.connection_id;
    end if;
    return facts || jsonb_build_object('stored_rows', stored, 'has_newest', has_newest) || coalesce(times, '{}');
end $$;

-- audit_read: audit_job for whoever holds the lease.
create or replace function public.audit_read(p_lease_id uuid, p_stream text, p_table text, p_time_column text,
                                             p_newest text default null) returns jsonb
language sql security definer set search_path = '' set statement_timeout = '120s' as $$
    select private.audit_job(private.leased_job(p_lease_id), p_stream, p_table, p_time_column, p_newest);
$$;
revoke all on function public.audit_read(uuid, text, text, text, text) from public, anon, authenticated;
grant execute on function public.audit_read(uuid, text, text, text, text) to service_role;

-- audit_round: audit_pages for whoever holds the lease. What a round did not read it says nothing of, and counts nowhere.
create or replace function public.audit_round(p_lease_id uuid, p_stream text, p_table text) returns jsonb
language sql security definer set search_path = '' as $$
    select private.audit_pages(private.leased_job(p_lease_id), p_stream, p_table);
$$;
revoke all on function public.audit_round(uuid, text, text) from public, anon, authenticated;
grant execute on function public.audit_round(uuid, text, text) to service_role;

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
revoke all on function
    public.verify_completed(uuid, uuid, text, text, text, text, text[])
    from public, anon, authenticated;
grant execute on function public.verify_completed(uuid, uuid, text, text, text, text, text[]) to service_role;

-- doubt_jobs: completed jobs whose verification fails now: the next start reads them again.
create or replace function public.doubt_jobs(p_user_id uuid, p_job_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
    update public.sync_jobs set doubted_at = coalesce(doubted_at, clock_timestamp())
     where user_id = p_user_id and id = any (p_job_ids) and status = 'completed';
end $$;
revoke all on function public.doubt_jobs(uuid, uuid[]) from public, anon, authenticated;
grant execute on function public.doubt_jobs(uuid, uuid[]) to service_role;
