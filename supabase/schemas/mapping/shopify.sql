-- The mapping of shopify's records, written from its streams by `make migration`. Do not edit.

create or replace function private.map_shopify_orders_orders(r jsonb) returns table (
        order_number text, status text, fulfillment_status text, is_paid boolean, is_test boolean,
        buyer_platform_id text, payment_method text, ordered_at timestamptz, cancelled_at timestamptz,
        discount_amount bigint, subtotal_amount bigint, shipping_amount bigint, tax_amount bigint, tip_amount bigint,
        total_amount bigint, current_total_amount bigint, refunded_amount bigint, presentment_currency text,
        presentment_total_amount bigint, currency text)
language sql stable as $$
    select v.order_number, lower(v.status), lower(v.fulfillment_status), v.is_paid, v.is_test,
        private.gid(v.buyer_platform_id, 'customer.id'), private.joined_texts(v.payment_method, 'paymentGatewayNames'),
        private.moment(v.ordered_at, 'processedAt'), private.moment(v.cancelled_at, 'cancelledAt'),
        private.decimal_money(v.discount_amount, c, v.currency, 'totalDiscountsSet.shopMoney'),
        private.decimal_money(v.subtotal_amount, c, v.currency, 'subtotalPriceSet.shopMoney'),
        private.decimal_money(v.shipping_amount, c, v.currency, 'totalShippingPriceSet.shopMoney'),
        private.decimal_money(v.tax_amount, c, v.currency, 'totalTaxSet.shopMoney'),
        private.decimal_money(v.tip_amount, c, v.currency, 'totalTipReceivedSet.shopMoney'),
        private.decimal_money(v.total_amount, c, v.currency, 'totalPriceSet.shopMoney'),
        private.decimal_money(v.current_total_amount, c, v.currency, 'currentTotalPriceSet.shopMoney'),
        private.decimal_money(v.refunded_amount, c, v.currency, 'totalRefundedSet.shopMoney'), v.presentment_currency,
        private.own_money(v.presentment_total_amount, 'totalPriceSet.presentmentMoney'), v.currency
    from (select
        private.text_in(r, 'name', 'name') as order_number,
        private.string_in(r, 'displayFinancialStatus', 'displayFinancialStatus', 'lower') as status,
        private.string_in(r, 'displayFulfillmentStatus', 'displayFulfillmentStatus', 'lower') as fulfillment_status,
        (r ->> 'fullyPaid')::boolean as is_paid,
        (r ->> 'test')::boolean as is_test,
        private.string_in(r -> 'customer', 'id', 'customer.id', 'gid') as buyer_platform_id,
        r -> 'paymentGatewayNames' as payment_method,
        private.string_in(r, 'processedAt', 'processedAt', 'iso_time') as ordered_at,
        private.string_in(r, 'cancelledAt', 'cancelledAt', 'iso_time') as cancelled_at,
        r -> 'totalDiscountsSet' -> 'shopMoney' as discount_amount,
        r -> 'subtotalPriceSet' -> 'shopMoney' as subtotal_amount,
        r -> 'totalShippingPriceSet' -> 'shopMoney' as shipping_amount,
        r -> 'totalTaxSet' -> 'shopMoney' as tax_amount,
        r -> 'totalTipReceivedSet' -> 'shopMoney' as tip_amount,
        r -> 'totalPriceSet' -> 'shopMoney' as total_amount,
        r -> 'currentTotalPriceSet' -> 'shopMoney' as current_total_amount,
        r -> 'totalRefundedSet' -> 'shopMoney' as refunded_amount,
        private.text_in(r -> 'totalPriceSet' -> 'presentmentMoney', 'currencyCode', 'totalPriceSet.presentmentMoney.currencyCode') as presentment_currency,
        r -> 'totalPriceSet' -> 'presentmentMoney' as presentment_total_amount,
        private.text_in(r, 'currencyCode', 'currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_line_items(r jsonb) returns table (
        listing_platform_id text, product_platform_id text, sku text, title text, quantity bigint,
        current_quantity bigint, price_amount bigint, discount_amount bigint, currency text)
language sql stable as $$
    select private.gid(v.listing_platform_id, 'product.id'), private.gid(v.product_platform_id, 'variant.id'), v.sku,
        v.title, v.quantity, v.current_quantity,
        private.decimal_money(v.price_amount, c, v.currency, 'originalUnitPriceSet.shopMoney'),
        private.sum_of(v.discount_amount, '{allocatedAmountSet,shopMoney}', c, v.currency, 'discountAllocations'),
        v.currency
    from (select
        private.string_in(r -> 'product', 'id', 'product.id', 'gid') as listing_platform_id,
        private.string_in(r -> 'variant', 'id', 'variant.id', 'gid') as product_platform_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'name', 'name') as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'currentQuantity')::bigint as current_quantity,
        r -> 'originalUnitPriceSet' -> 'shopMoney' as price_amount,
        r -> 'discountAllocations' as discount_amount,
        private.text_in(r -> 'originalUnitPriceSet' -> 'shopMoney', 'currencyCode', 'originalUnitPriceSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_shipping_lines(r jsonb) returns table (
        title text, price_amount bigint, discounted_amount bigint, tax_amount bigint, is_removed boolean, currency text)
language sql stable as $$
    select v.title, private.decimal_money(v.price_amount, c, v.currency, 'originalPriceSet.shopMoney'),
        private.decimal_money(v.discounted_amount, c, v.currency, 'discountedPriceSet.shopMoney'),
        private.sum_of(v.tax_amount, '{priceSet,shopMoney}', c, v.currency, 'taxLines'), v.is_removed, v.currency
    from (select
        private.text_in(r, 'title', 'title') as title,
        r -> 'originalPriceSet' -> 'shopMoney' as price_amount,
        r -> 'discountedPriceSet' -> 'shopMoney' as discounted_amount,
        r -> 'taxLines' as tax_amount,
        (r ->> 'isRemoved')::boolean as is_removed,
        private.text_in(r -> 'originalPriceSet' -> 'shopMoney', 'currencyCode', 'originalPriceSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_tax_lines(r jsonb) returns table (
        line_item_platform_id text, shipping_line_platform_id text, title text, rate text, tax_amount bigint,
        channel_liable boolean, currency text)
language sql stable as $$
    select case when r -> 'of' ->> 'quantity' is not null then private.gid(v.line_item_platform_id, 'of.id') end,
        case when r -> 'of' ->> 'isRemoved' is not null then private.gid(v.shipping_line_platform_id, 'of.id') end,
        v.title, v.rate, private.decimal_money(v.tax_amount, c, v.currency, 'priceSet.shopMoney'), v.channel_liable,
        v.currency
    from (select
        private.string_in(r -> 'of', 'id', 'of.id', 'gid') as line_item_platform_id,
        private.string_in(r -> 'of', 'id', 'of.id', 'gid') as shipping_line_platform_id,
        private.text_in(r, 'title', 'title') as title,
        private.text_in(r, 'rate', 'rate') as rate,
        r -> 'priceSet' -> 'shopMoney' as tax_amount,
        (r ->> 'channelLiable')::boolean as channel_liable,
        private.text_in(r -> 'priceSet' -> 'shopMoney', 'currencyCode', 'priceSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_transactions(r jsonb) returns table (
        kind text, status text, gateway text, is_test boolean, parent_platform_id text, transaction_amount bigint,
        processed_at timestamptz, fees_amount bigint, fees_tax_amount bigint, fee_currency text, rounding_amount bigint,
        settlement_currency text, settlement_rate text, currency text)
language sql stable as $$
    select lower(v.kind), lower(v.status), v.gateway, v.is_test, private.gid(v.parent_platform_id, 'parentTransaction.id'),
        private.decimal_money(v.transaction_amount, c, v.currency, 'amountSet.shopMoney'),
        private.moment(v.processed_at, 'processedAt'), private.own_sum_of(v.fees_amount, '{amount}', 'fees'),
        private.own_sum_of(v.fees_tax_amount, '{taxAmount}', 'fees'), v.fee_currency,
        private.decimal_money(v.rounding_amount, c, v.currency, 'amountRoundingSet.shopMoney'), v.settlement_currency,
        v.settlement_rate, v.currency
    from (select
        private.string_in(r, 'kind', 'kind', 'lower') as kind,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.text_in(r, 'gateway', 'gateway') as gateway,
        (r ->> 'test')::boolean as is_test,
        private.string_in(r -> 'parentTransaction', 'id', 'parentTransaction.id', 'gid') as parent_platform_id,
        r -> 'amountSet' -> 'shopMoney' as transaction_amount,
        private.string_in(r, 'processedAt', 'processedAt', 'iso_time') as processed_at,
        r -> 'fees' as fees_amount,
        r -> 'fees' as fees_tax_amount,
        coalesce(private.text_in(r, 'feeCurrency', 'feeCurrency'), r #>> '{fees,0,amount,currencyCode}') as fee_currency,
        r -> 'amountRoundingSet' -> 'shopMoney' as rounding_amount,
        private.text_in(r, 'settlementCurrency', 'settlementCurrency') as settlement_currency,
        private.text_in(r, 'settlementCurrencyRate', 'settlementCurrencyRate') as settlement_rate,
        private.text_in(r -> 'amountSet' -> 'shopMoney', 'currencyCode', 'amountSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_fulfillments(r jsonb) returns table (
        status text, carrier text, tracking_code text, shipped_at timestamptz)
language sql stable as $$
    select lower(v.status), v.carrier, v.tracking_code, private.moment(v.shipped_at, 'createdAt')
    from (select
        private.string_in(r, 'status', 'status', 'lower') as status,
        coalesce(private.text_in(r, 'carrier', 'carrier'), r #>> '{trackingInfo,0,company}') as carrier,
        coalesce(private.text_in(r, 'trackingCode', 'trackingCode'), r #>> '{trackingInfo,0,number}') as tracking_code,
        private.string_in(r, 'createdAt', 'createdAt', 'iso_time') as shipped_at
        offset 0) as v;
$$;

create or replace function private.land_shopify_orders(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') as line_items_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as line_items_more,
                     nullif(e.r -> 'shippingLines' -> 'nodes', 'null') as order_shipping_lines_at,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') || coalesce(nullif(e.r -> 'shippingLines' -> 'nodes', 'null'), '[]') as order_tax_lines_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as order_tax_lines_more,
                     nullif(e.r -> 'transactions', 'null') as order_transactions_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'fulfillments']::text[] #- '{lineItems,nodes}' #- '{shippingLines,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_paid = excluded.is_paid, is_test = excluded.is_test, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer,id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, refunded_amount = excluded.refunded_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('originalUnitPriceSet', jsonb_build_object('shopMoney', e.r -> 'originalUnitPriceSet' -> 'shopMoney'), 'id', e.r -> 'id', 'product', jsonb_build_object('id', e.r -> 'product' -> 'id'), 'variant', jsonb_build_object('id', e.r -> 'variant' -> 'id'), 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'currentQuantity', e.r -> 'currentQuantity', 'discountAllocations', e.r -> 'discountAllocations') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{product,id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{variant,id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null and f.line_items_more is not true
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_shipping_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('originalPriceSet', jsonb_build_object('shopMoney', e.r -> 'originalPriceSet' -> 'shopMoney'), 'id', e.r -> 'id', 'title', e.r -> 'title', 'discountedPriceSet', jsonb_build_object('shopMoney', e.r -> 'discountedPriceSet' -> 'shopMoney'), 'taxLines', e.r -> 'taxLines', 'isRemoved', e.r -> 'isRemoved') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         coalesce(private.gid_tail(e.r ->> 'id'), f.platform_id || ':' || e.ord) as platform_id
                  from fresh as f, jsonb_array_elements(f.order_shipping_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_shipping_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_shipping_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_shipping_lines_new as (
        insert into public.order_shipping_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_shipping_lines_in where is_new),
    order_shipping_lines_changed as (
        insert into public.order_shipping_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_shipping_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, title = excluded.title, price_amount = excluded.price_amount, discounted_amount = excluded.discounted_amount, tax_amount = excluded.tax_amount, is_removed = excluded.is_removed, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_shipping_lines_gone as (
        update public.order_shipping_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_shipping_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_shipping_lines_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_shipping_lines_in as n))))),
    order_tax_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('priceSet', jsonb_build_object('shopMoney', e.r -> 'priceSet' -> 'shopMoney'), 'of', jsonb_build_object('id', e.r -> 'of' -> 'id', 'quantity', e.r -> 'of' -> 'quantity', 'isRemoved', e.r -> 'of' -> 'isRemoved'), 'title', e.r -> 'title', 'rate', e.r -> 'rate', 'channelLiable', e.r -> 'channelLiable') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(private.gid_tail(e.r -> 'of' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, private.gid_tail(e.r -> 'of' ->> 'id') order by e.ord))::text as platform_id
                  from fresh as f, lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- '{taxLines}' as r, nullif(p.r #> '{taxLines}', 'null') as parts, p.ord
                            from jsonb_array_elements(f.order_tax_lines_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e offset 0) as e,
                 lateral private.map_shopify_orders_order_tax_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_tax_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_tax_lines_new as (
        insert into public.order_tax_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_tax_lines_in where is_new),
    order_tax_lines_changed as (
        insert into public.order_tax_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_tax_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, line_item_platform_id = excluded.line_item_platform_id, shipping_line_platform_id = excluded.shipping_line_platform_id, title = excluded.title, rate = excluded.rate, tax_amount = excluded.tax_amount, channel_liable = excluded.channel_liable, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_tax_lines_gone as (
        update public.order_tax_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_tax_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_tax_lines_at is not null and f.order_tax_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_tax_lines_in as n))))),
    order_transactions_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amountSet', jsonb_build_object('shopMoney', e.r -> 'amountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'kind', e.r -> 'kind', 'status', e.r -> 'status', 'gateway', e.r -> 'gateway', 'test', e.r -> 'test', 'parentTransaction', jsonb_build_object('id', e.r -> 'parentTransaction' -> 'id'), 'processedAt', e.r -> 'processedAt', 'fees', e.r -> 'fees', 'feeCurrency', e.r -> 'feeCurrency', 'amountRoundingSet', jsonb_build_object('shopMoney', e.r -> 'amountRoundingSet' -> 'shopMoney'), 'settlementCurrency', e.r -> 'settlementCurrency', 'settlementCurrencyRate', e.r -> 'settlementCurrencyRate') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_transactions_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_transactions as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_transactions_new as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, fees_amount, fees_tax_amount, fee_currency, rounding_amount, settlement_currency, settlement_rate, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, fees_amount, fees_tax_amount, fee_currency, rounding_amount, settlement_currency, settlement_rate, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where is_new),
    order_transactions_changed as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, fees_amount, fees_tax_amount, fee_currency, rounding_amount, settlement_currency, settlement_rate, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, fees_amount, fees_tax_amount, fee_currency, rounding_amount, settlement_currency, settlement_rate, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, kind = excluded.kind, status = excluded.status, gateway = excluded.gateway, is_test = excluded.is_test, parent_platform_id = excluded.parent_platform_id, transaction_amount = excluded.transaction_amount, processed_at = excluded.processed_at, fees_amount = excluded.fees_amount, fees_tax_amount = excluded.fees_tax_amount, fee_currency = excluded.fee_currency, rounding_amount = excluded.rounding_amount, settlement_currency = excluded.settlement_currency, settlement_rate = excluded.settlement_rate, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_transactions_gone as (
        update public.order_transactions as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_transactions as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_transactions_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_transactions_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'carrier', e.r -> 'carrier', 'trackingInfo', e.r -> 'trackingInfo', 'trackingCode', e.r -> 'trackingCode', 'createdAt', e.r -> 'createdAt') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["displayFinancialStatus"], "fulfillment_status": ["displayFulfillmentStatus"], "is_paid": ["fullyPaid"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["paymentGatewayNames"], "ordered_at": ["processedAt"], "cancelled_at": ["cancelledAt"], "discount_amount": ["totalDiscountsSet.shopMoney"], "subtotal_amount": ["subtotalPriceSet.shopMoney"], "shipping_amount": ["totalShippingPriceSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "tip_amount": ["totalTipReceivedSet.shopMoney"], "total_amount": ["totalPriceSet.shopMoney"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "refunded_amount": ["totalRefundedSet.shopMoney"], "presentment_currency": ["totalPriceSet.presentmentMoney.currencyCode"], "presentment_total_amount": ["totalPriceSet.presentmentMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product.id"], "product_platform_id": ["variant.id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["currentQuantity"], "price_amount": ["originalUnitPriceSet.shopMoney"], "discount_amount": ["discountAllocations"], "currency": ["originalUnitPriceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["id"], "unique": true, "key_is_gid": true},
      {"map": "map_shopify_orders_order_shipping_lines", "table": "order_shipping_lines", "columns": {"title": ["title"], "price_amount": ["originalPriceSet.shopMoney"], "discounted_amount": ["discountedPriceSet.shopMoney"], "tax_amount": ["taxLines"], "is_removed": ["isRemoved"], "currency": ["originalPriceSet.shopMoney.currencyCode"]}, "at": "shippingLines.nodes", "key": ["id"], "unique": false, "key_is_gid": true},
      {"map": "map_shopify_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["priceSet.shopMoney"], "channel_liable": ["channelLiable"], "currency": ["priceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["of.id"], "unique": false, "key_is_gid": true, "inside": "taxLines", "summed": true},
      {"map": "map_shopify_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["priceSet.shopMoney"], "channel_liable": ["channelLiable"], "currency": ["priceSet.shopMoney.currencyCode"]}, "at": "shippingLines.nodes", "key": ["of.id"], "unique": false, "key_is_gid": true, "inside": "taxLines", "summed": true},
      {"map": "map_shopify_orders_order_transactions", "table": "order_transactions", "columns": {"kind": ["kind"], "status": ["status"], "gateway": ["gateway"], "is_test": ["test"], "parent_platform_id": ["parentTransaction.id"], "transaction_amount": ["amountSet.shopMoney"], "processed_at": ["processedAt"], "fees_amount": ["fees"], "fees_tax_amount": ["fees"], "fee_currency": ["feeCurrency", "fees.0.amount.currencyCode"], "rounding_amount": ["amountRoundingSet.shopMoney"], "settlement_currency": ["settlementCurrency"], "settlement_rate": ["settlementCurrencyRate"], "currency": ["amountSet.shopMoney.currencyCode"]}, "at": "transactions", "key": ["id"], "unique": true, "key_is_gid": true},
      {"map": "map_shopify_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["carrier", "trackingInfo.0.company"], "tracking_code": ["trackingCode", "trackingInfo.0.number"], "shipped_at": ["createdAt"]}, "at": "fulfillments", "key": ["id"], "unique": true, "key_is_gid": true}]'::jsonb
$$;

create or replace function private.map_shopify_refunds_order_refunds(r jsonb) returns table (
        order_platform_id text, refund_amount bigint, reason text, refunded_at timestamptz, currency text)
language sql stable as $$
    select private.gid(v.order_platform_id, 'order.id'),
        private.decimal_money(v.refund_amount, c, v.currency, 'totalRefundedSet.shopMoney'), v.reason,
        private.moment(v.refunded_at, 'processedAt'), v.currency
    from (select
        private.string_in(r -> 'order', 'id', 'order.id', 'gid') as order_platform_id,
        r -> 'totalRefundedSet' -> 'shopMoney' as refund_amount,
        private.text_in(r, 'note', 'note') as reason,
        private.string_in(r, 'processedAt', 'processedAt', 'iso_time') as refunded_at,
        private.text_in(r -> 'totalRefundedSet' -> 'shopMoney', 'currencyCode', 'totalRefundedSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_refunds_order_refund_lines(r jsonb) returns table (
        line_item_platform_id text, quantity bigint, restock_type text, subtotal_amount bigint, tax_amount bigint,
        currency text)
language sql stable as $$
    select private.gid(v.line_item_platform_id, 'lineItem.id'), v.quantity, lower(v.restock_type),
        private.decimal_money(v.subtotal_amount, c, v.currency, 'subtotalSet.shopMoney'),
        private.decimal_money(v.tax_amount, c, v.currency, 'totalTaxSet.shopMoney'), v.currency
    from (select
        private.string_in(r -> 'lineItem', 'id', 'lineItem.id', 'gid') as line_item_platform_id,
        (r ->> 'quantity')::bigint as quantity,
        private.string_in(r, 'restockType', 'restockType', 'lower') as restock_type,
        r -> 'subtotalSet' -> 'shopMoney' as subtotal_amount,
        r -> 'totalTaxSet' -> 'shopMoney' as tax_amount,
        private.text_in(r -> 'subtotalSet' -> 'shopMoney', 'currencyCode', 'subtotalSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_refunds_order_refund_shipping_lines(r jsonb) returns table (
        shipping_line_platform_id text, subtotal_amount bigint, tax_amount bigint, currency text)
language sql stable as $$
    select private.gid(v.shipping_line_platform_id, 'shippingLine.id'),
        private.decimal_money(v.subtotal_amount, c, v.currency, 'subtotalAmountSet.shopMoney'),
        private.decimal_money(v.tax_amount, c, v.currency, 'taxAmountSet.shopMoney'), v.currency
    from (select
        private.string_in(r -> 'shippingLine', 'id', 'shippingLine.id', 'gid') as shipping_line_platform_id,
        r -> 'subtotalAmountSet' -> 'shopMoney' as subtotal_amount,
        r -> 'taxAmountSet' -> 'shopMoney' as tax_amount,
        private.text_in(r -> 'subtotalAmountSet' -> 'shopMoney', 'currencyCode', 'subtotalAmountSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_refunds_order_refund_adjustments(r jsonb) returns table (
        reason text, adjustment_amount bigint, tax_amount bigint, currency text)
language sql stable as $$
    select lower(v.reason), private.decimal_money(v.adjustment_amount, c, v.currency, 'amountSet.shopMoney'),
        private.decimal_money(v.tax_amount, c, v.currency, 'taxAmountSet.shopMoney'), v.currency
    from (select
        private.string_in(r, 'reason', 'reason', 'lower') as reason,
        r -> 'amountSet' -> 'shopMoney' as adjustment_amount,
        r -> 'taxAmountSet' -> 'shopMoney' as tax_amount,
        private.text_in(r -> 'amountSet' -> 'shopMoney', 'currencyCode', 'amountSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_refunds(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'refundLineItems' -> 'nodes', 'null') as order_refund_lines_at,
                     (e.r -> 'refundLineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'refundLineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as order_refund_lines_more,
                     e.r -> 'refundLineItems' -> 'pageInfo' ->> 'startCursor' as order_refund_lines_stretch,
                     nullif(e.r -> 'refundShippingLines' -> 'nodes', 'null') as order_refund_shipping_lines_at,
                     (e.r -> 'refundShippingLines' -> 'pageInfo' ->> 'hasNextPage')::boolean as order_refund_shipping_lines_more,
                     nullif(e.r -> 'orderAdjustments' -> 'nodes', 'null') as order_refund_adjustments_at,
                     (e.r -> 'orderAdjustments' -> 'pageInfo' ->> 'hasNextPage')::boolean as order_refund_adjustments_more,
                     m.*
              from (select e.r, e.ord, e.r #- '{refundLineItems,nodes}' #- '{refundShippingLines,nodes}' #- '{orderAdjustments,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_refunds_order_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refunds as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_refunds_new as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, refund_amount = excluded.refund_amount, reason = excluded.reason, refunded_at = excluded.refunded_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('subtotalSet', jsonb_build_object('shopMoney', e.r -> 'subtotalSet' -> 'shopMoney'), 'id', e.r -> 'id', 'lineItem', jsonb_build_object('id', e.r -> 'lineItem' -> 'id'), 'quantity', e.r -> 'quantity', 'restockType', e.r -> 'restockType', 'totalTaxSet', jsonb_build_object('shopMoney', e.r -> 'totalTaxSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(coalesce(private.gid_tail(e.r ->> 'id'), f.order_refund_lines_stretch), '-') || ':' || coalesce(private.gid_tail(e.r -> 'lineItem' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, coalesce(private.gid_tail(e.r ->> 'id'), f.order_refund_lines_stretch), private.gid_tail(e.r -> 'lineItem' ->> 'id') order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refunds_order_refund_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refund_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_lines_new as (
        insert into public.order_refund_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_lines_in where is_new),
    order_refund_lines_changed as (
        insert into public.order_refund_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_lines_in where differs
        on conflict (connection_id, platform_id) do update set refund_platform_id = excluded.refund_platform_id, line_item_platform_id = excluded.line_item_platform_id, quantity = excluded.quantity, restock_type = excluded.restock_type, subtotal_amount = excluded.subtotal_amount, tax_amount = excluded.tax_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_lines_gone as (
        update public.order_refund_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_lines as t
                where t.connection_id = job.connection_id and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_lines_at is not null and f.order_refund_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_lines_in as n))))),
    order_refund_shipping_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('subtotalAmountSet', jsonb_build_object('shopMoney', e.r -> 'subtotalAmountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'shippingLine', jsonb_build_object('id', e.r -> 'shippingLine' -> 'id'), 'taxAmountSet', jsonb_build_object('shopMoney', e.r -> 'taxAmountSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_shipping_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refunds_order_refund_shipping_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refund_shipping_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_shipping_lines_new as (
        insert into public.order_refund_shipping_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, shipping_line_platform_id, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, shipping_line_platform_id, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_shipping_lines_in where is_new),
    order_refund_shipping_lines_changed as (
        insert into public.order_refund_shipping_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, shipping_line_platform_id, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, shipping_line_platform_id, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_shipping_lines_in where differs
        on conflict (connection_id, platform_id) do update set refund_platform_id = excluded.refund_platform_id, shipping_line_platform_id = excluded.shipping_line_platform_id, subtotal_amount = excluded.subtotal_amount, tax_amount = excluded.tax_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_shipping_lines_gone as (
        update public.order_refund_shipping_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_shipping_lines as t
                where t.connection_id = job.connection_id and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_shipping_lines_at is not null and f.order_refund_shipping_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_shipping_lines_in as n))))),
    order_refund_adjustments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amountSet', jsonb_build_object('shopMoney', e.r -> 'amountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'reason', e.r -> 'reason', 'taxAmountSet', jsonb_build_object('shopMoney', e.r -> 'taxAmountSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_adjustments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refunds_order_refund_adjustments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refund_adjustments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_adjustments_new as (
        insert into public.order_refund_adjustments as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, reason, adjustment_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, reason, adjustment_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_adjustments_in where is_new),
    order_refund_adjustments_changed as (
        insert into public.order_refund_adjustments as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, reason, adjustment_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, reason, adjustment_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_adjustments_in where differs
        on conflict (connection_id, platform_id) do update set refund_platform_id = excluded.refund_platform_id, reason = excluded.reason, adjustment_amount = excluded.adjustment_amount, tax_amount = excluded.tax_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_adjustments_gone as (
        update public.order_refund_adjustments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_adjustments as t
                where t.connection_id = job.connection_id and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_adjustments_at is not null and f.order_refund_adjustments_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_adjustments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_refunds_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_refunds() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_refunds_order_refunds", "table": "order_refunds", "columns": {"order_platform_id": ["order.id"], "refund_amount": ["totalRefundedSet.shopMoney"], "reason": ["note"], "refunded_at": ["processedAt"], "currency": ["totalRefundedSet.shopMoney.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_refunds_order_refund_lines", "table": "order_refund_lines", "columns": {"line_item_platform_id": ["lineItem.id"], "quantity": ["quantity"], "restock_type": ["restockType"], "subtotal_amount": ["subtotalSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "currency": ["subtotalSet.shopMoney.currencyCode"]}, "at": "refundLineItems.nodes", "key": ["id", "lineItem.id"], "unique": false, "key_is_gid": true},
      {"map": "map_shopify_refunds_order_refund_shipping_lines", "table": "order_refund_shipping_lines", "columns": {"shipping_line_platform_id": ["shippingLine.id"], "subtotal_amount": ["subtotalAmountSet.shopMoney"], "tax_amount": ["taxAmountSet.shopMoney"], "currency": ["subtotalAmountSet.shopMoney.currencyCode"]}, "at": "refundShippingLines.nodes", "key": ["id"], "unique": true, "key_is_gid": true},
      {"map": "map_shopify_refunds_order_refund_adjustments", "table": "order_refund_adjustments", "columns": {"reason": ["reason"], "adjustment_amount": ["amountSet.shopMoney"], "tax_amount": ["taxAmountSet.shopMoney"], "currency": ["amountSet.shopMoney.currencyCode"]}, "at": "orderAdjustments.nodes", "key": ["id"], "unique": true, "key_is_gid": true}]'::jsonb
$$;

create or replace function private.map_shopify_journals_order_journals(r jsonb) returns table (
        is_test boolean, current_total_amount bigint, currency text)
language sql stable as $$
    select v.is_test, private.decimal_money(v.current_total_amount, c, v.currency, 'currentTotalPriceSet.shopMoney'),
        v.currency
    from (select
        (r ->> 'test')::boolean as is_test,
        r -> 'currentTotalPriceSet' -> 'shopMoney' as current_total_amount,
        private.text_in(r, 'currencyCode', 'currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_journals_order_sales(r jsonb) returns table (
        agreement_platform_id text, happened_at timestamptz, reason text, action_type text, line_type text,
        line_platform_id text, quantity bigint, total_amount bigint, tax_amount bigint, channel_tax_amount bigint,
        seller_tax_amount bigint, discount_amount bigint, currency text)
language sql stable as $$
    select private.gid(v.agreement_platform_id, 'of.id'), private.moment(v.happened_at, 'of.happenedAt'), lower(v.reason),
        lower(v.action_type), lower(v.line_type), private.gid(v.line_platform_id, 'lineItem.id'), v.quantity,
        private.decimal_money(v.total_amount, c, v.currency, 'totalAmount.shopMoney'),
        private.decimal_money(v.tax_amount, c, v.currency, 'totalTaxAmount.shopMoney'),
        private.sum_of(v.channel_tax_amount, '{amount,shopMoney}', c, v.currency, 'taxes'),
        private.sum_of(v.seller_tax_amount, '{amount,shopMoney}', c, v.currency, 'taxes'),
        private.decimal_money(v.discount_amount, c, v.currency, 'totalDiscountAmountBeforeTaxes.shopMoney'), v.currency
    from (select
        private.string_in(r -> 'of', 'id', 'of.id', 'gid') as agreement_platform_id,
        private.string_in(r -> 'of', 'happenedAt', 'of.happenedAt', 'iso_time') as happened_at,
        private.string_in(r -> 'of', 'reason', 'of.reason', 'lower') as reason,
        private.string_in(r, 'actionType', 'actionType', 'lower') as action_type,
        private.string_in(r, 'lineType', 'lineType', 'lower') as line_type,
        coalesce(private.string_in(r -> 'lineItem', 'id', 'lineItem.id', 'gid'), r #>> '{shippingLine,id}') as line_platform_id,
        (r ->> 'quantity')::bigint as quantity,
        r -> 'totalAmount' -> 'shopMoney' as total_amount,
        r -> 'totalTaxAmount' -> 'shopMoney' as tax_amount,
        case when jsonb_typeof(r -> 'taxes') = 'array' then jsonb_path_query_array(r -> 'taxes', '$[*] ? (@.taxLine.channelLiable == true)') else r -> 'taxes' end as channel_tax_amount,
        case when jsonb_typeof(r -> 'taxes') = 'array' then jsonb_path_query_array(r -> 'taxes', '$[*] ? (@.taxLine.channelLiable == false)') else r -> 'taxes' end as seller_tax_amount,
        r -> 'totalDiscountAmountBeforeTaxes' -> 'shopMoney' as discount_amount,
        private.text_in(r -> 'totalAmount' -> 'shopMoney', 'currencyCode', 'totalAmount.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_journals_order_disputes(r jsonb) returns table (
        initiated_as text, status text)
language sql stable as $$
    select lower(v.initiated_as), lower(v.status)
    from (select
        private.string_in(r, 'initiatedAs', 'initiatedAs', 'lower') as initiated_as,
        private.string_in(r, 'status', 'status', 'lower') as status
        offset 0) as v;
$$;

create or replace function private.land_shopify_journals(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'agreements' -> 'nodes', 'null') as order_sales_at,
                     (e.r -> 'agreements' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'agreements' -> 'pageInfo' ->> 'hasPreviousPage')::boolean or jsonb_path_exists(e.r, '$.agreements.nodes[*].sales.pageInfo.hasNextPage ? (@ == true)') or jsonb_path_exists(e.r, '$.agreements.nodes[*].sales.pageInfo.hasPreviousPage ? (@ == true)') as order_sales_more,
                     nullif(e.r -> 'disputes', 'null') as order_disputes_at,
                     m.*
              from (select e.r, e.ord, private.less_inner(e.r - array['disputes']::text[], '{agreements,nodes}', '{sales,nodes}') as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_journals_order_journals(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_journals as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_journals_new as (
        insert into public.order_journals as t (
            connection_id, user_id, platform, platform_id, is_test, current_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, is_test, current_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    order_journals_changed as (
        insert into public.order_journals as t (
            connection_id, user_id, platform, platform_id, is_test, current_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, is_test, current_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set is_test = excluded.is_test, current_total_amount = excluded.current_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_sales_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('totalAmount', jsonb_build_object('shopMoney', e.r -> 'totalAmount' -> 'shopMoney'), 'id', e.r -> 'id', 'of', jsonb_build_object('id', e.r -> 'of' -> 'id', 'happenedAt', e.r -> 'of' -> 'happenedAt', 'reason', e.r -> 'of' -> 'reason'), 'actionType', e.r -> 'actionType', 'lineType', e.r -> 'lineType', 'lineItem', jsonb_build_object('id', e.r -> 'lineItem' -> 'id'), 'shippingLine', jsonb_build_object('id', e.r -> 'shippingLine' -> 'id'), 'quantity', e.r -> 'quantity', 'totalTaxAmount', jsonb_build_object('shopMoney', e.r -> 'totalTaxAmount' -> 'shopMoney'), 'taxes', e.r -> 'taxes', 'totalDiscountAmountBeforeTaxes', jsonb_build_object('shopMoney', e.r -> 'totalDiscountAmountBeforeTaxes' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- '{sales,nodes}' as r, nullif(p.r #> '{sales,nodes}', 'null') as parts, p.ord
                            from jsonb_array_elements(f.order_sales_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e offset 0) as e,
                 lateral private.map_shopify_journals_order_sales(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_sales as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_sales_new as (
        insert into public.order_sales as t (
            connection_id, user_id, platform, platform_id, order_platform_id, agreement_platform_id, happened_at, reason, action_type, line_type, line_platform_id, quantity, total_amount, tax_amount, channel_tax_amount, seller_tax_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, agreement_platform_id, happened_at, reason, action_type, line_type, line_platform_id, quantity, total_amount, tax_amount, channel_tax_amount, seller_tax_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_sales_in where is_new),
    order_sales_changed as (
        insert into public.order_sales as t (
            connection_id, user_id, platform, platform_id, order_platform_id, agreement_platform_id, happened_at, reason, action_type, line_type, line_platform_id, quantity, total_amount, tax_amount, channel_tax_amount, seller_tax_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, agreement_platform_id, happened_at, reason, action_type, line_type, line_platform_id, quantity, total_amount, tax_amount, channel_tax_amount, seller_tax_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_sales_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, agreement_platform_id = excluded.agreement_platform_id, happened_at = excluded.happened_at, reason = excluded.reason, action_type = excluded.action_type, line_type = excluded.line_type, line_platform_id = excluded.line_platform_id, quantity = excluded.quantity, total_amount = excluded.total_amount, tax_amount = excluded.tax_amount, channel_tax_amount = excluded.channel_tax_amount, seller_tax_amount = excluded.seller_tax_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_sales_gone as (
        update public.order_sales as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_sales as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_sales_at is not null and f.order_sales_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_sales_in as n))))),
    order_disputes_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'initiatedAs', e.r -> 'initiatedAs', 'status', e.r -> 'status') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_disputes_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_journals_order_disputes(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_disputes as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_disputes_new as (
        insert into public.order_disputes as t (
            connection_id, user_id, platform, platform_id, order_platform_id, initiated_as, status, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, initiated_as, status, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_disputes_in where is_new),
    order_disputes_changed as (
        insert into public.order_disputes as t (
            connection_id, user_id, platform, platform_id, order_platform_id, initiated_as, status, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, initiated_as, status, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_disputes_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, initiated_as = excluded.initiated_as, status = excluded.status, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_disputes_gone as (
        update public.order_disputes as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_disputes as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_disputes_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_disputes_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_journals_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_journals() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_journals_order_journals", "table": "order_journals", "columns": {"is_test": ["test"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_journals_order_sales", "table": "order_sales", "columns": {"agreement_platform_id": ["of.id"], "happened_at": ["of.happenedAt"], "reason": ["of.reason"], "action_type": ["actionType"], "line_type": ["lineType"], "line_platform_id": ["lineItem.id", "shippingLine.id"], "quantity": ["quantity"], "total_amount": ["totalAmount.shopMoney"], "tax_amount": ["totalTaxAmount.shopMoney"], "channel_tax_amount": ["taxes"], "seller_tax_amount": ["taxes"], "discount_amount": ["totalDiscountAmountBeforeTaxes.shopMoney"], "currency": ["totalAmount.shopMoney.currencyCode"]}, "at": "agreements.nodes", "key": ["id"], "unique": true, "key_is_gid": true, "inside": "sales.nodes", "summed": false},
      {"map": "map_shopify_journals_order_disputes", "table": "order_disputes", "columns": {"initiated_as": ["initiatedAs"], "status": ["status"]}, "at": "disputes", "key": ["id"], "unique": true, "key_is_gid": true}]'::jsonb
$$;

create or replace function private.map_shopify_balance_transactions_balance_transactions(r jsonb) returns table (
        entry_type text, gross_amount bigint, fee_amount bigint, net_amount bigint, is_test boolean, adjusted_for text,
        order_platform_id text, payout_platform_id text, payout_status text, processed_at timestamptz, currency text)
language sql stable as $$
    select lower(v.entry_type), private.decimal_money(v.gross_amount, c, v.currency, 'amount'),
        private.decimal_money(v.fee_amount, c, v.currency, 'fee'),
        private.decimal_money(v.net_amount, c, v.currency, 'net'), v.is_test, v.adjusted_for,
        private.gid(v.order_platform_id, 'associatedOrder.id'), private.gid(v.payout_platform_id, 'associatedPayout.id'),
        lower(v.payout_status), private.moment(v.processed_at, 'transactionDate'), v.currency
    from (select
        private.string_in(r, 'type', 'type', 'lower') as entry_type,
        r -> 'amount' as gross_amount,
        r -> 'fee' as fee_amount,
        r -> 'net' as net_amount,
        (r ->> 'test')::boolean as is_test,
        private.text_in(r, 'adjustmentReason', 'adjustmentReason') as adjusted_for,
        private.string_in(r -> 'associatedOrder', 'id', 'associatedOrder.id', 'gid') as order_platform_id,
        private.string_in(r -> 'associatedPayout', 'id', 'associatedPayout.id', 'gid') as payout_platform_id,
        private.string_in(r -> 'associatedPayout', 'status', 'associatedPayout.status', 'lower') as payout_status,
        private.string_in(r, 'transactionDate', 'transactionDate', 'iso_time') as processed_at,
        private.text_in(r -> 'net', 'currencyCode', 'net.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_balance_transactions(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, 0 as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_balance_transactions_balance_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.balance_transactions as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    balance_transactions_new as (
        insert into public.balance_transactions as t (
            connection_id, user_id, platform, platform_id, entry_type, gross_amount, fee_amount, net_amount, is_test, adjusted_for, order_platform_id, payout_platform_id, payout_status, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, entry_type, gross_amount, fee_amount, net_amount, is_test, adjusted_for, order_platform_id, payout_platform_id, payout_status, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    balance_transactions_changed as (
        insert into public.balance_transactions as t (
            connection_id, user_id, platform, platform_id, entry_type, gross_amount, fee_amount, net_amount, is_test, adjusted_for, order_platform_id, payout_platform_id, payout_status, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, entry_type, gross_amount, fee_amount, net_amount, is_test, adjusted_for, order_platform_id, payout_platform_id, payout_status, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set entry_type = excluded.entry_type, gross_amount = excluded.gross_amount, fee_amount = excluded.fee_amount, net_amount = excluded.net_amount, is_test = excluded.is_test, adjusted_for = excluded.adjusted_for, order_platform_id = excluded.order_platform_id, payout_platform_id = excluded.payout_platform_id, payout_status = excluded.payout_status, processed_at = excluded.processed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from balance_transactions_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_balance_transactions() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_balance_transactions_balance_transactions", "table": "balance_transactions", "columns": {"entry_type": ["type"], "gross_amount": ["amount"], "fee_amount": ["fee"], "net_amount": ["net"], "is_test": ["test"], "adjusted_for": ["adjustmentReason"], "order_platform_id": ["associatedOrder.id"], "payout_platform_id": ["associatedPayout.id"], "payout_status": ["associatedPayout.status"], "processed_at": ["transactionDate"], "currency": ["net.currencyCode"]}, "updated": [], "updated_as": "epoch"}]'::jsonb
$$;

create or replace function private.map_shopify_products_listings(r jsonb) returns table (
        title text, state text, quantity bigint, price_amount bigint, listed_at timestamptz, currency text)
language sql stable as $$
    select v.title, lower(v.state), v.quantity,
        private.decimal_money(v.price_amount, c, v.currency, 'priceRangeV2.minVariantPrice'),
        private.moment(v.listed_at, 'createdAt'), v.currency
    from (select
        private.text_in(r, 'title', 'title') as title,
        private.string_in(r, 'status', 'status', 'lower') as state,
        (r ->> 'totalInventory')::bigint as quantity,
        r -> 'priceRangeV2' -> 'minVariantPrice' as price_amount,
        private.string_in(r, 'createdAt', 'createdAt', 'iso_time') as listed_at,
        private.text_in(r -> 'priceRangeV2' -> 'minVariantPrice', 'currencyCode', 'priceRangeV2.minVariantPrice.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_products(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_products_listings(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.listings as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    listings_new as (
        insert into public.listings as t (
            connection_id, user_id, platform, platform_id, title, state, quantity, price_amount, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, state, quantity, price_amount, listed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    listings_changed as (
        insert into public.listings as t (
            connection_id, user_id, platform, platform_id, title, state, quantity, price_amount, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, state, quantity, price_amount, listed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set title = excluded.title, state = excluded.state, quantity = excluded.quantity, price_amount = excluded.price_amount, listed_at = excluded.listed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from listings_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_products() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_products_listings", "table": "listings", "columns": {"title": ["title"], "state": ["status"], "quantity": ["totalInventory"], "price_amount": ["priceRangeV2.minVariantPrice"], "listed_at": ["createdAt"], "currency": ["priceRangeV2.minVariantPrice.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_shopify_variants_listing_variants(r jsonb) returns table (
        listing_platform_id text, title text, sku text, barcode text, sort_order bigint, quantity bigint,
        price_amount bigint, compare_at_amount bigint, unit_cost_amount bigint, unit_cost_currency text,
        listed_at timestamptz, currency text)
language sql stable as $$
    select private.gid(v.listing_platform_id, 'product.id'), v.title, v.sku, v.barcode, v.sort_order, v.quantity,
        private.major(v.price_amount, c, v.currency, 'price'),
        private.major(v.compare_at_amount, c, v.currency, 'compareAtPrice'),
        private.own_money(v.unit_cost_amount, 'inventoryItem.unitCost'), v.unit_cost_currency,
        private.moment(v.listed_at, 'createdAt'), v.currency
    from (select
        private.string_in(r -> 'product', 'id', 'product.id', 'gid') as listing_platform_id,
        private.text_in(r, 'title', 'title') as title,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'barcode', 'barcode') as barcode,
        (r ->> 'position')::bigint as sort_order,
        (r ->> 'inventoryQuantity')::bigint as quantity,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'compareAtPrice')::numeric as compare_at_amount,
        r -> 'inventoryItem' -> 'unitCost' as unit_cost_amount,
        private.text_in(r -> 'inventoryItem' -> 'unitCost', 'currencyCode', 'inventoryItem.unitCost.currencyCode') as unit_cost_currency,
        private.string_in(r, 'createdAt', 'createdAt', 'iso_time') as listed_at,
        private.text_in(r -> 'product' -> 'priceRangeV2' -> 'minVariantPrice', 'currencyCode', 'product.priceRangeV2.minVariantPrice.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_variants(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_variants_listing_variants(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.listing_variants as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    listing_variants_new as (
        insert into public.listing_variants as t (
            connection_id, user_id, platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, unit_cost_amount, unit_cost_currency, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, unit_cost_amount, unit_cost_currency, listed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    listing_variants_changed as (
        insert into public.listing_variants as t (
            connection_id, user_id, platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, unit_cost_amount, unit_cost_currency, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, unit_cost_amount, unit_cost_currency, listed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set listing_platform_id = excluded.listing_platform_id, title = excluded.title, sku = excluded.sku, barcode = excluded.barcode, sort_order = excluded.sort_order, quantity = excluded.quantity, price_amount = excluded.price_amount, compare_at_amount = excluded.compare_at_amount, unit_cost_amount = case when num_nonnulls(excluded.raw #>> '{inventoryItem,unitCost}') = 0 then coalesce(t.unit_cost_amount, excluded.unit_cost_amount) else excluded.unit_cost_amount end, unit_cost_currency = case when num_nonnulls(excluded.raw #>> '{inventoryItem,unitCost,currencyCode}') = 0 then coalesce(t.unit_cost_currency, excluded.unit_cost_currency) else excluded.unit_cost_currency end, listed_at = excluded.listed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from listing_variants_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_variants() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_variants_listing_variants", "table": "listing_variants", "columns": {"listing_platform_id": ["product.id"], "title": ["title"], "sku": ["sku"], "barcode": ["barcode"], "sort_order": ["position"], "quantity": ["inventoryQuantity"], "price_amount": ["price"], "compare_at_amount": ["compareAtPrice"], "unit_cost_amount": ["inventoryItem.unitCost"], "unit_cost_currency": ["inventoryItem.unitCost.currencyCode"], "listed_at": ["createdAt"], "currency": ["product.priceRangeV2.minVariantPrice.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_shopify_customers_customers(r jsonb) returns table (
        name text, email text, country text)
language sql stable as $$
    select v.name, v.email, v.country
    from (select
        private.text_in(r, 'displayName', 'displayName') as name,
        private.text_in(r -> 'defaultEmailAddress', 'emailAddress', 'defaultEmailAddress.emailAddress') as email,
        private.text_in(r -> 'defaultAddress', 'countryCodeV2', 'defaultAddress.countryCodeV2') as country
        offset 0) as v;
$$;

create or replace function private.land_shopify_customers(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_customers_customers(e.raw) as m offset 0) as n
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
        on conflict (connection_id, platform_id) do update set name = case when num_nonnulls(excluded.raw #>> '{firstName}', excluded.raw #>> '{lastName}') = 0 then coalesce(t.name, excluded.name) else excluded.name end, email = case when num_nonnulls(excluded.raw #>> '{defaultEmailAddress,emailAddress}') = 0 then coalesce(t.email, excluded.email) else excluded.email end, country = case when num_nonnulls(excluded.raw #>> '{defaultAddress,countryCodeV2}') = 0 then coalesce(t.country, excluded.country) else excluded.country end, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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

create or replace function private.parts_shopify_customers() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_customers_customers", "table": "customers", "columns": {"name": ["displayName"], "email": ["defaultEmailAddress.emailAddress"], "country": ["defaultAddress.countryCodeV2"]}, "updated": ["updatedAt"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_shopify_rest_orders_orders(r jsonb) returns table (
        order_number text, status text, fulfillment_status text, is_test boolean, buyer_platform_id text,
        payment_method text, ordered_at timestamptz, cancelled_at timestamptz, discount_amount bigint,
        subtotal_amount bigint, shipping_amount bigint, tax_amount bigint, tip_amount bigint, total_amount bigint,
        current_total_amount bigint, presentment_currency text, presentment_total_amount bigint, currency text)
language sql stable as $$
    select v.order_number, lower(v.status), lower(v.fulfillment_status), v.is_test, v.buyer_platform_id,
        private.joined_texts(v.payment_method, 'payment_gateway_names'), private.moment(v.ordered_at, 'processed_at'),
        private.moment(v.cancelled_at, 'cancelled_at'),
        private.major(v.discount_amount, c, v.currency, 'total_discounts'),
        private.major(v.subtotal_amount, c, v.currency, 'subtotal_price'),
        private.decimal_money(v.shipping_amount, c, v.currency, 'total_shipping_price_set.shop_money'),
        private.major(v.tax_amount, c, v.currency, 'total_tax'),
        private.major(v.tip_amount, c, v.currency, 'total_tip_received'),
        private.major(v.total_amount, c, v.currency, 'total_price'),
        private.major(v.current_total_amount, c, v.currency, 'current_total_price'), v.presentment_currency,
        private.own_money(v.presentment_total_amount, 'total_price_set.presentment_money'), v.currency
    from (select
        private.text_in(r, 'name', 'name') as order_number,
        private.string_in(r, 'financial_status', 'financial_status', 'lower') as status,
        private.string_in(r, 'fulfillment_status', 'fulfillment_status', 'lower') as fulfillment_status,
        (r ->> 'test')::boolean as is_test,
        private.text_in(r -> 'customer', 'id', 'customer.id') as buyer_platform_id,
        r -> 'payment_gateway_names' as payment_method,
        private.string_in(r, 'processed_at', 'processed_at', 'iso_time') as ordered_at,
        private.string_in(r, 'cancelled_at', 'cancelled_at', 'iso_time') as cancelled_at,
        (r ->> 'total_discounts')::numeric as discount_amount,
        (r ->> 'subtotal_price')::numeric as subtotal_amount,
        r -> 'total_shipping_price_set' -> 'shop_money' as shipping_amount,
        (r ->> 'total_tax')::numeric as tax_amount,
        (r ->> 'total_tip_received')::numeric as tip_amount,
        (r ->> 'total_price')::numeric as total_amount,
        (r ->> 'current_total_price')::numeric as current_total_amount,
        private.text_in(r, 'presentment_currency', 'presentment_currency') as presentment_currency,
        r -> 'total_price_set' -> 'presentment_money' as presentment_total_amount,
        private.text_in(r, 'currency', 'currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_rest_orders_line_items(r jsonb) returns table (
        listing_platform_id text, product_platform_id text, sku text, title text, quantity bigint,
        current_quantity bigint, price_amount bigint, discount_amount bigint, currency text)
language sql stable as $$
    select v.listing_platform_id, v.product_platform_id, v.sku, v.title, v.quantity, v.current_quantity,
        private.major(v.price_amount, c, v.currency, 'price'),
        private.sum_of(v.discount_amount, '{amount_set,shop_money}', c, v.currency, 'discount_allocations'), v.currency
    from (select
        private.text_in(r, 'product_id', 'product_id') as listing_platform_id,
        private.text_in(r, 'variant_id', 'variant_id') as product_platform_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'name', 'name') as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'current_quantity')::bigint as current_quantity,
        (r ->> 'price')::numeric as price_amount,
        r -> 'discount_allocations' as discount_amount,
        private.text_in(r -> 'price_set' -> 'shop_money', 'currency_code', 'price_set.shop_money.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_rest_orders_order_shipping_lines(r jsonb) returns table (
        title text, price_amount bigint, discounted_amount bigint, tax_amount bigint, is_removed boolean, currency text)
language sql stable as $$
    select v.title, private.major(v.price_amount, c, v.currency, 'price'),
        private.major(v.discounted_amount, c, v.currency, 'discounted_price'),
        private.sum_of(v.tax_amount, '{price_set,shop_money}', c, v.currency, 'tax_lines'), v.is_removed, v.currency
    from (select
        private.text_in(r, 'title', 'title') as title,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'discounted_price')::numeric as discounted_amount,
        r -> 'tax_lines' as tax_amount,
        (r ->> 'is_removed')::boolean as is_removed,
        private.text_in(r -> 'price_set' -> 'shop_money', 'currency_code', 'price_set.shop_money.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_rest_orders_order_tax_lines(r jsonb) returns table (
        line_item_platform_id text, shipping_line_platform_id text, title text, rate text, tax_amount bigint,
        channel_liable boolean, currency text)
language sql stable as $$
    select case when r -> 'of' ->> 'quantity' is not null then v.line_item_platform_id end,
        case when r -> 'of' ->> 'discounted_price' is not null then v.shipping_line_platform_id end, v.title, v.rate,
        private.major(v.tax_amount, c, v.currency, 'price'), v.channel_liable, v.currency
    from (select
        private.text_in(r -> 'of', 'id', 'of.id') as line_item_platform_id,
        private.text_in(r -> 'of', 'id', 'of.id') as shipping_line_platform_id,
        private.text_in(r, 'title', 'title') as title,
        private.text_in(r, 'rate', 'rate') as rate,
        (r ->> 'price')::numeric as tax_amount,
        (r ->> 'channel_liable')::boolean as channel_liable,
        private.text_in(r -> 'price_set' -> 'shop_money', 'currency_code', 'price_set.shop_money.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_rest_orders_order_fulfillments(r jsonb) returns table (
        status text, carrier text, tracking_code text, shipped_at timestamptz)
language sql stable as $$
    select lower(v.status), v.carrier, v.tracking_code, private.moment(v.shipped_at, 'created_at')
    from (select
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.text_in(r, 'tracking_company', 'tracking_company') as carrier,
        private.text_in(r, 'tracking_number', 'tracking_number') as tracking_code,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as shipped_at
        offset 0) as v;
$$;

create or replace function private.land_shopify_rest_orders(
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
                     nullif(e.r -> 'shipping_lines', 'null') as order_shipping_lines_at,
                     nullif(e.r -> 'line_items', 'null') || coalesce(nullif(e.r -> 'shipping_lines', 'null'), '[]') as order_tax_lines_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(jsonb_set(e.r - array['line_items', 'shipping_lines', 'fulfillments']::text[], '{customer}', private.members_of(e.r -> 'customer', array['id']), false), '{refunds}', private.members_of(e.r -> 'refunds', array['id']), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_rest_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_test = excluded.is_test, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer,id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'id', e.r -> 'id', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'current_quantity', e.r -> 'current_quantity', 'price', e.r -> 'price', 'discount_allocations', e.r -> 'discount_allocations') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{product_id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{variant_id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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
    order_shipping_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'id', e.r -> 'id', 'title', e.r -> 'title', 'price', e.r -> 'price', 'discounted_price', e.r -> 'discounted_price', 'tax_lines', e.r -> 'tax_lines', 'is_removed', e.r -> 'is_removed') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         coalesce(e.r ->> 'id', f.platform_id || ':' || e.ord) as platform_id
                  from fresh as f, jsonb_array_elements(f.order_shipping_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_shipping_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_shipping_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_shipping_lines_new as (
        insert into public.order_shipping_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_shipping_lines_in where is_new),
    order_shipping_lines_changed as (
        insert into public.order_shipping_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_shipping_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, title = excluded.title, price_amount = excluded.price_amount, discounted_amount = excluded.discounted_amount, tax_amount = excluded.tax_amount, is_removed = excluded.is_removed, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_shipping_lines_gone as (
        update public.order_shipping_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_shipping_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_shipping_lines_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_shipping_lines_in as n))))),
    order_tax_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'of', jsonb_build_object('id', e.r -> 'of' -> 'id', 'quantity', e.r -> 'of' -> 'quantity', 'discounted_price', e.r -> 'of' -> 'discounted_price'), 'title', e.r -> 'title', 'rate', e.r -> 'rate', 'price', e.r -> 'price', 'channel_liable', e.r -> 'channel_liable') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r -> 'of' ->> 'id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r -> 'of' ->> 'id' order by e.ord))::text as platform_id
                  from fresh as f, lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- '{tax_lines}' as r, nullif(p.r #> '{tax_lines}', 'null') as parts, p.ord
                            from jsonb_array_elements(f.order_tax_lines_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_tax_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_tax_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_tax_lines_new as (
        insert into public.order_tax_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_tax_lines_in where is_new),
    order_tax_lines_changed as (
        insert into public.order_tax_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_tax_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, line_item_platform_id = excluded.line_item_platform_id, shipping_line_platform_id = excluded.shipping_line_platform_id, title = excluded.title, rate = excluded.rate, tax_amount = excluded.tax_amount, channel_liable = excluded.channel_liable, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_tax_lines_gone as (
        update public.order_tax_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_tax_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_tax_lines_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_tax_lines_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'tracking_company', e.r -> 'tracking_company', 'tracking_number', e.r -> 'tracking_number', 'created_at', e.r -> 'created_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_rest_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_rest_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["financial_status"], "fulfillment_status": ["fulfillment_status"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["payment_gateway_names"], "ordered_at": ["processed_at"], "cancelled_at": ["cancelled_at"], "discount_amount": ["total_discounts"], "subtotal_amount": ["subtotal_price"], "shipping_amount": ["total_shipping_price_set.shop_money"], "tax_amount": ["total_tax"], "tip_amount": ["total_tip_received"], "total_amount": ["total_price"], "current_total_amount": ["current_total_price"], "presentment_currency": ["presentment_currency"], "presentment_total_amount": ["total_price_set.presentment_money"], "currency": ["currency"]}, "updated": ["updated_at"], "updated_as": "iso_time"},
      {"map": "map_shopify_rest_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product_id"], "product_platform_id": ["variant_id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["current_quantity"], "price_amount": ["price"], "discount_amount": ["discount_allocations"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["id"], "unique": true, "key_is_gid": false},
      {"map": "map_shopify_rest_orders_order_shipping_lines", "table": "order_shipping_lines", "columns": {"title": ["title"], "price_amount": ["price"], "discounted_amount": ["discounted_price"], "tax_amount": ["tax_lines"], "is_removed": ["is_removed"], "currency": ["price_set.shop_money.currency_code"]}, "at": "shipping_lines", "key": ["id"], "unique": false, "key_is_gid": false},
      {"map": "map_shopify_rest_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["price"], "channel_liable": ["channel_liable"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["of.id"], "unique": false, "key_is_gid": false, "inside": "tax_lines", "summed": true},
      {"map": "map_shopify_rest_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["price"], "channel_liable": ["channel_liable"], "currency": ["price_set.shop_money.currency_code"]}, "at": "shipping_lines", "key": ["of.id"], "unique": false, "key_is_gid": false, "inside": "tax_lines", "summed": true},
      {"map": "map_shopify_rest_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["tracking_company"], "tracking_code": ["tracking_number"], "shipped_at": ["created_at"]}, "at": "fulfillments", "key": ["id"], "unique": true, "key_is_gid": false}]'::jsonb
$$;

create or replace function private.map_shopify_rest_customers_customers(r jsonb) returns table (
        name text, email text, country text)
language sql stable as $$
    select v.name, v.email, v.country
    from (select
        coalesce(private.text_in(r -> 'default_address', 'name', 'default_address.name'), r #>> '{first_name}') as name,
        private.text_in(r, 'email', 'email') as email,
        private.text_in(r -> 'default_address', 'country_code', 'default_address.country_code') as country
        offset 0) as v;
$$;

create or replace function private.land_shopify_rest_customers(
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
              from (select e.r, e.ord, jsonb_set(e.r, '{default_address}', private.members_of(e.r -> 'default_address', array['name', 'country_code', 'province_code']), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_rest_customers_customers(e.raw) as m offset 0) as n
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
        on conflict (connection_id, platform_id) do update set name = case when num_nonnulls(excluded.raw #>> '{default_address,name}', excluded.raw #>> '{first_name}') = 0 then coalesce(t.name, excluded.name) else excluded.name end, email = case when num_nonnulls(excluded.raw #>> '{email}') = 0 then coalesce(t.email, excluded.email) else excluded.email end, country = case when num_nonnulls(excluded.raw #>> '{default_address,country_code}') = 0 then coalesce(t.country, excluded.country) else excluded.country end, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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

create or replace function private.parts_shopify_rest_customers() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_rest_customers_customers", "table": "customers", "columns": {"name": ["default_address.name", "first_name"], "email": ["email"], "country": ["default_address.country_code"]}, "updated": ["updated_at"], "updated_as": "iso_time"}]'::jsonb
$$;
