-- Buyers come with the orders. Where the orders are not complete, nobody can say that the customers are: no buyer is
-- missing among no orders. prove_etsy_buyers: as before, and `rests_on` names what has to be complete first.

create or replace function private.prove_etsy_buyers(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    with orders_job as (
        select o.status from public.sync_jobs as o
        where o.user_id = job.user_id and o.account_id = job.account_id and o.entity = 'orders'
          and o.job_type = job.job_type
        order by o.created_at desc limit 1),
    buyers as (
        select distinct buyer_platform_id from public.orders
        where user_id = job.user_id and platform = job.platform and buyer_platform_id is not null and not is_deleted),
    missing as (
        select buyer_platform_id from buyers
        except
        select c.platform_id from public.customers as c where c.user_id = job.user_id and c.platform = job.platform),
    facts as (
        select exists (select 1 from orders_job where status = 'completed') as orders_complete)
    select jsonb_build_object('ok', f.orders_complete and not exists (select 1 from missing), 'detail',
        jsonb_build_object(
            'buyers', (select count(*) from buyers), 'missing', (select count(*) from missing),
            'first_missing', (select coalesce(jsonb_agg(buyer_platform_id), '[]') from (select * from missing limit 5) as m))
        || case when f.orders_complete then '{}' else jsonb_build_object('rests_on', 'orders') end)
    from facts as f;
$$;
