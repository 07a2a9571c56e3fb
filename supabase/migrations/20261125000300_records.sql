-- Baseline of records, written once from supabase/schemas (docs/decisions/022).

-- closed_objects.sql

-- What a platform says is gone, or wants forgotten, stays so. A page with it may be on its way: fetched before, and
-- committed after, or a file that was exported hours ago. Whatever was fetched before the word came brings nothing
-- back.

create table private.closed_objects (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    table_name text not null,
    object_id text not null,
    gone_at timestamptz,
    forgotten_at timestamptz,
    primary key (connection_id, table_name, object_id)
);

-- await_pages: what is being committed for this shop lands first, and what is committed later sees what we do here.
create or replace function private.await_pages(p_connection_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    perform 1 from public.sync_jobs
     where connection_id = p_connection_id and status = 'running' order by id for update;
end $$;

-- keep_gone: before a record is inserted; an update by the same statement takes what stands in it then. The trigger's
-- arguments: the table whose record is closed, and the column that names it: a variant goes with its product.
create or replace function private.keep_gone() returns trigger
language plpgsql security definer set search_path = '' as $$
declare id text;
begin
    case tg_argv[1]
        when 'platform_id' then id := new.platform_id;
        when 'listing_platform_id' then id := new.listing_platform_id;
        when 'product_platform_id' then id := new.product_platform_id;
    end case;
    if exists (select 1 from private.closed_objects
               where connection_id = new.connection_id and table_name = tg_argv[0] and object_id = id
                 and gone_at > new.fetched_at) then
        new.is_deleted := true;
    end if;
    return new;
end $$;

-- take_children: a record that is gone takes along what came with it. The trigger's arguments: the children's table, and
-- their column that names the parent.
create or replace function private.take_children() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    execute format('update public.%I set is_deleted = true, sync_run_id = $1 '
                   'where connection_id = $2 and %I = $3 and not is_deleted', tg_argv[0], tg_argv[1])
        using new.sync_run_id, new.connection_id, new.platform_id;
    return null;
end $$;

-- keep_forgotten: the same for people.
create or replace function private.keep_forgotten() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if exists (select 1 from private.closed_objects
               where connection_id = new.connection_id and table_name = 'customers'
                 and object_id = new.platform_id and forgotten_at > new.fetched_at) then
        new.name := null;
        new.email := null;
        new.raw := '{}';
        new.content_hash := 0;
    end if;
    return new;
end $$;

-- forget_customers: nothing personal of these is left, nor in records that could not be mapped.
create or replace function private.forget_customers(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    perform private.await_pages(p_connection_id);
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at)
    select p_connection_id, 'customers', id, clock_timestamp() from unnest(p_ids) as id order by id
    on conflict (connection_id, table_name, object_id) do update set forgotten_at = excluded.forgotten_at;
    update public.customers set name = null, email = null, raw = '{}', content_hash = 0
     where connection_id = p_connection_id and platform_id = any (p_ids);
    delete from public.rejected_records
     where connection_id = p_connection_id and stream in ('customers', 'rest_customers')
       and platform_id = any (p_ids);
end $$;

-- synced_tables.sql

-- Synced tables: those that hold what platforms sent. Each takes from one function what all of them need, and forgetting
-- finds them in the catalog: no list of names that could miss one (docs/decisions/023).

-- Those with the ten columns that every synced row carries. No list of names.
create view private.synced_tables as
    select c.oid, c.relname::text as name from pg_catalog.pg_class as c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and 10 = (select count(*) from pg_catalog.pg_attribute as a
                where a.attrelid = c.oid and not a.attisdropped
                  and a.attname in ('connection_id', 'user_id', 'platform', 'platform_id', 'raw', 'source_updated_at',
                                    'fetched_at', 'content_hash', 'sync_run_id', 'is_deleted'));

-- synced_table: a table with the ten columns becomes one of what platforms sent: its rows are readable by who they belong
-- to, and by nobody else; the end of their connection takes them along (private.synced_tables). Twice is as good as once.
create or replace function private.synced_table(p_table text) returns void
language plpgsql set search_path = '' as $$
begin
    if not exists (select from private.synced_tables as s where s.name = p_table) then
        raise exception '% lacks one of the columns that every synced table has', p_table;
    end if;
    perform private.own_rows(p_table);
end $$;

-- closed_by_events: a platform tells which of its records in a table are gone; a page that was fetched before brings
-- those back as deleted. Children (variants) go with the parent that they name. No event closes a record of a table that
-- was not named here (accept_platform_event).
create or replace function private.closed_by_events(p_table text, p_platform text, p_parent text default null,
                                                    p_parent_column text default null) returns void
language plpgsql set search_path = '' as $$
begin
    execute format('create or replace trigger %I before insert on public.%I for each row when (new.platform = %L) '
                   'execute function private.keep_gone(%L, %L)', 'keep_gone_' || p_platform, p_table, p_platform,
                   coalesce(p_parent, p_table), coalesce(p_parent_column, 'platform_id'));
    if p_parent is not null then
        execute format('create or replace trigger %I after update of is_deleted on public.%I for each row '
                       'when (new.is_deleted and not old.is_deleted and new.platform = %L) '
                       'execute function private.take_children(%L, %L)', 'take_' || p_table || '_' || p_platform, p_parent,
                       p_platform, p_table, p_parent_column);
    end if;
end $$;

-- forget_connection: a connection's records go with it, whether its user is forgotten or the shop alone. (A foreign key
-- on every row would cost a check a row.)
create or replace function private.forget_connection() returns trigger
language plpgsql security definer set search_path = '' as $$
declare t text;
begin
    for t in select name from private.synced_tables order by name loop
        execute format('delete from public.%I where connection_id = $1', t) using old.id;
    end loop;
    return old;
end $$;
create trigger forget_connection after delete on public.connected_accounts
    for each row execute function private.forget_connection();

-- records.sql

-- Records: what the platforms hold about a seller, one table an entity, shared by all platforms.
--
-- Every synced row carries the same ten columns beside its own:
--   connection_id, platform_id       its key; the connection comes from the lease of the job that wrote it
--   user_id, platform                whose it is and where it is from, as its connection has them
--   raw                              the record as the platform sent it, less personal fields that nobody needs
--   source_updated_at, fetched_at    its version: the platform's own time first, the time we asked second
--   content_hash                     of raw; an unchanged row costs no write
--   sync_run_id, is_deleted
-- Every *_amount is a whole number of the smallest unit of the row's currency.
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
    primary key (connection_id, platform_id)
);
create index orders_by_time on public.orders (connection_id, ordered_at) where not is_deleted;
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
    primary key (connection_id, platform_id)
);
create index line_items_of_order on public.line_items (connection_id, order_platform_id) where not is_deleted;
select private.synced_table('line_items');

create table public.order_refunds (
    connection_id uuid not null,
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
    primary key (connection_id, platform_id)
);
create index order_refunds_of_order on public.order_refunds (connection_id, order_platform_id) where not is_deleted;
select private.synced_table('order_refunds');

create table public.order_fulfillments (
    connection_id uuid not null,
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
    primary key (connection_id, platform_id)
);
create index order_fulfillments_of_order on public.order_fulfillments (connection_id, order_platform_id) where not is_deleted;
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
create index payments_in_sequence on public.payments (connection_id, sequence_number) where not is_deleted;
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
    primary key (connection_id, platform_id)
);
create index order_payments_of_order on public.order_payments (connection_id, order_platform_id) where not is_deleted;
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
    transaction_amount bigint not null,
    processed_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_transactions_of_order on public.order_transactions (connection_id, order_platform_id) where not is_deleted;
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
    subtotal_amount bigint not null,
    tax_amount bigint,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index order_refund_lines_of_refund on public.order_refund_lines (connection_id, refund_platform_id) where not is_deleted;
select private.synced_table('order_refund_lines');

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
    price_amount bigint not null,
    compare_at_amount bigint,
    listed_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index listing_variants_of_listing on public.listing_variants (connection_id, listing_platform_id) where not is_deleted;
select private.synced_table('listing_variants');
