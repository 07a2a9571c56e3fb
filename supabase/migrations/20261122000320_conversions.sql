-- Conversions: the named ways from a JSON value to a typed column. A value that is not what it should be raises
-- PT422 or a data exception, and its record is rejected with that reason.
-- The usual case of each stands inline in the generated mapping; these are called for the unusual one.

create function private.wrong_type(p_value jsonb, p_path text, p_wanted text) returns text
language plpgsql immutable set search_path = '' as $$
begin
    if p_value is null or p_value = 'null' then
        return null;
    end if;
    raise exception using errcode = 'PT422', message = format('%s: %s where %s is due', p_path,
        jsonb_typeof(p_value), p_wanted);
end $$;

-- bad_epoch: times are whole Unix seconds. A number of milliseconds lies beyond the year 9999 and comes here.
create function private.bad_epoch(p_seconds bigint) returns timestamptz
language plpgsql immutable strict set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s is no time in Unix seconds', p_seconds);
end $$;


-- code_point: what a numeric reference means (HTML 5, 13.2.5.80): the numbers 128 to 159 are Windows-1252, what can
-- be no character is the replacement character, what should be none is left out. `p_digits` as decimal or hexadecimal.
create function private.code_point(p_digits text, p_is_hex boolean) returns text
language plpgsql immutable strict set search_path = '' as $$
declare digits text := ltrim(p_digits, '0'); code int;
        windows_1252 constant int[] := array[8364, 129, 8218, 402, 8222, 8230, 8224, 8225, 710, 8240, 352, 8249, 338, 141,
            381, 143, 144, 8216, 8217, 8220, 8221, 8226, 8211, 8212, 732, 8482, 353, 8250, 339, 157, 382, 376];
begin
    code := case when length(digits) > 7 then 1114112
                 when p_is_hex then ('x' || lpad(digits, 8, '0'))::bit(32)::int
                 else ('0' || digits)::int end;
    return case
        when code = 0 or code between 55296 and 57343 or code > 1114111 then chr(65533)
        when code between 128 and 159 then chr(windows_1252[code - 127])
        when code between 1 and 8 or code = 11 or code between 14 and 31 or code = 127
          or code between 64976 and 65007 or code & 65534 = 65534 then ''
        else chr(code) end;
end $$;

-- decode_html: one pass, so that '&amp;#39;' becomes '&#39;' and not an apostrophe. Unknown entities stay, and so does
-- a name without its semicolon: '&copy=1' in a link is no copyright sign. Nearly all texts hold the five usual ones
-- alone; for those plain replacing does, with the ampersand last.
create function private.decode_html(p_text text) returns text
language plpgsql stable strict set search_path = '' as $$
begin
    if p_text !~ '&(?!(?:#39|quot|amp|lt|gt);)' then
        return replace(replace(replace(replace(replace(p_text,
            '&#39;', ''''), '&quot;', '"'), '&lt;', '<'), '&gt;', '>'), '&amp;', '&');
    end if;
    return (
        select string_agg(case
            when m[1] ~ '^&#[0-9]' then private.code_point(substr(m[1], 3, length(m[1]) - 3), false)
            when m[1] ~ '^&#[xX]' then private.code_point(substr(m[1], 4, length(m[1]) - 4), true)
            when m[1] ~ '^&.+;$' then coalesce(
                (select e.text from private.html_entities as e where e.name = substr(m[1], 2, length(m[1]) - 2)), m[1])
            else m[1] end, '' order by ord)
        from regexp_matches(p_text, '([^&]+|&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]{1,31});|&)', 'g')
             with ordinality as t(m, ord));
end $$;

-- minor_units: a fraction of whole numbers as a whole number of the currency's smallest unit, or an error. Never a
-- float, never rounded: `numeric` divides large numbers inexactly, so nothing is divided before it is known to go.
create function private.minor_units(p_value numeric, p_divisor numeric, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
declare digits int; units numeric;
begin
    if p_value is null then
        return null;
    end if;
    select c.digits into digits from private.currencies as c where c.code = p_currency;
    if not found then
        raise exception using errcode = 'PT422', message = format('%s: unknown currency %s', p_path, p_currency);
    end if;
    if p_value in ('NaN', 'Infinity', '-Infinity') then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_value);
    end if;
    units := p_value * (10 ^ digits)::int;
    if mod(units, p_divisor) <> 0 then
        raise exception using errcode = 'PT422', message = format('%s: %s %s is no whole number of its smallest unit',
            p_path, trim_scale(p_value / p_divisor), p_currency);
    end if;
    return div(units, p_divisor)::bigint;
end $$;

-- money_exact: {amount, divisor, currency_code}, where the divisor is not the currency's own. The fast path, divisor
-- as expected, stands in the generated mapping.
create function private.money_exact(p_money jsonb, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
begin
    if p_money is null or p_money = 'null' then
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

-- major_exact: a decimal in major units. JSON floats carry noise far below the smallest unit (3.8000000000000003):
-- noise is cut, a real fraction is an error.
create function private.major_exact(p_value numeric, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
declare rounded numeric := round(p_value, 6);
begin
    if abs(rounded - p_value) > 0.0000001 then
        rounded := p_value;
    end if;
    return private.minor_units(rounded, 1, p_currency, p_path);
end $$;

-- hundredths_exact: a bare integer that counts 1/100 of the currency, whatever its own smallest unit is.
create function private.hundredths_exact(p_value bigint, p_currency text, p_path text) returns bigint
language sql stable set search_path = '' as $$
    select private.minor_units(p_value, 100, p_currency, p_path);
$$;

-- joined_texts: a list of texts as one, ', ' between them.
create function private.joined_texts(p_value jsonb, p_path text) returns text
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
