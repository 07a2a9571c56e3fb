-- Obligations: what a platform's privacy law asks of us. What can be done at once is; the rest waits here where people and
-- alarms see it (docs/decisions/025). A delivery alone erases no shop: its topic is a header that nothing signs.

create table private.privacy_requests (
    id bigint generated always as identity primary key,
    -- Null once the account is gone; the request and how it was settled stay (docs/decisions/028).
    user_id uuid references public.profiles (user_id) on delete set null,
    -- Which of the shop's connections it is about. No foreign key: that it was erased is told after it was.
    connection_id uuid,
    platform text not null,
    shop_id text not null,
    topic text not null,
    effect text not null default 'request' check (effect in ('request', 'redact_customer', 'redact_shop')),
    subject jsonb not null default '{}'::jsonb,
    received_at timestamptz not null default clock_timestamp(),
    done_at timestamptz,
    -- How it was settled: 'erased', 'nothing was held', or in people's words.
    outcome text
);
create index privacy_requests_open on private.privacy_requests (received_at) where done_at is null;
create index privacy_requests_done on private.privacy_requests (done_at) where done_at is not null;
create index privacy_requests_of_user on private.privacy_requests (user_id);

-- erasure_after: how long a shop must have been away before it may be erased. Platforms ask for it two days after a shop
-- has left; whoever ends a connection and asks for it at once is no platform.
create or replace function private.erasure_after() returns interval
language sql immutable set search_path = '' as $$ select interval '40 hours' $$;

-- is_left: whether we know by ourselves that the shop has left: its connection ended long enough ago, or its platform
-- takes our token no more.
create or replace function private.is_left(connection public.connected_accounts) returns boolean
language sql stable set search_path = '' as $$
    select connection.status = 'reconnect_needed'
        or (connection.status = 'disconnected'
            and connection.status_since <= clock_timestamp() - private.erasure_after());
$$;

-- settle: an obligation is done. Whom it was about is told no longer.
create or replace function private.settle(p_id bigint, p_outcome text) returns void
language sql set search_path = '' as $$
    update private.privacy_requests set done_at = clock_timestamp(), outcome = left(p_outcome, 500), subject = '{}'
     where id = p_id and done_at is null;
$$;

-- leave_records: an account goes, and all that it held: whatever was asked about its shops is done by that. The records
-- stay, without anything that says whose they were.
create or replace function private.leave_records() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.settle(r.id, 'erased with the account') from private.privacy_requests as r where r.user_id = old.user_id;
    update private.privacy_requests
       set connection_id = null, shop_id = private.pseudonym(platform || ':' || shop_id), subject = '{}'
     where user_id = old.user_id;
    update private.admin_actions set details = details - 'shop_id' where subject_id = old.user_id and details ? 'shop_id';
    return old;
end $$;
create trigger leave_records before delete on public.profiles
    for each row execute function private.leave_records();

-- oblige: keep what is asked of a connection, and do what can be done now.
create or replace function private.oblige(connection public.connected_accounts, p_topic text, p_effect text, p_ids text[],
                                          p_subject jsonb, p_email text) returns void
language plpgsql set search_path = '' as $$
declare request private.privacy_requests;
begin
    -- The same once more, while the first waits, is the same.
    select * into request from private.privacy_requests as r
     where r.connection_id = connection.id and r.effect = p_effect and r.subject = p_subject and r.done_at is null limit 1;
    if not found then
        insert into private.privacy_requests (user_id, connection_id, platform, shop_id, topic, effect, subject)
        values (connection.user_id, connection.id, connection.platform, connection.shop_id, p_topic, p_effect, p_subject)
        returning * into request;
    end if;
    if p_effect = 'redact_customer' then
        -- Of somebody whom we cannot find people have to make sure.
        if private.erase_buyer(connection, p_ids, p_email, private.orders_named(p_subject), false) then
            perform private.settle(request.id, 'erased');
        end if;
    elsif p_effect = 'redact_shop' then
        perform private.erase_left(request.id, 1000);
    end if;
end $$;

-- orders_named: the orders that a platform wants forgotten with their buyer.
create or replace function private.orders_named(p_subject jsonb) returns text[]
language sql immutable set search_path = '' as $$
    select coalesce(array_agg(o #>> '{}'), '{}')
    from jsonb_array_elements(case when jsonb_typeof(p_subject -> 'orders_to_redact') = 'array'
                                   then p_subject -> 'orders_to_redact' else '[]' end) as o;
$$;

-- erase_left: carry an erasure of a shop on by so many rows, once the shop has left. Answers whether it is settled. One
-- that is connected is never erased, nor one that came back in the middle.
create or replace function private.erase_left(p_request_id bigint, p_rows int) returns boolean
language plpgsql set search_path = '' as $$
declare connection public.connected_accounts; request private.privacy_requests;
begin
    select * into request from private.privacy_requests where id = p_request_id and done_at is null;
    select * into connection from public.connected_accounts where id = request.connection_id for update;
    if request.id is null or connection.id is not null and not private.is_left(connection) then
        return false;
    end if;
    if connection.id is null or private.forget_some(connection.id, p_rows) then
        -- With the shop goes whatever else was asked about it.
        perform private.settle(r.id, case when connection.id is null then 'nothing was held' else 'erased' end)
           from private.privacy_requests as r where r.connection_id = request.connection_id and r.done_at is null;
        return true;
    end if;
    return false;
end $$;

-- erase_shops: what the clock does about shops that have left: a step of the one that has waited longest.
create or replace function private.erase_shops(p_rows int) returns int
language plpgsql set search_path = '' as $$
declare request bigint; settled int := 0;
begin
    for request in select r.id from private.privacy_requests as r
                    left join public.connected_accounts as a on a.id = r.connection_id
                   where r.done_at is null and r.effect = 'redact_shop' and (a.id is null or private.is_left(a))
                   order by r.received_at limit 1 loop
        settled := settled + private.erase_left(request, p_rows)::int;
    end loop;
    return settled;
end $$;

-- open_obligations: how many, and how old the oldest is: for metrics and alarms.
create or replace function private.open_obligations() returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('open', count(*), 'oldest_seconds',
                              coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0))
    from (select received_at from private.privacy_requests where done_at is null order by received_at limit 10000) as r;
$$;

-- erase_connection: its user wants it gone, with all that was loaded: a step of so many rows. Answers whether nothing is
-- left. Only of a shop that is disconnected.
create or replace function public.erase_connection(p_user_id uuid, p_connection_id uuid, p_rows int default 2000)
returns boolean language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts;
begin
    select * into connection from public.connected_accounts
     where id = p_connection_id and user_id = p_user_id for update;
    if not found then
        return true;
    end if;
    if connection.status <> 'disconnected' then
        raise exception using errcode = 'PT409', message = 'still_connected', hint = 'Disconnect the shop first.';
    end if;
    if not private.forget_some(p_connection_id, p_rows) then
        return false;
    end if;
    perform private.settle(r.id, 'erased')
       from private.privacy_requests as r where r.connection_id = p_connection_id and r.done_at is null;
    return true;
end $$;
revoke all on function public.erase_connection(uuid, uuid, int) from public, anon, authenticated;
grant execute on function public.erase_connection(uuid, uuid, int) to service_role;

-- obligations: what is open, the oldest first, with what each waits for; all with those that were settled.
create or replace function public.obligations(p_all boolean default false) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'id', r.id, 'user_id', r.user_id, 'connection_id', r.connection_id, 'platform', r.platform,
                   'shop_id', r.shop_id, 'topic', r.topic, 'effect', r.effect, 'subject', r.subject,
                   'received_at', r.received_at, 'done_at', r.done_at, 'outcome', r.outcome,
                   'age_days', floor(extract(epoch from coalesce(r.done_at, clock_timestamp()) - r.received_at) / 86400)::int,
                   'waits_for', case when r.done_at is not null then null
                                     when r.effect <> 'redact_shop' then 'people'
                                     when a.status = 'connected' then 'shop_is_connected'
                                     when a.status = 'disconnected' and not private.is_left(a) then 'forty_hours'
                                     else 'clock' end)
               order by r.received_at, r.id), '[]')
        from private.privacy_requests as r left join public.connected_accounts as a on a.id = r.connection_id
        where p_all or r.done_at is null);
end $$;
revoke all on function public.obligations(boolean) from public, anon, authenticated;
grant execute on function public.obligations(boolean) to service_role;

-- settle_obligation: people have done what was asked, and say how. Answers false where nothing of that number is open.
create or replace function public.settle_obligation(p_id bigint, p_outcome text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    perform 1 from private.privacy_requests where id = p_id and done_at is null for update;
    if not found then
        return false;
    end if;
    perform private.settle(p_id, p_outcome);
    return true;
end $$;
revoke all on function public.settle_obligation(bigint, text) from public, anon, authenticated;
grant execute on function public.settle_obligation(bigint, text) to service_role;
