-- How often each of Square's lists is read again, and how far back (docs/decisions/044).

insert into private.round_rules (platform, entity, position, seldom, whole, lookback, lookback_cap, table_name, timed_by) values
    ('square', 'locations', 0, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'orders', 1, '0', '7 days', '15 minutes', '6 hours', 'orders', 'source_updated_at'),
    ('square', 'payments', 2, '15 minutes', '7 days', '15 minutes', '6 hours', 'order_payments', 'source_updated_at'),
    ('square', 'refunds', 3, '15 minutes', '7 days', '15 minutes', '6 hours', 'payment_refunds', 'source_updated_at'),
    ('square', 'inventory', 4, '1 hour', '7 days', '15 minutes', '6 hours', null, null),
    ('square', 'listings', 5, '6 hours', null, '15 minutes', '6 hours', null, null),
    ('square', 'variants', 6, '6 hours', null, '15 minutes', '6 hours', null, null),
    ('square', 'categories', 7, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'customers', 8, '1 hour', '7 days', '15 minutes', '6 hours', 'customers', 'source_updated_at'),
    ('square', 'bookings', 9, '1 hour', '30 days', '15 minutes', '6 hours', null, null),
    ('square', 'payouts', 10, '6 hours', '30 days', '10 days', '30 days', null, null),
    ('square', 'payout_entries', 11, '6 hours', null, '2 days', '10 days', null, null),
    ('square', 'disputes', 12, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'vendors', 13, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'team_members', 14, '1 day', null, '15 minutes', '6 hours', null, null),
    ('square', 'loyalty_accounts', 15, '1 day', null, '15 minutes', '6 hours', null, null);
