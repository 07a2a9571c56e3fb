-- What was read of Square's before its sales were added up is rolled up anew.

select private.mark_all(a.id, 'history') from public.connected_accounts as a where a.platform = 'square';
