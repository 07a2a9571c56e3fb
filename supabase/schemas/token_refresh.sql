-- Refreshing tokens: one at a time a pair, safe where an answer is lost; and pairs that nobody uses are kept alive.

-- begin_refresh: the claim of one refresh, for whoever holds the row's lock. A claim that was never ended and has
-- lapsed is a lost answer: its holder died, or sleeps.
create or replace function private.begin_refresh(p_connection_id uuid, p_fence uuid) returns void
language sql set search_path = '' as $$
    update private.platform_tokens
       set refresh_fence = p_fence, refresh_started_at = clock_timestamp(),
           lost_answers = lost_answers + coalesce((refresh_fence <> p_fence)::int, 0)
     where connection_id = p_connection_id;
$$;

-- begin_token_refresh: 'begun' (yours, until the patience has passed), 'busy' (another's), 'resting' (it failed a
-- moment ago) or 'newer' (done: here it is). Idempotent for one fence.
create or replace function public.begin_token_refresh(p_lease_id uuid, p_version bigint, p_fence uuid,
                                                      p_patience_seconds double precision default 90) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); tokens private.platform_tokens;
begin
    select * into tokens from private.platform_tokens where connection_id = job.connection_id for update;
    if not found or tokens.version <> p_version
       or (select status from public.connected_accounts where id = job.connection_id) <> 'connected' then
        return jsonb_build_object('state', 'newer', 'tokens', private.tokens_as_json(job.connection_id));
    end if;
    if tokens.refresh_fence <> p_fence
       and tokens.refresh_started_at > clock_timestamp() - make_interval(secs => p_patience_seconds) then
        return jsonb_build_object('state', 'busy');
    end if;
    if tokens.rest_until > clock_timestamp() then
        return jsonb_build_object('state', 'resting',
            'wait_seconds', extract(epoch from tokens.rest_until - clock_timestamp()));
    end if;
    perform private.begin_refresh(tokens.connection_id, p_fence);
    return jsonb_build_object('state', 'begun', 'tokens', private.tokens_as_json(job.connection_id));
end $$;
revoke all on function
    public.begin_token_refresh(uuid, bigint, uuid, double precision)
    from public, anon, authenticated;
grant execute on function public.begin_token_refresh(uuid, bigint, uuid, double precision) to service_role;

-- store_refreshed_tokens: the new pair, only where fence and version still stand. Needs no lease: a worker that lost
-- its job must still save what the platform will not issue twice. Life is counted from before the call. Without a new
-- refresh token the old one stays, with its life. `p_expires_at` is for platforms that tell a moment. `p_rights`: what the
-- platform says was granted; without it nothing has changed.
create or replace function public.store_refreshed_tokens(
    p_fence uuid, p_version bigint, p_access_token text, p_refresh_token text, p_expires_in_seconds double precision,
    p_expires_at timestamptz default null, p_refresh_expires_in_seconds double precision default null,
    p_refresh_expires_at timestamptz default null, p_rights text[] default null)
returns boolean language plpgsql security definer set search_path = '' as $$
begin
    update private.platform_tokens
       set access_token = p_access_token, refresh_token = coalesce(p_refresh_token, refresh_token),
           version = version + 1, issued_at = refresh_started_at,
           expires_at = coalesce(refresh_started_at + make_interval(secs => p_expires_in_seconds), p_expires_at),
           refresh_expires_at = case
               when p_refresh_expires_in_seconds is not null
                   then refresh_started_at + make_interval(secs => p_refresh_expires_in_seconds)
               when p_refresh_token is null then coalesce(p_refresh_expires_at, refresh_expires_at)
               else p_refresh_expires_at end,
           stored_fence = p_fence, refresh_fence = null, refresh_started_at = null,
           lost_answers = 0, refusals = 0, rest_until = null, rights = coalesce(p_rights, rights)
     where refresh_fence = p_fence and version = p_version;
    return found or exists (select 1 from private.platform_tokens
                            where stored_fence = p_fence and version = p_version + 1);
end $$;
revoke all on function
    public.store_refreshed_tokens(uuid, bigint, text, text, double precision, timestamptz, double precision, timestamptz, text[])
    from public, anon, authenticated;
grant execute on function
    public.store_refreshed_tokens(uuid, bigint, text, text, double precision, timestamptz, double precision, timestamptz, text[])
    to service_role;

-- fail_token_refresh: give the fence back. p_final: the refresh token is dead, the seller must reconnect. p_outcome:
-- 'unused' (the platform cannot have used the token up), 'lost' (nobody knows) or 'refused'.
create or replace function public.fail_token_refresh(p_fence uuid, p_reason text, p_final boolean,
                                                     p_outcome text default 'unused', p_rest_seconds double precision default 0)
returns boolean language plpgsql security definer set search_path = '' as $$
declare connection uuid;
begin
    -- Connections before tokens, as connect_shop locks them.
    select a.id into connection from public.connected_accounts as a
      join private.platform_tokens as t on t.connection_id = a.id where t.refresh_fence = p_fence for update of a;
    update private.platform_tokens
       set refresh_fence = null, refresh_started_at = null,
           lost_answers = lost_answers + (p_outcome = 'lost')::int, refusals = refusals + (p_outcome = 'refused')::int,
           rest_until = clock_timestamp() + make_interval(secs => greatest(p_rest_seconds, 0))
     where connection_id = connection and refresh_fence = p_fence;
    if not found then
        return false;
    end if;
    if p_final then
        update public.connected_accounts set status = 'reconnect_needed', status_reason = left(p_reason, 500)
         where id = connection;
    end if;
    return true;
end $$;
revoke all on function
    public.fail_token_refresh(uuid, text, boolean, text, double precision)
    from public, anon, authenticated;
grant execute on function public.fail_token_refresh(uuid, text, boolean, text, double precision) to service_role;

-- claim_token_care: the refresh of one pair that is old enough, whether anybody uses it or not, begun under this
-- fence; or null. `p_ages` says from what age on, in seconds, by platform; a tenth of it is spread over connections, and
-- the last fifth of a refresh token's life is always old enough. One pair is looked after once in ten minutes.
create or replace function public.claim_token_care(p_fence uuid, p_ages jsonb, p_patience_seconds double precision default 90)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare tokens private.platform_tokens; moment timestamptz := clock_timestamp();
begin
    select * into tokens from private.platform_tokens where refresh_fence = p_fence;
    if not found then
        select t.* into tokens
          from private.platform_tokens as t
          join public.connected_accounts as a on a.id = t.connection_id
         where a.status = 'connected' and t.refresh_token is not null and p_ages ? a.platform
           and (t.refresh_fence is null or t.refresh_started_at <= moment - make_interval(secs => p_patience_seconds))
           and coalesce(t.rest_until, moment) <= moment and coalesce(t.care_after, moment) <= moment
           and (t.issued_at <= moment - make_interval(secs => (p_ages ->> a.platform)::double precision
                    * (1 - 0.1 * (abs(hashtext(t.connection_id::text)::bigint) % 1000) / 1000.0))
                or moment >= t.refresh_expires_at - (t.refresh_expires_at - t.issued_at) * 0.2)
         order by t.issued_at limit 1 for update of t skip locked;
        if not found then
            return null;
        end if;
        update private.platform_tokens set care_after = moment + interval '10 minutes'
         where connection_id = tokens.connection_id;
        perform private.begin_refresh(tokens.connection_id, p_fence);
    end if;
    return private.tokens_as_json(tokens.connection_id);
end $$;
revoke all on function public.claim_token_care(uuid, jsonb, double precision) from public, anon, authenticated;
grant execute on function public.claim_token_care(uuid, jsonb, double precision) to service_role;
