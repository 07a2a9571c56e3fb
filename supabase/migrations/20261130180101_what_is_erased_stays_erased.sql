-- A buyer who was erased came back with the next reading: what was erased stays erased, whatever lands and by whichever way.

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

-- land_one_by_one: for a page that holds a poison record. Each record lands, in part if need be, or is rejected, by
-- itself. `p_records` is a list of {key, raw (base64), read, unreadable}.
create or replace function private.land_one_by_one(job public.sync_jobs, p_stream text, p_shape text, p_fetched_at timestamptz,
                                                   p_records jsonb, out landed private.landed, out rejected int)
language plpgsql set search_path = '' as $$
declare item record; bytes bytea; kept bytea; one record;
begin
    landed := row('{}'::text[], 0, 0, 0, 0)::private.landed;
    rejected := 0;
    for item in select e.value ->> 'key' as key, e.value ->> 'raw' as raw, e.value ->> 'read' as read,
                       array(select jsonb_array_elements_text(e.value -> 'unreadable')) as unreadable
                from jsonb_array_elements(p_records) with ordinality as e(value, ord) order by e.ord loop
        bytes := decode(item.raw, 'base64');
        select * into one from private.land_one(job, p_shape, p_fetched_at, bytes, item.read, item.unreadable);
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
        perform private.settle_replayed(p_user_id, case when p_connection_id is null
            then private.connections_of(p_user_id) else array[p_connection_id] end);
    end if;
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;

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

-- link_costs: link these costs of a printer, and those that follow them as reprints, anew.
create or replace function private.link_costs(p_user_id uuid, p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare family text[]; found jsonb; touched jsonb; made text[];
begin
    with recursive down (id, depth) as (
        select unnest(p_ids), 0
        union
        select c.source_id, d.depth + 1
        from down as d cross join lateral (
            select c.source_id from public.order_costs as c
            where c.connection_id = p_connection_id and c.reprint_of = d.id offset 0) as c
        where d.depth < 10)
    select array_agg(distinct id) into family from down;

    select coalesce(jsonb_agg(to_jsonb(f)), '[]') into found
    from private.cost_candidates(p_user_id, p_connection_id, family) as f;
    with old as (
        delete from private.cost_links as k
         where k.ctid = any (array(
            select l.at from unnest(family) as i(id) cross join lateral (
                select l.ctid as at from private.cost_links as l
                where l.connection_id = p_connection_id and l.source_id = i.id offset 0) as l))
        returning k.order_connection_id, k.order_platform_id)
    select coalesce(jsonb_agg(jsonb_build_object('connection_id', t.order_connection_id, 'id', t.order_platform_id)), '[]')
      into touched
    from (select order_connection_id, order_platform_id from old
          union
          select (e ->> 'order_connection_id')::uuid, e ->> 'order_platform_id'
          from jsonb_array_elements(found) as e) as t;
    insert into private.cost_links (connection_id, source_id, order_connection_id, order_platform_id, user_id, platform)
    select p_connection_id, e ->> 'source_id', (e ->> 'order_connection_id')::uuid, e ->> 'order_platform_id', p_user_id,
           e ->> 'platform'
    from jsonb_array_elements(found) as e;

    with linked as materialized (
        select c.at, i.id as source_id, v.state, v.reason, t.platform, t.shop as order_connection_id,
               t.order_id as order_platform_id
        from unnest(family) as i(id)
        cross join lateral (
            select c.ctid as at, c.state, c.reason, c.platform, c.order_connection_id, c.order_platform_id, c.reference,
                   c.label, c.order_type, c.reprint_of
            from public.order_costs as c
            where c.connection_id = p_connection_id and c.source_id = i.id offset 0) as c
        cross join lateral (
            select count(*) as n, count(distinct k.platform) as channels, min(k.platform) as platform,
                   (array_agg(k.order_connection_id))[1] as shop, min(k.order_platform_id) as order_id
            from private.cost_links as k
            where k.connection_id = p_connection_id and k.source_id = i.id) as k
        cross join lateral (
            select case when k.n = 1 then 'linked' when k.n > 1 then 'ambiguous' else 'unlinked' end as state,
                   case when k.n = 1 then null
                        when k.channels > 1 then 'two_channels'
                        when k.n > 1 then 'two_orders'
                        when c.reference is not null or c.label is not null then
                            case when c.order_type = 'api' then 'order_of_an_api' else 'order_not_there' end
                        when c.reprint_of is not null then 'original_not_linked'
                        when c.order_type in ('manual', 'sample') then 'no_sale'
                        else 'no_reference' end as reason) as v
        cross join lateral (
            select case v.state when 'linked' then k.platform end as platform,
                   case v.state when 'linked' then k.shop end as shop,
                   case v.state when 'linked' then k.order_id end as order_id) as t
        where (c.state, c.reason, c.platform, c.order_connection_id, c.order_platform_id) is distinct from
              (v.state, v.reason, t.platform, t.shop, t.order_id))
    update public.order_costs as c
       set state = n.state, reason = n.reason, platform = n.platform, order_connection_id = n.order_connection_id,
           order_platform_id = n.order_platform_id
      from linked as n
     where c.ctid = any (array(select l.at from linked as l)) and c.source_id = n.source_id;

    perform private.settle_costs(touched);

    -- What was made for an order that is erased is erased with it, whichever of the two came last.
    made := array(select distinct e ->> 'source_id' from jsonb_array_elements(found) as e
                  cross join lateral (
                      select from private.closed_objects as k
                      where k.connection_id = (e ->> 'order_connection_id')::uuid and k.table_name = 'orders'
                        and k.object_id = e ->> 'order_platform_id' and k.forgotten_at is not null offset 0) as k);
    if made <> '{}' then
        perform private.erase_made(p_connection_id, made);
    end if;
end $$;

drop function private.empty_part(uuid,text,text,text[],text[]);

-- empty_part: the text of these records goes, the figures stay, and of `raw` what their children are read by
-- (bones_<platform>). Those that are empty already cost no write. `p_live`: only what stands, which is what a page brings.
create or replace function private.empty_part(p_connection_id uuid, p_table text, p_key text, p_ids text[], p_clears text[],
                                              p_live boolean default false)
returns void language plpgsql set search_path = '' as $$
declare bones text := 'bones_' || (select a.platform from public.connected_accounts as a where a.id = p_connection_id);
begin
    execute format('update public.%I as t set raw = %s, content_hash = 0%s where t.connection_id = $1 and t.%I = any ($2) '
                   'and t.content_hash <> 0%s', p_table,
                   case when to_regprocedure(format('private.%I(text,jsonb)', bones)) is null then quote_literal('{}')
                        else format('private.%I(%L, t.raw)', bones, p_table) end,
                   (select string_agg(format(', %I = null', c), '') from unnest(p_clears) as c), p_key,
                   case when p_live then ' and not t.is_deleted' else '' end)
        using p_connection_id, p_ids;
end $$;

-- erase_orders: of these orders of a channel, and of all that came with them, the figures stay.
create or replace function private.erase_orders(p_connection_id uuid, p_orders text[], p_live boolean default false)
returns void language plpgsql set search_path = '' as $$
declare part record; refunds text[];
begin
    refunds := array(select r.platform_id from public.order_refunds as r
                     where r.connection_id = p_connection_id and r.order_platform_id = any (p_orders)
                       and not (p_live and r.is_deleted));
    for part in select * from private.personal_parts() loop
        perform private.empty_part(p_connection_id, part.name, part.key,
                                   case when part.of_refund then refunds else p_orders end, part.clears,
                                   p_live and part.key <> 'platform_id');
    end loop;
end $$;

-- erase_made: the same of a printer's orders, in the printer's own words.
create or replace function private.erase_made(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
declare printer text := (select a.platform from public.connected_accounts as a where a.id = p_connection_id);
begin
    execute format('select private.%I($1, $2)', 'erase_orders_' || printer) using p_connection_id, p_ids;
end $$;

-- bar_pages: what is erased here and what is landing wait for each other: a page sees all of an erasure, or the erasure all
-- of the page. Landings do not wait for one another.
create or replace function private.bar_pages(p_connection_id uuid, p_erases boolean) returns void
language plpgsql set search_path = '' as $$
begin
    if p_erases then
        perform pg_advisory_xact_lock(hashtextextended('keeper erasure ' || p_connection_id, 0));
    else
        perform pg_advisory_xact_lock_shared(hashtextextended('keeper erasure ' || p_connection_id, 0));
    end if;
end $$;

-- has_erased: whether this connection's people or orders were ever erased: the one look that a page costs everybody else.
create or replace function private.has_erased(p_connection_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select exists (select from private.closed_objects as k where k.connection_id = p_connection_id and k.forgotten_at is not null);
$$;

-- keep_orders_erased: of these orders of a channel, which came or were just found, those that are erased say nothing again.
create or replace function private.keep_orders_erased(p_connection_id uuid, p_orders text[]) returns void
language plpgsql set search_path = '' as $$
declare erased text[];
begin
    erased := array(select k.object_id from private.closed_objects as k
                    where k.connection_id = p_connection_id and k.table_name = 'orders' and k.object_id = any (p_orders)
                      and k.forgotten_at is not null);
    if erased <> '{}' then
        -- An order that is gone takes along what comes with it, so that it does not stand.
        perform private.erase_orders(p_connection_id, erased, not exists (
            select from public.orders as o where o.connection_id = p_connection_id and o.platform_id = any (erased) and o.is_deleted));
    end if;
end $$;

drop function private.keep_erased();

-- keep_erased: what was erased stays so, whatever page comes and by whichever way, in the transaction that lands it
-- (land_records): the records of these keys, the order that they belong to, its buyer. What was placed before the buyer was
-- erased is erased with it, also where nobody had read it; what is placed afterwards is new.
create or replace function private.keep_erased(job public.sync_jobs, p_shape text, p_keys text[]) returns void
language plpgsql set search_path = '' as $$
declare main text; parent text; ids text[]; buyers text[]; finds text := concat_ws('_', 'find_orders', job.platform, p_shape);
begin
    execute format('select private.%I() #>> %L', concat_ws('_', 'parts', job.platform, p_shape), '{0,table}') into main;
    if exists (select from private.cost_rules as r where r.source = job.platform) then
        ids := array(select k.object_id from private.closed_objects as k
                     where k.connection_id = job.connection_id and k.table_name = main and k.object_id = any (p_keys)
                       and k.forgotten_at is not null);
        if ids <> '{}' then
            perform private.erase_made(job.connection_id, ids);
        end if;
        return;
    end if;
    select p.key into parent from private.personal_parts() as p where p.name = main;
    if parent is not null then
        if to_regprocedure(format('private.%I(public.sync_jobs,text[])', finds)) is not null then
            execute format('select private.%I($1, $2)', finds) using job, p_keys;
        end if;
        execute format('select array(select distinct t.%I from public.%I as t where t.connection_id = $1 '
                       'and t.platform_id = any ($2))', parent, main) into ids using job.connection_id, p_keys;
        insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
        select job.connection_id, 'orders', o.platform_id, k.forgotten_at, true
          from public.orders as o
          join private.closed_objects as k on k.connection_id = o.connection_id and k.table_name = 'customers'
                                          and k.object_id = o.buyer_platform_id
         where o.connection_id = job.connection_id and o.platform_id = any (ids)
           -- A platform may tell whole seconds.
           and o.ordered_at < date_trunc('second', k.forgotten_at)
         order by o.platform_id
        on conflict (connection_id, table_name, object_id) do update
           set forgotten_at = excluded.forgotten_at, for_good = true where c.forgotten_at is null;
        perform private.keep_orders_erased(job.connection_id, ids);
        buyers := array(select distinct o.buyer_platform_id from public.orders as o
                        where o.connection_id = job.connection_id and o.platform_id = any (ids));
    elsif main = 'customers' then
        buyers := p_keys;
    end if;
    perform private.empty_part(job.connection_id, 'customers', 'platform_id', array(
        select k.object_id from private.closed_objects as k
          join public.customers as c on c.connection_id = k.connection_id and c.platform_id = k.object_id
         where k.connection_id = job.connection_id and k.table_name = 'customers' and k.object_id = any (buyers)
           and (k.for_good or k.forgotten_at > c.fetched_at)), '{name,email}');
end $$;

-- told_of: what is kept of bytes that could not be mapped. Of those that name whom or what was erased, in any of the
-- user's shops: that they came. An order that stands here and was placed after its buyer was erased is another one.
create or replace function private.told_of(job public.sync_jobs, p_key text, p_fetched_at timestamptz, p_raw bytea) returns bytea
language plpgsql stable set search_path = '' as $$
declare words text[];
begin
    if not exists (select from public.connected_accounts as a where a.user_id = job.user_id and private.has_erased(a.id)) then
        return p_raw;
    end if;
    words := array(select distinct w[1] from regexp_matches(regexp_replace(encode(p_raw, 'escape'), '\\[0-7]{3}', ' ', 'g'),
                                                            '[[:alnum:]]{5,}', 'g') as w union select p_key);
    if exists (select from public.connected_accounts as a
               join private.closed_objects as k on k.connection_id = a.id and k.object_id = any (words)
               where a.user_id = job.user_id and k.forgotten_at is not null
                 and (k.table_name <> 'customers' or k.forgotten_at > p_fetched_at
                      or k.for_good and not exists (
                          select from public.orders as o
                          where o.connection_id = job.connection_id and o.platform_id = p_key
                            and o.ordered_at >= date_trunc('second', k.forgotten_at)))) then
        return convert_to(jsonb_build_object('erased', md5(p_raw))::text, 'UTF8');
    end if;
    return p_raw;
end $$;

-- erase_buyer: nothing that names these buyers is left of this shop, nor of printers that made their orders: people,
-- orders with all that came with them, records that could not be mapped. Answers whether we knew whom to erase.
-- `p_email` alone may name them; `p_orders` are orders to erase whoever's they are.
create or replace function private.erase_buyer(connection public.connected_accounts, p_ids text[], p_email text, p_orders text[],
                                               p_for_good boolean) returns boolean
language plpgsql set search_path = '' as $$
declare buyers text[] := p_ids; orders text[]; part record; named text[];
begin
    perform private.await_pages(connection.id);
    perform private.bar_pages(connection.id, true);
    -- And the pages of those who print for this user.
    perform private.lock_costs(connection.user_id);
    if cardinality(buyers) = 0 then
        select coalesce(array_agg(c.platform_id), '{}') into buyers from public.customers as c
         where c.connection_id = connection.id and lower(c.email) = lower(p_email);
    end if;
    select coalesce(array_agg(o.platform_id), '{}') into orders from public.orders as o
     where o.connection_id = connection.id and (o.buyer_platform_id = any (buyers) or o.platform_id = any (p_orders));
    -- An order that could not be mapped may have brought a payment all the same.
    orders := array(select unnest(orders) union select unnest(p_orders)
                    union select r.platform_id from public.rejected_records as r
                           where r.connection_id = connection.id and r.platform_id is not null
                             and private.names_one(r.raw, buyers));
    -- What the rows say of them, before they say nothing: rejected bytes are found by it.
    named := array(select c.email from public.customers as c
                   where c.connection_id = connection.id and c.platform_id = any (buyers) and c.email <> ''
                   union select p_email where p_email <> '' union select unnest(buyers || orders));
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
    select connection.id, n.name, n.id, clock_timestamp(), n.for_good
    from (select 'customers' as name, b as id, p_for_good as for_good from unnest(buyers) as b
          union all select 'orders', o, true from unnest(orders) as o) as n order by n.name, n.id
    on conflict (connection_id, table_name, object_id) do update
       set forgotten_at = excluded.forgotten_at, for_good = c.for_good or excluded.for_good;
    perform private.empty_part(connection.id, 'customers', 'platform_id', buyers, '{name,email}');
    perform private.erase_orders(connection.id, orders);
    for part in select k.connection_id, array_agg(distinct k.source_id) as ids from private.cost_links as k
                where k.order_connection_id = connection.id and k.order_platform_id = any (orders)
                group by k.connection_id loop
        perform private.erase_made(part.connection_id, part.ids);
    end loop;
    -- What a printer's record names could not be linked where it could not be mapped.
    perform private.forget_rejected(a.id, named) from public.connected_accounts as a where a.user_id = connection.user_id;
    return cardinality(buyers) > 0;
end $$;

-- erase_buyer: the same for operators, in each of a user's shops of a platform that knows the buyer, or in one. By the
-- platform's number of the buyer, or by an address; for good. Answers how many orders and people were erased.
create or replace function public.erase_buyer(p_user_id uuid, p_connection_id uuid, p_buyer text default null,
                                              p_email text default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id); known boolean;
begin
    known := private.erase_buyer(connection, case when p_buyer is null then '{}' else array[p_buyer] end, p_email, '{}', true);
    return jsonb_build_object(
        'connection_id', connection.id, 'platform', connection.platform, 'shop_id', connection.shop_id, 'known', known,
        'orders', (select count(*) from public.orders as o
                   where o.connection_id = connection.id and o.content_hash = 0
                     and (o.buyer_platform_id = p_buyer
                          or o.buyer_platform_id in (select k.object_id from private.closed_objects as k
                                                     where k.connection_id = connection.id and k.table_name = 'customers'
                                                       and k.forgotten_at >= transaction_timestamp()))));
end $$;

drop function private.derive_etsy_payment_orders(public.sync_jobs,text,integer);

-- derive_etsy_payment_orders: which order a ledger entry belongs to (sheet 7.2, "Resolving the order of an entry"): a
-- receipt names it itself (the mapping does that), a transaction through its line, a payment or its fee through the
-- payment. `p_keys`: of these entries, whatever the job has read.
create or replace function private.derive_etsy_payment_orders(job public.sync_jobs, p_after text, p_limit int,
                                                              p_keys text[] default null) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb; orders text[];
begin
    with new as materialized (
        select coalesce(p_keys, array_agg(r.key)) as keys from private.read_keys(job, 'ledger_entries') as r
        where p_keys is null and not private.reads_all(job)),
    batch as materialized (
        (select p.ctid, p.platform_id, p.reference_type, p.reference_id, p.order_platform_id from public.payments as p
         where p.connection_id = job.connection_id and p.platform_id > p_after and p_keys is null and private.reads_all(job)
         order by p.platform_id limit p_limit)
        union all
        (select p.ctid, p.platform_id, p.reference_type, p.reference_id, p.order_platform_id from public.payments as p
         where p.connection_id = job.connection_id and p.platform_id > p_after and p.platform_id = any ((select keys from new)::text[])
         order by p.platform_id limit p_limit)),
    found as materialized (
        select b.ctid, b.platform_id, coalesce(l.order_platform_id, o.order_platform_id) as order_platform_id
        from batch as b
        -- `offset 0` keeps each a look-up by primary key.
        left join lateral (select l.order_platform_id from public.line_items as l
                           where b.reference_type = 'transaction' and l.connection_id = job.connection_id and l.platform_id = b.reference_id offset 0) as l on true
        left join lateral (select o.order_platform_id from public.order_payments as o
                           where b.reference_type in ('shop_payment', 'processing_fee') and o.connection_id = job.connection_id and o.platform_id = b.reference_id offset 0) as o on true
        where b.order_platform_id is null),
    linked as (
        update public.payments as p set order_platform_id = f.order_platform_id
          from found as f
         where p.ctid = f.ctid and f.order_platform_id is not null
        returning p.order_platform_id)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(platform_id) from batch)),
           array(select distinct l.order_platform_id from linked as l) into answer, orders;
    perform private.keep_orders_erased(job.connection_id, orders);
    return answer;
end $$;

-- derive_etsy_line_payments: ledger entries that came before the line that they name belong to its order.
create or replace function private.derive_etsy_line_payments(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb; orders text[];
begin
    with batch as materialized (
        select r.key from private.read_keys(job, 'receipts') as r where r.key > p_after order by r.key limit p_limit),
    linked as (
        update public.payments as p set order_platform_id = l.order_platform_id
          from batch as b join public.line_items as l on l.connection_id = job.connection_id and l.order_platform_id = b.key
         where p.connection_id = job.connection_id and p.order_platform_id is null
           and p.reference_type = 'transaction' and p.reference_id = l.platform_id
        returning p.order_platform_id)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(key) from batch)),
           array(select distinct l.order_platform_id from linked as l) into answer, orders;
    perform private.keep_orders_erased(job.connection_id, orders);
    return answer;
end $$;

-- find_orders_etsy_ledger_entries: where somebody was erased, entries find their orders as they land (keep_erased).
create or replace function private.find_orders_etsy_ledger_entries(job public.sync_jobs, p_keys text[]) returns void
language plpgsql set search_path = '' as $$
begin
    perform private.derive_etsy_payment_orders(job, '', cardinality(p_keys), p_keys);
end $$;

-- bones_printify: what stays of an erased record: which order one prints again.
create or replace function private.bones_printify(p_table text, p_raw jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select case when p_table = 'printify_orders' and jsonb_typeof(p_raw #> '{metadata,reprinted_order_ids}') = 'array'
                then jsonb_build_object('metadata', jsonb_build_object('reprinted_order_ids', p_raw #> '{metadata,reprinted_order_ids}'))
                else '{}' end;
$$;

-- erase_orders_printify: what names the buyer of these orders goes.
create or replace function private.erase_orders_printify(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
    select p_connection_id, 'printify_orders', o.id, clock_timestamp(), true from unnest(p_ids) as o (id) order by o.id
    on conflict (connection_id, table_name, object_id) do update set forgotten_at = excluded.forgotten_at, for_good = true
     where c.forgotten_at is null;
    perform private.empty_part(p_connection_id, 'printify_orders', 'platform_id', p_ids, '{region}');
    perform private.empty_part(p_connection_id, 'printify_line_items', 'order_platform_id', p_ids, '{}');
    -- Its number is a part of its key.
    delete from public.printify_shipments where connection_id = p_connection_id and order_platform_id = any (p_ids);
end $$;

-- bones_shopify: what stays of an erased record: its refunds' ids and versions, and that a list has another stretch. Money
-- that goes back after an order was erased is looked up by them.
create or replace function private.bones_shopify(p_table text, p_raw jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select jsonb_strip_nulls(coalesce(jsonb_object_agg(m.name, m.value) filter (where m.value is not null), '{}'))
    from (select 'refunds', (select jsonb_agg(jsonb_build_object('id', r -> 'id', 'updatedAt', r -> 'updatedAt') order by ord)
                             from jsonb_array_elements(case when jsonb_typeof(p_raw -> 'refunds') = 'array'
                                                            then p_raw -> 'refunds' else '[]' end) with ordinality as e(r, ord))
          where p_table = 'orders'
          union all
          select l.name, jsonb_build_object('pageInfo', jsonb_build_object('hasNextPage', true,
                                            'endCursor', p_raw #> array[l.name, 'pageInfo', 'endCursor']))
          from (values ('orders', 'lineItems'), ('order_refunds', 'refundLineItems')) as l (of, name)
          where l.of = p_table and p_raw #>> array[l.name, 'pageInfo', 'hasNextPage'] = 'true') as m (name, value);
$$;

drop function private.stays_erased(text,text,text,text[]);

-- What has come back since somebody was erased goes again.
select private.keep_orders_erased(k.connection_id, array_agg(k.object_id)) from private.closed_objects as k
 where k.table_name = 'orders' and k.forgotten_at is not null group by k.connection_id;
select private.erase_made(k.connection_id, array_agg(k.object_id)) from private.closed_objects as k
  join public.connected_accounts as a on a.id = k.connection_id join private.cost_rules as r on r.source = a.platform
 where k.forgotten_at is not null group by k.connection_id;
