-- The payment account of Shopify's own payments, where a seller shows it: what disputes took, payouts, reserves (docs/decisions/043).

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

create trigger mark_money_come after insert on public.balance_transactions referencing new table as came
    for each statement execute function private.mark_transactions();
create trigger mark_money_change after update on public.balance_transactions referencing new table as came old table as went
    for each statement execute function private.mark_transactions();
create trigger mark_money_go after delete on public.balance_transactions referencing old table as went
    for each statement execute function private.mark_transactions();

insert into private.money_kinds (platform, source, kind, class) values
    ('shopify', 'balance', 'charge', 'none'), ('shopify', 'balance', 'refund', 'none'), ('shopify', 'balance', 'dispute_withdrawal', 'dispute'),
    ('shopify', 'balance', 'dispute_reversal', 'dispute'), ('shopify', 'balance', 'chargeback_hold', 'dispute'), ('shopify', 'balance', 'chargeback_hold_release', 'dispute'),
    ('shopify', 'balance', 'chargeback_protection_credit', 'dispute'), ('shopify', 'balance', 'chargeback_protection_credit_reversal', 'dispute'), ('shopify', 'balance', 'chargeback_protection_debit', 'dispute'),
    ('shopify', 'balance', 'chargeback_protection_debit_reversal', 'dispute'), ('shopify', 'balance', 'chargeback_fee', 'dispute_fee'), ('shopify', 'balance', 'chargeback_fee_refund', 'dispute_fee'),
    ('shopify', 'balance', 'transfer', 'transfer'), ('shopify', 'balance', 'transfer_cancel', 'transfer'), ('shopify', 'balance', 'transfer_failure', 'transfer'),
    ('shopify', 'balance', 'transfer_refund', 'transfer'), ('shopify', 'balance', 'reserved_funds', 'transfer'), ('shopify', 'balance', 'reserved_funds_reversal', 'transfer'),
    ('shopify', 'balance', 'reserved_funds_withdrawal', 'transfer'), ('shopify', 'balance', 'balance_transfer_inbound', 'transfer'), ('shopify', 'balance', 'balance_transfer_outbound', 'transfer'),
    ('shopify', 'balance', 'shipping_label', 'label'), ('shopify', 'balance', 'shipping_label_adjustment', 'label'), ('shopify', 'balance', 'shipping_label_adjustment_base', 'label'),
    ('shopify', 'balance', 'shipping_label_adjustment_surcharge', 'label'), ('shopify', 'balance', 'shipping_other_carrier_charge_adjustment', 'label'), ('shopify', 'balance', 'shipping_return_to_origin_adjustment', 'label');
