-- Money events, added up by days: the tables, what classes there are, and what keeps a day's rows near each other (docs/decisions/037).

alter table public.profiles add column reclaims_tax boolean not null default false;
alter table public.order_costs add column tax_amount bigint, add column is_classified boolean not null default true;
create index order_costs_unsold on public.order_costs (connection_id, ordered_at) where state <> 'linked';
create index order_refunds_by_time on public.order_refunds (connection_id, refunded_at) where not is_deleted;
create index order_transactions_by_time on public.order_transactions (connection_id, processed_at) where not is_deleted;
create index payments_by_time on public.payments (connection_id, occurred_at) where not is_deleted;

-- What a class adds to, and whether that is a part of the profit. `waits`: how long after its end a day stays open for it.
create table private.money_classes (
    class text primary key,
    figure text not null,
    -- 'profit', 'beside', or 'counted': no money, only how many.
    part text not null check (part in ('profit', 'beside', 'counted')),
    waits interval
);

insert into private.money_classes (class, figure, part, waits) values
    ('gross_sales', 'gross_sales', 'profit', null),
    ('discount', 'discounts', 'profit', null),
    ('reversal_goods', 'reversals', 'profit', null),
    ('reversal_adjustment', 'reversals', 'profit', null),
    ('shipping', 'shipping', 'profit', null),
    ('reversal_shipping', 'shipping', 'profit', null),
    ('other_income', 'other_income', 'profit', null),
    ('reversal_other', 'other_income', 'profit', null),
    ('fee_selling', 'fees', 'profit', null),
    ('fee_payment', 'fees', 'profit', null),
    ('fee_listing', 'fees', 'profit', null),
    ('fee_regulatory', 'fees', 'profit', null),
    ('fee_other', 'fees', 'profit', null),
    ('tax_on_fees', 'fees', 'profit', null),
    ('subscription', 'fees', 'profit', null),
    ('credit', 'fees', 'profit', null),
    ('ads', 'ads', 'profit', null),
    ('label', 'labels', 'profit', null),
    ('dispute', 'disputes', 'profit', null),
    ('dispute_fee', 'disputes', 'profit', null),
    ('cogs_goods', 'cost_of_goods', 'profit', null),
    ('cogs_shipping', 'cost_of_goods', 'profit', null),
    ('cogs_tax', 'cost_of_goods', 'profit', null),
    ('tip', 'tips', 'beside', null),
    ('gift_card', 'gift_cards', 'beside', null),
    ('duty', 'duties', 'beside', null),
    ('tax_platform', 'taxes_platform', 'beside', null),
    ('reversal_tax_platform', 'taxes_platform', 'beside', null),
    ('tax_passed', 'taxes_platform', 'beside', null),
    ('tax_seller', 'taxes_seller', 'beside', null),
    ('reversal_tax_seller', 'taxes_seller', 'beside', null),
    ('tax_unknown', 'taxes_unknown', 'beside', null),
    ('reversal_tax_unknown', 'taxes_unknown', 'beside', null),
    ('cogs_tax_reclaimed', 'reclaimed_tax', 'beside', null),
    ('payment', 'payments', 'beside', null),
    ('refund_paid', 'refunds_paid', 'beside', null),
    ('transfer', 'transfers', 'beside', null),
    ('order', 'orders', 'counted', null),
    ('uncosted', 'uncosted', 'counted', '30 days'),
    ('fees_unknown', 'fees_unknown', 'counted', '3 days');

-- The class of a platform's records by their kind, as the platform calls it. `source`: which records.
create table private.money_kinds (
    platform text not null,
    source text not null,
    kind text not null,
    class text not null,
    primary key (platform, source, kind)
);

-- The entities that the figures of a platform's day stand on.
create table private.money_streams (
    platform text not null,
    entity text not null,
    primary key (platform, entity)
);

-- `sale_at`: when the sale was that this belongs to, null where that is not known.
create type private.money_event as (
    class text, order_platform_id text, line_platform_id text, at timestamptz, sale_at timestamptz, currency text, amount bigint,
    source_table text, source_id text, detail text);

-- A day of a shop: one row a currency and class. `of_sales`: what was taken back of this day's sales, whenever that was.
create table public.money_days (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    day date not null,
    currency text not null,
    class text not null,
    amount bigint not null,
    events int not null,
    of_sales bigint not null default 0,
    primary key (connection_id, day, currency, class)
);

comment on table public.money_days is 'What happened to a seller''s money on each day of the shop, by currency and class.';

select private.own_rows('money_days');

-- How a day stands. `waits`: what is still to come, by name and number; `absent`: what was waited for long enough.
create table public.money_day_states (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    day date not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    state text not null check (state in ('open', 'closed', 'restated')),
    waits jsonb not null,
    absent jsonb not null default '{}',
    -- When it was closed for the first time; from then on every change is on record.
    closed_at timestamptz,
    restated_at timestamptz,
    -- When what it waits for counts as not to be had.
    due_at timestamptz,
    primary key (connection_id, day),
    check (state = 'open' or closed_at is not null)
);

comment on table public.money_day_states is 'Whether a day''s figures are final, and what they still wait for.';

create index money_day_states_open on public.money_day_states (connection_id, ends_at) where state = 'open';

create index money_day_states_due on public.money_day_states (due_at) where state = 'open' and due_at is not null;

select private.own_rows('money_day_states');

-- What pages and settings touched, an hour each; `hours` null: everything. Added to only: two pages never wait for each other.
create table private.money_marks (
    id bigint generated always as identity primary key,
    connection_id uuid not null,
    table_name text not null,
    run_id uuid,
    hours timestamptz[],
    at timestamptz not null default clock_timestamp()
);

create index money_marks_of_connection on private.money_marks (connection_id, at);

-- Days of marks that are to be rolled up, with why.
create table private.money_touched (
    connection_id uuid not null,
    day date not null,
    causes jsonb not null,
    primary key (connection_id, day)
);

-- Why the figures of a closed day are what they are: as they were, as they became, and what did it.
create table private.money_journal (
    id bigint generated always as identity primary key,
    connection_id uuid not null,
    user_id uuid not null,
    day date not null,
    at timestamptz not null default clock_timestamp(),
    kind text not null check (kind in ('closed', 'reopened', 'restated')),
    before jsonb,
    after jsonb not null,
    causes jsonb not null
);

create index money_journal_of_day on private.money_journal (connection_id, day, id);

-- A row that a statement brought, changed or took away: whose, what did it, which order it is about, and when it counts.
create type private.touched_row as (connection_id uuid, run_id uuid, order_id text, at timestamptz);

insert into private.money_streams values ('etsy', 'orders'), ('etsy', 'payments');

insert into private.money_kinds (platform, source, kind, class) values
    ('etsy', 'ledger', 'PAYMENT_GROSS', 'payment'),
    ('etsy', 'ledger', 'REFUND_GROSS', 'refund_paid'), ('etsy', 'ledger', 'REFUND', 'refund_paid'),
    ('etsy', 'ledger', 'sales_tax', 'tax_passed'), ('etsy', 'ledger', 'buyer_fee', 'tax_passed'), ('etsy', 'ledger', 'vat_tax_ep', 'tax_passed'), ('etsy', 'ledger', 'VAT_REFUND_EP', 'tax_passed'),
    ('etsy', 'ledger', 'transaction', 'fee_selling'), ('etsy', 'ledger', 'shipping_transaction', 'fee_selling'), ('etsy', 'ledger', 'gift_wrap_fees', 'fee_selling'),
    ('etsy', 'ledger', 'PAYMENT_PROCESSING_FEE', 'fee_payment'), ('etsy', 'ledger', 'REFUND_PROCESSING_FEE', 'fee_payment'), ('etsy', 'ledger', 'DEPOSIT_FEE', 'fee_payment'),
    ('etsy', 'ledger', 'listing', 'fee_listing'), ('etsy', 'ledger', 'listing_private', 'fee_listing'), ('etsy', 'ledger', 'renew', 'fee_listing'), ('etsy', 'ledger', 'renew_sold', 'fee_listing'), ('etsy', 'ledger', 'renew_sold_auto', 'fee_listing'), ('etsy', 'ledger', 'renew_expired', 'fee_listing'), ('etsy', 'ledger', 'auto_renew_expired', 'fee_listing'), ('etsy', 'ledger', 'transaction_quantity', 'fee_listing'),
    ('etsy', 'ledger', 'regulatory_operating_fee', 'fee_regulatory'),
    ('etsy', 'ledger', 'prolist', 'ads'), ('etsy', 'ledger', 'offsite_ads_fee', 'ads'),
    ('etsy', 'ledger', 'vat_seller_services', 'tax_on_fees'), ('etsy', 'ledger', 'vat_on_processing_fees', 'tax_on_fees'),
    ('etsy', 'ledger', 'seller_credit', 'credit'), ('etsy', 'ledger', 'SELLER_DRIVEN_TRAFFIC_CREDIT', 'credit'),
    ('etsy', 'ledger', 'shipping_labels', 'label'), ('etsy', 'ledger', 'shipping_label', 'label'), ('etsy', 'ledger', 'shipping_label_usps_adjustment', 'label'), ('etsy', 'ledger', 'shipping_label_usps_adjustment_credit', 'label'),
    ('etsy', 'ledger', 'subscription', 'subscription'), ('etsy', 'ledger', 'seller_onboarding_fee', 'subscription'), ('etsy', 'ledger', 'seller_onboarding_fee_payment', 'subscription'),
    ('etsy', 'ledger', 'DISBURSE', 'transfer'), ('etsy', 'ledger', 'DISBURSE2', 'transfer'), ('etsy', 'ledger', 'ADYENBALANCE_REVERSAL', 'transfer'), ('etsy', 'ledger', 'RESERVE', 'transfer'), ('etsy', 'ledger', 'billing_payment', 'transfer'), ('etsy', 'ledger', 'recoupment', 'transfer'), ('etsy', 'ledger', 'RECOUP', 'transfer');

insert into private.money_streams values ('printify', 'orders');

insert into private.money_kinds (platform, source, kind, class) values
    ('printify', 'line_status', 'pending', 'cost'), ('printify', 'line_status', 'on-hold', 'cost'), ('printify', 'line_status', 'sending-to-production', 'cost'), ('printify', 'line_status', 'in-production', 'cost'), ('printify', 'line_status', 'fulfilled', 'cost'), ('printify', 'line_status', 'partially-fulfilled', 'cost'), ('printify', 'line_status', 'payment-not-received', 'cost'), ('printify', 'line_status', 'has-issues', 'cost'), ('printify', 'line_status', 'cost-calculation', 'cost'), ('printify', 'line_status', 'unfulfillable', 'cost'), ('printify', 'line_status', 'sending_to_production_delegate', 'cost'), ('printify', 'line_status', 'sending_to_production_delegate_sync', 'cost'), ('printify', 'line_status', 'source-check-failed', 'cost'), ('printify', 'line_status', 'shipped', 'cost'), ('printify', 'line_status', 'delivered', 'cost'),
    ('printify', 'line_status', 'canceled', 'none');

insert into private.money_streams values ('shopify', 'orders');

insert into private.money_kinds (platform, source, kind, class) values
    ('shopify', 'sale', 'product order', 'gross_sales'), ('shopify', 'sale', 'product update', 'gross_sales'),
    ('shopify', 'sale', 'product return', 'reversal_goods'),
    ('shopify', 'sale', 'shipping order', 'shipping'), ('shopify', 'sale', 'shipping update', 'shipping'),
    ('shopify', 'sale', 'shipping return', 'reversal_shipping'),
    ('shopify', 'sale', 'adjustment order', 'reversal_adjustment'), ('shopify', 'sale', 'adjustment update', 'reversal_adjustment'), ('shopify', 'sale', 'adjustment return', 'reversal_adjustment'),
    ('shopify', 'sale', 'fee order', 'other_income'), ('shopify', 'sale', 'fee update', 'other_income'), ('shopify', 'sale', 'additional_fee order', 'other_income'), ('shopify', 'sale', 'additional_fee update', 'other_income'),
    ('shopify', 'sale', 'fee return', 'reversal_other'), ('shopify', 'sale', 'additional_fee return', 'reversal_other'),
    ('shopify', 'sale', 'tip order', 'tip'), ('shopify', 'sale', 'tip update', 'tip'), ('shopify', 'sale', 'tip return', 'tip'),
    ('shopify', 'sale', 'gift_card order', 'gift_card'), ('shopify', 'sale', 'gift_card update', 'gift_card'), ('shopify', 'sale', 'gift_card return', 'gift_card'),
    ('shopify', 'sale', 'duty order', 'duty'), ('shopify', 'sale', 'duty update', 'duty'), ('shopify', 'sale', 'duty return', 'duty');

-- mark_orders: an order counts on the day that it was made.
create or replace function private.mark_orders() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}'; run uuid := private.run_of_costs();
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, run, w.platform_id, w.ordered_at)::private.touched_row from went as w);
    end if;
    if tg_op = 'INSERT' then
        touched := array(select row(c.connection_id, c.sync_run_id, c.platform_id, c.ordered_at)::private.touched_row from came as c);
    elsif tg_op = 'UPDATE' then
        touched := touched || array(select row(c.connection_id, case when w.sync_run_id <> c.sync_run_id then c.sync_run_id else run end,
                                               c.platform_id, c.ordered_at)::private.touched_row
                                    from came as c join went as w on w.connection_id = c.connection_id and w.platform_id = c.platform_id);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_refunds: a refund counts on its own day.
create or replace function private.mark_refunds() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.order_platform_id, w.refunded_at)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.order_platform_id, c.refunded_at)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_ledger: an entry counts on its own day. Of payments and taxes the order's day hears as well.
create or replace function private.mark_ledger() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}'; telling text[] := array(
    select k.kind || e.ending from private.money_kinds as k cross join (values (''), ('_refund')) as e (ending)
    where k.source = 'ledger' and k.class in ('payment', 'tax_passed'));
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, case when w.entry_type = any (telling) then w.order_platform_id end,
                                    w.occurred_at)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, case when c.entry_type = any (telling) then c.order_platform_id end,
                                               c.occurred_at)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_costs: a cost counts on the day of the sale that it belongs to, or on its own.
create or replace function private.mark_costs() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}'; run uuid := private.run_of_costs();
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(coalesce(w.order_connection_id, w.connection_id), run, w.order_platform_id,
                                    case when w.state <> 'linked' then w.ordered_at end)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(coalesce(c.order_connection_id, c.connection_id), run, c.order_platform_id,
                                               case when c.state <> 'linked' then c.ordered_at end)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_sales: a sale of a journal counts on its own day.
create or replace function private.mark_sales() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.order_platform_id, w.happened_at)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.order_platform_id, c.happened_at)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_transactions: so does what was paid; that its fees are not told yet counts on the day of the order.
create or replace function private.mark_transactions() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.order_platform_id, w.processed_at)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.order_platform_id, c.processed_at)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_journals: with its journal an order is no longer counted by what it says itself.
create or replace function private.mark_journals() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.platform_id, null)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.platform_id, null)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_zones: other zones, other days; of a user's printers too, which have their channels' zone.
create or replace function private.mark_zones() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.mark_all(a.id, 'zone') from public.connected_accounts as a
      where a.user_id = coalesce(new.user_id, old.user_id) order by a.id;
    return null;
end $$;

create trigger mark_money_come after insert on public.orders referencing new table as came
    for each statement execute function private.mark_orders();
create trigger mark_money_change after update on public.orders referencing new table as came old table as went
    for each statement execute function private.mark_orders();
create trigger mark_money_go after delete on public.orders referencing old table as went
    for each statement execute function private.mark_orders();
create trigger mark_money_come after insert on public.order_refunds referencing new table as came
    for each statement execute function private.mark_refunds();
create trigger mark_money_change after update on public.order_refunds referencing new table as came old table as went
    for each statement execute function private.mark_refunds();
create trigger mark_money_go after delete on public.order_refunds referencing old table as went
    for each statement execute function private.mark_refunds();
create trigger mark_money_come after insert on public.payments referencing new table as came
    for each statement execute function private.mark_ledger();
create trigger mark_money_change after update on public.payments referencing new table as came old table as went
    for each statement execute function private.mark_ledger();
create trigger mark_money_go after delete on public.payments referencing old table as went
    for each statement execute function private.mark_ledger();
create trigger mark_money_come after insert on public.order_costs referencing new table as came
    for each statement execute function private.mark_costs();
create trigger mark_money_change after update on public.order_costs referencing new table as came old table as went
    for each statement execute function private.mark_costs();
create trigger mark_money_go after delete on public.order_costs referencing old table as went
    for each statement execute function private.mark_costs();
create trigger mark_money_come after insert on public.order_sales referencing new table as came
    for each statement execute function private.mark_sales();
create trigger mark_money_change after update on public.order_sales referencing new table as came old table as went
    for each statement execute function private.mark_sales();
create trigger mark_money_go after delete on public.order_sales referencing old table as went
    for each statement execute function private.mark_sales();
create trigger mark_money_come after insert on public.order_transactions referencing new table as came
    for each statement execute function private.mark_transactions();
create trigger mark_money_change after update on public.order_transactions referencing new table as came old table as went
    for each statement execute function private.mark_transactions();
create trigger mark_money_go after delete on public.order_transactions referencing old table as went
    for each statement execute function private.mark_transactions();
create trigger mark_money_come after insert on public.order_journals referencing new table as came
    for each statement execute function private.mark_journals();
create trigger mark_money_change after update on public.order_journals referencing new table as came old table as went
    for each statement execute function private.mark_journals();
create trigger mark_money_go after delete on public.order_journals referencing old table as went
    for each statement execute function private.mark_journals();
create trigger mark_zones after insert or update or delete on public.shop_time_zones
    for each row execute function private.mark_zones();
