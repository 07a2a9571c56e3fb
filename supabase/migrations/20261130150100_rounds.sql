-- Rounds: when each entity of each shop is read next.

-- What plans are promised: nothing of a shop is older. Of directives/sync_orchestration.md; a test holds them equal.
create table private.round_promises (plan text primary key, every interval not null check (every >= '1 minute'));
insert into private.round_promises (plan, every) values
    ('free', '6 hours'), ('starter', '1 hour'), ('pro', '15 minutes'), ('enterprise', '5 minutes');
comment on table private.round_promises is 'How old a shop may be, by plan. Unknown plans are promised what free is.';

-- Which entities have rounds: each platform's, in its own file. `seldom`: not more often than this, whatever the plan.
-- `whole`: how often everything is read once more, where rounds do not see everything. `begins_with`: the entity whose
-- backfill has to be proven first, where it is another.
create table private.round_rules (
    platform text not null,
    entity text not null,
    position int not null,
    seldom interval not null,
    whole interval,
    begins_with text,
    primary key (platform, entity)
);
comment on table private.round_rules is 'Entities that are read again in rounds, in their order, and how often at most.';

create table private.sync_rounds (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    entity text not null,
    due_at timestamptz not null,
    whole_at timestamptz,
    primary key (connection_id, entity)
);
create index sync_rounds_due on private.sync_rounds (due_at);
comment on table private.sync_rounds is 'When each entity of each shop is read next, and when all of it is.';

insert into private.round_rules (platform, entity, position, seldom, whole) values
    ('etsy', 'payments', 0, '0', null), ('etsy', 'orders', 1, '1 hour', '7 days'), ('etsy', 'listings', 2, '1 day', null),
    ('printify', 'orders', 0, '0', '1 day'), ('printify', 'products', 1, '1 day', null),
    ('shopify', 'orders', 0, '0', '7 days'), ('shopify', 'listings', 1, '1 hour', '1 day'),
    ('shopify', 'variants', 2, '1 day', null), ('shopify', 'customers', 3, '6 hours', '7 days');

alter table public.sync_jobs add column is_whole boolean not null default false;

-- A complete reading alone can tell that a printer's order is gone.
drop trigger rebuild_short on public.sync_jobs;
create trigger rebuild_short after update of status on public.sync_jobs
    for each row when (new.status = 'completed' and old.status <> 'completed' and new.platform = 'printify'
                       and new.entity = 'orders' and (new.job_type = 'backfill' or new.is_whole))
    execute function private.rebuild_short();

-- Shops that were proven before there were rounds follow from their watermark on.
insert into private.sync_rounds (connection_id, entity, due_at, whole_at)
select c.connection_id, c.entity, clock_timestamp(), clock_timestamp() + r.whole from public.sync_cursors as c
  join private.round_rules as r on r.platform = c.platform and r.entity = c.entity
on conflict do nothing;
