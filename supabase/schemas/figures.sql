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
-- on, as p_zone has it, to p_until, and of as many days before that (`before`); by the buyers' countries and the best sellers of the
-- same time. They are sums of money events (money_events.sql), as far as those are rolled up: revenue is what was sold, less discounts,
-- with shipping and the rest, without taxes; refunds are the parts of what was given back that were revenue; fees are what the platform
-- took, advertising and labels with them. Amounts of two currencies are never added. What is unclassified is in none of them.
create or replace function public.figures(p_user_id uuid, p_unit text, p_zone text, p_since timestamptz, p_until timestamptz default null,
                                          p_filter jsonb default '{}') returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s'
-- A plan expects as many groups as there are rows, or, before the first statistics, hardly a row: it would sort them all. They are few:
-- groups are kept in memory (up to twice work_mem) while rows go by.
set enable_sort = off set work_mem = '32MB' as $$
declare shops uuid[] := private.filtered_shops(p_user_id, p_filter); first date := (p_since at time zone p_zone)::date;
        last_ date := coalesce((p_until at time zone p_zone)::date, 'infinity');
        -- Of all time there is none before.
        before date := case when p_until is null then first else first - (last_ - first + 1) end;
begin
    return private.standing_of(shops, first, last_) || (
        with days as materialized (
            select 'days' as part_, d.platform, d.currency, d.day >= first as is_now, date_trunc(p_unit, d.day::timestamp)::date as starts, '' as country,
                   d.class, sum(d.amount) as amount, sum(d.events) as events
            from public.money_days as d where d.connection_id = any (shops) and d.day >= before and d.day <= last_ group by 2, 3, 4, 5, 7
            union all
            select 'countries', '', c.currency, true, null, c.country, c.class, sum(c.amount), sum(c.events)
            from public.money_countries as c where c.connection_id = any (shops) and c.day >= first and c.day <= last_ group by 3, 6, 7),
        sums as (
            select d.part_, d.platform, d.currency, d.is_now, d.starts, d.country,
                   coalesce(sum(d.events) filter (where d.class = 'order'), 0) as orders,
                   coalesce(sum(d.amount) filter (where c.part = 'profit' and c.figure in ('gross_sales', 'discounts', 'shipping', 'other_income')
                                                    and d.class not like 'reversal\_%'), 0) as revenue,
                   coalesce(-sum(d.amount) filter (where c.part = 'profit' and d.class like 'reversal\_%'), 0) as refunds,
                   coalesce(-sum(d.amount) filter (where c.figure in ('fees', 'ads', 'labels', 'disputes')), 0) as fees,
                   coalesce(-sum(d.amount) filter (where c.figure = 'cost_of_goods'), 0) as cost,
                   coalesce(sum(d.events) filter (where d.class = 'order'), 0)
                   - coalesce(sum(d.events) filter (where d.class = 'uncosted'), 0) as costed,
                   coalesce(sum(d.events) filter (where d.class = 'uncosted'), 0) as uncosted,
                   coalesce(sum(d.events) filter (where d.class = 'disputes_unknown'), 0) as disputes_unknown,
                   coalesce(sum(d.events) filter (where d.class = 'unclassified'), 0) as unclassified,
                   coalesce(sum(d.amount) filter (where d.class = 'unclassified'), 0) as unclassified_amount
            from days as d left join private.money_classes as c on c.class = d.class
            group by 1, 2, 3, 4, 5, 6),
        told as (
            select * from sums as s
            where s.orders + s.uncosted + s.disputes_unknown + s.unclassified > 0 or s.revenue <> 0 or s.refunds <> 0 or s.fees <> 0 or s.cost <> 0),
        titles as (
            select p.platform, p.connection_id, p.currency, coalesce(p.listing_platform_id, p.product) as listing,
                   max(p.listing_platform_id) as listing_platform_id, max(p.title) as title,
                   coalesce(sum(p.pieces) filter (where p.class = 'order'), 0) as sold,
                   coalesce(sum(p.amount) filter (where p.class in ('gross_sales', 'discount')), 0) as amount
            from public.money_products as p
            where p.connection_id = any (shops) and p.day >= first and p.day <= last_ and p.product <> '' group by 1, 2, 3, 4),
        sellers as (select * from titles as t where t.sold > 0 order by t.amount desc, t.sold desc, t.connection_id, t.currency, t.listing limit 6)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(to_jsonb(t) - '{part_,is_now,country}'::text[] order by t.starts, t.platform, t.currency)
                              from told as t where t.part_ = 'days' and t.is_now), '[]'),
            'before', coalesce((select jsonb_agg(to_jsonb(t) - '{part_,is_now,country}'::text[] order by t.starts, t.platform, t.currency)
                                from told as t where t.part_ = 'days' and not t.is_now), '[]'),
            'countries', coalesce((select jsonb_agg(to_jsonb(t) - '{part_,is_now,starts,platform}'::text[] order by t.revenue desc, t.country, t.currency)
                                   from told as t where t.part_ = 'countries'), '[]'),
            'best_sellers', coalesce((select jsonb_agg(to_jsonb(s) order by s.amount desc, s.sold desc, s.connection_id, s.currency, s.listing)
                                      from sellers as s), '[]'),
            'now', clock_timestamp()));
end $$;
revoke all on function public.figures(uuid, text, text, timestamptz, timestamptz, jsonb) from public, anon, authenticated;
grant execute on function public.figures(uuid, text, text, timestamptz, timestamptz, jsonb) to service_role;
