-- Records that are mapped anew, or asked for again: rejected ones, and all after a corrected mapping.

-- settle_rejects: jobs that ended as completed_with_rejects, and of which nothing is kept aside any more, are complete:
-- their certificates say so, with what is held now.
create or replace function private.settle_rejects(p_user_id uuid, p_connections uuid[]) returns void
language plpgsql set search_path = '' as $$
declare job public.sync_jobs;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    for job in select * from public.sync_jobs
               where connection_id = any (p_connections) and status = 'completed_with_rejects' loop
        continue when private.job_rejects(job) <> '[]';
        update public.certificates set is_whole = true, rejected = 0, checks = (
            select jsonb_agg(case when c ->> 'name' = 'rejects'
                                  then '{"name": "rejects", "ok": true, "detail": {"settled": true}}' else c end)
            from jsonb_array_elements(checks) as c)
         where id = job.certificate_id;
        update public.sync_jobs set status = 'completed', error_code = null, error = null, seller_message = null
         where id = job.id;
    end loop;
    perform private.settle_profile(p_user_id);
end $$;

-- replay_rejected: try records again that were rejected or landed in part, after the mapping was mended: those of one of
-- the user's connections, or of all. No call to the platform.
create or replace function public.replay_rejected(p_user_id uuid, p_after bigint default 0, p_limit int default 100,
                                                  p_connection_id uuid default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare r public.rejected_records; job public.sync_jobs; one record; landed int := 0; refused int := 0; last bigint;
begin
    -- Before any record is held: an erasure takes both the other way round.
    perform private.bar_pages(c, false) from unnest(private.connections_of(p_user_id)) as c;
    for r in select * from public.rejected_records
             where connection_id = any (private.connections_of(p_user_id)) and status in ('open', 'partial') and id > p_after
               and (p_connection_id is null or connection_id = p_connection_id)
             order by id limit p_limit for update loop
        job.connection_id := r.connection_id;
        job.user_id := r.user_id;
        job.platform := r.platform;
        job.entity := r.entity;
        job.run_id := r.run_id;
        select * into one from private.land_one(job, r.shape, r.fetched_at, r.raw);
        if one.partial is not null then
            if r.status = 'open' then landed := landed + 1; else refused := refused + 1; end if;
            update public.rejected_records set status = 'partial', reason = one.partial, sqlstate = one.code where id = r.id;
        elsif one.reason is null then
            landed := landed + 1;
            update public.rejected_records set status = 'replayed', settled_at = clock_timestamp() where id = r.id;
        else
            refused := refused + 1;
            -- Of what was erased nothing is left to be read.
            update public.rejected_records set reason = one.reason, sqlstate = one.code where id = r.id and reason <> 'erased';
        end if;
        last := r.id;
    end loop;
    if landed > 0 then
        perform private.settle_rejects(p_user_id, case when p_connection_id is null
            then private.connections_of(p_user_id) else array[p_connection_id] end);
    end if;
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;
revoke all on function public.replay_rejected(uuid, bigint, int, uuid) from public, anon, authenticated;
grant execute on function public.replay_rejected(uuid, bigint, int, uuid) to service_role;

-- fetch_rejected: records of one of the user's connections that were rejected or landed in part are asked for again, by
-- the job that looks up what changed. What comes of it settles them; what is gone stays as it is kept.
--   p_kinds: of the streams whose records can be asked for by id, what webhooks call them; p_streams: only these
-- Answers, by stream, how many records have which outcome: queued, or why they cannot be asked for.
create or replace function public.fetch_rejected(p_user_id uuid, p_connection_id uuid, p_kinds jsonb, p_streams text[],
                                                 p_trigger text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id); one record; answer jsonb := '[]';
begin
    for one in
        select kept.stream, kept.outcome, count(distinct kept.key) as records, array_agg(distinct kept.key) as keys
        from (select r.stream, coalesce(r.platform_id, r.raw_md5) as key, case
                         when connection.status <> 'connected' then 'not_connected'
                         when not p_kinds ? r.stream then 'no_lookup'
                         when r.platform_id is null then 'no_key'
                         else 'queued' end as outcome
              from public.rejected_records as r
              where r.connection_id = connection.id and r.status in ('open', 'partial')
                and (p_streams is null or r.stream = any (p_streams))) as kept
        group by kept.stream, kept.outcome order by kept.stream, kept.outcome loop
        if one.outcome = 'queued' then
            perform private.read_again(connection, p_kinds ->> one.stream, one.keys, 'rejected', false, p_trigger);
        end if;
        answer := answer || jsonb_build_object('stream', one.stream, 'outcome', one.outcome, 'records', one.records);
    end loop;
    return answer;
end $$;
revoke all on function public.fetch_rejected(uuid, uuid, jsonb, text[], text) from public, anon, authenticated;
grant execute on function public.fetch_rejected(uuid, uuid, jsonb, text[], text) to service_role;

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
            select t.ctid, t.platform_id, t.raw, t.content_hash from public.%1$I as t
            where t.connection_id = $1 and t.platform_id > $2 order by t.platform_id limit $3),
        -- Of what was erased nothing can be derived.
        mapped as materialized (select b.ctid, m.* from batch as b, lateral private.%2$I(b.raw) as m where b.content_hash <> 0),
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
