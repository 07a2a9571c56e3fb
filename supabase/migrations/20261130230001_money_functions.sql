-- The journal of sales is landed and proven; lists in lists are children too, and sums of lists columns.

-- lives: `belongs_to` says whose end takes it along: a connection's, a user's, or nobody's (service, reference, and a record,
-- which outlives whom it is about and then names nobody). `life`,
-- counted from `aged_by`, is when the clock takes it; `only_if` spares rows (`t` is the row). Without a life, `bounded`
-- says what keeps the table small.
create or replace function private.lives() returns table (
        table_name text, belongs_to text, life interval, aged_by text, only_if text, bounded text)
language sql immutable set search_path = '' as $$
    values
    ('public.profiles', 'user', null::interval, null, null, 'one a user'),
    ('public.connected_accounts', 'user', null, null, null, 'one a shop of a user'),
    ('private.admins', 'user', null, null, null, 'one a user'),
    ('private.admin_actions', 'record', '3 years', 'at', null, null),
    ('private.rate_limits', 'user', null, null, null, 'one a user and action'),
    ('private.oauth_states', 'user', '1 hour', 'expires_at', null, null),
    ('private.privacy_requests', 'record', '3 years', 'done_at', null, null),
    -- What was told is told again on demand.
    ('private.outbox', 'user', '30 days', 'happened_at', null, null),
    -- Longer than any backup is kept that could bring them back.
    ('private.tombstones', 'record', '3 years', 'deleted_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
    ('private.sync_rounds', 'connection', null, null, null, 'one an entity'),
    ('private.webhook_standings', 'connection', null, null, null, 'one a connection'),
    ('private.rerun_requests', 'connection', null, null, null, 'one an entity'),
    ('public.sync_pages', 'connection', null, null, null, 'go with their job'),
    ('public.certificates', 'connection', null, null, null, 'go with their job'),
    -- The newest proof of an entity stays, however old it is.
    ('public.sync_jobs', 'connection', '180 days', 'finished_at',
     'exists (select from public.sync_jobs as n where n.connection_id = t.connection_id and n.entity = t.entity '
     'and n.job_type = t.job_type and n.status = ''completed'' and n.finished_at > t.finished_at)', null),
    ('public.sync_runs', 'connection', '180 days', 'created_at',
     'not exists (select from public.sync_jobs as j where j.run_id = t.id) '
     'and not exists (select from public.sync_cursors as c where c.run_id = t.id) '
     'and not exists (select from private.rerun_requests as r where r.run_id = t.id)', null),
    -- For so long a run can be taken back.
    ('private.row_changes', 'connection', '30 days', 'at', null, null),
    -- As they came, with whom they name: from the last time that they came.
    ('public.rejected_records', 'connection', '90 days', 'fetched_at', null, null),
    ('private.platform_events', 'connection', '7 days', 'worked_at', null, null),
    -- No page is on its way for so long.
    ('private.closed_objects', 'connection', '90 days', 'gone_at', 't.forgotten_at is null', null),
    -- So long what a run marked gone can be brought back.
    ('private.missing_records', 'connection', '90 days', 'gone_at', null, null),
    ('private.held_deletions', 'connection', '180 days', 'decided_at', null, null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('public.unit_costs', 'connection', null, null, null, 'one a value of a variant'),
    ('public.shop_time_zones', 'connection', null, null, null, 'one a change of a shop''s zone'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.heartbeats', 'service', '1 day', 'at', null, null),
    ('private.call_minutes', 'service', '2 days', 'minute', null, null),
    ('private.api_calls', 'service', '7 days', 'bucket', null, null),
    ('private.api_answers', 'service', '1 day', 'bucket', null, null),
    ('private.call_blocks', 'service', '1 day', 'bucket', null, null),
    -- What a platform told of its limits it tells again. Not while a call of it is in the ledger, or it is blocked.
    ('private.api_budgets', 'service', '7 days', 'made_at',
     'not exists (select from private.api_calls as c where c.scope = t.scope) '
     'and not exists (select from private.call_blocks as b where b.scope = t.scope) '
     'and coalesce(t.blocked_until, t.made_at) < clock_timestamp()', null),
    ('private.api_buckets', 'service', null, null, null, 'one a scope'),
    ('private.circuit_breakers', 'service', null, null, null, 'one a scope that is away'),
    ('private.installation', 'reference', null, null, null, 'one row'),
    ('private.virtual_clock', 'reference', null, null, null, 'one row'),
    ('private.plan_weights', 'reference', null, null, null, 'one a plan'),
    ('private.round_promises', 'reference', null, null, null, 'one a plan'),
    ('private.round_rules', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.round_prices', 'reference', null, null, null, 'one a platform whose shops share a day'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- sum_exact: of a list of objects the money that stands at `p_each` in them, added up. A currency is theirs where none is meant.
create or replace function private.sum_exact(p_list jsonb, p_each text[], p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
declare meant text := coalesce(p_currency, p_list #>> (array['0'] || p_each || array['currencyCode']));
begin
    if jsonb_typeof(p_list) <> 'array' then
        perform private.wrong_type(p_list, p_path, 'a list of amounts');
    end if;
    -- One amount that is not there leaves the sum unknown.
    return (select case when count(*) = count(m.amount) then sum(m.amount) end
            from jsonb_array_elements(p_list) as e,
                 lateral (select private.decimal_money_exact(e #> p_each, meant, p_path) as amount) as m);
end $$;

-- sum_of: the same in the record's currency; of an empty list nothing, which is known.
create or replace function private.sum_of(p_list jsonb, p_each text[], c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_list is null or jsonb_typeof(p_list) = 'null' then null when p_list = '[]' then 0
        else private.sum_exact(p_list, p_each, p_currency, p_path) end;
$$;

-- own_sum_of: the same in the currency of the list itself; of an empty list nobody knows.
create or replace function private.own_sum_of(p_list jsonb, p_each text[], p_path text) returns bigint
language sql stable as $$
    select case when p_list is null or jsonb_typeof(p_list) = 'null' or p_list = '[]' then null
        else private.sum_exact(p_list, p_each, null, p_path) end;
$$;

-- less_inner: a record of whose list each element has lost a list of its own: those are rows by themselves.
create or replace function private.less_inner(p_record jsonb, p_outer text[], p_inner text[]) returns jsonb
language sql immutable set search_path = '' as $$
    select case when jsonb_typeof(p_record #> p_outer) = 'array'
        then jsonb_set(p_record, p_outer, coalesce((select jsonb_agg(e.v #- p_inner order by e.n)
                                                    from jsonb_array_elements(p_record #> p_outer) with ordinality as e(v, n)), '[]'))
        else p_record end;
$$;

-- readable_children: a record's children, those that can be rows. One that cannot be read is left out with its reason,
-- unless it is a row already: that would be taken for gone, so the record is `lost`. Children that stand in a list of each
-- element of a list are read an element at a time: each has it as its member `of`.
create or replace function private.readable_children(job public.sync_jobs, p_spec jsonb, inout record jsonb,
                                                     inout reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare outer_at text[] := string_to_array(p_spec ->> 'at', '.'); inner_at text[] := string_to_array(p_spec ->> 'inside', '.');
        kept jsonb := '[]'; element jsonb; one record; said text; number int := 0;
begin
    if inner_at is null then
        one := private.readable_list(job, p_spec, record, reasons);
        record := one.record; reasons := one.reasons; lost := one.lost;
        return;
    end if;
    if jsonb_typeof(record #> outer_at) is distinct from 'array' then
        if record #> outer_at <> 'null' then
            reasons := reasons || format('%s: %s where a list is due', p_spec ->> 'at', jsonb_typeof(record #> outer_at));
            record := private.without_member(record, outer_at);
        end if;
        return;
    end if;
    for element in select e from jsonb_array_elements(record #> outer_at) as e loop
        if jsonb_typeof(element #> inner_at) = 'array' then
            -- As the landing makes them: each with what it stands in.
            element := jsonb_set(element, inner_at, coalesce((
                select jsonb_agg(case when jsonb_typeof(i) = 'object' then i || jsonb_build_object('of', element #- inner_at) else i end
                                 order by n) from jsonb_array_elements(element #> inner_at) with ordinality as l(i, n)), '[]'));
        end if;
        one := private.readable_list(job, p_spec - 'inside' || jsonb_build_object('at', p_spec ->> 'inside'), element, '{}');
        if one.lost is not null then
            lost := format('%s.%s.%s', p_spec ->> 'at', number, one.lost);
            return;
        end if;
        foreach said in array one.reasons loop
            reasons := reasons || format('%s.%s.%s', p_spec ->> 'at', number, said);
        end loop;
        element := one.record;
        if jsonb_typeof(element #> inner_at) = 'array' then
            -- What could not be read of the element itself is blank in it.
            element := jsonb_set(
                coalesce((select i -> 'of' from jsonb_array_elements(element #> inner_at) as i
                          where i -> 'of' <> element #- inner_at limit 1), element #- inner_at),
                inner_at, coalesce((select jsonb_agg(i - 'of' order by n)
                                    from jsonb_array_elements(element #> inner_at) with ordinality as l(i, n)), '[]'));
        end if;
        kept := kept || jsonb_build_array(element);
        number := number + 1;
    end loop;
    record := jsonb_set(record, outer_at, kept);
end $$;

-- readable_list: readable_children of one list.
create or replace function private.readable_list(job public.sync_jobs, p_spec jsonb, inout record jsonb,
                                                 inout reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare place text[] := string_to_array(p_spec ->> 'at', '.'); kept jsonb := '[]'; element jsonb; one record; number int := 0;
        key text; stored boolean;
begin
    if record #> place is null or record #> place = 'null' then
        return;
    end if;
    if jsonb_typeof(record #> place) <> 'array' then
        reasons := reasons || format('%s: %s where a list is due', p_spec ->> 'at', jsonb_typeof(record #> place));
        record := private.without_member(record, place);
        return;
    end if;
    for element in select e from jsonb_array_elements(record #> place) as e loop
        one := private.readable_part(p_spec, element);
        one.lost := coalesce(one.lost, private.missing_of_child(p_spec, one.part));
        if one.lost is null then
            kept := kept || jsonb_build_array(one.part);
        else
            one.reasons := array[one.lost];
            if (p_spec ->> 'unique')::boolean then
                key := element #>> string_to_array(p_spec #>> '{key,0}', '.');
                execute format('select exists (select from public.%I where connection_id = $1 and platform_id = $2 '
                               'and not is_deleted)', p_spec ->> 'table')
                   into stored using job.connection_id, coalesce(private.gid_tail(key), key);
                if stored then
                    lost := format('%s.%s.%s', p_spec ->> 'at', number, one.lost);
                    return;
                end if;
            end if;
        end if;
        reasons := reasons || array(select format('%s.%s.%s', p_spec ->> 'at', number, r) from unnest(one.reasons) as r);
        number := number + 1;
    end loop;
    record := jsonb_set(record, place, kept);
end $$;

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
           ('order_payments', false, 'order_platform_id', '{}'),
           ('payments', false, 'order_platform_id', '{description}');
$$;

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

create or replace function private.map_shopify_orders_line_items(r jsonb) returns table (
        listing_platform_id text, product_platform_id text, sku text, title text, quantity bigint,
        current_quantity bigint, price_amount bigint, discount_amount bigint, currency text)
language sql stable as $$
    select private.gid(v.listing_platform_id, 'product.id'), private.gid(v.product_platform_id, 'variant.id'), v.sku,
        v.title, v.quantity, v.current_quantity,
        private.decimal_money(v.price_amount, c, v.currency, 'originalUnitPriceSet.shopMoney'),
        private.sum_of(v.discount_amount, '{allocatedAmountSet,shopMoney}', c, v.currency, 'discountAllocations'),
        v.currency
    from (select
        private.string_in(r -> 'product', 'id', 'product.id', 'gid') as listing_platform_id,
        private.string_in(r -> 'variant', 'id', 'variant.id', 'gid') as product_platform_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'name', 'name') as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'currentQuantity')::bigint as current_quantity,
        r -> 'originalUnitPriceSet' -> 'shopMoney' as price_amount,
        r -> 'discountAllocations' as discount_amount,
        private.text_in(r -> 'originalUnitPriceSet' -> 'shopMoney', 'currencyCode', 'originalUnitPriceSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_shipping_lines(r jsonb) returns table (
        title text, price_amount bigint, discounted_amount bigint, tax_amount bigint, is_removed boolean, currency text)
language sql stable as $$
    select v.title, private.decimal_money(v.price_amount, c, v.currency, 'originalPriceSet.shopMoney'),
        private.decimal_money(v.discounted_amount, c, v.currency, 'discountedPriceSet.shopMoney'),
        private.sum_of(v.tax_amount, '{priceSet,shopMoney}', c, v.currency, 'taxLines'), v.is_removed, v.currency
    from (select
        private.text_in(r, 'title', 'title') as title,
        r -> 'originalPriceSet' -> 'shopMoney' as price_amount,
        r -> 'discountedPriceSet' -> 'shopMoney' as discounted_amount,
        r -> 'taxLines' as tax_amount,
        (r ->> 'isRemoved')::boolean as is_removed,
        private.text_in(r -> 'originalPriceSet' -> 'shopMoney', 'currencyCode', 'originalPriceSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_orders_order_tax_lines(r jsonb) returns table (
        line_item_platform_id text, shipping_line_platform_id text, title text, rate text, tax_amount bigint,
        channel_liable boolean, currency text)
language sql stable as $$
    select case when r -> 'of' ->> 'quantity' is not null then private.gid(v.line_item_platform_id, 'of.id') end,
        case when r -> 'of' ->> 'isRemoved' is not null then private.gid(v.shipping_line_platform_id, 'of.id') end,
        v.title, v.rate, private.decimal_money(v.tax_amount, c, v.currency, 'priceSet.shopMoney'), v.channel_liable,
        v.currency
    from (select
        private.string_in(r -> 'of', 'id', 'of.id', 'gid') as line_item_platform_id,
        private.string_in(r -> 'of', 'id', 'of.id', 'gid') as shipping_line_platform_id,
        private.text_in(r, 'title', 'title') as title,
        private.text_in(r, 'rate', 'rate') as rate,
        r -> 'priceSet' -> 'shopMoney' as tax_amount,
        (r ->> 'channelLiable')::boolean as channel_liable,
        private.text_in(r -> 'priceSet' -> 'shopMoney', 'currencyCode', 'priceSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

drop function private.map_shopify_orders_order_transactions(jsonb);

create or replace function private.map_shopify_orders_order_transactions(r jsonb) returns table (
        kind text, status text, gateway text, is_test boolean, parent_platform_id text, transaction_amount bigint,
        processed_at timestamptz, fees_amount bigint, fees_tax_amount bigint, fee_currency text, rounding_amount bigint,
        settlement_currency text, settlement_rate text, currency text)
language sql stable as $$
    select lower(v.kind), lower(v.status), v.gateway, v.is_test, private.gid(v.parent_platform_id, 'parentTransaction.id'),
        private.decimal_money(v.transaction_amount, c, v.currency, 'amountSet.shopMoney'),
        private.moment(v.processed_at, 'processedAt'), private.own_sum_of(v.fees_amount, '{amount}', 'fees'),
        private.own_sum_of(v.fees_tax_amount, '{taxAmount}', 'fees'), v.fee_currency,
        private.decimal_money(v.rounding_amount, c, v.currency, 'amountRoundingSet.shopMoney'), v.settlement_currency,
        v.settlement_rate, v.currency
    from (select
        private.string_in(r, 'kind', 'kind', 'lower') as kind,
        private.string_in(r, 'status', 'status', 'lower') as status,
        private.text_in(r, 'gateway', 'gateway') as gateway,
        (r ->> 'test')::boolean as is_test,
        private.string_in(r -> 'parentTransaction', 'id', 'parentTransaction.id', 'gid') as parent_platform_id,
        r -> 'amountSet' -> 'shopMoney' as transaction_amount,
        private.string_in(r, 'processedAt', 'processedAt', 'iso_time') as processed_at,
        r -> 'fees' as fees_amount,
        r -> 'fees' as fees_tax_amount,
        coalesce(private.text_in(r, 'feeCurrency', 'feeCurrency'), r #>> '{fees,0,amount,currencyCode}') as fee_currency,
        r -> 'amountRoundingSet' -> 'shopMoney' as rounding_amount,
        private.text_in(r, 'settlementCurrency', 'settlementCurrency') as settlement_currency,
        private.text_in(r, 'settlementCurrencyRate', 'settlementCurrencyRate') as settlement_rate,
        private.text_in(r -> 'amountSet' -> 'shopMoney', 'currencyCode', 'amountSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_orders(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') as line_items_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as line_items_more,
                     nullif(e.r -> 'shippingLines' -> 'nodes', 'null') as order_shipping_lines_at,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') || coalesce(nullif(e.r -> 'shippingLines' -> 'nodes', 'null'), '[]') as order_tax_lines_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as order_tax_lines_more,
                     nullif(e.r -> 'transactions', 'null') as order_transactions_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'fulfillments']::text[] #- '{lineItems,nodes}' #- '{shippingLines,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_paid = excluded.is_paid, is_test = excluded.is_test, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer,id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, refunded_amount = excluded.refunded_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('originalUnitPriceSet', jsonb_build_object('shopMoney', e.r -> 'originalUnitPriceSet' -> 'shopMoney'), 'id', e.r -> 'id', 'product', jsonb_build_object('id', e.r -> 'product' -> 'id'), 'variant', jsonb_build_object('id', e.r -> 'variant' -> 'id'), 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'currentQuantity', e.r -> 'currentQuantity', 'discountAllocations', e.r -> 'discountAllocations') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{product,id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{variant,id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null and f.line_items_more is not true
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_shipping_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('originalPriceSet', jsonb_build_object('shopMoney', e.r -> 'originalPriceSet' -> 'shopMoney'), 'id', e.r -> 'id', 'title', e.r -> 'title', 'discountedPriceSet', jsonb_build_object('shopMoney', e.r -> 'discountedPriceSet' -> 'shopMoney'), 'taxLines', e.r -> 'taxLines', 'isRemoved', e.r -> 'isRemoved') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         coalesce(private.gid_tail(e.r ->> 'id'), f.platform_id || ':' || e.ord) as platform_id
                  from fresh as f, jsonb_array_elements(f.order_shipping_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_shipping_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_shipping_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_shipping_lines_new as (
        insert into public.order_shipping_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_shipping_lines_in where is_new),
    order_shipping_lines_changed as (
        insert into public.order_shipping_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_shipping_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, title = excluded.title, price_amount = excluded.price_amount, discounted_amount = excluded.discounted_amount, tax_amount = excluded.tax_amount, is_removed = excluded.is_removed, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_shipping_lines_gone as (
        update public.order_shipping_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_shipping_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_shipping_lines_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_shipping_lines_in as n))))),
    order_tax_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('priceSet', jsonb_build_object('shopMoney', e.r -> 'priceSet' -> 'shopMoney'), 'of', jsonb_build_object('id', e.r -> 'of' -> 'id', 'quantity', e.r -> 'of' -> 'quantity', 'isRemoved', e.r -> 'of' -> 'isRemoved'), 'title', e.r -> 'title', 'rate', e.r -> 'rate', 'channelLiable', e.r -> 'channelLiable') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(private.gid_tail(e.r -> 'of' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, private.gid_tail(e.r -> 'of' ->> 'id') order by e.ord))::text as platform_id
                  from fresh as f, lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- '{taxLines}' as r, nullif(p.r #> '{taxLines}', 'null') as parts, p.ord
                            from jsonb_array_elements(f.order_tax_lines_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e offset 0) as e,
                 lateral private.map_shopify_orders_order_tax_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_tax_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_tax_lines_new as (
        insert into public.order_tax_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_tax_lines_in where is_new),
    order_tax_lines_changed as (
        insert into public.order_tax_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_tax_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, line_item_platform_id = excluded.line_item_platform_id, shipping_line_platform_id = excluded.shipping_line_platform_id, title = excluded.title, rate = excluded.rate, tax_amount = excluded.tax_amount, channel_liable = excluded.channel_liable, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_tax_lines_gone as (
        update public.order_tax_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_tax_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_tax_lines_at is not null and f.order_tax_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_tax_lines_in as n))))),
    order_transactions_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amountSet', jsonb_build_object('shopMoney', e.r -> 'amountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'kind', e.r -> 'kind', 'status', e.r -> 'status', 'gateway', e.r -> 'gateway', 'test', e.r -> 'test', 'parentTransaction', jsonb_build_object('id', e.r -> 'parentTransaction' -> 'id'), 'processedAt', e.r -> 'processedAt', 'fees', e.r -> 'fees', 'feeCurrency', e.r -> 'feeCurrency', 'amountRoundingSet', jsonb_build_object('shopMoney', e.r -> 'amountRoundingSet' -> 'shopMoney'), 'settlementCurrency', e.r -> 'settlementCurrency', 'settlementCurrencyRate', e.r -> 'settlementCurrencyRate') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_transactions_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_transactions as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_transactions_new as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, fees_amount, fees_tax_amount, fee_currency, rounding_amount, settlement_currency, settlement_rate, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, fees_amount, fees_tax_amount, fee_currency, rounding_amount, settlement_currency, settlement_rate, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where is_new),
    order_transactions_changed as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, fees_amount, fees_tax_amount, fee_currency, rounding_amount, settlement_currency, settlement_rate, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, fees_amount, fees_tax_amount, fee_currency, rounding_amount, settlement_currency, settlement_rate, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, kind = excluded.kind, status = excluded.status, gateway = excluded.gateway, is_test = excluded.is_test, parent_platform_id = excluded.parent_platform_id, transaction_amount = excluded.transaction_amount, processed_at = excluded.processed_at, fees_amount = excluded.fees_amount, fees_tax_amount = excluded.fees_tax_amount, fee_currency = excluded.fee_currency, rounding_amount = excluded.rounding_amount, settlement_currency = excluded.settlement_currency, settlement_rate = excluded.settlement_rate, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_transactions_gone as (
        update public.order_transactions as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_transactions as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_transactions_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_transactions_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'carrier', e.r -> 'carrier', 'trackingInfo', e.r -> 'trackingInfo', 'trackingCode', e.r -> 'trackingCode', 'createdAt', e.r -> 'createdAt') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["displayFinancialStatus"], "fulfillment_status": ["displayFulfillmentStatus"], "is_paid": ["fullyPaid"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["paymentGatewayNames"], "ordered_at": ["processedAt"], "cancelled_at": ["cancelledAt"], "discount_amount": ["totalDiscountsSet.shopMoney"], "subtotal_amount": ["subtotalPriceSet.shopMoney"], "shipping_amount": ["totalShippingPriceSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "tip_amount": ["totalTipReceivedSet.shopMoney"], "total_amount": ["totalPriceSet.shopMoney"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "refunded_amount": ["totalRefundedSet.shopMoney"], "presentment_currency": ["totalPriceSet.presentmentMoney.currencyCode"], "presentment_total_amount": ["totalPriceSet.presentmentMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product.id"], "product_platform_id": ["variant.id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["currentQuantity"], "price_amount": ["originalUnitPriceSet.shopMoney"], "discount_amount": ["discountAllocations"], "currency": ["originalUnitPriceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["id"], "unique": true},
      {"map": "map_shopify_orders_order_shipping_lines", "table": "order_shipping_lines", "columns": {"title": ["title"], "price_amount": ["originalPriceSet.shopMoney"], "discounted_amount": ["discountedPriceSet.shopMoney"], "tax_amount": ["taxLines"], "is_removed": ["isRemoved"], "currency": ["originalPriceSet.shopMoney.currencyCode"]}, "at": "shippingLines.nodes", "key": ["id"], "unique": false},
      {"map": "map_shopify_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["priceSet.shopMoney"], "channel_liable": ["channelLiable"], "currency": ["priceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["of.id"], "unique": false, "inside": "taxLines"},
      {"map": "map_shopify_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["priceSet.shopMoney"], "channel_liable": ["channelLiable"], "currency": ["priceSet.shopMoney.currencyCode"]}, "at": "shippingLines.nodes", "key": ["of.id"], "unique": false, "inside": "taxLines"},
      {"map": "map_shopify_orders_order_transactions", "table": "order_transactions", "columns": {"kind": ["kind"], "status": ["status"], "gateway": ["gateway"], "is_test": ["test"], "parent_platform_id": ["parentTransaction.id"], "transaction_amount": ["amountSet.shopMoney"], "processed_at": ["processedAt"], "fees_amount": ["fees"], "fees_tax_amount": ["fees"], "fee_currency": ["feeCurrency", "fees.0.amount.currencyCode"], "rounding_amount": ["amountRoundingSet.shopMoney"], "settlement_currency": ["settlementCurrency"], "settlement_rate": ["settlementCurrencyRate"], "currency": ["amountSet.shopMoney.currencyCode"]}, "at": "transactions", "key": ["id"], "unique": true},
      {"map": "map_shopify_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["carrier", "trackingInfo.0.company"], "tracking_code": ["trackingCode", "trackingInfo.0.number"], "shipped_at": ["createdAt"]}, "at": "fulfillments", "key": ["id"], "unique": true}]'::jsonb
$$;

create or replace function private.map_shopify_refunds_order_refund_shipping_lines(r jsonb) returns table (
        shipping_line_platform_id text, subtotal_amount bigint, tax_amount bigint, currency text)
language sql stable as $$
    select private.gid(v.shipping_line_platform_id, 'shippingLine.id'),
        private.decimal_money(v.subtotal_amount, c, v.currency, 'subtotalAmountSet.shopMoney'),
        private.decimal_money(v.tax_amount, c, v.currency, 'taxAmountSet.shopMoney'), v.currency
    from (select
        private.string_in(r -> 'shippingLine', 'id', 'shippingLine.id', 'gid') as shipping_line_platform_id,
        r -> 'subtotalAmountSet' -> 'shopMoney' as subtotal_amount,
        r -> 'taxAmountSet' -> 'shopMoney' as tax_amount,
        private.text_in(r -> 'subtotalAmountSet' -> 'shopMoney', 'currencyCode', 'subtotalAmountSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_refunds_order_refund_adjustments(r jsonb) returns table (
        reason text, adjustment_amount bigint, tax_amount bigint, currency text)
language sql stable as $$
    select lower(v.reason), private.decimal_money(v.adjustment_amount, c, v.currency, 'amountSet.shopMoney'),
        private.decimal_money(v.tax_amount, c, v.currency, 'taxAmountSet.shopMoney'), v.currency
    from (select
        private.string_in(r, 'reason', 'reason', 'lower') as reason,
        r -> 'amountSet' -> 'shopMoney' as adjustment_amount,
        r -> 'taxAmountSet' -> 'shopMoney' as tax_amount,
        private.text_in(r -> 'amountSet' -> 'shopMoney', 'currencyCode', 'amountSet.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_refunds(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'refundLineItems' -> 'nodes', 'null') as order_refund_lines_at,
                     (e.r -> 'refundLineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'refundLineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as order_refund_lines_more,
                     e.r -> 'refundLineItems' -> 'pageInfo' ->> 'startCursor' as order_refund_lines_stretch,
                     nullif(e.r -> 'refundShippingLines' -> 'nodes', 'null') as order_refund_shipping_lines_at,
                     (e.r -> 'refundShippingLines' -> 'pageInfo' ->> 'hasNextPage')::boolean as order_refund_shipping_lines_more,
                     nullif(e.r -> 'orderAdjustments' -> 'nodes', 'null') as order_refund_adjustments_at,
                     (e.r -> 'orderAdjustments' -> 'pageInfo' ->> 'hasNextPage')::boolean as order_refund_adjustments_more,
                     m.*
              from (select e.r, e.ord, e.r #- '{refundLineItems,nodes}' #- '{refundShippingLines,nodes}' #- '{orderAdjustments,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_refunds_order_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refunds as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_refunds_new as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, refund_amount = excluded.refund_amount, reason = excluded.reason, refunded_at = excluded.refunded_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('subtotalSet', jsonb_build_object('shopMoney', e.r -> 'subtotalSet' -> 'shopMoney'), 'id', e.r -> 'id', 'lineItem', jsonb_build_object('id', e.r -> 'lineItem' -> 'id'), 'quantity', e.r -> 'quantity', 'restockType', e.r -> 'restockType', 'totalTaxSet', jsonb_build_object('shopMoney', e.r -> 'totalTaxSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(coalesce(private.gid_tail(e.r ->> 'id'), f.order_refund_lines_stretch), '-') || ':' || coalesce(private.gid_tail(e.r -> 'lineItem' ->> 'id'), '-') || ':' || (row_number() over (partition by f.platform_id, coalesce(private.gid_tail(e.r ->> 'id'), f.order_refund_lines_stretch), private.gid_tail(e.r -> 'lineItem' ->> 'id') order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refunds_order_refund_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refund_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_lines_new as (
        insert into public.order_refund_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_lines_in where is_new),
    order_refund_lines_changed as (
        insert into public.order_refund_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, line_item_platform_id, quantity, restock_type, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_lines_in where differs
        on conflict (connection_id, platform_id) do update set refund_platform_id = excluded.refund_platform_id, line_item_platform_id = excluded.line_item_platform_id, quantity = excluded.quantity, restock_type = excluded.restock_type, subtotal_amount = excluded.subtotal_amount, tax_amount = excluded.tax_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_lines_gone as (
        update public.order_refund_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_lines as t
                where t.connection_id = job.connection_id and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_lines_at is not null and f.order_refund_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_lines_in as n))))),
    order_refund_shipping_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('subtotalAmountSet', jsonb_build_object('shopMoney', e.r -> 'subtotalAmountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'shippingLine', jsonb_build_object('id', e.r -> 'shippingLine' -> 'id'), 'taxAmountSet', jsonb_build_object('shopMoney', e.r -> 'taxAmountSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_shipping_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refunds_order_refund_shipping_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refund_shipping_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_shipping_lines_new as (
        insert into public.order_refund_shipping_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, shipping_line_platform_id, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, shipping_line_platform_id, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_shipping_lines_in where is_new),
    order_refund_shipping_lines_changed as (
        insert into public.order_refund_shipping_lines as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, shipping_line_platform_id, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, shipping_line_platform_id, subtotal_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_shipping_lines_in where differs
        on conflict (connection_id, platform_id) do update set refund_platform_id = excluded.refund_platform_id, shipping_line_platform_id = excluded.shipping_line_platform_id, subtotal_amount = excluded.subtotal_amount, tax_amount = excluded.tax_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_shipping_lines_gone as (
        update public.order_refund_shipping_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_shipping_lines as t
                where t.connection_id = job.connection_id and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_shipping_lines_at is not null and f.order_refund_shipping_lines_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_shipping_lines_in as n))))),
    order_refund_adjustments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.refund_platform_id <> n.refund_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as refund_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amountSet', jsonb_build_object('shopMoney', e.r -> 'amountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'reason', e.r -> 'reason', 'taxAmountSet', jsonb_build_object('shopMoney', e.r -> 'taxAmountSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refund_adjustments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_refunds_order_refund_adjustments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.refund_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refund_adjustments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refund_adjustments_new as (
        insert into public.order_refund_adjustments as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, reason, adjustment_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, reason, adjustment_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_adjustments_in where is_new),
    order_refund_adjustments_changed as (
        insert into public.order_refund_adjustments as t (
            connection_id, user_id, platform, platform_id, refund_platform_id, reason, adjustment_amount, tax_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, refund_platform_id, reason, adjustment_amount, tax_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refund_adjustments_in where differs
        on conflict (connection_id, platform_id) do update set refund_platform_id = excluded.refund_platform_id, reason = excluded.reason, adjustment_amount = excluded.adjustment_amount, tax_amount = excluded.tax_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refund_adjustments_gone as (
        update public.order_refund_adjustments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refund_adjustments as t
                where t.connection_id = job.connection_id and t.refund_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refund_adjustments_at is not null and f.order_refund_adjustments_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_refund_adjustments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_refunds_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_refunds() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_refunds_order_refunds", "table": "order_refunds", "columns": {"order_platform_id": ["order.id"], "refund_amount": ["totalRefundedSet.shopMoney"], "reason": ["note"], "refunded_at": ["processedAt"], "currency": ["totalRefundedSet.shopMoney.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_refunds_order_refund_lines", "table": "order_refund_lines", "columns": {"line_item_platform_id": ["lineItem.id"], "quantity": ["quantity"], "restock_type": ["restockType"], "subtotal_amount": ["subtotalSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "currency": ["subtotalSet.shopMoney.currencyCode"]}, "at": "refundLineItems.nodes", "key": ["id", "lineItem.id"], "unique": false},
      {"map": "map_shopify_refunds_order_refund_shipping_lines", "table": "order_refund_shipping_lines", "columns": {"shipping_line_platform_id": ["shippingLine.id"], "subtotal_amount": ["subtotalAmountSet.shopMoney"], "tax_amount": ["taxAmountSet.shopMoney"], "currency": ["subtotalAmountSet.shopMoney.currencyCode"]}, "at": "refundShippingLines.nodes", "key": ["id"], "unique": true},
      {"map": "map_shopify_refunds_order_refund_adjustments", "table": "order_refund_adjustments", "columns": {"reason": ["reason"], "adjustment_amount": ["amountSet.shopMoney"], "tax_amount": ["taxAmountSet.shopMoney"], "currency": ["amountSet.shopMoney.currencyCode"]}, "at": "orderAdjustments.nodes", "key": ["id"], "unique": true}]'::jsonb
$$;

create or replace function private.map_shopify_journals_order_journals(r jsonb) returns table (
        is_test boolean, current_total_amount bigint, currency text)
language sql stable as $$
    select v.is_test, private.decimal_money(v.current_total_amount, c, v.currency, 'currentTotalPriceSet.shopMoney'),
        v.currency
    from (select
        (r ->> 'test')::boolean as is_test,
        r -> 'currentTotalPriceSet' -> 'shopMoney' as current_total_amount,
        private.text_in(r, 'currencyCode', 'currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_journals_order_sales(r jsonb) returns table (
        agreement_platform_id text, happened_at timestamptz, reason text, action_type text, line_type text,
        line_platform_id text, quantity bigint, total_amount bigint, tax_amount bigint, channel_tax_amount bigint,
        seller_tax_amount bigint, discount_amount bigint, currency text)
language sql stable as $$
    select private.gid(v.agreement_platform_id, 'of.id'), private.moment(v.happened_at, 'of.happenedAt'), lower(v.reason),
        lower(v.action_type), lower(v.line_type), private.gid(v.line_platform_id, 'lineItem.id'), v.quantity,
        private.decimal_money(v.total_amount, c, v.currency, 'totalAmount.shopMoney'),
        private.decimal_money(v.tax_amount, c, v.currency, 'totalTaxAmount.shopMoney'),
        private.sum_of(v.channel_tax_amount, '{amount,shopMoney}', c, v.currency, 'taxes'),
        private.sum_of(v.seller_tax_amount, '{amount,shopMoney}', c, v.currency, 'taxes'),
        private.decimal_money(v.discount_amount, c, v.currency, 'totalDiscountAmountBeforeTaxes.shopMoney'), v.currency
    from (select
        private.string_in(r -> 'of', 'id', 'of.id', 'gid') as agreement_platform_id,
        private.string_in(r -> 'of', 'happenedAt', 'of.happenedAt', 'iso_time') as happened_at,
        private.string_in(r -> 'of', 'reason', 'of.reason', 'lower') as reason,
        private.string_in(r, 'actionType', 'actionType', 'lower') as action_type,
        private.string_in(r, 'lineType', 'lineType', 'lower') as line_type,
        coalesce(private.string_in(r -> 'lineItem', 'id', 'lineItem.id', 'gid'), r #>> '{shippingLine,id}') as line_platform_id,
        (r ->> 'quantity')::bigint as quantity,
        r -> 'totalAmount' -> 'shopMoney' as total_amount,
        r -> 'totalTaxAmount' -> 'shopMoney' as tax_amount,
        case when jsonb_typeof(r -> 'taxes') = 'array' then jsonb_path_query_array(r -> 'taxes', '$[*] ? (@.taxLine.channelLiable == true)') else r -> 'taxes' end as channel_tax_amount,
        case when jsonb_typeof(r -> 'taxes') = 'array' then jsonb_path_query_array(r -> 'taxes', '$[*] ? (@.taxLine.channelLiable == false)') else r -> 'taxes' end as seller_tax_amount,
        r -> 'totalDiscountAmountBeforeTaxes' -> 'shopMoney' as discount_amount,
        private.text_in(r -> 'totalAmount' -> 'shopMoney', 'currencyCode', 'totalAmount.shopMoney.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_journals_order_disputes(r jsonb) returns table (
        initiated_as text, status text)
language sql stable as $$
    select lower(v.initiated_as), lower(v.status)
    from (select
        private.string_in(r, 'initiatedAs', 'initiatedAs', 'lower') as initiated_as,
        private.string_in(r, 'status', 'status', 'lower') as status
        offset 0) as v;
$$;

create or replace function private.land_shopify_journals(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'agreements' -> 'nodes', 'null') as order_sales_at,
                     (e.r -> 'agreements' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'agreements' -> 'pageInfo' ->> 'hasPreviousPage')::boolean or jsonb_path_exists(e.r, '$.agreements.nodes[*].sales.pageInfo.hasNextPage ? (@ == true)') or jsonb_path_exists(e.r, '$.agreements.nodes[*].sales.pageInfo.hasPreviousPage ? (@ == true)') as order_sales_more,
                     nullif(e.r -> 'disputes', 'null') as order_disputes_at,
                     m.*
              from (select e.r, e.ord, private.less_inner(e.r - array['disputes']::text[], '{agreements,nodes}', '{sales,nodes}') as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_journals_order_journals(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_journals as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    order_journals_new as (
        insert into public.order_journals as t (
            connection_id, user_id, platform, platform_id, is_test, current_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, is_test, current_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    order_journals_changed as (
        insert into public.order_journals as t (
            connection_id, user_id, platform, platform_id, is_test, current_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, is_test, current_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set is_test = excluded.is_test, current_total_amount = excluded.current_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_sales_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('totalAmount', jsonb_build_object('shopMoney', e.r -> 'totalAmount' -> 'shopMoney'), 'id', e.r -> 'id', 'of', jsonb_build_object('id', e.r -> 'of' -> 'id', 'happenedAt', e.r -> 'of' -> 'happenedAt', 'reason', e.r -> 'of' -> 'reason'), 'actionType', e.r -> 'actionType', 'lineType', e.r -> 'lineType', 'lineItem', jsonb_build_object('id', e.r -> 'lineItem' -> 'id'), 'shippingLine', jsonb_build_object('id', e.r -> 'shippingLine' -> 'id'), 'quantity', e.r -> 'quantity', 'totalTaxAmount', jsonb_build_object('shopMoney', e.r -> 'totalTaxAmount' -> 'shopMoney'), 'taxes', e.r -> 'taxes', 'totalDiscountAmountBeforeTaxes', jsonb_build_object('shopMoney', e.r -> 'totalDiscountAmountBeforeTaxes' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- '{sales,nodes}' as r, nullif(p.r #> '{sales,nodes}', 'null') as parts, p.ord
                            from jsonb_array_elements(f.order_sales_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e offset 0) as e,
                 lateral private.map_shopify_journals_order_sales(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_sales as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_sales_new as (
        insert into public.order_sales as t (
            connection_id, user_id, platform, platform_id, order_platform_id, agreement_platform_id, happened_at, reason, action_type, line_type, line_platform_id, quantity, total_amount, tax_amount, channel_tax_amount, seller_tax_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, agreement_platform_id, happened_at, reason, action_type, line_type, line_platform_id, quantity, total_amount, tax_amount, channel_tax_amount, seller_tax_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_sales_in where is_new),
    order_sales_changed as (
        insert into public.order_sales as t (
            connection_id, user_id, platform, platform_id, order_platform_id, agreement_platform_id, happened_at, reason, action_type, line_type, line_platform_id, quantity, total_amount, tax_amount, channel_tax_amount, seller_tax_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, agreement_platform_id, happened_at, reason, action_type, line_type, line_platform_id, quantity, total_amount, tax_amount, channel_tax_amount, seller_tax_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_sales_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, agreement_platform_id = excluded.agreement_platform_id, happened_at = excluded.happened_at, reason = excluded.reason, action_type = excluded.action_type, line_type = excluded.line_type, line_platform_id = excluded.line_platform_id, quantity = excluded.quantity, total_amount = excluded.total_amount, tax_amount = excluded.tax_amount, channel_tax_amount = excluded.channel_tax_amount, seller_tax_amount = excluded.seller_tax_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_sales_gone as (
        update public.order_sales as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_sales as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_sales_at is not null and f.order_sales_more is not true
              and g.platform_id <> all (array(select n.platform_id from order_sales_in as n))))),
    order_disputes_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'initiatedAs', e.r -> 'initiatedAs', 'status', e.r -> 'status') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_disputes_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_journals_order_disputes(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_disputes as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_disputes_new as (
        insert into public.order_disputes as t (
            connection_id, user_id, platform, platform_id, order_platform_id, initiated_as, status, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, initiated_as, status, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_disputes_in where is_new),
    order_disputes_changed as (
        insert into public.order_disputes as t (
            connection_id, user_id, platform, platform_id, order_platform_id, initiated_as, status, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, initiated_as, status, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_disputes_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, initiated_as = excluded.initiated_as, status = excluded.status, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_disputes_gone as (
        update public.order_disputes as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_disputes as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_disputes_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_disputes_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from order_journals_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_journals() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_journals_order_journals", "table": "order_journals", "columns": {"is_test": ["test"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_journals_order_sales", "table": "order_sales", "columns": {"agreement_platform_id": ["of.id"], "happened_at": ["of.happenedAt"], "reason": ["of.reason"], "action_type": ["actionType"], "line_type": ["lineType"], "line_platform_id": ["lineItem.id", "shippingLine.id"], "quantity": ["quantity"], "total_amount": ["totalAmount.shopMoney"], "tax_amount": ["totalTaxAmount.shopMoney"], "channel_tax_amount": ["taxes"], "seller_tax_amount": ["taxes"], "discount_amount": ["totalDiscountAmountBeforeTaxes.shopMoney"], "currency": ["totalAmount.shopMoney.currencyCode"]}, "at": "agreements.nodes", "key": ["id"], "unique": true, "inside": "sales.nodes"},
      {"map": "map_shopify_journals_order_disputes", "table": "order_disputes", "columns": {"initiated_as": ["initiatedAs"], "status": ["status"]}, "at": "disputes", "key": ["id"], "unique": true}]'::jsonb
$$;

drop function private.map_shopify_variants_listing_variants(jsonb);

create or replace function private.map_shopify_variants_listing_variants(r jsonb) returns table (
        listing_platform_id text, title text, sku text, barcode text, sort_order bigint, quantity bigint,
        price_amount bigint, compare_at_amount bigint, unit_cost_amount bigint, unit_cost_currency text,
        listed_at timestamptz, currency text)
language sql stable as $$
    select private.gid(v.listing_platform_id, 'product.id'), v.title, v.sku, v.barcode, v.sort_order, v.quantity,
        private.major(v.price_amount, c, v.currency, 'price'),
        private.major(v.compare_at_amount, c, v.currency, 'compareAtPrice'),
        private.own_money(v.unit_cost_amount, 'inventoryItem.unitCost'), v.unit_cost_currency,
        private.moment(v.listed_at, 'createdAt'), v.currency
    from (select
        private.string_in(r -> 'product', 'id', 'product.id', 'gid') as listing_platform_id,
        private.text_in(r, 'title', 'title') as title,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'barcode', 'barcode') as barcode,
        (r ->> 'position')::bigint as sort_order,
        (r ->> 'inventoryQuantity')::bigint as quantity,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'compareAtPrice')::numeric as compare_at_amount,
        r -> 'inventoryItem' -> 'unitCost' as unit_cost_amount,
        private.text_in(r -> 'inventoryItem' -> 'unitCost', 'currencyCode', 'inventoryItem.unitCost.currencyCode') as unit_cost_currency,
        private.string_in(r, 'createdAt', 'createdAt', 'iso_time') as listed_at,
        private.text_in(r -> 'product' -> 'priceRangeV2' -> 'minVariantPrice', 'currencyCode', 'product.priceRangeV2.minVariantPrice.currencyCode') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_variants(
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
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, e.r as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_variants_listing_variants(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.listing_variants as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    listing_variants_new as (
        insert into public.listing_variants as t (
            connection_id, user_id, platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, unit_cost_amount, unit_cost_currency, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, unit_cost_amount, unit_cost_currency, listed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    listing_variants_changed as (
        insert into public.listing_variants as t (
            connection_id, user_id, platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, unit_cost_amount, unit_cost_currency, listed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, listing_platform_id, title, sku, barcode, sort_order, quantity, price_amount, compare_at_amount, unit_cost_amount, unit_cost_currency, listed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set listing_platform_id = excluded.listing_platform_id, title = excluded.title, sku = excluded.sku, barcode = excluded.barcode, sort_order = excluded.sort_order, quantity = excluded.quantity, price_amount = excluded.price_amount, compare_at_amount = excluded.compare_at_amount, unit_cost_amount = case when num_nonnulls(excluded.raw #>> '{inventoryItem,unitCost}') = 0 then coalesce(t.unit_cost_amount, excluded.unit_cost_amount) else excluded.unit_cost_amount end, unit_cost_currency = case when num_nonnulls(excluded.raw #>> '{inventoryItem,unitCost,currencyCode}') = 0 then coalesce(t.unit_cost_currency, excluded.unit_cost_currency) else excluded.unit_cost_currency end, listed_at = excluded.listed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from listing_variants_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_variants() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_variants_listing_variants", "table": "listing_variants", "columns": {"listing_platform_id": ["product.id"], "title": ["title"], "sku": ["sku"], "barcode": ["barcode"], "sort_order": ["position"], "quantity": ["inventoryQuantity"], "price_amount": ["price"], "compare_at_amount": ["compareAtPrice"], "unit_cost_amount": ["inventoryItem.unitCost"], "unit_cost_currency": ["inventoryItem.unitCost.currencyCode"], "listed_at": ["createdAt"], "currency": ["product.priceRangeV2.minVariantPrice.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.map_shopify_rest_orders_line_items(r jsonb) returns table (
        listing_platform_id text, product_platform_id text, sku text, title text, quantity bigint,
        current_quantity bigint, price_amount bigint, discount_amount bigint, currency text)
language sql stable as $$
    select v.listing_platform_id, v.product_platform_id, v.sku, v.title, v.quantity, v.current_quantity,
        private.major(v.price_amount, c, v.currency, 'price'),
        private.sum_of(v.discount_amount, '{amount_set,shop_money}', c, v.currency, 'discount_allocations'), v.currency
    from (select
        private.text_in(r, 'product_id', 'product_id') as listing_platform_id,
        private.text_in(r, 'variant_id', 'variant_id') as product_platform_id,
        private.text_in(r, 'sku', 'sku') as sku,
        private.text_in(r, 'name', 'name') as title,
        (r ->> 'quantity')::bigint as quantity,
        (r ->> 'current_quantity')::bigint as current_quantity,
        (r ->> 'price')::numeric as price_amount,
        r -> 'discount_allocations' as discount_amount,
        private.text_in(r -> 'price_set' -> 'shop_money', 'currency_code', 'price_set.shop_money.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_rest_orders_order_shipping_lines(r jsonb) returns table (
        title text, price_amount bigint, discounted_amount bigint, tax_amount bigint, is_removed boolean, currency text)
language sql stable as $$
    select v.title, private.major(v.price_amount, c, v.currency, 'price'),
        private.major(v.discounted_amount, c, v.currency, 'discounted_price'),
        private.sum_of(v.tax_amount, '{price_set,shop_money}', c, v.currency, 'tax_lines'), v.is_removed, v.currency
    from (select
        private.text_in(r, 'title', 'title') as title,
        (r ->> 'price')::numeric as price_amount,
        (r ->> 'discounted_price')::numeric as discounted_amount,
        r -> 'tax_lines' as tax_amount,
        (r ->> 'is_removed')::boolean as is_removed,
        private.text_in(r -> 'price_set' -> 'shop_money', 'currency_code', 'price_set.shop_money.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.map_shopify_rest_orders_order_tax_lines(r jsonb) returns table (
        line_item_platform_id text, shipping_line_platform_id text, title text, rate text, tax_amount bigint,
        channel_liable boolean, currency text)
language sql stable as $$
    select case when r -> 'of' ->> 'quantity' is not null then v.line_item_platform_id end,
        case when r -> 'of' ->> 'discounted_price' is not null then v.shipping_line_platform_id end, v.title, v.rate,
        private.major(v.tax_amount, c, v.currency, 'price'), v.channel_liable, v.currency
    from (select
        private.text_in(r -> 'of', 'id', 'of.id') as line_item_platform_id,
        private.text_in(r -> 'of', 'id', 'of.id') as shipping_line_platform_id,
        private.text_in(r, 'title', 'title') as title,
        private.text_in(r, 'rate', 'rate') as rate,
        (r ->> 'price')::numeric as tax_amount,
        (r ->> 'channel_liable')::boolean as channel_liable,
        private.text_in(r -> 'price_set' -> 'shop_money', 'currency_code', 'price_set.shop_money.currency_code') as currency
        offset 0) as v left join private.currencies as c on c.code = v.currency;
$$;

create or replace function private.land_shopify_rest_orders(
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
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'line_items', 'null') as line_items_at,
                     nullif(e.r -> 'shipping_lines', 'null') as order_shipping_lines_at,
                     nullif(e.r -> 'line_items', 'null') || coalesce(nullif(e.r -> 'shipping_lines', 'null'), '[]') as order_tax_lines_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(jsonb_set(e.r - array['line_items', 'shipping_lines', 'fulfillments']::text[], '{customer}', private.members_of(e.r -> 'customer', array['id']), false), '{refunds}', private.members_of(e.r -> 'refunds', array['id']), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_rest_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_test = excluded.is_test, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer,id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'id', e.r -> 'id', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'current_quantity', e.r -> 'current_quantity', 'price', e.r -> 'price', 'discount_allocations', e.r -> 'discount_allocations') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{product_id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{variant_id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_shipping_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'id', e.r -> 'id', 'title', e.r -> 'title', 'price', e.r -> 'price', 'discounted_price', e.r -> 'discounted_price', 'tax_lines', e.r -> 'tax_lines', 'is_removed', e.r -> 'is_removed') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         coalesce(e.r ->> 'id', f.platform_id || ':' || e.ord) as platform_id
                  from fresh as f, jsonb_array_elements(f.order_shipping_lines_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_shipping_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_shipping_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_shipping_lines_new as (
        insert into public.order_shipping_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_shipping_lines_in where is_new),
    order_shipping_lines_changed as (
        insert into public.order_shipping_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, title, price_amount, discounted_amount, tax_amount, is_removed, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_shipping_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, title = excluded.title, price_amount = excluded.price_amount, discounted_amount = excluded.discounted_amount, tax_amount = excluded.tax_amount, is_removed = excluded.is_removed, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_shipping_lines_gone as (
        update public.order_shipping_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_shipping_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_shipping_lines_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_shipping_lines_in as n))))),
    order_tax_lines_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'of', jsonb_build_object('id', e.r -> 'of' -> 'id', 'quantity', e.r -> 'of' -> 'quantity', 'discounted_price', e.r -> 'of' -> 'discounted_price'), 'title', e.r -> 'title', 'rate', e.r -> 'rate', 'price', e.r -> 'price', 'channel_liable', e.r -> 'channel_liable') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r -> 'of' ->> 'id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r -> 'of' ->> 'id' order by e.ord))::text as platform_id
                  from fresh as f, lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- '{tax_lines}' as r, nullif(p.r #> '{tax_lines}', 'null') as parts, p.ord
                            from jsonb_array_elements(f.order_tax_lines_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_tax_lines(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_tax_lines as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_tax_lines_new as (
        insert into public.order_tax_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_tax_lines_in where is_new),
    order_tax_lines_changed as (
        insert into public.order_tax_lines as t (
            connection_id, user_id, platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, line_item_platform_id, shipping_line_platform_id, title, rate, tax_amount, channel_liable, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_tax_lines_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, line_item_platform_id = excluded.line_item_platform_id, shipping_line_platform_id = excluded.shipping_line_platform_id, title = excluded.title, rate = excluded.rate, tax_amount = excluded.tax_amount, channel_liable = excluded.channel_liable, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_tax_lines_gone as (
        update public.order_tax_lines as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_tax_lines as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_tax_lines_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_tax_lines_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'tracking_company', e.r -> 'tracking_company', 'tracking_number', e.r -> 'tracking_number', 'created_at', e.r -> 'created_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.parts_shopify_rest_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_rest_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["financial_status"], "fulfillment_status": ["fulfillment_status"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["payment_gateway_names"], "ordered_at": ["processed_at"], "cancelled_at": ["cancelled_at"], "discount_amount": ["total_discounts"], "subtotal_amount": ["subtotal_price"], "shipping_amount": ["total_shipping_price_set.shop_money"], "tax_amount": ["total_tax"], "tip_amount": ["total_tip_received"], "total_amount": ["total_price"], "current_total_amount": ["current_total_price"], "presentment_currency": ["presentment_currency"], "presentment_total_amount": ["total_price_set.presentment_money"], "currency": ["currency"]}, "updated": ["updated_at"], "updated_as": "iso_time"},
      {"map": "map_shopify_rest_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product_id"], "product_platform_id": ["variant_id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["current_quantity"], "price_amount": ["price"], "discount_amount": ["discount_allocations"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["id"], "unique": true},
      {"map": "map_shopify_rest_orders_order_shipping_lines", "table": "order_shipping_lines", "columns": {"title": ["title"], "price_amount": ["price"], "discounted_amount": ["discounted_price"], "tax_amount": ["tax_lines"], "is_removed": ["is_removed"], "currency": ["price_set.shop_money.currency_code"]}, "at": "shipping_lines", "key": ["id"], "unique": false},
      {"map": "map_shopify_rest_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["price"], "channel_liable": ["channel_liable"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["of.id"], "unique": false, "inside": "tax_lines"},
      {"map": "map_shopify_rest_orders_order_tax_lines", "table": "order_tax_lines", "columns": {"line_item_platform_id": ["of.id"], "shipping_line_platform_id": ["of.id"], "title": ["title"], "rate": ["rate"], "tax_amount": ["price"], "channel_liable": ["channel_liable"], "currency": ["price_set.shop_money.currency_code"]}, "at": "shipping_lines", "key": ["of.id"], "unique": false, "inside": "tax_lines"},
      {"map": "map_shopify_rest_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["tracking_company"], "tracking_code": ["tracking_number"], "shipped_at": ["created_at"]}, "at": "fulfillments", "key": ["id"], "unique": true}]'::jsonb
$$;
