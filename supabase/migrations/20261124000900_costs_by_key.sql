-- settle_costs finds the orders it settles one by one, by their key (docs/decisions/011). Before the first ANALYZE the
-- planner believed a shop's orders to be few, read all of them, and reckoned the costs of a page anew for each: a page
-- of ten printed orders took half a second in a shop of 1,200, and more with every order that came.

-- settle_costs: bring the cost columns of these orders up to date. `p_orders` is [{platform, id}, ...].
create or replace function private.settle_costs(p_user_id uuid, p_orders jsonb) returns void
language sql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    with settled as materialized (
        select w.platform, w.id, min(c.source) as source, min(c.currency) as currency,
               sum(c.production_amount + c.shipping_amount)::bigint as amount,
               case when bool_or(c.state = 'ambiguous') or min(c.currency) <> max(c.currency) then 'ambiguous'
                    when bool_and(c.is_known) then 'linked'
                    else 'no_cost_yet' end as state
        from (select distinct e ->> 'platform' as platform, e ->> 'id' as id
              from jsonb_array_elements(p_orders) as e) as w
        left join lateral (
            select k.source, k.source_id from private.cost_links as k
            where k.user_id = p_user_id and k.platform = w.platform and k.order_platform_id = w.id offset 0) as k on true
        left join lateral (
            select c.source, c.currency, c.production_amount, c.shipping_amount, c.state, c.is_known
            from public.order_costs as c
            where c.user_id = p_user_id and c.source = k.source and c.source_id = k.source_id offset 0) as c on true
        group by w.platform, w.id),
    changed as materialized (
        select o.at, s.platform, s.id, s.source, s.state, t.amount, t.currency
        from settled as s
        cross join lateral (
            select case s.state when 'linked' then s.amount end as amount,
                   case s.state when 'linked' then s.currency end as currency) as t
        cross join lateral (
            select o.ctid as at, o.cost_state, o.cost_source, o.cost_amount, o.cost_currency from public.orders as o
            where o.user_id = p_user_id and o.platform = s.platform and o.platform_id = s.id offset 0) as o
        where (o.cost_state, o.cost_source, o.cost_amount, o.cost_currency) is distinct from
              (s.state, s.source, t.amount, t.currency))
    update public.orders as o
       set cost_amount = c.amount, cost_currency = c.currency, cost_source = c.source, cost_state = c.state
      from changed as c
     where o.ctid = any (array(select n.at from changed as n)) and o.platform = c.platform and o.platform_id = c.id;
$$;

-- cost_candidates: the channel orders that the references of these costs mean. First the exact id in any channel;
-- only where that finds none, the label, as an id or as an order's number without its sign. Never names or amounts.
-- Whether an order is deleted is asked of what the key found: asked in the look-up itself, it invites the index of
-- orders by time, which knows only what is not deleted, and which would be read from end to end.
create or replace function private.cost_candidates(p_user_id uuid, p_source text, p_ids text[])
returns table (source_id text, platform text, order_platform_id text)
language sql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    with recursive up (id, reference, label, next_id, depth) as (
        select c.source_id, c.reference, c.label, c.reprint_of, 0
        from public.order_costs as c
        where c.user_id = p_user_id and c.source = p_source and c.source_id = any (p_ids)
        union all
        select u.id, c.reference, c.label, c.reprint_of, u.depth + 1
        from up as u cross join lateral (
            select c.reference, c.label, c.reprint_of from public.order_costs as c
            where c.user_id = p_user_id and c.source = p_source and c.source_id = u.next_id offset 0) as c
        where u.reference is null and u.label is null and u.depth < 10),
    meant as materialized (select id, reference, label from up where reference is not null or label is not null),
    by_id as materialized (
        select m.id, o.platform, o.platform_id
        from meant as m cross join private.sales_channels as s
        cross join lateral (
            select o.platform, o.platform_id, o.is_deleted from public.orders as o
            where o.user_id = p_user_id and o.platform = s.platform and o.platform_id = m.reference offset 0) as o
        where not o.is_deleted),
    unmet as materialized (
        select m.id, m.label from meant as m where m.label is not null and m.id not in (select b.id from by_id as b))
    select b.id, b.platform, b.platform_id from by_id as b
    union
    select u.id, o.platform, o.platform_id
    from unmet as u cross join private.sales_channels as s
    cross join lateral (
        select o.platform, o.platform_id, o.is_deleted from public.orders as o
        where o.user_id = p_user_id and o.platform = s.platform and o.platform_id = u.label offset 0) as o
    where not o.is_deleted
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
create or replace function private.link_costs(p_user_id uuid, p_source text, p_ids text[]) returns void
language plpgsql set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare family text[]; found jsonb; touched jsonb;
begin
    with recursive down (id, depth) as (
        select unnest(p_ids), 0
        union
        select c.source_id, d.depth + 1
        from down as d cross join lateral (
            select c.source_id from public.order_costs as c
            where c.user_id = p_user_id and c.source = p_source and c.reprint_of = d.id offset 0) as c
        where d.depth < 10)
    select array_agg(distinct id) into family from down;

    select coalesce(jsonb_agg(to_jsonb(f)), '[]') into found
    from private.cost_candidates(p_user_id, p_source, family) as f;
    with old as (
        delete from private.cost_links as k
         where k.ctid = any (array(
            select l.at from unnest(family) as i(id) cross join lateral (
                select l.ctid as at from private.cost_links as l
                where l.user_id = p_user_id and l.source = p_source and l.source_id = i.id offset 0) as l))
        returning k.platform, k.order_platform_id)
    select coalesce(jsonb_agg(jsonb_build_object('platform', t.platform, 'id', t.order_platform_id)), '[]') into touched
    from (select platform, order_platform_id from old
          union
          select e ->> 'platform', e ->> 'order_platform_id' from jsonb_array_elements(found) as e) as t;
    insert into private.cost_links (user_id, source, source_id, platform, order_platform_id)
    select p_user_id, p_source, e ->> 'source_id', e ->> 'platform', e ->> 'order_platform_id'
    from jsonb_array_elements(found) as e;

    with linked as materialized (
        select c.at, i.id as source_id, v.state, v.reason, t.platform, t.order_id as order_platform_id
        from unnest(family) as i(id)
        cross join lateral (
            select c.ctid as at, c.state, c.reason, c.platform, c.order_platform_id, c.reference, c.label,
                   c.order_type, c.reprint_of
            from public.order_costs as c
            where c.user_id = p_user_id and c.source = p_source and c.source_id = i.id offset 0) as c
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
                        else 'no_reference' end as reason) as v
        cross join lateral (
            select case v.state when 'linked' then k.platform end as platform,
                   case v.state when 'linked' then k.order_id end as order_id) as t
        where (c.state, c.reason, c.platform, c.order_platform_id) is distinct from
              (v.state, v.reason, t.platform, t.order_id))
    update public.order_costs as c
       set state = n.state, reason = n.reason, platform = n.platform, order_platform_id = n.order_platform_id
      from linked as n
     where c.ctid = any (array(select l.at from linked as l)) and c.source_id = n.source_id;

    perform private.settle_costs(p_user_id, touched);
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
            select e ->> 'platform' as platform, e ->> 'id' as id, ltrim(e ->> 'number', '#') as number
            from jsonb_array_elements(p_orders) as e)
        select n.source, array_agg(distinct n.source_id) as ids
        from wanted as w cross join lateral (
            select c.source, c.source_id from public.order_costs as c
            where c.user_id = p_user_id and c.reference = w.id
            union all
            select c.source, c.source_id from public.order_costs as c
            where c.user_id = p_user_id and c.label = w.id
            union all
            select c.source, c.source_id from public.order_costs as c
            where c.user_id = p_user_id and c.label = w.number
            union all
            select k.source, k.source_id from private.cost_links as k
            where k.user_id = p_user_id and k.platform = w.platform and k.order_platform_id = w.id offset 0) as n
        group by n.source loop
        perform private.link_costs(p_user_id, each.source, each.ids);
    end loop;
end $$;
