-- A connection ends: on request, and wholly forgotten where the platform asks for it.

-- disconnect_account: jobs end, tokens go, the shop stays pinned. Answers the ciphertexts, so that the platform can be
-- told as well; null where nothing is connected. Twice is harmless.
create or replace function public.disconnect_account(p_user_id uuid, p_platform text, p_reason text default 'you disconnected it')
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
revoke all on function public.disconnect_account(uuid, text, text) from public, anon, authenticated;
grant execute on function public.disconnect_account(uuid, text, text) to service_role;

-- forget_shop: everything of one platform of a user, and the connection itself.
create or replace function private.forget_shop(p_user_id uuid, p_platform text) returns void
language plpgsql set search_path = '' as $$
declare t record;
begin
    delete from private.platform_events where user_id = p_user_id and platform = p_platform;
    delete from private.closed_objects where user_id = p_user_id and platform = p_platform;
    delete from public.sync_jobs where user_id = p_user_id and platform = p_platform;
    for t in select c.relname from pg_catalog.pg_class as c
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
               and c.relname not in ('connected_accounts', 'sync_jobs')
               and 2 = (select count(*) from pg_catalog.pg_attribute as a
                        where a.attrelid = c.oid and a.attname in ('user_id', 'platform') and not a.attisdropped)
             order by c.relname loop
        execute format('delete from public.%I where user_id = $1 and platform = $2', t.relname)
            using p_user_id, p_platform;
    end loop;
    delete from public.connected_accounts where user_id = p_user_id and platform = p_platform;
end $$;
