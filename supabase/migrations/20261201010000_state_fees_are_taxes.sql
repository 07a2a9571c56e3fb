-- The fee of a state for deliveries is a tax of the order: given back wholly, an order comes to nothing with it too.

-- refund_parts: the sum of refunds of an order, of which so much was tax, as goods, shipping, the rest and tax. The goods come first,
-- as far as there were any, then shipping, then the rest; more than that is an adjustment. What was refunded wholly comes to nothing.
-- Of sums, so that several refunds of an order add up: each is what the sum has grown by.
create or replace function private.refund_parts(o public.orders, p_sum bigint, p_tax bigint)
returns table (goods bigint, shipping bigint, other bigint, adjustment bigint, tax bigint)
language sql immutable as $$
    select g.goods, s.shipping, r.other, x.rest - g.goods - s.shipping - r.other, t.tax
    from private.sale_parts(o) as p
    cross join lateral (select least(greatest(p_tax, 0), p_sum) as tax) as t
    cross join lateral (select p_sum - t.tax as rest) as x
    cross join lateral (select least(x.rest, greatest(coalesce(p.goods, x.rest) - p.discount, 0)) as goods) as g
    cross join lateral (select least(x.rest - g.goods, p.shipping) as shipping) as s
    cross join lateral (select least(x.rest - g.goods - s.shipping, p.other + p.tip) as other) as r;
$$;

drop function private.etsy_taxes(uuid,text[]);

-- etsy_taxes: each part of the tax in these orders, whose it is, what the ledger took of it, and what of it came back and when. It is the
-- platform's where the ledger took it. A state's fee for deliveries is in the total and in no part that a receipt names. What came back is told
-- beside what was taken, so that a ledger in another currency tells as much.
create or replace function private.etsy_taxes(p_connection_id uuid, p_orders text[])
returns table (order_platform_id text, part text, is_paid boolean, whose text, amount bigint, taken bigint, back_at timestamptz[], back bigint[])
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select w.id, v.part, b.is_paid, case when v.taken > 0 then 'platform' when b.is_paid then 'seller' else 'unknown' end,
           case when v.part <> 'delivery_fee' then v.amount when v.taken > 0 then greatest(v.amount, 0) else 0 end, v.taken, v.back_at, v.back
    from unnest(p_orders) as w (id)
    join public.orders as o on o.connection_id = p_connection_id and o.platform_id = w.id
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
        left join public.orders as o on o.connection_id = p_connection_id and o.platform_id = r.order_platform_id
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

-- money_events_etsy: orders for what was sold, refunds for what was taken back, the ledger for everything else.
create or replace function private.money_events_etsy(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' as $$
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
