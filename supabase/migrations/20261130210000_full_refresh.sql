-- Full refreshes: a shop is read anew beside what is there, proven, and swapped in by one transaction.

create table private.full_refreshes (
    -- The run's id.
    id uuid primary key,
    connection_id uuid not null,
    user_id uuid not null,
    -- Stands in the shadow's rows as connection and as user.
    shadow_id uuid not null unique,
    -- 'reading': until all of its jobs are proven and it is swapped in.
    status text not null default 'reading' check (status in ('reading', 'swapped', 'failed', 'cancelled')),
    -- What its records become, in the order to swap (execution/full_refresh.py): {table, entity, streams, keeps, parents}.
    tables jsonb not null,
    -- The domains that were read whole, as sweep_gone was asked.
    sweeps jsonb not null default '[]',
    begun_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    error_code text,
    error text,
    -- What the swap did: {tables: {table: {created, changed, deleted}}, held_back}.
    result jsonb,
    check ((status = 'reading') = (ended_at is null))
);
comment on table private.full_refreshes is 'Shops that are, or were, read anew beside what is there.';
create unique index full_refreshes_one_open on private.full_refreshes (connection_id) where status = 'reading';
create index full_refreshes_of_connection on private.full_refreshes (connection_id, begun_at);
create index full_refreshes_by_age on private.full_refreshes (ended_at) where ended_at is not null;

alter table public.sync_runs drop constraint sync_runs_job_type_check,
    add constraint sync_runs_job_type_check check (job_type in ('backfill', 'incremental', 'refresh', 'rollback'));
alter table public.sync_jobs drop constraint sync_jobs_job_type_check,
    add constraint sync_jobs_job_type_check check (job_type in ('backfill', 'incremental', 'refresh')),
    add column shadow_id uuid;
alter table public.sync_jobs add constraint sync_jobs_shadow check ((shadow_id is not null) = (job_type = 'refresh')
                                                               and (is_whole or job_type <> 'refresh'));
-- Rejected records may be a shadow's.
alter table public.rejected_records drop constraint rejected_records_connection_id_fkey;
alter table private.unfinished_work drop constraint unfinished_work_name_check,
    add constraint unfinished_work_name_check check (name in ('rebuild', 'restate', 'drop_shadows'));
