-- The mapping of shopify's records, written by `python -m execution.mapping shopify`. Do not edit.

create or replace function private.land_shopify_customers(job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select e.*, private.gid_tail(e.r ->> 'id') as platform_id,
               e.version as source_updated_at,
               jsonb_hash_extended(e.raw, 0) as content_hash, m.*
        from (select e.r, e.ord, e.r as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updatedAt') when 'string' then e.r ->> 'updatedAt' when 'null' then null else private.wrong_type(e.r -> 'updatedAt', 'updatedAt', 'iso_time') end, 'updatedAt')) as version
              from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
             lateral private.map_shopify_customers_customers(e.raw) as m),
    fresh as materialized (
        select n.*, t.platform_id is not null as existed,
               t.platform_id is null or t.is_deleted or t.content_hash <> n.content_hash as changed
        from incoming as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.customers as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true
        where t.platform_id is null
           or n.source_updated_at > t.source_updated_at
           or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
               and n.platform_id <> all (seen_later))),
    parents_up as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.changed
        on conflict (user_id, platform, platform_id) do update set
            name = case when num_nonnulls(excluded.raw #>> '{firstName}', excluded.raw #>> '{lastName}') = 0 then coalesce(t.name, excluded.name) else excluded.name end,
            email = case when num_nonnulls(excluded.raw #>> '{defaultEmailAddress,emailAddress}') = 0 then coalesce(t.email, excluded.email) else excluded.email end,
            country = case when num_nonnulls(excluded.raw #>> '{defaultAddress,countryCodeV2}') = 0 then coalesce(t.country, excluded.country) else excluded.country end,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning (xmax = 0) as is_new)
    select array(select platform_id from incoming order by ord),
           (select count(*) from parents_up where is_new),
           (select count(*) from parents_up where not is_new),
           (select count(*) from fresh where not changed),
           (select count(*) from incoming) - (select count(*) from fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_customers_customers(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.customers as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_customers_customers(b.raw) as m),
    changed as (
        update public.customers as t set name = case when num_nonnulls(t.raw #>> '{firstName}', t.raw #>> '{lastName}') = 0 then coalesce(t.name, m.name) else m.name end, email = case when num_nonnulls(t.raw #>> '{defaultEmailAddress,emailAddress}') = 0 then coalesce(t.email, m.email) else m.email end, country = case when num_nonnulls(t.raw #>> '{defaultAddress,countryCodeV2}') = 0 then coalesce(t.country, m.country) else m.country end
          from mapped as m
         where t.ctid = m.ctid and (t.name, t.email, t.country) is distinct from (case when num_nonnulls(t.raw #>> '{firstName}', t.raw #>> '{lastName}') = 0 then coalesce(t.name, m.name) else m.name end, case when num_nonnulls(t.raw #>> '{defaultEmailAddress,emailAddress}') = 0 then coalesce(t.email, m.email) else m.email end, case when num_nonnulls(t.raw #>> '{defaultAddress,countryCodeV2}') = 0 then coalesce(t.country, m.country) else m.country end)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;

create or replace function private.land_shopify_rest_customers(job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select e.*, e.r ->> 'id' as platform_id,
               e.version as source_updated_at,
               jsonb_hash_extended(e.raw, 0) as content_hash, m.*
        from (select e.r, e.ord, jsonb_set(e.r, '{default_address}', jsonb_strip_nulls(jsonb_build_object('name', e.r -> 'default_address' -> 'name', 'country_code', e.r -> 'default_address' -> 'country_code', 'province_code', e.r -> 'default_address' -> 'province_code')), false) as raw, greatest(private.moment(case jsonb_typeof(e.r -> 'updated_at') when 'string' then e.r ->> 'updated_at' when 'null' then null else private.wrong_type(e.r -> 'updated_at', 'updated_at', 'iso_time') end, 'updated_at')) as version
              from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
             lateral private.map_shopify_rest_customers_customers(e.raw) as m),
    fresh as materialized (
        select n.*, t.platform_id is not null as existed,
               t.platform_id is null or t.is_deleted or t.content_hash <> n.content_hash as changed
        from incoming as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted
            from public.customers as t
            where t.user_id = job.user_id and t.platform = job.platform
              and t.platform_id = n.platform_id offset 0) as t on true
        where t.platform_id is null
           or n.source_updated_at > t.source_updated_at
           or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
               and n.platform_id <> all (seen_later))),
    parents_up as (
        insert into public.customers as t (user_id, platform, platform_id, name, email, country, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.user_id, job.platform, n.platform_id, n.name, n.email, n.country, n.raw, n.source_updated_at, n.content_hash, p_fetched_at, job.run_id, false
        from fresh as n
        where n.changed
        on conflict (user_id, platform, platform_id) do update set
            name = case when num_nonnulls(excluded.raw #>> '{default_address,name}', excluded.raw #>> '{first_name}') = 0 then coalesce(t.name, excluded.name) else excluded.name end,
            email = case when num_nonnulls(excluded.raw #>> '{email}') = 0 then coalesce(t.email, excluded.email) else excluded.email end,
            country = case when num_nonnulls(excluded.raw #>> '{default_address,country_code}') = 0 then coalesce(t.country, excluded.country) else excluded.country end,
            raw = excluded.raw,
            source_updated_at = excluded.source_updated_at,
            fetched_at = excluded.fetched_at,
            content_hash = excluded.content_hash,
            sync_run_id = excluded.sync_run_id,
            is_deleted = excluded.is_deleted
        where excluded.source_updated_at > t.source_updated_at
           or (excluded.source_updated_at = t.source_updated_at and excluded.fetched_at >= t.fetched_at)
        returning (xmax = 0) as is_new)
    select array(select platform_id from incoming order by ord),
           (select count(*) from parents_up where is_new),
           (select count(*) from parents_up where not is_new),
           (select count(*) from fresh where not changed),
           (select count(*) from incoming) - (select count(*) from fresh)
      into landed.keys, landed.created, landed.updated, landed.unchanged, landed.stale;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.remap_shopify_rest_customers_customers(p_user_id uuid, p_platform text, p_after text, p_limit int)
returns jsonb language plpgsql set search_path = '' as $$
declare answer jsonb;
begin
    with batch as materialized (
        select t.ctid, t.platform_id, t.raw from public.customers as t
        where t.user_id = p_user_id and t.platform = p_platform and t.platform_id > p_after
        order by t.platform_id limit p_limit),
    mapped as materialized (
        select b.ctid, m.* from batch as b, lateral private.map_shopify_rest_customers_customers(b.raw) as m),
    changed as (
        update public.customers as t set name = case when num_nonnulls(t.raw #>> '{default_address,name}', t.raw #>> '{first_name}') = 0 then coalesce(t.name, m.name) else m.name end, email = case when num_nonnulls(t.raw #>> '{email}') = 0 then coalesce(t.email, m.email) else m.email end, country = case when num_nonnulls(t.raw #>> '{default_address,country_code}') = 0 then coalesce(t.country, m.country) else m.country end
          from mapped as m
         where t.ctid = m.ctid and (t.name, t.email, t.country) is distinct from (case when num_nonnulls(t.raw #>> '{default_address,name}', t.raw #>> '{first_name}') = 0 then coalesce(t.name, m.name) else m.name end, case when num_nonnulls(t.raw #>> '{email}') = 0 then coalesce(t.email, m.email) else m.email end, case when num_nonnulls(t.raw #>> '{default_address,country_code}') = 0 then coalesce(t.country, m.country) else m.country end)
        returning 1)
    select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                              'after', (select max(platform_id) from batch)) into answer;
    return answer;
end $$;
