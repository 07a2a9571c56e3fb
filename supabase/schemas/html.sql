-- HTML in texts: platforms send '&amp;' for '&', and some '&#39;' for an apostrophe.

-- code_point: what a numeric reference means (HTML 5, 13.2.5.80): the numbers 128 to 159 are Windows-1252, what can
-- be no character is the replacement character, what should be none is left out. `p_digits` as decimal or hexadecimal.
create or replace function private.code_point(p_digits text, p_is_hex boolean) returns text
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

-- decode_rare_html: the long way, entity by entity.
create or replace function private.decode_rare_html(p_text text) returns text
language sql stable strict set search_path = '' as $$
    select string_agg(case
        when m[1] ~ '^&#[0-9]' then private.code_point(substr(m[1], 3, length(m[1]) - 3), false)
        when m[1] ~ '^&#[xX]' then private.code_point(substr(m[1], 4, length(m[1]) - 4), true)
        when m[1] ~ '^&.+;$' then coalesce(
            (select e.text from private.html_entities as e where e.name = substr(m[1], 2, length(m[1]) - 2)), m[1])
        else m[1] end, '' order by ord)
    from regexp_matches(p_text, '([^&]+|&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]{1,31});|&)', 'g')
         with ordinality as t(m, ord);
$$;

-- decode_html: one pass, so that '&amp;#39;' becomes '&#39;' and not an apostrophe. Unknown entities stay, and so does
-- a name without its semicolon: '&copy=1' in a link is no copyright sign. Most texts have no entity, and nearly all
-- others the usual five alone. Both stand in a function of SQL without settings of its own, which the planner puts into
-- the mapping itself: a call costs more than all the replacing. The ampersand comes last, so that '&amp;lt;' becomes
-- '&lt;'.
create or replace function private.decode_html(p_text text) returns text
language sql stable as $$
    select case
        when strpos(p_text, '&') = 0 then p_text
        when strpos(replace(replace(replace(replace(replace(p_text, '&#39;', ''''), '&quot;', '"'), '&lt;', '<'),
                                    '&gt;', '>'), '&amp;', ''), '&') = 0
        then replace(replace(replace(replace(replace(p_text, '&#39;', ''''), '&quot;', '"'), '&lt;', '<'),
                             '&gt;', '>'), '&amp;', '&')
        else private.decode_rare_html(p_text) end;
$$;
