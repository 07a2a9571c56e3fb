-- Disputes are told: functions as supabase/schemas say them.

-- awaited: what figures of a day count that is not known, by class.
create or replace function private.awaited(p_figures jsonb) returns table (class text, events bigint)
language sql immutable set search_path = '' as $$
    select k.key, sum((k.value ->> 1)::bigint)
    from jsonb_each(coalesce(p_figures, '{}')) as c, jsonb_each(c.value) as k
    where k.key in ('unclassified', 'uncosted', 'fees_unknown', 'disputes_unknown') group by 1;
$$;

-- settle_day: how a day stands, now that its figures are these. Whatever becomes of a day that was ever closed is on record.
create or replace function private.settle_day(connection public.connected_accounts, p_day date, p_starts_at timestamptz, p_ends_at timestamptz,
    p_before jsonb, p_after jsonb, p_causes jsonb, p_proved timestamptz, p_has_costs boolean) returns void
language plpgsql set search_path = '' as $$
declare old public.money_day_states; now_ timestamptz := clock_timestamp(); waits jsonb; absent jsonb; due timestamptz; new_state text;
begin
    select * into old from public.money_day_states as s where s.connection_id = connection.id and s.day = p_day;
    if old.connection_id is null and p_after is null then
        return;
    end if;
    select coalesce(jsonb_object_agg(w.class, w.events) filter (where w.is_awaited), '{}'),
           coalesce(jsonb_object_agg(w.class, w.events) filter (where not w.is_awaited), '{}'),
           min(w.until) filter (where w.is_awaited and w.until < 'infinity')
      into waits, absent, due
      from (select t.class, t.events, t.until, t.until > now_ as is_awaited
            from (select a.class, a.events, case when a.class = 'uncosted' and not p_has_costs then '-infinity'
                                                 else coalesce(p_ends_at + c.waits, 'infinity') end as until
                  from private.awaited(p_after) as a left join private.money_classes as c on c.class = a.class) as t) as w;
    if p_ends_at > now_ then
        waits := waits || '{"day_not_over": 1}';
    end if;
    if p_proved is null or p_proved < p_ends_at then
        waits := waits || '{"not_proven": 1}';
    end if;
    new_state := case when waits <> '{}' then 'open'
                      when old.restated_at is not null or old.closed_at is not null and p_before is distinct from p_after then 'restated'
                      else 'closed' end;
    if old.closed_at is not null and p_before is distinct from p_after then
        insert into private.money_journal (connection_id, user_id, day, kind, before, after, causes)
        values (connection.id, connection.user_id, p_day, case when new_state = 'open' then 'reopened' else 'restated' end,
                p_before, coalesce(p_after, '{}'), p_causes);
    elsif new_state <> 'open' and old.closed_at is null then
        insert into private.money_journal (connection_id, user_id, day, kind, before, after, causes)
        values (connection.id, connection.user_id, p_day, 'closed', null, coalesce(p_after, '{}'), p_causes);
    end if;
    insert into public.money_day_states as s (connection_id, user_id, platform, day, starts_at, ends_at, state, waits, absent, closed_at,
                                              restated_at, due_at)
    values (connection.id, connection.user_id, connection.platform, p_day, p_starts_at, p_ends_at, new_state, waits, absent,
            case when new_state <> 'open' then now_ end, null, due)
    on conflict (connection_id, day) do update
       set starts_at = excluded.starts_at, ends_at = excluded.ends_at, state = excluded.state, waits = excluded.waits, absent = excluded.absent,
           due_at = excluded.due_at, closed_at = coalesce(s.closed_at, excluded.closed_at),
           restated_at = case when s.closed_at is not null and p_before is distinct from p_after then now_ else s.restated_at end
     where (s.starts_at, s.ends_at, s.state, s.waits, s.absent, s.due_at) is distinct from
           (excluded.starts_at, excluded.ends_at, excluded.state, excluded.waits, excluded.absent, excluded.due_at)
        or s.closed_at is not null and p_before is distinct from p_after;
end $$;

-- money_of: the figures of a day's rows in one currency: by figure, the profit, and every class. What a bank took back in a dispute and nobody
-- tells is null, and so is the profit: `missing` names it.
create or replace function private.money_of(p_figures jsonb) returns jsonb
language sql stable set search_path = '' as $$
    select coalesce(jsonb_object_agg(m.currency, jsonb_build_object(
               'profit', case when not m.is_disputed then m.profit end,
               'figures', m.figures || case when m.is_disputed then '{"disputes": null}' else '{}' end::jsonb,
               'missing', case when m.is_disputed then '["disputes"]' else '[]' end::jsonb, 'classes', m.classes, 'of_sales', m.of_sales)), '{}')
    from (select k.currency, bool_or(k.class = 'disputes_unknown' and k.events > 0) as is_disputed, coalesce(sum(k.amount) filter (where k.part = 'profit'), 0) as profit,
                 (select jsonb_object_agg(f.figure, f.value) from (
                     select coalesce(c.figure, 'unclassified') as figure,
                            sum(case when c.part = 'counted' then (v.value ->> 1)::bigint else (v.value ->> 0)::bigint end) as value
                     from jsonb_each(p_figures -> k.currency) as v left join private.money_classes as c on c.class = v.key group by 1) as f) as figures,
                 jsonb_object_agg(k.class, k.amount) filter (where k.part is distinct from 'counted') as classes,
                 jsonb_object_agg(k.class, k.of_sales) filter (where k.of_sales <> 0) as of_sales
          from (select c.key as currency, v.key as class, (v.value ->> 0)::bigint as amount, (v.value ->> 1)::bigint as events, (v.value ->> 2)::bigint as of_sales, r.part
                from jsonb_each(p_figures) as c cross join lateral jsonb_each(c.value) as v
                left join private.money_classes as r on r.class = v.key) as k
          group by k.currency) as m;
$$;

-- orders_told: some orders of a user's shops with what is known of each: its items, the figures of all that ever happened to it by currency, and
-- what is not known. Unknown, never nothing: `cost`, `fees`, `disputes`, `unclassified`; `other_currency` where a part of its profit is in another
-- one; `not_counted`: it was not paid, is a test, or nobody says what it came to. `p_found` is [{connection_id, platform_id}].
create or replace function private.orders_told(p_found jsonb) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
    with found as materialized (
        select f.connection_id, f.platform_id, f.place
        from rows from (jsonb_to_recordset(p_found) as (connection_id uuid, platform_id text)) with ordinality as f (connection_id, platform_id, place)),
    shops as materialized (
        select a.id, a.platform, a.shop_id, a.shop_name, k.ids
        from (select f.connection_id, array_agg(f.platform_id) as ids from found as f group by 1) as k
        join public.connected_accounts as a on a.id = k.connection_id),
    sums as materialized (
        select s.id as connection_id, e.order_platform_id, e.currency, e.class, coalesce(c.figure, 'unclassified') as figure, c.part,
               sum(e.amount) as amount, count(*) as events
        from shops as s cross join lateral private.order_events(s.id, s.ids) as e
        left join private.money_classes as c on c.class = e.class
        group by 1, 2, 3, 4, 5, 6),
    figures as (
        select f.connection_id, f.order_platform_id, f.currency, jsonb_object_agg(f.figure, f.amount) as figures,
               coalesce(sum(f.amount) filter (where f.part = 'profit'), 0) as profit
        from (select s.connection_id, s.order_platform_id, s.currency, s.figure, s.part,
                     sum(case when s.part = 'counted' then s.events else s.amount end) as amount
              from sums as s group by 1, 2, 3, 4, 5) as f
        group by 1, 2, 3),
    currencies as materialized (
        select f.connection_id, f.order_platform_id, jsonb_object_agg(f.currency, jsonb_build_object('profit', f.profit, 'figures', f.figures)) as currencies
        from figures as f group by 1, 2),
    missing as materialized (
        select s.connection_id, s.order_platform_id, bool_or(s.class = 'order') as is_counted, bool_or(s.class = 'uncosted') as cost,
               bool_or(s.class = 'fees_unknown') as fees, bool_or(s.part is null) as unclassified,
               bool_or(s.class = 'disputes_unknown') as disputes, count(distinct s.currency) filter (where s.part = 'profit' and s.amount <> 0) as currencies
        from sums as s group by 1, 2),
    items as materialized (
        select l.connection_id, l.order_platform_id, jsonb_agg(jsonb_build_object(
                   'title', l.title, 'sku', l.sku, 'quantity', l.quantity, 'price_amount', l.price_amount,
                   'listing_platform_id', l.listing_platform_id, 'variant_platform_id', l.product_platform_id) order by l.platform_id) as items
        from found as f
        cross join lateral (select l.* from public.line_items as l
                            where l.connection_id = f.connection_id and l.order_platform_id = f.platform_id and not l.is_deleted offset 0) as l
        group by 1, 2)
    select coalesce(jsonb_agg(jsonb_build_object(
               'connection_id', o.connection_id, 'platform', s.platform, 'shop_id', s.shop_id, 'shop_name', s.shop_name, 'platform_id', o.platform_id,
               'order_number', o.order_number, 'ordered_at', o.ordered_at, 'day', (o.ordered_at at time zone z.zone)::date, 'status', o.status,
               'is_paid', o.is_paid, 'is_test', o.is_test, 'country', o.country, 'currency', o.currency, 'total_amount', o.total_amount,
               'items', coalesce(i.items, '[]'), 'currencies', coalesce(c.currencies, '{}'),
               'missing', to_jsonb(array_remove(array[
                   case when not coalesce(m.is_counted, false) then 'not_counted' end, case when m.cost then 'cost' end,
                   case when m.fees then 'fees' end, case when m.disputes then 'disputes' end, case when m.unclassified then 'unclassified' end,
                   case when m.currencies > 1 then 'other_currency' end], null))) order by f.place), '[]')
    from found as f
    join shops as s on s.id = f.connection_id
    cross join lateral (select o.ctid from public.orders as o
                        where o.connection_id = f.connection_id and o.platform_id = f.platform_id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    left join lateral (select z.zone from private.zones_of(s.id) as z where o.ordered_at >= z.since and o.ordered_at < z.until limit 1) as z on true
    left join currencies as c on c.connection_id = f.connection_id and c.order_platform_id = f.platform_id
    left join missing as m on m.connection_id = f.connection_id and m.order_platform_id = f.platform_id
    left join items as i on i.connection_id = f.connection_id and i.order_platform_id = f.platform_id;
$$;

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

-- order_profits: every order of a user's channels with its money, as its money events have it. Fees are those that are named for the order.
create or replace function private.order_profits(p_user_id uuid) returns table (
        platform text, connection_id uuid, platform_id text, order_number text, ordered_at timestamptz, currency text, revenue bigint,
        refunds bigint, fees bigint, cost_state text, cost_source text, cost bigint, cost_currency text,
        one_currency boolean, profit bigint)
language plpgsql stable set search_path = '' as $$
declare shops uuid[] := private.connections_of(p_user_id);
begin
    return query
    with parts as materialized (
        select s.id as shop, e.order_platform_id as id, e.currency as code,
               coalesce(sum(e.amount) filter (where c.figure in ('gross_sales', 'discounts', 'shipping', 'other_income')
                                                and e.class not like 'reversal\_%'), 0) as revenue,
               coalesce(-sum(e.amount) filter (where e.class like 'reversal\_%'), 0) as refunds,
               coalesce(-sum(e.amount) filter (where c.figure in ('fees', 'ads', 'labels', 'disputes')), 0) as fees,
               coalesce(-sum(e.amount) filter (where c.figure = 'cost_of_goods'), 0) as cost, bool_or(e.class = 'disputes_unknown') as is_disputed
        from unnest(shops) as s (id) cross join lateral private.money_events(s.id, '-infinity', 'infinity') as e
        join private.money_classes as c on c.class = e.class and (c.part = 'profit' or c.class = 'disputes_unknown')
        where e.order_platform_id is not null
        group by 1, 2, 3),
    whole as materialized (
        select p.shop, p.id, min(p.code) as code, max(p.code) as other, sum(p.revenue) as revenue, sum(p.refunds) as refunds, sum(p.fees) as fees,
               sum(p.cost) as cost, bool_or(p.is_disputed) as is_disputed
        from parts as p where p.revenue <> 0 or p.refunds <> 0 or p.fees <> 0 or p.cost <> 0 or p.is_disputed group by 1, 2)
    select o.platform, o.connection_id, o.platform_id, o.order_number, o.ordered_at, o.currency,
           case when o.item_total_amount is not null or o.subtotal_amount is not null then coalesce(w.revenue, 0) end::bigint,
           coalesce(w.refunds, 0)::bigint, coalesce(w.fees, 0)::bigint, o.cost_state, o.cost_source, o.cost_amount, o.cost_currency, m.same,
           case when m.same and not coalesce(w.is_disputed, false) and o.cost_state = 'linked' and (o.item_total_amount is not null or o.subtotal_amount is not null)
                then w.revenue - w.refunds - w.fees - w.cost end::bigint
    from public.orders as o
    left join whole as w on w.shop = o.connection_id and w.id = o.platform_id
    cross join lateral (select coalesce(w.code, o.currency) = o.currency and coalesce(w.other, o.currency) = o.currency
                               and coalesce(o.cost_currency, o.currency) = o.currency as same) as m
    where o.connection_id = any (shops) and private.counts_as_sale(o);
end $$;

-- may_have_taken: whether a bank may have taken money back in a dispute. An inquiry takes none while it is one; what one that was decided came
-- to, as whatever we do not know, nobody says.
create or replace function private.may_have_taken(d public.order_disputes) returns boolean
language sql immutable as $$
    select coalesce(d.status <> 'prevented' and (d.initiated_as <> 'inquiry' or d.status not in ('needs_response', 'under_review', 'charge_refunded')), true);
$$;

-- shopify_orders: what is told of these orders beside their journal: that they are orders, what printing them cost, what is not known of them; and
-- what they are made of, where their journal was not read yet.
create or replace function private.shopify_orders(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare unread text[] := array(
            select w.id from (select distinct unnest(p_orders) as id) as w
            cross join lateral (select exists (select from public.order_journals as j where j.connection_id = p_connection_id
                                                  and j.platform_id = w.id and not j.is_deleted) as is_read offset 0) as j
            where not j.is_read);
begin
    return query select * from private.sale_events(p_connection_id, p_orders) as s where s.class = 'order';
    return query select * from private.sale_events(p_connection_id, unread) as s where s.class <> 'order';
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
    return query select * from private.goods_cost_events(p_connection_id, p_orders);
    return query
        select 'tax_unknown', o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, p.tax, 'orders', o.platform_id, null::text
        from unnest(unread) as w (id)
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        cross join lateral (select * from private.sale_parts(o) offset 0) as p
        where private.counts_as_sale(o) and p.tax <> 0;
    return query
        select 'fees_unknown', o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, 0::bigint, 'orders', o.platform_id, null::text
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select exists (
            select from public.order_transactions as t
            where t.connection_id = p_connection_id and t.order_platform_id = w.id and not t.is_deleted and t.kind in ('sale', 'capture')
              and t.status = 'success' and t.fees_amount is null and t.gateway is distinct from 'gift_card') as are_lacking offset 0) as fees
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        where fees.are_lacking and private.counts_as_sale(o);
    -- Of a dispute an order tells that there is one, and no amount.
    return query
        select 'disputes_unknown', o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, 0::bigint, 'order_disputes', d.platform_id, d.status
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select d.platform_id, d.status from public.order_disputes as d
                            where d.connection_id = p_connection_id and d.order_platform_id = w.id and not d.is_deleted and private.may_have_taken(d) offset 0) as d
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        where private.counts_as_sale(o);
end $$;
