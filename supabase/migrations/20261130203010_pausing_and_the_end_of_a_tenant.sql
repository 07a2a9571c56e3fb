-- A user, or a shop, can be left alone; and a user's end leaves a tombstone.

alter table public.profiles add column paused_at timestamptz;
alter table public.connected_accounts add column paused_at timestamptz;
grant select (paused_at) on public.connected_accounts to authenticated;

-- is_paused: whether a shop is left alone, by itself or with its user.
create or replace function private.is_paused(p_connection_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select coalesce((select a.paused_at is not null or p.paused_at is not null
                     from public.connected_accounts as a join public.profiles as p on p.user_id = a.user_id
                     where a.id = p_connection_id), false);
$$;

-- Pausing: a user, or one of a user's shops, is left alone. No job of it is claimed and whoever has one loses it; whatever is asked
-- for meanwhile, or told by webhooks, waits in line, and goes on where it stood.

-- note_pause: what an operator did, on the record of administrators.
create or replace function private.note_pause(p_user_id uuid, p_action text, p_connection_ids uuid[], p_by text) returns void
language sql set search_path = '' as $$
    insert into private.admin_actions (subject_id, action, details, actor, subject)
    values (p_user_id, p_action, jsonb_build_object('connection_ids', p_connection_ids), p_by, private.pseudonym(p_user_id::text));
$$;

-- pause_user: from now on, until it is taken back: the user, or these shops alone. Twice is as good as once. A worker's page in hand
-- is refused, and fetched again later. Answers how many jobs were stopped.
create or replace function public.pause_user(p_user_id uuid, p_by text, p_connection_ids uuid[] default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare stopped int;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'See `keeper user find`.';
    end if;
    if p_connection_ids is null then
        update public.profiles set paused_at = coalesce(paused_at, clock_timestamp()) where user_id = p_user_id;
    else
        update public.connected_accounts set paused_at = coalesce(paused_at, clock_timestamp())
         where user_id = p_user_id and id = any (p_connection_ids);
    end if;
    -- In line again: only its head is ever claimed, and of what is paused there is none (promote_next).
    update public.sync_jobs
       set status = 'waiting', lease_id = null, lease_expires_at = null, run_after = null, park_reason = null, park_code = null
     where id = any (array(select j.id from public.sync_jobs as j
                           where j.user_id = p_user_id and j.status in ('queued', 'running', 'parked')
                             and private.is_paused(j.connection_id) order by j.id for update));
    get diagnostics stopped = row_count;
    perform private.note_pause(p_user_id, 'pause', p_connection_ids, p_by);
    return jsonb_build_object('stopped', stopped);
end $$;
revoke all on function public.pause_user(uuid, text, uuid[]) from public, anon, authenticated;
grant execute on function public.pause_user(uuid, text, uuid[]) to service_role;

-- resume_user: take it back: of the user and of all shops, or of these shops alone. Answers how many jobs go on.
create or replace function public.resume_user(p_user_id uuid, p_by text, p_connection_ids uuid[] default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'See `keeper user find`.';
    end if;
    if p_connection_ids is null then
        update public.profiles set paused_at = null where user_id = p_user_id;
    end if;
    update public.connected_accounts set paused_at = null
     where user_id = p_user_id and paused_at is not null and (p_connection_ids is null or id = any (p_connection_ids));
    perform private.promote_next(w.connection_id, w.job_type)
       from (select distinct j.connection_id, j.job_type from public.sync_jobs as j
             where j.user_id = p_user_id and j.status = 'waiting') as w;
    perform private.note_pause(p_user_id, 'resume', p_connection_ids, p_by);
    return jsonb_build_object('queued', (select count(*) from public.sync_jobs as j
                                         where j.user_id = p_user_id and j.status = 'queued'));
end $$;
revoke all on function public.resume_user(uuid, text, uuid[]) from public, anon, authenticated;
grant execute on function public.resume_user(uuid, text, uuid[]) to service_role;

-- rank_plan: a plan counts from the next claim on: what is open is ranked by it. Backfills as directives/backfill.md says
-- (ten a plan), rounds as they are queued; what was charged before stays charged.
create or replace function private.rank_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
declare heavier int;
begin
    select count(*) into heavier from private.plan_weights as w
     where w.weight > coalesce((select m.weight from private.plan_weights as m where m.plan = new.plan), 1);
    update public.sync_jobs as j
       set priority = case when j.job_type = 'backfill' then j.priority - mod(j.priority, 100) + 10 * heavier else -50 + heavier end
     where j.user_id = new.user_id and j.status in ('waiting', 'queued', 'running', 'parked')
       -- What webhooks named goes first, whoever's it is.
       and (j.job_type = 'backfill' or j.priority >= -50);
    return null;
end $$;
create trigger rank_plan after update of plan on public.profiles
    for each row when (new.plan <> old.plan) execute function private.rank_plan();

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
