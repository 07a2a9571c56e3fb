-- The mapping of shopify's records, written from its streams by `make migration`. Do not edit.

create or replace function private.map_shopify_orders_orders(r jsonb) returns table (
        order_number text,
        status text,
        fulfillment_status text,
        is_paid boolean,
        is_test boolean,
        buyer_platform_id text,
        payment_method text,
        ordered_at timestamptz,
        cancelled_at timestamptz,
        discount_amount bigint,
        subtotal_amount bigint,
        shipping_amount bigint,
        tax_amount bigint,
        tip_amount bigint,
        total_amount bigint,
        current_total_amount bigint,
        refunded_amount bigint,
        presentment_currency text,
        presentment_total_amount bigint,
        currency text)
language sql stable as $$
    select
        v.order_number,
        lower(v.status),
        lower(v.fulfillment_status),
        v.is_paid,
        v.is_test,
        case when v.buyer_platform_id is not null then coalesce(private.gid_tail(v.buyer_platform_id), private.bad_gid(v.buyer_platform_id, 'customer.id')) end,
        private.joined_texts(v.payment_method, 'paymentGatewayNames'),
        case when v.ordered_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.ordered_at::timestamptz when v.ordered_at is not null then private.bad_time(v.ordered_at, 'processedAt') end,
        case when v.cancelled_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.cancelled_at::timestamptz when v.cancelled_at is not null then private.bad_time(v.cancelled_at, 'cancelledAt') end,
        case when v.discount_amount is null or jsonb_typeof(v.discount_amount) = 'null' then null when coalesce(v.discount_amount ->> 'currencyCode', c.code) = c.code and (v.discount_amount ->> 'amount')::numeric * c.scale = trunc((v.discount_amount ->> 'amount')::numeric * c.scale) then ((v.discount_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.discount_amount, v.currency, 'totalDiscountsSet.shopMoney') end,
        case when v.subtotal_amount is null or jsonb_typeof(v.subtotal_amount) = 'null' then null when coalesce(v.subtotal_amount ->> 'currencyCode', c.code) = c.code and (v.subtotal_amount ->> 'amount')::numeric * c.scale = trunc((v.subtotal_amount ->> 'amount')::numeric * c.scale) then ((v.subtotal_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.subtotal_amount, v.currency, 'subtotalPriceSet.shopMoney') end,
        case when v.shipping_amount is null or jsonb_typeof(v.shipping_amount) = 'null' then null when coalesce(v.shipping_amount ->> 'currencyCode', c.code) = c.code and (v.shipping_amount ->> 'amount')::numeric * c.scale = trunc((v.shipping_amount ->> 'amount')::numeric * c.scale) then ((v.shipping_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.shipping_amount, v.currency, 'totalShippingPriceSet.shopMoney') end,
        case when v.tax_amount is null or jsonb_typeof(v.tax_amount) = 'null' then null when coalesce(v.tax_amount ->> 'currencyCode', c.code) = c.code and (v.tax_amount ->> 'amount')::numeric * c.scale = trunc((v.tax_amount ->> 'amount')::numeric * c.scale) then ((v.tax_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.tax_amount, v.currency, 'totalTaxSet.shopMoney') end,
        case when v.tip_amount is null or jsonb_typeof(v.tip_amount) = 'null' then null when coalesce(v.tip_amount ->> 'currencyCode', c.code) = c.code and (v.tip_amount ->> 'amount')::numeric * c.scale = trunc((v.tip_amount ->> 'amount')::numeric * c.scale) then ((v.tip_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.tip_amount, v.currency, 'totalTipReceivedSet.shopMoney') end,
        case when v.total_amount is null or jsonb_typeof(v.total_amount) = 'null' then null when coalesce(v.total_amount ->> 'currencyCode', c.code) = c.code and (v.total_amount ->> 'amount')::numeric * c.scale = trunc((v.total_amount ->> 'amount')::numeric * c.scale) then ((v.total_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.total_amount, v.currency, 'totalPriceSet.shopMoney') end,
        case when v.current_total_amount is null or jsonb_typeof(v.current_total_amount) = 'null' then null when coalesce(v.current_total_amount ->> 'currencyCode', c.code) = c.code and (v.current_total_amount ->> 'amount')::numeric * c.scale = trunc((v.current_total_amount ->> 'amount')::numeric * c.scale) then ((v.current_total_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.current_total_amount, v.currency, 'currentTotalPriceSet.shopMoney') end,
        case when v.refunded_amount is null or jsonb_typeof(v.refunded_amount) = 'null' then null when coalesce(v.refunded_amount ->> 'currencyCode', c.code) = c.code and (v.refunded_amount ->> 'amount')::numeric * c.scale = trunc((v.refunded_amount ->> 'amount')::numeric * c.scale) then ((v.refunded_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.refunded_amount, v.currency, 'totalRefundedSet.shopMoney') end,
        v.presentment_currency,
        private.decimal_money_exact(v.presentment_total_amount, coalesce(v.presentment_total_amount ->> 'currencyCode', v.presentment_total_amount ->> 'currency_code'), 'totalPriceSet.presentmentMoney'),
        v.currency
    from (select
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as order_number,
        case jsonb_typeof(r -> 'displayFinancialStatus') when 'string' then r ->> 'displayFinancialStatus' when 'null' then null else private.wrong_type(r -> 'displayFinancialStatus', 'displayFinancialStatus', 'lower') end as status,
        case jsonb_typeof(r -> 'displayFulfillmentStatus') when 'string' then r ->> 'displayFulfillmentStatus' when 'null' then null else private.wrong_type(r -> 'displayFulfillmentStatus', 'displayFulfillmentStatus', 'lower') end as fulfillment_status,
        (r ->> 'fullyPaid')::boolean as is_paid,
        (r ->> 'test')::boolean as is_test,
        case jsonb_typeof(r -> 'customer' -> 'id') when 'string' then r -> 'customer' ->> 'id' when 'null' then null else private.wrong_type(r -> 'customer' -> 'id', 'customer.id', 'gid') end as buyer_platform_id,
        r -> 'paymentGatewayNames' as payment_method,
        case jsonb_typeof(r -> 'processedAt') when 'string' then r ->> 'processedAt' when 'null' then null else private.wrong_type(r -> 'processedAt', 'processedAt', 'iso_time') end as ordered_at,
        case jsonb_typeof(r -> 'cancelledAt') when 'string' then r ->> 'cancelledAt' when 'null' then null else private.wrong_type(r -> 'cancelledAt', 'cancelledAt', 'iso_time') end as cancelled_at,
        r -> 'totalDiscountsSet' -> 'shopMoney' as discount_amount,
        r -> 'subtotalPriceSet' -> 'shopMoney' as subtotal_amount,
        r -> 'totalShippingPriceSet' -> 'shopMoney' as shipping_amount,
        r -> 'totalTaxSet' -> 'shopMoney' as tax_amount,
        r -> 'totalTipReceivedSet' -> 'shopMoney' as tip_amount,
        r -> 'totalPriceSet' -> 'shopMoney' as total_amount,
        r -> 'currentTotalPriceSet' -> 'shopMoney' as current_total_amount,
        r -> 'totalRefundedSet' -> 'shopMoney' as refunded_amount,
        case jsonb_typeof(r -> 'totalPriceSet' -> 'presentmentMoney' -> 'currencyCode') when 'string' then r -> 'totalPriceSet' -> 'presentmentMoney' ->> 'currencyCode' when 'number' then r -> 'totalPriceSet' -> 'presentmentMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'totalPriceSet' -> 'presentmentMoney' -> 'currencyCode', 'totalPriceSet.presentmentMoney.currencyCode', 'text') end as presentment_currency,
        r -> 'totalPriceSet' -> 'presentmentMoney' as presentment_total_amount,
        case jsonb_typeof(r -> 'currencyCode') when 'string' then r ->> 'currencyCode' when 'number' then r ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'currencyCode', 'currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_line_items(r jsonb) returns table (
        listing_platform_id text,
        product_platform_id text,
        sku text,
        title text,
        quantity bigint,
        current_quantity bigint,
        price_amount bigint,
        discount_amount bigint,
        currency text)
language sql stable as $$
    select
        case when v.listing_platform_id is not null then coalesce(private.gid_tail(v.listing_platform_id), private.bad_gid(v.listing_platform_id, 'product.id')) end,
        case when v.product_platform_id is not null then coalesce(private.gid_tail(v.product_platform_id), private.bad_gid(v.product_platform_id, 'variant.id')) end,
        v.sku,
        v.title,
        v.quantity,
        v.current_quantity,
        case when v.price_amount is null or jsonb_typeof(v.price_amount) = 'null' then null when coalesce(v.price_amount ->> 'currencyCode', c.code) = c.code and (v.price_amount ->> 'amount')::numeric * c.scale = trunc((v.price_amount ->> 'amount')::numeric * c.scale) then ((v.price_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.price_amount, v.currency, 'originalUnitPriceSet.shopMoney') end,
        case when v.discount_amount is null or jsonb_typeof(v.discount_amount) = 'null' then null when coalesce(v.discount_amount ->> 'currencyCode', c.code) = c.code and (v.discount_amount ->> 'amount')::numeric * c.scale = trunc((v.discount_amount ->> 'amount')::numeric * c.scale) then ((v.discount_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.discount_amount, v.currency, 'totalDiscountSet.shopMoney') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'product' -> 'id') when 'string' then r -> 'product' ->> 'id' when 'null' then null else private.wrong_type(r -> 'product' -> 'id', 'product.id', 'gid') end as listing_platform_id,
        case jsonb_typeof(r -> 'variant' -> 'id') when 'string' then r -> 'variant' ->> 'id' when 'null' then null else private.wrong_type(r -> 'variant' -> 'id', 'variant.id', 'gid') end as product_platform_id,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'currentQuantity')::bigint as current_quantity,
        r -> 'originalUnitPriceSet' -> 'shopMoney' as price_amount,
        r -> 'totalDiscountSet' -> 'shopMoney' as discount_amount,
        case jsonb_typeof(r -> 'originalUnitPriceSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'originalUnitPriceSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'originalUnitPriceSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'originalUnitPriceSet' -> 'shopMoney' -> 'currencyCode', 'originalUnitPriceSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_transactions(r jsonb) returns table (
        kind text,
        status text,
        gateway text,
        is_test boolean,
        parent_platform_id text,
        transaction_amount bigint,
        processed_at timestamptz,
        currency text)
language sql stable as $$
    select
        lower(v.kind),
        lower(v.status),
        v.gateway,
        v.is_test,
        case when v.parent_platform_id is not null then coalesce(private.gid_tail(v.parent_platform_id), private.bad_gid(v.parent_platform_id, 'parentTransaction.id')) end,
        case when v.transaction_amount is null or jsonb_typeof(v.transaction_amount) = 'null' then null when coalesce(v.transaction_amount ->> 'currencyCode', c.code) = c.code and (v.transaction_amount ->> 'amount')::numeric * c.scale = trunc((v.transaction_amount ->> 'amount')::numeric * c.scale) then ((v.transaction_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.transaction_amount, v.currency, 'amountSet.shopMoney') end,
        case when v.processed_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.processed_at::timestamptz when v.processed_at is not null then private.bad_time(v.processed_at, 'processedAt') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'kind') when 'string' then r ->> 'kind' when 'null' then null else private.wrong_type(r -> 'kind', 'kind', 'lower') end as kind,
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        case jsonb_typeof(r -> 'gateway') when 'string' then r ->> 'gateway' when 'number' then r ->> 'gateway' when 'null' then null else private.wrong_type(r -> 'gateway', 'gateway', 'text') end as gateway,
        (r ->> 'test')::boolean as is_test,
        case jsonb_typeof(r -> 'parentTransaction' -> 'id') when 'string' then r -> 'parentTransaction' ->> 'id' when 'null' then null else private.wrong_type(r -> 'parentTransaction' -> 'id', 'parentTransaction.id', 'gid') end as parent_platform_id,
        r -> 'amountSet' -> 'shopMoney' as transaction_amount,
        case jsonb_typeof(r -> 'processedAt') when 'string' then r ->> 'processedAt' when 'null' then null else private.wrong_type(r -> 'processedAt', 'processedAt', 'iso_time') end as processed_at,
        case jsonb_typeof(r -> 'amountSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'amountSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'amountSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'amountSet' -> 'shopMoney' -> 'currencyCode', 'amountSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_fulfillments(r jsonb) returns table (
        status text,
        carrier text,
        tracking_code text,
        shipped_at timestamptz)
language sql stable as $$
    select
        lower(v.status),
        v.carrier,
        v.tracking_code,
        case when v.shipped_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.shipped_at::timestamptz when v.shipped_at is not null then private.bad_time(v.shipped_at, 'createdAt') end
    from (select
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        coalesce(case jsonb_typeof(r -> 'carrier') when 'string' then r ->> 'carrier' when 'number' then r ->> 'carrier' when 'null' then null else private.wrong_type(r -> 'carrier', 'carrier', 'text') end, r #>> '{trackingInfo,0,company}') as carrier,
        coalesce(case jsonb_typeof(r -> 'trackingCode') when 'string' then r ->> 'trackingCode' when 'number' then r ->> 'trackingCode' when 'null' then null else private.wrong_type(r -> 'trackingCode', 'trackingCode', 'text') end, r #>> '{trackingInfo,0,number}') as tracking_code,
        case jsonb_typeof(r -> 'createdAt') when 'string' then r ->> 'createdAt' when 'null' then null else private.wrong_type(r -> 'createdAt', 'createdAt', 'iso_time') end as shipped_at
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') as line_items_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean as line_items_more,
                     nullif(e.r -> 'transactions', 'null') as order_transactions_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'fulfillments']::text[] #- '{lineItems,nodes}' as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.orders as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_paid, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.refunded_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    orders_changed as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_paid, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.refunded_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_number = excluded.order_number,
            status = excluded.status,
            fulfillment_status = excluded.fulfillment_status,
            is_paid = excluded.is_paid,
            is_test = excluded.is_test,
            buyer_platform_id = excluded.buyer_platform_id,
            payment_method = excluded.payment_method,
            ordered_at = excluded.ordered_at,
            cancelled_at = excluded.cancelled_at,
            discount_amount = excluded.discount_amount,
            subtotal_amount = excluded.subtotal_amount,
            shipping_amount = excluded.shipping_amount,
            tax_amount = excluded.tax_amount,
            tip_amount = excluded.tip_amount,
            total_amount = excluded.total_amount,
            current_total_amount = excluded.current_total_amount,
            refunded_amount = excluded.refunded_amount,
            presentment_currency = excluded.presentment_currency,
            presentment_total_amount = excluded.presentment_total_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.is_new),
    line_items_changed as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            listing_platform_id = excluded.listing_platform_id,
            product_platform_id = excluded.product_platform_id,
            sku = excluded.sku,
            title = excluded.title,
            quantity = excluded.quantity,
            current_quantity = excluded.current_quantity,
            price_amount = excluded.price_amount,
            discount_amount = excluded.discount_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    line_items_gone as (
        update public.line_items as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null and f.line_items_more is not true
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_transactions_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_transactions_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_transactions as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_transactions_new as (
        insert into public.order_transactions as t (user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.kind, n.status, n.gateway, n.is_test, n.parent_platform_id, n.transaction_amount, n.processed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_transactions_in as n
        where n.is_new),
    order_transactions_changed as (
        insert into public.order_transactions as t (user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.kind, n.status, n.gateway, n.is_test, n.parent_platform_id, n.transaction_amount, n.processed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_transactions_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            kind = excluded.kind,
            status = excluded.status,
            gateway = excluded.gateway,
            is_test = excluded.is_test,
            parent_platform_id = excluded.parent_platform_id,
            transaction_amount = excluded.transaction_amount,
            processed_at = excluded.processed_at,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_transactions_gone as (
        update public.order_transactions as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_transactions as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_transactions_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_transactions_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            status = excluded.status,
            carrier = excluded.carrier,
            tracking_code = excluded.tracking_code,
            shipped_at = excluded.shipped_at,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_orders_orders(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.orders as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_orders_orders(b.raw) as m),
    changed as (
        update public.orders as t set order_number = m.order_number, status = m.status, fulfillment_status = m.fulfillment_status, is_paid = m.is_paid, is_test = m.is_test, buyer_platform_id = m.buyer_platform_id, payment_method = m.payment_method, ordered_at = m.ordered_at, cancelled_at = m.cancelled_at, discount_amount = m.discount_amount, subtotal_amount = m.subtotal_amount, shipping_amount = m.shipping_amount, tax_amount = m.tax_amount, tip_amount = m.tip_amount, total_amount = m.total_amount, current_total_amount = m.current_total_amount, refunded_amount = m.refunded_amount, presentment_currency = m.presentment_currency, presentment_total_amount = m.presentment_total_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_number, t.status, t.fulfillment_status, t.is_paid, t.is_test, t.buyer_platform_id, t.payment_method, t.ordered_at, t.cancelled_at, t.discount_amount, t.subtotal_amount, t.shipping_amount, t.tax_amount, t.tip_amount, t.total_amount, t.current_total_amount, t.refunded_amount, t.presentment_currency, t.presentment_total_amount, t.currency) is distinct from (m.order_number, m.status, m.fulfillment_status, m.is_paid, m.is_test, m.buyer_platform_id, m.payment_method, m.ordered_at, m.cancelled_at, m.discount_amount, m.subtotal_amount, m.shipping_amount, m.tax_amount, m.tip_amount, m.total_amount, m.current_total_amount, m.refunded_amount, m.presentment_currency, m.presentment_total_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_orders_line_items(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.line_items as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_orders_line_items(b.raw) as m),
    changed as (
        update public.line_items as t set listing_platform_id = m.listing_platform_id, product_platform_id = m.product_platform_id, sku = m.sku, title = m.title, quantity = m.quantity, current_quantity = m.current_quantity, price_amount = m.price_amount, discount_amount = m.discount_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.listing_platform_id, t.product_platform_id, t.sku, t.title, t.quantity, t.current_quantity, t.price_amount, t.discount_amount, t.currency) is distinct from (m.listing_platform_id, m.product_platform_id, m.sku, m.title, m.quantity, m.current_quantity, m.price_amount, m.discount_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_orders_order_transactions(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_transactions as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_orders_order_transactions(b.raw) as m),
    changed as (
        update public.order_transactions as t set kind = m.kind, status = m.status, gateway = m.gateway, is_test = m.is_test, parent_platform_id = m.parent_platform_id, transaction_amount = m.transaction_amount, processed_at = m.processed_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.kind, t.status, t.gateway, t.is_test, t.parent_platform_id, t.transaction_amount, t.processed_at, t.currency) is distinct from (m.kind, m.status, m.gateway, m.is_test, m.parent_platform_id, m.transaction_amount, m.processed_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_orders_order_fulfillments(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_fulfillments as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_orders_order_fulfillments(b.raw) as m),
    changed as (
        update public.order_fulfillments as t set status = m.status, carrier = m.carrier, tracking_code = m.tracking_code, shipped_at = m.shipped_at
          from mapped as m
         where t.ctid = m.ctid and (t.status, t.carrier, t.tracking_code, t.shipped_at) is distinct from (m.status, m.carrier, m.tracking_code, m.shipped_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_order_lines_orders(r jsonb) returns table (
        order_number text,
        status text,
        fulfillment_status text,
        is_paid boolean,
        is_test boolean,
        buyer_platform_id text,
        payment_method text,
        ordered_at timestamptz,
        cancelled_at timestamptz,
        discount_amount bigint,
        subtotal_amount bigint,
        shipping_amount bigint,
        tax_amount bigint,
        tip_amount bigint,
        total_amount bigint,
        current_total_amount bigint,
        refunded_amount bigint,
        presentment_currency text,
        presentment_total_amount bigint,
        currency text)
language sql stable as $$
    select
        v.order_number,
        lower(v.status),
        lower(v.fulfillment_status),
        v.is_paid,
        v.is_test,
        case when v.buyer_platform_id is not null then coalesce(private.gid_tail(v.buyer_platform_id), private.bad_gid(v.buyer_platform_id, 'customer.id')) end,
        private.joined_texts(v.payment_method, 'paymentGatewayNames'),
        case when v.ordered_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.ordered_at::timestamptz when v.ordered_at is not null then private.bad_time(v.ordered_at, 'processedAt') end,
        case when v.cancelled_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.cancelled_at::timestamptz when v.cancelled_at is not null then private.bad_time(v.cancelled_at, 'cancelledAt') end,
        case when v.discount_amount is null or jsonb_typeof(v.discount_amount) = 'null' then null when coalesce(v.discount_amount ->> 'currencyCode', c.code) = c.code and (v.discount_amount ->> 'amount')::numeric * c.scale = trunc((v.discount_amount ->> 'amount')::numeric * c.scale) then ((v.discount_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.discount_amount, v.currency, 'totalDiscountsSet.shopMoney') end,
        case when v.subtotal_amount is null or jsonb_typeof(v.subtotal_amount) = 'null' then null when coalesce(v.subtotal_amount ->> 'currencyCode', c.code) = c.code and (v.subtotal_amount ->> 'amount')::numeric * c.scale = trunc((v.subtotal_amount ->> 'amount')::numeric * c.scale) then ((v.subtotal_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.subtotal_amount, v.currency, 'subtotalPriceSet.shopMoney') end,
        case when v.shipping_amount is null or jsonb_typeof(v.shipping_amount) = 'null' then null when coalesce(v.shipping_amount ->> 'currencyCode', c.code) = c.code and (v.shipping_amount ->> 'amount')::numeric * c.scale = trunc((v.shipping_amount ->> 'amount')::numeric * c.scale) then ((v.shipping_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.shipping_amount, v.currency, 'totalShippingPriceSet.shopMoney') end,
        case when v.tax_amount is null or jsonb_typeof(v.tax_amount) = 'null' then null when coalesce(v.tax_amount ->> 'currencyCode', c.code) = c.code and (v.tax_amount ->> 'amount')::numeric * c.scale = trunc((v.tax_amount ->> 'amount')::numeric * c.scale) then ((v.tax_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.tax_amount, v.currency, 'totalTaxSet.shopMoney') end,
        case when v.tip_amount is null or jsonb_typeof(v.tip_amount) = 'null' then null when coalesce(v.tip_amount ->> 'currencyCode', c.code) = c.code and (v.tip_amount ->> 'amount')::numeric * c.scale = trunc((v.tip_amount ->> 'amount')::numeric * c.scale) then ((v.tip_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.tip_amount, v.currency, 'totalTipReceivedSet.shopMoney') end,
        case when v.total_amount is null or jsonb_typeof(v.total_amount) = 'null' then null when coalesce(v.total_amount ->> 'currencyCode', c.code) = c.code and (v.total_amount ->> 'amount')::numeric * c.scale = trunc((v.total_amount ->> 'amount')::numeric * c.scale) then ((v.total_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.total_amount, v.currency, 'totalPriceSet.shopMoney') end,
        case when v.current_total_amount is null or jsonb_typeof(v.current_total_amount) = 'null' then null when coalesce(v.current_total_amount ->> 'currencyCode', c.code) = c.code and (v.current_total_amount ->> 'amount')::numeric * c.scale = trunc((v.current_total_amount ->> 'amount')::numeric * c.scale) then ((v.current_total_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.current_total_amount, v.currency, 'currentTotalPriceSet.shopMoney') end,
        case when v.refunded_amount is null or jsonb_typeof(v.refunded_amount) = 'null' then null when coalesce(v.refunded_amount ->> 'currencyCode', c.code) = c.code and (v.refunded_amount ->> 'amount')::numeric * c.scale = trunc((v.refunded_amount ->> 'amount')::numeric * c.scale) then ((v.refunded_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.refunded_amount, v.currency, 'totalRefundedSet.shopMoney') end,
        v.presentment_currency,
        private.decimal_money_exact(v.presentment_total_amount, coalesce(v.presentment_total_amount ->> 'currencyCode', v.presentment_total_amount ->> 'currency_code'), 'totalPriceSet.presentmentMoney'),
        v.currency
    from (select
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as order_number,
        case jsonb_typeof(r -> 'displayFinancialStatus') when 'string' then r ->> 'displayFinancialStatus' when 'null' then null else private.wrong_type(r -> 'displayFinancialStatus', 'displayFinancialStatus', 'lower') end as status,
        case jsonb_typeof(r -> 'displayFulfillmentStatus') when 'string' then r ->> 'displayFulfillmentStatus' when 'null' then null else private.wrong_type(r -> 'displayFulfillmentStatus', 'displayFulfillmentStatus', 'lower') end as fulfillment_status,
        (r ->> 'fullyPaid')::boolean as is_paid,
        (r ->> 'test')::boolean as is_test,
        case jsonb_typeof(r -> 'customer' -> 'id') when 'string' then r -> 'customer' ->> 'id' when 'null' then null else private.wrong_type(r -> 'customer' -> 'id', 'customer.id', 'gid') end as buyer_platform_id,
        r -> 'paymentGatewayNames' as payment_method,
        case jsonb_typeof(r -> 'processedAt') when 'string' then r ->> 'processedAt' when 'null' then null else private.wrong_type(r -> 'processedAt', 'processedAt', 'iso_time') end as ordered_at,
        case jsonb_typeof(r -> 'cancelledAt') when 'string' then r ->> 'cancelledAt' when 'null' then null else private.wrong_type(r -> 'cancelledAt', 'cancelledAt', 'iso_time') end as cancelled_at,
        r -> 'totalDiscountsSet' -> 'shopMoney' as discount_amount,
        r -> 'subtotalPriceSet' -> 'shopMoney' as subtotal_amount,
        r -> 'totalShippingPriceSet' -> 'shopMoney' as shipping_amount,
        r -> 'totalTaxSet' -> 'shopMoney' as tax_amount,
        r -> 'totalTipReceivedSet' -> 'shopMoney' as tip_amount,
        r -> 'totalPriceSet' -> 'shopMoney' as total_amount,
        r -> 'currentTotalPriceSet' -> 'shopMoney' as current_total_amount,
        r -> 'totalRefundedSet' -> 'shopMoney' as refunded_amount,
        case jsonb_typeof(r -> 'totalPriceSet' -> 'presentmentMoney' -> 'currencyCode') when 'string' then r -> 'totalPriceSet' -> 'presentmentMoney' ->> 'currencyCode' when 'number' then r -> 'totalPriceSet' -> 'presentmentMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'totalPriceSet' -> 'presentmentMoney' -> 'currencyCode', 'totalPriceSet.presentmentMoney.currencyCode', 'text') end as presentment_currency,
        r -> 'totalPriceSet' -> 'presentmentMoney' as presentment_total_amount,
        case jsonb_typeof(r -> 'currencyCode') when 'string' then r ->> 'currencyCode' when 'number' then r ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'currencyCode', 'currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_order_lines_line_items(r jsonb) returns table (
        listing_platform_id text,
        product_platform_id text,
        sku text,
        title text,
        quantity bigint,
        current_quantity bigint,
        price_amount bigint,
        discount_amount bigint,
        currency text)
language sql stable as $$
    select
        case when v.listing_platform_id is not null then coalesce(private.gid_tail(v.listing_platform_id), private.bad_gid(v.listing_platform_id, 'product.id')) end,
        case when v.product_platform_id is not null then coalesce(private.gid_tail(v.product_platform_id), private.bad_gid(v.product_platform_id, 'variant.id')) end,
        v.sku,
        v.title,
        v.quantity,
        v.current_quantity,
        case when v.price_amount is null or jsonb_typeof(v.price_amount) = 'null' then null when coalesce(v.price_amount ->> 'currencyCode', c.code) = c.code and (v.price_amount ->> 'amount')::numeric * c.scale = trunc((v.price_amount ->> 'amount')::numeric * c.scale) then ((v.price_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.price_amount, v.currency, 'originalUnitPriceSet.shopMoney') end,
        case when v.discount_amount is null or jsonb_typeof(v.discount_amount) = 'null' then null when coalesce(v.discount_amount ->> 'currencyCode', c.code) = c.code and (v.discount_amount ->> 'amount')::numeric * c.scale = trunc((v.discount_amount ->> 'amount')::numeric * c.scale) then ((v.discount_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.discount_amount, v.currency, 'totalDiscountSet.shopMoney') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'product' -> 'id') when 'string' then r -> 'product' ->> 'id' when 'null' then null else private.wrong_type(r -> 'product' -> 'id', 'product.id', 'gid') end as listing_platform_id,
        case jsonb_typeof(r -> 'variant' -> 'id') when 'string' then r -> 'variant' ->> 'id' when 'null' then null else private.wrong_type(r -> 'variant' -> 'id', 'variant.id', 'gid') end as product_platform_id,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'currentQuantity')::bigint as current_quantity,
        r -> 'originalUnitPriceSet' -> 'shopMoney' as price_amount,
        r -> 'totalDiscountSet' -> 'shopMoney' as discount_amount,
        case jsonb_typeof(r -> 'originalUnitPriceSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'originalUnitPriceSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'originalUnitPriceSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'originalUnitPriceSet' -> 'shopMoney' -> 'currencyCode', 'originalUnitPriceSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_order_lines_order_transactions(r jsonb) returns table (
        kind text,
        status text,
        gateway text,
        is_test boolean,
        parent_platform_id text,
        transaction_amount bigint,
        processed_at timestamptz,
        currency text)
language sql stable as $$
    select
        lower(v.kind),
        lower(v.status),
        v.gateway,
        v.is_test,
        case when v.parent_platform_id is not null then coalesce(private.gid_tail(v.parent_platform_id), private.bad_gid(v.parent_platform_id, 'parentTransaction.id')) end,
        case when v.transaction_amount is null or jsonb_typeof(v.transaction_amount) = 'null' then null when coalesce(v.transaction_amount ->> 'currencyCode', c.code) = c.code and (v.transaction_amount ->> 'amount')::numeric * c.scale = trunc((v.transaction_amount ->> 'amount')::numeric * c.scale) then ((v.transaction_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.transaction_amount, v.currency, 'amountSet.shopMoney') end,
        case when v.processed_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.processed_at::timestamptz when v.processed_at is not null then private.bad_time(v.processed_at, 'processedAt') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'kind') when 'string' then r ->> 'kind' when 'null' then null else private.wrong_type(r -> 'kind', 'kind', 'lower') end as kind,
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        case jsonb_typeof(r -> 'gateway') when 'string' then r ->> 'gateway' when 'number' then r ->> 'gateway' when 'null' then null else private.wrong_type(r -> 'gateway', 'gateway', 'text') end as gateway,
        (r ->> 'test')::boolean as is_test,
        case jsonb_typeof(r -> 'parentTransaction' -> 'id') when 'string' then r -> 'parentTransaction' ->> 'id' when 'null' then null else private.wrong_type(r -> 'parentTransaction' -> 'id', 'parentTransaction.id', 'gid') end as parent_platform_id,
        r -> 'amountSet' -> 'shopMoney' as transaction_amount,
        case jsonb_typeof(r -> 'processedAt') when 'string' then r ->> 'processedAt' when 'null' then null else private.wrong_type(r -> 'processedAt', 'processedAt', 'iso_time') end as processed_at,
        case jsonb_typeof(r -> 'amountSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'amountSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'amountSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'amountSet' -> 'shopMoney' -> 'currencyCode', 'amountSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_order_lines_order_fulfillments(r jsonb) returns table (
        status text,
        carrier text,
        tracking_code text,
        shipped_at timestamptz)
language sql stable as $$
    select
        lower(v.status),
        v.carrier,
        v.tracking_code,
        case when v.shipped_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.shipped_at::timestamptz when v.shipped_at is not null then private.bad_time(v.shipped_at, 'createdAt') end
    from (select
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        coalesce(case jsonb_typeof(r -> 'carrier') when 'string' then r ->> 'carrier' when 'number' then r ->> 'carrier' when 'null' then null else private.wrong_type(r -> 'carrier', 'carrier', 'text') end, r #>> '{trackingInfo,0,company}') as carrier,
        coalesce(case jsonb_typeof(r -> 'trackingCode') when 'string' then r ->> 'trackingCode' when 'number' then r ->> 'trackingCode' when 'null' then null else private.wrong_type(r -> 'trackingCode', 'trackingCode', 'text') end, r #>> '{trackingInfo,0,number}') as tracking_code,
        case jsonb_typeof(r -> 'createdAt') when 'string' then r ->> 'createdAt' when 'null' then null else private.wrong_type(r -> 'createdAt', 'createdAt', 'iso_time') end as shipped_at
        offset 0) as v;
$$;

create or replace function private.land_shopify_order_lines(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') as line_items_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean as line_items_more,
                     nullif(e.r -> 'transactions', 'null') as order_transactions_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'fulfillments']::text[] #- '{lineItems,nodes}' as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_order_lines_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.orders as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_paid, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.refunded_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    orders_changed as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_paid, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.refunded_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_number = excluded.order_number,
            status = excluded.status,
            fulfillment_status = excluded.fulfillment_status,
            is_paid = excluded.is_paid,
            is_test = excluded.is_test,
            buyer_platform_id = excluded.buyer_platform_id,
            payment_method = excluded.payment_method,
            ordered_at = excluded.ordered_at,
            cancelled_at = excluded.cancelled_at,
            discount_amount = excluded.discount_amount,
            subtotal_amount = excluded.subtotal_amount,
            shipping_amount = excluded.shipping_amount,
            tax_amount = excluded.tax_amount,
            tip_amount = excluded.tip_amount,
            total_amount = excluded.total_amount,
            current_total_amount = excluded.current_total_amount,
            refunded_amount = excluded.refunded_amount,
            presentment_currency = excluded.presentment_currency,
            presentment_total_amount = excluded.presentment_total_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_order_lines_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.is_new),
    line_items_changed as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            listing_platform_id = excluded.listing_platform_id,
            product_platform_id = excluded.product_platform_id,
            sku = excluded.sku,
            title = excluded.title,
            quantity = excluded.quantity,
            current_quantity = excluded.current_quantity,
            price_amount = excluded.price_amount,
            discount_amount = excluded.discount_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    line_items_gone as (
        update public.line_items as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null and f.line_items_more is not true
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_transactions_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_transactions_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_order_lines_order_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_transactions as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_transactions_new as (
        insert into public.order_transactions as t (user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.kind, n.status, n.gateway, n.is_test, n.parent_platform_id, n.transaction_amount, n.processed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_transactions_in as n
        where n.is_new),
    order_transactions_changed as (
        insert into public.order_transactions as t (user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.kind, n.status, n.gateway, n.is_test, n.parent_platform_id, n.transaction_amount, n.processed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_transactions_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            kind = excluded.kind,
            status = excluded.status,
            gateway = excluded.gateway,
            is_test = excluded.is_test,
            parent_platform_id = excluded.parent_platform_id,
            transaction_amount = excluded.transaction_amount,
            processed_at = excluded.processed_at,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_transactions_gone as (
        update public.order_transactions as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_transactions as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_transactions_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_transactions_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_order_lines_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            status = excluded.status,
            carrier = excluded.carrier,
            tracking_code = excluded.tracking_code,
            shipped_at = excluded.shipped_at,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_order_lines_orders(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.orders as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_order_lines_orders(b.raw) as m),
    changed as (
        update public.orders as t set order_number = m.order_number, status = m.status, fulfillment_status = m.fulfillment_status, is_paid = m.is_paid, is_test = m.is_test, buyer_platform_id = m.buyer_platform_id, payment_method = m.payment_method, ordered_at = m.ordered_at, cancelled_at = m.cancelled_at, discount_amount = m.discount_amount, subtotal_amount = m.subtotal_amount, shipping_amount = m.shipping_amount, tax_amount = m.tax_amount, tip_amount = m.tip_amount, total_amount = m.total_amount, current_total_amount = m.current_total_amount, refunded_amount = m.refunded_amount, presentment_currency = m.presentment_currency, presentment_total_amount = m.presentment_total_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_number, t.status, t.fulfillment_status, t.is_paid, t.is_test, t.buyer_platform_id, t.payment_method, t.ordered_at, t.cancelled_at, t.discount_amount, t.subtotal_amount, t.shipping_amount, t.tax_amount, t.tip_amount, t.total_amount, t.current_total_amount, t.refunded_amount, t.presentment_currency, t.presentment_total_amount, t.currency) is distinct from (m.order_number, m.status, m.fulfillment_status, m.is_paid, m.is_test, m.buyer_platform_id, m.payment_method, m.ordered_at, m.cancelled_at, m.discount_amount, m.subtotal_amount, m.shipping_amount, m.tax_amount, m.tip_amount, m.total_amount, m.current_total_amount, m.refunded_amount, m.presentment_currency, m.presentment_total_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_order_lines_line_items(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.line_items as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_order_lines_line_items(b.raw) as m),
    changed as (
        update public.line_items as t set listing_platform_id = m.listing_platform_id, product_platform_id = m.product_platform_id, sku = m.sku, title = m.title, quantity = m.quantity, current_quantity = m.current_quantity, price_amount = m.price_amount, discount_amount = m.discount_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.listing_platform_id, t.product_platform_id, t.sku, t.title, t.quantity, t.current_quantity, t.price_amount, t.discount_amount, t.currency) is distinct from (m.listing_platform_id, m.product_platform_id, m.sku, m.title, m.quantity, m.current_quantity, m.price_amount, m.discount_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_order_lines_order_transactions(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_transactions as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_order_lines_order_transactions(b.raw) as m),
    changed as (
        update public.order_transactions as t set kind = m.kind, status = m.status, gateway = m.gateway, is_test = m.is_test, parent_platform_id = m.parent_platform_id, transaction_amount = m.transaction_amount, processed_at = m.processed_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.kind, t.status, t.gateway, t.is_test, t.parent_platform_id, t.transaction_amount, t.processed_at, t.currency) is distinct from (m.kind, m.status, m.gateway, m.is_test, m.parent_platform_id, m.transaction_amount, m.processed_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_order_lines_order_fulfillments(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_fulfillments as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_order_lines_order_fulfillments(b.raw) as m),
    changed as (
        update public.order_fulfillments as t set status = m.status, carrier = m.carrier, tracking_code = m.tracking_code, shipped_at = m.shipped_at
          from mapped as m
         where t.ctid = m.ctid and (t.status, t.carrier, t.tracking_code, t.shipped_at) is distinct from (m.status, m.carrier, m.tracking_code, m.shipped_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_order_line_ends_orders(r jsonb) returns table (
        order_number text,
        status text,
        fulfillment_status text,
        is_paid boolean,
        is_test boolean,
        buyer_platform_id text,
        payment_method text,
        ordered_at timestamptz,
        cancelled_at timestamptz,
        discount_amount bigint,
        subtotal_amount bigint,
        shipping_amount bigint,
        tax_amount bigint,
        tip_amount bigint,
        total_amount bigint,
        current_total_amount bigint,
        refunded_amount bigint,
        presentment_currency text,
        presentment_total_amount bigint,
        currency text)
language sql stable as $$
    select
        v.order_number,
        lower(v.status),
        lower(v.fulfillment_status),
        v.is_paid,
        v.is_test,
        case when v.buyer_platform_id is not null then coalesce(private.gid_tail(v.buyer_platform_id), private.bad_gid(v.buyer_platform_id, 'customer.id')) end,
        private.joined_texts(v.payment_method, 'paymentGatewayNames'),
        case when v.ordered_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.ordered_at::timestamptz when v.ordered_at is not null then private.bad_time(v.ordered_at, 'processedAt') end,
        case when v.cancelled_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.cancelled_at::timestamptz when v.cancelled_at is not null then private.bad_time(v.cancelled_at, 'cancelledAt') end,
        case when v.discount_amount is null or jsonb_typeof(v.discount_amount) = 'null' then null when coalesce(v.discount_amount ->> 'currencyCode', c.code) = c.code and (v.discount_amount ->> 'amount')::numeric * c.scale = trunc((v.discount_amount ->> 'amount')::numeric * c.scale) then ((v.discount_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.discount_amount, v.currency, 'totalDiscountsSet.shopMoney') end,
        case when v.subtotal_amount is null or jsonb_typeof(v.subtotal_amount) = 'null' then null when coalesce(v.subtotal_amount ->> 'currencyCode', c.code) = c.code and (v.subtotal_amount ->> 'amount')::numeric * c.scale = trunc((v.subtotal_amount ->> 'amount')::numeric * c.scale) then ((v.subtotal_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.subtotal_amount, v.currency, 'subtotalPriceSet.shopMoney') end,
        case when v.shipping_amount is null or jsonb_typeof(v.shipping_amount) = 'null' then null when coalesce(v.shipping_amount ->> 'currencyCode', c.code) = c.code and (v.shipping_amount ->> 'amount')::numeric * c.scale = trunc((v.shipping_amount ->> 'amount')::numeric * c.scale) then ((v.shipping_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.shipping_amount, v.currency, 'totalShippingPriceSet.shopMoney') end,
        case when v.tax_amount is null or jsonb_typeof(v.tax_amount) = 'null' then null when coalesce(v.tax_amount ->> 'currencyCode', c.code) = c.code and (v.tax_amount ->> 'amount')::numeric * c.scale = trunc((v.tax_amount ->> 'amount')::numeric * c.scale) then ((v.tax_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.tax_amount, v.currency, 'totalTaxSet.shopMoney') end,
        case when v.tip_amount is null or jsonb_typeof(v.tip_amount) = 'null' then null when coalesce(v.tip_amount ->> 'currencyCode', c.code) = c.code and (v.tip_amount ->> 'amount')::numeric * c.scale = trunc((v.tip_amount ->> 'amount')::numeric * c.scale) then ((v.tip_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.tip_amount, v.currency, 'totalTipReceivedSet.shopMoney') end,
        case when v.total_amount is null or jsonb_typeof(v.total_amount) = 'null' then null when coalesce(v.total_amount ->> 'currencyCode', c.code) = c.code and (v.total_amount ->> 'amount')::numeric * c.scale = trunc((v.total_amount ->> 'amount')::numeric * c.scale) then ((v.total_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.total_amount, v.currency, 'totalPriceSet.shopMoney') end,
        case when v.current_total_amount is null or jsonb_typeof(v.current_total_amount) = 'null' then null when coalesce(v.current_total_amount ->> 'currencyCode', c.code) = c.code and (v.current_total_amount ->> 'amount')::numeric * c.scale = trunc((v.current_total_amount ->> 'amount')::numeric * c.scale) then ((v.current_total_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.current_total_amount, v.currency, 'currentTotalPriceSet.shopMoney') end,
        case when v.refunded_amount is null or jsonb_typeof(v.refunded_amount) = 'null' then null when coalesce(v.refunded_amount ->> 'currencyCode', c.code) = c.code and (v.refunded_amount ->> 'amount')::numeric * c.scale = trunc((v.refunded_amount ->> 'amount')::numeric * c.scale) then ((v.refunded_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.refunded_amount, v.currency, 'totalRefundedSet.shopMoney') end,
        v.presentment_currency,
        private.decimal_money_exact(v.presentment_total_amount, coalesce(v.presentment_total_amount ->> 'currencyCode', v.presentment_total_amount ->> 'currency_code'), 'totalPriceSet.presentmentMoney'),
        v.currency
    from (select
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as order_number,
        case jsonb_typeof(r -> 'displayFinancialStatus') when 'string' then r ->> 'displayFinancialStatus' when 'null' then null else private.wrong_type(r -> 'displayFinancialStatus', 'displayFinancialStatus', 'lower') end as status,
        case jsonb_typeof(r -> 'displayFulfillmentStatus') when 'string' then r ->> 'displayFulfillmentStatus' when 'null' then null else private.wrong_type(r -> 'displayFulfillmentStatus', 'displayFulfillmentStatus', 'lower') end as fulfillment_status,
        (r ->> 'fullyPaid')::boolean as is_paid,
        (r ->> 'test')::boolean as is_test,
        case jsonb_typeof(r -> 'customer' -> 'id') when 'string' then r -> 'customer' ->> 'id' when 'null' then null else private.wrong_type(r -> 'customer' -> 'id', 'customer.id', 'gid') end as buyer_platform_id,
        r -> 'paymentGatewayNames' as payment_method,
        case jsonb_typeof(r -> 'processedAt') when 'string' then r ->> 'processedAt' when 'null' then null else private.wrong_type(r -> 'processedAt', 'processedAt', 'iso_time') end as ordered_at,
        case jsonb_typeof(r -> 'cancelledAt') when 'string' then r ->> 'cancelledAt' when 'null' then null else private.wrong_type(r -> 'cancelledAt', 'cancelledAt', 'iso_time') end as cancelled_at,
        r -> 'totalDiscountsSet' -> 'shopMoney' as discount_amount,
        r -> 'subtotalPriceSet' -> 'shopMoney' as subtotal_amount,
        r -> 'totalShippingPriceSet' -> 'shopMoney' as shipping_amount,
        r -> 'totalTaxSet' -> 'shopMoney' as tax_amount,
        r -> 'totalTipReceivedSet' -> 'shopMoney' as tip_amount,
        r -> 'totalPriceSet' -> 'shopMoney' as total_amount,
        r -> 'currentTotalPriceSet' -> 'shopMoney' as current_total_amount,
        r -> 'totalRefundedSet' -> 'shopMoney' as refunded_amount,
        case jsonb_typeof(r -> 'totalPriceSet' -> 'presentmentMoney' -> 'currencyCode') when 'string' then r -> 'totalPriceSet' -> 'presentmentMoney' ->> 'currencyCode' when 'number' then r -> 'totalPriceSet' -> 'presentmentMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'totalPriceSet' -> 'presentmentMoney' -> 'currencyCode', 'totalPriceSet.presentmentMoney.currencyCode', 'text') end as presentment_currency,
        r -> 'totalPriceSet' -> 'presentmentMoney' as presentment_total_amount,
        case jsonb_typeof(r -> 'currencyCode') when 'string' then r ->> 'currencyCode' when 'number' then r ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'currencyCode', 'currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_order_line_ends_line_items(r jsonb) returns table (
        listing_platform_id text,
        product_platform_id text,
        sku text,
        title text,
        quantity bigint,
        current_quantity bigint,
        price_amount bigint,
        discount_amount bigint,
        currency text)
language sql stable as $$
    select
        case when v.listing_platform_id is not null then coalesce(private.gid_tail(v.listing_platform_id), private.bad_gid(v.listing_platform_id, 'product.id')) end,
        case when v.product_platform_id is not null then coalesce(private.gid_tail(v.product_platform_id), private.bad_gid(v.product_platform_id, 'variant.id')) end,
        v.sku,
        v.title,
        v.quantity,
        v.current_quantity,
        case when v.price_amount is null or jsonb_typeof(v.price_amount) = 'null' then null when coalesce(v.price_amount ->> 'currencyCode', c.code) = c.code and (v.price_amount ->> 'amount')::numeric * c.scale = trunc((v.price_amount ->> 'amount')::numeric * c.scale) then ((v.price_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.price_amount, v.currency, 'originalUnitPriceSet.shopMoney') end,
        case when v.discount_amount is null or jsonb_typeof(v.discount_amount) = 'null' then null when coalesce(v.discount_amount ->> 'currencyCode', c.code) = c.code and (v.discount_amount ->> 'amount')::numeric * c.scale = trunc((v.discount_amount ->> 'amount')::numeric * c.scale) then ((v.discount_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.discount_amount, v.currency, 'totalDiscountSet.shopMoney') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'product' -> 'id') when 'string' then r -> 'product' ->> 'id' when 'null' then null else private.wrong_type(r -> 'product' -> 'id', 'product.id', 'gid') end as listing_platform_id,
        case jsonb_typeof(r -> 'variant' -> 'id') when 'string' then r -> 'variant' ->> 'id' when 'null' then null else private.wrong_type(r -> 'variant' -> 'id', 'variant.id', 'gid') end as product_platform_id,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'currentQuantity')::bigint as current_quantity,
        r -> 'originalUnitPriceSet' -> 'shopMoney' as price_amount,
        r -> 'totalDiscountSet' -> 'shopMoney' as discount_amount,
        case jsonb_typeof(r -> 'originalUnitPriceSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'originalUnitPriceSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'originalUnitPriceSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'originalUnitPriceSet' -> 'shopMoney' -> 'currencyCode', 'originalUnitPriceSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_order_line_ends_order_transactions(r jsonb) returns table (
        kind text,
        status text,
        gateway text,
        is_test boolean,
        parent_platform_id text,
        transaction_amount bigint,
        processed_at timestamptz,
        currency text)
language sql stable as $$
    select
        lower(v.kind),
        lower(v.status),
        v.gateway,
        v.is_test,
        case when v.parent_platform_id is not null then coalesce(private.gid_tail(v.parent_platform_id), private.bad_gid(v.parent_platform_id, 'parentTransaction.id')) end,
        case when v.transaction_amount is null or jsonb_typeof(v.transaction_amount) = 'null' then null when coalesce(v.transaction_amount ->> 'currencyCode', c.code) = c.code and (v.transaction_amount ->> 'amount')::numeric * c.scale = trunc((v.transaction_amount ->> 'amount')::numeric * c.scale) then ((v.transaction_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.transaction_amount, v.currency, 'amountSet.shopMoney') end,
        case when v.processed_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.processed_at::timestamptz when v.processed_at is not null then private.bad_time(v.processed_at, 'processedAt') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'kind') when 'string' then r ->> 'kind' when 'null' then null else private.wrong_type(r -> 'kind', 'kind', 'lower') end as kind,
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        case jsonb_typeof(r -> 'gateway') when 'string' then r ->> 'gateway' when 'number' then r ->> 'gateway' when 'null' then null else private.wrong_type(r -> 'gateway', 'gateway', 'text') end as gateway,
        (r ->> 'test')::boolean as is_test,
        case jsonb_typeof(r -> 'parentTransaction' -> 'id') when 'string' then r -> 'parentTransaction' ->> 'id' when 'null' then null else private.wrong_type(r -> 'parentTransaction' -> 'id', 'parentTransaction.id', 'gid') end as parent_platform_id,
        r -> 'amountSet' -> 'shopMoney' as transaction_amount,
        case jsonb_typeof(r -> 'processedAt') when 'string' then r ->> 'processedAt' when 'null' then null else private.wrong_type(r -> 'processedAt', 'processedAt', 'iso_time') end as processed_at,
        case jsonb_typeof(r -> 'amountSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'amountSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'amountSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'amountSet' -> 'shopMoney' -> 'currencyCode', 'amountSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_order_line_ends_order_fulfillments(r jsonb) returns table (
        status text,
        carrier text,
        tracking_code text,
        shipped_at timestamptz)
language sql stable as $$
    select
        lower(v.status),
        v.carrier,
        v.tracking_code,
        case when v.shipped_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.shipped_at::timestamptz when v.shipped_at is not null then private.bad_time(v.shipped_at, 'createdAt') end
    from (select
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        coalesce(case jsonb_typeof(r -> 'carrier') when 'string' then r ->> 'carrier' when 'number' then r ->> 'carrier' when 'null' then null else private.wrong_type(r -> 'carrier', 'carrier', 'text') end, r #>> '{trackingInfo,0,company}') as carrier,
        coalesce(case jsonb_typeof(r -> 'trackingCode') when 'string' then r ->> 'trackingCode' when 'number' then r ->> 'trackingCode' when 'null' then null else private.wrong_type(r -> 'trackingCode', 'trackingCode', 'text') end, r #>> '{trackingInfo,0,number}') as tracking_code,
        case jsonb_typeof(r -> 'createdAt') when 'string' then r ->> 'createdAt' when 'null' then null else private.wrong_type(r -> 'createdAt', 'createdAt', 'iso_time') end as shipped_at
        offset 0) as v;
$$;

create or replace function private.land_shopify_order_line_ends(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') as line_items_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as line_items_more,
                     nullif(e.r -> 'transactions', 'null') as order_transactions_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'fulfillments']::text[] #- '{lineItems,nodes}' as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_order_line_ends_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.orders as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_paid, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.refunded_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    orders_changed as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_paid, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.refunded_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_number = excluded.order_number,
            status = excluded.status,
            fulfillment_status = excluded.fulfillment_status,
            is_paid = excluded.is_paid,
            is_test = excluded.is_test,
            buyer_platform_id = excluded.buyer_platform_id,
            payment_method = excluded.payment_method,
            ordered_at = excluded.ordered_at,
            cancelled_at = excluded.cancelled_at,
            discount_amount = excluded.discount_amount,
            subtotal_amount = excluded.subtotal_amount,
            shipping_amount = excluded.shipping_amount,
            tax_amount = excluded.tax_amount,
            tip_amount = excluded.tip_amount,
            total_amount = excluded.total_amount,
            current_total_amount = excluded.current_total_amount,
            refunded_amount = excluded.refunded_amount,
            presentment_currency = excluded.presentment_currency,
            presentment_total_amount = excluded.presentment_total_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_order_line_ends_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.is_new),
    line_items_changed as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            listing_platform_id = excluded.listing_platform_id,
            product_platform_id = excluded.product_platform_id,
            sku = excluded.sku,
            title = excluded.title,
            quantity = excluded.quantity,
            current_quantity = excluded.current_quantity,
            price_amount = excluded.price_amount,
            discount_amount = excluded.discount_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    line_items_gone as (
        update public.line_items as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null and f.line_items_more is not true
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_transactions_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_transactions_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_order_line_ends_order_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_transactions as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_transactions_new as (
        insert into public.order_transactions as t (user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.kind, n.status, n.gateway, n.is_test, n.parent_platform_id, n.transaction_amount, n.processed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_transactions_in as n
        where n.is_new),
    order_transactions_changed as (
        insert into public.order_transactions as t (user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.kind, n.status, n.gateway, n.is_test, n.parent_platform_id, n.transaction_amount, n.processed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_transactions_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            kind = excluded.kind,
            status = excluded.status,
            gateway = excluded.gateway,
            is_test = excluded.is_test,
            parent_platform_id = excluded.parent_platform_id,
            transaction_amount = excluded.transaction_amount,
            processed_at = excluded.processed_at,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_transactions_gone as (
        update public.order_transactions as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_transactions as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_transactions_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_transactions_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_order_line_ends_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            status = excluded.status,
            carrier = excluded.carrier,
            tracking_code = excluded.tracking_code,
            shipped_at = excluded.shipped_at,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_order_line_ends_orders(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.orders as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_order_line_ends_orders(b.raw) as m),
    changed as (
        update public.orders as t set order_number = m.order_number, status = m.status, fulfillment_status = m.fulfillment_status, is_paid = m.is_paid, is_test = m.is_test, buyer_platform_id = m.buyer_platform_id, payment_method = m.payment_method, ordered_at = m.ordered_at, cancelled_at = m.cancelled_at, discount_amount = m.discount_amount, subtotal_amount = m.subtotal_amount, shipping_amount = m.shipping_amount, tax_amount = m.tax_amount, tip_amount = m.tip_amount, total_amount = m.total_amount, current_total_amount = m.current_total_amount, refunded_amount = m.refunded_amount, presentment_currency = m.presentment_currency, presentment_total_amount = m.presentment_total_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_number, t.status, t.fulfillment_status, t.is_paid, t.is_test, t.buyer_platform_id, t.payment_method, t.ordered_at, t.cancelled_at, t.discount_amount, t.subtotal_amount, t.shipping_amount, t.tax_amount, t.tip_amount, t.total_amount, t.current_total_amount, t.refunded_amount, t.presentment_currency, t.presentment_total_amount, t.currency) is distinct from (m.order_number, m.status, m.fulfillment_status, m.is_paid, m.is_test, m.buyer_platform_id, m.payment_method, m.ordered_at, m.cancelled_at, m.discount_amount, m.subtotal_amount, m.shipping_amount, m.tax_amount, m.tip_amount, m.total_amount, m.current_total_amount, m.refunded_amount, m.presentment_currency, m.presentment_total_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_order_line_ends_line_items(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.line_items as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_order_line_ends_line_items(b.raw) as m),
    changed as (
        update public.line_items as t set listing_platform_id = m.listing_platform_id, product_platform_id = m.product_platform_id, sku = m.sku, title = m.title, quantity = m.quantity, current_quantity = m.current_quantity, price_amount = m.price_amount, discount_amount = m.discount_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.listing_platform_id, t.product_platform_id, t.sku, t.title, t.quantity, t.current_quantity, t.price_amount, t.discount_amount, t.currency) is distinct from (m.listing_platform_id, m.product_platform_id, m.sku, m.title, m.quantity, m.current_quantity, m.price_amount, m.discount_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_order_line_ends_order_transactions(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_transactions as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_order_line_ends_order_transactions(b.raw) as m),
    changed as (
        update public.order_transactions as t set kind = m.kind, status = m.status, gateway = m.gateway, is_test = m.is_test, parent_platform_id = m.parent_platform_id, transaction_amount = m.transaction_amount, processed_at = m.processed_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.kind, t.status, t.gateway, t.is_test, t.parent_platform_id, t.transaction_amount, t.processed_at, t.currency) is distinct from (m.kind, m.status, m.gateway, m.is_test, m.parent_platform_id, m.transaction_amount, m.processed_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_order_line_ends_order_fulfillments(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_fulfillments as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_order_line_ends_order_fulfillments(b.raw) as m),
    changed as (
        update public.order_fulfillments as t set status = m.status, carrier = m.carrier, tracking_code = m.tracking_code, shipped_at = m.shipped_at
          from mapped as m
         where t.ctid = m.ctid and (t.status, t.carrier, t.tracking_code, t.shipped_at) is distinct from (m.status, m.carrier, m.tracking_code, m.shipped_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_refunds_order_refunds(r jsonb) returns table (
        order_platform_id text,
        refund_amount bigint,
        reason text,
        refunded_at timestamptz,
        currency text)
language sql stable as $$
    select
        case when v.order_platform_id is not null then coalesce(private.gid_tail(v.order_platform_id), private.bad_gid(v.order_platform_id, 'order.id')) end,
        case when v.refund_amount is null or jsonb_typeof(v.refund_amount) = 'null' then null when coalesce(v.refund_amount ->> 'currencyCode', c.code) = c.code and (v.refund_amount ->> 'amount')::numeric * c.scale = trunc((v.refund_amount ->> 'amount')::numeric * c.scale) then ((v.refund_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.refund_amount, v.currency, 'totalRefundedSet.shopMoney') end,
        v.reason,
        case when v.refunded_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.refunded_at::timestamptz when v.refunded_at is not null then private.bad_time(v.refunded_at, 'processedAt') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'order' -> 'id') when 'string' then r -> 'order' ->> 'id' when 'null' then null else private.wrong_type(r -> 'order' -> 'id', 'order.id', 'gid') end as order_platform_id,
        r -> 'totalRefundedSet' -> 'shopMoney' as refund_amount,
        case jsonb_typeof(r -> 'note') when 'string' then r ->> 'note' when 'number' then r ->> 'note' when 'null' then null else private.wrong_type(r -> 'note', 'note', 'text') end as reason,
        case jsonb_typeof(r -> 'processedAt') when 'string' then r ->> 'processedAt' when 'null' then null else private.wrong_type(r -> 'processedAt', 'processedAt', 'iso_time') end as refunded_at,
        case jsonb_typeof(r -> 'totalRefundedSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'totalRefundedSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'totalRefundedSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'totalRefundedSet' -> 'shopMoney' -> 'currencyCode', 'totalRefundedSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_refunds_order_refund_lines(r jsonb) returns table (
        line_item_platform_id text,
        quantity bigint,
        restock_type text,
        subtotal_amount bigint,
        tax_amount bigint,
        currency text)
language sql stable as $$
    select
        case when v.line_item_platform_id is not null then coalesce(private.gid_tail(v.line_item_platform_id), private.bad_gid(v.line_item_platform_id, 'lineItem.id')) end,
        v.quantity,
        lower(v.restock_type),
        case when v.subtotal_amount is null or jsonb_typeof(v.subtotal_amount) = 'null' then null when coalesce(v.subtotal_amount ->> 'currencyCode', c.code) = c.code and (v.subtotal_amount ->> 'amount')::numeric * c.scale = trunc((v.subtotal_amount ->> 'amount')::numeric * c.scale) then ((v.subtotal_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.subtotal_amount, v.currency, 'subtotalSet.shopMoney') end,
        case when v.tax_amount is null or jsonb_typeof(v.tax_amount) = 'null' then null when coalesce(v.tax_amount ->> 'currencyCode', c.code) = c.code and (v.tax_amount ->> 'amount')::numeric * c.scale = trunc((v.tax_amount ->> 'amount')::numeric * c.scale) then ((v.tax_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.tax_amount, v.currency, 'totalTaxSet.shopMoney') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'lineItem' -> 'id') when 'string' then r -> 'lineItem' ->> 'id' when 'null' then null else private.wrong_type(r -> 'lineItem' -> 'id', 'lineItem.id', 'gid') end as line_item_platform_id,
        (r ->> 'quantity')::bigint as quantity,
        case jsonb_typeof(r -> 'restockType') when 'string' then r ->> 'restockType' when 'null' then null else private.wrong_type(r -> 'restockType', 'restockType', 'lower') end as restock_type,
        r -> 'subtotalSet' -> 'shopMoney' as subtotal_amount,
        r -> 'totalTaxSet' -> 'shopMoney' as tax_amount,
        case jsonb_typeof(r -> 'subtotalSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'subtotalSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'subtotalSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'subtotalSet' -> 'shopMoney' -> 'currencyCode', 'subtotalSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'refundLineItems' -> 'nodes', 'null') as order_refund_lines_at,
                     (e.r -> 'refundLineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean as order_refund_lines_more,
                     m.*
              from (select e.r, e.ord, e.r #- '{refundLineItems,nodes}' as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_refunds_order_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_refunds as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_refunds_new as (
        insert into public.order_refunds as t (user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.refund_amount, n.reason, n.refunded_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.refund_amount, n.reason, n.refunded_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            refund_amount = excluded.refund_amount,
            reason = excluded.reason,
            refunded_at = excluded.refunded_at,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_refund_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         f.platform_id || ':' || coalesce(private.gid_tail(e.r -> 'lineItem' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, private.gid_tail(e.r -> 'lineItem' ->> 'id') order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refunds_order_refund_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_refund_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_lines_new as (
        insert into public.order_refund_lines as t (user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.refund_platform_id, n.line_item_platform_id, n.quantity, n.restock_type, n.subtotal_amount, n.tax_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_refund_lines_in as n
        where n.is_new),
    order_refund_lines_changed as (
        insert into public.order_refund_lines as t (user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.refund_platform_id, n.line_item_platform_id, n.quantity, n.restock_type, n.subtotal_amount, n.tax_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_refund_lines_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            refund_platform_id = excluded.refund_platform_id,
            line_item_platform_id = excluded.line_item_platform_id,
            quantity = excluded.quantity,
            restock_type = excluded.restock_type,
            subtotal_amount = excluded.subtotal_amount,
            tax_amount = excluded.tax_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_refund_lines_gone as (
        update public.order_refund_lines as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_lines as t
                where t.user_id = job.user_id and t.platform = job.platform and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_lines_at is not null and f.order_refund_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_lines_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_refunds_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_refunds_order_refunds(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_refunds as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_refunds_order_refunds(b.raw) as m),
    changed as (
        update public.order_refunds as t set order_platform_id = m.order_platform_id, refund_amount = m.refund_amount, reason = m.reason, refunded_at = m.refunded_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_platform_id, t.refund_amount, t.reason, t.refunded_at, t.currency) is distinct from (m.order_platform_id, m.refund_amount, m.reason, m.refunded_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_refunds_order_refund_lines(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_refund_lines as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_refunds_order_refund_lines(b.raw) as m),
    changed as (
        update public.order_refund_lines as t set line_item_platform_id = m.line_item_platform_id, quantity = m.quantity, restock_type = m.restock_type, subtotal_amount = m.subtotal_amount, tax_amount = m.tax_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.line_item_platform_id, t.quantity, t.restock_type, t.subtotal_amount, t.tax_amount, t.currency) is distinct from (m.line_item_platform_id, m.quantity, m.restock_type, m.subtotal_amount, m.tax_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_refund_ends_order_refunds(r jsonb) returns table (
        order_platform_id text,
        refund_amount bigint,
        reason text,
        refunded_at timestamptz,
        currency text)
language sql stable as $$
    select
        case when v.order_platform_id is not null then coalesce(private.gid_tail(v.order_platform_id), private.bad_gid(v.order_platform_id, 'order.id')) end,
        case when v.refund_amount is null or jsonb_typeof(v.refund_amount) = 'null' then null when coalesce(v.refund_amount ->> 'currencyCode', c.code) = c.code and (v.refund_amount ->> 'amount')::numeric * c.scale = trunc((v.refund_amount ->> 'amount')::numeric * c.scale) then ((v.refund_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.refund_amount, v.currency, 'totalRefundedSet.shopMoney') end,
        v.reason,
        case when v.refunded_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.refunded_at::timestamptz when v.refunded_at is not null then private.bad_time(v.refunded_at, 'processedAt') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'order' -> 'id') when 'string' then r -> 'order' ->> 'id' when 'null' then null else private.wrong_type(r -> 'order' -> 'id', 'order.id', 'gid') end as order_platform_id,
        r -> 'totalRefundedSet' -> 'shopMoney' as refund_amount,
        case jsonb_typeof(r -> 'note') when 'string' then r ->> 'note' when 'number' then r ->> 'note' when 'null' then null else private.wrong_type(r -> 'note', 'note', 'text') end as reason,
        case jsonb_typeof(r -> 'processedAt') when 'string' then r ->> 'processedAt' when 'null' then null else private.wrong_type(r -> 'processedAt', 'processedAt', 'iso_time') end as refunded_at,
        case jsonb_typeof(r -> 'totalRefundedSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'totalRefundedSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'totalRefundedSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'totalRefundedSet' -> 'shopMoney' -> 'currencyCode', 'totalRefundedSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_refund_ends_order_refund_lines(r jsonb) returns table (
        line_item_platform_id text,
        quantity bigint,
        restock_type text,
        subtotal_amount bigint,
        tax_amount bigint,
        currency text)
language sql stable as $$
    select
        case when v.line_item_platform_id is not null then coalesce(private.gid_tail(v.line_item_platform_id), private.bad_gid(v.line_item_platform_id, 'lineItem.id')) end,
        v.quantity,
        lower(v.restock_type),
        case when v.subtotal_amount is null or jsonb_typeof(v.subtotal_amount) = 'null' then null when coalesce(v.subtotal_amount ->> 'currencyCode', c.code) = c.code and (v.subtotal_amount ->> 'amount')::numeric * c.scale = trunc((v.subtotal_amount ->> 'amount')::numeric * c.scale) then ((v.subtotal_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.subtotal_amount, v.currency, 'subtotalSet.shopMoney') end,
        case when v.tax_amount is null or jsonb_typeof(v.tax_amount) = 'null' then null when coalesce(v.tax_amount ->> 'currencyCode', c.code) = c.code and (v.tax_amount ->> 'amount')::numeric * c.scale = trunc((v.tax_amount ->> 'amount')::numeric * c.scale) then ((v.tax_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.tax_amount, v.currency, 'totalTaxSet.shopMoney') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'lineItem' -> 'id') when 'string' then r -> 'lineItem' ->> 'id' when 'null' then null else private.wrong_type(r -> 'lineItem' -> 'id', 'lineItem.id', 'gid') end as line_item_platform_id,
        (r ->> 'quantity')::bigint as quantity,
        case jsonb_typeof(r -> 'restockType') when 'string' then r ->> 'restockType' when 'null' then null else private.wrong_type(r -> 'restockType', 'restockType', 'lower') end as restock_type,
        r -> 'subtotalSet' -> 'shopMoney' as subtotal_amount,
        r -> 'totalTaxSet' -> 'shopMoney' as tax_amount,
        case jsonb_typeof(r -> 'subtotalSet' -> 'shopMoney' -> 'currencyCode') when 'string' then r -> 'subtotalSet' -> 'shopMoney' ->> 'currencyCode' when 'number' then r -> 'subtotalSet' -> 'shopMoney' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'subtotalSet' -> 'shopMoney' -> 'currencyCode', 'subtotalSet.shopMoney.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_refund_ends(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'refundLineItems' -> 'nodes', 'null') as order_refund_lines_at,
                     (e.r -> 'refundLineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as order_refund_lines_more,
                     m.*
              from (select e.r, e.ord, e.r #- '{refundLineItems,nodes}' as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_refund_ends_order_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_refunds as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_refunds_new as (
        insert into public.order_refunds as t (user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.refund_amount, n.reason, n.refunded_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.refund_amount, n.reason, n.refunded_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            refund_amount = excluded.refund_amount,
            reason = excluded.reason,
            refunded_at = excluded.refunded_at,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_refund_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         f.platform_id || ':' || coalesce(private.gid_tail(e.r -> 'lineItem' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, private.gid_tail(e.r -> 'lineItem' ->> 'id') order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refund_ends_order_refund_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_refund_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_lines_new as (
        insert into public.order_refund_lines as t (user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.refund_platform_id, n.line_item_platform_id, n.quantity, n.restock_type, n.subtotal_amount, n.tax_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_refund_lines_in as n
        where n.is_new),
    order_refund_lines_changed as (
        insert into public.order_refund_lines as t (user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.refund_platform_id, n.line_item_platform_id, n.quantity, n.restock_type, n.subtotal_amount, n.tax_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_refund_lines_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            refund_platform_id = excluded.refund_platform_id,
            line_item_platform_id = excluded.line_item_platform_id,
            quantity = excluded.quantity,
            restock_type = excluded.restock_type,
            subtotal_amount = excluded.subtotal_amount,
            tax_amount = excluded.tax_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_refund_lines_gone as (
        update public.order_refund_lines as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_lines as t
                where t.user_id = job.user_id and t.platform = job.platform and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_lines_at is not null and f.order_refund_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_lines_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_refunds_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_refund_ends_order_refunds(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_refunds as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_refund_ends_order_refunds(b.raw) as m),
    changed as (
        update public.order_refunds as t set order_platform_id = m.order_platform_id, refund_amount = m.refund_amount, reason = m.reason, refunded_at = m.refunded_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_platform_id, t.refund_amount, t.reason, t.refunded_at, t.currency) is distinct from (m.order_platform_id, m.refund_amount, m.reason, m.refunded_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_refund_ends_order_refund_lines(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_refund_lines as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_refund_ends_order_refund_lines(b.raw) as m),
    changed as (
        update public.order_refund_lines as t set line_item_platform_id = m.line_item_platform_id, quantity = m.quantity, restock_type = m.restock_type, subtotal_amount = m.subtotal_amount, tax_amount = m.tax_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.line_item_platform_id, t.quantity, t.restock_type, t.subtotal_amount, t.tax_amount, t.currency) is distinct from (m.line_item_platform_id, m.quantity, m.restock_type, m.subtotal_amount, m.tax_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_products_listings(r jsonb) returns table (
        title text,
        state text,
        quantity bigint,
        price_amount bigint,
        listed_at timestamptz,
        currency text)
language sql stable as $$
    select
        v.title,
        lower(v.state),
        v.quantity,
        case when v.price_amount is null or jsonb_typeof(v.price_amount) = 'null' then null when coalesce(v.price_amount ->> 'currencyCode', c.code) = c.code and (v.price_amount ->> 'amount')::numeric * c.scale = trunc((v.price_amount ->> 'amount')::numeric * c.scale) then ((v.price_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.price_amount, v.currency, 'priceRangeV2.minVariantPrice') end,
        case when v.listed_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.listed_at::timestamptz when v.listed_at is not null then private.bad_time(v.listed_at, 'createdAt') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'title') when 'string' then r ->> 'title' when 'number' then r ->> 'title' when 'null' then null else private.wrong_type(r -> 'title', 'title', 'text') end as title,
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as state,
        (r ->> 'totalInventory')::bigint as quantity,
        r -> 'priceRangeV2' -> 'minVariantPrice' as price_amount,
        case jsonb_typeof(r -> 'createdAt') when 'string' then r ->> 'createdAt' when 'null' then null else private.wrong_type(r -> 'createdAt', 'createdAt', 'iso_time') end as listed_at,
        case jsonb_typeof(r -> 'priceRangeV2' -> 'minVariantPrice' -> 'currencyCode') when 'string' then r -> 'priceRangeV2' -> 'minVariantPrice' ->> 'currencyCode' when 'number' then r -> 'priceRangeV2' -> 'minVariantPrice' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'priceRangeV2' -> 'minVariantPrice' -> 'currencyCode', 'priceRangeV2.minVariantPrice.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_products_listings(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.listings as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    listings_new as (
        insert into public.listings as t (user_id, platform, platform_id, title, state, quantity, price_amount, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.title, n.state, n.quantity, n.price_amount, n.listed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    listings_changed as (
        insert into public.listings as t (user_id, platform, platform_id, title, state, quantity, price_amount, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.title, n.state, n.quantity, n.price_amount, n.listed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            title = excluded.title,
            state = excluded.state,
            quantity = excluded.quantity,
            price_amount = excluded.price_amount,
            listed_at = excluded.listed_at,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from listings_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_products_listings(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.listings as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_products_listings(b.raw) as m),
    changed as (
        update public.listings as t set title = m.title, state = m.state, quantity = m.quantity, price_amount = m.price_amount, listed_at = m.listed_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.title, t.state, t.quantity, t.price_amount, t.listed_at, t.currency) is distinct from (m.title, m.state, m.quantity, m.price_amount, m.listed_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_variants_listing_variants(r jsonb) returns table (
        listing_platform_id text,
        title text,
        sku text,
        barcode text,
        sort_order bigint,
        quantity bigint,
        price_amount bigint,
        compare_at_amount bigint,
        listed_at timestamptz,
        currency text)
language sql stable as $$
    select
        case when v.listing_platform_id is not null then coalesce(private.gid_tail(v.listing_platform_id), private.bad_gid(v.listing_platform_id, 'product.id')) end,
        v.title,
        v.sku,
        v.barcode,
        v.sort_order,
        v.quantity,
        case when v.price_amount * c.scale = trunc(v.price_amount * c.scale) then (v.price_amount * c.scale)::bigint else private.major_exact(v.price_amount, v.currency, 'price') end,
        case when v.compare_at_amount * c.scale = trunc(v.compare_at_amount * c.scale) then (v.compare_at_amount * c.scale)::bigint else private.major_exact(v.compare_at_amount, v.currency, 'compareAtPrice') end,
        case when v.listed_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.listed_at::timestamptz when v.listed_at is not null then private.bad_time(v.listed_at, 'createdAt') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'product' -> 'id') when 'string' then r -> 'product' ->> 'id' when 'null' then null else private.wrong_type(r -> 'product' -> 'id', 'product.id', 'gid') end as listing_platform_id,
        case jsonb_typeof(r -> 'title') when 'string' then r ->> 'title' when 'number' then r ->> 'title' when 'null' then null else private.wrong_type(r -> 'title', 'title', 'text') end as title,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'barcode') when 'string' then r ->> 'barcode' when 'number' then r ->> 'barcode' when 'null' then null else private.wrong_type(r -> 'barcode', 'barcode', 'text') end as barcode,
        (r ->> 'position')::bigint as sort_order,
        (r ->> 'inventoryQuantity')::bigint as quantity,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'compareAtPrice')::numeric as compare_at_amount,
        case jsonb_typeof(r -> 'createdAt') when 'string' then r ->> 'createdAt' when 'null' then null else private.wrong_type(r -> 'createdAt', 'createdAt', 'iso_time') end as listed_at,
        case jsonb_typeof(r -> 'product' -> 'priceRangeV2' -> 'minVariantPrice' -> 'currencyCode') when 'string' then r -> 'product' -> 'priceRangeV2' -> 'minVariantPrice' ->> 'currencyCode' when 'number' then r -> 'product' -> 'priceRangeV2' -> 'minVariantPrice' ->> 'currencyCode' when 'null' then null else private.wrong_type(r -> 'product' -> 'priceRangeV2' -> 'minVariantPrice' -> 'currencyCode', 'product.priceRangeV2.minVariantPrice.currencyCode', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_variants_listing_variants(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.listing_variants as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    listing_variants_new as (
        insert into public.listing_variants as t (user_id, platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.listing_platform_id, n.title, n.sku, n.barcode, n.sort_order, n.quantity, n.price_amount, n.compare_at_amount, n.listed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    listing_variants_changed as (
        insert into public.listing_variants as t (user_id, platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.listing_platform_id, n.title, n.sku, n.barcode, n.sort_order, n.quantity, n.price_amount, n.compare_at_amount, n.listed_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            listing_platform_id = excluded.listing_platform_id,
            title = excluded.title,
            sku = excluded.sku,
            barcode = excluded.barcode,
            sort_order = excluded.sort_order,
            quantity = excluded.quantity,
            price_amount = excluded.price_amount,
            compare_at_amount = excluded.compare_at_amount,
            listed_at = excluded.listed_at,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from listing_variants_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_variants_listing_variants(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.listing_variants as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_variants_listing_variants(b.raw) as m),
    changed as (
        update public.listing_variants as t set listing_platform_id = m.listing_platform_id, title = m.title, sku = m.sku, barcode = m.barcode, sort_order = m.sort_order, quantity = m.quantity, price_amount = m.price_amount, compare_at_amount = m.compare_at_amount, listed_at = m.listed_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.listing_platform_id, t.title, t.sku, t.barcode, t.sort_order, t.quantity, t.price_amount, t.compare_at_amount, t.listed_at, t.currency) is distinct from (m.listing_platform_id, m.title, m.sku, m.barcode, m.sort_order, m.quantity, m.price_amount, m.compare_at_amount, m.listed_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_customers_customers(r jsonb) returns table (
        name text,
        email text,
        country text)
language sql stable as $$
    select
        v.name,
        v.email,
        v.country
    from (select
        case jsonb_typeof(r -> 'displayName') when 'string' then r ->> 'displayName' when 'number' then r ->> 'displayName' when 'null' then null else private.wrong_type(r -> 'displayName', 'displayName', 'text') end as name,
        case jsonb_typeof(r -> 'defaultEmailAddress' -> 'emailAddress') when 'string' then r -> 'defaultEmailAddress' ->> 'emailAddress' when 'number' then r -> 'defaultEmailAddress' ->> 'emailAddress' when 'null' then null else private.wrong_type(r -> 'defaultEmailAddress' -> 'emailAddress', 'defaultEmailAddress.emailAddress', 'text') end as email,
        case jsonb_typeof(r -> 'defaultAddress' -> 'countryCodeV2') when 'string' then r -> 'defaultAddress' ->> 'countryCodeV2' when 'number' then r -> 'defaultAddress' ->> 'countryCodeV2' when 'null' then null else private.wrong_type(r -> 'defaultAddress' -> 'countryCodeV2', 'defaultAddress.countryCodeV2', 'text') end as country
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_customers_customers(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.customers as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    customers_new as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    customers_changed as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            name = case when num_nonnulls(excluded.raw #>> '{firstName}', excluded.raw #>> '{lastName}') = 0 then coalesce(t.name, excluded.name) else excluded.name end,
            email = case when num_nonnulls(excluded.raw #>> '{defaultEmailAddress,emailAddress}') = 0 then coalesce(t.email, excluded.email) else excluded.email end,
            country = case when num_nonnulls(excluded.raw #>> '{defaultAddress,countryCodeV2}') = 0 then coalesce(t.country, excluded.country) else excluded.country end,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from customers_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_customers_customers(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.customers as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_customers_customers(b.raw) as m),
    changed as (
        update public.customers as t set name = case when num_nonnulls(t.raw #>> '{firstName}', t.raw #>> '{lastName}') = 0 then coalesce(t.name, m.name) else m.name end, email = case when num_nonnulls(t.raw #>> '{defaultEmailAddress,emailAddress}') = 0 then coalesce(t.email, m.email) else m.email end, country = case when num_nonnulls(t.raw #>> '{defaultAddress,countryCodeV2}') = 0 then coalesce(t.country, m.country) else m.country end
          from mapped as m
         where t.ctid = m.ctid and (t.name, t.email, t.country) is distinct from (case when num_nonnulls(t.raw #>> '{firstName}', t.raw #>> '{lastName}') = 0 then coalesce(t.name, m.name) else m.name end, case when num_nonnulls(t.raw #>> '{defaultEmailAddress,emailAddress}') = 0 then coalesce(t.email, m.email) else m.email end, case when num_nonnulls(t.raw #>> '{defaultAddress,countryCodeV2}') = 0 then coalesce(t.country, m.country) else m.country end)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_rest_orders_orders(r jsonb) returns table (
        order_number text,
        status text,
        fulfillment_status text,
        is_test boolean,
        buyer_platform_id text,
        payment_method text,
        ordered_at timestamptz,
        cancelled_at timestamptz,
        discount_amount bigint,
        subtotal_amount bigint,
        shipping_amount bigint,
        tax_amount bigint,
        tip_amount bigint,
        total_amount bigint,
        current_total_amount bigint,
        presentment_currency text,
        presentment_total_amount bigint,
        currency text)
language sql stable as $$
    select
        v.order_number,
        lower(v.status),
        lower(v.fulfillment_status),
        v.is_test,
        v.buyer_platform_id,
        private.joined_texts(v.payment_method, 'payment_gateway_names'),
        case when v.ordered_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.ordered_at::timestamptz when v.ordered_at is not null then private.bad_time(v.ordered_at, 'processed_at') end,
        case when v.cancelled_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.cancelled_at::timestamptz when v.cancelled_at is not null then private.bad_time(v.cancelled_at, 'cancelled_at') end,
        case when v.discount_amount * c.scale = trunc(v.discount_amount * c.scale) then (v.discount_amount * c.scale)::bigint else private.major_exact(v.discount_amount, v.currency, 'total_discounts') end,
        case when v.subtotal_amount * c.scale = trunc(v.subtotal_amount * c.scale) then (v.subtotal_amount * c.scale)::bigint else private.major_exact(v.subtotal_amount, v.currency, 'subtotal_price') end,
        case when v.shipping_amount is null or jsonb_typeof(v.shipping_amount) = 'null' then null when coalesce(v.shipping_amount ->> 'currencyCode', c.code) = c.code and (v.shipping_amount ->> 'amount')::numeric * c.scale = trunc((v.shipping_amount ->> 'amount')::numeric * c.scale) then ((v.shipping_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.shipping_amount, v.currency, 'total_shipping_price_set.shop_money') end,
        case when v.tax_amount * c.scale = trunc(v.tax_amount * c.scale) then (v.tax_amount * c.scale)::bigint else private.major_exact(v.tax_amount, v.currency, 'total_tax') end,
        case when v.tip_amount * c.scale = trunc(v.tip_amount * c.scale) then (v.tip_amount * c.scale)::bigint else private.major_exact(v.tip_amount, v.currency, 'total_tip_received') end,
        case when v.total_amount * c.scale = trunc(v.total_amount * c.scale) then (v.total_amount * c.scale)::bigint else private.major_exact(v.total_amount, v.currency, 'total_price') end,
        case when v.current_total_amount * c.scale = trunc(v.current_total_amount * c.scale) then (v.current_total_amount * c.scale)::bigint else private.major_exact(v.current_total_amount, v.currency, 'current_total_price') end,
        v.presentment_currency,
        private.decimal_money_exact(v.presentment_total_amount, coalesce(v.presentment_total_amount ->> 'currencyCode', v.presentment_total_amount ->> 'currency_code'), 'total_price_set.presentment_money'),
        v.currency
    from (select
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as order_number,
        case jsonb_typeof(r -> 'financial_status') when 'string' then r ->> 'financial_status' when 'null' then null else private.wrong_type(r -> 'financial_status', 'financial_status', 'lower') end as status,
        case jsonb_typeof(r -> 'fulfillment_status') when 'string' then r ->> 'fulfillment_status' when 'null' then null else private.wrong_type(r -> 'fulfillment_status', 'fulfillment_status', 'lower') end as fulfillment_status,
        (r ->> 'test')::boolean as is_test,
        case jsonb_typeof(r -> 'customer' -> 'id') when 'string' then r -> 'customer' ->> 'id' when 'number' then r -> 'customer' ->> 'id' when 'null' then null else private.wrong_type(r -> 'customer' -> 'id', 'customer.id', 'text') end as buyer_platform_id,
        r -> 'payment_gateway_names' as payment_method,
        case jsonb_typeof(r -> 'processed_at') when 'string' then r ->> 'processed_at' when 'null' then null else private.wrong_type(r -> 'processed_at', 'processed_at', 'iso_time') end as ordered_at,
        case jsonb_typeof(r -> 'cancelled_at') when 'string' then r ->> 'cancelled_at' when 'null' then null else private.wrong_type(r -> 'cancelled_at', 'cancelled_at', 'iso_time') end as cancelled_at,
        (r ->> 'total_discounts')::numeric as discount_amount,
        (r ->> 'subtotal_price')::numeric as subtotal_amount,
        r -> 'total_shipping_price_set' -> 'shop_money' as shipping_amount,
        (r ->> 'total_tax')::numeric as tax_amount,
        (r ->> 'total_tip_received')::numeric as tip_amount,
        (r ->> 'total_price')::numeric as total_amount,
        (r ->> 'current_total_price')::numeric as current_total_amount,
        case jsonb_typeof(r -> 'presentment_currency') when 'string' then r ->> 'presentment_currency' when 'number' then r ->> 'presentment_currency' when 'null' then null else private.wrong_type(r -> 'presentment_currency', 'presentment_currency', 'text') end as presentment_currency,
        r -> 'total_price_set' -> 'presentment_money' as presentment_total_amount,
        case jsonb_typeof(r -> 'currency') when 'string' then r ->> 'currency' when 'number' then r ->> 'currency' when 'null' then null else private.wrong_type(r -> 'currency', 'currency', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_rest_orders_line_items(r jsonb) returns table (
        listing_platform_id text,
        product_platform_id text,
        sku text,
        title text,
        quantity bigint,
        current_quantity bigint,
        price_amount bigint,
        discount_amount bigint,
        currency text)
language sql stable as $$
    select
        v.listing_platform_id,
        v.product_platform_id,
        v.sku,
        v.title,
        v.quantity,
        v.current_quantity,
        case when v.price_amount * c.scale = trunc(v.price_amount * c.scale) then (v.price_amount * c.scale)::bigint else private.major_exact(v.price_amount, v.currency, 'price') end,
        case when v.discount_amount * c.scale = trunc(v.discount_amount * c.scale) then (v.discount_amount * c.scale)::bigint else private.major_exact(v.discount_amount, v.currency, 'total_discount') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'product_id') when 'string' then r ->> 'product_id' when 'number' then r ->> 'product_id' when 'null' then null else private.wrong_type(r -> 'product_id', 'product_id', 'text') end as listing_platform_id,
        case jsonb_typeof(r -> 'variant_id') when 'string' then r ->> 'variant_id' when 'number' then r ->> 'variant_id' when 'null' then null else private.wrong_type(r -> 'variant_id', 'variant_id', 'text') end as product_platform_id,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'current_quantity')::bigint as current_quantity,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'total_discount')::numeric as discount_amount,
        case jsonb_typeof(r -> 'price_set' -> 'shop_money' -> 'currency_code') when 'string' then r -> 'price_set' -> 'shop_money' ->> 'currency_code' when 'number' then r -> 'price_set' -> 'shop_money' ->> 'currency_code' when 'null' then null else private.wrong_type(r -> 'price_set' -> 'shop_money' -> 'currency_code', 'price_set.shop_money.currency_code', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_rest_orders_order_fulfillments(r jsonb) returns table (
        status text,
        carrier text,
        tracking_code text,
        shipped_at timestamptz)
language sql stable as $$
    select
        lower(v.status),
        v.carrier,
        v.tracking_code,
        case when v.shipped_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.shipped_at::timestamptz when v.shipped_at is not null then private.bad_time(v.shipped_at, 'created_at') end
    from (select
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        case jsonb_typeof(r -> 'tracking_company') when 'string' then r ->> 'tracking_company' when 'number' then r ->> 'tracking_company' when 'null' then null else private.wrong_type(r -> 'tracking_company', 'tracking_company', 'text') end as carrier,
        case jsonb_typeof(r -> 'tracking_number') when 'string' then r ->> 'tracking_number' when 'number' then r ->> 'tracking_number' when 'null' then null else private.wrong_type(r -> 'tracking_number', 'tracking_number', 'text') end as tracking_code,
        case jsonb_typeof(r -> 'created_at') when 'string' then r ->> 'created_at' when 'null' then null else private.wrong_type(r -> 'created_at', 'created_at', 'iso_time') end as shipped_at
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
              select e.ord, e.raw, e.r ->> 'id' as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'line_items', 'null') as line_items_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(e.r - array['line_items', 'fulfillments']::text[], '{customer}', jsonb_strip_nulls(jsonb_build_object('id', e.r -> 'customer' -> 'id')), false) as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updated_at') when 'string' then e.r ->> 'updated_at' when 'null' then null else private.wrong_type(e.r -> 'updated_at', 'updated_at', 'iso_time') end, 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_rest_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.orders as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    orders_changed as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_number = excluded.order_number,
            status = excluded.status,
            fulfillment_status = excluded.fulfillment_status,
            is_test = excluded.is_test,
            buyer_platform_id = excluded.buyer_platform_id,
            payment_method = excluded.payment_method,
            ordered_at = excluded.ordered_at,
            cancelled_at = excluded.cancelled_at,
            discount_amount = excluded.discount_amount,
            subtotal_amount = excluded.subtotal_amount,
            shipping_amount = excluded.shipping_amount,
            tax_amount = excluded.tax_amount,
            tip_amount = excluded.tip_amount,
            total_amount = excluded.total_amount,
            current_total_amount = excluded.current_total_amount,
            presentment_currency = excluded.presentment_currency,
            presentment_total_amount = excluded.presentment_total_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.is_new),
    line_items_changed as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            listing_platform_id = excluded.listing_platform_id,
            product_platform_id = excluded.product_platform_id,
            sku = excluded.sku,
            title = excluded.title,
            quantity = excluded.quantity,
            current_quantity = excluded.current_quantity,
            price_amount = excluded.price_amount,
            discount_amount = excluded.discount_amount,
            currency = excluded.currency,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    line_items_gone as (
        update public.line_items as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            status = excluded.status,
            carrier = excluded.carrier,
            tracking_code = excluded.tracking_code,
            shipped_at = excluded.shipped_at,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_rest_orders_orders(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.orders as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_rest_orders_orders(b.raw) as m),
    changed as (
        update public.orders as t set order_number = m.order_number, status = m.status, fulfillment_status = m.fulfillment_status, is_test = m.is_test, buyer_platform_id = m.buyer_platform_id, payment_method = m.payment_method, ordered_at = m.ordered_at, cancelled_at = m.cancelled_at, discount_amount = m.discount_amount, subtotal_amount = m.subtotal_amount, shipping_amount = m.shipping_amount, tax_amount = m.tax_amount, tip_amount = m.tip_amount, total_amount = m.total_amount, current_total_amount = m.current_total_amount, presentment_currency = m.presentment_currency, presentment_total_amount = m.presentment_total_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_number, t.status, t.fulfillment_status, t.is_test, t.buyer_platform_id, t.payment_method, t.ordered_at, t.cancelled_at, t.discount_amount, t.subtotal_amount, t.shipping_amount, t.tax_amount, t.tip_amount, t.total_amount, t.current_total_amount, t.presentment_currency, t.presentment_total_amount, t.currency) is distinct from (m.order_number, m.status, m.fulfillment_status, m.is_test, m.buyer_platform_id, m.payment_method, m.ordered_at, m.cancelled_at, m.discount_amount, m.subtotal_amount, m.shipping_amount, m.tax_amount, m.tip_amount, m.total_amount, m.current_total_amount, m.presentment_currency, m.presentment_total_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_rest_orders_line_items(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.line_items as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_rest_orders_line_items(b.raw) as m),
    changed as (
        update public.line_items as t set listing_platform_id = m.listing_platform_id, product_platform_id = m.product_platform_id, sku = m.sku, title = m.title, quantity = m.quantity, current_quantity = m.current_quantity, price_amount = m.price_amount, discount_amount = m.discount_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.listing_platform_id, t.product_platform_id, t.sku, t.title, t.quantity, t.current_quantity, t.price_amount, t.discount_amount, t.currency) is distinct from (m.listing_platform_id, m.product_platform_id, m.sku, m.title, m.quantity, m.current_quantity, m.price_amount, m.discount_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_shopify_rest_orders_order_fulfillments(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_fulfillments as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_rest_orders_order_fulfillments(b.raw) as m),
    changed as (
        update public.order_fulfillments as t set status = m.status, carrier = m.carrier, tracking_code = m.tracking_code, shipped_at = m.shipped_at
          from mapped as m
         where t.ctid = m.ctid and (t.status, t.carrier, t.tracking_code, t.shipped_at) is distinct from (m.status, m.carrier, m.tracking_code, m.shipped_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_shopify_rest_customers_customers(r jsonb) returns table (
        name text,
        email text,
        country text)
language sql stable as $$
    select
        v.name,
        v.email,
        v.country
    from (select
        coalesce(case jsonb_typeof(r -> 'default_address' -> 'name') when 'string' then r -> 'default_address' ->> 'name' when 'number' then r -> 'default_address' ->> 'name' when 'null' then null else private.wrong_type(r -> 'default_address' -> 'name', 'default_address.name', 'text') end, r #>> '{first_name}') as name,
        case jsonb_typeof(r -> 'email') when 'string' then r ->> 'email' when 'number' then r ->> 'email' when 'null' then null else private.wrong_type(r -> 'email', 'email', 'text') end as email,
        case jsonb_typeof(r -> 'default_address' -> 'country_code') when 'string' then r -> 'default_address' ->> 'country_code' when 'number' then r -> 'default_address' ->> 'country_code' when 'null' then null else private.wrong_type(r -> 'default_address' -> 'country_code', 'default_address.country_code', 'text') end as country
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
              select e.ord, e.raw, e.r ->> 'id' as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_set(e.r, '{default_address}', jsonb_strip_nulls(jsonb_build_object('name', e.r -> 'default_address' -> 'name', 'country_code', e.r -> 'default_address' -> 'country_code', 'province_code', e.r -> 'default_address' -> 'province_code')), false) as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updated_at') when 'string' then e.r ->> 'updated_at' when 'null' then null else private.wrong_type(e.r -> 'updated_at', 'updated_at', 'iso_time') end, 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_rest_customers_customers(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.customers as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    customers_new as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    customers_changed as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            name = case when num_nonnulls(excluded.raw #>> '{default_address,name}', excluded.raw #>> '{first_name}') = 0 then coalesce(t.name, excluded.name) else excluded.name end,
            email = case when num_nonnulls(excluded.raw #>> '{email}') = 0 then coalesce(t.email, excluded.email) else excluded.email end,
            country = case when num_nonnulls(excluded.raw #>> '{default_address,country_code}') = 0 then coalesce(t.country, excluded.country) else excluded.country end,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from customers_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_rest_customers_customers(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.customers as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_rest_customers_customers(b.raw) as m),
    changed as (
        update public.customers as t set name = case when num_nonnulls(t.raw #>> '{default_address,name}', t.raw #>> '{first_name}') = 0 then coalesce(t.name, m.name) else m.name end, email = case when num_nonnulls(t.raw #>> '{email}') = 0 then coalesce(t.email, m.email) else m.email end, country = case when num_nonnulls(t.raw #>> '{default_address,country_code}') = 0 then coalesce(t.country, m.country) else m.country end
          from mapped as m
         where t.ctid = m.ctid and (t.name, t.email, t.country) is distinct from (case when num_nonnulls(t.raw #>> '{default_address,name}', t.raw #>> '{first_name}') = 0 then coalesce(t.name, m.name) else m.name end, case when num_nonnulls(t.raw #>> '{email}') = 0 then coalesce(t.email, m.email) else m.email end, case when num_nonnulls(t.raw #>> '{default_address,country_code}') = 0 then coalesce(t.country, m.country) else m.country end)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;
