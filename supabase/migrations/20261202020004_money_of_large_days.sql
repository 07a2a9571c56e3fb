-- A day of a thousand orders: lists of values were made ready anew for each, and what came back of taxes was gathered for orders that gave nothing back.

-- sale_events: of orders what each is made of, without the taxes; and that its cost is not known. An order whose
-- parts could not be read is unclassified, with what is left of its total.
create or replace function private.sale_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, o.platform_id, null, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null
    from (select distinct unnest(p_orders) as id) as w
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral (select * from private.sale_parts(o) offset 0) as p
    -- Arrays, and no list of values: that would be made ready anew for every order.
    cross join lateral unnest(
        array['order', case when p.goods is null then 'unclassified' else 'gross_sales' end, 'discount', 'shipping', 'other_income', 'tip',
              'uncosted'],
        array[0, coalesce(p.goods, o.total_amount - p.tax - p.shipping - p.other - p.tip, 0), case when p.goods is not null then -p.discount end,
              p.shipping, p.other, p.tip, case when o.cost_state = 'linked' then null else 0 end]) as e (class, amount)
    where private.counts_as_sale(o)
      and (e.amount <> 0 or e.amount is not null and e.class in ('order', 'gross_sales', 'unclassified', 'uncosted'));
$$;

-- etsy_tax_entries: what the ledger says of an order's payment (`part` null) and of its taxes, by their part.
create or replace function private.etsy_tax_entries(p_connection_id uuid, p_order text)
returns table (id text, part text, at timestamptz, amount bigint) language sql stable as $$
    select p.platform_id, case when k.class = 'payment' then null
                               when p.entry_type like 'sales\_tax%' then 'sales_tax'
                               when p.entry_type like 'vat\_tax%' or p.entry_type like 'VAT\_%' then 'vat'
                               when p.entry_type like 'buyer\_fee%' then 'delivery_fee' else 'other' end, p.occurred_at, p.entry_amount
    from (select p.platform_id, p.entry_type, p.occurred_at, p.entry_amount from public.payments as p
          where p.connection_id = p_connection_id and p.order_platform_id = p_order and not p.is_deleted offset 0) as p
    cross join lateral (
        select k.class from private.money_kinds as k
        where k.platform = 'etsy' and k.source = 'ledger'
          and k.kind = any (array[p.entry_type, case when p.entry_type like '%\_refund' then left(p.entry_type, -7) end]) offset 0) as k
    where k.class in ('payment', 'tax_passed');
$$;

drop function private.etsy_taxes(uuid,text[]);

-- etsy_taxes: each part of the tax in these orders, whose it is, and what the ledger took of it. It is the platform's where the ledger took it.
-- A state's fee for deliveries is in the total and in no part that a receipt names.
create or replace function private.etsy_taxes(p_connection_id uuid, p_orders text[])
returns table (order_platform_id text, ordered_at timestamptz, currency text, total_amount bigint, is_counted boolean, part text,
               is_paid boolean, whose text, amount bigint, taken bigint)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select o.platform_id, o.ordered_at, o.currency, o.total_amount, private.counts_as_sale(o), v.part, b.is_paid,
           case when v.taken > 0 then 'platform' when b.is_paid then 'seller' else 'unknown' end,
           case when v.part <> 'delivery_fee' then v.amount when v.taken > 0 then greatest(v.amount, 0) else 0 end, v.taken
    from unnest(p_orders) as w (id)
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral (select * from private.sale_parts(o) offset 0) as p
    cross join lateral (
        select coalesce(bool_or(t.part is null), false) as is_paid,
               coalesce(sum(-t.amount) filter (where t.part = 'sales_tax'), 0)::bigint as tax,
               coalesce(sum(-t.amount) filter (where t.part = 'vat'), 0)::bigint as vat,
               coalesce(sum(-t.amount) filter (where t.part = 'delivery_fee'), 0)::bigint as fee
        from private.etsy_tax_entries(p_connection_id, w.id) as t where t.part is null or t.amount < 0) as b
    cross join lateral unnest(
        array['sales_tax', 'vat', 'delivery_fee'],
        array[coalesce(o.tax_amount, 0), coalesce(o.vat_amount, 0), o.total_amount - p.goods + p.discount - p.shipping - p.other - p.tip - p.tax],
        array[b.tax, b.vat, b.fee]) as v (part, amount, taken);
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
                                select coalesce(sum(u.amount), 0) from private.etsy_tax_entries(p_connection_id, r.order_platform_id) as u
                                where u.part = t.part and u.amount > 0
                                  and (r.next_at is null or u.at < r.next_at - interval '5 minutes')) / t.taken))
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
        select e.class, t.order_platform_id, null::text, t.ordered_at, t.ordered_at, t.currency, e.amount, 'orders', t.order_platform_id, null::text
        from private.etsy_taxes(p_connection_id, p_orders) as t
        cross join lateral unnest(
            array['tax_' || t.whose, 'fees_unknown'],
            array[nullif(t.amount, 0), case when t.part = 'sales_tax' and not t.is_paid and coalesce(t.total_amount, 0) > 0 then 0 end]
        ) as e (class, amount)
        where t.is_counted and e.amount is not null;
end $$;
