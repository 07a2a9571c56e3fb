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
