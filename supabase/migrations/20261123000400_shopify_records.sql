-- What Shopify's records have beside those of other platforms: columns of the shared tables, and tables of its own.

alter table public.orders
    add column fulfillment_status text,
    add column is_test boolean,
    add column cancelled_at timestamptz,
    add column tip_amount bigint,
    -- After edits, removals and refunds; total_amount stays what was bought.
    add column current_total_amount bigint,
    add column refunded_amount bigint,
    -- What the buyer saw and paid, in the buyer's currency; every other amount is in the shop's.
    add column presentment_currency text,
    add column presentment_total_amount bigint;

alter table public.line_items
    -- What is left of `quantity` after edits and refunds.
    add column current_quantity int,
    add column discount_amount bigint;

alter table public.order_fulfillments add column status text;

-- Each movement of money of an order. Money moved is what 'success' rows of 'sale' and 'capture' brought, less those of
-- 'refund'; an authorization moves nothing.
create table public.order_transactions (
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
    transaction_amount bigint not null,
    processed_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (user_id, platform, platform_id)
);
create index order_transactions_of_order on public.order_transactions (user_id, platform, order_platform_id) where not is_deleted;

-- What a refund took back of which line.
create table public.order_refund_lines (
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    refund_platform_id text not null,
    line_item_platform_id text not null,
    quantity int not null,
    restock_type text,
    currency text not null,
    subtotal_amount bigint not null,
    tax_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (user_id, platform, platform_id)
);
create index order_refund_lines_of_refund on public.order_refund_lines (user_id, platform, refund_platform_id) where not is_deleted;

-- What can be bought: each listing has one variant at least.
create table public.listing_variants (
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
    price_amount bigint not null,
    compare_at_amount bigint,
    listed_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (user_id, platform, platform_id)
);
create index listing_variants_of_listing on public.listing_variants (user_id, platform, listing_platform_id) where not is_deleted;

do $$
declare t text;
begin
    foreach t in array array['order_transactions', 'order_refund_lines', 'listing_variants'] loop
        execute format('alter table public.%I enable row level security', t);
        execute format('alter table public.%I force row level security', t);
        execute format('create policy own_rows on public.%I for select to authenticated '
                       'using (user_id = (select auth.uid()))', t);
        execute format('grant select on public.%I to authenticated, service_role', t);
    end loop;
end $$;

create function private.forget_shopify_records() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    delete from public.order_transactions where user_id = old.user_id;
    delete from public.order_refund_lines where user_id = old.user_id;
    delete from public.listing_variants where user_id = old.user_id;
    return old;
end $$;
create trigger forget_shopify_records after delete on public.profiles
    for each row execute function private.forget_shopify_records();
