-- Cents are told in no currency that has none. What was stated or assumed before in such a currency is assumed to be dollars,
-- as it is where nobody has said anything.


-- state_currency: the owner says in which currency the shop counts; rows that are there already take it too. Answers
-- how many orders changed.
create or replace function public.state_currency(p_user_id uuid, p_connection_id uuid, p_currency text) returns int
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare connection public.connected_accounts; t text; changed int := 0;
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
        foreach t in array array['printify_variants', 'printify_line_items', 'printify_orders'] loop
            execute format('update public.%I set currency = $2, currency_assumed = false '
                           'where connection_id = $1 and (currency <> $2 or currency_assumed)', t)
                using connection.id, p_currency;
            get diagnostics changed = row_count;
        end loop;
    end if;
    return changed;
end $$;

with hundredths as (select array_agg(code) as codes from private.currencies where digits = 2)
update public.connected_accounts as a
   set stated_currency = case when a.stated_currency = any (h.codes) then a.stated_currency end,
       currency = case when a.currency = any (h.codes) then a.currency end
  from hundredths as h
 where a.platform = 'printify' and not (coalesce(a.stated_currency, 'USD') = any (h.codes) and coalesce(a.currency, 'USD') = any (h.codes));
update public.printify_variants set currency = 'USD', currency_assumed = true
 where currency not in (select code from private.currencies where digits = 2);
update public.printify_line_items set currency = 'USD', currency_assumed = true
 where currency not in (select code from private.currencies where digits = 2);
update public.printify_orders set currency = 'USD', currency_assumed = true
 where currency not in (select code from private.currencies where digits = 2);
