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
