-- Parts: the figures of a shop's days by the buyers' countries and by products, of the same events and rolled up with them
-- (docs/decisions/040). Every event is of one country, or of none; what belongs to goods is shared out to the lines of its order.

create table public.money_countries (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    day date not null,
    currency text not null,
    -- Of the order that the event belongs to; empty where it belongs to none, or none is known.
    country text not null,
    class text not null,
    amount bigint not null,
    events int not null,
    primary key (connection_id, day, currency, country, class)
);
comment on table public.money_countries is 'What happened to a seller''s money on each day of the shop, by the buyers'' countries.';
select private.own_rows('money_countries');

-- `product`: the listing and its variant, or the title where a platform names neither; empty: of no line that is known.
create table public.money_products (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    day date not null,
    currency text not null,
    product text not null,
    class text not null,
    amount bigint not null,
    -- How many pieces were sold (`order`), and of how many the cost is not known (`uncosted`).
    pieces bigint not null,
    listing_platform_id text,
    variant_platform_id text,
    sku text,
    title text,
    primary key (connection_id, day, product, currency, class)
);
comment on table public.money_products is 'What was sold, taken back and paid for goods on each day of the shop, by product.';
select private.own_rows('money_products');

-- line_shares: each event about goods as the shares of the lines that it belongs to: its own line's, or those of its order's lines by
-- their value, the cents by what is left, so that shares add up to the event.
create or replace function private.line_shares(p_connection_id uuid, p_events private.money_event[])
returns table (at timestamptz, currency text, class text, amount bigint, pieces bigint, product text, listing_platform_id text,
               variant_platform_id text, sku text, title text)
-- There are few lines of an order, and no plan can know how many events an array has.
language sql stable set search_path = '' set enable_seqscan = off set enable_nestloop = off as $$
    with events as materialized (
        select e.* from unnest(p_events) as e
        where e.order_platform_id is not null
          and e.class in ('order', 'uncosted', 'gross_sales', 'discount', 'reversal_goods', 'cogs_goods', 'cogs_shipping', 'cogs_tax')),
    lines as materialized (
        select l.*, coalesce(nullif(concat_ws(':', l.listing_platform_id, l.variant_platform_id), ''), 'title:' || l.title, '') as product,
               case when sum(l.value) over whole > 0 then l.value else greatest(l.quantity, 1) end as weight
        from (select distinct e.order_platform_id as id from events as e) as w
        cross join lateral (
            select l.order_platform_id, l.platform_id, l.listing_platform_id, l.product_platform_id as variant_platform_id, l.sku, l.title,
                   l.quantity, greatest(l.quantity * coalesce(l.price_amount, 0), 0) as value
            from public.line_items as l
            where l.connection_id = p_connection_id and l.order_platform_id = w.id and not l.is_deleted offset 0) as l
        window whole as (partition by l.order_platform_id)),
    shares as materialized (
        select l.*, sum(l.weight) over (partition by l.order_platform_id order by l.platform_id) as upto,
               sum(l.weight) over (partition by l.order_platform_id) as whole from lines as l)
    select e.at, e.currency, e.class,
           case when s.platform_id is null or e.line_platform_id = s.platform_id then e.amount
                else (round(e.amount * s.upto / s.whole) - round(e.amount * (s.upto - s.weight) / s.whole))::bigint end,
           -- Where some lines have a cost, the others are named.
           case when e.class = 'order' or e.class = 'uncosted' and (e.detail is null or s.platform_id = any (string_to_array(e.detail, ',')))
                then coalesce(s.quantity, 0) else 0 end,
           coalesce(s.product, ''), s.listing_platform_id, s.variant_platform_id, s.sku, s.title
    from (select e.*, exists (select from lines as l where l.order_platform_id = e.order_platform_id
                                                       and l.platform_id = e.line_platform_id) as has_line from events as e) as e
    left join shares as s on s.order_platform_id = e.order_platform_id and (not e.has_line or s.platform_id = e.line_platform_id);
$$;

-- roll_parts: the parts of the days that begin at these moments, of these events. What comes to the same is not written.
create or replace function private.roll_parts(connection public.connected_accounts, p_first date, p_starts timestamptz[],
                                              p_events private.money_event[]) returns void
language plpgsql set search_path = '' set enable_nestloop = off set enable_mergejoin = off as $$
declare last_ date := p_first + cardinality(p_starts) - 2;
begin
    with events as materialized (select * from unnest(p_events)),
    places as materialized (
        select w.id, o.country from (select distinct e.order_platform_id as id from events as e where e.order_platform_id is not null) as w
        cross join lateral (select o.country from public.orders as o
                            where o.connection_id = connection.id and o.platform_id = w.id offset 0) as o),
    fresh as materialized (
        select p_first + width_bucket(e.at, p_starts) - 1 as day, e.currency, coalesce(p.country, '') as country, e.class,
               sum(e.amount)::bigint as amount, count(*)::int as events
        from events as e left join places as p on p.id = e.order_platform_id
        group by 1, 2, 3, 4),
    there as materialized (
        select c.day, c.currency, c.country, c.class, c.amount, c.events from public.money_countries as c
        where c.connection_id = connection.id and c.day >= p_first and c.day <= last_),
    gone as (
        delete from public.money_countries as c
        where c.connection_id = connection.id and c.day >= p_first and c.day <= last_
          and (c.day, c.currency, c.country, c.class) in (select t.day, t.currency, t.country, t.class from there as t
                                                          except select f.day, f.currency, f.country, f.class from fresh as f))
    insert into public.money_countries (connection_id, user_id, platform, day, currency, country, class, amount, events)
    select connection.id, connection.user_id, connection.platform, n.* from (select * from fresh except select * from there) as n
    on conflict (connection_id, day, currency, country, class) do update set amount = excluded.amount, events = excluded.events;
    with fresh as materialized (
        select p_first + width_bucket(s.at, p_starts) - 1 as day, s.currency, s.product, s.class, sum(s.amount)::bigint as amount,
               sum(s.pieces)::bigint as pieces, max(s.listing_platform_id) as listing, max(s.variant_platform_id) as variant, max(s.sku) as sku,
               max(s.title) as title
        from private.line_shares(connection.id, p_events) as s group by 1, 2, 3, 4),
    there as materialized (
        select p.day, p.currency, p.product, p.class, p.amount, p.pieces, p.listing_platform_id, p.variant_platform_id, p.sku, p.title
        from public.money_products as p where p.connection_id = connection.id and p.day >= p_first and p.day <= last_),
    gone as (
        delete from public.money_products as p
        where p.connection_id = connection.id and p.day >= p_first and p.day <= last_
          and (p.day, p.product, p.currency, p.class) in (select t.day, t.product, t.currency, t.class from there as t
                                                          except select f.day, f.product, f.currency, f.class from fresh as f))
    insert into public.money_products (connection_id, user_id, platform, day, currency, product, class, amount, pieces,
                                       listing_platform_id, variant_platform_id, sku, title)
    select connection.id, connection.user_id, connection.platform, n.* from (select * from fresh except select * from there) as n
    on conflict (connection_id, day, product, currency, class) do update
       set amount = excluded.amount, pieces = excluded.pieces, sku = excluded.sku, title = excluded.title;
end $$;
