-- Baseline of pages, written once from supabase/schemas (docs/decisions/022).

-- page_commit.sql

-- Pages: one function takes a page as the bytes that came and commits its rows, their children, the cursor, the
-- counters and the audit in one transaction, fenced by the lease (docs/decisions/001, 002).

-- The pagination audit: what was asked, what came, which keys it held.
create table public.sync_pages (
    job_id uuid not null references public.sync_jobs (id) on delete cascade,
    seq int not null,
    page_id uuid not null unique,
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    entity text not null,
    stream text not null,
    part int not null,
    pass int not null,
    window_start timestamptz,
    window_end timestamptz,
    position bigint not null,
    provider_count bigint,
    -- Of every record that came, in order; one that was rejected without a readable key stands as 'rejected:<md5>'.
    keys text[] not null,
    created int not null,
    updated int not null,
    unchanged int not null,
    stale int not null,
    rejected int not null,
    fetched_at timestamptz not null,
    committed_at timestamptz not null default clock_timestamp(),
    answer jsonb not null,
    primary key (job_id, seq)
);
create index sync_pages_later on public.sync_pages (connection_id, entity, fetched_at);
select private.own_rows('sync_pages');

-- Records that could not be mapped, with the reason and the bytes. Personal fields are cut out before they come here.
create table public.rejected_records (
    id bigint generated always as identity primary key,
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    user_id uuid not null,
    platform text not null,
    entity text not null,
    stream text not null,
    -- The shape of its records, by which it is replayed.
    shape text not null,
    run_id uuid not null,
    platform_id text,
    status text not null default 'open' check (status in ('open', 'replayed', 'superseded')),
    reason text not null,
    sqlstate text not null,
    raw bytea not null,
    raw_md5 text not null generated always as (md5(raw)) stored,
    fetched_at timestamptz not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    settled_at timestamptz,
    unique (connection_id, stream, raw_md5)
);
create index rejected_records_open on public.rejected_records (connection_id, stream, platform_id) where status = 'open';
select private.own_rows('rejected_records');

-- What landing a page did.
create type private.landed as (keys text[], created int, updated int, unchanged int, stale int);

-- land_records: hand records to the generated function of their shape. A user's cost lock is taken before any row's, so that
-- the page of a channel and the page of the printer cannot wait for each other.
create or replace function private.land_records(job public.sync_jobs, p_shape text, p_fetched_at timestamptz, p_records jsonb)
returns private.landed language plpgsql set search_path = '' as $$
declare landed private.landed; name text := 'land_' || job.platform || '_' || p_shape;
begin
    perform private.lock_costs(job.user_id);
    begin
        execute format('select (l).* from private.%I($1, $2, $3) as l', name)
           into landed using job, p_fetched_at, p_records;
    exception when unique_violation then
        -- A row that was believed new stands there already: all are landed once more, every row looked up (021).
        execute format('select (l).* from private.%I($1, $2, $3, p_look_up_all => true) as l', name)
           into landed using job, p_fetched_at, p_records;
    end;
    return landed;
end $$;

-- is_about_data: does this error speak of the record in hand (so that only the record is rejected), rather than of
-- the server (a deadlock, a full disk), which must stop the page?
create or replace function private.is_about_data(p_sqlstate text) returns boolean
language sql immutable set search_path = '' as $$
    select left(p_sqlstate, 2) in ('22', '23') or p_sqlstate in ('0A000', '21000', '54000', '54001', 'PT422');
$$;

-- land_one: one record, or the reason why not.
create or replace function private.land_one(job public.sync_jobs, p_shape text, p_fetched_at timestamptz, p_raw bytea,
                                            out landed private.landed, out reason text, out code text)
language plpgsql set search_path = '' as $$
begin
    landed := private.land_records(job, p_shape, p_fetched_at,
                                   jsonb_build_array(convert_from(p_raw, 'UTF8')::jsonb));
exception when others then
    if not private.is_about_data(sqlstate) then
        raise;
    end if;
    landed := null;
    reason := left(sqlerrm, 500);
    code := sqlstate;
end $$;

-- land_one_by_one: for a page that holds a poison record. Each record lands, or is rejected, by itself.
-- `p_records` is a list of {key, raw (base64)}.
create or replace function private.land_one_by_one(job public.sync_jobs, p_stream text, p_shape text, p_fetched_at timestamptz,
                                                   p_records jsonb, out landed private.landed, out rejected int)
language plpgsql set search_path = '' as $$
declare item record; bytes bytea; one record;
begin
    landed := row('{}'::text[], 0, 0, 0, 0)::private.landed;
    rejected := 0;
    for item in select e.value ->> 'key' as key, e.value ->> 'raw' as raw
                from jsonb_array_elements(p_records) with ordinality as e(value, ord) order by e.ord loop
        bytes := decode(item.raw, 'base64');
        select * into one from private.land_one(job, p_shape, p_fetched_at, bytes);
        if one.reason is null then
            landed.keys := landed.keys || (one.landed).keys;
            landed.created := landed.created + (one.landed).created;
            landed.updated := landed.updated + (one.landed).updated;
            landed.unchanged := landed.unchanged + (one.landed).unchanged;
            landed.stale := landed.stale + (one.landed).stale;
        else
            rejected := rejected + 1;
            landed.keys := landed.keys || coalesce(item.key, 'rejected:' || md5(bytes));
            insert into public.rejected_records as r (connection_id, user_id, platform, entity, stream, shape, run_id,
                                                      platform_id, reason, sqlstate, raw, fetched_at)
            values (job.connection_id, job.user_id, job.platform, job.entity, p_stream, p_shape, job.run_id, item.key,
                    one.reason, one.code, bytes, p_fetched_at)
            on conflict (connection_id, stream, raw_md5) do update
               set status = 'open', settled_at = null, reason = excluded.reason, sqlstate = excluded.sqlstate,
                   shape = excluded.shape, fetched_at = excluded.fetched_at, run_id = excluded.run_id;
        end if;
    end loop;
end $$;

-- keys_seen_later: keys of this entity in pages that were fetched after `p_fetched_at`, yet committed before.
-- Where two fetches show the same version of a record, the later fetch is the truth, in whatever order they commit.
create or replace function private.keys_seen_later(job public.sync_jobs, p_fetched_at timestamptz) returns text[]
language sql stable set search_path = '' as $$
    select coalesce(array_agg(distinct k), '{}') from public.sync_pages as p, unnest(p.keys) as k
    where p.connection_id = job.connection_id and p.entity = job.entity
      and p.fetched_at > p_fetched_at;
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
           attempts = 0, deaths = 0
     where id = job.id;
    return result;
end $$;
revoke all on function public.commit_page(text) from public, anon, authenticated;
grant execute on function public.commit_page(text) to service_role;

-- move_cursor: a decision of the read that brings no page (a window to read again, the next stream).
create or replace function public.move_cursor(p_lease_id uuid, p_cursor jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    -- Progress forgives what went wrong before it, with or without a page.
    update public.sync_jobs set cursor = p_cursor, attempts = 0, deaths = 0 where id = job.id;
end $$;
revoke all on function public.move_cursor(uuid, jsonb) from public, anon, authenticated;
grant execute on function public.move_cursor(uuid, jsonb) to service_role;

-- replay.sql

-- Records that are mapped anew: rejected ones, and all after a corrected mapping.

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
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;
revoke all on function public.replay_rejected(uuid, bigint, int, uuid) from public, anon, authenticated;
grant execute on function public.replay_rejected(uuid, bigint, int, uuid) to service_role;

-- remap: the typed columns of a shop's rows in a synced table, derived again from raw by the map function of a shape, in batches by key.
-- `p_columns` are those to set, each with the members of which one shows it: where the record has none of them, what is
-- stored stays. Not on the way of any page, so that its statement is put together here.
create or replace function private.remap(connection public.connected_accounts, p_shape text, p_table text, p_columns jsonb, p_after text,
                                         p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare sets text; stored text; mapped text; answer jsonb;
begin
    if not exists (select from private.synced_tables as s where s.name = p_table) then
        raise exception using errcode = 'PT404', message = 'not_synced', detail = p_table;
    end if;
    select string_agg(format('%I = %s', v.name, v.value), ', '), string_agg(format('t.%I', v.name), ', '),
           string_agg(v.value, ', ')
      into sets, stored, mapped
      from (select c.name, case when s.shown is null then format('m.%I', c.name)
                                else format('case when num_nonnulls(%2$s) = 0 then coalesce(t.%1$I, m.%1$I) else m.%1$I end',
                                            c.name, s.shown) end as value
            from jsonb_each(p_columns) as c(name, shown_by), lateral (
                select string_agg(format('t.raw #>> %L', string_to_array(path, '.')), ', ') as shown
                from jsonb_array_elements_text(c.shown_by) as path) as s) as v;
    execute format($sql$
        with batch as materialized (
            select t.ctid, t.platform_id, t.raw from public.%1$I as t
            where t.connection_id = $1 and t.platform_id > $2 order by t.platform_id limit $3),
        mapped as materialized (select b.ctid, m.* from batch as b, lateral private.%2$I(b.raw) as m),
        changed as (
            update public.%1$I as t set %3$s from mapped as m
             where t.ctid = m.ctid and (%4$s) is distinct from (%5$s)
            returning 1)
        select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                                  'after', (select max(platform_id) from batch))
    $sql$, p_table, concat_ws('_', 'map', connection.platform, p_shape, p_table), sets, stored, mapped)
       into answer using connection.id, p_after, p_limit;
    return answer;
end $$;

-- remap_records: the same for the worker's role. No call to the platform.
create or replace function public.remap_records(p_user_id uuid, p_connection_id uuid, p_shape text, p_table text, p_columns jsonb,
                                                p_after text, p_limit int default 1000) returns jsonb
language sql security definer set search_path = '' as $$
    select private.remap(private.connection_of(p_user_id, p_connection_id), p_shape, p_table, p_columns, p_after, p_limit);
$$;
revoke all on function public.remap_records(uuid, uuid, text, text, jsonb, text, int) from public, anon, authenticated;
grant execute on function public.remap_records(uuid, uuid, text, text, jsonb, text, int) to service_role;

-- steps.sql

-- Steps of a job that stay inside the database: what is pending for a lookup, and derivations. The generic functions
-- dispatch by name, <verb>_<platform>_<name> (platforms/<platform>.sql). They read a whole shop at once, so they bring
-- their own statement timeout, which PostgREST puts before the call (since version 12).

-- next_lookups: ids that still want fetching, in order, after `p_after`.
create or replace function public.next_lookups(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); ids jsonb;
begin
    execute format('select coalesce(jsonb_agg(id order by id), ''[]'') from private.%I($1, $2, $3) as p(id)',
                   'pending_' || job.platform || '_' || p_name)
       into ids using job, p_after, p_limit;
    return ids;
end $$;
revoke all on function public.next_lookups(uuid, text, text, int) from public, anon, authenticated;
grant execute on function public.next_lookups(uuid, text, text, int) to service_role;

-- derive: one batch of a derivation; answers {rows, after}, with rows = 0 when it is done.
create or replace function public.derive(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); answer jsonb;
begin
    execute format('select private.%I($1, $2, $3)', 'derive_' || job.platform || '_' || p_name)
       into answer using job, p_after, p_limit;
    return answer;
end $$;
revoke all on function public.derive(uuid, text, text, int) from public, anon, authenticated;
grant execute on function public.derive(uuid, text, text, int) to service_role;

-- proofs.sql

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

-- audit_job: what the pagination audit and the table say about the stream that this job read. `p_newest` is the
-- key of the newest record that the platform shows.
create or replace function private.audit_job(job public.sync_jobs, p_stream text, p_table text, p_time_column text,
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
                     join public.rejected_records as r on r.connection_id = job.connection_id
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
            select t.platform_id from public.%1$I as t where t.connection_id = $3
            except
            select coalesce(r.platform_id, 'rejected:' || r.raw_md5) from public.rejected_records as r
            where r.connection_id = $3 and r.stream = $2 and r.status = 'open') as absent
    $sql$, p_table) into missing using job.id, p_stream, job.connection_id;
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
    return facts || jsonb_build_object('missing_rows', missing, 'stored_rows', stored, 'has_newest', has_newest) || coalesce(times, '{}');
end $$;

-- audit_read: audit_job for whoever holds the lease.
create or replace function public.audit_read(p_lease_id uuid, p_stream text, p_table text, p_time_column text,
                                             p_newest text default null) returns jsonb
language sql security definer set search_path = '' set statement_timeout = '120s' as $$
    select private.audit_job(private.leased_job(p_lease_id), p_stream, p_table, p_time_column, p_newest);
$$;
revoke all on function public.audit_read(uuid, text, text, text, text) from public, anon, authenticated;
grant execute on function public.audit_read(uuid, text, text, text, text) to service_role;

-- verify_completed: hold a completed entity of a shop against its audit and its proofs once more. Asks no platform.
create or replace function public.verify_completed(p_user_id uuid, p_connection_id uuid, p_entity text, p_stream text, p_table text,
                                                   p_time_column text, p_proofs text[]) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs; audit jsonb := '{}';
begin
    select * into job from public.sync_jobs
     where user_id = p_user_id and connection_id = p_connection_id and entity = p_entity and job_type = 'backfill'
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
revoke all on function
    public.verify_completed(uuid, uuid, text, text, text, text, text[])
    from public, anon, authenticated;
grant execute on function public.verify_completed(uuid, uuid, text, text, text, text, text[]) to service_role;

-- sweep.sql

-- What a complete read did not show is gone.

-- created_after: whether a record was created after the moment that its listing was bounded by. Such a listing does not
-- show it, and a complete read up to the bound says nothing of it; it may be here all the same, because a webhook named
-- it and the job `changes` has read it.
create or replace function private.created_after(p_raw jsonb, p_members text[], p_moment timestamptz) returns boolean
language plpgsql stable set search_path = '' as $$
begin
    return exists (select 1 from unnest(p_members) as m where private.moment(p_raw ->> m, m) > p_moment);
exception when others then
    if not private.is_about_data(sqlstate) then
        raise;
    end if;
    return false;
end $$;

-- sweep_gone: after a complete read of a shop, its rows that it did not show are gone: softly, and never very many at once. With a
-- time column only rows inside the job's window are judged. `p_last_pass`: the last pass over each window was complete
-- by itself, so that a record which left between two passes is seen to be gone. `p_children`: what goes with a record,
-- as {table: the column that names the record}. `p_created_at`: members of a record with its time of creation, where
-- the listing is bounded by it.
create or replace function public.sweep_gone(p_lease_id uuid, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                             p_max_share real default 0.3, p_always_allowed int default 20,
                                             p_children jsonb default '{}', p_created_at text[] default '{}') returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); gone text[]; stored bigint; inside text := 'true';
        child record;
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
            where t.connection_id = $1 and not t.is_deleted and %s)
        select (select array_agg(platform_id) from (
                    select platform_id from judged
                    except
                    select k from pages, unnest(keys) as k where pass = last_pass or not $6) as unseen),
               (select count(*) from judged)
    $sql$, p_table, inside) into gone, stored
    using job.connection_id, job.id, p_stream, job.window_start, job.window_end + interval '1 second', p_last_pass;
    if cardinality(p_created_at) > 0 and gone is not null then
        execute format('select array_agg(platform_id) from public.%I where connection_id = $1 '
                       'and platform_id = any ($2) and not private.created_after(raw, $3, $4)', p_table)
           into gone using job.connection_id, gone, p_created_at, date_trunc('second', job.window_end);
    end if;
    if coalesce(cardinality(gone), 0) > greatest(p_always_allowed, stored * p_max_share) then
        return jsonb_build_object('gone', 0, 'held_back', cardinality(gone), 'stored', stored);
    end if;
    execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                   'and platform_id = any ($2)', p_table) using job.connection_id, gone, job.run_id;
    for child in select key as name, value as parent from jsonb_each_text(p_children) where gone is not null loop
        execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                       'and %I = any ($2) and not is_deleted', child.name, child.parent)
            using job.connection_id, gone, job.run_id;
    end loop;
    return jsonb_build_object('gone', coalesce(cardinality(gone), 0), 'held_back', 0, 'stored', stored);
end $$;
revoke all on function
    public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[])
    from public, anon, authenticated;
grant execute on function public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[]) to service_role;

-- disconnect.sql

-- A connection ends: on request, and wholly forgotten where the platform asks for it.

-- disconnect_shop: jobs end, tokens go, what was read stays. No other shop is touched. Answers the ciphertexts, so that the platform can be
-- told as well; null where nothing is connected. Twice is harmless.
create or replace function public.disconnect_shop(p_user_id uuid, p_connection_id uuid, p_reason text default 'you disconnected it',
                                                  p_seller_message text default null)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts; tokens jsonb; job public.sync_jobs;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    select * into connection from public.connected_accounts
     where id = p_connection_id and user_id = p_user_id for update;
    if not found then
        return null;
    end if;
    delete from private.platform_tokens where connection_id = connection.id
    returning jsonb_build_object('access_token', access_token, 'refresh_token', refresh_token) into tokens;
    update public.connected_accounts set status = 'disconnected', status_reason = p_reason where id = connection.id;
    -- Those in line first, so that ending the head moves nobody up. A worker that holds a lease loses it here.
    for job in select * from public.sync_jobs where connection_id = connection.id
                 and status in ('waiting', 'queued', 'running', 'parked')
               order by (status = 'waiting') desc, position for update loop
        perform private.end_job(job, 'failed', 'disconnected', 'the shop was disconnected', p_seller_message,
                                null);
    end loop;
    return jsonb_build_object('connection_id', connection.id, 'platform', connection.platform, 'shop_id', connection.shop_id, 'tokens', tokens);
end $$;
revoke all on function public.disconnect_shop(uuid, uuid, text, text) from public, anon, authenticated;
grant execute on function public.disconnect_shop(uuid, uuid, text, text) to service_role;

-- forget_shop: the connection and everything that belongs to it: by foreign keys, and by forget_connection.
create or replace function private.forget_shop(p_connection_id uuid) returns void
language sql set search_path = '' as $$
    delete from public.connected_accounts where id = p_connection_id;
$$;

-- webhooks.sql

-- Deliveries: each has one effect however often it comes. What platforms' webhooks tell is which object changed: the
-- body is not believed; a job reads the object again by id.

-- Deliveries that were accepted, with the answer that a repeat gets.
create table private.webhook_deliveries (
    source text not null,
    delivery_id text not null,
    user_id uuid references public.profiles (user_id) on delete cascade,
    received_at timestamptz not null default clock_timestamp(),
    answer jsonb,
    primary key (source, delivery_id)
);
create index webhook_deliveries_by_age on private.webhook_deliveries (received_at);

create table private.platform_events (
    id bigint generated always as identity primary key,
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    -- The stream whose record it is, and the record's id there.
    kind text not null,
    object_id text not null,
    topic text not null,
    received_at timestamptz not null default clock_timestamp(),
    worked_at timestamptz
);
-- One waiting event an object: what came twice is read once.
create unique index platform_events_waiting on private.platform_events (connection_id, kind, object_id)
    where worked_at is null;
create index platform_events_by_age on private.platform_events (worked_at) where worked_at is not null;

-- What a platform's privacy law asks of us, for people to see; what could be done at once is done.
create table private.privacy_requests (
    id bigint generated always as identity primary key,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    shop_id text not null,
    topic text not null,
    subject jsonb not null default '{}'::jsonb,
    received_at timestamptz not null default clock_timestamp(),
    done_at timestamptz
);

-- accept_delivery: a signed delivery and the jobs that it asks for, in one transaction; a repeat gets the same answer.
create or replace function public.accept_delivery(p_source text, p_delivery_id text, p_user_id uuid, p_trigger text, p_jobs jsonb)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare result jsonb := jsonb_build_object('run_ids', '[]'::jsonb, 'jobs', '[]'::jsonb);
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    -- A repeat that comes while the first is under way waits here for its end.
    insert into private.webhook_deliveries (source, delivery_id, user_id) values (p_source, p_delivery_id, p_user_id)
    on conflict do nothing;
    if not found then
        return (select answer || jsonb_build_object('repeat', true) from private.webhook_deliveries
                where source = p_source and delivery_id = p_delivery_id);
    end if;
    if jsonb_array_length(p_jobs) > 0 then
        result := public.queue_jobs(p_user_id, 'backfill', p_trigger, p_jobs, false);
    end if;
    update private.webhook_deliveries set answer = result where source = p_source and delivery_id = p_delivery_id;
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    delete from private.webhook_deliveries where ctid = any (array(
        select ctid from private.webhook_deliveries where received_at < clock_timestamp() - interval '30 days' limit 100));
    return result || jsonb_build_object('repeat', false);
end $$;
revoke all on function public.accept_delivery(text, text, uuid, text, jsonb) from public, anon, authenticated;
grant execute on function public.accept_delivery(text, text, uuid, text, jsonb) to service_role;

-- pending_changes: objects of one kind that wait to be read, in order.
create or replace function private.pending_changes(job public.sync_jobs, p_kind text, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select object_id from private.platform_events
    where connection_id = job.connection_id and kind = p_kind and worked_at is null
      and object_id > p_after
    order by object_id limit p_limit;
$$;

-- events_worked: a completed job has read everything that had come before it began. What came later has a job to come.
create or replace function private.events_worked() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update private.platform_events set worked_at = clock_timestamp()
     where connection_id = new.connection_id and worked_at is null and received_at < new.started_at;
    delete from private.platform_events where ctid = any (array(
        select ctid from private.platform_events where worked_at < clock_timestamp() - interval '7 days' limit 500));
    return new;
end $$;
create trigger events_worked after update of status on public.sync_jobs
    for each row when (new.status = 'completed' and new.entity = 'changes' and old.status <> 'completed')
    execute function private.events_worked();

-- accept_platform_event: one delivery, whatever it asks for, in one transaction; a repeat has no effect. What it names
-- is of a shop: each connection of that shop has the effect, whoever's it is, and nobody is told what the platform did
-- not say.
--   p_effect: 'read' (objects of p_kind again), 'gone' (they were deleted), 'disconnect', 'redact_customer',
--             'redact_shop', 'request' (for people)
--   p_email: a customer to be forgotten may be named by that alone
--   p_seller_message: what the seller reads of the entities that end with a connection
create or replace function public.accept_platform_event(
    p_platform text, p_delivery_id text, p_shop_id text, p_topic text, p_effect text, p_kind text default null,
    p_object_ids text[] default '{}', p_table text default null, p_happened_at timestamptz default null,
    p_subject jsonb default '{}',
    p_email text default null, p_seller_message text default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare connection public.connected_accounts; connections int := 0; forgotten text[];
begin
    insert into private.webhook_deliveries (source, delivery_id) values (p_platform, p_delivery_id)
    on conflict do nothing;
    if not found then
        return jsonb_build_object('repeat', true, 'connections', 0);
    end if;
    for connection in select * from public.connected_accounts
                    where platform = p_platform and shop_id = p_shop_id
                      and (status = 'connected' or p_effect like 'redact%' or p_effect = 'request')
                    order by user_id loop
        connections := connections + 1;
        case p_effect
            when 'read' then
                insert into private.platform_events as e (connection_id, kind, object_id, topic)
                select connection.id, p_kind, o.named, p_topic from unnest(p_object_ids) as o (named) order by o.named
                on conflict (connection_id, kind, object_id) where worked_at is null do update
                   set received_at = clock_timestamp(), topic = excluded.topic;
                -- Before any backfill's slice: it is one call or a few. While it runs, it will run again.
                perform public.queue_jobs(connection.user_id, 'incremental', 'webhook', jsonb_build_array(
                    jsonb_build_object('platform', p_platform, 'connection_id', connection.id, 'entity', 'changes',
                                       'priority', -100, 'position', 0)), true);
            when 'gone' then
                -- A page that was fetched before would bring them back.
                if not exists (select from pg_catalog.pg_trigger where tgrelid = format('public.%I', p_table)::regclass
                                                                 and tgname = 'keep_gone_' || p_platform) then
                    raise exception using errcode = 'PT400', message = 'table_not_closed_by_events', detail = p_table,
                        hint = 'Name it with private.closed_by_events in the platform''s schema file.';
                end if;
                perform private.await_pages(connection.id);
                insert into private.closed_objects as c (connection_id, table_name, object_id, gone_at)
                select connection.id, p_table, o.named, clock_timestamp()
                from unnest(p_object_ids) as o (named) order by o.named
                on conflict (connection_id, table_name, object_id) do update set gone_at = excluded.gone_at;
                execute format('update public.%I set is_deleted = true where connection_id = $1 '
                               'and platform_id = any ($2) and not is_deleted', p_table)
                    using connection.id, p_object_ids;
            when 'disconnect' then
                -- A late delivery must not end a connection that was made after what it tells of.
                if coalesce(p_happened_at, clock_timestamp()) >= connection.connected_at then
                    perform public.disconnect_shop(connection.user_id, connection.id, 'our app was removed from the shop',
                                                   p_seller_message);
                end if;
            when 'redact_customer' then
                select array_agg(id) into forgotten from (
                    select unnest(p_object_ids) union all
                    select c.platform_id from public.customers as c
                     where c.connection_id = connection.id and lower(c.email) = lower(p_email)
                       and cardinality(p_object_ids) = 0) as named (id);
                perform private.forget_customers(connection.id, coalesce(forgotten, '{}'));
                -- Of somebody whom we cannot find people have to make sure.
                insert into private.privacy_requests (user_id, platform, shop_id, topic, subject, done_at)
                values (connection.user_id, p_platform, p_shop_id, p_topic, p_subject,
                        case when forgotten is not null then clock_timestamp() end);
            else
                insert into private.privacy_requests (user_id, platform, shop_id, topic, subject)
                values (connection.user_id, p_platform, p_shop_id, p_topic, p_subject);
                if p_effect = 'redact_shop' and connection.status = 'disconnected' then
                    perform private.forget_shop(connection.id);
                    update private.privacy_requests set done_at = clock_timestamp()
                     where user_id = connection.user_id and platform = p_platform and shop_id = p_shop_id and topic = p_topic
                       and done_at is null;
                end if;
        end case;
    end loop;
    return jsonb_build_object('repeat', false, 'connections', connections);
end $$;
revoke all on function
    public.accept_platform_event(text, text, text, text, text, text, text[], text, timestamptz, jsonb, text, text)
    from public, anon, authenticated;
grant execute on function
    public.accept_platform_event(text, text, text, text, text, text, text[], text, timestamptz, jsonb, text, text)
    to service_role;
