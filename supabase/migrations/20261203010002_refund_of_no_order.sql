-- What was given back of an order that is not there was told twice: as goods, and as an adjustment.

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
        left join lateral private.refund_parts(o, r.sum_, x.platform + x.seller + x.unknown) as p on o.platform_id is not null
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
            when coalesce(o.total_amount, 0) > 0 then round(r.sum_ * s.tax / o.total_amount) else 0 end)::bigint) as p on o.platform_id is not null
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
