-- Tokens of connected accounts: only ciphertext, in a schema that the API does not expose.

create table private.platform_tokens (
    account_id uuid primary key references public.connected_accounts (id) on delete cascade,
    access_token text not null check (access_token like 'v1|%|%|%'),
    refresh_token text check (refresh_token like 'v1|%|%|%'),
    -- Which keys the ring still needs: the proof, before one is retired.
    access_key_id text generated always as (split_part(access_token, '|', 2)) stored,
    refresh_key_id text generated always as (split_part(refresh_token, '|', 2)) stored,
    issued_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz,
    version bigint not null default 1,
    -- Who is refreshing, since when. The old refresh token stays above until the new pair is stored.
    refresh_fence uuid,
    refresh_started_at timestamptz,
    -- The refresh that stored this pair, so that a repeat after a lost answer is recognised.
    stored_fence uuid,
    check ((refresh_fence is null) = (refresh_started_at is null))
);
comment on table private.platform_tokens is 'Encrypted for one environment, user, platform, account and field; see execution/keyring.py.';

-- tokens_as_json: what a worker needs of an account. Seconds, not times: a worker's clock may be wrong.
create function private.tokens_as_json(p_account_id uuid) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'account_id', a.id, 'user_id', a.user_id, 'platform', a.platform,
        'status', a.status, 'status_reason', a.status_reason, 'version', t.version,
        'access_token', t.access_token, 'refresh_token', t.refresh_token,
        'expires_in_seconds', extract(epoch from t.expires_at - clock_timestamp()),
        'life_seconds', greatest(0, extract(epoch from t.expires_at - t.issued_at)))
    from public.connected_accounts as a left join private.platform_tokens as t on t.account_id = a.id
    where a.id = p_account_id;
$$;

-- read_tokens: the tokens of the leased job's own account; there is no way to name another.
create function public.read_tokens(p_lease_id uuid) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    return private.tokens_as_json(job.account_id);
end $$;

-- begin_token_refresh: 'begun' (yours, until 60 s have passed), 'busy' (another's) or 'newer' (done: here it is).
create function public.begin_token_refresh(p_lease_id uuid, p_version bigint, p_fence uuid) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); tokens private.platform_tokens;
begin
    select * into tokens from private.platform_tokens where account_id = job.account_id for update;
    if not found or tokens.version <> p_version
       or (select status from public.connected_accounts where id = job.account_id) <> 'connected' then
        return jsonb_build_object('state', 'newer', 'tokens', private.tokens_as_json(job.account_id));
    end if;
    if tokens.refresh_fence <> p_fence and tokens.refresh_started_at > clock_timestamp() - interval '60 seconds' then
        return jsonb_build_object('state', 'busy');
    end if;
    update private.platform_tokens set refresh_fence = p_fence, refresh_started_at = clock_timestamp()
     where account_id = job.account_id;
    return jsonb_build_object('state', 'begun');
end $$;

-- store_refreshed_tokens: the new pair, only where fence and version still stand. Needs no lease: a worker that lost
-- its job must still save what the platform will not issue twice. Life is counted from before the call.
create function public.store_refreshed_tokens(
    p_fence uuid, p_version bigint, p_access_token text, p_refresh_token text, p_expires_in_seconds double precision)
returns boolean language plpgsql security definer set search_path = '' as $$
begin
    update private.platform_tokens
       set access_token = p_access_token, refresh_token = p_refresh_token, version = version + 1,
           issued_at = refresh_started_at,
           expires_at = refresh_started_at + make_interval(secs => p_expires_in_seconds),
           stored_fence = p_fence, refresh_fence = null, refresh_started_at = null
     where refresh_fence = p_fence and version = p_version;
    return found or exists (select 1 from private.platform_tokens
                            where stored_fence = p_fence and version = p_version + 1);
end $$;

-- fail_token_refresh: give the fence back. p_final: the refresh token is dead, the seller must reconnect.
create function public.fail_token_refresh(p_fence uuid, p_reason text, p_final boolean) returns boolean
language plpgsql security definer set search_path = '' as $$
declare account uuid;
begin
    -- Accounts before tokens, as connect_account locks them.
    select a.id into account from public.connected_accounts as a
      join private.platform_tokens as t on t.account_id = a.id where t.refresh_fence = p_fence for update of a;
    update private.platform_tokens set refresh_fence = null, refresh_started_at = null
     where account_id = account and refresh_fence = p_fence;
    if not found then
        return false;
    end if;
    if p_final then
        update public.connected_accounts set status = 'reconnect_needed', status_reason = left(p_reason, 500)
         where id = account;
    end if;
    return true;
end $$;

-- mark_reconnect_needed: the platform refuses this version of the tokens for good.
create function public.mark_reconnect_needed(p_lease_id uuid, p_version bigint, p_reason text) returns boolean
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.connected_accounts as a set status = 'reconnect_needed', status_reason = left(p_reason, 500)
      from private.platform_tokens as t
     where a.id = job.account_id and t.account_id = a.id and t.version = p_version;
    return found;
end $$;

-- find_account: the account that connecting would renew, so that its id is known before anything is encrypted for it.
create function public.find_account(p_user_id uuid, p_platform text) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_exists', exists (select 1 from public.profiles where user_id = p_user_id),
        'account_id', (select id from public.connected_accounts where user_id = p_user_id and platform = p_platform),
        'shop_id', (select shop_id from public.connected_accounts where user_id = p_user_id and platform = p_platform),
        'now', clock_timestamp());
$$;

-- connect_account: account and tokens in one transaction. The first shop is pinned: another one is refused, so that
-- two shops' orders never mix. Idempotent for one account id.
create function public.connect_account(
    p_account_id uuid, p_user_id uuid, p_platform text, p_shop_id text, p_shop_name text, p_currency text,
    p_shop_created_at timestamptz, p_access_token text, p_refresh_token text, p_expires_at timestamptz) returns uuid
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
    insert into private.platform_tokens as t (account_id, access_token, refresh_token, expires_at)
    values (p_account_id, p_access_token, p_refresh_token, p_expires_at)
    on conflict (account_id) do update
       set access_token = excluded.access_token, refresh_token = excluded.refresh_token,
           expires_at = excluded.expires_at, issued_at = clock_timestamp(), version = t.version + 1,
           refresh_fence = null, refresh_started_at = null, stored_fence = null;
    return p_account_id;
end $$;

do $$
declare f regprocedure;
begin
    foreach f in array array[
        'public.read_tokens(uuid)', 'public.begin_token_refresh(uuid, bigint, uuid)',
        'public.store_refreshed_tokens(uuid, bigint, text, text, double precision)',
        'public.fail_token_refresh(uuid, text, boolean)', 'public.mark_reconnect_needed(uuid, bigint, text)',
        'public.find_account(uuid, text)',
        'public.connect_account(uuid, uuid, text, text, text, text, timestamptz, text, text, timestamptz)'
        ]::regprocedure[] loop
        execute format('revoke all on function %s from public, anon, authenticated', f);
        execute format('grant execute on function %s to service_role', f);
    end loop;
end $$;
