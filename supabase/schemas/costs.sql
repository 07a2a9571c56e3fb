-- Cost of goods: which order of a sales channel an order of the printer belongs to, and what it cost
-- (docs/decisions/011). A printer's shop may print for all of a user's channels, so an order is looked for in each of
-- them; an order that two of them could mean is ambiguous. Everything here is derived: order_costs and cost_links from the records, the four columns of
-- orders from those. Triggers derive it in the transaction that brings a change, whichever record comes first.

-- Whose orders are sales, to which a cost can belong: a row, which stands in the platform's own file. Nothing reads `has_ledger`
-- since money is derived from events (docs/decisions/037); a column goes when no process of an older release can be left.
create table private.sales_channels (platform text primary key, has_ledger boolean not null);

-- What a printer's cost of a line covers, one piece or the whole line: a row, which stands in the printer's own file. It
-- is the one place where this is decided; public.set_cost_rule changes it and counts again.
create table private.cost_rules (
    source text primary key,
    cost_covers text not null check (cost_covers in ('piece', 'line'))
);

-- What each order of a printer cost, and where it belongs.
create table public.order_costs (
    -- The printer's connection.
    connection_id uuid not null,
    user_id uuid not null,
    source text not null,
    source_id text not null,
    order_type text,
    -- Its own reference to the channel's order, as text, the label without its sign.
    reference text,
    label text,
    -- The order that this one prints again; without a reference of its own it goes where that one goes.
    reprint_of text,
    is_reprint boolean not null,
    ordered_at timestamptz,
    currency text not null,
    production_amount bigint not null,
    shipping_amount bigint not null,
    -- Null where the printer does not say it. A cost, unless the seller reclaims it (profiles.reclaims_tax).
    tax_amount bigint,
    -- False while the printer has not calculated it.
    is_known boolean not null,
    -- False where a part of it is of a kind that nobody has classified yet (money_classes.sql).
    is_classified boolean not null default true,
    state text not null default 'unlinked' check (state in ('linked', 'ambiguous', 'unlinked')),
    reason text,
    platform text,
    order_connection_id uuid,
    order_platform_id text,
    primary key (connection_id, source_id),
    check ((state = 'linked') = (order_platform_id is not null) and (order_platform_id is null) = (platform is null)
           and (order_platform_id is null) = (order_connection_id is null))
);
create index order_costs_by_reference on public.order_costs (user_id, reference) where reference is not null;
create index order_costs_by_label on public.order_costs (user_id, label) where label is not null;
create index order_costs_of_first on public.order_costs (connection_id, reprint_of) where reprint_of is not null;
create index order_costs_unsold on public.order_costs (connection_id, ordered_at) where state <> 'linked';
create index order_costs_open on public.order_costs (user_id, state, connection_id, source_id) where state <> 'linked';
select private.own_rows('order_costs');

-- Every order that a cost could belong to: one where it is linked, several where it is ambiguous.
create table private.cost_links (
    connection_id uuid not null,
    source_id text not null,
    order_connection_id uuid not null,
    order_platform_id text not null,
    user_id uuid not null,
    platform text not null,
    primary key (connection_id, source_id, order_connection_id, order_platform_id)
);
create index cost_links_of_order on private.cost_links (order_connection_id, order_platform_id);
create index cost_links_of_user on private.cost_links (user_id);

-- forget_costs: a user's costs go with the profile.
create or replace function private.forget_costs() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    delete from public.order_costs where user_id = old.user_id;
    delete from private.cost_links where user_id = old.user_id;
    return old;
end $$;
create trigger forget_costs after delete on public.profiles
    for each row execute function private.forget_costs();

-- has_costs: does anything print for this user? The connection is there long before the first page, so that a page of
-- orders cannot miss costs that are being committed at the same moment.
create or replace function private.has_costs(p_user_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select exists (select from public.connected_accounts as a join private.cost_rules as r on r.source = a.platform
                   where a.user_id = p_user_id)
        or exists (select from public.order_costs as c where c.user_id = p_user_id);
$$;

-- lock_costs: pages of one user's printer and channels wait for each other, or neither would see the other's rows.
create or replace function private.lock_costs(p_user_id uuid) returns boolean
language plpgsql set search_path = '' as $$
begin
    if not private.has_costs(p_user_id) then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('keeper costs ' || p_user_id, 0));
    return true;
end $$;

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

-- cost_candidates: the channel orders that the references of these costs mean. First the exact id in any of the user's
-- channels;
-- only where that finds none, the label, as an id or as an order's number without its sign. Never names or amounts.
-- Whether an order is deleted is asked of what the key found: asked in the look-up itself, it invites the index of
-- orders by time, which knows only what is not deleted, and which would be read from end to end.
create or replace function private.cost_candidates(p_user_id uuid, p_connection_id uuid, p_ids text[])
returns table (source_id text, platform text, order_connection_id uuid, order_platform_id text)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    with recursive up (id, reference, label, next_id, depth) as (
        select c.source_id, c.reference, c.label, c.reprint_of, 0
        from public.order_costs as c
        where c.connection_id = p_connection_id and c.source_id = any (p_ids)
        union all
        select u.id, c.reference, c.label, c.reprint_of, u.depth + 1
        from up as u cross join lateral (
            select c.reference, c.label, c.reprint_of from public.order_costs as c
            where c.connection_id = p_connection_id and c.source_id = u.next_id offset 0) as c
        where u.reference is null and u.label is null and u.depth < 10),
    meant as materialized (select id, reference, label from up where reference is not null or label is not null),
    channels as materialized (
        select a.id from public.connected_accounts as a join private.sales_channels as s on s.platform = a.platform
        where a.user_id = p_user_id),
    by_id as materialized (
        select m.id, o.platform, o.connection_id, o.platform_id
        from meant as m cross join channels as s
        cross join lateral (
            select o.platform, o.connection_id, o.platform_id, o.is_deleted from public.orders as o
            where o.connection_id = s.id and o.platform_id = m.reference offset 0) as o
        where not o.is_deleted),
    unmet as materialized (
        select m.id, m.label from meant as m where m.label is not null and m.id not in (select b.id from by_id as b))
    select b.id, b.platform, b.connection_id, b.platform_id from by_id as b
    union
    select u.id, o.platform, o.connection_id, o.platform_id
    from unmet as u cross join channels as s
    cross join lateral (
        select o.platform, o.connection_id, o.platform_id, o.is_deleted from public.orders as o
        where o.connection_id = s.id and o.platform_id = u.label offset 0) as o
    where not o.is_deleted
    union
    select u.id, o.platform, o.connection_id, o.platform_id
    from unmet as u
    cross join lateral (
        select o.platform, o.connection_id, o.platform_id from public.orders as o
        where o.user_id = p_user_id and ltrim(o.order_number, '#') = u.label
          and o.order_number <> o.platform_id and not o.is_deleted offset 0) as o
    join private.sales_channels as s on s.platform = o.platform;
$$;

-- link_costs: link these costs of a printer, and those that follow them as reprints, anew.
create or replace function private.link_costs(p_user_id uuid, p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare family text[]; found jsonb; touched jsonb; made text[];
begin
    with recursive down (id, depth) as (
        select unnest(p_ids), 0
        union
        select c.source_id, d.depth + 1
        from down as d cross join lateral (
            select c.source_id from public.order_costs as c
            where c.connection_id = p_connection_id and c.reprint_of = d.id offset 0) as c
        where d.depth < 10)
    select array_agg(distinct id) into family from down;

    select coalesce(jsonb_agg(to_jsonb(f)), '[]') into found
    from private.cost_candidates(p_user_id, p_connection_id, family) as f;
    with old as (
        delete from private.cost_links as k
         where k.ctid = any (array(
            select l.at from unnest(family) as i(id) cross join lateral (
                select l.ctid as at from private.cost_links as l
                where l.connection_id = p_connection_id and l.source_id = i.id offset 0) as l))
        returning k.order_connection_id, k.order_platform_id)
    select coalesce(jsonb_agg(jsonb_build_object('connection_id', t.order_connection_id, 'id', t.order_platform_id)), '[]')
      into touched
    from (select order_connection_id, order_platform_id from old
          union
          select (e ->> 'order_connection_id')::uuid, e ->> 'order_platform_id'
          from jsonb_array_elements(found) as e) as t;
    insert into private.cost_links (connection_id, source_id, order_connection_id, order_platform_id, user_id, platform)
    select p_connection_id, e ->> 'source_id', (e ->> 'order_connection_id')::uuid, e ->> 'order_platform_id', p_user_id,
           e ->> 'platform'
    from jsonb_array_elements(found) as e;

    with linked as materialized (
        select c.at, i.id as source_id, v.state, v.reason, t.platform, t.shop as order_connection_id,
               t.order_id as order_platform_id
        from unnest(family) as i(id)
        cross join lateral (
            select c.ctid as at, c.state, c.reason, c.platform, c.order_connection_id, c.order_platform_id, c.reference,
                   c.label, c.order_type, c.reprint_of
            from public.order_costs as c
            where c.connection_id = p_connection_id and c.source_id = i.id offset 0) as c
        cross join lateral (
            select count(*) as n, count(distinct k.platform) as channels, min(k.platform) as platform,
                   (array_agg(k.order_connection_id))[1] as shop, min(k.order_platform_id) as order_id
            from private.cost_links as k
            where k.connection_id = p_connection_id and k.source_id = i.id) as k
        cross join lateral (
            select case when k.n = 1 then 'linked' when k.n > 1 then 'ambiguous' else 'unlinked' end as state,
                   case when k.n = 1 then null
                        when k.channels > 1 then 'two_channels'
                        when k.n > 1 then 'two_orders'
                        when c.reference is not null or c.label is not null then
                            case when c.order_type = 'api' then 'order_of_an_api' else 'order_not_there' end
                        when c.reprint_of is not null then 'original_not_linked'
                        when c.order_type in ('manual', 'sample') then 'no_sale'
                        else 'no_reference' end as reason) as v
        cross join lateral (
            select case v.state when 'linked' then k.platform end as platform,
                   case v.state when 'linked' then k.shop end as shop,
                   case v.state when 'linked' then k.order_id end as order_id) as t
        where (c.state, c.reason, c.platform, c.order_connection_id, c.order_platform_id) is distinct from
              (v.state, v.reason, t.platform, t.shop, t.order_id))
    update public.order_costs as c
       set state = n.state, reason = n.reason, platform = n.platform, order_connection_id = n.order_connection_id,
           order_platform_id = n.order_platform_id
      from linked as n
     where c.ctid = any (array(select l.at from linked as l)) and c.source_id = n.source_id;

    perform private.settle_costs(touched);

    -- What was made for an order that is erased is erased with it, whichever of the two came last.
    made := array(select distinct e ->> 'source_id' from jsonb_array_elements(found) as e
                  cross join lateral (
                      select from private.closed_objects as k
                      where k.connection_id = (e ->> 'order_connection_id')::uuid and k.table_name = 'orders'
                        and k.object_id = e ->> 'order_platform_id' and k.forgotten_at is not null offset 0) as k);
    if made <> '{}' then
        perform private.erase_made(p_connection_id, made);
    end if;
end $$;

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

-- rebuild: a batch of what is derived of a shop, from its records alone, by key: of a printer its costs and their links, of
-- a channel what its orders cost. Answers {rows, after}, with rows = 0 when it is done. Calls no platform.
create or replace function private.rebuild(connection public.connected_accounts, p_after text, p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare ids text[];
begin
    perform private.lock_costs(connection.user_id);
    if exists (select from private.cost_rules as r where r.source = connection.platform) then
        execute format('select array(select k from private.%I($1, $2, $3) as k)', 'cost_keys_' || connection.platform)
           into ids using connection.id, p_after, p_limit;
        perform private.costs_changed(connection.user_id, connection.id, connection.platform, ids);
        perform private.link_costs(connection.user_id, connection.id, ids);
    else
        ids := array(select o.platform_id from public.orders as o
                     where o.connection_id = connection.id and o.platform_id > p_after order by o.platform_id limit p_limit);
        perform private.settle_costs((select jsonb_agg(jsonb_build_object('connection_id', connection.id, 'id', i))
                                      from unnest(ids) as i));
    end if;
    return jsonb_build_object('rows', cardinality(ids), 'after', ids[cardinality(ids)]);
end $$;

-- rebuild_derived: the same for operators.
create or replace function public.rebuild_derived(p_user_id uuid, p_connection_id uuid, p_after text, p_limit int default 500)
returns jsonb language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.rebuild(private.connection_of(p_user_id, p_connection_id), p_after, p_limit);
$$;
revoke all on function public.rebuild_derived(uuid, uuid, text, int) from public, anon, authenticated;
grant execute on function public.rebuild_derived(uuid, uuid, text, int) to service_role;

-- rebuild_short: a printer's orders have been read to their end: where there are not as many costs as its records say, they
-- are derived anew, those of a large shop by and by.
create or replace function private.rebuild_short() returns trigger
language plpgsql security definer set search_path = '' as $$
declare told bigint;
begin
    execute format('select count(*) from private.%I($1, %L, null)', 'cost_keys_' || new.platform, '')
       into told using new.connection_id;
    if told <> (select count(*) from public.order_costs as c where c.connection_id = new.connection_id) then
        perform private.begin_work(new.connection_id, 'rebuild');
        perform private.go_on(new.connection_id, 'rebuild', 500);
    end if;
    return null;
end $$;

-- relink_orders: channel orders came, went, or have another number: link anew what names them or hangs on them.
create or replace function private.relink_orders(p_user_id uuid, p_orders jsonb) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare each record;
begin
    if not exists (select from public.order_costs as c where c.user_id = p_user_id) then
        return;
    end if;
    for each in
        with wanted as materialized (
            select (e ->> 'connection_id')::uuid as shop, e ->> 'id' as id, ltrim(e ->> 'number', '#') as number
            from jsonb_array_elements(p_orders) as e)
        select n.connection_id, array_agg(distinct n.source_id) as ids
        from wanted as w cross join lateral (
            select c.connection_id, c.source_id from public.order_costs as c
            where c.user_id = p_user_id and c.reference = w.id
            union all
            select c.connection_id, c.source_id from public.order_costs as c
            where c.user_id = p_user_id and c.label = w.id
            union all
            select c.connection_id, c.source_id from public.order_costs as c
            where c.user_id = p_user_id and c.label = w.number
            union all
            select k.connection_id, k.source_id from private.cost_links as k
            where k.order_connection_id = w.shop and k.order_platform_id = w.id offset 0) as n
        group by n.connection_id order by n.connection_id loop
        perform private.link_costs(p_user_id, each.connection_id, each.ids);
    end loop;
end $$;

-- watch_orders: the channel's side. Transition tables exist for one event each, so every event has its own trigger.
create or replace function private.watch_orders() returns trigger
language plpgsql security definer set search_path = '' as $$
declare who uuid; changed jsonb;
begin
    if tg_op = 'INSERT' then
        for who in select distinct n.user_id from came as n loop
            if private.lock_costs(who) then
                select jsonb_agg(jsonb_build_object('connection_id', n.connection_id, 'id', n.platform_id,
                                                    'number', n.order_number))
                  into changed from came as n where n.user_id = who;
                perform private.relink_orders(who, changed);
            end if;
        end loop;
    elsif tg_op = 'UPDATE' then
        for who in select distinct n.user_id from came as n loop
            if private.lock_costs(who) then
                select jsonb_agg(jsonb_build_object('connection_id', n.connection_id, 'id', n.platform_id,
                                                    'number', n.order_number))
                  into changed
                from came as n join went as o
                  on o.connection_id = n.connection_id and o.platform_id = n.platform_id
                where n.user_id = who and (n.is_deleted <> o.is_deleted
                                           or n.order_number is distinct from o.order_number);
                if changed is not null then
                    perform private.relink_orders(who, changed);
                end if;
            end if;
        end loop;
    else
        for who in select distinct o.user_id from went as o loop
            if private.lock_costs(who) then
                select jsonb_agg(jsonb_build_object('connection_id', o.connection_id, 'id', o.platform_id)) into changed
                from went as o where o.user_id = who;
                perform private.relink_orders(who, changed);
            end if;
        end loop;
    end if;
    return null;
end $$;
create trigger watch_orders_come after insert on public.orders
    referencing new table as came for each statement execute function private.watch_orders();
create trigger watch_orders_change after update on public.orders
    referencing new table as came old table as went for each statement execute function private.watch_orders();
create trigger watch_orders_go after delete on public.orders
    referencing old table as went for each statement execute function private.watch_orders();

-- set_cost_rule: say what a printer's cost covers; every order of it is to be counted again (work.sql). Answers how many
-- users that touches.
create or replace function public.set_cost_rule(p_source text, p_cost_covers text) returns int
language plpgsql security definer set search_path = '' as $$
begin
    update private.cost_rules set cost_covers = p_cost_covers where source = p_source;
    if not found then
        raise exception using errcode = 'PT404', message = 'no_such_source', detail = p_source;
    end if;
    perform private.begin_work(a.id, 'rebuild') from public.connected_accounts as a where a.platform = p_source order by a.id;
    return (select count(distinct a.user_id) from public.connected_accounts as a
            where a.platform = p_source
              and exists (select from public.order_costs as c where c.connection_id = a.id));
end $$;
revoke all on function public.set_cost_rule(text, text) from public, anon, authenticated;
grant execute on function public.set_cost_rule(text, text) to service_role;

-- cost_rules: what each printer's cost covers.
create or replace function public.cost_rules() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_object_agg(r.source, r.cost_covers), '{}') from private.cost_rules as r;
$$;
revoke all on function public.cost_rules() from public, anon, authenticated;
grant execute on function public.cost_rules() to service_role;
