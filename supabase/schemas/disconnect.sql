-- A connection ends: on request, and wholly forgotten where the platform asks for it.

-- disconnect_shop: jobs end, tokens go, what was read stays. No other connection is touched, and no other user's of the same
-- shop. Answers the ciphertexts, so that the platform can be told as well, and whether this was the shop's last
-- connection: an app that is taken out of a shop is taken from all who connected it. Null where nothing is connected.
-- Twice is harmless.
create or replace function public.disconnect_shop(p_user_id uuid, p_connection_id uuid, p_reason text default 'you disconnected it',
                                                  p_seller_message text default null)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts; tokens jsonb; job public.sync_jobs;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    select * into connection from public.connected_accounts
     where id = p_connection_id and user_id = p_user_id for update;
    if not found then
        return null;
    end if;
    -- Of two who leave one shop at the same moment one is the last.
    perform pg_advisory_xact_lock(hashtextextended(format('keeper shop %s %s', connection.platform, connection.shop_id), 0));
    delete from private.platform_tokens where connection_id = connection.id
    returning jsonb_build_object('access_token', access_token, 'refresh_token', refresh_token) into tokens;
    update public.connected_accounts set status = 'disconnected', status_reason = p_reason where id = connection.id;
    -- Those in line first, so that ending the head moves nobody up. A worker that holds a lease loses it here.
    for job in select * from public.sync_jobs where connection_id = connection.id
                 and status in ('waiting', 'queued', 'running', 'parked')
               order by (status = 'waiting') desc, position for update loop
        perform private.end_job(job, 'failed', 'disconnected', 'the shop was disconnected', p_seller_message,
                                null);
    end loop;
    return jsonb_build_object('connection_id', connection.id, 'platform', connection.platform, 'shop_id', connection.shop_id, 'tokens', tokens,
        'is_last', not exists (
            select from public.connected_accounts as a where a.platform = connection.platform
               and a.shop_id = connection.shop_id and a.id <> connection.id and a.status <> 'disconnected'));
end $$;
revoke all on function public.disconnect_shop(uuid, uuid, text, text) from public, anon, authenticated;
grant execute on function public.disconnect_shop(uuid, uuid, text, text) to service_role;

-- note_status: since when a connection is as it is.
create or replace function private.note_status() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.status_since := clock_timestamp();
    return new;
end $$;
create trigger note_status before update of status on public.connected_accounts
    for each row when (new.status <> old.status) execute function private.note_status();

-- forget_shop: the connection and everything that belongs to it: by foreign keys, and by forget_connection.
create or replace function private.forget_shop(p_connection_id uuid) returns void
language sql set search_path = '' as $$
    delete from public.connected_accounts where id = p_connection_id;
$$;

-- forget_some: the same in steps of so many rows, for shops that hold more than one statement should delete. Answers
-- whether nothing is left.
create or replace function private.forget_some(p_connection_id uuid, p_rows int) returns boolean
language plpgsql set search_path = '' as $$
declare t text; deleted int; left_ int := p_rows; scopes uuid[] := private.scopes_of(p_connection_id);
begin
    perform private.await_pages(p_connection_id);
    -- Pages first, in steps: with a run go its jobs and certificates, and they have pointed at each other.
    for t in select b.name from private.of_connections as b order by b.name = 'public.sync_pages' desc, b.name desc loop
        execute format('delete from %s where ctid = any (array(select ctid from %1$s where connection_id = any ($1) limit $2))', t)
          using scopes, left_;
        get diagnostics deleted = row_count;
        left_ := left_ - deleted;
        if left_ <= 0 then
            return false;
        end if;
    end loop;
    perform private.forget_shop(p_connection_id);
    return true;
end $$;
