-- What Printify holds about a seller. Its orders are orders to a printer, not sales: a sale stands in `orders`, and
-- only the cost of goods is taken from here. Amounts are cents as they came (`cost_amount` of one piece or of the whole
-- line: nobody says; see the cost rules), in a currency that no answer names.

-- What `line_items[].cost` covers is not confirmed (platform sheet, section 7).
insert into private.cost_rules values ('printify', 'piece');

create table public.printify_orders (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    app_order_id text,
    status text,
    -- 'external': from a sales channel, whose order `shop_order_id` and `shop_order_label` name; 'manual', 'sample', 'api'.
    order_type text,
    shop_order_id text,
    shop_order_label text,
    is_reprint boolean,
    reprinted_order_ids text,
    shipping_method int,
    is_express boolean,
    country text,
    region text,
    currency text not null default 'USD',
    currency_assumed boolean not null default true,
    -- What the buyer pays, not what the seller does.
    retail_amount bigint,
    shipping_amount bigint,
    tax_amount bigint,
    ordered_at timestamptz not null,
    sent_to_production_at timestamptz,
    fulfilled_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_orders_by_time on public.printify_orders (connection_id, ordered_at) where not is_deleted and ordered_at is not null;
select private.synced_table('printify_orders');

create table public.printify_line_items (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    -- A line that another printer took over stands here too, as 'canceled', and may still carry its cost.
    status text,
    product_platform_id text,
    variant_id text,
    print_provider_id text,
    sku text,
    title text,
    variant_title text,
    quantity int,
    currency text not null default 'USD',
    currency_assumed boolean not null default true,
    cost_amount bigint,
    shipping_cost_amount bigint,
    retail_amount bigint,
    sent_to_production_at timestamptz,
    fulfilled_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_line_items_of_order on public.printify_line_items (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
select private.synced_table('printify_line_items');

create table public.printify_shipments (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    order_platform_id text not null,
    carrier text,
    tracking_code text,
    delivered_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_shipments_of_order on public.printify_shipments (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
select private.synced_table('printify_shipments');

create table public.printify_products (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    title text,
    tags text,
    blueprint_id text,
    print_provider_id text,
    is_visible boolean,
    is_locked boolean,
    -- The product in the sales channel: a listing of Etsy, a product of Shopify.
    channel_product_id text,
    channel_url text,
    made_at timestamptz,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_products_of_channel on public.printify_products (connection_id, channel_product_id)
    where not is_deleted and channel_product_id is not null;
select private.synced_table('printify_products');
select private.closed_by_events('printify_products', 'printify');

-- Costs are today's: what an old order cost stands on its lines.
create table public.printify_variants (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    platform_id text not null,
    product_platform_id text not null,
    variant_id text not null,
    sku text,
    title text,
    currency text not null default 'USD',
    currency_assumed boolean not null default true,
    cost_amount bigint,
    price_amount bigint,
    weight_grams bigint,
    is_enabled boolean,
    is_default boolean,
    is_available boolean,
    raw jsonb not null,
    source_updated_at timestamptz not null,
    fetched_at timestamptz not null,
    content_hash bigint not null,
    sync_run_id uuid not null,
    is_deleted boolean not null default false,
    primary key (connection_id, platform_id)
);
create index printify_variants_of_product on public.printify_variants (connection_id, product_platform_id)
    where not is_deleted and product_platform_id is not null;
create index printify_variants_by_sku on public.printify_variants (connection_id, sku)
    where not is_deleted and sku is not null;
select private.synced_table('printify_variants');
select private.closed_by_events('printify_variants', 'printify', 'printify_products', 'product_platform_id');

-- fill_printify_currency: a row is in the account's currency. That is known to its owner alone: `stated_currency` is
-- what the owner said; without it `currency` is what the product was set to assume (PRINTIFY_CURRENCY), and every row
-- says that it is assumed.
create or replace function private.fill_printify_currency() returns trigger
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts;
begin
    select * into connection from public.connected_accounts as a where a.id = new.connection_id;
    if not found then
        -- It lands in a shadow.
        select * into connection from public.connected_accounts as a where a.id = private.owner_of(new.connection_id);
    end if;
    new.currency := coalesce(connection.stated_currency, connection.currency, 'USD');
    new.currency_assumed := connection.stated_currency is null;
    return new;
end $$;

-- state_currency: the owner says in which currency the shop counts; rows that are there already take it too, in steps
-- (work.sql). Answers how much of such work is left.
create or replace function public.state_currency(p_user_id uuid, p_connection_id uuid, p_currency text) returns int
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts;
begin
    if not exists (select 1 from private.currencies as c where c.code = p_currency) then
        raise exception using errcode = 'PT422', message = 'unknown_currency', detail = p_currency;
    end if;
    -- What comes are hundredths. What those would be of a currency that has none, or whose smallest unit is another, nobody says.
    if private.digits_of(p_currency) <> 2 then
        raise exception using errcode = 'PT422', message = 'currency_without_hundredths', detail = p_currency;
    end if;
    connection := private.connection_of(p_user_id, p_connection_id);
    update public.connected_accounts set stated_currency = p_currency where id = connection.id;
    perform private.go_on(connection.id, 'restate', 500);
    return (select count(*) from private.unfinished_work where connection_id = connection.id and name = 'restate');
end $$;
revoke all on function public.state_currency(uuid, uuid, text) from public, anon, authenticated;
grant execute on function public.state_currency(uuid, uuid, text) to service_role;

-- restate: a batch of rows takes the currency of its account, stated or assumed, by table and key. Answers {rows, after}. The
-- orders come last: with them their costs are counted.
create or replace function private.restate(connection public.connected_accounts, p_after text, p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare tables text[] := array['printify_variants', 'printify_line_items', 'printify_orders'];
        place int := coalesce(nullif(split_part(p_after, ' ', 1), '')::int, 1);
        after text := substr(p_after, strpos(p_after, ' ') + 1); keys text[]; rows_ int := 0;
        code text := coalesce(connection.stated_currency, connection.currency, 'USD');
        assumed boolean := connection.stated_currency is null;
begin
    loop
        execute format('select array(select platform_id from public.%I where connection_id = $1 and platform_id > $2 '
                       'order by platform_id limit $3)', tables[place])
           into keys using connection.id, after, p_limit - rows_;
        execute format('update public.%I set currency = $2, currency_assumed = $3 where connection_id = $1 '
                       'and platform_id = any ($4) and (currency <> $2 or currency_assumed <> $3)', tables[place])
          using connection.id, code, assumed, keys;
        rows_ := rows_ + cardinality(keys);
        exit when rows_ = p_limit or place = cardinality(tables);
        place := place + 1;
        after := '';
    end loop;
    return jsonb_build_object('rows', rows_, 'after', place || ' ' || coalesce(keys[cardinality(keys)], after));
end $$;

-- restate_rows: an account counts in another currency from now on, or that one is stated which was assumed: what is here takes
-- it too, by and by. Two currencies in one account would be a guess at which rows are which.
create or replace function private.restate_rows() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.begin_work(new.id, 'restate');
    return null;
end $$;
create trigger restate_rows after update of currency, stated_currency on public.connected_accounts
    for each row when (new.platform = 'printify'
                       and (coalesce(new.stated_currency, new.currency, 'USD'), new.stated_currency is null)
                           is distinct from (coalesce(old.stated_currency, old.currency, 'USD'), old.stated_currency is null))
    execute function private.restate_rows();

-- prove_printify_lines: what the costs rest on: lines, those of them that say no cost, orders without any. For
-- information: a manual order may have no line, and a line that was just ordered no cost yet.
create or replace function private.prove_printify_lines(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('printify_orders', job.connection_id, p_from, p_rows) as bound),
    lines as materialized (
        select l.order_platform_id, l.cost_amount from public.printify_line_items as l cross join piece
        where l.connection_id = job.connection_id and not l.is_deleted
          and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound))
    select jsonb_build_object('ok', true, 'next', bound, 'counts', jsonb_build_object(
        'line_items', (select count(*) from lines),
        'without_cost', (select count(*) from lines where cost_amount is null),
        'orders_without_lines', (
            select count(*) from (
                select o.platform_id from public.printify_orders as o
                where o.connection_id = job.connection_id and not o.is_deleted
                  and o.platform_id >= p_from and (bound is null or o.platform_id < bound)
                except
                select l.order_platform_id from lines as l) as bare)))
    from piece;
$$;

insert into private.round_rules (platform, entity, position, seldom, whole, table_name, timed_by, sampled_from) values
    ('printify', 'orders', 0, '0', '1 day', 'printify_orders', 'ordered_at', '60 days'),
    ('printify', 'products', 1, '1 day', null, null, null, '1 day');

-- pending_printify_open_orders: orders that may still change and whose time to be asked for has come since the bound of
-- the round before: at ages of ten minutes, fifteen, 22, each half as old again as the one before, up to sixty days.
create or replace function private.pending_printify_open_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select o.platform_id from private.last_bound(job) as l (bound), public.printify_orders as o
    where o.connection_id = job.connection_id and o.platform_id > p_after and not o.is_deleted
      and o.ordered_at > job.window_end - interval '60 days'
      and coalesce(o.status, '') not in ('fulfilled', 'canceled')
      and private.age_step(job.window_end - o.ordered_at) > private.age_step(l.bound - o.ordered_at)
    order by o.platform_id limit p_limit;
$$;

-- pending_printify_changed_orders: orders that a webhook named.
create or replace function private.pending_printify_changed_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'orders', p_after, p_limit) $$;

-- pending_printify_changed_products: products that a webhook named.
create or replace function private.pending_printify_changed_products(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'products', p_after, p_limit) $$;

-- cost_facts_printify: what Printify's records say of these orders. Costs are those of the lines that are not canceled, by the
-- classes of their statuses (a line of an unknown one is counted, and unclassified), and the tax that Printify charges on them;
-- total_price and the lines' metadata.price are retail and never read (platform sheet, section 8).
create or replace function private.cost_facts_printify(p_connection_id uuid, p_ids text[]) returns table (
        source_id text, order_type text, reference text, label text, reprint_of text, is_reprint boolean,
        ordered_at timestamptz, currency text, production_amount bigint, shipping_amount bigint, is_known boolean,
        tax_amount bigint, is_classified boolean)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    select o.platform_id, o.order_type, nullif(btrim(o.shop_order_id), ''),
           nullif(ltrim(btrim(o.shop_order_label), '#'), ''), o.raw #>> '{metadata,reprinted_order_ids,0}',
           coalesce(o.is_reprint, false),
           o.ordered_at, o.currency, coalesce(l.production, 0)::bigint, coalesce(l.shipping, 0)::bigint,
           o.status is distinct from 'cost-calculation' and coalesce(l.all_known, true)
               and (l.live = 0 or l.production > 0 or coalesce(o.is_reprint, false)),
           case when l.live = 0 then 0 else o.tax_amount end, coalesce(l.classified, true)
    from public.printify_orders as o
    cross join private.cost_rules as r
    cross join lateral (
        select count(*) as live, bool_and(i.cost_amount is not null) as all_known,
               sum(i.cost_amount::numeric * case r.cost_covers when 'piece' then coalesce(i.quantity, 1) else 1 end) as production,
               sum(i.shipping_cost_amount) as shipping,
               bool_and(k.class is not null or i.status is null or coalesce(i.cost_amount, 0) + coalesce(i.shipping_cost_amount, 0) = 0) as classified
        from public.printify_line_items as i
        left join private.money_kinds as k on k.platform = 'printify' and k.source = 'line_status' and k.kind = i.status
        where i.connection_id = o.connection_id and i.order_platform_id = o.platform_id
          and not i.is_deleted and k.class is distinct from 'none' offset 0) as l
    where o.connection_id = p_connection_id and o.platform_id = any (p_ids) and not o.is_deleted
      and r.source = 'printify';
$$;

-- cost_keys_printify: the orders that have a cost, or had one, in the order of their keys.
create or replace function private.cost_keys_printify(p_connection_id uuid, p_after text, p_limit int) returns setof text
language sql stable set search_path = '' as $$
    select o.platform_id from public.printify_orders as o
    where o.connection_id = p_connection_id and o.platform_id > p_after and not o.is_deleted
    union
    select c.source_id from public.order_costs as c where c.connection_id = p_connection_id and c.source_id > p_after
    order by 1 limit p_limit;
$$;
create trigger rebuild_short after update of status on public.sync_jobs
    for each row when (new.status = 'completed' and old.status <> 'completed' and new.platform = 'printify'
                       and new.entity = 'orders' and (new.job_type = 'backfill' or new.is_whole))
    execute function private.rebuild_short();

-- bones_printify: what stays of an erased record: which order one prints again.
create or replace function private.bones_printify(p_table text, p_raw jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select case when p_table = 'printify_orders' and jsonb_typeof(p_raw #> '{metadata,reprinted_order_ids}') = 'array'
                then jsonb_build_object('metadata', jsonb_build_object('reprinted_order_ids', p_raw #> '{metadata,reprinted_order_ids}'))
                else '{}' end;
$$;

-- erase_orders_printify: what names the buyer of these orders goes.
create or replace function private.erase_orders_printify(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
    select private.owner_of(p_connection_id), 'printify_orders', o.id, clock_timestamp(), true from unnest(p_ids) as o (id) order by o.id
    on conflict (connection_id, table_name, object_id) do update set forgotten_at = excluded.forgotten_at, for_good = true
     where c.forgotten_at is null;
    perform private.empty_part(p_connection_id, 'printify_orders', 'platform_id', p_ids, '{region}');
    perform private.empty_part(p_connection_id, 'printify_line_items', 'order_platform_id', p_ids, '{}');
    -- Its number is a part of its key.
    perform private.forget_changes(p_connection_id, 'printify_shipments', 'order_platform_id', p_ids);
    delete from public.printify_shipments where connection_id = p_connection_id and order_platform_id = any (p_ids);
end $$;

-- watch_printify: the printer's side; the column that names the order comes with the trigger.
create or replace function private.watch_printify() returns trigger
language plpgsql security definer set search_path = '' as $$
declare each record; rows text;
begin
    rows := case tg_op when 'INSERT' then 'select * from came' when 'DELETE' then 'select * from went'
                       else 'select * from came union all select * from went' end;
    for each in execute format('select user_id, connection_id, array_agg(distinct %1$I) as ids, max(sync_run_id::text) as run '
                               'from (%2$s) as r group by user_id, connection_id order by connection_id', tg_argv[0], rows) loop
        -- A user who is being forgotten has no profile any more, and needs no costs.
        if exists (select from public.profiles as p where p.user_id = each.user_id) then
            perform private.lock_costs(each.user_id);
            perform set_config('keeper.run_of_costs', each.run, true);
            perform private.costs_changed(each.user_id, each.connection_id, 'printify', each.ids);
            perform set_config('keeper.run_of_costs', '', true);
        end if;
    end loop;
    return null;
end $$;

create trigger fill_printify_currency before insert on public.printify_orders
    for each row execute function private.fill_printify_currency();
create trigger fill_printify_currency before insert on public.printify_line_items
    for each row execute function private.fill_printify_currency();
create trigger fill_printify_currency before insert on public.printify_variants
    for each row execute function private.fill_printify_currency();

create trigger watch_printify_orders_come after insert on public.printify_orders referencing new table as came
    for each statement execute function private.watch_printify('platform_id');
create trigger watch_printify_orders_change after update on public.printify_orders
    referencing new table as came old table as went
    for each statement execute function private.watch_printify('platform_id');
create trigger watch_printify_orders_go after delete on public.printify_orders referencing old table as went
    for each statement execute function private.watch_printify('platform_id');

create trigger watch_printify_line_items_come after insert on public.printify_line_items referencing new table as came
    for each statement execute function private.watch_printify('order_platform_id');
create trigger watch_printify_line_items_change after update on public.printify_line_items
    referencing new table as came old table as went
    for each statement execute function private.watch_printify('order_platform_id');
create trigger watch_printify_line_items_go after delete on public.printify_line_items referencing old table as went
    for each statement execute function private.watch_printify('order_platform_id');

insert into private.money_streams values ('printify', 'orders');
insert into private.money_kinds (platform, source, kind, class) values
    ('printify', 'line_status', 'pending', 'cost'), ('printify', 'line_status', 'on-hold', 'cost'), ('printify', 'line_status', 'sending-to-production', 'cost'), ('printify', 'line_status', 'in-production', 'cost'), ('printify', 'line_status', 'fulfilled', 'cost'), ('printify', 'line_status', 'partially-fulfilled', 'cost'), ('printify', 'line_status', 'payment-not-received', 'cost'), ('printify', 'line_status', 'has-issues', 'cost'), ('printify', 'line_status', 'cost-calculation', 'cost'), ('printify', 'line_status', 'unfulfillable', 'cost'), ('printify', 'line_status', 'sending_to_production_delegate', 'cost'), ('printify', 'line_status', 'sending_to_production_delegate_sync', 'cost'), ('printify', 'line_status', 'source-check-failed', 'cost'), ('printify', 'line_status', 'shipped', 'cost'), ('printify', 'line_status', 'delivered', 'cost'),
    ('printify', 'line_status', 'canceled', 'none');

-- money_events_printify: what printing cost that belongs to no order of a channel; the rest stands with its sale.
create or replace function private.money_events_printify(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language sql stable set search_path = '' as $$
    select * from private.unsold_cost_events(p_connection_id, p_from, p_to);
$$;

-- mark_kinds_printify: costs are counted anew, and mark what changes.
create or replace function private.mark_kinds_printify(p_kinds text[]) returns void
language sql set search_path = '' as $$
    select private.begin_work(a.id, 'rebuild') from public.connected_accounts as a where a.platform = 'printify' and p_kinds <> '{}' order by a.id;
$$;

-- money_certificate_printify: what an order says that its shipping cost is what its live lines say.
create or replace function private.money_certificate_printify(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns jsonb
language sql stable set search_path = '' as $$
    with orders_ as (
        select o.platform_id as id, o.shipping_amount as found, l.shipping as expected
        from public.printify_orders as o
        cross join lateral (
            select coalesce(sum(i.shipping_cost_amount), 0) as shipping from public.printify_line_items as i
            left join private.money_kinds as k on k.platform = 'printify' and k.source = 'line_status' and k.kind = i.status
            where i.connection_id = o.connection_id and i.order_platform_id = o.platform_id and not i.is_deleted
              and k.class is distinct from 'none' offset 0) as l
        where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and not o.is_deleted
          and o.status is distinct from 'canceled')
    select jsonb_build_array(jsonb_build_object(
        'check', 'shipping', 'ok', not exists (select from orders_ as o where o.expected <> o.found), 'orders', (select count(*) from orders_),
        'rows', (select coalesce(jsonb_agg(jsonb_build_object('order', d.id, 'expected', d.expected, 'found', d.found)), '[]')
                 from (select * from orders_ as o where o.expected <> o.found order by o.id limit 20) as d)));
$$;
