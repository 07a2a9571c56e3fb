-- Children are cut by allow-lists: what a buyer wrote (Etsy's personalisation, REST's line properties) is not stored.

-- list_in: a list, or an empty one in place of anything else.
create or replace function private.list_in(v jsonb) returns jsonb
language sql immutable as $$ select case jsonb_typeof(v) when 'array' then v else '[]' end $$;

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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price', e.r -> 'price', 'receipt_id', e.r -> 'receipt_id', 'paid_timestamp', e.r -> 'paid_timestamp', 'expected_ship_date', e.r -> 'expected_ship_date', 'processing_min', e.r -> 'processing_min', 'processing_max', e.r -> 'processing_max', 'transaction_id', e.r -> 'transaction_id', 'listing_id', e.r -> 'listing_id', 'product_id', e.r -> 'product_id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'quantity', e.r -> 'quantity', 'shipping_cost', e.r -> 'shipping_cost', 'shop_coupon', e.r -> 'shop_coupon', 'buyer_coupon', e.r -> 'buyer_coupon', 'is_digital', e.r -> 'is_digital', 'created_timestamp', e.r -> 'created_timestamp', 'shipped_timestamp', e.r -> 'shipped_timestamp') as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amount', e.r -> 'amount', 'created_timestamp', e.r -> 'created_timestamp', 'reason', e.r -> 'reason', 'status', e.r -> 'status') as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('receipt_shipping_id', e.r -> 'receipt_shipping_id', 'carrier_name', e.r -> 'carrier_name', 'tracking_code', e.r -> 'tracking_code', 'shipment_notification_timestamp', e.r -> 'shipment_notification_timestamp') as raw, e.ord,
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
              from (select e.r, e.ord, jsonb_build_object('price', e.r -> 'price', 'receipt_id', e.r -> 'receipt_id', 'paid_timestamp', e.r -> 'paid_timestamp', 'expected_ship_date', e.r -> 'expected_ship_date', 'processing_min', e.r -> 'processing_min', 'processing_max', e.r -> 'processing_max', 'transaction_id', e.r -> 'transaction_id', 'created_timestamp', e.r -> 'created_timestamp', 'listing_id', e.r -> 'listing_id', 'product_id', e.r -> 'product_id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'quantity', e.r -> 'quantity', 'shipping_cost', e.r -> 'shipping_cost', 'shop_coupon', e.r -> 'shop_coupon', 'buyer_coupon', e.r -> 'buyer_coupon', 'is_digital', e.r -> 'is_digital', 'shipped_timestamp', e.r -> 'shipped_timestamp') as raw, greatest((e.r ->> 'created_timestamp')::bigint) as version
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'print_provider_id', e.r -> 'print_provider_id', 'metadata', jsonb_build_object('sku', e.r -> 'metadata' -> 'sku', 'title', e.r -> 'metadata' -> 'title', 'variant_label', e.r -> 'metadata' -> 'variant_label', 'price', e.r -> 'metadata' -> 'price'), 'quantity', e.r -> 'quantity', 'cost', e.r -> 'cost', 'shipping_cost', e.r -> 'shipping_cost', 'sent_to_production_at', e.r -> 'sent_to_production_at', 'fulfilled_at', e.r -> 'fulfilled_at') as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('carrier', e.r -> 'carrier', 'number', e.r -> 'number', 'delivered_at', e.r -> 'delivered_at') as raw, e.ord,
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
            from (select f.platform_id as product_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'cost', e.r -> 'cost', 'price', e.r -> 'price', 'grams', e.r -> 'grams', 'is_enabled', e.r -> 'is_enabled', 'is_default', e.r -> 'is_default', 'is_available', e.r -> 'is_available') as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('originalUnitPriceSet', jsonb_build_object('shopMoney', e.r -> 'originalUnitPriceSet' -> 'shopMoney'), 'id', e.r -> 'id', 'product', jsonb_build_object('id', e.r -> 'product' -> 'id'), 'variant', jsonb_build_object('id', e.r -> 'variant' -> 'id'), 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'currentQuantity', e.r -> 'currentQuantity', 'totalDiscountSet', jsonb_build_object('shopMoney', e.r -> 'totalDiscountSet' -> 'shopMoney')) as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amountSet', jsonb_build_object('shopMoney', e.r -> 'amountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'kind', e.r -> 'kind', 'status', e.r -> 'status', 'gateway', e.r -> 'gateway', 'test', e.r -> 'test', 'parentTransaction', jsonb_build_object('id', e.r -> 'parentTransaction' -> 'id'), 'processedAt', e.r -> 'processedAt') as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'carrier', e.r -> 'carrier', 'trackingInfo', e.r -> 'trackingInfo', 'trackingCode', e.r -> 'trackingCode', 'createdAt', e.r -> 'createdAt') as raw, e.ord,
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
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('subtotalSet', jsonb_build_object('shopMoney', e.r -> 'subtotalSet' -> 'shopMoney'), 'lineItem', jsonb_build_object('id', e.r -> 'lineItem' -> 'id'), 'quantity', e.r -> 'quantity', 'restockType', e.r -> 'restockType', 'totalTaxSet', jsonb_build_object('shopMoney', e.r -> 'totalTaxSet' -> 'shopMoney')) as raw, e.ord,
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
              from (select e.r, e.ord, jsonb_set(jsonb_set(e.r - array['line_items', 'fulfillments']::text[], '{customer}', jsonb_strip_nulls(jsonb_build_object('id', e.r -> 'customer' -> 'id')), false), '{refunds}', (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', k -> 'id'))), '[]') from jsonb_array_elements(private.list_in(e.r -> 'refunds')) as k), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'id', e.r -> 'id', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'current_quantity', e.r -> 'current_quantity', 'price', e.r -> 'price', 'total_discount', e.r -> 'total_discount') as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'tracking_company', e.r -> 'tracking_company', 'tracking_number', e.r -> 'tracking_number', 'created_at', e.r -> 'created_at') as raw, e.ord,
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
