-- Written by hand, as steps of other platforms are: which orders a webhook has named and nobody has read again yet.
create or replace function private.pending_bazaar_changed_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    select private.pending_changes(job, 'orders', p_after, p_limit)
$$;
