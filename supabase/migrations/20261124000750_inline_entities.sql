-- Most texts have no entity, and nearly all others the usual five alone. Both stand in a function of SQL without settings of
-- its own, which the planner puts into the mapping itself: a call costs more than all the replacing. The ampersand comes last,
-- so that '&amp;lt;' becomes '&lt;'. What is left goes the long way, entity by entity.
create function private.decode_rare_html(p_text text) returns text
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
