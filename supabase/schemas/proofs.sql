-- The facts and proofs that a certificate rests on. A platform's own: prove_<platform>_<name>.

-- Long questions are asked in pieces (docs/decisions/027): `p_rest` is what the piece before left, '{}' at first, and `p_rows`
-- how many keys a piece reads, null for all. An answer with `rest` is not the last one; the last is what one piece says.

-- key_bound: where the piece ends that begins at `p_from`: a key of its own, which the next piece begins with. Null: at the end
-- of the table. Read in the order of the primary key.
create or replace function private.key_bound(p_table text, p_connection_id uuid, p_from text, p_rows int) returns text
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
declare bound text;
begin
    if p_rows is not null then
        execute format('select platform_id from public.%I where connection_id = $1 and platform_id >= $2 '
                       'order by platform_id offset $3 limit 1', p_table)
           into bound using p_connection_id, p_from, p_rows;
    end if;
    return bound;
end $$;

-- add_counts: the numbers of two pieces together.
create or replace function private.add_counts(p_before jsonb, p_part jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select coalesce(jsonb_object_agg(k.key, coalesce((p_before ->> k.key)::bigint, 0) + coalesce((p_part ->> k.key)::bigint, 0)), '{}')
    from (select jsonb_object_keys(coalesce(p_before, '{}')) union select jsonb_object_keys(coalesce(p_part, '{}'))) as k(key);
$$;

-- add_firsts: of each list the first five of both.
create or replace function private.add_firsts(p_before jsonb, p_part jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select coalesce(jsonb_object_agg(k.key, jsonb_path_query_array(
               coalesce(p_before -> k.key, '[]') || coalesce(p_part -> k.key, '[]'), '$[0 to 4]')), '{}')
    from (select jsonb_object_keys(coalesce(p_before, '{}')) union select jsonb_object_keys(coalesce(p_part, '{}'))) as k(key);
$$;

-- prove_job: a piece of a named proof of a job in hand; the last one answers {name, ok, detail}. A platform's own answers
-- {ok, counts, firsts, says, next} of the keys from `p_from` on: numbers that are added, lists of which the first stay, and
-- what the last piece says.
create or replace function private.prove_job(job public.sync_jobs, p_name text, p_rest jsonb, p_rows int) returns jsonb
language plpgsql set search_path = '' as $$
declare part jsonb; so_far jsonb := p_rest -> 'so_far'; named jsonb := jsonb_build_object('name', p_name);
begin
    execute format('select private.%I($1, $2, $3)', 'prove_' || job.platform || '_' || p_name)
       into part using job, coalesce(p_rest ->> 'next', ''), p_rows;
    so_far := jsonb_build_object(
        'ok', coalesce((so_far ->> 'ok')::boolean, true) and (part ->> 'ok')::boolean,
        'counts', private.add_counts(so_far -> 'counts', part -> 'counts'),
        'firsts', private.add_firsts(so_far -> 'firsts', part -> 'firsts'),
        'says', coalesce(so_far -> 'says', '{}') || coalesce(part -> 'says', '{}'));
    if part ->> 'next' is not null then
        return named || jsonb_build_object('rest', jsonb_build_object('next', part -> 'next', 'so_far', so_far));
    end if;
    return named || jsonb_build_object('ok', so_far -> 'ok',
                                       'detail', (so_far -> 'counts') || (so_far -> 'firsts') || (so_far -> 'says'));
end $$;

-- prove: prove_job for whoever holds the lease.
create or replace function public.prove(p_lease_id uuid, p_name text, p_rest jsonb default '{}', p_rows int default null)
returns jsonb language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.prove_job(private.reading_job(p_lease_id), p_name, p_rest, p_rows);
$$;
revoke all on function public.prove(uuid, text, jsonb, int) from public, anon, authenticated;
grant execute on function public.prove(uuid, text, jsonb, int) to service_role;

-- read_keys: what this job read of a stream, by key.
create or replace function private.read_keys(job public.sync_jobs, p_stream text) returns table (key text)
language sql stable set search_path = '' as $$
    select distinct k from public.sync_pages as g, unnest(g.keys) as k where g.job_id = job.id and g.stream = p_stream;
$$;

-- audit_windows: the windows of a stream as this job read them.
create or replace function private.audit_windows(job public.sync_jobs, p_stream text) returns jsonb
language sql stable set search_path = '' as $$
    with windows as (
        select part, window_start, window_end, max(pass) as passes,
               count(*) filter (where pass = last_pass) as pages,
               (array_agg(provider_count order by seq desc))[1] as provider_count
        from (select *, max(pass) over (partition by part, window_start, window_end) as last_pass
              from public.sync_pages where job_id = job.id and stream = p_stream) as g
        group by part, window_start, window_end)
    select coalesce(jsonb_agg(jsonb_build_object(
               'part', part, 'start', extract(epoch from window_start)::bigint,
               'end', extract(epoch from window_end)::bigint, 'passes', passes, 'pages', pages,
               'provider_count', provider_count) order by part, window_start), '[]')
    from windows;
$$;

-- page_keys_bound: as key_bound, of the keys that a job read: they may be more than the table has rows.
create or replace function private.page_keys_bound(p_job_id uuid, p_stream text, p_from text, p_rows int) returns text
language sql stable set search_path = '' as $$
    select k from public.sync_pages as g, unnest(g.keys) as k
    where p_rows is not null and g.job_id = p_job_id and g.stream = p_stream and k >= p_from
    group by k order by k offset p_rows limit 1;
$$;

-- audit_keys: of the keys of one piece: how many came, and how many of them are rows or kept aside.
create or replace function private.audit_keys(job public.sync_jobs, p_stream text, p_table text, p_from text, p_bound text) returns jsonb
language plpgsql set search_path = '' as $$
declare counts jsonb;
begin
    execute format($sql$
        with pages as (
            select keys, pass, max(pass) over (partition by part, window_start, window_end) as last_pass
            from public.sync_pages where job_id = $1 and stream = $2),
        came as materialized (
            select k, bool_or(pass = last_pass) as in_last_pass from pages, unnest(keys) as k
            where k >= $4 and ($5 is null or k < $5) group by k),
        aside as materialized (
            select coalesce(r.platform_id, 'rejected:' || r.raw_md5) as k from public.rejected_records as r
            where r.connection_id = $3 and r.stream = $2 and r.status = 'open'),
        absent as (
            select k from came
            except
            select t.platform_id from public.%1$I as t
            where t.connection_id = $3 and t.platform_id >= $4 and ($5 is null or t.platform_id < $5)
            except
            select k from aside)
        select jsonb_build_object(
            'union_keys', count(*), 'last_pass_keys', count(*) filter (where in_last_pass),
            'rejected', (select count(*) from (select k from came intersect select k from aside) as r),
            'missing_rows', (select count(*) from absent),
            'stored_rows', (select count(*) from public.%1$I where connection_id = $3 and not is_deleted
                             and platform_id >= $4 and ($5 is null or platform_id < $5)))
        from came
    $sql$, p_table) into counts using job.id, p_stream, job.connection_id, p_from, p_bound;
    return counts;
end $$;

-- audit_times: when the records of one piece, which begins after `p_since`, happened: the first and the last, the largest gaps,
-- and how many gaps are how long, in classes of one per cent. The gap to the piece before is this one's.
create or replace function private.audit_times(p_connection_id uuid, p_table text, p_time_column text, p_since timestamptz, p_rows int)
returns jsonb language plpgsql stable set search_path = '' as $$
declare bound timestamptz; part jsonb;
begin
    if p_rows is not null then
        execute format('select %1$I from public.%2$I where connection_id = $1 and not is_deleted and %1$I > $2 '
                       'order by %1$I offset $3 - 1 limit 1', p_time_column, p_table)
           into bound using p_connection_id, coalesce(p_since, '-infinity'), p_rows;
    end if;
    execute format($sql$
        with gaps as (
            select %1$I as until, lag(%1$I, 1, $2) over (order by %1$I) as since
            from public.%2$I
            where connection_id = $1 and not is_deleted and %1$I > coalesce($2, '-infinity') and ($3 is null or %1$I <= $3)),
        sized as materialized (
            select since, until, extract(epoch from until - since) as seconds from gaps where since is not null),
        classes as (select round(ln(1 + seconds) * 100)::int as class, count(*) as n from sized group by 1)
        select jsonb_build_object(
            'earliest', (select min(until) from gaps), 'latest', (select max(until) from gaps),
            'gaps', (select coalesce(jsonb_agg(to_jsonb(g)), '[]')
                     from (select since, until, seconds from sized order by seconds desc, until limit 5) as g),
            'classes', (select coalesce(jsonb_object_agg(class, n), '{}') from classes))
    $sql$, p_time_column, p_table) into part using p_connection_id, p_since, bound;
    return part || jsonb_build_object('next', bound);
end $$;

-- median_gap: of the classes of audit_times; null without gaps.
create or replace function private.median_gap(p_classes jsonb) returns double precision
language sql immutable set search_path = '' as $$
    select exp(class / 100.0)::double precision - 1 from (
        select key::int as class, sum(value::bigint) over (order by key::int) as up_to, sum(value::bigint) over () as all_
        from jsonb_each_text(p_classes)) as c
    where up_to * 2 >= all_ order by class limit 1;
$$;

-- audit_job: a piece of what the pagination audit and the table say about the stream that this job read: keys first, then
-- times. `p_newest` is the key of the newest record that the platform shows.
create or replace function private.audit_job(job public.sync_jobs, p_stream text, p_table text, p_time_column text, p_newest text,
                                             p_rest jsonb, p_rows int) returns jsonb
language plpgsql set search_path = '' as $$
declare facts jsonb; counts jsonb := p_rest -> 'counts'; times jsonb := coalesce(p_rest -> 'times', '{}'); piece jsonb;
        start text := coalesce(p_rest ->> 'from', ''); bound text;
begin
    if not p_rest ? 'times' then
        bound := least(private.key_bound(p_table, job.connection_id, start, p_rows),
                       private.page_keys_bound(job.id, p_stream, start, p_rows));
        counts := private.add_counts(counts, private.audit_keys(job, p_stream, p_table, start, bound));
        if bound is not null then
            return jsonb_build_object('rest', jsonb_build_object('from', bound, 'counts', counts));
        end if;
    end if;
    if p_time_column <> '' then
        piece := private.audit_times(job.connection_id, p_table, p_time_column, (times ->> 'next')::timestamptz, p_rows);
        times := jsonb_build_object(
            'earliest', coalesce(times ->> 'earliest', piece ->> 'earliest'), 'latest', coalesce(piece ->> 'latest', times ->> 'latest'),
            'gaps', (select coalesce(jsonb_agg(l.gap order by (l.gap ->> 'seconds')::numeric desc, l.gap ->> 'until'), '[]') from (
                        select gap from jsonb_array_elements(coalesce(times -> 'gaps', '[]') || (piece -> 'gaps')) as e(gap)
                        order by (gap ->> 'seconds')::numeric desc, gap ->> 'until' limit 5) as l),
            'classes', private.add_counts(times -> 'classes', piece -> 'classes'), 'next', piece -> 'next');
        if piece ->> 'next' is not null then
            return jsonb_build_object('rest', jsonb_build_object('counts', counts, 'times', times));
        end if;
        times := jsonb_build_object('earliest', times -> 'earliest', 'latest', times -> 'latest', 'largest_gaps', times -> 'gaps',
                                    'median_gap_seconds', private.median_gap(times -> 'classes'));
    end if;
    facts := jsonb_build_object(
        'partial', (select count(*) from public.rejected_records as r
                    where r.connection_id = job.connection_id and r.status = 'partial'
                      and (r.entity = job.entity or r.stream = p_stream)),
        'has_newest', exists (select 1 from public.sync_pages as g
                              where g.job_id = job.id and g.stream = p_stream and p_newest = any (g.keys)),
        'windows', private.audit_windows(job, p_stream));
    return counts || times || facts;
end $$;

-- audit_read: audit_job for whoever holds the lease.
create or replace function public.audit_read(p_lease_id uuid, p_stream text, p_table text, p_time_column text,
                                             p_newest text default null, p_rest jsonb default '{}', p_rows int default null)
returns jsonb language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.audit_job(private.reading_job(p_lease_id), p_stream, p_table, p_time_column, p_newest, p_rest, p_rows);
$$;
revoke all on function public.audit_read(uuid, text, text, text, text, jsonb, int) from public, anon, authenticated;
grant execute on function public.audit_read(uuid, text, text, text, text, jsonb, int) to service_role;

-- audit_round: what a round read of a stream: the windows, how many keys came, and how many of them are rows or kept aside.
-- Of what it did not read it says nothing, and counts it nowhere.
create or replace function public.audit_round(p_lease_id uuid, p_stream text, p_table text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.reading_job(p_lease_id); counts jsonb;
begin
    execute format($sql$
        with came as materialized (select key from private.read_keys($1, $2)),
        aside as materialized (
            select coalesce(r.platform_id, 'rejected:' || r.raw_md5) as key from public.rejected_records as r
            where r.connection_id = $3 and r.stream = $2 and r.status = 'open')
        select jsonb_build_object(
            'union_keys', count(*), 'rejected', count(a.key),
            'missing_rows', count(*) filter (where a.key is null and not exists (
                select from public.%I as t where t.connection_id = $3 and t.platform_id = c.key)))
        from came as c left join aside as a on a.key = c.key
    $sql$, p_table) into counts using job, p_stream, job.connection_id;
    return counts || jsonb_build_object('windows', private.audit_windows(job, p_stream));
end $$;
revoke all on function public.audit_round(uuid, text, text) from public, anon, authenticated;
grant execute on function public.audit_round(uuid, text, text) to service_role;

-- new_keys: how many of these keys stand in no page that this job read of a stream.
create or replace function public.new_keys(p_lease_id uuid, p_stream text, p_keys text[]) returns int
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.reading_job(p_lease_id);
begin
    return (select count(*) from (
        select unnest(p_keys)
        except
        select k from public.sync_pages as p, unnest(p.keys) as k where p.job_id = job.id and p.stream = p_stream) as n);
end $$;
revoke all on function public.new_keys(uuid, text, text[]) from public, anon, authenticated;
grant execute on function public.new_keys(uuid, text, text[]) to service_role;

-- job_rejects: of each stream and look-up that this job read and of which records are kept aside: how many came, and how
-- many of those are rejected still, whichever entity's job met them last. What it did not see any more is nobody's loss.
create or replace function private.job_rejects(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with aside as materialized (
        select distinct stream, coalesce(platform_id, 'rejected:' || raw_md5) as key from public.rejected_records
        where connection_id = job.connection_id and status = 'open'),
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
language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.job_rejects(private.reading_job(p_lease_id));
$$;
revoke all on function public.rejects_of(uuid) from public, anon, authenticated;
grant execute on function public.rejects_of(uuid) to service_role;

-- verify_completed: hold a completed entity of a shop against its audit and its proofs once more, in pieces. Asks no
-- platform. A call ends with the first piece that is not the last of its question. Where the entity was completed anew
-- between two pieces, it begins again with that.
create or replace function public.verify_completed(p_user_id uuid, p_connection_id uuid, p_entity text, p_stream text, p_table text,
                                                   p_time_column text, p_proofs text[], p_rest jsonb default '{}',
                                                   p_rows int default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs; rest jsonb; part jsonb; proofs jsonb;
begin
    select * into job from public.sync_jobs
     where user_id = p_user_id and connection_id = p_connection_id and entity = p_entity and job_type = 'backfill'
     order by created_at desc, id limit 1;
    if job.certificate_id is null then
        return jsonb_build_object('status', coalesce(job.status, 'never started'), 'error', job.error);
    end if;
    rest := case when p_rest ->> 'certificate' = job.certificate_id::text then p_rest
                 else jsonb_build_object('certificate', job.certificate_id) end;
    if not rest ? 'audit' then
        part := case when p_stream = '' then '{}'
                     else private.audit_job(job, p_stream, p_table, p_time_column, null, coalesce(rest -> 'inner', '{}'), p_rows) end;
        if part ? 'rest' then
            return jsonb_build_object('rest', rest || jsonb_build_object('inner', part -> 'rest'));
        end if;
        rest := rest - 'inner' || jsonb_build_object('audit', part);
    end if;
    proofs := coalesce(rest -> 'proofs', '[]');
    for n in jsonb_array_length(proofs) + 1 .. cardinality(p_proofs) loop
        part := private.prove_job(job, p_proofs[n], coalesce(rest -> 'inner', '{}'), p_rows);
        if part ? 'rest' then
            return jsonb_build_object('rest', rest || jsonb_build_object('proofs', proofs, 'inner', part -> 'rest'));
        end if;
        proofs := proofs || jsonb_build_array(part);
        rest := rest - 'inner';
    end loop;
    return jsonb_build_object('status', job.status, 'job_id', job.id, 'audit', rest -> 'audit', 'rejects', private.job_rejects(job),
        'certificate', (select to_jsonb(c) - 'user_id' from public.certificates as c where c.id = job.certificate_id),
        'proofs', proofs, 'sampled', private.sampled(job.connection_id, job.entity));
end $$;
revoke all on function
    public.verify_completed(uuid, uuid, text, text, text, text, text[], jsonb, int)
    from public, anon, authenticated;
grant execute on function public.verify_completed(uuid, uuid, text, text, text, text, text[], jsonb, int) to service_role;

-- doubt_jobs: completed jobs whose verification fails now: the next start reads them again.
create or replace function public.doubt_jobs(p_user_id uuid, p_job_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
    update public.sync_jobs set doubted_at = coalesce(doubted_at, clock_timestamp())
     where user_id = p_user_id and id = any (p_job_ids) and status = 'completed';
end $$;
revoke all on function public.doubt_jobs(uuid, uuid[]) from public, anon, authenticated;
grant execute on function public.doubt_jobs(uuid, uuid[]) to service_role;
