-- What a full refresh reads lands in a shadow, and is swapped in; rounds, costs, events and erasures know of it.

-- lives: `belongs_to` says whose end takes it along: a connection's, a user's, or nobody's (service, reference, and a record,
-- which outlives whom it is about and then names nobody). `life`,
-- counted from `aged_by`, is when the clock takes it; `only_if` spares rows (`t` is the row). Without a life, `bounded`
-- says what keeps the table small.
create or replace function private.lives() returns table (
        table_name text, belongs_to text, life interval, aged_by text, only_if text, bounded text)
language sql immutable set search_path = '' as $$
    values
    ('public.profiles', 'user', null::interval, null, null, 'one a user'),
    ('public.connected_accounts', 'user', null, null, null, 'one a shop of a user'),
    ('private.admins', 'user', null, null, null, 'one a user'),
    ('private.admin_actions', 'record', '3 years', 'at', null, null),
    ('private.rate_limits', 'user', null, null, null, 'one a user and action'),
    ('private.oauth_states', 'user', '1 hour', 'expires_at', null, null),
    ('private.privacy_requests', 'record', '3 years', 'done_at', null, null),
    -- What was told is told again on demand.
    ('private.outbox', 'user', '30 days', 'happened_at', null, null),
    -- Longer than any backup is kept that could bring them back.
    ('private.tombstones', 'record', '3 years', 'deleted_at', null, null),
    ('private.person_calls', 'user', '25 hours', 'hour', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
    ('private.sync_rounds', 'connection', null, null, null, 'one an entity'),
    ('private.webhook_standings', 'connection', null, null, null, 'one a connection'),
    ('private.rerun_requests', 'connection', null, null, null, 'one an entity'),
    ('public.sync_pages', 'connection', null, null, null, 'go with their job'),
    ('public.certificates', 'connection', null, null, null, 'go with their job'),
    -- The newest proof of an entity stays, however old it is.
    ('public.sync_jobs', 'connection', '180 days', 'finished_at',
     'exists (select from public.sync_jobs as n where n.connection_id = t.connection_id and n.entity = t.entity '
     'and n.job_type = t.job_type and n.status = ''completed'' and n.finished_at > t.finished_at)', null),
    ('public.sync_runs', 'connection', '180 days', 'created_at',
     'not exists (select from public.sync_jobs as j where j.run_id = t.id) '
     'and not exists (select from public.sync_cursors as c where c.run_id = t.id) '
     'and not exists (select from private.rerun_requests as r where r.run_id = t.id)', null),
    -- For so long a run can be taken back.
    ('private.row_changes', 'connection', '30 days', 'at', null, null),
    -- As they came, with whom they name: from the last time that they came.
    ('public.rejected_records', 'connection', '90 days', 'fetched_at', null, null),
    ('private.platform_events', 'connection', '7 days', 'worked_at', null, null),
    -- No page is on its way for so long.
    ('private.closed_objects', 'connection', '90 days', 'gone_at', 't.forgotten_at is null', null),
    -- So long what a run marked gone can be brought back.
    ('private.missing_records', 'connection', '90 days', 'gone_at', null, null),
    ('private.held_deletions', 'connection', '180 days', 'decided_at', null, null),
    ('private.full_refreshes', 'connection', '180 days', 'ended_at', null, null),
    ('private.unfinished_work', 'connection', null, null, null, 'one a connection and kind, until it is done'),
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.heartbeats', 'service', '1 day', 'at', null, null),
    ('private.call_minutes', 'service', '2 days', 'minute', null, null),
    ('private.api_calls', 'service', '7 days', 'bucket', null, null),
    ('private.api_answers', 'service', '1 day', 'bucket', null, null),
    ('private.call_blocks', 'service', '1 day', 'bucket', null, null),
    -- What a platform told of its limits it tells again. Not while a call of it is in the ledger, or it is blocked.
    ('private.api_budgets', 'service', '7 days', 'made_at',
     'not exists (select from private.api_calls as c where c.scope = t.scope) '
     'and not exists (select from private.call_blocks as b where b.scope = t.scope) '
     'and coalesce(t.blocked_until, t.made_at) < clock_timestamp()', null),
    ('private.api_buckets', 'service', null, null, null, 'one a scope'),
    ('private.circuit_breakers', 'service', null, null, null, 'one a scope that is away'),
    ('private.installation', 'reference', null, null, null, 'one row'),
    ('private.virtual_clock', 'reference', null, null, null, 'one row'),
    ('private.plan_weights', 'reference', null, null, null, 'one a plan'),
    ('private.round_promises', 'reference', null, null, null, 'one a plan'),
    ('private.round_rules', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.round_prices', 'reference', null, null, null, 'one a platform whose shops share a day'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- connections: what a user connected, how fresh it is, and what it waits for.
create or replace function public.connections(p_user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name,
                   'currency', a.currency,
                   'status', a.status, 'status_reason', a.status_reason, 'connected_at', a.connected_at,
                   'last_synced_at', (select max(j.finished_at) from public.sync_jobs as j
                                      where j.connection_id = a.id and j.status = 'completed' and j.job_type <> 'refresh'),
                   'syncing', exists (select 1 from public.sync_jobs as j
                                      where j.connection_id = a.id
                                        and j.status in ('waiting', 'queued', 'running', 'parked')))
               order by a.platform, a.shop_name, a.shop_id), '[]')
        from public.connected_accounts as a where a.user_id = p_user_id);
end $$;

-- record_changes: what a statement did to a synced table. Whoever changes a row for a run writes the run into it
-- (sync_run_id): the first change by a run is what there is a value before of. What only derives columns from other rows,
-- or erases, changes no row for a run, and is derived again, or not restored at all.
create or replace function private.record_changes() returns trigger
language plpgsql security definer set search_path = '' set enable_hashjoin = on as $$
declare undo uuid := private.recording_for();
begin
    if tg_op = 'INSERT' then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys)
        select c.connection_id, coalesce(undo, c.sync_run_id), tg_table_name, 'created', array_agg(c.platform_id)
        from came as c
        -- What lands in a shadow changes nothing that there is (full_refresh.sql).
        where c.user_id <> c.connection_id group by 1, 2;
    elsif tg_op = 'UPDATE' then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys, before)
        select w.connection_id, coalesce(undo, c.sync_run_id), tg_table_name,
               case when c.is_deleted and not w.is_deleted then 'deleted' else 'changed' end, array[w.platform_id], to_jsonb(w)
        from went as w join came as c on c.connection_id = w.connection_id and c.platform_id = w.platform_id
        where c.sync_run_id <> w.sync_run_id;
    elsif undo is not null then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys, before)
        select w.connection_id, undo, tg_table_name, 'removed', array[w.platform_id], to_jsonb(w) from went as w;
    end if;
    return null;
end $$;

-- forget_connection: a connection's records go with it, whether its user is forgotten or the shop alone. (A foreign key
-- on every row would cost a check a row.)
create or replace function private.forget_connection() returns trigger
language plpgsql security definer set search_path = '' as $$
declare t text; scopes uuid[] := private.scopes_of(old.id);
begin
    for t in select name from private.of_connections order by name loop
        execute format('delete from %s where connection_id = any ($1)', t) using scopes;
    end loop;
    return old;
end $$;

-- reading_job: the same, with the scope that its records stand in: of a full refresh its shadow, else the shop itself.
create or replace function private.reading_job(p_lease_id uuid) returns public.sync_jobs
language plpgsql set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    if job.shadow_id is not null then
        job.connection_id := job.shadow_id;
        job.user_id := job.shadow_id;
    end if;
    return job;
end $$;

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

-- end_job: what every ending has in common. The next entity moves up, whatever became of this one. The request for a
-- rerun is looked for under the profile's lock, which whoever leaves one holds too: it is either seen here, or its
-- trigger sees the end.
create or replace function private.end_job(job public.sync_jobs, p_status text, p_code text, p_error text,
                                           p_seller_message text, p_certificate_id uuid) returns void
language plpgsql set search_path = '' as $$
declare rerun private.rerun_requests;
begin
    -- Endings and triggers of one user take turns, so that neither misses the other's jobs. `no key`: the checks of
    -- foreign keys share the row, and a stronger lock after them would be a deadlock of two endings.
    perform 1 from public.profiles where user_id = job.user_id for no key update;
    update public.sync_jobs
       set status = p_status, error_code = p_code, error = p_error, seller_message = p_seller_message,
           certificate_id = p_certificate_id, lease_id = null, lease_expires_at = null, run_after = null,
           park_reason = null, park_code = null, finished_at = clock_timestamp(),
           refused_code = null,
           fraction = case when p_certificate_id is not null then 1 else fraction end
     where id = job.id;
    delete from private.rerun_requests as r
     where r.connection_id = job.connection_id and r.entity = job.entity and r.job_type = job.job_type
    returning * into rerun;
    if rerun.run_id is not null
       and exists (select 1 from public.connected_accounts where id = job.connection_id and status = 'connected') then
        insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, priority, position,
                                      created_at)
        values (job.user_id, job.connection_id, rerun.run_id, job.platform, job.entity, job.job_type, job.priority,
                job.position, clock_timestamp());
    end if;
    if job.job_type = 'refresh' then
        perform private.refresh_job_ended(job, p_status, p_code, p_error);
    else
        perform private.plan_rounds(job, p_certificate_id is not null);
        perform private.look_again(job);
    end if;
    perform private.promote_next(job.connection_id, job.job_type);
    if job.job_type = 'backfill' then
        perform private.settle_profile(job.user_id);
    end if;
end $$;

-- complete_job: certificate, cursor for the incremental sync and the ending land together or not at all. With a code it
-- is no whole: more was rejected than is declared, and the error and the seller's message say so.
create or replace function public.complete_job(p_lease_id uuid, p_certificate jsonb, p_watermark timestamptz,
                                               p_calls int default 0, p_code text default null,
                                               p_error text default null, p_seller_message text default null)
returns uuid
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); certificate_id uuid := gen_random_uuid();
begin
    if p_watermark > job.window_end then
        raise exception using errcode = 'PT400', message = 'watermark_after_window',
            detail = format('%s is later than the frozen bound %s', p_watermark, job.window_end);
    end if;
    update public.sync_jobs set calls_used = calls_used + p_calls where id = job.id;
    insert into public.certificates (id, connection_id, user_id, platform, entity, run_id, job_id, provider_count, distinct_keys,
                                     rejected, earliest, latest, checks, is_whole)
    values (certificate_id, job.connection_id, job.user_id, job.platform, job.entity, job.run_id, job.id,
            (p_certificate ->> 'provider_count')::bigint, (p_certificate ->> 'distinct_keys')::bigint,
            coalesce((p_certificate ->> 'rejected')::bigint, 0),
            (p_certificate ->> 'earliest')::timestamptz, (p_certificate ->> 'latest')::timestamptz,
            p_certificate -> 'checks', p_code is null);
    -- Of a full refresh nothing is in the shop's rows yet, and rounds go on meanwhile: their watermark stands.
    if p_watermark is not null and job.job_type <> 'refresh' then
        insert into public.sync_cursors (connection_id, user_id, platform, entity, watermark, run_id)
        values (job.connection_id, job.user_id, job.platform, job.entity, p_watermark, job.run_id)
        on conflict (connection_id, entity) do update
           set watermark = excluded.watermark, run_id = excluded.run_id, updated_at = now();
    end if;
    perform private.end_job(job, case when p_code is null then 'completed' else 'completed_with_rejects' end, p_code,
                            left(p_error, 2000), left(p_seller_message, 2000), certificate_id);
    return certificate_id;
end $$;

-- tell_ended: an entity could not be read to its proof (once, until the reason is another one), or a round brought something.
-- A round that brought nothing is told where a person asked for it, or where the one before it had failed.
create or replace function private.tell_ended() returns trigger
language plpgsql security definer set search_path = '' as $$
declare before public.sync_jobs; facts jsonb; seen record; gone bigint;
begin
    if new.job_type = 'refresh' then
        -- Nothing of the shop has changed.
        return null;
    end if;
    select * into before from public.sync_jobs as j
     where j.connection_id = new.connection_id and j.entity = new.entity and j.id <> new.id and j.finished_at is not null
       and j.job_type <> 'refresh'
     order by j.created_at desc limit 1;
    facts := jsonb_build_object('connection_id', new.connection_id, 'platform', new.platform, 'shop_id', (
                 select a.shop_id from public.connected_accounts as a where a.id = new.connection_id),
                 'entity', new.entity, 'run_id', new.run_id);
    -- That a shop was disconnected is told of the shop.
    if new.status <> 'completed' and new.error_code <> 'disconnected' and new.error_code is distinct from before.error_code then
        perform private.tell(new.user_id, 'entity.incomplete', facts || jsonb_build_object(
            'status', new.status, 'code', new.error_code, 'records', new.records_done, 'rejected', new.records_rejected));
    end if;
    if new.job_type = 'backfill' or new.certificate_id is null then
        return null;
    end if;
    select coalesce(sum(g.created), 0) as created, coalesce(sum(g.updated), 0) as updated, coalesce(sum(g.rejected), 0) as rejected
      into seen from public.sync_pages as g where g.job_id = new.id;
    select coalesce(sum((c #>> '{detail,gone}')::bigint), 0) into gone
      from public.certificates as k, jsonb_array_elements(k.checks) as c
     where k.id = new.certificate_id and c ->> 'name' = 'gone';
    if seen.created + seen.updated + seen.rejected + gone > 0
       or before.id is not null and before.certificate_id is null
       or exists (select from public.sync_runs as r where r.id = new.run_id and r.trigger not in ('round', 'webhook')) then
        perform private.tell(new.user_id, 'sync.completed', facts || jsonb_build_object(
            'created', seen.created, 'updated', seen.updated, 'deleted', gone, 'rejected', seen.rejected));
    end if;
    return null;
end $$;

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
       and (j.job_type <> 'incremental' or j.priority >= -50);
    return null;
end $$;

-- open_since: since when a job of this entity is open; null where none is.
create or replace function private.open_since(p_connection_id uuid, p_entity text) returns timestamptz
language sql stable set search_path = '' as $$
    select min(j.created_at) from public.sync_jobs as j
    where j.connection_id = p_connection_id and j.entity = p_entity
      -- A full refresh reads beside the shop's rows, which are followed all the while.
      and j.job_type <> 'refresh' and j.status in ('waiting', 'queued', 'running', 'parked');
$$;

-- last_bound: up to where the entity of this job was read and proven before it.
create or replace function private.last_bound(job public.sync_jobs) returns timestamptz
language sql stable set search_path = '' as $$
    select coalesce((select j.window_end from public.sync_jobs as j
                     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
                       and j.certificate_id is not null and j.job_type <> 'refresh'
                       and not exists (select from public.sync_runs as r where r.id = j.run_id and r.undone_by is not null)
                     order by j.created_at desc limit 1), job.window_start);
$$;

-- forget_quiet_round: the round of the entity before this one leaves nothing where it changed nothing: thousands of them
-- would be all that a shop at rest consists of. What came of a round that did is on record.
create or replace function private.forget_quiet_round(job public.sync_jobs) returns void
language plpgsql set search_path = '' as $$
declare before public.sync_jobs;
begin
    select * into before from public.sync_jobs as j
     where j.connection_id = job.connection_id and j.entity = job.entity and j.created_at < job.created_at
       and j.job_type <> 'refresh'
     order by j.created_at desc limit 1;
    if before.job_type is distinct from job.job_type or before.status <> 'completed'
       or exists (select from public.sync_pages as g where g.job_id = before.id and g.created + g.updated + g.rejected > 0)
       or exists (select from private.row_changes as c where c.connection_id = before.connection_id
                                                         and c.run_id = before.run_id and c.table_name <> 'sync_cursors')
    then
        return;
    end if;
    delete from public.sync_jobs where id = before.id;
    delete from private.row_changes as c where c.connection_id = before.connection_id and c.run_id = before.run_id
       and not exists (select from public.sync_jobs as j where j.run_id = c.run_id);
    delete from public.sync_runs as r
     where r.id = before.run_id and not exists (select from public.sync_jobs as j where j.run_id = r.id)
       and not exists (select from public.sync_cursors as c where c.run_id = r.id)
       and not exists (select from private.rerun_requests as q where q.run_id = r.id);
end $$;

-- backfill_status: how the backfills of a user's shops stand, as one JSON value, so that no row cap can cut it. Of an entity that is
-- being read once more, or was stopped in that, also when it was last proven complete and how much of it is held since:
-- until the new reading ends, that is what there is.
create or replace function public.backfill_status(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object(
        'user_id', p.user_id, 'plan', p.plan, 'backfill_status', p.backfill_status,
        'backfill_completed_at', p.backfill_completed_at, 'failures', p.backfill_failures, 'now', clock_timestamp(),
        'paused_at', p.paused_at,
        'connections', coalesce((
            select jsonb_agg(jsonb_build_object('connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id,
                       'shop_name', a.shop_name, 'status', a.status, 'status_reason', a.status_reason,
                       'paused_at', coalesce(p.paused_at, a.paused_at))
                   order by a.platform, a.shop_name, a.shop_id)
            from public.connected_accounts as a where a.user_id = p.user_id), '[]'),
        'jobs', coalesce((
            select jsonb_agg(jsonb_build_object(
                       'job_id', j.id, 'platform', j.platform, 'connection_id', j.connection_id, 'shop_id', a.shop_id,
                       'entity', j.entity, 'status', j.status,
                       'records_done', j.records_done, 'records_total', j.records_total,
                       'records_rejected', j.records_rejected, 'fraction', j.fraction, 'pages', j.page_seq, 'calls_used', j.calls_used,
                       'attempts', j.attempts, 'deaths', j.deaths, 'run_after', j.run_after,
                       'park_reason', j.park_reason, 'park_code', j.park_code, 'error_code', j.error_code,
                       'error', j.error, 'seller_message', j.seller_message,
                       'doubted_at', j.doubted_at, 'created_at', j.created_at, 'started_at', j.started_at,
                       'finished_at', j.finished_at, 'window_start', j.window_start, 'window_end', j.window_end,
                       'watermark', w.watermark,
                       'looked_at', (select n.finished_at from public.sync_jobs as n
                                     where n.connection_id = j.connection_id and n.entity = j.entity
                                       and n.job_type = 'incremental' and n.certificate_id is not null
                                       and n.finished_at > j.finished_at
                                     order by n.created_at desc limit 1), 'certificate', to_jsonb(c) - 'user_id',
                       'last_complete', case when j.status <> 'completed' then (
                           select jsonb_build_object('at', k.issued_at, 'held', k.distinct_keys - k.rejected)
                           from public.certificates as k
                           where k.connection_id = j.connection_id and k.entity = j.entity and k.is_whole
                             and not exists (select from private.full_refreshes as f where f.id = k.run_id)
                           order by k.issued_at desc limit 1) end)
                   order by j.platform, a.shop_name, a.shop_id, j.position)
            from (select distinct on (connection_id, entity) * from public.sync_jobs
                  where user_id = p.user_id and job_type = 'backfill'
                  order by connection_id, entity, created_at desc, id) as j
            join public.connected_accounts as a on a.id = j.connection_id
            left join public.certificates as c on c.id = j.certificate_id
            left join public.sync_cursors as w on w.connection_id = j.connection_id and w.entity = j.entity), '[]'))
    from public.profiles as p where p.user_id = p_user_id;
$$;

-- commit_page: the heart. `$1` is {"page": <the bytes as they came>, "envelope": {...}}, or with "records" in place
-- of "page" the same page cut into single records because one of them is poison. The envelope comes last, so a page
-- cannot bring one of its own. Idempotent by page_id: when the answer was lost, a second call returns the same one.
create or replace function public.commit_page(text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    document jsonb := $1::jsonb;
    env jsonb := document -> 'envelope';
    job public.sync_jobs;
    at timestamptz := (env ->> 'fetched_at')::timestamptz;
    stream_name text := env ->> 'stream';
    shape text := env ->> 'shape';
    landed private.landed;
    one_by_one record;
    rejected_now int := 0;
    fresh_keys int;
    result jsonb;
begin
    select p.answer into result from public.sync_pages as p where p.page_id = (env ->> 'page_id')::uuid;
    if found then
        return result;
    end if;
    job := private.reading_job((env ->> 'lease_id')::uuid);
    if job.page_seq <> (env ->> 'seq')::int then
        raise exception using errcode = 'PT409', message = 'page_out_of_order',
            detail = format('page %s came, %s pages are committed', env ->> 'seq', job.page_seq);
    end if;

    if document ? 'records' then
        one_by_one := private.land_one_by_one(job, stream_name, shape, at, document -> 'records');
        landed := one_by_one.landed;
        rejected_now := one_by_one.rejected;
    else
        landed := private.land_records(job, shape, at,
                                       document #> ('{page}' || string_to_array(env ->> 'records_at', '.')));
    end if;

    -- A record that was rejected before needs nobody's attention any more, now that a later fetch of it has landed or
    -- was rejected with other bytes. What this very page rejects has its time of fetching.
    update public.rejected_records as r set status = 'superseded', settled_at = clock_timestamp()
     where r.connection_id = job.connection_id and r.stream = stream_name
       and r.status in ('open', 'partial') and r.platform_id = any (landed.keys) and r.fetched_at < at;

    -- Pages overlap by a record, and a second pass reads the same again: progress counts neither twice.
    select count(*) into fresh_keys from (
        select unnest(landed.keys) where (env ->> 'pass')::int = 1
        except
        select unnest(p.keys) from public.sync_pages as p
        where p.job_id = job.id and p.seq = job.page_seq - 1 and p.stream = stream_name) as k;

    result := jsonb_build_object('seq', job.page_seq + 1, 'created', landed.created, 'updated', landed.updated,
        'unchanged', landed.unchanged, 'stale', landed.stale, 'rejected', rejected_now);
    insert into public.sync_pages (job_id, seq, page_id, connection_id, user_id, platform, entity, stream, part, pass,
                                   window_start, window_end, position, provider_count, keys, created, updated, unchanged, stale,
                                   rejected, fetched_at, answer)
    values (job.id, job.page_seq, (env ->> 'page_id')::uuid, job.connection_id, job.user_id, job.platform, job.entity,
            stream_name,
            (env ->> 'part')::int, (env ->> 'pass')::int,
            to_timestamp((env ->> 'window_start')::bigint), to_timestamp((env ->> 'window_end')::bigint),
            (env ->> 'position')::bigint, (env ->> 'provider_count')::bigint, landed.keys, landed.created,
            landed.updated, landed.unchanged, landed.stale, rejected_now, at, result);

    if (env ->> 'closing')::boolean then
        -- The window has been read to its end: how many distinct records did this pass, and did all passes, see?
        result := result || (
            select jsonb_build_object(
                       'pass_keys', count(distinct k) filter (where p.pass = (env ->> 'pass')::int),
                       'window_keys', count(distinct k))
            from public.sync_pages as p, unnest(p.keys) as k
            where p.job_id = job.id and p.stream = stream_name and p.part = (env ->> 'part')::int
              and p.window_start is not distinct from to_timestamp((env ->> 'window_start')::bigint)
              and p.window_end is not distinct from to_timestamp((env ->> 'window_end')::bigint));
        update public.sync_pages set answer = result where job_id = job.id and seq = job.page_seq;
    end if;

    update public.sync_jobs
       set cursor = env -> 'cursor', page_seq = job.page_seq + 1,
           records_done = records_done + fresh_keys,
           records_total = coalesce((env ->> 'total')::bigint, records_total),
           fraction = coalesce((env ->> 'fraction')::real, fraction),
           records_rejected = records_rejected + rejected_now,
           lease_expires_at = clock_timestamp() + make_interval(secs => coalesce((env ->> 'lease_seconds')::int, 60)),
           -- A page that landed is progress: what went wrong before it is forgiven.
           attempts = 0, deaths = 0, refused_code = null
     where id = job.id;
    return result;
end $$;

-- next_lookups: ids that still want fetching, in order, after `p_after`.
create or replace function public.next_lookups(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.reading_job(p_lease_id); ids jsonb;
begin
    execute format('select coalesce(jsonb_agg(id order by id), ''[]'') from private.%I($1, $2, $3) as p(id)',
                   'pending_' || job.platform || '_' || p_name)
       into ids using job, p_after, p_limit;
    return ids;
end $$;

-- derive: one batch of a derivation; answers {rows, after}, with rows = 0 when it is done.
create or replace function public.derive(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.reading_job(p_lease_id); answer jsonb;
begin
    execute format('select private.%I($1, $2, $3)', 'derive_' || job.platform || '_' || p_name)
       into answer using job, p_after, p_limit;
    return answer;
end $$;

-- prove: prove_job for whoever holds the lease.
create or replace function public.prove(p_lease_id uuid, p_name text, p_rest jsonb default '{}', p_rows int default null)
returns jsonb language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.prove_job(private.reading_job(p_lease_id), p_name, p_rest, p_rows);
$$;

-- audit_read: audit_job for whoever holds the lease.
create or replace function public.audit_read(p_lease_id uuid, p_stream text, p_table text, p_time_column text,
                                             p_newest text default null, p_rest jsonb default '{}', p_rows int default null)
returns jsonb language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.audit_job(private.reading_job(p_lease_id), p_stream, p_table, p_time_column, p_newest, p_rest, p_rows);
$$;

-- audit_round: what a round read of a stream: the windows, how many keys came, and how many of them are rows or kept aside.
-- Of what it did not read it says nothing, and counts it nowhere.
create or replace function public.audit_round(p_lease_id uuid, p_stream text, p_table text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.reading_job(p_lease_id); counts jsonb;
begin
    execute format($sql$
        with came as materialized (select key from private.read_keys($1, $2)),
        aside as materialized (
            select coalesce(r.platform_id, 'rejected:' || r.raw_md5) as key from public.rejected_records as r
            where r.connection_id = $3 and r.stream = $2 and r.status = 'open')
        select jsonb_build_object(
            'union_keys', count(*), 'rejected', count(a.key),
            'missing_rows', count(*) filter (where a.key is null and not exists (
                select from public.%I as t where t.connection_id = $3 and t.platform_id = c.key)))
        from came as c left join aside as a on a.key = c.key
    $sql$, p_table) into counts using job, p_stream, job.connection_id;
    return counts || jsonb_build_object('windows', private.audit_windows(job, p_stream));
end $$;

-- new_keys: how many of these keys stand in no page that this job read of a stream.
create or replace function public.new_keys(p_lease_id uuid, p_stream text, p_keys text[]) returns int
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.reading_job(p_lease_id);
begin
    return (select count(*) from (
        select unnest(p_keys)
        except
        select k from public.sync_pages as p, unnest(p.keys) as k where p.job_id = job.id and p.stream = p_stream) as n);
end $$;

-- rejects_of: job_rejects for whoever holds the lease.
create or replace function public.rejects_of(p_lease_id uuid) returns jsonb
language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.job_rejects(private.reading_job(p_lease_id));
$$;

-- sweep_gone: after a complete read of a shop, its rows that it did not show are missing, and those that another run missed too
-- are gone (deletions.sql): softly, and never very many at once. With a time column only rows inside the job's window are
-- judged. `p_last_pass`: the last pass over each window was complete by itself, so that a record which left between two passes
-- is seen to be gone. `p_children`: what goes with a record, as {table: the column that names the record}. `p_created_at`:
-- members of a record with its time of creation, where the listing is bounded by it. `p_since`: the source remembers nothing
-- that was created before. In pieces (proofs.sql): all are counted before one goes, and never do more go than were counted.
create or replace function public.sweep_gone(p_lease_id uuid, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                             p_max_share real default 0.3, p_always_allowed int default 20,
                                             p_children jsonb default '{}', p_created_at text[] default '{}',
                                             p_rest jsonb default '{}', p_rows int default null,
                                             p_since timestamptz default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); found_ record; bound text; again text[];
        start text := coalesce(p_rest ->> 'from', ''); counts jsonb := coalesce(p_rest -> 'counts', '{}');
        swept bigint := (p_rest ->> 'swept')::bigint; gone bigint; stored bigint; missing bigint; is_too_many boolean;
begin
    if job.shadow_id is not null then
        return private.note_sweep(job, jsonb_build_object('stream', p_stream, 'table', p_table, 'time_column', p_time_column,
            'last_pass', p_last_pass, 'max_share', p_max_share, 'always_allowed', p_always_allowed, 'children', p_children,
            'created_at', to_jsonb(p_created_at), 'since', p_since));
    end if;
    bound := private.key_bound(p_table, job.connection_id, start, p_rows);
    found_ := private.unseen(job, p_stream, p_table, p_time_column, p_last_pass, p_created_at, start, bound, p_since);
    again := private.sight(job, p_table, found_.gone);
    if swept is null then
        perform private.unmiss(job.connection_id, p_table, found_.gone, start, bound);
        counts := private.add_counts(counts, jsonb_build_object('gone', cardinality(again), 'stored', found_.stored,
                                     'missing', cardinality(found_.gone) - cardinality(again)));
        if bound is not null then
            return jsonb_build_object('rest', jsonb_build_object('from', bound, 'counts', counts));
        end if;
    end if;
    gone := (counts ->> 'gone')::bigint;
    stored := (counts ->> 'stored')::bigint;
    missing := (counts ->> 'missing')::bigint;
    is_too_many := gone > greatest(p_always_allowed, stored * p_max_share)
                   or coalesce(swept, 0) + cardinality(again) > gone;
    if is_too_many then
        gone := greatest(gone - coalesce(swept, 0), cardinality(again));
        perform private.hold_deletions(job, p_table, p_children, gone, stored);
        return jsonb_build_object('gone', coalesce(swept, 0), 'held_back', gone, 'stored', stored, 'missing', missing);
    end if;
    if swept is null and start <> '' then
        -- Counted to the end; from the beginning again.
        return jsonb_build_object('rest', jsonb_build_object('from', '', 'counts', counts, 'swept', 0));
    end if;
    perform private.mark_gone(job.connection_id, job.run_id, p_table, p_children, again);
    swept := coalesce(swept, 0) + cardinality(again);
    if bound is not null then
        return jsonb_build_object('rest', jsonb_build_object('from', bound, 'counts', counts, 'swept', swept));
    end if;
    -- What was too many has come back, or so much of it that the rest went by itself.
    update private.held_deletions set decision = 'over', decided_at = clock_timestamp()
     where connection_id = job.connection_id and table_name = p_table and decided_at is null;
    return jsonb_build_object('gone', swept, 'held_back', 0, 'stored', stored, 'missing', missing);
end $$;

-- forget_some: the same in steps of so many rows, for shops that hold more than one statement should delete. Answers
-- whether nothing is left.
create or replace function private.forget_some(p_connection_id uuid, p_rows int) returns boolean
language plpgsql set search_path = '' as $$
declare t text; deleted int; left_ int := p_rows; scopes uuid[] := private.scopes_of(p_connection_id);
begin
    perform private.await_pages(p_connection_id);
    -- Pages first, in steps: with a run go its jobs and certificates, and they have pointed at each other.
    for t in select b.name from private.of_connections as b order by b.name = 'public.sync_pages' desc, b.name desc loop
        execute format('delete from %s where ctid = any (array(select ctid from %1$s where connection_id = any ($1) limit $2))', t)
          using scopes, left_;
        get diagnostics deleted = row_count;
        left_ := left_ - deleted;
        if left_ <= 0 then
            return false;
        end if;
    end loop;
    perform private.forget_shop(p_connection_id);
    return true;
end $$;

-- go_on_with: a step of the oldest work, of one name or of any. Answers how much is left.
create or replace function private.go_on_with(p_name text, p_rows int) returns int
language plpgsql set search_path = '' as $$
begin
    perform private.go_on(w.connection_id, w.name, p_rows)
       from (select u.connection_id, u.name from private.unfinished_work as u where p_name is null or u.name = p_name
             -- What is only swept up waits for what somebody waits for.
             order by u.name = 'drop_shadows', u.begun_at, u.connection_id limit 1) as w;
    return (select count(*) from private.unfinished_work as u where p_name is null or u.name = p_name);
end $$;

-- why_kept: why this run cannot be taken back by itself, as a code; null where it can.
create or replace function private.why_kept(run public.sync_runs) returns text
language sql stable set search_path = '' as $$
    select case
        when run.undone_by is not null then 'already_undone'
        when exists (select from public.sync_jobs as j where j.run_id = run.id
                                                        and j.status in ('waiting', 'queued', 'running', 'parked'))
             or exists (select from private.rerun_requests as q where q.run_id = run.id)
             or exists (select from private.full_refreshes as f where f.id = run.id and f.status = 'reading') then 'run_is_open'
        when private.undo_until(run) <= clock_timestamp() then 'record_is_over'
        when not exists (select from private.row_changes as c where c.connection_id = run.connection_id and c.run_id = run.id)
            then 'changed_nothing' end;
$$;

-- roll_back: take a run of this user's back, whole: every row as it was before it, its watermarks where they were. Refuses
-- where later runs changed the same rows, and names them; `p_with_later` takes those back as well. `p_dry_run` only says
-- what would happen. One transaction, so at most `p_most` rows. `p_actor`: who does it, for the record.
-- Answers {run_id, dry_run, undone, later, tables: {table: {removed, restored}}, entities}.
create or replace function public.roll_back(p_run_id uuid, p_user_id uuid default null, p_with_later boolean default false,
                                            p_dry_run boolean default false, p_actor text default '', p_most int default 100000,
                                            p_rollback_id uuid default gen_random_uuid())
returns jsonb language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare run public.sync_runs; connection public.connected_accounts; runs uuid[] := array[p_run_id]; later uuid[];
        all_later uuid[] := '{}'; one public.sync_runs; code text; again uuid[]; answer jsonb; rows_ bigint; t text;
begin
    select * into run from public.sync_runs where id = p_run_id and user_id = coalesce(p_user_id, user_id);
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_run', detail = p_run_id::text;
    end if;
    select * into connection from public.connected_accounts where id = run.connection_id;
    -- As an erasure takes them: pages that are landing land first, or not before this has ended.
    perform private.await_pages(connection.id);
    perform private.bar_pages(connection.id, true);
    perform private.lock_costs(connection.user_id);
    perform 1 from public.profiles where user_id = connection.user_id for no key update;
    select a.details -> 'answer' into answer from private.admin_actions as a
     where a.subject_id = connection.user_id and a.action = 'rollback' and a.details #>> '{answer,run_id}' = p_rollback_id::text;
    if found then
        return answer;
    end if;
    loop
        for one in select * from public.sync_runs where id = any (runs) order by created_at, id loop
            code := private.why_kept(one);
            if code is not null and (one.id = p_run_id or code <> 'changed_nothing') then
                raise exception using errcode = 'PT409', message = code, detail = one.id::text;
            end if;
        end loop;
        later := private.later_runs(connection.id, runs);
        exit when later = '{}';
        all_later := all_later || later;
        exit when not p_with_later and p_dry_run;
        if not p_with_later then
            raise exception using errcode = 'PT409', message = 'later_runs', detail = array_to_string(later, ' ');
        end if;
        runs := runs || later;
    end loop;
    select j.entity into t from public.sync_jobs as j
     where j.connection_id = connection.id and j.started_at is not null and j.status in ('queued', 'running', 'parked')
       and j.job_type <> 'refresh' and j.entity in (select u.entity from public.sync_jobs as u where u.run_id = any (runs || (
                            select coalesce(array_agg(x), '{}') from public.sync_runs as s, unnest(s.undoes) as x where s.id = any (runs))))
     limit 1;
    if t is not null then
        -- It began at a watermark that this moves back, and would move it on again.
        raise exception using errcode = 'PT409', message = 'entity_is_read', detail = t;
    end if;
    with counted as (
        select f.table_name, count(*) filter (where c.before is null) as removed, count(*) filter (where c.before is not null) as restored
        from private.touched(connection.id, runs) as f join private.row_changes as c on c.id = f.since
        group by f.table_name)
    select coalesce(jsonb_object_agg(n.table_name, jsonb_build_object('removed', n.removed, 'restored', n.restored))
                    filter (where n.table_name <> 'sync_cursors'), '{}'), coalesce(sum(n.removed + n.restored), 0)
      into answer, rows_ from counted as n;
    if rows_ > p_most then
        raise exception using errcode = 'PT413', message = 'too_many_rows', detail = format('%s, of at most %s', rows_, p_most);
    end if;
    answer := jsonb_build_object(
        'run_id', case when not p_dry_run then p_rollback_id end, 'dry_run', p_dry_run, 'later', to_jsonb(all_later), 'tables', answer,
        'undone', (select jsonb_agg(r order by ord) from unnest(runs) with ordinality as r (r, ord)),
        'entities', (select coalesce(jsonb_agg(distinct k.key), '[]') from private.touched(connection.id, runs) as k
                     where k.table_name = 'sync_cursors'));
    if p_dry_run then
        return answer;
    end if;
    insert into public.sync_runs (id, connection_id, user_id, job_type, trigger, undoes)
    values (p_rollback_id, connection.id, connection.user_id, 'rollback', 'command', runs);
    -- Until the transaction ends, the triggers write what changes on this run's record.
    perform set_config('keeper.rollback', p_rollback_id::text, true);
    for t in select s.name from private.synced_tables as s where answer -> 'tables' ? s.name order by s.name loop
        perform private.restore(connection.id, runs, t);
    end loop;
    perform private.restore_cursors(connection.id, runs, p_rollback_id);
    perform set_config('keeper.rollback', '', true);
    -- What one of these had taken back counts again, where it is not taken back with it.
    again := array(select r.id from public.sync_runs as r where r.undone_by = any (runs) and r.id <> all (runs));
    update public.sync_runs set undone_by = case when id = any (runs) then p_rollback_id end where id = any (runs || again);
    perform private.settle_undone(connection, runs, again);
    insert into private.admin_actions (subject_id, action, details, actor, subject)
    values (connection.user_id, 'rollback', jsonb_build_object('by', p_actor, 'answer', answer),
            private.pseudonym(p_actor), private.pseudonym(connection.user_id::text));
    return answer;
end $$;

-- outdated: keys of a shadow's table whose record was shown to the shop's own rows since, or in a newer version: the shop's row
-- stays, whole, with its children (docs/decisions/008).
create or replace function private.outdated(refresh private.full_refreshes, p_table text, p_streams text[]) returns text[]
language plpgsql stable set search_path = '' as $$
declare keys text[];
begin
    execute format($sql$
        with later as materialized (
            select k.key, max(p.fetched_at) as at from public.sync_pages as p cross join unnest(p.keys) as k (key)
            where p.connection_id = $1 and p.stream = any ($3) and p.fetched_at > $4 group by k.key)
        select coalesce(array_agg(s.platform_id), '{}')
        from public.%1$I as s
        left join public.%1$I as t on t.connection_id = $1 and t.platform_id = s.platform_id
        left join later as l on l.key = s.platform_id
        where s.connection_id = $2
          and (t.source_updated_at > s.source_updated_at
               or t.source_updated_at = s.source_updated_at and greatest(t.fetched_at, l.at) > s.fetched_at
               -- Gone since.
               or exists (select from private.closed_objects as c where c.connection_id = $1 and c.table_name = %1$L
                                                                  and c.object_id = s.platform_id and c.gone_at > s.fetched_at)
               or exists (select from private.missing_records as m where m.connection_id = $1 and m.table_name = %1$L
                                                                   and m.platform_id = s.platform_id and m.gone_at > s.fetched_at))
    $sql$, p_table) into keys using refresh.connection_id, refresh.shadow_id, p_streams, refresh.begun_at;
    return keys;
end $$;

-- kept_value: a column as the swap sets it: what a record does not show at all (`p_paths`), or what was worked out of rows that
-- the source shows no more (no path), stays as it was. Of the shadow's row s and the shop's row t, where there is one.
create or replace function private.kept_value(p_column text, p_paths jsonb) returns text
language sql immutable set search_path = '' as $$
    select case when p_paths is null then format('s.%I', p_column)
                when p_paths = '[]' then format('coalesce(s.%1$I, t.%1$I)', p_column)
                else format('case when num_nonnulls(%2$s) = 0 then coalesce(t.%1$I, s.%1$I) else s.%1$I end', p_column, (
                         select string_agg(format('s.raw #>> %L', string_to_array(path, '.')), ', ')
                         from jsonb_array_elements_text(p_paths) as path)) end;
$$;

-- swap_table: the rows of one table that differ. `p_part` is one of the refresh's tables, `p_outdated` by table what is left alone.
-- A child is as new as its parent. Rows come by insertion, so that whatever watches over what lands watches over this too.
create or replace function private.swap_table(refresh private.full_refreshes, p_part jsonb, p_outdated jsonb) returns void
language plpgsql set search_path = '' as $$
declare t text := p_part ->> 'table'; columns text; values_ text; sets text; compared text; stored text; fresh text := 'true'; parent jsonb;
begin
    select string_agg(quote_ident(c.name), ', ' order by c.n), string_agg(c.value, ', ' order by c.n),
           string_agg(format('%1$I = excluded.%1$I', c.name), ', ' order by c.n),
           -- Not where a record was touched by a fetch that changed nothing of it.
           string_agg(c.value, ', ' order by c.n) filter (where c.name <> 'source_updated_at'),
           string_agg(format('t.%I', c.name), ', ' order by c.n) filter (where c.name <> 'source_updated_at')
      into columns, values_, sets, compared, stored
      from (select a.attname as name, a.attnum as n, private.kept_value(a.attname, p_part -> 'keeps' -> a.attname) as value
            from pg_catalog.pg_attribute as a
            where a.attrelid = format('public.%I', t)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              and a.attname <> all (private.derived_columns(t) || '{connection_id,user_id,platform_id,fetched_at,sync_run_id}')) as c;
    for parent in select e from jsonb_array_elements(p_part -> 'parents') as e loop
        fresh := fresh || format(' and not exists (select from jsonb_array_elements_text($5 -> %L) as o(key) where o.key = s.%I)',
                                 parent ->> 'table', parent ->> 'column');
    end loop;
    execute format($sql$
        with differing as materialized (
            select s.platform_id, s.fetched_at, %3$s
            from public.%1$I as s
            left join public.%1$I as t on t.connection_id = $1 and t.platform_id = s.platform_id
            where s.connection_id = $2 and %7$s
              and not exists (select from jsonb_array_elements_text($5 -> %1$L) as o(key) where o.key = s.platform_id)
              and case when t.platform_id is null then not s.is_deleted else (%4$s) is distinct from (%5$s) end)
        insert into public.%1$I (connection_id, user_id, platform_id, fetched_at, sync_run_id, %2$s)
        select $1, $3, d.platform_id, d.fetched_at, $4, %2$s from differing as d
        on conflict (connection_id, platform_id) do update
           set fetched_at = excluded.fetched_at, sync_run_id = excluded.sync_run_id, %6$s
    $sql$, t, columns, (select string_agg(v, ', ') from (
              select private.kept_value(a.attname, p_part -> 'keeps' -> a.attname) || ' as ' || quote_ident(a.attname) as v
              from pg_catalog.pg_attribute as a
              where a.attrelid = format('public.%I', t)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                and a.attname <> all (private.derived_columns(t) || '{connection_id,user_id,platform_id,fetched_at,sync_run_id}')
              order by a.attnum) as q), compared, stored, sets, fresh)
      using refresh.connection_id, refresh.shadow_id, refresh.user_id, refresh.id, p_outdated;
    -- What a record does not show any more inside it. Not of one that could be read in part only, nor that shows some alone.
    for parent in select e from jsonb_array_elements(p_part -> 'parents') as e loop
        execute format($sql$
            update public.%1$I as t set is_deleted = true, fetched_at = p.fetched_at, sync_run_id = $4
              from public.%2$I as p
             where p.connection_id = $2 and not p.is_deleted and p.platform_id = t.%3$I %4$s
               and t.connection_id = $1 and not t.is_deleted and t.fetched_at <= p.fetched_at
               and not exists (select from public.%1$I as s
                               where s.connection_id = $2 and s.platform_id = t.platform_id and not s.is_deleted)
               and not exists (select from jsonb_array_elements_text($5 -> %2$L) as o(key) where o.key = p.platform_id)
               and not exists (select from public.rejected_records as r
                               where r.connection_id in ($1, $2) and r.platform_id = p.platform_id and r.status in ('open', 'partial'))
        $sql$, t, parent ->> 'table', parent ->> 'column', (
                  select coalesce(string_agg(format('and (p.raw #>> %L) is distinct from ''true''', string_to_array(path, '.')), ' '), '')
                  from jsonb_array_elements_text(parent -> 'more_at') as path))
          using refresh.connection_id, refresh.shadow_id, refresh.user_id, refresh.id, p_outdated;
    end loop;
end $$;

-- swap_gone: of a domain that the refresh has read whole, what it did not show, and nobody has fetched since, is gone: who asked for
-- it named the shop. Unless it were very many: then nothing goes, and a person is asked (deletions.sql). Answers how many are held.
create or replace function private.swap_gone(refresh private.full_refreshes, p_sweep jsonb) returns bigint
language plpgsql set search_path = '' as $$
declare job public.sync_jobs; found_ record; gone text[]; t text := p_sweep ->> 'table';
begin
    select * into job from public.sync_jobs where id = (p_sweep ->> 'job_id')::uuid;
    found_ := private.unseen(job, p_sweep ->> 'stream', t, p_sweep ->> 'time_column', (p_sweep ->> 'last_pass')::boolean,
                             array(select jsonb_array_elements_text(p_sweep -> 'created_at')), '', null, (p_sweep ->> 'since')::timestamptz);
    execute format($sql$
        select coalesce(array_agg(t.platform_id order by t.platform_id), '{}') from public.%I as t
        where t.connection_id = $1 and t.platform_id = any ($2) and t.fetched_at <= $3
          and not exists (select from public.sync_pages as p
                          where p.connection_id = $1 and p.fetched_at > $3 and p.stream = any ($4) and t.platform_id = any (p.keys))
    $sql$, t) into gone using refresh.connection_id, found_.gone, job.started_at, array(
        select jsonb_array_elements_text(e -> 'streams') from jsonb_array_elements(refresh.tables) as e where e ->> 'table' = t);
    perform private.unmiss(refresh.connection_id, t, found_.gone, '', null);
    if cardinality(gone) > greatest((p_sweep ->> 'always_allowed')::int, found_.stored * (p_sweep ->> 'max_share')::real) then
        -- Read whole, and asked for by a person: as good as missed twice.
        insert into private.missing_records as m (connection_id, table_name, platform_id, run_id, seen_at, again_at)
        select refresh.connection_id, t, g, refresh.id, clock_timestamp(), clock_timestamp() from unnest(gone) as g
        on conflict (connection_id, table_name, platform_id) do update
           set run_id = excluded.run_id, seen_at = excluded.seen_at, again_at = excluded.again_at, gone_run = null, gone_at = null;
        perform private.hold_deletions(job, t, p_sweep -> 'children', cardinality(gone), found_.stored);
        return cardinality(gone);
    end if;
    perform private.mark_gone(refresh.connection_id, refresh.id, t, p_sweep -> 'children', gone);
    return 0;
end $$;

-- swap_rejected: what could not be mapped is what the refresh could not map; what it could needs nobody's attention any more.
create or replace function private.swap_rejected(refresh private.full_refreshes) returns void
language plpgsql set search_path = '' as $$
begin
    update public.rejected_records as r set status = 'superseded', settled_at = clock_timestamp()
     where r.connection_id = refresh.connection_id and r.status in ('open', 'partial')
       and exists (select from public.sync_pages as p join public.sync_jobs as j on j.id = p.job_id
                   where j.run_id = refresh.id and p.stream = r.stream and r.platform_id = any (p.keys) and p.fetched_at > r.fetched_at)
       and not exists (select from public.rejected_records as s
                       where s.connection_id = refresh.shadow_id and s.stream = r.stream and s.raw_md5 = r.raw_md5);
    insert into public.rejected_records as r (connection_id, user_id, platform, entity, stream, shape, run_id, platform_id, status,
                                              reason, sqlstate, raw, fetched_at)
    select refresh.connection_id, refresh.user_id, s.platform, s.entity, s.stream, s.shape, s.run_id, s.platform_id, s.status, s.reason,
           s.sqlstate, s.raw, s.fetched_at
      from public.rejected_records as s where s.connection_id = refresh.shadow_id and s.status in ('open', 'partial')
    on conflict (connection_id, stream, raw_md5) do update
       set status = excluded.status, settled_at = null, reason = excluded.reason, sqlstate = excluded.sqlstate,
           shape = excluded.shape, fetched_at = excluded.fetched_at, run_id = excluded.run_id
     where r.fetched_at <= excluded.fetched_at;
end $$;

-- tell_swapped: what the swap did is told as what a round did, an event an entity.
create or replace function private.tell_swapped(refresh private.full_refreshes, p_tables jsonb) returns void
language sql set search_path = '' as $$
    select private.tell(refresh.user_id, 'sync.completed', jsonb_build_object(
               'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'entity', n.entity, 'run_id', refresh.id,
               'created', n.created, 'updated', n.changed, 'deleted', n.deleted, 'rejected', 0))
      from (select e ->> 'entity' as entity, sum((t.did ->> 'created')::bigint) as created, sum((t.did ->> 'changed')::bigint) as changed,
                   sum((t.did ->> 'deleted')::bigint) as deleted
            from jsonb_array_elements(refresh.tables) as e join jsonb_each(p_tables) as t (name, did) on t.name = e ->> 'table'
            group by 1 order by 1) as n, public.connected_accounts as a
     where a.id = refresh.connection_id;
$$;

-- swap_full_refresh: what was read and proven beside the shop's rows takes their place, all of it or nothing. At most so many rows
-- as a rollback takes back: an undo always remains. Answers what it did; null where it is not proven yet, or has ended otherwise.
create or replace function public.swap_full_refresh(p_id uuid, p_most int default 100000)
returns jsonb language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare refresh private.full_refreshes; part jsonb; outdated jsonb := '{}'; held bigint := 0; counts jsonb; written bigint;
begin
    select * into refresh from private.full_refreshes where id = p_id;
    -- As an erasure takes them: pages that are landing land first, or not before this has ended.
    perform private.await_pages(refresh.connection_id);
    perform private.bar_pages(refresh.connection_id, true);
    perform private.lock_costs(refresh.user_id);
    perform 1 from public.profiles where user_id = refresh.user_id for no key update;
    select * into refresh from private.full_refreshes where id = p_id for update;
    if refresh.status is distinct from 'reading'
       or exists (select from public.sync_jobs as j where j.run_id = p_id and j.status <> 'completed') then
        return refresh.result;
    end if;
    for part in select e from jsonb_array_elements(refresh.tables) as e loop
        outdated := outdated || jsonb_build_object(part ->> 'table', to_jsonb(private.outdated(refresh, part ->> 'table',
                                    array(select jsonb_array_elements_text(part -> 'streams')))));
    end loop;
    for part in select e from jsonb_array_elements(refresh.tables) as e loop
        perform private.swap_table(refresh, part, outdated);
    end loop;
    for part in select e from jsonb_array_elements(refresh.sweeps) as e loop
        held := held + private.swap_gone(refresh, part);
    end loop;
    perform private.swap_rejected(refresh);
    -- Its pages are the shop's from now on: what was fetched before them is older.
    update public.sync_pages as p set connection_id = refresh.connection_id, user_id = refresh.user_id
      from public.sync_jobs as j where j.run_id = p_id and p.job_id = j.id;
    select coalesce(jsonb_object_agg(n.table_name, jsonb_build_object('created', n.created, 'changed', n.changed, 'deleted', n.deleted)),
                    '{}'), coalesce(sum(n.created + n.changed + n.deleted), 0) into counts, written
      from (select c.table_name, coalesce(sum(cardinality(c.keys)) filter (where c.kind = 'created'), 0) as created,
                   count(*) filter (where c.kind = 'changed') as changed, count(*) filter (where c.kind = 'deleted') as deleted
            from private.row_changes as c where c.connection_id = refresh.connection_id and c.run_id = p_id group by c.table_name) as n;
    if written > p_most then
        raise exception using errcode = 'PT413', message = 'too_many_rows', detail = format('%s, of at most %s', written, p_most);
    end if;
    perform private.tell_swapped(refresh, counts);
    counts := jsonb_build_object('tables', counts, 'held_back', held);
    update private.full_refreshes set status = 'swapped', ended_at = clock_timestamp(), result = counts where id = p_id;
    perform private.begin_work(refresh.connection_id, 'drop_shadows');
    return counts;
end $$;

revoke all on function public.swap_full_refresh(uuid, int) from public, anon, authenticated;

grant execute on function public.swap_full_refresh(uuid, int) to service_role;

-- empty_part: the text of these records goes, the figures stay, and of `raw` what their children are read by
-- (bones_<platform>); of what they were before some run as well (changes.sql), so that no rollback brings it back. Those that
-- are empty already cost no write. `p_live`: only what stands, which is what a page brings.
create or replace function private.empty_part(p_connection_id uuid, p_table text, p_key text, p_ids text[], p_clears text[],
                                              p_live boolean default false)
returns void language plpgsql set search_path = '' as $$
declare bones text := 'bones_' || (select a.platform from public.connected_accounts as a where a.id = private.owner_of(p_connection_id));
begin
    if p_ids = '{}' then
        return;
    end if;
    bones := case when to_regprocedure(format('private.%I(text,jsonb)', bones)) is null then '''{}''::jsonb'
                  else format('private.%I(%L, %%s)', bones, p_table) end;
    execute format('update public.%I as t set raw = %s, content_hash = 0%s where t.connection_id = $1 and t.%I = any ($2) '
                   'and t.content_hash <> 0%s', p_table, replace(bones, '%s', 't.raw'),
                   (select string_agg(format(', %I = null', c), '') from unnest(p_clears) as c), p_key,
                   case when p_live then ' and not t.is_deleted' else '' end)
        using p_connection_id, p_ids;
    execute format('update private.row_changes as c set before = c.before || jsonb_build_object(''raw'', %s, ''content_hash'', 0) '
                   '|| $4 where c.connection_id = $1 and c.table_name = $3 and c.before ->> %L = any ($2) '
                   'and c.before ->> ''content_hash'' <> ''0''', replace(bones, '%s', 'c.before -> ''raw'''), p_key)
        using p_connection_id, p_ids, p_table, (select coalesce(jsonb_object_agg(k, null), '{}') from unnest(p_clears) as k);
end $$;

-- erase_made: the same of a printer's orders, in the printer's own words.
create or replace function private.erase_made(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
declare printer text := (select a.platform from public.connected_accounts as a where a.id = private.owner_of(p_connection_id));
begin
    execute format('select private.%I($1, $2)', 'erase_orders_' || printer) using p_connection_id, p_ids;
end $$;

-- has_erased: whether this connection's people or orders were ever erased: the one look that a page costs everybody else.
create or replace function private.has_erased(p_connection_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select exists (select from private.closed_objects as k where k.connection_id = private.owner_of(p_connection_id)
                                                             and k.forgotten_at is not null);
$$;

-- keep_orders_erased: of these orders of a channel, which came or were just found, those that are erased say nothing again.
create or replace function private.keep_orders_erased(p_connection_id uuid, p_orders text[]) returns void
language plpgsql set search_path = '' as $$
declare erased text[];
begin
    erased := array(select k.object_id from private.closed_objects as k
                    where k.connection_id = private.owner_of(p_connection_id) and k.table_name = 'orders' and k.object_id = any (p_orders)
                      and k.forgotten_at is not null);
    if erased <> '{}' then
        -- An order that is gone takes along what comes with it, so that it does not stand.
        perform private.erase_orders(p_connection_id, erased, not exists (
            select from public.orders as o where o.connection_id = p_connection_id and o.platform_id = any (erased) and o.is_deleted));
    end if;
end $$;

-- keep_erased: what was erased stays so, whatever page comes and by whichever way, in the transaction that lands it
-- (land_records): the records of these keys, the order that they belong to, its buyer. What was placed before the buyer was
-- erased is erased with it, also where nobody had read it; what is placed afterwards is new.
create or replace function private.keep_erased(job public.sync_jobs, p_shape text, p_keys text[]) returns void
language plpgsql set search_path = '' as $$
declare owner uuid := private.owner_of(job.connection_id); main text; parent text; ids text[]; buyers text[]; finds text := concat_ws('_', 'find_orders', job.platform, p_shape);
begin
    execute format('select private.%I() #>> %L', concat_ws('_', 'parts', job.platform, p_shape), '{0,table}') into main;
    if exists (select from private.cost_rules as r where r.source = job.platform) then
        ids := array(select k.object_id from private.closed_objects as k
                     where k.connection_id = owner and k.table_name = main and k.object_id = any (p_keys)
                       and k.forgotten_at is not null);
        if ids <> '{}' then
            perform private.erase_made(job.connection_id, ids);
        end if;
        return;
    end if;
    select p.key into parent from private.personal_parts() as p where p.name = main;
    if parent is not null then
        if to_regprocedure(format('private.%I(public.sync_jobs,text[])', finds)) is not null then
            execute format('select private.%I($1, $2)', finds) using job, p_keys;
        end if;
        execute format('select array(select distinct t.%I from public.%I as t where t.connection_id = $1 '
                       'and t.platform_id = any ($2))', parent, main) into ids using job.connection_id, p_keys;
        insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
        select owner, 'orders', o.platform_id, k.forgotten_at, true
          from public.orders as o
          join private.closed_objects as k on k.connection_id = owner and k.table_name = 'customers'
                                          and k.object_id = o.buyer_platform_id
         where o.connection_id = job.connection_id and o.platform_id = any (ids)
           -- A platform may tell whole seconds.
           and o.ordered_at < date_trunc('second', k.forgotten_at)
         order by o.platform_id
        on conflict (connection_id, table_name, object_id) do update
           set forgotten_at = excluded.forgotten_at, for_good = true where c.forgotten_at is null;
        perform private.keep_orders_erased(job.connection_id, ids);
        buyers := array(select distinct o.buyer_platform_id from public.orders as o
                        where o.connection_id = job.connection_id and o.platform_id = any (ids));
    elsif main = 'customers' then
        buyers := p_keys;
    end if;
    perform private.empty_part(job.connection_id, 'customers', 'platform_id', array(
        select k.object_id from private.closed_objects as k
          join public.customers as c on c.connection_id = job.connection_id and c.platform_id = k.object_id
         where k.connection_id = owner and k.table_name = 'customers' and k.object_id = any (buyers)
           and (k.for_good or k.forgotten_at > c.fetched_at)), '{name,email}');
end $$;

-- told_of: what is kept of bytes that could not be mapped. Of those that name whom or what was erased, in any of the
-- user's shops: that they came. An order that stands here and was placed after its buyer was erased is another one.
create or replace function private.told_of(job public.sync_jobs, p_key text, p_fetched_at timestamptz, p_raw bytea) returns bytea
language plpgsql stable set search_path = '' as $$
declare words text[]; who uuid := coalesce((select f.user_id from private.full_refreshes as f where f.shadow_id = job.user_id), job.user_id);
begin
    if not exists (select from public.connected_accounts as a where a.user_id = who and private.has_erased(a.id)) then
        return p_raw;
    end if;
    words := array(select distinct w[1] from regexp_matches(regexp_replace(encode(p_raw, 'escape'), '\\[0-7]{3}', ' ', 'g'),
                                                            '[[:alnum:]]{5,}', 'g') as w union select p_key);
    if exists (select from public.connected_accounts as a
               join private.closed_objects as k on k.connection_id = a.id and k.object_id = any (words)
               where a.user_id = who and k.forgotten_at is not null
                 and (k.table_name <> 'customers' or k.forgotten_at > p_fetched_at
                      or k.for_good and not exists (
                          select from public.orders as o
                          where o.connection_id = job.connection_id and o.platform_id = p_key
                            and o.ordered_at >= date_trunc('second', k.forgotten_at)))) then
        return convert_to(jsonb_build_object('erased', md5(p_raw))::text, 'UTF8');
    end if;
    return p_raw;
end $$;

-- erase_buyer: nothing that names these buyers is left of this shop, nor of printers that made their orders: people,
-- orders with all that came with them, records that could not be mapped. Answers whether we knew whom to erase.
-- `p_email` alone may name them; `p_orders` are orders to erase whoever's they are.
create or replace function private.erase_buyer(connection public.connected_accounts, p_ids text[], p_email text, p_orders text[],
                                               p_for_good boolean) returns boolean
language plpgsql set search_path = '' as $$
declare buyers text[] := p_ids; orders text[]; part record; named text[];
begin
    perform private.await_pages(connection.id);
    perform private.bar_pages(connection.id, true);
    -- And the pages of those who print for this user.
    perform private.lock_costs(connection.user_id);
    perform private.yield_to_erasure(connection.user_id);
    if cardinality(buyers) = 0 then
        select coalesce(array_agg(c.platform_id), '{}') into buyers from public.customers as c
         where c.connection_id = connection.id and lower(c.email) = lower(p_email);
        buyers := array(select unnest(buyers)
                        union select c.keys[1] from private.row_changes as c
                              where c.connection_id = connection.id and c.table_name = 'customers'
                                and lower(c.before ->> 'email') = lower(p_email));
    end if;
    select coalesce(array_agg(o.platform_id), '{}') into orders from public.orders as o
     where o.connection_id = connection.id and (o.buyer_platform_id = any (buyers) or o.platform_id = any (p_orders));
    -- An order that could not be mapped may have brought a payment all the same.
    orders := array(select unnest(orders) union select unnest(p_orders)
                    -- And one that a rollback took away, or that another buyer's name stands on now, may come back by another.
                    union select c.keys[1] from private.row_changes as c
                          where c.connection_id = connection.id and c.table_name = 'orders'
                            and c.before ->> 'buyer_platform_id' = any (buyers)
                    union select r.platform_id from public.rejected_records as r
                           where r.connection_id = connection.id and r.platform_id is not null
                             and private.names_one(r.raw, buyers));
    -- What the rows say of them, before they say nothing: rejected bytes are found by it.
    named := array(select c.email from public.customers as c
                   where c.connection_id = connection.id and c.platform_id = any (buyers) and c.email <> ''
                   union select p_email where p_email <> '' union select unnest(buyers || orders));
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
    select connection.id, n.name, n.id, clock_timestamp(), n.for_good
    from (select 'customers' as name, b as id, p_for_good as for_good from unnest(buyers) as b
          union all select 'orders', o, true from unnest(orders) as o) as n order by n.name, n.id
    on conflict (connection_id, table_name, object_id) do update
       set forgotten_at = excluded.forgotten_at, for_good = c.for_good or excluded.for_good;
    perform private.empty_part(connection.id, 'customers', 'platform_id', buyers, '{name,email}');
    -- What the call of an open round showed of the newest buyer; without it they are read when they are due.
    update public.sync_jobs as j set cursor = j.cursor - 'shown' where j.connection_id = connection.id and j.cursor ? 'shown';
    perform private.erase_orders(connection.id, orders);
    for part in select k.connection_id, array_agg(distinct k.source_id) as ids from private.cost_links as k
                where k.order_connection_id = connection.id and k.order_platform_id = any (orders)
                group by k.connection_id loop
        perform private.erase_made(part.connection_id, part.ids);
    end loop;
    -- What a printer's record names could not be linked where it could not be mapped.
    perform private.forget_rejected(a.id, named) from public.connected_accounts as a where a.user_id = connection.user_id;
    return cardinality(buyers) > 0;
end $$;

-- prove_etsy_buyers: every buyer of an order is a customer. Buyers come with the orders: where the orders are not
-- complete, nobody can say that the customers are; no buyer is missing among no orders. `rests_on` names what has to be
-- complete first. A piece is so many customers, and the buyers whose numbers are among theirs.
create or replace function private.prove_etsy_buyers(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('customers', job.connection_id, p_from, p_rows) as bound),
    orders_job as (
        select o.status from public.sync_jobs as o
        where o.entity = 'orders' and case when job.shadow_id is null
              then o.connection_id = job.connection_id and o.job_type = job.job_type else o.run_id = job.run_id end
        order by o.created_at desc limit 1),
    buyers as materialized (
        select distinct o.buyer_platform_id from public.orders as o cross join piece
        where o.connection_id = job.connection_id and not o.is_deleted
          and o.buyer_platform_id >= p_from and (bound is null or o.buyer_platform_id < bound)),
    missing as materialized (
        select buyer_platform_id from buyers
        except
        select c.platform_id from public.customers as c cross join piece where c.connection_id = job.connection_id
           and c.platform_id >= p_from and (bound is null or c.platform_id < bound)),
    facts as (
        select exists (select 1 from orders_job where status = 'completed') as orders_complete)
    select jsonb_build_object(
        'ok', f.orders_complete and not exists (select 1 from missing), 'next', (select bound from piece),
        'counts', jsonb_build_object('buyers', (select count(*) from buyers), 'missing', (select count(*) from missing)),
        'firsts', jsonb_build_object(
            'first_missing', (select coalesce(jsonb_agg(buyer_platform_id), '[]') from (select * from missing order by 1 limit 5) as m)),
        'says', case when f.orders_complete then '{}' else jsonb_build_object('rests_on', 'orders') end)
    from facts as f;
$$;

-- fill_printify_currency: a row is in the account's currency. That is known to its owner alone: `stated_currency` is
-- what the owner said; without it `currency` is what the product was set to assume (PRINTIFY_CURRENCY), and every row
-- says that it is assumed.
create or replace function private.fill_printify_currency() returns trigger
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts;
begin
    select * into connection from public.connected_accounts as a where a.id = new.connection_id;
    if not found then
        -- It lands in a shadow.
        select * into connection from public.connected_accounts as a where a.id = private.owner_of(new.connection_id);
    end if;
    new.currency := coalesce(connection.stated_currency, connection.currency, 'USD');
    new.currency_assumed := connection.stated_currency is null;
    return new;
end $$;

-- erase_orders_printify: what names the buyer of these orders goes.
create or replace function private.erase_orders_printify(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
    select private.owner_of(p_connection_id), 'printify_orders', o.id, clock_timestamp(), true from unnest(p_ids) as o (id) order by o.id
    on conflict (connection_id, table_name, object_id) do update set forgotten_at = excluded.forgotten_at, for_good = true
     where c.forgotten_at is null;
    perform private.empty_part(p_connection_id, 'printify_orders', 'platform_id', p_ids, '{region}');
    perform private.empty_part(p_connection_id, 'printify_line_items', 'order_platform_id', p_ids, '{}');
    -- Its number is a part of its key.
    perform private.forget_changes(p_connection_id, 'printify_shipments', 'order_platform_id', p_ids);
    delete from public.printify_shipments where connection_id = p_connection_id and order_platform_id = any (p_ids);
end $$;
