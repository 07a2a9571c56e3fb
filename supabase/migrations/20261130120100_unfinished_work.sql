-- Work over a whole shop goes on in steps, and its row says how far it is (docs/decisions/027).

create table private.unfinished_work (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    name text not null check (name in ('rebuild', 'restate')),
    after text not null default '',
    begun_at timestamptz not null default clock_timestamp(),
    primary key (connection_id, name)
);
