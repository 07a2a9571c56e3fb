-- Callers: who may ask for what, how often, and that a delivery has one effect however often it comes.
-- All of it is for the web process (service_role). The user is the one of a verified token or of a signed delivery.

-- Administrators. A token says nothing about it: the web process asks here at each request.
create table private.admins (
    user_id uuid primary key references public.profiles (user_id) on delete cascade,
    made_at timestamptz not null default clock_timestamp()
);

-- What administrators did. Nothing updates it, and nothing deletes from it but forgetting a user.
create table private.admin_actions (
    id bigint generated always as identity primary key,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    subject_id uuid references public.profiles (user_id) on delete cascade,
    action text not null,
    details jsonb not null default '{}'::jsonb,
    at timestamptz not null default clock_timestamp()
);

-- How often a user did what since the window began.
create table private.turns (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    action text not null,
    began_at timestamptz not null,
    taken int not null,
    primary key (user_id, action)
);

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

-- A consent that has been begun: single-use, bound to user and platform. Only the hash of the state is kept.
create table private.oauth_states (
    state_hash text primary key,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    details jsonb not null default '{}'::jsonb,
    expires_at timestamptz not null
);
create index oauth_states_by_age on private.oauth_states (expires_at);

create function public.is_admin(p_user_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
    return exists (select 1 from private.admins where user_id = p_user_id);
end $$;

-- set_admin: make a user an administrator, or a plain user again; answers false where there is no such user.
create function public.set_admin(p_user_id uuid, p_admin boolean) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        return false;
    end if;
    if p_admin then
        insert into private.admins (user_id) values (p_user_id) on conflict do nothing;
    else
        delete from private.admins where user_id = p_user_id;
    end if;
    return true;
end $$;

-- record_admin_action: before it is done, so that none is without its record.
create function public.record_admin_action(p_user_id uuid, p_action text, p_subject_id uuid, p_details jsonb)
returns bigint language plpgsql security definer set search_path = '' as $$
declare number bigint;
begin
    insert into private.admin_actions (user_id, subject_id, action, details)
    select p_user_id, s.user_id, p_action, p_details from public.profiles as s where s.user_id = p_subject_id
    returning id into number;
    return number;
end $$;

create function public.admin_actions(p_after bigint default 0, p_limit int default 100) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select coalesce(jsonb_agg(to_jsonb(a) order by a.id), '[]')
            from (select * from private.admin_actions where id > p_after order by id limit least(p_limit, 1000)) as a);
end $$;

-- take_turn: whether the user may do this once more in the window; the database's clock alone.
create function public.take_turn(p_user_id uuid, p_action text, p_most int, p_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare turn private.turns; now_ timestamptz := clock_timestamp(); length_ interval := make_interval(secs => p_seconds);
begin
    insert into private.turns as t (user_id, action, began_at, taken)
    select user_id, p_action, now_, 1 from public.profiles where user_id = p_user_id
    on conflict (user_id, action) do update
       set began_at = case when t.began_at + length_ <= now_ then now_ else t.began_at end,
           taken = case when t.began_at + length_ <= now_ then 1 else least(t.taken, p_most) + 1 end
    returning * into turn;
    if turn.user_id is null then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    return jsonb_build_object('allowed', turn.taken <= p_most, 'left', greatest(0, p_most - turn.taken),
        'retry_after_seconds', ceil(extract(epoch from turn.began_at + length_ - now_))::int);
end $$;

-- queue_backfill: queue_jobs, with a start of the history that the new jobs read from. One transaction.
create function public.queue_backfill(p_user_id uuid, p_trigger text, p_jobs jsonb, p_again boolean default false,
                                      p_since timestamptz default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare answer jsonb;
begin
    answer := public.queue_jobs(p_user_id, 'backfill', p_trigger, p_jobs, p_again);
    if p_since is not null then
        update public.sync_jobs set window_start = p_since where run_id = (answer ->> 'run_id')::uuid;
    end if;
    return answer;
end $$;

-- accept_delivery: a signed delivery and the jobs that it asks for, in one transaction; a repeat gets the same answer.
create function public.accept_delivery(p_source text, p_delivery_id text, p_user_id uuid, p_trigger text, p_jobs jsonb)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare told jsonb := jsonb_build_object('run_id', null, 'jobs', '[]'::jsonb);
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
        told := public.queue_jobs(p_user_id, 'backfill', p_trigger, p_jobs, false);
    end if;
    update private.webhook_deliveries set answer = told where source = p_source and delivery_id = p_delivery_id;
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    delete from private.webhook_deliveries where ctid = any (array(
        select ctid from private.webhook_deliveries where received_at < clock_timestamp() - interval '30 days' limit 100));
    return told || jsonb_build_object('repeat', false);
end $$;

create function public.begin_oauth(p_state_hash text, p_user_id uuid, p_platform text, p_details jsonb,
                                   p_seconds int default 600) returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare until timestamptz := clock_timestamp() + make_interval(secs => p_seconds);
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    delete from private.oauth_states where expires_at < clock_timestamp() - interval '1 hour';
    insert into private.oauth_states (state_hash, user_id, platform, details, expires_at)
    values (p_state_hash, p_user_id, p_platform, p_details, until);
    return until;
end $$;

-- finish_oauth: what was begun with this state by this user for this platform; once. Null for everything else.
create function public.finish_oauth(p_state_hash text, p_user_id uuid, p_platform text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare found_ private.oauth_states;
begin
    delete from private.oauth_states
     where state_hash = p_state_hash and user_id = p_user_id and platform = p_platform
    returning * into found_;
    if found_.expires_at > clock_timestamp() then
        return found_.details;
    end if;
    return null;
end $$;

-- disconnect_account: jobs end, tokens go, the shop stays pinned. Answers the ciphertexts, so that the platform can be
-- told as well; null where nothing is connected. Twice is harmless.
create function public.disconnect_account(p_user_id uuid, p_platform text, p_reason text default 'you disconnected it')
returns jsonb language plpgsql security definer set search_path = '' as $$
declare account public.connected_accounts; tokens jsonb; job public.sync_jobs;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    select * into account from public.connected_accounts
     where user_id = p_user_id and platform = p_platform for update;
    if not found then
        return null;
    end if;
    delete from private.platform_tokens where account_id = account.id
    returning jsonb_build_object('access_token', access_token, 'refresh_token', refresh_token) into tokens;
    update public.connected_accounts set status = 'disconnected', status_reason = p_reason where id = account.id;
    -- Those in line first, so that ending the head moves nobody up. A worker that holds a lease loses it here.
    for job in select * from public.sync_jobs where account_id = account.id
                 and status in ('waiting', 'queued', 'running', 'parked')
               order by (status = 'waiting') desc, position for update loop
        perform private.end_job(job, 'failed', 'disconnected', 'the shop was disconnected',
                                'You disconnected this shop. Connect it again to go on.', null);
    end loop;
    return jsonb_build_object('account_id', account.id, 'shop_id', account.shop_id, 'tokens', tokens);
end $$;

-- backfill_statuses: the status of many users at once, for those who watch.
create function public.backfill_statuses(p_user_ids uuid[]) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select coalesce(jsonb_object_agg(id, public.backfill_status(id)), '{}') from unnest(p_user_ids) as id);
end $$;

-- connections: what a user connected, how fresh it is, and what it waits for.
create function public.connections(p_user_id uuid) returns jsonb
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

-- user_by_email: for the development login of the embedded stack.
create function public.user_by_email(p_email text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select id from auth.users where email = lower(p_email) limit 1);
end $$;

do $$
declare f regprocedure;
begin
    foreach f in array array[
        'public.is_admin(uuid)', 'public.set_admin(uuid, boolean)',
        'public.record_admin_action(uuid, text, uuid, jsonb)', 'public.admin_actions(bigint, int)',
        'public.take_turn(uuid, text, int, int)', 'public.queue_backfill(uuid, text, jsonb, boolean, timestamptz)',
        'public.accept_delivery(text, text, uuid, text, jsonb)', 'public.begin_oauth(text, uuid, text, jsonb, int)',
        'public.finish_oauth(text, uuid, text)', 'public.disconnect_account(uuid, text, text)',
        'public.backfill_statuses(uuid[])', 'public.connections(uuid)', 'public.user_by_email(text)']::regprocedure[]
    loop
        execute format('revoke all on function %s from public, anon, authenticated', f);
        execute format('grant execute on function %s to service_role', f);
    end loop;
end $$;
