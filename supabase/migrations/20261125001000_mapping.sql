-- Baseline of mapping, written once from supabase/schemas (docs/decisions/022).

-- mapping/etsy.sql

-- The mapping of etsy's records, written from its streams by `make migration`. Do not edit.

create or replace function private.map_etsy_receipts_orders(r jsonb) returns table (
        order_number text, status text, is_paid boolean, is_shipped boolean, is_gift boolean, buyer_platform_id text,
        country text, payment_method text, ordered_at timestamptz, item_total_amount bigint, discount_amount bigint,
        subtotal_amount bigint, shipping_amount bigint, tax_amount bigint, vat_amount bigint, gift_wrap_amount bigint,
        total_amount bigint, currency text)
language sql stable as $$
    select v.order_number, lower(v.status), v.is_paid, v.is_shipped, v.is_gift, v.buyer_platform_id, v.country,
        v.payment_method, private.epoch(v.ordered_at), private.money(v.item_total_amount, c, v.currency, 'total_price'),
        private.money(v.discount_amount, c, v.currency, 'discount_amt'),
        private.money(v.subtotal_amount, c, v.currency, 'subtotal'),
        private.money(v.shipping_amount, c, v.currency, 'total_shipping_cost'),
        private.money(v.tax_amount, c, v.currency, 'total_tax_cost'),
        private.money(v.vat_amount, c, v.currency, 'total_vat_cost'),
        private.money(v.gift_wrap_amount, c, v.currency, 'gift_wrap_price'),
        private.money(v.total_amount, c, v.currency, 'grandtotal'), v.currency
    from (select
        private.text_in(r, 'receipt_id', 'receipt_id') as order_number,
        private.string_in(r, 'status', 'status', 'lower') as status,
        (r ->> 'is_paid')::boolean as is_paid,
        (r ->> 'is_shipped')::boolean as is_shipped,
        (r ->> 'is_gift')::boolean as is_gift,
        private.text_in(r, 'buyer_user_id', 'buyer_user_id') as buyer_platform_id,
        private.text_in(r, 'country_iso', 'country_iso') as country,
        private.text_in(r, 'payment_method', 'payment_method') as payment_method,
        (r ->> 'created_timestamp')::bigint as ordered_at,
        r -> 'total_price' as item_total_amount,
        r -> 'discount_amt' as discount_amount,
        r -> 'subtotal' as subtotal_amount,
        r -> 'total_shipping_cost' as shipping_amount,
        r -> 'total_tax_cost' as tax_amount,
        r -> 'total_vat_cost' as vat_amount,
        r -> 'gift_wrap_price' as gift_wrap_amount,
        r -> 'grandtotal' as total_amount,
        private.text_in(r -> 'grandtotal', 'currency_code', 'grandtotal.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_etsy_receipts_line_items(r jsonb) returns table (
        listing_platform_id text, product_platform_id text, sku text, title text, quantity bigint, price_amount bigint,
        shipping_amount bigint, shop_coupon_amount bigint, buyer_coupon_amount bigint, is_digital boolean,
        ordered_at timestamptz, shipped_at timestamptz, currency text)
language sql stable as $$
    select v.listing_platform_id, v.product_platform_id, v.sku, private.decode_html(v.title), v.quantity,
        private.money(v.price_amount, c, v.currency, 'price'),
        private.money(v.shipping_amount, c, v.currency, 'shipping_cost'),
        private.major(v.shop_coupon_amount, c, v.currency, 'shop_coupon'),
        private.major(v.buyer_coupon_amount, c, v.currency, 'buyer_coupon'), v.is_digital, private.epoch(v.ordered_at),
        private.epoch(v.shipped_at), v.currency
    from (select
        private.text_in(r, 'listing_id', 'listing_id') as listing_platform_id,
        private.text_in(r, 'product_id', 'product_id') as product_platform_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.string_in(r, 'title', 'title', 'html') as title,
        (r ->> 'quantity')::bigint as quantity,
        r -> 'price' as price_amount,
        r -> 'shipping_cost' as shipping_amount,
        (r ->> 'shop_coupon')::numeric as shop_coupon_amount,
        (r ->> 'buyer_coupon')::numeric as buyer_coupon_amount,
        (r ->> 'is_digital')::boolean as is_digital,
        (r ->> 'created_timestamp')::bigint as ordered_at,
        (r ->> 'shipped_timestamp')::bigint as shipped_at,
        private.text_in(r -> 'price', 'currency_code', 'price.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_etsy_receipts_order_refunds(r jsonb) returns table (
        refund_amount bigint, reason text, status text, refunded_at timestamptz, currency text)
language sql stable as $$
    select private.money(v.refund_amount, c, v.currency, 'amount'), private.decode_html(v.reason), lower(v.status),
        private.epoch(v.refunded_at), v.currency
    from (select
        r -> 'amount' as refund_amount,
        private.string_in(r, 'reason', 'reason', 'html') as reason,
        private.string_in(r, 'status', 'status', 'lower') as status,
        (r ->> 'created_timestamp')::bigint as refunded_at,
        private.text_in(r -> 'amount', 'currency_code', 'amount.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_etsy_receipts_order_fulfillments(r jsonb) returns table (
        carrier text, tracking_code text, shipped_at timestamptz)
language sql stable as $$
    select v.carrier, v.tracking_code, private.epoch(v.shipped_at)
    from (select
        private.text_in(r, 'carrier_name', 'carrier_name') as carrier,
        private.text_in(r, 'tracking_code', 'tracking_code') as tracking_code,
        (r ->> 'shipment_notification_timestamp')::bigint as shipped_at
        offset 0) as v;
$$;

create or replace function private.map_etsy_receipts_customers(r jsonb) returns table (
        name text, email text, country text, last_order_at timestamptz)
language sql stable as $$
    select private.decode_html(v.name), v.email, v.country, private.epoch(v.last_order_at)
    from (select
        private.string_in(r, 'name', 'name', 'html') as name,
        private.text_in(r, 'buyer_email', 'buyer_email') as email,
        private.text_in(r, 'country_iso', 'country_iso') as country,
        (r ->> 'created_timestamp')::bigint as last_order_at
        offset 0) as v;
$$;

create or replace function private.land_etsy_receipts(
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
              select e.ord, e.raw, e.r ->> 'receipt_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'transactions', 'null') as line_items_at,
                     nullif(e.r -> 'refunds', 'null') as order_refunds_at,
                     nullif(e.r -> 'shipments', 'null') as order_fulfillments_at,
                     jsonb_build_object('buyer_user_id', e.r -> 'buyer_user_id', 'name', e.r -> 'name', 'buyer_email', e.r -> 'buyer_email', 'country_iso', e.r -> 'country_iso', 'created_timestamp', e.r -> 'created_timestamp') as customers_raw,
                     e.r ->> 'buyer_user_id' as customers_id,
                     greatest((e.r ->> 'created_timestamp')::bigint) as customers_version,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'refunds', 'shipments', 'first_line', 'second_line', 'city', 'zip', 'formatted_address', 'name', 'buyer_email', 'seller_email', 'payment_email', 'message_from_seller', 'message_from_buyer', 'message_from_payment', 'gift_message', 'gift_sender']::text[] as raw, greatest((e.r ->> 'updated_timestamp')::bigint, (e.r ->> 'update_timestamp')::bigint, (e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_receipts_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, is_paid = excluded.is_paid, is_shipped = excluded.is_shipped, is_gift = excluded.is_gift, buyer_platform_id = excluded.buyer_platform_id, country = excluded.country, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, item_total_amount = excluded.item_total_amount, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, vat_amount = excluded.vat_amount, gift_wrap_amount = excluded.gift_wrap_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         e.r ->> 'transaction_id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = excluded.listing_platform_id, product_platform_id = excluded.product_platform_id, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, shipping_amount = excluded.shipping_amount, shop_coupon_amount = excluded.shop_coupon_amount, buyer_coupon_amount = excluded.buyer_coupon_amount, is_digital = excluded.is_digital, ordered_at = excluded.ordered_at, shipped_at = excluded.shipped_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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
    order_refunds_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'created_timestamp', '-') || ':' || coalesce(e.r -> 'amount' ->> 'amount', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'created_timestamp', e.r -> 'amount' ->> 'amount' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refunds_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_order_refunds(e.raw) as m offset 0) as n
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
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'receipt_shipping_id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'receipt_shipping_id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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
    customers_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs
        from (
            select distinct on (e.platform_id) e.*, private.epoch(e.version) as source_updated_at,
                   jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.customers_raw as raw, f.ord, f.customers_id as platform_id, f.customers_version as version
                  from fresh as f where f.customers_id is not null offset 0) as e,
                 lateral private.map_etsy_receipts_customers(e.raw) as m
            order by e.platform_id, e.version desc, e.ord desc offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.customers as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    customers_new as (
        insert into public.customers as t (
            connection_id, user_id, platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from customers_in where is_new),
    customers_changed as (
        insert into public.customers as t (
            connection_id, user_id, platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from customers_in where differs
        on conflict (connection_id, platform_id) do update set name = excluded.name, email = excluded.email, country = excluded.country, last_order_at = excluded.last_order_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'receipt_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.map_etsy_transactions_line_items(r jsonb) returns table (
        order_platform_id text, listing_platform_id text, product_platform_id text, sku text, title text,
        quantity bigint, price_amount bigint, shipping_amount bigint, shop_coupon_amount bigint,
        buyer_coupon_amount bigint, is_digital boolean, ordered_at timestamptz, shipped_at timestamptz, currency text)
language sql stable as $$
    select v.order_platform_id, v.listing_platform_id, v.product_platform_id, v.sku, private.decode_html(v.title),
        v.quantity, private.money(v.price_amount, c, v.currency, 'price'),
        private.money(v.shipping_amount, c, v.currency, 'shipping_cost'),
        private.major(v.shop_coupon_amount, c, v.currency, 'shop_coupon'),
        private.major(v.buyer_coupon_amount, c, v.currency, 'buyer_coupon'), v.is_digital, private.epoch(v.ordered_at),
        private.epoch(v.shipped_at), v.currency
    from (select
        private.text_in(r, 'receipt_id', 'receipt_id') as order_platform_id,
        private.text_in(r, 'listing_id', 'listing_id') as listing_platform_id,
        private.text_in(r, 'product_id', 'product_id') as product_platform_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.string_in(r, 'title', 'title', 'html') as title,
        (r ->> 'quantity')::bigint as quantity,
        r -> 'price' as price_amount,
        r -> 'shipping_cost' as shipping_amount,
        (r ->> 'shop_coupon')::numeric as shop_coupon_amount,
        (r ->> 'buyer_coupon')::numeric as buyer_coupon_amount,
        (r ->> 'is_digital')::boolean as is_digital,
        (r ->> 'created_timestamp')::bigint as ordered_at,
        (r ->> 'shipped_timestamp')::bigint as shipped_at,
        private.text_in(r -> 'price', 'currency_code', 'price.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_etsy_transactions(
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
              select e.ord, e.raw, e.r ->> 'transaction_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest((e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_transactions_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = excluded.listing_platform_id, product_platform_id = excluded.product_platform_id, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, shipping_amount = excluded.shipping_amount, shop_coupon_amount = excluded.shop_coupon_amount, buyer_coupon_amount = excluded.buyer_coupon_amount, is_digital = excluded.is_digital, ordered_at = excluded.ordered_at, shipped_at = excluded.shipped_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from line_items_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'transaction_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.map_etsy_listings_listings(r jsonb) returns table (
        title text, state text, url text, skus text, quantity bigint, price_amount bigint, has_variations boolean,
        listed_at timestamptz, ends_at timestamptz, currency text)
language sql stable as $$
    select private.decode_html(v.title), lower(v.state), v.url, private.joined_texts(v.skus, 'skus'), v.quantity,
        private.money(v.price_amount, c, v.currency, 'price'), v.has_variations, private.epoch(v.listed_at),
        private.epoch(v.ends_at), v.currency
    from (select
        private.string_in(r, 'title', 'title', 'html') as title,
        private.string_in(r, 'state', 'state', 'lower') as state,
        private.text_in(r, 'url', 'url') as url,
        r -> 'skus' as skus,
        (r ->> 'quantity')::bigint as quantity,
        r -> 'price' as price_amount,
        (r ->> 'has_variations')::boolean as has_variations,
        (r ->> 'original_creation_timestamp')::bigint as listed_at,
        (r ->> 'ending_timestamp')::bigint as ends_at,
        private.text_in(r -> 'price', 'currency_code', 'price.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_etsy_listings(
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
              select e.ord, e.raw, e.r ->> 'listing_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest((e.r ->> 'updated_timestamp')::bigint, (e.r ->> 'last_modified_timestamp')::bigint, (e.r ->> 'state_timestamp')::bigint, (e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_listings_listings(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.listings as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    listings_new as (
        insert into public.listings as t (
            connection_id, user_id, platform, platform_id, title, state, url, skus, quantity, price_amount, has_variations, listed_at, ends_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, state, url, skus, quantity, price_amount, has_variations, listed_at, ends_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    listings_changed as (
        insert into public.listings as t (
            connection_id, user_id, platform, platform_id, title, state, url, skus, quantity, price_amount, has_variations, listed_at, ends_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, state, url, skus, quantity, price_amount, has_variations, listed_at, ends_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set title = excluded.title, state = excluded.state, url = excluded.url, skus = excluded.skus, quantity = excluded.quantity, price_amount = excluded.price_amount, has_variations = excluded.has_variations, listed_at = excluded.listed_at, ends_at = excluded.ends_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from listings_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'listing_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.map_etsy_ledger_entries_payments(r jsonb) returns table (
        sequence_number bigint, entry_type text, description text, entry_amount bigint, balance_amount bigint,
        reference_type text, reference_id text, parent_platform_id text, order_platform_id text, occurred_at timestamptz,
        currency text)
language sql stable as $$
    select v.sequence_number, v.entry_type, private.decode_html(v.description),
        private.hundredths(v.entry_amount, c, v.currency, 'amount'),
        private.hundredths(v.balance_amount, c, v.currency, 'balance'), v.reference_type, v.reference_id,
        v.parent_platform_id, case when r ->> 'reference_type' = 'receipt' then v.order_platform_id end,
        private.epoch(v.occurred_at), v.currency
    from (select
        (r ->> 'sequence_number')::bigint as sequence_number,
        private.text_in(r, 'ledger_type', 'ledger_type') as entry_type,
        private.string_in(r, 'description', 'description', 'html') as description,
        (r ->> 'amount')::bigint as entry_amount,
        (r ->> 'balance')::bigint as balance_amount,
        private.text_in(r, 'reference_type', 'reference_type') as reference_type,
        private.text_in(r, 'reference_id', 'reference_id') as reference_id,
        private.text_in(r, 'parent_entry_id', 'parent_entry_id') as parent_platform_id,
        private.text_in(r, 'reference_id', 'reference_id') as order_platform_id,
        (r ->> 'created_timestamp')::bigint as occurred_at,
        private.text_in(r, 'currency', 'currency') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_etsy_ledger_entries(
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
              select e.ord, e.raw, e.r ->> 'entry_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest((e.r ->> 'created_timestamp')::bigint, (e.r ->> 'create_date')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_ledger_entries_payments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.payments as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    payments_new as (
        insert into public.payments as t (
            connection_id, user_id, platform, platform_id, sequence_number, entry_type, description, entry_amount, balance_amount, reference_type, reference_id, parent_platform_id, order_platform_id, occurred_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, sequence_number, entry_type, description, entry_amount, balance_amount, reference_type, reference_id, parent_platform_id, order_platform_id, occurred_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    payments_changed as (
        insert into public.payments as t (
            connection_id, user_id, platform, platform_id, sequence_number, entry_type, description, entry_amount, balance_amount, reference_type, reference_id, parent_platform_id, order_platform_id, occurred_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, sequence_number, entry_type, description, entry_amount, balance_amount, reference_type, reference_id, parent_platform_id, order_platform_id, occurred_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set sequence_number = excluded.sequence_number, entry_type = excluded.entry_type, description = excluded.description, entry_amount = excluded.entry_amount, balance_amount = excluded.balance_amount, reference_type = excluded.reference_type, reference_id = excluded.reference_id, parent_platform_id = excluded.parent_platform_id, order_platform_id = excluded.order_platform_id, occurred_at = excluded.occurred_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from payments_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'entry_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.map_etsy_payments_order_payments(r jsonb) returns table (
        order_platform_id text, status text, gross_amount bigint, fees_amount bigint, net_amount bigint,
        paid_at timestamptz, currency text)
language sql stable as $$
    select v.order_platform_id, lower(v.status), private.money(v.gross_amount, c, v.currency, 'amount_gross'),
        private.money(v.fees_amount, c, v.currency, 'amount_fees'),
        private.money(v.net_amount, c, v.currency, 'amount_net'), private.epoch(v.paid_at), v.currency
    from (select
        private.text_in(r, 'receipt_id', 'receipt_id') as order_platform_id,
        private.string_in(r, 'status', 'status', 'lower') as status,
        r -> 'amount_gross' as gross_amount,
        r -> 'amount_fees' as fees_amount,
        r -> 'amount_net' as net_amount,
        (r ->> 'created_timestamp')::bigint as paid_at,
        private.text_in(r -> 'amount_gross', 'currency_code', 'amount_gross.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_etsy_payments(
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
              select e.ord, e.raw, e.r ->> 'payment_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r - array['shipping_address_id', 'billing_address_id']::text[] as raw, greatest((e.r ->> 'updated_timestamp')::bigint, (e.r ->> 'update_timestamp')::bigint, (e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_payments_order_payments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_payments as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_payments_new as (
        insert into public.order_payments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, gross_amount, fees_amount, net_amount, paid_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, gross_amount, fees_amount, net_amount, paid_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    order_payments_changed as (
        insert into public.order_payments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, gross_amount, fees_amount, net_amount, paid_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, gross_amount, fees_amount, net_amount, paid_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, gross_amount = excluded.gross_amount, fees_amount = excluded.fees_amount, net_amount = excluded.net_amount, paid_at = excluded.paid_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_payments_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'payment_id: missing';
    end if;
    return landed;
end $$;

-- mapping/printify.sql

-- The mapping of printify's records, written from its streams by `make migration`. Do not edit.

create or replace function private.map_printify_orders_printify_orders(r jsonb) returns table (
        app_order_id text, status text, order_type text, shop_order_id text, shop_order_label text, is_reprint boolean,
        reprinted_order_ids text, shipping_method bigint, is_express boolean, country text, region text,
        retail_amount bigint, shipping_amount bigint, tax_amount bigint, ordered_at timestamptz,
        sent_to_production_at timestamptz, fulfilled_at timestamptz)
language sql stable as $$
    select v.app_order_id, lower(v.status), lower(v.order_type), v.shop_order_id, v.shop_order_label, v.is_reprint,
        private.joined_texts(v.reprinted_order_ids, 'metadata.reprinted_order_ids'), v.shipping_method, v.is_express,
        v.country, v.region, v.retail_amount, v.shipping_amount, v.tax_amount,
        private.moment(v.ordered_at, 'created_at'), private.moment(v.sent_to_production_at, 'sent_to_production_at'),
        private.moment(v.fulfilled_at, 'fulfilled_at')
    from (select
        private.text_in(r, 'app_order_id', 'app_order_id') as app_order_id,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.string_in(r -> 'metadata', 'order_type', 'metadata.order_type', 'lower') as order_type,
        private.text_in(r -> 'metadata', 'shop_order_id', 'metadata.shop_order_id') as shop_order_id,
        private.text_in(r -> 'metadata', 'shop_order_label', 'metadata.shop_order_label') as shop_order_label,
        (r -> 'metadata' ->> 'is_reprint')::boolean as is_reprint,
        r -> 'metadata' -> 'reprinted_order_ids' as reprinted_order_ids,
        (r ->> 'shipping_method')::bigint as shipping_method,
        (r ->> 'is_printify_express')::boolean as is_express,
        private.text_in(r -> 'address_to', 'country', 'address_to.country') as country,
        private.text_in(r -> 'address_to', 'region', 'address_to.region') as region,
        (r ->> 'total_price')::bigint as retail_amount,
        (r ->> 'total_shipping')::bigint as shipping_amount,
        (r ->> 'total_tax')::bigint as tax_amount,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as ordered_at,
        private.string_in(r, 'sent_to_production_at', 'sent_to_production_at', 'iso_time') as sent_to_production_at,
        private.string_in(r, 'fulfilled_at', 'fulfilled_at', 'iso_time') as fulfilled_at
        offset 0) as v;
$$;

create or replace function private.map_printify_orders_printify_line_items(r jsonb) returns table (
        status text, product_platform_id text, variant_id text, print_provider_id text, sku text, title text,
        variant_title text, quantity bigint, cost_amount bigint, shipping_cost_amount bigint, retail_amount bigint,
        sent_to_production_at timestamptz, fulfilled_at timestamptz)
language sql stable as $$
    select lower(v.status), v.product_platform_id, v.variant_id, v.print_provider_id, v.sku, v.title, v.variant_title,
        v.quantity, v.cost_amount, v.shipping_cost_amount, v.retail_amount,
        private.moment(v.sent_to_production_at, 'sent_to_production_at'), private.moment(v.fulfilled_at, 'fulfilled_at')
    from (select
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.text_in(r, 'product_id', 'product_id') as product_platform_id,
        private.text_in(r, 'variant_id', 'variant_id') as variant_id,
        private.text_in(r, 'print_provider_id', 'print_provider_id') as print_provider_id,
        private.text_in(r -> 'metadata', 'sku', 'metadata.sku') as sku,
        private.text_in(r -> 'metadata', 'title', 'metadata.title') as title,
        private.text_in(r -> 'metadata', 'variant_label', 'metadata.variant_label') as variant_title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'cost')::bigint as cost_amount,
        (r ->> 'shipping_cost')::bigint as shipping_cost_amount,
        (r -> 'metadata' ->> 'price')::bigint as retail_amount,
        private.string_in(r, 'sent_to_production_at', 'sent_to_production_at', 'iso_time') as sent_to_production_at,
        private.string_in(r, 'fulfilled_at', 'fulfilled_at', 'iso_time') as fulfilled_at
        offset 0) as v;
$$;

create or replace function private.map_printify_orders_printify_shipments(r jsonb) returns table (
        carrier text, tracking_code text, delivered_at timestamptz)
language sql stable as $$
    select v.carrier, v.tracking_code, private.moment(v.delivered_at, 'delivered_at')
    from (select
        private.text_in(r, 'carrier', 'carrier') as carrier,
        private.text_in(r, 'number', 'number') as tracking_code,
        private.string_in(r, 'delivered_at', 'delivered_at', 'iso_time') as delivered_at
        offset 0) as v;
$$;

create or replace function private.land_printify_orders(
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
                     nullif(e.r -> 'line_items', 'null') as printify_line_items_at,
                     nullif(e.r -> 'shipments', 'null') as printify_shipments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(e.r - array['line_items', 'shipments', 'printify_connect']::text[], '{address_to}', jsonb_strip_nulls(jsonb_build_object('country', e.r -> 'address_to' -> 'country', 'region', e.r -> 'address_to' -> 'region')), false) as raw, greatest(private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_printify_orders_printify_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    printify_orders_new as (
        insert into public.printify_orders as t (
            connection_id, user_id, platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    printify_orders_changed as (
        insert into public.printify_orders as t (
            connection_id, user_id, platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set app_order_id = excluded.app_order_id, status = excluded.status, order_type = excluded.order_type, shop_order_id = excluded.shop_order_id, shop_order_label = excluded.shop_order_label, is_reprint = excluded.is_reprint, reprinted_order_ids = excluded.reprinted_order_ids, shipping_method = excluded.shipping_method, is_express = excluded.is_express, country = excluded.country, region = excluded.region, retail_amount = excluded.retail_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, ordered_at = excluded.ordered_at, sent_to_production_at = excluded.sent_to_production_at, fulfilled_at = excluded.fulfilled_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.printify_line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_printify_orders_printify_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_line_items_new as (
        insert into public.printify_line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_line_items_in where is_new),
    printify_line_items_changed as (
        insert into public.printify_line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, product_platform_id = excluded.product_platform_id, variant_id = excluded.variant_id, print_provider_id = excluded.print_provider_id, sku = excluded.sku, title = excluded.title, variant_title = excluded.variant_title, quantity = excluded.quantity, cost_amount = excluded.cost_amount, shipping_cost_amount = excluded.shipping_cost_amount, retail_amount = excluded.retail_amount, sent_to_production_at = excluded.sent_to_production_at, fulfilled_at = excluded.fulfilled_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_line_items_gone as (
        update public.printify_line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.printify_line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from printify_line_items_in as n))))),
    printify_shipments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'carrier', '-') || ':' || coalesce(e.r ->> 'number', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'carrier', e.r ->> 'number' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.printify_shipments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_printify_orders_printify_shipments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_shipments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_shipments_new as (
        insert into public.printify_shipments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_shipments_in where is_new),
    printify_shipments_changed as (
        insert into public.printify_shipments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_shipments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, carrier = excluded.carrier, tracking_code = excluded.tracking_code, delivered_at = excluded.delivered_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_shipments_gone as (
        update public.printify_shipments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_shipments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.printify_shipments_at is not null
              and g.platform_id <> all (array(select n.platform_id from printify_shipments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from printify_orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.map_printify_products_printify_products(r jsonb) returns table (
        title text, tags text, blueprint_id text, print_provider_id text, is_visible boolean, is_locked boolean,
        channel_product_id text, channel_url text, made_at timestamptz)
language sql stable as $$
    select v.title, private.joined_texts(v.tags, 'tags'), v.blueprint_id, v.print_provider_id, v.is_visible, v.is_locked,
        v.channel_product_id, v.channel_url, private.moment(v.made_at, 'created_at')
    from (select
        private.text_in(r, 'title', 'title') as title,
        r -> 'tags' as tags,
        private.text_in(r, 'blueprint_id', 'blueprint_id') as blueprint_id,
        private.text_in(r, 'print_provider_id', 'print_provider_id') as print_provider_id,
        (r ->> 'visible')::boolean as is_visible,
        (r ->> 'is_locked')::boolean as is_locked,
        coalesce(private.text_in(r -> 'external', 'id', 'external.id'), r #>> '{external,0,id}') as channel_product_id,
        coalesce(private.text_in(r -> 'external', 'handle', 'external.handle'), r #>> '{external,0,handle}') as channel_url,
        private.string_in(r, 'created_at', 'created_at', 'iso_time') as made_at
        offset 0) as v;
$$;

create or replace function private.map_printify_products_printify_variants(r jsonb) returns table (
        variant_id text, sku text, title text, cost_amount bigint, price_amount bigint, weight_grams bigint,
        is_enabled boolean, is_default boolean, is_available boolean)
language sql stable as $$
    select v.variant_id, v.sku, v.title, v.cost_amount, v.price_amount, v.weight_grams, v.is_enabled, v.is_default,
        v.is_available
    from (select
        private.text_in(r, 'id', 'id') as variant_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'title', 'title') as title,
        (r ->> 'cost')::bigint as cost_amount,
        (r ->> 'price')::bigint as price_amount,
        (r ->> 'grams')::bigint as weight_grams,
        (r ->> 'is_enabled')::boolean as is_enabled,
        (r ->> 'is_default')::boolean as is_default,
        (r ->> 'is_available')::boolean as is_available
        offset 0) as v;
$$;

create or replace function private.land_printify_products(
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
                     nullif(e.r -> 'variants', 'null') as printify_variants_at,
                     m.*
              from (select e.r, e.ord, e.r - array['variants', 'print_areas', 'print_details', 'views', 'images']::text[] as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at'), private.moment(private.string_in(e.r, 'update_at', 'update_at', 'iso_time'), 'update_at'), private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_printify_products_printify_products(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_products as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    printify_products_new as (
        insert into public.printify_products as t (
            connection_id, user_id, platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    printify_products_changed as (
        insert into public.printify_products as t (
            connection_id, user_id, platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set title = excluded.title, tags = excluded.tags, blueprint_id = excluded.blueprint_id, print_provider_id = excluded.print_provider_id, is_visible = excluded.is_visible, is_locked = excluded.is_locked, channel_product_id = excluded.channel_product_id, channel_url = excluded.channel_url, made_at = excluded.made_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_variants_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.product_platform_id <> n.product_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as product_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.printify_variants_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_printify_products_printify_variants(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.product_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.printify_variants as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_variants_new as (
        insert into public.printify_variants as t (
            connection_id, user_id, platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_variants_in where is_new),
    printify_variants_changed as (
        insert into public.printify_variants as t (
            connection_id, user_id, platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from printify_variants_in where differs
        on conflict (connection_id, platform_id) do update set product_platform_id = excluded.product_platform_id, variant_id = excluded.variant_id, sku = excluded.sku, title = excluded.title, cost_amount = excluded.cost_amount, price_amount = excluded.price_amount, weight_grams = excluded.weight_grams, is_enabled = excluded.is_enabled, is_default = excluded.is_default, is_available = excluded.is_available, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    printify_variants_gone as (
        update public.printify_variants as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_variants as t
                where t.connection_id = job.connection_id and t.product_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.printify_variants_at is not null
              and g.platform_id <> all (array(select n.platform_id from printify_variants_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from printify_products_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

-- mapping/shopify.sql

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
        private.decimal_money(v.discount_amount, c, v.currency, 'totalDiscountSet.shopMoney'), v.currency
    from (select
        private.string_in(r -> 'product', 'id', 'product.id', 'gid') as listing_platform_id,
        private.string_in(r -> 'variant', 'id', 'variant.id', 'gid') as product_platform_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'name', 'name') as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'currentQuantity')::bigint as current_quantity,
        r -> 'originalUnitPriceSet' -> 'shopMoney' as price_amount,
        r -> 'totalDiscountSet' -> 'shopMoney' as discount_amount,
        private.text_in(r -> 'originalUnitPriceSet' -> 'shopMoney', 'currencyCode', 'originalUnitPriceSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_transactions(r jsonb) returns table (
        kind text, status text, gateway text, is_test boolean, parent_platform_id text, transaction_amount bigint,
        processed_at timestamptz, currency text)
language sql stable as $$
    select lower(v.kind), lower(v.status), v.gateway, v.is_test, private.gid(v.parent_platform_id, 'parentTransaction.id'),
        private.decimal_money(v.transaction_amount, c, v.currency, 'amountSet.shopMoney'),
        private.moment(v.processed_at, 'processedAt'), v.currency
    from (select
        private.string_in(r, 'kind', 'kind', 'lower') as kind,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.text_in(r, 'gateway', 'gateway') as gateway,
        (r ->> 'test')::boolean as is_test,
        private.string_in(r -> 'parentTransaction', 'id', 'parentTransaction.id', 'gid') as parent_platform_id,
        r -> 'amountSet' -> 'shopMoney' as transaction_amount,
        private.string_in(r, 'processedAt', 'processedAt', 'iso_time') as processed_at,
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
                     nullif(e.r -> 'transactions', 'null') as order_transactions_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'fulfillments']::text[] #- '{lineItems,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
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
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_paid = excluded.is_paid, is_test = excluded.is_test, buyer_platform_id = excluded.buyer_platform_id, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, refunded_amount = excluded.refunded_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
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
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = excluded.listing_platform_id, product_platform_id = excluded.product_platform_id, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_transactions as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_transactions_new as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where is_new),
    order_transactions_changed as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, kind = excluded.kind, status = excluded.status, gateway = excluded.gateway, is_test = excluded.is_test, parent_platform_id = excluded.parent_platform_id, transaction_amount = excluded.transaction_amount, processed_at = excluded.processed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
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
                     m.*
              from (select e.r, e.ord, e.r #- '{refundLineItems,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
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
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, e.r as raw, e.ord,
                         f.platform_id || ':' || coalesce(private.gid_tail(e.r -> 'lineItem' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, private.gid_tail(e.r -> 'lineItem' ->> 'id') order by e.ord))::text as platform_id
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
              and g.platform_id <> all (array(select n.platform_id from order_refund_lines_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_refunds_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

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

create or replace function private.map_shopify_variants_listing_variants(r jsonb) returns table (
        listing_platform_id text, title text, sku text, barcode text, sort_order bigint, quantity bigint,
        price_amount bigint, compare_at_amount bigint, listed_at timestamptz, currency text)
language sql stable as $$
    select private.gid(v.listing_platform_id, 'product.id'), v.title, v.sku, v.barcode, v.sort_order, v.quantity,
        private.major(v.price_amount, c, v.currency, 'price'),
        private.major(v.compare_at_amount, c, v.currency, 'compareAtPrice'), private.moment(v.listed_at, 'createdAt'),
        v.currency
    from (select
        private.string_in(r -> 'product', 'id', 'product.id', 'gid') as listing_platform_id,
        private.text_in(r, 'title', 'title') as title,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'barcode', 'barcode') as barcode,
        (r ->> 'position')::bigint as sort_order,
        (r ->> 'inventoryQuantity')::bigint as quantity,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'compareAtPrice')::numeric as compare_at_amount,
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
            connection_id, user_id, platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, listed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    listing_variants_changed as (
        insert into public.listing_variants as t (
            connection_id, user_id, platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, listed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set listing_platform_id = excluded.listing_platform_id, title = excluded.title, sku = excluded.sku, barcode = excluded.barcode, sort_order = excluded.sort_order, quantity = excluded.quantity, price_amount = excluded.price_amount, compare_at_amount = excluded.compare_at_amount, listed_at = excluded.listed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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
        private.major(v.discount_amount, c, v.currency, 'total_discount'), v.currency
    from (select
        private.text_in(r, 'product_id', 'product_id') as listing_platform_id,
        private.text_in(r, 'variant_id', 'variant_id') as product_platform_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'name', 'name') as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'current_quantity')::bigint as current_quantity,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'total_discount')::numeric as discount_amount,
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
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(e.r - array['line_items', 'fulfillments']::text[], '{customer}', jsonb_strip_nulls(jsonb_build_object('id', e.r -> 'customer' -> 'id')), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
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
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_test = excluded.is_test, buyer_platform_id = excluded.buyer_platform_id, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
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
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = excluded.listing_platform_id, product_platform_id = excluded.product_platform_id, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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
              from (select e.r, e.ord, jsonb_set(e.r, '{default_address}', jsonb_strip_nulls(jsonb_build_object('name', e.r -> 'default_address' -> 'name', 'country_code', e.r -> 'default_address' -> 'country_code', 'province_code', e.r -> 'default_address' -> 'province_code')), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
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
