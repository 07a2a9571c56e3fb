-- What adds up, and who waits for whom: functions as supabase/schemas say them.

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
        returning 1)
    insert into public.unit_costs as u (connection_id, user_id, platform, variant_platform_id, currency, cost_amount, first_seen_at)
    select s.connection_id, s.user_id, s.platform, s.platform_id, s.unit_cost_currency, s.unit_cost_amount, s.fetched_at
    from seen as s cross join (select count(*) from ended) as after
    on conflict (connection_id, variant_platform_id, first_seen_at) do update
       set currency = excluded.currency, cost_amount = excluded.cost_amount;
    return null;
end $$;

-- why_unreadable: why columns of a part cannot be filled; null where they can. `finer`: money with more decimals than its
-- currency has.
create or replace function private.why_unreadable(p_spec jsonb, p_columns text[], p_part jsonb, out reason text, out finer boolean)
language plpgsql set search_path = '' as $$
declare hint text; listed text; mapped jsonb;
begin
    select string_agg(format('m.%I::%s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ') into listed
      from pg_catalog.pg_attribute as a
     where a.attrelid = format('public.%I', p_spec ->> 'table')::regclass and a.attname = any (p_columns);
    execute format('select to_jsonb(l) from (select %s from private.%I($1) as m) as l', listed, p_spec ->> 'map') into mapped using p_part;
    select format('%s is more than any shop has', v.value) into reason
      from jsonb_each(mapped) as v
     where v.key like '%\_amount' and jsonb_typeof(v.value) = 'number' and abs(v.value::text::numeric) > private.most_money() limit 1;
exception when others then
    if not private.is_about_data(sqlstate) then
        raise;
    end if;
    get stacked diagnostics reason = message_text, hint = pg_exception_hint;
    finer := hint = 'finer';
end $$;

-- is_passing: an error of the moment (a deadlock, a lock, connections, a full disk, a shutdown): the same again may be done. A statement that takes
-- too long is none.
create or replace function private.is_passing(p_sqlstate text) returns boolean
language sql immutable set search_path = '' as $$
    select left(p_sqlstate, 2) in ('08', '40', '53', '55', '57', '58') and p_sqlstate <> '57014';
$$;

drop function private.go_on_with(text,integer);

-- go_on_with: a step of the oldest work, of one name or of any. Answers how much is left, and what failed of what nobody waits for.
create or replace function private.go_on_with(p_name text, p_rows int, out left_ int, out failed text)
language plpgsql set search_path = '' as $$
declare w private.unfinished_work;
begin
    select * into w from private.unfinished_work as u where p_name is null or u.name = p_name
     -- What is only swept up waits for what somebody waits for.
     order by u.name = 'drop_shadows', u.begun_at, u.connection_id limit 1;
    if found then
        begin
            perform private.go_on(w.connection_id, w.name, p_rows);
        exception when others or query_canceled then
            if p_name is not null or private.is_passing(sqlstate) then
                raise;
            end if;
            -- One shop's work that cannot be done keeps no other's, nor the house, from going on.
            failed := format('%s of %s: %s', w.name, w.connection_id, sqlerrm);
            update private.unfinished_work set begun_at = clock_timestamp() where connection_id = w.connection_id and name = w.name;
        end;
    end if;
    left_ := (select count(*) from private.unfinished_work as u where p_name is null or u.name = p_name);
end $$;

-- finish_work: the same for whoever began it, in one call after another until nothing is left.
create or replace function public.finish_work(p_name text, p_rows int default 2000) returns int
language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select g.left_ from private.go_on_with(p_name, p_rows) as g;
$$;

-- money_dates: the dates of UTC of which a connection has any record of money. A date that nothing happened on is none of them: one record
-- of the year 1 touches a day, and not two thousand years.
create or replace function private.money_dates(p_connection_id uuid) returns setof date
language sql stable set search_path = '' as $$
    select (m.at at time zone 'UTC')::date from (
        select ordered_at as at from public.orders where connection_id = p_connection_id and not is_deleted
        union all
        select refunded_at from public.order_refunds where connection_id = p_connection_id and not is_deleted
        union all
        select occurred_at from public.payments where connection_id = p_connection_id and not is_deleted
        union all
        select happened_at from public.order_sales where connection_id = p_connection_id and not is_deleted
        union all
        select processed_at from public.order_transactions where connection_id = p_connection_id and not is_deleted
        union all
        select ordered_at from public.order_costs where connection_id = p_connection_id and state <> 'linked') as m
    where m.at is not null group by 1;
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
        cross join private.money_dates(p_connection_id) as s (date)
        -- A zone may have it on the day before, or after.
        cross join lateral generate_series(s.date - 1, s.date + 1, interval '1 day') as d (day)
        where t.hours is null
        union all
        select s.day, jsonb_build_object('because', t.table_name)
        from taken as t join public.money_day_states as s on s.connection_id = p_connection_id where t.hours is null)
    insert into private.money_touched as k (connection_id, day, causes)
    select p_connection_id, d.day, jsonb_agg(distinct d.cause) from days as d group by d.day
    on conflict (connection_id, day) do update
       set causes = (select jsonb_agg(distinct c) from jsonb_array_elements(k.causes || excluded.causes) as c);
end $$;

-- is_refused_money: whether a shop could not be rolled up within the last hour.
create or replace function private.is_refused_money(p_connection_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select exists (select from private.money_refusals as r where r.connection_id = p_connection_id and r.at > clock_timestamp() - interval '1 hour');
$$;

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
          where not private.is_refused_money(a.id)
            and not exists (select from public.sync_jobs as j where j.connection_id = a.id and j.job_type = 'backfill'
                                                                and j.status in ('waiting', 'queued', 'running', 'parked'))
          group by a.id order by min(k.at), a.id limit 100) as w;
$$;

-- roll_money: a step of a connection of a user, or of the one that has waited longest. Answers {days_left, connections_left, failed}: nothing
-- is left where both numbers are 0. A shop that cannot be rolled up (`failed` says why) keeps no other from it: it is tried again in an hour.
create or replace function public.roll_money(p_user_id uuid default null, p_days int default 7) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare shops uuid[] := private.connections_of(p_user_id); waiting uuid[]; days_left int := 0; failed text;
begin
    waiting := case when p_user_id is null then private.shops_to_roll() else array(
        select s from unnest(shops) as s
        where not private.is_refused_money(s) and (
                  exists (select from private.money_marks as m where m.connection_id = s)
               or exists (select from private.money_touched as t where t.connection_id = s)
               or exists (select from public.money_day_states as d
                          where d.connection_id = s and d.state = 'open' and d.due_at <= clock_timestamp()))
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
                   sum(l.quantity::numeric * l.price_amount) as amount
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

-- keep_house: one step of each, and of work that somebody began (work.sql). Answers what was done, and what is still asked of people and since when.
create or replace function public.keep_house(p_rows int default 500) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare erased int := private.erase_shops(p_rows * 4); work record := private.go_on_with(null, p_rows * 4);
        deleting int := private.go_on_deleting(p_rows * 4);
begin
    return jsonb_build_object('erased', erased, 'unfinished', work.left_, 'failed', work.failed, 'deleting', deleting, 'pruned', private.prune(p_rows)) || private.open_obligations();
end $$;

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

drop function private.money_span(uuid);
