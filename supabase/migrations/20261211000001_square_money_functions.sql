-- What Square's records come to, as money events (docs/decisions/047); when anything happened, platform by platform; what is no sale.

-- counts_as_sale: money came for it, if not all of it, and it is no test; what was voided was never paid in the end. Where a platform does not
-- say that it is paid, it is what its status does not deny: money that is only promised is no sale yet. Nor is one that sold nothing and took
-- something back: that is a return, which is an order of its own at some.
create or replace function private.counts_as_sale(o public.orders) returns boolean
language sql immutable as $$
    select not o.is_deleted and not coalesce(o.is_test, false)
       and (coalesce(o.is_paid, coalesce(o.status, '') not in ('open', 'draft', 'canceled')) or o.status = 'partially_paid')
       and coalesce(o.status, '') not in ('voided', 'pending', 'authorized', 'expired')
       and not coalesce(o.total_amount = 0 and o.current_total_amount < 0, false);
$$;

-- money_times: when anything happened to a connection's money. What a platform has in tables of its own, private.money_times_<platform> says.
create or replace function private.money_times(p_connection_id uuid) returns setof timestamptz
language plpgsql stable set search_path = '' as $$
declare place text;
begin
    return query
        select o.ordered_at from public.orders as o where o.connection_id = p_connection_id and not o.is_deleted
        union all
        select r.refunded_at from public.order_refunds as r where r.connection_id = p_connection_id and not r.is_deleted
        union all
        select p.occurred_at from public.payments as p where p.connection_id = p_connection_id and not p.is_deleted
        union all
        select s.happened_at from public.order_sales as s where s.connection_id = p_connection_id and not s.is_deleted
        union all
        select t.processed_at from public.order_transactions as t where t.connection_id = p_connection_id and not t.is_deleted
        union all
        select b.processed_at from public.balance_transactions as b where b.connection_id = p_connection_id and not b.is_deleted
        union all
        select c.ordered_at from public.order_costs as c where c.connection_id = p_connection_id and c.state <> 'linked';
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.money_times_%s(uuid)', place)) is not null then
        return query execute format('select * from private.%I($1)', 'money_times_' || place) using p_connection_id;
    end if;
end $$;

-- money_dates: the dates of UTC of which a connection has any record of money. A date that nothing happened on is none of them: one record
-- of the year 1 touches a day, and not two thousand years.
create or replace function private.money_dates(p_connection_id uuid) returns setof date
language sql stable set search_path = '' as $$
    select (m.at at time zone 'UTC')::date from private.money_times(p_connection_id) as m (at) where m.at > '-infinity' group by 1;
$$;

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
               coalesce(-sum(e.amount) filter (where c.figure = 'cost_of_goods'), 0) as cost, bool_or(e.class = 'disputes_unknown') as is_disputed,
               bool_or(e.class = 'gross_sales') as is_sold
        from unnest(shops) as s (id) cross join lateral private.money_events(s.id, '-infinity', 'infinity') as e
        join private.money_classes as c on c.class = e.class and (c.part = 'profit' or c.class = 'disputes_unknown')
        where e.order_platform_id is not null
        group by 1, 2, 3),
    whole as materialized (
        select p.shop, p.id, min(p.code) as code, max(p.code) as other, sum(p.revenue) as revenue, sum(p.refunds) as refunds, sum(p.fees) as fees,
               sum(p.cost) as cost, bool_or(p.is_disputed) as is_disputed, bool_or(p.is_sold) as is_sold
        from parts as p where p.revenue <> 0 or p.refunds <> 0 or p.fees <> 0 or p.cost <> 0 or p.is_disputed group by 1, 2)
    select o.platform, o.connection_id, o.platform_id, o.order_number, o.ordered_at, o.currency,
           case when m.is_told then coalesce(w.revenue, 0) end::bigint,
           coalesce(w.refunds, 0)::bigint, coalesce(w.fees, 0)::bigint, o.cost_state, o.cost_source, o.cost_amount, o.cost_currency, m.same,
           case when m.same and not coalesce(w.is_disputed, false) and o.cost_state = 'linked' and m.is_told
                then w.revenue - w.refunds - w.fees - w.cost end::bigint
    from public.orders as o
    left join whole as w on w.shop = o.connection_id and w.id = o.platform_id
    cross join lateral (select coalesce(w.code, o.currency) = o.currency and coalesce(w.other, o.currency) = o.currency
                               and coalesce(o.cost_currency, o.currency) = o.currency as same,
                               -- By the order, or by its lines.
                               o.item_total_amount is not null or o.subtotal_amount is not null or coalesce(w.is_sold, false) as is_told) as m
    where o.connection_id = any (shops) and private.counts_as_sale(o);
end $$;

-- square_lines: the lines of these orders that were sold, each without its tax: its total has that inside or on top, and less the tax it is the same.
-- What was shared out to it of service charges stands with those. `is_read`: all of its amounts are known.
create or replace function private.square_lines(p_connection_id uuid, p_orders text[])
returns table (order_id text, line_id text, is_gift_card boolean, net bigint, discount bigint, is_read boolean)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select w.id, l.platform_id, coalesce(l.item_type = 'gift_card', false),
           coalesce(l.total_amount, 0) - coalesce(l.tax_amount, 0) - coalesce(l.service_charge_amount, 0), coalesce(l.discount_amount, 0),
           l.total_amount is not null and not l.raw ? 'keeper_unreadable'
    from (select distinct unnest(p_orders) as id) as w
    cross join lateral (select l.* from public.line_items as l
                        where l.connection_id = p_connection_id and l.order_platform_id = w.id and not l.is_deleted offset 0) as l;
$$;

-- square_charges: the service charges of these orders, without their tax.
create or replace function private.square_charges(p_connection_id uuid, p_orders text[])
returns table (order_id text, charge_id text, net bigint, is_read boolean)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select w.id, c.platform_id, coalesce(c.total_amount - coalesce(c.tax_amount, 0), c.applied_amount, 0),
           coalesce(c.total_amount, c.applied_amount) is not null and not c.raw ? 'keeper_unreadable'
    from (select distinct unnest(p_orders) as id) as w
    cross join lateral (select c.* from public.order_service_charges as c
                        where c.connection_id = p_connection_id and c.order_platform_id = w.id and not c.is_deleted offset 0) as c;
$$;

-- square_wholes: these orders, those that are sales: what each says that it comes to, and what its parts come to. The tax is the seller's. `is_read`:
-- every part is known; what is then left between the two is a difference of the platform's own (money_certificate_square).
create or replace function private.square_wholes(p_connection_id uuid, p_orders text[])
returns table (id text, at timestamptz, currency text, total bigint, tax bigint, tip bigint, rounding bigint, parts bigint, is_read boolean)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with parts as materialized (
        select p.order_id, sum(p.net)::bigint as net, bool_and(p.is_read) as is_read
        from (select l.order_id, l.net, l.is_read from private.square_lines(p_connection_id, p_orders) as l
              union all
              select c.order_id, c.net, c.is_read from private.square_charges(p_connection_id, p_orders) as c) as p
        group by 1)
    select o.platform_id, o.ordered_at, o.currency, o.total_amount, v.tax, v.tip, v.rounding, coalesce(p.net, 0) + v.tax + v.tip + v.rounding,
           coalesce(p.is_read, coalesce(o.total_amount, 1) = v.tax + v.tip + v.rounding) and o.total_amount is not null
    from (select distinct unnest(p_orders) as id) as w
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    left join parts as p on p.order_id = w.id
    cross join lateral (
        select coalesce(o.tax_amount, 0) as tax, coalesce(o.tip_amount, 0) as tip,
               case when jsonb_typeof(o.raw #> '{rounding_adjustment,amount_money,amount}') = 'number'
                    then (o.raw #>> '{rounding_adjustment,amount_money,amount}')::bigint else 0 end as rounding offset 0) as v
    where private.counts_as_sale(o);
$$;

-- square_sales: what these orders are made of, what it cost, and which payments' fees are not told yet. Square tells a fee some time after the payment;
-- cash, what others took and its own gift cards cost none.
create or replace function private.square_sales(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query
        with wholes as materialized (select * from private.square_wholes(p_connection_id, p_orders)),
        sold as materialized (select array(select w.id from wholes as w) as ids)
        select e.class, w.id, null::text, w.at, w.at, w.currency, e.amount, 'orders', w.id, null::text
        from wholes as w
        cross join lateral unnest(
            array['order', 'other_income', 'tip', 'tax_seller', 'unclassified'],
            array[0, w.rounding, w.tip, w.tax, case when not w.is_read then coalesce(w.total - w.parts, 0) end]) as e (class, amount)
        where e.amount <> 0 or e.class = 'order' or e.class = 'unclassified' and e.amount is not null
        union all
        select e.class, w.id, l.line_id, w.at, w.at, w.currency, e.amount, 'line_items', l.line_id, null
        from private.square_lines(p_connection_id, (select s.ids from sold as s)) as l join wholes as w on w.id = l.order_id
        cross join lateral unnest(
            array['gross_sales', 'discount', 'gift_card'],
            case when l.is_gift_card then array[null, null, l.net] else array[l.net + l.discount, -l.discount, null] end) as e (class, amount)
        where l.is_read and (e.amount <> 0 or e.class = 'gross_sales' and e.amount is not null)
        union all
        select 'other_income', w.id, null, w.at, w.at, w.currency, c.net, 'order_service_charges', c.charge_id, null
        from private.square_charges(p_connection_id, (select s.ids from sold as s)) as c join wholes as w on w.id = c.order_id
        where c.is_read and c.net <> 0
        union all
        select 'fees_unknown', w.id, null, w.at, w.at, w.currency, 0, 'orders', w.id, null
        from wholes as w
        cross join lateral (select exists (
            select from public.order_payments as p
            where p.connection_id = p_connection_id and p.order_platform_id = w.id and not p.is_deleted and p.status = 'completed'
              and p.fees_amount is null and p.gross_amount is distinct from 0 and coalesce(p.payment_method, '') not in ('cash', 'external')
              and not exists (select from public.tenders as t
                              where t.connection_id = p_connection_id and t.payment_platform_id = p.platform_id and t.tender_type = 'square_gift_card'
                                and not t.is_deleted)) as are_lacking offset 0) as f
        where f.are_lacking;
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
    return query select * from private.goods_cost_events(p_connection_id, p_orders);
end $$;

-- square_returns: what came back, by its orders: an order of a return names the one that was sold. It stands on the day of the return. A line that
-- names none of the sale's is an amount without goods; where every refund of it failed, nothing was given back.
create or replace function private.square_returns(p_connection_id uuid, p_returns text[]) returns setof private.money_event
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with returns as materialized (
        select r.order_platform_id as id, r.source_order_platform_id as sale_id, min(r.platform_id) as source_id, o.ordered_at as at, o.currency,
               sum(r.total_amount)::bigint as total, sum(coalesce(r.tax_amount, 0))::bigint as tax, sum(coalesce(r.tip_amount, 0))::bigint as tip,
               sum(coalesce(r.service_charge_amount, 0))::bigint as charges, bool_and(r.total_amount is not null) as is_read
        from (select distinct unnest(p_returns) as id) as w
        cross join lateral (select r.* from public.order_returns as r
                            where r.connection_id = p_connection_id and r.order_platform_id = w.id and not r.is_deleted offset 0) as r
        cross join lateral (select o.ordered_at, o.currency from public.orders as o
                            where o.connection_id = p_connection_id and o.platform_id = w.id and not o.is_deleted
                              and coalesce(o.status, '') not in ('draft', 'canceled') offset 0) as o
        cross join lateral (select coalesce(bool_and(f.status in ('failed', 'rejected')), false) as have_all_failed from public.order_refunds as f
                            where f.connection_id = p_connection_id and f.order_platform_id = w.id and not f.is_deleted offset 0) as f
        where not f.have_all_failed
        group by 1, 2, 4, 5),
    lines as materialized (
        select r.id, r.sale_id, l.platform_id as source_id, s.platform_id as line_id, l.source_line_uid is not null as is_goods,
               coalesce(s.item_type = 'gift_card', false) as is_gift_card, coalesce(l.total_amount, 0) - coalesce(l.tax_amount, 0) as net,
               l.total_amount is not null and not l.raw ? 'keeper_unreadable' as is_read
        from returns as r
        cross join lateral (select l.* from public.order_return_lines as l
                            where l.connection_id = p_connection_id and l.order_platform_id = r.id and not l.is_deleted
                              and l.source_order_platform_id is not distinct from r.sale_id offset 0) as l
        left join lateral (select s.platform_id, s.item_type from public.line_items as s
                           where s.connection_id = p_connection_id and s.platform_id = concat(r.sale_id, ':', l.source_line_uid, ':1') offset 0) as s on true),
    wholes as materialized (
        select r.*, r.is_read and coalesce(l.is_read, true) as is_known, r.total - r.tax - r.tip - coalesce(l.net, 0) as rest
        from returns as r
        left join lateral (select sum(l.net)::bigint as net, bool_and(l.is_read) as is_read from lines as l
                           where l.id = r.id and l.sale_id is not distinct from r.sale_id) as l on true)
    select e.class, coalesce(w.sale_id, w.id), e.line_id, w.at, o.ordered_at, w.currency, -e.amount, e.source_table, e.source_id,
           case when o.ordered_at is null then 'order_not_there' end
    from wholes as w
    left join lateral (select o.ordered_at from public.orders as o
                       where o.connection_id = p_connection_id and o.platform_id = w.sale_id offset 0) as o on true
    cross join lateral (
        -- What is left of the whole beside its lines are service charges, where it has any.
        select u.class, u.amount, null::text as line_id, 'order_returns' as source_table, w.source_id
        from unnest(array['reversal_tax_seller', 'tip', case when not w.is_known then 'unclassified' when w.charges <> 0 then 'reversal_other' else 'reversal_adjustment' end],
                    array[w.tax, w.tip, case when w.is_known then w.rest else coalesce(w.rest, 0) end]) as u (class, amount)
        union all
        select case when l.is_gift_card then 'gift_card' when l.is_goods then 'reversal_goods' else 'reversal_adjustment' end, l.net, l.line_id,
               'order_return_lines', l.source_id
        from lines as l where l.id = w.id and l.sale_id is not distinct from w.sale_id and l.is_read) as e
    where e.amount <> 0 or e.class = 'unclassified';
$$;

-- square_payments: what was paid in a time, or for orders, and what Square took of it: with the payment, whenever it was told.
create or replace function private.square_payments(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, p.order_platform_id, null::text, p.paid_at, o.ordered_at, p.currency, e.amount, 'order_payments', p.platform_id,
           p.payment_method
    from (select p.* from public.order_payments as p
          where p_orders is null and p.connection_id = p_connection_id and p.paid_at >= p_from and p.paid_at < p_to and not p.is_deleted
          union all
          select p.* from (select distinct unnest(p_orders) as id) as w
          cross join lateral (select p.* from public.order_payments as p
                              where p.connection_id = p_connection_id and p.order_platform_id = w.id and not p.is_deleted
                                and p.paid_at is not null offset 0) as p
          where p_orders is not null) as p
    left join lateral (select o.ordered_at from public.orders as o
                       where o.connection_id = p_connection_id and o.platform_id = p.order_platform_id offset 0) as o on true
    cross join lateral unnest(
        array['payment', 'fee_payment', 'unclassified'],
        array[p.gross_amount, -p.fees_amount, case when p.gross_amount is null then 0 end]) as e (class, amount)
    where p.status = 'completed' and (e.amount <> 0 or e.class = 'unclassified' and e.amount is not null);
$$;

-- square_refunds: money that went back to who paid, in a time or of orders, and what Square gave back of its fee. A refund that no return tells of is an
-- amount that was given back without goods.
create or replace function private.square_refunds(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, p.order_platform_id, null::text, r.refunded_at, o.ordered_at, r.currency, e.amount, 'payment_refunds', r.platform_id, r.status
    from (select r.* from public.payment_refunds as r
          where p_orders is null and r.connection_id = p_connection_id and r.refunded_at >= p_from and r.refunded_at < p_to and not r.is_deleted
          union all
          select r.* from (select distinct unnest(p_orders) as id) as w
          cross join lateral (select p.platform_id from public.order_payments as p
                              where p.connection_id = p_connection_id and p.order_platform_id = w.id and not p.is_deleted offset 0) as p
          cross join lateral (select r.* from public.payment_refunds as r
                              where r.connection_id = p_connection_id and r.payment_platform_id = p.platform_id and not r.is_deleted offset 0) as r
          where p_orders is not null) as r
    left join lateral (select p.order_platform_id from public.order_payments as p
                       where p.connection_id = p_connection_id and p.platform_id = r.payment_platform_id offset 0) as p on true
    left join lateral (select o.ordered_at from public.orders as o
                       where o.connection_id = p_connection_id and o.platform_id = p.order_platform_id offset 0) as o on true
    cross join lateral (select exists (select from public.order_returns as b
                                       where b.connection_id = p_connection_id and b.order_platform_id = r.order_platform_id and not b.is_deleted)
                               as is_told offset 0) as b
    cross join lateral unnest(
        array['refund_paid', 'fee_payment', 'reversal_adjustment', 'unclassified'],
        array[case when r.status = 'completed' then -r.refund_amount end, case when r.status = 'completed' then -r.fees_amount end,
              case when r.status in ('completed', 'pending') and not b.is_told then -r.refund_amount end,
              case when r.refund_amount is null or coalesce(r.status, '') not in ('completed', 'pending', 'failed', 'rejected') then 0 end]) as e (class, amount)
    where e.amount <> 0 or e.class = 'unclassified' and e.amount is not null;
$$;

-- square_disputes: what a payer's bank took at once, and gave back where the seller won. An inquiry takes nothing while it is one; of a word that nobody
-- knows it is not known what it took.
create or replace function private.square_disputes(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, p.order_platform_id, null::text, e.at, o.ordered_at, coalesce(d.currency, o.currency, 'XXX'), e.amount, 'payment_disputes',
           d.platform_id, d.status
    from public.payment_disputes as d
    left join lateral (select p.order_platform_id from public.order_payments as p
                       where p.connection_id = p_connection_id and p.platform_id = d.payment_platform_id offset 0) as p on true
    left join lateral (select o.ordered_at, o.currency from public.orders as o
                       where o.connection_id = p_connection_id and o.platform_id = p.order_platform_id offset 0) as o on true
    cross join lateral (select coalesce(d.disputed_at, d.source_updated_at) as begun,
                               d.disputed_amount is not null and coalesce(d.status, '') in ('evidence_required', 'processing', 'won', 'lost', 'accepted')
                               as is_known offset 0) as v
    cross join lateral unnest(
        array['dispute', 'dispute', 'disputes_unknown'],
        array[case when v.is_known then -d.disputed_amount end, case when v.is_known and d.status = 'won' then d.disputed_amount end,
              case when not v.is_known then 0 end],
        array[v.begun, d.source_updated_at, v.begun]) as e (class, amount, at)
    where d.connection_id = p_connection_id and not d.is_deleted and coalesce(d.status, '') not like 'inquiry\_%'
      and (e.amount <> 0 or e.class = 'disputes_unknown' and e.amount is not null)
      and case when p_orders is null then e.at >= p_from and e.at < p_to else p.order_platform_id = any (p_orders) end;
$$;

-- square_balance: payouts, and those of their entries that nothing else tells of. Charges, refunds, their fees and disputes are told by themselves. One
-- that failed moved nothing.
create or replace function private.square_balance(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns setof private.money_event
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select case when p.payout_amount is null then 'unclassified' else 'transfer' end, null::text, null::text, p.paid_out_at, null::timestamptz,
           p.currency, coalesce(-p.payout_amount, 0), 'payouts', p.platform_id, p.status
    from public.payouts as p
    where p.connection_id = p_connection_id and p.paid_out_at >= p_from and p.paid_out_at < p_to and not p.is_deleted
      and p.status is distinct from 'failed' and p.payout_amount is distinct from 0
    union all
    select case when e.net_amount is null then 'unclassified' else coalesce(k.class, 'unclassified') end, null, null, e.effective_at, null,
           e.currency, coalesce(e.net_amount, 0), 'payout_entries', e.platform_id, e.entry_type
    from public.payout_entries as e
    left join private.money_kinds as k on k.platform = 'square' and k.source = 'payout_entry' and k.kind = e.entry_type
    where e.connection_id = p_connection_id and e.effective_at >= p_from and e.effective_at < p_to and not e.is_deleted
      and k.class is distinct from 'none' and (e.net_amount <> 0 or e.net_amount is null);
$$;

-- money_events_square: orders for what was sold, orders of returns for what came back, payments and refunds for what was paid and what Square took.
create or replace function private.money_events_square(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' as $$
declare orders_ text[] := private.orders_of_time(p_connection_id, p_from, p_to);
begin
    return query select * from private.square_sales(p_connection_id, orders_);
    return query select * from private.square_returns(p_connection_id, orders_);
    return query select * from private.square_payments(p_connection_id, p_from, p_to, null);
    return query select * from private.square_refunds(p_connection_id, p_from, p_to, null);
    return query select * from private.square_disputes(p_connection_id, p_from, p_to, null);
    return query select * from private.square_balance(p_connection_id, p_from, p_to);
end $$;

-- square_returns_of: the orders by which something of these orders came back.
create or replace function private.square_returns_of(p_connection_id uuid, p_orders text[]) returns text[]
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select array(select r.order_platform_id from (select distinct unnest(p_orders) as id) as w
                 cross join lateral (select r.order_platform_id from public.order_returns as r
                                     where r.connection_id = p_connection_id and r.source_order_platform_id = w.id and not r.is_deleted offset 0) as r);
$$;

-- order_events_square: the same of some orders, whenever it happened.
create or replace function private.order_events_square(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' as $$
    select * from private.square_sales(p_connection_id, p_orders)
    union all
    select * from private.square_returns(p_connection_id, private.square_returns_of(p_connection_id, p_orders)) as e
    where e.order_platform_id = any (p_orders)
    union all
    select * from private.square_payments(p_connection_id, null, null, p_orders)
    union all
    select * from private.square_refunds(p_connection_id, null, null, p_orders)
    union all
    select * from private.square_disputes(p_connection_id, null, null, p_orders);
$$;

-- money_reversals_square: what was taken back of these orders.
create or replace function private.money_reversals_square(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' as $$
    select * from private.square_returns(p_connection_id, private.square_returns_of(p_connection_id, p_orders)) as e
    where e.order_platform_id = any (p_orders)
    union all
    select * from private.square_refunds(p_connection_id, null, null, p_orders) as e where e.class = 'reversal_adjustment';
$$;

-- money_times_square: when anything happened that no order and no order's refund tells.
create or replace function private.money_times_square(p_connection_id uuid) returns setof timestamptz
language sql stable set search_path = '' as $$
    select p.paid_at from public.order_payments as p where p.connection_id = p_connection_id and not p.is_deleted
    union all
    select r.refunded_at from public.payment_refunds as r where r.connection_id = p_connection_id and not r.is_deleted
    union all
    select t.at from public.payment_disputes as d cross join lateral unnest(array[d.disputed_at, d.source_updated_at]) as t (at)
    where d.connection_id = p_connection_id and not d.is_deleted
    union all
    select p.paid_out_at from public.payouts as p where p.connection_id = p_connection_id and not p.is_deleted
    union all
    select e.effective_at from public.payout_entries as e where e.connection_id = p_connection_id and not e.is_deleted;
$$;

-- money_certificate_square: of each order that was made in this time the parts come to what it says that it comes to; and each payout that was paid is
-- the sum of its entries: there is no running balance.
create or replace function private.money_certificate_square(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with orders_ as materialized (
        select w.id, w.total as expected, w.parts as found, w.is_read
        from private.square_wholes(p_connection_id, private.orders_of_time(p_connection_id, p_from, p_to)) as w),
    payouts as materialized (
        select p.platform_id as id, p.payout_amount as expected, coalesce(e.found, 0) as found
        from public.payouts as p
        cross join lateral (select sum(e.net_amount) as found from public.payout_entries as e
                            where e.connection_id = p_connection_id and e.payout_platform_id = p.platform_id and not e.is_deleted offset 0) as e
        where p.connection_id = p_connection_id and p.paid_out_at >= p_from and p.paid_out_at < p_to and not p.is_deleted and p.status = 'paid'
          -- One that is paid within another has no entries of its own.
          and p.payout_type is distinct from 'simple')
    select jsonb_build_array(
        jsonb_build_object(
            'check', 'orders', 'ok', not exists (select from orders_ as o where o.is_read and o.expected <> o.found),
            'orders', (select count(*) from orders_ as o where o.is_read), 'unproven', (select count(*) from orders_ as o where not o.is_read),
            'rows', (select coalesce(jsonb_agg(jsonb_build_object('order', d.id, 'expected', d.expected, 'found', d.found)), '[]')
                     from (select * from orders_ as o where o.is_read and o.expected <> o.found order by o.id limit 20) as d)),
        jsonb_build_object(
            'check', 'payouts', 'ok', not exists (select from payouts as p where p.expected is distinct from p.found),
            'payouts', (select count(*) from payouts),
            'rows', (select coalesce(jsonb_agg(jsonb_build_object('payout', d.id, 'expected', d.expected, 'found', d.found)), '[]')
                     from (select * from payouts as p where p.expected is distinct from p.found order by p.id limit 20) as d)));
$$;
