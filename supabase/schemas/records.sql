-- Records: what the platforms hold about a seller, one table an entity, shared by all platforms.
--
-- Every synced row carries the same ten columns beside its own:
--   connection_id, platform_id       its key; the connection comes from the lease of the job that wrote it
--   user_id, platform                whose it is and where it is from, as its connection has them
--   raw                              the record as the platform sent it, less personal fields that nobody needs
--   source_updated_at, fetched_at    its version: the platform's own time first, the time we asked second
--   content_hash                     of raw; an unchanged row costs no write
--   sync_run_id, is_deleted
-- Every *_amount is a whole number of the smallest unit of the row's currency. What a platform sends with more decimals
-- stays as it came (rejected_records, 'partial') and leaves its column empty; `<column>_known` guards those that a row has
-- by its nature: empty they are only where `raw` says that it could not be read.
-- Secondary indexes are partial (not is_deleted), so that looking a row up by its key can only use the primary key,
-- however little the planner knows of a table that was empty a minute ago.
-- Child rows name their parent by platform_id, without a foreign key: records may arrive in any order.

create table public.orders (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_number text,
    status text,
    fulfillment_status text,
    is_paid boolean,
    is_shipped boolean,
    is_gift boolean,
    is_test boolean,
    buyer_platform_id text,
    -- Where it was sold, of a seller with several places; through which channel.
    location_platform_id text,
    source_name text,
    country text,
    payment_method text,
    ordered_at timestamptz not null,
    closed_at timestamptz,
    cancelled_at timestamptz,
    currency text not null,
    item_total_amount bigint,
    discount_amount bigint,
    subtotal_amount bigint,
    shipping_amount bigint,
    tax_amount bigint,
    vat_amount bigint,
    gift_wrap_amount bigint,
    tip_amount bigint,
    total_amount bigint constraint total_amount_known check (total_amount is not null or raw ? 'keeper_unreadable'),
    -- After edits, removals and refunds; total_amount stays what was bought.
    current_total_amount bigint,
    refunded_amount bigint,
    -- What the buyer saw and paid, in the buyer's currency; every other amount is in the shop's.
    presentment_currency text,
    presentment_total_amount bigint,
    service_charge_amount bigint,
    -- Cost of goods, derived from what a printer says (costs.sql). The default costs the landing of an order nothing.
    cost_amount bigint,
    cost_currency text,
    cost_source text,
    -- linked: cost_amount is all of it; no_cost_yet: nothing has been linked, or a linked one has no cost yet;
    -- ambiguous: a cost could belong to this order or to another one, or comes in two currencies.
    cost_state text not null default 'no_cost_yet'
        check (cost_state in ('linked', 'no_cost_yet', 'ambiguous')),
    -- The platform's own, which rises with each change; null: it tells none.
    version bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
-- Each index of these tables but the first says that its column is not null: without statistics the planner takes any that begins with the
-- connection, whatever it is asked for, and this one only for who bounds that column (tests/schema/test_index_choice.py).
create index orders_by_time on public.orders (connection_id, ordered_at) where not is_deleted and ordered_at is not null;
-- Etsy's number is its id, and stays out; Shopify's `#1037` is found without its sign.
create index orders_by_number on public.orders (user_id, ltrim(order_number, '#'))
    where order_number <> platform_id and not is_deleted;
select private.synced_table('orders');

create table public.line_items (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    listing_platform_id text,
    product_platform_id text,
    sku text,
    title text,
    variation_title text,
    item_type text,
    -- Null where it is no whole number: half a pound stands in `exact_quantity` alone.
    quantity int,
    exact_quantity numeric,
    -- What is left of `quantity` after edits and refunds.
    current_quantity int,
    currency text not null,
    price_amount bigint constraint price_amount_known check (price_amount is not null or raw ? 'keeper_unreadable'),
    discount_amount bigint,
    shipping_amount bigint,
    shop_coupon_amount bigint,
    buyer_coupon_amount bigint,
    gross_amount bigint,
    tax_amount bigint,
    service_charge_amount bigint,
    total_amount bigint,
    is_digital boolean,
    ordered_at timestamptz,
    shipped_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index line_items_of_order on public.line_items (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
select private.synced_table('line_items');

create table public.order_refunds (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    currency text not null,
    refund_amount bigint constraint refund_amount_known check (refund_amount is not null or raw ? 'keeper_unreadable'),
    reason text,
    status text,
    refunded_at timestamptz not null,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_refunds_by_time on public.order_refunds (connection_id, refunded_at) where not is_deleted and refunded_at is not null;
create index order_refunds_of_order on public.order_refunds (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
select private.synced_table('order_refunds');

create table public.order_fulfillments (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    fulfillment_type text,
    status text,
    carrier text,
    tracking_code text,
    shipped_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_fulfillments_of_order on public.order_fulfillments (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
select private.synced_table('order_fulfillments');

create table public.customers (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    name text,
    email text,
    country text,
    last_order_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('customers');

create table public.listings (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    title text,
    state text,
    url text,
    skus text,
    quantity int,
    currency text not null,
    price_amount bigint,
    has_variations boolean,
    listed_at timestamptz,
    ends_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
select private.synced_table('listings');

-- The payment account's ledger: every payment, fee, tax, refund and payout, with the balance after it.
create table public.payments (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    sequence_number bigint not null,
    entry_type text not null,
    description text,
    currency text not null,
    entry_amount bigint not null,
    balance_amount bigint not null,
    reference_type text,
    reference_id text,
    parent_platform_id text,
    -- Which order this entry belongs to, once its reference is resolved.
    order_platform_id text,
    occurred_at timestamptz not null,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index payments_in_sequence on public.payments (connection_id, sequence_number)
    where not is_deleted and sequence_number is not null;
create index payments_by_time on public.payments (connection_id, occurred_at) where not is_deleted and occurred_at is not null;
create index payments_of_order on public.payments (connection_id, order_platform_id)
    where order_platform_id is not null;
create index payments_unresolved on public.payments (connection_id, reference_type, reference_id)
    where order_platform_id is null;
-- Two of about nine entries an order, and only until they have found theirs.
create index payments_to_look_up on public.payments (connection_id, reference_id)
    where order_platform_id is null and reference_type in ('shop_payment', 'processing_fee');
select private.synced_table('payments');

-- The buyer's payment for an order, where the platform keeps such a record beside its ledger.
create table public.order_payments (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    -- Null: it was paid without an order.
    order_platform_id text,
    location_platform_id text,
    buyer_platform_id text,
    status text,
    payment_method text,
    currency text not null,
    gross_amount bigint,
    fees_amount bigint,
    net_amount bigint,
    -- Of gross_amount: what was bought, and the tip.
    goods_amount bigint,
    tip_amount bigint,
    app_fee_amount bigint,
    refunded_amount bigint,
    paid_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_payments_of_order on public.order_payments (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
create index order_payments_by_time on public.order_payments (connection_id, paid_at) where not is_deleted and paid_at is not null;
select private.synced_table('order_payments');

-- Each movement of money of an order. Money moved is what 'success' rows of 'sale' and 'capture' brought, less those of
-- 'refund'; an authorization moves nothing.
create table public.order_transactions (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    kind text not null,
    status text not null,
    gateway text,
    is_test boolean,
    parent_platform_id text,
    currency text not null,
    transaction_amount bigint constraint transaction_amount_known check (transaction_amount is not null or raw ? 'keeper_unreadable'),
    processed_at timestamptz,
    -- What the platform's own payments took; null: not told (yet), or by another gateway.
    fees_amount bigint,
    fees_tax_amount bigint,
    fee_currency text,
    -- What was rounded where it was paid in cash.
    rounding_amount bigint,
    settlement_currency text,
    settlement_rate text,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_transactions_by_time on public.order_transactions (connection_id, processed_at) where not is_deleted and processed_at is not null;
create index order_transactions_of_order on public.order_transactions (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
select private.synced_table('order_transactions');

-- What a refund took back of which line.
create table public.order_refund_lines (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    refund_platform_id text not null,
    line_item_platform_id text not null,
    quantity int not null,
    restock_type text,
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
create index order_refund_lines_of_refund on public.order_refund_lines (connection_id, refund_platform_id)
    where not is_deleted and refund_platform_id is not null;
select private.synced_table('order_refund_lines');

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
create index order_sales_of_order on public.order_sales (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
create index order_sales_by_time on public.order_sales (connection_id, happened_at) where not is_deleted and happened_at is not null;
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
create index order_shipping_lines_of_order on public.order_shipping_lines (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
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
create index order_tax_lines_of_order on public.order_tax_lines (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
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
create index order_disputes_of_order on public.order_disputes (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
select private.synced_table('order_disputes');

-- The payment account of a platform that keeps no running balance: an entry each, with the payout that it was paid out with.
create table public.balance_transactions (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    entry_type text not null,
    currency text not null,
    gross_amount bigint,
    -- What was kept of it: what moved is the gross amount less this.
    fee_amount bigint,
    net_amount bigint,
    is_test boolean,
    adjusted_for text,
    order_platform_id text,
    -- Null: not paid out yet.
    payout_platform_id text,
    payout_status text,
    processed_at timestamptz not null,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index balance_transactions_in_sequence on public.balance_transactions (connection_id, length(platform_id), platform_id)
    where length(platform_id) > 0;
create index balance_transactions_by_time on public.balance_transactions (connection_id, processed_at)
    where not is_deleted and processed_at is not null;
create index balance_transactions_of_order on public.balance_transactions (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
create index balance_transactions_of_payout on public.balance_transactions (connection_id, payout_platform_id)
    where not is_deleted and payout_platform_id is not null;
create index balance_transactions_without_payout on public.balance_transactions (connection_id, processed_at)
    where not is_deleted and payout_platform_id is null and processed_at is not null;
select private.synced_table('balance_transactions');

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
create index order_refund_shipping_lines_of_refund on public.order_refund_shipping_lines (connection_id, refund_platform_id)
    where not is_deleted and refund_platform_id is not null;
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
create index order_refund_adjustments_of_refund on public.order_refund_adjustments (connection_id, refund_platform_id)
    where not is_deleted and refund_platform_id is not null;
select private.synced_table('order_refund_adjustments');

-- What can be bought: each listing has one variant at least.
create table public.listing_variants (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    listing_platform_id text not null,
    title text,
    sku text,
    barcode text,
    sort_order int,
    quantity int,
    currency text not null,
    price_amount bigint constraint price_amount_known check (price_amount is not null or raw ? 'keeper_unreadable'),
    compare_at_amount bigint,
    -- What one costs the seller now; what it did before stands in unit_costs.
    unit_cost_amount bigint,
    unit_cost_currency text,
    listed_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index listing_variants_of_listing on public.listing_variants (connection_id, listing_platform_id)
    where not is_deleted and listing_platform_id is not null;
select private.synced_table('listing_variants');
