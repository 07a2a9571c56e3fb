-- A product that changed is read with its variants (execution/changes.py). They are a list of their own, of up to 2,048:
-- it is asked for in stretches of ids, because a variant that is new has a greater id than all before it.

-- pending_shopify_changed_variants: stretches of the changed products' variants, as '<product>:<after this variant>':
-- one from the beginning, and one after every 200th that is stored. A stretch brings 250, so that the last one reaches
-- the end; where it brings more than were known, another one begins behind it.
create function private.pending_shopify_changed_variants(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    with changed as (
        select e.object_id as product from private.platform_events as e
        where e.user_id = job.user_id and e.platform = 'shopify' and e.kind = 'products' and e.worked_at is null),
    stretches as (
        select product, '0' as variant from changed
        union all
        select v.product, v.variant from (
            select c.product, t.platform_id as variant,
                   row_number() over (partition by c.product order by lpad(t.platform_id, 20, '0')) as place
            from changed as c
            join public.listing_variants as t on t.user_id = job.user_id and t.platform = 'shopify'
                                             and t.listing_platform_id = c.product and not t.is_deleted) as v
        where v.place % 200 = 0)
    select s.stretch from (select product || ':' || lpad(variant, 20, '0') as stretch from stretches) as s
    where s.stretch > p_after order by s.stretch limit p_limit;
$$;

-- derive_shopify_gone_variants: of a product whose variants this job has read, those that it did not show are gone. One
-- that was named after the job began may have been read in part: the next job looks at it.
create function private.derive_shopify_gone_variants(job public.sync_jobs, p_after text, p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare product text; seen text[];
begin
    select e.object_id into product from private.platform_events as e
     where e.user_id = job.user_id and e.platform = 'shopify' and e.kind = 'products' and e.worked_at is null
       and e.received_at < job.started_at and e.object_id > p_after
     order by e.object_id limit 1;
    if product is null then
        return jsonb_build_object('rows', 0, 'after', p_after);
    end if;
    select array_agg(distinct k) into seen
      from public.sync_pages as p, unnest(p.keys) as k where p.job_id = job.id and p.stream = 'variants';
    update public.listing_variants as t set is_deleted = true, sync_run_id = job.run_id
     where t.user_id = job.user_id and t.platform = 'shopify' and t.listing_platform_id = product and not t.is_deleted
       and t.platform_id <> all (seen)
       -- A product always has a variant: where none was shown, it is the product that is gone.
       and exists (select 1 from public.listing_variants as o
                   where o.user_id = job.user_id and o.platform = 'shopify' and o.listing_platform_id = product
                     and o.platform_id = any (seen));
    return jsonb_build_object('rows', 1, 'after', product);
end $$;

-- listing_takes_variants: a listing that is gone (`products/delete`, or a complete read without it) takes its variants.
create function private.listing_takes_variants() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.listing_variants set is_deleted = true
     where user_id = new.user_id and platform = new.platform and listing_platform_id = new.platform_id
       and not is_deleted;
    return null;
end $$;
create trigger listing_takes_variants after update of is_deleted on public.listings
    for each row when (new.is_deleted and not old.is_deleted and new.platform = 'shopify')
    execute function private.listing_takes_variants();
