-- Orders of a list are found one by one: without statistics the planner reads a shop's orders for each of the list (money_events.sql).

-- sale_events: of orders what each is made of, without the taxes; and that its cost is not known. An order whose
-- parts could not be read is unclassified, with what is left of its total.
create or replace function private.sale_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, o.platform_id, null, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null
    from (select distinct unnest(p_orders) as id) as w
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral private.sale_parts(o) as p
    cross join lateral (values
        ('order', 0),
        (case when p.goods is null then 'unclassified' else 'gross_sales' end,
         coalesce(p.goods, o.total_amount - p.tax - p.shipping - p.other - p.tip, 0)),
        ('discount', case when p.goods is not null then -p.discount end),
        ('shipping', p.shipping), ('other_income', p.other), ('tip', p.tip),
        ('uncosted', case when o.cost_state = 'linked' then null else 0 end)) as e (class, amount)
    where private.counts_as_sale(o)
      and (e.amount <> 0 or e.amount is not null and e.class in ('order', 'gross_sales', 'unclassified', 'uncosted'));
$$;

-- sold_cost_events: what printing cost, of the orders that it is linked to, on the day of their sale.
create or replace function private.sold_cost_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select v.class, o.platform_id, null, o.ordered_at, o.ordered_at, c.currency, v.amount, 'order_costs', c.source_id, c.source
    from (select distinct unnest(p_orders) as id) as w
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral (select k.connection_id, k.source_id from private.cost_links as k
                        where k.order_connection_id = o.connection_id and k.order_platform_id = o.platform_id offset 0) as k
    join public.order_costs as c on c.connection_id = k.connection_id and c.source_id = k.source_id
    join public.profiles as u on u.user_id = c.user_id
    cross join lateral private.cost_parts(c, u.reclaims_tax) as v
    where not o.is_deleted and c.state = 'linked';
$$;

-- not_all_marked: of these connections those of which hours have to be told.
create or replace function private.not_all_marked(p_connections uuid[]) returns uuid[]
language plpgsql set search_path = '' as $$
begin
    return array(select c.id from unnest(p_connections) as c (id) where not private.is_all_marked(c.id));
end $$;

-- mark_touched: the hours of these rows are touched, and those of the orders that they are about: what an order is decides what its refunds
-- and its taxes are, and the other way round. One row a connection, whatever a page brought. (plpgsql, whose plan stays: four a page.)
create or replace function private.mark_touched(p_table text, p_rows private.touched_row[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare shops uuid[] := private.not_all_marked(array(select distinct r.connection_id from unnest(p_rows) as r));
begin
    if shops = '{}' then
        return;
    end if;
    with rows_ as materialized (select * from unnest(p_rows) as r where r.connection_id = any (shops)),
    about as materialized (select distinct r.connection_id, r.order_id from rows_ as r where r.order_id is not null),
    moments as (
        select r.connection_id, r.at from rows_ as r
        union all
        select a.connection_id, o.ordered_at from about as a
        cross join lateral (select o.ordered_at from public.orders as o
                            where p_table <> 'orders' and o.connection_id = a.connection_id and o.platform_id = a.order_id offset 0) as o
        union all
        select a.connection_id, f.refunded_at from about as a
        cross join lateral (select f.refunded_at, f.is_deleted from public.order_refunds as f
                            where f.connection_id = a.connection_id and f.order_platform_id = a.order_id and not f.is_deleted offset 0) as f
        union all
        -- Whether it counts decides what is told of all that happened to it.
        select a.connection_id, s.happened_at from about as a
        cross join lateral (select s.happened_at from public.order_sales as s
                            where p_table = 'orders' and s.connection_id = a.connection_id and s.order_platform_id = a.order_id
                              and not s.is_deleted offset 0) as s
        union all
        select a.connection_id, t.processed_at from about as a
        cross join lateral (select t.processed_at from public.order_transactions as t
                            where p_table = 'orders' and t.connection_id = a.connection_id and t.order_platform_id = a.order_id
                              and not t.is_deleted offset 0) as t)
    insert into private.money_marks (connection_id, table_name, run_id, hours)
    select m.connection_id, p_table, (select coalesce(private.recording_for(), max(r.run_id::text)::uuid) from rows_ as r),
           array_agg(distinct date_bin('1 hour', m.at, '2000-01-01Z'))
    from moments as m where m.at is not null
    group by m.connection_id having exists (select from public.connected_accounts as a where a.id = m.connection_id);
end $$;

-- mark_lines: what was sold, of which product. Lines that come with their order are marked with it.
create or replace function private.mark_lines() returns trigger
language plpgsql security definer set search_path = '' as $$
declare shops uuid[] := private.not_all_marked(array(select distinct c.connection_id from came as c));
begin
    if shops <> '{}' then
        perform private.mark_touched(tg_table_name, array(
            select row(c.connection_id, c.sync_run_id, c.order_platform_id, null)::private.touched_row
            from came as c
            cross join lateral (select o.fetched_at from public.orders as o
                                where o.connection_id = c.connection_id and o.platform_id = c.order_platform_id offset 0) as o
            where o.fetched_at <> c.fetched_at and c.connection_id = any (shops)));
    end if;
    return null;
end $$;

-- orders_told: some orders of a user's shops with what is known of each: its items, the figures of all that ever happened to it by currency, and
-- what is not known. Unknown, never nothing: `cost`, `fees`, `unclassified`; `other_currency` where a part of its profit is in another
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
               count(distinct s.currency) filter (where s.part = 'profit' and s.amount <> 0) as currencies
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
                   case when m.fees then 'fees' end, case when m.unclassified then 'unclassified' end,
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

-- etsy_taxes: each part of the tax in these orders, whose it is, what the ledger took of it, and what of it came back and when. It is the
-- platform's where the ledger took it. A state's fee for deliveries is in the total and in no part that a receipt names. What came back is told
-- beside what was taken, so that a ledger in another currency tells as much.
create or replace function private.etsy_taxes(p_connection_id uuid, p_orders text[])
returns table (order_platform_id text, part text, is_paid boolean, whose text, amount bigint, taken bigint, back_at timestamptz[], back bigint[])
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select w.id, v.part, b.is_paid, case when v.taken > 0 then 'platform' when b.is_paid then 'seller' else 'unknown' end,
           case when v.part <> 'delivery_fee' then v.amount when v.taken > 0 then greatest(v.amount, 0) else 0 end, v.taken, v.back_at, v.back
    from unnest(p_orders) as w (id)
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral private.sale_parts(o) as p
    cross join lateral (
        select coalesce(bool_or(t.class = 'payment'), false) as is_paid,
               sum(-t.amount) filter (where t.is_tax and t.amount < 0) as tax, sum(-t.amount) filter (where t.is_vat and t.amount < 0) as vat,
               sum(-t.amount) filter (where t.is_fee and t.amount < 0) as fee,
               array_agg(t.at order by t.at, t.id) filter (where t.is_tax and t.amount > 0) as tax_at,
               array_agg(t.amount order by t.at, t.id) filter (where t.is_tax and t.amount > 0) as tax_back,
               array_agg(t.at order by t.at, t.id) filter (where t.is_vat and t.amount > 0) as vat_at,
               array_agg(t.amount order by t.at, t.id) filter (where t.is_vat and t.amount > 0) as vat_back,
               array_agg(t.at order by t.at, t.id) filter (where t.is_fee and t.amount > 0) as fee_at,
               array_agg(t.amount order by t.at, t.id) filter (where t.is_fee and t.amount > 0) as fee_back
        from (select p.platform_id as id, p.occurred_at as at, p.entry_amount as amount, k.class, p.entry_type like 'sales\_tax%' as is_tax,
                     p.entry_type like 'vat\_tax%' or p.entry_type like 'VAT\_%' as is_vat, p.entry_type like 'buyer\_fee%' as is_fee
              from public.payments as p
              join private.money_kinds as k on k.platform = 'etsy' and k.source = 'ledger'
                                           and (k.kind = p.entry_type or p.entry_type like '%\_refund' and k.kind = left(p.entry_type, -7))
              where p.connection_id = p_connection_id and p.order_platform_id = w.id and not p.is_deleted
                and k.class in ('payment', 'tax_passed') offset 0) as t) as b
    cross join lateral (values
        ('sales_tax', coalesce(o.tax_amount, 0), coalesce(b.tax, 0)::bigint, b.tax_at, b.tax_back),
        ('vat', coalesce(o.vat_amount, 0), coalesce(b.vat, 0)::bigint, b.vat_at, b.vat_back),
        ('delivery_fee', o.total_amount - p.goods + p.discount - p.shipping - p.other - p.tip - p.tax, coalesce(b.fee, 0)::bigint,
         b.fee_at, b.fee_back)) as v (part, amount, taken, back_at, back);
$$;

-- money_reversals_etsy: what was given back of these orders. A refund is an amount (sheet, section 8); which part of it was tax is in
-- the ledger where Etsy took that (etsy/open-api#29), and the tax's share of it where the seller owes it. An entry belongs to the last refund
-- that was not later, by a few minutes at most.
create or replace function private.money_reversals_etsy(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with refunds as materialized (
        select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, coalesce(r.refund_amount, 0) as amount,
               (sum(coalesce(r.refund_amount, 0)) over so_far)::bigint as sum_, lead(r.refunded_at) over (
                   partition by r.order_platform_id order by r.refunded_at, r.platform_id) as next_at
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, r.refund_amount from public.order_refunds as r
                            where r.connection_id = p_connection_id and r.order_platform_id = w.id and not r.is_deleted
                              and coalesce(r.status, '') not in ('failed', 'failure') offset 0) as r
        window so_far as (partition by r.order_platform_id order by r.refunded_at, r.platform_id rows unbounded preceding)),
    taxes as materialized (
        select * from private.etsy_taxes(p_connection_id, array(select distinct r.order_platform_id from refunds as r))),
    split as (
        select r.*, o.ordered_at, o.platform_id as order_id, x.platform, x.seller, x.unknown, p.goods, p.shipping, p.other, p.adjustment
        from refunds as r
        left join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = r.order_platform_id offset 0) as at_ on true
        left join public.orders as o on o.ctid = at_.ctid
        cross join lateral (
            select round(coalesce(sum(b.amount) filter (where t.whose = 'platform'), 0))::bigint as platform,
                   round(coalesce(sum(b.amount) filter (where t.whose = 'seller'), 0))::bigint as seller,
                   round(coalesce(sum(b.amount) filter (where t.whose = 'unknown'), 0))::bigint as unknown
            from taxes as t
            cross join lateral (
                select case when r.sum_ >= o.total_amount then t.amount
                            when t.taken > 0 then least(t.amount, round(t.amount * (
                                select coalesce(sum(u.back), 0) from unnest(t.back_at, t.back) as u (at, back)
                                where r.next_at is null or u.at < r.next_at - interval '5 minutes') / t.taken))
                            else r.sum_::numeric * t.amount / o.total_amount end as amount) as b
            where t.order_platform_id = r.order_platform_id) as x
        left join lateral private.refund_parts(o, r.sum_, x.platform + x.seller + x.unknown) as p on true
        where o.platform_id is null or private.counts_as_sale(o)),
    steps as (
        select s.*, lag(s.goods, 1, 0::bigint) over w as g, lag(s.shipping, 1, 0::bigint) over w as h, lag(s.other, 1, 0::bigint) over w as i,
               lag(s.adjustment, 1, 0::bigint) over w as a, lag(s.platform, 1, 0::bigint) over w as x,
               lag(s.seller, 1, 0::bigint) over w as y, lag(s.unknown, 1, 0::bigint) over w as z
        from split as s window w as (partition by s.order_platform_id order by s.refunded_at, s.platform_id))
    select e.class, s.order_platform_id, null, s.refunded_at, s.ordered_at, s.currency, -e.amount, 'order_refunds', s.platform_id,
           case when s.order_id is null then 'order_not_there' end
    from steps as s
    cross join lateral (values
        ('reversal_goods', s.goods - s.g), ('reversal_shipping', s.shipping - s.h), ('reversal_other', s.other - s.i),
        ('reversal_adjustment', case when s.order_id is null then s.amount else s.adjustment - s.a end),
        ('reversal_tax_platform', s.platform - s.x), ('reversal_tax_seller', s.seller - s.y), ('reversal_tax_unknown', s.unknown - s.z)
    ) as e (class, amount)
    where e.amount <> 0;
$$;

-- etsy_sales: what these orders are made of, what printing them cost, who owes the tax, and that the fees are not told yet: the ledger books
-- both with the payment.
create or replace function private.etsy_sales(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query select * from private.sale_events(p_connection_id, p_orders);
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
    return query
        select e.class, o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null::text
        from private.etsy_taxes(p_connection_id, p_orders) as t
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = t.order_platform_id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        cross join lateral (values
            ('tax_' || t.whose, nullif(t.amount, 0)),
            ('fees_unknown', case when t.part = 'sales_tax' and not t.is_paid and coalesce(o.total_amount, 0) > 0 then 0 end)
        ) as e (class, amount)
        where private.counts_as_sale(o) and e.amount is not null;
end $$;

-- etsy_entries: entries of the ledger as events.
create or replace function private.etsy_entries(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select l.class, l.order_platform_id, null::text, l.occurred_at, o.ordered_at, l.currency, l.entry_amount, 'payments', l.platform_id,
           l.entry_type
    from private.etsy_ledger(p_connection_id, p_from, p_to, p_orders) as l
    left join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = l.order_platform_id offset 0) as at_ on true
    left join public.orders as o on o.ctid = at_.ctid;
$$;

-- money_certificate_etsy: the ledger of a day: each balance is the one before it plus the entry, so that the day's classes are what the balance
-- changed by; and of each order that was paid in the ledger's own currency, what came in is what it was made of. Parts of a coupon
-- that Etsy pays for are shown as a difference.
create or replace function private.money_certificate_etsy(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns jsonb
language sql stable set search_path = '' as $$
    with entries as materialized (
        select l.*, p.sequence_number, p.balance_amount
        from private.etsy_ledger(p_connection_id, p_from, p_to, null) as l
        join public.payments as p on p.connection_id = p_connection_id and p.platform_id = l.platform_id),
    chain as materialized (
        select e.*, b.balance_amount as before, b.currency as currency_before
        from entries as e left join lateral (
            select p.balance_amount, p.currency from public.payments as p
            where p.connection_id = p_connection_id and not p.is_deleted and p.sequence_number < e.sequence_number
            order by p.sequence_number desc limit 1) as b on true),
    breaks as (
        select * from chain as c where c.before is not null and c.currency_before = c.currency and c.balance_amount <> c.before + c.entry_amount),
    paid as materialized (
        select e.order_platform_id as id, e.currency, sum(e.entry_amount) as found
        from entries as e where e.class = 'payment' and e.order_platform_id is not null group by 1, 2),
    orders_ as (
        select w.id, w.found, p.goods - p.discount + p.shipping + p.other + p.tip + p.tax - coalesce((
                   select sum(b.entry_amount) from public.payments as b
                   where b.connection_id = p_connection_id and b.order_platform_id = w.id and b.entry_type = 'buyer_fee' and not b.is_deleted), 0) as expected
        from paid as w
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid and o.currency = w.currency
        cross join lateral private.sale_parts(o) as p)
    select jsonb_build_array(
        jsonb_build_object('check', 'balance', 'ok', not exists (select from breaks), 'entries', (select count(*) from entries),
            'opening', (select coalesce(c.before, c.balance_amount - c.entry_amount) from chain as c order by c.sequence_number limit 1),
            'classes', (select coalesce(jsonb_object_agg(k.class, k.amount), '{}')
                        from (select e.class, sum(e.entry_amount) as amount from entries as e group by 1) as k),
            'closing', (select c.balance_amount from chain as c order by c.sequence_number desc limit 1),
            'rows', (select coalesce(jsonb_agg(jsonb_build_object('entry', b.platform_id, 'expected', b.before + b.entry_amount,
                                                                  'found', b.balance_amount)), '[]') from (select * from breaks order by sequence_number limit 20) as b)),
        jsonb_build_object('check', 'orders', 'ok', not exists (select from orders_ as o where o.expected <> o.found),
            'orders', (select count(*) from orders_),
            'rows', (select coalesce(jsonb_agg(jsonb_build_object('order', d.id, 'expected', d.expected, 'found', d.found)), '[]')
                     from (select * from orders_ as o where o.expected <> o.found order by o.id limit 20) as d)));
$$;

-- shopify_sales: the journal's sales of a time, or of these orders, as events (sheet of money, A2). A sale holds its tax, which stands apart, by who
-- has to pay it to the state; what was sold stands before its discount.
create or replace function private.shopify_sales(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    with sales as (
        select s.* from public.order_sales as s
        where p_orders is null and s.connection_id = p_connection_id and s.happened_at >= p_from and s.happened_at < p_to and not s.is_deleted
        union all
        select s.* from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select s.* from public.order_sales as s
                            where s.connection_id = p_connection_id and s.order_platform_id = w.id and not s.is_deleted offset 0) as s
        where p_orders is not null)
    select e.class, s.order_platform_id, s.line_platform_id, s.happened_at, o.ordered_at, s.currency, e.amount, 'order_sales', s.platform_id, s.reason
    from sales as s
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = s.order_platform_id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    left join private.money_kinds as k on k.platform = 'shopify' and k.source = 'sale' and k.kind = concat_ws(' ', s.line_type, s.action_type)
    cross join lateral (select coalesce(k.class, 'unclassified') as class,
                              s.total_amount - case when k.class is null then 0 else coalesce(s.tax_amount, 0) end as net,
                               case when k.class = 'gross_sales' then coalesce(s.discount_amount, 0) else 0 end as discount,
                               case when s.total_amount < 0 then 'reversal_tax_' else 'tax_' end as tax,
                               coalesce(s.tax_amount, 0) - coalesce(s.channel_tax_amount, 0) - coalesce(s.seller_tax_amount, 0) as unknown) as v
    cross join lateral (values (v.class, v.net + v.discount), ('discount', -v.discount), (v.tax || 'platform', coalesce(s.channel_tax_amount, 0)),
                               (v.tax || 'seller', coalesce(s.seller_tax_amount, 0)), (v.tax || 'unknown', v.unknown)) as e (class, amount)
    -- What is unclassified is so with its tax.
    where private.counts_as_sale(o) and (e.amount <> 0 or e.class = 'gross_sales') and (k.class is not null or e.class = 'unclassified');
$$;

-- shopify_refunds: what was given back of these orders, where their journal was not read yet: by their refunds, the tax by its share.
create or replace function private.shopify_refunds(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with refunds as materialized (
        select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, coalesce(r.refund_amount, 0) as amount,
               sum(coalesce(r.refund_amount, 0)) over (
                   partition by r.order_platform_id order by r.refunded_at, r.platform_id rows unbounded preceding) as sum_
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, r.refund_amount from public.order_refunds as r
                            where r.connection_id = p_connection_id and r.order_platform_id = w.id and not r.is_deleted offset 0) as r
        where not exists (select from public.order_journals as j
                          where j.connection_id = p_connection_id and j.platform_id = w.id and not j.is_deleted)),
    split as (
        select r.*, o.ordered_at, o.platform_id as order_id, p.*
        from refunds as r
        left join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = r.order_platform_id offset 0) as at_ on true
        left join public.orders as o on o.ctid = at_.ctid
        left join lateral private.sale_parts(o) as s on true
        left join lateral private.refund_parts(o, r.sum_::bigint, (case
            when r.sum_ >= o.total_amount then s.tax
            when coalesce(o.total_amount, 0) > 0 then round(r.sum_ * s.tax / o.total_amount) else 0 end)::bigint) as p on true
        where o.platform_id is null or private.counts_as_sale(o)),
    steps as (
        select s.platform_id, s.order_platform_id, s.refunded_at, s.currency, s.amount, s.ordered_at, s.order_id,
               s.goods - lag(s.goods, 1, 0::bigint) over w as goods, s.shipping - lag(s.shipping, 1, 0::bigint) over w as shipping,
               s.other - lag(s.other, 1, 0::bigint) over w as other, s.adjustment - lag(s.adjustment, 1, 0::bigint) over w as adjustment,
               s.tax - lag(s.tax, 1, 0::bigint) over w as tax
        from split as s
        window w as (partition by s.order_platform_id order by s.refunded_at, s.platform_id))
    select e.class, s.order_platform_id, null, s.refunded_at, s.ordered_at, s.currency, -e.amount, 'order_refunds', s.platform_id,
           case when s.order_id is null then 'order_not_there' end
    from steps as s
    cross join lateral (values
        ('reversal_goods', s.goods), ('reversal_shipping', s.shipping), ('reversal_other', s.other),
        ('reversal_adjustment', case when s.order_id is null then s.amount else s.adjustment end), ('reversal_tax_unknown', s.tax)) as e (class, amount)
    where e.amount <> 0;
$$;

-- shopify_orders: what is told of these orders beside their journal: that they are orders, what printing them cost, what is not known of them; and
-- what they are made of, where their journal was not read yet.
create or replace function private.shopify_orders(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query
        select s.* from private.sale_events(p_connection_id, p_orders) as s
        where s.class in ('order', 'uncosted') or not exists (
            select from public.order_journals as j
            where j.connection_id = p_connection_id and j.platform_id = s.order_platform_id and not j.is_deleted);
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
    return query
        select e.class, o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null::text
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        cross join lateral private.sale_parts(o) as p
        cross join lateral (select
            exists (select from public.order_journals as j
                    where j.connection_id = p_connection_id and j.platform_id = o.platform_id and not j.is_deleted) as has_journal,
            exists (select from public.order_transactions as t
                    where t.connection_id = p_connection_id and t.order_platform_id = o.platform_id and not t.is_deleted
                      and t.kind in ('sale', 'capture') and t.status = 'success' and t.fees_amount is null
                      and t.gateway is distinct from 'gift_card') as lacks_fees) as x
        cross join lateral (values ('tax_unknown', case when not x.has_journal then nullif(p.tax, 0) end),
                                   ('fees_unknown', case when x.lacks_fees then 0 end)) as e (class, amount)
        where private.counts_as_sale(o) and e.amount is not null;
end $$;

-- shopify_payments: what was paid in a time, or for orders, and what Shopify's own payments took. What another gateway took nobody tells.
create or replace function private.shopify_payments(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, t.order_platform_id, null::text, t.processed_at, o.ordered_at, e.currency, e.amount, 'order_transactions', t.platform_id,
           t.gateway
    from (select t.* from public.order_transactions as t
          where p_orders is null and t.connection_id = p_connection_id and t.processed_at >= p_from and t.processed_at < p_to and not t.is_deleted
          union all
          select t.* from (select distinct unnest(p_orders) as id) as w
          cross join lateral (select t.* from public.order_transactions as t
                              where t.connection_id = p_connection_id and t.order_platform_id = w.id and not t.is_deleted
                                and t.processed_at is not null offset 0) as t
          where p_orders is not null) as t
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = t.order_platform_id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral (values
        ('payment', case when t.kind in ('sale', 'capture') then t.transaction_amount end, t.currency),
        ('refund_paid', case when t.kind = 'refund' then -t.transaction_amount end, t.currency),
        ('other_income', t.rounding_amount, t.currency),
        ('fee_payment', -t.fees_amount, coalesce(t.fee_currency, t.currency)),
        ('tax_on_fees', -t.fees_tax_amount, coalesce(t.fee_currency, t.currency))) as e (class, amount, currency)
    where t.status = 'success' and not coalesce(t.is_test, false) and private.counts_as_sale(o) and e.amount <> 0;
$$;

-- is_history_open: whether a shop's history is being read right now. Every day would be rolled up again and again until it is whole; while it
-- waits for long, as for another day's calls, what is there is rolled up.
create or replace function private.is_history_open(p_connection_id uuid) returns boolean
language sql stable as $$
    select exists (select from public.sync_jobs as j
                   where j.connection_id = p_connection_id and j.job_type = 'backfill'
                     and (j.status in ('queued', 'running') or j.status = 'parked' and j.run_after < now() + interval '10 minutes'));
$$;

-- roll_newest: the newest days of a shop whose history is being read. The marks stay: when it is whole, all of it is rolled up.
create or replace function public.roll_newest(p_connection_id uuid, p_days int default 7) returns void
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts; newest date;
begin
    select * into connection from public.connected_accounts where id = p_connection_id;
    select (max(m.at) at time zone z.zone)::date into newest
    from ((select o.ordered_at as at from public.orders as o
           where o.connection_id = p_connection_id and not o.is_deleted and o.ordered_at > '-infinity' order by o.ordered_at desc limit 1)
          union all
          (select p.occurred_at from public.payments as p
           where p.connection_id = p_connection_id and not p.is_deleted and p.occurred_at > '-infinity' order by p.occurred_at desc limit 1)) as m
    cross join private.zones_of(p_connection_id) as z where m.at >= z.since and m.at < z.until group by z.zone order by 1 desc limit 1;
    if newest is not null then
        perform pg_advisory_xact_lock(hashtextextended('keeper money ' || p_connection_id, 0));
        perform private.roll_days(connection, newest - p_days + 1, p_days);
    end if;
end $$;

revoke all on function public.roll_newest(uuid, int) from public, anon, authenticated;

grant execute on function public.roll_newest(uuid, int) to service_role;
