-- Full refreshes: a shop is read anew beside what is there, proven, and swapped in by one transaction (docs/decisions/034).
-- What its jobs read lands in a shadow: rows of a scope that is nobody's connection and nobody's user, so that no reader, figure,
-- cost or event sees them. Which of a job's two scopes a function means: leased_job is its own (tokens, budget, line),
-- reading_job is where its records are (jobs.sql).

create table private.full_refreshes (
    -- The run's id.
    id uuid primary key,
    connection_id uuid not null,
    user_id uuid not null,
    -- Stands in the shadow's rows as connection and as user.
    shadow_id uuid not null unique,
    -- 'reading': until all of its jobs are proven and it is swapped in.
    status text not null default 'reading' check (status in ('reading', 'swapped', 'failed', 'cancelled')),
    -- What its records become, in the order to swap (execution/full_refresh.py): {table, entity, streams, keeps, parents}.
    tables jsonb not null,
    -- The domains that were read whole, as sweep_gone was asked.
    sweeps jsonb not null default '[]',
    begun_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    error_code text,
    error text,
    -- What the swap did: {tables: {table: {created, changed, deleted}}, held_back}.
    result jsonb,
    check ((status = 'reading') = (ended_at is null))
);
comment on table private.full_refreshes is 'Shops that are, or were, read anew beside what is there.';
create unique index full_refreshes_one_open on private.full_refreshes (connection_id) where status = 'reading';
create index full_refreshes_of_connection on private.full_refreshes (connection_id, begun_at);
create index full_refreshes_by_age on private.full_refreshes (ended_at) where ended_at is not null;

-- owner_of: the connection that a scope's rows are about: itself, or the one whose shadow it is.
create or replace function private.owner_of(p_scope uuid) returns uuid
language sql stable set search_path = '' as $$
    select coalesce((select f.connection_id from private.full_refreshes as f where f.shadow_id = p_scope), p_scope);
$$;

-- scopes_of: a connection and the shadows of its refreshes: what goes with it.
create or replace function private.scopes_of(p_connection_id uuid) returns uuid[]
language sql stable set search_path = '' as $$
    select array(select p_connection_id union all
                 select f.shadow_id from private.full_refreshes as f where f.connection_id = p_connection_id);
$$;

-- start_full_refresh: queue the jobs of one, of whatever of this shop was loaded. `p_confirm` is the shop's name: who asks has to
-- know which shop it is. `p_jobs` as of queue_jobs, of this connection; `p_tables` as the column. `p_dry_run` only says what would
-- be read, and what stands here. Answers {run_id, outcome, shop_name, jobs: [{entity, outcome}], rows: {table: number}}.
create or replace function public.start_full_refresh(p_user_id uuid, p_connection_id uuid, p_confirm text, p_trigger text, p_jobs jsonb,
                                                     p_tables jsonb, p_dry_run boolean default false)
returns jsonb language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts; name text; open_ uuid; run uuid := gen_random_uuid(); shadow uuid := gen_random_uuid();
        jobs jsonb; t text; n bigint; rows_ jsonb := '{}';
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    connection := private.connection_of(p_user_id, p_connection_id);
    name := coalesce(nullif(connection.shop_name, ''), connection.shop_id);
    if connection.status <> 'connected' then
        raise exception using errcode = 'PT409', message = 'not_connected', detail = name;
    end if;
    if exists (select from public.sync_jobs as j where j.connection_id = connection.id and j.job_type = 'backfill'
                                                   and j.status in ('waiting', 'queued', 'running', 'parked')) then
        raise exception using errcode = 'PT409', message = 'backfill_is_open', detail = name;
    end if;
    select jsonb_agg(jsonb_build_object('entity', w.entity, 'position', w.position, 'priority', w.priority,
                         'begins', l.window_start, 'outcome', case when l.certificate_id is null then 'not_loaded' else 'queued' end)
                     order by w.position) into jobs
      from jsonb_to_recordset(p_jobs) as w(entity text, priority int, position int)
      left join lateral (
          select j.certificate_id, j.window_start from public.sync_jobs as j
          where j.connection_id = connection.id and j.entity = w.entity and j.job_type = 'backfill'
          order by j.created_at desc, j.id limit 1) as l on true;
    if not coalesce(jobs @> '[{"outcome": "queued"}]', false) then
        raise exception using errcode = 'PT409', message = 'not_loaded', detail = name;
    end if;
    if not p_dry_run and p_confirm is distinct from name then
        raise exception using errcode = 'PT422', message = 'wrong_shop_name', detail = name;
    end if;
    select f.id into open_ from private.full_refreshes as f where f.connection_id = connection.id and f.status = 'reading';
    if p_dry_run then
        for t in select e ->> 'table' from jsonb_array_elements(p_tables) as e loop
            execute format('select count(*) from public.%I where connection_id = $1 and not is_deleted', t) into n using connection.id;
            rows_ := rows_ || jsonb_build_object(t, n);
        end loop;
    elsif open_ is null then
        insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)
        values (run, connection.id, p_user_id, 'refresh', p_trigger);
        insert into private.full_refreshes (id, connection_id, user_id, shadow_id, tables)
        values (run, connection.id, p_user_id, shadow, p_tables);
        -- As far back as the backfill went.
        insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, is_whole, priority, position,
                                      window_start, shadow_id, created_at)
        select p_user_id, connection.id, run, connection.platform, e ->> 'entity', 'refresh', true, (e ->> 'priority')::int,
               (e ->> 'position')::int, (e ->> 'begins')::timestamptz, shadow, clock_timestamp()
          from jsonb_array_elements(jobs) as e where e ->> 'outcome' = 'queued';
        perform private.promote_next(connection.id, 'refresh');
    end if;
    return jsonb_build_object('run_id', coalesce(open_, case when not p_dry_run then run end), 'shop_name', name,
        'outcome', case when open_ is not null then 'already_running' when p_dry_run then 'dry_run' else 'queued' end,
        'connection_id', connection.id, 'platform', connection.platform, 'shop_id', connection.shop_id, 'rows', rows_,
        'jobs', (select jsonb_agg(e - 'begins' - 'priority' - 'position') from jsonb_array_elements(jobs) as e));
end $$;
revoke all on function public.start_full_refresh(uuid, uuid, text, text, jsonb, jsonb, boolean) from public, anon, authenticated;
grant execute on function public.start_full_refresh(uuid, uuid, text, text, jsonb, jsonb, boolean) to service_role;

-- note_sweep: of a full refresh's job, the domain that it has read whole. What it did not show is looked for when it is swapped in:
-- in the shop as it is then.
create or replace function private.note_sweep(job public.sync_jobs, p_sweep jsonb) returns jsonb
language sql set search_path = '' as $$
    update private.full_refreshes as f
       set sweeps = (select coalesce(jsonb_agg(s), '[]') from jsonb_array_elements(f.sweeps) as s
                     where s ->> 'job_id' <> job.id::text) || (p_sweep || jsonb_build_object('job_id', job.id, 'entity', job.entity))
     where f.id = job.run_id;
    select '{"gone": 0, "held_back": 0, "when_swapped": true}'::jsonb;
$$;

-- end_full_refresh: nothing of it is swapped in; its jobs end, and its shadow goes, in steps (work.sql). The old data was never
-- touched.
create or replace function private.end_full_refresh(p_id uuid, p_status text, p_code text, p_error text) returns boolean
language plpgsql set search_path = '' as $$
declare ended private.full_refreshes;
begin
    -- As whoever ends one of its jobs takes them: the job first.
    perform 1 from public.sync_jobs where run_id = p_id and status in ('waiting', 'queued', 'running', 'parked') order by id for update;
    update private.full_refreshes set status = p_status, ended_at = clock_timestamp(), error_code = p_code, error = left(p_error, 2000)
     where id = p_id and status = 'reading' returning * into ended;
    if not found then
        return false;
    end if;
    update public.sync_jobs
       set status = 'failed', error_code = 'refresh_ended', error = left(p_error, 2000), lease_id = null, lease_expires_at = null,
           run_after = null, park_reason = null, park_code = null, refused_code = null, finished_at = clock_timestamp()
     where run_id = p_id and status in ('waiting', 'queued', 'running', 'parked');
    perform private.begin_work(ended.connection_id, 'drop_shadows');
    return true;
end $$;

-- refresh_job_ended: one of its jobs has ended: what is not proven whole is swapped in by nobody.
create or replace function private.refresh_job_ended(job public.sync_jobs, p_status text, p_code text, p_error text) returns void
language plpgsql set search_path = '' as $$
begin
    if p_status <> 'completed' then
        perform private.end_full_refresh(job.run_id, 'failed', p_code, job.entity || ': ' || p_error);
    end if;
end $$;

-- cancel_full_refresh: a person has thought better of it. Answers whether one was open.
create or replace function public.cancel_full_refresh(p_user_id uuid, p_run_id uuid, p_by text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    return exists (select from private.full_refreshes as f where f.id = p_run_id and f.user_id = p_user_id)
       and private.end_full_refresh(p_run_id, 'cancelled', 'cancelled', 'cancelled by ' || p_by);
end $$;
revoke all on function public.cancel_full_refresh(uuid, uuid, text) from public, anon, authenticated;
grant execute on function public.cancel_full_refresh(uuid, uuid, text) to service_role;

-- drop_shadows: a step of what is left of this shop's refreshes that have ended (work.sql).
create or replace function private.drop_shadows(connection public.connected_accounts, p_after text, p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare one private.full_refreshes; t text; deleted int; left_ int := p_limit;
begin
    for one in select * from private.full_refreshes as f where f.connection_id = connection.id and f.status <> 'reading' loop
        for t in select b.name from private.of_connections as b order by b.name loop
            execute format('delete from %s where ctid = any (array(select ctid from %1$s where connection_id = $1 limit $2))', t)
              using one.shadow_id, left_;
            get diagnostics deleted = row_count;
            left_ := left_ - deleted;
            if left_ <= 0 then
                return jsonb_build_object('rows', p_limit, 'after', p_after);
            end if;
        end loop;
    end loop;
    return jsonb_build_object('rows', p_limit - left_, 'after', p_after);
end $$;

-- yield_to_erasure: an erasure in one of a user's shops ends refreshes that are open there: what a refresh has read may name whom
-- it is about, and nothing would erase it. A small shadow is gone with this, a large one in the clock's next steps.
create or replace function private.yield_to_erasure(p_user_id uuid) returns void
language plpgsql set search_path = '' as $$
declare one private.full_refreshes;
begin
    for one in select * from private.full_refreshes as f where f.user_id = p_user_id and f.status = 'reading' order by f.id loop
        perform private.end_full_refresh(one.id, 'cancelled', 'erasure', 'somebody was erased in this shop');
    end loop;
    perform private.go_on(w.connection_id, w.name, 20000)
       from private.unfinished_work as w join public.connected_accounts as a on a.id = w.connection_id
      where a.user_id = p_user_id and w.name = 'drop_shadows';
end $$;

-- proven_full_refreshes: those that wait to be swapped in, the oldest first.
create or replace function public.proven_full_refreshes() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(f.id order by f.begun_at), '[]') from private.full_refreshes as f
    where f.status = 'reading' and not exists (
        select from public.sync_jobs as j where j.run_id = f.id and j.status <> 'completed');
$$;
revoke all on function public.proven_full_refreshes() from public, anon, authenticated;
grant execute on function public.proven_full_refreshes() to service_role;

-- fail_full_refresh: it cannot be swapped in.
create or replace function public.fail_full_refresh(p_id uuid, p_code text, p_error text) returns boolean
language sql security definer set search_path = '' as $$ select private.end_full_refresh(p_id, 'failed', p_code, p_error) $$;
revoke all on function public.fail_full_refresh(uuid, text, text) from public, anon, authenticated;
grant execute on function public.fail_full_refresh(uuid, text, text) to service_role;

-- full_refreshes: of a user's shops, or of all without any, the newest of each: how it stands, and its jobs.
create or replace function public.full_refreshes(p_user_id uuid, p_connection_ids uuid[] default '{}') returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'run_id', f.id, 'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name,
               'status', f.status, 'begun_at', f.begun_at, 'ended_at', f.ended_at, 'error_code', f.error_code, 'error', f.error,
               'result', f.result, 'jobs', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                              'job_id', j.id, 'platform', j.platform, 'connection_id', j.connection_id, 'shop_id', a.shop_id,
                              'entity', j.entity, 'status', j.status, 'records_done', j.records_done,
                              'records_total', j.records_total, 'records_rejected', j.records_rejected, 'fraction', j.fraction,
                              'calls_used', j.calls_used, 'attempts', j.attempts, 'run_after', j.run_after,
                              'park_reason', j.park_reason, 'park_code', j.park_code, 'error_code', j.error_code, 'error', j.error,
                              'created_at', j.created_at, 'started_at', j.started_at, 'finished_at', j.finished_at,
                              'doubted_at', null, 'certificate', to_jsonb(c) - 'user_id') order by j.position), '[]')
                   from public.sync_jobs as j left join public.certificates as c on c.id = j.certificate_id
                   where j.run_id = f.id)) order by a.platform, a.shop_id), '[]')
    from (select distinct on (r.connection_id) * from private.full_refreshes as r
          where r.user_id = p_user_id and (p_connection_ids = '{}' or r.connection_id = any (p_connection_ids))
          order by r.connection_id, r.begun_at desc) as f
    join public.connected_accounts as a on a.id = f.connection_id;
$$;
revoke all on function public.full_refreshes(uuid, uuid[]) from public, anon, authenticated;
grant execute on function public.full_refreshes(uuid, uuid[]) to service_role;
