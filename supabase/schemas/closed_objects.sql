-- What a platform says is gone, or wants forgotten, stays so. A page with it may be on its way: fetched before, and
-- committed after, or a file that was exported hours ago. Whatever was fetched before the word came brings nothing
-- back.

create table private.closed_objects (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    table_name text not null,
    object_id text not null,
    gone_at timestamptz,
    forgotten_at timestamptz,
    primary key (user_id, platform, table_name, object_id)
);

-- await_pages: what is being committed for this shop lands first, and what is committed later sees what we do here.
create or replace function private.await_pages(p_user_id uuid, p_platform text) returns void
language plpgsql set search_path = '' as $$
begin
    perform 1 from public.sync_jobs
     where user_id = p_user_id and platform = p_platform and status = 'running' order by id for update;
end $$;

-- keep_gone: before a record is inserted; an update by the same statement takes what stands in it then. A variant goes
-- with its product.
create or replace function private.keep_gone() returns trigger
language plpgsql security definer set search_path = '' as $$
declare named text := tg_table_name; id text;
begin
    if named = 'listing_variants' then
        named := 'listings';
        id := new.listing_platform_id;
    else
        id := new.platform_id;
    end if;
    if exists (select 1 from private.closed_objects
               where user_id = new.user_id and platform = new.platform and table_name = named and object_id = id
                 and gone_at > new.fetched_at) then
        new.is_deleted := true;
    end if;
    return new;
end $$;

-- keep_forgotten: the same for people.
create or replace function private.keep_forgotten() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if exists (select 1 from private.closed_objects
               where user_id = new.user_id and platform = new.platform and table_name = 'customers'
                 and object_id = new.platform_id and forgotten_at > new.fetched_at) then
        new.name := null;
        new.email := null;
        new.raw := '{}';
        new.content_hash := 0;
    end if;
    return new;
end $$;

-- forget_customers: nothing personal of these is left, nor in records that could not be mapped.
create or replace function private.forget_customers(p_user_id uuid, p_platform text, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    perform private.await_pages(p_user_id, p_platform);
    insert into private.closed_objects as c (user_id, platform, table_name, object_id, forgotten_at)
    select p_user_id, p_platform, 'customers', id, clock_timestamp() from unnest(p_ids) as id order by id
    on conflict (user_id, platform, table_name, object_id) do update set forgotten_at = excluded.forgotten_at;
    update public.customers set name = null, email = null, raw = '{}', content_hash = 0
     where user_id = p_user_id and platform = p_platform and platform_id = any (p_ids);
    delete from public.rejected_records
     where user_id = p_user_id and platform = p_platform and stream in ('customers', 'rest_customers')
       and platform_id = any (p_ids);
end $$;
