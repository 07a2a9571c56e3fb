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
           ('order_shipping_lines', false, 'order_platform_id', '{}'),
           ('order_tax_lines', false, 'order_platform_id', '{}'),
           ('order_journals', false, 'platform_id', '{}'),
           ('order_sales', false, 'order_platform_id', '{}'),
           ('order_disputes', false, 'order_platform_id', '{}'),
           ('order_refund_shipping_lines', true, 'refund_platform_id', '{}'),
           ('order_refund_adjustments', true, 'refund_platform_id', '{}'),
           ('balance_transactions', false, 'order_platform_id', '{}'),
           ('order_payments', false, 'order_platform_id', '{}'),
           ('order_line_modifiers', false, 'order_platform_id', '{}'),
           ('order_service_charges', false, 'order_platform_id', '{}'),
           ('tenders', false, 'order_platform_id', '{}'),
           ('order_returns', false, 'order_platform_id', '{}'),
           ('order_return_lines', false, 'order_platform_id', '{}'),
           ('payments', false, 'order_platform_id', '{description}');
$$;

-- payment_parts: the same of what names the payment of such an order.
create or replace function private.payment_parts() returns table (name text, clears text[])
language sql immutable set search_path = '' as $$
    values ('payment_refunds', '{refund_reason}'::text[]), ('payment_disputes', '{}');
$$;

-- people_parts: what names the buyer and no order.
create or replace function private.people_parts() returns table (name text, clears text[])
language sql immutable set search_path = '' as $$
    values ('bookings', '{}'::text[]), ('loyalty_accounts', '{}');
$$;

-- with_returns: these orders, and those by which something of them came back.
create or replace function private.with_returns(p_connection_id uuid, p_orders text[]) returns text[]
language plpgsql stable set search_path = '' as $$
begin
    return array(select unnest(p_orders) union
                 select r.order_platform_id from public.order_returns as r
                  where r.connection_id = p_connection_id and r.source_order_platform_id = any (p_orders));
end $$;

-- empty_part: the text of these records goes, the figures stay, and of `raw` what their children are read by
-- (bones_<platform>); of what they were before some run as well (changes.sql), so that no rollback brings it back. Those that
-- are empty already cost no write. `p_live`: only what stands, which is what a page brings.
create or replace function private.empty_part(p_connection_id uuid, p_table text, p_key text, p_ids text[], p_clears text[],
                                              p_live boolean default false)
returns void language plpgsql set search_path = '' as $$
declare bones text := 'bones_' || (select a.platform from public.connected_accounts as a where a.id = private.owner_of(p_connection_id));
begin
    if p_ids = '{}' then
        return;
    end if;
    bones := case when to_regprocedure(format('private.%I(text,jsonb)', bones)) is null then '''{}''::jsonb'
                  else format('private.%I(%L, %%s)', bones, p_table) end;
    execute format('update public.%I as t set raw = %s, content_hash = 0%s where t.connection_id = $1 and t.%I = any ($2) '
                   'and t.content_hash <> 0%s', p_table, replace(bones, '%s', 't.raw'),
                   (select string_agg(format(', %I = null', c), '') from unnest(p_clears) as c), p_key,
                   case when p_live then ' and not t.is_deleted' else '' end)
        using p_connection_id, p_ids;
    execute format('update private.row_changes as c set before = c.before || jsonb_build_object(''raw'', %s, ''content_hash'', 0) '
                   '|| $4 where c.connection_id = $1 and c.table_name = $3 and c.before ->> %L = any ($2) '
                   'and c.before ->> ''content_hash'' <> ''0''', replace(bones, '%s', 'c.before -> ''raw'''), p_key)
        using p_connection_id, p_ids, p_table, (select coalesce(jsonb_object_agg(k, null), '{}') from unnest(p_clears) as k);
end $$;

-- erase_orders: of these orders of a channel, and of all that came with them, the figures stay.
create or replace function private.erase_orders(p_connection_id uuid, p_orders text[], p_live boolean default false)
returns void language plpgsql set search_path = '' as $$
declare part record; refunds text[]; payments text[];
begin
    payments := array(select p.platform_id from public.order_payments as p
                      where p.connection_id = p_connection_id and p.order_platform_id = any (p_orders));
    for part in select * from private.payment_parts() loop
        perform private.empty_part(p_connection_id, part.name, 'payment_platform_id', payments, part.clears, p_live);
    end loop;
    refunds := array(select r.platform_id from public.order_refunds as r
                     where r.connection_id = p_connection_id and r.order_platform_id = any (p_orders)
                       and not (p_live and r.is_deleted)
                     union
                     select c.keys[1] from private.row_changes as c
                     where c.connection_id = p_connection_id and c.table_name = 'order_refunds'
                       and c.before ->> 'order_platform_id' = any (p_orders));
    for part in select * from private.personal_parts() loop
        perform private.empty_part(p_connection_id, part.name, part.key,
                                   case when part.of_refund then refunds else p_orders end, part.clears,
                                   p_live and part.key <> 'platform_id');
    end loop;
end $$;

-- erase_made: the same of a printer's orders, in the printer's own words.
create or replace function private.erase_made(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
declare printer text := (select a.platform from public.connected_accounts as a where a.id = private.owner_of(p_connection_id));
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
    select exists (select from private.closed_objects as k where k.connection_id = private.owner_of(p_connection_id)
                                                             and k.forgotten_at is not null);
$$;

-- keep_orders_erased: of these orders of a channel, which came or were just found, those that are erased say nothing again.
create or replace function private.keep_orders_erased(p_connection_id uuid, p_orders text[]) returns void
language plpgsql set search_path = '' as $$
declare erased text[];
begin
    erased := array(select k.object_id from private.closed_objects as k
                    where k.connection_id = private.owner_of(p_connection_id) and k.table_name = 'orders' and k.object_id = any (p_orders)
                      and k.forgotten_at is not null);
    if erased <> '{}' then
        -- An order that is gone takes along what comes with it, so that it does not stand.
        perform private.erase_orders(p_connection_id, erased, not exists (
            select from public.orders as o where o.connection_id = p_connection_id and o.platform_id = any (erased) and o.is_deleted));
    end if;
end $$;

-- keep_erased: what was erased stays so, whatever page comes and by whichever way, in the transaction that lands it
-- (land_records): the records of these keys, the order that they belong to, its buyer. What was placed before the buyer was
-- erased is erased with it, also where nobody had read it; what is placed afterwards is new.
create or replace function private.keep_erased(job public.sync_jobs, p_shape text, p_keys text[]) returns void
language plpgsql set search_path = '' as $$
declare owner uuid := private.owner_of(job.connection_id); main text; parent text; ids text[]; buyers text[]; finds text := concat_ws('_', 'find_orders', job.platform, p_shape);
begin
    execute format('select private.%I() #>> %L', concat_ws('_', 'parts', job.platform, p_shape), '{0,table}') into main;
    if exists (select from private.cost_rules as r where r.source = job.platform) then
        ids := array(select k.object_id from private.closed_objects as k
                     where k.connection_id = owner and k.table_name = main and k.object_id = any (p_keys)
                       and k.forgotten_at is not null);
        if ids <> '{}' then
            perform private.erase_made(job.connection_id, ids);
        end if;
        return;
    end if;
    select p.key into parent from private.personal_parts() as p where p.name = main;
    if exists (select from private.payment_parts() as p where p.name = main) then
        execute format('select array(select distinct p.order_platform_id from public.%I as t join public.order_payments as p '
                       'on p.connection_id = t.connection_id and p.platform_id = t.payment_platform_id '
                       'where t.connection_id = $1 and t.platform_id = any ($2) and p.order_platform_id is not null)', main)
           into ids using job.connection_id, p_keys;
        perform private.keep_orders_erased(job.connection_id, ids);
    elsif exists (select from private.people_parts() as p where p.name = main) then
        -- What they do afterwards is new, as an order is; what names them from before says nothing.
        execute format('select array(select t.platform_id from public.%I as t join private.closed_objects as k '
                       'on k.connection_id = $3 and k.table_name = ''customers'' and k.object_id = t.buyer_platform_id '
                       'where t.connection_id = $1 and t.platform_id = any ($2) and k.forgotten_at is not null '
                       'and (k.for_good or k.forgotten_at > t.fetched_at))', main)
           into ids using job.connection_id, p_keys, owner;
        perform private.empty_part(job.connection_id, main, 'platform_id', ids, '{}');
    elsif parent is not null then
        if to_regprocedure(format('private.%I(public.sync_jobs,text[])', finds)) is not null then
            execute format('select private.%I($1, $2)', finds) using job, p_keys;
        end if;
        execute format('select array(select distinct t.%I from public.%I as t where t.connection_id = $1 '
                       'and t.platform_id = any ($2))', parent, main) into ids using job.connection_id, p_keys;
        insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
        select distinct on (r.order_platform_id) owner, 'orders', r.order_platform_id, k.forgotten_at, true
          from public.order_returns as r
          join private.closed_objects as k on k.connection_id = owner and k.table_name = 'orders'
                                          and k.object_id = r.source_order_platform_id and k.forgotten_at is not null
         where r.connection_id = job.connection_id and r.order_platform_id = any (ids)
         order by r.order_platform_id, k.forgotten_at
        on conflict (connection_id, table_name, object_id) do update
           set forgotten_at = excluded.forgotten_at, for_good = true where c.forgotten_at is null;
        insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
        select owner, 'orders', o.platform_id, k.forgotten_at, true
          from public.orders as o
          join private.closed_objects as k on k.connection_id = owner and k.table_name = 'customers'
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
          join public.customers as c on c.connection_id = job.connection_id and c.platform_id = k.object_id
         where k.connection_id = owner and k.table_name = 'customers' and k.object_id = any (buyers)
           and (k.for_good or k.forgotten_at > c.fetched_at)), '{name,email}');
end $$;

-- told_of: what is kept of bytes that could not be mapped. Of those that name whom or what was erased, in any of the
-- user's shops: that they came. An order that stands here and was placed after its buyer was erased is another one.
create or replace function private.told_of(job public.sync_jobs, p_key text, p_fetched_at timestamptz, p_raw bytea) returns bytea
language plpgsql stable set search_path = '' as $$
declare words text[]; who uuid := coalesce((select f.user_id from private.full_refreshes as f where f.shadow_id = job.user_id), job.user_id);
begin
    if not exists (select from public.connected_accounts as a where a.user_id = who and private.has_erased(a.id)) then
        return p_raw;
    end if;
    words := array(select distinct w[1] from regexp_matches(regexp_replace(encode(p_raw, 'escape'), '\\[0-7]{3}', ' ', 'g'),
                                                            '[[:alnum:]]{5,}', 'g') as w union select p_key);
    if exists (select from public.connected_accounts as a
               join private.closed_objects as k on k.connection_id = a.id and k.object_id = any (words)
               where a.user_id = who and k.forgotten_at is not null
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
    perform private.yield_to_erasure(connection.user_id);
    if cardinality(buyers) = 0 then
        select coalesce(array_agg(c.platform_id), '{}') into buyers from public.customers as c
         where c.connection_id = connection.id and lower(c.email) = lower(p_email);
        buyers := array(select unnest(buyers)
                        union select c.keys[1] from private.row_changes as c
                              where c.connection_id = connection.id and c.table_name = 'customers'
                                and lower(c.before ->> 'email') = lower(p_email));
    end if;
    select coalesce(array_agg(o.platform_id), '{}') into orders from public.orders as o
     where o.connection_id = connection.id and (o.buyer_platform_id = any (buyers) or o.platform_id = any (p_orders));
    -- An order that could not be mapped may have brought a payment all the same.
    orders := array(select unnest(orders) union select unnest(p_orders)
                    -- And one that a rollback took away, or that another buyer's name stands on now, may come back by another.
                    union select c.keys[1] from private.row_changes as c
                          where c.connection_id = connection.id and c.table_name = 'orders'
                            and c.before ->> 'buyer_platform_id' = any (buyers)
                    union select r.platform_id from public.rejected_records as r
                           where r.connection_id = connection.id and r.platform_id is not null
                             and private.names_one(r.raw, buyers));
    orders := private.with_returns(connection.id, orders);
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
    -- What the call of an open round showed of the newest buyer; without it they are read when they are due.
    update public.sync_jobs as j set cursor = j.cursor - 'shown' where j.connection_id = connection.id and j.cursor ? 'shown';
    perform private.erase_orders(connection.id, orders);
    for part in select * from private.people_parts() loop
        perform private.empty_part(connection.id, part.name, 'buyer_platform_id', buyers, part.clears);
    end loop;
    for part in select k.connection_id, array_agg(distinct k.source_id) as ids from private.cost_links as k
                where k.order_connection_id = connection.id and k.order_platform_id = any (orders)
                group by k.connection_id loop
        perform private.erase_made(part.connection_id, part.ids);
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
                   where o.connection_id = connection.id and o.content_hash = 0
                     and (o.buyer_platform_id = p_buyer
                          or o.buyer_platform_id in (select k.object_id from private.closed_objects as k
                                                     where k.connection_id = connection.id and k.table_name = 'customers'
                                                       and k.forgotten_at >= transaction_timestamp()))));
end $$;
revoke all on function public.erase_buyer(uuid, uuid, text, text) from public, anon, authenticated;
grant execute on function public.erase_buyer(uuid, uuid, text, text) to service_role;
