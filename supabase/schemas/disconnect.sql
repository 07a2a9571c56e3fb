-- A connection ends: on request, and wholly forgotten where the platform asks for it.

-- disconnect_shop: jobs end, tokens go, what was read stays. No other shop is touched. Answers the ciphertexts, so that the platform can be
-- told as well; null where nothing is connected. Twice is harmless.
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
    return jsonb_build_object('connection_id', connection.id, 'platform', connection.platform, 'shop_id', connection.shop_id, 'tokens', tokens);
end $$;
revoke all on function public.disconnect_shop(uuid, uuid, text, text) from public, anon, authenticated;
grant execute on function public.disconnect_shop(uuid, uuid, text, text) to service_role;

-- forget_shop: the connection and everything that belongs to it: by foreign keys, and by forget_connection.
create or replace function private.forget_shop(p_connection_id uuid) returns void
language sql set search_path = '' as $$
    delete from public.connected_accounts where id = p_connection_id;
$$;
