-- Administrators, and the record of what they did. A token says nothing about it: the web process asks here at each
-- request.

create table private.admins (
    user_id uuid primary key references public.profiles (user_id) on delete cascade,
    made_at timestamptz not null default clock_timestamp()
);

-- pseudonym: what stays of somebody, or of a shop, in a record that outlives them: who knows the id can find it, and nobody
-- finds the id by it.
create or replace function private.pseudonym(p_id text) returns text
language sql immutable set search_path = '' as $$
    select left(encode(sha256(convert_to(p_id, 'UTF8')), 'hex'), 16);
$$;

-- What administrators did. Nothing updates it, and nothing deletes from it but its age: it outlives whom it names, whose
-- ids go with their accounts (docs/decisions/028).
create table private.admin_actions (
    id bigint generated always as identity primary key,
    user_id uuid references public.profiles (user_id) on delete set null,
    subject_id uuid references public.profiles (user_id) on delete set null,
    action text not null,
    details jsonb not null default '{}'::jsonb,
    at timestamptz not null default clock_timestamp(),
    -- Who did it, and to whom, as pseudonyms.
    actor text not null,
    subject text not null
);
create index admin_actions_by_age on private.admin_actions (at);
create index admin_actions_of_user on private.admin_actions (user_id);
create index admin_actions_of_subject on private.admin_actions (subject_id);

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
    insert into private.admin_actions (user_id, subject_id, action, details, actor, subject)
    select p_user_id, s.user_id, p_action, p_details, private.pseudonym(p_user_id::text), private.pseudonym(s.user_id::text)
    from public.profiles as s where s.user_id = p_subject_id
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
