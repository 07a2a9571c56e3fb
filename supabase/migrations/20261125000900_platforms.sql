-- Baseline of platforms, written once from supabase/schemas (docs/decisions/022).

-- platforms/etsy.sql

-- Etsy's lookups, derivation and proofs.
--
-- Set operations rather than anti-joins: their cost does not hang on statistics that nobody has gathered yet.

insert into private.sales_channels values ('etsy', true);

-- pending_etsy_transactions: receipts that came without their lines (an order always has one).
create or replace function private.pending_etsy_transactions(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' as $$
    select o.platform_id from public.orders as o
    where o.connection_id = job.connection_id and o.platform_id > p_after and not o.is_deleted
    except
    select l.order_platform_id from public.line_items as l
    where l.connection_id = job.connection_id and not l.is_deleted
    order by 1 limit p_limit;
$$;

-- pending_etsy_payments: payments that ledger entries name and whose order nobody has asked for yet. Read in the order
-- of an index, as far as one batch goes: reading all that are left for each batch costs twenty times that in a large
-- shop.
create or replace function private.pending_etsy_payments(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set enable_hashagg = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    select r.reference_id
    from (select distinct p.reference_id from public.payments as p
          where p.connection_id = job.connection_id and p.order_platform_id is null
            and p.reference_type in ('shop_payment', 'processing_fee')
            and p.reference_id > p_after and p.reference_id ~ '^[0-9]+$'
          order by p.reference_id) as r
    where not exists (select from public.order_payments as o
                      where o.connection_id = job.connection_id and o.platform_id = r.reference_id
                      offset 0)
    order by r.reference_id limit p_limit;
$$;

-- derive_etsy_payment_orders: which order a ledger entry belongs to (sheet 7.2, "Resolving the order of an entry"): a
-- receipt names it itself (the mapping does that), a transaction through its line, a payment or its fee through the
-- payment.
create or replace function private.derive_etsy_payment_orders(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select p.ctid, p.platform_id, p.reference_type, p.reference_id, p.order_platform_id from public.payments as p
        where p.connection_id = job.connection_id and p.platform_id > p_after
        order by p.platform_id limit p_limit),
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
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

-- prove_etsy_balance: in sequence, each balance is the one before it plus the entry's amount. Where it is not, an entry
-- is missing.
create or replace function private.prove_etsy_balance(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with chain as (
        select platform_id, sequence_number, entry_amount, balance_amount, occurred_at, currency,
               lag(balance_amount) over ledger as before, lag(platform_id) over ledger as after_entry,
               lag(occurred_at) over ledger as after_time, lag(currency) over ledger as currency_before
        from public.payments
        where connection_id = job.connection_id and not is_deleted
        window ledger as (order by sequence_number, platform_id)),
    breaks as (
        select * from chain
        where before is not null and currency = currency_before and balance_amount <> before + entry_amount)
    select jsonb_build_object('ok', not exists (select 1 from breaks), 'detail', jsonb_build_object(
        'entries', (select count(*) from chain), 'breaks', (select count(*) from breaks),
        'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('after_entry', after_entry, 'entry', platform_id,
                             'since', after_time, 'until', occurred_at, 'expected', before + entry_amount,
                             'found', balance_amount)), '[]')
                         from (select * from breaks order by sequence_number limit 5) as b),
        'closing_balance', (select balance_amount from chain order by sequence_number desc, platform_id desc limit 1),
        'currency', (select currency from chain order by sequence_number desc, platform_id desc limit 1)));
$$;

-- prove_etsy_references: how many entries name an order, and of those that should, how many could not be resolved. For
-- information: the history may start after the order did.
create or replace function private.prove_etsy_references(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('ok', true, 'detail', jsonb_build_object(
        'linked', count(*) filter (where order_platform_id is not null),
        'unresolved', count(*) filter (where order_platform_id is null
                          and reference_type in ('receipt', 'transaction', 'shop_payment', 'processing_fee')),
        'of_no_order', count(*) filter (where order_platform_id is null and coalesce(reference_type, '') <> all
                          (array['receipt', 'transaction', 'shop_payment', 'processing_fee']))))
    from public.payments where connection_id = job.connection_id and not is_deleted;
$$;

-- prove_etsy_line_items: orders for which the platform showed no line even when asked for the lines alone. For
-- information.
create or replace function private.prove_etsy_line_items(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('ok', true, 'detail', jsonb_build_object(
        'orders_without_lines', (select count(*) from private.pending_etsy_transactions(job, '', 1000000)),
        'line_items', (select count(*) from public.line_items
                       where connection_id = job.connection_id and not is_deleted)));
$$;

-- prove_etsy_buyers: every buyer of an order is a customer. Buyers come with the orders: where the orders are not
-- complete, nobody can say that the customers are; no buyer is missing among no orders. `rests_on` names what has to be
-- complete first.
create or replace function private.prove_etsy_buyers(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with orders_job as (
        select o.status from public.sync_jobs as o
        where o.connection_id = job.connection_id and o.entity = 'orders'
          and o.job_type = job.job_type
        order by o.created_at desc limit 1),
    buyers as (
        select distinct buyer_platform_id from public.orders
        where connection_id = job.connection_id and buyer_platform_id is not null and not is_deleted),
    missing as (
        select buyer_platform_id from buyers
        except
        select c.platform_id from public.customers as c where c.connection_id = job.connection_id),
    facts as (
        select exists (select 1 from orders_job where status = 'completed') as orders_complete)
    select jsonb_build_object('ok', f.orders_complete and not exists (select 1 from missing), 'detail',
        jsonb_build_object(
            'buyers', (select count(*) from buyers), 'missing', (select count(*) from missing),
            'first_missing', (select coalesce(jsonb_agg(buyer_platform_id), '[]') from (select * from missing limit 5) as m))
        || case when f.orders_complete then '{}' else jsonb_build_object('rests_on', 'orders') end)
    from facts as f;
$$;

-- pending_etsy_changed_receipts: receipts that a webhook named.
create or replace function private.pending_etsy_changed_receipts(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'receipts', p_after, p_limit) $$;

-- platforms/printify.sql

-- What Printify holds about a seller. Its orders are orders to a printer, not sales: a sale stands in `orders`, and
-- only the cost of goods is taken from here. Amounts are cents as they came (`cost_amount` of one piece or of the whole
-- line: nobody says; see the cost rules), in a currency that no answer names.

-- What `line_items[].cost` covers is not confirmed (platform sheet, section 7).
insert into private.cost_rules values ('printify', 'piece');

create table public.printify_orders (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    app_order_id text,
    status text,
    -- 'external': from a sales channel, whose order `shop_order_id` and `shop_order_label` name; 'manual', 'sample', 'api'.
    order_type text,
    shop_order_id text,
    shop_order_label text,
    is_reprint boolean,
    reprinted_order_ids text,
    shipping_method int,
    is_express boolean,
    country text,
    region text,
    currency text not null default 'USD',
    currency_assumed boolean not null default true,
    -- What the buyer pays, not what the seller does.
    retail_amount bigint,
    shipping_amount bigint,
    tax_amount bigint,
    ordered_at timestamptz not null,
    sent_to_production_at timestamptz,
    fulfilled_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_orders_by_time on public.printify_orders (connection_id, ordered_at) where not is_deleted;
select private.synced_table('printify_orders');

create table public.printify_line_items (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    -- A line that another printer took over stands here too, as 'canceled', and may still carry its cost.
    status text,
    product_platform_id text,
    variant_id text,
    print_provider_id text,
    sku text,
    title text,
    variant_title text,
    quantity int,
    currency text not null default 'USD',
    currency_assumed boolean not null default true,
    cost_amount bigint,
    shipping_cost_amount bigint,
    retail_amount bigint,
    sent_to_production_at timestamptz,
    fulfilled_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_line_items_of_order on public.printify_line_items (connection_id, order_platform_id)
    where not is_deleted;
select private.synced_table('printify_line_items');

create table public.printify_shipments (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    carrier text,
    tracking_code text,
    delivered_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_shipments_of_order on public.printify_shipments (connection_id, order_platform_id)
    where not is_deleted;
select private.synced_table('printify_shipments');

create table public.printify_products (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    title text,
    tags text,
    blueprint_id text,
    print_provider_id text,
    is_visible boolean,
    is_locked boolean,
    -- The product in the sales channel: a listing of Etsy, a product of Shopify.
    channel_product_id text,
    channel_url text,
    made_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_products_of_channel on public.printify_products (connection_id, channel_product_id)
    where not is_deleted and channel_product_id is not null;
select private.synced_table('printify_products');
select private.closed_by_events('printify_products', 'printify');

-- Costs are today's: what an old order cost stands on its lines.
create table public.printify_variants (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    product_platform_id text not null,
    variant_id text not null,
    sku text,
    title text,
    currency text not null default 'USD',
    currency_assumed boolean not null default true,
    cost_amount bigint,
    price_amount bigint,
    weight_grams bigint,
    is_enabled boolean,
    is_default boolean,
    is_available boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_variants_of_product on public.printify_variants (connection_id, product_platform_id)
    where not is_deleted;
create index printify_variants_by_sku on public.printify_variants (connection_id, sku)
    where not is_deleted and sku is not null;
select private.synced_table('printify_variants');
select private.closed_by_events('printify_variants', 'printify', 'printify_products', 'product_platform_id');

-- fill_printify_currency: a row is in the account's currency. That is known to its owner alone: `stated_currency` is
-- what the owner said; without it `currency` is what the product was set to assume (PRINTIFY_CURRENCY), and every row
-- says that it is assumed.
create or replace function private.fill_printify_currency() returns trigger
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts;
begin
    select * into connection from public.connected_accounts as a where a.id = new.connection_id;
    new.currency := coalesce(connection.stated_currency, connection.currency, 'USD');
    new.currency_assumed := connection.stated_currency is null;
    return new;
end $$;

-- state_currency: the owner says in which currency the shop counts; rows that are there already take it too. Answers
-- how many orders changed.
create or replace function public.state_currency(p_user_id uuid, p_connection_id uuid, p_currency text) returns int
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare connection public.connected_accounts; t text; changed int := 0;
begin
    if not exists (select 1 from private.currencies as c where c.code = p_currency) then
        raise exception using errcode = 'PT422', message = 'unknown_currency', detail = p_currency;
    end if;
    connection := private.connection_of(p_user_id, p_connection_id);
    update public.connected_accounts set stated_currency = p_currency where id = connection.id;
    if connection.platform = 'printify' then
        foreach t in array array['printify_variants', 'printify_line_items', 'printify_orders'] loop
            execute format('update public.%I set currency = $2, currency_assumed = false '
                           'where connection_id = $1 and (currency <> $2 or currency_assumed)', t)
                using connection.id, p_currency;
            get diagnostics changed = row_count;
        end loop;
    end if;
    return changed;
end $$;
revoke all on function public.state_currency(uuid, uuid, text) from public, anon, authenticated;
grant execute on function public.state_currency(uuid, uuid, text) to service_role;

-- prove_printify_lines: what the costs rest on: lines, those of them that say no cost, orders without any. For
-- information: a manual order may have no line, and a line that was just ordered no cost yet.
create or replace function private.prove_printify_lines(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('ok', true, 'detail', jsonb_build_object(
        'line_items', (select count(*) from public.printify_line_items as l
                       where l.connection_id = job.connection_id and not l.is_deleted),
        'without_cost', (select count(*) from public.printify_line_items as l
                         where l.connection_id = job.connection_id and not l.is_deleted
                           and l.cost_amount is null),
        'orders_without_lines', (
            select count(*) from (
                select o.platform_id from public.printify_orders as o
                where o.connection_id = job.connection_id and not o.is_deleted
                except
                select l.order_platform_id from public.printify_line_items as l
                where l.connection_id = job.connection_id and not l.is_deleted) as bare)));
$$;

-- pending_printify_changed_orders: orders that a webhook named.
create or replace function private.pending_printify_changed_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'orders', p_after, p_limit) $$;

-- pending_printify_changed_products: products that a webhook named.
create or replace function private.pending_printify_changed_products(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'products', p_after, p_limit) $$;

-- cost_facts_printify: what Printify's records say of these orders. Costs are those of the lines that are not canceled;
-- total_price and the lines' metadata.price are retail and never read (platform sheet, section 8).
create or replace function private.cost_facts_printify(p_connection_id uuid, p_ids text[]) returns table (
        source_id text, order_type text, reference text, label text, reprint_of text, is_reprint boolean,
        ordered_at timestamptz, currency text, production_amount bigint, shipping_amount bigint, is_known boolean)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    select o.platform_id, o.order_type, nullif(btrim(o.shop_order_id), ''),
           nullif(ltrim(btrim(o.shop_order_label), '#'), ''), o.raw #>> '{metadata,reprinted_order_ids,0}',
           coalesce(o.is_reprint, false),
           o.ordered_at, o.currency, coalesce(l.production, 0)::bigint, coalesce(l.shipping, 0)::bigint,
           o.status is distinct from 'cost-calculation' and coalesce(l.all_known, true)
               and (l.live = 0 or l.production > 0 or coalesce(o.is_reprint, false))
    from public.printify_orders as o
    cross join private.cost_rules as r
    cross join lateral (
        select count(*) as live, bool_and(i.cost_amount is not null) as all_known,
               sum(i.cost_amount * case r.cost_covers when 'piece' then coalesce(i.quantity, 1) else 1 end) as production,
               sum(i.shipping_cost_amount) as shipping
        from public.printify_line_items as i
        where i.connection_id = o.connection_id and i.order_platform_id = o.platform_id
          and not i.is_deleted and i.status is distinct from 'canceled' offset 0) as l
    where o.connection_id = p_connection_id and o.platform_id = any (p_ids) and not o.is_deleted
      and r.source = 'printify';
$$;

-- watch_printify: the printer's side; the column that names the order comes with the trigger.
create or replace function private.watch_printify() returns trigger
language plpgsql security definer set search_path = '' as $$
declare each record; rows text;
begin
    rows := case tg_op when 'INSERT' then 'select * from came' when 'DELETE' then 'select * from went'
                       else 'select * from came union all select * from went' end;
    for each in execute format('select user_id, connection_id, array_agg(distinct %1$I) as ids from (%2$s) as r '
                               'group by user_id, connection_id order by connection_id', tg_argv[0], rows) loop
        -- A user who is being forgotten has no profile any more, and needs no costs.
        if exists (select from public.profiles as p where p.user_id = each.user_id) then
            perform private.lock_costs(each.user_id);
            perform private.costs_changed(each.user_id, each.connection_id, 'printify', each.ids);
        end if;
    end loop;
    return null;
end $$;

create trigger fill_printify_currency before insert on public.printify_orders
    for each row execute function private.fill_printify_currency();
create trigger fill_printify_currency before insert on public.printify_line_items
    for each row execute function private.fill_printify_currency();
create trigger fill_printify_currency before insert on public.printify_variants
    for each row execute function private.fill_printify_currency();

create trigger watch_printify_orders_come after insert on public.printify_orders referencing new table as came
    for each statement execute function private.watch_printify('platform_id');
create trigger watch_printify_orders_change after update on public.printify_orders
    referencing new table as came old table as went
    for each statement execute function private.watch_printify('platform_id');
create trigger watch_printify_orders_go after delete on public.printify_orders referencing old table as went
    for each statement execute function private.watch_printify('platform_id');

create trigger watch_printify_line_items_come after insert on public.printify_line_items referencing new table as came
    for each statement execute function private.watch_printify('order_platform_id');
create trigger watch_printify_line_items_change after update on public.printify_line_items
    referencing new table as came old table as went
    for each statement execute function private.watch_printify('order_platform_id');
create trigger watch_printify_line_items_go after delete on public.printify_line_items referencing old table as went
    for each statement execute function private.watch_printify('order_platform_id');

-- platforms/shopify.sql

-- Shopify's lookups, derivation and proofs, and what goes with a record that is gone. What is pending stands in the
-- orders' own raw records; indexes keep it from being looked for in all of them.

insert into private.sales_channels values ('shopify', false);
select private.closed_by_events('orders', 'shopify');
select private.closed_by_events('customers', 'shopify');
select private.closed_by_events('listings', 'shopify');
select private.closed_by_events('listing_variants', 'shopify', 'listings', 'listing_platform_id');

create index orders_with_more_lines on public.orders (connection_id, platform_id)
    where platform = 'shopify' and not is_deleted and (raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true';
create index orders_with_refunds on public.orders (connection_id, platform_id)
    where platform = 'shopify' and not is_deleted and (raw #>> '{refunds,0,id}') is not null;

-- order_takes_children: an order that is gone takes along what came with it, also where both come back in one late
-- page.
create or replace function private.order_takes_children() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.line_items set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_transactions set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_fulfillments set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    return null;
end $$;
create trigger order_takes_children after insert or update of is_deleted on public.orders
    for each row when (new.platform = 'shopify' and new.is_deleted) execute function private.order_takes_children();

-- remove_refunds: an order that is gone takes its refunds along: no record of a refund shows its order any more.
create or replace function private.remove_refunds() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    with gone as (
        update public.order_refunds set is_deleted = true, sync_run_id = new.sync_run_id
         where connection_id = new.connection_id and order_platform_id = new.platform_id
           and not is_deleted
        returning platform_id)
    update public.order_refund_lines as l set is_deleted = true, sync_run_id = new.sync_run_id
      from gone
     where l.connection_id = new.connection_id and l.refund_platform_id = gone.platform_id
       and not l.is_deleted;
    return new;
end $$;
create trigger remove_refunds after update of is_deleted on public.orders
    for each row when (new.platform = 'shopify' and new.is_deleted and not old.is_deleted)
    execute function private.remove_refunds();

-- pending_shopify_order_lines: orders of which a page showed only the first lines.
create or replace function private.pending_shopify_order_lines(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' as $$
    select o.platform_id from public.orders as o
    where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted and o.platform_id > p_after
      and (o.raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true'
    order by 1 limit p_limit;
$$;

-- pending_shopify_order_line_ends: those that have more than the longest page shows: their last lines are asked for.
create or replace function private.pending_shopify_order_line_ends(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select private.pending_shopify_order_lines(job, p_after, p_limit);
$$;

-- listed_refunds: the refunds that a shop's orders name, with their version. REST names them by number, without one:
-- those are asked for at every full read.
create or replace function private.listed_refunds(p_connection_id uuid) returns table (id text, updated_at timestamptz)
language sql stable set search_path = '' as $$
    select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id'), private.moment(r ->> 'updatedAt', 'refunds.updatedAt')
    from public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
    where o.connection_id = p_connection_id and o.platform = 'shopify' and not o.is_deleted
      and (o.raw #>> '{refunds,0,id}') is not null;
$$;

-- pending_shopify_refunds: refunds that an order names and that are not here, or here in another version. REST names an
-- order's refunds without their versions, so that all of them are asked for at every full read. A webhook about one
-- order is no full read: of refunds without a version it asks for those of the orders that it names.
create or replace function private.pending_shopify_refunds(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    with named as (
        select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id') as id, o.platform_id as named_by,
               private.moment(r ->> 'updatedAt', 'refunds.updatedAt') as updated_at
        from public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{refunds,0,id}') is not null)
    select distinct n.id from named as n
    left join public.order_refunds as f on f.connection_id = job.connection_id and not f.is_deleted
                                       and f.platform_id = n.id
    where n.id > p_after
      and (f.platform_id is null or n.updated_at <> f.source_updated_at
           or (n.updated_at is null and (job.entity <> 'changes' or exists (
                select 1 from private.platform_events as e
                where e.connection_id = job.connection_id and e.kind = 'orders'
                  and e.worked_at is null and e.object_id = n.named_by))))
    order by 1 limit p_limit;
$$;

-- pending_shopify_refund_ends: refunds of more lines than the longest page shows: their last ones are asked for.
create or replace function private.pending_shopify_refund_ends(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' as $$
    select f.platform_id from public.order_refunds as f
    where f.connection_id = job.connection_id and not f.is_deleted and f.platform_id > p_after
      and (f.raw #>> '{refundLineItems,pageInfo,hasNextPage}') = 'true'
    order by 1 limit p_limit;
$$;

-- pending_shopify_changed_orders: orders that a webhook named.
create or replace function private.pending_shopify_changed_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'orders', p_after, p_limit) $$;

-- pending_shopify_changed_products: products that a webhook named.
create or replace function private.pending_shopify_changed_products(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'products', p_after, p_limit) $$;

-- pending_shopify_changed_customers: customers that a webhook named.
create or replace function private.pending_shopify_changed_customers(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'customers', p_after, p_limit) $$;

-- pending_shopify_changed_variants: stretches of the changed products' variants, as '<product>:<after this variant>'. A
-- product that changed is read with its variants (execution/platforms/changed_objects.py). They are a list of their own, of up to 2,048,
-- asked for in stretches of ids, because a variant that is new has a greater id than all before it: one from the
-- beginning, and one after every 200th that is stored. A stretch brings 250, so that the last one reaches the end;
-- where it brings more than were known, another one begins behind it.
create or replace function private.pending_shopify_changed_variants(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    with changed as (
        select e.object_id as product from private.platform_events as e
        where e.connection_id = job.connection_id and e.kind = 'products' and e.worked_at is null),
    stretches as (
        select product, '0' as variant from changed
        union all
        select v.product, v.variant from (
            select c.product, t.platform_id as variant,
                   row_number() over (partition by c.product order by lpad(t.platform_id, 20, '0')) as place
            from changed as c
            join public.listing_variants as t on t.connection_id = job.connection_id
                                             and t.listing_platform_id = c.product and not t.is_deleted) as v
        where v.place % 200 = 0)
    select s.stretch from (select product || ':' || lpad(variant, 20, '0') as stretch from stretches) as s
    where s.stretch > p_after order by s.stretch limit p_limit;
$$;

-- derive_shopify_gone_variants: of a product whose variants this job has read, those that it did not show are gone. One
-- that was named after the job began may have been read in part: the next job looks at it.
create or replace function private.derive_shopify_gone_variants(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare product text; seen text[];
begin
    select e.object_id into product from private.platform_events as e
     where e.connection_id = job.connection_id and e.kind = 'products' and e.worked_at is null
       and e.received_at < job.started_at and e.object_id > p_after
     order by e.object_id limit 1;
    if product is null then
        return jsonb_build_object('rows', 0, 'after', p_after);
    end if;
    select array_agg(distinct k) into seen
      from public.sync_pages as p, unnest(p.keys) as k where p.job_id = job.id and p.stream = 'variants';
    update public.listing_variants as t set is_deleted = true, sync_run_id = job.run_id
     where t.connection_id = job.connection_id and t.listing_platform_id = product and not t.is_deleted
       and t.platform_id <> all (seen)
       -- A product always has a variant: where none was shown, it is the product that is gone.
       and exists (select 1 from public.listing_variants as o
                   where o.connection_id = job.connection_id and o.listing_platform_id = product
                     and o.platform_id = any (seen));
    return jsonb_build_object('rows', 1, 'after', product);
end $$;

-- prove_shopify_line_items: every line of every order: an order that still shows only some of them is named. Of the
-- longest ones the first 250 and the last 250 lines were asked for; together 500 would leave it open whether there are
-- others between.
create or replace function private.prove_shopify_line_items(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with cut as (
        select o.platform_id from public.orders as o
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true'
        union all
        select l.order_platform_id from public.line_items as l
        where l.connection_id = job.connection_id and not l.is_deleted
        group by l.order_platform_id
        having count(*) >= 500 and exists (
            select 1 from public.orders as o
            where o.connection_id = job.connection_id and o.platform_id = l.order_platform_id
              and (o.raw #>> '{lineItems,pageInfo,hasPreviousPage}') = 'true'))
    select jsonb_build_object('ok', not exists (select 1 from cut), 'detail', jsonb_build_object(
        'line_items', (select count(*) from public.line_items
                       where connection_id = job.connection_id and not is_deleted),
        'orders_cut', (select count(*) from cut),
        'first_cut', (select coalesce(jsonb_agg(platform_id), '[]') from (select * from cut limit 5) as c)));
$$;

-- prove_shopify_refunds: every refund that an order names is here, with all of its lines.
create or replace function private.prove_shopify_refunds(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with missing as (
        select l.id from private.listed_refunds(job.connection_id) as l
        except
        select f.platform_id from public.order_refunds as f
        where f.connection_id = job.connection_id and not f.is_deleted),
    cut as (
        select f.platform_id from public.order_refunds as f
        where f.connection_id = job.connection_id and not f.is_deleted
          and (f.raw #>> '{refundLineItems,pageInfo,hasNextPage}') = 'true'
        union all
        select l.refund_platform_id from public.order_refund_lines as l
        where l.connection_id = job.connection_id and not l.is_deleted
        group by l.refund_platform_id having count(*) >= 500)
    select jsonb_build_object('ok', not exists (select 1 from missing) and not exists (select 1 from cut),
        'detail', jsonb_build_object(
            'refunds', (select count(*) from private.listed_refunds(job.connection_id)),
            'missing', (select count(*) from missing), 'cut', (select count(*) from cut),
            'first_missing', (select coalesce(jsonb_agg(id), '[]') from (select * from missing limit 5) as m)));
$$;

create trigger keep_forgotten before insert on public.customers
    for each row when (new.platform = 'shopify') execute function private.keep_forgotten();
