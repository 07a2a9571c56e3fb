-- Looking after connections: what a shop grants now, and the subscriptions to its webhooks, as they were found last. The job is
-- the entity `connection` (execution/platforms/upkeep.py); the clock asks for it once a day, connecting and webhooks at once.

create table private.webhook_standings (
    connection_id uuid primary key references public.connected_accounts (id) on delete cascade,
    -- 'right_missing': those that the rights allow are there; the others are named.
    state text not null default 'unknown' check (state in ('unknown', 'working', 'right_missing', 'refused', 'not_set_up')),
    missing text[] not null default '{}',
    reason text not null default '',
    -- Those that we made or took over: [{id, topic, mark}]. Only these, and those at our very address, are ours to end.
    registered jsonb not null default '[]',
    checked_at timestamptz,
    due_at timestamptz not null,
    -- How many had to be made after the first look, because they were gone or not as they should be; when the last was.
    mended bigint not null default 0,
    mended_at timestamptz
);
create index webhook_standings_due on private.webhook_standings (due_at);
comment on table private.webhook_standings is 'The subscriptions to each shop''s webhooks, as the last look found them.';

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

-- registered_webhooks: the webhooks that are noted as ours at the shop of the job in hand, whoever's connections to it.
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

-- forget_standing: a connection that ended hears of nothing; connected again it is looked after at once.
create or replace function private.forget_standing() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    delete from private.webhook_standings where connection_id = new.id;
    return null;
end $$;
create trigger forget_standing after update of status on public.connected_accounts
    for each row when (new.status <> 'connected' and old.status = 'connected') execute function private.forget_standing();

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
