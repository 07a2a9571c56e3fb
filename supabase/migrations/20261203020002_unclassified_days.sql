-- Days that hold money of an unknown kind are counted by health.

create index money_day_states_unclassified on public.money_day_states (connection_id) where waits ? 'unclassified';
