-- Balance is told: functions as supabase/schemas say them.

-- money_dates: the dates of UTC of which a connection has any record of money. A date that nothing happened on is none of them: one record
-- of the year 1 touches a day, and not two thousand years.
create or replace function private.money_dates(p_connection_id uuid) returns setof date
language sql stable set search_path = '' as $$
    select (m.at at time zone 'UTC')::date from (
        select ordered_at as at from public.orders where connection_id = p_connection_id and not is_deleted and ordered_at > '-infinity'
        union all
        select refunded_at from public.order_refunds where connection_id = p_connection_id and not is_deleted and refunded_at > '-infinity'
        union all
        select occurred_at from public.payments where connection_id = p_connection_id and not is_deleted and occurred_at > '-infinity'
        union all
        select happened_at from public.order_sales where connection_id = p_connection_id and not is_deleted and happened_at > '-infinity'
        union all
        select processed_at from public.order_transactions where connection_id = p_connection_id and not is_deleted and processed_at > '-infinity'
        union all
        select processed_at from public.balance_transactions where connection_id = p_connection_id and not is_deleted and processed_at > '-infinity'
        union all
        select ordered_at from public.order_costs where connection_id = p_connection_id and state <> 'linked') as m
    where m.at is not null group by 1;
$$;

-- personal_parts: where a buyer's orders leave text that may name a person: the table, the column that names the order
-- or the refund, and the columns that are emptied. `raw` is emptied everywhere. What stays in typed columns is the
-- seller's or the platform's: numbers, titles, times, amounts. Records about people and of printers: erase_buyer.
create or replace function private.personal_parts() returns table (name text, of_refund boolean, key text, clears text[])
language sql immutable set search_path = '' as $$
    values ('orders', false, 'platform_id', '{}'::text[]),
           ('line_items', false, 'order_platform_id', '{}'),
           ('order_refunds', false, 'order_platform_id', '{reason}'),
           ('order_refund_lines', true, 'refund_platform_id', '{}'),
           ('order_fulfillments', false, 'order_platform_id', '{tracking_code}'),
           ('order_transactions', false, 'order_platform_id', '{}'),
           ('order_shipping_lines', false, 'order_platform_id', '{}'),
           ('order_tax_lines', false, 'order_platform_id', '{}'),
           ('order_journals', false, 'platform_id', '{}'),
           ('order_sales', false, 'order_platform_id', '{}'),
           ('order_disputes', false, 'order_platform_id', '{}'),
           ('order_refund_shipping_lines', true, 'refund_platform_id', '{}'),
           ('order_refund_adjustments', true, 'refund_platform_id', '{}'),
           ('balance_transactions', false, 'order_platform_id', '{}'),
           ('order_payments', false, 'order_platform_id', '{}'),
           ('payments', false, 'order_platform_id', '{description}');
$$;

-- pending_shopify_balance_transactions: the newest entry of the payment account that is here, behind which it is read on; 0 where there is none.
-- What was asked for and brought nothing newer is not asked for again.
create or replace function private.pending_shopify_balance_transactions(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select n.newest from (select coalesce((
        select b.platform_id from public.balance_transactions as b
        where b.connection_id = job.connection_id and length(b.platform_id) > 0 order by length(b.platform_id) desc, b.platform_id desc limit 1), '0') as newest) as n
    where n.newest <> p_after;
$$;

-- pending_shopify_balance_without_payout: entries that had no payout when they were read, each some times: when so long has passed.
create or replace function private.pending_shopify_balance_without_payout(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select b.platform_id from public.balance_transactions as b
    where b.connection_id = job.connection_id and b.payout_platform_id is null and not b.is_deleted
      and b.processed_at between job.window_start - interval '181 days' and job.window_end and b.platform_id > p_after
      and exists (select from unnest('{1 day,2 days,3 days,4 days,5 days,7 days,10 days,14 days,30 days,60 days,120 days,180 days}'::interval[]) as l (later)
                  where b.processed_at + l.later > job.window_start and b.processed_at + l.later <= job.window_end)
    order by 1 limit p_limit;
$$;

-- are_disputes_told: whether the payment account shows what every dispute of an order took that may have, and that what was won came back.
create or replace function private.are_disputes_told(p_connection_id uuid, p_order text) returns boolean
language sql stable as $$
    select coalesce(b.taken >= d.taken and b.back >= d.won, false)
    from (select count(*) as taken, count(*) filter (where d.status = 'won') as won from public.order_disputes as d
          where d.connection_id = p_connection_id and d.order_platform_id = p_order and not d.is_deleted and private.may_have_taken(d)) as d
    cross join (select count(*) filter (where b.entry_type = 'dispute_withdrawal') as taken, count(*) filter (where b.entry_type = 'dispute_reversal') as back
                from public.balance_transactions as b
                where b.connection_id = p_connection_id and b.order_platform_id = p_order and not b.is_deleted
                  and b.entry_type in ('dispute_withdrawal', 'dispute_reversal')) as b;
$$;

-- shopify_orders: what is told of these orders beside their journal: that they are orders, what printing them cost, what is not known of them; and
-- what they are made of, where their journal was not read yet.
create or replace function private.shopify_orders(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare unread text[] := array(
            select w.id from (select distinct unnest(p_orders) as id) as w
            cross join lateral (select exists (select from public.order_journals as j where j.connection_id = p_connection_id
                                                  and j.platform_id = w.id and not j.is_deleted) as is_read offset 0) as j
            where not j.is_read);
begin
    return query select * from private.sale_events(p_connection_id, p_orders) as s where s.class = 'order';
    return query select * from private.sale_events(p_connection_id, unread) as s where s.class <> 'order';
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
    return query select * from private.goods_cost_events(p_connection_id, p_orders);
    return query
        select 'tax_unknown', o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, p.tax, 'orders', o.platform_id, null::text
        from unnest(unread) as w (id)
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        cross join lateral (select * from private.sale_parts(o) offset 0) as p
        where private.counts_as_sale(o) and p.tax <> 0;
    return query
        select 'fees_unknown', o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, 0::bigint, 'orders', o.platform_id, null::text
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select exists (
            select from public.order_transactions as t
            where t.connection_id = p_connection_id and t.order_platform_id = w.id and not t.is_deleted and t.kind in ('sale', 'capture')
              and t.status = 'success' and t.fees_amount is null and t.gateway is distinct from 'gift_card') as are_lacking offset 0) as fees
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        where fees.are_lacking and private.counts_as_sale(o);
    -- Of a dispute an order tells that there is one, and no amount: that is in the payment account, where we may see it.
    return query
        select 'disputes_unknown', o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, 0::bigint, 'order_disputes', d.platform_id, d.status
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select d.platform_id, d.status from public.order_disputes as d
                            where d.connection_id = p_connection_id and d.order_platform_id = w.id and not d.is_deleted and private.may_have_taken(d) offset 0) as d
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        where private.counts_as_sale(o) and not private.are_disputes_told(p_connection_id, w.id);
end $$;

-- shopify_balance: entries of the payment account of a time, or of orders, as events. What buyers paid and were given back stands with the orders,
-- and is told there. What was kept of an entry is a fee: of a dispute its own.
create or replace function private.shopify_balance(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, b.order_platform_id, null::text, b.processed_at, o.ordered_at, b.currency, e.amount, 'balance_transactions', b.platform_id,
           b.entry_type
    from (select b.* from public.balance_transactions as b
          where p_orders is null and b.connection_id = p_connection_id and b.processed_at >= p_from and b.processed_at < p_to and not b.is_deleted
          union all
          select b.* from (select distinct unnest(p_orders) as id) as w
          cross join lateral (select b.* from public.balance_transactions as b
                              where b.connection_id = p_connection_id and b.order_platform_id = w.id and not b.is_deleted offset 0) as b
          where p_orders is not null) as b
    left join private.money_kinds as k on k.platform = 'shopify' and k.source = 'balance' and k.kind = b.entry_type
    left join lateral (select o.ordered_at from public.orders as o
                       where o.connection_id = p_connection_id and o.platform_id = b.order_platform_id offset 0) as o on true
    cross join lateral (select coalesce(b.gross_amount, b.net_amount + b.fee_amount) as gross,
                               coalesce(b.fee_amount, b.gross_amount - b.net_amount) as fee offset 0) as f
    cross join lateral (select k.class is not null and f.gross is not null and f.fee is not null as is_known offset 0) as t
    -- What is unclassified is so with its fee; so is an entry whose amounts could not be read.
    cross join lateral unnest(
        array[case when t.is_known then k.class else 'unclassified' end, case when k.class in ('dispute', 'dispute_fee') then 'dispute_fee' else 'fee_payment' end],
        array[case when t.is_known then f.gross else coalesce(b.net_amount, f.gross, 0) end, case when t.is_known then -f.fee end]) as e (class, amount)
    where not coalesce(b.is_test, false) and k.class is distinct from 'none' and (e.amount <> 0 or e.class = 'unclassified');
$$;

-- money_events_shopify: the journal of sales for what was sold and taken back (orders and refunds alone, where it was not read yet), and
-- transactions for what was paid.
create or replace function private.money_events_shopify(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare refunded text[] := array(select distinct r.order_platform_id from public.order_refunds as r
                                 where r.connection_id = p_connection_id and r.refunded_at >= p_from and r.refunded_at < p_to
                                   and not r.is_deleted);
begin
    return query select * from private.shopify_orders(p_connection_id, private.orders_of_time(p_connection_id, p_from, p_to));
    return query select * from private.shopify_sales(p_connection_id, p_from, p_to, null);
    return query select * from private.shopify_refunds(p_connection_id, refunded) as e where e.at >= p_from and e.at < p_to;
    return query select * from private.restocked_events(p_connection_id, refunded) as e where e.at >= p_from and e.at < p_to;
    return query select * from private.shopify_payments(p_connection_id, p_from, p_to, null);
    return query select * from private.shopify_balance(p_connection_id, p_from, p_to, null);
end $$;

-- order_events_shopify: the same of some orders, whenever it happened.
create or replace function private.order_events_shopify(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' as $$
    select * from private.shopify_orders(p_connection_id, p_orders)
    union all
    select * from private.shopify_sales(p_connection_id, null, null, p_orders)
    union all
    select * from private.shopify_refunds(p_connection_id, p_orders)
    union all
    select * from private.restocked_events(p_connection_id, p_orders)
    union all
    select * from private.shopify_payments(p_connection_id, null, null, p_orders)
    union all
    select * from private.shopify_balance(p_connection_id, null, null, p_orders);
$$;

-- payouts_certificate_shopify: each payout that was made in this time is the sum of its parts: there is no running balance. Nothing is said of a
-- shop whose payment account we may not see.
create or replace function private.payouts_certificate_shopify(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with payouts as materialized (
        select b.payout_platform_id as id, b.currency, -b.net_amount as expected, p.found
        from public.balance_transactions as b
        cross join lateral (select case when bool_and(p.net_amount is not null) then sum(p.net_amount) end as found from public.balance_transactions as p
                            where p.connection_id = p_connection_id and p.payout_platform_id = b.payout_platform_id and p.currency = b.currency
                              and p.entry_type <> 'transfer' and not p.is_deleted and not coalesce(p.is_test, false) offset 0) as p
        where b.connection_id = p_connection_id and b.processed_at >= p_from and b.processed_at < p_to and b.entry_type = 'transfer'
          and b.payout_platform_id is not null and not b.is_deleted and not coalesce(b.is_test, false))
    select case when exists (select from payouts) then jsonb_build_array(jsonb_build_object(
        'check', 'payouts', 'ok', not exists (select from payouts as p where p.expected is distinct from p.found), 'payouts', (select count(*) from payouts),
        'rows', (select coalesce(jsonb_agg(jsonb_build_object('payout', d.id, 'expected', d.expected, 'found', d.found)), '[]')
                 from (select * from payouts as p where p.expected is distinct from p.found order by p.id limit 20) as d))) else '[]' end;
$$;

-- money_certificate_shopify: of each order that was made in this time the sales of its journal come to what the platform says that it comes to
-- now. `unproven`: those whose journal was not read, and those with tips or gift cards, of which it is not confirmed that they are in that total.
create or replace function private.money_certificate_shopify(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with orders_ as materialized (
        select w.id, j.current_total_amount as expected, s.found, coalesce(j.current_total_amount is not null and not s.is_apart, false) as is_held
        from unnest(private.orders_of_time(p_connection_id, p_from, p_to)) as w (id)
        left join public.order_journals as j on j.connection_id = p_connection_id and j.platform_id = w.id and not j.is_deleted
        cross join lateral (
            select coalesce(sum(s.total_amount), 0)::bigint as found, coalesce(bool_or(s.line_type in ('tip', 'gift_card')), false) as is_apart
            from public.order_sales as s
            where s.connection_id = p_connection_id and s.order_platform_id = w.id and not s.is_deleted offset 0) as s)
    select jsonb_build_array(jsonb_build_object(
        'check', 'journals', 'ok', not exists (select from orders_ as o where o.is_held and o.expected <> o.found),
        'orders', (select count(*) from orders_ as o where o.is_held), 'unproven', (select count(*) from orders_ as o where not o.is_held),
        'rows', (select coalesce(jsonb_agg(jsonb_build_object('order', d.id, 'expected', d.expected, 'found', d.found)), '[]')
                 from (select * from orders_ as o where o.is_held and o.expected <> o.found order by o.id limit 20) as d)))
        || private.payouts_certificate_shopify(p_connection_id, p_from, p_to);
$$;

create or replace function private.map_shopify_balance_transactions_balance_transactions(r jsonb) returns table (
        entry_type text, gross_amount bigint, fee_amount bigint, net_amount bigint, is_test boolean, adjusted_for text,
        order_platform_id text, payout_platform_id text, payout_status text, processed_at timestamptz, currency text)
language sql stable as $$
    select lower(v.entry_type), private.decimal_money(v.gross_amount, c, v.currency, 'amount'),
        private.decimal_money(v.fee_amount, c, v.currency, 'fee'),
        private.decimal_money(v.net_amount, c, v.currency, 'net'), v.is_test, v.adjusted_for,
        private.gid(v.order_platform_id, 'associatedOrder.id'), private.gid(v.payout_platform_id, 'associatedPayout.id'),
        lower(v.payout_status), private.moment(v.processed_at, 'transactionDate'), v.currency
    from (select
        private.string_in(r, 'type', 'type', 'lower') as entry_type,
        r -> 'amount' as gross_amount,
        r -> 'fee' as fee_amount,
        r -> 'net' as net_amount,
        (r ->> 'test')::boolean as is_test,
        private.text_in(r, 'adjustmentReason', 'adjustmentReason') as adjusted_for,
        private.string_in(r -> 'associatedOrder', 'id', 'associatedOrder.id', 'gid') as order_platform_id,
        private.string_in(r -> 'associatedPayout', 'id', 'associatedPayout.id', 'gid') as payout_platform_id,
        private.string_in(r -> 'associatedPayout', 'status', 'associatedPayout.status', 'lower') as payout_status,
        private.string_in(r, 'transactionDate', 'transactionDate', 'iso_time') as processed_at,
        private.text_in(r -> 'net', 'currencyCode', 'net.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_balance_transactions(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, 0 as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_balance_transactions_balance_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.balance_transactions as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    balance_transactions_new as (
        insert into public.balance_transactions as t (
            connection_id, user_id, platform, platform_id, entry_type, gross_amount, fee_amount, net_amount, is_test, adjusted_for, order_platform_id, payout_platform_id, payout_status, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, entry_type, gross_amount, fee_amount, net_amount, is_test, adjusted_for, order_platform_id, payout_platform_id, payout_status, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    balance_transactions_changed as (
        insert into public.balance_transactions as t (
            connection_id, user_id, platform, platform_id, entry_type, gross_amount, fee_amount, net_amount, is_test, adjusted_for, order_platform_id, payout_platform_id, payout_status, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, entry_type, gross_amount, fee_amount, net_amount, is_test, adjusted_for, order_platform_id, payout_platform_id, payout_status, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set entry_type = excluded.entry_type, gross_amount = excluded.gross_amount, fee_amount = excluded.fee_amount, net_amount = excluded.net_amount, is_test = excluded.is_test, adjusted_for = excluded.adjusted_for, order_platform_id = excluded.order_platform_id, payout_platform_id = excluded.payout_platform_id, payout_status = excluded.payout_status, processed_at = excluded.processed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from balance_transactions_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_balance_transactions() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_balance_transactions_balance_transactions", "table": "balance_transactions", "columns": {"entry_type": ["type"], "gross_amount": ["amount"], "fee_amount": ["fee"], "net_amount": ["net"], "is_test": ["test"], "adjusted_for": ["adjustmentReason"], "order_platform_id": ["associatedOrder.id"], "payout_platform_id": ["associatedPayout.id"], "payout_status": ["associatedPayout.status"], "processed_at": ["transactionDate"], "currency": ["net.currencyCode"]}, "updated": [], "updated_as": "epoch"}]'::jsonb
$$;
