-- The end of a tenant: in all tables, in steps, with a tombstone that outlives it, so that nothing late and no restored backup brings
-- it back (docs/decisions/033).

create table private.tombstones (
    -- Of the user's id: who has the id finds it, and nobody finds the id by it.
    digest text primary key,
    begun_at timestamptz not null default clock_timestamp(),
    deleted_at timestamptz default clock_timestamp(),
    -- Whom it is about, while the deletion is under way.
    under_way uuid,
    check ((deleted_at is null) = (under_way is not null))
);
create index tombstones_by_age on private.tombstones (deleted_at) where deleted_at is not null;
create index tombstones_under_way on private.tombstones (begun_at) where deleted_at is null;
comment on table private.tombstones is 'Users who were deleted, by a digest of their ids.';

-- digest_of: what stays of a user who was deleted.
create or replace function private.digest_of(p_user_id uuid) returns text
language sql immutable set search_path = '' as $$
    select encode(sha256(convert_to(p_user_id::text, 'UTF8')), 'hex');
$$;

-- leave_tombstone: whoever deletes a user, and in whatever way.
create or replace function private.leave_tombstone() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into private.tombstones (digest, deleted_at) values (private.digest_of(old.user_id), clock_timestamp())
    on conflict (digest) do update set deleted_at = excluded.deleted_at, under_way = null;
    return null;
end $$;
create trigger leave_tombstone after delete on public.profiles
    for each row execute function private.leave_tombstone();

-- begin_deletion: from now on nothing of the user runs, and the clock carries the deletion on whoever dies. Answers false
-- where there is no such user.
create or replace function public.begin_deletion(p_user_id uuid, p_by text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    if not exists (select from public.profiles where user_id = p_user_id) then
        return false;
    end if;
    perform public.pause_user(p_user_id, p_by);
    perform private.note_pause(p_user_id, 'delete', null, p_by);
    insert into private.tombstones (digest, under_way, deleted_at) values (private.digest_of(p_user_id), p_user_id, null)
    on conflict (digest) do update set deleted_at = null, under_way = excluded.under_way, begun_at = clock_timestamp();
    return true;
end $$;
revoke all on function public.begin_deletion(uuid, text) from public, anon, authenticated;
grant execute on function public.begin_deletion(uuid, text) to service_role;

-- delete_some: a step of so many rows of a deletion that was begun. Answers whether nothing is left. The account goes last, and with it
-- whatever was made meanwhile.
create or replace function private.delete_some(p_user_id uuid, p_rows int) returns boolean
language plpgsql set search_path = '' as $$
declare connection uuid;
begin
    for connection in select a.id from public.connected_accounts as a where a.user_id = p_user_id order by a.id loop
        -- One shop a step, however small: each takes its locks for itself.
        perform private.forget_some(connection, p_rows);
        return false;
    end loop;
    delete from auth.users where id = p_user_id;
    delete from public.profiles where user_id = p_user_id;
    -- Where nothing was left of it but the wish.
    update private.tombstones set deleted_at = clock_timestamp(), under_way = null where under_way = p_user_id;
    return true;
end $$;

-- go_on_deleting: a step of the deletion that has waited longest, or of this user's. Answers how many are under way.
create or replace function private.go_on_deleting(p_rows int, p_user_id uuid default null) returns int
language plpgsql set search_path = '' as $$
declare one uuid;
begin
    for one in select t.under_way from private.tombstones as t
               where t.deleted_at is null and (p_user_id is null or t.under_way = p_user_id)
               order by t.begun_at limit 1 for update skip locked loop
        perform private.delete_some(one, p_rows);
    end loop;
    return (select count(*) from private.tombstones as t
            where t.deleted_at is null and (p_user_id is null or t.under_way = p_user_id));
end $$;

-- delete_user: the same for whoever began it, in one call after another. Answers whether nothing is left.
create or replace function public.delete_user(p_user_id uuid, p_rows int default 2000) returns boolean
language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.go_on_deleting(p_rows, p_user_id) = 0;
$$;
revoke all on function public.delete_user(uuid, int) from public, anon, authenticated;
grant execute on function public.delete_user(uuid, int) to service_role;

-- tombstones: the digests of all who were deleted, to be kept beside backups: a page at a time, after a digest.
create or replace function public.tombstones(p_after text default '', p_limit int default 1000) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object('digest', t.digest, 'deleted_at', t.deleted_at) order by t.digest), '[]')
    from (select * from private.tombstones as d where d.digest > p_after and d.deleted_at is not null
          order by d.digest limit least(p_limit, 1000)) as t;
$$;
revoke all on function public.tombstones(text, int) from public, anon, authenticated;
grant execute on function public.tombstones(text, int) to service_role;

-- returned_users: users who are here although they were deleted, here or by a list that was kept beside a backup (digests).
create or replace function public.returned_users(p_digests text[] default '{}') returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '50s' as $$
    select coalesce(jsonb_agg(p.user_id order by p.user_id), '[]') from public.profiles as p
    where private.digest_of(p.user_id) = any (p_digests)
       or exists (select from private.tombstones as t where t.digest = private.digest_of(p.user_id) and t.deleted_at is not null);
$$;
revoke all on function public.returned_users(text[]) from public, anon, authenticated;
grant execute on function public.returned_users(text[]) to service_role;
