-- What Square holds about a seller beside orders and payments: places, a catalog, stock, payouts, people, appointments.
-- Amounts are whole numbers of the smallest unit, as they came. What has a name of another platform's here stands in
-- records.sql.

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
