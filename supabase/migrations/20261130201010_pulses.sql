-- The call of one round shows whether there is news of other entities: those are read when there is, and not by the clock.

alter table private.round_rules
    add column pulse text, add column at_rest interval,
    add check ((pulse is null) = (at_rest is null));
update private.round_rules set pulse = 'orders', at_rest = '1 day'
 where platform = 'shopify' and entity in ('listings', 'customers');
alter table private.sync_rounds add column known_until timestamptz;
