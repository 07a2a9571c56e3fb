-- A member that cannot be read costs its columns, never the record: it lands in part, with the reason (readable.sql).

alter table public.rejected_records drop constraint rejected_records_status_check;
alter table public.rejected_records add constraint rejected_records_status_check
    check (status in ('open', 'partial', 'replayed', 'superseded'));
create index rejected_records_unsettled on public.rejected_records (connection_id, stream, platform_id)
    where status in ('open', 'partial');
drop index public.rejected_records_open;

alter table public.orders alter column total_amount drop not null,
    add constraint total_amount_known check (total_amount is not null or raw ? 'keeper_unreadable');
alter table public.line_items alter column price_amount drop not null,
    add constraint price_amount_known check (price_amount is not null or raw ? 'keeper_unreadable');
alter table public.order_refunds alter column refund_amount drop not null,
    add constraint refund_amount_known check (refund_amount is not null or raw ? 'keeper_unreadable');
alter table public.order_transactions alter column transaction_amount drop not null,
    add constraint transaction_amount_known check (transaction_amount is not null or raw ? 'keeper_unreadable');
alter table public.order_refund_lines alter column subtotal_amount drop not null,
    add constraint subtotal_amount_known check (subtotal_amount is not null or raw ? 'keeper_unreadable');
alter table public.listing_variants alter column price_amount drop not null,
    add constraint price_amount_known check (price_amount is not null or raw ? 'keeper_unreadable');
alter table public.listings alter column state drop not null;

-- Replaced by one with more to say, under another signature.
drop function private.land_one(public.sync_jobs, text, timestamptz, bytea);


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

-- why_unreadable: why columns of a part cannot be filled; null where they can. `finer`: money with more decimals than its
-- currency has.
create or replace function private.why_unreadable(p_spec jsonb, p_columns text[], p_part jsonb, out reason text, out finer boolean)
language plpgsql set search_path = '' as $$
declare hint text; listed text;
begin
    select string_agg(format('m.%I::%s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ') into listed
      from pg_catalog.pg_attribute as a
     where a.attrelid = format('public.%I', p_spec ->> 'table')::regclass and a.attname = any (p_columns);
    execute format('select %s from private.%I($1) as m', listed, p_spec ->> 'map') using p_part;
exception when others then
    if not private.is_about_data(sqlstate) then
        raise;
    end if;
    get stacked diagnostics reason = message_text, hint = pg_exception_hint;
    finer := hint = 'finer';
end $$;

-- without_member: a part without one member: null stands in its place, and its name among those that could not be read.
-- Money loses its amount alone: the currency that stands beside it may be the whole record's.
create or replace function private.without_member(p_part jsonb, p_path text[]) returns jsonb
language sql immutable set search_path = '' as $$
    select case when p_part #> p_path is null or jsonb_typeof(p_part #> p_path) = 'null' then p_part
        else jsonb_set(jsonb_set(p_part, p_path, case
                           when jsonb_typeof(p_part #> p_path) = 'object'
                            and p_part #> p_path ?| array['amount', 'currency_code', 'currencyCode']
                           then (p_part #> p_path) || '{"amount": null, "keeper_unreadable": true}' else 'null' end),
                       '{keeper_unreadable}',
                       coalesce(p_part -> 'keeper_unreadable', '[]') || to_jsonb(array_to_string(p_path, '.'))) end;
$$;

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
declare mapped jsonb; found text;
begin
    if (p_spec ->> 'unique')::boolean and p_part #>> string_to_array(p_spec #>> '{key,0}', '.') is null then
        return format('%s: missing', p_spec #>> '{key,0}');
    end if;
    execute format('select to_jsonb(m) from private.%I($1) as m', p_spec ->> 'map') into mapped using p_part;
    select e.key into found from jsonb_each(mapped) as e
     where e.value = 'null' and private.is_essential(p_spec ->> 'table', e.key, p_part -> 'keeper_unreadable' is not null)
     limit 1;
    return found || ': missing';
end $$;

-- readable_children: a record's children, those that can be rows. One that cannot be read is left out with its reason,
-- unless it is a row already: that would be taken for gone, so the record is `lost`.
create or replace function private.readable_children(job public.sync_jobs, p_spec jsonb, inout record jsonb,
                                                     inout reasons text[], out lost text)
language plpgsql set search_path = '' as $$
declare place text[] := string_to_array(p_spec ->> 'at', '.'); kept jsonb := '[]'; element jsonb; one record; number int := 0;
        key text; stored boolean;
begin
    if record #> place is null or record #> place = 'null' then
        return;
    end if;
    if jsonb_typeof(record #> place) <> 'array' then
        reasons := reasons || format('%s: %s where a list is due', p_spec ->> 'at', jsonb_typeof(record #> place));
        record := private.without_member(record, place);
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

-- land_one: one record, or the reason why not. `partial`: what it landed without, and why (readable.sql). `p_read` is the
-- record as far as its text can be stored, `p_unreadable` what is missing in it.
create or replace function private.land_one(job public.sync_jobs, p_shape text, p_fetched_at timestamptz, p_raw bytea,
                                            p_read text default null, p_unreadable text[] default '{}',
                                            out landed private.landed, out reason text, out code text, out partial text)
language plpgsql set search_path = '' as $$
declare record jsonb; reasons text[];
begin
    begin
        landed := private.land_records(job, p_shape, p_fetched_at, jsonb_build_array(convert_from(p_raw, 'UTF8')::jsonb));
        return;
    exception when others then
        if not private.is_about_data(sqlstate) then
            raise;
        end if;
        reason := left(sqlerrm, 500);
        code := sqlstate;
    end;
    begin
        record := coalesce(p_read, convert_from(p_raw, 'UTF8'))::jsonb;
        select r.record, p_unreadable || r.reasons into record, reasons
          from private.readable_record(job, p_shape, record) as r;
        if cardinality(reasons) > 0 then
            landed := private.land_records(job, p_shape, p_fetched_at, jsonb_build_array(record));
            partial := left(array_to_string(reasons, '; '), 500);
        end if;
    exception when others then
        if not private.is_about_data(sqlstate) then
            raise;
        end if;
        landed := null;
    end;
end $$;

-- land_one_by_one: for a page that holds a poison record. Each record lands, in part if need be, or is rejected, by
-- itself. `p_records` is a list of {key, raw (base64), read, unreadable}.
create or replace function private.land_one_by_one(job public.sync_jobs, p_stream text, p_shape text, p_fetched_at timestamptz,
                                                   p_records jsonb, out landed private.landed, out rejected int)
language plpgsql set search_path = '' as $$
declare item record; bytes bytea; one record;
begin
    landed := row('{}'::text[], 0, 0, 0, 0)::private.landed;
    rejected := 0;
    for item in select e.value ->> 'key' as key, e.value ->> 'raw' as raw, e.value ->> 'read' as read,
                       array(select jsonb_array_elements_text(e.value -> 'unreadable')) as unreadable
                from jsonb_array_elements(p_records) with ordinality as e(value, ord) order by e.ord loop
        bytes := decode(item.raw, 'base64');
        select * into one from private.land_one(job, p_shape, p_fetched_at, bytes, item.read, item.unreadable);
        if one.landed is not null then
            landed.keys := landed.keys || (one.landed).keys;
            landed.created := landed.created + (one.landed).created;
            landed.updated := landed.updated + (one.landed).updated;
            landed.unchanged := landed.unchanged + (one.landed).unchanged;
            landed.stale := landed.stale + (one.landed).stale;
        else
            rejected := rejected + 1;
            landed.keys := landed.keys || coalesce(item.key, 'rejected:' || md5(bytes));
        end if;
        continue when one.reason is null or (one.landed).stale > 0;
        insert into public.rejected_records as r (connection_id, user_id, platform, entity, stream, shape, run_id,
                                                  platform_id, status, reason, sqlstate, raw, fetched_at)
        values (job.connection_id, job.user_id, job.platform, job.entity, p_stream, p_shape, job.run_id, item.key,
                case when one.landed is null then 'open' else 'partial' end, coalesce(one.partial, one.reason), one.code,
                bytes, p_fetched_at)
        on conflict (connection_id, stream, raw_md5) do update
           set status = excluded.status, settled_at = null, reason = excluded.reason, sqlstate = excluded.sqlstate,
               shape = excluded.shape, fetched_at = excluded.fetched_at, run_id = excluded.run_id;
    end loop;
end $$;

-- commit_page: the heart. `$1` is {"page": <the bytes as they came>, "envelope": {...}}, or with "records" in place
-- of "page" the same page cut into single records because one of them is poison. The envelope comes last, so a page
-- cannot bring one of its own. Idempotent by page_id: when the answer was lost, a second call returns the same one.
create or replace function public.commit_page(text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    document jsonb := $1::jsonb;
    env jsonb := document -> 'envelope';
    job public.sync_jobs;
    at timestamptz := (env ->> 'fetched_at')::timestamptz;
    stream_name text := env ->> 'stream';
    shape text := env ->> 'shape';
    landed private.landed;
    one_by_one record;
    rejected_now int := 0;
    fresh_keys int;
    result jsonb;
begin
    select p.answer into result from public.sync_pages as p where p.page_id = (env ->> 'page_id')::uuid;
    if found then
        return result;
    end if;
    job := private.leased_job((env ->> 'lease_id')::uuid);
    if job.page_seq <> (env ->> 'seq')::int then
        raise exception using errcode = 'PT409', message = 'page_out_of_order',
            detail = format('page %s came, %s pages are committed', env ->> 'seq', job.page_seq);
    end if;

    if document ? 'records' then
        one_by_one := private.land_one_by_one(job, stream_name, shape, at, document -> 'records');
        landed := one_by_one.landed;
        rejected_now := one_by_one.rejected;
    else
        landed := private.land_records(job, shape, at,
                                       document #> ('{page}' || string_to_array(env ->> 'records_at', '.')));
    end if;

    -- A record that was rejected before needs nobody's attention any more, now that a later fetch of it has landed or
    -- was rejected with other bytes. What this very page rejects has its time of fetching.
    update public.rejected_records as r set status = 'superseded', settled_at = clock_timestamp()
     where r.connection_id = job.connection_id and r.stream = stream_name
       and r.status in ('open', 'partial') and r.platform_id = any (landed.keys) and r.fetched_at < at;

    -- Pages overlap by a record, and a second pass reads the same again: progress counts neither twice.
    select count(*) into fresh_keys from (
        select unnest(landed.keys) where (env ->> 'pass')::int = 1
        except
        select unnest(p.keys) from public.sync_pages as p
        where p.job_id = job.id and p.seq = job.page_seq - 1 and p.stream = stream_name) as k;

    result := jsonb_build_object('seq', job.page_seq + 1, 'created', landed.created, 'updated', landed.updated,
        'unchanged', landed.unchanged, 'stale', landed.stale, 'rejected', rejected_now);
    insert into public.sync_pages (job_id, seq, page_id, connection_id, user_id, platform, entity, stream, part, pass,
                                   window_start, window_end, position, provider_count, keys, created, updated, unchanged, stale,
                                   rejected, fetched_at, answer)
    values (job.id, job.page_seq, (env ->> 'page_id')::uuid, job.connection_id, job.user_id, job.platform, job.entity,
            stream_name,
            (env ->> 'part')::int, (env ->> 'pass')::int,
            to_timestamp((env ->> 'window_start')::bigint), to_timestamp((env ->> 'window_end')::bigint),
            (env ->> 'position')::bigint, (env ->> 'provider_count')::bigint, landed.keys, landed.created,
            landed.updated, landed.unchanged, landed.stale, rejected_now, at, result);

    if (env ->> 'closing')::boolean then
        -- The window has been read to its end: how many distinct records did this pass, and did all passes, see?
        result := result || (
            select jsonb_build_object(
                       'pass_keys', count(distinct k) filter (where p.pass = (env ->> 'pass')::int),
                       'window_keys', count(distinct k))
            from public.sync_pages as p, unnest(p.keys) as k
            where p.job_id = job.id and p.stream = stream_name and p.part = (env ->> 'part')::int
              and p.window_start is not distinct from to_timestamp((env ->> 'window_start')::bigint)
              and p.window_end is not distinct from to_timestamp((env ->> 'window_end')::bigint));
        update public.sync_pages set answer = result where job_id = job.id and seq = job.page_seq;
    end if;

    update public.sync_jobs
       set cursor = env -> 'cursor', page_seq = job.page_seq + 1,
           records_done = records_done + fresh_keys,
           records_total = coalesce((env ->> 'total')::bigint, records_total),
           fraction = coalesce((env ->> 'fraction')::real, fraction),
           records_rejected = records_rejected + rejected_now,
           lease_expires_at = clock_timestamp() + make_interval(secs => coalesce((env ->> 'lease_seconds')::int, 60)),
           -- A page that landed is progress: what went wrong before it is forgiven.
           attempts = 0, deaths = 0
     where id = job.id;
    return result;
end $$;

-- replay_rejected: try records again that were rejected or landed in part, after the mapping was mended: those of one of
-- the user's connections, or of all. No call to the platform.
create or replace function public.replay_rejected(p_user_id uuid, p_after bigint default 0, p_limit int default 100,
                                                  p_connection_id uuid default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare r public.rejected_records; job public.sync_jobs; one record; landed int := 0; refused int := 0; last bigint;
begin
    for r in select * from public.rejected_records
             where connection_id = any (private.connections_of(p_user_id)) and status in ('open', 'partial') and id > p_after
               and (p_connection_id is null or connection_id = p_connection_id)
             order by id limit p_limit for update loop
        job.connection_id := r.connection_id;
        job.user_id := r.user_id;
        job.platform := r.platform;
        job.entity := r.entity;
        job.run_id := r.run_id;
        select * into one from private.land_one(job, r.shape, r.fetched_at, r.raw);
        if one.partial is not null then
            if r.status = 'open' then landed := landed + 1; else refused := refused + 1; end if;
            update public.rejected_records set status = 'partial', reason = one.partial, sqlstate = one.code where id = r.id;
        elsif one.reason is null then
            landed := landed + 1;
            update public.rejected_records set status = 'replayed', settled_at = clock_timestamp() where id = r.id;
        else
            refused := refused + 1;
            update public.rejected_records set reason = one.reason, sqlstate = one.code where id = r.id;
        end if;
        last := r.id;
    end loop;
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;

-- audit_job: what the pagination audit and the table say about the stream that this job read. `p_newest` is the
-- key of the newest record that the platform shows.
create or replace function private.audit_job(job public.sync_jobs, p_stream text, p_table text, p_time_column text,
                                             p_newest text default null) returns jsonb
language plpgsql set search_path = '' as $$
declare facts jsonb; times jsonb; missing bigint; stored bigint;
        has_newest boolean;
begin
    with pages as (
        select *, max(pass) over (partition by part, window_start, window_end) as last_pass
        from public.sync_pages where job_id = job.id and stream = p_stream),
    windows as (
        select part, window_start, window_end, max(pass) as passes,
               count(*) filter (where pass = last_pass) as pages,
               (array_agg(provider_count order by seq desc))[1] as provider_count
        from pages group by part, window_start, window_end)
    select jsonb_build_object(
        'union_keys', (select count(distinct k) from pages, unnest(keys) as k),
        'last_pass_keys', (select count(distinct k) from pages, unnest(keys) as k where pass = last_pass),
        'rejected', (select count(distinct k) from pages as g, unnest(g.keys) as k
                     join public.rejected_records as r on r.connection_id = job.connection_id
                      and r.stream = p_stream and r.status = 'open'
                      and k = coalesce(r.platform_id, 'rejected:' || r.raw_md5)),
        'partial', (select count(*) from public.rejected_records as r
                    where r.connection_id = job.connection_id and r.status = 'partial'
                      and (r.entity = job.entity or r.stream = p_stream)),
        'windows', (select coalesce(jsonb_agg(jsonb_build_object(
                        'part', part, 'start', extract(epoch from window_start)::bigint,
                        'end', extract(epoch from window_end)::bigint, 'passes', passes, 'pages', pages,
                        'provider_count', provider_count) order by part, window_start), '[]') from windows))
      into facts;

    execute format($sql$
        select count(*) from (
            select k from public.sync_pages as g, unnest(g.keys) as k where g.job_id = $1 and g.stream = $2
            except
            select t.platform_id from public.%1$I as t where t.connection_id = $3
            except
            select coalesce(r.platform_id, 'rejected:' || r.raw_md5) from public.rejected_records as r
            where r.connection_id = $3 and r.stream = $2 and r.status = 'open') as absent
    $sql$, p_table) into missing using job.id, p_stream, job.connection_id;
    execute format('select count(*) from public.%I where connection_id = $1 and not is_deleted', p_table)
       into stored using job.connection_id;

    select exists (select 1 from public.sync_pages as g
                   where g.job_id = job.id and g.stream = p_stream and p_newest = any (g.keys)) into has_newest;

    if p_time_column <> '' then
        execute format($sql$
            with gaps as (
                select %1$I as until, lag(%1$I) over (order by %1$I) as since
                from public.%2$I where connection_id = $1 and not is_deleted),
            sized as (select since, until, extract(epoch from until - since) as seconds from gaps where since is not null)
            select jsonb_build_object(
                'earliest', (select min(until) from gaps), 'latest', (select max(until) from gaps),
                'median_gap_seconds', (select percentile_cont(0.5) within group (order by seconds) from sized),
                'largest_gaps', (select coalesce(jsonb_agg(to_jsonb(g)), '[]') from
                                 (select since, until, seconds from sized order by seconds desc limit 5) as g))
        $sql$, p_time_column, p_table) into times using job.connection_id;
    end if;
    return facts || jsonb_build_object('missing_rows', missing, 'stored_rows', stored, 'has_newest', has_newest) || coalesce(times, '{}');
end $$;

create or replace function private.parts_etsy_receipts() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_receipts_orders", "table": "orders", "columns": {"order_number": ["receipt_id"], "status": ["status"], "is_paid": ["is_paid"], "is_shipped": ["is_shipped"], "is_gift": ["is_gift"], "buyer_platform_id": ["buyer_user_id"], "country": ["country_iso"], "payment_method": ["payment_method"], "ordered_at": ["created_timestamp"], "item_total_amount": ["total_price"], "discount_amount": ["discount_amt"], "subtotal_amount": ["subtotal"], "shipping_amount": ["total_shipping_cost"], "tax_amount": ["total_tax_cost"], "vat_amount": ["total_vat_cost"], "gift_wrap_amount": ["gift_wrap_price"], "total_amount": ["grandtotal"], "currency": ["grandtotal.currency_code"]}, "updated": ["updated_timestamp", "update_timestamp", "created_timestamp"], "updated_as": "epoch"},
      {"map": "map_etsy_receipts_customers", "table": "customers", "columns": {"name": ["name"], "email": ["buyer_email"], "country": ["country_iso"], "last_order_at": ["created_timestamp"]}},
      {"map": "map_etsy_receipts_line_items", "table": "line_items", "columns": {"listing_platform_id": ["listing_id"], "product_platform_id": ["product_id"], "sku": ["sku"], "title": ["title"], "quantity": ["quantity"], "price_amount": ["price"], "shipping_amount": ["shipping_cost"], "shop_coupon_amount": ["shop_coupon"], "buyer_coupon_amount": ["buyer_coupon"], "is_digital": ["is_digital"], "ordered_at": ["created_timestamp"], "shipped_at": ["shipped_timestamp"], "currency": ["price.currency_code"]}, "at": "transactions", "key": ["transaction_id"], "unique": true},
      {"map": "map_etsy_receipts_order_refunds", "table": "order_refunds", "columns": {"refund_amount": ["amount"], "reason": ["reason"], "status": ["status"], "refunded_at": ["created_timestamp"], "currency": ["amount.currency_code"]}, "at": "refunds", "key": ["created_timestamp", "amount.amount"], "unique": false},
      {"map": "map_etsy_receipts_order_fulfillments", "table": "order_fulfillments", "columns": {"carrier": ["carrier_name"], "tracking_code": ["tracking_code"], "shipped_at": ["shipment_notification_timestamp"]}, "at": "shipments", "key": ["receipt_shipping_id"], "unique": false}]'::jsonb
$$;

create or replace function private.parts_etsy_transactions() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_transactions_line_items", "table": "line_items", "columns": {"order_platform_id": ["receipt_id"], "listing_platform_id": ["listing_id"], "product_platform_id": ["product_id"], "sku": ["sku"], "title": ["title"], "quantity": ["quantity"], "price_amount": ["price"], "shipping_amount": ["shipping_cost"], "shop_coupon_amount": ["shop_coupon"], "buyer_coupon_amount": ["buyer_coupon"], "is_digital": ["is_digital"], "ordered_at": ["created_timestamp"], "shipped_at": ["shipped_timestamp"], "currency": ["price.currency_code"]}, "updated": ["created_timestamp"], "updated_as": "epoch"}]'::jsonb
$$;

create or replace function private.parts_etsy_listings() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_listings_listings", "table": "listings", "columns": {"title": ["title"], "state": ["state"], "url": ["url"], "skus": ["skus"], "quantity": ["quantity"], "price_amount": ["price"], "has_variations": ["has_variations"], "listed_at": ["original_creation_timestamp"], "ends_at": ["ending_timestamp"], "currency": ["price.currency_code"]}, "updated": ["updated_timestamp", "last_modified_timestamp", "state_timestamp", "created_timestamp"], "updated_as": "epoch"}]'::jsonb
$$;

create or replace function private.parts_etsy_ledger_entries() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_ledger_entries_payments", "table": "payments", "columns": {"sequence_number": ["sequence_number"], "entry_type": ["ledger_type"], "description": ["description"], "entry_amount": ["amount"], "balance_amount": ["balance"], "reference_type": ["reference_type"], "reference_id": ["reference_id"], "parent_platform_id": ["parent_entry_id"], "order_platform_id": ["reference_id"], "occurred_at": ["created_timestamp"], "currency": ["currency"]}, "updated": ["created_timestamp", "create_date"], "updated_as": "epoch"}]'::jsonb
$$;

create or replace function private.parts_etsy_payments() returns jsonb language sql immutable as $$
    select '[{"map": "map_etsy_payments_order_payments", "table": "order_payments", "columns": {"order_platform_id": ["receipt_id"], "status": ["status"], "gross_amount": ["amount_gross"], "fees_amount": ["amount_fees"], "net_amount": ["amount_net"], "paid_at": ["created_timestamp"], "currency": ["amount_gross.currency_code"]}, "updated": ["updated_timestamp", "update_timestamp", "created_timestamp"], "updated_as": "epoch"}]'::jsonb
$$;

create or replace function private.parts_printify_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_printify_orders_printify_orders", "table": "printify_orders", "columns": {"app_order_id": ["app_order_id"], "status": ["status"], "order_type": ["metadata.order_type"], "shop_order_id": ["metadata.shop_order_id"], "shop_order_label": ["metadata.shop_order_label"], "is_reprint": ["metadata.is_reprint"], "reprinted_order_ids": ["metadata.reprinted_order_ids"], "shipping_method": ["shipping_method"], "is_express": ["is_printify_express"], "country": ["address_to.country"], "region": ["address_to.region"], "retail_amount": ["total_price"], "shipping_amount": ["total_shipping"], "tax_amount": ["total_tax"], "ordered_at": ["created_at"], "sent_to_production_at": ["sent_to_production_at"], "fulfilled_at": ["fulfilled_at"]}, "updated": ["created_at"], "updated_as": "iso_time"},
      {"map": "map_printify_orders_printify_line_items", "table": "printify_line_items", "columns": {"status": ["status"], "product_platform_id": ["product_id"], "variant_id": ["variant_id"], "print_provider_id": ["print_provider_id"], "sku": ["metadata.sku"], "title": ["metadata.title"], "variant_title": ["metadata.variant_label"], "quantity": ["quantity"], "cost_amount": ["cost"], "shipping_cost_amount": ["shipping_cost"], "retail_amount": ["metadata.price"], "sent_to_production_at": ["sent_to_production_at"], "fulfilled_at": ["fulfilled_at"]}, "at": "line_items", "key": ["id"], "unique": false},
      {"map": "map_printify_orders_printify_shipments", "table": "printify_shipments", "columns": {"carrier": ["carrier"], "tracking_code": ["number"], "delivered_at": ["delivered_at"]}, "at": "shipments", "key": ["carrier", "number"], "unique": false}]'::jsonb
$$;

create or replace function private.parts_printify_products() returns jsonb language sql immutable as $$
    select '[{"map": "map_printify_products_printify_products", "table": "printify_products", "columns": {"title": ["title"], "tags": ["tags"], "blueprint_id": ["blueprint_id"], "print_provider_id": ["print_provider_id"], "is_visible": ["visible"], "is_locked": ["is_locked"], "channel_product_id": ["external.id", "external.0.id"], "channel_url": ["external.handle", "external.0.handle"], "made_at": ["created_at"]}, "updated": ["updated_at", "update_at", "created_at"], "updated_as": "iso_time"},
      {"map": "map_printify_products_printify_variants", "table": "printify_variants", "columns": {"variant_id": ["id"], "sku": ["sku"], "title": ["title"], "cost_amount": ["cost"], "price_amount": ["price"], "weight_grams": ["grams"], "is_enabled": ["is_enabled"], "is_default": ["is_default"], "is_available": ["is_available"]}, "at": "variants", "key": ["id"], "unique": false}]'::jsonb
$$;

create or replace function private.parts_shopify_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["displayFinancialStatus"], "fulfillment_status": ["displayFulfillmentStatus"], "is_paid": ["fullyPaid"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["paymentGatewayNames"], "ordered_at": ["processedAt"], "cancelled_at": ["cancelledAt"], "discount_amount": ["totalDiscountsSet.shopMoney"], "subtotal_amount": ["subtotalPriceSet.shopMoney"], "shipping_amount": ["totalShippingPriceSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "tip_amount": ["totalTipReceivedSet.shopMoney"], "total_amount": ["totalPriceSet.shopMoney"], "current_total_amount": ["currentTotalPriceSet.shopMoney"], "refunded_amount": ["totalRefundedSet.shopMoney"], "presentment_currency": ["totalPriceSet.presentmentMoney.currencyCode"], "presentment_total_amount": ["totalPriceSet.presentmentMoney"], "currency": ["currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product.id"], "product_platform_id": ["variant.id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["currentQuantity"], "price_amount": ["originalUnitPriceSet.shopMoney"], "discount_amount": ["totalDiscountSet.shopMoney"], "currency": ["originalUnitPriceSet.shopMoney.currencyCode"]}, "at": "lineItems.nodes", "key": ["id"], "unique": true},
      {"map": "map_shopify_orders_order_transactions", "table": "order_transactions", "columns": {"kind": ["kind"], "status": ["status"], "gateway": ["gateway"], "is_test": ["test"], "parent_platform_id": ["parentTransaction.id"], "transaction_amount": ["amountSet.shopMoney"], "processed_at": ["processedAt"], "currency": ["amountSet.shopMoney.currencyCode"]}, "at": "transactions", "key": ["id"], "unique": true},
      {"map": "map_shopify_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["carrier", "trackingInfo.0.company"], "tracking_code": ["trackingCode", "trackingInfo.0.number"], "shipped_at": ["createdAt"]}, "at": "fulfillments", "key": ["id"], "unique": true}]'::jsonb
$$;

create or replace function private.parts_shopify_refunds() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_refunds_order_refunds", "table": "order_refunds", "columns": {"order_platform_id": ["order.id"], "refund_amount": ["totalRefundedSet.shopMoney"], "reason": ["note"], "refunded_at": ["processedAt"], "currency": ["totalRefundedSet.shopMoney.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"},
      {"map": "map_shopify_refunds_order_refund_lines", "table": "order_refund_lines", "columns": {"line_item_platform_id": ["lineItem.id"], "quantity": ["quantity"], "restock_type": ["restockType"], "subtotal_amount": ["subtotalSet.shopMoney"], "tax_amount": ["totalTaxSet.shopMoney"], "currency": ["subtotalSet.shopMoney.currencyCode"]}, "at": "refundLineItems.nodes", "key": ["lineItem.id"], "unique": false}]'::jsonb
$$;

create or replace function private.parts_shopify_products() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_products_listings", "table": "listings", "columns": {"title": ["title"], "state": ["status"], "quantity": ["totalInventory"], "price_amount": ["priceRangeV2.minVariantPrice"], "listed_at": ["createdAt"], "currency": ["priceRangeV2.minVariantPrice.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.parts_shopify_variants() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_variants_listing_variants", "table": "listing_variants", "columns": {"listing_platform_id": ["product.id"], "title": ["title"], "sku": ["sku"], "barcode": ["barcode"], "sort_order": ["position"], "quantity": ["inventoryQuantity"], "price_amount": ["price"], "compare_at_amount": ["compareAtPrice"], "listed_at": ["createdAt"], "currency": ["product.priceRangeV2.minVariantPrice.currencyCode"]}, "updated": ["updatedAt"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.parts_shopify_customers() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_customers_customers", "table": "customers", "columns": {"name": ["displayName"], "email": ["defaultEmailAddress.emailAddress"], "country": ["defaultAddress.countryCodeV2"]}, "updated": ["updatedAt"], "updated_as": "iso_time"}]'::jsonb
$$;

create or replace function private.parts_shopify_rest_orders() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_rest_orders_orders", "table": "orders", "columns": {"order_number": ["name"], "status": ["financial_status"], "fulfillment_status": ["fulfillment_status"], "is_test": ["test"], "buyer_platform_id": ["customer.id"], "payment_method": ["payment_gateway_names"], "ordered_at": ["processed_at"], "cancelled_at": ["cancelled_at"], "discount_amount": ["total_discounts"], "subtotal_amount": ["subtotal_price"], "shipping_amount": ["total_shipping_price_set.shop_money"], "tax_amount": ["total_tax"], "tip_amount": ["total_tip_received"], "total_amount": ["total_price"], "current_total_amount": ["current_total_price"], "presentment_currency": ["presentment_currency"], "presentment_total_amount": ["total_price_set.presentment_money"], "currency": ["currency"]}, "updated": ["updated_at"], "updated_as": "iso_time"},
      {"map": "map_shopify_rest_orders_line_items", "table": "line_items", "columns": {"listing_platform_id": ["product_id"], "product_platform_id": ["variant_id"], "sku": ["sku"], "title": ["name"], "quantity": ["quantity"], "current_quantity": ["current_quantity"], "price_amount": ["price"], "discount_amount": ["total_discount"], "currency": ["price_set.shop_money.currency_code"]}, "at": "line_items", "key": ["id"], "unique": true},
      {"map": "map_shopify_rest_orders_order_fulfillments", "table": "order_fulfillments", "columns": {"status": ["status"], "carrier": ["tracking_company"], "tracking_code": ["tracking_number"], "shipped_at": ["created_at"]}, "at": "fulfillments", "key": ["id"], "unique": true}]'::jsonb
$$;

create or replace function private.parts_shopify_rest_customers() returns jsonb language sql immutable as $$
    select '[{"map": "map_shopify_rest_customers_customers", "table": "customers", "columns": {"name": ["default_address.name", "first_name"], "email": ["email"], "country": ["default_address.country_code"]}, "updated": ["updated_at"], "updated_as": "iso_time"}]'::jsonb
$$;
