-- Money events: what happened to a seller's money, derived from synced rows alone and kept nowhere, so that they can be built
-- anew at any time (docs/decisions/037). Income is positive, cost negative. Each platform's part stands in its own file:
-- private.money_events_<platform> for what happened in a time, private.order_events_<platform> for all that ever happened to some orders, and
-- private.money_reversals_<platform> for what was taken back of them.

-- `sale_at`: when the sale was that this belongs to, null where that is not known.
create type private.money_event as (
    class text, order_platform_id text, line_platform_id text, at timestamptz, sale_at timestamptz, currency text, amount bigint,
    source_table text, source_id text, detail text);

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

-- sale_parts: what an order was made of. From its parts, never its total less taxes: fees of states and coupons of platforms are in
-- that. A tax that the total shows to be inside the prices comes out of the goods. `goods` is null where no part says it.
create or replace function private.sale_parts(o public.orders)
returns table (goods bigint, discount bigint, shipping bigint, other bigint, tip bigint, tax bigint)
language sql immutable as $$
    select p.item - case when p.vat <> 0 and o.total_amount = p.whole - p.vat then p.vat
                         when p.sales_tax <> 0 and o.total_amount = p.whole - p.sales_tax then p.sales_tax else 0 end,
           p.discount, p.shipping, p.other, p.tip, p.sales_tax + p.vat
    from (select q.*, q.item - q.discount + q.shipping + q.other + q.tip + q.sales_tax + q.vat as whole
          from (select coalesce(o.item_total_amount, o.subtotal_amount + coalesce(o.discount_amount, 0)) as item,
                       coalesce(o.discount_amount, 0) as discount, coalesce(o.shipping_amount, 0) as shipping,
                       coalesce(o.gift_wrap_amount, 0) as other, coalesce(o.tip_amount, 0) as tip,
                       coalesce(o.tax_amount, 0) as sales_tax, coalesce(o.vat_amount, 0) as vat) as q) as p;
$$;

-- orders_of_time: the orders that were made in a time.
create or replace function private.orders_of_time(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns text[]
language sql stable as $$
    select array(select o.platform_id from public.orders as o
                 where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and not o.is_deleted);
$$;

-- sale_events: of orders what each is made of, without the taxes. An order whose
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
        array['order', case when p.goods is null then 'unclassified' else 'gross_sales' end, 'discount', 'shipping', 'other_income', 'tip'],
        array[0, coalesce(p.goods, o.total_amount - p.tax - p.shipping - p.other - p.tip, 0), case when p.goods is not null then -p.discount end,
              p.shipping, p.other, p.tip]) as e (class, amount)
    where private.counts_as_sale(o)
      and (e.amount <> 0 or e.amount is not null and e.class in ('order', 'gross_sales', 'unclassified'));
$$;

-- cost_parts: what one order of a printer adds to the classes of cost. What is not known adds nothing, and what is of an unknown
-- kind is unclassified. Whether its tax is a cost is the seller's to say.
create or replace function private.cost_parts(c public.order_costs, p_reclaims boolean) returns table (class text, amount bigint)
language sql immutable as $$
    select case when c.is_classified then v.class else 'unclassified' end, -v.amount
    from unnest(array['cogs_goods', 'cogs_shipping', case when p_reclaims then 'cogs_tax_reclaimed' else 'cogs_tax' end],
                array[c.production_amount, c.shipping_amount, c.tax_amount]) as v (class, amount)
    where v.amount <> 0;
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

-- unsold_cost_events: what printing cost that belongs to no order, on the day that it was ordered, at the printer. `detail` says why.
create or replace function private.unsold_cost_events(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language sql stable set search_path = '' as $$
    select v.class, null, null, c.ordered_at, null::timestamptz, c.currency, v.amount, 'order_costs', c.source_id,
           coalesce(c.reason, c.state)
    from public.order_costs as c
    join public.profiles as u on u.user_id = c.user_id
    cross join lateral private.cost_parts(c, u.reclaims_tax) as v
    where c.connection_id = p_connection_id and c.state <> 'linked' and c.ordered_at >= p_from and c.ordered_at < p_to;
$$;

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

-- money_events: all of them of a connection in a time.
create or replace function private.money_events(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' as $$
declare place text;
begin
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.money_events_%s(uuid, timestamptz, timestamptz)', place)) is not null then
        return query execute format('select * from private.%I($1, $2, $3)', 'money_events_' || place)
            using p_connection_id, p_from, p_to;
    end if;
end $$;

-- order_events: all of them that belong to these orders, whenever they happened. Nothing where the platform's part does not say.
create or replace function private.order_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language plpgsql stable set search_path = '' as $$
declare place text;
begin
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.order_events_%s(uuid, text[])', place)) is not null then
        return query execute format('select * from private.%I($1, $2)', 'order_events_' || place) using p_connection_id, p_orders;
    end if;
end $$;

-- money_reversals: what was taken back of the sales of a time, whenever that was.
create or replace function private.money_reversals(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare place text;
begin
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.money_reversals_%s(uuid, text[])', place)) is not null then
        return query execute format('select * from private.%I($1, $2)', 'money_reversals_' || place)
            using p_connection_id, private.orders_of_time(p_connection_id, p_from, p_to);
    end if;
end $$;
