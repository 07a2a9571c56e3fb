-- What a platform says is gone, or wants forgotten, stays so. A page with it may be on its way: fetched before, and
-- committed after, or a file that was exported hours ago. Whatever was fetched before the word came brings nothing
-- back.

create table private.closed_objects (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    table_name text not null,
    object_id text not null,
    gone_at timestamptz,
    forgotten_at timestamptz,
    primary key (connection_id, table_name, object_id)
);

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
    execute format('update public.%I set is_deleted = true, sync_run_id = $1 '
                   'where connection_id = $2 and %I = $3 and not is_deleted', tg_argv[0], tg_argv[1])
        using new.sync_run_id, new.connection_id, new.platform_id;
    return null;
end $$;

-- keep_forgotten: the same for people.
create or replace function private.keep_forgotten() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if exists (select 1 from private.closed_objects
               where connection_id = new.connection_id and table_name = 'customers'
                 and object_id = new.platform_id and forgotten_at > new.fetched_at) then
        new.name := null;
        new.email := null;
        new.raw := '{}';
        new.content_hash := 0;
    end if;
    return new;
end $$;

-- forget_customers: nothing personal of these is left, nor in records that could not be mapped.
create or replace function private.forget_customers(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    perform private.await_pages(p_connection_id);
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at)
    select p_connection_id, 'customers', id, clock_timestamp() from unnest(p_ids) as id order by id
    on conflict (connection_id, table_name, object_id) do update set forgotten_at = excluded.forgotten_at;
    update public.customers set name = null, email = null, raw = '{}', content_hash = 0
     where connection_id = p_connection_id and platform_id = any (p_ids);
    delete from public.rejected_records
     where connection_id = p_connection_id and stream in ('customers', 'rest_customers')
       and platform_id = any (p_ids);
end $$;
