-- Cost of goods: which order of a sales channel an order of the printer belongs to, and what it cost
-- (docs/decisions/011). Everything here is derived: order_costs and cost_links from the records, the four columns of
-- orders from those. Triggers derive it in the transaction that brings a change, whichever record comes first.

-- Whose orders are sales, to which a cost can belong. Data, so that a new platform is a row.
create table private.sales_channels (platform text primary key);
insert into private.sales_channels values ('etsy'), ('shopify'), ('square');

-- What Printify's `line_items[].cost` covers is not confirmed (platform sheet, section 7): one piece, or the whole line.
-- This row is the one place where it is decided; public.set_cost_rule changes it and counts again.
create table private.cost_rules (
    source text primary key,
    cost_covers text not null check (cost_covers in ('piece', 'line'))
);
insert into private.cost_rules values ('printify', 'piece');

-- The default costs the landing of an order nothing.
alter table public.orders
    add column cost_amount bigint,
    add column cost_currency text,
    add column cost_source text,
    -- linked: cost_amount is all of it; no_cost_yet: nothing has been linked, or a linked one has no cost yet;
    -- ambiguous: a cost could belong to this order or to another one, or comes in two currencies.
    add column cost_state text not null default 'no_cost_yet'
        check (cost_state in ('linked', 'no_cost_yet', 'ambiguous'));

-- Etsy's number is its id, and stays out; Shopify's `#1037` is found without its sign.
create index orders_by_number on public.orders (user_id, ltrim(order_number, '#'))
    where order_number <> platform_id and not is_deleted;

-- What each order of a printer cost, and where it belongs.
create table public.order_costs (
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
    -- False while the printer has not calculated it.
    is_known boolean not null,
    state text not null default 'unlinked' check (state in ('linked', 'ambiguous', 'unlinked')),
    reason text,
    platform text,
    order_platform_id text,
    primary key (user_id, source, source_id),
    check ((state = 'linked') = (order_platform_id is not null) and (order_platform_id is null) = (platform is null))
);
create index order_costs_by_reference on public.order_costs (user_id, reference) where reference is not null;
create index order_costs_by_label on public.order_costs (user_id, label) where label is not null;
create index order_costs_of_first on public.order_costs (user_id, source, reprint_of) where reprint_of is not null;
create index order_costs_open on public.order_costs (user_id, state, source, source_id) where state <> 'linked';

-- Every order that a cost could belong to: one where it is linked, several where it is ambiguous.
create table private.cost_links (
    user_id uuid not null,
    source text not null,
    source_id text not null,
    platform text not null,
    order_platform_id text not null,
    primary key (user_id, source, source_id, platform, order_platform_id)
);
create index cost_links_of_order on private.cost_links (user_id, platform, order_platform_id);

alter table public.order_costs enable row level security;
alter table public.order_costs force row level security;
create policy own_rows on public.order_costs for select to authenticated using (user_id = (select auth.uid()));
grant select on public.order_costs to authenticated, service_role;

create function private.forget_costs() returns trigger
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
create function private.has_costs(p_user_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select exists (select from public.connected_accounts as a join private.cost_rules as r on r.source = a.platform
                   where a.user_id = p_user_id)
        or exists (select from public.order_costs as c where c.user_id = p_user_id);
$$;

-- lock_costs: pages of one user's printer and channels wait for each other, or neither would see the other's rows.
create function private.lock_costs(p_user_id uuid) returns boolean
language plpgsql set search_path = '' as $$
begin
    if not private.has_costs(p_user_id) then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('keeper costs ' || p_user_id, 0));
    return true;
end $$;

-- cost_facts_printify: what Printify's records say of these orders. Costs are those of the lines that are not canceled;
-- total_price and the lines' metadata.price are retail and never read (platform sheet, section 8).
create function private.cost_facts_printify(p_user_id uuid, p_ids text[]) returns table (
        source_id text, order_type text, reference text, label text, reprint_of text, is_reprint boolean,
        ordered_at timestamptz, currency text, production_amount bigint, shipping_amount bigint, is_known boolean)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    select o.platform_id, o.order_type, nullif(btrim(o.shop_order_id), ''),
           nullif(ltrim(btrim(o.shop_order_label), '#'), ''), o.raw #>> '{metadata,reprinted_order_ids,0}',
           coalesce(o.is_reprint, false),
           o.ordered_at, o.currency, coalesce(l.production, 0)::bigint, coalesce(l.shipping, 0)::bigint,
           o.status is distinct from 'cost-calculation' and coalesce(l.all_known, true)
               and (l.live = 0 or l.production > 0 or coalesce(o.is_reprint, false))
    from public.printify_orders as o
    cross join private.cost_rules as r
    cross join lateral (
        select count(*) as live, bool_and(i.cost_amount is not null) as all_known,
               sum(i.cost_amount * case r.cost_covers when 'piece' then coalesce(i.quantity, 1) else 1 end) as production,
               sum(i.shipping_cost_amount) as shipping
        from public.printify_line_items as i
        where i.user_id = o.user_id and i.platform = o.platform and i.order_platform_id = o.platform_id
          and not i.is_deleted and i.status is distinct from 'canceled' offset 0) as l
    where o.user_id = p_user_id and o.platform = 'printify' and o.platform_id = any (p_ids) and not o.is_deleted
      and r.source = 'printify';
$$;

-- settle_costs: bring the cost columns of these orders up to date. `p_orders` is [{platform, id}, ...].
create function private.settle_costs(p_user_id uuid, p_orders jsonb) returns void
language sql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    update public.orders as o
       set cost_amount = case s.state when 'linked' then s.amount end,
           cost_currency = case s.state when 'linked' then s.currency end,
           cost_source = s.source, cost_state = s.state
      from (
        select w.platform, w.id, min(c.source) as source, min(c.currency) as currency,
               sum(c.production_amount + c.shipping_amount)::bigint as amount,
               case when bool_or(c.state = 'ambiguous') or min(c.currency) <> max(c.currency) then 'ambiguous'
                    when bool_and(c.is_known) then 'linked'
                    else 'no_cost_yet' end as state
        from (select distinct e ->> 'platform' as platform, e ->> 'id' as id
              from jsonb_array_elements(p_orders) as e) as w
        left join lateral (
            select c.source, c.currency, c.production_amount, c.shipping_amount, c.state, c.is_known
            from private.cost_links as k
            join public.order_costs as c
              on c.user_id = k.user_id and c.source = k.source and c.source_id = k.source_id
            where k.user_id = p_user_id and k.platform = w.platform and k.order_platform_id = w.id offset 0) as c on true
        group by w.platform, w.id) as s
     where o.user_id = p_user_id and o.platform = s.platform and o.platform_id = s.id
       and (o.cost_state, o.cost_source, o.cost_amount, o.cost_currency) is distinct from
           (s.state, s.source, case s.state when 'linked' then s.amount end,
            case s.state when 'linked' then s.currency end);
$$;

-- cost_candidates: the channel orders that the references of these costs mean. First the exact id in any channel;
-- only where that finds none, the label, as an id or as an order's number without its sign. Never names or amounts.
create function private.cost_candidates(p_user_id uuid, p_source text, p_ids text[])
returns table (source_id text, platform text, order_platform_id text)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    with recursive up (id, reference, label, next_id, depth) as (
        select c.source_id, c.reference, c.label, c.reprint_of, 0
        from public.order_costs as c
        where c.user_id = p_user_id and c.source = p_source and c.source_id = any (p_ids)
        union all
        select u.id, c.reference, c.label, c.reprint_of, u.depth + 1
        from up as u join public.order_costs as c
          on c.user_id = p_user_id and c.source = p_source and c.source_id = u.next_id
        where u.reference is null and u.label is null and u.depth < 10),
    meant as materialized (select id, reference, label from up where reference is not null or label is not null),
    by_id as materialized (
        select m.id, o.platform, o.platform_id
        from meant as m cross join private.sales_channels as s
        cross join lateral (
            select o.platform, o.platform_id from public.orders as o
            where o.user_id = p_user_id and o.platform = s.platform and o.platform_id = m.reference
              and not o.is_deleted offset 0) as o),
    unmet as materialized (
        select m.id, m.label from meant as m where m.label is not null and m.id not in (select b.id from by_id as b))
    select b.id, b.platform, b.platform_id from by_id as b
    union
    select u.id, o.platform, o.platform_id
    from unmet as u cross join private.sales_channels as s
    cross join lateral (
        select o.platform, o.platform_id from public.orders as o
        where o.user_id = p_user_id and o.platform = s.platform and o.platform_id = u.label
          and not o.is_deleted offset 0) as o
    union
    select u.id, o.platform, o.platform_id
    from unmet as u
    cross join lateral (
        select o.platform, o.platform_id from public.orders as o
        where o.user_id = p_user_id and ltrim(o.order_number, '#') = u.label
          and o.order_number <> o.platform_id and not o.is_deleted offset 0) as o
    join private.sales_channels as s on s.platform = o.platform;
$$;

-- link_costs: link these costs, and those that follow them as reprints, anew.
create function private.link_costs(p_user_id uuid, p_source text, p_ids text[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare family text[]; found jsonb; touched jsonb;
begin
    with recursive down (id, depth) as (
        select unnest(p_ids), 0
        union
        select c.source_id, d.depth + 1
        from down as d join public.order_costs as c
          on c.user_id = p_user_id and c.source = p_source and c.reprint_of = d.id
        where d.depth < 10)
    select array_agg(distinct id) into family from down;

    select coalesce(jsonb_agg(to_jsonb(f)), '[]') into found
    from private.cost_candidates(p_user_id, p_source, family) as f;
    with old as (
        delete from private.cost_links as k
         where k.user_id = p_user_id and k.source = p_source and k.source_id = any (family)
        returning k.platform, k.order_platform_id)
    select coalesce(jsonb_agg(jsonb_build_object('platform', t.platform, 'id', t.order_platform_id)), '[]') into touched
    from (select platform, order_platform_id from old
          union
          select e ->> 'platform', e ->> 'order_platform_id' from jsonb_array_elements(found) as e) as t;
    insert into private.cost_links (user_id, source, source_id, platform, order_platform_id)
    select p_user_id, p_source, e ->> 'source_id', e ->> 'platform', e ->> 'order_platform_id'
    from jsonb_array_elements(found) as e;

    update public.order_costs as c
       set state = n.state, reason = n.reason, platform = n.platform, order_platform_id = n.order_platform_id
      from (
        select i.id as source_id, v.state, v.reason,
               case v.state when 'linked' then k.platform end as platform,
               case v.state when 'linked' then k.order_id end as order_platform_id
        from unnest(family) as i(id)
        join public.order_costs as c on c.user_id = p_user_id and c.source = p_source and c.source_id = i.id
        cross join lateral (
            select count(*) as n, count(distinct k.platform) as channels, min(k.platform) as platform,
                   min(k.order_platform_id) as order_id
            from private.cost_links as k
            where k.user_id = p_user_id and k.source = p_source and k.source_id = i.id) as k
        cross join lateral (
            select case when k.n = 1 then 'linked' when k.n > 1 then 'ambiguous' else 'unlinked' end as state,
                   case when k.n = 1 then null
                        when k.channels > 1 then 'two_channels'
                        when k.n > 1 then 'two_orders'
                        when c.reference is not null or c.label is not null then
                            case when c.order_type = 'api' then 'order_of_an_api' else 'order_not_there' end
                        when c.reprint_of is not null then 'original_not_linked'
                        when c.order_type in ('manual', 'sample') then 'no_sale'
                        else 'no_reference' end as reason) as v) as n
     where c.user_id = p_user_id and c.source = p_source and c.source_id = n.source_id
       and (c.state, c.reason, c.platform, c.order_platform_id) is distinct from
           (n.state, n.reason, n.platform, n.order_platform_id);

    perform private.settle_costs(p_user_id, touched);
end $$;

-- costs_changed: records of a printer have changed; take their facts over, link them, settle the orders.
create function private.costs_changed(p_user_id uuid, p_source text, p_ids text[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off as $$
declare fresh text[]; gone text[];
begin
    execute format($sql$
        with facts as materialized (select * from private.%I($1, $2)),
        saved as (
            insert into public.order_costs as c (user_id, source, source_id, order_type, reference, label, reprint_of,
                is_reprint, ordered_at, currency, production_amount, shipping_amount, is_known)
            select $1, $3, f.* from facts as f
            on conflict (user_id, source, source_id) do update
               set order_type = excluded.order_type, reference = excluded.reference, label = excluded.label,
                   reprint_of = excluded.reprint_of, is_reprint = excluded.is_reprint, ordered_at = excluded.ordered_at,
                   currency = excluded.currency, production_amount = excluded.production_amount,
                   shipping_amount = excluded.shipping_amount, is_known = excluded.is_known
             where (c.order_type, c.reference, c.label, c.reprint_of, c.is_reprint, c.ordered_at, c.currency,
                    c.production_amount, c.shipping_amount, c.is_known) is distinct from
                   (excluded.order_type, excluded.reference, excluded.label, excluded.reprint_of, excluded.is_reprint,
                    excluded.ordered_at, excluded.currency, excluded.production_amount, excluded.shipping_amount,
                    excluded.is_known)
            returning c.source_id)
        select coalesce((select array_agg(s.source_id) from saved as s), '{}'),
               coalesce((select array_agg(i) from unnest($2) as i where i not in (select source_id from facts)), '{}')
    $sql$, 'cost_facts_' || p_source) into fresh, gone using p_user_id, p_ids, p_source;
    delete from public.order_costs where user_id = p_user_id and source = p_source and source_id = any (gone);
    if fresh <> '{}' or gone <> '{}' then
        perform private.link_costs(p_user_id, p_source, fresh || gone);
    end if;
end $$;

-- relink_orders: channel orders came, went, or have another number: link anew what names them or hangs on them.
create function private.relink_orders(p_user_id uuid, p_orders jsonb) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare each record;
begin
    if not exists (select from public.order_costs as c where c.user_id = p_user_id) then
        return;
    end if;
    for each in
        with wanted as materialized (
            select e ->> 'platform' as platform, e ->> 'id' as id, ltrim(e ->> 'number', '#') as number
            from jsonb_array_elements(p_orders) as e)
        select n.source, array_agg(distinct n.source_id) as ids
        from (
            select c.source, c.source_id from wanted as w
            join public.order_costs as c on c.user_id = p_user_id and c.reference = w.id
            union all
            select c.source, c.source_id from wanted as w
            join public.order_costs as c on c.user_id = p_user_id and c.label = w.id
            union all
            select c.source, c.source_id from wanted as w
            join public.order_costs as c on c.user_id = p_user_id and c.label = w.number
            union all
            select k.source, k.source_id from wanted as w
            join private.cost_links as k
              on k.user_id = p_user_id and k.platform = w.platform and k.order_platform_id = w.id) as n
        group by n.source loop
        perform private.link_costs(p_user_id, each.source, each.ids);
    end loop;
end $$;

-- watch_orders: the channel's side. Transition tables exist for one event each, so every event has its own trigger.
create function private.watch_orders() returns trigger
language plpgsql security definer set search_path = '' as $$
declare who uuid; changed jsonb;
begin
    if tg_op = 'INSERT' then
        for who in select distinct n.user_id from came as n loop
            if private.lock_costs(who) then
                select jsonb_agg(jsonb_build_object('platform', n.platform, 'id', n.platform_id,
                                                    'number', n.order_number))
                  into changed from came as n where n.user_id = who;
                perform private.relink_orders(who, changed);
            end if;
        end loop;
    elsif tg_op = 'UPDATE' then
        for who in select distinct n.user_id from came as n loop
            if private.lock_costs(who) then
                select jsonb_agg(jsonb_build_object('platform', n.platform, 'id', n.platform_id,
                                                    'number', n.order_number))
                  into changed
                from came as n join went as o
                  on o.user_id = n.user_id and o.platform = n.platform and o.platform_id = n.platform_id
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
                select jsonb_agg(jsonb_build_object('platform', o.platform, 'id', o.platform_id)) into changed
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

-- watch_printify: the printer's side; the column that names the order comes with the trigger.
create function private.watch_printify() returns trigger
language plpgsql security definer set search_path = '' as $$
declare each record; rows text;
begin
    rows := case tg_op when 'INSERT' then 'select * from came' when 'DELETE' then 'select * from went'
                       else 'select * from came union all select * from went' end;
    for each in execute format('select user_id, array_agg(distinct %1$I) as ids from (%2$s) as r group by user_id',
                               tg_argv[0], rows) loop
        -- A user who is being forgotten has no profile any more, and needs no costs.
        if exists (select from public.profiles as p where p.user_id = each.user_id) then
            perform private.lock_costs(each.user_id);
            perform private.costs_changed(each.user_id, 'printify', each.ids);
        end if;
    end loop;
    return null;
end $$;

do $$
declare t record;
begin
    for t in select * from (values ('printify_orders', 'platform_id'), ('printify_line_items', 'order_platform_id'))
             as t(name, key) loop
        execute format('create trigger watch_%1$s_come after insert on public.%1$I referencing new table as came '
                       'for each statement execute function private.watch_printify(%2$L)', t.name, t.key);
        execute format('create trigger watch_%1$s_change after update on public.%1$I referencing new table as came '
                       'old table as went for each statement execute function private.watch_printify(%2$L)',
                       t.name, t.key);
        execute format('create trigger watch_%1$s_go after delete on public.%1$I referencing old table as went '
                       'for each statement execute function private.watch_printify(%2$L)', t.name, t.key);
    end loop;
end $$;

-- land_records: as before; only that a user's cost lock is taken before any row's, so that the page of a channel and the
-- page of the printer cannot wait for each other.
create or replace function private.land_records(job public.sync_jobs, p_stream text, p_fetched_at timestamptz,
                                                p_records jsonb)
returns private.landed language plpgsql set search_path = '' as $$
declare landed private.landed;
begin
    perform private.lock_costs(job.user_id);
    execute format('select (l).* from private.%I($1, $2, $3) as l', 'land_' || job.platform || '_' || p_stream)
       into landed using job, p_fetched_at, p_records;
    return landed;
end $$;

-- set_cost_rule: say what a printer's cost covers, and count every order of it again. Answers how many users it touched.
create function public.set_cost_rule(p_source text, p_cost_covers text) returns int
language plpgsql security definer set search_path = '' set statement_timeout = '600s' as $$
declare each record; users int := 0;
begin
    update private.cost_rules set cost_covers = p_cost_covers where source = p_source;
    if not found then
        raise exception using errcode = 'PT404', message = 'no_such_source', detail = p_source;
    end if;
    for each in select c.user_id, array_agg(c.source_id) as ids from public.order_costs as c
                where c.source = p_source group by c.user_id order by c.user_id loop
        perform private.lock_costs(each.user_id);
        perform private.costs_changed(each.user_id, p_source, each.ids);
        users := users + 1;
    end loop;
    return users;
end $$;

create function public.cost_rules() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_object_agg(r.source, r.cost_covers), '{}') from private.cost_rules as r;
$$;

do $$
declare f regprocedure;
begin
    foreach f in array array['public.set_cost_rule(text, text)', 'public.cost_rules()']::regprocedure[] loop
        execute format('revoke all on function %s from public, anon, authenticated', f);
        execute format('grant execute on function %s to service_role', f);
    end loop;
end $$;
