-- Webhooks are asked for, mended and ended by us, and rights change by what a shop says when it is asked.

-- lives: `belongs_to` says whose end takes it along: a connection's, a user's, or nobody's (service, reference, and a record,
-- which outlives whom it is about and then names nobody). `life`,
-- counted from `aged_by`, is when the clock takes it; `only_if` spares rows (`t` is the row). Without a life, `bounded`
-- says what keeps the table small.
create or replace function private.lives() returns table (
        table_name text, belongs_to text, life interval, aged_by text, only_if text, bounded text)
language sql immutable set search_path = '' as $$
    values
    ('public.profiles', 'user', null::interval, null, null, 'one a user'),
    ('public.connected_accounts', 'user', null, null, null, 'one a shop of a user'),
    ('private.admins', 'user', null, null, null, 'one a user'),
    ('private.admin_actions', 'record', '3 years', 'at', null, null),
    ('private.rate_limits', 'user', null, null, null, 'one a user and action'),
    ('private.oauth_states', 'user', '1 hour', 'expires_at', null, null),
    ('private.privacy_requests', 'record', '3 years', 'done_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
    ('private.sync_rounds', 'connection', null, null, null, 'one an entity'),
    ('private.webhook_standings', 'connection', null, null, null, 'one a connection'),
    ('private.rerun_requests', 'connection', null, null, null, 'one an entity'),
    ('public.sync_pages', 'connection', null, null, null, 'go with their job'),
    ('public.certificates', 'connection', null, null, null, 'go with their job'),
    -- The newest proof of an entity stays, however old it is.
    ('public.sync_jobs', 'connection', '180 days', 'finished_at',
     'exists (select from public.sync_jobs as n where n.connection_id = t.connection_id and n.entity = t.entity '
     'and n.job_type = t.job_type and n.status = ''completed'' and n.finished_at > t.finished_at)', null),
    ('public.sync_runs', 'connection', '180 days', 'created_at',
     'not exists (select from public.sync_jobs as j where j.run_id = t.id) '
     'and not exists (select from public.sync_cursors as c where c.run_id = t.id) '
     'and not exists (select from private.rerun_requests as r where r.run_id = t.id)', null),
    -- As they came, with whom they name: from the last time that they came.
    ('public.rejected_records', 'connection', '90 days', 'fetched_at', null, null),
    ('private.platform_events', 'connection', '7 days', 'worked_at', null, null),
    -- No page is on its way for so long.
    ('private.closed_objects', 'connection', '90 days', 'gone_at', 't.forgotten_at is null', null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.heartbeats', 'service', '1 day', 'at', null, null),
    ('private.call_minutes', 'service', '2 days', 'minute', null, null),
    ('private.api_calls', 'service', '7 days', 'bucket', null, null),
    ('private.api_answers', 'service', '1 day', 'bucket', null, null),
    ('private.call_blocks', 'service', '1 day', 'bucket', null, null),
    -- What a platform told of its limits it tells again. Not while a call of it is in the ledger, or it is blocked.
    ('private.api_budgets', 'service', '7 days', 'made_at',
     'not exists (select from private.api_calls as c where c.scope = t.scope) '
     'and not exists (select from private.call_blocks as b where b.scope = t.scope) '
     'and coalesce(t.blocked_until, t.made_at) < clock_timestamp()', null),
    ('private.api_buckets', 'service', null, null, null, 'one a scope'),
    ('private.circuit_breakers', 'service', null, null, null, 'one a scope that is away'),
    ('private.installation', 'reference', null, null, null, 'one row'),
    ('private.virtual_clock', 'reference', null, null, null, 'one row'),
    ('private.plan_weights', 'reference', null, null, null, 'one a plan'),
    ('private.round_promises', 'reference', null, null, null, 'one a plan'),
    ('private.round_rules', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

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

-- look_after: a connection is looked after by a job, now; while one runs, once more after it. Before any round: it is a call
-- or two, and what is heard of need not be looked for.
create or replace function private.look_after(connection public.connected_accounts, p_trigger text) returns void
language plpgsql set search_path = '' as $$
begin
    perform 1 from public.profiles where user_id = connection.user_id for no key update;
    perform public.queue_jobs(connection.user_id, 'incremental', p_trigger, jsonb_build_array(
        jsonb_build_object('platform', connection.platform, 'connection_id', connection.id, 'entity', 'connection',
                           'priority', -60, 'position', 0)), true);
end $$;

-- queue_upkeep: connections of these platforms that were not looked after for a day. It waits for nobody: whose profile is
-- locked is left for the next beat. Answers how many.
create or replace function public.queue_upkeep(p_platforms text[], p_most int default 100) returns int
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts; queued int := 0;
begin
    for connection in
        select a.* from public.connected_accounts as a
        left join private.webhook_standings as s on s.connection_id = a.id
        where a.platform = any (p_platforms) and a.status = 'connected'
          and coalesce(s.due_at, '-infinity') <= (select clock_timestamp())
        order by s.due_at nulls first, a.id limit p_most loop
        perform 1 from public.profiles where user_id = connection.user_id for no key update skip locked;
        continue when not found;
        insert into private.webhook_standings (connection_id, due_at)
        values (connection.id, clock_timestamp() + interval '1 day')
        on conflict (connection_id) do update set due_at = excluded.due_at;
        perform private.look_after(connection, 'upkeep');
        queued := queued + 1;
    end loop;
    return queued;
end $$;

revoke all on function public.queue_upkeep(text[], int) from public, anon, authenticated;

grant execute on function public.queue_upkeep(text[], int) to service_role;

-- check_webhooks: these connections of a user are looked after now, on such of these platforms. Answers how many connections.
create or replace function public.check_webhooks(p_user_id uuid, p_connection_ids uuid[], p_platforms text[], p_trigger text)
returns int
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts; queued int := 0;
begin
    for connection in
        select * from public.connected_accounts as a
        where a.user_id = p_user_id and a.id = any (p_connection_ids) and a.platform = any (p_platforms)
          and a.status = 'connected' order by a.id loop
        insert into private.webhook_standings (connection_id, due_at)
        values (connection.id, clock_timestamp() + interval '1 day')
        on conflict (connection_id) do update set due_at = excluded.due_at;
        perform private.look_after(connection, p_trigger);
        queued := queued + 1;
    end loop;
    return queued;
end $$;

revoke all on function public.check_webhooks(uuid, uuid[], text[], text) from public, anon, authenticated;

grant execute on function public.check_webhooks(uuid, uuid[], text[], text) to service_role;

-- registered_at: what was registered at a shop by any of its connections: two users of one shop share its webhooks.
create or replace function private.registered_at(p_platform text, p_shop_id text) returns jsonb
language sql stable set search_path = '' as $$
    select coalesce(jsonb_agg(distinct r), '[]')
    from public.connected_accounts as a
    join private.webhook_standings as s on s.connection_id = a.id, jsonb_array_elements(s.registered) as r
    where a.platform = p_platform and a.shop_id = p_shop_id;
$$;

create or replace function public.registered_webhooks(p_lease_id uuid) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    return (select private.registered_at(a.platform, a.shop_id) from public.connected_accounts as a
            where a.id = job.connection_id);
end $$;

revoke all on function public.registered_webhooks(uuid) from public, anon, authenticated;

grant execute on function public.registered_webhooks(uuid) to service_role;

-- webhooks_of: the same for whoever ends a user's connection.
create or replace function public.webhooks_of(p_user_id uuid, p_connection_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce((select private.registered_at(a.platform, a.shop_id) from public.connected_accounts as a
                     where a.id = p_connection_id and a.user_id = p_user_id), '[]');
$$;

revoke all on function public.webhooks_of(uuid, uuid) from public, anon, authenticated;

grant execute on function public.webhooks_of(uuid, uuid) to service_role;

-- note_webhook: one was made, in the moment that it was: whoever goes on after a pause, or a death, knows it as ours.
create or replace function public.note_webhook(p_lease_id uuid, p_made jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    insert into private.webhook_standings as s (connection_id, registered, due_at)
    values (job.connection_id, jsonb_build_array(p_made), clock_timestamp() + interval '1 day')
    on conflict (connection_id) do update
       set registered = s.registered || excluded.registered,
           mended = s.mended + (s.checked_at is not null)::int,
           mended_at = case when s.checked_at is null then s.mended_at else clock_timestamp() end;
end $$;

revoke all on function public.note_webhook(uuid, jsonb) from public, anon, authenticated;

grant execute on function public.note_webhook(uuid, jsonb) to service_role;

-- note_webhooks: how a look found them. Without `p_registered` what was registered stays noted.
create or replace function public.note_webhooks(p_lease_id uuid, p_state text, p_missing text[], p_reason text,
                                                p_registered jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    insert into private.webhook_standings as s (connection_id, state, missing, reason, registered, checked_at, due_at)
    values (job.connection_id, p_state, p_missing, p_reason, coalesce(p_registered, '[]'), clock_timestamp(),
            clock_timestamp() + interval '1 day')
    on conflict (connection_id) do update
       set state = excluded.state, missing = excluded.missing, reason = excluded.reason,
           registered = coalesce(p_registered, s.registered), checked_at = excluded.checked_at, due_at = excluded.due_at;
end $$;

revoke all on function public.note_webhooks(uuid, text, text[], text, jsonb) from public, anon, authenticated;

grant execute on function public.note_webhooks(uuid, text, text[], text, jsonb) to service_role;

-- webhook_standing: how one connection's stand, in words that programs act on. A look that is long overdue says nothing.
create or replace function private.webhook_standing(s private.webhook_standings) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'state', case when s.checked_at < clock_timestamp() - interval '2 days' then 'unknown' else s.state end,
        'missing', to_jsonb(s.missing), 'reason', s.reason, 'topics', jsonb_array_length(s.registered),
        'checked_at', s.checked_at, 'mended', s.mended, 'mended_at', s.mended_at);
$$;

-- webhook_standings: of a user's connections that were ever to be looked after, by connection.
create or replace function public.webhook_standings(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_object_agg(a.id, private.webhook_standing(s)), '{}')
    from public.connected_accounts as a join private.webhook_standings as s on s.connection_id = a.id
    where a.user_id = p_user_id and a.status = 'connected';
$$;

revoke all on function public.webhook_standings(uuid) from public, anon, authenticated;

grant execute on function public.webhook_standings(uuid) to service_role;

-- webhook_counts: by platform, how many connected shops are looked after, and of how many all subscriptions work.
create or replace function public.webhook_counts() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_object_agg(c.platform, jsonb_build_object('shops', c.shops, 'working', c.working)), '{}')
    from (select a.platform, count(*) as shops,
                 count(*) filter (where private.webhook_standing(s) ->> 'state' = 'working') as working
          from private.webhook_standings as s join public.connected_accounts as a on a.id = s.connection_id
          where a.status = 'connected' group by a.platform) as c;
$$;

revoke all on function public.webhook_counts() from public, anon, authenticated;

grant execute on function public.webhook_counts() to service_role;

-- rights_of: what is known of the rights of this job's connection.
create or replace function public.rights_of(p_lease_id uuid) returns text[]
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    return (select t.rights from private.platform_tokens as t where t.connection_id = job.connection_id);
end $$;

revoke all on function public.rights_of(uuid) from public, anon, authenticated;

grant execute on function public.rights_of(uuid) to service_role;

-- change_rights: what the shop says now that it grants. What was read without a right that is new is doubted, and is read
-- again, with what failed for want of one; what lost its right ends by name at its next reading. `p_uses`: the rights
-- that each entity uses.
create or replace function public.change_rights(p_lease_id uuid, p_rights text[], p_uses jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); before text[]; again jsonb;
begin
    select t.rights into before from private.platform_tokens as t where t.connection_id = job.connection_id;
    if before is not distinct from p_rights then
        return;
    end if;
    perform 1 from public.profiles where user_id = job.user_id for no key update;
    update private.platform_tokens set rights = p_rights where connection_id = job.connection_id;
    perform private.doubt_without(job.connection_id, before, p_rights, p_uses);
    select jsonb_agg(jsonb_build_object('platform', n.platform, 'connection_id', n.connection_id, 'entity', n.entity,
                                        'priority', n.priority, 'position', n.position)) into again
      from (select distinct on (entity) * from public.sync_jobs
            where connection_id = job.connection_id and job_type = 'backfill' order by entity, created_at desc, id) as n
     where n.doubted_at is not null
        or (n.status = 'failed' and n.error_code = 'right_missing'
            and exists (select from jsonb_array_elements_text(p_uses -> n.entity) as r
                        where r = any (p_rights) and r <> all (coalesce(before, '{}'))));
    if again is not null then
        perform public.queue_jobs(job.user_id, 'backfill', 'rights', again);
    end if;
end $$;

revoke all on function public.change_rights(uuid, text[], jsonb) from public, anon, authenticated;

grant execute on function public.change_rights(uuid, text[], jsonb) to service_role;

-- accept_platform_event: one delivery, whatever it asks for, in one transaction; a repeat has no effect. What it names
-- is of a shop: each connection of that shop has the effect, whoever's it is, and nobody is told what the platform did
-- not say. Of a shop that nobody connected nothing is kept.
--   p_effect: 'read' (objects of p_kind again), 'gone' (read again, and if they are not there, deleted), 'rights' (the
--             shop is asked what it grants), 'disconnect', 'redact_customer', 'redact_shop', 'request' (for people)
--   p_email: a customer to be forgotten may be named by that alone
--   p_seller_message: what the seller reads of the entities that end with a connection
create or replace function public.accept_platform_event(
    p_platform text, p_delivery_id text, p_shop_id text, p_topic text, p_effect text, p_kind text default null,
    p_object_ids text[] default '{}', p_happened_at timestamptz default null, p_subject jsonb default '{}',
    p_email text default null, p_seller_message text default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts; connections int := 0;
begin
    if not exists (select from public.connected_accounts where platform = p_platform and shop_id = p_shop_id) then
        return jsonb_build_object('repeat', false, 'connections', 0);
    end if;
    insert into private.webhook_deliveries (source, delivery_id) values (p_platform, p_delivery_id)
    on conflict do nothing;
    if not found then
        return jsonb_build_object('repeat', true, 'connections', 0);
    end if;
    for connection in select * from public.connected_accounts
                    where platform = p_platform and shop_id = p_shop_id
                      and (status = 'connected' or p_effect like 'redact%' or p_effect = 'request')
                    order by user_id loop
        connections := connections + 1;
        case p_effect
            when 'read', 'gone' then
                perform private.read_again(connection, p_kind, p_object_ids, p_topic, p_effect = 'gone', 'webhook');
            when 'rights' then
                perform private.look_after(connection, 'webhook');
            when 'disconnect' then
                -- A late delivery must not end a connection that was made after what it tells of.
                if coalesce(p_happened_at, clock_timestamp()) >= connection.connected_at then
                    perform public.disconnect_shop(connection.user_id, connection.id, 'our app was removed from the shop',
                                                   p_seller_message);
                end if;
            else
                perform private.oblige(connection, p_topic, p_effect, p_object_ids, p_subject, p_email);
        end case;
    end loop;
    return jsonb_build_object('repeat', false, 'connections', connections);
end $$;

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
        'heartbeats', public.heartbeats(),
        'quarantined', (select count(*) from (select 1 from public.sync_jobs where status = 'quarantined' limit 10000) as q),
        'rejected', (select count(*) from (select 1 from public.rejected_records where status = 'open' limit 10000) as r),
        'parked', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('waiting', count(*), 'retries', count(*) filter (where attempts > 0),
                           'next_at', min(run_after)) as facts
                from (select platform, attempts, run_after from public.sync_jobs where status = 'parked'
                      order by run_after limit 10000) as p group by platform) as by_platform),
        'ended', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('completed', count(*) filter (where status = 'completed'),
                           'with_rejects', count(*) filter (where status = 'completed_with_rejects'),
                           'failed', count(*) filter (where status = 'failed'),
                           'quarantined', count(*) filter (where status = 'quarantined')) as facts
                from (select platform, status from public.sync_jobs where finished_at > since
                      order by finished_at desc limit 10000) as e group by platform) as by_platform),
        'last_sync_at', (
            select max(finished_at) from (select finished_at, status from public.sync_jobs where finished_at is not null
                                          order by finished_at desc limit 1000) as e
            where status in ('completed', 'completed_with_rejects')),
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
        'obligations', private.open_obligations(),
        'webhooks', public.webhook_counts(),
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;
