-- Connections: a user's shop and the right to read it, made and ended. A user may have several of one platform; whatever
-- is read of a shop belongs to its connection (docs/decisions/024). Their tokens: tokens.sql.

create table public.connected_accounts (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null check (platform ~ '^[a-z][a-z0-9_]{1,30}$'),
    shop_id text not null,
    shop_name text not null default '',
    currency text check (currency ~ '^[A-Z]{3}$'),
    -- What the owner says where the platform names no currency; without it `currency` is assumed.
    stated_currency text check (stated_currency ~ '^[A-Z]{3}$'),
    shop_created_at timestamptz,
    status text not null default 'connected' check (status in ('connected', 'reconnect_needed', 'disconnected')),
    status_reason text,
    -- Since when it has this status (disconnect.sql).
    status_since timestamptz not null default clock_timestamp(),
    connected_at timestamptz not null default now(),
    -- Since when it is left alone, although its user is not (pausing.sql).
    paused_at timestamptz,
    unique (user_id, platform, shop_id)
);
comment on table public.connected_accounts is 'A connection: a shop that a user connected. Two users may each have one to the same shop.';
-- Deliveries name a shop; whoever has connected it is found by that.
create index connected_accounts_of_shop on public.connected_accounts (platform, shop_id);
alter table public.connected_accounts enable row level security;
alter table public.connected_accounts force row level security;
create policy own_rows on public.connected_accounts for select to authenticated
    using (user_id = (select auth.uid()));
grant select on public.connected_accounts to service_role;
grant select (id, user_id, platform, shop_id, shop_name, currency, stated_currency, shop_created_at, status, status_since,
              connected_at, paused_at)
    on public.connected_accounts to authenticated;
comment on column public.connected_accounts.status_reason is 'For engineers; users are told by the status.';

-- own_rows: rows of a table that name their connection are readable by the user whose connection it is, and by nobody
-- else. Their index begins with the connection, so the policy names the user's connections beside the user.
create or replace function private.own_rows(p_table text) returns void
language plpgsql set search_path = '' as $$
begin
    execute format('alter table public.%I enable row level security, force row level security', p_table);
    if not exists (select from pg_catalog.pg_policies as p where p.schemaname = 'public' and p.tablename = p_table
                                                             and p.policyname = 'own_rows') then
        execute format('create policy own_rows on public.%I for select to authenticated using (user_id = '
                       '(select auth.uid()) and connection_id = any (array(select a.id from public.connected_accounts as a '
                       'where a.user_id = (select auth.uid()))))', p_table);
    end if;
    execute format('grant select on public.%I to authenticated, service_role', p_table);
end $$;

-- connections_of: the ids of a user's connections, to read what belongs to any of them by its index.
create or replace function private.connections_of(p_user_id uuid) returns uuid[]
language sql stable set search_path = '' as $$
    select array(select id from public.connected_accounts where user_id = p_user_id);
$$;

-- connection_of: a user's connection by its id, or not_connected: nobody names another user's.
create or replace function private.connection_of(p_user_id uuid, p_connection_id uuid) returns public.connected_accounts
language plpgsql stable set search_path = '' as $$
declare connection public.connected_accounts;
begin
    select * into connection from public.connected_accounts where id = p_connection_id and user_id = p_user_id;
    if not found then
        raise exception using errcode = 'PT404', message = 'not_connected', detail = p_connection_id::text,
            hint = 'Connect the shop first.';
    end if;
    return connection;
end $$;

-- Platforms that are left alone, whoever's shops there are.
create table private.paused_platforms (
    platform text primary key,
    paused_at timestamptz not null default clock_timestamp(),
    paused_by text not null
);
comment on table private.paused_platforms is 'Platforms that an operator has paused: none of their shops is read.';

-- is_paused: whether a shop is left alone, by itself, with its user or with its platform.
create or replace function private.is_paused(p_connection_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select coalesce((select a.paused_at is not null or p.paused_at is not null
                            or exists (select from private.paused_platforms as x where x.platform = a.platform)
                     from public.connected_accounts as a join public.profiles as p on p.user_id = a.user_id
                     where a.id = p_connection_id), false);
$$;

-- find_connection: the connection that connecting this shop would renew, so that its id is known before anything is
-- encrypted for it.
create or replace function public.find_connection(p_user_id uuid, p_platform text, p_shop_id text) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_exists', exists (select 1 from public.profiles where user_id = p_user_id),
        'connection_id', (select id from public.connected_accounts
                          where user_id = p_user_id and platform = p_platform and shop_id = p_shop_id),
        'now', clock_timestamp());
$$;
revoke all on function public.find_connection(uuid, text, text) from public, anon, authenticated;
grant execute on function public.find_connection(uuid, text, text) to service_role;

-- doubt_without: what was read completely without a right that is granted now is doubted: the next start reads it again.
-- `p_uses`: the rights that each entity uses.
create or replace function private.doubt_without(p_connection_id uuid, p_before text[], p_rights text[], p_uses jsonb)
returns void language plpgsql set search_path = '' as $$
begin
    update public.sync_jobs set doubted_at = coalesce(doubted_at, clock_timestamp())
     where id in (select distinct on (entity) id from public.sync_jobs
                  where connection_id = p_connection_id and job_type = 'backfill'
                  order by entity, created_at desc, id)
       and status = 'completed'
       and exists (select from jsonb_array_elements_text(p_uses -> entity) as r
                   where r = any (p_rights) and r <> all (p_before));
end $$;

-- connect_shop: connection and tokens in one transaction. The same shop renews its connection; another one is a
-- connection of its own, so that two shops' orders never mix. Idempotent for one connection id.
-- `p_refresh_expires_at`: the end of the refresh token's own life, where it is known. `p_rights`: what the seller granted,
-- where the platform tells; `p_uses`: the rights that each entity uses. What was read without a right that is new is
-- doubted: the next start reads it again.
create or replace function public.connect_shop(
    p_connection_id uuid, p_user_id uuid, p_platform text, p_shop_id text, p_shop_name text, p_currency text,
    p_shop_created_at timestamptz, p_access_token text, p_refresh_token text, p_expires_at timestamptz,
    p_refresh_expires_at timestamptz default null, p_rights text[] default null, p_uses jsonb default '{}') returns uuid
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts; before text[];
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user';
    end if;
    insert into public.connected_accounts (id, user_id, platform, shop_id)
    values (p_connection_id, p_user_id, p_platform, p_shop_id) on conflict (user_id, platform, shop_id) do nothing;
    select * into connection from public.connected_accounts
     where user_id = p_user_id and platform = p_platform and shop_id = p_shop_id for update;
    if connection.id <> p_connection_id then
        raise exception using errcode = 'PT409', message = 'connection_exists', detail = connection.id::text,
            hint = 'Encrypt the tokens for the connection that exists.';
    end if;
    update public.connected_accounts
       set shop_name = p_shop_name, currency = p_currency, shop_created_at = p_shop_created_at,
           status = 'connected', status_reason = null, connected_at = clock_timestamp()
     where id = p_connection_id;
    select rights into before from private.platform_tokens where connection_id = p_connection_id;
    perform private.doubt_without(p_connection_id, before, p_rights, p_uses);
    -- A new version shuts out a refresh that is still under way with the old pair.
    insert into private.platform_tokens as t (connection_id, access_token, refresh_token, expires_at, refresh_expires_at, rights)
    values (p_connection_id, p_access_token, p_refresh_token, p_expires_at, p_refresh_expires_at, p_rights)
    on conflict (connection_id) do update
       set access_token = excluded.access_token, refresh_token = excluded.refresh_token,
           expires_at = excluded.expires_at, refresh_expires_at = excluded.refresh_expires_at,
           issued_at = clock_timestamp(), version = t.version + 1,
           refresh_fence = null, refresh_started_at = null, stored_fence = null,
           lost_answers = 0, refusals = 0, rest_until = null, care_after = null,
           rights = excluded.rights;
    return p_connection_id;
end $$;
revoke all on function
    public.connect_shop(uuid, uuid, text, text, text, text, timestamptz, text, text, timestamptz, timestamptz, text[], jsonb)
    from public, anon, authenticated;
grant execute on function
    public.connect_shop(uuid, uuid, text, text, text, text, timestamptz, text, text, timestamptz, timestamptz, text[], jsonb)
    to service_role;

-- connections: what a user connected, how fresh it is, and what it waits for.
create or replace function public.connections(p_user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name,
                   'currency', a.currency,
                   'status', a.status, 'status_reason', a.status_reason, 'connected_at', a.connected_at,
                   'last_synced_at', (select max(j.finished_at) from public.sync_jobs as j
                                      where j.connection_id = a.id and j.status = 'completed' and j.job_type not in ('refresh', 'sample')),
                   'syncing', exists (select 1 from public.sync_jobs as j
                                      where j.connection_id = a.id
                                        and j.status in ('waiting', 'queued', 'running', 'parked')))
               order by a.platform, a.shop_name, a.shop_id), '[]')
        from public.connected_accounts as a where a.user_id = p_user_id);
end $$;
revoke all on function public.connections(uuid) from public, anon, authenticated;
grant execute on function public.connections(uuid) to service_role;
