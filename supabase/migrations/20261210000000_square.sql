-- Square's tables, and what its orders, lines and payments say beside what others do.

alter table public.orders
    add column location_platform_id text,
    add column source_name text,
    add column closed_at timestamptz,
    add column service_charge_amount bigint,
    add column version bigint;
select private.synced_table('orders');

alter table public.line_items
    add column variation_title text,
    add column item_type text,
    add column exact_quantity numeric,
    add column gross_amount bigint,
    add column tax_amount bigint,
    add column service_charge_amount bigint,
    add column total_amount bigint,
    alter column quantity drop not null;
select private.synced_table('line_items');

alter table public.order_fulfillments add column fulfillment_type text;

alter table public.order_payments
    add column location_platform_id text,
    add column buyer_platform_id text,
    add column payment_method text,
    add column goods_amount bigint,
    add column tip_amount bigint,
    add column app_fee_amount bigint,
    add column refunded_amount bigint,
    alter column order_platform_id drop not null;
select private.synced_table('order_payments');

-- Where a seller sells: shops, salons, vans. An inactive one holds its history.
create table public.locations (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    title text,
    status text,
    location_type text,
    time_zone text,
    country text,
    city text,
    language text,
    currency text,
    opened_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('locations');

create table public.catalog_categories (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    version bigint,
    title text,
    category_type text,
    parent_platform_id text,
    is_top_level boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('catalog_categories');

-- What a seller offers; what is bought is a variation of it.
create table public.catalog_items (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    version bigint,
    title text,
    item_type text,
    category_platform_id text,
    is_archived boolean,
    is_taxable boolean,
    at_all_locations boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('catalog_items');

-- Without a price where it is told at the till (`pricing_type`).
create table public.catalog_variations (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    version bigint,
    item_platform_id text,
    title text,
    sku text,
    barcode text,
    sort_order bigint,
    currency text,
    pricing_type text,
    price_amount bigint,
    tracks_inventory boolean,
    is_sellable boolean,
    is_stockable boolean,
    is_bookable boolean,
    service_milliseconds bigint,
    at_all_locations boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index catalog_variations_of_item on public.catalog_variations (connection_id, item_platform_id) where not is_deleted and item_platform_id is not null;
select private.synced_table('catalog_variations');

-- What is otherwise at a location than everywhere.
create table public.catalog_location_overrides (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    variation_platform_id text not null,
    location_platform_id text,
    currency text,
    price_amount bigint,
    pricing_type text,
    tracks_inventory boolean,
    is_sold_out boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index catalog_location_overrides_of_variation on public.catalog_location_overrides (connection_id, variation_platform_id) where not is_deleted and variation_platform_id is not null;
select private.synced_table('catalog_location_overrides');

-- What one of a variation costs at a vendor.
create table public.catalog_vendor_info (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    variation_platform_id text not null,
    vendor_platform_id text,
    vendor_code text,
    currency text,
    unit_cost_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index catalog_vendor_info_of_variation on public.catalog_vendor_info (connection_id, variation_platform_id) where not is_deleted and variation_platform_id is not null;
select private.synced_table('catalog_vendor_info');

-- How many there are, by location and state; its key is made of these. No row: it was never in that state there, which is not
-- none. As text in `raw`: up to five decimals.
create table public.inventory_counts (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    variation_platform_id text,
    location_platform_id text,
    state text,
    quantity numeric,
    is_estimated boolean,
    counted_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index inventory_counts_of_variation on public.inventory_counts (connection_id, variation_platform_id) where not is_deleted and variation_platform_id is not null;
select private.synced_table('inventory_counts');

create table public.vendors (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    version bigint,
    title text,
    status text,
    account_number text,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('vendors');

-- What was added to a line of an order, and what it cost more.
create table public.order_line_modifiers (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    line_uid text,
    modifier_platform_id text,
    title text,
    quantity numeric,
    currency text,
    price_amount bigint,
    total_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_line_modifiers_of_order on public.order_line_modifiers (connection_id, order_platform_id) where not is_deleted and order_platform_id is not null;
select private.synced_table('order_line_modifiers');

create table public.order_service_charges (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    title text,
    charge_type text,
    phase text,
    currency text,
    applied_amount bigint,
    tax_amount bigint,
    total_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_service_charges_of_order on public.order_service_charges (connection_id, order_platform_id) where not is_deleted and order_platform_id is not null;
select private.synced_table('order_service_charges');

-- With what an order was paid. `tender_amount` is with the tip.
create table public.tenders (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    tender_type text,
    payment_platform_id text,
    location_platform_id text,
    currency text,
    tender_amount bigint,
    tip_amount bigint,
    fees_amount bigint,
    tendered_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index tenders_of_order on public.tenders (connection_id, order_platform_id) where not is_deleted and order_platform_id is not null;
create index tenders_by_payment on public.tenders (connection_id, payment_platform_id) where not is_deleted and payment_platform_id is not null;
select private.synced_table('tenders');

-- What came back: it stands on an order of its own, which names the one that was sold.
create table public.order_returns (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    source_order_platform_id text,
    currency text,
    tax_amount bigint,
    discount_amount bigint,
    tip_amount bigint,
    service_charge_amount bigint,
    total_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_returns_of_order on public.order_returns (connection_id, order_platform_id) where not is_deleted and order_platform_id is not null;
create index order_returns_of_source on public.order_returns (connection_id, source_order_platform_id) where not is_deleted and source_order_platform_id is not null;
select private.synced_table('order_returns');

create table public.order_return_lines (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    source_order_platform_id text,
    source_line_uid text,
    product_platform_id text,
    title text,
    quantity numeric,
    currency text,
    gross_amount bigint,
    discount_amount bigint,
    tax_amount bigint,
    total_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_return_lines_of_order on public.order_return_lines (connection_id, order_platform_id) where not is_deleted and order_platform_id is not null;
select private.synced_table('order_return_lines');

-- Money that went back to who paid. `order_platform_id` is the order of what came back, where there is one.
create table public.payment_refunds (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    payment_platform_id text,
    order_platform_id text,
    location_platform_id text,
    status text,
    is_unlinked boolean,
    refund_reason text,
    currency text not null,
    refund_amount bigint constraint refund_amount_known check (refund_amount is not null or raw ? 'keeper_unreadable'),
    fees_amount bigint,
    refunded_at timestamptz not null,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index payment_refunds_by_time on public.payment_refunds (connection_id, refunded_at) where not is_deleted and refunded_at is not null;
create index payment_refunds_of_payment on public.payment_refunds (connection_id, payment_platform_id) where not is_deleted and payment_platform_id is not null;
select private.synced_table('payment_refunds');

-- What went to the seller's bank, or was taken from it (below zero).
create table public.payouts (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    version bigint,
    status text,
    payout_type text,
    location_platform_id text,
    currency text not null,
    payout_amount bigint constraint payout_amount_known check (payout_amount is not null or raw ? 'keeper_unreadable'),
    arrival_date text,
    paid_out_at timestamptz not null,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index payouts_by_time on public.payouts (connection_id, paid_out_at) where not is_deleted and paid_out_at is not null;
select private.synced_table('payouts');

-- What a payout is made of: charges, refunds, fees, and what they come to.
create table public.payout_entries (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    payout_platform_id text not null,
    entry_type text,
    payment_platform_id text,
    currency text not null,
    gross_amount bigint,
    fee_amount bigint,
    net_amount bigint constraint net_amount_known check (net_amount is not null or raw ? 'keeper_unreadable'),
    effective_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index payout_entries_of_payout on public.payout_entries (connection_id, payout_platform_id) where not is_deleted and payout_platform_id is not null;
create index payout_entries_by_time on public.payout_entries (connection_id, effective_at) where not is_deleted and effective_at is not null;
select private.synced_table('payout_entries');

-- A payer's bank that asks for the money back.
create table public.payment_disputes (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    version bigint,
    payment_platform_id text,
    location_platform_id text,
    dispute_reason text,
    status text,
    currency text,
    disputed_amount bigint,
    due_at timestamptz,
    disputed_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('payment_disputes');

create table public.team_members (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    name text,
    status text,
    is_owner boolean,
    reference text,
    assignment text,
    location_platform_ids text,
    joined_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('team_members');

create table public.loyalty_accounts (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    program_platform_id text,
    buyer_platform_id text,
    points bigint,
    lifetime_points bigint,
    enrolled_at timestamptz,
    opened_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('loyalty_accounts');

-- Appointments, those to come as well; cancelled ones and those to which nobody came stay.
create table public.bookings (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    version bigint,
    status text,
    location_platform_id text,
    buyer_platform_id text,
    is_all_day boolean,
    place text,
    source text,
    transition_minutes bigint,
    starts_at timestamptz not null,
    booked_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index bookings_by_time on public.bookings (connection_id, starts_at) where not is_deleted and starts_at is not null;
select private.synced_table('bookings');

create table public.booking_segments (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    booking_platform_id text not null,
    team_member_platform_id text,
    variation_platform_id text,
    variation_version bigint,
    duration_minutes bigint,
    intermission_minutes bigint,
    any_team_member boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index booking_segments_of_booking on public.booking_segments (connection_id, booking_platform_id) where not is_deleted and booking_platform_id is not null;
select private.synced_table('booking_segments');
