-- More conversions, for platforms that send ISO 8601 times, money as decimal text and GraphQL ids. As before, a value
-- that is not what it should be rejects its record with the reason; the usual case stands inline in the mapping.

create function private.bad_time(p_value text, p_path text) returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s: %s is no time with its offset', p_path, p_value);
end $$;

-- moment: ISO 8601 with its offset, a T or a space before the hour. Words that Postgres would take for a time ("now",
-- "infinity"), and times without an offset, are none.
create function private.moment(p_value text, p_path text) returns timestamptz
language sql stable set search_path = '' as $$
    select case when p_value ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then p_value::timestamptz
                when p_value is not null then private.bad_time(p_value, p_path) end;
$$;

-- gid_tail: what a GraphQL id ends with: gid://shopify/Order/1 is 1; null where it is no such id.
create function private.gid_tail(p_value text) returns text
language sql immutable set search_path = '' as $$
    select substring(p_value from '^gid://[^/]+/[^/]+/([^/?]+)');
$$;

create function private.bad_gid(p_value text, p_path text) returns text
language plpgsql immutable set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s: %s is no GraphQL id', p_path, p_value);
end $$;

-- decimal_money_exact: {amount, currencyCode} whose amount is text in major units ("55.0"), of another currency than
-- the record's or with more digits than the currency has.
create function private.decimal_money_exact(p_money jsonb, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
begin
    if p_money is null or p_money = 'null' then
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
