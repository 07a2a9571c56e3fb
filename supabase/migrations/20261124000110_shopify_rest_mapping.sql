-- The mapping of shopify's records, written by `python -m execution.mapping shopify`. Do not edit.

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
        case when v.discount_amount * c.scale = trunc(v.discount_amount * c.scale) then (v.discount_amount * c.scale)::bigint else private.major_exact(v.discount_amount, cur.code, 'total_discounts') end,
        case when v.subtotal_amount * c.scale = trunc(v.subtotal_amount * c.scale) then (v.subtotal_amount * c.scale)::bigint else private.major_exact(v.subtotal_amount, cur.code, 'subtotal_price') end,
        case when v.shipping_amount is null or jsonb_typeof(v.shipping_amount) = 'null' then null when coalesce(v.shipping_amount ->> 'currencyCode', c.code) = c.code and (v.shipping_amount ->> 'amount')::numeric * c.scale = trunc((v.shipping_amount ->> 'amount')::numeric * c.scale) then ((v.shipping_amount ->> 'amount')::numeric * c.scale)::bigint else private.decimal_money_exact(v.shipping_amount, cur.code, 'total_shipping_price_set.shop_money') end,
        case when v.tax_amount * c.scale = trunc(v.tax_amount * c.scale) then (v.tax_amount * c.scale)::bigint else private.major_exact(v.tax_amount, cur.code, 'total_tax') end,
        case when v.tip_amount * c.scale = trunc(v.tip_amount * c.scale) then (v.tip_amount * c.scale)::bigint else private.major_exact(v.tip_amount, cur.code, 'total_tip_received') end,
        case when v.total_amount * c.scale = trunc(v.total_amount * c.scale) then (v.total_amount * c.scale)::bigint else private.major_exact(v.total_amount, cur.code, 'total_price') end,
        case when v.current_total_amount * c.scale = trunc(v.current_total_amount * c.scale) then (v.current_total_amount * c.scale)::bigint else private.major_exact(v.current_total_amount, cur.code, 'current_total_price') end,
        v.presentment_currency,
        private.decimal_money_exact(v.presentment_total_amount, coalesce(v.presentment_total_amount ->> 'currencyCode', v.presentment_total_amount ->> 'currency_code'), 'total_price_set.presentment_money'),
        cur.code
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
        r -> 'total_price_set' -> 'presentment_money' as presentment_total_amount
        offset 0) as v
    cross join (select case jsonb_typeof(r -> 'currency') when 'string' then r ->> 'currency' when 'number' then r ->> 'currency' when 'null' then null else private.wrong_type(r -> 'currency', 'currency', 'text') end as code offset 0) as cur
    left join private.currencies as c on c.code = cur.code;
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
        case when v.price_amount * c.scale = trunc(v.price_amount * c.scale) then (v.price_amount * c.scale)::bigint else private.major_exact(v.price_amount, cur.code, 'price') end,
        case when v.discount_amount * c.scale = trunc(v.discount_amount * c.scale) then (v.discount_amount * c.scale)::bigint else private.major_exact(v.discount_amount, cur.code, 'total_discount') end,
        cur.code
    from (select
        case jsonb_typeof(r -> 'product_id') when 'string' then r ->> 'product_id' when 'number' then r ->> 'product_id' when 'null' then null else private.wrong_type(r -> 'product_id', 'product_id', 'text') end as listing_platform_id,
        case jsonb_typeof(r -> 'variant_id') when 'string' then r ->> 'variant_id' when 'number' then r ->> 'variant_id' when 'null' then null else private.wrong_type(r -> 'variant_id', 'variant_id', 'text') end as product_platform_id,
        case jsonb_typeof(r -> 'sku') when 'string' then r ->> 'sku' when 'number' then r ->> 'sku' when 'null' then null else private.wrong_type(r -> 'sku', 'sku', 'text') end as sku,
        case jsonb_typeof(r -> 'name') when 'string' then r ->> 'name' when 'number' then r ->> 'name' when 'null' then null else private.wrong_type(r -> 'name', 'name', 'text') end as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'current_quantity')::bigint as current_quantity,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'total_discount')::numeric as discount_amount
        offset 0) as v
    cross join (select case jsonb_typeof(r -> 'price_set' -> 'shop_money' -> 'currency_code') when 'string' then r -> 'price_set' -> 'shop_money' ->> 'currency_code' when 'number' then r -> 'price_set' -> 'shop_money' ->> 'currency_code' when 'null' then null else private.wrong_type(r -> 'price_set' -> 'shop_money' -> 'currency_code', 'price_set.shop_money.currency_code', 'text') end as code offset 0) as cur
    left join private.currencies as c on c.code = cur.code;
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

create or replace function private.land_shopify_rest_orders(job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select e.*, e.r ->> 'id' as platform_id,
               e.version as source_updated_at,
               jsonb_hash_extended(e.raw, 0) as content_hash, m.*
        from (select e.r, e.ord, jsonb_set(e.r - array['line_items', 'fulfillments']::text[], '{customer}', jsonb_strip_nulls(jsonb_build_object('id', e.r -> 'customer' -> 'id')), false) as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updated_at') when 'string' then e.r ->> 'updated_at' when 'null' then null else private.wrong_type(e.r -> 'updated_at', 'updated_at', 'iso_time') end, 'updated_at')) as version
              from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
             lateral private.map_shopify_rest_orders_orders(e.raw) as m),
    fresh as materialized (
        select n.*, t.platform_id is not null as existed,
               t.platform_id is null or t.is_deleted or t.content_hash <> n.content_hash as changed
        from incoming as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.orders as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true
        where t.platform_id is null
           or n.source_updated_at > t.source_updated_at
           or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
               and n.platform_id <> all (seen_later))),
    parents_up as (
        insert into public.orders as t (user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_number, n.status, n.fulfillment_status, n.is_test, n.buyer_platform_id, n.payment_method, n.ordered_at, n.cancelled_at, n.discount_amount, n.subtotal_amount, n.shipping_amount, n.tax_amount, n.tip_amount, n.total_amount, n.current_total_amount, n.presentment_currency, n.presentment_total_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.changed
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
        returning (xmax = 0) as is_new),
    line_items_in as materialized (
        select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
        from (select f.platform_id as order_platform_id, f.source_updated_at, f.existed, e.r as raw, e.ord,
                     e.r ->> 'id' as platform_id
              from fresh as f, jsonb_array_elements(nullif(f.r -> 'line_items', 'null')) with ordinality as e(r, ord) offset 0) as e,
             lateral private.map_shopify_rest_orders_line_items(e.raw) as m),
    line_items_up as (
        insert into public.line_items as t (user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.listing_platform_id, n.product_platform_id, n.sku, n.title, n.quantity, n.current_quantity, n.price_amount, n.discount_amount, n.currency, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from (select n.* from line_items_in as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.line_items as t
            where n.existed and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true
        where t.platform_id is null or t.is_deleted or t.content_hash <> n.content_hash) as n
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
        returning (xmax = 0) as is_new),
    line_items_gone as (
        update public.line_items as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where f.existed and nullif(f.r -> 'line_items', 'null') is not null
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_fulfillments_in as materialized (
        select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
        from (select f.platform_id as order_platform_id, f.source_updated_at, f.existed, e.r as raw, e.ord,
                     e.r ->> 'id' as platform_id
              from fresh as f, jsonb_array_elements(nullif(f.r -> 'fulfillments', 'null')) with ordinality as e(r, ord) offset 0) as e,
             lateral private.map_shopify_rest_orders_order_fulfillments(e.raw) as m),
    order_fulfillments_up as (
        insert into public.order_fulfillments as t (user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.order_platform_id, n.status, n.carrier, n.tracking_code, n.shipped_at, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from (select n.* from order_fulfillments_in as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.order_fulfillments as t
            where n.existed and t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true
        where t.platform_id is null or t.is_deleted or t.content_hash <> n.content_hash) as n
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
        returning (xmax = 0) as is_new),
    order_fulfillments_gone as (
        update public.order_fulfillments as t
           set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid
            from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.user_id = job.user_id and t.platform = job.platform and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where f.existed and nullif(f.r -> 'fulfillments', 'null') is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select array(select platform_id from incoming order by ord),
           (select count(*) from parents_up where is_new),
           (select count(*) from parents_up where not is_new),
           (select count(*) from fresh where not changed),
           (select count(*) from incoming) - (select count(*) from fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale;
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

create or replace function private.land_shopify_rest_customers(job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select e.*, e.r ->> 'id' as platform_id,
               e.version as source_updated_at,
               jsonb_hash_extended(e.raw, 0) as content_hash, m.*
        from (select e.r, e.ord, jsonb_set(e.r, '{default_address}', jsonb_strip_nulls(jsonb_build_object('name', e.r -> 'default_address' -> 'name', 'country_code', e.r -> 'default_address' -> 'country_code', 'province_code', e.r -> 'default_address' -> 'province_code')), false) as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updated_at') when 'string' then e.r ->> 'updated_at' when 'null' then null else private.wrong_type(e.r -> 'updated_at', 'updated_at', 'iso_time') end, 'updated_at')) as version
              from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
             lateral private.map_shopify_rest_customers_customers(e.raw) as m),
    fresh as materialized (
        select n.*, t.platform_id is not null as existed,
               t.platform_id is null or t.is_deleted or t.content_hash <> n.content_hash as changed
        from incoming as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.customers as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true
        where t.platform_id is null
           or n.source_updated_at > t.source_updated_at
           or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
               and n.platform_id <> all (seen_later))),
    parents_up as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.changed
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
        returning (xmax = 0) as is_new)
    select array(select platform_id from incoming order by ord),
           (select count(*) from parents_up where is_new),
           (select count(*) from parents_up where not is_new),
           (select count(*) from fresh where not changed),
           (select count(*) from incoming) - (select count(*) from fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale;
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
