-- Deliveries: each has one effect however often it comes. What platforms' webhooks tell is which object changed: the
-- body is not believed; a job reads the object again by id.

-- Deliveries that were accepted, with the answer that a repeat gets.
create table private.webhook_deliveries (
    source text not null,
    delivery_id text not null,
    user_id uuid references public.profiles (user_id) on delete cascade,
    received_at timestamptz not null default clock_timestamp(),
    answer jsonb,
    primary key (source, delivery_id)
);
create index webhook_deliveries_by_age on private.webhook_deliveries (received_at);

create table private.platform_events (
    id bigint generated always as identity primary key,
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    -- The stream whose record it is, and the record's id there.
    kind text not null,
    object_id text not null,
    topic text not null,
    received_at timestamptz not null default clock_timestamp(),
    worked_at timestamptz,
    -- The delivery says that the object was deleted. Believed once it was asked for, and not there (close_gone).
    says_gone boolean not null default false
);
-- One waiting event an object: what came twice is read once.
create unique index platform_events_waiting on private.platform_events (connection_id, kind, object_id)
    where worked_at is null;
create index platform_events_of_shop on private.platform_events (connection_id, received_at);
create index platform_events_by_age on private.platform_events (worked_at) where worked_at is not null;

-- accept_delivery: a signed delivery and the jobs that it asks for, in one transaction; a repeat gets the same answer.
create or replace function public.accept_delivery(p_source text, p_delivery_id text, p_user_id uuid, p_trigger text, p_jobs jsonb)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare result jsonb := jsonb_build_object('run_ids', '[]'::jsonb, 'jobs', '[]'::jsonb);
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    -- A repeat that comes while the first is under way waits here for its end.
    insert into private.webhook_deliveries (source, delivery_id, user_id) values (p_source, p_delivery_id, p_user_id)
    on conflict do nothing;
    if not found then
        return (select answer || jsonb_build_object('repeat', true) from private.webhook_deliveries
                where source = p_source and delivery_id = p_delivery_id);
    end if;
    if jsonb_array_length(p_jobs) > 0 then
        result := public.queue_jobs(p_user_id, 'backfill', p_trigger, p_jobs, false);
    end if;
    update private.webhook_deliveries set answer = result where source = p_source and delivery_id = p_delivery_id;
    return result || jsonb_build_object('repeat', false);
end $$;
revoke all on function public.accept_delivery(text, text, uuid, text, jsonb) from public, anon, authenticated;
grant execute on function public.accept_delivery(text, text, uuid, text, jsonb) to service_role;

-- pending_changes: objects of one kind that wait to be read, in order.
create or replace function private.pending_changes(job public.sync_jobs, p_kind text, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select object_id from private.platform_events
    where connection_id = job.connection_id and kind = p_kind and worked_at is null
      and object_id > p_after
    order by object_id limit p_limit;
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
create trigger events_worked after update of status on public.sync_jobs
    for each row when (new.status in ('completed', 'completed_with_rejects') and new.entity = 'changes'
                          and old.finished_at is null)
    execute function private.events_worked();

-- close_gone: of these objects, for which a job has just asked, the platform showed none; those that a delivery said to be
-- deleted are, and are answered. Of all others nobody said so: they stay as they are. A page that was fetched before
-- brings nothing back.
create or replace function public.close_gone(p_lease_id uuid, p_kind text, p_table text, p_object_ids text[]) returns text[]
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); gone text[];
begin
    select coalesce(array_agg(e.object_id order by e.object_id), '{}') into gone from private.platform_events as e
     where e.connection_id = job.connection_id and e.kind = p_kind and e.object_id = any (p_object_ids)
       and e.says_gone and e.worked_at is null;
    if gone = '{}' then
        return gone;
    end if;
    if not exists (select from pg_catalog.pg_trigger where tgrelid = format('public.%I', p_table)::regclass
                                                       and tgname = 'keep_gone_' || job.platform) then
        raise exception using errcode = 'PT400', message = 'table_not_closed_by_events', detail = p_table,
            hint = 'Name it with private.closed_by_events in the platform''s schema file.';
    end if;
    insert into private.closed_objects as c (connection_id, table_name, object_id, gone_at)
    select job.connection_id, p_table, o.named, clock_timestamp() from unnest(gone) as o (named)
    on conflict (connection_id, table_name, object_id) do update set gone_at = excluded.gone_at;
    perform private.mark_gone(job.connection_id, job.run_id, p_table, '{}', gone);
    return gone;
end $$;
revoke all on function public.close_gone(uuid, text, text, text[]) from public, anon, authenticated;
grant execute on function public.close_gone(uuid, text, text, text[]) to service_role;

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
revoke all on function
    public.accept_platform_event(text, text, text, text, text, text, text[], timestamptz, jsonb, text, text)
    from public, anon, authenticated;
grant execute on function
    public.accept_platform_event(text, text, text, text, text, text, text[], timestamptz, jsonb, text, text)
    to service_role;
