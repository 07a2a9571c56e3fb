-- Subscriptions to webhooks are made and mended by us: how the last look found them.
create table private.webhook_standings (
    connection_id uuid primary key references public.connected_accounts (id) on delete cascade,
    -- 'right_missing': those that the rights allow are there; the others are named.
    state text not null default 'unknown' check (state in ('unknown', 'working', 'right_missing', 'refused', 'not_set_up')),
    missing text[] not null default '{}',
    reason text not null default '',
    -- Those that we made or took over: [{id, topic, mark}]. Only these, and those at our very address, are ours to end.
    registered jsonb not null default '[]',
    checked_at timestamptz,
    due_at timestamptz not null,
    -- How many had to be made after the first look, because they were gone or not as they should be; when the last was.
    mended bigint not null default 0,
    mended_at timestamptz
);
create index webhook_standings_due on private.webhook_standings (due_at);
comment on table private.webhook_standings is 'The subscriptions to each shop''s webhooks, as the last look found them.';

-- forget_standing: a connection that ended hears of nothing; connected again it is looked after at once.
create or replace function private.forget_standing() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    delete from private.webhook_standings where connection_id = new.id;
    return null;
end $$;
create trigger forget_standing after update of status on public.connected_accounts
    for each row when (new.status <> 'connected' and old.status = 'connected') execute function private.forget_standing();
