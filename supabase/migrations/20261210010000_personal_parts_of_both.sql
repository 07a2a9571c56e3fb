-- Where a buyer may be named: payment accounts and the tables of a point of sale, which came in two changes, together.

-- personal_parts: where a buyer's orders leave text that may name a person: the table, the column that names the order
-- or the refund, and the columns that are emptied. `raw` is emptied everywhere. What stays in typed columns is the
-- seller's or the platform's: numbers, titles, times, amounts. Records about people and of printers: erase_buyer.
create or replace function private.personal_parts() returns table (name text, of_refund boolean, key text, clears text[])
language sql immutable set search_path = '' as $$
    values ('orders', false, 'platform_id', '{}'::text[]),
           ('line_items', false, 'order_platform_id', '{}'),
           ('order_refunds', false, 'order_platform_id', '{reason}'),
           ('order_refund_lines', true, 'refund_platform_id', '{}'),
           ('order_fulfillments', false, 'order_platform_id', '{tracking_code}'),
           ('order_transactions', false, 'order_platform_id', '{}'),
           ('order_shipping_lines', false, 'order_platform_id', '{}'),
           ('order_tax_lines', false, 'order_platform_id', '{}'),
           ('order_journals', false, 'platform_id', '{}'),
           ('order_sales', false, 'order_platform_id', '{}'),
           ('order_disputes', false, 'order_platform_id', '{}'),
           ('order_refund_shipping_lines', true, 'refund_platform_id', '{}'),
           ('order_refund_adjustments', true, 'refund_platform_id', '{}'),
           ('balance_transactions', false, 'order_platform_id', '{}'),
           ('order_payments', false, 'order_platform_id', '{}'),
           ('order_line_modifiers', false, 'order_platform_id', '{}'),
           ('order_service_charges', false, 'order_platform_id', '{}'),
           ('tenders', false, 'order_platform_id', '{}'),
           ('order_returns', false, 'order_platform_id', '{}'),
           ('order_return_lines', false, 'order_platform_id', '{}'),
           ('payments', false, 'order_platform_id', '{description}');
$$;
