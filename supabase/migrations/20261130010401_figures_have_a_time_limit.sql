-- A page's sums give the database back after some seconds.

-- recent_orders: the newest orders of a user, over all shops; a page of an index each, however many there are.
create or replace function public.recent_orders(p_user_id uuid, p_limit int default 8) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
begin
    return (
        select coalesce(jsonb_agg(to_jsonb(newest) order by newest.ordered_at desc, newest.platform_id), '[]')
        from (
            select o.* from public.connected_accounts as a
            cross join lateral (
                select platform, a.id as connection_id, a.shop_id, a.shop_name, platform_id, order_number, ordered_at,
                       total_amount, currency, country, status
                from public.orders
                where connection_id = a.id and not is_deleted
                order by ordered_at desc limit least(p_limit, 50)) as o
            where a.user_id = p_user_id
            order by o.ordered_at desc, o.platform_id limit least(p_limit, 50)) as newest);
end $$;

-- figures: sums over a user's shops by platform, currency and unit of time ('day', 'month' or 'year' in p_zone) from p_since on.
-- Revenue is what buyers paid less the taxes that are passed on; amounts of two currencies are never added.
create or replace function public.figures(p_user_id uuid, p_unit text, p_zone text, p_since timestamptz) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
declare shops uuid[] := private.connections_of(p_user_id);
begin
    return (
        with parts as (
            select platform, currency, date_trunc(p_unit, ordered_at at time zone p_zone) as starts,
                   count(*) as orders,
                   sum(total_amount - coalesce(tax_amount, 0) - coalesce(vat_amount, 0)) as revenue,
                   0::numeric as refunds, 0::numeric as fees,
                   coalesce(sum(cost_amount) filter (where cost_state = 'linked' and cost_currency = currency), 0) as cost,
                   count(*) filter (where cost_state = 'linked') as costed,
                   count(*) filter (where cost_state <> 'linked') as uncosted
            from public.orders
            where connection_id = any (shops) and not is_deleted and ordered_at >= p_since
            group by 1, 2, 3
            union all
            -- Costs in another currency than the order's stand by themselves.
            select platform, cost_currency, date_trunc(p_unit, ordered_at at time zone p_zone),
                   0, 0, 0, 0, sum(cost_amount), 0, 0
            from public.orders
            where connection_id = any (shops) and not is_deleted and ordered_at >= p_since
              and cost_state = 'linked' and cost_currency <> currency
            group by 1, 2, 3
            union all
            select platform, currency, date_trunc(p_unit, refunded_at at time zone p_zone),
                   0, 0, sum(refund_amount), 0, 0, 0, 0
            from public.order_refunds
            where connection_id = any (shops) and not is_deleted and refunded_at >= p_since
            group by 1, 2, 3
            union all
            select platform, currency, date_trunc(p_unit, occurred_at at time zone p_zone),
                   0, 0, 0, -sum(entry_amount), 0, 0, 0
            from public.payments
            where connection_id = any (shops) and not is_deleted and occurred_at >= p_since and private.is_fee(entry_type)
            group by 1, 2, 3
            union all
            -- Where there is no ledger, the fees stand with the payment.
            select platform, currency, date_trunc(p_unit, paid_at at time zone p_zone),
                   0, 0, 0, sum(fees_amount), 0, 0, 0
            from public.order_payments
            where connection_id = any (shops) and not is_deleted and paid_at >= p_since and fees_amount is not null
              and platform not in (select c.platform from private.sales_channels as c where c.has_ledger)
            group by 1, 2, 3),
        sums as (
            select platform, currency, starts::date as starts, sum(orders) as orders, sum(revenue) as revenue,
                   sum(refunds) as refunds, sum(fees) as fees, sum(cost) as cost, sum(costed) as costed,
                   sum(uncosted) as uncosted
            from parts group by 1, 2, 3),
        sellers as (
            select platform, connection_id, currency, listing_platform_id, max(title) as title, sum(quantity) as sold,
                   sum(quantity * price_amount) as amount
            from public.line_items
            where connection_id = any (shops) and not is_deleted and ordered_at >= p_since
            group by platform, connection_id, currency, listing_platform_id, case when listing_platform_id is null then title end
            order by amount desc, sold desc limit 6)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(to_jsonb(sums) order by starts, platform, currency) from sums), '[]'),
            'best_sellers', coalesce((select jsonb_agg(to_jsonb(sellers) order by amount desc, sold desc)
                                      from sellers), '[]'),
            'now', clock_timestamp()));
end $$;
