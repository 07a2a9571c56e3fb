-- What the pages show beside the status: the newest orders, and a seller's figures by platform and time.

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
revoke all on function public.recent_orders(uuid, int) from public, anon, authenticated;
grant execute on function public.recent_orders(uuid, int) to service_role;

-- is_fee: whether a ledger entry is what a platform takes for itself. A type that no list knows is one: a fee that
-- nobody has heard of must not look like profit. The rest moves money (payouts, reserves), repeats what orders say
-- (payments, refunds) or belongs to the state (taxes). Etsy's sheet, section 7.2. Asked of every entry: without a
-- setting of its own it is put into the question that asks, where a call would cost five times as much.
create or replace function private.is_fee(p_entry_type text) returns boolean
language sql immutable as $$
    select p_entry_type <> all (array['PAYMENT_GROSS', 'REFUND_GROSS', 'REFUND', 'DISBURSE2', 'billing_payment',
        'RESERVE', 'recoupment', 'sales_tax', 'vat_tax_ep', 'VAT_REFUND_EP']);
$$;

-- figures: sums over a user's shops by platform, currency and unit of time ('day', 'month' or 'year' in p_zone) from p_since on.
-- Revenue is what buyers paid less the taxes that are passed on; amounts of two currencies are never added, and one that
-- could not be read adds nothing.
create or replace function public.figures(p_user_id uuid, p_unit text, p_zone text, p_since timestamptz) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s'
-- A plan expects as many units of time as there are rows, or, before the first statistics, hardly a row: it would sort
-- them all. They are few, and so are titles: groups are kept in memory (up to twice work_mem) while rows go by.
set enable_sort = off set work_mem = '32MB' as $$
declare shops uuid[] := private.connections_of(p_user_id);
begin
    return (
        with bought as materialized (
            select platform, currency, case when cost_state = 'linked' and cost_currency <> currency then cost_currency end as other,
                   date_trunc(p_unit, ordered_at at time zone p_zone) as starts, count(*) as orders,
                   coalesce(sum(total_amount - coalesce(tax_amount, 0) - coalesce(vat_amount, 0)), 0) as revenue,
                   coalesce(sum(cost_amount) filter (where cost_state = 'linked' and cost_currency = currency), 0) as cost,
                   sum(cost_amount) filter (where cost_state = 'linked' and cost_currency <> currency) as other_cost,
                   count(*) filter (where cost_state = 'linked') as costed,
                   count(*) filter (where cost_state <> 'linked') as uncosted
            from public.orders
            where connection_id = any (shops) and not is_deleted and ordered_at >= p_since
            group by 1, 2, 3, 4),
        parts as (
            select platform, currency, starts, orders, revenue, 0::numeric as refunds, 0::numeric as fees, cost, costed, uncosted
            from bought
            union all
            -- Costs in another currency than the order's stand by themselves.
            select platform, other, starts, 0, 0, 0, 0, other_cost, 0, 0 from bought where other is not null
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
        titles as (
            -- A line is of its order's time: not every platform tells it of lines. By title first: the last of a
            -- listing's titles is then found among few instead of among all lines.
            select l.platform, l.connection_id, l.currency, l.listing_platform_id, l.title, sum(l.quantity) as sold,
                   sum(l.quantity * l.price_amount) as amount
            from public.line_items as l
            join public.orders as o on o.connection_id = l.connection_id and o.platform_id = l.order_platform_id
            where l.connection_id = any (shops) and not l.is_deleted
              and o.connection_id = any (shops) and not o.is_deleted and o.ordered_at >= p_since
            group by 1, 2, 3, 4, 5),
        sellers as (
            select platform, connection_id, currency, listing_platform_id, max(title) as title, sum(sold) as sold,
                   coalesce(sum(amount), 0) as amount
            from titles
            group by platform, connection_id, currency, listing_platform_id,
                     case when listing_platform_id is null then title end
            order by amount desc, sold desc, connection_id, currency, listing_platform_id, title limit 6)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(to_jsonb(sums) order by starts, platform, currency) from sums), '[]'),
            'best_sellers', coalesce((select jsonb_agg(to_jsonb(sellers) order by amount desc, sold desc, connection_id, currency,
                                                       listing_platform_id, title) from sellers), '[]'),
            'now', clock_timestamp()));
end $$;
revoke all on function public.figures(uuid, text, text, timestamptz) from public, anon, authenticated;
grant execute on function public.figures(uuid, text, text, timestamptz) to service_role;
