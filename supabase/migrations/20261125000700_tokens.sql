-- Baseline of tokens, written once from supabase/schemas (docs/decisions/022).

-- tokens.sql

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
    refresh_expires_at timestamptz,
    -- How often the refresh token above was presented and its answer never came, and how often it was refused.
    lost_answers int not null default 0,
    refusals int not null default 0,
    -- After a failure nobody asks the platform again before this.
    rest_until timestamptz,
    -- When the clock may look after this pair again.
    care_after timestamptz,
    check ((refresh_fence is null) = (refresh_started_at is null))
);
comment on table private.platform_tokens is 'Encrypted for one environment, user, platform, account and field; see execution/tokens/keyring.py.';
create index platform_tokens_by_age on private.platform_tokens (issued_at) where refresh_token is not null;

-- tokens_as_json: what a worker needs of an account. Seconds, not times: a worker's clock may be wrong.
create or replace function private.tokens_as_json(p_account_id uuid) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'account_id', a.id, 'user_id', a.user_id, 'platform', a.platform, 'shop_id', a.shop_id,
        'status', a.status, 'status_reason', a.status_reason, 'version', t.version,
        'access_token', t.access_token, 'refresh_token', t.refresh_token,
        'expires_in_seconds', extract(epoch from t.expires_at - clock_timestamp()),
        'life_seconds', greatest(0, extract(epoch from t.expires_at - t.issued_at)),
        'lost_answers', t.lost_answers, 'refusals', t.refusals)
    from public.connected_accounts as a left join private.platform_tokens as t on t.account_id = a.id
    where a.id = p_account_id;
$$;

-- read_tokens: the tokens of the leased job's own account; there is no way to name another.
create or replace function public.read_tokens(p_lease_id uuid) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    return private.tokens_as_json(job.account_id);
end $$;
revoke all on function public.read_tokens(uuid) from public, anon, authenticated;
grant execute on function public.read_tokens(uuid) to service_role;

-- tokens_of_connection: the tokens of a connection without a job. A seller asks what a backfill would cost: the
-- platform is asked for counts, and there is no job whose lease could stand for the tokens. Who asks comes from a
-- verified session, as everywhere outside of workers.
create or replace function public.tokens_of_connection(p_user_id uuid, p_platform text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select private.tokens_as_json(a.id) || jsonb_build_object('shop_created_at', a.shop_created_at)
            from public.connected_accounts as a where a.user_id = p_user_id and a.platform = p_platform);
end $$;
revoke all on function public.tokens_of_connection(uuid, text) from public, anon, authenticated;
grant execute on function public.tokens_of_connection(uuid, text) to service_role;

-- expiring_tokens: connections whose token ends soon and cannot be refreshed: only the seller can paste a new one.
create or replace function public.expiring_tokens(p_within_seconds double precision, p_user_id uuid default null)
returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(to_jsonb(soon) order by soon.expires_at), '[]') from (
        select a.id as account_id, a.user_id, a.platform, t.expires_at
        from private.platform_tokens as t join public.connected_accounts as a on a.id = t.account_id
        where t.refresh_token is null and a.status = 'connected'
          and t.expires_at <= clock_timestamp() + make_interval(secs => p_within_seconds)
          and (p_user_id is null or a.user_id = p_user_id)
        order by t.expires_at limit 1000) as soon;
$$;
revoke all on function public.expiring_tokens(double precision, uuid) from public, anon, authenticated;
grant execute on function public.expiring_tokens(double precision, uuid) to service_role;

-- mark_reconnect_needed: the platform refuses this version of the tokens for good.
create or replace function public.mark_reconnect_needed(p_lease_id uuid, p_version bigint, p_reason text)
returns boolean
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update public.connected_accounts as a set status = 'reconnect_needed', status_reason = left(p_reason, 500)
      from private.platform_tokens as t
     where a.id = job.account_id and t.account_id = a.id and t.version = p_version;
    return found;
end $$;
revoke all on function public.mark_reconnect_needed(uuid, bigint, text) from public, anon, authenticated;
grant execute on function public.mark_reconnect_needed(uuid, bigint, text) to service_role;

-- token_refresh.sql

-- Refreshing tokens: one at a time a pair, safe where an answer is lost; and pairs that nobody uses are kept alive.

-- begin_refresh: the claim of one refresh, for whoever holds the row's lock. A claim that was never ended and has
-- lapsed is a lost answer: its holder died, or sleeps.
create or replace function private.begin_refresh(p_account_id uuid, p_fence uuid) returns void
language sql set search_path = '' as $$
    update private.platform_tokens
       set refresh_fence = p_fence, refresh_started_at = clock_timestamp(),
           lost_answers = lost_answers + coalesce((refresh_fence <> p_fence)::int, 0)
     where account_id = p_account_id;
$$;

-- begin_token_refresh: 'begun' (yours, until the patience has passed), 'busy' (another's), 'resting' (it failed a
-- moment ago) or 'newer' (done: here it is). Idempotent for one fence.
create or replace function public.begin_token_refresh(p_lease_id uuid, p_version bigint, p_fence uuid,
                                                      p_patience_seconds double precision default 90) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); tokens private.platform_tokens;
begin
    select * into tokens from private.platform_tokens where account_id = job.account_id for update;
    if not found or tokens.version <> p_version
       or (select status from public.connected_accounts where id = job.account_id) <> 'connected' then
        return jsonb_build_object('state', 'newer', 'tokens', private.tokens_as_json(job.account_id));
    end if;
    if tokens.refresh_fence <> p_fence
       and tokens.refresh_started_at > clock_timestamp() - make_interval(secs => p_patience_seconds) then
        return jsonb_build_object('state', 'busy');
    end if;
    if tokens.rest_until > clock_timestamp() then
        return jsonb_build_object('state', 'resting',
            'wait_seconds', extract(epoch from tokens.rest_until - clock_timestamp()));
    end if;
    perform private.begin_refresh(tokens.account_id, p_fence);
    return jsonb_build_object('state', 'begun', 'tokens', private.tokens_as_json(job.account_id));
end $$;
revoke all on function
    public.begin_token_refresh(uuid, bigint, uuid, double precision)
    from public, anon, authenticated;
grant execute on function public.begin_token_refresh(uuid, bigint, uuid, double precision) to service_role;

-- store_refreshed_tokens: the new pair, only where fence and version still stand. Needs no lease: a worker that lost
-- its job must still save what the platform will not issue twice. Life is counted from before the call. Without a new
-- refresh token the old one stays, with its life. `p_expires_at` is for platforms that tell a moment.
create or replace function public.store_refreshed_tokens(
    p_fence uuid, p_version bigint, p_access_token text, p_refresh_token text, p_expires_in_seconds double precision,
    p_expires_at timestamptz default null, p_refresh_expires_in_seconds double precision default null,
    p_refresh_expires_at timestamptz default null)
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
           lost_answers = 0, refusals = 0, rest_until = null
     where refresh_fence = p_fence and version = p_version;
    return found or exists (select 1 from private.platform_tokens
                            where stored_fence = p_fence and version = p_version + 1);
end $$;
revoke all on function
    public.store_refreshed_tokens(uuid, bigint, text, text, double precision, timestamptz, double precision, timestamptz)
    from public, anon, authenticated;
grant execute on function
    public.store_refreshed_tokens(uuid, bigint, text, text, double precision, timestamptz, double precision, timestamptz)
    to service_role;

-- fail_token_refresh: give the fence back. p_final: the refresh token is dead, the seller must reconnect. p_outcome:
-- 'unused' (the platform cannot have used the token up), 'lost' (nobody knows) or 'refused'.
create or replace function public.fail_token_refresh(p_fence uuid, p_reason text, p_final boolean,
                                                     p_outcome text default 'unused', p_rest_seconds double precision default 0)
returns boolean language plpgsql security definer set search_path = '' as $$
declare account uuid;
begin
    -- Accounts before tokens, as connect_account locks them.
    select a.id into account from public.connected_accounts as a
      join private.platform_tokens as t on t.account_id = a.id where t.refresh_fence = p_fence for update of a;
    update private.platform_tokens
       set refresh_fence = null, refresh_started_at = null,
           lost_answers = lost_answers + (p_outcome = 'lost')::int, refusals = refusals + (p_outcome = 'refused')::int,
           rest_until = clock_timestamp() + make_interval(secs => greatest(p_rest_seconds, 0))
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
revoke all on function
    public.fail_token_refresh(uuid, text, boolean, text, double precision)
    from public, anon, authenticated;
grant execute on function public.fail_token_refresh(uuid, text, boolean, text, double precision) to service_role;

-- claim_token_care: the refresh of one pair that is old enough, whether anybody uses it or not, begun under this
-- fence; or null. `p_ages` says from what age on, in seconds, by platform; a tenth of it is spread over accounts, and
-- the last fifth of a refresh token's life is always old enough. One pair is looked after once in ten minutes.
create or replace function public.claim_token_care(p_fence uuid, p_ages jsonb, p_patience_seconds double precision default 90)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare tokens private.platform_tokens; moment timestamptz := clock_timestamp();
begin
    select * into tokens from private.platform_tokens where refresh_fence = p_fence;
    if not found then
        select t.* into tokens
          from private.platform_tokens as t
          join public.connected_accounts as a on a.id = t.account_id
         where a.status = 'connected' and t.refresh_token is not null and p_ages ? a.platform
           and (t.refresh_fence is null or t.refresh_started_at <= moment - make_interval(secs => p_patience_seconds))
           and coalesce(t.rest_until, moment) <= moment and coalesce(t.care_after, moment) <= moment
           and (t.issued_at <= moment - make_interval(secs => (p_ages ->> a.platform)::double precision
                    * (1 - 0.1 * (abs(hashtext(t.account_id::text)::bigint) % 1000) / 1000.0))
                or moment >= t.refresh_expires_at - (t.refresh_expires_at - t.issued_at) * 0.2)
         order by t.issued_at limit 1 for update of t skip locked;
        if not found then
            return null;
        end if;
        update private.platform_tokens set care_after = moment + interval '10 minutes'
         where account_id = tokens.account_id;
        perform private.begin_refresh(tokens.account_id, p_fence);
    end if;
    return private.tokens_as_json(tokens.account_id);
end $$;
revoke all on function public.claim_token_care(uuid, jsonb, double precision) from public, anon, authenticated;
grant execute on function public.claim_token_care(uuid, jsonb, double precision) to service_role;

-- token_keys.sql

-- Key rotation: which keys the stored tokens need, and encrypting them anew while workers run.

-- token_keys: how many ciphertexts each key id holds; the proof, before a key leaves the ring, that nobody needs it.
create or replace function public.token_keys() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_object_agg(key_id, held), '{}') from (
        select key_id, count(*) as held from private.platform_tokens as t
        cross join lateral (values (t.access_key_id), (t.refresh_key_id)) as ids (key_id)
        where key_id is not null group by key_id) as counted;
$$;
revoke all on function public.token_keys() from public, anon, authenticated;
grant execute on function public.token_keys() to service_role;

-- tokens_of_other_keys: a batch of pairs of which one at least is not under this key, in the order of accounts.
create or replace function public.tokens_of_other_keys(p_key_id text, p_after uuid, p_limit int) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(private.tokens_as_json(account_id) order by account_id), '[]') from (
        select account_id from private.platform_tokens
        where (access_key_id <> p_key_id or refresh_key_id <> p_key_id) and (p_after is null or account_id > p_after)
        order by account_id limit p_limit) as batch;
$$;
revoke all on function public.tokens_of_other_keys(text, uuid, int) from public, anon, authenticated;
grant execute on function public.tokens_of_other_keys(text, uuid, int) to service_role;

-- rewrap_tokens: replace ciphertexts by ones of the same secrets, each only where it is still the one that was read:
-- a refresh that came between wins. Versions stay, so a refresh under way stores its pair all the same.
create or replace function public.rewrap_tokens(p_changes jsonb) returns int
language plpgsql security definer set search_path = '' as $$
declare change record; replaced int := 0;
begin
    for change in select * from jsonb_to_recordset(p_changes) as c(account_id uuid, field text, old text, new text)
                  order by account_id, field loop
        update private.platform_tokens
           set access_token = case when change.field = 'access_token' then change.new else access_token end,
               refresh_token = case when change.field = 'refresh_token' then change.new else refresh_token end
         where account_id = change.account_id
           and case change.field when 'access_token' then access_token = change.old
                                 when 'refresh_token' then refresh_token = change.old else false end;
        replaced := replaced + found::int;
    end loop;
    return replaced;
end $$;
revoke all on function public.rewrap_tokens(jsonb) from public, anon, authenticated;
grant execute on function public.rewrap_tokens(jsonb) to service_role;

-- installation.sql

-- What a process asks before it works: whose database this is, which schema it has, and which code may work on it.

create table private.installation (
    only_one boolean primary key default true check (only_one),
    -- The environment that this database belongs to: recorded by the first process that starts.
    environment text,
    -- The newest migration that the oldest code brings which may still run here. A migration that takes something away
    -- (the contract after an expansion) raises it, one release after the code stopped needing it.
    oldest_code text not null
);
insert into private.installation (oldest_code) values ('20261125001000');
comment on table private.installation is 'One row: what every process of this installation has in common.';

-- schema_version: the newest migration that is applied, by its number. Numbers have one length, so text compares them.
create or replace function public.schema_version() returns text
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select max(version) from supabase_migrations.schema_migrations);
end $$;
revoke all on function public.schema_version() from public, anon, authenticated;
grant execute on function public.schema_version() to service_role;

-- check_in: record the environment if nobody has; answer what the process must compare itself with.
create or replace function public.check_in(p_environment text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare here private.installation;
begin
    update private.installation set environment = p_environment where environment is null;
    select * into here from private.installation;
    return jsonb_build_object('environment', here.environment, 'oldest_code', here.oldest_code,
        'schema', (select max(version) from supabase_migrations.schema_migrations));
end $$;
revoke all on function public.check_in(text) from public, anon, authenticated;
grant execute on function public.check_in(text) to service_role;

-- health.sql

-- Health in numbers: what became of calls to platforms, by minute, and how the queue stands. Nothing of a tenant.

create table private.call_minutes (
    platform text not null,
    minute timestamptz not null,
    endpoint text not null,
    outcome text not null check (outcome in ('ok', 'throttled', 'failed', 'refused', 'lost')),
    calls bigint not null,
    seconds double precision not null,
    -- Calls by how long they took; the bounds are in execution/http/call_record.py.
    histogram bigint[] not null check (cardinality(histogram) = 13),
    primary key (platform, minute, endpoint, outcome)
);
create index call_minutes_by_age on private.call_minutes (minute);

-- record_calls: add a batch of a process's counts. Two days are kept.
create or replace function public.record_calls(p_calls jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
    insert into private.call_minutes as m (platform, minute, endpoint, outcome, calls, seconds, histogram)
    select c.platform, date_trunc('minute', clock_timestamp() - make_interval(secs => c.age_seconds)), c.endpoint,
           c.outcome, sum(c.calls), sum(c.seconds),
           array[sum(c.histogram[1]), sum(c.histogram[2]), sum(c.histogram[3]), sum(c.histogram[4]),
                 sum(c.histogram[5]), sum(c.histogram[6]), sum(c.histogram[7]), sum(c.histogram[8]),
                 sum(c.histogram[9]), sum(c.histogram[10]), sum(c.histogram[11]), sum(c.histogram[12]),
                 sum(c.histogram[13])]::bigint[]
    from jsonb_to_recordset(p_calls) as c(platform text, endpoint text, outcome text, age_seconds double precision,
                                          calls bigint, seconds double precision, histogram bigint[])
    group by 1, 2, 3, 4
    order by 1, 2, 3, 4
    on conflict (platform, minute, endpoint, outcome) do update
       set calls = m.calls + excluded.calls, seconds = m.seconds + excluded.seconds,
           histogram = (select array_agg(a + b order by n)
                        from unnest(m.histogram, excluded.histogram) with ordinality as both_(a, b, n));
    delete from private.call_minutes where ctid = any (array(
        select ctid from private.call_minutes where minute < clock_timestamp() - interval '2 days' limit 500));
end $$;
revoke all on function public.record_calls(jsonb) from public, anon, authenticated;
grant execute on function public.record_calls(jsonb) to service_role;

-- pipeline_health: everything that health and metrics tell, in one answer. Counts stop at ten thousand: more of them
-- would say no more, and a look must stay quick.
create or replace function public.pipeline_health(p_minutes int default 60) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '3s' as $$
declare now_ timestamptz := clock_timestamp(); since timestamptz := clock_timestamp() - make_interval(mins => p_minutes);
begin
    return jsonb_build_object(
        'now', now_,
        'queue', (
            select jsonb_build_object('queued', count(*), 'lag_seconds',
                       coalesce(greatest(0, extract(epoch from now_ - min(served_at))), 0))
            from (select served_at from public.sync_jobs where status = 'queued' limit 10000) as q),
        'running', (select count(*) from (select 1 from public.sync_jobs where status = 'running' limit 10000) as r),
        'parked', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('waiting', count(*), 'retries', count(*) filter (where attempts > 0),
                           'next_at', min(run_after)) as facts
                from (select platform, attempts, run_after from public.sync_jobs where status = 'parked'
                      order by run_after limit 10000) as p group by platform) as by_platform),
        'ended', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('completed', count(*) filter (where status = 'completed'),
                           'failed', count(*) filter (where status = 'failed'),
                           'quarantined', count(*) filter (where status = 'quarantined')) as facts
                from (select platform, status from public.sync_jobs where finished_at > since
                      order by finished_at desc limit 10000) as e group by platform) as by_platform),
        'last_sync_at', (
            select max(finished_at) from (select finished_at, status from public.sync_jobs where finished_at is not null
                                          order by finished_at desc limit 1000) as e where status = 'completed'),
        'calls', (
            select coalesce(jsonb_agg(jsonb_build_object('platform', platform, 'endpoint', endpoint, 'outcome', outcome,
                       'calls', calls, 'seconds', seconds, 'histogram', histogram)), '[]') from (
                select platform, endpoint, outcome, sum(calls) as calls, sum(seconds) as seconds,
                       array[sum(histogram[1]), sum(histogram[2]), sum(histogram[3]), sum(histogram[4]),
                             sum(histogram[5]), sum(histogram[6]), sum(histogram[7]), sum(histogram[8]),
                             sum(histogram[9]), sum(histogram[10]), sum(histogram[11]), sum(histogram[12]),
                             sum(histogram[13])] as histogram
                from private.call_minutes where minute > since group by 1, 2, 3 order by 1, 2, 3 limit 500) as c),
        'last_success', (
            select coalesce(jsonb_object_agg(platform, at), '{}') from (
                select platform, max(minute) as at from private.call_minutes where outcome = 'ok' group by 1) as s),
        'blocked', (
            select coalesce(jsonb_agg(jsonb_build_object('platform', split_part(scope, ':', 1), 'until', blocked_until,
                       'reason', blocked_reason) order by blocked_until desc), '[]')
            from (select * from private.api_budgets where blocked_until > now_ limit 1000) as b),
        'circuits', (
            select coalesce(jsonb_agg(to_jsonb(b) || jsonb_build_object('platform', split_part(b.scope, ':', 1))), '[]')
            from jsonb_to_recordset(public.breakers()) as b(scope text, state text, reason text, failures int,
                                                            since timestamptz, retry_at timestamptz)),
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;
revoke all on function public.pipeline_health(int) from public, anon, authenticated;
grant execute on function public.pipeline_health(int) to service_role;
