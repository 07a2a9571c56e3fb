-- What operators see and do across tenants: jobs of all, ending and hurrying one, a platform that is left alone (docs/decisions/046).

create table private.paused_platforms (
    platform text primary key,
    paused_at timestamptz not null default clock_timestamp(),
    paused_by text not null
);
comment on table private.paused_platforms is 'Platforms that an operator has paused: none of their shops is read.';
create index sync_jobs_by_age on public.sync_jobs (created_at desc, id);
