-- Orders as people look for them: lists of orders with what each came to, from money events; what is not known is null, and named.

-- orders_told: some orders of a user's shops with what is known of each: its items, the figures of all that ever happened to it by currency, and
-- what is not known. Unknown, never nothing: `cost`, `fees`, `disputes`, `unclassified`; `other_currency` where a part of its profit is in another
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
               bool_or(s.class = 'disputes_unknown') as disputes, count(distinct s.currency) filter (where s.part = 'profit' and s.amount <> 0) as currencies
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
                   case when m.fees then 'fees' end, case when m.disputes then 'disputes' end, case when m.unclassified then 'unclassified' end,
                   case when m.currencies > 1 then 'other_currency' end], null))) order by f.place), '[]')
    from found as f
    join shops as s on s.id = f.connection_id
    cross join lateral (select o.ctid from public.orders as o
                        where o.connection_id = f.connection_id and o.platform_id = f.platform_id offset 0) as at_
    join public.orders as o on o.ctid = at_.ctid
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
