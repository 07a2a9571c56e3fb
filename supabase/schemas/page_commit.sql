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
-- 'open': it is no row; 'partial': it landed without the members that `reason` names, which are in `raw` alone.
create table public.rejected_records (
    id bigint generated always as identity primary key,
    -- No foreign key: it may be a shadow (full_refresh.sql). Only who holds a lease writes here, and a lease goes with its shop.
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    entity text not null,
    stream text not null,
    -- The shape of its records, by which it is replayed.
    shape text not null,
    run_id uuid not null,
    platform_id text,
    status text not null default 'open' check (status in ('open', 'partial', 'replayed', 'superseded')),
    reason text not null,
    sqlstate text not null,
    raw bytea not null,
    raw_md5 text not null generated always as (md5(raw)) stored,
    fetched_at timestamptz not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    settled_at timestamptz,
    unique (connection_id, stream, raw_md5)
);
create index rejected_records_by_age on public.rejected_records (fetched_at);
create index rejected_records_unsettled on public.rejected_records (connection_id, stream, platform_id)
    where status in ('open', 'partial');
select private.own_rows('rejected_records');
-- Why a record could not be mapped is for engineers: users see which, and as it came.
revoke select on public.rejected_records from authenticated;
grant select (id, connection_id, user_id, platform, entity, stream, shape, run_id, platform_id, status, raw, raw_md5,
              fetched_at, first_seen_at, settled_at)
    on public.rejected_records to authenticated;

-- What landing a page did.
create type private.landed as (keys text[], created int, updated int, unchanged int, stale int);

-- land_records: hand records to the generated function of their shape. A user's cost lock is taken before any row's, so that
-- the page of a channel and the page of the printer cannot wait for each other. Every way of landing comes through here: what
-- was erased stays erased (erasure.sql).
create or replace function private.land_records(job public.sync_jobs, p_shape text, p_fetched_at timestamptz, p_records jsonb)
returns private.landed language plpgsql set search_path = '' as $$
declare landed private.landed; name text := 'land_' || job.platform || '_' || p_shape;
begin
    perform private.bar_pages(job.connection_id, false);
    perform private.lock_costs(job.user_id);
    begin
        execute format('select (l).* from private.%I($1, $2, $3) as l', name)
           into landed using job, p_fetched_at, p_records;
    exception when unique_violation then
        -- A row that was believed new stands there already: all are landed once more, every row looked up (021).
        execute format('select (l).* from private.%I($1, $2, $3, p_look_up_all => true) as l', name)
           into landed using job, p_fetched_at, p_records;
    end;
    if private.has_erased(job.connection_id) then
        perform private.keep_erased(job, p_shape, landed.keys);
    end if;
    return landed;
end $$;

-- is_about_data: does this error speak of the record in hand (so that only the record is rejected), rather than of
-- the server (a deadlock, a full disk), which must stop the page?
create or replace function private.is_about_data(p_sqlstate text) returns boolean
language sql immutable set search_path = '' as $$
    select left(p_sqlstate, 2) in ('22', '23') or p_sqlstate in ('0A000', '21000', '54000', '54001', 'PT422');
$$;

-- land_one: one record, or the reason why not. `partial`: what it landed without, and why (readable.sql). `p_read` is the
-- record as far as its text can be stored, `p_unreadable` what is missing in it.
create or replace function private.land_one(job public.sync_jobs, p_shape text, p_fetched_at timestamptz, p_raw bytea,
                                            p_read text default null, p_unreadable text[] default '{}',
                                            out landed private.landed, out reason text, out code text, out partial text)
language plpgsql set search_path = '' as $$
declare record jsonb; reasons text[];
begin
    begin
        landed := private.land_records(job, p_shape, p_fetched_at, jsonb_build_array(convert_from(p_raw, 'UTF8')::jsonb));
        return;
    exception when others then
        if not private.is_about_data(sqlstate) then
            raise;
        end if;
        reason := left(sqlerrm, 500);
        code := sqlstate;
    end;
    begin
        record := coalesce(p_read, convert_from(p_raw, 'UTF8'))::jsonb;
        select r.record, p_unreadable || r.reasons into record, reasons
          from private.readable_record(job, p_shape, record) as r;
        if cardinality(reasons) > 0 then
            landed := private.land_records(job, p_shape, p_fetched_at, jsonb_build_array(record));
            partial := left(array_to_string(reasons, '; '), 500);
        end if;
    exception when others then
        if not private.is_about_data(sqlstate) then
            raise;
        end if;
        landed := null;
    end;
end $$;

-- land_one_by_one: for a page that holds a poison record. Each record lands, in part if need be, or is rejected, by
-- itself. `p_records` is a list of {key, raw (base64), read, unreadable, refused}; `refused`: why it was never fetched.
create or replace function private.land_one_by_one(job public.sync_jobs, p_stream text, p_shape text, p_fetched_at timestamptz,
                                                   p_records jsonb, out landed private.landed, out rejected int)
language plpgsql set search_path = '' as $$
declare item record; bytes bytea; kept bytea; one record;
begin
    landed := row('{}'::text[], 0, 0, 0, 0)::private.landed;
    rejected := 0;
    for item in select e.value ->> 'key' as key, e.value ->> 'raw' as raw, e.value ->> 'read' as read,
                       e.value ->> 'refused' as refused,
                       array(select jsonb_array_elements_text(e.value -> 'unreadable')) as unreadable
                from jsonb_array_elements(p_records) with ordinality as e(value, ord) order by e.ord loop
        bytes := decode(item.raw, 'base64');
        if item.refused is null then
            select * into one from private.land_one(job, p_shape, p_fetched_at, bytes, item.read, item.unreadable);
        else
            select null::private.landed as landed, item.refused as reason, '54000' as code, null::text as partial into one;
        end if;
        kept := case when one.reason is null then bytes else private.told_of(job, item.key, p_fetched_at, bytes) end;
        if one.landed is not null then
            landed.keys := landed.keys || (one.landed).keys;
            landed.created := landed.created + (one.landed).created;
            landed.updated := landed.updated + (one.landed).updated;
            landed.unchanged := landed.unchanged + (one.landed).unchanged;
            landed.stale := landed.stale + (one.landed).stale;
        else
            rejected := rejected + 1;
            landed.keys := landed.keys || coalesce(item.key, 'rejected:' || md5(kept));
        end if;
        continue when one.reason is null or (one.landed).stale > 0;
        insert into public.rejected_records as r (connection_id, user_id, platform, entity, stream, shape, run_id,
                                                  platform_id, status, reason, sqlstate, raw, fetched_at)
        values (job.connection_id, job.user_id, job.platform, job.entity, p_stream, p_shape, job.run_id, item.key,
                case when one.landed is null then 'open' else 'partial' end,
                case when kept = bytes then coalesce(one.partial, one.reason) else 'erased' end, one.code, kept, p_fetched_at)
        on conflict (connection_id, stream, raw_md5) do update
           set status = excluded.status, settled_at = null, reason = excluded.reason, sqlstate = excluded.sqlstate,
               shape = excluded.shape, fetched_at = excluded.fetched_at, run_id = excluded.run_id;
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
    job := private.reading_job((env ->> 'lease_id')::uuid);
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

    if job.job_type in ('incremental', 'sample') and landed.created + landed.updated > 0 then
        perform private.note_lateness(job, landed.keys, at);
    end if;

    -- A record that was rejected before needs nobody's attention any more, now that a later fetch of it has landed or
    -- was rejected with other bytes. What this very page rejects has its time of fetching.
    update public.rejected_records as r set status = 'superseded', settled_at = clock_timestamp()
     where r.connection_id = job.connection_id and r.stream = stream_name
       and r.status in ('open', 'partial') and r.platform_id = any (landed.keys) and r.fetched_at < at;

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
revoke all on function public.commit_page(text) from public, anon, authenticated;
grant execute on function public.commit_page(text) to service_role;

-- move_cursor: a decision of the read that brings no page (a window to read again, the next stream).
create or replace function public.move_cursor(p_lease_id uuid, p_cursor jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    -- Progress forgives what went wrong before it, with or without a page.
    update public.sync_jobs set cursor = p_cursor, attempts = 0, deaths = 0, refused_code = null where id = job.id;
end $$;
revoke all on function public.move_cursor(uuid, jsonb) from public, anon, authenticated;
grant execute on function public.move_cursor(uuid, jsonb) to service_role;
