-- Etsy's lookups, derivation and proofs.
--
-- Set operations rather than anti-joins: their cost does not hang on statistics that nobody has gathered yet.

insert into private.sales_channels values ('etsy', true);

insert into private.round_rules (platform, entity, position, seldom, whole, lookback, lookback_cap, table_name, timed_by,
                                 sampled_from) values
    ('etsy', 'payments', 0, '0', null, '1 hour', '1 day', 'payments', 'source_updated_at', '1 day'),
    ('etsy', 'orders', 1, '1 hour', '7 days', '15 minutes', '6 hours', 'orders', 'source_updated_at', '1 day'),
    ('etsy', 'listings', 2, '1 day', null, '15 minutes', '6 hours', null, null, null);
insert into private.round_prices (platform, per_day, live_share, backfill_share) values ('etsy', 5000, 0.1, 0.5);

-- pending_etsy_transactions: receipts that came without their lines (an order always has one).
create or replace function private.pending_etsy_transactions(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' as $$
    (select o.platform_id from public.orders as o
     where o.connection_id = job.connection_id and o.platform_id > p_after and not o.is_deleted
       and private.reads_all(job)
     union all
     select r.key from private.read_keys(job, 'receipts') as r
     where r.key > p_after and not private.reads_all(job))
    except
    select l.order_platform_id from public.line_items as l
    where l.connection_id = job.connection_id and not l.is_deleted
    order by 1 limit p_limit;
$$;

-- pending_etsy_payments: payments that ledger entries name and whose order nobody has asked for yet. Read in the order
-- of an index, as far as one batch goes: reading all that are left for each batch costs twenty times that in a large
-- shop.
create or replace function private.pending_etsy_payments(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set enable_hashagg = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    select r.reference_id
    from (select distinct p.reference_id from public.payments as p
          where p.connection_id = job.connection_id and p.order_platform_id is null
            and p.reference_type in ('shop_payment', 'processing_fee')
            and p.reference_id > p_after and p.reference_id ~ '^[0-9]+$'
          order by p.reference_id) as r
    where not exists (select from public.order_payments as o
                      where o.connection_id = job.connection_id and o.platform_id = r.reference_id
                      offset 0)
    order by r.reference_id limit p_limit;
$$;

-- derive_etsy_payment_orders: which order a ledger entry belongs to (sheet 7.2, "Resolving the order of an entry"): a
-- receipt names it itself (the mapping does that), a transaction through its line, a payment or its fee through the
-- payment. `p_keys`: of these entries, whatever the job has read.
create or replace function private.derive_etsy_payment_orders(job public.sync_jobs, p_after text, p_limit int,
                                                              p_keys text[] default null) returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb; orders text[];
begin
    with new as materialized (
        select coalesce(p_keys, array_agg(r.key)) as keys from private.read_keys(job, 'ledger_entries') as r
        where p_keys is null and not private.reads_all(job)),
    batch as materialized (
        (select p.ctid, p.platform_id, p.reference_type, p.reference_id, p.order_platform_id from public.payments as p
         where p.connection_id = job.connection_id and p.platform_id > p_after and p_keys is null and private.reads_all(job)
         order by p.platform_id limit p_limit)
        union all
        (select p.ctid, p.platform_id, p.reference_type, p.reference_id, p.order_platform_id from public.payments as p
         where p.connection_id = job.connection_id and p.platform_id > p_after and p.platform_id = any ((select keys from new)::text[])
         order by p.platform_id limit p_limit)),
    found as materialized (
        select b.ctid, b.platform_id, coalesce(l.order_platform_id, o.order_platform_id) as order_platform_id
        from batch as b
        -- `offset 0` keeps each a look-up by primary key.
        left join lateral (select l.order_platform_id from public.line_items as l
                           where b.reference_type = 'transaction' and l.connection_id = job.connection_id and l.platform_id = b.reference_id offset 0) as l on true
        left join lateral (select o.order_platform_id from public.order_payments as o
                           where b.reference_type in ('shop_payment', 'processing_fee') and o.connection_id = job.connection_id and o.platform_id = b.reference_id offset 0) as o on true
        where b.order_platform_id is null),
    linked as (
        update public.payments as p set order_platform_id = f.order_platform_id, sync_run_id = job.run_id
          from found as f
         where p.ctid = f.ctid and f.order_platform_id is not null
        returning p.order_platform_id)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(platform_id) from batch)),
           array(select distinct l.order_platform_id from linked as l) into answer, orders;
    perform private.keep_orders_erased(job.connection_id, orders);
    return answer;
end $$;

-- derive_etsy_line_payments: ledger entries that came before the line that they name belong to its order.
create or replace function private.derive_etsy_line_payments(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare answer jsonb; orders text[];
begin
    with batch as materialized (
        select r.key from private.read_keys(job, 'receipts') as r where r.key > p_after order by r.key limit p_limit),
    linked as (
        update public.payments as p set order_platform_id = l.order_platform_id, sync_run_id = job.run_id
          from batch as b join public.line_items as l on l.connection_id = job.connection_id and l.order_platform_id = b.key
         where p.connection_id = job.connection_id and p.order_platform_id is null
           and p.reference_type = 'transaction' and p.reference_id = l.platform_id
        returning p.order_platform_id)
    select jsonb_build_object('rows', (select count(*) from batch), 'linked', (select count(*) from linked),
                              'after', (select max(key) from batch)),
           array(select distinct l.order_platform_id from linked as l) into answer, orders;
    perform private.keep_orders_erased(job.connection_id, orders);
    return answer;
end $$;

-- find_orders_etsy_ledger_entries: where somebody was erased, entries find their orders as they land (keep_erased).
create or replace function private.find_orders_etsy_ledger_entries(job public.sync_jobs, p_keys text[]) returns void
language plpgsql set search_path = '' as $$
begin
    perform private.derive_etsy_payment_orders(job, '', cardinality(p_keys), p_keys);
end $$;

-- prove_etsy_balance: in sequence, each balance is the one before it plus the entry's amount. Where it is not, an entry
-- is missing. A piece ends with an entry and hands on what it said, which the next entry is held against, whatever has come
-- in between: the links make one chain from the first entry to the last.
create or replace function private.prove_etsy_balance(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with handed as (
        select * from jsonb_to_record(coalesce(nullif(p_from, ''), '{}')::jsonb) as h(
            sequence_number bigint, platform_id text, balance_amount bigint, occurred_at timestamptz, currency text)),
    entries as materialized (
        select p.platform_id, p.sequence_number, p.entry_amount, p.balance_amount, p.occurred_at, p.currency
        from public.payments as p
        where p.connection_id = job.connection_id and not p.is_deleted
          and p.sequence_number >= coalesce((select h.sequence_number from handed as h), '-9223372036854775808')
          and (p_from = '' or (p.sequence_number, p.platform_id) > (select h.sequence_number, h.platform_id from handed as h))
        order by p.sequence_number, p.platform_id limit p_rows),
    chain as (
        select platform_id, sequence_number, entry_amount, balance_amount, occurred_at, currency,
               lag(balance_amount, 1, (select h.balance_amount from handed as h)) over ledger as before,
               lag(platform_id, 1, (select h.platform_id from handed as h)) over ledger as after_entry,
               lag(occurred_at, 1, (select h.occurred_at from handed as h)) over ledger as after_time,
               lag(currency, 1, (select h.currency from handed as h)) over ledger as currency_before
        from entries
        window ledger as (order by sequence_number, platform_id)),
    breaks as (
        select * from chain
        where before is not null and currency = currency_before and balance_amount <> before + entry_amount),
    closing as (select * from entries order by sequence_number desc, platform_id desc limit 1)
    select jsonb_build_object(
        'ok', not exists (select 1 from breaks),
        'counts', jsonb_build_object('entries', (select count(*) from chain), 'breaks', (select count(*) from breaks)),
        'firsts', jsonb_build_object(
            'first_breaks', (select coalesce(jsonb_agg(jsonb_build_object('after_entry', after_entry, 'entry', platform_id,
                                 'since', after_time, 'until', occurred_at, 'expected', before + entry_amount,
                                 'found', balance_amount)), '[]')
                             from (select * from breaks order by sequence_number limit 5) as b)),
        'says', coalesce((select jsonb_build_object('closing_balance', balance_amount, 'currency', currency) from closing),
                         case when p_from = '' then '{"closing_balance": null, "currency": null}' else '{}' end::jsonb),
        'next', case when (select count(*) from entries) = p_rows
                     then (select jsonb_build_object(
                               'sequence_number', sequence_number, 'platform_id', platform_id, 'balance_amount', balance_amount,
                               'occurred_at', occurred_at, 'currency', currency)::text from closing) end);
$$;

-- prove_etsy_new_balance: of what this job read, joined to the entry before it.
create or replace function private.prove_etsy_new_balance(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language plpgsql stable set search_path = '' as $$
declare first bigint; before text;
begin
    if p_from <> '' then
        return private.prove_etsy_balance(job, p_from, p_rows);
    end if;
    select min(p.sequence_number) into first from private.read_keys(job, 'ledger_entries') as r
      join public.payments as p on p.connection_id = job.connection_id and p.platform_id = r.key;
    if first is null then
        return '{"ok": true, "counts": {"entries": 0, "breaks": 0}, "firsts": {"first_breaks": []}, "says": {}}';
    end if;
    select jsonb_build_object('sequence_number', p.sequence_number, 'platform_id', p.platform_id,
               'balance_amount', p.balance_amount, 'occurred_at', p.occurred_at, 'currency', p.currency)::text
      into before from public.payments as p
     where p.connection_id = job.connection_id and not p.is_deleted and p.sequence_number < first
     order by p.sequence_number desc, p.platform_id desc limit 1;
    return private.prove_etsy_balance(job, coalesce(before, ''), p_rows);
end $$;

-- prove_etsy_references: how many entries name an order, and of those that should, how many could not be resolved. For
-- information: the history may start after the order did.
create or replace function private.prove_etsy_references(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('ok', true, 'next', min(b.bound), 'counts', jsonb_build_object(
        'linked', count(*) filter (where order_platform_id is not null),
        'unresolved', count(*) filter (where order_platform_id is null
                          and reference_type in ('receipt', 'transaction', 'shop_payment', 'processing_fee')),
        'of_no_order', count(*) filter (where p.platform_id is not null and order_platform_id is null and coalesce(reference_type, '') <> all
                          (array['receipt', 'transaction', 'shop_payment', 'processing_fee']))))
    from private.key_bound('payments', job.connection_id, p_from, p_rows) as b(bound)
    left join public.payments as p on p.connection_id = job.connection_id and not p.is_deleted
                                  and p.platform_id >= p_from and (b.bound is null or p.platform_id < b.bound);
$$;

-- prove_etsy_line_items: orders for which the platform showed no line even when asked for the lines alone. For
-- information.
create or replace function private.prove_etsy_line_items(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound)
    select jsonb_build_object('ok', true, 'next', bound, 'counts', jsonb_build_object(
        'orders_without_lines', (
            select count(*) from (
                select o.platform_id from public.orders as o
                where o.connection_id = job.connection_id and not o.is_deleted
                  and o.platform_id >= p_from and (bound is null or o.platform_id < bound)
                except
                select l.order_platform_id from public.line_items as l
                where l.connection_id = job.connection_id and not l.is_deleted
                  and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound)) as bare),
        'line_items', (select count(*) from public.line_items as l
                       where l.connection_id = job.connection_id and not l.is_deleted
                         and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound))))
    from piece;
$$;

-- prove_etsy_buyers: every buyer of an order is a customer. Buyers come with the orders: where the orders are not
-- complete, nobody can say that the customers are; no buyer is missing among no orders. `rests_on` names what has to be
-- complete first. A piece is so many customers, and the buyers whose numbers are among theirs.
create or replace function private.prove_etsy_buyers(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('customers', job.connection_id, p_from, p_rows) as bound),
    orders_job as (
        select o.status from public.sync_jobs as o
        where o.entity = 'orders' and case when job.shadow_id is null
              then o.connection_id = job.connection_id and o.job_type = job.job_type else o.run_id = job.run_id end
        order by o.created_at desc limit 1),
    buyers as materialized (
        select distinct o.buyer_platform_id from public.orders as o cross join piece
        where o.connection_id = job.connection_id and not o.is_deleted
          and o.buyer_platform_id >= p_from and (bound is null or o.buyer_platform_id < bound)),
    missing as materialized (
        select buyer_platform_id from buyers
        except
        select c.platform_id from public.customers as c cross join piece where c.connection_id = job.connection_id
           and c.platform_id >= p_from and (bound is null or c.platform_id < bound)),
    facts as (
        select exists (select 1 from orders_job where status = 'completed') as orders_complete)
    select jsonb_build_object(
        'ok', f.orders_complete and not exists (select 1 from missing), 'next', (select bound from piece),
        'counts', jsonb_build_object('buyers', (select count(*) from buyers), 'missing', (select count(*) from missing)),
        'firsts', jsonb_build_object(
            'first_missing', (select coalesce(jsonb_agg(buyer_platform_id), '[]') from (select * from missing order by 1 limit 5) as m)),
        'says', case when f.orders_complete then '{}' else jsonb_build_object('rests_on', 'orders') end)
    from facts as f;
$$;

-- pending_etsy_changed_receipts: receipts that a webhook named.
create or replace function private.pending_etsy_changed_receipts(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'receipts', p_after, p_limit) $$;

-- pending_etsy_refunded_receipts: receipts of which this round's ledger has booked a refund that was not known: their
-- own time of change does not move (etsy/open-api#513).
create or replace function private.pending_etsy_refunded_receipts(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select distinct p.order_platform_id from private.read_keys(job, 'ledger_entries') as r
    join public.payments as p on p.connection_id = job.connection_id and p.platform_id = r.key
    where p.sync_run_id = job.run_id and p.entry_type ilike '%refund%' and p.order_platform_id > p_after
    order by 1 limit p_limit;
$$;

-- woken_by_etsy_payments: the ledger names an order that is not here: orders are read at once.
create or replace function private.woken_by_etsy_payments(job public.sync_jobs) returns setof text
language sql stable set search_path = '' as $$
    select 'orders' where exists (
        select from private.read_keys(job, 'ledger_entries') as r
        join public.payments as p on p.connection_id = job.connection_id and p.platform_id = r.key
        where p.sync_run_id = job.run_id and p.order_platform_id is not null
          and not exists (select from public.orders as o
                          where o.connection_id = job.connection_id and o.platform_id = p.order_platform_id));
$$;

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

-- etsy_ledger: the entries of a time, or of orders, with their classes. Joined, not asked for each entry.
create or replace function private.etsy_ledger(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns table (platform_id text, class text, occurred_at timestamptz, currency text, entry_amount bigint, order_platform_id text, entry_type text)
language sql stable set search_path = '' as $$
    select p.platform_id, coalesce(k.class, f.class, 'unclassified'), p.occurred_at, p.currency, p.entry_amount, p.order_platform_id, p.entry_type
    from (select p.* from public.payments as p
          where p_orders is null and p.connection_id = p_connection_id and p.occurred_at >= p_from and p.occurred_at < p_to and not p.is_deleted
          union all
          select p.* from (select distinct unnest(p_orders) as id) as w
          cross join lateral (select p.* from public.payments as p
                              where p.connection_id = p_connection_id and p.order_platform_id = w.id and not p.is_deleted offset 0) as p
          where p_orders is not null) as p
    left join private.money_kinds as k on k.platform = 'etsy' and k.source = 'ledger' and k.kind = p.entry_type
    left join private.money_kinds as f on f.platform = 'etsy' and f.source = 'ledger' and k.kind is null
                                      and p.entry_type like '%\_refund' and f.kind = left(p.entry_type, -7);
$$;

-- etsy_tax_entries: what the ledger says of an order's payment (`part` null) and of its taxes, by their part.
create or replace function private.etsy_tax_entries(p_connection_id uuid, p_order text)
returns table (id text, part text, at timestamptz, amount bigint) language sql stable as $$
    select p.platform_id, case when k.class = 'payment' then null
                               when p.entry_type like 'sales\_tax%' then 'sales_tax'
                               when p.entry_type like 'vat\_tax%' or p.entry_type like 'VAT\_%' then 'vat'
                               when p.entry_type like 'buyer\_fee%' then 'delivery_fee' else 'other' end, p.occurred_at, p.entry_amount
    from (select p.platform_id, p.entry_type, p.occurred_at, p.entry_amount from public.payments as p
          where p.connection_id = p_connection_id and p.order_platform_id = p_order and not p.is_deleted offset 0) as p
    cross join lateral (
        select k.class from private.money_kinds as k
        where k.platform = 'etsy' and k.source = 'ledger'
          and k.kind = any (array[p.entry_type, case when p.entry_type like '%\_refund' then left(p.entry_type, -7) end]) offset 0) as k
    where k.class in ('payment', 'tax_passed');
$$;

-- etsy_taxes: each part of the tax in these orders, whose it is, and what the ledger took of it. It is the platform's where the ledger took it.
-- A state's fee for deliveries is in the total and in no part that a receipt names.
create or replace function private.etsy_taxes(p_connection_id uuid, p_orders text[])
returns table (order_platform_id text, ordered_at timestamptz, currency text, total_amount bigint, is_counted boolean, part text,
               is_paid boolean, whose text, amount bigint, taken bigint)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select o.platform_id, o.ordered_at, o.currency, o.total_amount, private.counts_as_sale(o), v.part, b.is_paid,
           case when v.taken > 0 then 'platform' when b.is_paid then 'seller' else 'unknown' end,
           case when v.part <> 'delivery_fee' then v.amount when v.taken > 0 then greatest(v.amount, 0) else 0 end, v.taken
    from unnest(p_orders) as w (id)
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral (select * from private.sale_parts(o) offset 0) as p
    cross join lateral (
        select coalesce(bool_or(t.part is null), false) as is_paid,
               coalesce(sum(-t.amount) filter (where t.part = 'sales_tax'), 0)::bigint as tax,
               coalesce(sum(-t.amount) filter (where t.part = 'vat'), 0)::bigint as vat,
               coalesce(sum(-t.amount) filter (where t.part = 'delivery_fee'), 0)::bigint as fee
        from private.etsy_tax_entries(p_connection_id, w.id) as t where t.part is null or t.amount < 0) as b
    cross join lateral unnest(
        array['sales_tax', 'vat', 'delivery_fee'],
        array[coalesce(o.tax_amount, 0), coalesce(o.vat_amount, 0), o.total_amount - p.goods + p.discount - p.shipping - p.other - p.tip - p.tax],
        array[b.tax, b.vat, b.fee]) as v (part, amount, taken);
$$;

-- money_reversals_etsy: what was given back of these orders. A refund is an amount (sheet, section 8); which part of it was tax is in
-- the ledger where Etsy took that (etsy/open-api#29), and the tax's share of it where the seller owes it. An entry belongs to the last refund
-- that was not later, by a few minutes at most, or half of the time between two.
create or replace function private.money_reversals_etsy(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with refunds as materialized (
        select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, coalesce(r.refund_amount, 0) as amount,
               (sum(coalesce(r.refund_amount, 0)) over so_far)::bigint as sum_, lead(r.refunded_at) over (
                   partition by r.order_platform_id order by r.refunded_at, r.platform_id) as next_at
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, r.refund_amount from public.order_refunds as r
                            where r.connection_id = p_connection_id and r.order_platform_id = w.id and not r.is_deleted
                              and coalesce(r.status, '') not in ('failed', 'failure') offset 0) as r
        window so_far as (partition by r.order_platform_id order by r.refunded_at, r.platform_id rows unbounded preceding)),
    taxes as materialized (
        select * from private.etsy_taxes(p_connection_id, array(select distinct r.order_platform_id from refunds as r))),
    split as (
        select r.*, o.ordered_at, o.platform_id as order_id, x.platform, x.seller, x.unknown, p.goods, p.shipping, p.other, p.adjustment
        from refunds as r
        left join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = r.order_platform_id offset 0) as at_ on true
        left join public.orders as o on o.ctid = at_.ctid
        cross join lateral (
            select round(coalesce(sum(b.amount) filter (where t.whose = 'platform'), 0))::bigint as platform,
                   round(coalesce(sum(b.amount) filter (where t.whose = 'seller'), 0))::bigint as seller,
                   round(coalesce(sum(b.amount) filter (where t.whose = 'unknown'), 0))::bigint as unknown
            from taxes as t
            cross join lateral (
                select case when r.sum_ >= o.total_amount then t.amount
                            when t.taken > 0 then least(t.amount, round(t.amount * (
                                select coalesce(sum(u.amount), 0) from private.etsy_tax_entries(p_connection_id, r.order_platform_id) as u
                                where u.part = t.part and u.amount > 0
                                  and (r.next_at is null or u.at < r.next_at - least(interval '5 minutes', (r.next_at - r.refunded_at) / 2))) / t.taken))
                            else r.sum_::numeric * t.amount / o.total_amount end as amount) as b
            where t.order_platform_id = r.order_platform_id) as x
        left join lateral private.refund_parts(o, r.sum_, x.platform + x.seller + x.unknown) as p on o.platform_id is not null
        where o.platform_id is null or private.counts_as_sale(o)),
    steps as (
        select s.*, lag(s.goods, 1, 0::bigint) over w as g, lag(s.shipping, 1, 0::bigint) over w as h, lag(s.other, 1, 0::bigint) over w as i,
               lag(s.adjustment, 1, 0::bigint) over w as a, lag(s.platform, 1, 0::bigint) over w as x,
               lag(s.seller, 1, 0::bigint) over w as y, lag(s.unknown, 1, 0::bigint) over w as z
        from split as s window w as (partition by s.order_platform_id order by s.refunded_at, s.platform_id))
    select e.class, s.order_platform_id, null, s.refunded_at, s.ordered_at, s.currency, -e.amount, 'order_refunds', s.platform_id,
           case when s.order_id is null then 'order_not_there' end
    from steps as s
    cross join lateral unnest(
        array['reversal_goods', 'reversal_shipping', 'reversal_other', 'reversal_adjustment',
              'reversal_tax_platform', 'reversal_tax_seller', 'reversal_tax_unknown'],
        array[s.goods - s.g, s.shipping - s.h, s.other - s.i, case when s.order_id is null then s.amount else s.adjustment - s.a end,
              s.platform - s.x, s.seller - s.y, s.unknown - s.z]) as e (class, amount)
    where e.amount <> 0;
$$;

-- etsy_sales: what these orders are made of, what printing them cost, who owes the tax, and that the fees are not told yet: the ledger books
-- both with the payment.
create or replace function private.etsy_sales(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query select * from private.sale_events(p_connection_id, p_orders);
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
    return query select * from private.goods_cost_events(p_connection_id, p_orders);
    return query
        select e.class, t.order_platform_id, null::text, t.ordered_at, t.ordered_at, t.currency, e.amount, 'orders', t.order_platform_id, null::text
        from private.etsy_taxes(p_connection_id, p_orders) as t
        cross join lateral unnest(
            array['tax_' || t.whose, 'fees_unknown'],
            array[nullif(t.amount, 0), case when t.part = 'sales_tax' and not t.is_paid and coalesce(t.total_amount, 0) > 0 then 0 end]
        ) as e (class, amount)
        where t.is_counted and e.amount is not null;
end $$;

-- etsy_entries: entries of the ledger as events.
create or replace function private.etsy_entries(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select l.class, l.order_platform_id, null::text, l.occurred_at, o.ordered_at, l.currency, l.entry_amount, 'payments', l.platform_id,
           l.entry_type
    from private.etsy_ledger(p_connection_id, p_from, p_to, p_orders) as l
    left join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = l.order_platform_id offset 0) as at_ on true
    left join public.orders as o on o.ctid = at_.ctid;
$$;

-- money_events_etsy: orders for what was sold, refunds for what was taken back, the ledger for everything else.
create or replace function private.money_events_etsy(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare refunded text[] := array(select distinct r.order_platform_id from public.order_refunds as r
                                 where r.connection_id = p_connection_id and r.refunded_at >= p_from and r.refunded_at < p_to
                                   and not r.is_deleted);
begin
    return query select * from private.etsy_sales(p_connection_id, private.orders_of_time(p_connection_id, p_from, p_to));
    return query select * from private.money_reversals_etsy(p_connection_id, refunded) as e
        where e.at >= p_from and e.at < p_to;
    return query select * from private.etsy_entries(p_connection_id, p_from, p_to, null);
end $$;

-- order_events_etsy: the same of some orders, whenever it happened.
create or replace function private.order_events_etsy(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' as $$
    select * from private.etsy_sales(p_connection_id, p_orders)
    union all
    select * from private.money_reversals_etsy(p_connection_id, p_orders)
    union all
    select * from private.etsy_entries(p_connection_id, null, null, p_orders);
$$;

-- mark_kinds_etsy: the hours of entries of these kinds, and of the orders that those are about.
create or replace function private.mark_kinds_etsy(p_kinds text[]) returns void
language sql set search_path = '' as $$
    insert into private.money_marks (connection_id, table_name, hours)
    select m.connection_id, 'directive: ' || array_to_string(p_kinds, ', '), array_agg(distinct date_bin('1 hour', m.at, '2000-01-01Z'))
    from (select p.connection_id, p.order_platform_id, p.occurred_at as at from public.payments as p
          where not p.is_deleted and (p.entry_type = any (p_kinds) or p.entry_type = any (select k || '_refund' from unnest(p_kinds) as k))
          union all
          select p.connection_id, p.order_platform_id, o.ordered_at
          from public.payments as p
          join public.orders as o on o.connection_id = p.connection_id and o.platform_id = p.order_platform_id
          where not p.is_deleted and (p.entry_type = any (p_kinds) or p.entry_type = any (select k || '_refund' from unnest(p_kinds) as k))) as m
    group by m.connection_id;
$$;

-- money_certificate_etsy: the ledger of a day: each balance is the one before it plus the entry, so that the day's classes are what the balance
-- changed by; and of each order that was paid in the ledger's own currency, what came in is what it was made of. Parts of a coupon
-- that Etsy pays for are shown as a difference.
create or replace function private.money_certificate_etsy(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns jsonb
language sql stable set search_path = '' as $$
    with entries as materialized (
        select l.*, p.sequence_number, p.balance_amount
        from private.etsy_ledger(p_connection_id, p_from, p_to, null) as l
        join public.payments as p on p.connection_id = p_connection_id and p.platform_id = l.platform_id),
    chain as materialized (
        select e.*, b.balance_amount as before, b.currency as currency_before
        from entries as e left join lateral (
            select p.balance_amount, p.currency from public.payments as p
            where p.connection_id = p_connection_id and not p.is_deleted and p.sequence_number < e.sequence_number
            order by p.sequence_number desc limit 1) as b on true),
    breaks as (
        select * from chain as c where c.before is not null and c.currency_before = c.currency and c.balance_amount <> c.before + c.entry_amount),
    paid as materialized (
        select e.order_platform_id as id, e.currency, sum(e.entry_amount) as found
        from entries as e where e.class = 'payment' and e.order_platform_id is not null group by 1, 2),
    orders_ as (
        select w.id, w.found, p.goods - p.discount + p.shipping + p.other + p.tip + p.tax - coalesce((
                   select sum(b.entry_amount) from public.payments as b
                   where b.connection_id = p_connection_id and b.order_platform_id = w.id and b.entry_type = 'buyer_fee' and not b.is_deleted), 0) as expected
        from paid as w
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid and o.currency = w.currency
        cross join lateral private.sale_parts(o) as p)
    select jsonb_build_array(
        jsonb_build_object('check', 'balance', 'ok', not exists (select from breaks), 'entries', (select count(*) from entries),
            'opening', (select coalesce(c.before, c.balance_amount - c.entry_amount) from chain as c order by c.sequence_number limit 1),
            'classes', (select coalesce(jsonb_object_agg(k.class, k.amount), '{}')
                        from (select e.class, sum(e.entry_amount) as amount from entries as e group by 1) as k),
            'closing', (select c.balance_amount from chain as c order by c.sequence_number desc limit 1),
            'rows', (select coalesce(jsonb_agg(jsonb_build_object('entry', b.platform_id, 'expected', b.before + b.entry_amount,
                                                                  'found', b.balance_amount)), '[]') from (select * from breaks order by sequence_number limit 20) as b)),
        jsonb_build_object('check', 'orders', 'ok', not exists (select from orders_ as o where o.expected <> o.found),
            'orders', (select count(*) from orders_),
            'rows', (select coalesce(jsonb_agg(jsonb_build_object('order', d.id, 'expected', d.expected, 'found', d.found)), '[]')
                     from (select * from orders_ as o where o.expected <> o.found order by o.id limit 20) as d)));
$$;
