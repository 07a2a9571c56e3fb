-- Fees that were not told at once are asked for again.

create index transactions_without_fees on public.order_transactions (connection_id, processed_at)
    where fees_amount is null and gateway = 'shopify_payments' and status = 'success' and not is_deleted;

-- pending_shopify_late_fees: orders with a payment by Shopify Payments whose fee was not told yet, each some times: when so long
-- has passed since it was paid. One that is not told by then is unknown.
create or replace function private.pending_shopify_late_fees(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select distinct t.order_platform_id from public.order_transactions as t
    where t.connection_id = job.connection_id and t.fees_amount is null and t.gateway = 'shopify_payments' and t.status = 'success'
      and t.kind in ('sale', 'capture') and not t.is_deleted
      and t.processed_at between job.window_start - interval '4 days' and job.window_end
      and t.order_platform_id > p_after
      and exists (select from unnest('{10 minutes,1 hour,6 hours,1 day,3 days}'::interval[]) as l (later)
                  where t.processed_at + l.later > job.window_start and t.processed_at + l.later <= job.window_end)
    order by 1 limit p_limit;
$$;
