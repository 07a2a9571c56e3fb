-- Baseline of records, written once from supabase/schemas (docs/decisions/022).

-- closed_objects.sql

-- What a platform says is gone, or wants forgotten, stays so. A page with it may be on its way: fetched before, and
-- committed after, or a file that was exported hours ago. Whatever was fetched before the word came brings nothing
-- back.

create table private.closed_objects (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    table_name text not null,
    object_id text not null,
    gone_at timestamptz,
    forgotten_at timestamptz,
    primary key (user_id, platform, table_name, object_id)
);

-- await_pages: what is being committed for this shop lands first, and what is committed later sees what we do here.
create or replace function private.await_pages(p_user_id uuid, p_platform text) returns void
language plpgsql set search_path = '' as $$
begin
    perform 1 from public.sync_jobs
     where user_id = p_user_id and platform = p_platform and status = 'running' order by id for update;
end $$;

-- keep_gone: before a record is inserted; an update by the same statement takes what stands in it then. A variant goes
-- with its product.
create or replace function private.keep_gone() returns trigger
language plpgsql security definer set search_path = '' as $$
declare named text := tg_table_name; id text;
begin
    if named = 'listing_variants' then
        named := 'listings';
        id := new.listing_platform_id;
    else
        id := new.platform_id;
    end if;
    if exists (select 1 from private.closed_objects
               where user_id = new.user_id and platform = new.platform and table_name = named and object_id = id
                 and gone_at > new.fetched_at) then
        new.is_deleted := true;
    end if;
    return new;
end $$;

-- keep_forgotten: the same for people.
create or replace function private.keep_forgotten() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if exists (select 1 from private.closed_objects
               where user_id = new.user_id and platform = new.platform and table_name = 'customers'
                 and object_id = new.platform_id and forgotten_at > new.fetched_at) then
        new.name := null;
        new.email := null;
        new.raw := '{}';
        new.content_hash := 0;
    end if;
    return new;
end $$;

-- forget_customers: nothing personal of these is left, nor in records that could not be mapped.
create or replace function private.forget_customers(p_user_id uuid, p_platform text, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    perform private.await_pages(p_user_id, p_platform);
    insert into private.closed_objects as c (user_id, platform, table_name, object_id, forgotten_at)
    select p_user_id, p_platform, 'customers', id, clock_timestamp() from unnest(p_ids) as id order by id
    on conflict (user_id, platform, table_name, object_id) do update set forgotten_at = excluded.forgotten_at;
    update public.customers set name = null, email = null, raw = '{}', content_hash = 0
     where user_id = p_user_id and platform = p_platform and platform_id = any (p_ids);
    delete from public.rejected_records
     where user_id = p_user_id and platform = p_platform and stream in ('customers', 'rest_customers')
       and platform_id = any (p_ids);
end $$;

-- synced_tables.sql

-- Synced tables: those that hold what platforms sent. Each takes from one function what all of them need, and forgetting
-- finds them in the catalog: no list of names that could miss one (docs/decisions/023).

-- Those with the nine columns that every synced row carries. No list of names.
create view private.synced_tables as
    select c.oid, c.relname::text as name from pg_catalog.pg_class as c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and 9 = (select count(*) from pg_catalog.pg_attribute as a
                where a.attrelid = c.oid and not a.attisdropped
                  and a.attname in ('user_id', 'platform', 'platform_id', 'raw', 'source_updated_at', 'fetched_at',
                                    'content_hash', 'sync_run_id', 'is_deleted'));

-- synced_table: a table with the nine columns becomes one of what platforms sent: its rows are readable by who they belong
-- to, and by nobody else; a user's deletion takes them along (private.synced_tables). `p_closed_by`: platforms that tell
-- which of its records are gone; a page that was fetched before brings those back as deleted. Twice is as good as once.
create or replace function private.synced_table(p_table text, p_closed_by text[] default '{}') returns void
language plpgsql set search_path = '' as $$
begin
    if not exists (select from private.synced_tables as s where s.name = p_table) then
        raise exception '% lacks one of the columns that every synced table has', p_table;
    end if;
    execute format('alter table public.%I enable row level security, force row level security', p_table);
    if not exists (select from pg_catalog.pg_policies as p where p.schemaname = 'public' and p.tablename = p_table
                                                             and p.policyname = 'own_rows') then
        execute format('create policy own_rows on public.%I for select to authenticated '
                       'using (user_id = (select auth.uid()))', p_table);
    end if;
    execute format('grant select on public.%I to authenticated, service_role', p_table);
    if p_closed_by <> '{}' then
        execute format('create or replace trigger keep_gone before insert on public.%I for each row '
                       'when (new.platform = any (%L)) execute function private.keep_gone()', p_table, p_closed_by);
    end if;
end $$;

-- forget_user: a user's records go with the profile. (A foreign key on every row would cost a check a row.)
create or replace function private.forget_user() returns trigger
language plpgsql security definer set search_path = '' as $$
declare t text;
begin
    for t in select name from private.synced_tables order by name loop
        execute format('delete from public.%I where user_id = $1', t) using old.user_id;
    end loop;
    return old;
end $$;
create trigger forget_user after delete on public.profiles
    for each row execute function private.forget_user();

-- records.sql

-- Records: what the platforms hold about a seller, one table an entity, shared by all platforms.
--
-- Every synced row carries the same nine columns beside its own:
--   user_id, platform, platform_id   its key; the tenant comes from the lease of the job that wrote it
--   raw                              the record as the platform sent it, less personal fields that nobody needs
--   source_updated_at, fetched_at    its version: the platform's own time first, the time we asked second
--   content_hash                     of raw; an unchanged row costs no write
--   sync_run_id, is_deleted
-- Every *_amount is a whole number of the smallest unit of the row's currency.
-- Secondary indexes are partial (not is_deleted), so that looking a row up by its key can only use the primary key,
-- however little the planner knows of a table that was empty a minute ago.
-- Child rows name their parent by platform_id, without a foreign key: records may arrive in any order.

create table public.orders (
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
    country text,
    payment_method text,
    ordered_at timestamptz not null,
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
    total_amount bigint not null,
    -- After edits, removals and refunds; total_amount stays what was bought.
    current_total_amount bigint,
    refunded_amount bigint,
    -- What the buyer saw and paid, in the buyer's currency; every other amount is in the shop's.
    presentment_currency text,
    presentment_total_amount bigint,
    -- Cost of goods, derived from what a printer says (costs.sql). The default costs the landing of an order nothing.
    cost_amount bigint,
    cost_currency text,
    cost_source text,
    -- linked: cost_amount is all of it; no_cost_yet: nothing has been linked, or a linked one has no cost yet;
    -- ambiguous: a cost could belong to this order or to another one, or comes in two currencies.
    cost_state text not null default 'no_cost_yet'
        check (cost_state in ('linked', 'no_cost_yet', 'ambiguous')),
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (user_id, platform, platform_id)
);
create index orders_by_time on public.orders (user_id, platform, ordered_at) where not is_deleted;
-- Etsy's number is its id, and stays out; Shopify's `#1037` is found without its sign.
create index orders_by_number on public.orders (user_id, ltrim(order_number, '#'))
    where order_number <> platform_id and not is_deleted;
select private.synced_table('orders', '{shopify}');

create table public.line_items (
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    listing_platform_id text,
    product_platform_id text,
    sku text,
    title text,
    quantity int not null,
    -- What is left of `quantity` after edits and refunds.
    current_quantity int,
    currency text not null,
    price_amount bigint not null,
    discount_amount bigint,
    shipping_amount bigint,
    shop_coupon_amount bigint,
    buyer_coupon_amount bigint,
    is_digital boolean,
    ordered_at timestamptz,
    shipped_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (user_id, platform, platform_id)
);
create index line_items_of_order on public.line_items (user_id, platform, order_platform_id) where not is_deleted;
select private.synced_table('line_items');

create table public.order_refunds (
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    currency text not null,
    refund_amount bigint not null,
    reason text,
    status text,
    refunded_at timestamptz not null,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (user_id, platform, platform_id)
);
create index order_refunds_of_order on public.order_refunds (user_id, platform, order_platform_id) where not is_deleted;
select private.synced_table('order_refunds');

create table public.order_fulfillments (
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
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
    primary key (user_id, platform, platform_id)
);
create index order_fulfillments_of_order on public.order_fulfillments (user_id, platform, order_platform_id) where not is_deleted;
select private.synced_table('order_fulfillments');

create table public.customers (
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
    primary key (user_id, platform, platform_id)
);
select private.synced_table('customers', '{shopify}');

create table public.listings (
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    title text,
    state text not null,
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
    primary key (user_id, platform, platform_id)
);
select private.synced_table('listings', '{shopify}');

-- The payment account's ledger: every payment, fee, tax, refund and payout, with the balance after it.
create table public.payments (
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
    primary key (user_id, platform, platform_id)
);
create index payments_in_sequence on public.payments (user_id, platform, sequence_number) where not is_deleted;
create index payments_of_order on public.payments (user_id, platform, order_platform_id)
    where order_platform_id is not null;
create index payments_unresolved on public.payments (user_id, platform, reference_type, reference_id)
    where order_platform_id is null;
-- Two of about nine entries an order, and only until they have found theirs.
create index payments_to_look_up on public.payments (user_id, platform, reference_id)
    where order_platform_id is null and reference_type in ('shop_payment', 'processing_fee');
select private.synced_table('payments');

-- The buyer's payment for an order, where the platform keeps such a record beside its ledger.
create table public.order_payments (
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    status text,
    currency text not null,
    gross_amount bigint,
    fees_amount bigint,
    net_amount bigint,
    paid_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (user_id, platform, platform_id)
);
create index order_payments_of_order on public.order_payments (user_id, platform, order_platform_id) where not is_deleted;
select private.synced_table('order_payments');

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
select private.synced_table('order_transactions');

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
select private.synced_table('order_refund_lines');

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
select private.synced_table('listing_variants', '{shopify}');
