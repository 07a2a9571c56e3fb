-- Baseline of tenants, written once from supabase/schemas (docs/decisions/022).

-- access.sql

-- What the API may see at all.  Runs unchanged on hosted Supabase (Postgres 15, 17) and on the embedded stack (18).

-- What the API must not show lives in `private`: tokens, the call ledger, helpers.
create schema if not exists private;
revoke all on schema private from public;
-- A new table or function is closed until a migration opens it.
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke execute on functions from public, anon, authenticated, service_role;
alter default privileges revoke execute on functions from public;

-- tenants.sql

-- Tenants: who uses the product.

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
-- Row-level security: forced, so that even the owner of a table needs a policy or bypassrls.
alter table public.profiles enable row level security;
alter table public.profiles force row level security;
create policy own_rows on public.profiles for select to authenticated
    using (user_id = (select auth.uid()));
grant select on public.profiles to authenticated, service_role;

-- create_profile: a user of auth.users is a user of the product: whoever signs up gets a profile.
create or replace function private.create_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (user_id) values (new.id) on conflict do nothing;
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

-- admins.sql

-- Administrators, and the record of what they did. A token says nothing about it: the web process asks here at each
-- request.

create table private.admins (
    user_id uuid primary key references public.profiles (user_id) on delete cascade,
    made_at timestamptz not null default clock_timestamp()
);

-- What administrators did. Nothing updates it, and nothing deletes from it but forgetting a user.
create table private.admin_actions (
    id bigint generated always as identity primary key,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    subject_id uuid references public.profiles (user_id) on delete cascade,
    action text not null,
    details jsonb not null default '{}'::jsonb,
    at timestamptz not null default clock_timestamp()
);

-- is_admin: whether the user is an administrator, now.
create or replace function public.is_admin(p_user_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
    return exists (select 1 from private.admins where user_id = p_user_id);
end $$;
revoke all on function public.is_admin(uuid) from public, anon, authenticated;
grant execute on function public.is_admin(uuid) to service_role;

-- set_admin: make a user an administrator, or a plain user again; answers false where there is no such user.
create or replace function public.set_admin(p_user_id uuid, p_admin boolean) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        return false;
    end if;
    if p_admin then
        insert into private.admins (user_id) values (p_user_id) on conflict do nothing;
    else
        delete from private.admins where user_id = p_user_id;
    end if;
    return true;
end $$;
revoke all on function public.set_admin(uuid, boolean) from public, anon, authenticated;
grant execute on function public.set_admin(uuid, boolean) to service_role;

-- record_admin_action: before it is done, so that none is without its record.
create or replace function public.record_admin_action(p_user_id uuid, p_action text, p_subject_id uuid, p_details jsonb)
returns bigint language plpgsql security definer set search_path = '' as $$
declare number bigint;
begin
    insert into private.admin_actions (user_id, subject_id, action, details)
    select p_user_id, s.user_id, p_action, p_details from public.profiles as s where s.user_id = p_subject_id
    returning id into number;
    return number;
end $$;
revoke all on function public.record_admin_action(uuid, text, uuid, jsonb) from public, anon, authenticated;
grant execute on function public.record_admin_action(uuid, text, uuid, jsonb) to service_role;

-- admin_actions: the record, in order, a page at a time.
create or replace function public.admin_actions(p_after bigint default 0, p_limit int default 100) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select coalesce(jsonb_agg(to_jsonb(a) order by a.id), '[]')
            from (select * from private.admin_actions where id > p_after order by id limit least(p_limit, 1000)) as a);
end $$;
revoke all on function public.admin_actions(bigint, int) from public, anon, authenticated;
grant execute on function public.admin_actions(bigint, int) to service_role;

-- rate_limits.sql

-- How often a user may do what. The database's clock alone counts.

-- How often a user did what since the window began.
create table private.rate_limits (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    action text not null,
    began_at timestamptz not null,
    times int not null,
    primary key (user_id, action)
);

-- count_action: whether the user may do this once more in the window; the database's clock alone.
create or replace function public.count_action(p_user_id uuid, p_action text, p_most int, p_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare counted private.rate_limits; now_ timestamptz := clock_timestamp();
        length_ interval := make_interval(secs => p_seconds);
begin
    insert into private.rate_limits as r (user_id, action, began_at, times)
    select user_id, p_action, now_, 1 from public.profiles where user_id = p_user_id
    on conflict (user_id, action) do update
       set began_at = case when r.began_at + length_ <= now_ then now_ else r.began_at end,
           times = case when r.began_at + length_ <= now_ then 1 else least(r.times, p_most) + 1 end
    returning * into counted;
    if counted.user_id is null then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    return jsonb_build_object('allowed', counted.times <= p_most, 'left', greatest(0, p_most - counted.times),
        'retry_after_seconds', ceil(extract(epoch from counted.began_at + length_ - now_))::int);
end $$;
revoke all on function public.count_action(uuid, text, int, int) from public, anon, authenticated;
grant execute on function public.count_action(uuid, text, int, int) to service_role;
