-- Orders are priced line by line where no printer is linked; what came back into stock is no cost any more (docs/decisions/041).

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
    ('private.goods_costs', 'user', null, null, null, 'one a SKU or listing and day that it begins on'),
    -- For so long a save can be taken back.
    ('private.goods_cost_changes', 'user', '90 days', 'at', null, null),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    ('public.money_days', 'connection', null, null, null, 'one a day, currency and class'),
    ('public.money_countries', 'connection', null, null, null, 'one a day, currency, country and class'),
    ('public.money_products', 'connection', null, null, null, 'one a day, product, currency and class'),
    ('public.money_day_states', 'connection', null, null, null, 'one a day'),
    ('private.money_marks', 'connection', null, null, null, 'until they are rolled up'),
    ('private.money_touched', 'connection', null, null, null, 'until they are rolled up'),
    ('private.money_refusals', 'connection', null, null, null, 'one a connection'),
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

-- note_unit_costs: of variants whose cost is another one than the last, the old value ends and the new one begins, at the time
-- when it was asked. A cost that is not shown any more ends nothing: it may be hidden from whom we ask as.
create or replace function private.note_unit_costs() returns trigger
language plpgsql security definer set search_path = '' as $$
declare noted public.unit_costs[];
begin
    if private.recording_for() is not null or not exists (select from came as c where c.unit_cost_amount is not null) then
        return null;
    end if;
    with seen as (
        select c.connection_id, c.user_id, c.platform, c.platform_id, c.unit_cost_currency, c.unit_cost_amount,
               -- Of two workers' clocks one may be behind: nothing ends before it began.
               greatest(c.fetched_at, (select u.first_seen_at from public.unit_costs as u
                                       where u.connection_id = c.connection_id and u.variant_platform_id = c.platform_id
                                         and u.last_seen_at is null)) as fetched_at
        from came as c
        where c.unit_cost_amount is not null and c.unit_cost_currency is not null and not exists (
            select from public.unit_costs as u
            where u.connection_id = c.connection_id and u.variant_platform_id = c.platform_id and u.last_seen_at is null
              and (u.cost_amount, u.currency) = (c.unit_cost_amount, c.unit_cost_currency))),
    ended as (
        update public.unit_costs as u set last_seen_at = s.fetched_at from seen as s
         where u.connection_id = s.connection_id and u.variant_platform_id = s.platform_id and u.last_seen_at is null
           and u.first_seen_at < s.fetched_at
        returning 1),
    begun as (
        insert into public.unit_costs as u (connection_id, user_id, platform, variant_platform_id, currency, cost_amount, first_seen_at)
        select s.connection_id, s.user_id, s.platform, s.platform_id, s.unit_cost_currency, s.unit_cost_amount, s.fetched_at
        from seen as s cross join (select count(*) from ended) as after
        on conflict (connection_id, variant_platform_id, first_seen_at) do update
           set currency = excluded.currency, cost_amount = excluded.cost_amount
        returning u.*)
    select array_agg(row(b.*)::public.unit_costs) into noted from begun as b;
    perform private.mark_unit_costs(noted);
    return null;
end $$;

-- sale_events: of orders what each is made of, without the taxes. An order whose
-- parts could not be read is unclassified, with what is left of its total.
create or replace function private.sale_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
    select e.class, o.platform_id, null, o.ordered_at, o.ordered_at, o.currency, e.amount, 'orders', o.platform_id, null
    from (select distinct unnest(p_orders) as id) as w
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral (select * from private.sale_parts(o) offset 0) as p
    -- Arrays, and no list of values: that would be made ready anew for every order.
    cross join lateral unnest(
        array['order', case when p.goods is null then 'unclassified' else 'gross_sales' end, 'discount', 'shipping', 'other_income', 'tip'],
        array[0, coalesce(p.goods, o.total_amount - p.tax - p.shipping - p.other - p.tip, 0), case when p.goods is not null then -p.discount end,
              p.shipping, p.other, p.tip]) as e (class, amount)
    where private.counts_as_sale(o)
      and (e.amount <> 0 or e.amount is not null and e.class in ('order', 'gross_sales', 'unclassified'));
$$;

-- are_costs_told: whether anybody says what pieces of this shop cost, beside printers.
create or replace function private.are_costs_told(p_connection_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select exists (select from public.unit_costs as u where u.connection_id = p_connection_id)
        or exists (select from private.goods_costs as g join public.connected_accounts as a on a.user_id = g.user_id
                   where a.id = p_connection_id);
$$;

-- line_costs: of orders that no printer's costs are linked to each line with what a piece of it cost at its sale: by the seller's word,
-- of the SKU before the listing, or else by what the platform told then. `piece_amount` null: nobody says. Pieces that an edit took
-- out of the order cost nothing; those that were refunded did.
create or replace function private.line_costs(p_connection_id uuid, p_orders text[])
returns table (order_id text, line_id text, ordered_at timestamptz, quantity int, currency text, piece_amount bigint, told_by text)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
    select o.platform_id, l.platform_id, o.ordered_at, p.quantity,
           case when s.cost_amount is not null then s.currency when g.cost_amount is not null then g.currency else u.currency end,
           coalesce(s.cost_amount, g.cost_amount, u.cost_amount),
           case when coalesce(s.cost_amount, g.cost_amount) is not null then 'own_cost' when u.cost_amount is not null then 'unit_cost' end
    from (select distinct unnest(p_orders) as id) as w
    cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
    cross join lateral (select (o.ordered_at at time zone z.zone)::date as day from private.zones_of(p_connection_id) as z
                        where z.since <= o.ordered_at and o.ordered_at < z.until offset 0) as d
    cross join lateral (select l.platform_id, l.quantity, l.current_quantity, l.sku, l.listing_platform_id, l.product_platform_id
                        from public.line_items as l
                        where l.connection_id = p_connection_id and l.order_platform_id = w.id and not l.is_deleted and l.quantity > 0
                        offset 0) as l
    cross join lateral (select case when l.current_quantity >= l.quantity or l.current_quantity is null then l.quantity else least(l.quantity, l.current_quantity + (
                                   select coalesce(sum(b.quantity), 0)::int from public.order_refunds as r
                                   join public.order_refund_lines as b on b.connection_id = r.connection_id and b.refund_platform_id = r.platform_id
                                   where r.connection_id = p_connection_id and r.order_platform_id = w.id and not r.is_deleted
                                     and b.line_item_platform_id = l.platform_id and not b.is_deleted)) end as quantity offset 0) as p
    left join lateral (select g.cost_amount, g.currency from private.goods_costs as g
                       where g.user_id = o.user_id and g.kind = 'sku' and g.key = l.sku and g.valid_from <= d.day
                       order by g.valid_from desc limit 1) as s on true
    left join lateral (select g.cost_amount, g.currency from private.goods_costs as g
                       where g.user_id = o.user_id and g.kind = 'listing' and g.key = l.listing_platform_id
                         and g.connection_id = p_connection_id and g.valid_from <= d.day
                       order by g.valid_from desc limit 1) as g on true
    left join lateral (select u.cost_amount, u.currency from public.unit_costs as u
                       where u.connection_id = p_connection_id and u.variant_platform_id = l.product_platform_id
                         and u.first_seen_at <= o.ordered_at and coalesce(u.last_seen_at, 'infinity') > o.ordered_at
                       order by u.first_seen_at desc limit 1) as u on true
    where o.cost_state is distinct from 'linked' and private.counts_as_sale(o) and p.quantity > 0;
$$;

-- goods_cost_events: what the pieces of these orders cost without a printer, and of which orders it is not known: `detail` names their lines
-- without a cost, where others have one.
create or replace function private.goods_cost_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
declare priced text[] := case when private.are_costs_told(p_connection_id) then p_orders else '{}' end;
begin
    return query
        with lines as materialized (select * from private.line_costs(p_connection_id, priced)),
        known as materialized (
            select l.order_id, bool_or(l.piece_amount is null) as lacks,
                   string_agg(l.line_id, ',' order by l.line_id) filter (where l.piece_amount is null) as lacking,
                   bool_or(l.piece_amount is not null) as has
            from lines as l group by 1)
        select 'cogs_goods', l.order_id, l.line_id, l.ordered_at, l.ordered_at, l.currency, -l.piece_amount * l.quantity, 'line_items', l.line_id,
               l.told_by
        from lines as l where l.piece_amount <> 0
        union all
        select 'uncosted', o.platform_id, null, o.ordered_at, o.ordered_at, o.currency, 0, 'orders', o.platform_id, case when k.has then k.lacking end
        from (select distinct unnest(p_orders) as id) as w
        cross join lateral (select o.ctid from public.orders as o where o.connection_id = p_connection_id and o.platform_id = w.id offset 0) as at_
        join public.orders as o on o.ctid = at_.ctid
        left join known as k on k.order_id = w.id
        where o.cost_state is distinct from 'linked' and private.counts_as_sale(o) and coalesce(k.lacks, true);
end $$;

-- restocked_events: what came back into stock of these orders is no cost any more, from the day of its refund on.
create or replace function private.restocked_events(p_connection_id uuid, p_orders text[])
returns setof private.money_event language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off
set enable_mergejoin = off as $$
begin
    if not private.are_costs_told(p_connection_id) then
        return;
    end if;
    return query
        with refunds as materialized (
            select r.platform_id, r.refunded_at, w.id as order_id from (select distinct unnest(p_orders) as id) as w
            cross join lateral (select r.platform_id, r.refunded_at from public.order_refunds as r
                                where r.connection_id = p_connection_id and r.order_platform_id = w.id and not r.is_deleted offset 0) as r),
        back as materialized (
            select r.order_id, r.refunded_at, b.platform_id, b.line_item_platform_id as line_id, b.quantity from refunds as r
            cross join lateral (select b.platform_id, b.line_item_platform_id, b.quantity from public.order_refund_lines as b
                                where b.connection_id = p_connection_id and b.refund_platform_id = r.platform_id and not b.is_deleted
                                  and b.restock_type in ('return', 'cancel') offset 0) as b)
        select 'cogs_goods', b.order_id, b.line_id, b.refunded_at, l.ordered_at, l.currency, l.piece_amount * least(b.quantity, l.quantity),
               'order_refund_lines', b.platform_id, 'restocked'
        from back as b
        join private.line_costs(p_connection_id, array(select b.order_id from back as b)) as l on l.order_id = b.order_id and l.line_id = b.line_id
        where l.piece_amount <> 0;
end $$;

-- mark_goods_costs: the days on which pieces were sold, or taken back, whose costs a save changed.
create or replace function private.mark_goods_costs(p_save_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    perform private.mark_touched('goods_costs', array(
        with changed as (
            select r.kind, r.key, r.connection_id, r.user_id, min(r.valid_from) as since
            from private.goods_cost_changes as c
            cross join lateral jsonb_populate_record(null::private.goods_costs, coalesce(c.after, c.before)) as r
            where c.save_id = p_save_id group by 1, 2, 3, 4)
        select distinct row(a.id, null, o.platform_id, o.ordered_at)::private.touched_row
        from changed as c
        join public.connected_accounts as a on a.user_id = c.user_id and (c.connection_id is null or a.id = c.connection_id)
        join public.line_items as l on l.connection_id = a.id and not l.is_deleted
                                   and c.key = case c.kind when 'sku' then l.sku else l.listing_platform_id end
        join public.orders as o on o.connection_id = a.id and o.platform_id = l.order_platform_id
        -- A day of the shop begins up to a day before that of UTC.
        where o.ordered_at >= c.since - interval '1 day'));
end $$;

-- mark_unit_costs: the days on which variants were sold whose costs are known since before that. Mostly none: who tells a cost is asked for it
-- before it is sold.
create or replace function private.mark_unit_costs(p_costs public.unit_costs[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    perform private.mark_touched('unit_costs', array(
        select distinct row(o.connection_id, null, o.platform_id, o.ordered_at)::private.touched_row
        from (select c.connection_id, min(c.first_seen_at) as since, array_agg(c.variant_platform_id) as variants
              from unnest(p_costs) as c group by 1) as c
        join public.orders as o on o.connection_id = c.connection_id and o.ordered_at >= c.since and not o.is_deleted
        where exists (select from public.line_items as l
                      where l.connection_id = o.connection_id and l.order_platform_id = o.platform_id and not l.is_deleted
                        and l.product_platform_id = any (c.variants))));
end $$;

-- save_goods_costs: all of the rows or none: {kind, key, connection_id, valid_from, currency, cost_amount}. Answers how many are new, changed
-- and as they were.
create or replace function public.save_goods_costs(p_user_id uuid, p_by text, p_rows jsonb) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare save uuid := gen_random_uuid(); came private.goods_costs[]; wrong private.goods_costs; created_ bigint; changed_ bigint;
begin
    perform from public.profiles where user_id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_user', detail = p_user_id::text;
    end if;
    came := array(select r from jsonb_populate_recordset(null::private.goods_costs, p_rows) as r);
    select * into wrong from unnest(came) as r
     where r.kind not in ('sku', 'listing') or r.kind is null or coalesce(r.key, '') = '' or length(r.key) > 200 or r.valid_from is null
        or r.valid_from not between '0001-01-01' and '9999-12-31' or (r.kind = 'listing') <> (r.connection_id is not null)
        or r.cost_amount not between 0 and 1000000000000
        or not exists (select from private.currencies as k where k.code = r.currency)
        or r.connection_id is not null and not exists (
            select from public.connected_accounts as a where a.id = r.connection_id and a.user_id = p_user_id)
     limit 1;
    if found then
        raise exception using errcode = 'PT400', message = 'bad_cost', detail = concat_ws(' ', wrong.kind, wrong.key, wrong.valid_from),
            hint = 'A cost has a SKU, or a listing and its shop, a currency, an amount that is not negative, and a day.';
    end if;
    if (select count(*) <> count(distinct (r.kind, r.key, r.connection_id, r.valid_from)) from unnest(came) as r) then
        raise exception using errcode = 'PT400', message = 'doubled_cost', hint = 'One SKU or listing has one cost a day: it stands there twice.';
    end if;
    perform set_config('keeper.save_of_costs', save::text, true);
    with written as (
        insert into private.goods_costs as g (user_id, kind, key, connection_id, valid_from, currency, cost_amount, save_id, saved_by)
        select p_user_id, r.kind, r.key, r.connection_id, r.valid_from, r.currency, r.cost_amount, save, p_by from unnest(came) as r
        on conflict (user_id, kind, key, connection_id, valid_from) do update
           set currency = excluded.currency, cost_amount = excluded.cost_amount, save_id = excluded.save_id, saved_by = excluded.saved_by,
               saved_at = clock_timestamp()
         where (g.currency, g.cost_amount) is distinct from (excluded.currency, excluded.cost_amount)
        returning g.id, g.xmax = 0 as is_new)
    select count(*) filter (where is_new), count(*) filter (where not is_new) into created_, changed_ from written;
    perform private.mark_goods_costs(save);
    return jsonb_build_object('created', created_, 'changed', changed_, 'unchanged', cardinality(came) - created_ - changed_, 'save_id', save);
end $$;

revoke all on function public.save_goods_costs(uuid, text, jsonb) from public, anon, authenticated;

grant execute on function public.save_goods_costs(uuid, text, jsonb) to service_role;

-- remove_goods_costs: what is removed was never said.
create or replace function public.remove_goods_costs(p_user_id uuid, p_by text, p_ids bigint[]) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare save uuid := gen_random_uuid(); removed bigint;
begin
    perform from public.profiles where user_id = p_user_id for no key update;
    perform set_config('keeper.save_of_costs', save::text, true);
    delete from private.goods_costs as g where g.user_id = p_user_id and g.id = any (p_ids);
    get diagnostics removed = row_count;
    perform private.mark_goods_costs(save);
    return jsonb_build_object('removed', removed, 'save_id', save);
end $$;

revoke all on function public.remove_goods_costs(uuid, text, bigint[]) from public, anon, authenticated;

grant execute on function public.remove_goods_costs(uuid, text, bigint[]) to service_role;

-- undo_goods_costs: what a save changed is as it was before it. Not where a later one changed the same: that is taken back first.
create or replace function public.undo_goods_costs(p_user_id uuid, p_save_id uuid) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare save uuid := gen_random_uuid(); changes private.goods_cost_changes[];
begin
    perform from public.profiles where user_id = p_user_id for no key update;
    changes := array(select c from private.goods_cost_changes as c where c.user_id = p_user_id and c.save_id = p_save_id);
    if changes = '{}' then
        raise exception using errcode = 'PT404', message = 'no_such_save', detail = p_save_id::text,
            hint = 'A save can be taken back for ninety days.';
    end if;
    if exists (select from unnest(changes) as c left join private.goods_costs as g on g.id = c.cost_id
               where to_jsonb(g) is distinct from c.after) then
        raise exception using errcode = 'PT409', message = 'costs_changed_since', detail = p_save_id::text,
            hint = 'Take back the later save first.';
    end if;
    perform set_config('keeper.save_of_costs', save::text, true);
    delete from private.goods_costs as g using unnest(changes) as c where g.id = c.cost_id and c.before is null;
    update private.goods_costs as g
       set currency = r.currency, cost_amount = r.cost_amount, save_id = r.save_id, saved_at = r.saved_at, saved_by = r.saved_by
      from unnest(changes) as c cross join lateral jsonb_populate_record(null::private.goods_costs, c.before) as r
     where g.id = c.cost_id and c.before is not null;
    insert into private.goods_costs overriding system value
    select r.* from unnest(changes) as c cross join lateral jsonb_populate_record(null::private.goods_costs, c.before) as r
    where c.after is null;
    perform private.mark_goods_costs(save);
    return jsonb_build_object('undone', cardinality(changes), 'save_id', save);
end $$;

revoke all on function public.undo_goods_costs(uuid, uuid) from public, anon, authenticated;

grant execute on function public.undo_goods_costs(uuid, uuid) to service_role;

-- goods_costs_of: a user's own costs, each with the day that the next one begins on; a page at a time, after an id.
create or replace function public.goods_costs_of(p_user_id uuid, p_search text default null, p_after bigint default 0, p_limit int default 100)
returns jsonb language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]')
    from (select g.id, g.kind, g.key, g.connection_id, g.valid_from, g.currency, g.cost_amount, g.saved_at, g.saved_by, g.save_id,
                 (select min(n.valid_from) from private.goods_costs as n
                  where n.user_id = g.user_id and n.kind = g.kind and n.key = g.key and n.connection_id is not distinct from g.connection_id
                    and n.valid_from > g.valid_from) as valid_until
          from private.goods_costs as g
          where g.user_id = p_user_id and g.id > p_after and (p_search is null or strpos(lower(g.key), lower(p_search)) > 0)
          order by g.id limit least(p_limit, 1000)) as t;
$$;

revoke all on function public.goods_costs_of(uuid, text, bigint, int) from public, anon, authenticated;

grant execute on function public.goods_costs_of(uuid, text, bigint, int) to service_role;

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
           -- Where some lines have a cost, the others are named.
           case when e.class = 'order' or e.class = 'uncosted' and (e.detail is null or s.platform_id = any (string_to_array(e.detail, ',')))
                then coalesce(s.quantity, 0) else 0 end,
           coalesce(s.product, ''), s.listing_platform_id, s.variant_platform_id, s.sku, s.title
    from (select e.*, exists (select from lines as l where l.order_platform_id = e.order_platform_id
                                                       and l.platform_id = e.line_platform_id) as has_line from events as e) as e
    left join shares as s on s.order_platform_id = e.order_platform_id and (not e.has_line or s.platform_id = e.line_platform_id);
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
end $$;

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
    select * from private.shopify_payments(p_connection_id, null, null, p_orders);
$$;

-- What platforms told of costs was kept before it was counted: these shops are rolled up once more.
select private.mark_all(u.connection_id, 'costs of goods are counted') from (select distinct connection_id from public.unit_costs) as u;
