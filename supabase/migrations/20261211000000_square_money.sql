-- Square's sales in the figures (docs/decisions/047): what its records come to, and which days they touch. Functions: the next file.

insert into private.sales_channels values ('square', false);
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
insert into private.money_streams (platform, entity) values
    ('square', 'orders'), ('square', 'payments'), ('square', 'refunds');
create index order_payments_by_time on public.order_payments (connection_id, paid_at) where not is_deleted and paid_at is not null;

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
