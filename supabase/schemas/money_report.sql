-- What people see of money: days, the events behind them, why a closed day changed, and what proves it.

-- money_of: the figures of a day's rows in one currency: by figure, the profit, and every class. What a bank took back in a dispute and nobody
-- tells is null, and so is the profit: `missing` names it.
create or replace function private.money_of(p_figures jsonb) returns jsonb
language sql stable set search_path = '' as $$
    select coalesce(jsonb_object_agg(m.currency, jsonb_build_object(
               'profit', case when not m.is_disputed then m.profit end,
               'figures', m.figures || case when m.is_disputed then '{"disputes": null}' else '{}' end::jsonb,
               'missing', case when m.is_disputed then '["disputes"]' else '[]' end::jsonb, 'classes', m.classes, 'of_sales', m.of_sales)), '{}')
    from (select k.currency, bool_or(k.class = 'disputes_unknown' and k.events > 0) as is_disputed, coalesce(sum(k.amount) filter (where k.part = 'profit'), 0) as profit,
                 (select jsonb_object_agg(f.figure, f.value) from (
                     select coalesce(c.figure, 'unclassified') as figure,
                            sum(case when c.part = 'counted' then (v.value ->> 1)::bigint else (v.value ->> 0)::bigint end) as value
                     from jsonb_each(p_figures -> k.currency) as v left join private.money_classes as c on c.class = v.key group by 1) as f) as figures,
                 jsonb_object_agg(k.class, k.amount) filter (where k.part is distinct from 'counted') as classes,
                 jsonb_object_agg(k.class, k.of_sales) filter (where k.of_sales <> 0) as of_sales
          from (select c.key as currency, v.key as class, (v.value ->> 0)::bigint as amount, (v.value ->> 1)::bigint as events, (v.value ->> 2)::bigint as of_sales, r.part
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
