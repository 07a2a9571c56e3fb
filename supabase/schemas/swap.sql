-- The swap of a full refresh: in one transaction the shop's rows become what the shadow holds (docs/decisions/034). Only rows that
-- differ are written, for the refresh's run: what is unchanged costs nothing, and the run is taken back as any (runs.sql).

-- outdated: keys of a shadow's table whose record was shown to the shop's own rows since, or in a newer version: the shop's row
-- stays, whole, with its children (docs/decisions/008).
create or replace function private.outdated(refresh private.full_refreshes, p_table text, p_streams text[]) returns text[]
language plpgsql stable set search_path = '' as $$
declare keys text[];
begin
    execute format($sql$
        with later as materialized (
            select k.key, max(p.fetched_at) as at from public.sync_pages as p cross join unnest(p.keys) as k (key)
            where p.connection_id = $1 and p.stream = any ($3) and p.fetched_at > $4 group by k.key)
        select coalesce(array_agg(s.platform_id), '{}')
        from public.%1$I as s
        left join public.%1$I as t on t.connection_id = $1 and t.platform_id = s.platform_id
        left join later as l on l.key = s.platform_id
        where s.connection_id = $2
          and (t.source_updated_at > s.source_updated_at
               or t.source_updated_at = s.source_updated_at and greatest(t.fetched_at, l.at) > s.fetched_at
               -- Gone since.
               or exists (select from private.closed_objects as c where c.connection_id = $1 and c.table_name = %1$L
                                                                  and c.object_id = s.platform_id and c.gone_at > s.fetched_at)
               or exists (select from private.missing_records as m where m.connection_id = $1 and m.table_name = %1$L
                                                                   and m.platform_id = s.platform_id and m.gone_at > s.fetched_at))
    $sql$, p_table) into keys using refresh.connection_id, refresh.shadow_id, p_streams, refresh.begun_at;
    return keys;
end $$;

-- kept_value: a column as the swap sets it: what a record does not show at all (`p_paths`), or what was worked out of rows that
-- the source shows no more (no path), stays as it was. Of the shadow's row s and the shop's row t, where there is one.
create or replace function private.kept_value(p_column text, p_paths jsonb) returns text
language sql immutable set search_path = '' as $$
    select case when p_paths is null then format('s.%I', p_column)
                when p_paths = '[]' then format('coalesce(s.%1$I, t.%1$I)', p_column)
                else format('case when num_nonnulls(%2$s) = 0 then coalesce(t.%1$I, s.%1$I) else s.%1$I end', p_column, (
                         select string_agg(format('s.raw #>> %L', string_to_array(path, '.')), ', ')
                         from jsonb_array_elements_text(p_paths) as path)) end;
$$;

-- swap_table: the rows of one table that differ. `p_part` is one of the refresh's tables, `p_outdated` by table what is left alone.
-- A child is as new as its parent. Rows come by insertion, so that whatever watches over what lands watches over this too.
create or replace function private.swap_table(refresh private.full_refreshes, p_part jsonb, p_outdated jsonb) returns void
language plpgsql set search_path = '' as $$
declare t text := p_part ->> 'table'; columns text; values_ text; sets text; compared text; stored text; fresh text := 'true'; parent jsonb;
begin
    select string_agg(quote_ident(c.name), ', ' order by c.n), string_agg(c.value, ', ' order by c.n),
           string_agg(format('%1$I = excluded.%1$I', c.name), ', ' order by c.n),
           -- Not where a record was touched by a fetch that changed nothing of it.
           string_agg(c.value, ', ' order by c.n) filter (where c.name <> 'source_updated_at'),
           string_agg(format('t.%I', c.name), ', ' order by c.n) filter (where c.name <> 'source_updated_at')
      into columns, values_, sets, compared, stored
      from (select a.attname as name, a.attnum as n, private.kept_value(a.attname, p_part -> 'keeps' -> a.attname) as value
            from pg_catalog.pg_attribute as a
            where a.attrelid = format('public.%I', t)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              and a.attname <> all (private.derived_columns(t) || '{connection_id,user_id,platform_id,fetched_at,sync_run_id,first_seen_at}')) as c;
    for parent in select e from jsonb_array_elements(p_part -> 'parents') as e loop
        fresh := fresh || format(' and not exists (select from jsonb_array_elements_text($5 -> %L) as o(key) where o.key = s.%I)',
                                 parent ->> 'table', parent ->> 'column');
    end loop;
    execute format($sql$
        with differing as materialized (
            select s.platform_id, s.fetched_at, %3$s
            from public.%1$I as s
            left join public.%1$I as t on t.connection_id = $1 and t.platform_id = s.platform_id
            where s.connection_id = $2 and %7$s
              and not exists (select from jsonb_array_elements_text($5 -> %1$L) as o(key) where o.key = s.platform_id)
              and case when t.platform_id is null then not s.is_deleted else (%4$s) is distinct from (%5$s) end)
        insert into public.%1$I (connection_id, user_id, platform_id, fetched_at, sync_run_id, %2$s)
        select $1, $3, d.platform_id, d.fetched_at, $4, %2$s from differing as d
        on conflict (connection_id, platform_id) do update
           set fetched_at = excluded.fetched_at, sync_run_id = excluded.sync_run_id, %6$s
    $sql$, t, columns, (select string_agg(v, ', ') from (
              select private.kept_value(a.attname, p_part -> 'keeps' -> a.attname) || ' as ' || quote_ident(a.attname) as v
              from pg_catalog.pg_attribute as a
              where a.attrelid = format('public.%I', t)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                and a.attname <> all (private.derived_columns(t) || '{connection_id,user_id,platform_id,fetched_at,sync_run_id,first_seen_at}')
              order by a.attnum) as q), compared, stored, sets, fresh)
      using refresh.connection_id, refresh.shadow_id, refresh.user_id, refresh.id, p_outdated;
    -- What a record does not show any more inside it. Not of one that could be read in part only, nor that shows some alone.
    for parent in select e from jsonb_array_elements(p_part -> 'parents') as e loop
        execute format($sql$
            update public.%1$I as t set is_deleted = true, fetched_at = p.fetched_at, sync_run_id = $4
              from public.%2$I as p
             where p.connection_id = $2 and not p.is_deleted and p.platform_id = t.%3$I %4$s
               and t.connection_id = $1 and not t.is_deleted and t.fetched_at <= p.fetched_at
               and not exists (select from public.%1$I as s
                               where s.connection_id = $2 and s.platform_id = t.platform_id and not s.is_deleted)
               and not exists (select from jsonb_array_elements_text($5 -> %2$L) as o(key) where o.key = p.platform_id)
               and not exists (select from public.rejected_records as r
                               where r.connection_id in ($1, $2) and r.platform_id = p.platform_id and r.status in ('open', 'partial'))
        $sql$, t, parent ->> 'table', parent ->> 'column', (
                  select coalesce(string_agg(format('and (p.raw #>> %L) is distinct from ''true''', string_to_array(path, '.')), ' '), '')
                  from jsonb_array_elements_text(parent -> 'more_at') as path))
          using refresh.connection_id, refresh.shadow_id, refresh.user_id, refresh.id, p_outdated;
    end loop;
end $$;

-- swap_gone: of a domain that the refresh has read whole, what it did not show, and nobody has fetched since, is gone: who asked for
-- it named the shop. Unless it were very many: then nothing goes, and a person is asked (deletions.sql). Answers how many are held.
create or replace function private.swap_gone(refresh private.full_refreshes, p_sweep jsonb) returns bigint
language plpgsql set search_path = '' as $$
declare job public.sync_jobs; found_ record; gone text[]; t text := p_sweep ->> 'table';
begin
    select * into job from public.sync_jobs where id = (p_sweep ->> 'job_id')::uuid;
    found_ := private.unseen(job, p_sweep ->> 'stream', t, p_sweep ->> 'time_column', (p_sweep ->> 'last_pass')::boolean,
                             array(select jsonb_array_elements_text(p_sweep -> 'created_at')), '', null, (p_sweep ->> 'since')::timestamptz);
    execute format($sql$
        select coalesce(array_agg(t.platform_id order by t.platform_id), '{}') from public.%I as t
        where t.connection_id = $1 and t.platform_id = any ($2) and t.fetched_at <= $3
          and not exists (select from public.sync_pages as p
                          where p.connection_id = $1 and p.fetched_at > $3 and p.stream = any ($4) and t.platform_id = any (p.keys))
    $sql$, t) into gone using refresh.connection_id, found_.gone, job.started_at, array(
        select jsonb_array_elements_text(e -> 'streams') from jsonb_array_elements(refresh.tables) as e where e ->> 'table' = t);
    perform private.unmiss(refresh.connection_id, t, found_.gone, '', null);
    if cardinality(gone) > greatest((p_sweep ->> 'always_allowed')::int, found_.stored * (p_sweep ->> 'max_share')::real) then
        -- Read whole, and asked for by a person: as good as missed twice.
        insert into private.missing_records as m (connection_id, table_name, platform_id, run_id, seen_at, again_at)
        select refresh.connection_id, t, g, refresh.id, clock_timestamp(), clock_timestamp() from unnest(gone) as g
        on conflict (connection_id, table_name, platform_id) do update
           set run_id = excluded.run_id, seen_at = excluded.seen_at, again_at = excluded.again_at, gone_run = null, gone_at = null;
        perform private.hold_deletions(job, t, p_sweep -> 'children', cardinality(gone), found_.stored);
        return cardinality(gone);
    end if;
    perform private.mark_gone(refresh.connection_id, refresh.id, t, p_sweep -> 'children', gone);
    return 0;
end $$;

-- swap_rejected: what could not be mapped is what the refresh could not map; what it could needs nobody's attention any more.
create or replace function private.swap_rejected(refresh private.full_refreshes) returns void
language plpgsql set search_path = '' as $$
begin
    update public.rejected_records as r set status = 'superseded', settled_at = clock_timestamp()
     where r.connection_id = refresh.connection_id and r.status in ('open', 'partial')
       and exists (select from public.sync_pages as p join public.sync_jobs as j on j.id = p.job_id
                   where j.run_id = refresh.id and p.stream = r.stream and r.platform_id = any (p.keys) and p.fetched_at > r.fetched_at)
       and not exists (select from public.rejected_records as s
                       where s.connection_id = refresh.shadow_id and s.stream = r.stream and s.raw_md5 = r.raw_md5);
    insert into public.rejected_records as r (connection_id, user_id, platform, entity, stream, shape, run_id, platform_id, status,
                                              reason, sqlstate, raw, fetched_at)
    select refresh.connection_id, refresh.user_id, s.platform, s.entity, s.stream, s.shape, s.run_id, s.platform_id, s.status, s.reason,
           s.sqlstate, s.raw, s.fetched_at
      from public.rejected_records as s where s.connection_id = refresh.shadow_id and s.status in ('open', 'partial')
    on conflict (connection_id, stream, raw_md5) do update
       set status = excluded.status, settled_at = null, reason = excluded.reason, sqlstate = excluded.sqlstate,
           shape = excluded.shape, fetched_at = excluded.fetched_at, run_id = excluded.run_id
     where r.fetched_at <= excluded.fetched_at;
end $$;

-- tell_swapped: what the swap did is told as what a round did, an event an entity.
create or replace function private.tell_swapped(refresh private.full_refreshes, p_tables jsonb) returns void
language sql set search_path = '' as $$
    select private.tell(refresh.user_id, 'sync.completed', jsonb_build_object(
               'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'entity', n.entity, 'run_id', refresh.id,
               'created', n.created, 'updated', n.changed, 'deleted', n.deleted, 'rejected', 0))
      from (select e ->> 'entity' as entity, sum((t.did ->> 'created')::bigint) as created, sum((t.did ->> 'changed')::bigint) as changed,
                   sum((t.did ->> 'deleted')::bigint) as deleted
            from jsonb_array_elements(refresh.tables) as e join jsonb_each(p_tables) as t (name, did) on t.name = e ->> 'table'
            group by 1 order by 1) as n, public.connected_accounts as a
     where a.id = refresh.connection_id;
$$;

-- swap_full_refresh: what was read and proven beside the shop's rows takes their place, all of it or nothing. At most so many rows
-- as a rollback takes back: an undo always remains. Answers what it did; null where it is not proven yet, or has ended otherwise.
create or replace function public.swap_full_refresh(p_id uuid, p_most int default 100000)
returns jsonb language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare refresh private.full_refreshes; part jsonb; outdated jsonb := '{}'; held bigint := 0; counts jsonb; written bigint;
begin
    select * into refresh from private.full_refreshes where id = p_id;
    -- As an erasure takes them: pages that are landing land first, or not before this has ended.
    perform private.await_pages(refresh.connection_id);
    perform private.bar_pages(refresh.connection_id, true);
    perform private.lock_costs(refresh.user_id);
    perform 1 from public.profiles where user_id = refresh.user_id for no key update;
    select * into refresh from private.full_refreshes where id = p_id for update;
    if refresh.status is distinct from 'reading'
       or exists (select from public.sync_jobs as j where j.run_id = p_id and j.status <> 'completed') then
        return refresh.result;
    end if;
    for part in select e from jsonb_array_elements(refresh.tables) as e loop
        outdated := outdated || jsonb_build_object(part ->> 'table', to_jsonb(private.outdated(refresh, part ->> 'table',
                                    array(select jsonb_array_elements_text(part -> 'streams')))));
    end loop;
    for part in select e from jsonb_array_elements(refresh.tables) as e loop
        perform private.swap_table(refresh, part, outdated);
    end loop;
    for part in select e from jsonb_array_elements(refresh.sweeps) as e loop
        held := held + private.swap_gone(refresh, part);
    end loop;
    perform private.swap_rejected(refresh);
    -- Its pages are the shop's from now on: what was fetched before them is older.
    update public.sync_pages as p set connection_id = refresh.connection_id, user_id = refresh.user_id
      from public.sync_jobs as j where j.run_id = p_id and p.job_id = j.id;
    select coalesce(jsonb_object_agg(n.table_name, jsonb_build_object('created', n.created, 'changed', n.changed, 'deleted', n.deleted)),
                    '{}'), coalesce(sum(n.created + n.changed + n.deleted), 0) into counts, written
      from (select c.table_name, coalesce(sum(cardinality(c.keys)) filter (where c.kind = 'created'), 0) as created,
                   count(*) filter (where c.kind = 'changed') as changed, count(*) filter (where c.kind = 'deleted') as deleted
            from private.row_changes as c where c.connection_id = refresh.connection_id and c.run_id = p_id group by c.table_name) as n;
    if written > p_most then
        raise exception using errcode = 'PT413', message = 'too_many_rows', detail = format('%s, of at most %s', written, p_most);
    end if;
    perform private.tell_swapped(refresh, counts);
    counts := jsonb_build_object('tables', counts, 'held_back', held);
    update private.full_refreshes set status = 'swapped', ended_at = clock_timestamp(), result = counts where id = p_id;
    perform private.begin_work(refresh.connection_id, 'drop_shadows');
    return counts;
end $$;
revoke all on function public.swap_full_refresh(uuid, int) from public, anon, authenticated;
grant execute on function public.swap_full_refresh(uuid, int) to service_role;
