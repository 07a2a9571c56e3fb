-- An order of Square's that has changed wakes its payments and refunds (docs/decisions/044).

-- woken_by_square_orders: an order that has changed was paid, or given back: both are read at once.
create or replace function private.woken_by_square_orders(job public.sync_jobs) returns setof text
language sql stable set search_path = '' as $$
    select e from unnest(array['payments', 'refunds']) as e
    where exists (select from public.sync_pages as g where g.job_id = job.id and g.stream = 'orders' and g.created + g.updated > 0);
$$;
