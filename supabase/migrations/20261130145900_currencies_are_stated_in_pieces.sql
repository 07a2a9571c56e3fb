-- Where changes of several branches met: a currency that is stated is refused without hundredths, and goes on in pieces.

-- state_currency: the owner says in which currency the shop counts; rows that are there already take it too, in steps
-- (work.sql). Answers how much of such work is left.
create or replace function public.state_currency(p_user_id uuid, p_connection_id uuid, p_currency text) returns int
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts;
begin
    if not exists (select 1 from private.currencies as c where c.code = p_currency) then
        raise exception using errcode = 'PT422', message = 'unknown_currency', detail = p_currency;
    end if;
    -- What comes are hundredths. What those would be of a currency that has none, or whose smallest unit is another, nobody says.
    if private.digits_of(p_currency) <> 2 then
        raise exception using errcode = 'PT422', message = 'currency_without_hundredths', detail = p_currency;
    end if;
    connection := private.connection_of(p_user_id, p_connection_id);
    update public.connected_accounts set stated_currency = p_currency where id = connection.id;
    if connection.platform = 'printify' then
        perform private.begin_work(connection.id, 'restate');
        perform private.go_on(connection.id, 'restate', 500);
    end if;
    return (select count(*) from private.unfinished_work where connection_id = connection.id and name = 'restate');
end $$;
