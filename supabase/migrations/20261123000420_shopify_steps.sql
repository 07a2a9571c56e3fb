-- Shopify's lookups and proofs. What is pending stands in the orders' own raw records; indexes keep it from being
-- looked for in all of them.

create index orders_with_more_lines on public.orders (user_id, platform_id)
    where platform = 'shopify' and not is_deleted and (raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true';
create index orders_with_refunds on public.orders (user_id, platform_id)
    where platform = 'shopify' and not is_deleted and (raw #>> '{refunds,0,id}') is not null;

-- Orders of which a page showed only the first lines.
create function private.pending_shopify_order_lines(job public.sync_jobs, p_after text, p_limit int) returns setof text
language sql stable set search_path = '' as $$
    select o.platform_id from public.orders as o
    where o.user_id = job.user_id and o.platform = 'shopify' and not o.is_deleted and o.platform_id > p_after
      and (o.raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true'
    order by 1 limit p_limit;
$$;

-- Those that have more than the longest page shows: their last lines are asked for.
create function private.pending_shopify_order_line_ends(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select private.pending_shopify_order_lines(job, p_after, p_limit);
$$;

-- listed_refunds: the refunds that a shop's orders name, with their version. REST names them by number, without one:
-- those are asked for at every full read.
create function private.listed_refunds(p_user_id uuid) returns table (id text, updated_at timestamptz)
language sql stable set search_path = '' as $$
    select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id'), private.moment(r ->> 'updatedAt', 'refunds.updatedAt')
    from public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
    where o.user_id = p_user_id and o.platform = 'shopify' and not o.is_deleted
      and (o.raw #>> '{refunds,0,id}') is not null;
$$;

-- Refunds that an order names and that are not here, or here in another version.
create function private.pending_shopify_refunds(job public.sync_jobs, p_after text, p_limit int) returns setof text
language sql stable set search_path = '' as $$
    select id from (
        select l.id, l.updated_at from private.listed_refunds(job.user_id) as l where l.id > p_after
        except
        select f.platform_id, f.source_updated_at from public.order_refunds as f
        where f.user_id = job.user_id and f.platform = 'shopify' and not f.is_deleted) as pending
    order by 1 limit p_limit;
$$;

-- Refunds of more lines than the longest page shows: their last ones are asked for.
create function private.pending_shopify_refund_ends(job public.sync_jobs, p_after text, p_limit int) returns setof text
language sql stable set search_path = '' as $$
    select f.platform_id from public.order_refunds as f
    where f.user_id = job.user_id and f.platform = 'shopify' and not f.is_deleted and f.platform_id > p_after
      and (f.raw #>> '{refundLineItems,pageInfo,hasNextPage}') = 'true'
    order by 1 limit p_limit;
$$;

-- Every line of every order: an order that still shows only some of them is named. Of the longest ones the first 250
-- and the last 250 lines were asked for; together 500 would leave it open whether there are others between.
create function private.prove_shopify_line_items(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with cut as (
        select o.platform_id from public.orders as o
        where o.user_id = job.user_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true'
        union all
        select l.order_platform_id from public.line_items as l
        where l.user_id = job.user_id and l.platform = 'shopify' and not l.is_deleted
        group by l.order_platform_id
        having count(*) >= 500 and exists (
            select 1 from public.orders as o
            where o.user_id = job.user_id and o.platform = 'shopify' and o.platform_id = l.order_platform_id
              and (o.raw #>> '{lineItems,pageInfo,hasPreviousPage}') = 'true'))
    select jsonb_build_object('ok', not exists (select 1 from cut), 'detail', jsonb_build_object(
        'line_items', (select count(*) from public.line_items
                       where user_id = job.user_id and platform = 'shopify' and not is_deleted),
        'orders_cut', (select count(*) from cut),
        'first_cut', (select coalesce(jsonb_agg(platform_id), '[]') from (select * from cut limit 5) as c)));
$$;

-- Every refund that an order names is here, with all of its lines.
create function private.prove_shopify_refunds(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with missing as (
        select l.id from private.listed_refunds(job.user_id) as l
        except
        select f.platform_id from public.order_refunds as f
        where f.user_id = job.user_id and f.platform = 'shopify' and not f.is_deleted),
    cut as (
        select f.platform_id from public.order_refunds as f
        where f.user_id = job.user_id and f.platform = 'shopify' and not f.is_deleted
          and (f.raw #>> '{refundLineItems,pageInfo,hasNextPage}') = 'true'
        union all
        select l.refund_platform_id from public.order_refund_lines as l
        where l.user_id = job.user_id and l.platform = 'shopify' and not l.is_deleted
        group by l.refund_platform_id having count(*) >= 500)
    select jsonb_build_object('ok', not exists (select 1 from missing) and not exists (select 1 from cut),
        'detail', jsonb_build_object(
            'refunds', (select count(*) from private.listed_refunds(job.user_id)),
            'missing', (select count(*) from missing), 'cut', (select count(*) from cut),
            'first_missing', (select coalesce(jsonb_agg(id), '[]') from (select * from missing limit 5) as m)));
$$;

-- An order that is gone takes its refunds along: no record of a refund shows its order any more.
create function private.remove_refunds() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    with gone as (
        update public.order_refunds set is_deleted = true, sync_run_id = new.sync_run_id
         where user_id = new.user_id and platform = new.platform and order_platform_id = new.platform_id
           and not is_deleted
        returning platform_id)
    update public.order_refund_lines as l set is_deleted = true, sync_run_id = new.sync_run_id
      from gone
     where l.user_id = new.user_id and l.platform = new.platform and l.refund_platform_id = gone.platform_id
       and not l.is_deleted;
    return new;
end $$;
create trigger remove_refunds after update of is_deleted on public.orders
    for each row when (new.platform = 'shopify' and new.is_deleted and not old.is_deleted)
    execute function private.remove_refunds();
