-- Orders, products, months and what is behind a figure, of money events; sales of orders are told by their ids (docs/decisions/040).

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
    ('private.samples', 'connection', null, null, null, 'one an entity'),
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
    ('private.full_refreshes', 'connection', '180 days', 'ended_at', null, null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('public.unit_costs', 'connection', null, null, null, 'one a value of a variant'),
    ('public.shop_time_zones', 'connection', null, null, null, 'one a change of a shop''s zone'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    ('public.money_days', 'connection', null, null, null, 'one a day, currency and class'),
    ('public.money_countries', 'connection', null, null, null, 'one a day, currency, country and class'),
    ('public.money_products', 'connection', null, null, null, 'one a day, product, currency and class'),
    ('public.money_day_states', 'connection', null, null, null, 'one a day'),
    ('private.money_marks', 'connection', null, null, null, 'until they are rolled up'),
    ('private.money_touched', 'connection', null, null, null, 'until they are rolled up'),
    -- Sellers pay taxes by what stood there: it goes with the shop.
    ('private.money_journal', 'connection', null, null, null, 'one each change of a closed day'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.lateness', 'service', '90 days', 'week', null, null),
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
    ('private.money_classes', 'reference', null, null, null, 'one a class'),
    ('private.money_kinds', 'reference', null, null, null, 'one a kind of a platform''s records'),
    ('private.money_streams', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- orders_of_time: the orders that were made in a time.
create or replace function private.orders_of_time(p_connection_id uuid, p_from timestamptz, p_to timestamptz) returns text[]
language sql stable as $$
    select array(select o.platform_id from public.orders as o
                 where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and not o.is_deleted);
$$;

drop function private.sale_events(uuid,timestamp with time zone,timestamp with time zone);

-- sale_events: of orders what each is made of, without the taxes; and that its cost is not known. An order whose
-- parts could not be read is unclassified, with what is left of its total.
create or replace function private.sale_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, o.platform_id, null, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null
    from (select distinct unnest(p_orders) as id) as w
    join public.orders as o on o.connection_id = p_connection_id and o.platform_id = w.id
    cross join lateral private.sale_parts(o) as p
    cross join lateral (values
        ('order', 0),
        (case when p.goods is null then 'unclassified' else 'gross_sales' end,
         coalesce(p.goods, o.total_amount - p.tax - p.shipping - p.other - p.tip, 0)),
        ('discount', case when p.goods is not null then -p.discount end),
        ('shipping', p.shipping), ('other_income', p.other), ('tip', p.tip),
        ('uncosted', case when o.cost_state = 'linked' then null else 0 end)) as e (class, amount)
    where private.counts_as_sale(o)
      and (e.amount <> 0 or e.amount is not null and e.class in ('order', 'gross_sales', 'unclassified', 'uncosted'));
$$;

drop function private.sold_cost_events(uuid,timestamp with time zone,timestamp with time zone);

-- sold_cost_events: what printing cost, of the orders that it is linked to, on the day of their sale.
create or replace function private.sold_cost_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select v.class, o.platform_id, null, o.ordered_at, o.ordered_at, c.currency, v.amount, 'order_costs', c.source_id, c.source
    from (select distinct unnest(p_orders) as id) as w
    join public.orders as o on o.connection_id = p_connection_id and o.platform_id = w.id
    cross join lateral (select k.connection_id, k.source_id from private.cost_links as k
                        where k.order_connection_id = o.connection_id and k.order_platform_id = o.platform_id offset 0) as k
    join public.order_costs as c on c.connection_id = k.connection_id and c.source_id = k.source_id
    join public.profiles as u on u.user_id = c.user_id
    cross join lateral private.cost_parts(c, u.reclaims_tax) as v
    where not o.is_deleted and c.state = 'linked';
$$;

-- order_events: all of them that belong to these orders, whenever they happened. Nothing where the platform's part does not say.
create or replace function private.order_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language plpgsql stable set search_path = '' as $$
declare place text;
begin
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.order_events_%s(uuid, text[])', place)) is not null then
        return query execute format('select * from private.%I($1, $2)', 'order_events_' || place) using p_connection_id, p_orders;
    end if;
end $$;

-- money_reversals: what was taken back of the sales of a time, whenever that was.
create or replace function private.money_reversals(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare place text;
begin
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.money_reversals_%s(uuid, text[])', place)) is not null then
        return query execute format('select * from private.%I($1, $2)', 'money_reversals_' || place)
            using p_connection_id, private.orders_of_time(p_connection_id, p_from, p_to);
    end if;
end $$;

drop function private.fresh_figures(uuid,date,timestamp with time zone[]);

-- fresh_figures: the same, worked out from the events.
create or replace function private.fresh_figures(p_connection_id uuid, p_first date, p_starts timestamptz[], p_events private.money_event[])
returns table (day date, figures jsonb) language sql stable set search_path = '' as $$
    with sums as (
        select width_bucket(e.at, p_starts) as n, e.currency, e.class, sum(e.amount) as amount, count(*) as events, 0::numeric as of_sales
        from unnest(p_events) as e group by 1, 2, 3
        union all
        select width_bucket(e.sale_at, p_starts), e.currency, e.class, 0, 0, sum(e.amount)
        from private.money_reversals(p_connection_id, p_starts[1], p_starts[cardinality(p_starts)]) as e group by 1, 2, 3)
    select p_first + c.n - 1, jsonb_object_agg(c.currency, c.classes)
    from (select t.n, t.currency, jsonb_object_agg(t.class, jsonb_build_array(t.amount, t.events, t.of_sales)) as classes
          from (select s.n, s.currency, s.class, sum(s.amount)::bigint as amount, sum(s.events)::int as events, sum(s.of_sales)::bigint as of_sales
                from sums as s group by 1, 2, 3) as t
          group by t.n, t.currency) as c
    group by c.n;
$$;

-- roll_days: so many days from this one on are added up anew. Those that come to the same are not written.
create or replace function private.roll_days(connection public.connected_accounts, p_first date, p_days int) returns void
language plpgsql set search_path = '' as $$
declare starts timestamptz[] := private.day_starts(connection.id, p_first, p_days); proved timestamptz := private.proved_until(connection.id);
        has_costs boolean := private.has_costs(connection.user_id); each record;
        events private.money_event[] := array(select e from private.money_events(connection.id, starts[1], starts[p_days + 1]) as e);
begin
    perform private.roll_parts(connection, p_first, starts, events);
    for each in
        select p_first + n as day, n, b.figures as before, a.figures as after, t.causes, t.day is not null as is_touched
        from generate_series(0, p_days - 1) as n
        left join private.figures_of_days(connection.id, p_first, p_first + p_days - 1) as b on b.day = p_first + n
        left join private.fresh_figures(connection.id, p_first, starts, events) as a on a.day = p_first + n
        left join private.money_touched as t on t.connection_id = connection.id and t.day = p_first + n
        order by n loop
        if each.before is distinct from each.after then
            delete from public.money_days where connection_id = connection.id and day = each.day;
            insert into public.money_days (connection_id, user_id, platform, day, currency, class, amount, events, of_sales)
            select connection.id, connection.user_id, connection.platform, each.day, c.key, k.key,
                   (k.value ->> 0)::bigint, (k.value ->> 1)::int, (k.value ->> 2)::bigint
            from jsonb_each(coalesce(each.after, '{}')) as c, jsonb_each(c.value) as k;
        end if;
        perform private.settle_day(connection, each.day, starts[each.n + 1], starts[each.n + 2], each.before, each.after,
                                   coalesce(each.causes, '[]'), proved, has_costs);
    end loop;
    delete from private.money_touched where connection_id = connection.id and day >= p_first and day < p_first + p_days;
end $$;

-- line_shares: each event about goods as the shares of the lines that it belongs to: its own line's, or those of its order's lines by
-- their value, the cents by what is left, so that shares add up to the event.
create or replace function private.line_shares(p_connection_id uuid, p_events private.money_event[])
returns table (at timestamptz, currency text, class text, amount bigint, pieces bigint, product text, listing_platform_id text,
               variant_platform_id text, sku text, title text)
-- There are few lines of an order, and no plan can know how many events an array has.
language sql stable set search_path = '' set enable_seqscan = off set enable_nestloop = off as $$
    with events as materialized (
        select e.* from unnest(p_events) as e
        where e.order_platform_id is not null
          and e.class in ('order', 'uncosted', 'gross_sales', 'discount', 'reversal_goods', 'cogs_goods', 'cogs_shipping', 'cogs_tax')),
    lines as materialized (
        select l.*, coalesce(nullif(concat_ws(':', l.listing_platform_id, l.variant_platform_id), ''), 'title:' || l.title, '') as product,
               case when sum(l.value) over whole > 0 then l.value else greatest(l.quantity, 1) end as weight
        from (select distinct e.order_platform_id as id from events as e) as w
        cross join lateral (
            select l.order_platform_id, l.platform_id, l.listing_platform_id, l.product_platform_id as variant_platform_id, l.sku, l.title,
                   l.quantity, greatest(l.quantity * coalesce(l.price_amount, 0), 0) as value
            from public.line_items as l
            where l.connection_id = p_connection_id and l.order_platform_id = w.id and not l.is_deleted offset 0) as l
        window whole as (partition by l.order_platform_id)),
    shares as materialized (
        select l.*, sum(l.weight) over (partition by l.order_platform_id order by l.platform_id) as upto,
               sum(l.weight) over (partition by l.order_platform_id) as whole from lines as l)
    select e.at, e.currency, e.class,
           case when s.platform_id is null or e.line_platform_id = s.platform_id then e.amount
                else (round(e.amount * s.upto / s.whole) - round(e.amount * (s.upto - s.weight) / s.whole))::bigint end,
           case when e.class in ('order', 'uncosted') then coalesce(s.quantity, 0) else 0 end,
           coalesce(s.product, ''), s.listing_platform_id, s.variant_platform_id, s.sku, s.title
    from (select e.*, exists (select from lines as l where l.order_platform_id = e.order_platform_id
                                                       and l.platform_id = e.line_platform_id) as has_line from events as e) as e
    left join shares as s on s.order_platform_id = e.order_platform_id and (not e.has_line or s.platform_id = e.line_platform_id);
$$;

-- roll_parts: the parts of the days that begin at these moments, of these events. What comes to the same is not written.
create or replace function private.roll_parts(connection public.connected_accounts, p_first date, p_starts timestamptz[],
                                              p_events private.money_event[]) returns void
language plpgsql set search_path = '' set enable_nestloop = off set enable_mergejoin = off as $$
declare last_ date := p_first + cardinality(p_starts) - 2;
begin
    with events as materialized (select * from unnest(p_events)),
    places as materialized (
        select w.id, o.country from (select distinct e.order_platform_id as id from events as e where e.order_platform_id is not null) as w
        cross join lateral (select o.country from public.orders as o
                            where o.connection_id = connection.id and o.platform_id = w.id offset 0) as o),
    fresh as materialized (
        select p_first + width_bucket(e.at, p_starts) - 1 as day, e.currency, coalesce(p.country, '') as country, e.class,
               sum(e.amount)::bigint as amount, count(*)::int as events
        from events as e left join places as p on p.id = e.order_platform_id
        group by 1, 2, 3, 4),
    there as materialized (
        select c.day, c.currency, c.country, c.class, c.amount, c.events from public.money_countries as c
        where c.connection_id = connection.id and c.day >= p_first and c.day <= last_),
    gone as (
        delete from public.money_countries as c
        where c.connection_id = connection.id and c.day >= p_first and c.day <= last_
          and (c.day, c.currency, c.country, c.class) in (select t.day, t.currency, t.country, t.class from there as t
                                                          except select f.day, f.currency, f.country, f.class from fresh as f))
    insert into public.money_countries (connection_id, user_id, platform, day, currency, country, class, amount, events)
    select connection.id, connection.user_id, connection.platform, n.* from (select * from fresh except select * from there) as n
    on conflict (connection_id, day, currency, country, class) do update set amount = excluded.amount, events = excluded.events;
    with fresh as materialized (
        select p_first + width_bucket(s.at, p_starts) - 1 as day, s.currency, s.product, s.class, sum(s.amount)::bigint as amount,
               sum(s.pieces)::bigint as pieces, max(s.listing_platform_id) as listing, max(s.variant_platform_id) as variant, max(s.sku) as sku,
               max(s.title) as title
        from private.line_shares(connection.id, p_events) as s group by 1, 2, 3, 4),
    there as materialized (
        select p.day, p.currency, p.product, p.class, p.amount, p.pieces, p.listing_platform_id, p.variant_platform_id, p.sku, p.title
        from public.money_products as p where p.connection_id = connection.id and p.day >= p_first and p.day <= last_),
    gone as (
        delete from public.money_products as p
        where p.connection_id = connection.id and p.day >= p_first and p.day <= last_
          and (p.day, p.product, p.currency, p.class) in (select t.day, t.product, t.currency, t.class from there as t
                                                          except select f.day, f.product, f.currency, f.class from fresh as f))
    insert into public.money_products (connection_id, user_id, platform, day, currency, product, class, amount, pieces,
                                       listing_platform_id, variant_platform_id, sku, title)
    select connection.id, connection.user_id, connection.platform, n.* from (select * from fresh except select * from there) as n
    on conflict (connection_id, day, product, currency, class) do update
       set amount = excluded.amount, pieces = excluded.pieces, sku = excluded.sku, title = excluded.title;
end $$;

-- money_certificate: a day of a shop held against its own events, and against what its platform says of it: [{check, ok, ...}], with the rows
-- that differ.
create or replace function private.money_certificate(p_connection_id uuid, p_day date) returns jsonb
language plpgsql stable set search_path = '' as $$
declare place text := (select a.platform from public.connected_accounts as a where a.id = p_connection_id); checks jsonb := '[]';
        starts timestamptz[] := private.day_starts(p_connection_id, p_day, 1); kept jsonb; fresh jsonb;
begin
    select f.figures into kept from private.figures_of_days(p_connection_id, p_day, p_day) as f;
    select f.figures into fresh from private.fresh_figures(p_connection_id, p_day, starts,
        array(select e from private.money_events(p_connection_id, starts[1], starts[2]) as e)) as f where f.day = p_day;
    checks := checks || jsonb_build_object('check', 'events', 'ok', kept is not distinct from fresh,
                                           'differs', private.changed_classes(kept, fresh));
    if to_regprocedure(format('private.money_certificate_%s(uuid, timestamptz, timestamptz)', place)) is not null then
        execute format('select $1 || private.%I($2, $3, $4)', 'money_certificate_' || place) into checks
          using checks, p_connection_id, starts[1], starts[2];
    end if;
    return checks;
end $$;

-- orders_told: some orders of a user's shops with what is known of each: its items, the figures of all that ever happened to it by currency, and
-- what is not known. Unknown, never nothing: `cost`, `fees`, `unclassified`; `other_currency` where a part of its profit is in another
-- one; `not_counted`: it was not paid, is a test, or nobody says what it came to. `p_found` is [{connection_id, platform_id}].
create or replace function private.orders_told(p_found jsonb) returns jsonb
language sql stable set search_path = '' set enable_seqscan = off as $$
    with found as materialized (
        select f.connection_id, f.platform_id, f.place
        from rows from (jsonb_to_recordset(p_found) as (connection_id uuid, platform_id text)) with ordinality as f (connection_id, platform_id, place)),
    shops as materialized (
        select a.id, a.platform, a.shop_id, a.shop_name, k.ids
        from (select f.connection_id, array_agg(f.platform_id) as ids from found as f group by 1) as k
        join public.connected_accounts as a on a.id = k.connection_id),
    sums as materialized (
        select s.id as connection_id, e.order_platform_id, e.currency, e.class, coalesce(c.figure, 'unclassified') as figure, c.part,
               sum(e.amount) as amount, count(*) as events
        from shops as s cross join lateral private.order_events(s.id, s.ids) as e
        left join private.money_classes as c on c.class = e.class
        group by 1, 2, 3, 4, 5, 6),
    figures as (
        select f.connection_id, f.order_platform_id, f.currency, jsonb_object_agg(f.figure, f.amount) as figures,
               coalesce(sum(f.amount) filter (where f.part = 'profit'), 0) as profit
        from (select s.connection_id, s.order_platform_id, s.currency, s.figure, s.part,
                     sum(case when s.part = 'counted' then s.events else s.amount end) as amount
              from sums as s group by 1, 2, 3, 4, 5) as f
        group by 1, 2, 3),
    currencies as materialized (
        select f.connection_id, f.order_platform_id, jsonb_object_agg(f.currency, jsonb_build_object('profit', f.profit, 'figures', f.figures)) as currencies
        from figures as f group by 1, 2),
    missing as materialized (
        select s.connection_id, s.order_platform_id, bool_or(s.class = 'order') as is_counted, bool_or(s.class = 'uncosted') as cost,
               bool_or(s.class = 'fees_unknown') as fees, bool_or(s.part is null) as unclassified,
               count(distinct s.currency) filter (where s.part = 'profit' and s.amount <> 0) as currencies
        from sums as s group by 1, 2),
    items as materialized (
        select l.connection_id, l.order_platform_id, jsonb_agg(jsonb_build_object(
                   'title', l.title, 'sku', l.sku, 'quantity', l.quantity, 'price_amount', l.price_amount,
                   'listing_platform_id', l.listing_platform_id, 'variant_platform_id', l.product_platform_id) order by l.platform_id) as items
        from found as f
        cross join lateral (select l.* from public.line_items as l
                            where l.connection_id = f.connection_id and l.order_platform_id = f.platform_id and not l.is_deleted offset 0) as l
        group by 1, 2)
    select coalesce(jsonb_agg(jsonb_build_object(
               'connection_id', o.connection_id, 'platform', s.platform, 'shop_id', s.shop_id, 'shop_name', s.shop_name, 'platform_id', o.platform_id,
               'order_number', o.order_number, 'ordered_at', o.ordered_at, 'day', (o.ordered_at at time zone z.zone)::date, 'status', o.status,
               'is_paid', o.is_paid, 'is_test', o.is_test, 'country', o.country, 'currency', o.currency, 'total_amount', o.total_amount,
               'items', coalesce(i.items, '[]'), 'currencies', coalesce(c.currencies, '{}'),
               'missing', to_jsonb(array_remove(array[
                   case when not coalesce(m.is_counted, false) then 'not_counted' end, case when m.cost then 'cost' end,
                   case when m.fees then 'fees' end, case when m.unclassified then 'unclassified' end,
                   case when m.currencies > 1 then 'other_currency' end], null))) order by f.place), '[]')
    from found as f
    join shops as s on s.id = f.connection_id
    join public.orders as o on o.connection_id = f.connection_id and o.platform_id = f.platform_id
    left join lateral (select z.zone from private.zones_of(s.id) as z where o.ordered_at >= z.since and o.ordered_at < z.until limit 1) as z on true
    left join currencies as c on c.connection_id = f.connection_id and c.order_platform_id = f.platform_id
    left join missing as m on m.connection_id = f.connection_id and m.order_platform_id = f.platform_id
    left join items as i on i.connection_id = f.connection_id and i.order_platform_id = f.platform_id;
$$;

-- orders_of: a page of a user's orders, the newest first. `p_filter` is {platforms, connections, first, last (days of each shop), countries,
-- statuses, search, listing}: what is not there filters nothing. `search` is a number, or a part of a title or an SKU. What has to be looked
-- through is looked through so many orders a page: a page may be short, or empty, and there are more. Answers {orders, next, looked_until}.
create or replace function public.orders_of(p_user_id uuid, p_filter jsonb default '{}', p_after jsonb default null, p_limit int default 100)
returns jsonb language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' set enable_seqscan = off as $$
declare
    most int := least(greatest(p_limit, 1), 500);
    search text := lower(nullif(btrim(p_filter ->> 'search'), ''));
    number text := ltrim(search, '#');
    -- A number is looked up, not looked for.
    by_number boolean := search is not null and p_after is null and exists (
        select from public.orders as o
        where o.user_id = p_user_id and ltrim(o.order_number, '#') = ltrim(btrim(p_filter ->> 'search'), '#') and not o.is_deleted);
    looks_through boolean := search is not null or p_filter ?| '{countries,statuses,listing}'::text[];
    most_looked int := case when looks_through then 5000 else most end;
    first date := (p_filter ->> 'first')::date; last_ date := (p_filter ->> 'last')::date;
    countries text[]; statuses text[]; platforms text[]; connections uuid[]; answer jsonb;
begin
    countries := case when p_filter ? 'countries' then array(select jsonb_array_elements_text(p_filter -> 'countries')) end;
    statuses := case when p_filter ? 'statuses' then array(select jsonb_array_elements_text(p_filter -> 'statuses')) end;
    platforms := case when p_filter ? 'platforms' then array(select jsonb_array_elements_text(p_filter -> 'platforms')) end;
    connections := case when p_filter ? 'connections' then array(select jsonb_array_elements_text(p_filter -> 'connections'))::uuid[] end;
    with shops as materialized (
        select a.id, case when first is null then '-infinity' else (private.day_starts(a.id, first, 0))[1] end as since,
               case when last_ is null then 'infinity' else (private.day_starts(a.id, last_ + 1, 0))[1] end as until
        from public.connected_accounts as a
        where a.user_id = p_user_id and (platforms is null or a.platform = any (platforms)) and (connections is null or a.id = any (connections))),
    looked as materialized (
        select o.* from shops as s
        cross join lateral (
            select o.connection_id, o.platform_id, o.ordered_at, o.order_number, o.country, o.status from public.orders as o
            where not by_number and o.connection_id = s.id and not o.is_deleted and o.ordered_at >= s.since and o.ordered_at < s.until
              and (p_after is null or o.ordered_at <= (p_after ->> 'ordered_at')::timestamptz
                   and (o.ordered_at, o.connection_id, o.platform_id) < ((p_after ->> 'ordered_at')::timestamptz,
                       (p_after ->> 'connection_id')::uuid, p_after ->> 'platform_id'))
            order by o.ordered_at desc, o.platform_id desc limit most_looked) as o
        union all
        select o.connection_id, o.platform_id, o.ordered_at, o.order_number, o.country, o.status
        from public.orders as o join shops as s on s.id = o.connection_id
        where by_number and o.user_id = p_user_id and ltrim(o.order_number, '#') = ltrim(btrim(p_filter ->> 'search'), '#')
          and not o.is_deleted and o.ordered_at >= s.since and o.ordered_at < s.until
        order by 3 desc, 1 desc, 2 desc limit most_looked),
    found as materialized (
        select l.* from looked as l
        where (countries is null or coalesce(l.country, '') = any (countries)) and (statuses is null or coalesce(l.status, '') = any (statuses))
          and (not p_filter ? 'listing' or exists (
               select from (select i.listing_platform_id from public.line_items as i
                            where i.connection_id = l.connection_id and i.order_platform_id = l.platform_id and not i.is_deleted offset 0) as i
               where i.listing_platform_id = p_filter ->> 'listing'))
          and (search is null or l.platform_id = search or position(number in lower(l.order_number)) > 0 or exists (
               select from (select i.title, i.sku from public.line_items as i
                            where i.connection_id = l.connection_id and i.order_platform_id = l.platform_id and not i.is_deleted offset 0) as i
               where position(search in lower(i.title)) > 0 or position(search in lower(i.sku)) > 0))
        order by l.ordered_at desc, l.connection_id desc, l.platform_id desc limit most),
    -- Where the next page goes on: behind the last that was found, or behind all that were looked through.
    ends as (
        select case when (select count(*) from found) = most then (select jsonb_build_object(
                        'ordered_at', f.ordered_at, 'connection_id', f.connection_id, 'platform_id', f.platform_id)
                        from found as f order by f.ordered_at, f.connection_id, f.platform_id limit 1)
                    when (select count(*) from looked) = most_looked then (select jsonb_build_object(
                        'ordered_at', l.ordered_at, 'connection_id', l.connection_id, 'platform_id', l.platform_id)
                        from looked as l order by l.ordered_at, l.connection_id, l.platform_id limit 1) end as next)
    select jsonb_build_object(
        'orders', (select coalesce(jsonb_agg(jsonb_build_object('connection_id', f.connection_id, 'platform_id', f.platform_id)
                                             order by f.ordered_at desc, f.connection_id desc, f.platform_id desc), '[]') from found as f),
        'next', e.next, 'looked_until', e.next -> 'ordered_at')
      into answer from ends as e;
    return answer || jsonb_build_object('orders', private.orders_told(answer -> 'orders'));
end $$;

revoke all on function public.orders_of(uuid, jsonb, jsonb, int) from public, anon, authenticated;

grant execute on function public.orders_of(uuid, jsonb, jsonb, int) to service_role;

-- order_of: one order as orders_of tells it, with every event that belongs to it, in the order of their time.
create or replace function public.order_of(p_user_id uuid, p_connection_id uuid, p_order text) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id);
        told jsonb := private.orders_told(jsonb_build_array(jsonb_build_object('connection_id', connection.id, 'platform_id', p_order))) -> 0;
begin
    return told || jsonb_build_object('events', (
        select coalesce(jsonb_agg(to_jsonb(e) order by e.at, e.source_table, e.source_id, e.class), '[]')
        from private.order_events(connection.id, array[p_order]) as e));
end $$;

revoke all on function public.order_of(uuid, uuid, text) from public, anon, authenticated;

grant execute on function public.order_of(uuid, uuid, text) to service_role;

-- money_record: the row that an event names, as its owner may read it, with what the platform sent. Of a cost the printer's order stands beside it.
-- Null where there is none.
create or replace function public.money_record(p_user_id uuid, p_connection_id uuid, p_table text, p_id text) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id); one jsonb; record_ jsonb; raw_of text;
begin
    if p_table = 'order_costs' then
        -- A cost that is linked to an order is told with the sale, at the channel; its row is the printer's.
        select to_jsonb(c) into one from public.order_costs as c
        where c.user_id = p_user_id and c.source_id = p_id and (c.connection_id = connection.id or c.order_connection_id = connection.id) limit 1;
        raw_of := (one ->> 'source') || '_orders';
    elsif p_table in (select s.name from private.synced_tables as s) then
        raw_of := p_table;
    else
        return null;
    end if;
    if raw_of in (select s.name from private.synced_tables as s) then
        execute format('select to_jsonb(t) from public.%I as t where t.connection_id = $1 and t.platform_id = $2', raw_of)
           into record_ using coalesce((one ->> 'connection_id')::uuid, connection.id), p_id;
        one := case when one is null then record_ else one || jsonb_build_object('raw', record_ -> 'raw') end;
    end if;
    return one - '{user_id,content_hash}'::text[];
end $$;

revoke all on function public.money_record(uuid, uuid, text, text) from public, anon, authenticated;

grant execute on function public.money_record(uuid, uuid, text, text) to service_role;

-- filtered_shops: a user's shops, of some platforms or connections: {platforms, connections}; all where neither is there.
create or replace function private.filtered_shops(p_user_id uuid, p_filter jsonb) returns uuid[]
language sql stable set search_path = '' as $$
    select array(select a.id from public.connected_accounts as a
                 where a.user_id = p_user_id
                   and (not p_filter ? 'platforms' or p_filter -> 'platforms' ? a.platform)
                   and (not p_filter ? 'connections' or p_filter -> 'connections' ? a.id::text));
$$;

-- standing_of: of shops and a time, up to where each is proved and how many of its days are open; and what those wait for.
create or replace function private.standing_of(p_shops uuid[], p_first date, p_last date) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'standing', coalesce((
            select jsonb_agg(to_jsonb(s) order by s.platform, s.connection_id)
            from (select a.platform, a.id as connection_id, a.shop_name, private.proved_until(a.id) as proved_until,
                         count(s.day) filter (where s.state = 'open') as open_days, count(s.day) as days
                  from public.connected_accounts as a
                  left join public.money_day_states as s on s.connection_id = a.id and s.day >= p_first and s.day <= p_last
                  where a.id = any (p_shops) group by 1, 2, 3) as s), '[]'),
        'open', coalesce((
            select jsonb_object_agg(w.name, w.number)
            from (select w.key as name, sum(w.value::bigint) as number
                  from public.money_day_states as s cross join lateral jsonb_each_text(s.waits) as w
                  where s.connection_id = any (p_shops) and s.day >= p_first and s.day <= p_last and s.state = 'open' group by 1) as w), '{}'));
$$;

-- money_months: what each month came to, by currency and class, with how many of its days are open. Answers {sums: [{month, currency, class,
-- figure, part, amount, events}], months: [{month, days, open_days}], standing, open, now}.
create or replace function public.money_months(p_user_id uuid, p_first date, p_last date, p_filter jsonb default '{}') returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
declare shops uuid[] := private.filtered_shops(p_user_id, p_filter);
begin
    return private.standing_of(shops, p_first, p_last) || (
        with sums as (
            select date_trunc('month', d.day::timestamp)::date as month, d.currency, d.class, sum(d.amount)::bigint as amount, sum(d.events)::bigint as events
            from public.money_days as d where d.connection_id = any (shops) and d.day >= p_first and d.day <= p_last group by 1, 2, 3),
        months as (
            select date_trunc('month', s.day::timestamp)::date as month, count(*) as days, count(*) filter (where s.state = 'open') as open_days
            from public.money_day_states as s where s.connection_id = any (shops) and s.day >= p_first and s.day <= p_last group by 1)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(jsonb_build_object(
                        'month', s.month, 'currency', s.currency, 'class', s.class, 'figure', coalesce(c.figure, 'unclassified'), 'part', c.part,
                        'amount', s.amount, 'events', s.events) order by s.currency, s.class, s.month)
                        from sums as s left join private.money_classes as c on c.class = s.class), '[]'),
            'months', coalesce((select jsonb_agg(to_jsonb(m) order by m.month) from months as m), '[]'),
            'now', clock_timestamp()));
end $$;

revoke all on function public.money_months(uuid, date, date, jsonb) from public, anon, authenticated;

grant execute on function public.money_months(uuid, date, date, jsonb) to service_role;

-- money_behind: the days behind a figure of a time, the newest first: what its classes came to on each day of each shop. `p_filter` is {platforms,
-- connections, classes, figures, currency}. Answers {days: [{day, connection_id, platform, shop_name, currency, class, amount, events, state}], next}.
create or replace function public.money_behind(p_user_id uuid, p_first date, p_last date, p_filter jsonb default '{}', p_after jsonb default null,
                                               p_limit int default 100)
returns jsonb language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
declare shops uuid[] := private.filtered_shops(p_user_id, p_filter); most int := least(greatest(p_limit, 1), 500);
begin
    return (
        with page as materialized (
            select d.day, d.connection_id, d.platform, d.currency, d.class, d.amount, d.events
            from public.money_days as d left join private.money_classes as c on c.class = d.class
            where d.connection_id = any (shops) and d.day >= p_first and d.day <= p_last
              and (not p_filter ? 'currency' or d.currency = p_filter ->> 'currency')
              and (not p_filter ? 'classes' or p_filter -> 'classes' ? d.class)
              and (not p_filter ? 'figures' or p_filter -> 'figures' ? coalesce(c.figure, 'unclassified')
                   -- What stands for a whole: all that makes the profit.
                   or p_filter -> 'figures' ? 'profit' and c.part = 'profit')
              and (d.amount <> 0 or c.part = 'counted')
              and (p_after is null or (d.day, d.connection_id, d.currency, d.class) < ((p_after ->> 'day')::date, (p_after ->> 'connection_id')::uuid,
                                                                                      p_after ->> 'currency', p_after ->> 'class'))
            order by d.day desc, d.connection_id desc, d.currency desc, d.class desc limit most)
        select jsonb_build_object(
            'days', coalesce(jsonb_agg(to_jsonb(p) || jsonb_build_object('shop_name', a.shop_name, 'shop_id', a.shop_id, 'state', s.state)
                                       order by p.day desc, p.connection_id desc, p.currency desc, p.class desc), '[]'),
            'next', case when count(*) = most then (array_agg(jsonb_build_object('day', p.day, 'connection_id', p.connection_id, 'currency', p.currency,
                        'class', p.class) order by p.day, p.connection_id, p.currency, p.class))[1] end)
        from page as p join public.connected_accounts as a on a.id = p.connection_id
        left join public.money_day_states as s on s.connection_id = p.connection_id and s.day = p.day);
end $$;

revoke all on function public.money_behind(uuid, date, date, jsonb, jsonb, int) from public, anon, authenticated;

grant execute on function public.money_behind(uuid, date, date, jsonb, jsonb, int) to service_role;

-- products_of: a page of what a user sold in a time, the most revenue first. `p_filter` is {platforms, connections, first, last, search, by: 'product'
-- or 'variant'}. Revenue is before what was taken back; the margin is what is left of it after that and after the cost of the goods with its tax,
-- not of shipping, which is not a product's. Null where the cost of any piece is not known; `missing` says so. Answers {products, next, total}.
create or replace function public.products_of(p_user_id uuid, p_filter jsonb default '{}', p_after jsonb default null, p_limit int default 100)
returns jsonb language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' set work_mem = '32MB' as $$
declare shops uuid[] := private.filtered_shops(p_user_id, p_filter); most int := least(greatest(p_limit, 1), 500);
        search text := lower(nullif(btrim(p_filter ->> 'search'), '')); by_variant boolean := p_filter ->> 'by' = 'variant';
begin
    return (
        with sums as materialized (
            select p.connection_id, p.platform, p.currency, case when by_variant then p.product else coalesce(p.listing_platform_id, p.product) end as product,
                   max(p.title) as title, max(p.sku) as sku, max(p.listing_platform_id) as listing_platform_id,
                   case when by_variant then max(p.variant_platform_id) end as variant_platform_id,
                   coalesce(sum(p.pieces) filter (where p.class = 'order'), 0) as units,
                   coalesce(sum(p.pieces) filter (where p.class = 'uncosted'), 0) as uncosted,
                   coalesce(sum(p.amount) filter (where p.class in ('gross_sales', 'discount')), 0) as revenue,
                   coalesce(sum(p.amount) filter (where p.class = 'discount'), 0) as discounts,
                   coalesce(sum(p.amount) filter (where p.class = 'reversal_goods'), 0) as refunds,
                   coalesce(sum(p.amount) filter (where p.class in ('cogs_goods', 'cogs_tax')), 0) as cost,
                   coalesce(sum(p.amount) filter (where p.class = 'cogs_shipping'), 0) as cost_of_shipping
            from public.money_products as p
            where p.connection_id = any (shops) and p.day >= coalesce((p_filter ->> 'first')::date, '-infinity')
              and p.day <= coalesce((p_filter ->> 'last')::date, 'infinity')
            group by 1, 2, 3, 4),
        told as materialized (
            select s.*, bool_or(s.cost <> 0) over other and count(*) over other > 1 as other_currency from sums as s
            window other as (partition by s.connection_id, s.product)),
        page as materialized (
            select t.* from told as t
            where (search is null or position(search in lower(t.title)) > 0 or position(search in lower(t.sku)) > 0)
              and (p_after is null or (t.revenue, t.connection_id, t.product, t.currency) < ((p_after ->> 'revenue')::bigint,
                   (p_after ->> 'connection_id')::uuid, p_after ->> 'product', p_after ->> 'currency'))
            order by t.revenue desc, t.connection_id desc, t.product desc, t.currency desc limit most)
        select jsonb_build_object(
            'products', coalesce(jsonb_agg(jsonb_build_object(
                'connection_id', p.connection_id, 'platform', p.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name, 'product', p.product,
                'listing_platform_id', p.listing_platform_id, 'variant_platform_id', p.variant_platform_id, 'sku', p.sku, 'title', p.title,
                'currency', p.currency, 'units', p.units, 'revenue', p.revenue, 'discounts', p.discounts, 'refunds', p.refunds,
                'uncosted_units', p.uncosted,
                'cost_of_goods', case when p.uncosted >= p.units and p.cost = 0 then null else p.cost end,
                'cost_of_shipping', case when p.uncosted >= p.units and p.cost_of_shipping = 0 then null else p.cost_of_shipping end,
                'margin', case when p.uncosted = 0 and not p.other_currency then p.revenue + p.refunds + p.cost end,
                'missing', to_jsonb(array_remove(array[case when p.uncosted > 0 then 'cost' end, case when p.other_currency then 'other_currency' end], null)))
                order by p.revenue desc, p.connection_id desc, p.product desc, p.currency desc), '[]'),
            'next', case when count(*) = most then (array_agg(jsonb_build_object('revenue', p.revenue, 'connection_id', p.connection_id,
                        'product', p.product, 'currency', p.currency) order by p.revenue, p.connection_id, p.product, p.currency))[1] end)
        from page as p join public.connected_accounts as a on a.id = p.connection_id);
end $$;

revoke all on function public.products_of(uuid, jsonb, jsonb, int) from public, anon, authenticated;

grant execute on function public.products_of(uuid, jsonb, jsonb, int) to service_role;

drop function public.figures(uuid,text,text,timestamp with time zone);

-- figures: sums over a user's shops by platform, currency and unit of time ('day', 'month' or 'year') of the shop's own days, from p_since
-- on, as p_zone has it, to p_until, and of as many days before that (`before`); by the buyers' countries and the best sellers of the
-- same time. They are sums of money events (money_events.sql), as far as those are rolled up: revenue is what was sold, less discounts,
-- with shipping and the rest, without taxes; refunds are the parts of what was given back that were revenue; fees are what the platform
-- took, advertising and labels with them. Amounts of two currencies are never added. What is unclassified is in none of them.
create or replace function public.figures(p_user_id uuid, p_unit text, p_zone text, p_since timestamptz, p_until timestamptz default null,
                                          p_filter jsonb default '{}') returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s'
-- A plan expects as many groups as there are rows, or, before the first statistics, hardly a row: it would sort them all. They are few:
-- groups are kept in memory (up to twice work_mem) while rows go by.
set enable_sort = off set work_mem = '32MB' as $$
declare shops uuid[] := private.filtered_shops(p_user_id, p_filter); first date := (p_since at time zone p_zone)::date;
        last_ date := coalesce((p_until at time zone p_zone)::date, 'infinity');
        -- Of all time there is none before.
        before date := case when p_until is null then first else first - (last_ - first + 1) end;
begin
    return private.standing_of(shops, first, last_) || (
        with days as materialized (
            select 'days' as part_, d.platform, d.currency, d.day >= first as is_now, date_trunc(p_unit, d.day::timestamp)::date as starts, '' as country,
                   d.class, sum(d.amount) as amount, sum(d.events) as events
            from public.money_days as d where d.connection_id = any (shops) and d.day >= before and d.day <= last_ group by 2, 3, 4, 5, 7
            union all
            select 'countries', '', c.currency, true, null, c.country, c.class, sum(c.amount), sum(c.events)
            from public.money_countries as c where c.connection_id = any (shops) and c.day >= first and c.day <= last_ group by 3, 6, 7),
        sums as (
            select d.part_, d.platform, d.currency, d.is_now, d.starts, d.country,
                   coalesce(sum(d.events) filter (where d.class = 'order'), 0) as orders,
                   coalesce(sum(d.amount) filter (where c.part = 'profit' and c.figure in ('gross_sales', 'discounts', 'shipping', 'other_income')
                                                    and d.class not like 'reversal\_%'), 0) as revenue,
                   coalesce(-sum(d.amount) filter (where c.part = 'profit' and d.class like 'reversal\_%'), 0) as refunds,
                   coalesce(-sum(d.amount) filter (where c.figure in ('fees', 'ads', 'labels', 'disputes')), 0) as fees,
                   coalesce(-sum(d.amount) filter (where c.figure = 'cost_of_goods'), 0) as cost,
                   coalesce(sum(d.events) filter (where d.class = 'order'), 0)
                   - coalesce(sum(d.events) filter (where d.class = 'uncosted'), 0) as costed,
                   coalesce(sum(d.events) filter (where d.class = 'uncosted'), 0) as uncosted,
                   coalesce(sum(d.events) filter (where d.class = 'unclassified'), 0) as unclassified,
                   coalesce(sum(d.amount) filter (where d.class = 'unclassified'), 0) as unclassified_amount
            from days as d left join private.money_classes as c on c.class = d.class
            group by 1, 2, 3, 4, 5, 6),
        told as (
            select * from sums as s
            where s.orders + s.uncosted + s.unclassified > 0 or s.revenue <> 0 or s.refunds <> 0 or s.fees <> 0 or s.cost <> 0),
        titles as (
            select p.platform, p.connection_id, p.currency, coalesce(p.listing_platform_id, p.product) as listing,
                   max(p.listing_platform_id) as listing_platform_id, max(p.title) as title,
                   coalesce(sum(p.pieces) filter (where p.class = 'order'), 0) as sold,
                   coalesce(sum(p.amount) filter (where p.class in ('gross_sales', 'discount')), 0) as amount
            from public.money_products as p
            where p.connection_id = any (shops) and p.day >= first and p.day <= last_ and p.product <> '' group by 1, 2, 3, 4),
        sellers as (select * from titles as t where t.sold > 0 order by t.amount desc, t.sold desc, t.connection_id, t.currency, t.listing limit 6)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(to_jsonb(t) - '{part_,is_now,country}'::text[] order by t.starts, t.platform, t.currency)
                              from told as t where t.part_ = 'days' and t.is_now), '[]'),
            'before', coalesce((select jsonb_agg(to_jsonb(t) - '{part_,is_now,country}'::text[] order by t.starts, t.platform, t.currency)
                                from told as t where t.part_ = 'days' and not t.is_now), '[]'),
            'countries', coalesce((select jsonb_agg(to_jsonb(t) - '{part_,is_now,starts,platform}'::text[] order by t.revenue desc, t.country, t.currency)
                                   from told as t where t.part_ = 'countries'), '[]'),
            'best_sellers', coalesce((select jsonb_agg(to_jsonb(s) order by s.amount desc, s.sold desc, s.connection_id, s.currency, s.listing)
                                      from sellers as s), '[]'),
            'now', clock_timestamp()));
end $$;

revoke all on function public.figures(uuid, text, text, timestamptz, timestamptz, jsonb) from public, anon, authenticated;

grant execute on function public.figures(uuid, text, text, timestamptz, timestamptz, jsonb) to service_role;

drop function private.etsy_ledger(uuid,timestamp with time zone,timestamp with time zone);

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

-- etsy_sales: what these orders are made of, what printing them cost, who owes the tax, and that the fees are not told yet: the ledger books
-- both with the payment.
create or replace function private.etsy_sales(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query select * from private.sale_events(p_connection_id, p_orders);
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
    return query
        select e.class, o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null::text
        from private.etsy_taxes(p_connection_id, p_orders) as t
        join public.orders as o on o.connection_id = p_connection_id and o.platform_id = t.order_platform_id
        cross join lateral (values
            ('tax_' || t.whose, nullif(t.amount, 0)),
            ('fees_unknown', case when t.part = 'sales_tax' and not t.is_paid and coalesce(o.total_amount, 0) > 0 then 0 end)
        ) as e (class, amount)
        where private.counts_as_sale(o) and e.amount is not null;
end $$;

-- etsy_entries: entries of the ledger as events.
create or replace function private.etsy_entries(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select l.class, l.order_platform_id, null::text, l.occurred_at, o.ordered_at, l.currency, l.entry_amount, 'payments', l.platform_id,
           l.entry_type
    from private.etsy_ledger(p_connection_id, p_from, p_to, p_orders) as l
    left join public.orders as o on o.connection_id = p_connection_id and o.platform_id = l.order_platform_id;
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
        from paid as w join public.orders as o on o.connection_id = p_connection_id and o.platform_id = w.id and o.currency = w.currency
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

-- shopify_orders: what is told of these orders beside their journal: that they are orders, what printing them cost, what is not known of them; and
-- what they are made of, where their journal was not read yet.
create or replace function private.shopify_orders(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query
        select s.* from private.sale_events(p_connection_id, p_orders) as s
        where s.class in ('order', 'uncosted') or not exists (
            select from public.order_journals as j
            where j.connection_id = p_connection_id and j.platform_id = s.order_platform_id and not j.is_deleted);
    return query select * from private.sold_cost_events(p_connection_id, p_orders);
    return query
        select e.class, o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null::text
        from (select distinct unnest(p_orders) as id) as w
        join public.orders as o on o.connection_id = p_connection_id and o.platform_id = w.id
        cross join lateral private.sale_parts(o) as p
        cross join lateral (select
            exists (select from public.order_journals as j
                    where j.connection_id = p_connection_id and j.platform_id = o.platform_id and not j.is_deleted) as has_journal,
            exists (select from public.order_transactions as t
                    where t.connection_id = p_connection_id and t.order_platform_id = o.platform_id and not t.is_deleted
                      and t.kind in ('sale', 'capture') and t.status = 'success' and t.fees_amount is null
                      and t.gateway is distinct from 'gift_card') as lacks_fees) as x
        cross join lateral (values ('tax_unknown', case when not x.has_journal then nullif(p.tax, 0) end),
                                   ('fees_unknown', case when x.lacks_fees then 0 end)) as e (class, amount)
        where private.counts_as_sale(o) and e.amount is not null;
end $$;

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
    join public.orders as o on o.connection_id = p_connection_id and o.platform_id = t.order_platform_id
    cross join lateral (values
        ('payment', case when t.kind in ('sale', 'capture') then t.transaction_amount end, t.currency),
        ('refund_paid', case when t.kind = 'refund' then -t.transaction_amount end, t.currency),
        ('other_income', t.rounding_amount, t.currency),
        ('fee_payment', -t.fees_amount, coalesce(t.fee_currency, t.currency)),
        ('tax_on_fees', -t.fees_tax_amount, coalesce(t.fee_currency, t.currency))) as e (class, amount, currency)
    where t.status = 'success' and not coalesce(t.is_test, false) and private.counts_as_sale(o) and e.amount <> 0;
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
    return query select * from private.shopify_payments(p_connection_id, p_from, p_to, null);
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
    select * from private.shopify_payments(p_connection_id, null, null, p_orders);
$$;
