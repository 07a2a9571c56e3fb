-- Baseline of mapping, written once from supabase/schemas (docs/decisions/022).

-- mapping/etsy.sql

-- The mapping of etsy's records, written from its streams by `make migration`. Do not edit.

create or replace function private.map_etsy_receipts_orders(r jsonb) returns table (
        order_number text,
        status text,
        is_paid boolean,
        is_shipped boolean,
        is_gift boolean,
        buyer_platform_id text,
        country text,
        payment_method text,
        ordered_at timestamptz,
        item_total_amount bigint,
        discount_amount bigint,
        subtotal_amount bigint,
        shipping_amount bigint,
        tax_amount bigint,
        vat_amount bigint,
        gift_wrap_amount bigint,
        total_amount bigint,
        currency text)
language sql stable as $$
    select
        v.order_number,
        lower(v.status),
        v.is_paid,
        v.is_shipped,
        v.is_gift,
        v.buyer_platform_id,
        v.country,
        v.payment_method,
        case when v.ordered_at between 0 and 253402300799 then to_timestamp(v.ordered_at) else private.bad_epoch(v.ordered_at) end,
        case when v.item_total_amount ->> 'currency_code' = c.code and v.item_total_amount ->> 'divisor' = c.divisor then coalesce((v.item_total_amount ->> 'amount')::bigint, private.money_exact(v.item_total_amount, v.currency, 'total_price')) when jsonb_typeof(v.item_total_amount) = 'null' then null else private.money_exact(v.item_total_amount, v.currency, 'total_price') end,
        case when v.discount_amount ->> 'currency_code' = c.code and v.discount_amount ->> 'divisor' = c.divisor then coalesce((v.discount_amount ->> 'amount')::bigint, private.money_exact(v.discount_amount, v.currency, 'discount_amt')) when jsonb_typeof(v.discount_amount) = 'null' then null else private.money_exact(v.discount_amount, v.currency, 'discount_amt') end,
        case when v.subtotal_amount ->> 'currency_code' = c.code and v.subtotal_amount ->> 'divisor' = c.divisor then coalesce((v.subtotal_amount ->> 'amount')::bigint, private.money_exact(v.subtotal_amount, v.currency, 'subtotal')) when jsonb_typeof(v.subtotal_amount) = 'null' then null else private.money_exact(v.subtotal_amount, v.currency, 'subtotal') end,
        case when v.shipping_amount ->> 'currency_code' = c.code and v.shipping_amount ->> 'divisor' = c.divisor then coalesce((v.shipping_amount ->> 'amount')::bigint, private.money_exact(v.shipping_amount, v.currency, 'total_shipping_cost')) when jsonb_typeof(v.shipping_amount) = 'null' then null else private.money_exact(v.shipping_amount, v.currency, 'total_shipping_cost') end,
        case when v.tax_amount ->> 'currency_code' = c.code and v.tax_amount ->> 'divisor' = c.divisor then coalesce((v.tax_amount ->> 'amount')::bigint, private.money_exact(v.tax_amount, v.currency, 'total_tax_cost')) when jsonb_typeof(v.tax_amount) = 'null' then null else private.money_exact(v.tax_amount, v.currency, 'total_tax_cost') end,
        case when v.vat_amount ->> 'currency_code' = c.code and v.vat_amount ->> 'divisor' = c.divisor then coalesce((v.vat_amount ->> 'amount')::bigint, private.money_exact(v.vat_amount, v.currency, 'total_vat_cost')) when jsonb_typeof(v.vat_amount) = 'null' then null else private.money_exact(v.vat_amount, v.currency, 'total_vat_cost') end,
        case when v.gift_wrap_amount ->> 'currency_code' = c.code and v.gift_wrap_amount ->> 'divisor' = c.divisor then coalesce((v.gift_wrap_amount ->> 'amount')::bigint, private.money_exact(v.gift_wrap_amount, v.currency, 'gift_wrap_price')) when jsonb_typeof(v.gift_wrap_amount) = 'null' then null else private.money_exact(v.gift_wrap_amount, v.currency, 'gift_wrap_price') end,
        case when v.total_amount ->> 'currency_code' = c.code and v.total_amount ->> 'divisor' = c.divisor then coalesce((v.total_amount ->> 'amount')::bigint, private.money_exact(v.total_amount, v.currency, 'grandtotal')) when jsonb_typeof(v.total_amount) = 'null' then null else private.money_exact(v.total_amount, v.currency, 'grandtotal') end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'receipt_id') when 'string' then r ->> 'receipt_id' when 'number' then r ->> 'receipt_id' when 'null' then null else private.wrong_type(r -> 'receipt_id', 'receipt_id', 'text') end as order_number,
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        (r ->> 'is_paid')::boolean as is_paid,
        (r ->> 'is_shipped')::boolean as is_shipped,
        (r ->> 'is_gift')::boolean as is_gift,
        case jsonb_typeof(r -> 'buyer_user_id') when 'string' then r ->> 'buyer_user_id' when 'number' then r ->> 'buyer_user_id' when 'null' then null else private.wrong_type(r -> 'buyer_user_id', 'buyer_user_id', 'text') end as buyer_platform_id,
        case jsonb_typeof(r -> 'country_iso') when 'string' then r ->> 'country_iso' when 'number' then r ->> 'country_iso' when 'null' then null else private.wrong_type(r -> 'country_iso', 'country_iso', 'text') end as country,
        case jsonb_typeof(r -> 'payment_method') when 'string' then r ->> 'payment_method' when 'number' then r ->> 'payment_method' when 'null' then null else private.wrong_type(r -> 'payment_method', 'payment_method', 'text') end as payment_method,
        (r ->> 'created_timestamp')::bigint as ordered_at,
        r -> 'total_price' as item_total_amount,
        r -> 'discount_amt' as discount_amount,
        r -> 'subtotal' as subtotal_amount,
        r -> 'total_shipping_cost' as shipping_amount,
        r -> 'total_tax_cost' as tax_amount,
        r -> 'total_vat_cost' as vat_amount,
        r -> 'gift_wrap_price' as gift_wrap_amount,
        r -> 'grandtotal' as total_amount,
        case jsonb_typeof(r -> 'grandtotal' -> 'currency_code') when 'string' then r -> 'grandtotal' ->> 'currency_code' when 'number' then r -> 'grandtotal' ->> 'currency_code' when 'null' then null else private.wrong_type(r -> 'grandtotal' -> 'currency_code', 'grandtotal.currency_code', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_etsy_receipts_line_items(r jsonb) returns table (
        listing_platform_id text,
        product_platform_id text,
        sku text,
        title text,
        quantity bigint,
        price_amount bigint,
        shipping_amount bigint,
        shop_coupon_amount bigint,
        buyer_coupon_amount bigint,
        is_digital boolean,
        ordered_at timestamptz,
        shipped_at timestamptz,
        currency text)
language sql stable as $$
    select
        v.listing_platform_id,
        v.product_platform_id,
        v.sku,
        private.decode_html(v.title),
        v.quantity,
        case when v.price_amount ->> 'currency_code' = c.code and v.price_amount ->> 'divisor' = c.divisor then coalesce((v.price_amount ->> 'amount')::bigint, private.money_exact(v.price_amount, v.currency, 'price')) when jsonb_typeof(v.price_amount) = 'null' then null else private.money_exact(v.price_amount, v.currency, 'price') end,
        case when v.shipping_amount ->> 'currency_code' = c.code and v.shipping_amount ->> 'divisor' = c.divisor then coalesce((v.shipping_amount ->> 'amount')::bigint, private.money_exact(v.shipping_amount, v.currency, 'shipping_cost')) when jsonb_typeof(v.shipping_amount) = 'null' then null else private.money_exact(v.shipping_amount, v.currency, 'shipping_cost') end,
        case when v.shop_coupon_amount * c.scale = trunc(v.shop_coupon_amount * c.scale) then (v.shop_coupon_amount * c.scale)::bigint else private.major_exact(v.shop_coupon_amount, v.currency, 'shop_coupon') end,
        case when v.buyer_coupon_amount * c.scale = trunc(v.buyer_coupon_amount * c.scale) then (v.buyer_coupon_amount * c.scale)::bigint else private.major_exact(v.buyer_coupon_amount, v.currency, 'buyer_coupon') end,
        v.is_digital,
        case when v.ordered_at between 0 and 253402300799 then to_timestamp(v.ordered_at) else private.bad_epoch(v.ordered_at) end,
        case when v.shipped_at between 0 and 253402300799 then to_timestamp(v.shipped_at) else private.bad_epoch(v.shipped_at) end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'listing_id') when 'string' then r ->> 'listing_id' when 'number' then r ->> 'listing_id' when 'null' then null else private.wrong_type(r -> 'listing_id', 'listing_id', 'text') end as listing_platform_id,
        case jsonb_typeof(r -> 'product_id') when 'string' then r ->> 'product_id' when 'number' then r ->> 'product_id' when 'null' then null else private.wrong_type(r -> 'product_id', 'product_id', 'text') end as product_platform_id,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'title') when 'string' then r ->> 'title' when 'null' then null else private.wrong_type(r -> 'title', 'title', 'html') end as title,
        (r ->> 'quantity')::bigint as quantity,
        r -> 'price' as price_amount,
        r -> 'shipping_cost' as shipping_amount,
        (r ->> 'shop_coupon')::numeric as shop_coupon_amount,
        (r ->> 'buyer_coupon')::numeric as buyer_coupon_amount,
        (r ->> 'is_digital')::boolean as is_digital,
        (r ->> 'created_timestamp')::bigint as ordered_at,
        (r ->> 'shipped_timestamp')::bigint as shipped_at,
        case jsonb_typeof(r -> 'price' -> 'currency_code') when 'string' then r -> 'price' ->> 'currency_code' when 'number' then r -> 'price' ->> 'currency_code' when 'null' then null else private.wrong_type(r -> 'price' -> 'currency_code', 'price.currency_code', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_etsy_receipts_order_refunds(r jsonb) returns table (
        refund_amount bigint,
        reason text,
        status text,
        refunded_at timestamptz,
        currency text)
language sql stable as $$
    select
        case when v.refund_amount ->> 'currency_code' = c.code and v.refund_amount ->> 'divisor' = c.divisor then coalesce((v.refund_amount ->> 'amount')::bigint, private.money_exact(v.refund_amount, v.currency, 'amount')) when jsonb_typeof(v.refund_amount) = 'null' then null else private.money_exact(v.refund_amount, v.currency, 'amount') end,
        private.decode_html(v.reason),
        lower(v.status),
        case when v.refunded_at between 0 and 253402300799 then to_timestamp(v.refunded_at) else private.bad_epoch(v.refunded_at) end,
        v.currency
    from (select
        r -> 'amount' as refund_amount,
        case jsonb_typeof(r -> 'reason') when 'string' then r ->> 'reason' when 'null' then null else private.wrong_type(r -> 'reason', 'reason', 'html') end as reason,
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        (r ->> 'created_timestamp')::bigint as refunded_at,
        case jsonb_typeof(r -> 'amount' -> 'currency_code') when 'string' then r -> 'amount' ->> 'currency_code' when 'number' then r -> 'amount' ->> 'currency_code' when 'null' then null else private.wrong_type(r -> 'amount' -> 'currency_code', 'amount.currency_code', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_etsy_receipts_order_fulfillments(r jsonb) returns table (
        carrier text,
        tracking_code text,
        shipped_at timestamptz)
language sql stable as $$
    select
        v.carrier,
        v.tracking_code,
        case when v.shipped_at between 0 and 253402300799 then to_timestamp(v.shipped_at) else private.bad_epoch(v.shipped_at) end
    from (select
        case jsonb_typeof(r -> 'carrier_name') when 'string' then r ->> 'carrier_name' when 'number' then r ->> 'carrier_name' when 'null' then null else private.wrong_type(r -> 'carrier_name', 'carrier_name', 'text') end as carrier,
        case jsonb_typeof(r -> 'tracking_code') when 'string' then r ->> 'tracking_code' when 'number' then r ->> 'tracking_code' when 'null' then null else private.wrong_type(r -> 'tracking_code', 'tracking_code', 'text') end as tracking_code,
        (r ->> 'shipment_notification_timestamp')::bigint as shipped_at
        offset 0) as v;
$$;

create or replace function private.map_etsy_receipts_customers(r jsonb) returns table (
        name text,
        email text,
        country text,
        last_order_at timestamptz)
language sql stable as $$
    select
        private.decode_html(v.name),
        v.email,
        v.country,
        case when v.last_order_at between 0 and 253402300799 then to_timestamp(v.last_order_at) else private.bad_epoch(v.last_order_at) end
    from (select
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'html') end as name,
        case jsonb_typeof(r -> 'buyer_email') when 'string' then r ->> 'buyer_email' when 'number' then r ->> 'buyer_email' when 'null' then null else private.wrong_type(r -> 'buyer_email', 'buyer_email', 'text') end as email,
        case jsonb_typeof(r -> 'country_iso') when 'string' then r ->> 'country_iso' when 'number' then r ->> 'country_iso' when 'null' then null else private.wrong_type(r -> 'country_iso', 'country_iso', 'text') end as country,
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
              select e.ord, e.raw, e.r ->> 'receipt_id' as platform_id,
                     case when e.version between 0 and 253402300799 then to_timestamp(e.version) else private.bad_epoch(e.version) end as source_updated_at,
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
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.orders as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.is_paid, n.is_shipped, n.is_gift, n.buyer_platform_id, n.country, n.payment_method, n.ordered_at, n.item_total_amount, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.vat_amount, n.gift_wrap_amount, n.total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    orders_changed as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.is_paid, n.is_shipped, n.is_gift, n.buyer_platform_id, n.country, n.payment_method, n.ordered_at, n.item_total_amount, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.vat_amount, n.gift_wrap_amount, n.total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_number = excluded.order_number,
            status = excluded.status,
            is_paid = excluded.is_paid,
            is_shipped = excluded.is_shipped,
            is_gift = excluded.is_gift,
            buyer_platform_id = excluded.buyer_platform_id,
            country = excluded.country,
            payment_method = excluded.payment_method,
            ordered_at = excluded.ordered_at,
            item_total_amount = excluded.item_total_amount,
            discount_amount = excluded.discount_amount,
            subtotal_amount = excluded.subtotal_amount,
            shipping_amount = excluded.shipping_amount,
            tax_amount = excluded.tax_amount,
            vat_amount = excluded.vat_amount,
            gift_wrap_amount = excluded.gift_wrap_amount,
            total_amount = excluded.total_amount,
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
                         e.r ->> 'transaction_id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.price_amount, n.shipping_amount, n.shop_coupon_amount, n.buyer_coupon_amount, n.is_digital, n.ordered_at, n.shipped_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.is_new),
    line_items_changed as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.price_amount, n.shipping_amount, n.shop_coupon_amount, n.buyer_coupon_amount, n.is_digital, n.ordered_at, n.shipped_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from line_items_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            listing_platform_id = excluded.listing_platform_id,
            product_platform_id = excluded.product_platform_id,
            sku = excluded.sku,
            title = excluded.title,
            quantity = excluded.quantity,
            price_amount = excluded.price_amount,
            shipping_amount = excluded.shipping_amount,
            shop_coupon_amount = excluded.shop_coupon_amount,
            buyer_coupon_amount = excluded.buyer_coupon_amount,
            is_digital = excluded.is_digital,
            ordered_at = excluded.ordered_at,
            shipped_at = excluded.shipped_at,
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
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_refunds as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refunds_new as (
        insert into public.order_refunds as t (user_id, platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.refund_amount, n.reason, n.status, n.refunded_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_refunds_in as n
        where n.is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (user_id, platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.refund_amount, n.reason, n.status, n.refunded_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_refunds_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            refund_amount = excluded.refund_amount,
            reason = excluded.reason,
            status = excluded.status,
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
    order_refunds_gone as (
        update public.order_refunds as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refunds as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
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
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from order_fulfillments_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
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
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n))))),
    customers_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs
        from (
            select distinct on (e.platform_id) e.*, case when e.version between 0 and 253402300799 then to_timestamp(e.version) else private.bad_epoch(e.version) end as source_updated_at,
                   jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.customers_raw as raw, f.ord, f.customers_id as platform_id, f.customers_version as version
                  from fresh as f where f.customers_id is not null offset 0) as e,
                 lateral private.map_etsy_receipts_customers(e.raw) as m
            order by e.platform_id, e.version desc, e.ord desc offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.customers as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    customers_new as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.last_order_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from customers_in as n
        where n.is_new),
    customers_changed as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.last_order_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from customers_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            name = excluded.name,
            email = excluded.email,
            country = excluded.country,
            last_order_at = excluded.last_order_at,
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
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'receipt_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_etsy_receipts_orders(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.orders as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_receipts_orders(b.raw) as m),
    changed as (
        update public.orders as t set order_number = m.order_number, status = m.status, is_paid = m.is_paid, is_shipped = m.is_shipped, is_gift = m.is_gift, buyer_platform_id = m.buyer_platform_id, country = m.country, payment_method = m.payment_method, ordered_at = m.ordered_at, item_total_amount = m.item_total_amount, discount_amount = m.discount_amount, subtotal_amount = m.subtotal_amount, shipping_amount = m.shipping_amount, tax_amount = m.tax_amount, vat_amount = m.vat_amount, gift_wrap_amount = m.gift_wrap_amount, total_amount = m.total_amount, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_number, t.status, t.is_paid, t.is_shipped, t.is_gift, t.buyer_platform_id, t.country, t.payment_method, t.ordered_at, t.item_total_amount, t.discount_amount, t.subtotal_amount, t.shipping_amount, t.tax_amount, t.vat_amount, t.gift_wrap_amount, t.total_amount, t.currency) is distinct from (m.order_number, m.status, m.is_paid, m.is_shipped, m.is_gift, m.buyer_platform_id, m.country, m.payment_method, m.ordered_at, m.item_total_amount, m.discount_amount, m.subtotal_amount, m.shipping_amount, m.tax_amount, m.vat_amount, m.gift_wrap_amount, m.total_amount, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_etsy_receipts_line_items(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.line_items as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_receipts_line_items(b.raw) as m),
    changed as (
        update public.line_items as t set listing_platform_id = m.listing_platform_id, product_platform_id = m.product_platform_id, sku = m.sku, title = m.title, quantity = m.quantity, price_amount = m.price_amount, shipping_amount = m.shipping_amount, shop_coupon_amount = m.shop_coupon_amount, buyer_coupon_amount = m.buyer_coupon_amount, is_digital = m.is_digital, ordered_at = m.ordered_at, shipped_at = m.shipped_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.listing_platform_id, t.product_platform_id, t.sku, t.title, t.quantity, t.price_amount, t.shipping_amount, t.shop_coupon_amount, t.buyer_coupon_amount, t.is_digital, t.ordered_at, t.shipped_at, t.currency) is distinct from (m.listing_platform_id, m.product_platform_id, m.sku, m.title, m.quantity, m.price_amount, m.shipping_amount, m.shop_coupon_amount, m.buyer_coupon_amount, m.is_digital, m.ordered_at, m.shipped_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_etsy_receipts_order_refunds(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_refunds as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_receipts_order_refunds(b.raw) as m),
    changed as (
        update public.order_refunds as t set refund_amount = m.refund_amount, reason = m.reason, status = m.status, refunded_at = m.refunded_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.refund_amount, t.reason, t.status, t.refunded_at, t.currency) is distinct from (m.refund_amount, m.reason, m.status, m.refunded_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_etsy_receipts_order_fulfillments(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_fulfillments as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_receipts_order_fulfillments(b.raw) as m),
    changed as (
        update public.order_fulfillments as t set carrier = m.carrier, tracking_code = m.tracking_code, shipped_at = m.shipped_at
          from mapped as m
         where t.ctid = m.ctid and (t.carrier, t.tracking_code, t.shipped_at) is distinct from (m.carrier, m.tracking_code, m.shipped_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_etsy_receipts_customers(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.customers as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_receipts_customers(b.raw) as m),
    changed as (
        update public.customers as t set name = m.name, email = m.email, country = m.country, last_order_at = m.last_order_at
          from mapped as m
         where t.ctid = m.ctid and (t.name, t.email, t.country, t.last_order_at) is distinct from (m.name, m.email, m.country, m.last_order_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_etsy_transactions_line_items(r jsonb) returns table (
        order_platform_id text,
        listing_platform_id text,
        product_platform_id text,
        sku text,
        title text,
        quantity bigint,
        price_amount bigint,
        shipping_amount bigint,
        shop_coupon_amount bigint,
        buyer_coupon_amount bigint,
        is_digital boolean,
        ordered_at timestamptz,
        shipped_at timestamptz,
        currency text)
language sql stable as $$
    select
        v.order_platform_id,
        v.listing_platform_id,
        v.product_platform_id,
        v.sku,
        private.decode_html(v.title),
        v.quantity,
        case when v.price_amount ->> 'currency_code' = c.code and v.price_amount ->> 'divisor' = c.divisor then coalesce((v.price_amount ->> 'amount')::bigint, private.money_exact(v.price_amount, v.currency, 'price')) when jsonb_typeof(v.price_amount) = 'null' then null else private.money_exact(v.price_amount, v.currency, 'price') end,
        case when v.shipping_amount ->> 'currency_code' = c.code and v.shipping_amount ->> 'divisor' = c.divisor then coalesce((v.shipping_amount ->> 'amount')::bigint, private.money_exact(v.shipping_amount, v.currency, 'shipping_cost')) when jsonb_typeof(v.shipping_amount) = 'null' then null else private.money_exact(v.shipping_amount, v.currency, 'shipping_cost') end,
        case when v.shop_coupon_amount * c.scale = trunc(v.shop_coupon_amount * c.scale) then (v.shop_coupon_amount * c.scale)::bigint else private.major_exact(v.shop_coupon_amount, v.currency, 'shop_coupon') end,
        case when v.buyer_coupon_amount * c.scale = trunc(v.buyer_coupon_amount * c.scale) then (v.buyer_coupon_amount * c.scale)::bigint else private.major_exact(v.buyer_coupon_amount, v.currency, 'buyer_coupon') end,
        v.is_digital,
        case when v.ordered_at between 0 and 253402300799 then to_timestamp(v.ordered_at) else private.bad_epoch(v.ordered_at) end,
        case when v.shipped_at between 0 and 253402300799 then to_timestamp(v.shipped_at) else private.bad_epoch(v.shipped_at) end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'receipt_id') when 'string' then r ->> 'receipt_id' when 'number' then r ->> 'receipt_id' when 'null' then null else private.wrong_type(r -> 'receipt_id', 'receipt_id', 'text') end as order_platform_id,
        case jsonb_typeof(r -> 'listing_id') when 'string' then r ->> 'listing_id' when 'number' then r ->> 'listing_id' when 'null' then null else private.wrong_type(r -> 'listing_id', 'listing_id', 'text') end as listing_platform_id,
        case jsonb_typeof(r -> 'product_id') when 'string' then r ->> 'product_id' when 'number' then r ->> 'product_id' when 'null' then null else private.wrong_type(r -> 'product_id', 'product_id', 'text') end as product_platform_id,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'title') when 'string' then r ->> 'title' when 'null' then null else private.wrong_type(r -> 'title', 'title', 'html') end as title,
        (r ->> 'quantity')::bigint as quantity,
        r -> 'price' as price_amount,
        r -> 'shipping_cost' as shipping_amount,
        (r ->> 'shop_coupon')::numeric as shop_coupon_amount,
        (r ->> 'buyer_coupon')::numeric as buyer_coupon_amount,
        (r ->> 'is_digital')::boolean as is_digital,
        (r ->> 'created_timestamp')::bigint as ordered_at,
        (r ->> 'shipped_timestamp')::bigint as shipped_at,
        case jsonb_typeof(r -> 'price' -> 'currency_code') when 'string' then r -> 'price' ->> 'currency_code' when 'number' then r -> 'price' ->> 'currency_code' when 'null' then null else private.wrong_type(r -> 'price' -> 'currency_code', 'price.currency_code', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
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
              select e.ord, e.raw, e.r ->> 'transaction_id' as platform_id,
                     case when e.version between 0 and 253402300799 then to_timestamp(e.version) else private.bad_epoch(e.version) end as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest((e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_transactions_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.line_items as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    line_items_new as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.price_amount, n.shipping_amount, n.shop_coupon_amount, n.buyer_coupon_amount, n.is_digital, n.ordered_at, n.shipped_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    line_items_changed as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.price_amount, n.shipping_amount, n.shop_coupon_amount, n.buyer_coupon_amount, n.is_digital, n.ordered_at, n.shipped_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            listing_platform_id = excluded.listing_platform_id,
            product_platform_id = excluded.product_platform_id,
            sku = excluded.sku,
            title = excluded.title,
            quantity = excluded.quantity,
            price_amount = excluded.price_amount,
            shipping_amount = excluded.shipping_amount,
            shop_coupon_amount = excluded.shop_coupon_amount,
            buyer_coupon_amount = excluded.buyer_coupon_amount,
            is_digital = excluded.is_digital,
            ordered_at = excluded.ordered_at,
            shipped_at = excluded.shipped_at,
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
           (select count(*) from line_items_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'transaction_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_etsy_transactions_line_items(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.line_items as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_transactions_line_items(b.raw) as m),
    changed as (
        update public.line_items as t set order_platform_id = m.order_platform_id, listing_platform_id = m.listing_platform_id, product_platform_id = m.product_platform_id, sku = m.sku, title = m.title, quantity = m.quantity, price_amount = m.price_amount, shipping_amount = m.shipping_amount, shop_coupon_amount = m.shop_coupon_amount, buyer_coupon_amount = m.buyer_coupon_amount, is_digital = m.is_digital, ordered_at = m.ordered_at, shipped_at = m.shipped_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_platform_id, t.listing_platform_id, t.product_platform_id, t.sku, t.title, t.quantity, t.price_amount, t.shipping_amount, t.shop_coupon_amount, t.buyer_coupon_amount, t.is_digital, t.ordered_at, t.shipped_at, t.currency) is distinct from (m.order_platform_id, m.listing_platform_id, m.product_platform_id, m.sku, m.title, m.quantity, m.price_amount, m.shipping_amount, m.shop_coupon_amount, m.buyer_coupon_amount, m.is_digital, m.ordered_at, m.shipped_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_etsy_listings_listings(r jsonb) returns table (
        title text,
        state text,
        url text,
        skus text,
        quantity bigint,
        price_amount bigint,
        has_variations boolean,
        listed_at timestamptz,
        ends_at timestamptz,
        currency text)
language sql stable as $$
    select
        private.decode_html(v.title),
        lower(v.state),
        v.url,
        private.joined_texts(v.skus, 'skus'),
        v.quantity,
        case when v.price_amount ->> 'currency_code' = c.code and v.price_amount ->> 'divisor' = c.divisor then coalesce((v.price_amount ->> 'amount')::bigint, private.money_exact(v.price_amount, v.currency, 'price')) when jsonb_typeof(v.price_amount) = 'null' then null else private.money_exact(v.price_amount, v.currency, 'price') end,
        v.has_variations,
        case when v.listed_at between 0 and 253402300799 then to_timestamp(v.listed_at) else private.bad_epoch(v.listed_at) end,
        case when v.ends_at between 0 and 253402300799 then to_timestamp(v.ends_at) else private.bad_epoch(v.ends_at) end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'title') when 'string' then r ->> 'title' when 'null' then null else private.wrong_type(r -> 'title', 'title', 'html') end as title,
        case jsonb_typeof(r -> 'state') when 'string' then r ->> 'state' when 'null' then null else private.wrong_type(r -> 'state', 'state', 'lower') end as state,
        case jsonb_typeof(r -> 'url') when 'string' then r ->> 'url' when 'number' then r ->> 'url' when 'null' then null else private.wrong_type(r -> 'url', 'url', 'text') end as url,
        r -> 'skus' as skus,
        (r ->> 'quantity')::bigint as quantity,
        r -> 'price' as price_amount,
        (r ->> 'has_variations')::boolean as has_variations,
        (r ->> 'original_creation_timestamp')::bigint as listed_at,
        (r ->> 'ending_timestamp')::bigint as ends_at,
        case jsonb_typeof(r -> 'price' -> 'currency_code') when 'string' then r -> 'price' ->> 'currency_code' when 'number' then r -> 'price' ->> 'currency_code' when 'null' then null else private.wrong_type(r -> 'price' -> 'currency_code', 'price.currency_code', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
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
              select e.ord, e.raw, e.r ->> 'listing_id' as platform_id,
                     case when e.version between 0 and 253402300799 then to_timestamp(e.version) else private.bad_epoch(e.version) end as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest((e.r ->> 'updated_timestamp')::bigint, (e.r ->> 'last_modified_timestamp')::bigint, (e.r ->> 'state_timestamp')::bigint, (e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_listings_listings(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.listings as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    listings_new as (
        insert into public.listings as t (user_id, platform, platform_id, title, state, url, skus, quantity, price_amount, has_variations, listed_at, ends_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.title, n.state, n.url, n.skus, n.quantity, n.price_amount, n.has_variations, n.listed_at, n.ends_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    listings_changed as (
        insert into public.listings as t (user_id, platform, platform_id, title, state, url, skus, quantity, price_amount, has_variations, listed_at, ends_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.title, n.state, n.url, n.skus, n.quantity, n.price_amount, n.has_variations, n.listed_at, n.ends_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            title = excluded.title,
            state = excluded.state,
            url = excluded.url,
            skus = excluded.skus,
            quantity = excluded.quantity,
            price_amount = excluded.price_amount,
            has_variations = excluded.has_variations,
            listed_at = excluded.listed_at,
            ends_at = excluded.ends_at,
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
        raise exception using errcode = 'PT422', message = 'listing_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_etsy_listings_listings(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.listings as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_listings_listings(b.raw) as m),
    changed as (
        update public.listings as t set title = m.title, state = m.state, url = m.url, skus = m.skus, quantity = m.quantity, price_amount = m.price_amount, has_variations = m.has_variations, listed_at = m.listed_at, ends_at = m.ends_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.title, t.state, t.url, t.skus, t.quantity, t.price_amount, t.has_variations, t.listed_at, t.ends_at, t.currency) is distinct from (m.title, m.state, m.url, m.skus, m.quantity, m.price_amount, m.has_variations, m.listed_at, m.ends_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_etsy_ledger_entries_payments(r jsonb) returns table (
        sequence_number bigint,
        entry_type text,
        description text,
        entry_amount bigint,
        balance_amount bigint,
        reference_type text,
        reference_id text,
        parent_platform_id text,
        order_platform_id text,
        occurred_at timestamptz,
        currency text)
language sql stable as $$
    select
        v.sequence_number,
        v.entry_type,
        private.decode_html(v.description),
        case when c.digits = 2 then v.entry_amount else private.hundredths_exact(v.entry_amount, v.currency, 'amount') end,
        case when c.digits = 2 then v.balance_amount else private.hundredths_exact(v.balance_amount, v.currency, 'balance') end,
        v.reference_type,
        v.reference_id,
        v.parent_platform_id,
        case when r ->> 'reference_type' = 'receipt' then v.order_platform_id end,
        case when v.occurred_at between 0 and 253402300799 then to_timestamp(v.occurred_at) else private.bad_epoch(v.occurred_at) end,
        v.currency
    from (select
        (r ->> 'sequence_number')::bigint as sequence_number,
        case jsonb_typeof(r -> 'ledger_type') when 'string' then r ->> 'ledger_type' when 'number' then r ->> 'ledger_type' when 'null' then null else private.wrong_type(r -> 'ledger_type', 'ledger_type', 'text') end as entry_type,
        case jsonb_typeof(r -> 'description') when 'string' then r ->> 'description' when 'null' then null else private.wrong_type(r -> 'description', 'description', 'html') end as description,
        (r ->> 'amount')::bigint as entry_amount,
        (r ->> 'balance')::bigint as balance_amount,
        case jsonb_typeof(r -> 'reference_type') when 'string' then r ->> 'reference_type' when 'number' then r ->> 'reference_type' when 'null' then null else private.wrong_type(r -> 'reference_type', 'reference_type', 'text') end as reference_type,
        case jsonb_typeof(r -> 'reference_id') when 'string' then r ->> 'reference_id' when 'number' then r ->> 'reference_id' when 'null' then null else private.wrong_type(r -> 'reference_id', 'reference_id', 'text') end as reference_id,
        case jsonb_typeof(r -> 'parent_entry_id') when 'string' then r ->> 'parent_entry_id' when 'number' then r ->> 'parent_entry_id' when 'null' then null else private.wrong_type(r -> 'parent_entry_id', 'parent_entry_id', 'text') end as parent_platform_id,
        case jsonb_typeof(r -> 'reference_id') when 'string' then r ->> 'reference_id' when 'number' then r ->> 'reference_id' when 'null' then null else private.wrong_type(r -> 'reference_id', 'reference_id', 'text') end as order_platform_id,
        (r ->> 'created_timestamp')::bigint as occurred_at,
        case jsonb_typeof(r -> 'currency') when 'string' then r ->> 'currency' when 'number' then r ->> 'currency' when 'null' then null else private.wrong_type(r -> 'currency', 'currency', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
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
              select e.ord, e.raw, e.r ->> 'entry_id' as platform_id,
                     case when e.version between 0 and 253402300799 then to_timestamp(e.version) else private.bad_epoch(e.version) end as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest((e.r ->> 'created_timestamp')::bigint, (e.r ->> 'create_date')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_ledger_entries_payments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.payments as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    payments_new as (
        insert into public.payments as t (user_id, platform, platform_id, sequence_number, entry_type, description, entry_amount, balance_amount, reference_type, reference_id, parent_platform_id, order_platform_id, occurred_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.sequence_number, n.entry_type, n.description, n.entry_amount, n.balance_amount, n.reference_type, n.reference_id, n.parent_platform_id, n.order_platform_id, n.occurred_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    payments_changed as (
        insert into public.payments as t (user_id, platform, platform_id, sequence_number, entry_type, description, entry_amount, balance_amount, reference_type, reference_id, parent_platform_id, order_platform_id, occurred_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.sequence_number, n.entry_type, n.description, n.entry_amount, n.balance_amount, n.reference_type, n.reference_id, n.parent_platform_id, n.order_platform_id, n.occurred_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            sequence_number = excluded.sequence_number,
            entry_type = excluded.entry_type,
            description = excluded.description,
            entry_amount = excluded.entry_amount,
            balance_amount = excluded.balance_amount,
            reference_type = excluded.reference_type,
            reference_id = excluded.reference_id,
            parent_platform_id = excluded.parent_platform_id,
            order_platform_id = excluded.order_platform_id,
            occurred_at = excluded.occurred_at,
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
           (select count(*) from payments_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'entry_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_etsy_ledger_entries_payments(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.payments as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_ledger_entries_payments(b.raw) as m),
    changed as (
        update public.payments as t set sequence_number = m.sequence_number, entry_type = m.entry_type, description = m.description, entry_amount = m.entry_amount, balance_amount = m.balance_amount, reference_type = m.reference_type, reference_id = m.reference_id, parent_platform_id = m.parent_platform_id, occurred_at = m.occurred_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.sequence_number, t.entry_type, t.description, t.entry_amount, t.balance_amount, t.reference_type, t.reference_id, t.parent_platform_id, t.occurred_at, t.currency) is distinct from (m.sequence_number, m.entry_type, m.description, m.entry_amount, m.balance_amount, m.reference_type, m.reference_id, m.parent_platform_id, m.occurred_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_etsy_payments_order_payments(r jsonb) returns table (
        order_platform_id text,
        status text,
        gross_amount bigint,
        fees_amount bigint,
        net_amount bigint,
        paid_at timestamptz,
        currency text)
language sql stable as $$
    select
        v.order_platform_id,
        lower(v.status),
        case when v.gross_amount ->> 'currency_code' = c.code and v.gross_amount ->> 'divisor' = c.divisor then coalesce((v.gross_amount ->> 'amount')::bigint, private.money_exact(v.gross_amount, v.currency, 'amount_gross')) when jsonb_typeof(v.gross_amount) = 'null' then null else private.money_exact(v.gross_amount, v.currency, 'amount_gross') end,
        case when v.fees_amount ->> 'currency_code' = c.code and v.fees_amount ->> 'divisor' = c.divisor then coalesce((v.fees_amount ->> 'amount')::bigint, private.money_exact(v.fees_amount, v.currency, 'amount_fees')) when jsonb_typeof(v.fees_amount) = 'null' then null else private.money_exact(v.fees_amount, v.currency, 'amount_fees') end,
        case when v.net_amount ->> 'currency_code' = c.code and v.net_amount ->> 'divisor' = c.divisor then coalesce((v.net_amount ->> 'amount')::bigint, private.money_exact(v.net_amount, v.currency, 'amount_net')) when jsonb_typeof(v.net_amount) = 'null' then null else private.money_exact(v.net_amount, v.currency, 'amount_net') end,
        case when v.paid_at between 0 and 253402300799 then to_timestamp(v.paid_at) else private.bad_epoch(v.paid_at) end,
        v.currency
    from (select
        case jsonb_typeof(r -> 'receipt_id') when 'string' then r ->> 'receipt_id' when 'number' then r ->> 'receipt_id' when 'null' then null else private.wrong_type(r -> 'receipt_id', 'receipt_id', 'text') end as order_platform_id,
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        r -> 'amount_gross' as gross_amount,
        r -> 'amount_fees' as fees_amount,
        r -> 'amount_net' as net_amount,
        (r ->> 'created_timestamp')::bigint as paid_at,
        case jsonb_typeof(r -> 'amount_gross' -> 'currency_code') when 'string' then r -> 'amount_gross' ->> 'currency_code' when 'number' then r -> 'amount_gross' ->> 'currency_code' when 'null' then null else private.wrong_type(r -> 'amount_gross' -> 'currency_code', 'amount_gross.currency_code', 'text') end as currency
        offset 0) as v
    left join private.currencies as c on c.code = v.currency;
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
              select e.ord, e.raw, e.r ->> 'payment_id' as platform_id,
                     case when e.version between 0 and 253402300799 then to_timestamp(e.version) else private.bad_epoch(e.version) end as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r - array['shipping_address_id', 'billing_address_id']::text[] as raw, greatest((e.r ->> 'updated_timestamp')::bigint, (e.r ->> 'update_timestamp')::bigint, (e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_payments_order_payments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_payments as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_payments_new as (
        insert into public.order_payments as t (user_id, platform, platform_id, order_platform_id, status, gross_amount, fees_amount, net_amount, paid_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.gross_amount, n.fees_amount, n.net_amount, n.paid_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    order_payments_changed as (
        insert into public.order_payments as t (user_id, platform, platform_id, order_platform_id, status, gross_amount, fees_amount, net_amount, paid_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.gross_amount, n.fees_amount, n.net_amount, n.paid_at, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            status = excluded.status,
            gross_amount = excluded.gross_amount,
            fees_amount = excluded.fees_amount,
            net_amount = excluded.net_amount,
            paid_at = excluded.paid_at,
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
           (select count(*) from order_payments_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'payment_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_etsy_payments_order_payments(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.order_payments as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_etsy_payments_order_payments(b.raw) as m),
    changed as (
        update public.order_payments as t set order_platform_id = m.order_platform_id, status = m.status, gross_amount = m.gross_amount, fees_amount = m.fees_amount, net_amount = m.net_amount, paid_at = m.paid_at, currency = m.currency
          from mapped as m
         where t.ctid = m.ctid and (t.order_platform_id, t.status, t.gross_amount, t.fees_amount, t.net_amount, t.paid_at, t.currency) is distinct from (m.order_platform_id, m.status, m.gross_amount, m.fees_amount, m.net_amount, m.paid_at, m.currency)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

-- mapping/printify.sql

-- The mapping of printify's records, written from its streams by `make migration`. Do not edit.

create or replace function private.map_printify_orders_printify_orders(r jsonb) returns table (
        app_order_id text,
        status text,
        order_type text,
        shop_order_id text,
        shop_order_label text,
        is_reprint boolean,
        reprinted_order_ids text,
        shipping_method bigint,
        is_express boolean,
        country text,
        region text,
        retail_amount bigint,
        shipping_amount bigint,
        tax_amount bigint,
        ordered_at timestamptz,
        sent_to_production_at timestamptz,
        fulfilled_at timestamptz)
language sql stable as $$
    select
        v.app_order_id,
        lower(v.status),
        lower(v.order_type),
        v.shop_order_id,
        v.shop_order_label,
        v.is_reprint,
        private.joined_texts(v.reprinted_order_ids, 'metadata.reprinted_order_ids'),
        v.shipping_method,
        v.is_express,
        v.country,
        v.region,
        v.retail_amount,
        v.shipping_amount,
        v.tax_amount,
        case when v.ordered_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.ordered_at::timestamptz when v.ordered_at is not null then private.bad_time(v.ordered_at, 'created_at') end,
        case when v.sent_to_production_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.sent_to_production_at::timestamptz when v.sent_to_production_at is not null then private.bad_time(v.sent_to_production_at, 'sent_to_production_at') end,
        case when v.fulfilled_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.fulfilled_at::timestamptz when v.fulfilled_at is not null then private.bad_time(v.fulfilled_at, 'fulfilled_at') end
    from (select
        case jsonb_typeof(r -> 'app_order_id') when 'string' then r ->> 'app_order_id' when 'number' then r ->> 'app_order_id' when 'null' then null else private.wrong_type(r -> 'app_order_id', 'app_order_id', 'text') end as app_order_id,
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        case jsonb_typeof(r -> 'metadata' -> 'order_type') when 'string' then r -> 'metadata' ->> 'order_type' when 'null' then null else private.wrong_type(r -> 'metadata' -> 'order_type', 'metadata.order_type', 'lower') end as order_type,
        case jsonb_typeof(r -> 'metadata' -> 'shop_order_id') when 'string' then r -> 'metadata' ->> 'shop_order_id' when 'number' then r -> 'metadata' ->> 'shop_order_id' when 'null' then null else private.wrong_type(r -> 'metadata' -> 'shop_order_id', 'metadata.shop_order_id', 'text') end as shop_order_id,
        case jsonb_typeof(r -> 'metadata' -> 'shop_order_label') when 'string' then r -> 'metadata' ->> 'shop_order_label' when 'number' then r -> 'metadata' ->> 'shop_order_label' when 'null' then null else private.wrong_type(r -> 'metadata' -> 'shop_order_label', 'metadata.shop_order_label', 'text') end as shop_order_label,
        (r -> 'metadata' ->> 'is_reprint')::boolean as is_reprint,
        r -> 'metadata' -> 'reprinted_order_ids' as reprinted_order_ids,
        (r ->> 'shipping_method')::bigint as shipping_method,
        (r ->> 'is_printify_express')::boolean as is_express,
        case jsonb_typeof(r -> 'address_to' -> 'country') when 'string' then r -> 'address_to' ->> 'country' when 'number' then r -> 'address_to' ->> 'country' when 'null' then null else private.wrong_type(r -> 'address_to' -> 'country', 'address_to.country', 'text') end as country,
        case jsonb_typeof(r -> 'address_to' -> 'region') when 'string' then r -> 'address_to' ->> 'region' when 'number' then r -> 'address_to' ->> 'region' when 'null' then null else private.wrong_type(r -> 'address_to' -> 'region', 'address_to.region', 'text') end as region,
        (r ->> 'total_price')::bigint as retail_amount,
        (r ->> 'total_shipping')::bigint as shipping_amount,
        (r ->> 'total_tax')::bigint as tax_amount,
        case jsonb_typeof(r -> 'created_at') when 'string' then r ->> 'created_at' when 'null' then null else private.wrong_type(r -> 'created_at', 'created_at', 'iso_time') end as ordered_at,
        case jsonb_typeof(r -> 'sent_to_production_at') when 'string' then r ->> 'sent_to_production_at' when 'null' then null else private.wrong_type(r -> 'sent_to_production_at', 'sent_to_production_at', 'iso_time') end as sent_to_production_at,
        case jsonb_typeof(r -> 'fulfilled_at') when 'string' then r ->> 'fulfilled_at' when 'null' then null else private.wrong_type(r -> 'fulfilled_at', 'fulfilled_at', 'iso_time') end as fulfilled_at
        offset 0) as v;
$$;

create or replace function private.map_printify_orders_printify_line_items(r jsonb) returns table (
        status text,
        product_platform_id text,
        variant_id text,
        print_provider_id text,
        sku text,
        title text,
        variant_title text,
        quantity bigint,
        cost_amount bigint,
        shipping_cost_amount bigint,
        retail_amount bigint,
        sent_to_production_at timestamptz,
        fulfilled_at timestamptz)
language sql stable as $$
    select
        lower(v.status),
        v.product_platform_id,
        v.variant_id,
        v.print_provider_id,
        v.sku,
        v.title,
        v.variant_title,
        v.quantity,
        v.cost_amount,
        v.shipping_cost_amount,
        v.retail_amount,
        case when v.sent_to_production_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.sent_to_production_at::timestamptz when v.sent_to_production_at is not null then private.bad_time(v.sent_to_production_at, 'sent_to_production_at') end,
        case when v.fulfilled_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.fulfilled_at::timestamptz when v.fulfilled_at is not null then private.bad_time(v.fulfilled_at, 'fulfilled_at') end
    from (select
        case jsonb_typeof(r -> 'status') when 'string' then r ->> 'status' when 'null' then null else private.wrong_type(r -> 'status', 'status', 'lower') end as status,
        case jsonb_typeof(r -> 'product_id') when 'string' then r ->> 'product_id' when 'number' then r ->> 'product_id' when 'null' then null else private.wrong_type(r -> 'product_id', 'product_id', 'text') end as product_platform_id,
        case jsonb_typeof(r -> 'variant_id') when 'string' then r ->> 'variant_id' when 'number' then r ->> 'variant_id' when 'null' then null else private.wrong_type(r -> 'variant_id', 'variant_id', 'text') end as variant_id,
        case jsonb_typeof(r -> 'print_provider_id') when 'string' then r ->> 'print_provider_id' when 'number' then r ->> 'print_provider_id' when 'null' then null else private.wrong_type(r -> 'print_provider_id', 'print_provider_id', 'text') end as print_provider_id,
        case jsonb_typeof(r -> 'metadata' -> 'sku') when 'string' then r -> 'metadata' ->> 'sku' when 'number' then r -> 'metadata' ->> 'sku' when 'null' then null else private.wrong_type(r -> 'metadata' -> 'sku', 'metadata.sku', 'text') end as sku,
        case jsonb_typeof(r -> 'metadata' -> 'title') when 'string' then r -> 'metadata' ->> 'title' when 'number' then r -> 'metadata' ->> 'title' when 'null' then null else private.wrong_type(r -> 'metadata' -> 'title', 'metadata.title', 'text') end as title,
        case jsonb_typeof(r -> 'metadata' -> 'variant_label') when 'string' then r -> 'metadata' ->> 'variant_label' when 'number' then r -> 'metadata' ->> 'variant_label' when 'null' then null else private.wrong_type(r -> 'metadata' -> 'variant_label', 'metadata.variant_label', 'text') end as variant_title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'cost')::bigint as cost_amount,
        (r ->> 'shipping_cost')::bigint as shipping_cost_amount,
        (r -> 'metadata' ->> 'price')::bigint as retail_amount,
        case jsonb_typeof(r -> 'sent_to_production_at') when 'string' then r ->> 'sent_to_production_at' when 'null' then null else private.wrong_type(r -> 'sent_to_production_at', 'sent_to_production_at', 'iso_time') end as sent_to_production_at,
        case jsonb_typeof(r -> 'fulfilled_at') when 'string' then r ->> 'fulfilled_at' when 'null' then null else private.wrong_type(r -> 'fulfilled_at', 'fulfilled_at', 'iso_time') end as fulfilled_at
        offset 0) as v;
$$;

create or replace function private.map_printify_orders_printify_shipments(r jsonb) returns table (
        carrier text,
        tracking_code text,
        delivered_at timestamptz)
language sql stable as $$
    select
        v.carrier,
        v.tracking_code,
        case when v.delivered_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.delivered_at::timestamptz when v.delivered_at is not null then private.bad_time(v.delivered_at, 'delivered_at') end
    from (select
        case jsonb_typeof(r -> 'carrier') when 'string' then r ->> 'carrier' when 'number' then r ->> 'carrier' when 'null' then null else private.wrong_type(r -> 'carrier', 'carrier', 'text') end as carrier,
        case jsonb_typeof(r -> 'number') when 'string' then r ->> 'number' when 'number' then r ->> 'number' when 'null' then null else private.wrong_type(r -> 'number', 'number', 'text') end as tracking_code,
        case jsonb_typeof(r -> 'delivered_at') when 'string' then r ->> 'delivered_at' when 'null' then null else private.wrong_type(r -> 'delivered_at', 'delivered_at', 'iso_time') end as delivered_at
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
              select e.ord, e.raw, e.r ->> 'id' as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'line_items', 'null') as printify_line_items_at,
                     nullif(e.r -> 'shipments', 'null') as printify_shipments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(e.r - array['line_items', 'shipments', 'printify_connect']::text[], '{address_to}', jsonb_strip_nulls(jsonb_build_object('country', e.r -> 'address_to' -> 'country', 'region', e.r -> 'address_to' -> 'region')), false) as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'created_at') when 'string' then e.r ->> 'created_at' when 'null' then null else private.wrong_type(e.r -> 'created_at', 'created_at', 'iso_time') end, 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_printify_orders_printify_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.printify_orders as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    printify_orders_new as (
        insert into public.printify_orders as t (user_id, platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.app_order_id, n.status, n.order_type, n.shop_order_id, n.shop_order_label, n.is_reprint, n.reprinted_order_ids, n.shipping_method, n.is_express, n.country, n.region, n.retail_amount, n.shipping_amount, n.tax_amount, n.ordered_at, n.sent_to_production_at, n.fulfilled_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    printify_orders_changed as (
        insert into public.printify_orders as t (user_id, platform, platform_id, app_order_id, status, order_type, shop_order_id, shop_order_label, is_reprint, reprinted_order_ids, shipping_method, is_express, country, region, retail_amount, shipping_amount, tax_amount, ordered_at, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.app_order_id, n.status, n.order_type, n.shop_order_id, n.shop_order_label, n.is_reprint, n.reprinted_order_ids, n.shipping_method, n.is_express, n.country, n.region, n.retail_amount, n.shipping_amount, n.tax_amount, n.ordered_at, n.sent_to_production_at, n.fulfilled_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            app_order_id = excluded.app_order_id,
            status = excluded.status,
            order_type = excluded.order_type,
            shop_order_id = excluded.shop_order_id,
            shop_order_label = excluded.shop_order_label,
            is_reprint = excluded.is_reprint,
            reprinted_order_ids = excluded.reprinted_order_ids,
            shipping_method = excluded.shipping_method,
            is_express = excluded.is_express,
            country = excluded.country,
            region = excluded.region,
            retail_amount = excluded.retail_amount,
            shipping_amount = excluded.shipping_amount,
            tax_amount = excluded.tax_amount,
            ordered_at = excluded.ordered_at,
            sent_to_production_at = excluded.sent_to_production_at,
            fulfilled_at = excluded.fulfilled_at,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
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
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.printify_line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_line_items_new as (
        insert into public.printify_line_items as t (user_id, platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.product_platform_id, n.variant_id, n.print_provider_id, n.sku, n.title, n.variant_title, n.quantity, n.cost_amount, n.shipping_cost_amount, n.retail_amount, n.sent_to_production_at, n.fulfilled_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from printify_line_items_in as n
        where n.is_new),
    printify_line_items_changed as (
        insert into public.printify_line_items as t (user_id, platform, platform_id, order_platform_id, status, product_platform_id, variant_id, print_provider_id, sku, title, variant_title, quantity, cost_amount, shipping_cost_amount, retail_amount, sent_to_production_at, fulfilled_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.product_platform_id, n.variant_id, n.print_provider_id, n.sku, n.title, n.variant_title, n.quantity, n.cost_amount, n.shipping_cost_amount, n.retail_amount, n.sent_to_production_at, n.fulfilled_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from printify_line_items_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            status = excluded.status,
            product_platform_id = excluded.product_platform_id,
            variant_id = excluded.variant_id,
            print_provider_id = excluded.print_provider_id,
            sku = excluded.sku,
            title = excluded.title,
            variant_title = excluded.variant_title,
            quantity = excluded.quantity,
            cost_amount = excluded.cost_amount,
            shipping_cost_amount = excluded.shipping_cost_amount,
            retail_amount = excluded.retail_amount,
            sent_to_production_at = excluded.sent_to_production_at,
            fulfilled_at = excluded.fulfilled_at,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    printify_line_items_gone as (
        update public.printify_line_items as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_line_items as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
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
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.printify_shipments as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_shipments_new as (
        insert into public.printify_shipments as t (user_id, platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.carrier, n.tracking_code, n.delivered_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from printify_shipments_in as n
        where n.is_new),
    printify_shipments_changed as (
        insert into public.printify_shipments as t (user_id, platform, platform_id, order_platform_id, carrier, tracking_code, delivered_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.carrier, n.tracking_code, n.delivered_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from printify_shipments_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            order_platform_id = excluded.order_platform_id,
            carrier = excluded.carrier,
            tracking_code = excluded.tracking_code,
            delivered_at = excluded.delivered_at,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    printify_shipments_gone as (
        update public.printify_shipments as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_shipments as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.printify_shipments_at is not null
              and g.platform_id <> all (array(select n.platform_id from printify_shipments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from printify_orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_printify_orders_printify_orders(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.printify_orders as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_printify_orders_printify_orders(b.raw) as m),
    changed as (
        update public.printify_orders as t set app_order_id = m.app_order_id, status = m.status, order_type = m.order_type, shop_order_id = m.shop_order_id, shop_order_label = m.shop_order_label, is_reprint = m.is_reprint, reprinted_order_ids = m.reprinted_order_ids, shipping_method = m.shipping_method, is_express = m.is_express, country = m.country, region = m.region, retail_amount = m.retail_amount, shipping_amount = m.shipping_amount, tax_amount = m.tax_amount, ordered_at = m.ordered_at, sent_to_production_at = m.sent_to_production_at, fulfilled_at = m.fulfilled_at
          from mapped as m
         where t.ctid = m.ctid and (t.app_order_id, t.status, t.order_type, t.shop_order_id, t.shop_order_label, t.is_reprint, t.reprinted_order_ids, t.shipping_method, t.is_express, t.country, t.region, t.retail_amount, t.shipping_amount, t.tax_amount, t.ordered_at, t.sent_to_production_at, t.fulfilled_at) is distinct from (m.app_order_id, m.status, m.order_type, m.shop_order_id, m.shop_order_label, m.is_reprint, m.reprinted_order_ids, m.shipping_method, m.is_express, m.country, m.region, m.retail_amount, m.shipping_amount, m.tax_amount, m.ordered_at, m.sent_to_production_at, m.fulfilled_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_printify_orders_printify_line_items(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.printify_line_items as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_printify_orders_printify_line_items(b.raw) as m),
    changed as (
        update public.printify_line_items as t set status = m.status, product_platform_id = m.product_platform_id, variant_id = m.variant_id, print_provider_id = m.print_provider_id, sku = m.sku, title = m.title, variant_title = m.variant_title, quantity = m.quantity, cost_amount = m.cost_amount, shipping_cost_amount = m.shipping_cost_amount, retail_amount = m.retail_amount, sent_to_production_at = m.sent_to_production_at, fulfilled_at = m.fulfilled_at
          from mapped as m
         where t.ctid = m.ctid and (t.status, t.product_platform_id, t.variant_id, t.print_provider_id, t.sku, t.title, t.variant_title, t.quantity, t.cost_amount, t.shipping_cost_amount, t.retail_amount, t.sent_to_production_at, t.fulfilled_at) is distinct from (m.status, m.product_platform_id, m.variant_id, m.print_provider_id, m.sku, m.title, m.variant_title, m.quantity, m.cost_amount, m.shipping_cost_amount, m.retail_amount, m.sent_to_production_at, m.fulfilled_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_printify_orders_printify_shipments(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.printify_shipments as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_printify_orders_printify_shipments(b.raw) as m),
    changed as (
        update public.printify_shipments as t set carrier = m.carrier, tracking_code = m.tracking_code, delivered_at = m.delivered_at
          from mapped as m
         where t.ctid = m.ctid and (t.carrier, t.tracking_code, t.delivered_at) is distinct from (m.carrier, m.tracking_code, m.delivered_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.map_printify_products_printify_products(r jsonb) returns table (
        title text,
        tags text,
        blueprint_id text,
        print_provider_id text,
        is_visible boolean,
        is_locked boolean,
        channel_product_id text,
        channel_url text,
        made_at timestamptz)
language sql stable as $$
    select
        v.title,
        private.joined_texts(v.tags, 'tags'),
        v.blueprint_id,
        v.print_provider_id,
        v.is_visible,
        v.is_locked,
        v.channel_product_id,
        v.channel_url,
        case when v.made_at ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then v.made_at::timestamptz when v.made_at is not null then private.bad_time(v.made_at, 'created_at') end
    from (select
        case jsonb_typeof(r -> 'title') when 'string' then r ->> 'title' when 'number' then r ->> 'title' when 'null' then null else private.wrong_type(r -> 'title', 'title', 'text') end as title,
        r -> 'tags' as tags,
        case jsonb_typeof(r -> 'blueprint_id') when 'string' then r ->> 'blueprint_id' when 'number' then r ->> 'blueprint_id' when 'null' then null else private.wrong_type(r -> 'blueprint_id', 'blueprint_id', 'text') end as blueprint_id,
        case jsonb_typeof(r -> 'print_provider_id') when 'string' then r ->> 'print_provider_id' when 'number' then r ->> 'print_provider_id' when 'null' then null else private.wrong_type(r -> 'print_provider_id', 'print_provider_id', 'text') end as print_provider_id,
        (r ->> 'visible')::boolean as is_visible,
        (r ->> 'is_locked')::boolean as is_locked,
        coalesce(case jsonb_typeof(r -> 'external' -> 'id') when 'string' then r -> 'external' ->> 'id' when 'number' then r -> 'external' ->> 'id' when 'null' then null else private.wrong_type(r -> 'external' -> 'id', 'external.id', 'text') end, r #>> '{external,0,id}') as channel_product_id,
        coalesce(case jsonb_typeof(r -> 'external' -> 'handle') when 'string' then r -> 'external' ->> 'handle' when 'number' then r -> 'external' ->> 'handle' when 'null' then null else private.wrong_type(r -> 'external' -> 'handle', 'external.handle', 'text') end, r #>> '{external,0,handle}') as channel_url,
        case jsonb_typeof(r -> 'created_at') when 'string' then r ->> 'created_at' when 'null' then null else private.wrong_type(r -> 'created_at', 'created_at', 'iso_time') end as made_at
        offset 0) as v;
$$;

create or replace function private.map_printify_products_printify_variants(r jsonb) returns table (
        variant_id text,
        sku text,
        title text,
        cost_amount bigint,
        price_amount bigint,
        weight_grams bigint,
        is_enabled boolean,
        is_default boolean,
        is_available boolean)
language sql stable as $$
    select
        v.variant_id,
        v.sku,
        v.title,
        v.cost_amount,
        v.price_amount,
        v.weight_grams,
        v.is_enabled,
        v.is_default,
        v.is_available
    from (select
        case jsonb_typeof(r -> 'id') when 'string' then r ->> 'id' when 'number' then r ->> 'id' when 'null' then null else private.wrong_type(r -> 'id', 'id', 'text') end as variant_id,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'title') when 'string' then r ->> 'title' when 'number' then r ->> 'title' when 'null' then null else private.wrong_type(r -> 'title', 'title', 'text') end as title,
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
              select e.ord, e.raw, e.r ->> 'id' as platform_id,
                     e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'variants', 'null') as printify_variants_at,
                     m.*
              from (select e.r, e.ord, e.r - array['variants', 'print_areas', 'print_details', 'views', 'images']::text[] as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updated_at') when 'string' then e.r ->> 'updated_at' when 'null' then null else private.wrong_type(e.r -> 'updated_at', 'updated_at', 'iso_time') end, 'updated_at'), private.moment(case jsonb_typeof(e.r -> 'update_at') when 'string' then e.r ->> 'update_at' when 'null' then null else private.wrong_type(e.r -> 'update_at', 'update_at', 'iso_time') end, 'update_at'), private.moment(case jsonb_typeof(e.r -> 'created_at') when 'string' then e.r ->> 'created_at' when 'null' then null else private.wrong_type(e.r -> 'created_at', 'created_at', 'iso_time') end, 'created_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_printify_products_printify_products(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.printify_products as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    printify_products_new as (
        insert into public.printify_products as t (user_id, platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.title, n.tags, n.blueprint_id, n.print_provider_id, n.is_visible, n.is_locked, n.channel_product_id, n.channel_url, n.made_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.is_new),
    printify_products_changed as (
        insert into public.printify_products as t (user_id, platform, platform_id, title, tags, blueprint_id, print_provider_id, is_visible, is_locked, channel_product_id, channel_url, made_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.title, n.tags, n.blueprint_id, n.print_provider_id, n.is_visible, n.is_locked, n.channel_product_id, n.channel_url, n.made_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            title = excluded.title,
            tags = excluded.tags,
            blueprint_id = excluded.blueprint_id,
            print_provider_id = excluded.print_provider_id,
            is_visible = excluded.is_visible,
            is_locked = excluded.is_locked,
            channel_product_id = excluded.channel_product_id,
            channel_url = excluded.channel_url,
            made_at = excluded.made_at,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
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
            select t.platform_id, t.product_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.printify_variants as t
            where (p_look_up_all or not n.parent_is_new) and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true),
    printify_variants_new as (
        insert into public.printify_variants as t (user_id, platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.product_platform_id, n.variant_id, n.sku, n.title, n.cost_amount, n.price_amount, n.weight_grams, n.is_enabled, n.is_default, n.is_available, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from printify_variants_in as n
        where n.is_new),
    printify_variants_changed as (
        insert into public.printify_variants as t (user_id, platform, platform_id, product_platform_id, variant_id, sku, title, cost_amount, price_amount, weight_grams, is_enabled, is_default, is_available, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.product_platform_id, n.variant_id, n.sku, n.title, n.cost_amount, n.price_amount, n.weight_grams, n.is_enabled, n.is_default, n.is_available, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from printify_variants_in as n
        where n.differs
        on conflict (user_id, platform, platform_id) do update set
            product_platform_id = excluded.product_platform_id,
            variant_id = excluded.variant_id,
            sku = excluded.sku,
            title = excluded.title,
            cost_amount = excluded.cost_amount,
            price_amount = excluded.price_amount,
            weight_grams = excluded.weight_grams,
            is_enabled = excluded.is_enabled,
            is_default = excluded.is_default,
            is_available = excluded.is_available,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning 1),
    printify_variants_gone as (
        update public.printify_variants as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.printify_variants as t
                where t.user_id = job.user_id and t.platform = job.platform and t.product_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.printify_variants_at is not null
              and g.platform_id <> all (array(select n.platform_id from printify_variants_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from printify_products_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs),
           count(*) filter (where not n.is_fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale
      from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_printify_products_printify_products(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.printify_products as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_printify_products_printify_products(b.raw) as m),
    changed as (
        update public.printify_products as t set title = m.title, tags = m.tags, blueprint_id = m.blueprint_id, print_provider_id = m.print_provider_id, is_visible = m.is_visible, is_locked = m.is_locked, channel_product_id = m.channel_product_id, channel_url = m.channel_url, made_at = m.made_at
          from mapped as m
         where t.ctid = m.ctid and (t.title, t.tags, t.blueprint_id, t.print_provider_id, t.is_visible, t.is_locked, t.channel_product_id, t.channel_url, t.made_at) is distinct from (m.title, m.tags, m.blueprint_id, m.print_provider_id, m.is_visible, m.is_locked, m.channel_product_id, m.channel_url, m.made_at)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.remap_printify_products_printify_variants(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.printify_variants as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_printify_products_printify_variants(b.raw) as m),
    changed as (
        update public.printify_variants as t set variant_id = m.variant_id, sku = m.sku, title = m.title, cost_amount = m.cost_amount, price_amount = m.price_amount, weight_grams = m.weight_grams, is_enabled = m.is_enabled, is_default = m.is_default, is_available = m.is_available
          from mapped as m
         where t.ctid = m.ctid and (t.variant_id, t.sku, t.title, t.cost_amount, t.price_amount, t.weight_grams, t.is_enabled, t.is_default, t.is_available) is distinct from (m.variant_id, m.sku, m.title, m.cost_amount, m.price_amount, m.weight_grams, m.is_enabled, m.is_default, m.is_available)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

-- mapping/shopify.sql

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
