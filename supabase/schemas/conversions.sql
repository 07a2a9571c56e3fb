-- Conversions: the named ways from a JSON value to a typed column. A value that is not what it should be raises PT422 or a
-- data exception: its record lands without that member, or where it is essential is rejected (readable.sql).
--
-- The usual case of each is a function of SQL without settings of its own: the planner puts it into the mapping itself, so
-- that it costs no call (docs/decisions/023). None may be strict, or be declared stabler than what it holds: it would be
-- called instead. What is named `_exact`, `bad_` or `wrong_` is called for the unusual case.

-- wrong_type: refuse a value that is not of the type it should be.
create or replace function private.wrong_type(p_value jsonb, p_path text, p_wanted text) returns text
language plpgsql immutable set search_path = '' as $$
begin
    if p_value is null or p_value = 'null' then
        return null;
    end if;
    raise exception using errcode = 'PT422', message = format('%s: %s where %s is due', p_path,
        jsonb_typeof(p_value), p_wanted);
end $$;

-- text_in: the text of a member that is a string or a number; null is null, all else an error.
create or replace function private.text_in(p_of jsonb, p_name text, p_path text) returns text
language sql immutable as $$
    select case jsonb_typeof(p_of -> p_name)
        when 'string' then p_of ->> p_name when 'number' then p_of ->> p_name when 'null' then null
        else private.wrong_type(p_of -> p_name, p_path, 'text') end;
$$;

-- string_in: the text of a member that is a string.
create or replace function private.string_in(p_of jsonb, p_name text, p_path text, p_wanted text) returns text
language sql immutable as $$
    select case jsonb_typeof(p_of -> p_name) when 'string' then p_of ->> p_name when 'null' then null
        else private.wrong_type(p_of -> p_name, p_path, p_wanted) end;
$$;

-- bad_epoch: times are whole Unix seconds. A number of milliseconds lies beyond the year 9999 and comes here.
create or replace function private.bad_epoch(p_seconds bigint) returns timestamptz
language plpgsql immutable strict set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s is no time in Unix seconds', p_seconds);
end $$;

-- epoch: whole Unix seconds, up to the end of the year 9999.
create or replace function private.epoch(p_seconds bigint) returns timestamptz
language sql immutable as $$
    select case when p_seconds between 0 and 253402300799 then to_timestamp(p_seconds) else private.bad_epoch(p_seconds) end;
$$;

-- bad_time: refuse a text that is no ISO 8601 time.
create or replace function private.bad_time(p_value text, p_path text) returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s: %s is no time with its offset', p_path, p_value);
end $$;

-- moment: ISO 8601 with its offset, a T or a space before the hour. Words that Postgres would take for a time ("now",
-- "infinity"), and times without an offset, are none.
create or replace function private.moment(p_value text, p_path text) returns timestamptz
language sql stable as $$
    select case when p_value ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then p_value::timestamptz
                when p_value is not null then private.bad_time(p_value, p_path) end;
$$;

-- readable_moment: the same of a text that may be anything: what is no time is unknown, and stops nobody. What reads a
-- record again by its own times asks so; a record that lands is asked by `moment`.
create or replace function private.readable_moment(p_value text) returns timestamptz
language sql stable as $$
    select case when p_value !~ ('^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d'
                                 '(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):?[0-5]\d)$')
                  or p_value ~ '^\d{4}-(02-3|(02|04|06|09|11)-31)' then null
                when p_value ~ '^\d{4}-02-29'
                 and not (left(p_value, 4)::int % 4 = 0 and (left(p_value, 4)::int % 100 <> 0 or left(p_value, 4)::int % 400 = 0))
                then null
                else p_value::timestamptz end;
$$;

-- bad_gid: refuse a text that is no global id of GraphQL.
create or replace function private.bad_gid(p_value text, p_path text) returns text
language plpgsql immutable set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s: %s is no GraphQL id', p_path, p_value);
end $$;

-- members_of: an object with these of its members alone, or a list of such; an empty object in place of anything else.
create or replace function private.members_of(v jsonb, p_names text[]) returns jsonb
language sql immutable set search_path = '' as $$
    select case jsonb_typeof(v)
        when 'array' then (select coalesce(jsonb_agg(private.members_of(e, p_names)), '[]') from jsonb_array_elements(v) as e)
        when 'object' then (select coalesce(jsonb_object_agg(name, v -> name), '{}') from unnest(p_names) as name
                            where jsonb_typeof(v -> name) <> 'null')
        else '{}' end;
$$;

-- gid_tail: what a GraphQL id ends with: gid://shopify/Order/1 is 1; null where it is no such id.
create or replace function private.gid_tail(p_value text) returns text
language sql immutable as $$
    select substring(p_value from '^gid://[^/]+/[^/]+/([^/?]+)');
$$;

-- gid: what a GraphQL id ends with; what is no such id is an error.
create or replace function private.gid(p_value text, p_path text) returns text
language sql immutable as $$
    select case when p_value is not null then coalesce(private.gid_tail(p_value), private.bad_gid(p_value, p_path)) end;
$$;

-- digits_of: the digits of a currency's smallest unit. A code that is not listed counts in millionths: a currency that
-- nobody here has heard of is no reason to lose money (execution/currencies.py).
create or replace function private.digits_of(p_currency text) returns int
language sql stable set search_path = '' as $$
    select coalesce((select c.digits from private.currencies as c where c.code = p_currency), 6);
$$;

-- minor_units: a fraction of whole numbers as a whole number of the currency's smallest unit, or an error. Never a
-- float, never rounded: `numeric` divides large numbers inexactly, so nothing is divided before it is known to go.
create or replace function private.minor_units(p_value numeric, p_divisor numeric, p_currency text, p_path text)
returns bigint
language plpgsql stable set search_path = '' as $$
declare units numeric;
begin
    if p_value is null then
        return null;
    end if;
    if coalesce(p_currency, '') = '' then
        raise exception using errcode = 'PT422', message = format('%s: money of no currency', p_path);
    end if;
    if p_value in ('NaN', 'Infinity', '-Infinity') then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_value);
    end if;
    units := p_value * (10 ^ private.digits_of(p_currency))::int;
    if mod(units, p_divisor) <> 0 then
        raise exception using errcode = 'PT422', hint = 'finer', message = format(
            '%s: %s %s is no whole number of its smallest unit', p_path, trim_scale(p_value / p_divisor), p_currency);
    end if;
    return div(units, p_divisor)::bigint;
end $$;

-- money_exact: {amount, divisor, currency_code}, where the divisor is not the currency's own. The fast path, divisor
-- as expected, stands in the generated mapping.
create or replace function private.money_exact(p_money jsonb, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
begin
    -- What could not be read was blanked, and is said elsewhere (readable.sql).
    if p_money is null or p_money = 'null' or p_money ? 'keeper_unreadable' then
        return null;
    end if;
    if jsonb_typeof(p_money) <> 'object' then
        perform private.wrong_type(p_money, p_path, 'money');
    end if;
    if (p_money ->> 'currency_code') is distinct from p_currency then
        raise exception using errcode = 'PT422', message = format('%s is in %s, the record in %s', p_path,
            coalesce(p_money ->> 'currency_code', 'no currency'), coalesce(p_currency, 'none'));
    end if;
    if coalesce(p_money ->> 'amount', '') = '' or coalesce(p_money ->> 'divisor', '') !~ '^[1-9][0-9]{0,17}$' then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_money);
    end if;
    return private.minor_units((p_money ->> 'amount')::bigint, (p_money ->> 'divisor')::bigint, p_currency, p_path);
end $$;

-- money: {amount, divisor, currency_code} in the record's currency, with that currency's own divisor.
create or replace function private.money(p_money jsonb, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_money ->> 'currency_code' = (c).code and p_money ->> 'divisor' = (c).divisor
        then coalesce((p_money ->> 'amount')::bigint, private.money_exact(p_money, p_currency, p_path))
        when jsonb_typeof(p_money) = 'null' then null else private.money_exact(p_money, p_currency, p_path) end;
$$;

-- major_exact: a decimal in major units. JSON floats carry noise far below the smallest unit (3.8000000000000003):
-- noise is cut, a real fraction is an error.
create or replace function private.major_exact(p_value numeric, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
declare rounded numeric := round(p_value, 6);
begin
    if abs(rounded - p_value) > 0.0000001 then
        rounded := p_value;
    end if;
    return private.minor_units(rounded, 1, p_currency, p_path);
end $$;

-- major: a decimal in major units without a fraction of the smallest one.
create or replace function private.major(p_value numeric, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_value * (c).scale = trunc(p_value * (c).scale) then (p_value * (c).scale)::bigint
        else private.major_exact(p_value, p_currency, p_path) end;
$$;

-- hundredths_exact: a bare integer that counts 1/100 of the currency, whatever its own smallest unit is.
create or replace function private.hundredths_exact(p_value bigint, p_currency text, p_path text) returns bigint
language sql stable set search_path = '' as $$
    select private.minor_units(p_value, 100, p_currency, p_path);
$$;

-- hundredths: a bare integer that counts 1/100 of a currency, where that is its smallest unit.
create or replace function private.hundredths(p_value bigint, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when (c).digits = 2 then p_value else private.hundredths_exact(p_value, p_currency, p_path) end;
$$;

-- decimal_money_exact: {amount, currencyCode} whose amount is text in major units ("55.0"), of another currency than
-- the record's or with more digits than the currency has.
create or replace function private.decimal_money_exact(p_money jsonb, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
begin
    -- What could not be read was blanked, and is said elsewhere (readable.sql).
    if p_money is null or p_money = 'null' or p_money ? 'keeper_unreadable' then
        return null;
    end if;
    if jsonb_typeof(p_money) <> 'object' then
        perform private.wrong_type(p_money, p_path, 'money');
    end if;
    if coalesce(p_money ->> 'currencyCode', p_currency) is distinct from p_currency then
        raise exception using errcode = 'PT422', message = format('%s is in %s, the record in %s', p_path,
            p_money ->> 'currencyCode', coalesce(p_currency, 'none'));
    end if;
    if coalesce(p_money ->> 'amount', '') !~ '^-?\d{1,18}(\.\d{1,18})?$' then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_money);
    end if;
    return private.minor_units((p_money ->> 'amount')::numeric, 1, p_currency, p_path);
end $$;

-- decimal_money: {amount: "55.0", currencyCode} in the record's currency, which is meant where none is named.
create or replace function private.decimal_money(p_money jsonb, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_money is null or jsonb_typeof(p_money) = 'null' then null
        when coalesce(p_money ->> 'currencyCode', (c).code) = (c).code
         and (p_money ->> 'amount')::numeric * (c).scale = trunc((p_money ->> 'amount')::numeric * (c).scale)
        then ((p_money ->> 'amount')::numeric * (c).scale)::bigint
        else private.decimal_money_exact(p_money, p_currency, p_path) end;
$$;

-- own_money: the same in a currency of its own.
create or replace function private.own_money(p_money jsonb, p_path text) returns bigint
language sql stable as $$
    select private.decimal_money_exact(p_money, coalesce(p_money ->> 'currencyCode', p_money ->> 'currency_code'), p_path);
$$;

-- joined_texts: a list of texts as one, ', ' between them.
create or replace function private.joined_texts(p_value jsonb, p_path text) returns text
language plpgsql immutable set search_path = '' as $$
begin
    if p_value is null or p_value = 'null' then
        return null;
    end if;
    if jsonb_typeof(p_value) <> 'array' then
        perform private.wrong_type(p_value, p_path, 'a list of texts');
    end if;
    return (select string_agg(t, ', ' order by ord) from jsonb_array_elements_text(p_value) with ordinality as e(t, ord));
end $$;

-- sum_exact: of a list of objects the money that stands at `p_each` in them, added up. A currency is theirs where none is meant.
create or replace function private.sum_exact(p_list jsonb, p_each text[], p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
declare meant text := coalesce(p_currency, p_list #>> (array['0'] || p_each || array['currencyCode']));
begin
    if jsonb_typeof(p_list) <> 'array' then
        perform private.wrong_type(p_list, p_path, 'a list of amounts');
    end if;
    -- One amount that is not there leaves the sum unknown.
    return (select case when count(*) = count(m.amount) then sum(m.amount) end
            from jsonb_array_elements(p_list) as e,
                 lateral (select private.decimal_money_exact(e #> p_each, meant, p_path) as amount) as m);
end $$;

-- sum_of: the same in the record's currency; of an empty list nothing, which is known.
create or replace function private.sum_of(p_list jsonb, p_each text[], c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_list is null or jsonb_typeof(p_list) = 'null' then null when p_list = '[]' then 0
        else private.sum_exact(p_list, p_each, p_currency, p_path) end;
$$;

-- own_sum_of: the same in the currency of the list itself; of an empty list nobody knows.
create or replace function private.own_sum_of(p_list jsonb, p_each text[], p_path text) returns bigint
language sql stable as $$
    select case when p_list is null or jsonb_typeof(p_list) = 'null' or p_list = '[]' then null
        else private.sum_exact(p_list, p_each, null, p_path) end;
$$;

-- minor_money_exact: {amount, currency} whose amount is a whole number of the smallest unit. An amount of no currency is in the
-- record's; one that is not told is unknown.
create or replace function private.minor_money_exact(p_money jsonb, p_currency text, p_path text) returns bigint
language plpgsql immutable set search_path = '' as $$
begin
    -- What could not be read was blanked, and is said elsewhere (readable.sql).
    if p_money is null or p_money = 'null' or p_money ? 'keeper_unreadable' then
        return null;
    end if;
    if jsonb_typeof(p_money) <> 'object' then
        perform private.wrong_type(p_money, p_path, 'money');
    end if;
    if coalesce(p_money ->> 'currency', p_currency) is distinct from p_currency then
        raise exception using errcode = 'PT422', message = format('%s is in %s, the record in %s', p_path,
            p_money ->> 'currency', coalesce(p_currency, 'none'));
    end if;
    if p_money ->> 'amount' !~ '^-?\d{1,18}$' then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_money);
    end if;
    return (p_money ->> 'amount')::bigint;
end $$;

-- minor_money: the same; its currency is the record's.
create or replace function private.minor_money(p_money jsonb, p_currency text, p_path text) returns bigint
language sql immutable as $$
    select case when p_money is null then null
        when p_money ->> 'currency' = p_currency and p_money ->> 'amount' ~ '^-?\d{1,18}$' then (p_money ->> 'amount')::bigint
        else private.minor_money_exact(p_money, p_currency, p_path) end;
$$;

-- minor_sum_exact: of a list of objects such money, added up.
create or replace function private.minor_sum_exact(p_list jsonb, p_each text[], p_currency text, p_path text) returns bigint
language plpgsql immutable set search_path = '' as $$
begin
    if jsonb_typeof(p_list) <> 'array' then
        perform private.wrong_type(p_list, p_path, 'a list of amounts');
    end if;
    -- One amount that is not there leaves the sum unknown.
    return (select case when count(*) = count(m.amount) then sum(m.amount) end
            from jsonb_array_elements(p_list) as e,
                 lateral (select private.minor_money_exact(e #> p_each, p_currency, p_path) as amount) as m);
end $$;

-- minor_sum_of: the same; of none nobody knows.
create or replace function private.minor_sum_of(p_list jsonb, p_each text[], p_currency text, p_path text) returns bigint
language sql immutable as $$
    select case when p_list is null or jsonb_typeof(p_list) = 'null' or p_list = '[]' then null
        else private.minor_sum_exact(p_list, p_each, p_currency, p_path) end;
$$;

-- bad_decimal: refuse a text that is no decimal.
create or replace function private.bad_decimal(p_value text, p_path text) returns numeric
language plpgsql immutable set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s: %s is no decimal', p_path, p_value);
end $$;

-- decimal_of: a decimal as it is written: a quantity of half a pound is no whole number.
create or replace function private.decimal_of(p_value text, p_path text) returns numeric
language sql immutable as $$
    select case when p_value ~ '^-?\d{1,15}(\.\d{1,10})?$' then p_value::numeric
        when p_value is not null then private.bad_decimal(p_value, p_path) end;
$$;

-- whole_of: the same where it is a whole number; null of a fraction, which is known elsewhere.
create or replace function private.whole_of(p_value text, p_path text) returns bigint
language sql immutable as $$
    select case when p_value ~ '^-?\d{1,9}(\.0{1,10})?$' then trunc(p_value::numeric)::bigint
        when private.decimal_of(p_value, p_path) is not null then null end;
$$;

-- less_inner: a record of whose list each element has lost a list of its own: those are rows by themselves.
create or replace function private.less_inner(p_record jsonb, p_outer text[], p_inner text[]) returns jsonb
language sql immutable set search_path = '' as $$
    select case when jsonb_typeof(p_record #> p_outer) = 'array'
        then jsonb_set(p_record, p_outer, coalesce((select jsonb_agg(e.v #- p_inner order by e.n)
                                                    from jsonb_array_elements(p_record #> p_outer) with ordinality as e(v, n)), '[]'))
        else p_record end;
$$;
