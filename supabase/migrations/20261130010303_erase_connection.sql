-- A seller may erase a shop that is disconnected, with all that was loaded.

-- erase_connection: its user wants it gone, with all that was loaded: a step of so many rows. Answers whether nothing is
-- left. Only of a shop that is disconnected.
create or replace function public.erase_connection(p_user_id uuid, p_connection_id uuid, p_rows int default 20000)
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
