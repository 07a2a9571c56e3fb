-- Figures of days by country and by product (docs/decisions/040). Every shop's days are rolled up once more, which fills them.

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

-- mark_lines: what was sold, of which product. Lines that come with their order are marked with it.
create or replace function private.mark_lines() returns trigger
language plpgsql security definer set search_path = '' set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    perform private.mark_touched(tg_table_name, array(
        select row(c.connection_id, c.sync_run_id, c.order_platform_id, null)::private.touched_row
        from came as c join public.orders as o on o.connection_id = c.connection_id and o.platform_id = c.order_platform_id
        where o.fetched_at <> c.fetched_at));
    return null;
end $$;

create trigger mark_lines_come after insert on public.line_items referencing new table as came
    for each statement execute function private.mark_lines();
create trigger mark_lines_change after update on public.line_items referencing new table as came
    for each statement execute function private.mark_lines();

insert into private.money_marks (connection_id, table_name) select a.id, 'rebuild' from public.connected_accounts as a order by a.id;
