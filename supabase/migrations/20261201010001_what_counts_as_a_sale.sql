-- A part payment is a sale, a promise is none; a tax on fees comes on top of them; what is unclassified is so with its tax.

-- counts_as_sale: money came for it, if not all of it, and it is no test; what was voided was never paid in the end. Where a platform does not
-- say that it is paid, it is what its status does not deny: money that is only promised is no sale yet.
create or replace function private.counts_as_sale(o public.orders) returns boolean
language sql immutable as $$
    select not o.is_deleted and (coalesce(o.is_paid, true) or o.status = 'partially_paid') and not coalesce(o.is_test, false)
       and coalesce(o.status, '') not in ('voided', 'pending', 'authorized', 'expired');
$$;

-- money_events_etsy: orders for what was sold, refunds for what was taken back, the ledger for everything else.
create or replace function private.money_events_etsy(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare sold text[] := array(select o.platform_id from public.orders as o
                             where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and not o.is_deleted);
        refunded text[] := array(select distinct r.order_platform_id from public.order_refunds as r
                                 where r.connection_id = p_connection_id and r.refunded_at >= p_from and r.refunded_at < p_to
                                   and not r.is_deleted);
begin
    return query select * from private.sale_events(p_connection_id, p_from, p_to);
    return query select * from private.sold_cost_events(p_connection_id, p_from, p_to);
    -- Who owes the tax, and that the fees are not told yet: the ledger books both with the payment.
    return query
        select e.class, o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null::text
        from private.etsy_taxes(p_connection_id, sold) as t
        join public.orders as o on o.connection_id = p_connection_id and o.platform_id = t.order_platform_id
        cross join lateral (values
            ('tax_' || t.whose, nullif(t.amount, 0)),
            ('fees_unknown', case when t.part = 'sales_tax' and not t.is_paid and coalesce(o.total_amount, 0) > 0 then 0 end)
        ) as e (class, amount)
        where private.counts_as_sale(o) and e.amount is not null;
    return query select * from private.money_reversals_etsy(p_connection_id, refunded) as e
        where e.at >= p_from and e.at < p_to;
    return query
        select l.class, l.order_platform_id, null::text, l.occurred_at, o.ordered_at, l.currency, l.entry_amount, 'payments', l.platform_id,
               l.entry_type
        from private.etsy_ledger(p_connection_id, p_from, p_to) as l
        left join public.orders as o on o.connection_id = p_connection_id and o.platform_id = l.order_platform_id;
end $$;

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
        join public.order_sales as s on s.connection_id = p_connection_id and s.order_platform_id = w.id and not s.is_deleted
        where p_orders is not null)
    select e.class, s.order_platform_id, s.line_platform_id, s.happened_at, o.ordered_at, s.currency, e.amount, 'order_sales', s.platform_id, s.reason
    from sales as s
    join public.orders as o on o.connection_id = p_connection_id and o.platform_id = s.order_platform_id
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
        left join public.orders as o on o.connection_id = p_connection_id and o.platform_id = r.order_platform_id
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

-- money_events_shopify: the journal of sales for what was sold and taken back (orders and refunds alone, where it was not read yet), and
-- transactions for what was paid and what Shopify's own payments took. What another gateway took nobody tells.
create or replace function private.money_events_shopify(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare refunded text[] := array(select distinct r.order_platform_id from public.order_refunds as r
                                 where r.connection_id = p_connection_id and r.refunded_at >= p_from and r.refunded_at < p_to
                                   and not r.is_deleted);
begin
    return query
        select s.* from private.sale_events(p_connection_id, p_from, p_to) as s
        where s.class in ('order', 'uncosted') or not exists (
            select from public.order_journals as j
            where j.connection_id = p_connection_id and j.platform_id = s.order_platform_id and not j.is_deleted);
    return query select * from private.sold_cost_events(p_connection_id, p_from, p_to);
    return query select * from private.shopify_sales(p_connection_id, p_from, p_to, null);
    return query select * from private.shopify_refunds(p_connection_id, refunded) as e where e.at >= p_from and e.at < p_to;
    return query
        select e.class, o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null::text
        from public.orders as o cross join lateral private.sale_parts(o) as p
        cross join lateral (select
            exists (select from public.order_journals as j
                    where j.connection_id = p_connection_id and j.platform_id = o.platform_id and not j.is_deleted) as has_journal,
            exists (select from public.order_transactions as t
                    where t.connection_id = p_connection_id and t.order_platform_id = o.platform_id and not t.is_deleted
                      and t.kind in ('sale', 'capture') and t.status = 'success' and t.fees_amount is null
                      and t.gateway is distinct from 'gift_card') as lacks_fees) as x
        cross join lateral (values ('tax_unknown', case when not x.has_journal then nullif(p.tax, 0) end),
                                   ('fees_unknown', case when x.lacks_fees then 0 end)) as e (class, amount)
        where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and private.counts_as_sale(o)
          and e.amount is not null;
    return query
        select e.class, t.order_platform_id, null::text, t.processed_at, o.ordered_at, e.currency, e.amount, 'order_transactions', t.platform_id,
               t.gateway
        from public.order_transactions as t
        join public.orders as o on o.connection_id = p_connection_id and o.platform_id = t.order_platform_id
        cross join lateral (values
            ('payment', case when t.kind in ('sale', 'capture') then t.transaction_amount end, t.currency),
            ('refund_paid', case when t.kind = 'refund' then -t.transaction_amount end, t.currency),
            ('other_income', t.rounding_amount, t.currency),
            ('fee_payment', -t.fees_amount, coalesce(t.fee_currency, t.currency)),
            ('tax_on_fees', -t.fees_tax_amount, coalesce(t.fee_currency, t.currency))) as e (class, amount, currency)
        where t.connection_id = p_connection_id and t.processed_at >= p_from and t.processed_at < p_to and not t.is_deleted
          and t.status = 'success' and not coalesce(t.is_test, false) and private.counts_as_sale(o) and e.amount <> 0;
end $$;

-- mark_touched: the hours of these rows are touched, and those of the orders that they are about: what an order is decides what its refunds
-- and its taxes are, and the other way round. One row a connection, whatever a page brought.
create or replace function private.mark_touched(p_table text, p_rows private.touched_row[]) returns void
language sql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with rows_ as materialized (select * from unnest(p_rows)),
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
      -- What goes with its connection is rolled up nowhere.
      and exists (select from public.connected_accounts as a where a.id = m.connection_id)
    group by m.connection_id;
$$;
