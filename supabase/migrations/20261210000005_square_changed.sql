-- What webhooks of Square's have named is read again by its id (docs/decisions/044).

-- pending_square_changed_…: what webhooks have named and nobody has read again yet.
create or replace function private.pending_square_changed_orders(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'orders', p_after, p_limit) $$;

create or replace function private.pending_square_changed_payments(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'payments', p_after, p_limit) $$;

create or replace function private.pending_square_changed_refunds(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'refunds', p_after, p_limit) $$;

create or replace function private.pending_square_changed_customers(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'customers', p_after, p_limit) $$;

create or replace function private.pending_square_changed_bookings(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = ''
as $$ select private.pending_changes(job, 'bookings', p_after, p_limit) $$;
