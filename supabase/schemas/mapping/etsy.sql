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
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, is_paid = excluded.is_paid, is_shipped = excluded.is_shipped, is_gift = excluded.is_gift, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{buyer_user_id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, country = excluded.country, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, item_total_amount = excluded.item_total_amount, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, vat_amount = excluded.vat_amount, gift_wrap_amount = excluded.gift_wrap_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price', e.r -> 'price', 'receipt_id', e.r -> 'receipt_id', 'paid_timestamp', e.r -> 'paid_timestamp', 'expected_ship_date', e.r -> 'expected_ship_date', 'processing_min', e.r -> 'processing_min', 'processing_max', e.r -> 'processing_max', 'transaction_id', e.r -> 'transaction_id', 'listing_id', e.r -> 'listing_id', 'product_id', e.r -> 'product_id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'quantity', e.r -> 'quantity', 'shipping_cost', e.r -> 'shipping_cost', 'shop_coupon', e.r -> 'shop_coupon', 'buyer_coupon', e.r -> 'buyer_coupon', 'is_digital', e.r -> 'is_digital', 'created_timestamp', e.r -> 'created_timestamp', 'shipped_timestamp', e.r -> 'shipped_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
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
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{listing_id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{product_id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, shipping_amount = excluded.shipping_amount, shop_coupon_amount = excluded.shop_coupon_amount, buyer_coupon_amount = excluded.buyer_coupon_amount, is_digital = excluded.is_digital, ordered_at = excluded.ordered_at, shipped_at = excluded.shipped_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amount', e.r -> 'amount', 'created_timestamp', e.r -> 'created_timestamp', 'reason', e.r -> 'reason', 'status', e.r -> 'status') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('receipt_shipping_id', e.r -> 'receipt_shipping_id', 'carrier_name', e.r -> 'carrier_name', 'tracking_code', e.r -> 'tracking_code', 'shipment_notification_timestamp', e.r -> 'shipment_notification_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
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

create or replace function private.parts_etsy_receipts() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_receipts_orders", "table": "orders", "columns": {"order_number": ["receipt_id"], "status": ["status"], "is_paid": ["is_paid"], "is_shipped": ["is_shipped"], "is_gift": ["is_gift"], "buyer_platform_id": ["buyer_user_id"], "country": ["country_iso"], "payment_method": ["payment_method"], "ordered_at": ["created_timestamp"], "item_total_amount": ["total_price"], "discount_amount": ["discount_amt"], "subtotal_amount": ["subtotal"], "shipping_amount": ["total_shipping_cost"], "tax_amount": ["total_tax_cost"], "vat_amount": ["total_vat_cost"], "gift_wrap_amount": ["gift_wrap_price"], "total_amount": ["grandtotal"], "currency": ["grandtotal.currency_code"]}, "updated": ["updated_timestamp", "update_timestamp", "created_timestamp"], "updated_as": "epoch"},
      {"map": "map_etsy_receipts_customers", "table": "customers", "columns": {"name": ["name"], "email": ["buyer_email"], "country": ["country_iso"], "last_order_at": ["created_timestamp"]}},
      {"map": "map_etsy_receipts_line_items", "table": "line_items", "columns": {"listing_platform_id": ["listing_id"], "product_platform_id": ["product_id"], "sku": ["sku"], "title": ["title"], "quantity": ["quantity"], "price_amount": ["price"], "shipping_amount": ["shipping_cost"], "shop_coupon_amount": ["shop_coupon"], "buyer_coupon_amount": ["buyer_coupon"], "is_digital": ["is_digital"], "ordered_at": ["created_timestamp"], "shipped_at": ["shipped_timestamp"], "currency": ["price.currency_code"]}, "at": "transactions", "key": ["transaction_id"], "unique": true, "key_is_gid": false},
      {"map": "map_etsy_receipts_order_refunds", "table": "order_refunds", "columns": {"refund_amount": ["amount"], "reason": ["reason"], "status": ["status"], "refunded_at": ["created_timestamp"], "currency": ["amount.currency_code"]}, "at": "refunds", "key": ["created_timestamp", "amount.amount"], "unique": false, "key_is_gid": false},
      {"map": "map_etsy_receipts_order_fulfillments", "table": "order_fulfillments", "columns": {"carrier": ["carrier_name"], "tracking_code": ["tracking_code"], "shipped_at": ["shipment_notification_timestamp"]}, "at": "shipments", "key": ["receipt_shipping_id"], "unique": false, "key_is_gid": false}]'::jsonb
$$;

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
              from (select e.r, e.ord, jsonb_build_object('price', e.r -> 'price', 'receipt_id', e.r -> 'receipt_id', 'paid_timestamp', e.r -> 'paid_timestamp', 'expected_ship_date', e.r -> 'expected_ship_date', 'processing_min', e.r -> 'processing_min', 'processing_max', e.r -> 'processing_max', 'transaction_id', e.r -> 'transaction_id', 'created_timestamp', e.r -> 'created_timestamp', 'listing_id', e.r -> 'listing_id', 'product_id', e.r -> 'product_id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'quantity', e.r -> 'quantity', 'shipping_cost', e.r -> 'shipping_cost', 'shop_coupon', e.r -> 'shop_coupon', 'buyer_coupon', e.r -> 'buyer_coupon', 'is_digital', e.r -> 'is_digital', 'shipped_timestamp', e.r -> 'shipped_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest((e.r ->> 'created_timestamp')::bigint) as version
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
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{listing_id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{product_id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, shipping_amount = excluded.shipping_amount, shop_coupon_amount = excluded.shop_coupon_amount, buyer_coupon_amount = excluded.buyer_coupon_amount, is_digital = excluded.is_digital, ordered_at = excluded.ordered_at, shipped_at = excluded.shipped_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
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

create or replace function private.parts_etsy_transactions() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_transactions_line_items", "table": "line_items", "columns": {"order_platform_id": ["receipt_id"], "listing_platform_id": ["listing_id"], "product_platform_id": ["product_id"], "sku": ["sku"], "title": ["title"], "quantity": ["quantity"], "price_amount": ["price"], "shipping_amount": ["shipping_cost"], "shop_coupon_amount": ["shop_coupon"], "buyer_coupon_amount": ["buyer_coupon"], "is_digital": ["is_digital"], "ordered_at": ["created_timestamp"], "shipped_at": ["shipped_timestamp"], "currency": ["price.currency_code"]}, "updated": ["created_timestamp"], "updated_as": "epoch"}]'::jsonb
$$;

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

create or replace function private.parts_etsy_listings() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_listings_listings", "table": "listings", "columns": {"title": ["title"], "state": ["state"], "url": ["url"], "skus": ["skus"], "quantity": ["quantity"], "price_amount": ["price"], "has_variations": ["has_variations"], "listed_at": ["original_creation_timestamp"], "ends_at": ["ending_timestamp"], "currency": ["price.currency_code"]}, "updated": ["updated_timestamp", "last_modified_timestamp", "state_timestamp", "created_timestamp"], "updated_as": "epoch"}]'::jsonb
$$;

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

create or replace function private.parts_etsy_ledger_entries() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_ledger_entries_payments", "table": "payments", "columns": {"sequence_number": ["sequence_number"], "entry_type": ["ledger_type"], "description": ["description"], "entry_amount": ["amount"], "balance_amount": ["balance"], "reference_type": ["reference_type"], "reference_id": ["reference_id"], "parent_platform_id": ["parent_entry_id"], "order_platform_id": ["reference_id"], "occurred_at": ["created_timestamp"], "currency": ["currency"]}, "updated": ["created_timestamp", "create_date"], "updated_as": "epoch"}]'::jsonb
$$;

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

create or replace function private.parts_etsy_payments() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_payments_order_payments", "table": "order_payments", "columns": {"order_platform_id": ["receipt_id"], "status": ["status"], "gross_amount": ["amount_gross"], "fees_amount": ["amount_fees"], "net_amount": ["amount_net"], "paid_at": ["created_timestamp"], "currency": ["amount_gross.currency_code"]}, "updated": ["updated_timestamp", "update_timestamp", "created_timestamp"], "updated_as": "epoch"}]'::jsonb
$$;
