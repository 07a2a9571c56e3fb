-- Days: money events of a connection added up by the shop's own days, and how each day stands (docs/decisions/037). What a page touched
-- is marked in its transaction; the days of marks are rolled up after the job, or by the clock.

-- A day of a shop: one row a currency and class. `of_sales`: what was taken back of this day's sales, whenever that was.
create table public.money_days (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    day date not null,
    currency text not null,
    class text not null,
    amount bigint not null,
    events int not null,
    of_sales bigint not null default 0,
    primary key (connection_id, day, currency, class)
);
comment on table public.money_days is 'What happened to a seller''s money on each day of the shop, by currency and class.';
select private.own_rows('money_days');

-- How a day stands. `waits`: what is still to come, by name and number; `absent`: what was waited for long enough.
create table public.money_day_states (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    day date not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    state text not null check (state in ('open', 'closed', 'restated')),
    waits jsonb not null,
    absent jsonb not null default '{}',
    -- When it was closed for the first time; from then on every change is on record.
    closed_at timestamptz,
    restated_at timestamptz,
    -- When what it waits for counts as not to be had.
    due_at timestamptz,
    primary key (connection_id, day),
    check (state = 'open' or closed_at is not null)
);
comment on table public.money_day_states is 'Whether a day''s figures are final, and what they still wait for.';
create index money_day_states_unclassified on public.money_day_states (connection_id) where waits ? 'unclassified';
create index money_day_states_open on public.money_day_states (connection_id, ends_at) where state = 'open';
create index money_day_states_due on public.money_day_states (due_at) where state = 'open' and due_at is not null;
select private.own_rows('money_day_states');

-- What pages and settings touched, an hour each; `hours` null: everything. Added to only: two pages never wait for each other.
create table private.money_marks (
    id bigint generated always as identity primary key,
    connection_id uuid not null,
    table_name text not null,
    run_id uuid,
    hours timestamptz[],
    at timestamptz not null default clock_timestamp()
);
create index money_marks_of_connection on private.money_marks (connection_id, at);
create index money_marks_of_everything on private.money_marks (connection_id) where hours is null;
-- Days of marks that are to be rolled up, with why.
create table private.money_touched (
    connection_id uuid not null,
    day date not null,
    causes jsonb not null,
    primary key (connection_id, day)
);
-- Why the figures of a closed day are what they are: as they were, as they became, and what did it.
create table private.money_journal (
    id bigint generated always as identity primary key,
    connection_id uuid not null,
    user_id uuid not null,
    day date not null,
    at timestamptz not null default clock_timestamp(),
    kind text not null check (kind in ('closed', 'reopened', 'restated')),
    before jsonb,
    after jsonb not null,
    causes jsonb not null
);
create index money_journal_of_day on private.money_journal (connection_id, day, id);

-- Shops that could not be rolled up, when that was tried last, and why.
create table private.money_refusals (
    connection_id uuid primary key,
    at timestamptz not null default clock_timestamp(),
    reason text not null
);

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

-- A row that a statement brought, changed or took away: whose, what did it, which order it is about, and when it counts.
create type private.touched_row as (connection_id uuid, run_id uuid, order_id text, at timestamptz);

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

-- not_all_marked: of these connections those of which hours have to be told.
create or replace function private.not_all_marked(p_connections uuid[]) returns uuid[]
language plpgsql set search_path = '' as $$
begin
    return array(select c.id from unnest(p_connections) as c (id) where not private.is_all_marked(c.id));
end $$;

-- mark_touched: the hours of these rows are touched, and those of the orders that they are about: what an order is decides what its refunds
-- and its taxes are, and the other way round. One row a connection, whatever a page brought. (plpgsql, whose plan stays: four a page.)
create or replace function private.mark_touched(p_table text, p_rows private.touched_row[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare shops uuid[] := private.not_all_marked(array(select distinct r.connection_id from unnest(p_rows) as r));
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

-- run_of_costs: whose reading of a printer is changing costs and orders right now; what is derived carries no run of its own.
create or replace function private.run_of_costs() returns uuid
language sql stable as $$ select nullif(current_setting('keeper.run_of_costs', true), '')::uuid $$;

-- mark_orders: an order counts on the day that it was made.
create or replace function private.mark_orders() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}'; run uuid := private.run_of_costs();
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, run, w.platform_id, w.ordered_at)::private.touched_row from went as w);
    end if;
    if tg_op = 'INSERT' then
        touched := array(select row(c.connection_id, c.sync_run_id, c.platform_id, c.ordered_at)::private.touched_row from came as c);
    elsif tg_op = 'UPDATE' then
        touched := touched || array(select row(c.connection_id, case when w.sync_run_id <> c.sync_run_id then c.sync_run_id else run end,
                                               c.platform_id, c.ordered_at)::private.touched_row
                                    from came as c join went as w on w.connection_id = c.connection_id and w.platform_id = c.platform_id);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_refunds: a refund counts on its own day.
create or replace function private.mark_refunds() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.order_platform_id, w.refunded_at)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.order_platform_id, c.refunded_at)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_ledger: an entry counts on its own day. Of payments and taxes the order's day hears as well.
create or replace function private.mark_ledger() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}'; telling text[] := array(
    select k.kind || e.ending from private.money_kinds as k cross join (values (''), ('_refund')) as e (ending)
    where k.source = 'ledger' and k.class in ('payment', 'tax_passed'));
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, case when w.entry_type = any (telling) then w.order_platform_id end,
                                    w.occurred_at)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, case when c.entry_type = any (telling) then c.order_platform_id end,
                                               c.occurred_at)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_costs: a cost counts on the day of the sale that it belongs to, or on its own.
create or replace function private.mark_costs() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}'; run uuid := private.run_of_costs();
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(coalesce(w.order_connection_id, w.connection_id), run, w.order_platform_id,
                                    case when w.state <> 'linked' then w.ordered_at end)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(coalesce(c.order_connection_id, c.connection_id), run, c.order_platform_id,
                                               case when c.state <> 'linked' then c.ordered_at end)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_sales: a sale of a journal counts on its own day.
create or replace function private.mark_sales() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.order_platform_id, w.happened_at)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.order_platform_id, c.happened_at)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_transactions: so does what was paid; that its fees are not told yet counts on the day of the order.
create or replace function private.mark_transactions() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.order_platform_id, w.processed_at)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.order_platform_id, c.processed_at)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_journals: with its journal an order is no longer counted by what it says itself.
create or replace function private.mark_journals() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.platform_id, null)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.platform_id, null)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_disputes: what a bank took back of an order is not known on the order's day.
create or replace function private.mark_disputes() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.order_platform_id, null)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.order_platform_id, null)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

-- mark_lines: what was sold, of which product. Lines that come with their order are marked with it.
create or replace function private.mark_lines() returns trigger
language plpgsql security definer set search_path = '' as $$
declare shops uuid[] := private.not_all_marked(array(select distinct c.connection_id from came as c));
begin
    if shops <> '{}' then
        perform private.mark_touched(tg_table_name, array(
            select row(c.connection_id, c.sync_run_id, c.order_platform_id, null)::private.touched_row
            from came as c
            cross join lateral (select o.fetched_at from public.orders as o
                                where o.connection_id = c.connection_id and o.platform_id = c.order_platform_id offset 0) as o
            where o.fetched_at <> c.fetched_at and c.connection_id = any (shops)));
    end if;
    return null;
end $$;

create trigger mark_money_come after insert on public.orders referencing new table as came
    for each statement execute function private.mark_orders();
create trigger mark_money_change after update on public.orders referencing new table as came old table as went
    for each statement execute function private.mark_orders();
create trigger mark_money_go after delete on public.orders referencing old table as went
    for each statement execute function private.mark_orders();
create trigger mark_money_come after insert on public.order_refunds referencing new table as came
    for each statement execute function private.mark_refunds();
create trigger mark_money_change after update on public.order_refunds referencing new table as came old table as went
    for each statement execute function private.mark_refunds();
create trigger mark_money_go after delete on public.order_refunds referencing old table as went
    for each statement execute function private.mark_refunds();
create trigger mark_money_come after insert on public.payments referencing new table as came
    for each statement execute function private.mark_ledger();
create trigger mark_money_change after update on public.payments referencing new table as came old table as went
    for each statement execute function private.mark_ledger();
create trigger mark_money_go after delete on public.payments referencing old table as went
    for each statement execute function private.mark_ledger();
create trigger mark_money_come after insert on public.order_costs referencing new table as came
    for each statement execute function private.mark_costs();
create trigger mark_money_change after update on public.order_costs referencing new table as came old table as went
    for each statement execute function private.mark_costs();
create trigger mark_money_go after delete on public.order_costs referencing old table as went
    for each statement execute function private.mark_costs();

create trigger mark_money_come after insert on public.order_sales referencing new table as came
    for each statement execute function private.mark_sales();
create trigger mark_money_change after update on public.order_sales referencing new table as came old table as went
    for each statement execute function private.mark_sales();
create trigger mark_money_go after delete on public.order_sales referencing old table as went
    for each statement execute function private.mark_sales();
create trigger mark_money_come after insert on public.order_transactions referencing new table as came
    for each statement execute function private.mark_transactions();
create trigger mark_money_change after update on public.order_transactions referencing new table as came old table as went
    for each statement execute function private.mark_transactions();
create trigger mark_money_go after delete on public.order_transactions referencing old table as went
    for each statement execute function private.mark_transactions();
create trigger mark_money_come after insert on public.balance_transactions referencing new table as came
    for each statement execute function private.mark_transactions();
create trigger mark_money_change after update on public.balance_transactions referencing new table as came old table as went
    for each statement execute function private.mark_transactions();
create trigger mark_money_go after delete on public.balance_transactions referencing old table as went
    for each statement execute function private.mark_transactions();
create trigger mark_money_come after insert on public.order_journals referencing new table as came
    for each statement execute function private.mark_journals();
create trigger mark_money_change after update on public.order_journals referencing new table as came old table as went
    for each statement execute function private.mark_journals();
create trigger mark_money_go after delete on public.order_journals referencing old table as went
    for each statement execute function private.mark_journals();
create trigger mark_money_come after insert on public.order_disputes referencing new table as came
    for each statement execute function private.mark_disputes();
create trigger mark_money_change after update on public.order_disputes referencing new table as came old table as went
    for each statement execute function private.mark_disputes();
create trigger mark_money_go after delete on public.order_disputes referencing old table as went
    for each statement execute function private.mark_disputes();
create trigger mark_lines_come after insert on public.line_items referencing new table as came
    for each statement execute function private.mark_lines();
create trigger mark_lines_change after update on public.line_items referencing new table as came
    for each statement execute function private.mark_lines();

-- mark_all: everything of a connection is to be rolled up anew: a setting, a zone or a class has changed, and `p_why` says which.
create or replace function private.mark_all(p_connection_id uuid, p_why text) returns void
language sql set search_path = '' as $$
    insert into private.money_marks (connection_id, table_name) values (p_connection_id, p_why);
$$;

-- mark_zones: other zones, other days; of a user's printers too, which have their channels' zone.
create or replace function private.mark_zones() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.mark_all(a.id, 'zone') from public.connected_accounts as a
      where a.user_id = coalesce(new.user_id, old.user_id) order by a.id;
    return null;
end $$;
create trigger mark_zones after insert or update or delete on public.shop_time_zones
    for each row execute function private.mark_zones();

-- money_times: when anything happened to a connection's money. What a platform has in tables of its own, private.money_times_<platform> says.
create or replace function private.money_times(p_connection_id uuid) returns setof timestamptz
language plpgsql stable set search_path = '' as $$
declare place text;
begin
    return query
        select o.ordered_at from public.orders as o where o.connection_id = p_connection_id and not o.is_deleted
        union all
        select r.refunded_at from public.order_refunds as r where r.connection_id = p_connection_id and not r.is_deleted
        union all
        select p.occurred_at from public.payments as p where p.connection_id = p_connection_id and not p.is_deleted
        union all
        select s.happened_at from public.order_sales as s where s.connection_id = p_connection_id and not s.is_deleted
        union all
        select t.processed_at from public.order_transactions as t where t.connection_id = p_connection_id and not t.is_deleted
        union all
        select b.processed_at from public.balance_transactions as b where b.connection_id = p_connection_id and not b.is_deleted
        union all
        select c.ordered_at from public.order_costs as c where c.connection_id = p_connection_id and c.state <> 'linked';
    select a.platform into place from public.connected_accounts as a where a.id = p_connection_id;
    if to_regprocedure(format('private.money_times_%s(uuid)', place)) is not null then
        return query execute format('select * from private.%I($1)', 'money_times_' || place) using p_connection_id;
    end if;
end $$;

-- money_dates: the dates of UTC of which a connection has any record of money. A date that nothing happened on is none of them: one record
-- of the year 1 touches a day, and not two thousand years.
create or replace function private.money_dates(p_connection_id uuid) returns setof date
language sql stable set search_path = '' as $$
    select (m.at at time zone 'UTC')::date from private.money_times(p_connection_id) as m (at) where m.at > '-infinity' group by 1;
$$;

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
        cross join private.money_dates(p_connection_id) as s (date)
        -- A zone may have it on the day before, or after.
        cross join lateral generate_series(s.date - 1, s.date + 1, interval '1 day') as d (day)
        where t.hours is null
        union all
        select s.day, jsonb_build_object('because', t.table_name)
        from taken as t join public.money_day_states as s on s.connection_id = p_connection_id where t.hours is null)
    insert into private.money_touched as k (connection_id, day, causes)
    -- What lies beyond has no name in a calendar of four digits, which is what programs read.
    select p_connection_id, d.day, jsonb_agg(distinct d.cause) from days as d where d.day between '0001-01-01' and '9999-12-31' group by d.day
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

-- awaited: what figures of a day count that is not known, by class.
create or replace function private.awaited(p_figures jsonb) returns table (class text, events bigint)
language sql immutable set search_path = '' as $$
    select k.key, sum((k.value ->> 1)::bigint)
    from jsonb_each(coalesce(p_figures, '{}')) as c, jsonb_each(c.value) as k
    where k.key in ('unclassified', 'uncosted', 'fees_unknown', 'disputes_unknown') group by 1;
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
            from (select a.class, a.events, case when a.class = 'uncosted' and not p_has_costs then '-infinity'
                                                 else coalesce(p_ends_at + c.waits, 'infinity') end as until
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

-- is_history_open: whether a shop's history is being read right now. Every day would be rolled up again and again until it is whole; while it
-- waits for long, as for another day's calls, what is there is rolled up.
create or replace function private.is_history_open(p_connection_id uuid) returns boolean
language sql stable as $$
    select exists (select from public.sync_jobs as j
                   where j.connection_id = p_connection_id and j.job_type = 'backfill'
                     and (j.status in ('queued', 'running') or j.status = 'parked' and j.run_after < now() + interval '10 minutes'));
$$;

-- is_refused_money: whether a shop could not be rolled up within the last hour.
create or replace function private.is_refused_money(p_connection_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select exists (select from private.money_refusals as r where r.connection_id = p_connection_id and r.at > clock_timestamp() - interval '1 hour');
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
          where not private.is_refused_money(a.id) and not private.is_history_open(a.id)
          group by a.id order by min(k.at), a.id limit 100) as w;
$$;

-- roll_money: a step of a connection of a user, or of the one that has waited longest; `p_whole`: only where the history is whole. Answers
-- {days_left, connections_left, failed}: nothing is left where both numbers are 0. A shop that cannot be rolled up (`failed` says why) keeps
-- no other from it: it is tried again in an hour.
create or replace function public.roll_money(p_user_id uuid default null, p_days int default 7, p_whole boolean default false) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare shops uuid[] := private.connections_of(p_user_id); waiting uuid[]; days_left int := 0; failed text;
begin
    waiting := case when p_user_id is null then private.shops_to_roll() else array(
        select s from unnest(shops) as s
        where (exists (select from private.money_marks as m where m.connection_id = s)
               or exists (select from private.money_touched as t where t.connection_id = s)
               or exists (select from public.money_day_states as d
                          where d.connection_id = s and d.state = 'open' and d.due_at <= clock_timestamp()))
          and not (p_whole and private.is_history_open(s)) and not private.is_refused_money(s)
        order by s) end;
    if waiting <> '{}' then
        begin
            days_left := private.roll_connection(waiting[1], p_days);
            delete from private.money_refusals where connection_id = waiting[1];
        exception when others or query_canceled then
            if private.is_passing(sqlstate) then
                raise;
            end if;
            failed := format('shop %s: %s', waiting[1], sqlerrm);
            insert into private.money_refusals as r (connection_id, reason) values (waiting[1], sqlerrm)
            on conflict (connection_id) do update set at = clock_timestamp(), reason = excluded.reason;
        end;
    end if;
    if p_user_id is not null and cardinality(waiting) <= 1 and days_left = 0 then
        perform private.close_days(s) from unnest(shops) as s;
    end if;
    return jsonb_build_object('days_left', days_left, 'connections_left', greatest(cardinality(waiting) - (days_left = 0)::int, 0),
                              'failed', failed);
end $$;
revoke all on function public.roll_money(uuid, int, boolean) from public, anon, authenticated;
grant execute on function public.roll_money(uuid, int, boolean) to service_role;

-- roll_newest: the newest days of a shop whose history is being read. The marks stay: when it is whole, all of it is rolled up.
create or replace function public.roll_newest(p_connection_id uuid, p_days int default 7) returns void
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts; newest date;
begin
    select * into connection from public.connected_accounts where id = p_connection_id;
    select (max(m.at) at time zone z.zone)::date into newest
    from ((select o.ordered_at as at from public.orders as o
           where o.connection_id = p_connection_id and not o.is_deleted and o.ordered_at > '-infinity' order by o.ordered_at desc limit 1)
          union all
          (select p.occurred_at from public.payments as p
           where p.connection_id = p_connection_id and not p.is_deleted and p.occurred_at > '-infinity' order by p.occurred_at desc limit 1)) as m
    cross join private.zones_of(p_connection_id) as z where m.at >= z.since and m.at < z.until group by z.zone order by 1 desc limit 1;
    if newest is not null then
        perform pg_advisory_xact_lock(hashtextextended('keeper money ' || p_connection_id, 0));
        perform private.roll_days(connection, newest - p_days + 1, p_days);
    end if;
end $$;
revoke all on function public.roll_newest(uuid, int) from public, anon, authenticated;
grant execute on function public.roll_newest(uuid, int) to service_role;

-- rebuild_money: everything of a user's shops, or of some, is to be rolled up anew from its rows. Answers how many shops that is.
create or replace function public.rebuild_money(p_user_id uuid, p_connections uuid[] default null) returns int
language plpgsql security definer set search_path = '' as $$
declare shops uuid[] := array(select s from unnest(private.connections_of(p_user_id)) as s
                              where p_connections is null or s = any (p_connections) order by s);
begin
    delete from private.money_refusals where connection_id = any (shops);
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
