-- What Square holds about a seller beside orders and payments: places, a catalog, stock, payouts, people, appointments.
-- Amounts are whole numbers of the smallest unit, as they came. What has a name of another platform's here stands in
-- records.sql.

insert into private.sales_channels values ('square', false);

insert into private.round_rules (platform, entity, position, seldom, whole, lookback, lookback_cap, table_name, timed_by) values
    ('square', 'locations', 0, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'orders', 1, '0', '7 days', '15 minutes', '6 hours', 'orders', 'source_updated_at'),
    ('square', 'payments', 2, '15 minutes', '7 days', '15 minutes', '6 hours', 'order_payments', 'source_updated_at'),
    ('square', 'refunds', 3, '15 minutes', '7 days', '15 minutes', '6 hours', 'payment_refunds', 'source_updated_at'),
    ('square', 'inventory', 4, '1 hour', '7 days', '15 minutes', '6 hours', null, null),
    ('square', 'listings', 5, '6 hours', null, '15 minutes', '6 hours', null, null),
    ('square', 'variants', 6, '6 hours', null, '15 minutes', '6 hours', null, null),
    ('square', 'categories', 7, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'customers', 8, '1 hour', '7 days', '15 minutes', '6 hours', 'customers', 'source_updated_at'),
    ('square', 'bookings', 9, '1 hour', '30 days', '15 minutes', '6 hours', null, null),
    ('square', 'payouts', 10, '6 hours', '30 days', '10 days', '30 days', null, null),
    ('square', 'payout_entries', 11, '6 hours', null, '2 days', '10 days', null, null),
    ('square', 'disputes', 12, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'vendors', 13, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'team_members', 14, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'loyalty_accounts', 15, '1 day', null, '15 minutes', '6 hours', null, null);

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

-- --- proofs -------------------------------------------------------------------------------------------
--
-- Set operations rather than anti-joins: their cost does not hang on statistics that nobody has gathered yet.

-- square_parts: how many groups of locations this job read of a stream, and how many there are to read, so many a call.
create or replace function private.square_parts(job public.sync_jobs, p_stream text, p_a_call int) returns jsonb
language sql stable set search_path = '' as $$
    with read as (select count(distinct p.part) as parts from public.sync_pages as p where p.job_id = job.id and p.stream = p_stream),
    there as (select count(*) as locations from public.locations as l where l.connection_id = job.connection_id and not l.is_deleted)
    select jsonb_build_object('ok', r.parts >= ceil(t.locations / p_a_call::numeric), 'counts',
               jsonb_build_object('locations', t.locations, 'groups_read', r.parts, 'groups', ceil(t.locations / p_a_call::numeric)))
    from read as r, there as t;
$$;

-- prove_square_order_locations: every location was asked for its orders: ten at most go into a search.
create or replace function private.prove_square_order_locations(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$ select private.square_parts(job, 'orders', 10) $$;

-- prove_square_payment_locations: and each for its payments, which are the main location's alone unless one is named.
create or replace function private.prove_square_payment_locations(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$ select private.square_parts(job, 'payments', 1) $$;

-- prove_square_payout_locations: and for its payouts.
create or replace function private.prove_square_payout_locations(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$ select private.square_parts(job, 'payouts', 1) $$;

-- prove_square_payments: every payment that an order was paid with is here. Those of orders are asked for that this job's window
-- covers: later ones are the next round's. And no order that a payment names had to be asked for by its id which the search
-- should have shown: then the orders are not complete, and are read again with the next start.
create or replace function private.prove_square_payments(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb; orders public.sync_jobs; unshown text[] := '{}';
begin
    with piece as materialized (select private.key_bound('tenders', job.connection_id, p_from, p_rows) as bound),
    paid as materialized (
        select t.payment_platform_id as key, min(t.tendered_at) as at from public.tenders as t cross join piece
        where t.connection_id = job.connection_id and not t.is_deleted and t.payment_platform_id is not null
          and t.platform_id >= p_from and (bound is null or t.platform_id < bound)
          and t.tendered_at >= coalesce(job.window_start, '-infinity') and t.tendered_at <= job.window_end
        group by t.payment_platform_id),
    missing as materialized (
        select p.key, p.at from paid as p
        where not exists (select from public.order_payments as o
                          where o.connection_id = job.connection_id and o.platform_id = p.key offset 0))
    select jsonb_build_object(
        'ok', not exists (select from missing), 'next', (select bound from piece),
        'counts', jsonb_build_object('paid_with', (select count(*) from paid), 'missing', (select count(*) from missing)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('payment', m.key, 'since', m.at, 'until', m.at)), '[]')
                             from (select * from missing order by at, key limit 5) as m))) into answer;
    if p_from <> '' then
        return answer;
    end if;
    select o.* into orders from public.sync_jobs as o
     where o.entity = 'orders' and o.status = 'completed' and case when job.shadow_id is null
           then o.connection_id = job.connection_id and o.job_type = job.job_type else o.run_id = job.run_id end
     order by o.created_at desc limit 1;
    unshown := array(select o.platform_id from private.read_keys(job, 'named_orders') as r
                     join public.orders as o on o.connection_id = job.connection_id and o.platform_id = r.key
                     where o.ordered_at between orders.window_start and orders.window_end order by 1);
    if unshown <> '{}' then
        update public.sync_jobs set doubted_at = coalesce(doubted_at, clock_timestamp()) where id = orders.id;
        answer := answer || '{"ok": false, "says": {"rests_on": "orders"}}';
    end if;
    return jsonb_set(jsonb_set(answer, '{counts,not_shown}', to_jsonb(cardinality(unshown))), '{firsts,first_not_shown}', to_jsonb(unshown[:5]));
end $$;

-- prove_square_refunds: every refund that a payment names is here.
create or replace function private.prove_square_refunds(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('order_payments', job.connection_id, p_from, p_rows) as bound),
    named as materialized (
        select p.platform_id as payment, p.paid_at, r.id from public.order_payments as p cross join piece
        cross join lateral jsonb_array_elements_text(case jsonb_typeof(p.raw -> 'refund_ids') when 'array' then p.raw -> 'refund_ids' end) as r(id)
        where p.connection_id = job.connection_id and not p.is_deleted and p.source_updated_at <= job.window_end
          and p.paid_at >= coalesce(job.window_start, '-infinity')
          and p.platform_id >= p_from and (bound is null or p.platform_id < bound)),
    missing as materialized (
        select n.payment, n.paid_at, n.id from named as n
        where not exists (select from public.payment_refunds as r
                          where r.connection_id = job.connection_id and r.platform_id = n.id offset 0))
    select jsonb_build_object(
        'ok', not exists (select from missing), 'next', (select bound from piece),
        'counts', jsonb_build_object('named', (select count(*) from named), 'missing', (select count(*) from missing)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('refund', m.id, 'payment', m.payment, 'since', m.paid_at, 'until', job.window_end)), '[]')
                             from (select * from missing order by paid_at, id limit 5) as m)));
$$;

-- prove_square_payout_entries: what a payout that has been paid is made of comes to what was paid: none of its entries is
-- missing. One that is paid within a later one has none. And each is of a payout that is here: the entries' own reading lists the
-- payouts once more.
create or replace function private.prove_square_payout_entries(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('payouts', job.connection_id, p_from, p_rows) as bound),
    checked as materialized (
        select p.platform_id, p.paid_out_at, p.payout_amount, e.entries, e.amount
        from public.payouts as p cross join piece
        cross join lateral (select count(*) as entries, coalesce(sum(e.net_amount), 0) as amount from public.payout_entries as e
                            where e.connection_id = job.connection_id and e.payout_platform_id = p.platform_id and not e.is_deleted offset 0) as e
        where p.connection_id = job.connection_id and not p.is_deleted and p.status = 'paid'
          and p.payout_type is distinct from 'simple' and p.payout_amount is not null
          and p.platform_id >= p_from and (bound is null or p.platform_id < bound)
          and p.paid_out_at >= coalesce(job.window_start, '-infinity') and p.paid_out_at <= job.window_end),
    unknown as materialized (
        select e.payout_platform_id as platform_id, min(e.effective_at) as at from public.payout_entries as e
        where p_from = '' and e.connection_id = job.connection_id and not e.is_deleted
        group by e.payout_platform_id
        having not exists (select from public.payouts as p where p.connection_id = job.connection_id and p.platform_id = e.payout_platform_id offset 0)),
    breaks as materialized (
        select platform_id, paid_out_at as at, payout_amount, amount from checked where amount <> payout_amount
        union all select platform_id, at, null, null from unknown)
    select jsonb_build_object(
        'ok', not exists (select from breaks), 'next', (select bound from piece),
        'counts', jsonb_build_object('payouts', (select count(*) from checked), 'entries', (select coalesce(sum(entries), 0) from checked),
                                     'breaks', (select count(*) from breaks), 'of_unknown_payouts', (select count(*) from unknown)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('payout', b.platform_id, 'since', b.at, 'until', job.window_end,
                                        'expected', b.payout_amount, 'found', b.amount)), '[]')
                             from (select * from breaks order by at, platform_id limit 5) as b)));
$$;

-- prove_square_categories: every category that an item is in is here.
create or replace function private.prove_square_categories(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('catalog_items', job.connection_id, p_from, p_rows) as bound),
    named as materialized (
        select distinct i.category_platform_id as key from public.catalog_items as i cross join piece
        where i.connection_id = job.connection_id and not i.is_deleted and i.category_platform_id is not null
          and i.platform_id >= p_from and (bound is null or i.platform_id < bound)),
    missing as materialized (
        select key from named
        except
        select c.platform_id from public.catalog_categories as c where c.connection_id = job.connection_id and not c.is_deleted)
    select jsonb_build_object(
        'ok', true, 'next', (select bound from piece),
        'counts', jsonb_build_object('categories_named', (select count(*) from named), 'unknown', (select count(*) from missing)),
        'firsts', jsonb_build_object('first_unknown', (select coalesce(jsonb_agg(key), '[]') from (select * from missing order by key limit 5) as m)));
$$;

-- prove_square_variants: each variation is of an item that is here, and each item has a variation. The lists come one after the
-- other: what was made or taken away between them is not proven until both are read again.
create or replace function private.prove_square_variants(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('catalog_items', job.connection_id, p_from, p_rows) as bound),
    items as materialized (
        select i.platform_id as key from public.catalog_items as i cross join piece
        where i.connection_id = job.connection_id and not i.is_deleted
          and i.platform_id >= p_from and (bound is null or i.platform_id < bound)),
    bare as materialized (
        select key from items
        except
        select v.item_platform_id from public.catalog_variations as v cross join piece
        where v.connection_id = job.connection_id and not v.is_deleted
          and v.item_platform_id >= p_from and (bound is null or v.item_platform_id < bound)),
    orphans as materialized (
        select v.item_platform_id as key from public.catalog_variations as v cross join piece
        where v.connection_id = job.connection_id and not v.is_deleted
          and v.item_platform_id >= p_from and (bound is null or v.item_platform_id < bound)
        except
        select i.platform_id from public.catalog_items as i cross join piece
        where i.connection_id = job.connection_id and i.platform_id >= p_from and (bound is null or i.platform_id < bound))
    select jsonb_build_object(
        'ok', not exists (select from bare) and not exists (select from orphans), 'next', (select bound from piece),
        'counts', jsonb_build_object('items', (select count(*) from items), 'items_without', (select count(*) from bare),
                                     'of_unknown_items', (select count(*) from orphans)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(to_jsonb(b)), '[]') from (
                 (select key as item_without from bare order by key limit 5)) as b)
                || (select coalesce(jsonb_agg(to_jsonb(b)), '[]') from (
                 (select key as unknown_item from orphans order by key limit 5)) as b)));
$$;

-- prove_square_counts: how many counts are of a variation that is here. For information: a count outlives its variation.
create or replace function private.prove_square_counts(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('inventory_counts', job.connection_id, p_from, p_rows) as bound)
    select jsonb_build_object('ok', true, 'next', (select bound from piece), 'counts', jsonb_build_object(
        'counts', count(c.platform_id), 'of_unknown_variations', count(*) filter (where c.platform_id is not null and not exists (
            select from public.catalog_variations as v
            where v.connection_id = job.connection_id and v.platform_id = c.variation_platform_id offset 0))))
    from piece left join public.inventory_counts as c on c.connection_id = job.connection_id and not c.is_deleted
                     and c.platform_id >= p_from and (bound is null or c.platform_id < bound);
$$;

-- --- lookups and derivations --------------------------------------------------------------------------

-- pending_square_named_orders: orders that a payment names and that are not here: an order that was opened before the history
-- begins, or that no search showed.
create or replace function private.pending_square_named_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' as $$
    (select p.order_platform_id from public.order_payments as p
     where p.connection_id = job.connection_id and not p.is_deleted and p.order_platform_id > p_after and private.reads_all(job)
     union
     select p.order_platform_id from private.read_keys(job, 'payments') as r
     join public.order_payments as p on p.connection_id = job.connection_id and p.platform_id = r.key
     where p.order_platform_id > p_after and not private.reads_all(job))
    except
    select o.platform_id from public.orders as o where o.connection_id = job.connection_id
    order by 1 limit p_limit;
$$;

-- derive_square_line_listings: a line of an order names the variation that was sold; of which item that is says the catalog.
create or replace function private.derive_square_line_listings(job public.sync_jobs, p_after text, p_limit int,
                                                               p_keys text[] default null) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select l.ctid, l.platform_id, l.product_platform_id, l.listing_platform_id from public.line_items as l
        where l.connection_id = job.connection_id and l.platform_id > p_after and (p_keys is null or l.platform_id = any (p_keys))
        order by l.platform_id limit p_limit),
    found as materialized (
        -- `offset 0` keeps it a look-up by primary key.
        select b.ctid, v.item_platform_id from batch as b
        cross join lateral (select v.item_platform_id from public.catalog_variations as v
                            where v.connection_id = job.connection_id and v.platform_id = b.product_platform_id offset 0) as v
        where b.listing_platform_id is distinct from v.item_platform_id and v.item_platform_id is not null),
    linked as (
        update public.line_items as l set listing_platform_id = f.item_platform_id, sync_run_id = job.run_id
          from found as f where l.ctid = f.ctid)
    select jsonb_build_object('rows', count(*), 'after', max(platform_id)) into answer from batch;
    return answer;
end $$;

-- woken_by_square_orders: an order that has changed was paid, or given back: both are read at once.
create or replace function private.woken_by_square_orders(job public.sync_jobs) returns setof text
language sql stable set search_path = '' as $$
    select e from unnest(array['payments', 'refunds']) as e
    where exists (select from public.sync_pages as g where g.job_id = job.id and g.stream = 'orders' and g.created + g.updated > 0);
$$;

-- pending_square_changed_orders: orders that webhooks have named and nobody has read again yet.
create or replace function private.pending_square_changed_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'orders', p_after, p_limit) $$;
-- pending_square_changed_payments: payments that webhooks have named and nobody has read again yet.
create or replace function private.pending_square_changed_payments(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'payments', p_after, p_limit) $$;
-- pending_square_changed_refunds: refunds that webhooks have named and nobody has read again yet.
create or replace function private.pending_square_changed_refunds(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'refunds', p_after, p_limit) $$;
-- pending_square_changed_customers: customers that webhooks have named and nobody has read again yet.
create or replace function private.pending_square_changed_customers(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'customers', p_after, p_limit) $$;
-- pending_square_changed_bookings: bookings that webhooks have named and nobody has read again yet.
create or replace function private.pending_square_changed_bookings(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'bookings', p_after, p_limit) $$;

select private.closed_by_events('customers', 'square');

-- --- money events (docs/decisions/047) ----------------------------------------------------------------

-- What is added up of Square's records (directives/daily_financial_roll.md).
insert into private.money_streams (platform, entity) values
    ('square', 'orders'), ('square', 'payments'), ('square', 'refunds');
insert into private.money_kinds (platform, source, kind, class) values
    ('square', 'payout_entry', 'charge', 'none'), ('square', 'payout_entry', 'refund', 'none'), ('square', 'payout_entry', 'fee', 'none'),
    ('square', 'payout_entry', 'dispute', 'none'), ('square', 'payout_entry', 'open_dispute', 'none'), ('square', 'payout_entry', 'payout', 'none'),
    ('square', 'payout_entry', 'returned_payout', 'none'), ('square', 'payout_entry', 'tax_on_fee', 'tax_on_fees'),
    ('square', 'payout_entry', 'deposit_fee', 'fee_payment'), ('square', 'payout_entry', 'deposit_fee_reversed', 'fee_payment'),
    ('square', 'payout_entry', 'third_party_fee', 'fee_other'), ('square', 'payout_entry', 'third_party_fee_refund', 'fee_other'),
    ('square', 'payout_entry', 'gift_card_load_fee', 'fee_other'), ('square', 'payout_entry', 'gift_card_load_fee_refund', 'fee_other'),
    ('square', 'payout_entry', 'undo_gift_card_load_fee_refund', 'fee_other'), ('square', 'payout_entry', 'subscription_fee', 'subscription'),
    ('square', 'payout_entry', 'subscription_fee_refund', 'subscription'), ('square', 'payout_entry', 'subscription_fee_paid_refund', 'subscription'),
    ('square', 'payout_entry', 'paid_service_fee', 'subscription'), ('square', 'payout_entry', 'paid_service_fee_refund', 'subscription'),
    ('square', 'payout_entry', 'free_processing', 'credit'), ('square', 'payout_entry', 'reserve_hold', 'transfer'),
    ('square', 'payout_entry', 'reserve_release', 'transfer'), ('square', 'payout_entry', 'money_transfer', 'transfer'),
    ('square', 'payout_entry', 'money_transfer_reversal', 'transfer'), ('square', 'payout_entry', 'automatic_savings', 'transfer'),
    ('square', 'payout_entry', 'automatic_savings_reversed', 'transfer'), ('square', 'payout_entry', 'square_capital_payment', 'transfer'),
    ('square', 'payout_entry', 'square_capital_reversed_payment', 'transfer'), ('square', 'payout_entry', 'balance_folders_transfer', 'transfer'),
    ('square', 'payout_entry', 'balance_folders_transfer_reversed', 'transfer'), ('square', 'payout_entry', 'gift_card_pool_transfer', 'transfer'),
    ('square', 'payout_entry', 'gift_card_pool_transfer_reversed', 'transfer'), ('square', 'payout_entry', 'square_payroll_transfer', 'transfer'),
    ('square', 'payout_entry', 'square_payroll_transfer_reversed', 'transfer'), ('square', 'payout_entry', 'credit_card_repayment', 'transfer'),
    ('square', 'payout_entry', 'credit_card_repayment_reversed', 'transfer'), ('square', 'payout_entry', 'automatic_bitcoin_conversions', 'transfer'),
    ('square', 'payout_entry', 'automatic_bitcoin_conversions_reversed', 'transfer');

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

-- mark_square_money: the hours of what a page brought, changed or took away, in tables that others' pages may write too. Its arguments: of which order
-- it is, and when it counts.
create or replace function private.mark_square_money() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}'; found_ private.touched_row[]; side text; moment text;
begin
    foreach side in array case tg_op when 'INSERT' then '{came}'::text[] when 'DELETE' then '{went}' else '{came,went}' end loop
        foreach moment in array string_to_array(tg_argv[1], ',') loop
            execute format('select array(select row(t.connection_id, %s, %s, %s)::private.touched_row from %I as t where t.platform = ''square'')',
                           case side when 'came' then 't.sync_run_id' else 'null' end, tg_argv[0], moment, side) into found_;
            touched := touched || found_;
        end loop;
    end loop;
    if touched <> '{}' then
        perform private.mark_touched(tg_table_name, touched);
    end if;
    return null;
end $$;

do $$
declare each text[];
begin
    -- Of a return the day of the sale hears as well; and of a refund that failed.
    foreach each slice 1 in array array[
        ['order_payments', 't.order_platform_id', 't.paid_at'], ['payment_refunds', 'null', 't.refunded_at'],
        ['order_returns', 't.source_order_platform_id', 'null'],
        ['order_refunds', '(select r.source_order_platform_id from public.order_returns as r where r.connection_id = t.connection_id'
                          ' and r.order_platform_id = t.order_platform_id limit 1)', 'null'],
        ['payment_disputes', 'null', 't.disputed_at,t.source_updated_at'], ['payouts', 'null', 't.paid_out_at'],
        ['payout_entries', 'null', 't.effective_at']] loop
        execute format('create trigger mark_square_come after insert on public.%I referencing new table as came'
                       ' for each statement execute function private.mark_square_money(%L, %L)', each[1], each[2], each[3]);
        execute format('create trigger mark_square_change after update on public.%I referencing new table as came old table as went'
                       ' for each statement execute function private.mark_square_money(%L, %L)', each[1], each[2], each[3]);
        execute format('create trigger mark_square_go after delete on public.%I referencing old table as went'
                       ' for each statement execute function private.mark_square_money(%L, %L)', each[1], each[2], each[3]);
    end loop;
end $$;
