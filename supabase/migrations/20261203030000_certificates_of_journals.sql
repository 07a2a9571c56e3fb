-- Closed days of Shopify's are held against what the platform says that each order comes to.

-- money_certificate_shopify: of each order that was made in this time the sales of its journal come to what the platform says that it comes to
-- now. `unproven`: those whose journal was not read, and those with tips or gift cards, of which it is not confirmed that they are in that total.
create or replace function private.money_certificate_shopify(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with orders_ as materialized (
        select w.id, j.current_total_amount as expected, s.found, coalesce(j.current_total_amount is not null and not s.is_apart, false) as is_held
        from unnest(private.orders_of_time(p_connection_id, p_from, p_to)) as w (id)
        left join public.order_journals as j on j.connection_id = p_connection_id and j.platform_id = w.id and not j.is_deleted
        cross join lateral (
            select coalesce(sum(s.total_amount), 0)::bigint as found, coalesce(bool_or(s.line_type in ('tip', 'gift_card')), false) as is_apart
            from public.order_sales as s
            where s.connection_id = p_connection_id and s.order_platform_id = w.id and not s.is_deleted offset 0) as s)
    select jsonb_build_array(jsonb_build_object(
        'check', 'journals', 'ok', not exists (select from orders_ as o where o.is_held and o.expected <> o.found),
        'orders', (select count(*) from orders_ as o where o.is_held), 'unproven', (select count(*) from orders_ as o where not o.is_held),
        'rows', (select coalesce(jsonb_agg(jsonb_build_object('order', d.id, 'expected', d.expected, 'found', d.found)), '[]')
                 from (select * from orders_ as o where o.is_held and o.expected <> o.found order by o.id limit 20) as d)));
$$;
