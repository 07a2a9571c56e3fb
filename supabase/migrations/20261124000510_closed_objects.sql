-- What a platform says is gone, or wants forgotten, stays so. A page with it may be on its way: fetched before, and
-- committed after, or a file that was exported hours ago. Whatever was fetched before the word came brings nothing back.

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
create function private.await_pages(p_user_id uuid, p_platform text) returns void
language plpgsql set search_path = '' as $$
begin
    perform 1 from public.sync_jobs
     where user_id = p_user_id and platform = p_platform and status = 'running' order by id for update;
end $$;

-- keep_gone: before a record is inserted; an update by the same statement takes what stands in it then. A variant goes
-- with its product.
create function private.keep_gone() returns trigger
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
create function private.keep_forgotten() returns trigger
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

create trigger keep_gone before insert on public.orders
    for each row when (new.platform = 'shopify') execute function private.keep_gone();
create trigger keep_gone before insert on public.listings
    for each row when (new.platform = 'shopify') execute function private.keep_gone();
create trigger keep_gone before insert on public.printify_products
    for each row execute function private.keep_gone();
create trigger keep_gone before insert on public.listing_variants
    for each row execute function private.keep_gone();
create trigger keep_gone before insert on public.customers
    for each row when (new.platform = 'shopify') execute function private.keep_gone();
create trigger keep_forgotten before insert on public.customers
    for each row when (new.platform = 'shopify') execute function private.keep_forgotten();

-- order_takes_children: an order that is gone takes along what came with it, also where both come back in one late page.
create function private.order_takes_children() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.line_items set is_deleted = true, sync_run_id = new.sync_run_id
     where user_id = new.user_id and platform = new.platform and order_platform_id = new.platform_id and not is_deleted;
    update public.order_transactions set is_deleted = true, sync_run_id = new.sync_run_id
     where user_id = new.user_id and platform = new.platform and order_platform_id = new.platform_id and not is_deleted;
    update public.order_fulfillments set is_deleted = true, sync_run_id = new.sync_run_id
     where user_id = new.user_id and platform = new.platform and order_platform_id = new.platform_id and not is_deleted;
    return null;
end $$;
create trigger order_takes_children after insert or update of is_deleted on public.orders
    for each row when (new.platform = 'shopify' and new.is_deleted) execute function private.order_takes_children();
-- Those that were deleted before this migration.
update public.orders set is_deleted = true where platform = 'shopify' and is_deleted;

-- forget_customers: nothing personal of these is left, nor in records that could not be mapped.
create function private.forget_customers(p_user_id uuid, p_platform text, p_ids text[]) returns void
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

-- forget_shop: everything of one platform of a user, and the connection itself.
create or replace function private.forget_shop(p_user_id uuid, p_platform text) returns void
language plpgsql set search_path = '' as $$
declare t record;
begin
    delete from private.platform_events where user_id = p_user_id and platform = p_platform;
    delete from private.closed_objects where user_id = p_user_id and platform = p_platform;
    delete from public.sync_jobs where user_id = p_user_id and platform = p_platform;
    for t in select c.relname from pg_catalog.pg_class as c
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
               and c.relname not in ('connected_accounts', 'sync_jobs')
               and 2 = (select count(*) from pg_catalog.pg_attribute as a
                        where a.attrelid = c.oid and a.attname in ('user_id', 'platform') and not a.attisdropped)
             order by c.relname loop
        execute format('delete from public.%I where user_id = $1 and platform = $2', t.relname)
            using p_user_id, p_platform;
    end loop;
    delete from public.connected_accounts where user_id = p_user_id and platform = p_platform;
end $$;

-- accept_platform_event: as before. `p_email`: a customer to be forgotten may be named by that alone.
drop function public.accept_platform_event(text, text, text, text, text, text, text[], text, timestamptz, jsonb);
create function public.accept_platform_event(
    p_platform text, p_delivery_id text, p_shop_id text, p_topic text, p_effect text, p_kind text default null,
    p_object_ids text[] default '{}', p_table text default null, p_happened_at timestamptz default null,
    p_subject jsonb default '{}',
    p_email text default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare account public.connected_accounts; accounts int := 0; forgotten text[];
begin
    insert into private.webhook_deliveries (source, delivery_id) values (p_platform, p_delivery_id)
    on conflict do nothing;
    if not found then
        return jsonb_build_object('repeat', true, 'accounts', 0);
    end if;
    for account in select * from public.connected_accounts
                    where platform = p_platform and shop_id = p_shop_id
                      and (status = 'connected' or p_effect like 'redact%' or p_effect = 'request')
                    order by user_id loop
        accounts := accounts + 1;
        case p_effect
            when 'read' then
                insert into private.platform_events as e (user_id, platform, kind, object_id, topic)
                select account.user_id, p_platform, p_kind, id, p_topic from unnest(p_object_ids) as id order by id
                on conflict (user_id, platform, kind, object_id) where worked_at is null do update
                   set received_at = clock_timestamp(), topic = excluded.topic;
                -- Before any backfill's slice: it is one call or a few. While it runs, it will run again.
                perform public.queue_jobs(account.user_id, 'incremental', 'webhook', jsonb_build_array(
                    jsonb_build_object('platform', p_platform, 'entity', 'changes', 'priority', -100, 'position', 0)), true);
            when 'gone' then
                perform private.await_pages(account.user_id, p_platform);
                insert into private.closed_objects as c (user_id, platform, table_name, object_id, gone_at)
                select account.user_id, p_platform, p_table, id, clock_timestamp() from unnest(p_object_ids) as id order by id
                on conflict (user_id, platform, table_name, object_id) do update set gone_at = excluded.gone_at;
                execute format('update public.%I set is_deleted = true where user_id = $1 and platform = $2 '
                               'and platform_id = any ($3) and not is_deleted', p_table)
                    using account.user_id, p_platform, p_object_ids;
            when 'disconnect' then
                -- A late delivery must not end a connection that was made after what it tells of.
                if coalesce(p_happened_at, clock_timestamp()) >= account.connected_at then
                    perform public.disconnect_account(account.user_id, p_platform, 'our app was removed from the shop');
                end if;
            when 'redact_customer' then
                select array_agg(id) into forgotten from (
                    select unnest(p_object_ids) union all
                    select c.platform_id from public.customers as c
                     where c.user_id = account.user_id and c.platform = p_platform and lower(c.email) = lower(p_email)
                       and cardinality(p_object_ids) = 0) as named (id);
                perform private.forget_customers(account.user_id, p_platform, coalesce(forgotten, '{}'));
                -- Of somebody whom we cannot find people have to make sure.
                insert into private.privacy_requests (user_id, platform, shop_id, topic, subject, done_at)
                values (account.user_id, p_platform, p_shop_id, p_topic, p_subject,
                        case when forgotten is not null then clock_timestamp() end);
            else
                insert into private.privacy_requests (user_id, platform, shop_id, topic, subject)
                values (account.user_id, p_platform, p_shop_id, p_topic, p_subject);
                if p_effect = 'redact_shop' and account.status = 'disconnected' then
                    perform private.forget_shop(account.user_id, p_platform);
                    update private.privacy_requests set done_at = clock_timestamp()
                     where user_id = account.user_id and platform = p_platform and topic = p_topic and done_at is null;
                end if;
        end case;
    end loop;
    return jsonb_build_object('repeat', false, 'accounts', accounts);
end $$;

revoke all on function public.accept_platform_event(text, text, text, text, text, text, text[], text, timestamptz, jsonb, text)
    from public, anon, authenticated;
grant execute on function
    public.accept_platform_event(text, text, text, text, text, text, text[], text, timestamptz, jsonb, text)
    to service_role;
