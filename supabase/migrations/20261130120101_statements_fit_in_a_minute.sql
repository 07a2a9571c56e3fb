-- No statement needs longer than 50 seconds: what reads or changes a whole shop goes in pieces (docs/decisions/027).

-- lives: `belongs_to` says whose end takes it along: a connection's, a user's, or nobody's (service, reference). `life`,
-- counted from `aged_by`, is when the clock takes it; `only_if` spares rows (`t` is the row). Without a life, `bounded`
-- says what keeps the table small.
create or replace function private.lives() returns table (
        table_name text, belongs_to text, life interval, aged_by text, only_if text, bounded text)
language sql immutable set search_path = '' as $$
    values
    ('public.profiles', 'user', null::interval, null, null, 'one a user'),
    ('public.connected_accounts', 'user', null, null, null, 'one a shop of a user'),
    ('private.admins', 'user', null, null, null, 'one a user'),
    ('private.admin_actions', 'user', '3 years', 'at', null, null),
    ('private.rate_limits', 'user', null, null, null, 'one a user and action'),
    ('private.oauth_states', 'user', '1 hour', 'expires_at', null, null),
    ('private.privacy_requests', 'user', '3 years', 'done_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
    ('private.rerun_requests', 'connection', null, null, null, 'one an entity'),
    ('public.sync_pages', 'connection', null, null, null, 'go with their job'),
    ('public.certificates', 'connection', null, null, null, 'go with their job'),
    -- The newest proof of an entity stays, however old it is.
    ('public.sync_jobs', 'connection', '180 days', 'finished_at',
     'exists (select from public.sync_jobs as n where n.connection_id = t.connection_id and n.entity = t.entity '
     'and n.job_type = t.job_type and n.status = ''completed'' and n.finished_at > t.finished_at)', null),
    ('public.sync_runs', 'connection', '180 days', 'created_at',
     'not exists (select from public.sync_jobs as j where j.run_id = t.id) '
     'and not exists (select from public.sync_cursors as c where c.run_id = t.id) '
     'and not exists (select from private.rerun_requests as r where r.run_id = t.id)', null),
    -- As they came, with whom they name: from the last time that they came.
    ('public.rejected_records', 'connection', '90 days', 'fetched_at', null, null),
    ('private.platform_events', 'connection', '7 days', 'worked_at', null, null),
    -- No page is on its way for so long.
    ('private.closed_objects', 'connection', '90 days', 'gone_at', 't.forgotten_at is null', null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.heartbeats', 'service', '1 day', 'at', null, null),
    ('private.call_minutes', 'service', '2 days', 'minute', null, null),
    ('private.api_calls', 'service', '7 days', 'bucket', null, null),
    ('private.api_answers', 'service', '1 day', 'bucket', null, null),
    ('private.call_blocks', 'service', '1 day', 'bucket', null, null),
    ('private.api_budgets', 'service', null, null, null, 'one a scope'),
    ('private.api_buckets', 'service', null, null, null, 'one a scope'),
    ('private.circuit_breakers', 'service', null, null, null, 'one a scope that is away'),
    ('private.installation', 'reference', null, null, null, 'one row'),
    ('private.virtual_clock', 'reference', null, null, null, 'one row'),
    ('private.plan_weights', 'reference', null, null, null, 'one a plan'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- next_lookups: ids that still want fetching, in order, after `p_after`.
create or replace function public.next_lookups(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); ids jsonb;
begin
    execute format('select coalesce(jsonb_agg(id order by id), ''[]'') from private.%I($1, $2, $3) as p(id)',
                   'pending_' || job.platform || '_' || p_name)
       into ids using job, p_after, p_limit;
    return ids;
end $$;

-- derive: one batch of a derivation; answers {rows, after}, with rows = 0 when it is done.
create or replace function public.derive(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); answer jsonb;
begin
    execute format('select private.%I($1, $2, $3)', 'derive_' || job.platform || '_' || p_name)
       into answer using job, p_after, p_limit;
    return answer;
end $$;

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

drop function private.prove_job(public.sync_jobs,text);

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

drop function public.prove(uuid,text);

-- prove: prove_job for whoever holds the lease.
create or replace function public.prove(p_lease_id uuid, p_name text, p_rest jsonb default '{}', p_rows int default null)
returns jsonb language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.prove_job(private.leased_job(p_lease_id), p_name, p_rest, p_rows);
$$;

revoke all on function public.prove(uuid, text, jsonb, int) from public, anon, authenticated;

grant execute on function public.prove(uuid, text, jsonb, int) to service_role;

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

drop function private.audit_job(public.sync_jobs,text,text,text,text);

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
    with windows as (
        select part, window_start, window_end, max(pass) as passes,
               count(*) filter (where pass = last_pass) as pages,
               (array_agg(provider_count order by seq desc))[1] as provider_count
        from (select *, max(pass) over (partition by part, window_start, window_end) as last_pass
              from public.sync_pages where job_id = job.id and stream = p_stream) as g
        group by part, window_start, window_end)
    select jsonb_build_object(
        'partial', (select count(*) from public.rejected_records as r
                    where r.connection_id = job.connection_id and r.status = 'partial'
                      and (r.entity = job.entity or r.stream = p_stream)),
        'has_newest', exists (select 1 from public.sync_pages as g
                              where g.job_id = job.id and g.stream = p_stream and p_newest = any (g.keys)),
        'windows', (select coalesce(jsonb_agg(jsonb_build_object(
                        'part', part, 'start', extract(epoch from window_start)::bigint,
                        'end', extract(epoch from window_end)::bigint, 'passes', passes, 'pages', pages,
                        'provider_count', provider_count) order by part, window_start), '[]') from windows))
      into facts;
    return counts || times || facts;
end $$;

drop function public.audit_read(uuid,text,text,text,text);

-- audit_read: audit_job for whoever holds the lease.
create or replace function public.audit_read(p_lease_id uuid, p_stream text, p_table text, p_time_column text,
                                             p_newest text default null, p_rest jsonb default '{}', p_rows int default null)
returns jsonb language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.audit_job(private.leased_job(p_lease_id), p_stream, p_table, p_time_column, p_newest, p_rest, p_rows);
$$;

revoke all on function public.audit_read(uuid, text, text, text, text, jsonb, int) from public, anon, authenticated;

grant execute on function public.audit_read(uuid, text, text, text, text, jsonb, int) to service_role;

-- rejects_of: job_rejects for whoever holds the lease.
create or replace function public.rejects_of(p_lease_id uuid) returns jsonb
language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.job_rejects(private.leased_job(p_lease_id));
$$;

drop function public.verify_completed(uuid,uuid,text,text,text,text,text[]);

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
        'proofs', proofs);
end $$;

revoke all on function
    public.verify_completed(uuid, uuid, text, text, text, text, text[], jsonb, int)
    from public, anon, authenticated;

grant execute on function public.verify_completed(uuid, uuid, text, text, text, text, text[], jsonb, int) to service_role;

-- unseen: of the rows of one piece, how many there are, and which of them a complete read did not show. Arguments as of
-- sweep_gone.
create or replace function private.unseen(job public.sync_jobs, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                          p_created_at text[], p_from text, p_bound text, out gone text[], out stored bigint)
language plpgsql set search_path = '' as $$
declare inside text := 'true';
begin
    if p_time_column <> '' then
        inside := format('t.%I >= $4 and t.%1$I < $5', p_time_column);
    end if;
    execute format($sql$
        with pages as (
            select keys, pass, max(pass) over (partition by part, window_start, window_end) as last_pass
            from public.sync_pages where job_id = $2 and stream = $3),
        judged as (
            select t.platform_id from public.%I as t
            where t.connection_id = $1 and not t.is_deleted and t.platform_id >= $7 and ($8 is null or t.platform_id < $8) and %s)
        select coalesce((select array_agg(platform_id) from (
                    select platform_id from judged
                    except
                    select k from pages, unnest(keys) as k
                    where (pass = last_pass or not $6) and k >= $7 and ($8 is null or k < $8)) as unseen), '{}'),
               (select count(*) from judged)
    $sql$, p_table, inside) into gone, stored
    using job.connection_id, job.id, p_stream, job.window_start, job.window_end + interval '1 second', p_last_pass, p_from, p_bound;
    if cardinality(p_created_at) > 0 and gone <> '{}' then
        execute format('select coalesce(array_agg(platform_id), %L) from public.%I where connection_id = $1 '
                       'and platform_id = any ($2) and not private.created_after(raw, $3, $4)', '{}', p_table)
           into gone using job.connection_id, gone, p_created_at, date_trunc('second', job.window_end);
    end if;
end $$;

drop function public.sweep_gone(uuid,text,text,text,boolean,real,integer,jsonb,text[]);

-- sweep_gone: after a complete read of a shop, its rows that it did not show are gone: softly, and never very many at once. With a
-- time column only rows inside the job's window are judged. `p_last_pass`: the last pass over each window was complete
-- by itself, so that a record which left between two passes is seen to be gone. `p_children`: what goes with a record,
-- as {table: the column that names the record}. `p_created_at`: members of a record with its time of creation, where
-- the listing is bounded by it. In pieces (proofs.sql): all are counted before one goes, and never do more go than were
-- counted.
create or replace function public.sweep_gone(p_lease_id uuid, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                             p_max_share real default 0.3, p_always_allowed int default 20,
                                             p_children jsonb default '{}', p_created_at text[] default '{}',
                                             p_rest jsonb default '{}', p_rows int default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); found_ record; child record; bound text;
        start text := coalesce(p_rest ->> 'from', ''); counts jsonb := coalesce(p_rest -> 'counts', '{}');
        swept bigint := (p_rest ->> 'swept')::bigint; gone bigint; stored bigint; is_too_many boolean;
begin
    bound := private.key_bound(p_table, job.connection_id, start, p_rows);
    found_ := private.unseen(job, p_stream, p_table, p_time_column, p_last_pass, p_created_at, start, bound);
    if swept is null then
        counts := private.add_counts(counts, jsonb_build_object('gone', cardinality(found_.gone), 'stored', found_.stored));
        if bound is not null then
            return jsonb_build_object('rest', jsonb_build_object('from', bound, 'counts', counts));
        end if;
    end if;
    gone := (counts ->> 'gone')::bigint;
    stored := (counts ->> 'stored')::bigint;
    is_too_many := gone > greatest(p_always_allowed, stored * p_max_share)
                   or coalesce(swept, 0) + cardinality(found_.gone) > gone;
    if is_too_many then
        return jsonb_build_object('gone', coalesce(swept, 0), 'held_back', greatest(gone - coalesce(swept, 0), cardinality(found_.gone)), 'stored', stored);
    end if;
    if swept is null and start <> '' then
        -- Counted to the end; from the beginning again.
        return jsonb_build_object('rest', jsonb_build_object('from', '', 'counts', counts, 'swept', 0));
    end if;
    execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                   'and platform_id = any ($2)', p_table) using job.connection_id, found_.gone, job.run_id;
    for child in select key as name, value as parent from jsonb_each_text(p_children) where found_.gone <> '{}' loop
        execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                       'and %I = any ($2) and not is_deleted', child.name, child.parent)
            using job.connection_id, found_.gone, job.run_id;
    end loop;
    swept := coalesce(swept, 0) + cardinality(found_.gone);
    if bound is not null then
        return jsonb_build_object('rest', jsonb_build_object('from', bound, 'counts', counts, 'swept', swept));
    end if;
    return jsonb_build_object('gone', swept, 'held_back', 0, 'stored', stored);
end $$;

revoke all on function
    public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[], jsonb, int)
    from public, anon, authenticated;

grant execute on function public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[], jsonb, int) to service_role;

-- oblige: keep what is asked of a connection, and do what can be done now.
create or replace function private.oblige(connection public.connected_accounts, p_topic text, p_effect text, p_ids text[],
                                          p_subject jsonb, p_email text) returns void
language plpgsql set search_path = '' as $$
declare request private.privacy_requests;
begin
    -- The same once more, while the first waits, is the same.
    select * into request from private.privacy_requests as r
     where r.connection_id = connection.id and r.effect = p_effect and r.subject = p_subject and r.done_at is null limit 1;
    if not found then
        insert into private.privacy_requests (user_id, connection_id, platform, shop_id, topic, effect, subject)
        values (connection.user_id, connection.id, connection.platform, connection.shop_id, p_topic, p_effect, p_subject)
        returning * into request;
    end if;
    if p_effect = 'redact_customer' then
        -- Of somebody whom we cannot find people have to make sure.
        if private.erase_buyer(connection, p_ids, p_email, private.orders_named(p_subject), false) then
            perform private.settle(request.id, 'erased');
        end if;
    elsif p_effect = 'redact_shop' then
        perform private.erase_left(request.id, 1000);
    end if;
end $$;

-- erase_shops: what the clock does about shops that have left: a step of the one that has waited longest.
create or replace function private.erase_shops(p_rows int) returns int
language plpgsql set search_path = '' as $$
declare request bigint; settled int := 0;
begin
    for request in select r.id from private.privacy_requests as r
                    left join public.connected_accounts as a on a.id = r.connection_id
                   where r.done_at is null and r.effect = 'redact_shop' and (a.id is null or private.is_left(a))
                   order by r.received_at limit 1 loop
        settled := settled + private.erase_left(request, p_rows)::int;
    end loop;
    return settled;
end $$;

drop function public.erase_connection(uuid,uuid,integer);

-- erase_connection: its user wants it gone, with all that was loaded: a step of so many rows. Answers whether nothing is
-- left. Only of a shop that is disconnected.
create or replace function public.erase_connection(p_user_id uuid, p_connection_id uuid, p_rows int default 2000)
returns boolean language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts;
begin
    select * into connection from public.connected_accounts
     where id = p_connection_id and user_id = p_user_id for update;
    if not found then
        return true;
    end if;
    if connection.status <> 'disconnected' then
        raise exception using errcode = 'PT409', message = 'still_connected', hint = 'Disconnect the shop first.';
    end if;
    if not private.forget_some(p_connection_id, p_rows) then
        return false;
    end if;
    perform private.settle(r.id, 'erased')
       from private.privacy_requests as r where r.connection_id = p_connection_id and r.done_at is null;
    return true;
end $$;

revoke all on function public.erase_connection(uuid, uuid, int) from public, anon, authenticated;

grant execute on function public.erase_connection(uuid, uuid, int) to service_role;

-- begin_work: from the beginning, also where it was half done.
create or replace function private.begin_work(p_connection_id uuid, p_name text) returns void
language sql set search_path = '' as $$
    insert into private.unfinished_work (connection_id, name) values (p_connection_id, p_name)
    on conflict (connection_id, name) do update set after = '', begun_at = excluded.begun_at;
$$;

-- go_on: a step of so many rows. Answers whether nothing is left.
create or replace function private.go_on(p_connection_id uuid, p_name text, p_rows int) returns boolean
language plpgsql set search_path = '' as $$
declare work private.unfinished_work; connection public.connected_accounts; step jsonb;
begin
    select * into work from private.unfinished_work where connection_id = p_connection_id and name = p_name for update;
    if not found then
        return true;
    end if;
    select * into connection from public.connected_accounts where id = p_connection_id;
    execute format('select private.%I($1, $2, $3)', p_name) into step using connection, work.after, p_rows;
    if (step ->> 'rows')::int < p_rows then
        delete from private.unfinished_work where connection_id = p_connection_id and name = p_name;
        return true;
    end if;
    update private.unfinished_work set after = step ->> 'after' where connection_id = p_connection_id and name = p_name;
    return false;
end $$;

-- go_on_with: a step of the oldest work, of one name or of any. Answers how much is left.
create or replace function private.go_on_with(p_name text, p_rows int) returns int
language plpgsql set search_path = '' as $$
begin
    perform private.go_on(w.connection_id, w.name, p_rows)
       from (select u.connection_id, u.name from private.unfinished_work as u where p_name is null or u.name = p_name
             order by u.begun_at, u.connection_id limit 1) as w;
    return (select count(*) from private.unfinished_work as u where p_name is null or u.name = p_name);
end $$;

-- finish_work: the same for whoever began it, in one call after another until nothing is left.
create or replace function public.finish_work(p_name text, p_rows int default 2000) returns int
language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.go_on_with(p_name, p_rows);
$$;

revoke all on function public.finish_work(text, int) from public, anon, authenticated;

grant execute on function public.finish_work(text, int) to service_role;

-- rebuild_short: a printer's orders have been read to their end: where there are not as many costs as its records say, they
-- are derived anew, those of a large shop by and by.
create or replace function private.rebuild_short() returns trigger
language plpgsql security definer set search_path = '' as $$
declare told bigint;
begin
    execute format('select count(*) from private.%I($1, %L, null)', 'cost_keys_' || new.platform, '')
       into told using new.connection_id;
    if told <> (select count(*) from public.order_costs as c where c.connection_id = new.connection_id) then
        perform private.begin_work(new.connection_id, 'rebuild');
        perform private.go_on(new.connection_id, 'rebuild', 500);
    end if;
    return null;
end $$;

-- set_cost_rule: say what a printer's cost covers; every order of it is to be counted again (work.sql). Answers how many
-- users that touches.
create or replace function public.set_cost_rule(p_source text, p_cost_covers text) returns int
language plpgsql security definer set search_path = '' as $$
begin
    update private.cost_rules set cost_covers = p_cost_covers where source = p_source;
    if not found then
        raise exception using errcode = 'PT404', message = 'no_such_source', detail = p_source;
    end if;
    perform private.begin_work(a.id, 'rebuild') from public.connected_accounts as a where a.platform = p_source order by a.id;
    return (select count(distinct a.user_id) from public.connected_accounts as a
            where a.platform = p_source
              and exists (select from public.order_costs as c where c.connection_id = a.id));
end $$;

-- cost_report: totals by platform and currency, and what could not be linked, by reason, the newest p_limit of each
-- kind; of all of the user's connections, or of some.
create or replace function public.cost_report(p_user_id uuid, p_limit int default 20, p_connections uuid[] default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '50s' as $$
begin
    return (
        with money as materialized (
            select m.*, a.shop_id, a.shop_name
            from private.order_profits(p_user_id) as m join public.connected_accounts as a on a.id = m.connection_id
            where p_connections is null or m.connection_id = any (p_connections)),
        totals as (
            select m.platform, m.currency, count(*) as orders,
                   count(*) filter (where m.cost_state = 'linked') as linked,
                   count(*) filter (where m.cost_state = 'no_cost_yet') as no_cost_yet,
                   count(*) filter (where m.cost_state = 'ambiguous') as ambiguous,
                   count(*) filter (where m.cost_state = 'linked' and not m.one_currency) as two_currencies,
                   count(m.profit) as with_profit,
                   coalesce(sum(m.revenue) filter (where m.profit is not null), 0) as revenue,
                   coalesce(sum(m.refunds) filter (where m.profit is not null), 0) as refunds,
                   coalesce(sum(m.fees) filter (where m.profit is not null), 0) as fees,
                   coalesce(sum(m.cost) filter (where m.profit is not null), 0) as cost,
                   coalesce(sum(m.profit), 0) as profit,
                   count(*) filter (where m.profit < 0) as at_a_loss
            from money as m group by 1, 2),
        spent as (
            select c.source, c.currency, c.state, coalesce(c.reason, '') as reason, count(*) as count,
                   sum(c.production_amount + c.shipping_amount) as cost
            from public.order_costs as c
            where c.user_id = p_user_id and (p_connections is null or c.connection_id = any (p_connections))
            group by 1, 2, 3, 4),
        open_ones as (
            select c.*, a.shop_id, row_number() over (partition by c.state order by c.ordered_at desc nulls last, c.source_id) as place
            from public.order_costs as c join public.connected_accounts as a on a.id = c.connection_id
            where c.user_id = p_user_id and c.state <> 'linked'
              and (p_connections is null or c.connection_id = any (p_connections)))
        select jsonb_build_object(
            'rules', public.cost_rules(),
            'digits', (select coalesce(jsonb_object_agg(k.code, private.digits_of(k.code)), '{}')
                       from (select currency from money union select cost_currency from money
                             union select currency from spent) as k(code) where k.code is not null),
            'totals', (select coalesce(jsonb_agg(to_jsonb(t) order by t.platform, t.currency), '[]') from totals as t),
            'spent', (select coalesce(jsonb_agg(to_jsonb(s) order by s.source, s.state, s.reason, s.currency), '[]')
                      from spent as s),
            'open', (
                select coalesce(jsonb_agg(jsonb_build_object(
                           'source', c.source, 'shop_id', c.shop_id, 'source_id', c.source_id, 'state', c.state, 'reason', c.reason,
                           'order_type', c.order_type, 'reference', c.reference, 'label', c.label,
                           'reprint_of', c.reprint_of, 'ordered_at', c.ordered_at, 'currency', c.currency,
                           'cost', c.production_amount + c.shipping_amount,
                           'candidates', (
                               select coalesce(jsonb_agg(jsonb_build_object('platform', k.platform, 'shop_id', a.shop_id,
                                                                            'platform_id', k.order_platform_id)
                                                         order by k.platform, k.order_platform_id, a.shop_id), '[]')
                               from private.cost_links as k
                               join public.connected_accounts as a on a.id = k.order_connection_id
                               where k.connection_id = c.connection_id and k.source_id = c.source_id))
                       order by c.state, c.place), '[]')
                from open_ones as c where c.place <= p_limit),
            'orders', (
                select coalesce(jsonb_agg(to_jsonb(n) order by n.ordered_at desc, n.platform_id), '[]')
                from (select * from money as m where m.cost_state <> 'no_cost_yet' or m.cost_source is not null
                      order by m.ordered_at desc, m.platform_id limit p_limit) as n)));
end $$;

-- keep_house: one step of each, and of work that somebody began (work.sql). Answers what was done, and what is still asked of people and since when.
create or replace function public.keep_house(p_rows int default 500) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare erased int := private.erase_shops(p_rows * 4); left_ int := private.go_on_with(null, p_rows * 4);
begin
    return jsonb_build_object('erased', erased, 'unfinished', left_, 'pruned', private.prune(p_rows)) || private.open_obligations();
end $$;

drop function private.prove_etsy_balance(public.sync_jobs);

-- prove_etsy_balance: in sequence, each balance is the one before it plus the entry's amount. Where it is not, an entry
-- is missing. A piece ends with an entry and hands on what it said, which the next entry is held against, whatever has come
-- in between: the links make one chain from the first entry to the last.
create or replace function private.prove_etsy_balance(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with handed as (
        select * from jsonb_to_record(coalesce(nullif(p_from, ''), '{}')::jsonb) as h(
            sequence_number bigint, platform_id text, balance_amount bigint, occurred_at timestamptz, currency text)),
    entries as materialized (
        select p.platform_id, p.sequence_number, p.entry_amount, p.balance_amount, p.occurred_at, p.currency
        from public.payments as p
        where p.connection_id = job.connection_id and not p.is_deleted
          and p.sequence_number >= coalesce((select h.sequence_number from handed as h), '-9223372036854775808')
          and (p_from = '' or (p.sequence_number, p.platform_id) > (select h.sequence_number, h.platform_id from handed as h))
        order by p.sequence_number, p.platform_id limit p_rows),
    chain as (
        select platform_id, sequence_number, entry_amount, balance_amount, occurred_at, currency,
               lag(balance_amount, 1, (select h.balance_amount from handed as h)) over ledger as before,
               lag(platform_id, 1, (select h.platform_id from handed as h)) over ledger as after_entry,
               lag(occurred_at, 1, (select h.occurred_at from handed as h)) over ledger as after_time,
               lag(currency, 1, (select h.currency from handed as h)) over ledger as currency_before
        from entries
        window ledger as (order by sequence_number, platform_id)),
    breaks as (
        select * from chain
        where before is not null and currency = currency_before and balance_amount <> before + entry_amount),
    closing as (select * from entries order by sequence_number desc, platform_id desc limit 1)
    select jsonb_build_object(
        'ok', not exists (select 1 from breaks),
        'counts', jsonb_build_object('entries', (select count(*) from chain), 'breaks', (select count(*) from breaks)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('after_entry', after_entry, 'entry', platform_id,
                                 'since', after_time, 'until', occurred_at, 'expected', before + entry_amount,
                                 'found', balance_amount)), '[]')
                             from (select * from breaks order by sequence_number limit 5) as b)),
        'says', coalesce((select jsonb_build_object('closing_balance', balance_amount, 'currency', currency) from closing),
                         case when p_from = '' then '{"closing_balance": null, "currency": null}' else '{}' end::jsonb),
        'next', case when (select count(*) from entries) = p_rows
                     then (select jsonb_build_object(
                               'sequence_number', sequence_number, 'platform_id', platform_id, 'balance_amount', balance_amount,
                               'occurred_at', occurred_at, 'currency', currency)::text from closing) end);
$$;

drop function private.prove_etsy_references(public.sync_jobs);

-- prove_etsy_references: how many entries name an order, and of those that should, how many could not be resolved. For
-- information: the history may start after the order did.
create or replace function private.prove_etsy_references(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('ok', true, 'next', min(b.bound), 'counts', jsonb_build_object(
        'linked', count(*) filter (where order_platform_id is not null),
        'unresolved', count(*) filter (where order_platform_id is null
                          and reference_type in ('receipt', 'transaction', 'shop_payment', 'processing_fee')),
        'of_no_order', count(*) filter (where p.platform_id is not null and order_platform_id is null and coalesce(reference_type, '') <> all
                          (array['receipt', 'transaction', 'shop_payment', 'processing_fee']))))
    from private.key_bound('payments', job.connection_id, p_from, p_rows) as b(bound)
    left join public.payments as p on p.connection_id = job.connection_id and not p.is_deleted
                                  and p.platform_id >= p_from and (b.bound is null or p.platform_id < b.bound);
$$;

drop function private.prove_etsy_line_items(public.sync_jobs);

-- prove_etsy_line_items: orders for which the platform showed no line even when asked for the lines alone. For
-- information.
create or replace function private.prove_etsy_line_items(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound)
    select jsonb_build_object('ok', true, 'next', bound, 'counts', jsonb_build_object(
        'orders_without_lines', (
            select count(*) from (
                select o.platform_id from public.orders as o
                where o.connection_id = job.connection_id and not o.is_deleted
                  and o.platform_id >= p_from and (bound is null or o.platform_id < bound)
                except
                select l.order_platform_id from public.line_items as l
                where l.connection_id = job.connection_id and not l.is_deleted
                  and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound)) as bare),
        'line_items', (select count(*) from public.line_items as l
                       where l.connection_id = job.connection_id and not l.is_deleted
                         and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound))))
    from piece;
$$;

drop function private.prove_etsy_buyers(public.sync_jobs);

-- prove_etsy_buyers: every buyer of an order is a customer. Buyers come with the orders: where the orders are not
-- complete, nobody can say that the customers are; no buyer is missing among no orders. `rests_on` names what has to be
-- complete first. A piece is so many customers, and the buyers whose numbers are among theirs.
create or replace function private.prove_etsy_buyers(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('customers', job.connection_id, p_from, p_rows) as bound),
    orders_job as (
        select o.status from public.sync_jobs as o
        where o.connection_id = job.connection_id and o.entity = 'orders'
          and o.job_type = job.job_type
        order by o.created_at desc limit 1),
    buyers as materialized (
        select distinct o.buyer_platform_id from public.orders as o cross join piece
        where o.connection_id = job.connection_id and not o.is_deleted
          and o.buyer_platform_id >= p_from and (bound is null or o.buyer_platform_id < bound)),
    missing as materialized (
        select buyer_platform_id from buyers
        except
        select c.platform_id from public.customers as c cross join piece where c.connection_id = job.connection_id
           and c.platform_id >= p_from and (bound is null or c.platform_id < bound)),
    facts as (
        select exists (select 1 from orders_job where status = 'completed') as orders_complete)
    select jsonb_build_object(
        'ok', f.orders_complete and not exists (select 1 from missing), 'next', (select bound from piece),
        'counts', jsonb_build_object('buyers', (select count(*) from buyers), 'missing', (select count(*) from missing)),
        'firsts', jsonb_build_object(
            'first_missing', (select coalesce(jsonb_agg(buyer_platform_id), '[]') from (select * from missing limit 5) as m)),
        'says', case when f.orders_complete then '{}' else jsonb_build_object('rests_on', 'orders') end)
    from facts as f;
$$;

-- state_currency: the owner says in which currency the shop counts; rows that are there already take it too, in steps
-- (work.sql). Answers how much of such work is left.
create or replace function public.state_currency(p_user_id uuid, p_connection_id uuid, p_currency text) returns int
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts;
begin
    if not exists (select 1 from private.currencies as c where c.code = p_currency) then
        raise exception using errcode = 'PT422', message = 'unknown_currency', detail = p_currency;
    end if;
    connection := private.connection_of(p_user_id, p_connection_id);
    update public.connected_accounts set stated_currency = p_currency where id = connection.id;
    if connection.platform = 'printify' then
        perform private.begin_work(connection.id, 'restate');
        perform private.go_on(connection.id, 'restate', 500);
    end if;
    return (select count(*) from private.unfinished_work where connection_id = connection.id and name = 'restate');
end $$;

-- restate: a batch of rows takes the currency that the owner stated, by table and key. Answers {rows, after}. The orders come
-- last: with them their costs are counted.
create or replace function private.restate(connection public.connected_accounts, p_after text, p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare tables text[] := array['printify_variants', 'printify_line_items', 'printify_orders'];
        place int := coalesce(nullif(split_part(p_after, ' ', 1), '')::int, 1);
        after text := substr(p_after, strpos(p_after, ' ') + 1); keys text[]; rows_ int := 0;
begin
    loop
        execute format('select array(select platform_id from public.%I where connection_id = $1 and platform_id > $2 '
                       'order by platform_id limit $3)', tables[place])
           into keys using connection.id, after, p_limit - rows_;
        execute format('update public.%I set currency = $2, currency_assumed = false where connection_id = $1 '
                       'and platform_id = any ($3) and (currency <> $2 or currency_assumed)', tables[place])
          using connection.id, connection.stated_currency, keys;
        rows_ := rows_ + cardinality(keys);
        exit when rows_ = p_limit or place = cardinality(tables);
        place := place + 1;
        after := '';
    end loop;
    return jsonb_build_object('rows', rows_, 'after', place || ' ' || coalesce(keys[cardinality(keys)], after));
end $$;

drop function private.prove_printify_lines(public.sync_jobs);

-- prove_printify_lines: what the costs rest on: lines, those of them that say no cost, orders without any. For
-- information: a manual order may have no line, and a line that was just ordered no cost yet.
create or replace function private.prove_printify_lines(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('printify_orders', job.connection_id, p_from, p_rows) as bound),
    lines as materialized (
        select l.order_platform_id, l.cost_amount from public.printify_line_items as l cross join piece
        where l.connection_id = job.connection_id and not l.is_deleted
          and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound))
    select jsonb_build_object('ok', true, 'next', bound, 'counts', jsonb_build_object(
        'line_items', (select count(*) from lines),
        'without_cost', (select count(*) from lines where cost_amount is null),
        'orders_without_lines', (
            select count(*) from (
                select o.platform_id from public.printify_orders as o
                where o.connection_id = job.connection_id and not o.is_deleted
                  and o.platform_id >= p_from and (bound is null or o.platform_id < bound)
                except
                select l.order_platform_id from lines as l) as bare)))
    from piece;
$$;

drop function private.prove_shopify_line_items(public.sync_jobs);

-- prove_shopify_line_items: every line of every order: an order that still shows that another stretch follows is named.
create or replace function private.prove_shopify_line_items(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound),
    cut as materialized (
        select o.platform_id from public.orders as o cross join piece
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true'
          and o.platform_id >= p_from and (bound is null or o.platform_id < bound))
    select jsonb_build_object(
        'ok', not exists (select 1 from cut), 'next', bound,
        'counts', jsonb_build_object(
            'line_items', (select count(*) from public.line_items as l
                           where l.connection_id = job.connection_id and not l.is_deleted
                             and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound)),
            'orders_cut', (select count(*) from cut)),
        'firsts', jsonb_build_object(
            'first_cut', (select coalesce(jsonb_agg(platform_id), '[]') from (select * from cut limit 5) as c)))
    from piece;
$$;

drop function private.prove_shopify_refunds(public.sync_jobs);

-- prove_shopify_refunds: every refund that an order names is here, with all of its lines. A piece is so many orders, and what
-- hangs on them.
create or replace function private.prove_shopify_refunds(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound),
    listed as materialized (
        select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id') as id
        from piece cross join public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{refunds,0,id}') is not null
          and o.platform_id >= p_from and (bound is null or o.platform_id < bound)),
    missing as materialized (
        select l.id from listed as l
        except
        select f.platform_id from public.order_refunds as f
        where f.connection_id = job.connection_id and not f.is_deleted),
    cut as (
        select f.platform_id from public.order_refunds as f cross join piece
        where f.connection_id = job.connection_id and not f.is_deleted
          and (f.raw #>> '{refundLineItems,pageInfo,hasNextPage}') = 'true'
          and f.order_platform_id >= p_from and (bound is null or f.order_platform_id < bound))
    select jsonb_build_object(
        'ok', not exists (select 1 from missing) and not exists (select 1 from cut), 'next', (select bound from piece),
        'counts', jsonb_build_object(
            'refunds', (select count(*) from listed),
            'missing', (select count(*) from missing), 'cut', (select count(*) from cut)),
        'firsts', jsonb_build_object(
            'first_missing', (select coalesce(jsonb_agg(id), '[]') from (select * from missing limit 5) as m)));
$$;

drop function private.listed_refunds(uuid);
