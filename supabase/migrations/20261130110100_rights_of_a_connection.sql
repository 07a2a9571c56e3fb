-- What a seller granted stands with the tokens: what needs a right that is missing fails alone, and what was read without
-- a right that is new is read again.

alter table private.platform_tokens add column rights text[];

-- Rights functions: functions as supabase/schemas say them.

drop function public.connect_shop(uuid,uuid,text,text,text,text,timestamp with time zone,text,text,timestamp with time zone,timestamp with time zone);

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
    update public.sync_jobs set doubted_at = coalesce(doubted_at, clock_timestamp())
     where id in (select distinct on (entity) id from public.sync_jobs
                  where connection_id = p_connection_id and job_type = 'backfill'
                  order by entity, created_at desc, id)
       and status = 'completed'
       and exists (select from jsonb_array_elements_text(p_uses -> entity) as r
                   where r = any (p_rights) and r <> all (before));
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

-- claim_job: lease the next due job to this worker, or answer null, in the order of virtual time. Idempotent for one
-- lease id, so a lost answer costs nothing. One statement takes the job: it skips those that others are taking now. A
-- job that was away for days (an outage, a reconnect) catches up by a hundred calls at most.
create or replace function public.claim_job(p_lease_id uuid, p_worker text, p_lease_seconds int default 60)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs; connection public.connected_accounts;
begin
    select * into job from public.sync_jobs where lease_id = p_lease_id;
    if not found then
        perform private.wake_due_jobs();
        begin
            update public.sync_jobs as j
               set status = 'running', lease_id = p_lease_id, leased_by = p_worker,
                   lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds),
                   started_at = coalesce(started_at, clock_timestamp()),
                   served_at = clock_timestamp(),
                   virtual_time = greatest(j.virtual_time, (select virtual_time - 100 from private.virtual_clock))
             where id = (
                select q.id from public.sync_jobs as q
                where q.status = 'queued'
                  and not exists (select 1 from public.sync_jobs as r
                                  where r.connection_id = q.connection_id and r.status = 'running')
                order by private.round_of(q.virtual_time), q.priority, q.served_at, q.id
                limit 1 for update skip locked)
            returning * into job;
        exception when unique_violation then
            -- A sibling of the same shop was claimed in this very moment: its bell rings again. Or this
            -- lease was, by an earlier call of the same claim: that one's job is the answer.
            select * into job from public.sync_jobs where lease_id = p_lease_id;
        end;
        if job.id is null then
            return null;
        end if;
    end if;
    select * into connection from public.connected_accounts where id = job.connection_id;
    return to_jsonb(job) || jsonb_build_object(
        'shop_id', connection.shop_id, 'shop_created_at', connection.shop_created_at, 'currency', connection.currency,
        'connection_status', connection.status, 'now', clock_timestamp(),
        'rights', (select rights from private.platform_tokens where connection_id = connection.id));
end $$;

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

drop function public.store_refreshed_tokens(uuid,bigint,text,text,double precision,timestamp with time zone,double precision,timestamp with time zone);

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
