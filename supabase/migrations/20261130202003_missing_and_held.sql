-- What a whole reading does not show is gone at the second sighting, and very many at once never by itself.
create table private.missing_records (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    table_name text not null,
    platform_id text not null,
    -- Who missed it first, and when.
    run_id uuid not null,
    seen_at timestamptz not null,
    -- When another run missed it too.
    again_at timestamptz,
    -- By whom it was marked gone: that run can be taken back (restore_gone).
    gone_run uuid,
    gone_at timestamptz,
    primary key (connection_id, table_name, platform_id)
);
create index missing_records_gone on private.missing_records (gone_at) where gone_at is not null;
create index missing_records_of_run on private.missing_records (gone_run) where gone_run is not null;
comment on table private.missing_records is 'Records that a whole reading did not show: once, or gone since.';

create table private.held_deletions (
    id bigint generated always as identity primary key,
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    entity text not null,
    table_name text not null,
    -- What goes with a record: {table: the column that names the record}.
    children jsonb not null,
    run_id uuid not null,
    held bigint not null,
    stored bigint not null,
    held_at timestamptz not null default clock_timestamp(),
    -- 'over': the platform shows them again, or so many that the rest may go by itself.
    decision text check (decision in ('confirmed', 'dismissed', 'over')),
    decided_at timestamptz,
    check ((decision is null) = (decided_at is null))
);
create unique index held_deletions_open on private.held_deletions (connection_id, table_name) where decided_at is null;
create index held_deletions_by_age on private.held_deletions (decided_at) where decided_at is not null;
comment on table private.held_deletions is 'Very many records that seem to be gone: nothing of it goes until a person has decided.';
