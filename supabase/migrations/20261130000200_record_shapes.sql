-- Records land by their shape, whichever stream or lookup brought them (docs/decisions/023). Envelope, audit and rejected
-- records keep the stream's name: it is what was read. A rejected record knows its shape as well, to be replayed by it.

alter table public.rejected_records add column shape text;
update public.rejected_records set shape = case stream
    when 'order_lines' then 'orders' when 'order_line_ends' then 'orders' when 'refund_ends' then 'refunds' else stream end;
alter table public.rejected_records alter column shape set not null;

drop function private.land_one_by_one(public.sync_jobs, text, timestamptz, jsonb);
drop function private.land_one(public.sync_jobs, text, timestamptz, bytea);
drop function private.land_records(public.sync_jobs, text, timestamptz, jsonb);
drop function public.remap_records(uuid, text, text, text, text, int);

-- land_records: hand records to the generated function of their shape. A user's cost lock is taken before any row's, so that
-- the page of a channel and the page of the printer cannot wait for each other.
create function private.land_records(job public.sync_jobs, p_shape text, p_fetched_at timestamptz, p_records jsonb)
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

-- land_one: one record, or the reason why not.
create function private.land_one(job public.sync_jobs, p_shape text, p_fetched_at timestamptz, p_raw bytea,
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
create function private.land_one_by_one(job public.sync_jobs, p_stream text, p_shape text, p_fetched_at timestamptz,
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
            insert into public.rejected_records as r (user_id, platform, entity, stream, shape, run_id, platform_id, reason,
                                                      sqlstate, raw, fetched_at)
            values (job.user_id, job.platform, job.entity, p_stream, p_shape, job.run_id, item.key, one.reason, one.code,
                    bytes, p_fetched_at)
            on conflict (user_id, platform, stream, raw_md5) do update
               set status = 'open', settled_at = null, reason = excluded.reason, sqlstate = excluded.sqlstate,
                   shape = excluded.shape, fetched_at = excluded.fetched_at, run_id = excluded.run_id;
        end if;
    end loop;
end $$;

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
     where r.user_id = job.user_id and r.platform = job.platform and r.stream = stream_name
       and r.status = 'open' and r.platform_id = any (landed.keys) and r.fetched_at < at;

    -- Pages overlap by a record, and a second pass reads the same again: progress counts neither twice.
    select count(*) into fresh_keys from (
        select unnest(landed.keys) where (env ->> 'pass')::int = 1
        except
        select unnest(p.keys) from public.sync_pages as p
        where p.job_id = job.id and p.seq = job.page_seq - 1 and p.stream = stream_name) as k;

    result := jsonb_build_object('seq', job.page_seq + 1, 'created', landed.created, 'updated', landed.updated,
        'unchanged', landed.unchanged, 'stale', landed.stale, 'rejected', rejected_now);
    insert into public.sync_pages (job_id, seq, page_id, user_id, platform, entity, stream, part, pass, window_start,
                                   window_end, position, provider_count, keys, created, updated, unchanged, stale,
                                   rejected, fetched_at, answer)
    values (job.id, job.page_seq, (env ->> 'page_id')::uuid, job.user_id, job.platform, job.entity, stream_name,
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

-- replay_rejected: try rejected records again, after the mapping was mended. No call to the platform.
create or replace function public.replay_rejected(p_user_id uuid, p_after bigint default 0, p_limit int default 100) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare r public.rejected_records; job public.sync_jobs; one record; landed int := 0; refused int := 0; last bigint;
begin
    for r in select * from public.rejected_records
             where user_id = p_user_id and status = 'open' and id > p_after order by id limit p_limit for update loop
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

-- The tables that hold what platforms sent: those with the nine columns that every synced row carries. No list of names.
create view private.synced_tables as
    select c.oid, c.relname::text as name from pg_catalog.pg_class as c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and 9 = (select count(*) from pg_catalog.pg_attribute as a
                where a.attrelid = c.oid and not a.attisdropped
                  and a.attname in ('user_id', 'platform', 'platform_id', 'raw', 'source_updated_at', 'fetched_at',
                                    'content_hash', 'sync_run_id', 'is_deleted'));

-- remap: the typed columns of a synced table, derived again from raw by the map function of a shape, in batches by key.
-- `p_columns` are those to set, each with the members of which one shows it: where the record has none of them, what is
-- stored stays. Not on the way of any page, so that its statement is put together here.
create function private.remap(p_user_id uuid, p_platform text, p_shape text, p_table text, p_columns jsonb, p_after text,
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
            where t.user_id = $1 and t.platform = $2 and t.platform_id > $3 order by t.platform_id limit $4),
        mapped as materialized (select b.ctid, m.* from batch as b, lateral private.%2$I(b.raw) as m),
        changed as (
            update public.%1$I as t set %3$s from mapped as m
             where t.ctid = m.ctid and (%4$s) is distinct from (%5$s)
            returning 1)
        select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                                  'after', (select max(platform_id) from batch))
    $sql$, p_table, concat_ws('_', 'map', p_platform, p_shape, p_table), sets, stored, mapped)
       into answer using p_user_id, p_platform, p_after, p_limit;
    return answer;
end $$;

-- remap_records: the same for the worker's role. No call to the platform.
create function public.remap_records(p_user_id uuid, p_platform text, p_shape text, p_table text, p_columns jsonb,
                                     p_after text, p_limit int default 1000) returns jsonb
language sql security definer set search_path = '' as $$
    select private.remap(p_user_id, p_platform, p_shape, p_table, p_columns, p_after, p_limit);
$$;
revoke all on function public.remap_records(uuid, text, text, text, jsonb, text, int) from public, anon, authenticated;
grant execute on function public.remap_records(uuid, text, text, text, jsonb, text, int) to service_role;

-- Code before this names no shape.
update private.installation set oldest_code = '20261130000200';
