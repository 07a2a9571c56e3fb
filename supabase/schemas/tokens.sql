-- Tokens of connections: only ciphertext, in a schema that the API does not expose.

create table private.platform_tokens (
    connection_id uuid primary key references public.connected_accounts (id) on delete cascade,
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
    refresh_expires_at timestamptz,
    -- How often the refresh token above was presented and its answer never came, and how often it was refused.
    lost_answers int not null default 0,
    refusals int not null default 0,
    -- After a failure nobody asks the platform again before this.
    rest_until timestamptz,
    -- When the clock may look after this pair again.
    care_after timestamptz,
    -- What the seller granted, as the platform told; null where it did not.
    rights text[],
    check ((refresh_fence is null) = (refresh_started_at is null))
);
comment on table private.platform_tokens is 'Encrypted for one environment, user, platform, connection and field; see execution/tokens/keyring.py.';
create index platform_tokens_by_age on private.platform_tokens (issued_at) where refresh_token is not null;

-- tokens_as_json: what a worker needs of a connection. Seconds, not times: a worker's clock may be wrong.
create or replace function private.tokens_as_json(p_connection_id uuid) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'connection_id', a.id, 'user_id', a.user_id, 'platform', a.platform, 'shop_id', a.shop_id,
        'status', a.status, 'status_reason', a.status_reason, 'version', t.version,
        'access_token', t.access_token, 'refresh_token', t.refresh_token,
        'expires_in_seconds', extract(epoch from t.expires_at - clock_timestamp()),
        'life_seconds', greatest(0, extract(epoch from t.expires_at - t.issued_at)),
        'lost_answers', t.lost_answers, 'refusals', t.refusals, 'rights', t.rights)
    from public.connected_accounts as a left join private.platform_tokens as t on t.connection_id = a.id
    where a.id = p_connection_id;
$$;

-- read_tokens: the tokens of the leased job's own connection; there is no way to name another.
create or replace function public.read_tokens(p_lease_id uuid) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    return private.tokens_as_json(job.connection_id);
end $$;
revoke all on function public.read_tokens(uuid) from public, anon, authenticated;
grant execute on function public.read_tokens(uuid) to service_role;

-- tokens_of_connection: the tokens of a connection without a job. A seller asks what a backfill would cost: the
-- platform is asked for counts, and there is no job whose lease could stand for the tokens. Who asks comes from a
-- verified session, as everywhere outside of workers.
create or replace function public.tokens_of_connection(p_user_id uuid, p_connection_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select private.tokens_as_json(a.id) || jsonb_build_object(
                    'shop_created_at', a.shop_created_at, 'is_paused', private.is_paused(a.id))
            from public.connected_accounts as a where a.id = p_connection_id and a.user_id = p_user_id);
end $$;
revoke all on function public.tokens_of_connection(uuid, uuid) from public, anon, authenticated;
grant execute on function public.tokens_of_connection(uuid, uuid) to service_role;

-- expiring_tokens: connections whose token ends soon and cannot be refreshed: only the seller can paste a new one.
create or replace function public.expiring_tokens(p_within_seconds double precision, p_user_id uuid default null)
returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(to_jsonb(soon) order by soon.expires_at), '[]') from (
        select a.id as connection_id, a.user_id, a.platform, a.shop_id, a.shop_name, t.expires_at
        from private.platform_tokens as t join public.connected_accounts as a on a.id = t.connection_id
        where t.refresh_token is null and a.status = 'connected'
          and t.expires_at <= clock_timestamp() + make_interval(secs => p_within_seconds)
          and (p_user_id is null or a.user_id = p_user_id)
        order by t.expires_at limit 1000) as soon;
$$;
revoke all on function public.expiring_tokens(double precision, uuid) from public, anon, authenticated;
grant execute on function public.expiring_tokens(double precision, uuid) to service_role;

-- note_rights: what the platform says now that the seller granted.
create or replace function public.note_rights(p_lease_id uuid, p_rights text[]) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update private.platform_tokens set rights = p_rights where connection_id = job.connection_id;
end $$;
revoke all on function public.note_rights(uuid, text[]) from public, anon, authenticated;
grant execute on function public.note_rights(uuid, text[]) to service_role;

-- mark_reconnect_needed: the platform refuses this version of the tokens for good.
create or replace function public.mark_reconnect_needed(p_lease_id uuid, p_version bigint, p_reason text)
returns boolean
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.connected_accounts as a set status = 'reconnect_needed', status_reason = left(p_reason, 500)
      from private.platform_tokens as t
     where a.id = job.connection_id and t.connection_id = a.id and t.version = p_version;
    return found;
end $$;
revoke all on function public.mark_reconnect_needed(uuid, bigint, text) from public, anon, authenticated;
grant execute on function public.mark_reconnect_needed(uuid, bigint, text) to service_role;
