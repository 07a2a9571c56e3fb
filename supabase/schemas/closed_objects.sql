-- What a platform says is gone, or wants forgotten, stays so. A page with it may be on its way: fetched before, and
-- committed after, or a file that was exported hours ago. Whatever was fetched before the word came brings nothing
-- back.

create table private.closed_objects (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    table_name text not null,
    object_id text not null,
    gone_at timestamptz,
    forgotten_at timestamptz,
    -- Forgotten for good: what a platform still shows of it is not kept either.
    for_good boolean not null default false,
    primary key (connection_id, table_name, object_id)
);
create index closed_objects_forgotten on private.closed_objects (connection_id) where forgotten_at is not null;
create index closed_objects_by_age on private.closed_objects (gone_at) where gone_at is not null;

-- await_pages: what is being committed for this shop lands first, and what is committed later sees what we do here.
create or replace function private.await_pages(p_connection_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
    perform 1 from public.sync_jobs
     where connection_id = p_connection_id and status = 'running' order by id for update;
end $$;

-- keep_gone: before a record is inserted; an update by the same statement takes what stands in it then. The trigger's
-- arguments: the table whose record is closed, and the column that names it: a variant goes with its product.
create or replace function private.keep_gone() returns trigger
language plpgsql security definer set search_path = '' as $$
declare id text;
begin
    if private.recording_for() is not null then
        -- A rollback restores what stood here.
        return new;
    end if;
    case tg_argv[1]
        when 'platform_id' then id := new.platform_id;
        when 'listing_platform_id' then id := new.listing_platform_id;
        when 'product_platform_id' then id := new.product_platform_id;
    end case;
    if exists (select 1 from private.closed_objects
               where connection_id = new.connection_id and table_name = tg_argv[0] and object_id = id
                 and gone_at > new.fetched_at) then
        new.is_deleted := true;
    end if;
    return new;
end $$;

-- take_children: a record that is gone takes along what came with it. The trigger's arguments: the children's table, and
-- their column that names the parent.
create or replace function private.take_children() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if private.recording_for() is not null then
        return null;
    end if;
    execute format('update public.%I set is_deleted = true, sync_run_id = $1 '
                   'where connection_id = $2 and %I = $3 and not is_deleted', tg_argv[0], tg_argv[1])
        using new.sync_run_id, new.connection_id, new.platform_id;
    return null;
end $$;
