-- REST names an order's refunds without their versions, so that all of them are asked for at every full read. A webhook
-- about one order is no full read: of refunds without a version it asks for those of the orders that it names.

-- pending_shopify_refunds: refunds that an order names and that are not here, or here in another version.
create or replace function private.pending_shopify_refunds(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    with named as (
        select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id') as id, o.platform_id as named_by,
               private.moment(r ->> 'updatedAt', 'refunds.updatedAt') as updated_at
        from public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
        where o.user_id = job.user_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{refunds,0,id}') is not null)
    select distinct n.id from named as n
    left join public.order_refunds as f on f.user_id = job.user_id and f.platform = 'shopify' and not f.is_deleted
                                       and f.platform_id = n.id
    where n.id > p_after
      and (f.platform_id is null or n.updated_at <> f.source_updated_at
           or (n.updated_at is null and (job.entity <> 'changes' or exists (
                select 1 from private.platform_events as e
                where e.user_id = job.user_id and e.platform = 'shopify' and e.kind = 'orders'
                  and e.worked_at is null and e.object_id = n.named_by))))
    order by 1 limit p_limit;
$$;
