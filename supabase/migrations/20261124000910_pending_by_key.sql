-- Which payments are still to be looked up is read in the order of an index, as far as one batch goes. Until now each
-- batch of a hundred read all that were left: 15 ms a batch for 10,000 orders, twenty times that for 200,000.

-- Two of about nine entries an order, and only until they have found theirs. Where `payments` is large and may not stand
-- still, build it beforehand with `create index concurrently`.
create index if not exists payments_to_look_up on public.payments (user_id, platform, reference_id)
    where order_platform_id is null and reference_type in ('shop_payment', 'processing_fee');

create or replace function private.pending_etsy_payments(job public.sync_jobs, p_after text, p_limit int)
returns setof text
language sql stable set search_path = '' set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
    set enable_hashagg = off set enable_hashjoin = off set enable_mergejoin = off
as $$
    select r.reference_id
    from (select distinct p.reference_id from public.payments as p
          where p.user_id = job.user_id and p.platform = job.platform and p.order_platform_id is null
            and p.reference_type in ('shop_payment', 'processing_fee')
            and p.reference_id > p_after and p.reference_id ~ '^[0-9]+$'
          order by p.reference_id) as r
    where not exists (select from public.order_payments as o
                      where o.user_id = job.user_id and o.platform = job.platform and o.platform_id = r.reference_id
                      offset 0)
    order by r.reference_id limit p_limit;
$$;
