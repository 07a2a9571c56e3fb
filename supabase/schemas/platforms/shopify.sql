-- Shopify's lookups, derivation and proofs, and what goes with a record that is gone. What is pending stands in the
-- orders' own raw records; indexes keep it from being looked for in all of them.

insert into private.sales_channels values ('shopify', false);
insert into private.round_rules (platform, entity, position, seldom, whole, pulse, at_rest, lookback, lookback_cap, table_name,
                                 timed_by, sampled_from) values
    ('shopify', 'orders', 0, '0', '7 days', null, null, '15 minutes', '6 hours', 'orders', 'source_updated_at', '1 day'),
    ('shopify', 'listings', 1, '1 hour', '1 day', 'orders', '1 day', '15 minutes', '6 hours', 'listings', 'source_updated_at', '1 day'),
    ('shopify', 'variants', 2, '1 day', null, null, null, '15 minutes', '6 hours', null, null, null),
    ('shopify', 'customers', 3, '6 hours', '7 days', 'orders', '1 day', '1 day', '3 days', 'customers', 'source_updated_at', '1 day');

select private.closed_by_events('orders', 'shopify');
select private.closed_by_events('customers', 'shopify');
select private.closed_by_events('listings', 'shopify');
select private.closed_by_events('listing_variants', 'shopify', 'listings', 'listing_platform_id');

-- next_sales: where the next sales of an order are to be asked for, '<order>:<after this agreement>:<after this sale>'; null where
-- its journal is whole. One that was cut is read from its beginning, an agreement at a time: what stands after an agreement
-- can only be told from the call that asked for it (`asked`).
create or replace function private.next_sales(p_order text, p_raw jsonb) returns text
language sql immutable as $$
    select case
        when p_raw ->> 'asked' is null then
            case when (p_raw #>> '{agreements,pageInfo,hasNextPage}') = 'true'
                   or jsonb_path_exists(p_raw, '$.agreements.nodes[*].sales.pageInfo.hasNextPage ? (@ == true)')
                 then p_order || '::' end
        when (p_raw #>> '{agreements,nodes,0,sales,pageInfo,hasNextPage}') = 'true'
            then p_order || ':' || split_part(p_raw ->> 'asked', ':', 2) || ':'
                 || coalesce(p_raw #>> '{agreements,nodes,0,sales,pageInfo,endCursor}', '')
        when (p_raw #>> '{agreements,pageInfo,hasNextPage}') = 'true'
            then p_order || ':' || coalesce(p_raw #>> '{agreements,pageInfo,endCursor}', '') || ':' end;
$$;

create index orders_with_more_lines on public.orders (connection_id, platform_id)
    where platform = 'shopify' and not is_deleted and (raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true';
create index journals_cut on public.order_journals (connection_id, platform_id)
    where not is_deleted and private.next_sales(platform_id, raw) is not null;
create index transactions_without_fees on public.order_transactions (connection_id, processed_at)
    where fees_amount is null and gateway = 'shopify_payments' and status = 'success' and not is_deleted;
create index orders_with_refunds on public.orders (connection_id, platform_id)
    where platform = 'shopify' and not is_deleted and (raw #>> '{refunds,0,id}') is not null;

-- order_takes_children: an order that is gone takes along what came with it, also where both come back in one late
-- page.
create or replace function private.order_takes_children() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if private.recording_for() is not null then
        -- A rollback restores its children by themselves.
        return null;
    end if;
    update public.line_items set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_transactions set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_fulfillments set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_shipping_lines set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_tax_lines set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_journals set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and platform_id = new.platform_id and not is_deleted;
    update public.order_sales set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    update public.order_disputes set is_deleted = true, sync_run_id = new.sync_run_id
     where connection_id = new.connection_id and order_platform_id = new.platform_id and not is_deleted;
    return null;
end $$;
create trigger order_takes_children after insert or update of is_deleted on public.orders
    for each row when (new.platform = 'shopify' and new.is_deleted) execute function private.order_takes_children();

-- remove_refunds: an order that is gone takes its refunds along: no record of a refund shows its order any more.
create or replace function private.remove_refunds() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if private.recording_for() is not null then
        return new;
    end if;
    with gone as (
        update public.order_refunds set is_deleted = true, sync_run_id = new.sync_run_id
         where connection_id = new.connection_id and order_platform_id = new.platform_id
           and not is_deleted
        returning platform_id),
    of_shipping as (
        update public.order_refund_shipping_lines as l set is_deleted = true, sync_run_id = new.sync_run_id
          from gone
         where l.connection_id = new.connection_id and l.refund_platform_id = gone.platform_id
           and not l.is_deleted),
    adjustments as (
        update public.order_refund_adjustments as l set is_deleted = true, sync_run_id = new.sync_run_id
          from gone
         where l.connection_id = new.connection_id and l.refund_platform_id = gone.platform_id
           and not l.is_deleted)
    update public.order_refund_lines as l set is_deleted = true, sync_run_id = new.sync_run_id
      from gone
     where l.connection_id = new.connection_id and l.refund_platform_id = gone.platform_id
       and not l.is_deleted;
    return new;
end $$;
create trigger remove_refunds after update of is_deleted on public.orders
    for each row when (new.platform = 'shopify' and new.is_deleted and not old.is_deleted)
    execute function private.remove_refunds();

-- bones_shopify: what stays of an erased record: its refunds' ids and versions, and that a list has another stretch. Money
-- that goes back after an order was erased is looked up by them.
create or replace function private.bones_shopify(p_table text, p_raw jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select jsonb_strip_nulls(coalesce(jsonb_object_agg(m.name, m.value) filter (where m.value is not null), '{}'))
    from (select 'refunds', (select jsonb_agg(jsonb_build_object('id', r -> 'id', 'updatedAt', r -> 'updatedAt') order by ord)
                             from jsonb_array_elements(case when jsonb_typeof(p_raw -> 'refunds') = 'array'
                                                            then p_raw -> 'refunds' else '[]' end) with ordinality as e(r, ord))
          where p_table = 'orders'
          union all
          select l.name, jsonb_build_object('pageInfo', jsonb_build_object('hasNextPage', true,
                                            'endCursor', p_raw #> array[l.name, 'pageInfo', 'endCursor']))
          from (values ('orders', 'lineItems'), ('order_refunds', 'refundLineItems')) as l (of, name)
          where l.of = p_table and p_raw #>> array[l.name, 'pageInfo', 'hasNextPage'] = 'true'
          union all
          select n.name, p_raw -> n.name from unnest(array['agreements', 'asked']) as n (name)
          where p_table = 'order_journals' and private.next_sales('', p_raw) is not null) as m (name, value);
$$;

-- next_stretches: objects of which a nested list has another stretch, as '<object>:<cursor that the last one ended with>'.
-- A stretch that was asked for and left its object as it was (it is gone) is not asked for again.
create or replace function private.next_stretches(p_connection_id uuid, p_table regclass, p_list text, p_after text,
                                                  p_limit int) returns setof text
language plpgsql stable set search_path = '' as $$
begin
    return query execute format($sql$
        select s.stretch from (
            select t.platform_id, t.platform_id || ':' || coalesce(t.raw #>> '{%1$s,pageInfo,endCursor}', '') as stretch
            from %2$s as t
            where t.connection_id = $1 and t.platform = 'shopify' and not t.is_deleted
              and t.platform_id >= split_part($2, ':', 1)
              and (t.raw #>> '{%1$s,pageInfo,hasNextPage}') = 'true') as s
        where s.stretch <> $2 order by s.platform_id limit $3
    $sql$, p_list, p_table) using p_connection_id, p_after, p_limit;
end $$;

-- pending_shopify_order_lines: stretches of the lines of orders that have more than were shown so far.
create or replace function private.pending_shopify_order_lines(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select private.next_stretches(job.connection_id, 'public.orders', 'lineItems', p_after, p_limit);
$$;

-- pending_shopify_changed_journals: orders whose journal is not here, or of an older version than theirs. A full read looks at
-- all of them, every other job at those that it has read.
create or replace function private.pending_shopify_changed_journals(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    with wanted as (
        select o.platform_id, o.source_updated_at from public.orders as o
        where private.reads_all(job) and o.connection_id = job.connection_id and o.platform_id > p_after and not o.is_deleted
        union all
        select o.platform_id, o.source_updated_at
        from (select k.key from private.read_keys(job, 'orders') as k
              union select k.key from private.read_keys(job, 'rest_orders') as k) as k
        join public.orders as o on o.connection_id = job.connection_id and o.platform_id = k.key and not o.is_deleted
        where not private.reads_all(job) and k.key > p_after)
    select w.platform_id from wanted as w
    where not exists (select from public.order_journals as j
                      where j.connection_id = job.connection_id and j.platform_id = w.platform_id and not j.is_deleted
                        and j.source_updated_at >= w.source_updated_at)
    order by 1 limit p_limit;
$$;

-- pending_shopify_journal_sales: the next sales of orders whose journal has more than was shown so far. What was asked for and
-- left its journal as it was (the order is gone) is not asked for again.
create or replace function private.pending_shopify_journal_sales(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select n.next from (
        select j.platform_id, private.next_sales(j.platform_id, j.raw) as next from public.order_journals as j
        where j.connection_id = job.connection_id and not j.is_deleted and private.next_sales(j.platform_id, j.raw) is not null
          and j.platform_id >= split_part(p_after, ':', 1)) as n
    where n.next <> p_after order by n.platform_id limit p_limit;
$$;

-- pending_shopify_late_fees: orders with a payment by Shopify Payments whose fee was not told yet, each some times: when so long
-- has passed since it was paid. One that is not told by then is unknown.
create or replace function private.pending_shopify_late_fees(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select distinct t.order_platform_id from public.order_transactions as t
    where t.connection_id = job.connection_id and t.fees_amount is null and t.gateway = 'shopify_payments' and t.status = 'success'
      and t.kind in ('sale', 'capture') and not t.is_deleted
      and t.processed_at between job.window_start - interval '4 days' and job.window_end
      and t.order_platform_id > p_after
      and exists (select from unnest('{10 minutes,1 hour,6 hours,1 day,3 days}'::interval[]) as l (later)
                  where t.processed_at + l.later > job.window_start and t.processed_at + l.later <= job.window_end)
    order by 1 limit p_limit;
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

-- pending_shopify_refunds: refunds that an order names and that are not here, or here in another version. REST names an
-- order's refunds without their versions, and a version may be one that nobody can read: of those a full read asks for all,
-- and every other job for those of the orders that it has read.
create or replace function private.pending_shopify_refunds(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    with named as (
        select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id') as id, o.platform_id as named_by,
               private.readable_moment(r ->> 'updatedAt') as updated_at
        from public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{refunds,0,id}') is not null)
    select distinct n.id from named as n
    left join public.order_refunds as f on f.connection_id = job.connection_id and not f.is_deleted
                                       and f.platform_id = n.id
    where n.id > p_after
      and (f.platform_id is null or n.updated_at <> f.source_updated_at
           or (n.updated_at is null and (private.reads_all(job) or n.named_by in (
                select r.key from private.read_keys(job, 'orders') as r
                union all
                select r.key from private.read_keys(job, 'rest_orders') as r))))
    order by 1 limit p_limit;
$$;

-- pending_shopify_refund_lines: the same of refunds.
create or replace function private.pending_shopify_refund_lines(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select private.next_stretches(job.connection_id, 'public.order_refunds', 'refundLineItems', p_after, p_limit);
$$;

-- pending_shopify_changed_orders: orders that a webhook named.
create or replace function private.pending_shopify_changed_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'orders', p_after, p_limit) $$;

-- pending_shopify_changed_products: products that a webhook named.
create or replace function private.pending_shopify_changed_products(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'products', p_after, p_limit) $$;

-- pending_shopify_changed_customers: customers that a webhook named.
create or replace function private.pending_shopify_changed_customers(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'customers', p_after, p_limit) $$;

-- pending_shopify_changed_variants: stretches of the changed products' variants, as '<product>:<after this variant>'. A
-- product that changed is read with its variants (execution/platforms/changed_objects.py). They are a list of their own, of up to 2,048,
-- asked for in stretches of ids, because a variant that is new has a greater id than all before it: one from the
-- beginning, and one after every 200th that is stored. A stretch brings 250, so that the last one reaches the end;
-- where it brings more than were known, another one begins behind it.
create or replace function private.pending_shopify_changed_variants(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    with changed as (
        select e.object_id as product from private.platform_events as e
        where e.connection_id = job.connection_id and e.kind = 'products' and e.worked_at is null),
    stretches as (
        select product, '0' as variant from changed
        union all
        select v.product, v.variant from (
            select c.product, t.platform_id as variant,
                   row_number() over (partition by c.product order by lpad(t.platform_id, 20, '0')) as place
            from changed as c
            join public.listing_variants as t on t.connection_id = job.connection_id
                                             and t.listing_platform_id = c.product and not t.is_deleted) as v
        where v.place % 200 = 0)
    select s.stretch from (select product || ':' || lpad(variant, 20, '0') as stretch from stretches) as s
    where s.stretch > p_after order by s.stretch limit p_limit;
$$;

-- derive_shopify_gone_variants: of a product whose variants this job has read, those that it did not show are missing, and gone
-- where another reading missed them too. One that was named after the job began may have been read in part: the next job looks at it.
create or replace function private.derive_shopify_gone_variants(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare product text; seen text[]; missing text[];
begin
    select e.object_id into product from private.platform_events as e
     where e.connection_id = job.connection_id and e.kind = 'products' and e.worked_at is null
       and e.received_at < job.started_at and e.object_id > p_after
     order by e.object_id limit 1;
    if product is null then
        return jsonb_build_object('rows', 0, 'after', p_after);
    end if;
    select array_agg(distinct k) into seen
      from public.sync_pages as p, unnest(p.keys) as k where p.job_id = job.id and p.stream = 'variants';
    select coalesce(array_agg(t.platform_id), '{}') into missing from public.listing_variants as t
     where t.connection_id = job.connection_id and t.listing_platform_id = product and not t.is_deleted
       and t.platform_id <> all (seen)
       -- A product always has a variant: where none was shown, it is the product that is gone.
       and exists (select 1 from public.listing_variants as o
                   where o.connection_id = job.connection_id and o.listing_platform_id = product
                     and o.platform_id = any (seen));
    perform private.mark_gone(job.connection_id, job.run_id, 'listing_variants', '{}',
                              private.sight(job, 'listing_variants', missing));
    return jsonb_build_object('rows', 1, 'after', product);
end $$;

-- prove_shopify_line_items: but for orders that are missing at Shopify, of which nothing can be asked any more: every line of every order: an order that still shows that another stretch follows is named.
create or replace function private.prove_shopify_line_items(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound),
    cut as materialized (
        select o.platform_id from public.orders as o cross join piece
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true'
          and not exists (select from private.missing_records as m where m.connection_id = job.connection_id
                                                                     and m.table_name = 'orders' and m.platform_id = o.platform_id)
          and o.platform_id >= p_from and (bound is null or o.platform_id < bound))
    select jsonb_build_object(
        'ok', not exists (select 1 from cut), 'next', bound,
        'counts', jsonb_build_object(
            'line_items', (select count(*) from public.line_items as l
                           where l.connection_id = job.connection_id and not l.is_deleted
                             and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound)),
            'orders_cut', (select count(*) from cut)),
        'firsts', jsonb_build_object(
            'first_cut', (select coalesce(jsonb_agg(platform_id), '[]') from (select * from cut order by 1 limit 5) as c)))
    from piece;
$$;

-- prove_shopify_refunds: every refund that an order names is here, with all of its lines. A piece is so many orders, and what
-- hangs on them.
create or replace function private.prove_shopify_refunds(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound),
    listed as materialized (
        select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id') as id
        from piece cross join public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{refunds,0,id}') is not null
          and not exists (select from private.missing_records as m where m.connection_id = job.connection_id
                                                                     and m.table_name = 'orders' and m.platform_id = o.platform_id)
          and o.platform_id >= p_from and (bound is null or o.platform_id < bound)),
    missing as materialized (
        select l.id from listed as l
        except
        select f.platform_id from public.order_refunds as f
        where f.connection_id = job.connection_id and not f.is_deleted),
    cut as (
        select f.platform_id from public.order_refunds as f cross join piece
        where f.connection_id = job.connection_id and not f.is_deleted
          and (f.raw #>> '{refundLineItems,pageInfo,hasNextPage}') = 'true'
          and not exists (select from private.missing_records as m where m.connection_id = job.connection_id
                                                                     and m.table_name = 'orders' and m.platform_id = f.order_platform_id)
          and f.order_platform_id >= p_from and (bound is null or f.order_platform_id < bound))
    select jsonb_build_object(
        'ok', not exists (select 1 from missing) and not exists (select 1 from cut), 'next', (select bound from piece),
        'counts', jsonb_build_object(
            'refunds', (select count(*) from listed),
            'missing', (select count(*) from missing), 'cut', (select count(*) from cut)),
        'firsts', jsonb_build_object(
            'first_missing', (select coalesce(jsonb_agg(id), '[]') from (select * from missing order by 1 limit 5) as m)));
$$;

-- prove_shopify_journals: every order has its journal, of its own version or a newer one, and whole; and what its sales come to
-- is what the order comes to. That a sum differs is told, by number: the sum is the platform's, and no reading mends it.
create or replace function private.prove_shopify_journals(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound),
    looked as materialized (
        select o.platform_id, j.platform_id is null or j.source_updated_at < o.source_updated_at as is_missing,
               private.next_sales(j.platform_id, j.raw) is not null as is_cut,
               coalesce((o.raw #>> '{shippingLines,pageInfo,hasNextPage}') = 'true', false) as is_short,
               coalesce(j.current_total_amount <> s.total, false) as differs
        from piece cross join public.orders as o
        left join public.order_journals as j on j.connection_id = o.connection_id and j.platform_id = o.platform_id and not j.is_deleted
        left join lateral (
            select sum(l.total_amount) as total from public.order_sales as l
            where l.connection_id = o.connection_id and l.order_platform_id = o.platform_id and not l.is_deleted) as s on true
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and not exists (select from private.missing_records as m where m.connection_id = job.connection_id
                                                                     and m.table_name = 'orders' and m.platform_id = o.platform_id)
          and o.platform_id >= p_from and (bound is null or o.platform_id < bound))
    select jsonb_build_object(
        'ok', coalesce(not bool_or(l.is_missing or l.is_cut or l.is_short), true), 'next', (select bound from piece),
        'counts', jsonb_build_object(
            'journals', count(*) filter (where not l.is_missing), 'journals_missing', count(*) filter (where l.is_missing),
            'journals_cut', count(*) filter (where l.is_cut or l.is_short), 'sums_differ', count(*) filter (where l.differs)),
        'firsts', jsonb_build_object(
            'first_missing_journals', coalesce((array_to_json((array_agg(l.platform_id order by l.platform_id)
                                                               filter (where l.is_missing or l.is_cut or l.is_short))[1:5]))::jsonb, '[]'),
            'first_sums', coalesce((array_to_json((array_agg(l.platform_id order by l.platform_id) filter (where l.differs))[1:5]))::jsonb, '[]')))
    from looked as l;
$$;

-- woken_by_shopify_orders: of products and customers the orders' call showed the newest change: where it is not here as new
-- as that, they are read at once. A time that cannot be read may be news.
create or replace function private.woken_by_shopify_orders(job public.sync_jobs) returns setof text
language sql stable set search_path = '' as $$
    with shown as (
        select e.key as entity, private.gid_tail(n ->> 'id') as id, private.readable_moment(n ->> 'updatedAt') as updated_at
        from jsonb_each(coalesce(job.cursor -> 'shown', '{}')) as e (key, value), jsonb_array_elements(e.value) as n)
    select s.entity from shown as s
    left join public.listings as l on s.entity = 'listings' and l.connection_id = job.connection_id and l.platform_id = s.id
    left join public.customers as c on s.entity = 'customers' and c.connection_id = job.connection_id and c.platform_id = s.id
    -- A search by whole days also shows what lies before the window.
    where coalesce(s.updated_at >= job.window_start, true)
      and coalesce(s.updated_at > coalesce(l.source_updated_at, c.source_updated_at), true);
$$;

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
    ('shopify', 'sale', 'duty order', 'duty'), ('shopify', 'sale', 'duty update', 'duty'), ('shopify', 'sale', 'duty return', 'duty'),
    ('shopify', 'balance', 'charge', 'none'), ('shopify', 'balance', 'refund', 'none'), ('shopify', 'balance', 'dispute_withdrawal', 'dispute'),
    ('shopify', 'balance', 'dispute_reversal', 'dispute'), ('shopify', 'balance', 'chargeback_hold', 'dispute'), ('shopify', 'balance', 'chargeback_hold_release', 'dispute'),
    ('shopify', 'balance', 'chargeback_protection_credit', 'dispute'), ('shopify', 'balance', 'chargeback_protection_credit_reversal', 'dispute'), ('shopify', 'balance', 'chargeback_protection_debit', 'dispute'),
    ('shopify', 'balance', 'chargeback_protection_debit_reversal', 'dispute'), ('shopify', 'balance', 'chargeback_fee', 'dispute_fee'), ('shopify', 'balance', 'chargeback_fee_refund', 'dispute_fee'),
    ('shopify', 'balance', 'transfer', 'transfer'), ('shopify', 'balance', 'transfer_cancel', 'transfer'), ('shopify', 'balance', 'transfer_failure', 'transfer'),
    ('shopify', 'balance', 'transfer_refund', 'transfer'), ('shopify', 'balance', 'reserved_funds', 'transfer'), ('shopify', 'balance', 'reserved_funds_reversal', 'transfer'),
    ('shopify', 'balance', 'reserved_funds_withdrawal', 'transfer'), ('shopify', 'balance', 'balance_transfer_inbound', 'transfer'), ('shopify', 'balance', 'balance_transfer_outbound', 'transfer'),
    ('shopify', 'balance', 'shipping_label', 'label'), ('shopify', 'balance', 'shipping_label_adjustment', 'label'), ('shopify', 'balance', 'shipping_label_adjustment_base', 'label'),
    ('shopify', 'balance', 'shipping_label_adjustment_surcharge', 'label'), ('shopify', 'balance', 'shipping_other_carrier_charge_adjustment', 'label'), ('shopify', 'balance', 'shipping_return_to_origin_adjustment', 'label');

-- shopify_sales: the journal's sales of a time, or of these orders, as events (sheet of money, A2). A sale holds its tax, which stands apart, by who
-- has to pay it to the state; what was sold stands before its discount. `p_only_back`: of what was taken back alone.
create or replace function private.shopify_sales(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[],
                                                 p_only_back boolean default false)
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    with sales as (
        select s.* from public.order_sales as s
        where p_orders is null and s.connection_id = p_connection_id and s.happened_at >= p_from and s.happened_at < p_to and not s.is_deleted
        union all
        select s.* from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select s.* from public.order_sales as s
                            where s.connection_id = p_connection_id and s.order_platform_id = w.id and not s.is_deleted offset 0) as s
        where p_orders is not null)
    select e.class, s.order_platform_id, s.line_platform_id, s.happened_at, o.ordered_at, s.currency, e.amount, 'order_sales', s.platform_id, s.reason
    from sales as s
    cross join lateral (select o.ordered_at, private.counts_as_sale(o) as counts from public.orders as o
                        where o.connection_id = p_connection_id and o.platform_id = s.order_platform_id offset 0) as o
    left join private.money_kinds as k on k.platform = 'shopify' and k.source = 'sale' and k.kind = s.line_type || ' ' || s.action_type
    cross join lateral (select coalesce(s.tax_amount, 0) as tax, coalesce(s.channel_tax_amount, 0) as channel, coalesce(s.seller_tax_amount, 0) as seller,
                               case when k.class = 'gross_sales' then coalesce(s.discount_amount, 0) else 0 end as discount,
                               case when s.total_amount < 0 then 'reversal_tax_' else 'tax_' end as owed offset 0) as v
    -- Arrays, and no list of values: that would be made ready anew for every sale. What is unclassified is so with its tax.
    cross join lateral unnest(
        case when k.class is null then array['unclassified'] else array[k.class, 'discount', v.owed || 'platform', v.owed || 'seller', v.owed || 'unknown'] end,
        case when k.class is null then array[s.total_amount]
             else array[s.total_amount - v.tax + v.discount, -v.discount, v.channel, v.seller, v.tax - v.channel - v.seller] end) as e (class, amount)
    where (not p_only_back or k.class like 'reversal\_%' or s.total_amount < 0) and o.counts and (e.amount <> 0 or e.class = 'gross_sales');
$$;

-- shopify_refunds: what was given back of these orders, where their journal was not read yet: by their refunds, the tax by its share.
create or replace function private.shopify_refunds(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with refunds as materialized (
        select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, coalesce(r.refund_amount, 0) as amount,
               sum(coalesce(r.refund_amount, 0)) over (
                   partition by r.order_platform_id order by r.refunded_at, r.platform_id rows unbounded preceding) as sum_
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, r.refund_amount from public.order_refunds as r
                            where r.connection_id = p_connection_id and r.order_platform_id = w.id and not r.is_deleted offset 0) as r
        where not exists (select from public.order_journals as j
                          where j.connection_id = p_connection_id and j.platform_id = w.id and not j.is_deleted)),
    split as (
        select r.*, o.ordered_at, o.platform_id as order_id, p.*
        from refunds as r
        left join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = r.order_platform_id offset 0) as at_ on true
        left join public.orders as o on o.ctid = at_.ctid
        left join lateral private.sale_parts(o) as s on true
        left join lateral private.refund_parts(o, r.sum_::bigint, (case
            when r.sum_ >= o.total_amount then s.tax
            when coalesce(o.total_amount, 0) > 0 then round(r.sum_ * s.tax / o.total_amount) else 0 end)::bigint) as p on o.platform_id is not null
        where o.platform_id is null or private.counts_as_sale(o)),
    steps as (
        select s.platform_id, s.order_platform_id, s.refunded_at, s.currency, s.amount, s.ordered_at, s.order_id,
               s.goods - lag(s.goods, 1, 0::bigint) over w as goods, s.shipping - lag(s.shipping, 1, 0::bigint) over w as shipping,
               s.other - lag(s.other, 1, 0::bigint) over w as other, s.adjustment - lag(s.adjustment, 1, 0::bigint) over w as adjustment,
               s.tax - lag(s.tax, 1, 0::bigint) over w as tax
        from split as s
        window w as (partition by s.order_platform_id order by s.refunded_at, s.platform_id))
    select e.class, s.order_platform_id, null, s.refunded_at, s.ordered_at, s.currency, -e.amount, 'order_refunds', s.platform_id,
           case when s.order_id is null then 'order_not_there' end
    from steps as s
    cross join lateral unnest(
        array['reversal_goods', 'reversal_shipping', 'reversal_other', 'reversal_adjustment', 'reversal_tax_unknown'],
        array[s.goods, s.shipping, s.other, case when s.order_id is null then s.amount else s.adjustment end, s.tax]) as e (class, amount)
    where e.amount <> 0;
$$;

-- money_reversals_shopify: what was taken back of these orders, by the journal, or else by their refunds.
create or replace function private.money_reversals_shopify(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' as $$
    select * from private.shopify_sales(p_connection_id, null, null, p_orders, true) as e where e.class like 'reversal\_%'
    union all
    select * from private.shopify_refunds(p_connection_id, p_orders);
$$;

-- may_have_taken: whether a bank may have taken money back in a dispute. An inquiry takes none while it is one; what one that was decided came
-- to, as whatever we do not know, nobody says.
create or replace function private.may_have_taken(d public.order_disputes) returns boolean
language sql immutable as $$
    select coalesce(d.status <> 'prevented' and (d.initiated_as <> 'inquiry' or d.status not in ('needs_response', 'under_review', 'charge_refunded')), true);
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

-- shopify_payments: what was paid in a time, or for orders, and what Shopify's own payments took. What another gateway took nobody tells.
create or replace function private.shopify_payments(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, t.order_platform_id, null::text, t.processed_at, o.ordered_at, e.currency, e.amount, 'order_transactions', t.platform_id,
           t.gateway
    from (select t.* from public.order_transactions as t
          where p_orders is null and t.connection_id = p_connection_id and t.processed_at >= p_from and t.processed_at < p_to and not t.is_deleted
          union all
          select t.* from (select distinct unnest(p_orders) as id) as w
          cross join lateral (select t.* from public.order_transactions as t
                              where t.connection_id = p_connection_id and t.order_platform_id = w.id and not t.is_deleted
                                and t.processed_at is not null offset 0) as t
          where p_orders is not null) as t
    cross join lateral (select o.ordered_at, private.counts_as_sale(o) as counts from public.orders as o
                        where o.connection_id = p_connection_id and o.platform_id = t.order_platform_id offset 0) as o
    cross join lateral (select coalesce(t.fee_currency, t.currency) as fees offset 0) as c
    -- Arrays, and no list of values: that would be made ready anew for every payment.
    cross join lateral unnest(
        array['payment', 'refund_paid', 'other_income', 'fee_payment', 'tax_on_fees'],
        array[case when t.kind in ('sale', 'capture') then t.transaction_amount end, case when t.kind = 'refund' then -t.transaction_amount end,
              t.rounding_amount, -t.fees_amount, -t.fees_tax_amount],
        array[t.currency, t.currency, t.currency, c.fees, c.fees]) as e (class, amount, currency)
    where t.status = 'success' and not coalesce(t.is_test, false) and o.counts and e.amount <> 0;
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
