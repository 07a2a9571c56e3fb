-- Tenants: who uses the product.

create table public.profiles (
    user_id uuid primary key references auth.users (id) on delete cascade,
    plan text not null default 'free',
    backfill_status text not null default 'not_started'
        check (backfill_status in ('not_started', 'in_progress', 'completed', 'completed_with_rejects', 'failed')),
    backfill_completed_at timestamptz,
    -- Which entities failed for good, or miss what could not be mapped, and why, in words for the seller.
    backfill_failures jsonb not null default '[]'::jsonb,
    created_at timestamptz not null default now(),
    -- Since when the user is left alone (pausing.sql).
    paused_at timestamptz,
    -- Gets back the tax that printers charge, so that it is no cost.
    reclaims_tax boolean not null default false,
    check ((backfill_status = 'completed') = (backfill_completed_at is not null))
);
comment on table public.profiles is 'One row a user of the product; backfill_status is what the dashboard shows.';
-- Row-level security: forced, so that even the owner of a table needs a policy or bypassrls.
alter table public.profiles enable row level security;
alter table public.profiles force row level security;
create policy own_rows on public.profiles for select to authenticated
    using (user_id = (select auth.uid()));
grant select on public.profiles to authenticated, service_role;

-- create_profile: a user of auth.users is a user of the product: whoever signs up gets a profile. Who was deleted does not, whatever a
-- backup brings back.
create or replace function private.create_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (user_id)
    select new.id where not exists (select from private.tombstones as t
                                    where t.digest = private.digest_of(new.id) and t.deleted_at is not null)
    on conflict do nothing;
    return new;
end $$;
create trigger create_profile after insert on auth.users
    for each row execute function private.create_profile();
insert into public.profiles (user_id) select id from auth.users on conflict do nothing;

-- set_plan: put a user on a plan; answers false where there is no such user.
create or replace function public.set_plan(p_user_id uuid, p_plan text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    update public.profiles set plan = p_plan where user_id = p_user_id;
    return found;
end $$;
revoke all on function public.set_plan(uuid, text) from public, anon, authenticated;
grant execute on function public.set_plan(uuid, text) to service_role;

-- user_by_email: for the development login of the embedded stack.
create or replace function public.user_by_email(p_email text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select id from auth.users where email = lower(p_email) limit 1);
end $$;
revoke all on function public.user_by_email(text) from public, anon, authenticated;
grant execute on function public.user_by_email(text) to service_role;
