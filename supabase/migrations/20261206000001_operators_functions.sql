-- What operators see and do across tenants, as supabase/schemas say it (see the file before, docs/decisions/046).

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
    ('private.paused_platforms', 'service', null, null, null, 'one a platform'),
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
    ('private.samples', 'connection', null, null, null, 'one an entity'),
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
    ('public.unit_costs', 'connection', null, null, null, 'one a value of a variant'),
    ('public.shop_time_zones', 'connection', null, null, null, 'one a change of a shop''s zone'),
    ('private.goods_costs', 'user', null, null, null, 'one a SKU or listing and day that it begins on'),
    -- For so long a save can be taken back.
    ('private.goods_cost_changes', 'user', '90 days', 'at', null, null),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    ('public.money_days', 'connection', null, null, null, 'one a day, currency and class'),
    ('public.money_countries', 'connection', null, null, null, 'one a day, currency, country and class'),
    ('public.money_products', 'connection', null, null, null, 'one a day, product, currency and class'),
    ('public.money_day_states', 'connection', null, null, null, 'one a day'),
    ('private.money_marks', 'connection', null, null, null, 'until they are rolled up'),
    ('private.money_touched', 'connection', null, null, null, 'until they are rolled up'),
    ('private.money_refusals', 'connection', null, null, null, 'one a connection'),
    -- Sellers pay taxes by what stood there: it goes with the shop.
    ('private.money_journal', 'connection', null, null, null, 'one each change of a closed day'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.lateness', 'service', '90 days', 'week', null, null),
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
    ('private.money_classes', 'reference', null, null, null, 'one a class'),
    ('private.money_kinds', 'reference', null, null, null, 'one a kind of a platform''s records'),
    ('private.money_streams', 'reference', null, null, null, 'one an entity of a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

-- is_paused: whether a shop is left alone, by itself, with its user or with its platform.
create or replace function private.is_paused(p_connection_id uuid) returns boolean
language sql stable set search_path = '' as $$
    select coalesce((select a.paused_at is not null or p.paused_at is not null
                            or exists (select from private.paused_platforms as x where x.platform = a.platform)
                     from public.connected_accounts as a join public.profiles as p on p.user_id = a.user_id
                     where a.id = p_connection_id), false);
$$;

-- note_operation: what an operator did, on the record of administrators: `p_by` at a shell, or an administrator in a browser; to a user,
-- or to a platform.
create or replace function private.note_operation(p_by text, p_admin_id uuid, p_action text, p_user_id uuid, p_platform text, p_details jsonb)
returns void language sql set search_path = '' as $$
    insert into private.admin_actions (user_id, subject_id, action, details, actor, subject)
    values (p_admin_id, p_user_id, p_action, p_details, coalesce(private.pseudonym(p_admin_id::text), p_by),
            coalesce(private.pseudonym(p_user_id::text), p_platform));
$$;

-- find_jobs: jobs of all users, the newest first, that are all of what the filter names: {user_id, connection_id, run_id, platform, entity,
-- job_type, statuses, code, before, after}; `code`: why it ended or waits. `p_before`: {created_at, id} of the last of the page before.
create or replace function public.find_jobs(p_filter jsonb default '{}', p_before jsonb default null, p_limit int default 50) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '50s' as $$
declare found_ jsonb; wanted record;
begin
    select * into wanted from jsonb_to_record(p_filter) as f(user_id uuid, connection_id uuid, run_id uuid, job_id uuid, platform text, entity text,
                                                             job_type text, statuses text[], code text, before timestamptz, after timestamptz);
    select coalesce(jsonb_agg(to_jsonb(j) - 'n' order by j.n), '[]') into found_
    from (select row_number() over (order by s.created_at desc, s.id) as n, s.id as job_id, s.run_id, s.user_id, u.email, p.plan, s.connection_id,
                 s.platform, a.shop_id, a.shop_name, s.entity, s.job_type, s.status, s.created_at, s.started_at, s.finished_at, s.run_after,
                 s.park_code, s.park_reason, s.error_code, s.error, s.attempts, s.deaths, s.calls_used, s.records_done, s.records_total,
                 s.records_rejected, s.fraction, s.page_seq, s.leased_by, s.cursor, r.trigger,
                 private.is_paused(s.connection_id) as is_paused
          from (select * from public.sync_jobs as s
                where (wanted.user_id is null or s.user_id = wanted.user_id)
                  and (wanted.connection_id is null or s.connection_id = wanted.connection_id)
                  and (wanted.run_id is null or s.run_id = wanted.run_id)
                  and (wanted.job_id is null or s.id = wanted.job_id)
                  and (wanted.platform is null or s.platform = wanted.platform)
                  and (wanted.entity is null or s.entity = wanted.entity)
                  and (wanted.job_type is null or s.job_type = wanted.job_type)
                  and (wanted.statuses is null or s.status = any (wanted.statuses))
                  and (wanted.code is null or wanted.code in (s.error_code, s.park_code))
                  and (wanted.before is null or s.created_at < wanted.before)
                  and (wanted.after is null or s.created_at >= wanted.after)
                  and (p_before is null or (s.created_at, p_before ->> 'id') <
                                           ((p_before ->> 'created_at')::timestamptz, s.id::text))
                order by s.created_at desc, s.id limit least(p_limit, 500)) as s
          join public.connected_accounts as a on a.id = s.connection_id
          join public.profiles as p on p.user_id = s.user_id
          join auth.users as u on u.id = s.user_id
          join public.sync_runs as r on r.id = s.run_id) as j;
    return found_;
end $$;

revoke all on function public.find_jobs(jsonb, jsonb, int) from public, anon, authenticated;

grant execute on function public.find_jobs(jsonb, jsonb, int) to service_role;

-- count_jobs: how many jobs of all users are open, by state, and how many ended badly in the last day, by code.
create or replace function public.count_jobs() returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '50s' as $$
    select jsonb_build_object(
        'open', (select coalesce(jsonb_object_agg(c.status, c.n), '{}')
                 from (select j.status, count(*) as n from public.sync_jobs as j
                       where j.status in ('waiting', 'queued', 'running', 'parked') group by j.status) as c),
        'failed', (select coalesce(jsonb_object_agg(c.code, c.n), '{}')
                   from (select coalesce(j.error_code, j.status) as code, count(*) as n from public.sync_jobs as j
                         where j.finished_at > now() - interval '24 hours' and j.status in ('failed', 'quarantined', 'completed_with_rejects')
                         group by 1) as c));
$$;

revoke all on function public.count_jobs() from public, anon, authenticated;

grant execute on function public.count_jobs() to service_role;

-- cancel_job: an operator ends an open job for good; whoever works it loses it at its next page. A full refresh ends with any of its jobs.
-- Answers whether it was open.
create or replace function public.cancel_job(p_job_id uuid, p_by text, p_seller_message text, p_admin_id uuid default null) returns boolean
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs;
begin
    select * into job from public.sync_jobs where id = p_job_id for update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_job', detail = p_job_id::text;
    end if;
    if job.status not in ('waiting', 'queued', 'running', 'parked') then
        return false;
    end if;
    perform private.note_operation(p_by, p_admin_id, 'cancel_job', job.user_id, null,
                                   jsonb_build_object('job_id', job.id, 'entity', job.entity, 'job_type', job.job_type));
    if job.job_type = 'refresh' then
        return private.end_full_refresh(job.run_id, 'cancelled', 'cancelled', 'cancelled by ' || p_by);
    end if;
    -- Who asked for it once more meanwhile asked for this.
    delete from private.rerun_requests as r
     where r.connection_id = job.connection_id and r.entity = job.entity and r.job_type = job.job_type;
    perform private.end_job(job, 'failed', 'cancelled', 'cancelled by ' || p_by, p_seller_message, null);
    return true;
end $$;

revoke all on function public.cancel_job(uuid, text, text, uuid) from public, anon, authenticated;

grant execute on function public.cancel_job(uuid, text, text, uuid) to service_role;

-- hurry_job: a job that waits for its time does not wait any longer, and is the next of its equals. The budget is asked as ever. Answers
-- how it stands then.
create or replace function public.hurry_job(p_job_id uuid, p_by text, p_admin_id uuid default null) returns text
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs;
begin
    select * into job from public.sync_jobs where id = p_job_id for update;
    if not found then
        raise exception using errcode = 'PT404', message = 'unknown_job', detail = p_job_id::text;
    end if;
    if job.status not in ('queued', 'parked') then
        return job.status;
    end if;
    perform private.note_operation(p_by, p_admin_id, 'hurry_job', job.user_id, null,
                                   jsonb_build_object('job_id', job.id, 'entity', job.entity, 'job_type', job.job_type));
    update public.sync_jobs
       set status = 'queued', run_after = null, park_reason = null, park_code = null, served_at = '-infinity'
     where id = job.id;
    return 'queued';
end $$;

revoke all on function public.hurry_job(uuid, text, uuid) from public, anon, authenticated;

grant execute on function public.hurry_job(uuid, text, uuid) to service_role;

-- pause_platform: no shop there is read, until it is taken back. Twice is as good as once. Answers how many jobs were stopped.
create or replace function public.pause_platform(p_platform text, p_by text, p_admin_id uuid default null) returns int
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare stopped int;
begin
    insert into private.paused_platforms (platform, paused_by) values (p_platform, p_by) on conflict do nothing;
    update public.sync_jobs
       set status = 'waiting', lease_id = null, lease_expires_at = null, run_after = null, park_reason = null, park_code = null
     where id = any (array(select j.id from public.sync_jobs as j
                           where j.platform = p_platform and j.status in ('queued', 'running', 'parked') order by j.id for update));
    get diagnostics stopped = row_count;
    perform private.note_operation(p_by, p_admin_id, 'pause_platform', null, p_platform, '{}');
    return stopped;
end $$;

revoke all on function public.pause_platform(text, text, uuid) from public, anon, authenticated;

grant execute on function public.pause_platform(text, text, uuid) to service_role;

-- resume_platform: its shops are taken up where they stood. Answers how many jobs go on.
create or replace function public.resume_platform(p_platform text, p_by text, p_admin_id uuid default null) returns int
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
begin
    delete from private.paused_platforms where platform = p_platform;
    perform private.promote_next(w.connection_id, w.job_type)
       from (select distinct j.connection_id, j.job_type from public.sync_jobs as j
             where j.platform = p_platform and j.status = 'waiting') as w;
    perform private.note_operation(p_by, p_admin_id, 'resume_platform', null, p_platform, '{}');
    return (select count(*) from public.sync_jobs as j where j.platform = p_platform and j.status = 'queued');
end $$;

revoke all on function public.resume_platform(text, text, uuid) from public, anon, authenticated;

grant execute on function public.resume_platform(text, text, uuid) to service_role;

-- paused_platforms: which are paused, since when and by whom.
create or replace function public.paused_platforms() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(to_jsonb(p) order by p.platform), '[]') from private.paused_platforms as p;
$$;

revoke all on function public.paused_platforms() from public, anon, authenticated;

grant execute on function public.paused_platforms() to service_role;

-- find_tenants: users, the newest first: who they are, their shops, how stale the stalest of what is read is beside its promise, what is
-- open, what failed last, and how many of each platform's calls of the last day were theirs. `p_search`: part of an address or of a shop's
-- name, a user's id or a shop's. `p_before`: {created_at, id} of the last of the page before.
create or replace function public.find_tenants(p_search text default null, p_before jsonb default null, p_limit int default 50,
                                               p_user_id uuid default null) returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '50s' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'user_id', p.user_id, 'email', u.email, 'plan', p.plan, 'created_at', p.created_at, 'paused_at', p.paused_at,
               'backfill_status', p.backfill_status,
               'shops', (select coalesce(jsonb_agg(jsonb_build_object(
                                    'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name,
                                    'status', a.status, 'paused_at', a.paused_at) order by a.platform, a.shop_id), '[]')
                         from public.connected_accounts as a where a.user_id = p.user_id),
               'known_until', r.known_until, 'late', coalesce(r.late, 0), 'open', j.open_, 'failing', j.failing,
               'calls', (select coalesce(jsonb_object_agg(c.platform, c.calls), '{}')
                         from (select t.platform, sum(t.calls) as calls from private.tenant_calls as t
                               where t.user_id = p.user_id and t.hour > now() - interval '24 hours' group by t.platform) as c))
           order by p.created_at desc, p.user_id), '[]')
    from (select p.* from public.profiles as p join auth.users as u on u.id = p.user_id
          where (p_user_id is null or p.user_id = p_user_id)
            and (p_search is null or strpos(lower(u.email), lower(p_search)) > 0 or p.user_id::text = lower(p_search)
                 or exists (select from public.connected_accounts as a
                            where a.user_id = p.user_id and (a.shop_id = p_search or strpos(lower(a.shop_name), lower(p_search)) > 0)))
            and (p_before is null or (p.created_at, p_before ->> 'id') < ((p_before ->> 'created_at')::timestamptz, p.user_id::text))
          order by p.created_at desc, p.user_id limit least(p_limit, 500)) as p
    join auth.users as u on u.id = p.user_id
    cross join lateral (
        select min(s.known_until) as known_until, count(*) filter (where s.known_until < now() - 2 * m.every) as late
        from private.sync_rounds as s
        join public.connected_accounts as a on a.id = s.connection_id and a.status = 'connected' and a.user_id = p.user_id
        left join private.round_promises as k on k.plan = p.plan
        join private.round_promises as m on m.plan = coalesce(k.plan, 'free')) as r
    cross join lateral (
        select count(*) filter (where n.status in ('waiting', 'queued', 'running', 'parked')) as open_,
               count(*) filter (where n.status in ('failed', 'quarantined', 'completed_with_rejects')) as failing
        from (select distinct on (s.connection_id, s.entity, s.job_type) s.status from public.sync_jobs as s
              where s.user_id = p.user_id and s.job_type <> 'sample'
              order by s.connection_id, s.entity, s.job_type, s.created_at desc, s.id) as n) as j;
$$;

revoke all on function public.find_tenants(text, jsonb, int, uuid) from public, anon, authenticated;

grant execute on function public.find_tenants(text, jsonb, int, uuid) to service_role;

-- money_standing: how many days of all shops are open or were restated of late, and whose have money of a kind that nobody has named. Counts
-- stop at ten thousand.
create or replace function public.money_standing(p_limit int default 100) returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '50s' as $$
    select jsonb_build_object(
        'open', (select count(*) from (select from public.money_day_states as d where d.state = 'open' limit 10000) as d),
        'restated', (select count(*) from (select from public.money_day_states as d
                                           where d.restated_at > now() - interval '30 days' limit 10000) as d),
        'unclassified', (select coalesce(jsonb_agg(to_jsonb(w) order by w.days desc, w.email, w.connection_id), '[]')
                         from (select u.id as user_id, u.email, a.id as connection_id, a.platform, a.shop_id, a.shop_name, count(*) as days,
                                      min(d.day) as since, max(d.day) as until
                               from public.money_day_states as d
                               join public.connected_accounts as a on a.id = d.connection_id
                               join auth.users as u on u.id = a.user_id
                               where d.waits ? 'unclassified' group by 1, 2, 3, 4, 5, 6 order by count(*) desc limit least(p_limit, 500)) as w));
$$;

revoke all on function public.money_standing(int) from public, anon, authenticated;

grant execute on function public.money_standing(int) to service_role;
