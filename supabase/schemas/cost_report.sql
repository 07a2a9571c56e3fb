-- What a seller made of each order: revenue, refunds, fees, cost of goods, profit. Amounts of two currencies are never
-- added: where a part of an order is in another currency than the order itself, its profit is not told; nor where nobody says what a bank
-- took back of it.

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

-- cost_report: totals by platform and currency, and what could not be linked, by reason, the newest p_limit of each
-- kind; of all of the user's connections, or of some.
create or replace function public.cost_report(p_user_id uuid, p_limit int default 20, p_connections uuid[] default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '50s' as $$
begin
    return (
        with money as materialized (
            select m.*, a.shop_id, a.shop_name
            from private.order_profits(p_user_id) as m join public.connected_accounts as a on a.id = m.connection_id
            where p_connections is null or m.connection_id = any (p_connections)),
        totals as (
            select m.platform, m.currency, count(*) as orders,
                   count(*) filter (where m.cost_state = 'linked') as linked,
                   count(*) filter (where m.cost_state = 'no_cost_yet') as no_cost_yet,
                   count(*) filter (where m.cost_state = 'ambiguous') as ambiguous,
                   count(*) filter (where m.cost_state = 'linked' and not m.one_currency) as two_currencies,
                   count(m.profit) as with_profit,
                   coalesce(sum(m.revenue) filter (where m.profit is not null), 0) as revenue,
                   coalesce(sum(m.refunds) filter (where m.profit is not null), 0) as refunds,
                   coalesce(sum(m.fees) filter (where m.profit is not null), 0) as fees,
                   coalesce(sum(m.cost) filter (where m.profit is not null), 0) as cost,
                   coalesce(sum(m.profit), 0) as profit,
                   count(*) filter (where m.profit < 0) as at_a_loss
            from money as m group by 1, 2),
        spent as (
            select c.source, c.currency, c.state, coalesce(c.reason, '') as reason, count(*) as count,
                   sum(c.production_amount + c.shipping_amount + coalesce(c.tax_amount, 0)) as cost
            from public.order_costs as c
            where c.user_id = p_user_id and (p_connections is null or c.connection_id = any (p_connections))
            group by 1, 2, 3, 4),
        open_ones as (
            select c.*, a.shop_id, row_number() over (partition by c.state order by c.ordered_at desc nulls last, c.source_id) as place
            from public.order_costs as c join public.connected_accounts as a on a.id = c.connection_id
            where c.user_id = p_user_id and c.state <> 'linked'
              and (p_connections is null or c.connection_id = any (p_connections)))
        select jsonb_build_object(
            'rules', public.cost_rules(),
            'digits', (select coalesce(jsonb_object_agg(k.code, private.digits_of(k.code)), '{}')
                       from (select currency from money union select cost_currency from money
                             union select currency from spent) as k(code) where k.code is not null),
            'totals', (select coalesce(jsonb_agg(to_jsonb(t) order by t.platform, t.currency), '[]') from totals as t),
            'spent', (select coalesce(jsonb_agg(to_jsonb(s) order by s.source, s.state, s.reason, s.currency), '[]')
                      from spent as s),
            'open', (
                select coalesce(jsonb_agg(jsonb_build_object(
                           'source', c.source, 'shop_id', c.shop_id, 'source_id', c.source_id, 'state', c.state, 'reason', c.reason,
                           'order_type', c.order_type, 'reference', c.reference, 'label', c.label,
                           'reprint_of', c.reprint_of, 'ordered_at', c.ordered_at, 'currency', c.currency,
                           'cost', c.production_amount + c.shipping_amount + coalesce(c.tax_amount, 0),
                           'candidates', (
                               select coalesce(jsonb_agg(jsonb_build_object('platform', k.platform, 'shop_id', a.shop_id,
                                                                            'platform_id', k.order_platform_id)
                                                         order by k.platform, k.order_platform_id, a.shop_id), '[]')
                               from private.cost_links as k
                               join public.connected_accounts as a on a.id = k.order_connection_id
                               where k.connection_id = c.connection_id and k.source_id = c.source_id))
                       order by c.state, c.place), '[]')
                from open_ones as c where c.place <= p_limit),
            'orders', (
                select coalesce(jsonb_agg(to_jsonb(n) order by n.ordered_at desc, n.platform_id), '[]')
                from (select * from money as m where m.cost_state <> 'no_cost_yet' or m.cost_source is not null
                      order by m.ordered_at desc, m.platform_id limit p_limit) as n)));
end $$;
revoke all on function public.cost_report(uuid, int, uuid[]) from public, anon, authenticated;
grant execute on function public.cost_report(uuid, int, uuid[]) to service_role;
