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
