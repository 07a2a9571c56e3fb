-- Lines of a refund are known by their ids, and where the platform gives none by the stretch of the list that they came in:
-- two of the same item in different stretches had one key, and the later took the place of the other.

-- Refunds that were read in stretches have lost lines by it: their lines go, and the refunds are read again. The lines of
-- all others take their new keys when their refund changes.
with long as (
    select connection_id, refund_platform_id from public.order_refund_lines
    group by 1, 2 having count(*) >= 250),
again as (
    update public.order_refunds as r set source_updated_at = 'epoch', content_hash = 0
      from long as l where r.connection_id = l.connection_id and r.platform_id = l.refund_platform_id)
delete from public.order_refund_lines as r using long as l
 where r.connection_id = l.connection_id and r.refund_platform_id = l.refund_platform_id;

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
                     e.r -> 'refundLineItems' -> 'pageInfo' ->> 'startCursor' as order_refund_lines_stretch,
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
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('subtotalSet', jsonb_build_object('shopMoney', e.r -> 'subtotalSet' -> 'shopMoney'), 'id', e.r -> 'id', 'lineItem', jsonb_build_object('id', e.r -> 'lineItem' -> 'id'), 'quantity', e.r -> 'quantity', 'restockType', e.r -> 'restockType', 'totalTaxSet', jsonb_build_object('shopMoney', e.r -> 'totalTaxSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(coalesce(private.gid_tail(e.r ->> 'id'), f.order_refund_lines_stretch), '-') || ':' || coalesce(private.gid_tail(e.r -> 'lineItem' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, coalesce(private.gid_tail(e.r ->> 'id'), f.order_refund_lines_stretch), private.gid_tail(e.r -> 'lineItem' ->> 'id') order by e.ord))::text as platform_id
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

create or replace function private.parts_shopify_refunds() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_refunds_order_refunds", "table": "order_refunds", "columns": {"order_platform_id": ["order.id"], "refund_amount": ["totalRefundedSet.shopMoney"], "reason": ["note"], "refunded_at": ["processedAt"], "currency": ["totalRefundedSet.shopMoney.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_refunds_order_refund_lines", "table": "order_refund_lines", "columns": {"line_item_platform_id": ["lineItem.id"], "quantity": ["quantity"], "restock_type": ["restockType"], "subtotal_amount": ["subtotalSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "currency": ["subtotalSet.shopMoney.currencyCode"]}, "at": "refundLineItems.nodes", "key": ["id", "lineItem.id"], "unique": false}]'::jsonb
$$;
