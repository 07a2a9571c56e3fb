-- Steps of a job that stay inside the database: what is pending for a lookup, derivations, the facts and proofs
-- that a certificate rests on. The generic functions dispatch by name: <verb>_<platform>_<name>. They read a whole
-- shop at once, so they bring their own statement timeout, which PostgREST puts before the call (since version 12).

-- next_lookups: ids that still want fetching, in order, after `p_after`.
create function public.next_lookups(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); ids jsonb;
begin
    execute format('select coalesce(jsonb_agg(id order by id), ''[]'') from private.%I($1, $2, $3) as p(id)',
                   'pending_' || job.platform || '_' || p_name)
       into ids using job, p_after, p_limit;
    return ids;
end $$;

-- derive: one batch of a derivation; answers {rows, after}, with rows = 0 when it is done.
create function public.derive(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); answer jsonb;
begin
    execute format('select private.%I($1, $2, $3)', 'derive_' || job.platform || '_' || p_name)
       into answer using job, p_after, p_limit;
    return answer;
end $$;

-- prove: one named proof of a job in hand; answers {name, ok, detail}.
create function private.prove_job(job public.sync_jobs, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    execute format('select private.%I($1)', 'prove_' || job.platform || '_' || p_name) into answer using job;
    return jsonb_build_object('name', p_name) || answer;
end $$;

create function public.prove(p_lease_id uuid, p_name text) returns jsonb
language sql security definer set search_path = '' set statement_timeout = '120s' as $$
    select private.prove_job(private.leased_job(p_lease_id), p_name);
$$;

-- audit_job: what the pagination audit and the table say about the stream that this job read. `p_newest` is the
-- key of the newest record that the platform shows.
create function private.audit_job(job public.sync_jobs, p_stream text, p_table text, p_time_column text,
                                  p_newest text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare facts jsonb; times jsonb; missing bigint; stored bigint;
        has_newest boolean;
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
                     join public.rejected_records as r on r.user_id = job.user_id and r.platform = job.platform
                      and r.stream = p_stream and r.status = 'open'
                      and k = coalesce(r.platform_id, 'rejected:' || r.raw_md5)),
        'windows', (select coalesce(jsonb_agg(jsonb_build_object(
                        'part', part, 'start', extract(epoch from window_start)::bigint,
                        'end', extract(epoch from window_end)::bigint, 'passes', passes, 'pages', pages,
                        'provider_count', provider_count) order by part, window_start), '[]') from windows))
      into facts;

    execute format($sql$
        select count(*) from (
            select k from public.sync_pages as g, unnest(g.keys) as k where g.job_id = $1 and g.stream = $2
            except
            select t.platform_id from public.%1$I as t where t.user_id = $3 and t.platform = $4
            except
            select coalesce(r.platform_id, 'rejected:' || r.raw_md5) from public.rejected_records as r
            where r.user_id = $3 and r.platform = $4 and r.stream = $2 and r.status = 'open') as absent
    $sql$, p_table) into missing using job.id, p_stream, job.user_id, job.platform;
    execute format('select count(*) from public.%I where user_id = $1 and platform = $2 and not is_deleted', p_table)
       into stored using job.user_id, job.platform;

    select exists (select 1 from public.sync_pages as g
                   where g.job_id = job.id and g.stream = p_stream and p_newest = any (g.keys)) into has_newest;

    if p_time_column <> '' then
        execute format($sql$
            with gaps as (
                select %1$I as until, lag(%1$I) over (order by %1$I) as since
                from public.%2$I where user_id = $1 and platform = $2 and not is_deleted),
            sized as (select since, until, extract(epoch from until - since) as seconds from gaps where since is not null)
            select jsonb_build_object(
                'earliest', (select min(until) from gaps), 'latest', (select max(until) from gaps),
                'median_gap_seconds', (select percentile_cont(0.5) within group (order by seconds) from sized),
                'largest_gaps', (select coalesce(jsonb_agg(to_jsonb(g)), '[]') from
                                 (select since, until, seconds from sized order by seconds desc limit 5) as g))
        $sql$, p_time_column, p_table) into times using job.user_id, job.platform;
    end if;
    return facts || jsonb_build_object('missing_rows', missing, 'stored_rows', stored, 'has_newest', has_newest) || coalesce(times, '{}');
end $$;

create function public.audit_read(p_lease_id uuid, p_stream text, p_table text, p_time_column text,
                                  p_newest text default null) returns jsonb
language sql security definer set search_path = '' set statement_timeout = '120s' as $$
    select private.audit_job(private.leased_job(p_lease_id), p_stream, p_table, p_time_column, p_newest);
$$;

-- verify_completed: hold a completed entity against its audit and its proofs once more. Asks no platform.
create function public.verify_completed(p_user_id uuid, p_platform text, p_entity text, p_stream text, p_table text,
                                        p_time_column text, p_proofs text[]) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs; audit jsonb := '{}';
begin
    select * into job from public.sync_jobs
     where user_id = p_user_id and platform = p_platform and entity = p_entity and job_type = 'backfill'
     order by created_at desc, id limit 1;
    if job.status is distinct from 'completed' then
        return jsonb_build_object('status', coalesce(job.status, 'never started'), 'error', job.error);
    end if;
    if p_stream <> '' then
        audit := private.audit_job(job, p_stream, p_table, p_time_column);
    end if;
    return jsonb_build_object('status', job.status, 'audit', audit,
        'certificate', (select to_jsonb(c) - 'user_id' from public.certificates as c where c.id = job.certificate_id),
        'proofs', (select coalesce(jsonb_agg(private.prove_job(job, name)), '[]') from unnest(p_proofs) as name));
end $$;

-- sweep_gone: after a complete read, rows that it did not show are gone: softly, and never very many at once. With a
-- time column only rows inside the job's window are judged. `p_last_pass`: the last pass over each window was
-- complete by itself, so that a record which left between two passes is seen to be gone. `p_children`: what goes with a
-- record, as {table: the column that names the record}.
create function public.sweep_gone(p_lease_id uuid, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                  p_max_share real default 0.3, p_always_allowed int default 20,
                                  p_children jsonb default '{}') returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); gone text[]; stored bigint; inside text := 'true';
        child record;
begin
    if p_time_column <> '' then
        inside := format('t.%I >= $5 and t.%1$I < $6', p_time_column);
    end if;
    execute format($sql$
        with pages as (
            select keys, pass, max(pass) over (partition by part, window_start, window_end) as last_pass
            from public.sync_pages where job_id = $3 and stream = $4),
        judged as (
            select t.platform_id from public.%I as t
            where t.user_id = $1 and t.platform = $2 and not t.is_deleted and %s)
        select (select array_agg(platform_id) from (
                    select platform_id from judged
                    except
                    select k from pages, unnest(keys) as k where pass = last_pass or not $7) as unseen),
               (select count(*) from judged)
    $sql$, p_table, inside) into gone, stored
    using job.user_id, job.platform, job.id, p_stream, job.window_start, job.window_end + interval '1 second', p_last_pass;
    if coalesce(cardinality(gone), 0) > greatest(p_always_allowed, stored * p_max_share) then
        return jsonb_build_object('gone', 0, 'held_back', cardinality(gone), 'stored', stored);
    end if;
    execute format('update public.%I set is_deleted = true, sync_run_id = $4 where user_id = $1 and platform = $2 '
                   'and platform_id = any ($3)', p_table) using job.user_id, job.platform, gone, job.run_id;
    for child in select key as name, value as parent from jsonb_each_text(p_children) where gone is not null loop
        execute format('update public.%I set is_deleted = true, sync_run_id = $4 where user_id = $1 and platform = $2 '
                       'and %I = any ($3) and not is_deleted', child.name, child.parent)
            using job.user_id, job.platform, gone, job.run_id;
    end loop;
    return jsonb_build_object('gone', coalesce(cardinality(gone), 0), 'held_back', 0, 'stored', stored);
end $$;

do $$
declare f regprocedure;
begin
    foreach f in array array['public.next_lookups(uuid, text, text, int)', 'public.derive(uuid, text, text, int)',
        'public.prove(uuid, text)', 'public.audit_read(uuid, text, text, text, text)',
        'public.verify_completed(uuid, text, text, text, text, text, text[])',
        'public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb)']::regprocedure[] loop
        execute format('revoke all on function %s from public, anon, authenticated', f);
        execute format('grant execute on function %s to service_role', f);
    end loop;
end $$;
