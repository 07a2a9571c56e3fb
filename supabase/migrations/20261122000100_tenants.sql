-- Tenants: who uses the product and which shops they connected.
-- Runs unchanged on hosted Supabase (Postgres 15, 17) and on the embedded stack (18).

-- What the API must not show lives in `private`: tokens, the call ledger, helpers.
create schema if not exists private;
revoke all on schema private from public;

-- A new table or function is closed until a migration opens it.
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke execute on functions from public, anon, authenticated, service_role;
alter default privileges revoke execute on functions from public;

create table public.profiles (
    user_id uuid primary key references auth.users (id) on delete cascade,
    plan text not null default 'free',
    backfill_status text not null default 'not_started'
        check (backfill_status in ('not_started', 'in_progress', 'completed', 'failed')),
    backfill_completed_at timestamptz,
    -- When the status is 'failed': which entities failed for good, and why, in words for the seller.
    backfill_failures jsonb not null default '[]'::jsonb,
    created_at timestamptz not null default now(),
    check ((backfill_status = 'completed') = (backfill_completed_at is not null))
);
comment on table public.profiles is 'One row a user of the product; backfill_status is what the dashboard shows.';

create table public.connected_accounts (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null check (platform ~ '^[a-z][a-z0-9_]{1,30}$'),
    shop_id text not null,
    shop_name text not null default '',
    currency text check (currency ~ '^[A-Z]{3}$'),
    shop_created_at timestamptz,
    status text not null default 'connected' check (status in ('connected', 'reconnect_needed', 'disconnected')),
    status_reason text,
    connected_at timestamptz not null default now(),
    unique (user_id, platform)
);
comment on table public.connected_accounts is 'A shop that a user connected. The shop is pinned: reconnecting another one is refused.';

-- Row-level security: forced, so that even the owner of a table needs a policy or bypassrls.
alter table public.profiles enable row level security;
alter table public.profiles force row level security;
alter table public.connected_accounts enable row level security;
alter table public.connected_accounts force row level security;

create policy own_rows on public.profiles for select to authenticated
    using (user_id = (select auth.uid()));
create policy own_rows on public.connected_accounts for select to authenticated
    using (user_id = (select auth.uid()));

grant select on public.profiles, public.connected_accounts to authenticated, service_role;

-- A user of auth.users is a user of the product: whoever signs up gets a profile.
create function private.create_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (user_id) values (new.id) on conflict do nothing;
    return new;
end $$;

create trigger create_profile after insert on auth.users
    for each row execute function private.create_profile();

insert into public.profiles (user_id) select id from auth.users on conflict do nothing;

-- set_plan: put a user on a plan; answers false where there is no such user.
create function public.set_plan(p_user_id uuid, p_plan text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    update public.profiles set plan = p_plan where user_id = p_user_id;
    return found;
end $$;

revoke all on function public.set_plan(uuid, text) from public, anon, authenticated;
grant execute on function public.set_plan(uuid, text) to service_role;
