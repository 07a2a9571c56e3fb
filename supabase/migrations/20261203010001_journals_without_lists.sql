-- Events of Shopify's journals, refunds and payments without a list of values beside each row, and a journal looked for once an order.

-- cost_parts: what one order of a printer adds to the classes of cost. What is not known adds nothing, and what is of an unknown
-- kind is unclassified. Whether its tax is a cost is the seller's to say.
create or replace function private.cost_parts(c public.order_costs, p_reclaims boolean) returns table (class text, amount bigint)
language sql immutable as $$
    select case when c.is_classified then v.class else 'unclassified' end, -v.amount
    from unnest(array['cogs_goods', 'cogs_shipping', case when p_reclaims then 'cogs_tax_reclaimed' else 'cogs_tax' end],
                array[c.production_amount, c.shipping_amount, c.tax_amount]) as v (class, amount)
    where v.amount <> 0;
$$;

-- money_reversals_etsy: what was given back of these orders. A refund is an amount (sheet, section 8); which part of it was tax is in
-- the ledger where Etsy took that (etsy/open-api#29), and the tax's share of it where the seller owes it. An entry belongs to the last refund
-- that was not later, by a few minutes at most, or half of the time between two.
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
                                select coalesce(sum(u.amount), 0) from private.etsy_tax_entries(p_connection_id, r.order_platform_id) as u
                                where u.part = t.part and u.amount > 0
                                  and (r.next_at is null or u.at < r.next_at - least(interval '5 minutes', (r.next_at - r.refunded_at) / 2))) / t.taken))
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
    cross join lateral unnest(
        array['reversal_goods', 'reversal_shipping', 'reversal_other', 'reversal_adjustment',
              'reversal_tax_platform', 'reversal_tax_seller', 'reversal_tax_unknown'],
        array[s.goods - s.g, s.shipping - s.h, s.other - s.i, case when s.order_id is null then s.amount else s.adjustment - s.a end,
              s.platform - s.x, s.seller - s.y, s.unknown - s.z]) as e (class, amount)
    where e.amount <> 0;
$$;

drop function private.shopify_sales(uuid,timestamp with time zone,timestamp with time zone,text[]);

-- shopify_sales: the journal's sales of a time, or of these orders, as events (sheet of money, A2). A sale holds its tax, which stands apart, by who
-- has to pay it to the state; what was sold stands before its discount. `p_only_back`: of what was taken back alone.
create or replace function private.shopify_sales(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[],
                                                 p_only_back boolean default false)
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
    cross join lateral (select o.ordered_at, private.counts_as_sale(o) as counts from public.orders as o
                        where o.connection_id = p_connection_id and o.platform_id = s.order_platform_id offset 0) as o
    left join private.money_kinds as k on k.platform = 'shopify' and k.source = 'sale' and k.kind = s.line_type || ' ' || s.action_type
    cross join lateral (select coalesce(s.tax_amount, 0) as tax, coalesce(s.channel_tax_amount, 0) as channel, coalesce(s.seller_tax_amount, 0) as seller,
                               case when k.class = 'gross_sales' then coalesce(s.discount_amount, 0) else 0 end as discount,
                               case when s.total_amount < 0 then 'reversal_tax_' else 'tax_' end as owed offset 0) as v
    -- Arrays, and no list of values: that would be made ready anew for every sale. What is unclassified is so with its tax.
    cross join lateral unnest(
        case when k.class is null then array['unclassified'] else array[k.class, 'discount', v.owed || 'platform', v.owed || 'seller', v.owed || 'unknown'] end,
        case when k.class is null then array[s.total_amount]
             else array[s.total_amount - v.tax + v.discount, -v.discount, v.channel, v.seller, v.tax - v.channel - v.seller] end) as e (class, amount)
    where (not p_only_back or k.class like 'reversal\_%' or s.total_amount < 0) and o.counts and (e.amount <> 0 or e.class = 'gross_sales');
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
    cross join lateral unnest(
        array['reversal_goods', 'reversal_shipping', 'reversal_other', 'reversal_adjustment', 'reversal_tax_unknown'],
        array[s.goods, s.shipping, s.other, case when s.order_id is null then s.amount else s.adjustment end, s.tax]) as e (class, amount)
    where e.amount <> 0;
$$;

-- money_reversals_shopify: what was taken back of these orders, by the journal, or else by their refunds.
create or replace function private.money_reversals_shopify(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' as $$
    select * from private.shopify_sales(p_connection_id, null, null, p_orders, true) as e where e.class like 'reversal\_%'
    union all
    select * from private.shopify_refunds(p_connection_id, p_orders);
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
    return query select * from private.sale_events(p_connection_id, p_orders) as s where s.class in ('order', 'uncosted');
    return query select * from private.sale_events(p_connection_id, unread) as s where s.class not in ('order', 'uncosted');
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
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
    cross join lateral (select o.ordered_at, private.counts_as_sale(o) as counts from public.orders as o
                        where o.connection_id = p_connection_id and o.platform_id = t.order_platform_id offset 0) as o
    cross join lateral (select coalesce(t.fee_currency, t.currency) as fees offset 0) as c
    -- Arrays, and no list of values: that would be made ready anew for every payment.
    cross join lateral unnest(
        array['payment', 'refund_paid', 'other_income', 'fee_payment', 'tax_on_fees'],
        array[case when t.kind in ('sale', 'capture') then t.transaction_amount end, case when t.kind = 'refund' then -t.transaction_amount end,
              t.rounding_amount, -t.fees_amount, -t.fees_tax_amount],
        array[t.currency, t.currency, t.currency, c.fees, c.fees]) as e (class, amount, currency)
    where t.status = 'success' and not coalesce(t.is_test, false) and o.counts and e.amount <> 0;
$$;
