-- Objects and lists of objects inside a record are cut to what is read of them in one way; what is stored stays the same.

-- members_of: an object with these of its members alone, or a list of such; an empty object in place of anything else.
create or replace function private.members_of(v jsonb, p_names text[]) returns jsonb
language sql immutable set search_path = '' as $$
    select case jsonb_typeof(v)
        when 'array' then (select coalesce(jsonb_agg(private.members_of(e, p_names)), '[]') from jsonb_array_elements(v) as e)
        when 'object' then (select coalesce(jsonb_object_agg(name, v -> name), '{}') from unnest(p_names) as name
                            where jsonb_typeof(v -> name) <> 'null')
        else '{}' end;
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
              from (select e.r, e.ord, jsonb_set(e.r - array['line_items', 'shipments', 'printify_connect']::text[], '{address_to}', private.members_of(e.r -> 'address_to', array['country', 'region']), false) as raw, greatest(private.moment(private.string_in(e.r, 'created_at', 'created_at', 'iso_time'), 'created_at')) as version
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'print_provider_id', e.r -> 'print_provider_id', 'metadata', jsonb_build_object('sku', e.r -> 'metadata' -> 'sku', 'title', e.r -> 'metadata' -> 'title', 'variant_label', e.r -> 'metadata' -> 'variant_label', 'price', e.r -> 'metadata' -> 'price'), 'quantity', e.r -> 'quantity', 'cost', e.r -> 'cost', 'shipping_cost', e.r -> 'shipping_cost', 'sent_to_production_at', e.r -> 'sent_to_production_at', 'fulfilled_at', e.r -> 'fulfilled_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('carrier', e.r -> 'carrier', 'number', e.r -> 'number', 'delivered_at', e.r -> 'delivered_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
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
              from (select e.r, e.ord, jsonb_set(jsonb_set(e.r - array['line_items', 'fulfillments']::text[], '{customer}', private.members_of(e.r -> 'customer', array['id']), false), '{refunds}', private.members_of(e.r -> 'refunds', array['id']), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
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
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'id', e.r -> 'id', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'current_quantity', e.r -> 'current_quantity', 'price', e.r -> 'price', 'total_discount', e.r -> 'total_discount') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
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

drop function private.list_in(jsonb);
