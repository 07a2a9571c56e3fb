-- Unit costs: what a piece of a variant cost the seller, since when we know it. Platforms tell today's cost alone: the history
-- is our own, a row a value, by whichever way the variant was read.

create table public.unit_costs (
    connection_id uuid not null,
    user_id uuid not null,
    platform text not null,
    variant_platform_id text not null,
    currency text not null,
    cost_amount bigint not null,
    first_seen_at timestamptz not null,
    -- When another value was seen in its place; null: it stands.
    last_seen_at timestamptz,
    primary key (connection_id, variant_platform_id, first_seen_at)
);
create unique index unit_costs_now on public.unit_costs (connection_id, variant_platform_id) where last_seen_at is null;
select private.own_rows('unit_costs');

-- note_unit_costs: of variants whose cost is another one than the last, the old value ends and the new one begins, at the time
-- when it was asked. A cost that is not shown any more ends nothing: it may be hidden from whom we ask as.
create or replace function private.note_unit_costs() returns trigger
language plpgsql security definer set search_path = '' as $$
declare noted public.unit_costs[];
begin
    if private.recording_for() is not null or not exists (select from came as c where c.unit_cost_amount is not null) then
        return null;
    end if;
    with seen as (
        select c.connection_id, c.user_id, c.platform, c.platform_id, c.unit_cost_currency, c.unit_cost_amount,
               -- Of two workers' clocks one may be behind: nothing ends before it began.
               greatest(c.fetched_at, (select u.first_seen_at from public.unit_costs as u
                                       where u.connection_id = c.connection_id and u.variant_platform_id = c.platform_id
                                         and u.last_seen_at is null)) as fetched_at
        from came as c
        where c.unit_cost_amount is not null and c.unit_cost_currency is not null and not exists (
            select from public.unit_costs as u
            where u.connection_id = c.connection_id and u.variant_platform_id = c.platform_id and u.last_seen_at is null
              and (u.cost_amount, u.currency) = (c.unit_cost_amount, c.unit_cost_currency))),
    ended as (
        update public.unit_costs as u set last_seen_at = s.fetched_at from seen as s
         where u.connection_id = s.connection_id and u.variant_platform_id = s.platform_id and u.last_seen_at is null
           and u.first_seen_at < s.fetched_at
        returning 1),
    begun as (
        insert into public.unit_costs as u (connection_id, user_id, platform, variant_platform_id, currency, cost_amount, first_seen_at)
        select s.connection_id, s.user_id, s.platform, s.platform_id, s.unit_cost_currency, s.unit_cost_amount, s.fetched_at
        from seen as s cross join (select count(*) from ended) as after
        on conflict (connection_id, variant_platform_id, first_seen_at) do update
           set currency = excluded.currency, cost_amount = excluded.cost_amount
        returning u.*)
    select array_agg(row(b.*)::public.unit_costs) into noted from begun as b;
    perform private.mark_unit_costs(noted);
    return null;
end $$;
create trigger unit_costs_created after insert on public.listing_variants referencing new table as came
    for each statement execute function private.note_unit_costs();
create trigger unit_costs_changed after update on public.listing_variants referencing new table as came
    for each statement execute function private.note_unit_costs();
