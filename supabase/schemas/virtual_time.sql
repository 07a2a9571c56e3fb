-- Whose job is next: whoever has had the fewest calls for the weight of his plan (start-time fair queueing). Why here
-- and not at the reservation: docs/decisions/014-fairness-in-the-claim.md.

-- The weights of directives/rate_budgets.md.
create table private.plan_weights (plan text primary key, weight double precision not null check (weight > 0));
insert into private.plan_weights (plan, weight) values ('free', 1), ('starter', 2), ('pro', 4), ('enterprise', 8);
comment on table private.plan_weights is 'How many calls a plan gets for each call of plan free, while both wait. Unknown plans weigh 1.';

-- Where the others stand: the highest virtual time that was served. One row, written only when a round begins.
create table private.virtual_clock (
    one boolean primary key default true check (one),
    virtual_time double precision not null
);
insert into private.virtual_clock (virtual_time) values (0);

-- Who used what, by the hour.
create table private.tenant_calls (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    class text not null,
    hour timestamptz not null,
    calls bigint not null,
    primary key (user_id, platform, class, hour)
);
create index tenant_calls_by_hour on private.tenant_calls (hour);

-- round_of: a call of the plainest plan is a round. In a round orders come first, then the plan's rank.
create or replace function private.round_of(p_virtual_time double precision) returns double precision
language sql immutable set search_path = '' as $$ select floor(p_virtual_time) $$;
-- The round first; in a round the rank (orders, then the plan), then who was served longest ago.
create index sync_jobs_virtual_time on public.sync_jobs
    (private.round_of(virtual_time), priority, served_at, id) where status = 'queued';

-- start_virtual_time: a new job starts where the others stand: it neither waits for what they had nor owes anything.
create or replace function private.start_virtual_time() returns trigger language plpgsql set search_path = '' as $$
begin
    new.virtual_time := greatest(new.virtual_time, (select virtual_time from private.virtual_clock));
    return new;
end $$;
create trigger sync_jobs_start_virtual_time before insert on public.sync_jobs
    for each row execute function private.start_virtual_time();

-- continue_virtual_time: the next entity goes on where the one before it ended.
create or replace function private.continue_virtual_time() returns trigger language plpgsql set search_path = '' as $$
begin
    new.virtual_time := greatest(new.virtual_time, (
        select max(virtual_time) from public.sync_jobs
        where connection_id = new.connection_id and job_type = new.job_type));
    return new;
end $$;
create trigger sync_jobs_continue_virtual_time before update on public.sync_jobs
    for each row when (old.status = 'waiting' and new.status = 'queued') execute function private.continue_virtual_time();

-- charge_virtual_time: calls were used; moves the line on, by weight, and keeps the tenant's account.
create or replace function private.charge_virtual_time() returns trigger language plpgsql set search_path = '' as $$
declare
    calls_ bigint := greatest(0, new.calls_used - old.calls_used);
    now_ timestamptz := clock_timestamp();
    weight_ double precision;
begin
    select w.weight into weight_ from public.profiles as p join private.plan_weights as w on w.plan = p.plan
     where p.user_id = new.user_id;
    update private.virtual_clock set virtual_time = old.virtual_time
     where one and private.round_of(virtual_time) < private.round_of(old.virtual_time);
    new.virtual_time := old.virtual_time + calls_ / coalesce(weight_, 1);
    insert into private.tenant_calls as kept (user_id, platform, class, hour, calls)
    values (new.user_id, new.platform, case new.job_type when 'refresh' then 'backfill' else new.job_type end, date_trunc('hour', now_), calls_)
    on conflict (user_id, platform, class, hour) do update set calls = kept.calls + excluded.calls;
    return new;
end $$;
create trigger sync_jobs_charge_virtual_time before update on public.sync_jobs
    for each row when (old.calls_used is distinct from new.calls_used) execute function private.charge_virtual_time();
