-- Records that were rejected are asked for again by their ids, and what then lands makes the entity that missed them complete.

-- settle_rejects: jobs that ended as completed_with_rejects, and of which nothing is kept aside any more, are complete:
-- their certificates say so, with what is held now.
create or replace function private.settle_rejects(p_user_id uuid, p_connections uuid[]) returns void
language plpgsql set search_path = '' as $$
declare job public.sync_jobs;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    for job in select * from public.sync_jobs
               where connection_id = any (p_connections) and status = 'completed_with_rejects' loop
        continue when private.job_rejects(job) <> '[]';
        update public.certificates set is_whole = true, rejected = 0, checks = (
            select jsonb_agg(case when c ->> 'name' = 'rejects'
                                  then '{"name": "rejects", "ok": true, "detail": {"settled": true}}' else c end)
            from jsonb_array_elements(checks) as c)
         where id = job.certificate_id;
        update public.sync_jobs set status = 'completed', error_code = null, error = null, seller_message = null
         where id = job.id;
    end loop;
    perform private.settle_profile(p_user_id);
end $$;

-- replay_rejected: try records again that were rejected or landed in part, after the mapping was mended: those of one of
-- the user's connections, or of all. No call to the platform.
create or replace function public.replay_rejected(p_user_id uuid, p_after bigint default 0, p_limit int default 100,
                                                  p_connection_id uuid default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare r public.rejected_records; job public.sync_jobs; one record; landed int := 0; refused int := 0; last bigint;
begin
    for r in select * from public.rejected_records
             where connection_id = any (private.connections_of(p_user_id)) and status in ('open', 'partial') and id > p_after
               and (p_connection_id is null or connection_id = p_connection_id)
             order by id limit p_limit for update loop
        job.connection_id := r.connection_id;
        job.user_id := r.user_id;
        job.platform := r.platform;
        job.entity := r.entity;
        job.run_id := r.run_id;
        select * into one from private.land_one(job, r.shape, r.fetched_at, r.raw);
        if one.partial is not null then
            if r.status = 'open' then landed := landed + 1; else refused := refused + 1; end if;
            update public.rejected_records set status = 'partial', reason = one.partial, sqlstate = one.code where id = r.id;
        elsif one.reason is null then
            landed := landed + 1;
            update public.rejected_records set status = 'replayed', settled_at = clock_timestamp() where id = r.id;
        else
            refused := refused + 1;
            update public.rejected_records set reason = one.reason, sqlstate = one.code where id = r.id;
        end if;
        last := r.id;
    end loop;
    if landed > 0 then
        perform private.settle_rejects(p_user_id, case when p_connection_id is null
            then private.connections_of(p_user_id) else array[p_connection_id] end);
    end if;
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;

-- fetch_rejected: records of one of the user's connections that were rejected or landed in part are asked for again, by
-- the job that looks up what changed. What comes of it settles them; what is gone stays as it is kept.
--   p_kinds: of the streams whose records can be asked for by id, what webhooks call them; p_streams: only these
-- Answers, by stream, how many records have which outcome: queued, or why they cannot be asked for.
create or replace function public.fetch_rejected(p_user_id uuid, p_connection_id uuid, p_kinds jsonb, p_streams text[],
                                                 p_trigger text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id); one record; answer jsonb := '[]';
begin
    for one in
        select kept.stream, kept.outcome, count(distinct kept.key) as records, array_agg(distinct kept.key) as keys
        from (select r.stream, coalesce(r.platform_id, r.raw_md5) as key, case
                         when connection.status <> 'connected' then 'not_connected'
                         when not p_kinds ? r.stream then 'no_lookup'
                         when r.platform_id is null then 'no_key'
                         else 'queued' end as outcome
              from public.rejected_records as r
              where r.connection_id = connection.id and r.status in ('open', 'partial')
                and (p_streams is null or r.stream = any (p_streams))) as kept
        group by kept.stream, kept.outcome order by kept.stream, kept.outcome loop
        if one.outcome = 'queued' then
            perform private.read_again(connection, p_kinds ->> one.stream, one.keys, 'rejected', false, p_trigger);
        end if;
        answer := answer || jsonb_build_object('stream', one.stream, 'outcome', one.outcome, 'records', one.records);
    end loop;
    return answer;
end $$;

revoke all on function public.fetch_rejected(uuid, uuid, jsonb, text[], text) from public, anon, authenticated;

grant execute on function public.fetch_rejected(uuid, uuid, jsonb, text[], text) to service_role;

-- job_rejects: of each stream and look-up that this job read and of which records are kept aside: how many came, and how
-- many of those are rejected still, whichever entity's job met them last. What it did not see any more is nobody's loss.
create or replace function private.job_rejects(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with aside as materialized (
        select distinct stream, coalesce(platform_id, 'rejected:' || raw_md5) as key from public.rejected_records
        where connection_id = job.connection_id and status = 'open'),
    came as (
        select distinct p.stream, k as key from public.sync_pages as p, unnest(p.keys) as k
        where p.job_id = job.id and p.stream in (select stream from aside)),
    counted as (
        select c.stream, count(*) as read, count(a.key) as rejected
        from came as c left join aside as a on a.stream = c.stream and a.key = c.key group by c.stream)
    select coalesce(jsonb_agg(to_jsonb(counted) order by stream), '[]') from counted where rejected > 0;
$$;

-- events_worked: a completed job has read everything that had come before it began. What came later has a job to come.
-- What had been rejected and landed now may have been all that an entity missed.
create or replace function private.events_worked() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update private.platform_events set worked_at = clock_timestamp()
     where connection_id = new.connection_id and worked_at is null and received_at < new.started_at;
    if exists (select from public.rejected_records where connection_id = new.connection_id and status = 'superseded'
                                                     and settled_at >= new.started_at) then
        perform private.settle_rejects(new.user_id, array[new.connection_id]);
    end if;
    return new;
end $$;

drop function private.read_again(public.connected_accounts,text,text[],text,boolean);

-- read_again: objects that a delivery or an operator named are asked for by a job, before any backfill's slice: it is one
-- call or a few. While it runs, it will run again.
create or replace function private.read_again(connection public.connected_accounts, p_kind text, p_object_ids text[],
                                              p_topic text, p_says_gone boolean, p_trigger text) returns void
language plpgsql set search_path = '' as $$
begin
    -- As an ending does: its lock first, then the events.
    perform 1 from public.profiles where user_id = connection.user_id for no key update;
    insert into private.platform_events as e (connection_id, kind, object_id, topic, says_gone)
    select connection.id, p_kind, o.named, p_topic, p_says_gone from unnest(p_object_ids) as o (named) order by o.named
    on conflict (connection_id, kind, object_id) where worked_at is null do update
       set received_at = clock_timestamp(), topic = excluded.topic, says_gone = e.says_gone or excluded.says_gone;
    perform public.queue_jobs(connection.user_id, 'incremental', p_trigger, jsonb_build_array(
        jsonb_build_object('platform', connection.platform, 'connection_id', connection.id, 'entity', 'changes',
                           'priority', -100, 'position', 0)), true);
end $$;

-- accept_platform_event: one delivery, whatever it asks for, in one transaction; a repeat has no effect. What it names
-- is of a shop: each connection of that shop has the effect, whoever's it is, and nobody is told what the platform did
-- not say. Of a shop that nobody connected nothing is kept.
--   p_effect: 'read' (objects of p_kind again), 'gone' (read again, and if they are not there, deleted), 'disconnect',
--             'redact_customer', 'redact_shop', 'request' (for people)
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

drop function private.settle_replayed(uuid,uuid[]);
