-- What is readable of a record that cannot be mapped as it came. A secondary member never costs the record: its columns stay
-- empty, and the record lands without it. Never on the way of a page whose records are all sound.
--
-- Essential are a table's columns that are `not null`: keys, times, currencies, the state of what has no other sense. Money
-- that a check `<column>_known` guards is essential too, yet an amount with more decimals than its currency has is no
-- damage: it is kept as it came, the column stays empty, and `keeper_unreadable` in `raw` names the member.

-- why_unreadable: why columns of a part cannot be filled; null where they can. `finer`: money with more decimals than its
-- currency has.
create or replace function private.why_unreadable(p_spec jsonb, p_columns text[], p_part jsonb, out reason text, out finer boolean)
language plpgsql set search_path = '' as $$
declare hint text; listed text; mapped jsonb;
begin
    select string_agg(format('m.%I::%s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ') into listed
      from pg_catalog.pg_attribute as a
     where a.attrelid = format('public.%I', p_spec ->> 'table')::regclass and a.attname = any (p_columns);
    execute format('select to_jsonb(l) from (select %s from private.%I($1) as m) as l', listed, p_spec ->> 'map') into mapped using p_part;
    select format('%s is more than any shop has', v.value) into reason
      from jsonb_each(mapped) as v
     where v.key like '%\_amount' and jsonb_typeof(v.value) = 'number' and abs(v.value::text::numeric) > private.most_money() limit 1;
exception when others then
    if not private.is_about_data(sqlstate) then
        raise;
    end if;
    get stacked diagnostics reason = message_text, hint = pg_exception_hint;
    finer := hint = 'finer';
end $$;

-- with_blank: a part with this in the place of a member that could not be read, and its name among those.
create or replace function private.with_blank(p_part jsonb, p_path text[], p_blank jsonb) returns jsonb
language sql immutable set search_path = '' as $$
    select jsonb_set(jsonb_set(p_part, p_path, p_blank), '{keeper_unreadable}',
                     coalesce(p_part -> 'keeper_unreadable', '[]') || to_jsonb(array_to_string(p_path, '.')));
$$;

-- without_member: a part without one member: null stands in its place, and its name among those that could not be read.
-- Money loses its amount alone: the currency that stands beside it may be the whole record's.
create or replace function private.without_member(p_part jsonb, p_path text[]) returns jsonb
language sql immutable set search_path = '' as $$
    select case when p_part #> p_path is null or jsonb_typeof(p_part #> p_path) = 'null' then p_part
        else private.with_blank(p_part, p_path, case
                 when jsonb_typeof(p_part #> p_path) = 'object'
                  and p_part #> p_path ?| array['amount', 'currency_code', 'currencyCode']
                 then (p_part #> p_path) || '{"amount": null, "keeper_unreadable": true}' else 'null' end) end;
$$;

-- way_to_list: a record whose list can be looked for: what is no object on the way to it, or no list at its end, is blank, and
-- `reason` says so. Some platforms write an empty list where an object is due.
create or replace function private.way_to_list(p_place text[], inout record jsonb, out reason text)
language plpgsql immutable set search_path = '' as $$
declare found_ text; due text;
begin
    for depth in 1 .. cardinality(p_place) loop
        found_ := jsonb_typeof(record #> p_place[:depth]);
        due := case when depth = cardinality(p_place) then 'array' else 'object' end;
        if found_ not in (due, 'null') then
            reason := format('%s: %s where %s is due', array_to_string(p_place[:depth], '.'), found_,
                             case due when 'array' then 'a list' else 'an object' end);
            record := private.with_blank(record, p_place[:depth], 'null');
            return;
        end if;
    end loop;
end $$;

-- unreadable_column: the first column of a part that cannot be filled. Those whose member the reason names are tried before
-- all others.
create or replace function private.unreadable_column(p_spec jsonb, p_part jsonb, p_reason text, out name text, out paths jsonb,
                                                     out reason text, out finer boolean)
language plpgsql set search_path = '' as $$
declare c record; why record;
begin
    for c in select e.key, e.value from jsonb_each(p_spec -> 'columns') as e
             order by not starts_with(p_reason, e.value ->> 0), e.key loop
        why := private.why_unreadable(p_spec, array[c.key], p_part);
        if why.reason is not null then
            name := c.key;
            paths := c.value;
            finer := coalesce(why.finer, false);
            reason := case when starts_with(why.reason, paths ->> 0) then '' else paths ->> 0 || ': ' end || why.reason;
            return;
        end if;
    end loop;
end $$;

-- is_essential: whether a row cannot be without this column. Money that is only finer than its currency is not missed.
create or replace function private.is_essential(p_table text, p_column text, p_finer boolean default false) returns boolean
language sql stable set search_path = '' as $$
    select a.attnotnull or (not p_finer and exists (
        select from pg_catalog.pg_constraint as k where k.conrelid = a.attrelid and k.conname = p_column || '_known'))
    from pg_catalog.pg_attribute as a
    where a.attrelid = format('public.%I', p_table)::regclass and a.attname = p_column;
$$;

-- readable_part: a record, or a child of it, without the members that cannot be read, and why not; `lost` says what is
-- essential and missing. `p_spec` is one of private.parts_<platform>_<shape>.
create or replace function private.readable_part(p_spec jsonb, inout part jsonb, out reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare c record; before jsonb; names text[] := array(select jsonb_object_keys(p_spec -> 'columns')); path text;
        why text;
begin
    reasons := '{}';
    if jsonb_typeof(part) <> 'object' then
        lost := format('%s where an object is due', jsonb_typeof(part));
        return;
    end if;
    loop
        why := (private.why_unreadable(p_spec, names, part)).reason;
        exit when why is null;
        c := private.unreadable_column(p_spec, part, why);
        if c.name is null or private.is_essential(p_spec ->> 'table', c.name, c.finer) then
            lost := coalesce(c.reason, why);
            return;
        end if;
        before := part;
        for path in select jsonb_array_elements_text(c.paths) loop
            part := private.without_member(part, string_to_array(path, '.'));
        end loop;
        reasons := reasons || c.reason;
        if part = before then
            lost := c.reason;
            return;
        end if;
    end loop;
end $$;

-- missing_of_child: what a child that is readable lacks to be a row: its key, or an essential column. Null: nothing.
create or replace function private.missing_of_child(p_spec jsonb, p_part jsonb) returns text
language plpgsql set search_path = '' as $$
declare mapped jsonb; found text; key text := p_part #>> string_to_array(p_spec #>> '{key,0}', '.');
begin
    if (p_spec ->> 'unique')::boolean and key is null then
        return format('%s: missing', p_spec #>> '{key,0}');
    end if;
    if (p_spec ->> 'unique')::boolean and (p_spec ->> 'key_is_gid')::boolean and private.gid_tail(key) is null then
        return format('%s: %s is no GraphQL id', p_spec #>> '{key,0}', key);
    end if;
    execute format('select to_jsonb(m) from private.%I($1) as m', p_spec ->> 'map') into mapped using p_part;
    select e.key into found from jsonb_each(mapped) as e
     where e.value = 'null' and private.is_essential(p_spec ->> 'table', e.key, p_part -> 'keeper_unreadable' is not null)
     limit 1;
    return found || ': missing';
end $$;

-- readable_children: a record's children, those that can be rows. One that cannot be read is left out with its reason,
-- unless it is a row already: that would be taken for gone, so the record is `lost`. Children that stand in a list of each
-- element of a list are read an element at a time: each has it as its member `of`.
create or replace function private.readable_children(job public.sync_jobs, p_spec jsonb, inout record jsonb,
                                                     inout reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare outer_at text[] := string_to_array(p_spec ->> 'at', '.'); inner_at text[] := string_to_array(p_spec ->> 'inside', '.');
        kept jsonb := '[]'; element jsonb; way record; one record; said text; number int := 0; wanted int;
begin
    if inner_at is null then
        one := private.readable_list(job, p_spec, record, reasons);
        record := one.record; reasons := one.reasons; lost := one.lost;
        return;
    end if;
    way := private.way_to_list(outer_at, record);
    record := way.record;
    reasons := array_remove(array_append(reasons, way.reason), null);
    if jsonb_typeof(record #> outer_at) is distinct from 'array' then
        return;
    end if;
    for element in select e from jsonb_array_elements(record #> outer_at) as e loop
        if jsonb_typeof(element) <> 'object' then
            reasons := reasons || format('%s.%s: %s where an object is due', p_spec ->> 'at', number, jsonb_typeof(element));
            number := number + 1;
            continue;
        end if;
        if jsonb_typeof(element #> inner_at) = 'array' then
            wanted := jsonb_array_length(element #> inner_at);
            -- As the landing makes them: each with what it stands in.
            element := jsonb_set(element, inner_at, coalesce((
                select jsonb_agg(case when jsonb_typeof(i) = 'object' then i || jsonb_build_object('of', element #- inner_at) else i end
                                 order by n) from jsonb_array_elements(element #> inner_at) with ordinality as l(i, n)), '[]'));
        end if;
        one := private.readable_list(job, p_spec - 'inside' || jsonb_build_object('at', p_spec ->> 'inside'), element, '{}');
        if one.lost is not null then
            lost := format('%s.%s.%s', p_spec ->> 'at', number, one.lost);
            return;
        end if;
        foreach said in array one.reasons loop
            reasons := reasons || format('%s.%s.%s', p_spec ->> 'at', number, said);
        end loop;
        element := one.record;
        if jsonb_typeof(element #> inner_at) = 'array' then
            -- What could not be read of the element itself is blank in it.
            element := jsonb_set(
                coalesce((select i -> 'of' from jsonb_array_elements(element #> inner_at) as i
                          where i -> 'of' <> element #- inner_at limit 1), element #- inner_at),
                -- What is left of a list that is added up is another sum: then nobody knows it.
                inner_at, case when (p_spec ->> 'summed')::boolean and jsonb_array_length(element #> inner_at) < wanted then 'null' else
                    coalesce((select jsonb_agg(i - 'of' order by n)
                              from jsonb_array_elements(element #> inner_at) with ordinality as l(i, n)), '[]') end);
        end if;
        kept := kept || jsonb_build_array(element);
        number := number + 1;
    end loop;
    record := jsonb_set(record, outer_at, kept);
end $$;

-- readable_list: readable_children of one list.
create or replace function private.readable_list(job public.sync_jobs, p_spec jsonb, inout record jsonb,
                                                 inout reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare place text[] := string_to_array(p_spec ->> 'at', '.'); kept jsonb := '[]'; element jsonb; way record; one record; number int := 0;
        key text; stored boolean;
begin
    way := private.way_to_list(place, record);
    record := way.record;
    reasons := array_remove(array_append(reasons, way.reason), null);
    if jsonb_typeof(record #> place) is distinct from 'array' then
        return;
    end if;
    for element in select e from jsonb_array_elements(record #> place) as e loop
        one := private.readable_part(p_spec, element);
        one.lost := coalesce(one.lost, private.missing_of_child(p_spec, one.part));
        if one.lost is null then
            kept := kept || jsonb_build_array(one.part);
        else
            one.reasons := array[one.lost];
            if (p_spec ->> 'unique')::boolean then
                key := element #>> string_to_array(p_spec #>> '{key,0}', '.');
                execute format('select exists (select from public.%I where connection_id = $1 and platform_id = $2 '
                               'and not is_deleted)', p_spec ->> 'table')
                   into stored using job.connection_id, coalesce(private.gid_tail(key), key);
                if stored then
                    lost := format('%s.%s.%s', p_spec ->> 'at', number, one.lost);
                    return;
                end if;
            end if;
        end if;
        reasons := reasons || array(select format('%s.%s.%s', p_spec ->> 'at', number, r) from unnest(one.reasons) as r);
        number := number + 1;
    end loop;
    record := jsonb_set(record, place, kept);
end $$;

-- readable_record: a record without what cannot be read of it, and why not; no reasons where nothing can be left out, or
-- where what cannot be read is essential.
create or replace function private.readable_record(job public.sync_jobs, p_shape text, inout record jsonb, out reasons text[])
language plpgsql set search_path = '' as $$
declare spec jsonb; specs jsonb; one record; path text;
begin
    reasons := '{}';
    execute format('select private.%I()', concat_ws('_', 'parts', job.platform, p_shape)) into specs;
    if jsonb_typeof(record) <> 'object' then
        return;
    end if;
    -- Of several times of change one that cannot be read is left out; the last one is essential.
    for path in select jsonb_array_elements_text(specs #> '{0,updated}') loop
        begin
            if (specs #>> '{0,updated_as}') = 'iso_time' then
                perform private.moment(record #>> string_to_array(path, '.'), path);
            else
                perform private.epoch((record #>> string_to_array(path, '.'))::bigint);
            end if;
        exception when others then
            if not private.is_about_data(sqlstate) then
                raise;
            end if;
            reasons := reasons || format('%s: %s', path, sqlerrm);
            record := private.without_member(record, string_to_array(path, '.'));
        end;
    end loop;
    for spec in select s from jsonb_array_elements(specs) as s loop
        if spec ->> 'at' is null then
            one := private.readable_part(spec, record);
            record := one.part;
            reasons := reasons || one.reasons;
        else
            one := private.readable_children(job, spec, record, reasons);
            record := one.record;
            reasons := one.reasons;
        end if;
        if one.lost is not null then
            reasons := '{}';
            return;
        end if;
    end loop;
end $$;
