-- What Square's webhooks end (docs/decisions/044): a page that was fetched before brings it back as deleted.

select private.closed_by_events('customers', 'square');
