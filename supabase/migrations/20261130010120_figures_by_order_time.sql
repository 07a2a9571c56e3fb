-- Best sellers go by the order's time: lines of some platforms have none. A refund of an unknown amount leaves no profit.


-- figures: sums over a user's shops by platform, currency and unit of time ('day', 'month' or 'year' in p_zone) from p_since on.
-- Revenue is what buyers paid less the taxes that are passed on; amounts of two currencies are never added, and one that
-- could not be read adds nothing.
create or replace function public.figures(p_user_id uuid, p_unit text, p_zone text, p_since timestamptz) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare shops uuid[] := private.connections_of(p_user_id);
begin
    return (
        with parts as (
            select platform, currency, date_trunc(p_unit, ordered_at at time zone p_zone) as starts,
                   count(*) as orders,
                   coalesce(sum(total_amount - coalesce(tax_amount, 0) - coalesce(vat_amount, 0)), 0) as revenue,
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
                   0, 0, coalesce(sum(refund_amount), 0), 0, 0, 0, 0
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
            -- A line is of its order's time: not every platform tells it of lines.
            select l.platform, l.connection_id, l.currency, l.listing_platform_id, max(l.title) as title, sum(l.quantity) as sold,
                   coalesce(sum(l.quantity * l.price_amount), 0) as amount
            from public.line_items as l
            join public.orders as o on o.connection_id = l.connection_id and o.platform_id = l.order_platform_id
            where l.connection_id = any (shops) and not l.is_deleted and not o.is_deleted and o.ordered_at >= p_since
            group by l.platform, l.connection_id, l.currency, l.listing_platform_id,
                     case when l.listing_platform_id is null then l.title end
            order by amount desc, sold desc limit 6)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(to_jsonb(sums) order by starts, platform, currency) from sums), '[]'),
            'best_sellers', coalesce((select jsonb_agg(to_jsonb(sellers) order by amount desc, sold desc)
                                      from sellers), '[]'),
            'now', clock_timestamp()));
end $$;

-- order_profits: every order of a user's channels with its money. Revenue is what the buyer paid less the taxes that
-- are passed on; fees are those that the ledger, or else the payment, names for the order.
create or replace function private.order_profits(p_user_id uuid) returns table (
        platform text, connection_id uuid, platform_id text, order_number text, ordered_at timestamptz, currency text, revenue bigint,
        refunds bigint, fees bigint, cost_state text, cost_source text, cost bigint, cost_currency text,
        one_currency boolean, profit bigint)
language plpgsql stable set search_path = '' as $$
declare shops uuid[] := private.connections_of(p_user_id);
begin
    return query
    with taken as (
        select p.connection_id, p.order_platform_id, p.currency, -sum(p.entry_amount) as fees
        from public.payments as p
        where p.connection_id = any (shops) and not p.is_deleted and p.order_platform_id is not null
          and private.is_fee(p.entry_type)
        group by 1, 2, 3
        union all
        -- Where there is no ledger, the fees stand with the payment.
        select p.connection_id, p.order_platform_id, p.currency, sum(p.fees_amount)
        from public.order_payments as p
        where p.connection_id = any (shops) and not p.is_deleted and p.fees_amount is not null
          and p.platform not in (select c.platform from private.sales_channels as c where c.has_ledger)
        group by 1, 2, 3),
    fee as materialized (
        select t.connection_id, t.order_platform_id, min(t.currency) as currency, max(t.currency) as other, sum(t.fees) as fees
        from taken as t group by 1, 2),
    refund as materialized (
        select r.connection_id, r.order_platform_id, min(r.currency) as currency, max(r.currency) as other,
               case when count(*) = count(r.refund_amount) then sum(r.refund_amount) end as refunds
        from public.order_refunds as r where r.connection_id = any (shops) and not r.is_deleted group by 1, 2)
    select o.platform, o.connection_id, o.platform_id, o.order_number, o.ordered_at, o.currency, m.revenue, m.refunds, m.fees,
           o.cost_state, o.cost_source, o.cost_amount, o.cost_currency, m.same,
           case when m.same and o.cost_state = 'linked' then m.revenue - m.refunds - m.fees - o.cost_amount end
    from public.orders as o
    left join fee as f on f.connection_id = o.connection_id and f.order_platform_id = o.platform_id
    left join refund as r on r.connection_id = o.connection_id and r.order_platform_id = o.platform_id
    cross join lateral (
        select o.total_amount - coalesce(o.tax_amount, 0) - coalesce(o.vat_amount, 0) as revenue,
               case when r.order_platform_id is null then 0 else r.refunds end::bigint as refunds, coalesce(f.fees, 0)::bigint as fees,
               coalesce(f.currency, o.currency) = o.currency and coalesce(f.other, o.currency) = o.currency
               and coalesce(r.currency, o.currency) = o.currency and coalesce(r.other, o.currency) = o.currency
               and coalesce(o.cost_currency, o.currency) = o.currency as same) as m
    where o.connection_id = any (shops) and not o.is_deleted;
end $$;
