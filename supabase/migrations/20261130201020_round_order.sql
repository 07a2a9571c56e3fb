-- Who is next among rounds: whom a call saves the most delay, by what its rounds have seen of it.

alter table private.round_promises add column likely double precision check (likely > 0);
update private.round_promises set likely = case plan when 'starter' then 2 when 'pro' then 10 when 'enterprise' then 50 else 0.3 end;
alter table private.round_promises alter column likely set not null;

alter table private.sync_rounds
    add column changes double precision not null default 0,
    add column days double precision not null default 0,
    add column recall double precision not null default 0,
    add column calls double precision not null default 1;

create table private.round_prices (
    platform text primary key,
    per_day bigint not null check (per_day > 0),
    live_share double precision not null,
    backfill_share double precision not null,
    price double precision not null default 0.02,
    stretch double precision not null default 1 check (stretch >= 1),
    priced_at timestamptz not null default '-infinity'
);
comment on table private.round_prices is 'What a call of a day that all shops share has to be worth, to be spent on a round.';
insert into private.round_prices (platform, per_day, live_share, backfill_share) values ('etsy', 5000, 0.1, 0.5);

create index sync_jobs_rounds on public.sync_jobs (platform) where job_type = 'incremental' and status in ('queued', 'parked');
create index platform_events_of_shop on private.platform_events (connection_id, received_at);

-- What it does comes with the functions that follow.
create function private.replan_rounds() returns trigger language plpgsql security definer set search_path = ''
as $$ begin return new; end $$;
create trigger replan_rounds after update of plan on public.profiles
    for each row when (old.plan is distinct from new.plan) execute function private.replan_rounds();
