-- Money events are derived, days rolled up, and figures and cost reports stand on them (docs/decisions/037).

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
    ('public.money_days', 'connection', null, null, null, 'one a day, currency and class'),
    ('public.money_day_states', 'connection', null, null, null, 'one a day'),
    ('private.money_marks', 'connection', null, null, null, 'until they are rolled up'),
    ('private.money_touched', 'connection', null, null, null, 'until they are rolled up'),
    -- Sellers pay taxes by what stood there: it goes with the shop.
    ('private.money_journal', 'connection', null, null, null, 'one each change of a closed day'),
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
    ('private.money_classes', 'reference', null, null, null, 'one a class'),
    ('private.money_kinds', 'reference', null, null, null, 'one a kind of a platform''s records'),
    ('private.money_streams', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- settle_costs: bring the cost columns of these orders up to date. `p_orders` is [{connection_id, id}, ...]. Orders are
-- found one by one, by their key (docs/decisions/011): before the first ANALYZE the planner believes a shop's orders to
-- be few, and would read all of them for each page.
create or replace function private.settle_costs(p_orders jsonb) returns void
language sql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    with settled as materialized (
        select w.connection_id, w.id, min(c.source) as source, min(c.currency) as currency,
               sum(c.production_amount + c.shipping_amount + c.tax_amount)::bigint as amount,
               case when bool_or(c.state = 'ambiguous') or min(c.currency) <> max(c.currency) then 'ambiguous'
                    when bool_and(c.is_known) then 'linked'
                    else 'no_cost_yet' end as state
        from (select distinct (e ->> 'connection_id')::uuid as connection_id, e ->> 'id' as id
              from jsonb_array_elements(p_orders) as e) as w
        left join lateral (
            select k.connection_id, k.source_id from private.cost_links as k
            where k.order_connection_id = w.connection_id and k.order_platform_id = w.id offset 0) as k on true
        left join lateral (
            select c.source, c.currency, c.production_amount, c.shipping_amount, c.state, c.is_known,
                   case when u.reclaims_tax then 0 else coalesce(c.tax_amount, 0) end as tax_amount
            from public.order_costs as c
            join public.profiles as u on u.user_id = c.user_id
            where c.connection_id = k.connection_id and c.source_id = k.source_id offset 0) as c on true
        group by w.connection_id, w.id),
    changed as materialized (
        select o.at, s.connection_id, s.id, s.source, s.state, t.amount, t.currency
        from settled as s
        cross join lateral (
            select case s.state when 'linked' then s.amount end as amount,
                   case s.state when 'linked' then s.currency end as currency) as t
        cross join lateral (
            select o.ctid as at, o.cost_state, o.cost_source, o.cost_amount, o.cost_currency from public.orders as o
            where o.connection_id = s.connection_id and o.platform_id = s.id offset 0) as o
        where (o.cost_state, o.cost_source, o.cost_amount, o.cost_currency) is distinct from
              (s.state, s.source, t.amount, t.currency))
    update public.orders as o
       set cost_amount = c.amount, cost_currency = c.currency, cost_source = c.source, cost_state = c.state
      from changed as c
     where o.ctid = any (array(select n.at from changed as n)) and o.connection_id = c.connection_id
       and o.platform_id = c.id;
$$;

-- costs_changed: records of a printer have changed; take their facts over, link them, settle the orders.
create or replace function private.costs_changed(p_user_id uuid, p_connection_id uuid, p_source text, p_ids text[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off as $$
declare fresh text[]; gone text[];
begin
    execute format($sql$
        with facts as materialized (select * from private.%I($1, $2)),
        saved as (
            insert into public.order_costs as c (connection_id, user_id, source, source_id, order_type, reference, label,
                reprint_of, is_reprint, ordered_at, currency, production_amount, shipping_amount, is_known, tax_amount, is_classified)
            select $1, $4, $3, f.* from facts as f
            on conflict (connection_id, source_id) do update
               set order_type = excluded.order_type, reference = excluded.reference, label = excluded.label,
                   reprint_of = excluded.reprint_of, is_reprint = excluded.is_reprint, ordered_at = excluded.ordered_at,
                   currency = excluded.currency, production_amount = excluded.production_amount,
                   shipping_amount = excluded.shipping_amount, is_known = excluded.is_known,
                   tax_amount = excluded.tax_amount, is_classified = excluded.is_classified
             where (c.order_type, c.reference, c.label, c.reprint_of, c.is_reprint, c.ordered_at, c.currency,
                    c.production_amount, c.shipping_amount, c.is_known, c.tax_amount, c.is_classified) is distinct from
                   (excluded.order_type, excluded.reference, excluded.label, excluded.reprint_of, excluded.is_reprint,
                    excluded.ordered_at, excluded.currency, excluded.production_amount, excluded.shipping_amount,
                    excluded.is_known, excluded.tax_amount, excluded.is_classified)
            returning c.source_id)
        select coalesce((select array_agg(s.source_id) from saved as s), '{}'),
               coalesce((select array_agg(i) from unnest($2) as i where i not in (select source_id from facts)), '{}')
    $sql$, 'cost_facts_' || p_source) into fresh, gone using p_connection_id, p_ids, p_source, p_user_id;
    delete from public.order_costs where connection_id = p_connection_id and source_id = any (gone);
    if fresh <> '{}' or gone <> '{}' then
        perform private.link_costs(p_user_id, p_connection_id, fresh || gone);
    end if;
end $$;

-- class_of: of one kind; what nobody has named is unclassified. A refund of a known kind takes its class.
create or replace function private.class_of(p_platform text, p_source text, p_kind text) returns text
language sql stable as $$
    select coalesce(
        (select k.class from private.money_kinds as k where k.platform = p_platform and k.source = p_source and k.kind = p_kind),
        (select k.class from private.money_kinds as k where k.platform = p_platform and k.source = p_source
            and p_kind like '%\_refund' and k.kind = left(p_kind, -7)),
        'unclassified');
$$;

-- counts_as_sale: paid, and no test; what was voided was never paid in the end.
create or replace function private.counts_as_sale(o public.orders) returns boolean
language sql immutable as $$
    select not o.is_deleted and coalesce(o.is_paid, true) and not coalesce(o.is_test, false) and coalesce(o.status, '') <> 'voided';
$$;

-- sale_parts: what an order was made of. From its parts, never its total less taxes: fees of states and coupons of platforms are in
-- that. A tax that the total shows to be inside the prices comes out of the goods. `goods` is null where no part says it.
create or replace function private.sale_parts(o public.orders)
returns table (goods bigint, discount bigint, shipping bigint, other bigint, tip bigint, tax bigint)
language sql immutable as $$
    select p.item - case when p.vat <> 0 and o.total_amount = p.whole - p.vat then p.vat
                         when p.sales_tax <> 0 and o.total_amount = p.whole - p.sales_tax then p.sales_tax else 0 end,
           p.discount, p.shipping, p.other, p.tip, p.sales_tax + p.vat
    from (select q.*, q.item - q.discount + q.shipping + q.other + q.tip + q.sales_tax + q.vat as whole
          from (select coalesce(o.item_total_amount, o.subtotal_amount + coalesce(o.discount_amount, 0)) as item,
                       coalesce(o.discount_amount, 0) as discount, coalesce(o.shipping_amount, 0) as shipping,
                       coalesce(o.gift_wrap_amount, 0) as other, coalesce(o.tip_amount, 0) as tip,
                       coalesce(o.tax_amount, 0) as sales_tax, coalesce(o.vat_amount, 0) as vat) as q) as p;
$$;

-- sale_events: of the orders of a time what each is made of, without the taxes; and that its cost is not known. An order whose
-- parts could not be read is unclassified, with what is left of its total.
create or replace function private.sale_events(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language sql stable set search_path = '' as $$
    select e.class, o.platform_id, null, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null
    from public.orders as o
    cross join lateral private.sale_parts(o) as p
    cross join lateral (values
        ('order', 0),
        (case when p.goods is null then 'unclassified' else 'gross_sales' end,
         coalesce(p.goods, o.total_amount - p.tax - p.shipping - p.other - p.tip, 0)),
        ('discount', case when p.goods is not null then -p.discount end),
        ('shipping', p.shipping), ('other_income', p.other), ('tip', p.tip),
        ('uncosted', case when o.cost_state = 'linked' then null else 0 end)) as e (class, amount)
    where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and private.counts_as_sale(o)
      and (e.amount <> 0 or e.amount is not null and e.class in ('order', 'gross_sales', 'unclassified', 'uncosted'));
$$;

-- cost_parts: what one order of a printer adds to the classes of cost. What is not known adds nothing, and what is of an unknown
-- kind is unclassified. Whether its tax is a cost is the seller's to say.
create or replace function private.cost_parts(c public.order_costs, p_reclaims boolean) returns table (class text, amount bigint)
language sql immutable as $$
    select case when c.is_classified then v.class else 'unclassified' end, -v.amount
    from (values ('cogs_goods', c.production_amount), ('cogs_shipping', c.shipping_amount),
                 (case when p_reclaims then 'cogs_tax_reclaimed' else 'cogs_tax' end, c.tax_amount)) as v (class, amount)
    where v.amount <> 0;
$$;

-- sold_cost_events: what printing cost, of the orders of a time that it is linked to, on the day of their sale.
create or replace function private.sold_cost_events(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select v.class, o.platform_id, null, o.ordered_at, o.ordered_at, c.currency, v.amount, 'order_costs', c.source_id, c.source
    from public.orders as o
    cross join lateral (select k.connection_id, k.source_id from private.cost_links as k
                        where k.order_connection_id = o.connection_id and k.order_platform_id = o.platform_id offset 0) as k
    join public.order_costs as c on c.connection_id = k.connection_id and c.source_id = k.source_id
    join public.profiles as u on u.user_id = c.user_id
    cross join lateral private.cost_parts(c, u.reclaims_tax) as v
    where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and not o.is_deleted
      and c.state = 'linked';
$$;

-- unsold_cost_events: what printing cost that belongs to no order, on the day that it was ordered, at the printer. `detail` says why.
create or replace function private.unsold_cost_events(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language sql stable set search_path = '' as $$
    select v.class, null, null, c.ordered_at, null::timestamptz, c.currency, v.amount, 'order_costs', c.source_id,
           coalesce(c.reason, c.state)
    from public.order_costs as c
    join public.profiles as u on u.user_id = c.user_id
    cross join lateral private.cost_parts(c, u.reclaims_tax) as v
    where c.connection_id = p_connection_id and c.state <> 'linked' and c.ordered_at >= p_from and c.ordered_at < p_to;
$$;

-- refund_parts: the sum of refunds of an order, of which so much was tax, as goods, shipping, the rest and tax. The goods come first,
-- as far as there were any, then shipping, then the rest; more than that is an adjustment. What was refunded wholly comes to nothing.
-- Of sums, so that several refunds of an order add up: each is what the sum has grown by.
create or replace function private.refund_parts(o public.orders, p_sum bigint, p_tax bigint)
returns table (goods bigint, shipping bigint, other bigint, adjustment bigint, tax bigint)
language sql immutable as $$
    select g.goods, s.shipping, r.other, x.rest - g.goods - s.shipping - r.other, t.tax
    from private.sale_parts(o) as p
    cross join lateral (select case when p_sum >= o.total_amount then p.tax else least(greatest(p_tax, 0), p.tax, p_sum) end as tax) as t
    cross join lateral (select p_sum - t.tax as rest) as x
    cross join lateral (select least(x.rest, greatest(coalesce(p.goods, x.rest) - p.discount, 0)) as goods) as g
    cross join lateral (select least(x.rest - g.goods, p.shipping) as shipping) as s
    cross join lateral (select least(x.rest - g.goods - s.shipping, p.other + p.tip) as other) as r;
$$;

-- money_events: all of them of a connection in a time.
create or replace function private.money_events(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' as $$
declare place text;
begin
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.money_events_%s(uuid, timestamptz, timestamptz)', place)) is not null then
        return query execute format('select * from private.%I($1, $2, $3)', 'money_events_' || place)
            using p_connection_id, p_from, p_to;
    end if;
end $$;

-- money_reversals: what was taken back of the sales of a time, whenever that was.
create or replace function private.money_reversals(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off as $$
declare place text; ids text[];
begin
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.money_reversals_%s(uuid, text[])', place)) is not null then
        ids := array(select o.platform_id from public.orders as o
                     where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and not o.is_deleted);
        return query execute format('select * from private.%I($1, $2)', 'money_reversals_' || place) using p_connection_id, ids;
    end if;
end $$;

-- zones_of: in which zone a shop's days are, from when until when: as the platform says, else the seller, else a guess; a printer, which has no
-- zone, has that of the user's other shops. The first is taken for all time before it; where nobody says one, it is UTC.
create or replace function private.zones_of(p_connection_id uuid) returns table (since timestamptz, until timestamptz, zone text)
language sql stable set search_path = '' as $$
    with said as (
        select z.*, rank() over (order by z.connection_id <> p_connection_id, array_position('{platform,seller,guess}'::text[], z.said_by),
                                          z.connection_id) as place
        from public.shop_time_zones as z
        where z.connection_id = p_connection_id
           or z.connection_id = any (array(select b.id from public.connected_accounts as a join public.connected_accounts as b on b.user_id = a.user_id
                                           join private.cost_rules as c on c.source = a.platform where a.id = p_connection_id)))
    select case when row_number() over w = 1 then '-infinity' else s.valid_from end, lead(s.valid_from, 1, 'infinity'::timestamptz) over w, s.zone
    from said as s where s.place = 1 window w as (order by s.valid_from)
    union all
    select '-infinity', 'infinity', 'UTC' where not exists (select from said);
$$;

-- day_starts: when so many days begin from this one on, and when the last of them ends: the first moment at which the shop's calendar shows that
-- date or a later one. Where the clock shows midnight twice, the first counts.
create or replace function private.day_starts(p_connection_id uuid, p_first date, p_days int) returns timestamptz[]
language sql stable set search_path = '' as $$
    select array_agg(s.starts order by s.day)
    from (select d.day, min(m.starts) as starts
          from (select p_first + n as day from generate_series(0, p_days) as n) as d
          cross join private.zones_of(p_connection_id) as z
          cross join lateral (select (d.day::timestamp at time zone z.zone) as midnight) as k
          cross join lateral (
              select greatest(z.since, case when ((k.midnight - interval '1 hour') at time zone z.zone)::date >= d.day
                                            then k.midnight - interval '1 hour' else k.midnight end) as starts) as m
          where m.starts < z.until
          group by d.day) as s;
$$;

-- mark_touched: the hours of these rows are touched, and those of the orders that they are about: what an order is decides what its refunds
-- and its taxes are, and the other way round. One row a connection, whatever a page brought.
create or replace function private.mark_touched(p_table text, p_rows private.touched_row[]) returns void
language sql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with rows_ as materialized (select * from unnest(p_rows)),
    about as materialized (select distinct r.connection_id, r.order_id from rows_ as r where r.order_id is not null),
    moments as (
        select r.connection_id, r.at from rows_ as r
        union all
        select a.connection_id, o.ordered_at from about as a
        cross join lateral (select o.ordered_at from public.orders as o
                            where p_table <> 'orders' and o.connection_id = a.connection_id and o.platform_id = a.order_id offset 0) as o
        union all
        select a.connection_id, f.refunded_at from about as a
        cross join lateral (select f.refunded_at, f.is_deleted from public.order_refunds as f
                            where f.connection_id = a.connection_id and f.order_platform_id = a.order_id and not f.is_deleted offset 0) as f)
    insert into private.money_marks (connection_id, table_name, run_id, hours)
    select m.connection_id, p_table, (select coalesce(private.recording_for(), max(r.run_id::text)::uuid) from rows_ as r),
           array_agg(distinct date_bin('1 hour', m.at, '2000-01-01Z'))
    from moments as m where m.at is not null
      -- What goes with its connection is rolled up nowhere.
      and exists (select from public.connected_accounts as a where a.id = m.connection_id)
    group by m.connection_id;
$$;

-- run_of_costs: whose reading of a printer is changing costs and orders right now; what is derived carries no run of its own.
create or replace function private.run_of_costs() returns uuid
language sql stable as $$ select nullif(current_setting('keeper.run_of_costs', true), '')::uuid $$;

-- mark_all: everything of a connection is to be rolled up anew: a setting, a zone or a class has changed, and `p_why` says which.
create or replace function private.mark_all(p_connection_id uuid, p_why text) returns void
language sql set search_path = '' as $$
    insert into private.money_marks (connection_id, table_name) values (p_connection_id, p_why);
$$;

-- money_span: the first and the last moment of which a connection has any record of money.
create or replace function private.money_span(p_connection_id uuid, out first timestamptz, out last timestamptz)
language sql stable set search_path = '' as $$
    select min(m.at), max(m.at) from (
        (select ordered_at as at from public.orders where connection_id = p_connection_id and not is_deleted order by ordered_at limit 1)
        union all
        (select ordered_at from public.orders where connection_id = p_connection_id and not is_deleted order by ordered_at desc limit 1)
        union all
        (select refunded_at from public.order_refunds where connection_id = p_connection_id and not is_deleted order by refunded_at limit 1)
        union all
        (select refunded_at from public.order_refunds where connection_id = p_connection_id and not is_deleted order by refunded_at desc limit 1)
        union all
        (select occurred_at from public.payments where connection_id = p_connection_id and not is_deleted order by occurred_at limit 1)
        union all
        (select occurred_at from public.payments where connection_id = p_connection_id and not is_deleted order by occurred_at desc limit 1)
        union all
        (select happened_at from public.order_sales where connection_id = p_connection_id and not is_deleted order by happened_at limit 1)
        union all
        (select happened_at from public.order_sales where connection_id = p_connection_id and not is_deleted order by happened_at desc limit 1)
        union all
        (select ordered_at from public.order_costs where connection_id = p_connection_id and state <> 'linked' order by ordered_at limit 1)
        union all
        (select ordered_at from public.order_costs where connection_id = p_connection_id and state <> 'linked' order by ordered_at desc limit 1)
        ) as m;
$$;

-- fold_marks: marks become the days that they are about, with why. An hour may be of two days.
create or replace function private.fold_marks(p_connection_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    with taken as (delete from private.money_marks where connection_id = p_connection_id returning *),
    days as (
        select ((h.hour + e.edge) at time zone z.zone)::date as day, jsonb_build_object('table', t.table_name, 'run_id', t.run_id) as cause
        from taken as t cross join unnest(t.hours) as h (hour)
        cross join (values (interval '0'), (interval '59 minutes 59.999999 seconds')) as e (edge)
        cross join private.zones_of(p_connection_id) as z
        union all
        select d.day::date, jsonb_build_object('because', t.table_name)
        from taken as t
        cross join private.money_span(p_connection_id) as s
        cross join lateral generate_series((s.first at time zone 'UTC')::date - 1, (s.last at time zone 'UTC')::date + 1, interval '1 day') as d (day)
        where t.hours is null
        union all
        select s.day, jsonb_build_object('because', t.table_name)
        from taken as t join public.money_day_states as s on s.connection_id = p_connection_id where t.hours is null)
    insert into private.money_touched as k (connection_id, day, causes)
    select p_connection_id, d.day, jsonb_agg(distinct d.cause) from days as d group by d.day
    on conflict (connection_id, day) do update
       set causes = (select jsonb_agg(distinct c) from jsonb_array_elements(k.causes || excluded.causes) as c);
end $$;

-- proved_until: up to where everything that the figures of a connection stand on was read and proven: its own streams, and the printers'.
-- Null where one of them never was.
create or replace function private.proved_until(p_connection_id uuid) returns timestamptz
language sql stable set search_path = '' as $$
    select case when bool_and(r.known_until is not null) then min(r.known_until) end
    from public.connected_accounts as a
    join public.connected_accounts as b on b.user_id = a.user_id and (b.id = a.id or b.status = 'connected' and exists (
        select from private.cost_rules as c where c.source = b.platform))
    join private.money_streams as s on s.platform = b.platform
    left join private.sync_rounds as r on r.connection_id = b.id and r.entity = s.entity
    where a.id = p_connection_id;
$$;

-- figures_of_days: the figures of days as one document each: {currency: {class: [amount, events, of_sales]}}.
create or replace function private.figures_of_days(p_connection_id uuid, p_first date, p_last date) returns table (day date, figures jsonb)
language sql stable set search_path = '' as $$
    select c.day, jsonb_object_agg(c.currency, c.classes)
    from (select d.day, d.currency, jsonb_object_agg(d.class, jsonb_build_array(d.amount, d.events, d.of_sales)) as classes
          from public.money_days as d
          where d.connection_id = p_connection_id and d.day >= p_first and d.day <= p_last group by d.day, d.currency) as c
    group by c.day;
$$;

-- fresh_figures: the same, worked out from the events.
create or replace function private.fresh_figures(p_connection_id uuid, p_first date, p_starts timestamptz[])
returns table (day date, figures jsonb) language sql stable set search_path = '' as $$
    with sums as (
        select width_bucket(e.at, p_starts) as n, e.currency, e.class, sum(e.amount) as amount, count(*) as events, 0::numeric as of_sales
        from private.money_events(p_connection_id, p_starts[1], p_starts[cardinality(p_starts)]) as e group by 1, 2, 3
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

-- awaited: what figures of a day count that is not known, by class.
create or replace function private.awaited(p_figures jsonb) returns table (class text, events bigint)
language sql immutable set search_path = '' as $$
    select k.key, sum((k.value ->> 1)::bigint)
    from jsonb_each(coalesce(p_figures, '{}')) as c, jsonb_each(c.value) as k
    where k.key in ('unclassified', 'uncosted', 'fees_unknown') group by 1;
$$;

-- settle_day: how a day stands, now that its figures are these. Whatever becomes of a day that was ever closed is on record.
create or replace function private.settle_day(connection public.connected_accounts, p_day date, p_starts_at timestamptz, p_ends_at timestamptz,
    p_before jsonb, p_after jsonb, p_causes jsonb, p_proved timestamptz, p_has_costs boolean) returns void
language plpgsql set search_path = '' as $$
declare old public.money_day_states; now_ timestamptz := clock_timestamp(); waits jsonb; absent jsonb; due timestamptz; new_state text;
begin
    select * into old from public.money_day_states as s where s.connection_id = connection.id and s.day = p_day;
    if old.connection_id is null and p_after is null then
        return;
    end if;
    select coalesce(jsonb_object_agg(w.class, w.events) filter (where w.is_awaited), '{}'),
           coalesce(jsonb_object_agg(w.class, w.events) filter (where not w.is_awaited), '{}'),
           min(w.until) filter (where w.is_awaited and w.until < 'infinity')
      into waits, absent, due
      from (select t.class, t.events, t.until, t.until > now_ as is_awaited
            from (select a.class, a.events, case when a.class = 'unclassified' then 'infinity'
                                                 when a.class = 'uncosted' and not p_has_costs then '-infinity'
                                                 else p_ends_at + coalesce(c.waits, interval '0') end as until
                  from private.awaited(p_after) as a left join private.money_classes as c on c.class = a.class) as t) as w;
    if p_ends_at > now_ then
        waits := waits || '{"day_not_over": 1}';
    end if;
    if p_proved is null or p_proved < p_ends_at then
        waits := waits || '{"not_proven": 1}';
    end if;
    new_state := case when waits <> '{}' then 'open'
                      when old.restated_at is not null or old.closed_at is not null and p_before is distinct from p_after then 'restated'
                      else 'closed' end;
    if old.closed_at is not null and p_before is distinct from p_after then
        insert into private.money_journal (connection_id, user_id, day, kind, before, after, causes)
        values (connection.id, connection.user_id, p_day, case when new_state = 'open' then 'reopened' else 'restated' end,
                p_before, coalesce(p_after, '{}'), p_causes);
    elsif new_state <> 'open' and old.closed_at is null then
        insert into private.money_journal (connection_id, user_id, day, kind, before, after, causes)
        values (connection.id, connection.user_id, p_day, 'closed', null, coalesce(p_after, '{}'), p_causes);
    end if;
    insert into public.money_day_states as s (connection_id, user_id, platform, day, starts_at, ends_at, state, waits, absent, closed_at,
                                              restated_at, due_at)
    values (connection.id, connection.user_id, connection.platform, p_day, p_starts_at, p_ends_at, new_state, waits, absent,
            case when new_state <> 'open' then now_ end, null, due)
    on conflict (connection_id, day) do update
       set starts_at = excluded.starts_at, ends_at = excluded.ends_at, state = excluded.state, waits = excluded.waits, absent = excluded.absent,
           due_at = excluded.due_at, closed_at = coalesce(s.closed_at, excluded.closed_at),
           restated_at = case when s.closed_at is not null and p_before is distinct from p_after then now_ else s.restated_at end
     where (s.starts_at, s.ends_at, s.state, s.waits, s.absent, s.due_at) is distinct from
           (excluded.starts_at, excluded.ends_at, excluded.state, excluded.waits, excluded.absent, excluded.due_at)
        or s.closed_at is not null and p_before is distinct from p_after;
end $$;

-- roll_days: so many days from this one on are added up anew. Those that come to the same are not written.
create or replace function private.roll_days(connection public.connected_accounts, p_first date, p_days int) returns void
language plpgsql set search_path = '' as $$
declare starts timestamptz[] := private.day_starts(connection.id, p_first, p_days); proved timestamptz := private.proved_until(connection.id);
        has_costs boolean := private.has_costs(connection.user_id); each record;
begin
    for each in
        select p_first + n as day, n, b.figures as before, a.figures as after, t.causes, t.day is not null as is_touched
        from generate_series(0, p_days - 1) as n
        left join private.figures_of_days(connection.id, p_first, p_first + p_days - 1) as b on b.day = p_first + n
        left join private.fresh_figures(connection.id, p_first, starts) as a on a.day = p_first + n
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

-- close_days: open days that waited for nothing but their end and their proof close, without being added up again.
create or replace function private.close_days(p_connection_id uuid) returns int
language plpgsql set search_path = '' as $$
declare proved timestamptz := least(private.proved_until(p_connection_id), clock_timestamp()); closed int;
begin
    if private.proved_until(p_connection_id) is null then
        return 0;
    end if;
    with over as (
        update public.money_day_states as s
           set state = case when s.restated_at is null then 'closed' else 'restated' end, waits = '{}',
               closed_at = coalesce(s.closed_at, clock_timestamp())
         where s.connection_id = p_connection_id and s.state = 'open' and s.ends_at <= proved
           and s.waits - '{day_not_over,not_proven}'::text[] = '{}'
           and not exists (select from private.money_touched as t where t.connection_id = s.connection_id and t.day = s.day)
        returning s.connection_id, s.user_id, s.day),
    noted as (
        insert into private.money_journal (connection_id, user_id, day, kind, after, causes)
        select o.connection_id, o.user_id, o.day, 'closed', coalesce(f.figures, '{}'), '[]'
        from over as o
        left join private.figures_of_days(p_connection_id, (select min(day) from over), (select max(day) from over)) as f on f.day = o.day
        returning 1)
    select count(*) into closed from noted;
    return closed;
end $$;

-- roll_connection: a step of a connection: its marks, then so many touched days in a row, the newest first. Answers how many days are left.
create or replace function private.roll_connection(p_connection_id uuid, p_days int) returns int
language plpgsql set search_path = '' as $$
declare connection public.connected_accounts; last_ date; days int;
begin
    -- Two at once would write what the other has not seen; the second sees all that the first did.
    perform pg_advisory_xact_lock(hashtextextended('keeper money ' || p_connection_id, 0));
    select * into connection from public.connected_accounts where id = p_connection_id;
    perform private.fold_marks(p_connection_id);
    insert into private.money_touched (connection_id, day, causes)
    select s.connection_id, s.day, '[{"because": "waited_long_enough"}]' from public.money_day_states as s
    where s.connection_id = p_connection_id and s.state = 'open' and s.due_at <= clock_timestamp()
    on conflict do nothing;
    select max(t.day) into last_ from private.money_touched as t where t.connection_id = p_connection_id;
    if last_ is not null then
        select count(*) into days
        from (select t.day, row_number() over (order by t.day desc) as n from private.money_touched as t
              where t.connection_id = p_connection_id order by t.day desc limit p_days) as r
        where r.day = last_ - r.n::int + 1;
        perform private.roll_days(connection, last_ - days + 1, days);
    end if;
    perform private.close_days(p_connection_id);
    return (select count(*) from private.money_touched as t where t.connection_id = p_connection_id);
end $$;

-- shops_to_roll: those that wait, the longest first: not those whose history is still being read, where every day would be rolled up again
-- and again; whoever reads it does that now and then.
create or replace function private.shops_to_roll() returns uuid[]
language sql stable set search_path = '' as $$
    select coalesce(array_agg(w.id order by w.at, w.id), '{}')
    from (select a.id, min(k.at) as at
          from (select m.connection_id, min(m.at) as at from private.money_marks as m group by 1
                union all
                select t.connection_id, '-infinity' from private.money_touched as t group by 1
                union all
                select s.connection_id, min(s.due_at) from public.money_day_states as s
                where s.state = 'open' and s.due_at <= clock_timestamp() group by 1) as k
          join public.connected_accounts as a on a.id = k.connection_id
          where not exists (select from public.sync_jobs as j where j.connection_id = a.id and j.job_type = 'backfill'
                                                                and j.status in ('waiting', 'queued', 'running', 'parked'))
          group by a.id order by min(k.at), a.id limit 100) as w;
$$;

-- roll_money: a step of a connection of a user, or of the one that has waited longest. Answers {days_left, connections_left}: nothing is
-- left where both are 0.
create or replace function public.roll_money(p_user_id uuid default null, p_days int default 7) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare shops uuid[] := private.connections_of(p_user_id); waiting uuid[]; days_left int := 0;
begin
    waiting := case when p_user_id is null then private.shops_to_roll() else array(
        select s from unnest(shops) as s
        where exists (select from private.money_marks as m where m.connection_id = s)
           or exists (select from private.money_touched as t where t.connection_id = s)
           or exists (select from public.money_day_states as d
                      where d.connection_id = s and d.state = 'open' and d.due_at <= clock_timestamp())
        order by s) end;
    if waiting <> '{}' then
        days_left := private.roll_connection(waiting[1], p_days);
    end if;
    if p_user_id is not null and cardinality(waiting) <= 1 and days_left = 0 then
        perform private.close_days(s) from unnest(shops) as s;
    end if;
    return jsonb_build_object('days_left', days_left, 'connections_left', greatest(cardinality(waiting) - (days_left = 0)::int, 0));
end $$;

revoke all on function public.roll_money(uuid, int) from public, anon, authenticated;

grant execute on function public.roll_money(uuid, int) to service_role;

-- rebuild_money: everything of a user's shops, or of some, is to be rolled up anew from its rows. Answers how many shops that is.
create or replace function public.rebuild_money(p_user_id uuid, p_connections uuid[] default null) returns int
language plpgsql security definer set search_path = '' as $$
declare shops uuid[] := array(select s from unnest(private.connections_of(p_user_id)) as s
                              where p_connections is null or s = any (p_connections) order by s);
begin
    perform private.mark_all(s, 'rebuild') from unnest(shops) as s;
    return cardinality(shops);
end $$;

revoke all on function public.rebuild_money(uuid, uuid[]) from public, anon, authenticated;

grant execute on function public.rebuild_money(uuid, uuid[]) to service_role;

-- set_tax_reclaim: whether the seller gets back the tax that printers charge, so that it is no cost.
create or replace function public.set_tax_reclaim(p_user_id uuid, p_reclaims boolean) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    update public.profiles set reclaims_tax = p_reclaims where user_id = p_user_id and reclaims_tax <> p_reclaims;
    if found then
        perform private.mark_all(a.id, 'tax_reclaim') from public.connected_accounts as a where a.user_id = p_user_id order by a.id;
        perform private.begin_work(a.id, 'rebuild') from public.connected_accounts as a
          where a.user_id = p_user_id and a.platform in (select c.platform from private.sales_channels as c) order by a.id;
    end if;
    return exists (select from public.profiles where user_id = p_user_id);
end $$;

revoke all on function public.set_tax_reclaim(uuid, boolean) from public, anon, authenticated;

grant execute on function public.set_tax_reclaim(uuid, boolean) to service_role;

-- declare_money: what the directive says becomes what the figures go by. Each day that has a record of a kind whose class is
-- another now is rolled up anew. `p_declared` is {classes: [{class, figure, part, waits}], kinds: [{platform, source, kind, class}], streams:
-- [{platform, entity}]}. Answers which kinds changed.
create or replace function public.declare_money(p_declared jsonb) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare changed jsonb;
begin
    perform pg_advisory_xact_lock(hashtextextended('keeper money classes', 0));
    with said as (select * from jsonb_to_recordset(p_declared -> 'kinds') as k (platform text, source text, kind text, class text))
    select coalesce(jsonb_agg(distinct jsonb_build_object('platform', platform, 'source', source, 'kind', kind)), '[]') into changed
    from ((select * from said except select platform, source, kind, class from private.money_kinds)
          union all
          (select platform, source, kind, class from private.money_kinds except select * from said)) as d;
    if changed <> '[]' then
        delete from private.money_kinds;
        insert into private.money_kinds (platform, source, kind, class)
        select * from jsonb_to_recordset(p_declared -> 'kinds') as k (platform text, source text, kind text, class text);
        perform private.mark_kinds(changed);
    end if;
    with said as (select * from jsonb_to_recordset(p_declared -> 'classes') as c (class text, figure text, part text, waits interval)),
    gone as (delete from private.money_classes as c where c.class not in (select s.class from said as s))
    insert into private.money_classes as c (class, figure, part, waits) select * from said
    on conflict (class) do update set figure = excluded.figure, part = excluded.part, waits = excluded.waits
     where (c.figure, c.part, c.waits) is distinct from (excluded.figure, excluded.part, excluded.waits);
    with said as (select * from jsonb_to_recordset(p_declared -> 'streams') as s (platform text, entity text)),
    gone as (delete from private.money_streams as m where (m.platform, m.entity) not in (select s.platform, s.entity from said as s))
    insert into private.money_streams (platform, entity) select * from said on conflict do nothing;
    return changed;
end $$;

revoke all on function public.declare_money(jsonb) from public, anon, authenticated;

grant execute on function public.declare_money(jsonb) to service_role;

-- mark_kinds: shops that have records of these kinds are touched where they have them. What a platform calls its own is looked for by
-- the platform's function; without one, everything of its shops is rolled up anew.
create or replace function private.mark_kinds(p_kinds jsonb) returns void
language plpgsql set search_path = '' as $$
declare each record;
begin
    for each in select k ->> 'platform' as platform, array_agg(k ->> 'kind') as kinds from jsonb_array_elements(p_kinds) as k group by 1 loop
        if to_regprocedure(format('private.mark_kinds_%s(text[])', each.platform)) is not null then
            execute format('select private.%I($1)', 'mark_kinds_' || each.platform) using each.kinds;
        else
            perform private.mark_all(a.id, 'directive') from public.connected_accounts as a where a.platform = each.platform order by a.id;
        end if;
    end loop;
end $$;

-- money_of: the figures of a day's rows in one currency: by figure, the profit, and every class.
create or replace function private.money_of(p_figures jsonb) returns jsonb
language sql stable set search_path = '' as $$
    select coalesce(jsonb_object_agg(m.currency, jsonb_build_object(
               'profit', m.profit, 'figures', m.figures, 'classes', m.classes, 'of_sales', m.of_sales)), '{}')
    from (select k.currency, coalesce(sum(k.amount) filter (where k.part = 'profit'), 0) as profit,
                 (select jsonb_object_agg(f.figure, f.value) from (
                     select coalesce(c.figure, 'unclassified') as figure,
                            sum(case when c.part = 'counted' then (v.value ->> 1)::bigint else (v.value ->> 0)::bigint end) as value
                     from jsonb_each(p_figures -> k.currency) as v left join private.money_classes as c on c.class = v.key group by 1) as f) as figures,
                 jsonb_object_agg(k.class, k.amount) filter (where k.part is distinct from 'counted') as classes,
                 jsonb_object_agg(k.class, k.of_sales) filter (where k.of_sales <> 0) as of_sales
          from (select c.key as currency, v.key as class, (v.value ->> 0)::bigint as amount, (v.value ->> 2)::bigint as of_sales, r.part
                from jsonb_each(p_figures) as c cross join lateral jsonb_each(c.value) as v
                left join private.money_classes as r on r.class = v.key) as k
          group by k.currency) as m;
$$;

-- money_days_of: a user's days, the newest first: figures by currency, how each stands and what it waits for. `p_after`: the last day of the
-- page before, {day, connection_id}. Answers {days, next, proved_until}.
create or replace function public.money_days_of(p_user_id uuid, p_first date default null, p_last date default null,
                                                p_connections uuid[] default null, p_after jsonb default null, p_limit int default 100)
returns jsonb language plpgsql stable security definer set search_path = '' set statement_timeout = '10s' as $$
declare shops uuid[] := private.connections_of(p_user_id); found jsonb; most int := least(greatest(p_limit, 1), 500);
begin
    shops := array(select s from unnest(shops) as s where p_connections is null or s = any (p_connections));
    with page as materialized (
        select s.* from public.money_day_states as s
        where s.connection_id = any (shops) and s.day >= coalesce(p_first, '-infinity') and s.day <= coalesce(p_last, 'infinity')
          and (p_after is null or s.day < (p_after ->> 'day')::date
               or s.day = (p_after ->> 'day')::date and s.connection_id > (p_after ->> 'connection_id')::uuid)
        order by s.day desc, s.connection_id limit most),
    figures as materialized (
        select c.connection_id, c.day, jsonb_object_agg(c.currency, c.classes) as figures
        from (select d.connection_id, d.day, d.currency, jsonb_object_agg(d.class, jsonb_build_array(d.amount, d.events, d.of_sales)) as classes
              from public.money_days as d
              where d.connection_id = any (shops) and d.day >= (select min(p.day) from page as p) and d.day <= (select max(p.day) from page as p)
              group by 1, 2, 3) as c
        group by 1, 2)
    select jsonb_build_object(
        'days', coalesce(jsonb_agg(jsonb_build_object(
            'day', p.day, 'connection_id', p.connection_id, 'platform', p.platform, 'shop_id', a.shop_id, 'state', p.state, 'waits', p.waits,
            'absent', p.absent, 'starts_at', p.starts_at, 'ends_at', p.ends_at, 'closed_at', p.closed_at, 'restated_at', p.restated_at,
            'currencies', private.money_of(coalesce(f.figures, '{}'))) order by p.day desc, p.connection_id), '[]'),
        'next', case when count(*) = most then (array_agg(jsonb_build_object('day', p.day, 'connection_id', p.connection_id)
                                                          order by p.day, p.connection_id desc))[1] end)
      into found
    from page as p join public.connected_accounts as a on a.id = p.connection_id
    left join figures as f on f.connection_id = p.connection_id and f.day = p.day;
    return found;
end $$;

revoke all on function public.money_days_of(uuid, date, date, uuid[], jsonb, int) from public, anon, authenticated;

grant execute on function public.money_days_of(uuid, date, date, uuid[], jsonb, int) to service_role;

-- money_events_of: the events behind a day of a shop, of some classes or of all, in the order of their time. `p_after`: where the page before
-- ended. Answers {events, next}.
create or replace function public.money_events_of(p_user_id uuid, p_connection_id uuid, p_day date, p_classes text[] default null,
                                                  p_after text default null, p_limit int default 100)
returns jsonb language plpgsql stable security definer set search_path = '' set statement_timeout = '10s' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id); most int := least(greatest(p_limit, 1), 500);
        starts timestamptz[] := private.day_starts(connection.id, p_day, 1);
begin
    return (
        with page as (
            select e.*, concat_ws(' ', to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.source_table, e.source_id, e.class) as place
            from private.money_events(connection.id, starts[1], starts[2]) as e
            where p_classes is null or e.class = any (p_classes)),
        cut as (select * from page as p where p_after is null or p.place collate "C" > p_after order by p.place collate "C" limit most)
        select jsonb_build_object(
            'events', coalesce(jsonb_agg(to_jsonb(c) - 'place' || jsonb_build_object(
                'user_id', connection.user_id, 'connection_id', connection.id, 'platform', connection.platform, 'shop_id', connection.shop_id)
                order by c.place collate "C"), '[]'),
            'next', case when count(*) = most then max(c.place collate "C") end)
        from cut as c);
end $$;

revoke all on function public.money_events_of(uuid, uuid, date, text[], text, int) from public, anon, authenticated;

grant execute on function public.money_events_of(uuid, uuid, date, text[], text, int) to service_role;

-- changed_classes: which classes two figures differ in: {currency: {class: [before, after]}}.
create or replace function private.changed_classes(p_before jsonb, p_after jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select coalesce(jsonb_object_agg(d.currency, d.classes), '{}')
    from (select currency, jsonb_object_agg(class, jsonb_build_array(b.value -> 0, a.value -> 0)) as classes
          from (select c.key as currency, k.key as class, k.value from jsonb_each(coalesce(p_before, '{}')) as c, jsonb_each(c.value) as k) as b
          full join (select c.key as currency, k.key as class, k.value from jsonb_each(coalesce(p_after, '{}')) as c, jsonb_each(c.value) as k) as a
            using (currency, class)
          where a.value is distinct from b.value group by currency) as d;
$$;

-- rows_of_cause: what a run did to rows that count on a day, as far as it is on record (private.row_changes): {table, key, before, after} with the
-- members that count, and only those that differ.
create or replace function private.rows_of_cause(p_run_id uuid, p_from timestamptz, p_to timestamptz) returns jsonb
language plpgsql stable set search_path = '' as $$
declare whose uuid := (select r.connection_id from public.sync_runs as r where r.id = p_run_id); one record; now_ jsonb; found jsonb := '[]';
begin
    for one in
        select c.table_name, k.key, c.before
        from private.row_changes as c cross join unnest(c.keys) as k (key)
        where c.connection_id = whose and c.run_id = p_run_id and c.table_name in (select s.name from private.synced_tables as s)
        order by c.before is null, c.id limit 2000 loop
        exit when jsonb_array_length(found) >= 20;
        execute format('select to_jsonb(t) - ''raw'' from public.%I as t where t.connection_id = $1 and t.platform_id = $2', one.table_name)
           into now_ using whose, one.key;
        continue when not exists (
            select from (values (one.before), (now_)) as v (r),
                   lateral (select coalesce(r ->> 'refunded_at', r ->> 'occurred_at', r ->> 'ordered_at')::timestamptz as at) as m
            where m.at >= p_from and m.at < p_to or r is not null and m.at is null);
        found := found || jsonb_build_object('table', one.table_name, 'key', one.key,
            'before', (select jsonb_object_agg(b.key, b.value) from jsonb_each(one.before - 'raw') as b
                       where b.key ~ '(_amount|_at|currency|status|entry_type|is_paid|is_test|is_deleted)$' and b.key not in ('fetched_at', 'source_updated_at')
                         and b.value is distinct from now_ -> b.key),
            'after', (select jsonb_object_agg(a.key, a.value) from jsonb_each(now_) as a
                      where a.key ~ '(_amount|_at|currency|status|entry_type|is_paid|is_test|is_deleted)$' and a.key not in ('fetched_at', 'source_updated_at')
                        and a.value is distinct from one.before -> a.key and a.value <> 'null'));
    end loop;
    return found;
end $$;

-- money_why: of a day how it stands in each of the user's shops, and every change of its figures since it was closed, with what did it. `p_as_of`:
-- as the figures stood at that moment.
create or replace function public.money_why(p_user_id uuid, p_day date, p_as_of timestamptz default null) returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '50s' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'connection_id', s.connection_id, 'platform', s.platform, 'shop_id', a.shop_id, 'day', s.day, 'state', s.state, 'waits', s.waits,
               'absent', s.absent, 'closed_at', s.closed_at, 'restated_at', s.restated_at,
               'currencies', private.money_of(case when p_as_of is null then coalesce(f.figures, '{}') else coalesce((
                   select j.after from private.money_journal as j
                   where j.connection_id = s.connection_id and j.day = s.day and j.at <= p_as_of order by j.id desc limit 1), '{}') end),
               'was_closed', p_as_of is null and s.closed_at is not null or exists (
                   select from private.money_journal as j where j.connection_id = s.connection_id and j.day = s.day and j.at <= p_as_of),
               'changes', (select coalesce(jsonb_agg(jsonb_build_object(
                       'at', j.at, 'kind', j.kind, 'classes', case when j.kind = 'closed' then '{}' else private.changed_classes(j.before, j.after) end,
                       'causes', (select coalesce(jsonb_agg(c || coalesce(jsonb_build_object(
                                      'trigger', r.trigger, 'at', r.created_at, 'job_type', r.job_type,
                                      'rows', private.rows_of_cause(r.id, s.starts_at, s.ends_at)), '{}')), '[]')
                                  from jsonb_array_elements(j.causes) as c
                                  left join public.sync_runs as r on r.id = (c ->> 'run_id')::uuid
                                  where j.kind <> 'closed')) order by j.id), '[]')
                   from private.money_journal as j
                   where j.connection_id = s.connection_id and j.day = s.day and (p_as_of is null or j.at <= p_as_of)))
           order by s.platform, a.shop_id), '[]')
    from public.money_day_states as s
    join public.connected_accounts as a on a.id = s.connection_id
    left join lateral private.figures_of_days(s.connection_id, s.day, s.day) as f on true
    where s.connection_id = any (private.connections_of(p_user_id)) and s.day = p_day;
$$;

revoke all on function public.money_why(uuid, date, timestamptz) from public, anon, authenticated;

grant execute on function public.money_why(uuid, date, timestamptz) to service_role;

-- money_certificate: a day of a shop held against its own events, and against what its platform says of it: [{check, ok, ...}], with the rows
-- that differ.
create or replace function private.money_certificate(p_connection_id uuid, p_day date) returns jsonb
language plpgsql stable set search_path = '' as $$
declare place text := (select a.platform from public.connected_accounts as a where a.id = p_connection_id); checks jsonb := '[]';
        starts timestamptz[] := private.day_starts(p_connection_id, p_day, 1); kept jsonb; fresh jsonb;
begin
    select f.figures into kept from private.figures_of_days(p_connection_id, p_day, p_day) as f;
    select f.figures into fresh from private.fresh_figures(p_connection_id, p_day, starts) as f where f.day = p_day;
    checks := checks || jsonb_build_object('check', 'events', 'ok', kept is not distinct from fresh,
                                           'differs', private.changed_classes(kept, fresh));
    if to_regprocedure(format('private.money_certificate_%s(uuid, timestamptz, timestamptz)', place)) is not null then
        execute format('select $1 || private.%I($2, $3, $4)', 'money_certificate_' || place) into checks
          using checks, p_connection_id, starts[1], starts[2];
    end if;
    return checks;
end $$;

-- money_certificates: so many closed days of a user, the oldest first. Answers {days, open, differing, next}.
create or replace function public.money_certificates(p_user_id uuid, p_first date default null, p_last date default null,
                                                     p_after jsonb default null, p_rows int default 5)
returns jsonb language plpgsql stable security definer set search_path = '' set statement_timeout = '50s' as $$
declare one public.money_day_states; checks jsonb; days int := 0; open_ int := 0; seen int := 0; differing jsonb := '[]'; next_ jsonb;
begin
    for one in
        select * from public.money_day_states as s
        where s.connection_id = any (private.connections_of(p_user_id)) and s.day >= coalesce(p_first, '-infinity') and s.day <= coalesce(p_last, 'infinity')
          and (p_after is null or (s.connection_id, s.day) > ((p_after ->> 'connection_id')::uuid, (p_after ->> 'day')::date))
        order by s.connection_id, s.day limit p_rows loop
        seen := seen + 1;
        next_ := jsonb_build_object('connection_id', one.connection_id, 'day', one.day);
        if one.state = 'open' then
            open_ := open_ + 1;
            continue;
        end if;
        days := days + 1;
        checks := private.money_certificate(one.connection_id, one.day);
        if checks @> '[{"ok": false}]' then
            differing := differing || jsonb_build_object(
                'connection_id', one.connection_id, 'platform', one.platform, 'day', one.day, 'state', one.state,
                'shop_id', (select a.shop_id from public.connected_accounts as a where a.id = one.connection_id),
                'checks', (select jsonb_agg(c) from jsonb_array_elements(checks) as c where not (c ->> 'ok')::boolean));
        end if;
    end loop;
    return jsonb_build_object('days', days, 'open', open_, 'differing', differing, 'next', case when seen = p_rows then next_ end);
end $$;

revoke all on function public.money_certificates(uuid, date, date, jsonb, int) from public, anon, authenticated;

grant execute on function public.money_certificates(uuid, date, date, jsonb, int) to service_role;

-- figures: sums over a user's shops by platform, currency and unit of time ('day', 'month' or 'year') of the shop's own days, from p_since
-- on as p_zone has it. They are sums of money events (money_events.sql), as far as those are rolled up: revenue is what was sold, less discounts,
-- with shipping and the rest, without taxes; refunds are the parts of what was given back that were revenue; fees are what the platform
-- took, advertising and labels with them. Amounts of two currencies are never added. What is unclassified is in none of them.
create or replace function public.figures(p_user_id uuid, p_unit text, p_zone text, p_since timestamptz) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s'
-- A plan expects as many units of time as there are rows, or, before the first statistics, hardly a row: it would sort
-- them all. They are few, and so are titles: groups are kept in memory (up to twice work_mem) while rows go by.
set enable_sort = off set work_mem = '32MB' as $$
declare shops uuid[] := private.connections_of(p_user_id); first date := (p_since at time zone p_zone)::date;
begin
    return (
        with sums as (
            select d.platform, d.currency, date_trunc(p_unit, d.day::timestamp)::date as starts,
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
            from public.money_days as d left join private.money_classes as c on c.class = d.class
            where d.connection_id = any (shops) and d.day >= first
            group by 1, 2, 3),
        standing as (
            select a.platform, a.id as connection_id, a.shop_name, private.proved_until(a.id) as proved_until,
                   count(s.day) filter (where s.state = 'open') as open_days, count(s.day) as days
            from public.connected_accounts as a
            left join public.money_day_states as s on s.connection_id = a.id and s.day >= first
            where a.id = any (shops) group by 1, 2, 3),
        open_ones as (
            select w.key as name, sum(w.value::bigint) as number
            from public.money_day_states as s cross join lateral jsonb_each_text(s.waits) as w
            where s.connection_id = any (shops) and s.day >= first and s.state = 'open' group by 1),
        titles as (
            -- A line is of its order's time: not every platform tells it of lines. By title first: the last of a
            -- listing's titles is then found among few instead of among all lines.
            select l.platform, l.connection_id, l.currency, l.listing_platform_id, l.title, sum(l.quantity) as sold,
                   sum(l.quantity * l.price_amount) as amount
            from public.line_items as l
            join public.orders as o on o.connection_id = l.connection_id and o.platform_id = l.order_platform_id
            where l.connection_id = any (shops) and not l.is_deleted
              and o.connection_id = any (shops) and private.counts_as_sale(o) and o.ordered_at >= p_since
            group by 1, 2, 3, 4, 5),
        sellers as (
            select platform, connection_id, currency, listing_platform_id, max(title) as title, sum(sold) as sold,
                   coalesce(sum(amount), 0) as amount
            from titles
            group by platform, connection_id, currency, listing_platform_id,
                     case when listing_platform_id is null then title end
            order by amount desc, sold desc, connection_id, currency, listing_platform_id, title limit 6)
        select jsonb_build_object(
            'sums', coalesce((select jsonb_agg(to_jsonb(sums) order by starts, platform, currency) from sums
                              where orders + uncosted + unclassified > 0 or revenue <> 0 or refunds <> 0 or fees <> 0 or cost <> 0), '[]'),
            'standing', coalesce((select jsonb_agg(to_jsonb(standing) order by platform, connection_id) from standing), '[]'),
            'open', coalesce((select jsonb_object_agg(name, number) from open_ones), '{}'),
            'best_sellers', coalesce((select jsonb_agg(to_jsonb(sellers) order by amount desc, sold desc, connection_id, currency,
                                                       listing_platform_id, title) from sellers), '[]'),
            'now', clock_timestamp()));
end $$;

-- order_profits: every order of a user's channels with its money, as its money events have it. Fees are those that are named for the order.
create or replace function private.order_profits(p_user_id uuid) returns table (
        platform text, connection_id uuid, platform_id text, order_number text, ordered_at timestamptz, currency text, revenue bigint,
        refunds bigint, fees bigint, cost_state text, cost_source text, cost bigint, cost_currency text,
        one_currency boolean, profit bigint)
language plpgsql stable set search_path = '' as $$
declare shops uuid[] := private.connections_of(p_user_id);
begin
    return query
    with parts as materialized (
        select s.id as shop, e.order_platform_id as id, e.currency as code,
               coalesce(sum(e.amount) filter (where c.figure in ('gross_sales', 'discounts', 'shipping', 'other_income')
                                                and e.class not like 'reversal\_%'), 0) as revenue,
               coalesce(-sum(e.amount) filter (where e.class like 'reversal\_%'), 0) as refunds,
               coalesce(-sum(e.amount) filter (where c.figure in ('fees', 'ads', 'labels', 'disputes')), 0) as fees,
               coalesce(-sum(e.amount) filter (where c.figure = 'cost_of_goods'), 0) as cost
        from unnest(shops) as s (id) cross join lateral private.money_events(s.id, '-infinity', 'infinity') as e
        join private.money_classes as c on c.class = e.class and c.part = 'profit'
        where e.order_platform_id is not null
        group by 1, 2, 3),
    whole as materialized (
        select p.shop, p.id, min(p.code) as code, max(p.code) as other, sum(p.revenue) as revenue, sum(p.refunds) as refunds, sum(p.fees) as fees,
               sum(p.cost) as cost
        from parts as p where p.revenue <> 0 or p.refunds <> 0 or p.fees <> 0 or p.cost <> 0 group by 1, 2)
    select o.platform, o.connection_id, o.platform_id, o.order_number, o.ordered_at, o.currency,
           case when o.item_total_amount is not null or o.subtotal_amount is not null then coalesce(w.revenue, 0) end::bigint,
           coalesce(w.refunds, 0)::bigint, coalesce(w.fees, 0)::bigint, o.cost_state, o.cost_source, o.cost_amount, o.cost_currency, m.same,
           case when m.same and o.cost_state = 'linked' and (o.item_total_amount is not null or o.subtotal_amount is not null)
                then w.revenue - w.refunds - w.fees - w.cost end::bigint
    from public.orders as o
    left join whole as w on w.shop = o.connection_id and w.id = o.platform_id
    cross join lateral (select coalesce(w.code, o.currency) = o.currency and coalesce(w.other, o.currency) = o.currency
                               and coalesce(o.cost_currency, o.currency) = o.currency as same) as m
    where o.connection_id = any (shops) and private.counts_as_sale(o);
end $$;

-- cost_report: totals by platform and currency, and what could not be linked, by reason, the newest p_limit of each
-- kind; of all of the user's connections, or of some.
create or replace function public.cost_report(p_user_id uuid, p_limit int default 20, p_connections uuid[] default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '50s' as $$
begin
    return (
        with money as materialized (
            select m.*, a.shop_id, a.shop_name
            from private.order_profits(p_user_id) as m join public.connected_accounts as a on a.id = m.connection_id
            where p_connections is null or m.connection_id = any (p_connections)),
        totals as (
            select m.platform, m.currency, count(*) as orders,
                   count(*) filter (where m.cost_state = 'linked') as linked,
                   count(*) filter (where m.cost_state = 'no_cost_yet') as no_cost_yet,
                   count(*) filter (where m.cost_state = 'ambiguous') as ambiguous,
                   count(*) filter (where m.cost_state = 'linked' and not m.one_currency) as two_currencies,
                   count(m.profit) as with_profit,
                   coalesce(sum(m.revenue) filter (where m.profit is not null), 0) as revenue,
                   coalesce(sum(m.refunds) filter (where m.profit is not null), 0) as refunds,
                   coalesce(sum(m.fees) filter (where m.profit is not null), 0) as fees,
                   coalesce(sum(m.cost) filter (where m.profit is not null), 0) as cost,
                   coalesce(sum(m.profit), 0) as profit,
                   count(*) filter (where m.profit < 0) as at_a_loss
            from money as m group by 1, 2),
        spent as (
            select c.source, c.currency, c.state, coalesce(c.reason, '') as reason, count(*) as count,
                   sum(c.production_amount + c.shipping_amount + coalesce(c.tax_amount, 0)) as cost
            from public.order_costs as c
            where c.user_id = p_user_id and (p_connections is null or c.connection_id = any (p_connections))
            group by 1, 2, 3, 4),
        open_ones as (
            select c.*, a.shop_id, row_number() over (partition by c.state order by c.ordered_at desc nulls last, c.source_id) as place
            from public.order_costs as c join public.connected_accounts as a on a.id = c.connection_id
            where c.user_id = p_user_id and c.state <> 'linked'
              and (p_connections is null or c.connection_id = any (p_connections)))
        select jsonb_build_object(
            'rules', public.cost_rules(),
            'digits', (select coalesce(jsonb_object_agg(k.code, private.digits_of(k.code)), '{}')
                       from (select currency from money union select cost_currency from money
                             union select currency from spent) as k(code) where k.code is not null),
            'totals', (select coalesce(jsonb_agg(to_jsonb(t) order by t.platform, t.currency), '[]') from totals as t),
            'spent', (select coalesce(jsonb_agg(to_jsonb(s) order by s.source, s.state, s.reason, s.currency), '[]')
                      from spent as s),
            'open', (
                select coalesce(jsonb_agg(jsonb_build_object(
                           'source', c.source, 'shop_id', c.shop_id, 'source_id', c.source_id, 'state', c.state, 'reason', c.reason,
                           'order_type', c.order_type, 'reference', c.reference, 'label', c.label,
                           'reprint_of', c.reprint_of, 'ordered_at', c.ordered_at, 'currency', c.currency,
                           'cost', c.production_amount + c.shipping_amount + coalesce(c.tax_amount, 0),
                           'candidates', (
                               select coalesce(jsonb_agg(jsonb_build_object('platform', k.platform, 'shop_id', a.shop_id,
                                                                            'platform_id', k.order_platform_id)
                                                         order by k.platform, k.order_platform_id, a.shop_id), '[]')
                               from private.cost_links as k
                               join public.connected_accounts as a on a.id = k.order_connection_id
                               where k.connection_id = c.connection_id and k.source_id = c.source_id))
                       order by c.state, c.place), '[]')
                from open_ones as c where c.place <= p_limit),
            'orders', (
                select coalesce(jsonb_agg(to_jsonb(n) order by n.ordered_at desc, n.platform_id), '[]')
                from (select * from money as m where m.cost_state <> 'no_cost_yet' or m.cost_source is not null
                      order by m.ordered_at desc, m.platform_id limit p_limit) as n)));
end $$;

-- etsy_ledger: the entries of a time with their classes. Joined, not asked for each entry.
create or replace function private.etsy_ledger(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns table (platform_id text, class text, occurred_at timestamptz, currency text, entry_amount bigint, order_platform_id text, entry_type text)
language sql stable set search_path = '' as $$
    select p.platform_id, coalesce(k.class, f.class, 'unclassified'), p.occurred_at, p.currency, p.entry_amount, p.order_platform_id, p.entry_type
    from public.payments as p
    left join private.money_kinds as k on k.platform = 'etsy' and k.source = 'ledger' and k.kind = p.entry_type
    left join private.money_kinds as f on f.platform = 'etsy' and f.source = 'ledger' and k.kind is null
                                      and p.entry_type like '%\_refund' and f.kind = left(p.entry_type, -7)
    where p.connection_id = p_connection_id and p.occurred_at >= p_from and p.occurred_at < p_to and not p.is_deleted;
$$;

-- etsy_taxes: of these orders what the ledger says: whether the payment is there, how much tax was taken, what of it came back and when.
-- Both are told as shares, so that a ledger in another currency tells as much.
create or replace function private.etsy_taxes(p_connection_id uuid, p_orders text[])
returns table (order_platform_id text, is_paid boolean, taken bigint, back_at timestamptz[], back bigint[])
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select w.id, coalesce(bool_or(t.class = 'payment'), false), -coalesce(sum(t.amount) filter (where t.is_tax and t.amount < 0), 0)::bigint,
           array_agg(t.at order by t.at, t.id) filter (where t.is_tax and t.amount > 0),
           array_agg(t.amount order by t.at, t.id) filter (where t.is_tax and t.amount > 0)
    from unnest(p_orders) as w (id)
    left join lateral (
        select p.platform_id as id, p.occurred_at as at, p.entry_amount as amount, k.class,
               k.class = 'tax_passed' and p.entry_type not like 'buyer\_fee%' as is_tax
        from public.payments as p
        join private.money_kinds as k on k.platform = 'etsy' and k.source = 'ledger'
                                     and (k.kind = p.entry_type or p.entry_type like '%\_refund' and k.kind = left(p.entry_type, -7))
        where p.connection_id = p_connection_id and p.order_platform_id = w.id and not p.is_deleted
          and k.class in ('payment', 'tax_passed') offset 0) as t on true
    group by w.id;
$$;

-- money_reversals_etsy: what was given back of these orders. A refund is an amount (sheet, section 8); which part of it was tax is in
-- the ledger where Etsy took that (etsy/open-api#29), and the tax's share of it where the seller owes it. An entry belongs to the last refund
-- that was not later, by a few minutes at most.
create or replace function private.money_reversals_etsy(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    with refunds as materialized (
        select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, coalesce(r.refund_amount, 0) as amount,
               sum(coalesce(r.refund_amount, 0)) over so_far as sum_, lead(r.refunded_at) over (
                   partition by r.order_platform_id order by r.refunded_at, r.platform_id) as next_at
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select r.platform_id, r.order_platform_id, r.refunded_at, r.currency, r.refund_amount from public.order_refunds as r
                            where r.connection_id = p_connection_id and r.order_platform_id = w.id and not r.is_deleted
                              and coalesce(r.status, '') not in ('failed', 'failure') offset 0) as r
        window so_far as (partition by r.order_platform_id order by r.refunded_at, r.platform_id rows unbounded preceding)),
    taxes as materialized (
        select * from private.etsy_taxes(p_connection_id, array(select distinct r.order_platform_id from refunds as r))),
    split as (
        select r.*, o.ordered_at, o.platform_id as order_id, t.taken, t.is_paid, p.*
        from refunds as r
        join taxes as t on t.order_platform_id = r.order_platform_id
        left join public.orders as o on o.connection_id = p_connection_id and o.platform_id = r.order_platform_id
        left join lateral private.sale_parts(o) as s on true
        left join lateral private.refund_parts(o, r.sum_::bigint, (case
            when t.taken > 0 then round(s.tax * (
                select coalesce(sum(b.back), 0) from unnest(t.back_at, t.back) as b (at, back)
                where r.next_at is null or b.at < r.next_at - interval '5 minutes') / t.taken)
            when coalesce(o.total_amount, 0) > 0 then round(r.sum_ * s.tax / o.total_amount) else 0 end)::bigint) as p on true
        where o.platform_id is null or private.counts_as_sale(o)),
    steps as (
        select s.*, lag(s.goods, 1, 0::bigint) over w as g, lag(s.shipping, 1, 0::bigint) over w as h, lag(s.other, 1, 0::bigint) over w as i,
               lag(s.adjustment, 1, 0::bigint) over w as a, lag(s.tax, 1, 0::bigint) over w as x
        from split as s window w as (partition by s.order_platform_id order by s.refunded_at, s.platform_id))
    select e.class, s.order_platform_id, null, s.refunded_at, s.ordered_at, s.currency, -e.amount, 'order_refunds', s.platform_id,
           case when s.order_id is null then 'order_not_there' end
    from steps as s
    cross join lateral (values
        ('reversal_goods', s.goods - s.g), ('reversal_shipping', s.shipping - s.h), ('reversal_other', s.other - s.i),
        ('reversal_adjustment', case when s.order_id is null then s.amount else s.adjustment - s.a end),
        (case when s.taken > 0 then 'reversal_tax_platform' when s.is_paid then 'reversal_tax_seller' else 'reversal_tax_unknown' end,
         s.tax - s.x)) as e (class, amount)
    where e.amount <> 0;
$$;

-- money_events_etsy: orders for what was sold, refunds for what was taken back, the ledger for everything else.
create or replace function private.money_events_etsy(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare sold text[] := array(select o.platform_id from public.orders as o
                             where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and not o.is_deleted);
        refunded text[] := array(select distinct r.order_platform_id from public.order_refunds as r
                                 where r.connection_id = p_connection_id and r.refunded_at >= p_from and r.refunded_at < p_to
                                   and not r.is_deleted);
begin
    return query select * from private.sale_events(p_connection_id, p_from, p_to);
    return query select * from private.sold_cost_events(p_connection_id, p_from, p_to);
    -- Who owes the tax, and that the fees are not told yet: the ledger books both with the payment.
    return query
        select e.class, o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null::text
        from private.etsy_taxes(p_connection_id, sold) as t
        join public.orders as o on o.connection_id = p_connection_id and o.platform_id = t.order_platform_id
        cross join lateral private.sale_parts(o) as p
        cross join lateral (values
            (case when t.taken > 0 then 'tax_platform' when t.is_paid then 'tax_seller' else 'tax_unknown' end, nullif(p.tax, 0)),
            ('fees_unknown', case when not t.is_paid and coalesce(o.total_amount, 0) > 0 then 0 end)) as e (class, amount)
        where private.counts_as_sale(o) and e.amount is not null;
    return query select * from private.money_reversals_etsy(p_connection_id, refunded) as e
        where e.at >= p_from and e.at < p_to;
    return query
        select l.class, l.order_platform_id, null::text, l.occurred_at, o.ordered_at, l.currency, l.entry_amount, 'payments', l.platform_id,
               l.entry_type
        from private.etsy_ledger(p_connection_id, p_from, p_to) as l
        left join public.orders as o on o.connection_id = p_connection_id and o.platform_id = l.order_platform_id;
end $$;

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
        from private.etsy_ledger(p_connection_id, p_from, p_to) as l
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

drop function private.cost_facts_printify(uuid,text[]);

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
               sum(i.cost_amount * case r.cost_covers when 'piece' then coalesce(i.quantity, 1) else 1 end) as production,
               sum(i.shipping_cost_amount) as shipping,
               bool_and(k.class is not null or i.status is null or coalesce(i.cost_amount, 0) + coalesce(i.shipping_cost_amount, 0) = 0) as classified
        from public.printify_line_items as i
        left join private.money_kinds as k on k.platform = 'printify' and k.source = 'line_status' and k.kind = i.status
        where i.connection_id = o.connection_id and i.order_platform_id = o.platform_id
          and not i.is_deleted and k.class is distinct from 'none' offset 0) as l
    where o.connection_id = p_connection_id and o.platform_id = any (p_ids) and not o.is_deleted
      and r.source = 'printify';
$$;

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

-- shopify_sales: the journal's sales of a time, or of these orders, as events (sheet of money, A2). A sale holds its tax, which stands apart, by who
-- has to pay it to the state; what was sold stands before its discount.
create or replace function private.shopify_sales(p_connection_id uuid, p_from timestamptz, p_to timestamptz, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    with sales as (
        select s.* from public.order_sales as s
        where p_orders is null and s.connection_id = p_connection_id and s.happened_at >= p_from and s.happened_at < p_to and not s.is_deleted
        union all
        select s.* from (select distinct unnest(p_orders) as id) as w
        join public.order_sales as s on s.connection_id = p_connection_id and s.order_platform_id = w.id and not s.is_deleted
        where p_orders is not null)
    select e.class, s.order_platform_id, s.line_platform_id, s.happened_at, o.ordered_at, s.currency, e.amount, 'order_sales', s.platform_id, s.reason
    from sales as s
    join public.orders as o on o.connection_id = p_connection_id and o.platform_id = s.order_platform_id
    left join private.money_kinds as k on k.platform = 'shopify' and k.source = 'sale' and k.kind = concat_ws(' ', s.line_type, s.action_type)
    cross join lateral (select coalesce(k.class, 'unclassified') as class, s.total_amount - coalesce(s.tax_amount, 0) as net,
                               case when k.class = 'gross_sales' then coalesce(s.discount_amount, 0) else 0 end as discount,
                               case when s.total_amount < 0 then 'reversal_tax_' else 'tax_' end as tax,
                               coalesce(s.tax_amount, 0) - coalesce(s.channel_tax_amount, 0) - coalesce(s.seller_tax_amount, 0) as unknown) as v
    cross join lateral (values (v.class, v.net + v.discount), ('discount', -v.discount), (v.tax || 'platform', coalesce(s.channel_tax_amount, 0)),
                               (v.tax || 'seller', coalesce(s.seller_tax_amount, 0)), (v.tax || 'unknown', v.unknown)) as e (class, amount)
    where private.counts_as_sale(o) and (e.amount <> 0 or e.class = 'gross_sales');
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
        left join public.orders as o on o.connection_id = p_connection_id and o.platform_id = r.order_platform_id
        left join lateral private.sale_parts(o) as s on true
        left join lateral private.refund_parts(o, r.sum_::bigint, (case
            when coalesce(o.total_amount, 0) > 0 then round(r.sum_ * s.tax / o.total_amount) else 0 end)::bigint) as p on true
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
    cross join lateral (values
        ('reversal_goods', s.goods), ('reversal_shipping', s.shipping), ('reversal_other', s.other),
        ('reversal_adjustment', case when s.order_id is null then s.amount else s.adjustment end), ('reversal_tax_unknown', s.tax)) as e (class, amount)
    where e.amount <> 0;
$$;

-- money_reversals_shopify: what was taken back of these orders, by the journal, or else by their refunds.
create or replace function private.money_reversals_shopify(p_connection_id uuid, p_orders text[]) returns setof private.money_event
language sql stable set search_path = '' as $$
    select * from private.shopify_sales(p_connection_id, null, null, p_orders) as e where e.class like 'reversal\_%'
    union all
    select * from private.shopify_refunds(p_connection_id, p_orders);
$$;

-- money_events_shopify: the journal of sales for what was sold and taken back (orders and refunds alone, where it was not read yet), and
-- transactions for what was paid and what Shopify's own payments took. What another gateway took nobody tells.
create or replace function private.money_events_shopify(p_connection_id uuid, p_from timestamptz, p_to timestamptz)
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare refunded text[] := array(select distinct r.order_platform_id from public.order_refunds as r
                                 where r.connection_id = p_connection_id and r.refunded_at >= p_from and r.refunded_at < p_to
                                   and not r.is_deleted);
begin
    return query
        select s.* from private.sale_events(p_connection_id, p_from, p_to) as s
        where s.class in ('order', 'uncosted') or not exists (
            select from public.order_journals as j
            where j.connection_id = p_connection_id and j.platform_id = s.order_platform_id and not j.is_deleted);
    return query select * from private.sold_cost_events(p_connection_id, p_from, p_to);
    return query select * from private.shopify_sales(p_connection_id, p_from, p_to, null);
    return query select * from private.shopify_refunds(p_connection_id, refunded) as e where e.at >= p_from and e.at < p_to;
    return query
        select e.class, o.platform_id, null::text, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null::text
        from public.orders as o cross join lateral private.sale_parts(o) as p
        cross join lateral (select
            exists (select from public.order_journals as j
                    where j.connection_id = p_connection_id and j.platform_id = o.platform_id and not j.is_deleted) as has_journal,
            exists (select from public.order_transactions as t
                    where t.connection_id = p_connection_id and t.order_platform_id = o.platform_id and not t.is_deleted
                      and t.kind in ('sale', 'capture') and t.status = 'success' and t.fees_amount is null
                      and t.gateway is distinct from 'gift_card') as lacks_fees) as x
        cross join lateral (values ('tax_unknown', case when not x.has_journal then nullif(p.tax, 0) end),
                                   ('fees_unknown', case when x.lacks_fees then 0 end)) as e (class, amount)
        where o.connection_id = p_connection_id and o.ordered_at >= p_from and o.ordered_at < p_to and private.counts_as_sale(o)
          and e.amount is not null;
    return query
        select e.class, t.order_platform_id, null::text, t.processed_at, o.ordered_at, e.currency, e.amount, 'order_transactions', t.platform_id,
               t.gateway
        from public.order_transactions as t
        join public.orders as o on o.connection_id = p_connection_id and o.platform_id = t.order_platform_id
        cross join lateral (values
            ('payment', case when t.kind in ('sale', 'capture') then t.transaction_amount end, t.currency),
            ('refund_paid', case when t.kind = 'refund' then -t.transaction_amount end, t.currency),
            ('other_income', t.rounding_amount, t.currency),
            ('fee_payment', -(t.fees_amount - coalesce(t.fees_tax_amount, 0)), coalesce(t.fee_currency, t.currency)),
            ('tax_on_fees', -t.fees_tax_amount, coalesce(t.fee_currency, t.currency))) as e (class, amount, currency)
        where t.connection_id = p_connection_id and t.processed_at >= p_from and t.processed_at < p_to and not t.is_deleted
          and t.status = 'success' and not coalesce(t.is_test, false) and private.counts_as_sale(o) and e.amount <> 0;
end $$;

drop function private.is_fee(text);
