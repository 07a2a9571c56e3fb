-- Sums of days, as pages show them: by month, behind a figure, by product.

-- filtered_shops: a user's shops, of some platforms or connections: {platforms, connections}; all where neither is there.
create or replace function private.filtered_shops(p_user_id uuid, p_filter jsonb) returns uuid[]
language sql stable set search_path = '' as $$
    select array(select a.id from public.connected_accounts as a
                 where a.user_id = p_user_id
                   and (not p_filter ? 'platforms' or p_filter -> 'platforms' ? a.platform)
                   and (not p_filter ? 'connections' or p_filter -> 'connections' ? a.id::text));
$$;

-- standing_of: of shops and a time, up to where each is proved and how many of its days are open; and what those wait for.
create or replace function private.standing_of(p_shops uuid[], p_first date, p_last date) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'standing', coalesce((
            select jsonb_agg(to_jsonb(s) order by s.platform, s.connection_id)
            from (select a.platform, a.id as connection_id, a.shop_name, private.proved_until(a.id) as proved_until,
                         count(s.day) filter (where s.state = 'open') as open_days, count(s.day) as days
                  from public.connected_accounts as a
                  left join public.money_day_states as s on s.connection_id = a.id and s.day >= p_first and s.day <= p_last
                  where a.id = any (p_shops) group by 1, 2, 3) as s), '[]'),
        'open', coalesce((
            select jsonb_object_agg(w.name, w.number)
            from (select w.key as name, sum(w.value::bigint) as number
                  from public.money_day_states as s cross join lateral jsonb_each_text(s.waits) as w
                  where s.connection_id = any (p_shops) and s.day >= p_first and s.day <= p_last and s.state = 'open' group by 1) as w), '{}'));
$$;

-- money_months: what each month came to, by currency and class, with how many of its days are open. Answers {sums: [{month, currency, class,
-- figure, part, amount, events}], months: [{month, days, open_days}], standing, open, now}.
create or replace function public.money_months(p_user_id uuid, p_first date, p_last date, p_filter jsonb default '{}') returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
declare shops uuid[] := private.filtered_shops(p_user_id, p_filter);
begin
    return private.standing_of(shops, p_first, p_last) || (
        with sums as (
            select date_trunc('month', d.day::timestamp)::date as month, d.currency, d.class, sum(d.amount)::bigint as amount, sum(d.events)::bigint as events
            from public.money_days as d where d.connection_id = any (shops) and d.day >= p_first and d.day <= p_last group by 1, 2, 3),
        months as (
            select date_trunc('month', s.day::timestamp)::date as month, count(*) as days, count(*) filter (where s.state = 'open') as open_days
            from public.money_day_states as s where s.connection_id = any (shops) and s.day >= p_first and s.day <= p_last group by 1)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(jsonb_build_object(
                        'month', s.month, 'currency', s.currency, 'class', s.class, 'figure', coalesce(c.figure, 'unclassified'), 'part', c.part,
                        'amount', s.amount, 'events', s.events) order by s.currency, s.class, s.month)
                        from sums as s left join private.money_classes as c on c.class = s.class), '[]'),
            'months', coalesce((select jsonb_agg(to_jsonb(m) order by m.month) from months as m), '[]'),
            'now', clock_timestamp()));
end $$;
revoke all on function public.money_months(uuid, date, date, jsonb) from public, anon, authenticated;
grant execute on function public.money_months(uuid, date, date, jsonb) to service_role;

-- money_behind: the days behind a figure of a time, the newest first: what its classes came to on each day of each shop. `p_filter` is {platforms,
-- connections, classes, figures, currency}. Answers {days: [{day, connection_id, platform, shop_name, currency, class, amount, events, state}], next}.
create or replace function public.money_behind(p_user_id uuid, p_first date, p_last date, p_filter jsonb default '{}', p_after jsonb default null,
                                               p_limit int default 100)
returns jsonb language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
declare shops uuid[] := private.filtered_shops(p_user_id, p_filter); most int := least(greatest(p_limit, 1), 500);
begin
    return (
        with page as materialized (
            select d.day, d.connection_id, d.platform, d.currency, d.class, d.amount, d.events
            from public.money_days as d left join private.money_classes as c on c.class = d.class
            where d.connection_id = any (shops) and d.day >= p_first and d.day <= p_last
              and (not p_filter ? 'currency' or d.currency = p_filter ->> 'currency')
              and (not p_filter ? 'classes' or p_filter -> 'classes' ? d.class)
              and (not p_filter ? 'figures' or p_filter -> 'figures' ? coalesce(c.figure, 'unclassified')
                   -- What stands for a whole: all that makes the profit.
                   or p_filter -> 'figures' ? 'profit' and c.part = 'profit')
              and (d.amount <> 0 or c.part = 'counted')
              and (p_after is null or (d.day, d.connection_id, d.currency, d.class) < ((p_after ->> 'day')::date, (p_after ->> 'connection_id')::uuid,
                                                                                      p_after ->> 'currency', p_after ->> 'class'))
            order by d.day desc, d.connection_id desc, d.currency desc, d.class desc limit most)
        select jsonb_build_object(
            'days', coalesce(jsonb_agg(to_jsonb(p) || jsonb_build_object('shop_name', a.shop_name, 'shop_id', a.shop_id, 'state', s.state)
                                       order by p.day desc, p.connection_id desc, p.currency desc, p.class desc), '[]'),
            'next', case when count(*) = most then (array_agg(jsonb_build_object('day', p.day, 'connection_id', p.connection_id, 'currency', p.currency,
                        'class', p.class) order by p.day, p.connection_id, p.currency, p.class))[1] end)
        from page as p join public.connected_accounts as a on a.id = p.connection_id
        left join public.money_day_states as s on s.connection_id = p.connection_id and s.day = p.day);
end $$;
revoke all on function public.money_behind(uuid, date, date, jsonb, jsonb, int) from public, anon, authenticated;
grant execute on function public.money_behind(uuid, date, date, jsonb, jsonb, int) to service_role;

-- products_of: a page of what a user sold in a time, the most revenue first. `p_filter` is {platforms, connections, first, last, search, by: 'product'
-- or 'variant'}. Revenue is before what was taken back; the margin is what is left of it after that and after the cost of the goods with its tax,
-- not of shipping, which is not a product's. Null where the cost of any piece is not known; `missing` says so. Answers {products, next, total}.
create or replace function public.products_of(p_user_id uuid, p_filter jsonb default '{}', p_after jsonb default null, p_limit int default 100)
returns jsonb language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' set work_mem = '32MB' as $$
declare shops uuid[] := private.filtered_shops(p_user_id, p_filter); most int := least(greatest(p_limit, 1), 500);
        search text := lower(nullif(btrim(p_filter ->> 'search'), '')); by_variant boolean := p_filter ->> 'by' = 'variant';
begin
    return (
        with sums as materialized (
            select p.connection_id, p.platform, p.currency, case when by_variant then p.product else coalesce(p.listing_platform_id, p.product) end as product,
                   max(p.title) as title, max(p.sku) as sku, max(p.listing_platform_id) as listing_platform_id,
                   case when by_variant then max(p.variant_platform_id) end as variant_platform_id,
                   coalesce(sum(p.pieces) filter (where p.class = 'order'), 0) as units,
                   coalesce(sum(p.pieces) filter (where p.class = 'uncosted'), 0) as uncosted,
                   coalesce(sum(p.amount) filter (where p.class in ('gross_sales', 'discount')), 0) as revenue,
                   coalesce(sum(p.amount) filter (where p.class = 'discount'), 0) as discounts,
                   coalesce(sum(p.amount) filter (where p.class = 'reversal_goods'), 0) as refunds,
                   coalesce(sum(p.amount) filter (where p.class in ('cogs_goods', 'cogs_tax')), 0) as cost,
                   coalesce(sum(p.amount) filter (where p.class = 'cogs_shipping'), 0) as cost_of_shipping
            from public.money_products as p
            where p.connection_id = any (shops) and p.day >= coalesce((p_filter ->> 'first')::date, '-infinity')
              and p.day <= coalesce((p_filter ->> 'last')::date, 'infinity')
            group by 1, 2, 3, 4),
        told as materialized (
            select s.*, bool_or(s.cost <> 0) over other and count(*) over other > 1 as other_currency from sums as s
            window other as (partition by s.connection_id, s.product)),
        page as materialized (
            select t.* from told as t
            where (search is null or position(search in lower(t.title)) > 0 or position(search in lower(t.sku)) > 0)
              and (p_after is null or (t.revenue, t.connection_id, t.product, t.currency) < ((p_after ->> 'revenue')::bigint,
                   (p_after ->> 'connection_id')::uuid, p_after ->> 'product', p_after ->> 'currency'))
            order by t.revenue desc, t.connection_id desc, t.product desc, t.currency desc limit most)
        select jsonb_build_object(
            'products', coalesce(jsonb_agg(jsonb_build_object(
                'connection_id', p.connection_id, 'platform', p.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name, 'product', p.product,
                'listing_platform_id', p.listing_platform_id, 'variant_platform_id', p.variant_platform_id, 'sku', p.sku, 'title', p.title,
                'currency', p.currency, 'units', p.units, 'revenue', p.revenue, 'discounts', p.discounts, 'refunds', p.refunds,
                'uncosted_units', p.uncosted,
                'cost_of_goods', case when p.uncosted >= p.units and p.cost = 0 then null else p.cost end,
                'cost_of_shipping', case when p.uncosted >= p.units and p.cost_of_shipping = 0 then null else p.cost_of_shipping end,
                'margin', case when p.uncosted = 0 and not p.other_currency then p.revenue + p.refunds + p.cost end,
                'missing', to_jsonb(array_remove(array[case when p.uncosted > 0 then 'cost' end, case when p.other_currency then 'other_currency' end], null)))
                order by p.revenue desc, p.connection_id desc, p.product desc, p.currency desc), '[]'),
            'next', case when count(*) = most then (array_agg(jsonb_build_object('revenue', p.revenue, 'connection_id', p.connection_id,
                        'product', p.product, 'currency', p.currency) order by p.revenue, p.connection_id, p.product, p.currency))[1] end)
        from page as p join public.connected_accounts as a on a.id = p.connection_id);
end $$;
revoke all on function public.products_of(uuid, jsonb, jsonb, int) from public, anon, authenticated;
grant execute on function public.products_of(uuid, jsonb, jsonb, int) to service_role;
