-- The usual case of every conversion, as a function of SQL without settings of its own: the planner puts it into the mapping
-- itself, so that it costs no call (docs/decisions/023). None may be strict, or be declared stabler than what it holds: it
-- would be called instead. What is named `_exact`, `bad_` or `wrong_` is called for the unusual case.

-- text_in: the text of a member that is a string or a number; null is null, all else an error.
create function private.text_in(p_of jsonb, p_name text, p_path text) returns text
language sql immutable as $$
    select case jsonb_typeof(p_of -> p_name)
        when 'string' then p_of ->> p_name when 'number' then p_of ->> p_name when 'null' then null
        else private.wrong_type(p_of -> p_name, p_path, 'text') end;
$$;

-- string_in: the text of a member that is a string.
create function private.string_in(p_of jsonb, p_name text, p_path text, p_wanted text) returns text
language sql immutable as $$
    select case jsonb_typeof(p_of -> p_name) when 'string' then p_of ->> p_name when 'null' then null
        else private.wrong_type(p_of -> p_name, p_path, p_wanted) end;
$$;

-- epoch: whole Unix seconds, up to the end of the year 9999.
create function private.epoch(p_seconds bigint) returns timestamptz
language sql immutable as $$
    select case when p_seconds between 0 and 253402300799 then to_timestamp(p_seconds) else private.bad_epoch(p_seconds) end;
$$;

-- moment: as before.
create or replace function private.moment(p_value text, p_path text) returns timestamptz
language sql stable as $$
    select case when p_value ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then p_value::timestamptz
                when p_value is not null then private.bad_time(p_value, p_path) end;
$$;

-- gid_tail: as before.
create or replace function private.gid_tail(p_value text) returns text
language sql immutable as $$
    select substring(p_value from '^gid://[^/]+/[^/]+/([^/?]+)');
$$;

-- gid: what a GraphQL id ends with; what is no such id is an error.
create function private.gid(p_value text, p_path text) returns text
language sql immutable as $$
    select case when p_value is not null then coalesce(private.gid_tail(p_value), private.bad_gid(p_value, p_path)) end;
$$;

-- money: {amount, divisor, currency_code} in the record's currency, with that currency's own divisor.
create function private.money(p_money jsonb, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_money ->> 'currency_code' = (c).code and p_money ->> 'divisor' = (c).divisor
        then coalesce((p_money ->> 'amount')::bigint, private.money_exact(p_money, p_currency, p_path))
        when jsonb_typeof(p_money) = 'null' then null else private.money_exact(p_money, p_currency, p_path) end;
$$;

-- hundredths: a bare integer that counts 1/100 of a currency, where that is its smallest unit.
create function private.hundredths(p_value bigint, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when (c).digits = 2 then p_value else private.hundredths_exact(p_value, p_currency, p_path) end;
$$;

-- major: a decimal in major units without a fraction of the smallest one.
create function private.major(p_value numeric, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_value * (c).scale = trunc(p_value * (c).scale) then (p_value * (c).scale)::bigint
        else private.major_exact(p_value, p_currency, p_path) end;
$$;

-- decimal_money: {amount: "55.0", currencyCode} in the record's currency, which is meant where none is named.
create function private.decimal_money(p_money jsonb, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_money is null or jsonb_typeof(p_money) = 'null' then null
        when coalesce(p_money ->> 'currencyCode', (c).code) = (c).code
         and (p_money ->> 'amount')::numeric * (c).scale = trunc((p_money ->> 'amount')::numeric * (c).scale)
        then ((p_money ->> 'amount')::numeric * (c).scale)::bigint
        else private.decimal_money_exact(p_money, p_currency, p_path) end;
$$;

-- own_money: the same in a currency of its own.
create function private.own_money(p_money jsonb, p_path text) returns bigint
language sql stable as $$
    select private.decimal_money_exact(p_money, coalesce(p_money ->> 'currencyCode', p_money ->> 'currency_code'), p_path);
$$;
