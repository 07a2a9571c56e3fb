-- What a seller's own goods cost, by the seller's word, and what a platform told of a variant's cost when it was sold (docs/decisions/041).
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
