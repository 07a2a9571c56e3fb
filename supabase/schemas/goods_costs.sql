-- Goods' costs: what a piece costs a seller who has it made or buys it, as the seller says: by SKU in all shops, or by a shop's
-- listing, from a day of the shop on. A cost of null ends the one before: from that day on it is not known (docs/decisions/041).

create table private.goods_costs (
    id bigint generated always as identity primary key,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    kind text not null check (kind in ('sku', 'listing')),
    key text not null check (length(key) between 1 and 200),
    -- Whose listing it is; a SKU is that of all shops.
    connection_id uuid references public.connected_accounts (id) on delete cascade,
    valid_from date not null,
    currency text not null,
    cost_amount bigint check (cost_amount between 0 and 1000000000000),
    save_id uuid not null,
    saved_at timestamptz not null default clock_timestamp(),
    saved_by text not null,
    check ((kind = 'listing') = (connection_id is not null)),
    unique nulls not distinct (user_id, kind, key, connection_id, valid_from)
);
create index goods_costs_of_connection on private.goods_costs (connection_id) where connection_id is not null;
comment on table private.goods_costs is 'What a piece of a seller''s own goods costs, as the seller says, from when on.';

-- What each save changed, so that it can be taken back: the rows before and after, null where there is none.
create table private.goods_cost_changes (
    save_id uuid not null,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    cost_id bigint not null,
    before jsonb,
    after jsonb,
    at timestamptz not null default clock_timestamp(),
    primary key (save_id, cost_id)
);
create index goods_cost_changes_of_user on private.goods_cost_changes (user_id, cost_id, at);
create index goods_cost_changes_by_age on private.goods_cost_changes (at);
comment on table private.goods_cost_changes is 'What each save of goods'' costs changed, with the rows before it.';

-- note_goods_cost: every change is kept with its save; what goes with its user or its shop has none.
create or replace function private.note_goods_cost() returns trigger
language plpgsql set search_path = '' as $$
declare save uuid := nullif(current_setting('keeper.save_of_costs', true), '')::uuid;
begin
    insert into private.goods_cost_changes (save_id, user_id, cost_id, before, after)
    select save, coalesce(new.user_id, old.user_id), coalesce(new.id, old.id), to_jsonb(old), to_jsonb(new) where save is not null;
    return null;
end $$;
create trigger note_goods_cost after insert or update or delete on private.goods_costs
    for each row when (pg_trigger_depth() = 0) execute function private.note_goods_cost();

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

-- undo_goods_costs: what a save changed is as it was before it. Not where a later one changed the same: that is taken back first. Nor where
-- what would come back has been said anew since, or its shop is gone.
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
               where to_jsonb(g) is distinct from c.after)
       or exists (select from unnest(changes) as c cross join lateral jsonb_populate_record(null::private.goods_costs, c.before) as r
                  where c.after is null
                    and (r.connection_id is not null and not exists (select from public.connected_accounts as a where a.id = r.connection_id)
                         or exists (select from private.goods_costs as g
                                    where g.user_id = r.user_id and g.kind = r.kind and g.key = r.key and g.valid_from = r.valid_from
                                      and g.connection_id is not distinct from r.connection_id))) then
        raise exception using errcode = 'PT409', message = 'costs_changed_since', detail = p_save_id::text,
            hint = 'Take back the later save first. What belonged to a shop that is gone cannot come back.';
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
