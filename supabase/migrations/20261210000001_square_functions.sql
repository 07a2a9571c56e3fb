-- How Square's records land, what is derived from them, what proves them whole, and how a buyer is erased from them (docs/decisions/044).

-- minor_money_exact: {amount, currency} whose amount is a whole number of the smallest unit. An amount of no currency is in the
-- record's; one that is not told is unknown.
create or replace function private.minor_money_exact(p_money jsonb, p_currency text, p_path text) returns bigint
language plpgsql immutable set search_path = '' as $$
begin
    -- What could not be read was blanked, and is said elsewhere (readable.sql).
    if p_money is null or p_money = 'null' or p_money ? 'keeper_unreadable' then
        return null;
    end if;
    if jsonb_typeof(p_money) <> 'object' then
        perform private.wrong_type(p_money, p_path, 'money');
    end if;
    if coalesce(p_money ->> 'currency', p_currency) is distinct from p_currency then
        raise exception using errcode = 'PT422', message = format('%s is in %s, the record in %s', p_path,
            p_money ->> 'currency', coalesce(p_currency, 'none'));
    end if;
    if p_money ->> 'amount' !~ '^-?\d{1,18}$' then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_money);
    end if;
    return (p_money ->> 'amount')::bigint;
end $$;

-- minor_money: the same; its currency is the record's.
create or replace function private.minor_money(p_money jsonb, p_currency text, p_path text) returns bigint
language sql immutable as $$
    select case when p_money is null then null
        when p_money ->> 'currency' = p_currency and p_money ->> 'amount' ~ '^-?\d{1,18}$' then (p_money ->> 'amount')::bigint
        else private.minor_money_exact(p_money, p_currency, p_path) end;
$$;

-- minor_sum_exact: of a list of objects such money, added up.
create or replace function private.minor_sum_exact(p_list jsonb, p_each text[], p_currency text, p_path text) returns bigint
language plpgsql immutable set search_path = '' as $$
begin
    if jsonb_typeof(p_list) <> 'array' then
        perform private.wrong_type(p_list, p_path, 'a list of amounts');
    end if;
    -- One amount that is not there leaves the sum unknown.
    return (select case when count(*) = count(m.amount) then sum(m.amount) end
            from jsonb_array_elements(p_list) as e,
                 lateral (select private.minor_money_exact(e #> p_each, p_currency, p_path) as amount) as m);
end $$;

-- minor_sum_of: the same; of none nobody knows.
create or replace function private.minor_sum_of(p_list jsonb, p_each text[], p_currency text, p_path text) returns bigint
language sql immutable as $$
    select case when p_list is null or jsonb_typeof(p_list) = 'null' or p_list = '[]' then null
        else private.minor_sum_exact(p_list, p_each, p_currency, p_path) end;
$$;

-- bad_decimal: refuse a text that is no decimal.
create or replace function private.bad_decimal(p_value text, p_path text) returns numeric
language plpgsql immutable set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s: %s is no decimal', p_path, p_value);
end $$;

-- decimal_of: a decimal as it is written: a quantity of half a pound is no whole number.
create or replace function private.decimal_of(p_value text, p_path text) returns numeric
language sql immutable as $$
    select case when p_value ~ '^-?\d{1,15}(\.\d{1,10})?$' then p_value::numeric
        when p_value is not null then private.bad_decimal(p_value, p_path) end;
$$;

-- whole_of: the same where it is a whole number; null of a fraction, which is known elsewhere.
create or replace function private.whole_of(p_value text, p_path text) returns bigint
language sql immutable as $$
    select case when p_value ~ '^-?\d{1,9}(\.0{1,10})?$' then trunc(p_value::numeric)::bigint
        when private.decimal_of(p_value, p_path) is not null then null end;
$$;

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

-- square_parts: how many groups of locations this job read of a stream, and how many there are to read, so many a call.
create or replace function private.square_parts(job public.sync_jobs, p_stream text, p_a_call int) returns jsonb
language sql stable set search_path = '' as $$
    with read as (select count(distinct p.part) as parts from public.sync_pages as p where p.job_id = job.id and p.stream = p_stream),
    there as (select count(*) as locations from public.locations as l where l.connection_id = job.connection_id and not l.is_deleted)
    select jsonb_build_object('ok', r.parts >= ceil(t.locations / p_a_call::numeric), 'counts',
               jsonb_build_object('locations', t.locations, 'groups_read', r.parts, 'groups', ceil(t.locations / p_a_call::numeric)))
    from read as r, there as t;
$$;

-- prove_square_order_locations: every location was asked for its orders: ten at most go into a search.
create or replace function private.prove_square_order_locations(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$ select private.square_parts(job, 'orders', 10) $$;

-- prove_square_payment_locations: and each for its payments, which are the main location's alone unless one is named.
create or replace function private.prove_square_payment_locations(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$ select private.square_parts(job, 'payments', 1) $$;

-- prove_square_payout_locations: and for its payouts.
create or replace function private.prove_square_payout_locations(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$ select private.square_parts(job, 'payouts', 1) $$;

-- prove_square_payments: every payment that an order was paid with is here. Those of orders are asked for that this job's window
-- covers: later ones are the next round's. And no order that a payment names had to be asked for by its id which the search
-- should have shown: then the orders are not complete, and are read again with the next start.
create or replace function private.prove_square_payments(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb; orders public.sync_jobs; unshown text[] := '{}';
begin
    with piece as materialized (select private.key_bound('tenders', job.connection_id, p_from, p_rows) as bound),
    paid as materialized (
        select t.payment_platform_id as key, min(t.tendered_at) as at from public.tenders as t cross join piece
        where t.connection_id = job.connection_id and not t.is_deleted and t.payment_platform_id is not null
          and t.platform_id >= p_from and (bound is null or t.platform_id < bound)
          and t.tendered_at >= coalesce(job.window_start, '-infinity') and t.tendered_at <= job.window_end
        group by t.payment_platform_id),
    missing as materialized (
        select p.key, p.at from paid as p
        where not exists (select from public.order_payments as o
                          where o.connection_id = job.connection_id and o.platform_id = p.key offset 0))
    select jsonb_build_object(
        'ok', not exists (select from missing), 'next', (select bound from piece),
        'counts', jsonb_build_object('paid_with', (select count(*) from paid), 'missing', (select count(*) from missing)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('payment', m.key, 'since', m.at, 'until', m.at)), '[]')
                             from (select * from missing order by at, key limit 5) as m))) into answer;
    if p_from <> '' then
        return answer;
    end if;
    select o.* into orders from public.sync_jobs as o
     where o.entity = 'orders' and o.status = 'completed' and case when job.shadow_id is null
           then o.connection_id = job.connection_id and o.job_type = job.job_type else o.run_id = job.run_id end
     order by o.created_at desc limit 1;
    unshown := array(select o.platform_id from private.read_keys(job, 'named_orders') as r
                     join public.orders as o on o.connection_id = job.connection_id and o.platform_id = r.key
                     where o.ordered_at between orders.window_start and orders.window_end order by 1);
    if unshown <> '{}' then
        update public.sync_jobs set doubted_at = coalesce(doubted_at, clock_timestamp()) where id = orders.id;
        answer := answer || '{"ok": false, "says": {"rests_on": "orders"}}';
    end if;
    return jsonb_set(jsonb_set(answer, '{counts,not_shown}', to_jsonb(cardinality(unshown))), '{firsts,first_not_shown}', to_jsonb(unshown[:5]));
end $$;

-- prove_square_refunds: every refund that a payment names is here.
create or replace function private.prove_square_refunds(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('order_payments', job.connection_id, p_from, p_rows) as bound),
    named as materialized (
        select p.platform_id as payment, p.paid_at, r.id from public.order_payments as p cross join piece
        cross join lateral jsonb_array_elements_text(case jsonb_typeof(p.raw -> 'refund_ids') when 'array' then p.raw -> 'refund_ids' end) as r(id)
        where p.connection_id = job.connection_id and not p.is_deleted and p.source_updated_at <= job.window_end
          and p.paid_at >= coalesce(job.window_start, '-infinity')
          and p.platform_id >= p_from and (bound is null or p.platform_id < bound)),
    missing as materialized (
        select n.payment, n.paid_at, n.id from named as n
        where not exists (select from public.payment_refunds as r
                          where r.connection_id = job.connection_id and r.platform_id = n.id offset 0))
    select jsonb_build_object(
        'ok', not exists (select from missing), 'next', (select bound from piece),
        'counts', jsonb_build_object('named', (select count(*) from named), 'missing', (select count(*) from missing)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('refund', m.id, 'payment', m.payment, 'since', m.paid_at, 'until', job.window_end)), '[]')
                             from (select * from missing order by paid_at, id limit 5) as m)));
$$;

-- prove_square_payout_entries: what a payout that has been paid is made of comes to what was paid: none of its entries is
-- missing. One that is paid within a later one has none. And each is of a payout that is here: the entries' own reading lists the
-- payouts once more.
create or replace function private.prove_square_payout_entries(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('payouts', job.connection_id, p_from, p_rows) as bound),
    checked as materialized (
        select p.platform_id, p.paid_out_at, p.payout_amount, e.entries, e.amount
        from public.payouts as p cross join piece
        cross join lateral (select count(*) as entries, coalesce(sum(e.net_amount), 0) as amount from public.payout_entries as e
                            where e.connection_id = job.connection_id and e.payout_platform_id = p.platform_id and not e.is_deleted offset 0) as e
        where p.connection_id = job.connection_id and not p.is_deleted and p.status = 'paid'
          and p.payout_type is distinct from 'simple' and p.payout_amount is not null
          and p.platform_id >= p_from and (bound is null or p.platform_id < bound)
          and p.paid_out_at >= coalesce(job.window_start, '-infinity') and p.paid_out_at <= job.window_end),
    unknown as materialized (
        select e.payout_platform_id as platform_id, min(e.effective_at) as at from public.payout_entries as e
        where p_from = '' and e.connection_id = job.connection_id and not e.is_deleted
        group by e.payout_platform_id
        having not exists (select from public.payouts as p where p.connection_id = job.connection_id and p.platform_id = e.payout_platform_id offset 0)),
    breaks as materialized (
        select platform_id, paid_out_at as at, payout_amount, amount from checked where amount <> payout_amount
        union all select platform_id, at, null, null from unknown)
    select jsonb_build_object(
        'ok', not exists (select from breaks), 'next', (select bound from piece),
        'counts', jsonb_build_object('payouts', (select count(*) from checked), 'entries', (select coalesce(sum(entries), 0) from checked),
                                     'breaks', (select count(*) from breaks), 'of_unknown_payouts', (select count(*) from unknown)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('payout', b.platform_id, 'since', b.at, 'until', job.window_end,
                                        'expected', b.payout_amount, 'found', b.amount)), '[]')
                             from (select * from breaks order by at, platform_id limit 5) as b)));
$$;

-- prove_square_categories: every category that an item is in is here.
create or replace function private.prove_square_categories(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('catalog_items', job.connection_id, p_from, p_rows) as bound),
    named as materialized (
        select distinct i.category_platform_id as key from public.catalog_items as i cross join piece
        where i.connection_id = job.connection_id and not i.is_deleted and i.category_platform_id is not null
          and i.platform_id >= p_from and (bound is null or i.platform_id < bound)),
    missing as materialized (
        select key from named
        except
        select c.platform_id from public.catalog_categories as c where c.connection_id = job.connection_id and not c.is_deleted)
    select jsonb_build_object(
        'ok', true, 'next', (select bound from piece),
        'counts', jsonb_build_object('categories_named', (select count(*) from named), 'unknown', (select count(*) from missing)),
        'firsts', jsonb_build_object('first_unknown', (select coalesce(jsonb_agg(key), '[]') from (select * from missing order by key limit 5) as m)));
$$;

-- prove_square_variants: each variation is of an item that is here, and each item has a variation. The lists come one after the
-- other: what was made or taken away between them is not proven until both are read again.
create or replace function private.prove_square_variants(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('catalog_items', job.connection_id, p_from, p_rows) as bound),
    items as materialized (
        select i.platform_id as key from public.catalog_items as i cross join piece
        where i.connection_id = job.connection_id and not i.is_deleted
          and i.platform_id >= p_from and (bound is null or i.platform_id < bound)),
    bare as materialized (
        select key from items
        except
        select v.item_platform_id from public.catalog_variations as v cross join piece
        where v.connection_id = job.connection_id and not v.is_deleted
          and v.item_platform_id >= p_from and (bound is null or v.item_platform_id < bound)),
    orphans as materialized (
        select v.item_platform_id as key from public.catalog_variations as v cross join piece
        where v.connection_id = job.connection_id and not v.is_deleted
          and v.item_platform_id >= p_from and (bound is null or v.item_platform_id < bound)
        except
        select i.platform_id from public.catalog_items as i cross join piece
        where i.connection_id = job.connection_id and i.platform_id >= p_from and (bound is null or i.platform_id < bound))
    select jsonb_build_object(
        'ok', not exists (select from bare) and not exists (select from orphans), 'next', (select bound from piece),
        'counts', jsonb_build_object('items', (select count(*) from items), 'items_without', (select count(*) from bare),
                                     'of_unknown_items', (select count(*) from orphans)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(to_jsonb(b)), '[]') from (
                 (select key as item_without from bare order by key limit 5)) as b)
                || (select coalesce(jsonb_agg(to_jsonb(b)), '[]') from (
                 (select key as unknown_item from orphans order by key limit 5)) as b)));
$$;

-- prove_square_counts: how many counts are of a variation that is here. For information: a count outlives its variation.
create or replace function private.prove_square_counts(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('inventory_counts', job.connection_id, p_from, p_rows) as bound)
    select jsonb_build_object('ok', true, 'next', (select bound from piece), 'counts', jsonb_build_object(
        'counts', count(c.platform_id), 'of_unknown_variations', count(*) filter (where c.platform_id is not null and not exists (
            select from public.catalog_variations as v
            where v.connection_id = job.connection_id and v.platform_id = c.variation_platform_id offset 0))))
    from piece left join public.inventory_counts as c on c.connection_id = job.connection_id and not c.is_deleted
                     and c.platform_id >= p_from and (bound is null or c.platform_id < bound);
$$;

-- pending_square_named_orders: orders that a payment names and that are not here: an order that was opened before the history
-- begins, or that no search showed.
create or replace function private.pending_square_named_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' as $$
    (select p.order_platform_id from public.order_payments as p
     where p.connection_id = job.connection_id and not p.is_deleted and p.order_platform_id > p_after and private.reads_all(job)
     union
     select p.order_platform_id from private.read_keys(job, 'payments') as r
     join public.order_payments as p on p.connection_id = job.connection_id and p.platform_id = r.key
     where p.order_platform_id > p_after and not private.reads_all(job))
    except
    select o.platform_id from public.orders as o where o.connection_id = job.connection_id
    order by 1 limit p_limit;
$$;

-- derive_square_line_listings: a line of an order names the variation that was sold; of which item that is says the catalog.
create or replace function private.derive_square_line_listings(job public.sync_jobs, p_after text, p_limit int,
                                                               p_keys text[] default null) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select l.ctid, l.platform_id, l.product_platform_id, l.listing_platform_id from public.line_items as l
        where l.connection_id = job.connection_id and l.platform_id > p_after and (p_keys is null or l.platform_id = any (p_keys))
        order by l.platform_id limit p_limit),
    found as materialized (
        -- `offset 0` keeps it a look-up by primary key.
        select b.ctid, v.item_platform_id from batch as b
        cross join lateral (select v.item_platform_id from public.catalog_variations as v
                            where v.connection_id = job.connection_id and v.platform_id = b.product_platform_id offset 0) as v
        where b.listing_platform_id is distinct from v.item_platform_id and v.item_platform_id is not null),
    linked as (
        update public.line_items as l set listing_platform_id = f.item_platform_id, sync_run_id = job.run_id
          from found as f where l.ctid = f.ctid)
    select jsonb_build_object('rows', count(*), 'after', max(platform_id)) into answer from batch;
    return answer;
end $$;

create or replace function private.map_square_locations_locations(r jsonb) returns table (
        title text, status text, location_type text, time_zone text, country text, city text, language text,
        opened_at timestamptz, currency text)
language sql stable as $$
    select v.title, lower(v.status), lower(v.location_type), v.time_zone, v.country, v.city, v.language,
        private.moment(v.opened_at, 'created_at'), v.currency
    from (select
        private.text_in(r, 'name', 'name') as title,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.string_in(r, 'type', 'type', 'lower') as location_type,
        private.text_in(r, 'timezone', 'timezone') as time_zone,
        private.text_in(r, 'country', 'country') as country,
        private.text_in(r -> 'address', 'locality', 'address.locality') as city,
        private.text_in(r, 'language_code', 'language_code') as language,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as opened_at,
        private.text_in(r, 'currency', 'currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_square_locations(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('currency', e.r -> 'currency', 'business_name', e.r -> 'business_name', 'capabilities', e.r -> 'capabilities', 'mcc', e.r -> 'mcc', 'merchant_id', e.r -> 'merchant_id', 'business_hours', e.r -> 'business_hours', 'coordinates', e.r -> 'coordinates', 'id', e.r -> 'id', 'name', e.r -> 'name', 'status', e.r -> 'status', 'type', e.r -> 'type', 'timezone', e.r -> 'timezone', 'country', e.r -> 'country', 'address', jsonb_build_object('locality', e.r -> 'address' -> 'locality'), 'language_code', e.r -> 'language_code', 'created_at', e.r -> 'created_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, 0 as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_locations_locations(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.locations as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    locations_new as (
        insert into public.locations as t (
            connection_id, user_id, platform, platform_id, title, status, location_type, time_zone, country, city, language, opened_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, status, location_type, time_zone, country, city, language, opened_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    locations_changed as (
        insert into public.locations as t (
            connection_id, user_id, platform, platform_id, title, status, location_type, time_zone, country, city, language, opened_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, status, location_type, time_zone, country, city, language, opened_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set title = excluded.title, status = excluded.status, location_type = excluded.location_type, time_zone = excluded.time_zone, country = excluded.country, city = excluded.city, language = excluded.language, opened_at = excluded.opened_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from locations_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_locations() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_locations_locations", "table": "locations", "columns": {"title": ["name"], "status": ["status"], "location_type": ["type"], "time_zone": ["timezone"], "country": ["country"], "city": ["address.locality"], "language": ["language_code"], "opened_at": ["created_at"], "currency": ["currency"]}, "updated": [], "updated_as": "epoch"}]'::jsonb
$$;

create or replace function private.map_square_orders_orders(r jsonb) returns table (
        version bigint, status text, location_platform_id text, source_name text, buyer_platform_id text,
        ordered_at timestamptz, closed_at timestamptz, cancelled_at timestamptz, discount_amount bigint,
        service_charge_amount bigint, tax_amount bigint, tip_amount bigint, total_amount bigint,
        current_total_amount bigint, currency text)
language sql stable as $$
    select v.version, lower(v.status), v.location_platform_id, v.source_name, v.buyer_platform_id,
        private.moment(v.ordered_at, 'created_at'), private.moment(v.closed_at, 'closed_at'),
        case when r ->> 'state' = 'CANCELED' then private.moment(v.cancelled_at, 'closed_at') end,
        private.minor_money(v.discount_amount, v.currency, 'total_discount_money'),
        private.minor_money(v.service_charge_amount, v.currency, 'total_service_charge_money'),
        private.minor_money(v.tax_amount, v.currency, 'total_tax_money'),
        private.minor_money(v.tip_amount, v.currency, 'total_tip_money'),
        private.minor_money(v.total_amount, v.currency, 'total_money'),
        private.minor_money(v.current_total_amount, v.currency, 'net_amounts.total_money'), v.currency
    from (select
        (r ->> 'version')::bigint as version,
        private.string_in(r, 'state', 'state', 'lower') as status,
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        private.text_in(r -> 'source', 'name', 'source.name') as source_name,
        private.text_in(r, 'customer_id', 'customer_id') as buyer_platform_id,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as ordered_at,
        private.string_in(r, 'closed_at', 'closed_at', 'iso_time') as closed_at,
        private.string_in(r, 'closed_at', 'closed_at', 'iso_time') as cancelled_at,
        r -> 'total_discount_money' as discount_amount,
        r -> 'total_service_charge_money' as service_charge_amount,
        r -> 'total_tax_money' as tax_amount,
        r -> 'total_tip_money' as tip_amount,
        r -> 'total_money' as total_amount,
        r -> 'net_amounts' -> 'total_money' as current_total_amount,
        private.text_in(r -> 'total_money', 'currency', 'total_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_orders_line_items(r jsonb) returns table (
        product_platform_id text, title text, variation_title text, item_type text, quantity bigint,
        exact_quantity numeric, price_amount bigint, gross_amount bigint, discount_amount bigint, tax_amount bigint,
        service_charge_amount bigint, total_amount bigint, currency text)
language sql stable as $$
    select v.product_platform_id, v.title, v.variation_title, lower(v.item_type), private.whole_of(v.quantity, 'quantity'),
        private.decimal_of(v.exact_quantity, 'quantity'),
        private.minor_money(v.price_amount, v.currency, 'base_price_money'),
        private.minor_money(v.gross_amount, v.currency, 'gross_sales_money'),
        private.minor_money(v.discount_amount, v.currency, 'total_discount_money'),
        private.minor_money(v.tax_amount, v.currency, 'total_tax_money'),
        private.minor_money(v.service_charge_amount, v.currency, 'total_service_charge_money'),
        private.minor_money(v.total_amount, v.currency, 'total_money'), v.currency
    from (select
        private.text_in(r, 'catalog_object_id', 'catalog_object_id') as product_platform_id,
        private.text_in(r, 'name', 'name') as title,
        private.text_in(r, 'variation_name', 'variation_name') as variation_title,
        private.string_in(r, 'item_type', 'item_type', 'lower') as item_type,
        private.text_in(r, 'quantity', 'quantity') as quantity,
        private.text_in(r, 'quantity', 'quantity') as exact_quantity,
        r -> 'base_price_money' as price_amount,
        r -> 'gross_sales_money' as gross_amount,
        r -> 'total_discount_money' as discount_amount,
        r -> 'total_tax_money' as tax_amount,
        r -> 'total_service_charge_money' as service_charge_amount,
        r -> 'total_money' as total_amount,
        private.text_in(r -> 'base_price_money', 'currency', 'base_price_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_orders_order_line_modifiers(r jsonb) returns table (
        line_uid text, modifier_platform_id text, title text, quantity numeric, price_amount bigint, total_amount bigint,
        currency text)
language sql stable as $$
    select v.line_uid, v.modifier_platform_id, v.title, private.decimal_of(v.quantity, 'quantity'),
        private.minor_money(v.price_amount, v.currency, 'base_price_money'),
        private.minor_money(v.total_amount, v.currency, 'total_price_money'), v.currency
    from (select
        private.text_in(r -> 'of', 'uid', 'of.uid') as line_uid,
        private.text_in(r, 'catalog_object_id', 'catalog_object_id') as modifier_platform_id,
        private.text_in(r, 'name', 'name') as title,
        private.text_in(r, 'quantity', 'quantity') as quantity,
        r -> 'base_price_money' as price_amount,
        r -> 'total_price_money' as total_amount,
        private.text_in(r -> 'total_price_money', 'currency', 'total_price_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_orders_order_service_charges(r jsonb) returns table (
        title text, charge_type text, phase text, applied_amount bigint, tax_amount bigint, total_amount bigint,
        currency text)
language sql stable as $$
    select v.title, lower(v.charge_type), lower(v.phase),
        private.minor_money(v.applied_amount, v.currency, 'applied_money'),
        private.minor_money(v.tax_amount, v.currency, 'total_tax_money'),
        private.minor_money(v.total_amount, v.currency, 'total_money'), v.currency
    from (select
        private.text_in(r, 'name', 'name') as title,
        private.string_in(r, 'type', 'type', 'lower') as charge_type,
        private.string_in(r, 'calculation_phase', 'calculation_phase', 'lower') as phase,
        r -> 'applied_money' as applied_amount,
        r -> 'total_tax_money' as tax_amount,
        r -> 'total_money' as total_amount,
        private.text_in(r -> 'total_money', 'currency', 'total_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_orders_order_fulfillments(r jsonb) returns table (
        fulfillment_type text, status text, carrier text, tracking_code text, shipped_at timestamptz)
language sql stable as $$
    select lower(v.fulfillment_type), lower(v.status), v.carrier, v.tracking_code,
        private.moment(v.shipped_at, 'shipment_details.shipped_at')
    from (select
        private.string_in(r, 'type', 'type', 'lower') as fulfillment_type,
        private.string_in(r, 'state', 'state', 'lower') as status,
        private.text_in(r -> 'shipment_details', 'carrier', 'shipment_details.carrier') as carrier,
        private.text_in(r -> 'shipment_details', 'tracking_number', 'shipment_details.tracking_number') as tracking_code,
        private.string_in(r -> 'shipment_details', 'shipped_at', 'shipment_details.shipped_at', 'iso_time') as shipped_at
        offset 0) as v;
$$;

create or replace function private.map_square_orders_tenders(r jsonb) returns table (
        tender_type text, payment_platform_id text, location_platform_id text, tender_amount bigint, tip_amount bigint,
        fees_amount bigint, tendered_at timestamptz, currency text)
language sql stable as $$
    select lower(v.tender_type), v.payment_platform_id, v.location_platform_id,
        private.minor_money(v.tender_amount, v.currency, 'amount_money'),
        private.minor_money(v.tip_amount, v.currency, 'tip_money'),
        private.minor_money(v.fees_amount, v.currency, 'processing_fee_money'),
        private.moment(v.tendered_at, 'created_at'), v.currency
    from (select
        private.string_in(r, 'type', 'type', 'lower') as tender_type,
        private.text_in(r, 'payment_id', 'payment_id') as payment_platform_id,
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        r -> 'amount_money' as tender_amount,
        r -> 'tip_money' as tip_amount,
        r -> 'processing_fee_money' as fees_amount,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as tendered_at,
        private.text_in(r -> 'amount_money', 'currency', 'amount_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_orders_order_refunds(r jsonb) returns table (
        refund_amount bigint, reason text, status text, refunded_at timestamptz, currency text)
language sql stable as $$
    select private.minor_money(v.refund_amount, v.currency, 'amount_money'), v.reason, lower(v.status),
        private.moment(v.refunded_at, 'created_at'), v.currency
    from (select
        r -> 'amount_money' as refund_amount,
        private.text_in(r, 'reason', 'reason') as reason,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as refunded_at,
        private.text_in(r -> 'amount_money', 'currency', 'amount_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_orders_order_returns(r jsonb) returns table (
        source_order_platform_id text, tax_amount bigint, discount_amount bigint, tip_amount bigint,
        service_charge_amount bigint, total_amount bigint, currency text)
language sql stable as $$
    select v.source_order_platform_id, private.minor_money(v.tax_amount, v.currency, 'return_amounts.tax_money'),
        private.minor_money(v.discount_amount, v.currency, 'return_amounts.discount_money'),
        private.minor_money(v.tip_amount, v.currency, 'return_amounts.tip_money'),
        private.minor_money(v.service_charge_amount, v.currency, 'return_amounts.service_charge_money'),
        private.minor_money(v.total_amount, v.currency, 'return_amounts.total_money'), v.currency
    from (select
        private.text_in(r, 'source_order_id', 'source_order_id') as source_order_platform_id,
        r -> 'return_amounts' -> 'tax_money' as tax_amount,
        r -> 'return_amounts' -> 'discount_money' as discount_amount,
        r -> 'return_amounts' -> 'tip_money' as tip_amount,
        r -> 'return_amounts' -> 'service_charge_money' as service_charge_amount,
        r -> 'return_amounts' -> 'total_money' as total_amount,
        private.text_in(r -> 'return_amounts' -> 'total_money', 'currency', 'return_amounts.total_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_orders_order_return_lines(r jsonb) returns table (
        source_order_platform_id text, source_line_uid text, product_platform_id text, title text, quantity numeric,
        gross_amount bigint, discount_amount bigint, tax_amount bigint, total_amount bigint, currency text)
language sql stable as $$
    select v.source_order_platform_id, v.source_line_uid, v.product_platform_id, v.title,
        private.decimal_of(v.quantity, 'quantity'),
        private.minor_money(v.gross_amount, v.currency, 'gross_return_money'),
        private.minor_money(v.discount_amount, v.currency, 'total_discount_money'),
        private.minor_money(v.tax_amount, v.currency, 'total_tax_money'),
        private.minor_money(v.total_amount, v.currency, 'total_money'), v.currency
    from (select
        private.text_in(r -> 'of', 'source_order_id', 'of.source_order_id') as source_order_platform_id,
        private.text_in(r, 'source_line_item_uid', 'source_line_item_uid') as source_line_uid,
        private.text_in(r, 'catalog_object_id', 'catalog_object_id') as product_platform_id,
        private.text_in(r, 'name', 'name') as title,
        private.text_in(r, 'quantity', 'quantity') as quantity,
        r -> 'gross_return_money' as gross_amount,
        r -> 'total_discount_money' as discount_amount,
        r -> 'total_tax_money' as tax_amount,
        r -> 'total_money' as total_amount,
        private.text_in(r -> 'total_money', 'currency', 'total_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_square_orders(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'line_items', 'null') as line_items_at,
                     nullif(e.r -> 'line_items', 'null') as order_line_modifiers_at,
                     nullif(e.r -> 'service_charges', 'null') as order_service_charges_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     nullif(e.r -> 'tenders', 'null') as tenders_at,
                     nullif(e.r -> 'refunds', 'null') as order_refunds_at,
                     nullif(e.r -> 'returns', 'null') as order_returns_at,
                     nullif(e.r -> 'returns', 'null') as order_return_lines_at,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('total_money', e.r -> 'total_money', 'reference_id', e.r -> 'reference_id', 'taxes', e.r -> 'taxes', 'discounts', e.r -> 'discounts', 'rounding_adjustment', e.r -> 'rounding_adjustment', 'net_amounts', e.r -> 'net_amounts', 'return_amounts', e.r -> 'return_amounts', 'net_amount_due_money', e.r -> 'net_amount_due_money', 'pricing_options', e.r -> 'pricing_options', 'rewards', e.r -> 'rewards', 'state', e.r -> 'state', 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'version', e.r -> 'version', 'location_id', e.r -> 'location_id', 'source', jsonb_build_object('name', e.r -> 'source' -> 'name'), 'customer_id', e.r -> 'customer_id', 'closed_at', e.r -> 'closed_at', 'total_discount_money', e.r -> 'total_discount_money', 'total_service_charge_money', e.r -> 'total_service_charge_money', 'total_tax_money', e.r -> 'total_tax_money', 'total_tip_money', e.r -> 'total_tip_money') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, version, status, location_platform_id, source_name, buyer_platform_id, ordered_at, closed_at, cancelled_at, discount_amount, service_charge_amount, tax_amount, tip_amount, total_amount, current_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, status, location_platform_id, source_name, buyer_platform_id, ordered_at, closed_at, cancelled_at, discount_amount, service_charge_amount, tax_amount, tip_amount, total_amount, current_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, version, status, location_platform_id, source_name, buyer_platform_id, ordered_at, closed_at, cancelled_at, discount_amount, service_charge_amount, tax_amount, tip_amount, total_amount, current_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, status, location_platform_id, source_name, buyer_platform_id, ordered_at, closed_at, cancelled_at, discount_amount, service_charge_amount, tax_amount, tip_amount, total_amount, current_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set version = excluded.version, status = excluded.status, location_platform_id = excluded.location_platform_id, source_name = excluded.source_name, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer_id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, ordered_at = excluded.ordered_at, closed_at = excluded.closed_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, service_charge_amount = excluded.service_charge_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('base_price_money', e.r -> 'base_price_money', 'item_type', e.r -> 'item_type', 'catalog_version', e.r -> 'catalog_version', 'applied_taxes', e.r -> 'applied_taxes', 'applied_discounts', e.r -> 'applied_discounts', 'quantity_unit', e.r -> 'quantity_unit', 'uid', e.r -> 'uid', 'catalog_object_id', e.r -> 'catalog_object_id', 'name', e.r -> 'name', 'variation_name', e.r -> 'variation_name', 'quantity', e.r -> 'quantity', 'gross_sales_money', e.r -> 'gross_sales_money', 'total_discount_money', e.r -> 'total_discount_money', 'total_tax_money', e.r -> 'total_tax_money', 'total_service_charge_money', e.r -> 'total_service_charge_money', 'total_money', e.r -> 'total_money') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'uid', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'uid' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, product_platform_id, title, variation_title, item_type, quantity, exact_quantity, price_amount, gross_amount, discount_amount, tax_amount, service_charge_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, product_platform_id, title, variation_title, item_type, quantity, exact_quantity, price_amount, gross_amount, discount_amount, tax_amount, service_charge_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, product_platform_id, title, variation_title, item_type, quantity, exact_quantity, price_amount, gross_amount, discount_amount, tax_amount, service_charge_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, product_platform_id, title, variation_title, item_type, quantity, exact_quantity, price_amount, gross_amount, discount_amount, tax_amount, service_charge_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, product_platform_id = excluded.product_platform_id, title = excluded.title, variation_title = excluded.variation_title, item_type = excluded.item_type, quantity = excluded.quantity, exact_quantity = excluded.exact_quantity, price_amount = excluded.price_amount, gross_amount = excluded.gross_amount, discount_amount = excluded.discount_amount, tax_amount = excluded.tax_amount, service_charge_amount = excluded.service_charge_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_line_modifiers_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('total_price_money', e.r -> 'total_price_money', 'of', jsonb_build_object('uid', e.r -> 'of' -> 'uid'), 'uid', e.r -> 'uid', 'catalog_object_id', e.r -> 'catalog_object_id', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'base_price_money', e.r -> 'base_price_money') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r -> 'of' ->> 'uid', '-') || ':' || coalesce(e.r ->> 'uid', '-') || ':' || (row_number() over (partition by f.platform_id, e.r -> 'of' ->> 'uid', e.r ->> 'uid' order by e.ord))::text as platform_id
                  from fresh as f, lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- '{modifiers}' as r, nullif(p.r #> '{modifiers}', 'null') as parts, p.ord
                            from jsonb_array_elements(f.order_line_modifiers_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e offset 0) as e,
                 lateral private.map_square_orders_order_line_modifiers(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_line_modifiers as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_line_modifiers_new as (
        insert into public.order_line_modifiers as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_uid, modifier_platform_id, title, quantity, price_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_uid, modifier_platform_id, title, quantity, price_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_line_modifiers_in where is_new),
    order_line_modifiers_changed as (
        insert into public.order_line_modifiers as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_uid, modifier_platform_id, title, quantity, price_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_uid, modifier_platform_id, title, quantity, price_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_line_modifiers_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, line_uid = excluded.line_uid, modifier_platform_id = excluded.modifier_platform_id, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_line_modifiers_gone as (
        update public.order_line_modifiers as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_line_modifiers as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_line_modifiers_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_line_modifiers_in as n))))),
    order_service_charges_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('total_money', e.r -> 'total_money', 'uid', e.r -> 'uid', 'name', e.r -> 'name', 'type', e.r -> 'type', 'calculation_phase', e.r -> 'calculation_phase', 'applied_money', e.r -> 'applied_money', 'total_tax_money', e.r -> 'total_tax_money') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'uid', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'uid' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_service_charges_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_orders_order_service_charges(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_service_charges as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_service_charges_new as (
        insert into public.order_service_charges as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, charge_type, phase, applied_amount, tax_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, charge_type, phase, applied_amount, tax_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_service_charges_in where is_new),
    order_service_charges_changed as (
        insert into public.order_service_charges as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, charge_type, phase, applied_amount, tax_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, charge_type, phase, applied_amount, tax_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_service_charges_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, title = excluded.title, charge_type = excluded.charge_type, phase = excluded.phase, applied_amount = excluded.applied_amount, tax_amount = excluded.tax_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_service_charges_gone as (
        update public.order_service_charges as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_service_charges as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_service_charges_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_service_charges_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('uid', e.r -> 'uid', 'type', e.r -> 'type', 'state', e.r -> 'state', 'shipment_details', jsonb_build_object('carrier', e.r -> 'shipment_details' -> 'carrier', 'tracking_number', e.r -> 'shipment_details' -> 'tracking_number', 'shipped_at', e.r -> 'shipment_details' -> 'shipped_at')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'uid', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'uid' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, fulfillment_type, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, fulfillment_type, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, fulfillment_type, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, fulfillment_type, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, fulfillment_type = excluded.fulfillment_type, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n))))),
    tenders_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amount_money', e.r -> 'amount_money', 'id', e.r -> 'id', 'type', e.r -> 'type', 'payment_id', e.r -> 'payment_id', 'location_id', e.r -> 'location_id', 'tip_money', e.r -> 'tip_money', 'processing_fee_money', e.r -> 'processing_fee_money', 'created_at', e.r -> 'created_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.tenders_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_orders_tenders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.tenders as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    tenders_new as (
        insert into public.tenders as t (
            connection_id, user_id, platform, platform_id, order_platform_id, tender_type, payment_platform_id, location_platform_id, tender_amount, tip_amount, fees_amount, tendered_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, tender_type, payment_platform_id, location_platform_id, tender_amount, tip_amount, fees_amount, tendered_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from tenders_in where is_new),
    tenders_changed as (
        insert into public.tenders as t (
            connection_id, user_id, platform, platform_id, order_platform_id, tender_type, payment_platform_id, location_platform_id, tender_amount, tip_amount, fees_amount, tendered_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, tender_type, payment_platform_id, location_platform_id, tender_amount, tip_amount, fees_amount, tendered_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from tenders_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, tender_type = excluded.tender_type, payment_platform_id = excluded.payment_platform_id, location_platform_id = excluded.location_platform_id, tender_amount = excluded.tender_amount, tip_amount = excluded.tip_amount, fees_amount = excluded.fees_amount, tendered_at = excluded.tendered_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    tenders_gone as (
        update public.tenders as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.tenders as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.tenders_at is not null
              and g.platform_id <> all (array(select n.platform_id from tenders_in as n))))),
    order_refunds_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amount_money', e.r -> 'amount_money', 'tender_id', e.r -> 'tender_id', 'transaction_id', e.r -> 'transaction_id', 'location_id', e.r -> 'location_id', 'id', e.r -> 'id', 'reason', e.r -> 'reason', 'status', e.r -> 'status', 'created_at', e.r -> 'created_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refunds_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_orders_order_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refunds as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refunds_new as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refunds_in where is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refunds_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, refund_amount = excluded.refund_amount, reason = excluded.reason, status = excluded.status, refunded_at = excluded.refunded_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refunds_gone as (
        update public.order_refunds as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refunds as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refunds_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_refunds_in as n))))),
    order_returns_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('return_amounts', jsonb_build_object('total_money', e.r -> 'return_amounts' -> 'total_money', 'tax_money', e.r -> 'return_amounts' -> 'tax_money', 'discount_money', e.r -> 'return_amounts' -> 'discount_money', 'tip_money', e.r -> 'return_amounts' -> 'tip_money', 'service_charge_money', e.r -> 'return_amounts' -> 'service_charge_money'), 'rounding_adjustment', e.r -> 'rounding_adjustment', 'return_taxes', e.r -> 'return_taxes', 'return_discounts', e.r -> 'return_discounts', 'return_tips', e.r -> 'return_tips', 'return_service_charges', e.r -> 'return_service_charges', 'uid', e.r -> 'uid', 'source_order_id', e.r -> 'source_order_id') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'uid', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'uid' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_returns_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_orders_order_returns(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_returns as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_returns_new as (
        insert into public.order_returns as t (
            connection_id, user_id, platform, platform_id, order_platform_id, source_order_platform_id, tax_amount, discount_amount, tip_amount, service_charge_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, source_order_platform_id, tax_amount, discount_amount, tip_amount, service_charge_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_returns_in where is_new),
    order_returns_changed as (
        insert into public.order_returns as t (
            connection_id, user_id, platform, platform_id, order_platform_id, source_order_platform_id, tax_amount, discount_amount, tip_amount, service_charge_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, source_order_platform_id, tax_amount, discount_amount, tip_amount, service_charge_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_returns_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, source_order_platform_id = excluded.source_order_platform_id, tax_amount = excluded.tax_amount, discount_amount = excluded.discount_amount, tip_amount = excluded.tip_amount, service_charge_amount = excluded.service_charge_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_returns_gone as (
        update public.order_returns as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_returns as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_returns_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_returns_in as n))))),
    order_return_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('total_money', e.r -> 'total_money', 'item_type', e.r -> 'item_type', 'return_modifiers', e.r -> 'return_modifiers', 'applied_taxes', e.r -> 'applied_taxes', 'applied_discounts', e.r -> 'applied_discounts', 'of', jsonb_build_object('uid', e.r -> 'of' -> 'uid', 'source_order_id', e.r -> 'of' -> 'source_order_id'), 'uid', e.r -> 'uid', 'source_line_item_uid', e.r -> 'source_line_item_uid', 'catalog_object_id', e.r -> 'catalog_object_id', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'gross_return_money', e.r -> 'gross_return_money', 'total_discount_money', e.r -> 'total_discount_money', 'total_tax_money', e.r -> 'total_tax_money') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r -> 'of' ->> 'uid', '-') || ':' || coalesce(e.r ->> 'uid', '-') || ':' || (row_number() over (partition by f.platform_id, e.r -> 'of' ->> 'uid', e.r ->> 'uid' order by e.ord))::text as platform_id
                  from fresh as f, lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- '{return_line_items}' as r, nullif(p.r #> '{return_line_items}', 'null') as parts, p.ord
                            from jsonb_array_elements(f.order_return_lines_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e offset 0) as e,
                 lateral private.map_square_orders_order_return_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_return_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_return_lines_new as (
        insert into public.order_return_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, source_order_platform_id, source_line_uid, product_platform_id, title, quantity, gross_amount, discount_amount, tax_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, source_order_platform_id, source_line_uid, product_platform_id, title, quantity, gross_amount, discount_amount, tax_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_return_lines_in where is_new),
    order_return_lines_changed as (
        insert into public.order_return_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, source_order_platform_id, source_line_uid, product_platform_id, title, quantity, gross_amount, discount_amount, tax_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, source_order_platform_id, source_line_uid, product_platform_id, title, quantity, gross_amount, discount_amount, tax_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_return_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, source_order_platform_id = excluded.source_order_platform_id, source_line_uid = excluded.source_line_uid, product_platform_id = excluded.product_platform_id, title = excluded.title, quantity = excluded.quantity, gross_amount = excluded.gross_amount, discount_amount = excluded.discount_amount, tax_amount = excluded.tax_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_return_lines_gone as (
        update public.order_return_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_return_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_return_lines_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_return_lines_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_orders_orders", "table": "orders", "columns": {"version": ["version"], "status": ["state"], "location_platform_id": ["location_id"], "source_name": ["source.name"], "buyer_platform_id": ["customer_id"], "ordered_at": ["created_at"], "closed_at": ["closed_at"], "cancelled_at": ["closed_at"], "discount_amount": ["total_discount_money"], "service_charge_amount": ["total_service_charge_money"], "tax_amount": ["total_tax_money"], "tip_amount": ["total_tip_money"], "total_amount": ["total_money"], "current_total_amount": ["net_amounts.total_money"], "currency": ["total_money.currency"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"},
      {"map": "map_square_orders_line_items", "table": "line_items", "columns": {"product_platform_id": ["catalog_object_id"], "title": ["name"], "variation_title": ["variation_name"], "item_type": ["item_type"], "quantity": ["quantity"], "exact_quantity": ["quantity"], "price_amount": ["base_price_money"], "gross_amount": ["gross_sales_money"], "discount_amount": ["total_discount_money"], "tax_amount": ["total_tax_money"], "service_charge_amount": ["total_service_charge_money"], "total_amount": ["total_money"], "currency": ["base_price_money.currency"]}, "at": "line_items", "key": ["uid"], "unique": false, "key_is_gid": false},
      {"map": "map_square_orders_order_line_modifiers", "table": "order_line_modifiers", "columns": {"line_uid": ["of.uid"], "modifier_platform_id": ["catalog_object_id"], "title": ["name"], "quantity": ["quantity"], "price_amount": ["base_price_money"], "total_amount": ["total_price_money"], "currency": ["total_price_money.currency"]}, "at": "line_items", "key": ["of.uid", "uid"], "unique": false, "key_is_gid": false, "inside": "modifiers", "summed": false},
      {"map": "map_square_orders_order_service_charges", "table": "order_service_charges", "columns": {"title": ["name"], "charge_type": ["type"], "phase": ["calculation_phase"], "applied_amount": ["applied_money"], "tax_amount": ["total_tax_money"], "total_amount": ["total_money"], "currency": ["total_money.currency"]}, "at": "service_charges", "key": ["uid"], "unique": false, "key_is_gid": false},
      {"map": "map_square_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"fulfillment_type": ["type"], "status": ["state"], "carrier": ["shipment_details.carrier"], "tracking_code": ["shipment_details.tracking_number"], "shipped_at": ["shipment_details.shipped_at"]}, "at": "fulfillments", "key": ["uid"], "unique": false, "key_is_gid": false},
      {"map": "map_square_orders_tenders", "table": "tenders", "columns": {"tender_type": ["type"], "payment_platform_id": ["payment_id"], "location_platform_id": ["location_id"], "tender_amount": ["amount_money"], "tip_amount": ["tip_money"], "fees_amount": ["processing_fee_money"], "tendered_at": ["created_at"], "currency": ["amount_money.currency"]}, "at": "tenders", "key": ["id"], "unique": false, "key_is_gid": false},
      {"map": "map_square_orders_order_refunds", "table": "order_refunds", "columns": {"refund_amount": ["amount_money"], "reason": ["reason"], "status": ["status"], "refunded_at": ["created_at"], "currency": ["amount_money.currency"]}, "at": "refunds", "key": ["id"], "unique": false, "key_is_gid": false},
      {"map": "map_square_orders_order_returns", "table": "order_returns", "columns": {"source_order_platform_id": ["source_order_id"], "tax_amount": ["return_amounts.tax_money"], "discount_amount": ["return_amounts.discount_money"], "tip_amount": ["return_amounts.tip_money"], "service_charge_amount": ["return_amounts.service_charge_money"], "total_amount": ["return_amounts.total_money"], "currency": ["return_amounts.total_money.currency"]}, "at": "returns", "key": ["uid"], "unique": false, "key_is_gid": false},
      {"map": "map_square_orders_order_return_lines", "table": "order_return_lines", "columns": {"source_order_platform_id": ["of.source_order_id"], "source_line_uid": ["source_line_item_uid"], "product_platform_id": ["catalog_object_id"], "title": ["name"], "quantity": ["quantity"], "gross_amount": ["gross_return_money"], "discount_amount": ["total_discount_money"], "tax_amount": ["total_tax_money"], "total_amount": ["total_money"], "currency": ["total_money.currency"]}, "at": "returns", "key": ["of.uid", "uid"], "unique": false, "key_is_gid": false, "inside": "return_line_items", "summed": false}]'::jsonb
$$;

create or replace function private.map_square_payments_order_payments(r jsonb) returns table (
        order_platform_id text, location_platform_id text, buyer_platform_id text, status text, payment_method text,
        gross_amount bigint, goods_amount bigint, tip_amount bigint, app_fee_amount bigint, refunded_amount bigint,
        fees_amount bigint, paid_at timestamptz, currency text)
language sql stable as $$
    select v.order_platform_id, v.location_platform_id, v.buyer_platform_id, lower(v.status), lower(v.payment_method),
        private.minor_money(v.gross_amount, v.currency, 'total_money'),
        private.minor_money(v.goods_amount, v.currency, 'amount_money'),
        private.minor_money(v.tip_amount, v.currency, 'tip_money'),
        private.minor_money(v.app_fee_amount, v.currency, 'app_fee_money'),
        private.minor_money(v.refunded_amount, v.currency, 'refunded_money'),
        private.minor_sum_of(v.fees_amount, '{amount_money}', v.currency, 'processing_fee'),
        private.moment(v.paid_at, 'created_at'), v.currency
    from (select
        private.text_in(r, 'order_id', 'order_id') as order_platform_id,
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        private.text_in(r, 'customer_id', 'customer_id') as buyer_platform_id,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.string_in(r, 'source_type', 'source_type', 'lower') as payment_method,
        r -> 'total_money' as gross_amount,
        r -> 'amount_money' as goods_amount,
        r -> 'tip_money' as tip_amount,
        r -> 'app_fee_money' as app_fee_amount,
        r -> 'refunded_money' as refunded_amount,
        r -> 'processing_fee' as fees_amount,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as paid_at,
        private.text_in(r -> 'total_money', 'currency', 'total_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_square_payments(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('total_money', e.r -> 'total_money', 'status', e.r -> 'status', 'source_type', e.r -> 'source_type', 'approved_money', e.r -> 'approved_money', 'refund_ids', e.r -> 'refund_ids', 'receipt_number', e.r -> 'receipt_number', 'version_token', e.r -> 'version_token', 'delayed_until', e.r -> 'delayed_until', 'application_details', e.r -> 'application_details', 'card_details', jsonb_build_object('status', e.r -> 'card_details' -> 'status', 'entry_method', e.r -> 'card_details' -> 'entry_method', 'card', jsonb_build_object('card_brand', e.r -> 'card_details' -> 'card' -> 'card_brand')), 'cash_details', e.r -> 'cash_details', 'is_offline_payment', e.r -> 'is_offline_payment', 'team_member_id', e.r -> 'team_member_id', 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'order_id', e.r -> 'order_id', 'location_id', e.r -> 'location_id', 'customer_id', e.r -> 'customer_id', 'amount_money', e.r -> 'amount_money', 'tip_money', e.r -> 'tip_money', 'app_fee_money', e.r -> 'app_fee_money', 'refunded_money', e.r -> 'refunded_money', 'processing_fee', e.r -> 'processing_fee') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_payments_order_payments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_payments as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_payments_new as (
        insert into public.order_payments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, location_platform_id, buyer_platform_id, status, payment_method, gross_amount, goods_amount, tip_amount, app_fee_amount, refunded_amount, fees_amount, paid_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, location_platform_id, buyer_platform_id, status, payment_method, gross_amount, goods_amount, tip_amount, app_fee_amount, refunded_amount, fees_amount, paid_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    order_payments_changed as (
        insert into public.order_payments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, location_platform_id, buyer_platform_id, status, payment_method, gross_amount, goods_amount, tip_amount, app_fee_amount, refunded_amount, fees_amount, paid_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, location_platform_id, buyer_platform_id, status, payment_method, gross_amount, goods_amount, tip_amount, app_fee_amount, refunded_amount, fees_amount, paid_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, location_platform_id = excluded.location_platform_id, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer_id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, status = excluded.status, payment_method = excluded.payment_method, gross_amount = excluded.gross_amount, goods_amount = excluded.goods_amount, tip_amount = excluded.tip_amount, app_fee_amount = excluded.app_fee_amount, refunded_amount = excluded.refunded_amount, fees_amount = excluded.fees_amount, paid_at = excluded.paid_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_payments_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_payments() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_payments_order_payments", "table": "order_payments", "columns": {"order_platform_id": ["order_id"], "location_platform_id": ["location_id"], "buyer_platform_id": ["customer_id"], "status": ["status"], "payment_method": ["source_type"], "gross_amount": ["total_money"], "goods_amount": ["amount_money"], "tip_amount": ["tip_money"], "app_fee_amount": ["app_fee_money"], "refunded_amount": ["refunded_money"], "fees_amount": ["processing_fee"], "paid_at": ["created_at"], "currency": ["total_money.currency"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_refunds_payment_refunds(r jsonb) returns table (
        payment_platform_id text, order_platform_id text, location_platform_id text, status text, is_unlinked boolean,
        refund_reason text, refund_amount bigint, fees_amount bigint, refunded_at timestamptz, currency text)
language sql stable as $$
    select v.payment_platform_id, v.order_platform_id, v.location_platform_id, lower(v.status), v.is_unlinked,
        v.refund_reason, private.minor_money(v.refund_amount, v.currency, 'amount_money'),
        private.minor_sum_of(v.fees_amount, '{amount_money}', v.currency, 'processing_fee'),
        private.moment(v.refunded_at, 'created_at'), v.currency
    from (select
        private.text_in(r, 'payment_id', 'payment_id') as payment_platform_id,
        private.text_in(r, 'order_id', 'order_id') as order_platform_id,
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        private.string_in(r, 'status', 'status', 'lower') as status,
        (r ->> 'unlinked')::boolean as is_unlinked,
        private.text_in(r, 'reason', 'reason') as refund_reason,
        r -> 'amount_money' as refund_amount,
        r -> 'processing_fee' as fees_amount,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as refunded_at,
        private.text_in(r -> 'amount_money', 'currency', 'amount_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_square_refunds(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('amount_money', e.r -> 'amount_money', 'app_fee_money', e.r -> 'app_fee_money', 'destination_type', e.r -> 'destination_type', 'team_member_id', e.r -> 'team_member_id', 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'payment_id', e.r -> 'payment_id', 'order_id', e.r -> 'order_id', 'location_id', e.r -> 'location_id', 'status', e.r -> 'status', 'unlinked', e.r -> 'unlinked', 'reason', e.r -> 'reason', 'processing_fee', e.r -> 'processing_fee') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_refunds_payment_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.payment_refunds as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    payment_refunds_new as (
        insert into public.payment_refunds as t (
            connection_id, user_id, platform, platform_id, payment_platform_id, order_platform_id, location_platform_id, status, is_unlinked, refund_reason, refund_amount, fees_amount, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, payment_platform_id, order_platform_id, location_platform_id, status, is_unlinked, refund_reason, refund_amount, fees_amount, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    payment_refunds_changed as (
        insert into public.payment_refunds as t (
            connection_id, user_id, platform, platform_id, payment_platform_id, order_platform_id, location_platform_id, status, is_unlinked, refund_reason, refund_amount, fees_amount, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, payment_platform_id, order_platform_id, location_platform_id, status, is_unlinked, refund_reason, refund_amount, fees_amount, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set payment_platform_id = excluded.payment_platform_id, order_platform_id = excluded.order_platform_id, location_platform_id = excluded.location_platform_id, status = excluded.status, is_unlinked = excluded.is_unlinked, refund_reason = excluded.refund_reason, refund_amount = excluded.refund_amount, fees_amount = excluded.fees_amount, refunded_at = excluded.refunded_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from payment_refunds_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_refunds() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_refunds_payment_refunds", "table": "payment_refunds", "columns": {"payment_platform_id": ["payment_id"], "order_platform_id": ["order_id"], "location_platform_id": ["location_id"], "status": ["status"], "is_unlinked": ["unlinked"], "refund_reason": ["reason"], "refund_amount": ["amount_money"], "fees_amount": ["processing_fee"], "refunded_at": ["created_at"], "currency": ["amount_money.currency"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_payouts_payouts(r jsonb) returns table (
        version bigint, status text, payout_type text, location_platform_id text, payout_amount bigint,
        arrival_date text, paid_out_at timestamptz, currency text)
language sql stable as $$
    select v.version, lower(v.status), lower(v.payout_type), v.location_platform_id,
        private.minor_money(v.payout_amount, v.currency, 'amount_money'), v.arrival_date,
        private.moment(v.paid_out_at, 'created_at'), v.currency
    from (select
        (r ->> 'version')::bigint as version,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.string_in(r, 'type', 'type', 'lower') as payout_type,
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        r -> 'amount_money' as payout_amount,
        private.text_in(r, 'arrival_date', 'arrival_date') as arrival_date,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as paid_out_at,
        private.text_in(r -> 'amount_money', 'currency', 'amount_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_square_payouts(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('amount_money', e.r -> 'amount_money', 'payout_fee', e.r -> 'payout_fee', 'end_to_end_id', e.r -> 'end_to_end_id', 'destination', jsonb_build_object('type', e.r -> 'destination' -> 'type'), 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'version', e.r -> 'version', 'status', e.r -> 'status', 'type', e.r -> 'type', 'location_id', e.r -> 'location_id', 'arrival_date', e.r -> 'arrival_date') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_payouts_payouts(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.payouts as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    payouts_new as (
        insert into public.payouts as t (
            connection_id, user_id, platform, platform_id, version, status, payout_type, location_platform_id, payout_amount, arrival_date, paid_out_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, status, payout_type, location_platform_id, payout_amount, arrival_date, paid_out_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    payouts_changed as (
        insert into public.payouts as t (
            connection_id, user_id, platform, platform_id, version, status, payout_type, location_platform_id, payout_amount, arrival_date, paid_out_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, status, payout_type, location_platform_id, payout_amount, arrival_date, paid_out_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set version = excluded.version, status = excluded.status, payout_type = excluded.payout_type, location_platform_id = excluded.location_platform_id, payout_amount = excluded.payout_amount, arrival_date = excluded.arrival_date, paid_out_at = excluded.paid_out_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from payouts_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_payouts() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_payouts_payouts", "table": "payouts", "columns": {"version": ["version"], "status": ["status"], "payout_type": ["type"], "location_platform_id": ["location_id"], "payout_amount": ["amount_money"], "arrival_date": ["arrival_date"], "paid_out_at": ["created_at"], "currency": ["amount_money.currency"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_payout_entries_payout_entries(r jsonb) returns table (
        payout_platform_id text, entry_type text, payment_platform_id text, gross_amount bigint, fee_amount bigint,
        net_amount bigint, effective_at timestamptz, currency text)
language sql stable as $$
    select v.payout_platform_id, lower(v.entry_type), v.payment_platform_id,
        private.minor_money(v.gross_amount, v.currency, 'gross_amount_money'),
        private.minor_money(v.fee_amount, v.currency, 'fee_amount_money'),
        private.minor_money(v.net_amount, v.currency, 'net_amount_money'),
        private.moment(v.effective_at, 'effective_at'), v.currency
    from (select
        private.text_in(r, 'payout_id', 'payout_id') as payout_platform_id,
        private.string_in(r, 'type', 'type', 'lower') as entry_type,
        coalesce(private.text_in(r -> 'type_charge_details', 'payment_id', 'type_charge_details.payment_id'), r #>> '{type_refund_details,payment_id}') as payment_platform_id,
        r -> 'gross_amount_money' as gross_amount,
        r -> 'fee_amount_money' as fee_amount,
        r -> 'net_amount_money' as net_amount,
        private.string_in(r, 'effective_at', 'effective_at', 'iso_time') as effective_at,
        private.text_in(r -> 'net_amount_money', 'currency', 'net_amount_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_square_payout_entries(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(private.string_in(e.r, 'effective_at', 'effective_at', 'iso_time'), 'effective_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_payout_entries_payout_entries(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.payout_entries as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    payout_entries_new as (
        insert into public.payout_entries as t (
            connection_id, user_id, platform, platform_id, payout_platform_id, entry_type, payment_platform_id, gross_amount, fee_amount, net_amount, effective_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, payout_platform_id, entry_type, payment_platform_id, gross_amount, fee_amount, net_amount, effective_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    payout_entries_changed as (
        insert into public.payout_entries as t (
            connection_id, user_id, platform, platform_id, payout_platform_id, entry_type, payment_platform_id, gross_amount, fee_amount, net_amount, effective_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, payout_platform_id, entry_type, payment_platform_id, gross_amount, fee_amount, net_amount, effective_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set payout_platform_id = excluded.payout_platform_id, entry_type = excluded.entry_type, payment_platform_id = excluded.payment_platform_id, gross_amount = excluded.gross_amount, fee_amount = excluded.fee_amount, net_amount = excluded.net_amount, effective_at = excluded.effective_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from payout_entries_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_payout_entries() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_payout_entries_payout_entries", "table": "payout_entries", "columns": {"payout_platform_id": ["payout_id"], "entry_type": ["type"], "payment_platform_id": ["type_charge_details.payment_id", "type_refund_details.payment_id"], "gross_amount": ["gross_amount_money"], "fee_amount": ["fee_amount_money"], "net_amount": ["net_amount_money"], "effective_at": ["effective_at"], "currency": ["net_amount_money.currency"]}, "updated": ["effective_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_disputes_payment_disputes(r jsonb) returns table (
        version bigint, payment_platform_id text, location_platform_id text, dispute_reason text, status text,
        disputed_amount bigint, due_at timestamptz, disputed_at timestamptz, currency text)
language sql stable as $$
    select v.version, v.payment_platform_id, v.location_platform_id, lower(v.dispute_reason), lower(v.status),
        private.minor_money(v.disputed_amount, v.currency, 'amount_money'), private.moment(v.due_at, 'due_at'),
        private.moment(v.disputed_at, 'created_at'), v.currency
    from (select
        (r ->> 'version')::bigint as version,
        private.text_in(r -> 'disputed_payment', 'payment_id', 'disputed_payment.payment_id') as payment_platform_id,
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        private.string_in(r, 'reason', 'reason', 'lower') as dispute_reason,
        private.string_in(r, 'state', 'state', 'lower') as status,
        r -> 'amount_money' as disputed_amount,
        private.string_in(r, 'due_at', 'due_at', 'iso_time') as due_at,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as disputed_at,
        private.text_in(r -> 'amount_money', 'currency', 'amount_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_square_disputes(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('amount_money', e.r -> 'amount_money', 'card_brand', e.r -> 'card_brand', 'evidence_ids', e.r -> 'evidence_ids', 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'version', e.r -> 'version', 'disputed_payment', jsonb_build_object('payment_id', e.r -> 'disputed_payment' -> 'payment_id'), 'location_id', e.r -> 'location_id', 'reason', e.r -> 'reason', 'state', e.r -> 'state', 'due_at', e.r -> 'due_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_disputes_payment_disputes(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.payment_disputes as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    payment_disputes_new as (
        insert into public.payment_disputes as t (
            connection_id, user_id, platform, platform_id, version, payment_platform_id, location_platform_id, dispute_reason, status, disputed_amount, due_at, disputed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, payment_platform_id, location_platform_id, dispute_reason, status, disputed_amount, due_at, disputed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    payment_disputes_changed as (
        insert into public.payment_disputes as t (
            connection_id, user_id, platform, platform_id, version, payment_platform_id, location_platform_id, dispute_reason, status, disputed_amount, due_at, disputed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, payment_platform_id, location_platform_id, dispute_reason, status, disputed_amount, due_at, disputed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set version = excluded.version, payment_platform_id = excluded.payment_platform_id, location_platform_id = excluded.location_platform_id, dispute_reason = excluded.dispute_reason, status = excluded.status, disputed_amount = excluded.disputed_amount, due_at = excluded.due_at, disputed_at = excluded.disputed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from payment_disputes_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_disputes() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_disputes_payment_disputes", "table": "payment_disputes", "columns": {"version": ["version"], "payment_platform_id": ["disputed_payment.payment_id"], "location_platform_id": ["location_id"], "dispute_reason": ["reason"], "status": ["state"], "disputed_amount": ["amount_money"], "due_at": ["due_at"], "disputed_at": ["created_at"], "currency": ["amount_money.currency"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_categories_catalog_categories(r jsonb) returns table (
        version bigint, title text, category_type text, parent_platform_id text, is_top_level boolean)
language sql stable as $$
    select v.version, v.title, lower(v.category_type), v.parent_platform_id, v.is_top_level
    from (select
        (r ->> 'version')::bigint as version,
        private.text_in(r -> 'category_data', 'name', 'category_data.name') as title,
        private.string_in(r -> 'category_data', 'category_type', 'category_data.category_type', 'lower') as category_type,
        private.text_in(r -> 'category_data' -> 'parent_category', 'id', 'category_data.parent_category.id') as parent_platform_id,
        (r -> 'category_data' ->> 'is_top_level')::boolean as is_top_level
        offset 0) as v;
$$;

create or replace function private.land_square_categories(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_categories_catalog_categories(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.catalog_categories as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    catalog_categories_new as (
        insert into public.catalog_categories as t (
            connection_id, user_id, platform, platform_id, version, title, category_type, parent_platform_id, is_top_level, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, title, category_type, parent_platform_id, is_top_level, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    catalog_categories_changed as (
        insert into public.catalog_categories as t (
            connection_id, user_id, platform, platform_id, version, title, category_type, parent_platform_id, is_top_level, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, title, category_type, parent_platform_id, is_top_level, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set version = excluded.version, title = excluded.title, category_type = excluded.category_type, parent_platform_id = excluded.parent_platform_id, is_top_level = excluded.is_top_level, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from catalog_categories_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_categories() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_categories_catalog_categories", "table": "catalog_categories", "columns": {"version": ["version"], "title": ["category_data.name"], "category_type": ["category_data.category_type"], "parent_platform_id": ["category_data.parent_category.id"], "is_top_level": ["category_data.is_top_level"]}, "updated": ["updated_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_items_catalog_items(r jsonb) returns table (
        version bigint, title text, item_type text, category_platform_id text, is_archived boolean, is_taxable boolean,
        at_all_locations boolean)
language sql stable as $$
    select v.version, v.title, lower(v.item_type), v.category_platform_id, v.is_archived, v.is_taxable, v.at_all_locations
    from (select
        (r ->> 'version')::bigint as version,
        private.text_in(r -> 'item_data', 'name', 'item_data.name') as title,
        private.string_in(r -> 'item_data', 'product_type', 'item_data.product_type', 'lower') as item_type,
        coalesce(private.text_in(r -> 'item_data' -> 'reporting_category', 'id', 'item_data.reporting_category.id'), r #>> '{item_data,categories,0,id}') as category_platform_id,
        (r -> 'item_data' ->> 'is_archived')::boolean as is_archived,
        (r -> 'item_data' ->> 'is_taxable')::boolean as is_taxable,
        (r ->> 'present_at_all_locations')::boolean as at_all_locations
        offset 0) as v;
$$;

create or replace function private.land_square_items(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r #- '{item_data,variations}' as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_items_catalog_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.catalog_items as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    catalog_items_new as (
        insert into public.catalog_items as t (
            connection_id, user_id, platform, platform_id, version, title, item_type, category_platform_id, is_archived, is_taxable, at_all_locations, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, title, item_type, category_platform_id, is_archived, is_taxable, at_all_locations, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    catalog_items_changed as (
        insert into public.catalog_items as t (
            connection_id, user_id, platform, platform_id, version, title, item_type, category_platform_id, is_archived, is_taxable, at_all_locations, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, title, item_type, category_platform_id, is_archived, is_taxable, at_all_locations, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set version = excluded.version, title = excluded.title, item_type = excluded.item_type, category_platform_id = excluded.category_platform_id, is_archived = excluded.is_archived, is_taxable = excluded.is_taxable, at_all_locations = excluded.at_all_locations, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from catalog_items_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_items() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_items_catalog_items", "table": "catalog_items", "columns": {"version": ["version"], "title": ["item_data.name"], "item_type": ["item_data.product_type"], "category_platform_id": ["item_data.reporting_category.id", "item_data.categories.0.id"], "is_archived": ["item_data.is_archived"], "is_taxable": ["item_data.is_taxable"], "at_all_locations": ["present_at_all_locations"]}, "updated": ["updated_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_variations_catalog_variations(r jsonb) returns table (
        version bigint, item_platform_id text, title text, sku text, barcode text, sort_order bigint, pricing_type text,
        price_amount bigint, tracks_inventory boolean, is_sellable boolean, is_stockable boolean, is_bookable boolean,
        service_milliseconds bigint, at_all_locations boolean, currency text)
language sql stable as $$
    select v.version, v.item_platform_id, v.title, v.sku, v.barcode, v.sort_order, lower(v.pricing_type),
        private.minor_money(v.price_amount, v.currency, 'item_variation_data.price_money'), v.tracks_inventory,
        v.is_sellable, v.is_stockable, v.is_bookable, v.service_milliseconds, v.at_all_locations, v.currency
    from (select
        (r ->> 'version')::bigint as version,
        private.text_in(r -> 'item_variation_data', 'item_id', 'item_variation_data.item_id') as item_platform_id,
        private.text_in(r -> 'item_variation_data', 'name', 'item_variation_data.name') as title,
        private.text_in(r -> 'item_variation_data', 'sku', 'item_variation_data.sku') as sku,
        private.text_in(r -> 'item_variation_data', 'upc', 'item_variation_data.upc') as barcode,
        (r -> 'item_variation_data' ->> 'ordinal')::bigint as sort_order,
        private.string_in(r -> 'item_variation_data', 'pricing_type', 'item_variation_data.pricing_type', 'lower') as pricing_type,
        r -> 'item_variation_data' -> 'price_money' as price_amount,
        (r -> 'item_variation_data' ->> 'track_inventory')::boolean as tracks_inventory,
        (r -> 'item_variation_data' ->> 'sellable')::boolean as is_sellable,
        (r -> 'item_variation_data' ->> 'stockable')::boolean as is_stockable,
        (r -> 'item_variation_data' ->> 'available_for_booking')::boolean as is_bookable,
        (r -> 'item_variation_data' ->> 'service_duration')::bigint as service_milliseconds,
        (r ->> 'present_at_all_locations')::boolean as at_all_locations,
        private.text_in(r -> 'item_variation_data' -> 'price_money', 'currency', 'item_variation_data.price_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_variations_catalog_location_overrides(r jsonb) returns table (
        location_platform_id text, price_amount bigint, pricing_type text, tracks_inventory boolean, is_sold_out boolean,
        currency text)
language sql stable as $$
    select v.location_platform_id, private.minor_money(v.price_amount, v.currency, 'price_money'), lower(v.pricing_type),
        v.tracks_inventory, v.is_sold_out, v.currency
    from (select
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        r -> 'price_money' as price_amount,
        private.string_in(r, 'pricing_type', 'pricing_type', 'lower') as pricing_type,
        (r ->> 'track_inventory')::boolean as tracks_inventory,
        (r ->> 'sold_out')::boolean as is_sold_out,
        private.text_in(r -> 'price_money', 'currency', 'price_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_square_variations_catalog_vendor_info(r jsonb) returns table (
        vendor_platform_id text, vendor_code text, unit_cost_amount bigint, currency text)
language sql stable as $$
    select v.vendor_platform_id, v.vendor_code, private.minor_money(v.unit_cost_amount, v.currency, 'unit_cost_money'),
        v.currency
    from (select
        private.text_in(r, 'vendor_id', 'vendor_id') as vendor_platform_id,
        private.text_in(r, 'vendor_code', 'vendor_code') as vendor_code,
        r -> 'unit_cost_money' as unit_cost_amount,
        private.text_in(r -> 'unit_cost_money', 'currency', 'unit_cost_money.currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_square_variations(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'item_variation_data' -> 'location_overrides', 'null') as catalog_location_overrides_at,
                     nullif(e.r -> 'item_variation_data' -> 'vendor_information', 'null') as catalog_vendor_info_at,
                     m.*
              from (select e.r, e.ord, e.r #- '{item_variation_data,location_overrides}' #- '{item_variation_data,vendor_information}' as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_variations_catalog_variations(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.catalog_variations as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    catalog_variations_new as (
        insert into public.catalog_variations as t (
            connection_id, user_id, platform, platform_id, version, item_platform_id, title, sku, barcode, sort_order, pricing_type, price_amount, tracks_inventory, is_sellable, is_stockable, is_bookable, service_milliseconds, at_all_locations, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, item_platform_id, title, sku, barcode, sort_order, pricing_type, price_amount, tracks_inventory, is_sellable, is_stockable, is_bookable, service_milliseconds, at_all_locations, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    catalog_variations_changed as (
        insert into public.catalog_variations as t (
            connection_id, user_id, platform, platform_id, version, item_platform_id, title, sku, barcode, sort_order, pricing_type, price_amount, tracks_inventory, is_sellable, is_stockable, is_bookable, service_milliseconds, at_all_locations, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, item_platform_id, title, sku, barcode, sort_order, pricing_type, price_amount, tracks_inventory, is_sellable, is_stockable, is_bookable, service_milliseconds, at_all_locations, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set version = excluded.version, item_platform_id = excluded.item_platform_id, title = excluded.title, sku = excluded.sku, barcode = excluded.barcode, sort_order = excluded.sort_order, pricing_type = excluded.pricing_type, price_amount = excluded.price_amount, tracks_inventory = excluded.tracks_inventory, is_sellable = excluded.is_sellable, is_stockable = excluded.is_stockable, is_bookable = excluded.is_bookable, service_milliseconds = excluded.service_milliseconds, at_all_locations = excluded.at_all_locations, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    catalog_location_overrides_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.variation_platform_id <> n.variation_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as variation_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_money', e.r -> 'price_money', 'inventory_alert_type', e.r -> 'inventory_alert_type', 'inventory_alert_threshold', e.r -> 'inventory_alert_threshold', 'sold_out_valid_until', e.r -> 'sold_out_valid_until', 'location_id', e.r -> 'location_id', 'pricing_type', e.r -> 'pricing_type', 'track_inventory', e.r -> 'track_inventory', 'sold_out', e.r -> 'sold_out') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'location_id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'location_id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.catalog_location_overrides_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_variations_catalog_location_overrides(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.variation_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.catalog_location_overrides as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    catalog_location_overrides_new as (
        insert into public.catalog_location_overrides as t (
            connection_id, user_id, platform, platform_id, variation_platform_id, location_platform_id, price_amount, pricing_type, tracks_inventory, is_sold_out, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, variation_platform_id, location_platform_id, price_amount, pricing_type, tracks_inventory, is_sold_out, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from catalog_location_overrides_in where is_new),
    catalog_location_overrides_changed as (
        insert into public.catalog_location_overrides as t (
            connection_id, user_id, platform, platform_id, variation_platform_id, location_platform_id, price_amount, pricing_type, tracks_inventory, is_sold_out, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, variation_platform_id, location_platform_id, price_amount, pricing_type, tracks_inventory, is_sold_out, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from catalog_location_overrides_in where differs
        on conflict (connection_id, platform_id) do update set variation_platform_id = excluded.variation_platform_id, location_platform_id = excluded.location_platform_id, price_amount = excluded.price_amount, pricing_type = excluded.pricing_type, tracks_inventory = excluded.tracks_inventory, is_sold_out = excluded.is_sold_out, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    catalog_location_overrides_gone as (
        update public.catalog_location_overrides as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.catalog_location_overrides as t
                where t.connection_id = job.connection_id and t.variation_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.catalog_location_overrides_at is not null
              and g.platform_id <> all (array(select n.platform_id from catalog_location_overrides_in as n))))),
    catalog_vendor_info_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.variation_platform_id <> n.variation_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as variation_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('unit_cost_money', e.r -> 'unit_cost_money', 'vendor_id', e.r -> 'vendor_id', 'vendor_code', e.r -> 'vendor_code') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'vendor_id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'vendor_id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.catalog_vendor_info_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_variations_catalog_vendor_info(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.variation_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.catalog_vendor_info as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    catalog_vendor_info_new as (
        insert into public.catalog_vendor_info as t (
            connection_id, user_id, platform, platform_id, variation_platform_id, vendor_platform_id, vendor_code, unit_cost_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, variation_platform_id, vendor_platform_id, vendor_code, unit_cost_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from catalog_vendor_info_in where is_new),
    catalog_vendor_info_changed as (
        insert into public.catalog_vendor_info as t (
            connection_id, user_id, platform, platform_id, variation_platform_id, vendor_platform_id, vendor_code, unit_cost_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, variation_platform_id, vendor_platform_id, vendor_code, unit_cost_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from catalog_vendor_info_in where differs
        on conflict (connection_id, platform_id) do update set variation_platform_id = excluded.variation_platform_id, vendor_platform_id = excluded.vendor_platform_id, vendor_code = excluded.vendor_code, unit_cost_amount = excluded.unit_cost_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    catalog_vendor_info_gone as (
        update public.catalog_vendor_info as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.catalog_vendor_info as t
                where t.connection_id = job.connection_id and t.variation_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.catalog_vendor_info_at is not null
              and g.platform_id <> all (array(select n.platform_id from catalog_vendor_info_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from catalog_variations_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_variations() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_variations_catalog_variations", "table": "catalog_variations", "columns": {"version": ["version"], "item_platform_id": ["item_variation_data.item_id"], "title": ["item_variation_data.name"], "sku": ["item_variation_data.sku"], "barcode": ["item_variation_data.upc"], "sort_order": ["item_variation_data.ordinal"], "pricing_type": ["item_variation_data.pricing_type"], "price_amount": ["item_variation_data.price_money"], "tracks_inventory": ["item_variation_data.track_inventory"], "is_sellable": ["item_variation_data.sellable"], "is_stockable": ["item_variation_data.stockable"], "is_bookable": ["item_variation_data.available_for_booking"], "service_milliseconds": ["item_variation_data.service_duration"], "at_all_locations": ["present_at_all_locations"], "currency": ["item_variation_data.price_money.currency"]}, "updated": ["updated_at"], "updated_as": "iso_time"},
      {"map": "map_square_variations_catalog_location_overrides", "table": "catalog_location_overrides", "columns": {"location_platform_id": ["location_id"], "price_amount": ["price_money"], "pricing_type": ["pricing_type"], "tracks_inventory": ["track_inventory"], "is_sold_out": ["sold_out"], "currency": ["price_money.currency"]}, "at": "item_variation_data.location_overrides", "key": ["location_id"], "unique": false, "key_is_gid": false},
      {"map": "map_square_variations_catalog_vendor_info", "table": "catalog_vendor_info", "columns": {"vendor_platform_id": ["vendor_id"], "vendor_code": ["vendor_code"], "unit_cost_amount": ["unit_cost_money"], "currency": ["unit_cost_money.currency"]}, "at": "item_variation_data.vendor_information", "key": ["vendor_id"], "unique": false, "key_is_gid": false}]'::jsonb
$$;

create or replace function private.map_square_vendors_vendors(r jsonb) returns table (
        version bigint, title text, status text, account_number text)
language sql stable as $$
    select v.version, v.title, lower(v.status), v.account_number
    from (select
        (r ->> 'version')::bigint as version,
        private.text_in(r, 'name', 'name') as title,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.text_in(r, 'account_number', 'account_number') as account_number
        offset 0) as v;
$$;

create or replace function private.land_square_vendors(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'version', e.r -> 'version', 'name', e.r -> 'name', 'status', e.r -> 'status', 'account_number', e.r -> 'account_number') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_vendors_vendors(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.vendors as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    vendors_new as (
        insert into public.vendors as t (
            connection_id, user_id, platform, platform_id, version, title, status, account_number, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, title, status, account_number, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    vendors_changed as (
        insert into public.vendors as t (
            connection_id, user_id, platform, platform_id, version, title, status, account_number, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, title, status, account_number, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set version = excluded.version, title = excluded.title, status = excluded.status, account_number = excluded.account_number, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from vendors_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_vendors() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_vendors_vendors", "table": "vendors", "columns": {"version": ["version"], "title": ["name"], "status": ["status"], "account_number": ["account_number"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_counts_inventory_counts(r jsonb) returns table (
        variation_platform_id text, location_platform_id text, state text, quantity numeric, is_estimated boolean,
        counted_at timestamptz)
language sql stable as $$
    select v.variation_platform_id, v.location_platform_id, lower(v.state), private.decimal_of(v.quantity, 'quantity'),
        v.is_estimated, private.moment(v.counted_at, 'calculated_at')
    from (select
        private.text_in(r, 'catalog_object_id', 'catalog_object_id') as variation_platform_id,
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        private.string_in(r, 'state', 'state', 'lower') as state,
        private.text_in(r, 'quantity', 'quantity') as quantity,
        (r ->> 'is_estimated')::boolean as is_estimated,
        private.string_in(r, 'calculated_at', 'calculated_at', 'iso_time') as counted_at
        offset 0) as v;
$$;

create or replace function private.land_square_counts(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(private.string_in(e.r, 'calculated_at', 'calculated_at', 'iso_time'), 'calculated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_counts_inventory_counts(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.inventory_counts as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    inventory_counts_new as (
        insert into public.inventory_counts as t (
            connection_id, user_id, platform, platform_id, variation_platform_id, location_platform_id, state, quantity, is_estimated, counted_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, variation_platform_id, location_platform_id, state, quantity, is_estimated, counted_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    inventory_counts_changed as (
        insert into public.inventory_counts as t (
            connection_id, user_id, platform, platform_id, variation_platform_id, location_platform_id, state, quantity, is_estimated, counted_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, variation_platform_id, location_platform_id, state, quantity, is_estimated, counted_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set variation_platform_id = excluded.variation_platform_id, location_platform_id = excluded.location_platform_id, state = excluded.state, quantity = excluded.quantity, is_estimated = excluded.is_estimated, counted_at = excluded.counted_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from inventory_counts_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_counts() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_counts_inventory_counts", "table": "inventory_counts", "columns": {"variation_platform_id": ["catalog_object_id"], "location_platform_id": ["location_id"], "state": ["state"], "quantity": ["quantity"], "is_estimated": ["is_estimated"], "counted_at": ["calculated_at"]}, "updated": ["calculated_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_customers_customers(r jsonb) returns table (
        name text, email text, country text)
language sql stable as $$
    select v.name, v.email, v.country
    from (select
        coalesce(nullif(concat_ws(' ', private.text_in(r, 'given_name', 'given_name'), private.text_in(r, 'family_name', 'family_name')), ''), r #>> '{company_name}') as name,
        private.text_in(r, 'email_address', 'email_address') as email,
        private.text_in(r -> 'address', 'country', 'address.country') as country
        offset 0) as v;
$$;

create or replace function private.land_square_customers(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('company_name', e.r -> 'company_name', 'creation_source', e.r -> 'creation_source', 'version', e.r -> 'version', 'preferences', jsonb_build_object('email_unsubscribed', e.r -> 'preferences' -> 'email_unsubscribed'), 'created_at', e.r -> 'created_at', 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'given_name', e.r -> 'given_name', 'family_name', e.r -> 'family_name', 'email_address', e.r -> 'email_address', 'address', jsonb_build_object('country', e.r -> 'address' -> 'country')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_customers_customers(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.customers as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    customers_new as (
        insert into public.customers as t (
            connection_id, user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, email, country, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    customers_changed as (
        insert into public.customers as t (
            connection_id, user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, email, country, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set name = excluded.name, email = excluded.email, country = excluded.country, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from customers_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_customers() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_customers_customers", "table": "customers", "columns": {"name": ["given_name", "family_name", "company_name"], "email": ["email_address"], "country": ["address.country"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_team_members_team_members(r jsonb) returns table (
        name text, status text, is_owner boolean, reference text, assignment text, location_platform_ids text,
        joined_at timestamptz)
language sql stable as $$
    select v.name, lower(v.status), v.is_owner, v.reference, lower(v.assignment),
        private.joined_texts(v.location_platform_ids, 'assigned_locations.location_ids'),
        private.moment(v.joined_at, 'created_at')
    from (select
        nullif(concat_ws(' ', private.text_in(r, 'given_name', 'given_name'), private.text_in(r, 'family_name', 'family_name')), '') as name,
        private.string_in(r, 'status', 'status', 'lower') as status,
        (r ->> 'is_owner')::boolean as is_owner,
        private.text_in(r, 'reference_id', 'reference_id') as reference,
        private.string_in(r -> 'assigned_locations', 'assignment_type', 'assigned_locations.assignment_type', 'lower') as assignment,
        r -> 'assigned_locations' -> 'location_ids' as location_platform_ids,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as joined_at
        offset 0) as v;
$$;

create or replace function private.land_square_team_members(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('assigned_locations', e.r -> 'assigned_locations', 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'given_name', e.r -> 'given_name', 'family_name', e.r -> 'family_name', 'status', e.r -> 'status', 'is_owner', e.r -> 'is_owner', 'reference_id', e.r -> 'reference_id') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_team_members_team_members(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.team_members as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    team_members_new as (
        insert into public.team_members as t (
            connection_id, user_id, platform, platform_id, name, status, is_owner, reference, assignment, location_platform_ids, joined_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, status, is_owner, reference, assignment, location_platform_ids, joined_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    team_members_changed as (
        insert into public.team_members as t (
            connection_id, user_id, platform, platform_id, name, status, is_owner, reference, assignment, location_platform_ids, joined_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, status, is_owner, reference, assignment, location_platform_ids, joined_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set name = excluded.name, status = excluded.status, is_owner = excluded.is_owner, reference = excluded.reference, assignment = excluded.assignment, location_platform_ids = excluded.location_platform_ids, joined_at = excluded.joined_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from team_members_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_team_members() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_team_members_team_members", "table": "team_members", "columns": {"name": ["given_name", "family_name"], "status": ["status"], "is_owner": ["is_owner"], "reference": ["reference_id"], "assignment": ["assigned_locations.assignment_type"], "location_platform_ids": ["assigned_locations.location_ids"], "joined_at": ["created_at"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_loyalty_accounts_loyalty_accounts(r jsonb) returns table (
        program_platform_id text, buyer_platform_id text, points bigint, lifetime_points bigint, enrolled_at timestamptz,
        opened_at timestamptz)
language sql stable as $$
    select v.program_platform_id, v.buyer_platform_id, v.points, v.lifetime_points,
        private.moment(v.enrolled_at, 'enrolled_at'), private.moment(v.opened_at, 'created_at')
    from (select
        private.text_in(r, 'program_id', 'program_id') as program_platform_id,
        private.text_in(r, 'customer_id', 'customer_id') as buyer_platform_id,
        (r ->> 'balance')::bigint as points,
        (r ->> 'lifetime_points')::bigint as lifetime_points,
        private.string_in(r, 'enrolled_at', 'enrolled_at', 'iso_time') as enrolled_at,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as opened_at
        offset 0) as v;
$$;

create or replace function private.land_square_loyalty_accounts(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('expiring_point_deadlines', e.r -> 'expiring_point_deadlines', 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'program_id', e.r -> 'program_id', 'customer_id', e.r -> 'customer_id', 'balance', e.r -> 'balance', 'lifetime_points', e.r -> 'lifetime_points', 'enrolled_at', e.r -> 'enrolled_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_loyalty_accounts_loyalty_accounts(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.loyalty_accounts as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    loyalty_accounts_new as (
        insert into public.loyalty_accounts as t (
            connection_id, user_id, platform, platform_id, program_platform_id, buyer_platform_id, points, lifetime_points, enrolled_at, opened_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, program_platform_id, buyer_platform_id, points, lifetime_points, enrolled_at, opened_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    loyalty_accounts_changed as (
        insert into public.loyalty_accounts as t (
            connection_id, user_id, platform, platform_id, program_platform_id, buyer_platform_id, points, lifetime_points, enrolled_at, opened_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, program_platform_id, buyer_platform_id, points, lifetime_points, enrolled_at, opened_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set program_platform_id = excluded.program_platform_id, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer_id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, points = excluded.points, lifetime_points = excluded.lifetime_points, enrolled_at = excluded.enrolled_at, opened_at = excluded.opened_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from loyalty_accounts_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_loyalty_accounts() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_loyalty_accounts_loyalty_accounts", "table": "loyalty_accounts", "columns": {"program_platform_id": ["program_id"], "buyer_platform_id": ["customer_id"], "points": ["balance"], "lifetime_points": ["lifetime_points"], "enrolled_at": ["enrolled_at"], "opened_at": ["created_at"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_square_bookings_bookings(r jsonb) returns table (
        version bigint, status text, location_platform_id text, buyer_platform_id text, is_all_day boolean, place text,
        source text, transition_minutes bigint, starts_at timestamptz, booked_at timestamptz)
language sql stable as $$
    select v.version, lower(v.status), v.location_platform_id, v.buyer_platform_id, v.is_all_day, lower(v.place),
        lower(v.source), v.transition_minutes, private.moment(v.starts_at, 'start_at'),
        private.moment(v.booked_at, 'created_at')
    from (select
        (r ->> 'version')::bigint as version,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.text_in(r, 'location_id', 'location_id') as location_platform_id,
        private.text_in(r, 'customer_id', 'customer_id') as buyer_platform_id,
        (r ->> 'all_day')::boolean as is_all_day,
        private.string_in(r, 'location_type', 'location_type', 'lower') as place,
        private.string_in(r, 'source', 'source', 'lower') as source,
        (r ->> 'transition_time_minutes')::bigint as transition_minutes,
        private.string_in(r, 'start_at', 'start_at', 'iso_time') as starts_at,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as booked_at
        offset 0) as v;
$$;

create or replace function private.map_square_bookings_booking_segments(r jsonb) returns table (
        team_member_platform_id text, variation_platform_id text, variation_version bigint, duration_minutes bigint,
        intermission_minutes bigint, any_team_member boolean)
language sql stable as $$
    select v.team_member_platform_id, v.variation_platform_id, v.variation_version, v.duration_minutes,
        v.intermission_minutes, v.any_team_member
    from (select
        private.text_in(r, 'team_member_id', 'team_member_id') as team_member_platform_id,
        private.text_in(r, 'service_variation_id', 'service_variation_id') as variation_platform_id,
        (r ->> 'service_variation_version')::bigint as variation_version,
        (r ->> 'duration_minutes')::bigint as duration_minutes,
        (r ->> 'intermission_minutes')::bigint as intermission_minutes,
        (r ->> 'any_team_member')::boolean as any_team_member
        offset 0) as v;
$$;

create or replace function private.land_square_bookings(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'appointment_segments', 'null') as booking_segments_at,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('creator_details', e.r -> 'creator_details', 'id', e.r -> 'id', 'updated_at', e.r -> 'updated_at', 'created_at', e.r -> 'created_at', 'version', e.r -> 'version', 'status', e.r -> 'status', 'location_id', e.r -> 'location_id', 'customer_id', e.r -> 'customer_id', 'all_day', e.r -> 'all_day', 'location_type', e.r -> 'location_type', 'source', e.r -> 'source', 'transition_time_minutes', e.r -> 'transition_time_minutes', 'start_at', e.r -> 'start_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_square_bookings_bookings(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.bookings as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    bookings_new as (
        insert into public.bookings as t (
            connection_id, user_id, platform, platform_id, version, status, location_platform_id, buyer_platform_id, is_all_day, place, source, transition_minutes, starts_at, booked_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, status, location_platform_id, buyer_platform_id, is_all_day, place, source, transition_minutes, starts_at, booked_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    bookings_changed as (
        insert into public.bookings as t (
            connection_id, user_id, platform, platform_id, version, status, location_platform_id, buyer_platform_id, is_all_day, place, source, transition_minutes, starts_at, booked_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, version, status, location_platform_id, buyer_platform_id, is_all_day, place, source, transition_minutes, starts_at, booked_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set version = excluded.version, status = excluded.status, location_platform_id = excluded.location_platform_id, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer_id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, is_all_day = excluded.is_all_day, place = excluded.place, source = excluded.source, transition_minutes = excluded.transition_minutes, starts_at = excluded.starts_at, booked_at = excluded.booked_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    booking_segments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.booking_platform_id <> n.booking_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as booking_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('service_variation_id', e.r -> 'service_variation_id', 'team_member_id', e.r -> 'team_member_id', 'service_variation_version', e.r -> 'service_variation_version', 'duration_minutes', e.r -> 'duration_minutes', 'intermission_minutes', e.r -> 'intermission_minutes', 'any_team_member', e.r -> 'any_team_member') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'service_variation_id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'service_variation_id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.booking_segments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_square_bookings_booking_segments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.booking_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.booking_segments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    booking_segments_new as (
        insert into public.booking_segments as t (
            connection_id, user_id, platform, platform_id, booking_platform_id, team_member_platform_id, variation_platform_id, variation_version, duration_minutes, intermission_minutes, any_team_member, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, booking_platform_id, team_member_platform_id, variation_platform_id, variation_version, duration_minutes, intermission_minutes, any_team_member, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from booking_segments_in where is_new),
    booking_segments_changed as (
        insert into public.booking_segments as t (
            connection_id, user_id, platform, platform_id, booking_platform_id, team_member_platform_id, variation_platform_id, variation_version, duration_minutes, intermission_minutes, any_team_member, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, booking_platform_id, team_member_platform_id, variation_platform_id, variation_version, duration_minutes, intermission_minutes, any_team_member, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from booking_segments_in where differs
        on conflict (connection_id, platform_id) do update set booking_platform_id = excluded.booking_platform_id, team_member_platform_id = excluded.team_member_platform_id, variation_platform_id = excluded.variation_platform_id, variation_version = excluded.variation_version, duration_minutes = excluded.duration_minutes, intermission_minutes = excluded.intermission_minutes, any_team_member = excluded.any_team_member, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    booking_segments_gone as (
        update public.booking_segments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.booking_segments as t
                where t.connection_id = job.connection_id and t.booking_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.booking_segments_at is not null
              and g.platform_id <> all (array(select n.platform_id from booking_segments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from bookings_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_square_bookings() returns jsonb language sql immutable as $$
    select '[{"map": "map_square_bookings_bookings", "table": "bookings", "columns": {"version": ["version"], "status": ["status"], "location_platform_id": ["location_id"], "buyer_platform_id": ["customer_id"], "is_all_day": ["all_day"], "place": ["location_type"], "source": ["source"], "transition_minutes": ["transition_time_minutes"], "starts_at": ["start_at"], "booked_at": ["created_at"]}, "updated": ["updated_at", "created_at"], "updated_as": "iso_time"},
      {"map": "map_square_bookings_booking_segments", "table": "booking_segments", "columns": {"team_member_platform_id": ["team_member_id"], "variation_platform_id": ["service_variation_id"], "variation_version": ["service_variation_version"], "duration_minutes": ["duration_minutes"], "intermission_minutes": ["intermission_minutes"], "any_team_member": ["any_team_member"]}, "at": "appointment_segments", "key": ["service_variation_id"], "unique": false, "key_is_gid": false}]'::jsonb
$$;
