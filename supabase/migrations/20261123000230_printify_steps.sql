-- Printify's proofs.

-- What the costs rest on: lines, those of them that say no cost, orders without any. For information: a manual order may
-- have no line, and a line that was just ordered no cost yet.
create function private.prove_printify_lines(job public.sync_jobs) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('ok', true, 'detail', jsonb_build_object(
        'line_items', (select count(*) from public.printify_line_items as l
                       where l.user_id = job.user_id and l.platform = job.platform and not l.is_deleted),
        'without_cost', (select count(*) from public.printify_line_items as l
                         where l.user_id = job.user_id and l.platform = job.platform and not l.is_deleted
                           and l.cost_amount is null),
        'orders_without_lines', (
            select count(*) from (
                select o.platform_id from public.printify_orders as o
                where o.user_id = job.user_id and o.platform = job.platform and not o.is_deleted
                except
                select l.order_platform_id from public.printify_line_items as l
                where l.user_id = job.user_id and l.platform = job.platform and not l.is_deleted) as bare)));
$$;
