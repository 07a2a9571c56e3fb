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
       set priority = case when j.job_type <> 'incremental' then j.priority - mod(j.priority, 100) + 10 * heavier else -50 + heavier end
     where j.user_id = new.user_id and j.status in ('waiting', 'queued', 'running', 'parked')
       -- What webhooks named goes first, whoever's it is.
       and (j.job_type in ('backfill', 'refresh') or j.job_type = 'incremental' and j.priority >= -50);
    return null;
end $$;
create trigger rank_plan after update of plan on public.profiles
    for each row when (new.plan <> old.plan) execute function private.rank_plan();
