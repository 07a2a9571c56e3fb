-- Export: what a user may take along is what row-level security shows its owner, column by column: no table and no column is named
-- here, so that none is forgotten and nothing secret is told. Not the audit of pages, which is ours and longer than all the rest.

-- exported_tables: each with what its rows belong to, a connection or the user, and its key.
create or replace function private.exported_tables() returns table (name text, of_connection boolean, columns text[], keys text[], types text[])
language sql stable set search_path = '' as $$
    select c.relname::text, exists (select from pg_catalog.pg_attribute as a
                                    where a.attrelid = c.oid and a.attname = 'connection_id' and not a.attisdropped),
           array(select a.attname::text from pg_catalog.pg_attribute as a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                   and has_column_privilege('authenticated', c.oid, a.attnum, 'select') order by a.attnum),
           k.keys, k.types
      from pg_catalog.pg_class as c,
           lateral (select array_agg(a.attname::text order by o.n) as keys,
                           array_agg(format_type(a.atttypid, a.atttypmod) order by o.n) as types
                      from pg_catalog.pg_index as i, unnest(i.indkey::int[]) with ordinality as o(number, n)
                      join pg_catalog.pg_attribute as a on a.attnum = o.number
                     where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid) as k
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and has_any_column_privilege('authenticated', c.oid, 'select') and c.relname <> 'sync_pages'
     order by 1;
$$;

-- export_tables: their names, and whether their rows belong to a connection.
create or replace function public.export_tables() returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_agg(jsonb_build_object('table', t.name, 'of_connection', t.of_connection) order by t.name)
    from private.exported_tables() as t;
$$;
revoke all on function public.export_tables() from public, anon, authenticated;
grant execute on function public.export_tables() to service_role;

-- export_rows: rows of one table in the order of its key, after one: so many, or so many bytes of them, and one at least. Answers
-- {rows, after}; no rows: that was all.
create or replace function public.export_rows(p_user_id uuid, p_table text, p_connection_id uuid default null, p_after text[] default null,
                                              p_rows int default 500, p_bytes bigint default 1000000) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '50s' as $$
declare t record; keys text; whose text := 't.user_id = $1'; answer jsonb;
begin
    select * into t from private.exported_tables() as e where e.name = p_table;
    if not found then
        raise exception using errcode = 'PT400', message = 'not_exported', detail = p_table;
    end if;
    keys := (select string_agg(format('t.%I', k), ', ') from unnest(t.keys) as k);
    if t.of_connection then
        whose := whose || ' and t.connection_id = $2';
    end if;
    if p_after is not null then
        whose := whose || format(' and (%s) > (%s)', keys, (
            select string_agg(format('%L::%s', a.value, a.type), ', ' order by a.n)
            from unnest(p_after, t.types) with ordinality as a(value, type, n)));
    end if;
    execute format($sql$
        with page as (
            select row_number() over (order by %1$s) as n, array[%2$s] as key, to_jsonb(r) as record
            from public.%3$I as t, lateral (select %4$s) as r where %5$s order by %1$s limit $3),
        cut as (select *, sum(octet_length(p.record::text)) over (order by p.n) as bytes from page as p)
        select jsonb_build_object('rows', coalesce(jsonb_agg(c.record order by c.n), '[]'),
                                  'after', (array_agg(to_jsonb(c.key) order by c.n desc))[1])
        from cut as c where c.n = 1 or c.bytes <= $4
    $sql$, keys, (select string_agg(format('t.%I::text', k), ', ') from unnest(t.keys) as k), p_table,
        (select string_agg(format('t.%I', c), ', ') from unnest(t.columns) as c), whose)
       into answer using p_user_id, p_connection_id, p_rows, p_bytes;
    return answer;
end $$;
revoke all on function public.export_rows(uuid, text, uuid, text[], int, bigint) from public, anon, authenticated;
grant execute on function public.export_rows(uuid, text, uuid, text[], int, bigint) to service_role;
