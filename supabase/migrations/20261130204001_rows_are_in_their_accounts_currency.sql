-- The rows of one account are in one currency. A currency that was stated and has no hundredths was taken back before, and its rows
-- were called dollars, whatever the account is assumed to be in; a reconnection under another assumption left the older rows.

-- restate_rows: an account counts in another currency from now on, or that one is stated which was assumed: what is here takes
-- it too, by and by. Two currencies in one account would be a guess at which rows are which.
create or replace function private.restate_rows() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.begin_work(new.id, 'restate');
    return null;
end $$;
create trigger restate_rows after update of currency, stated_currency on public.connected_accounts
    for each row when (new.platform = 'printify'
                       and (coalesce(new.stated_currency, new.currency, 'USD'), new.stated_currency is null)
                           is distinct from (coalesce(old.stated_currency, old.currency, 'USD'), old.stated_currency is null))
    execute function private.restate_rows();

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
    perform private.go_on(connection.id, 'restate', 500);
    return (select count(*) from private.unfinished_work where connection_id = connection.id and name = 'restate');
end $$;

-- restate: a batch of rows takes the currency of its account, stated or assumed, by table and key. Answers {rows, after}. The
-- orders come last: with them their costs are counted.
create or replace function private.restate(connection public.connected_accounts, p_after text, p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare tables text[] := array['printify_variants', 'printify_line_items', 'printify_orders'];
        place int := coalesce(nullif(split_part(p_after, ' ', 1), '')::int, 1);
        after text := substr(p_after, strpos(p_after, ' ') + 1); keys text[]; rows_ int := 0;
        code text := coalesce(connection.stated_currency, connection.currency, 'USD');
        assumed boolean := connection.stated_currency is null;
begin
    loop
        execute format('select array(select platform_id from public.%I where connection_id = $1 and platform_id > $2 '
                       'order by platform_id limit $3)', tables[place])
           into keys using connection.id, after, p_limit - rows_;
        execute format('update public.%I set currency = $2, currency_assumed = $3 where connection_id = $1 '
                       'and platform_id = any ($4) and (currency <> $2 or currency_assumed <> $3)', tables[place])
          using connection.id, code, assumed, keys;
        rows_ := rows_ + cardinality(keys);
        exit when rows_ = p_limit or place = cardinality(tables);
        place := place + 1;
        after := '';
    end loop;
    return jsonb_build_object('rows', rows_, 'after', place || ' ' || coalesce(keys[cardinality(keys)], after));
end $$;

-- What stands in two currencies is put into its account's own, in pieces (work.sql).
select private.begin_work(a.id, 'restate') from public.connected_accounts as a
 where a.platform = 'printify' and (
    exists (select from public.printify_variants as r where r.connection_id = a.id
             and (r.currency, r.currency_assumed) is distinct from (coalesce(a.stated_currency, a.currency, 'USD'), a.stated_currency is null))
    or exists (select from public.printify_line_items as r where r.connection_id = a.id
             and (r.currency, r.currency_assumed) is distinct from (coalesce(a.stated_currency, a.currency, 'USD'), a.stated_currency is null))
    or exists (select from public.printify_orders as r where r.connection_id = a.id
             and (r.currency, r.currency_assumed) is distinct from (coalesce(a.stated_currency, a.currency, 'USD'), a.stated_currency is null)));
