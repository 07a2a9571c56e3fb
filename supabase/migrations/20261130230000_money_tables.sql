-- The journal of sales, and what else the right money needs of an order: transactions' fees, shipping, taxes by who owes them,
-- disputes, refunds in parts; what a piece cost when; the zones of shops.

-- To which version of an order its journal of sales (order_sales) was read, one row an order. What the order comes to at that
-- version stands beside it: what its sales have to add up to.
create table public.order_journals (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    is_test boolean,
    currency text not null,
    current_total_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('order_journals');

-- The platform's own journal of sales: each exact, signed piece of what an order came to, by whichever agreement (the purchase,
-- an edit, a refund, a return), at the time when that was made. Returns are negative; amounts are after discounts and with tax.
create table public.order_sales (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    agreement_platform_id text not null,
    happened_at timestamptz not null,
    -- Of the agreement: 'order', 'order_edit', 'refund', 'return', or a word that is new.
    reason text,
    -- Of the sale: 'order', 'update', 'return', or a word that is new.
    action_type text,
    -- 'product', 'shipping', 'tip', 'gift_card', 'duty', 'fee', 'additional_fee', 'adjustment', or a word that is new.
    line_type text,
    -- The line of the order, or its shipping line.
    line_platform_id text,
    quantity int,
    currency text not null,
    total_amount bigint constraint total_amount_known check (total_amount is not null or raw ? 'keeper_unreadable'),
    tax_amount bigint,
    -- Of tax_amount: what the channel has to pay to the state, and what the seller has to. Of the rest nobody knows.
    channel_tax_amount bigint,
    seller_tax_amount bigint,
    -- Before taxes.
    discount_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_sales_of_order on public.order_sales (connection_id, order_platform_id) where not is_deleted;
create index order_sales_by_time on public.order_sales (connection_id, happened_at) where not is_deleted;
select private.synced_table('order_sales');

-- What the buyer paid for shipping: before and after discounts.
create table public.order_shipping_lines (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    title text,
    currency text not null,
    price_amount bigint,
    discounted_amount bigint,
    tax_amount bigint,
    is_removed boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_shipping_lines_of_order on public.order_shipping_lines (connection_id, order_platform_id) where not is_deleted;
select private.synced_table('order_shipping_lines');

-- A tax on a line of an order, or on a shipping line of it, as it was bought. `channel_liable`: the channel pays it to the
-- state; false: the seller does; null: nobody says.
create table public.order_tax_lines (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    line_item_platform_id text,
    shipping_line_platform_id text,
    title text,
    rate text,
    currency text not null,
    tax_amount bigint,
    channel_liable boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_tax_lines_of_order on public.order_tax_lines (connection_id, order_platform_id) where not is_deleted;
select private.synced_table('order_tax_lines');

-- A buyer's bank that asks for the money back, or asks about it. Amounts stand in no order.
create table public.order_disputes (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    initiated_as text,
    status text,
    -- When we saw it first: the platform tells no time.
    first_seen_at timestamptz not null default clock_timestamp(),
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_disputes_of_order on public.order_disputes (connection_id, order_platform_id) where not is_deleted;
select private.synced_table('order_disputes');

-- What a refund took back of shipping.
create table public.order_refund_shipping_lines (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    refund_platform_id text not null,
    shipping_line_platform_id text,
    currency text not null,
    subtotal_amount bigint constraint subtotal_amount_known check (subtotal_amount is not null or raw ? 'keeper_unreadable'),
    tax_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_refund_shipping_lines_of_refund on public.order_refund_shipping_lines (connection_id, refund_platform_id) where not is_deleted;
select private.synced_table('order_refund_shipping_lines');

-- What a refund gave back more or less than the worth of what came back, signed as the platform signs it.
create table public.order_refund_adjustments (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    refund_platform_id text not null,
    reason text,
    currency text not null,
    adjustment_amount bigint constraint adjustment_amount_known check (adjustment_amount is not null or raw ? 'keeper_unreadable'),
    tax_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_refund_adjustments_of_refund on public.order_refund_adjustments (connection_id, refund_platform_id) where not is_deleted;
select private.synced_table('order_refund_adjustments');

alter table public.order_transactions
    add column fees_amount bigint,
    add column fees_tax_amount bigint,
    add column fee_currency text,
    add column rounding_amount bigint,
    add column settlement_currency text,
    add column settlement_rate text;
alter table public.listing_variants
    add column unit_cost_amount bigint,
    add column unit_cost_currency text;

create table public.unit_costs (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    variant_platform_id text not null,
    currency text not null,
    cost_amount bigint not null,
    first_seen_at timestamptz not null,
    -- When another value was seen in its place; null: it stands.
    last_seen_at timestamptz,
    primary key (connection_id, variant_platform_id, first_seen_at)
);
create unique index unit_costs_now on public.unit_costs (connection_id, variant_platform_id) where last_seen_at is null;
select private.own_rows('unit_costs');


-- note_unit_costs: of variants whose cost is another one than the last, the old value ends and the new one begins, at the time
-- when it was asked. A cost that is not shown any more ends nothing: it may be hidden from whom we ask as.
create or replace function private.note_unit_costs() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if private.recording_for() is not null or not exists (select from came as c where c.unit_cost_amount is not null) then
        return null;
    end if;
    with seen as (
        select c.connection_id, c.user_id, c.platform, c.platform_id, c.unit_cost_currency, c.unit_cost_amount, c.fetched_at
        from came as c
        where c.unit_cost_amount is not null and c.unit_cost_currency is not null and not exists (
            select from public.unit_costs as u
            where u.connection_id = c.connection_id and u.variant_platform_id = c.platform_id and u.last_seen_at is null
              and (u.cost_amount, u.currency) = (c.unit_cost_amount, c.unit_cost_currency))),
    ended as (
        update public.unit_costs as u set last_seen_at = s.fetched_at from seen as s
         where u.connection_id = s.connection_id and u.variant_platform_id = s.platform_id and u.last_seen_at is null
           and u.first_seen_at < s.fetched_at
        returning 1)
    insert into public.unit_costs as u (connection_id, user_id, platform, variant_platform_id, currency, cost_amount, first_seen_at)
    select s.connection_id, s.user_id, s.platform, s.platform_id, s.unit_cost_currency, s.unit_cost_amount, s.fetched_at
    from seen as s cross join (select count(*) from ended) as after
    on conflict (connection_id, variant_platform_id, first_seen_at) do update
       set currency = excluded.currency, cost_amount = excluded.cost_amount;
    return null;
end $$;
create trigger unit_costs_created after insert on public.listing_variants referencing new table as came
    for each statement execute function private.note_unit_costs();
create trigger unit_costs_changed after update on public.listing_variants referencing new table as came
    for each statement execute function private.note_unit_costs();

create table public.shop_time_zones (
    connection_id uuid not null,
    user_id uuid not null,
    valid_from timestamptz not null,
    -- A name of the IANA's.
    zone text not null,
    said_by text not null check (said_by in ('platform', 'seller', 'guess')),
    said_at timestamptz not null default clock_timestamp(),
    primary key (connection_id, said_by, valid_from)
);
select private.own_rows('shop_time_zones');
comment on table public.shop_time_zones is 'The zones of each shop: who says which, from when on.';

-- next_sales: where the next sales of an order are to be asked for, '<order>:<after this agreement>:<after this sale>'; null where
-- its journal is whole. One that was cut is read from its beginning, an agreement at a time: what stands after an agreement
-- can only be told from the call that asked for it (`asked`).
create or replace function private.next_sales(p_order text, p_raw jsonb) returns text
language sql immutable as $$
    select case
        when p_raw ->> 'asked' is null then
            case when (p_raw #>> '{agreements,pageInfo,hasNextPage}') = 'true'
                   or jsonb_path_exists(p_raw, '$.agreements.nodes[*].sales.pageInfo.hasNextPage ? (@ == true)')
                 then p_order || '::' end
        when (p_raw #>> '{agreements,nodes,0,sales,pageInfo,hasNextPage}') = 'true'
            then p_order || ':' || split_part(p_raw ->> 'asked', ':', 2) || ':'
                 || coalesce(p_raw #>> '{agreements,nodes,0,sales,pageInfo,endCursor}', '')
        when (p_raw #>> '{agreements,pageInfo,hasNextPage}') = 'true'
            then p_order || ':' || coalesce(p_raw #>> '{agreements,pageInfo,endCursor}', '') || ':' end;
$$;

create index journals_cut on public.order_journals (connection_id, platform_id)
    where not is_deleted and private.next_sales(platform_id, raw) is not null;
