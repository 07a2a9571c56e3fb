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
                -- A bound, so that the index by time is one that serves (records.sql).
                where connection_id = a.id and not is_deleted and ordered_at > '-infinity'
                order by ordered_at desc limit least(p_limit, 50)) as o
            where a.user_id = p_user_id
            order by o.ordered_at desc, o.platform_id limit least(p_limit, 50)) as newest);
end $$;
revoke all on function public.recent_orders(uuid, int) from public, anon, authenticated;
grant execute on function public.recent_orders(uuid, int) to service_role;

-- figures: sums over a user's shops by platform, currency and unit of time ('day', 'month' or 'year') of the shop's own days, from p_since
-- on as p_zone has it. They are sums of money events (money_events.sql), as far as those are rolled up: revenue is what was sold, less discounts,
-- with shipping and the rest, without taxes; refunds are the parts of what was given back that were revenue; fees are what the platform
-- took, advertising and labels with them. Amounts of two currencies are never added. What is unclassified is in none of them.
create or replace function public.figures(p_user_id uuid, p_unit text, p_zone text, p_since timestamptz) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s'
-- A plan expects as many units of time as there are rows, or, before the first statistics, hardly a row: it would sort
-- them all. They are few, and so are titles: groups are kept in memory (up to twice work_mem) while rows go by.
set enable_sort = off set work_mem = '32MB' as $$
declare shops uuid[] := private.connections_of(p_user_id); first date := (p_since at time zone p_zone)::date;
begin
    return (
        with sums as (
            select d.platform, d.currency, date_trunc(p_unit, d.day::timestamp)::date as starts,
                   coalesce(sum(d.events) filter (where d.class = 'order'), 0) as orders,
                   coalesce(sum(d.amount) filter (where c.part = 'profit' and c.figure in ('gross_sales', 'discounts', 'shipping', 'other_income')
                                                    and d.class not like 'reversal\_%'), 0) as revenue,
                   coalesce(-sum(d.amount) filter (where c.part = 'profit' and d.class like 'reversal\_%'), 0) as refunds,
                   coalesce(-sum(d.amount) filter (where c.figure in ('fees', 'ads', 'labels', 'disputes')), 0) as fees,
                   coalesce(-sum(d.amount) filter (where c.figure = 'cost_of_goods'), 0) as cost,
                   coalesce(sum(d.events) filter (where d.class = 'order'), 0)
                   - coalesce(sum(d.events) filter (where d.class = 'uncosted'), 0) as costed,
                   coalesce(sum(d.events) filter (where d.class = 'uncosted'), 0) as uncosted,
                   coalesce(sum(d.events) filter (where d.class = 'unclassified'), 0) as unclassified,
                   coalesce(sum(d.amount) filter (where d.class = 'unclassified'), 0) as unclassified_amount
            from public.money_days as d left join private.money_classes as c on c.class = d.class
            where d.connection_id = any (shops) and d.day >= first
            group by 1, 2, 3),
        standing as (
            select a.platform, a.id as connection_id, a.shop_name, private.proved_until(a.id) as proved_until,
                   count(s.day) filter (where s.state = 'open') as open_days, count(s.day) as days
            from public.connected_accounts as a
            left join public.money_day_states as s on s.connection_id = a.id and s.day >= first
            where a.id = any (shops) group by 1, 2, 3),
        open_ones as (
            select w.key as name, sum(w.value::bigint) as number
            from public.money_day_states as s cross join lateral jsonb_each_text(s.waits) as w
            where s.connection_id = any (shops) and s.day >= first and s.state = 'open' group by 1),
        titles as (
            -- A line is of its order's time: not every platform tells it of lines. By title first: the last of a
            -- listing's titles is then found among few instead of among all lines.
            select l.platform, l.connection_id, l.currency, l.listing_platform_id, l.title, sum(l.quantity) as sold,
                   sum(l.quantity::numeric * l.price_amount) as amount
            from public.line_items as l
            join public.orders as o on o.connection_id = l.connection_id and o.platform_id = l.order_platform_id
            where l.connection_id = any (shops) and not l.is_deleted
              and o.connection_id = any (shops) and private.counts_as_sale(o) and o.ordered_at >= p_since
            group by 1, 2, 3, 4, 5),
        sellers as (
            select platform, connection_id, currency, listing_platform_id, max(title) as title, sum(sold) as sold,
                   coalesce(sum(amount), 0) as amount
            from titles
            group by platform, connection_id, currency, listing_platform_id,
                     case when listing_platform_id is null then title end
            order by amount desc, sold desc, connection_id, currency, listing_platform_id, title limit 6)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(to_jsonb(sums) order by starts, platform, currency) from sums
                              where orders + uncosted + unclassified > 0 or revenue <> 0 or refunds <> 0 or fees <> 0 or cost <> 0), '[]'),
            'standing', coalesce((select jsonb_agg(to_jsonb(standing) order by platform, connection_id) from standing), '[]'),
            'open', coalesce((select jsonb_object_agg(name, number) from open_ones), '{}'),
            'best_sellers', coalesce((select jsonb_agg(to_jsonb(sellers) order by amount desc, sold desc, connection_id, currency,
                                                       listing_platform_id, title) from sellers), '[]'),
            'now', clock_timestamp()));
end $$;
revoke all on function public.figures(uuid, text, text, timestamptz) from public, anon, authenticated;
grant execute on function public.figures(uuid, text, text, timestamptz) to service_role;
