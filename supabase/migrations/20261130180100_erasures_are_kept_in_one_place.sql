-- What was erased stays so where records land (erasure.sql), and no longer by a trigger a table.
drop trigger keep_erased_insert on public.customers;
drop trigger keep_erased_update on public.customers;
drop trigger keep_erased_insert on public.order_refunds;
drop trigger keep_erased_update on public.order_refunds;
drop trigger keep_erased_insert on public.order_fulfillments;
drop trigger keep_erased_update on public.order_fulfillments;
drop trigger keep_erased_insert on public.printify_shipments;
drop trigger keep_erased_update on public.printify_shipments;
