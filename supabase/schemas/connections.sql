-- Connections: which shops a user connected, made and ended. Their tokens: tokens.sql.

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
    connected_at timestamptz not null default now(),
    unique (user_id, platform)
);
comment on table public.connected_accounts is 'A shop that a user connected. The shop is pinned: reconnecting another one is refused.';
alter table public.connected_accounts enable row level security;
alter table public.connected_accounts force row level security;
create policy own_rows on public.connected_accounts for select to authenticated
    using (user_id = (select auth.uid()));
grant select on public.connected_accounts to authenticated, service_role;

-- find_account: the account that connecting would renew, so that its id is known before anything is encrypted for it.
create or replace function public.find_account(p_user_id uuid, p_platform text) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_exists', exists (select 1 from public.profiles where user_id = p_user_id),
        'account_id', (select id from public.connected_accounts where user_id = p_user_id and platform = p_platform),
        'shop_id', (select shop_id from public.connected_accounts where user_id = p_user_id and platform = p_platform),
        'now', clock_timestamp());
$$;
revoke all on function public.find_account(uuid, text) from public, anon, authenticated;
grant execute on function public.find_account(uuid, text) to service_role;

-- connect_account: account and tokens in one transaction. The first shop is pinned: another one is refused, so that two
-- shops' orders never mix. Idempotent for one account id. `p_refresh_expires_at`: the end of the refresh token's own
-- life, where it is known.
create or replace function public.connect_account(
    p_account_id uuid, p_user_id uuid, p_platform text, p_shop_id text, p_shop_name text, p_currency text,
    p_shop_created_at timestamptz, p_access_token text, p_refresh_token text, p_expires_at timestamptz,
    p_refresh_expires_at timestamptz default null) returns uuid
language plpgsql security definer set search_path = '' as $$
declare account public.connected_accounts;
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user';
    end if;
    insert into public.connected_accounts (id, user_id, platform, shop_id)
    values (p_account_id, p_user_id, p_platform, p_shop_id) on conflict (user_id, platform) do nothing;
    select * into account from public.connected_accounts
     where user_id = p_user_id and platform = p_platform for update;
    if account.shop_id <> p_shop_id then
        raise exception using errcode = 'PT409', message = 'other_shop_connected', detail = account.shop_id,
            hint = 'This user has connected another shop of this platform. Use another user for this shop.';
    elsif account.id <> p_account_id then
        raise exception using errcode = 'PT409', message = 'account_exists', detail = account.id::text,
            hint = 'Encrypt the tokens for the account that exists.';
    end if;
    update public.connected_accounts
       set shop_name = p_shop_name, currency = p_currency, shop_created_at = p_shop_created_at,
           status = 'connected', status_reason = null, connected_at = clock_timestamp()
     where id = p_account_id;
    -- A new version shuts out a refresh that is still under way with the old pair.
    insert into private.platform_tokens as t (account_id, access_token, refresh_token, expires_at, refresh_expires_at)
    values (p_account_id, p_access_token, p_refresh_token, p_expires_at, p_refresh_expires_at)
    on conflict (account_id) do update
       set access_token = excluded.access_token, refresh_token = excluded.refresh_token,
           expires_at = excluded.expires_at, refresh_expires_at = excluded.refresh_expires_at,
           issued_at = clock_timestamp(), version = t.version + 1,
           refresh_fence = null, refresh_started_at = null, stored_fence = null,
           lost_answers = 0, refusals = 0, rest_until = null, care_after = null;
    return p_account_id;
end $$;
revoke all on function
    public.connect_account(uuid, uuid, text, text, text, text, timestamptz, text, text, timestamptz, timestamptz)
    from public, anon, authenticated;
grant execute on function
    public.connect_account(uuid, uuid, text, text, text, text, timestamptz, text, text, timestamptz, timestamptz)
    to service_role;

-- connections: what a user connected, how fresh it is, and what it waits for.
create or replace function public.connections(p_user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name, 'currency', a.currency,
                   'status', a.status, 'status_reason', a.status_reason, 'connected_at', a.connected_at,
                   'last_synced_at', (select max(j.finished_at) from public.sync_jobs as j
                                      where j.user_id = a.user_id and j.platform = a.platform
                                        and j.status = 'completed'),
                   'syncing', exists (select 1 from public.sync_jobs as j
                                      where j.user_id = a.user_id and j.platform = a.platform
                                        and j.status in ('waiting', 'queued', 'running', 'parked')))
               order by a.platform), '[]')
        from public.connected_accounts as a where a.user_id = p_user_id);
end $$;
revoke all on function public.connections(uuid) from public, anon, authenticated;
grant execute on function public.connections(uuid) to service_role;
