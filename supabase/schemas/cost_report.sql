-- What a seller made of each order: revenue, refunds, fees, cost of goods, profit. Amounts of two currencies are never
-- added: where a part of an order is in another currency than the order itself, its profit is not told.

-- order_profits: every order of a user's channels with its money. Revenue is what the buyer paid less the taxes that
-- are passed on; fees are those that the ledger, or else the payment, names for the order.
create or replace function private.order_profits(p_user_id uuid) returns table (
        platform text, connection_id uuid, platform_id text, order_number text, ordered_at timestamptz, currency text, revenue bigint,
        refunds bigint, fees bigint, cost_state text, cost_source text, cost bigint, cost_currency text,
        one_currency boolean, profit bigint)
language plpgsql stable set search_path = '' as $$
declare shops uuid[] := private.connections_of(p_user_id);
begin
    return query
    with taken as (
        select p.connection_id, p.order_platform_id, p.currency, -sum(p.entry_amount) as fees
        from public.payments as p
        where p.connection_id = any (shops) and not p.is_deleted and p.order_platform_id is not null
          and private.is_fee(p.entry_type)
        group by 1, 2, 3
        union all
        -- Where there is no ledger, the fees stand with the payment.
        select p.connection_id, p.order_platform_id, p.currency, sum(p.fees_amount)
        from public.order_payments as p
        where p.connection_id = any (shops) and not p.is_deleted and p.fees_amount is not null
          and p.platform not in (select c.platform from private.sales_channels as c where c.has_ledger)
        group by 1, 2, 3),
    fee as materialized (
        select t.connection_id, t.order_platform_id, min(t.currency) as currency, max(t.currency) as other, sum(t.fees) as fees
        from taken as t group by 1, 2),
    refund as materialized (
        select r.connection_id, r.order_platform_id, min(r.currency) as currency, max(r.currency) as other,
               case when count(*) = count(r.refund_amount) then sum(r.refund_amount) end as refunds
        from public.order_refunds as r where r.connection_id = any (shops) and not r.is_deleted group by 1, 2)
    select o.platform, o.connection_id, o.platform_id, o.order_number, o.ordered_at, o.currency, m.revenue, m.refunds, m.fees,
           o.cost_state, o.cost_source, o.cost_amount, o.cost_currency, m.same,
           case when m.same and o.cost_state = 'linked' then m.revenue - m.refunds - m.fees - o.cost_amount end
    from public.orders as o
    left join fee as f on f.connection_id = o.connection_id and f.order_platform_id = o.platform_id
    left join refund as r on r.connection_id = o.connection_id and r.order_platform_id = o.platform_id
    cross join lateral (
        select o.total_amount - coalesce(o.tax_amount, 0) - coalesce(o.vat_amount, 0) as revenue,
               case when r.order_platform_id is null then 0 else r.refunds end::bigint as refunds, coalesce(f.fees, 0)::bigint as fees,
               coalesce(f.currency, o.currency) = o.currency and coalesce(f.other, o.currency) = o.currency
               and coalesce(r.currency, o.currency) = o.currency and coalesce(r.other, o.currency) = o.currency
               and coalesce(o.cost_currency, o.currency) = o.currency as same) as m
    where o.connection_id = any (shops) and not o.is_deleted;
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
                   sum(c.production_amount + c.shipping_amount) as cost
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
                           'cost', c.production_amount + c.shipping_amount,
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
