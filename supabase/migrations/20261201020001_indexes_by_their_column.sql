-- Marking what a page touched costs little, and nothing while a shop is read for the first time; one function tells a shop's zone, so that
-- card and days agree; days are rolled up when the history is whole, not after each of its entities.
create index money_marks_of_everything on private.money_marks (connection_id) where hours is null;

-- A record is looked for by its id, an order's rows by their order, and what happened in a time by the time. Without statistics each of these
-- indexes costs the planner the same for any of the three, and the wrong one reads a whole shop: each can be taken by who names its column
-- only. (PostgREST's sessions keep the plans that they made while a table was empty.)
drop index public.line_items_of_order;
create index line_items_of_order on public.line_items (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.listing_variants_of_listing;
create index listing_variants_of_listing on public.listing_variants (connection_id, listing_platform_id)
    where not is_deleted and listing_platform_id is not null;
drop index public.order_disputes_of_order;
create index order_disputes_of_order on public.order_disputes (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.order_fulfillments_of_order;
create index order_fulfillments_of_order on public.order_fulfillments (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.order_payments_of_order;
create index order_payments_of_order on public.order_payments (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.order_refund_adjustments_of_refund;
create index order_refund_adjustments_of_refund on public.order_refund_adjustments (connection_id, refund_platform_id)
    where not is_deleted and refund_platform_id is not null;
drop index public.order_refund_lines_of_refund;
create index order_refund_lines_of_refund on public.order_refund_lines (connection_id, refund_platform_id)
    where not is_deleted and refund_platform_id is not null;
drop index public.order_refund_shipping_lines_of_refund;
create index order_refund_shipping_lines_of_refund on public.order_refund_shipping_lines (connection_id, refund_platform_id)
    where not is_deleted and refund_platform_id is not null;
drop index public.order_refunds_of_order;
create index order_refunds_of_order on public.order_refunds (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.order_sales_of_order;
create index order_sales_of_order on public.order_sales (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.order_shipping_lines_of_order;
create index order_shipping_lines_of_order on public.order_shipping_lines (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.order_tax_lines_of_order;
create index order_tax_lines_of_order on public.order_tax_lines (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.order_transactions_of_order;
create index order_transactions_of_order on public.order_transactions (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.payments_in_sequence;
create index payments_in_sequence on public.payments (connection_id, sequence_number)
    where not is_deleted and sequence_number is not null;
drop index public.printify_line_items_of_order;
create index printify_line_items_of_order on public.printify_line_items (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.printify_shipments_of_order;
create index printify_shipments_of_order on public.printify_shipments (connection_id, order_platform_id)
    where not is_deleted and order_platform_id is not null;
drop index public.printify_variants_of_product;
create index printify_variants_of_product on public.printify_variants (connection_id, product_platform_id)
    where not is_deleted and product_platform_id is not null;
drop index public.order_refunds_by_time;
create index order_refunds_by_time on public.order_refunds (connection_id, refunded_at) where not is_deleted and refunded_at is not null;
drop index public.payments_by_time;
create index payments_by_time on public.payments (connection_id, occurred_at) where not is_deleted and occurred_at is not null;
drop index public.order_transactions_by_time;
create index order_transactions_by_time on public.order_transactions (connection_id, processed_at) where not is_deleted and processed_at is not null;
drop index public.order_sales_by_time;
create index order_sales_by_time on public.order_sales (connection_id, happened_at) where not is_deleted and happened_at is not null;
drop index public.orders_by_time;
create index orders_by_time on public.orders (connection_id, ordered_at) where not is_deleted and ordered_at is not null;
drop index public.printify_orders_by_time;
create index printify_orders_by_time on public.printify_orders (connection_id, ordered_at) where not is_deleted and ordered_at is not null;


drop function private.zones_of(uuid);

-- zones_of: in which zone a shop's days are, from when until when, and who says so: the platform, else the seller, else the user's other
-- shops where they are all in one ('other_shop'), else a guess. The first is taken for all time before it. Where nobody says one it is UTC,
-- and `said_by` null.
create or replace function private.zones_of(p_connection_id uuid)
returns table (since timestamptz, until timestamptz, zone text, said_by text) language sql stable set search_path = '' as $$
    with heard as (
        select z.*, z.connection_id = p_connection_id as is_own, array_position('{platform,seller,guess}'::text[], z.said_by) as place
        from public.connected_accounts as a
        join public.connected_accounts as b on b.user_id = a.user_id
        join public.shop_time_zones as z on z.connection_id = b.id
        where a.id = p_connection_id and (z.said_by <> 'guess' or b.id = a.id)),
    best as (
        select h.*, last_value(h.zone) over (partition by h.connection_id order by h.valid_from
                                             rows between current row and unbounded following) as now_
        from (select h.*, min(h.place) over (partition by h.connection_id, h.is_own and h.place = 3) as first from heard as h) as h
        where h.place = h.first),
    ranked as (
        select b.valid_from, b.zone, case when b.is_own then b.said_by else 'other_shop' end as said_by,
               rank() over (order by case when not b.is_own then 2 when b.said_by = 'guess' then 3 else 1 end, b.connection_id) as place
        from best as b
        where b.is_own or (select count(distinct o.now_) from best as o where not o.is_own) = 1)
    select case when row_number() over w = 1 then '-infinity' else r.valid_from end, lead(r.valid_from, 1, 'infinity'::timestamptz) over w,
           r.zone, r.said_by
    from ranked as r where r.place = 1 window w as (order by r.valid_from)
    union all
    select '-infinity', 'infinity', 'UTC', null where not exists (select from ranked);
$$;

-- zone_now: that of today, and who says so; no row where nobody does.
create or replace function private.zone_now(p_connection_id uuid) returns table (zone text, said_by text)
language sql stable as $$
    select z.zone, z.said_by from private.zones_of(p_connection_id) as z where z.said_by is not null and z.since <= now() and now() < z.until;
$$;

-- say_time_zone: what the platform tells of a user's shop at connecting, or what the seller says of it, where the platform
-- tells none. `p_from`: since when; null: always.
create or replace function public.say_time_zone(p_user_id uuid, p_connection_id uuid, p_zone text, p_said_by text default 'seller',
                                                p_from timestamptz default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id);
begin
    if not private.is_time_zone(p_zone) then
        raise exception using errcode = 'PT400', message = 'unknown_time_zone', detail = p_zone,
            hint = 'Write it like Europe/Riga or America/New_York.';
    end if;
    if p_said_by = 'seller' and exists (select from public.shop_time_zones as z
                                        where z.connection_id = connection.id and z.said_by = 'platform') then
        raise exception using errcode = 'PT409', message = 'time_zone_told', detail = connection.platform,
            hint = 'It is changed where the shop is.';
    end if;
    perform private.note_time_zone(connection, p_zone, p_said_by, p_from);
    return jsonb_build_object('connection_id', connection.id, 'zone', (select z.zone from private.zone_now(connection.id) as z));
end $$;

-- time_zones: of each shop of a user the zone that its days are counted in, and who says so: 'platform', 'seller', 'guess',
-- 'other_shop', or null where nobody does.
create or replace function public.time_zones(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object('connection_id', a.id, 'zone', z.zone, 'said_by', z.said_by)
                              order by a.platform, a.shop_name, a.shop_id), '[]')
    from public.connected_accounts as a left join lateral private.zone_now(a.id) as z on true where a.user_id = p_user_id;
$$;

-- is_all_marked: whether everything of a connection is to be rolled up anyway, so that no hour has to be told. So it is, from its first page on,
-- with a shop that was never rolled up. The mark is held until the page is committed: who rolls up before does not take it (fold_marks).
create or replace function private.is_all_marked(p_connection_id uuid) returns boolean
language plpgsql set search_path = '' as $$
begin
    perform from private.money_marks as m where m.connection_id = p_connection_id and m.hours is null for key share skip locked;
    if found then
        return true;
    end if;
    if exists (select from public.money_day_states as s where s.connection_id = p_connection_id)
       or exists (select from private.money_touched as t where t.connection_id = p_connection_id) then
        return false;
    end if;
    -- What goes with its connection is rolled up nowhere.
    perform private.mark_all(a.id, 'history') from public.connected_accounts as a where a.id = p_connection_id;
    return true;
end $$;

-- mark_touched: the hours of these rows are touched, and those of the orders that they are about: what an order is decides what its refunds
-- and its taxes are, and the other way round. One row a connection, whatever a page brought. (plpgsql, whose plan stays: four a page.)
create or replace function private.mark_touched(p_table text, p_rows private.touched_row[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare shops uuid[] := array(select s.id from (select distinct r.connection_id as id from unnest(p_rows) as r) as s
                              where not private.is_all_marked(s.id));
begin
    if shops = '{}' then
        return;
    end if;
    with rows_ as materialized (select * from unnest(p_rows) as r where r.connection_id = any (shops)),
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
                            where f.connection_id = a.connection_id and f.order_platform_id = a.order_id and not f.is_deleted offset 0) as f
        union all
        -- Whether it counts decides what is told of all that happened to it.
        select a.connection_id, s.happened_at from about as a
        cross join lateral (select s.happened_at from public.order_sales as s
                            where p_table = 'orders' and s.connection_id = a.connection_id and s.order_platform_id = a.order_id
                              and not s.is_deleted offset 0) as s
        union all
        select a.connection_id, t.processed_at from about as a
        cross join lateral (select t.processed_at from public.order_transactions as t
                            where p_table = 'orders' and t.connection_id = a.connection_id and t.order_platform_id = a.order_id
                              and not t.is_deleted offset 0) as t)
    insert into private.money_marks (connection_id, table_name, run_id, hours)
    select m.connection_id, p_table, (select coalesce(private.recording_for(), max(r.run_id::text)::uuid) from rows_ as r),
           array_agg(distinct date_bin('1 hour', m.at, '2000-01-01Z'))
    from moments as m where m.at is not null
    group by m.connection_id having exists (select from public.connected_accounts as a where a.id = m.connection_id);
end $$;

-- fold_marks: marks become the days that they are about, with why. An hour may be of two days.
create or replace function private.fold_marks(p_connection_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    with taken as (delete from private.money_marks
                   where id in (select m.id from private.money_marks as m where m.connection_id = p_connection_id for update skip locked)
                   returning *),
    hours as (select distinct t.table_name, t.run_id, h.hour from taken as t cross join unnest(t.hours) as h (hour)),
    of_hours as (
        select distinct ((h.hour + e.edge) at time zone z.zone)::date as day, h.table_name, h.run_id
        from hours as h
        cross join (values (interval '0'), (interval '59 minutes 59.999999 seconds')) as e (edge)
        cross join private.zones_of(p_connection_id) as z),
    days as (
        select h.day, jsonb_build_object('table', h.table_name, 'run_id', h.run_id) as cause from of_hours as h
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

-- is_history_open: whether a shop's history is still being read. Every day would be rolled up again and again until it is whole; whoever
-- reads it does that now and then.
create or replace function private.is_history_open(p_connection_id uuid) returns boolean
language sql stable as $$
    select exists (select from public.sync_jobs as j where j.connection_id = p_connection_id and j.job_type = 'backfill'
                                                       and j.status in ('waiting', 'queued', 'running', 'parked'));
$$;

-- shops_to_roll: those that wait and whose history is whole, the longest first.
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
          where not private.is_history_open(a.id)
          group by a.id order by min(k.at), a.id limit 100) as w;
$$;

drop function public.roll_money(uuid,integer);

-- roll_money: a step of a connection of a user, or of the one that has waited longest; `p_whole`: only where the history is whole. Answers
-- {days_left, connections_left}: nothing is left where both are 0.
create or replace function public.roll_money(p_user_id uuid default null, p_days int default 7, p_whole boolean default false) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare shops uuid[] := private.connections_of(p_user_id); waiting uuid[]; days_left int := 0;
begin
    waiting := case when p_user_id is null then private.shops_to_roll() else array(
        select s from unnest(shops) as s
        where (exists (select from private.money_marks as m where m.connection_id = s)
               or exists (select from private.money_touched as t where t.connection_id = s)
               or exists (select from public.money_day_states as d
                          where d.connection_id = s and d.state = 'open' and d.due_at <= clock_timestamp()))
          and not (p_whole and private.is_history_open(s))
        order by s) end;
    if waiting <> '{}' then
        days_left := private.roll_connection(waiting[1], p_days);
    end if;
    if p_user_id is not null and cardinality(waiting) <= 1 and days_left = 0 then
        perform private.close_days(s) from unnest(shops) as s;
    end if;
    return jsonb_build_object('days_left', days_left, 'connections_left', greatest(cardinality(waiting) - (days_left = 0)::int, 0));
end $$;

revoke all on function public.roll_money(uuid, int, boolean) from public, anon, authenticated;

grant execute on function public.roll_money(uuid, int, boolean) to service_role;

drop function private.shop_zone(uuid,timestamp with time zone);

drop function private.shop_day(uuid,timestamp with time zone);

-- money_span: the first and the last moment of which a connection has any record of money.
create or replace function private.money_span(p_connection_id uuid, out first timestamptz, out last timestamptz)
language sql stable set search_path = '' as $$
    select min(m.at), max(m.at) from (
        (select ordered_at as at from public.orders where connection_id = p_connection_id and not is_deleted and ordered_at > '-infinity'
         order by ordered_at limit 1)
        union all
        (select ordered_at from public.orders where connection_id = p_connection_id and not is_deleted and ordered_at > '-infinity'
         order by ordered_at desc limit 1)
        union all
        (select refunded_at from public.order_refunds where connection_id = p_connection_id and not is_deleted and refunded_at > '-infinity'
         order by refunded_at limit 1)
        union all
        (select refunded_at from public.order_refunds where connection_id = p_connection_id and not is_deleted and refunded_at > '-infinity'
         order by refunded_at desc limit 1)
        union all
        (select occurred_at from public.payments where connection_id = p_connection_id and not is_deleted and occurred_at > '-infinity'
         order by occurred_at limit 1)
        union all
        (select occurred_at from public.payments where connection_id = p_connection_id and not is_deleted and occurred_at > '-infinity'
         order by occurred_at desc limit 1)
        union all
        (select happened_at from public.order_sales where connection_id = p_connection_id and not is_deleted and happened_at > '-infinity'
         order by happened_at limit 1)
        union all
        (select happened_at from public.order_sales where connection_id = p_connection_id and not is_deleted and happened_at > '-infinity'
         order by happened_at desc limit 1)
        union all
        (select ordered_at from public.order_costs where connection_id = p_connection_id and state <> 'linked' order by ordered_at limit 1)
        union all
        (select ordered_at from public.order_costs where connection_id = p_connection_id and state <> 'linked' order by ordered_at desc limit 1)
        ) as m;
$$;

-- recent_orders: the newest orders of a user, over all shops; a page of an index each, however many there are.
create or replace function public.recent_orders(p_user_id uuid, p_limit int default 8) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '5s' as $$
begin
    return (
        select coalesce(jsonb_agg(to_jsonb(newest) order by newest.ordered_at desc, newest.platform_id), '[]')
        from (
            select o.* from public.connected_accounts as a
            cross join lateral (
                select platform, a.id as connection_id, a.shop_id, a.shop_name, platform_id, order_number, ordered_at,
                       total_amount, currency, country, status
                from public.orders
                -- A bound, so that the index by time is one that serves (records.sql).
                where connection_id = a.id and not is_deleted and ordered_at > '-infinity'
                order by ordered_at desc limit least(p_limit, 50)) as o
            where a.user_id = p_user_id
            order by o.ordered_at desc, o.platform_id limit least(p_limit, 50)) as newest);
end $$;

-- Shops that have no zone of their own, and whose days were counted in another than the card showed.
select private.mark_all(a.id, 'zone') from public.connected_accounts as a
 where not exists (select from public.shop_time_zones as z where z.connection_id = a.id and z.said_by <> 'guess')
   and exists (select from public.shop_time_zones as z where z.user_id = a.user_id) order by a.id;
