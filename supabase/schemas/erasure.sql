-- Erasing a buyer: nothing that is here names them any more, in whichever table it stands. The orders stay as figures
-- (docs/decisions/025).

-- personal_parts: where a buyer's orders leave text that may name a person: the table, the column that names the order
-- or the refund, and the columns that are emptied. `raw` is emptied everywhere. What stays in typed columns is the
-- seller's or the platform's: numbers, titles, times, amounts. Records about people and of printers: erase_buyer.
create or replace function private.personal_parts() returns table (name text, of_refund boolean, key text, clears text[])
language sql immutable set search_path = '' as $$
    values ('orders', false, 'platform_id', '{}'::text[]),
           ('line_items', false, 'order_platform_id', '{}'),
           ('order_refunds', false, 'order_platform_id', '{reason}'),
           ('order_refund_lines', true, 'refund_platform_id', '{}'),
           ('order_fulfillments', false, 'order_platform_id', '{tracking_code}'),
           ('order_transactions', false, 'order_platform_id', '{}'),
           ('order_payments', false, 'order_platform_id', '{}'),
           ('payments', false, 'order_platform_id', '{description}');
$$;

-- keep_erased: who is forgotten stays so, whatever page comes: one that was fetched before, and for good every one. The
-- trigger's arguments: the table whose record is forgotten, the column that names it, and the columns to empty; without
-- any, rows go whose very key says who it was. One look a statement where nobody was ever forgotten.
create or replace function private.keep_erased() returns trigger
language plpgsql security definer set search_path = '' as $$
declare emptied text; wanted text; found_ boolean;
begin
    if not exists (select from private.closed_objects as k
                   where k.connection_id = (select c.connection_id from came as c limit 1) and k.forgotten_at is not null) then
        return null;
    end if;
    select string_agg(format('%I = null', tg_argv[n]), ', ') into emptied from generate_series(2, tg_nargs - 1) as n;
    wanted := format('select c.connection_id, c.platform_id from came as c join private.closed_objects as k '
                     'on k.connection_id = c.connection_id and k.table_name = %L and k.object_id = c.%I '
                     'where (k.for_good or k.forgotten_at > c.fetched_at) and c.raw <> %L', tg_argv[0], tg_argv[1], '{}');
    execute format('select exists (%s)', wanted) into found_;
    -- An update of no row would come here again.
    if found_ then
        execute format(case when emptied is null then 'delete from public.%1$I as t '
                                                else 'update public.%1$I as t set raw = %2$L, content_hash = 0, %3$s ' end
                       || 'where (t.connection_id, t.platform_id) in (%4$s)', tg_table_name, '{}', emptied, wanted);
    end if;
    return null;
end $$;

-- stays_erased: a table takes part in keep_erased.
create or replace function private.stays_erased(p_table text, p_closed text, p_column text, p_clears text[]) returns void
language plpgsql set search_path = '' as $$
declare verb text; arguments text;
begin
    select string_agg(quote_literal(a), ', ') into arguments from unnest(p_closed || (p_column || p_clears)) as a;
    foreach verb in array array['insert', 'update'] loop
        execute format('create or replace trigger %I after %s on public.%I referencing new table as came '
                       'for each statement execute function private.keep_erased(%s)', 'keep_erased_' || verb, verb, p_table,
                       arguments);
    end loop;
end $$;
select private.stays_erased('customers', 'customers', 'platform_id', '{name,email}');
select private.stays_erased('order_refunds', 'orders', 'order_platform_id', '{reason}');
select private.stays_erased('order_fulfillments', 'orders', 'order_platform_id', '{tracking_code}');

-- empty_part: the text of these records goes, the figures stay.
create or replace function private.empty_part(p_connection_id uuid, p_table text, p_key text, p_ids text[], p_clears text[])
returns void language plpgsql set search_path = '' as $$
begin
    execute format('update public.%I set raw = %L, content_hash = 0%s where connection_id = $1 and %I = any ($2)', p_table,
                   '{}', (select string_agg(format(', %I = null', c), '') from unnest(p_clears) as c), p_key)
        using p_connection_id, p_ids;
end $$;

-- erase_buyer: nothing that names these buyers is left of this shop, nor of printers that made their orders: people,
-- orders with all that came with them, records that could not be mapped. Answers whether we knew whom to erase.
-- `p_email` alone may name them; `p_orders` are orders to erase whoever's they are.
create or replace function private.erase_buyer(connection public.connected_accounts, p_ids text[], p_email text, p_orders text[],
                                               p_for_good boolean) returns boolean
language plpgsql set search_path = '' as $$
declare buyers text[] := p_ids; orders text[]; refunds text[]; part record; named text[];
begin
    perform private.await_pages(connection.id);
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
    refunds := array(select r.platform_id from public.order_refunds as r
                     where r.connection_id = connection.id and r.order_platform_id = any (orders));
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
    for part in select * from private.personal_parts() loop
        perform private.empty_part(connection.id, part.name, part.key, case when part.of_refund then refunds else orders end,
                                   part.clears);
    end loop;
    for part in select k.connection_id, r.source, array_agg(distinct k.source_id) as ids
                from private.cost_links as k
                join public.connected_accounts as a on a.id = k.connection_id
                join private.cost_rules as r on r.source = a.platform
                where k.order_connection_id = connection.id and k.order_platform_id = any (orders)
                group by k.connection_id, r.source loop
        execute format('select private.%I($1, $2)', 'erase_orders_' || part.source) using part.connection_id, part.ids;
    end loop;
    -- What a printer's record names could not be linked where it could not be mapped.
    perform private.forget_rejected(a.id, named) from public.connected_accounts as a where a.user_id = connection.user_id;
    return cardinality(buyers) > 0;
end $$;

-- names_one: whether bytes that could not be mapped name one of these: a number, or an address in whatever case. What is
-- shorter than any platform's number of a person stands in every record.
create or replace function private.names_one(p_raw bytea, p_named text[]) returns boolean
language sql immutable set search_path = '' as $$
    select exists (select from unnest(p_named) as n
                   where length(n) >= 5 and encode(p_raw, 'escape') ~* ('(^|[^0-9a-z])' || regexp_replace(n, '[^[:alnum:]]', '\\\&', 'g')
                                                     || '($|[^0-9a-z])'));
$$;

-- forget_rejected: records that could not be mapped and that name one of these, as their key or in their bytes.
create or replace function private.forget_rejected(p_connection_id uuid, p_named text[]) returns void
language sql set search_path = '' as $$
    delete from public.rejected_records as r
     where r.connection_id = p_connection_id and (r.platform_id = any (p_named) or private.names_one(r.raw, p_named));
$$;

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
                   where o.connection_id = connection.id and o.raw = '{}'
                     and (o.buyer_platform_id = p_buyer
                          or o.buyer_platform_id in (select k.object_id from private.closed_objects as k
                                                     where k.connection_id = connection.id and k.table_name = 'customers'
                                                       and k.forgotten_at >= transaction_timestamp()))));
end $$;
revoke all on function public.erase_buyer(uuid, uuid, text, text) from public, anon, authenticated;
grant execute on function public.erase_buyer(uuid, uuid, text, text) to service_role;
