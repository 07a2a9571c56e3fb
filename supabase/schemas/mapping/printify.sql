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

create or replace function private.parts_printify_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_printify_orders_printify_orders", "table": "printify_orders", "columns": {"app_order_id": ["app_order_id"], "status": ["status"], "order_type": ["metadata.order_type"], "shop_order_id": ["metadata.shop_order_id"], "shop_order_label": ["metadata.shop_order_label"], "is_reprint": ["metadata.is_reprint"], "reprinted_order_ids": ["metadata.reprinted_order_ids"], "shipping_method": ["shipping_method"], "is_express": ["is_printify_express"], "country": ["address_to.country"], "region": ["address_to.region"], "retail_amount": ["total_price"], "shipping_amount": ["total_shipping"], "tax_amount": ["total_tax"], "ordered_at": ["created_at"], "sent_to_production_at": ["sent_to_production_at"], "fulfilled_at": ["fulfilled_at"]}, "updated": ["created_at"], "updated_as": "iso_time"},
      {"map": "map_printify_orders_printify_line_items", "table": "printify_line_items", "columns": {"status": ["status"], "product_platform_id": ["product_id"], "variant_id": ["variant_id"], "print_provider_id": ["print_provider_id"], "sku": ["metadata.sku"], "title": ["metadata.title"], "variant_title": ["metadata.variant_label"], "quantity": ["quantity"], "cost_amount": ["cost"], "shipping_cost_amount": ["shipping_cost"], "retail_amount": ["metadata.price"], "sent_to_production_at": ["sent_to_production_at"], "fulfilled_at": ["fulfilled_at"]}, "at": "line_items", "key": ["id"], "unique": false, "key_is_gid": false},
      {"map": "map_printify_orders_printify_shipments", "table": "printify_shipments", "columns": {"carrier": ["carrier"], "tracking_code": ["number"], "delivered_at": ["delivered_at"]}, "at": "shipments", "key": ["carrier", "number"], "unique": false, "key_is_gid": false}]'::jsonb
$$;

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
            from (select f.platform_id as product_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'cost', e.r -> 'cost', 'price', e.r -> 'price', 'grams', e.r -> 'grams', 'is_enabled', e.r -> 'is_enabled', 'is_default', e.r -> 'is_default', 'is_available', e.r -> 'is_available') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
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

create or replace function private.parts_printify_products() returns jsonb language sql immutable as $$
    select '[{"map": "map_printify_products_printify_products", "table": "printify_products", "columns": {"title": ["title"], "tags": ["tags"], "blueprint_id": ["blueprint_id"], "print_provider_id": ["print_provider_id"], "is_visible": ["visible"], "is_locked": ["is_locked"], "channel_product_id": ["external.id", "external.0.id"], "channel_url": ["external.handle", "external.0.handle"], "made_at": ["created_at"]}, "updated": ["updated_at", "update_at", "created_at"], "updated_as": "iso_time"},
      {"map": "map_printify_products_printify_variants", "table": "printify_variants", "columns": {"variant_id": ["id"], "sku": ["sku"], "title": ["title"], "cost_amount": ["cost"], "price_amount": ["price"], "weight_grams": ["grams"], "is_enabled": ["is_enabled"], "is_default": ["is_default"], "is_available": ["is_available"]}, "at": "variants", "key": ["id"], "unique": false, "key_is_gid": false}]'::jsonb
$$;
