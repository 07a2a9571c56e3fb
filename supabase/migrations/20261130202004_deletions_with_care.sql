-- Two sightings by different runs, a brake that asks a person, and a way back; what names a record outlives it.

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
    -- As they came, with whom they name: from the last time that they came.
    ('public.rejected_records', 'connection', '90 days', 'fetched_at', null, null),
    ('private.platform_events', 'connection', '7 days', 'worked_at', null, null),
    -- No page is on its way for so long.
    ('private.closed_objects', 'connection', '90 days', 'gone_at', 't.forgotten_at is null', null),
    -- So long what a run marked gone can be brought back.
    ('private.missing_records', 'connection', '90 days', 'gone_at', null, null),
    ('private.held_deletions', 'connection', '180 days', 'decided_at', null, null),
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
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

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
    perform private.plan_rounds(job, p_certificate_id is not null);
    perform private.look_again(job);
    perform private.promote_next(job.connection_id, job.job_type);
    if job.job_type = 'backfill' then
        perform private.settle_profile(job.user_id);
    end if;
end $$;

-- sight: of these rows, which a whole reading did not show, those that another run missed before, without a sign of them
-- since: a second sighting. The others are noted, for the first time or anew.
create or replace function private.sight(job public.sync_jobs, p_table text, p_ids text[]) returns text[]
language plpgsql set search_path = '' as $$
declare again text[];
begin
    -- What was fetched after it was missed was there.
    execute format('with again as (update private.missing_records as m set again_at = coalesce(m.again_at, clock_timestamp()) '
                   'from public.%I as t where t.connection_id = m.connection_id and t.platform_id = m.platform_id '
                   'and m.connection_id = $1 and m.table_name = $2 and m.platform_id = any ($3) and m.gone_at is null '
                   'and (m.run_id <> $4 or m.again_at is not null) and t.fetched_at <= m.seen_at returning m.platform_id) '
                   'select coalesce(array_agg(platform_id order by platform_id), %L) from again', p_table, '{}')
       into again using job.connection_id, p_table, p_ids, job.run_id;
    insert into private.missing_records as m (connection_id, table_name, platform_id, run_id, seen_at)
    select job.connection_id, p_table, i, job.run_id, clock_timestamp() from unnest(p_ids) as i where i <> all (again)
    on conflict (connection_id, table_name, platform_id) do update
       set run_id = excluded.run_id, seen_at = excluded.seen_at, again_at = null, gone_run = null, gone_at = null
     where m.run_id <> excluded.run_id or m.gone_at is not null;
    return again;
end $$;

-- unmiss: of the keys of one piece, those that are shown again are missing no more; nor is what was gone, and is here.
create or replace function private.unmiss(p_connection_id uuid, p_table text, p_missing text[], p_from text, p_bound text)
returns void language plpgsql set search_path = '' as $$
begin
    execute format('delete from private.missing_records as m using public.%I as t where m.connection_id = $1 '
                   'and m.table_name = $2 and m.platform_id >= $4 and ($5 is null or m.platform_id < $5) '
                   'and m.platform_id <> all ($3) and t.connection_id = m.connection_id '
                   'and t.platform_id = m.platform_id and not t.is_deleted', p_table)
        using p_connection_id, p_table, p_missing, p_from, p_bound;
end $$;

-- mark_gone: these records, and what goes with them (`p_children`, and whatever triggers take along), softly; noted, so that it
-- can be taken back.
create or replace function private.mark_gone(p_connection_id uuid, p_run_id uuid, p_table text, p_children jsonb, p_ids text[])
returns void language plpgsql set search_path = '' as $$
declare child record; t text;
begin
    if p_ids = '{}' then
        return;
    end if;
    execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                   'and platform_id = any ($2) and not is_deleted', p_table) using p_connection_id, p_ids, p_run_id;
    for child in select key as name, value as parent from jsonb_each_text(p_children) loop
        execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                       'and %I = any ($2) and not is_deleted', child.name, child.parent)
            using p_connection_id, p_ids, p_run_id;
    end loop;
    -- Whatever this transaction marked.
    for t in select s.name from private.synced_tables as s order by s.name loop
        execute format('insert into private.missing_records as m (connection_id, table_name, platform_id, run_id, seen_at, '
                       'again_at, gone_run, gone_at) select connection_id, %L, platform_id, $2, now(), now(), $2, now() '
                       'from public.%I as t where connection_id = $1 and is_deleted and sync_run_id = $2 '
                       'and t.xmin = pg_current_xact_id()::xid '
                       'on conflict (connection_id, table_name, platform_id) do update '
                       'set gone_run = excluded.gone_run, gone_at = excluded.gone_at', t, t)
            using p_connection_id, p_run_id;
    end loop;
end $$;

-- hold_deletions: very many would go: nothing does, and it is a question to a person. The newest numbers of it stand.
create or replace function private.hold_deletions(job public.sync_jobs, p_table text, p_children jsonb, p_held bigint, p_stored bigint)
returns void language sql set search_path = '' as $$
    insert into private.held_deletions (connection_id, entity, table_name, children, run_id, held, stored)
    values (job.connection_id, job.entity, p_table, p_children, job.run_id, p_held, p_stored)
    on conflict (connection_id, table_name) where decided_at is null do update
       set run_id = excluded.run_id, held = excluded.held, stored = excluded.stored;
$$;

-- sighting_rest: how soon a domain is read again of which a record was missed once. As directives/sync_orchestration.md declares.
create or replace function private.sighting_rest() returns interval
language sql immutable set search_path = '' as $$ select interval '1 hour' $$;

-- look_again: what this job missed for the first time is looked for again soon, and not at the next whole reading's time.
create or replace function private.look_again(job public.sync_jobs) returns void
language sql set search_path = '' as $$
    update private.sync_rounds as s
       set due_at = least(s.due_at, clock_timestamp() + private.sighting_rest()),
           whole_at = case when s.whole_at is not null then least(s.whole_at, clock_timestamp()) end
     where s.connection_id = job.connection_id and s.entity = job.entity
       and exists (select from private.missing_records as m
                   where m.connection_id = job.connection_id and m.run_id = job.run_id and m.again_at is null);
$$;

-- held_deletions: what waits for a person: of a user's shops, or of all without one.
create or replace function public.held_deletions(p_user_id uuid default null) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'id', h.id, 'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name,
               'entity', h.entity, 'table', h.table_name, 'held', h.held, 'stored', h.stored, 'held_at', h.held_at,
               'run_id', h.run_id) order by h.held_at, h.id), '[]')
    from private.held_deletions as h join public.connected_accounts as a on a.id = h.connection_id
    where h.decided_at is null and (p_user_id is null or a.user_id = p_user_id);
$$;

revoke all on function public.held_deletions(uuid) from public, anon, authenticated;

grant execute on function public.held_deletions(uuid) to service_role;

-- decide_deletions: a person says what held deletions are. 'confirmed': what is still missing goes, so many rows a call;
-- 'dismissed': nothing goes, and all are sighted anew. Answers {gone, done}; null where nothing of the user's is open.
create or replace function public.decide_deletions(p_user_id uuid, p_id bigint, p_decision text, p_rows int default 5000)
returns jsonb language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare held private.held_deletions; ids text[];
begin
    select h.* into held from private.held_deletions as h
     where h.id = p_id and h.decided_at is null
       and exists (select from public.connected_accounts as a where a.id = h.connection_id and a.user_id = p_user_id)
       for update;
    if not found then
        return null;
    end if;
    -- Of what was missed twice; not what was fetched since.
    execute format('select coalesce(array_agg(platform_id), %L) from (select m.platform_id from private.missing_records as m '
                   'join public.%I as t on t.connection_id = m.connection_id and t.platform_id = m.platform_id '
                   'where m.connection_id = $1 and m.table_name = $2 and m.again_at is not null and m.gone_at is null '
                   'and ($3 or t.fetched_at <= m.again_at) order by m.platform_id limit $4) as q', '{}', held.table_name)
       into ids using held.connection_id, held.table_name, p_decision = 'dismissed', p_rows;
    if p_decision = 'confirmed' then
        perform private.mark_gone(held.connection_id, held.run_id, held.table_name, held.children, ids);
    elsif p_decision = 'dismissed' then
        delete from private.missing_records where connection_id = held.connection_id and table_name = held.table_name
                                              and platform_id = any (ids);
    else
        raise exception using errcode = 'PT400', message = 'unknown_decision', detail = p_decision;
    end if;
    if cardinality(ids) < p_rows then
        update private.held_deletions set decision = p_decision, decided_at = clock_timestamp() where id = held.id;
    end if;
    return jsonb_build_object('gone', case p_decision when 'confirmed' then cardinality(ids) else 0 end,
                              'done', cardinality(ids) < p_rows);
end $$;

revoke all on function public.decide_deletions(uuid, bigint, text, int) from public, anon, authenticated;

grant execute on function public.decide_deletions(uuid, bigint, text, int) to service_role;

-- restore_gone: what a run of a user's marked gone comes back, so many rows a call. What the platform does not show then
-- is sighted anew. Answers {restored, done}; null for a run that is none of theirs.
create or replace function public.restore_gone(p_user_id uuid, p_run_id uuid, p_rows int default 5000) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection uuid; t text; ids text[]; restored bigint := 0; changed bigint; left_ int := p_rows;
begin
    select r.connection_id into connection from public.sync_runs as r where r.id = p_run_id and r.user_id = p_user_id;
    if not found then
        return null;
    end if;
    for t in select distinct table_name from private.missing_records where connection_id = connection and gone_run = p_run_id
             order by 1 loop
        with taken as (
            delete from private.missing_records where ctid = any (array(
                select ctid from private.missing_records
                where connection_id = connection and gone_run = p_run_id and table_name = t limit left_))
            returning platform_id)
        select coalesce(array_agg(platform_id), '{}') into ids from taken;
        -- Only what is as that run left it: what came, or went, since is another's.
        execute format('update public.%I set is_deleted = false where connection_id = $1 and platform_id = any ($2) '
                       'and is_deleted and sync_run_id = $3', t) using connection, ids, p_run_id;
        get diagnostics changed = row_count;
        restored := restored + changed;
        left_ := left_ - cardinality(ids);
        -- What an event closed is open again.
        delete from private.closed_objects where connection_id = connection and table_name = t and object_id = any (ids)
                                             and forgotten_at is null;
        exit when left_ <= 0;
    end loop;
    return jsonb_build_object('restored', restored, 'done', not exists (
        select from private.missing_records where connection_id = connection and gone_run = p_run_id));
end $$;

revoke all on function public.restore_gone(uuid, uuid, int) from public, anon, authenticated;

grant execute on function public.restore_gone(uuid, uuid, int) to service_role;

drop function private.unseen(public.sync_jobs,text,text,text,boolean,text[],text,text);

-- unseen: of the rows of one piece, how many there are, and which of them a complete read did not show. Arguments as of
-- sweep_gone.
create or replace function private.unseen(job public.sync_jobs, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                          p_created_at text[], p_from text, p_bound text, p_since timestamptz,
                                          out gone text[], out stored bigint)
language plpgsql set search_path = '' as $$
declare inside text := 'true';
begin
    if p_time_column <> '' then
        inside := format('t.%I >= $4 and t.%1$I < $5', p_time_column);
    end if;
    execute format($sql$
        with pages as (
            select keys, pass, max(pass) over (partition by part, window_start, window_end) as last_pass
            from public.sync_pages where job_id = $2 and stream = $3),
        judged as (
            select t.platform_id from public.%I as t
            where t.connection_id = $1 and not t.is_deleted and t.platform_id >= $7 and ($8 is null or t.platform_id < $8) and %s)
        select coalesce((select array_agg(platform_id) from (
                    select platform_id from judged
                    except
                    select k from pages, unnest(keys) as k
                    where (pass = last_pass or not $6) and k >= $7 and ($8 is null or k < $8)) as unseen), '{}'),
               (select count(*) from judged)
    $sql$, p_table, inside) into gone, stored
    using job.connection_id, job.id, p_stream, job.window_start, job.window_end + interval '1 second', p_last_pass, p_from, p_bound;
    if cardinality(p_created_at) > 0 and gone <> '{}' then
        execute format('select coalesce(array_agg(platform_id), %L) from public.%I where connection_id = $1 '
                       'and platform_id = any ($2) and not private.created_after(raw, $3, $4)', '{}', p_table)
           into gone using job.connection_id, gone, p_created_at, date_trunc('second', job.window_end);
    end if;
    if p_since is not null and gone <> '{}' then
        -- Older ones the source has forgotten, and of one whose time cannot be read nobody knows.
        execute format('select coalesce(array_agg(platform_id), %L) from public.%I where connection_id = $1 '
                       'and platform_id = any ($2) and private.created_after(raw, $3, $4)', '{}', p_table)
           into gone using job.connection_id, gone, p_created_at, p_since;
    end if;
end $$;

drop function public.sweep_gone(uuid,text,text,text,boolean,real,integer,jsonb,text[],jsonb,integer);

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

revoke all on function
    public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[], jsonb, int, timestamptz)
    from public, anon, authenticated;

grant execute on function public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[], jsonb, int, timestamptz)
    to service_role;

-- close_gone: of these objects, for which a job has just asked, the platform showed none; those that a delivery said to be
-- deleted are, and are answered. Of all others nobody said so: they stay as they are. A page that was fetched before
-- brings nothing back.
create or replace function public.close_gone(p_lease_id uuid, p_kind text, p_table text, p_object_ids text[]) returns text[]
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); gone text[];
begin
    select coalesce(array_agg(e.object_id order by e.object_id), '{}') into gone from private.platform_events as e
     where e.connection_id = job.connection_id and e.kind = p_kind and e.object_id = any (p_object_ids)
       and e.says_gone and e.worked_at is null;
    if gone = '{}' then
        return gone;
    end if;
    if not exists (select from pg_catalog.pg_trigger where tgrelid = format('public.%I', p_table)::regclass
                                                       and tgname = 'keep_gone_' || job.platform) then
        raise exception using errcode = 'PT400', message = 'table_not_closed_by_events', detail = p_table,
            hint = 'Name it with private.closed_by_events in the platform''s schema file.';
    end if;
    insert into private.closed_objects as c (connection_id, table_name, object_id, gone_at)
    select job.connection_id, p_table, o.named, clock_timestamp() from unnest(gone) as o (named)
    on conflict (connection_id, table_name, object_id) do update set gone_at = excluded.gone_at;
    perform private.mark_gone(job.connection_id, job.run_id, p_table, '{}', gone);
    return gone;
end $$;

-- pipeline_health: everything that health and metrics tell, in one answer. Counts stop at ten thousand: more of them
-- would say no more, and a look must stay quick.
create or replace function public.pipeline_health(p_minutes int default 60) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '3s' as $$
declare now_ timestamptz := clock_timestamp(); since timestamptz := clock_timestamp() - make_interval(mins => p_minutes);
begin
    return jsonb_build_object(
        'now', now_,
        'queue', (
            select jsonb_build_object('queued', count(*), 'lag_seconds',
                       coalesce(greatest(0, extract(epoch from now_ - min(served_at))), 0))
            from (select served_at from public.sync_jobs where status = 'queued' limit 10000) as q),
        'running', (select count(*) from (select 1 from public.sync_jobs where status = 'running' limit 10000) as r),
        'heartbeats', public.heartbeats(),
        'quarantined', (select count(*) from (select 1 from public.sync_jobs where status = 'quarantined' limit 10000) as q),
        'rejected', (select count(*) from (select 1 from public.rejected_records where status = 'open' limit 10000) as r),
        'parked', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('waiting', count(*), 'retries', count(*) filter (where attempts > 0),
                           'next_at', min(run_after)) as facts
                from (select platform, attempts, run_after from public.sync_jobs where status = 'parked'
                      order by run_after limit 10000) as p group by platform) as by_platform),
        'ended', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('completed', count(*) filter (where status = 'completed'),
                           'with_rejects', count(*) filter (where status = 'completed_with_rejects'),
                           'failed', count(*) filter (where status = 'failed'),
                           'quarantined', count(*) filter (where status = 'quarantined')) as facts
                from (select platform, status from public.sync_jobs where finished_at > since
                      order by finished_at desc limit 10000) as e group by platform) as by_platform),
        'last_sync_at', (
            select max(finished_at) from (select finished_at, status from public.sync_jobs where finished_at is not null
                                          order by finished_at desc limit 1000) as e
            where status in ('completed', 'completed_with_rejects')),
        'calls', (
            select coalesce(jsonb_agg(jsonb_build_object('platform', platform, 'endpoint', endpoint, 'outcome', outcome,
                       'calls', calls, 'seconds', seconds, 'histogram', histogram)), '[]') from (
                select platform, endpoint, outcome, sum(calls) as calls, sum(seconds) as seconds,
                       array[sum(histogram[1]), sum(histogram[2]), sum(histogram[3]), sum(histogram[4]),
                             sum(histogram[5]), sum(histogram[6]), sum(histogram[7]), sum(histogram[8]),
                             sum(histogram[9]), sum(histogram[10]), sum(histogram[11]), sum(histogram[12]),
                             sum(histogram[13])] as histogram
                from private.call_minutes where minute > since group by 1, 2, 3 order by 1, 2, 3 limit 500) as c),
        'last_success', (
            select coalesce(jsonb_object_agg(platform, at), '{}') from (
                select platform, max(minute) as at from private.call_minutes where outcome = 'ok' group by 1) as s),
        'blocked', (
            select coalesce(jsonb_agg(jsonb_build_object('platform', split_part(scope, ':', 1), 'until', blocked_until,
                       'reason', blocked_reason) order by blocked_until desc), '[]')
            from (select * from private.api_budgets where blocked_until > now_ limit 1000) as b),
        'circuits', (
            select coalesce(jsonb_agg(to_jsonb(b) || jsonb_build_object('platform', split_part(b.scope, ':', 1))), '[]')
            from jsonb_to_recordset(public.breakers()) as b(scope text, state text, reason text, failures int,
                                                            since timestamptz, retry_at timestamptz)),
        'obligations', private.open_obligations(),
        'webhooks', public.webhook_counts(),
        'deletions_held', (select count(*) from (select from private.held_deletions where decided_at is null limit 10000) as h),
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;

-- derive_shopify_gone_variants: of a product whose variants this job has read, those that it did not show are missing, and gone
-- where another reading missed them too. One that was named after the job began may have been read in part: the next job looks at it.
create or replace function private.derive_shopify_gone_variants(job public.sync_jobs, p_after text, p_limit int)
returns jsonb
language plpgsql set search_path = '' as $$
declare product text; seen text[]; missing text[];
begin
    select e.object_id into product from private.platform_events as e
     where e.connection_id = job.connection_id and e.kind = 'products' and e.worked_at is null
       and e.received_at < job.started_at and e.object_id > p_after
     order by e.object_id limit 1;
    if product is null then
        return jsonb_build_object('rows', 0, 'after', p_after);
    end if;
    select array_agg(distinct k) into seen
      from public.sync_pages as p, unnest(p.keys) as k where p.job_id = job.id and p.stream = 'variants';
    select coalesce(array_agg(t.platform_id), '{}') into missing from public.listing_variants as t
     where t.connection_id = job.connection_id and t.listing_platform_id = product and not t.is_deleted
       and t.platform_id <> all (seen)
       -- A product always has a variant: where none was shown, it is the product that is gone.
       and exists (select 1 from public.listing_variants as o
                   where o.connection_id = job.connection_id and o.listing_platform_id = product
                     and o.platform_id = any (seen));
    perform private.mark_gone(job.connection_id, job.run_id, 'listing_variants', '{}',
                              private.sight(job, 'listing_variants', missing));
    return jsonb_build_object('rows', 1, 'after', product);
end $$;

-- prove_shopify_line_items: but for orders that are missing at Shopify, of which nothing can be asked any more: every line of every order: an order that still shows that another stretch follows is named.
create or replace function private.prove_shopify_line_items(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound),
    cut as materialized (
        select o.platform_id from public.orders as o cross join piece
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{lineItems,pageInfo,hasNextPage}') = 'true'
          and not exists (select from private.missing_records as m where m.connection_id = job.connection_id
                                                                     and m.table_name = 'orders' and m.platform_id = o.platform_id)
          and o.platform_id >= p_from and (bound is null or o.platform_id < bound))
    select jsonb_build_object(
        'ok', not exists (select 1 from cut), 'next', bound,
        'counts', jsonb_build_object(
            'line_items', (select count(*) from public.line_items as l
                           where l.connection_id = job.connection_id and not l.is_deleted
                             and l.order_platform_id >= p_from and (bound is null or l.order_platform_id < bound)),
            'orders_cut', (select count(*) from cut)),
        'firsts', jsonb_build_object(
            'first_cut', (select coalesce(jsonb_agg(platform_id), '[]') from (select * from cut limit 5) as c)))
    from piece;
$$;

-- prove_shopify_refunds: every refund that an order names is here, with all of its lines. A piece is so many orders, and what
-- hangs on them.
create or replace function private.prove_shopify_refunds(job public.sync_jobs, p_from text, p_rows int) returns jsonb
language sql stable set search_path = '' as $$
    with piece as materialized (select private.key_bound('orders', job.connection_id, p_from, p_rows) as bound),
    listed as materialized (
        select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id') as id
        from piece cross join public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{refunds,0,id}') is not null
          and not exists (select from private.missing_records as m where m.connection_id = job.connection_id
                                                                     and m.table_name = 'orders' and m.platform_id = o.platform_id)
          and o.platform_id >= p_from and (bound is null or o.platform_id < bound)),
    missing as materialized (
        select l.id from listed as l
        except
        select f.platform_id from public.order_refunds as f
        where f.connection_id = job.connection_id and not f.is_deleted),
    cut as (
        select f.platform_id from public.order_refunds as f cross join piece
        where f.connection_id = job.connection_id and not f.is_deleted
          and (f.raw #>> '{refundLineItems,pageInfo,hasNextPage}') = 'true'
          and not exists (select from private.missing_records as m where m.connection_id = job.connection_id
                                                                     and m.table_name = 'orders' and m.platform_id = f.order_platform_id)
          and f.order_platform_id >= p_from and (bound is null or f.order_platform_id < bound))
    select jsonb_build_object(
        'ok', not exists (select 1 from missing) and not exists (select 1 from cut), 'next', (select bound from piece),
        'counts', jsonb_build_object(
            'refunds', (select count(*) from listed),
            'missing', (select count(*) from missing), 'cut', (select count(*) from cut)),
        'firsts', jsonb_build_object(
            'first_missing', (select coalesce(jsonb_agg(id), '[]') from (select * from missing limit 5) as m)));
$$;

create or replace function private.land_etsy_receipts(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'receipt_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'transactions', 'null') as line_items_at,
                     nullif(e.r -> 'refunds', 'null') as order_refunds_at,
                     nullif(e.r -> 'shipments', 'null') as order_fulfillments_at,
                     jsonb_build_object('buyer_user_id', e.r -> 'buyer_user_id', 'name', e.r -> 'name', 'buyer_email', e.r -> 'buyer_email', 'country_iso', e.r -> 'country_iso', 'created_timestamp', e.r -> 'created_timestamp') as customers_raw,
                     e.r ->> 'buyer_user_id' as customers_id,
                     greatest((e.r ->> 'created_timestamp')::bigint) as customers_version,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'refunds', 'shipments', 'first_line', 'second_line', 'city', 'zip', 'formatted_address', 'name', 'buyer_email', 'seller_email', 'payment_email', 'message_from_seller', 'message_from_buyer', 'message_from_payment', 'gift_message', 'gift_sender']::text[] as raw, greatest((e.r ->> 'updated_timestamp')::bigint, (e.r ->> 'update_timestamp')::bigint, (e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_receipts_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, is_paid, is_shipped, is_gift, buyer_platform_id, country, payment_method, ordered_at, item_total_amount, discount_amount, subtotal_amount, shipping_amount, tax_amount, vat_amount, gift_wrap_amount, total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, is_paid = excluded.is_paid, is_shipped = excluded.is_shipped, is_gift = excluded.is_gift, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{buyer_user_id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, country = excluded.country, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, item_total_amount = excluded.item_total_amount, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, vat_amount = excluded.vat_amount, gift_wrap_amount = excluded.gift_wrap_amount, total_amount = excluded.total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price', e.r -> 'price', 'receipt_id', e.r -> 'receipt_id', 'paid_timestamp', e.r -> 'paid_timestamp', 'expected_ship_date', e.r -> 'expected_ship_date', 'processing_min', e.r -> 'processing_min', 'processing_max', e.r -> 'processing_max', 'transaction_id', e.r -> 'transaction_id', 'listing_id', e.r -> 'listing_id', 'product_id', e.r -> 'product_id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'quantity', e.r -> 'quantity', 'shipping_cost', e.r -> 'shipping_cost', 'shop_coupon', e.r -> 'shop_coupon', 'buyer_coupon', e.r -> 'buyer_coupon', 'is_digital', e.r -> 'is_digital', 'created_timestamp', e.r -> 'created_timestamp', 'shipped_timestamp', e.r -> 'shipped_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'transaction_id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{listing_id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{product_id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, shipping_amount = excluded.shipping_amount, shop_coupon_amount = excluded.shop_coupon_amount, buyer_coupon_amount = excluded.buyer_coupon_amount, is_digital = excluded.is_digital, ordered_at = excluded.ordered_at, shipped_at = excluded.shipped_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_refunds_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amount', e.r -> 'amount', 'created_timestamp', e.r -> 'created_timestamp', 'reason', e.r -> 'reason', 'status', e.r -> 'status') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'created_timestamp', '-') || ':' || coalesce(e.r -> 'amount' ->> 'amount', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'created_timestamp', e.r -> 'amount' ->> 'amount' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_refunds_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_order_refunds(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_refunds as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_refunds_new as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refunds_in where is_new),
    order_refunds_changed as (
        insert into public.order_refunds as t (
            connection_id, user_id, platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, refund_amount, reason, status, refunded_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_refunds_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, refund_amount = excluded.refund_amount, reason = excluded.reason, status = excluded.status, refunded_at = excluded.refunded_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_refunds_gone as (
        update public.order_refunds as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_refunds as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_refunds_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_refunds_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('receipt_shipping_id', e.r -> 'receipt_shipping_id', 'carrier_name', e.r -> 'carrier_name', 'tracking_code', e.r -> 'tracking_code', 'shipment_notification_timestamp', e.r -> 'shipment_notification_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         f.platform_id || ':' || coalesce(e.r ->> 'receipt_shipping_id', '-') || ':' || (row_number() over (partition by f.platform_id, e.r ->> 'receipt_shipping_id' order by e.ord))::text as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_etsy_receipts_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n))))),
    customers_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs
        from (
            select distinct on (e.platform_id) e.*, private.epoch(e.version) as source_updated_at,
                   jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.customers_raw as raw, f.ord, f.customers_id as platform_id, f.customers_version as version
                  from fresh as f where f.customers_id is not null offset 0) as e,
                 lateral private.map_etsy_receipts_customers(e.raw) as m
            order by e.platform_id, e.version desc, e.ord desc offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.customers as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    customers_new as (
        insert into public.customers as t (
            connection_id, user_id, platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from customers_in where is_new),
    customers_changed as (
        insert into public.customers as t (
            connection_id, user_id, platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, name, email, country, last_order_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from customers_in where differs
        on conflict (connection_id, platform_id) do update set name = excluded.name, email = excluded.email, country = excluded.country, last_order_at = excluded.last_order_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'receipt_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_etsy_transactions(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'transaction_id' as platform_id, private.epoch(e.version) as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     m.*
              from (select e.r, e.ord, jsonb_build_object('price', e.r -> 'price', 'receipt_id', e.r -> 'receipt_id', 'paid_timestamp', e.r -> 'paid_timestamp', 'expected_ship_date', e.r -> 'expected_ship_date', 'processing_min', e.r -> 'processing_min', 'processing_max', e.r -> 'processing_max', 'transaction_id', e.r -> 'transaction_id', 'created_timestamp', e.r -> 'created_timestamp', 'listing_id', e.r -> 'listing_id', 'product_id', e.r -> 'product_id', 'sku', e.r -> 'sku', 'title', e.r -> 'title', 'quantity', e.r -> 'quantity', 'shipping_cost', e.r -> 'shipping_cost', 'shop_coupon', e.r -> 'shop_coupon', 'buyer_coupon', e.r -> 'buyer_coupon', 'is_digital', e.r -> 'is_digital', 'shipped_timestamp', e.r -> 'shipped_timestamp') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, greatest((e.r ->> 'created_timestamp')::bigint) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_etsy_transactions_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, price_amount, shipping_amount, shop_coupon_amount, buyer_coupon_amount, is_digital, ordered_at, shipped_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{listing_id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{product_id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, price_amount = excluded.price_amount, shipping_amount = excluded.shipping_amount, shop_coupon_amount = excluded.shop_coupon_amount, buyer_coupon_amount = excluded.buyer_coupon_amount, is_digital = excluded.is_digital, ordered_at = excluded.ordered_at, shipped_at = excluded.shipped_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from line_items_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'transaction_id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_shopify_orders(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, private.gid_tail(e.r ->> 'id') as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'lineItems' -> 'nodes', 'null') as line_items_at,
                     (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasNextPage')::boolean or (e.r -> 'lineItems' -> 'pageInfo' ->> 'hasPreviousPage')::boolean as line_items_more,
                     nullif(e.r -> 'transactions', 'null') as order_transactions_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, e.r - array['transactions', 'fulfillments']::text[] #- '{lineItems,nodes}' as raw, greatest(private.moment(private.string_in(e.r, 'updatedAt', 'updatedAt', 'iso_time'), 'updatedAt')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_paid, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, refunded_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_paid = excluded.is_paid, is_test = excluded.is_test, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer,id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, refunded_amount = excluded.refunded_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('originalUnitPriceSet', jsonb_build_object('shopMoney', e.r -> 'originalUnitPriceSet' -> 'shopMoney'), 'id', e.r -> 'id', 'product', jsonb_build_object('id', e.r -> 'product' -> 'id'), 'variant', jsonb_build_object('id', e.r -> 'variant' -> 'id'), 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'currentQuantity', e.r -> 'currentQuantity', 'totalDiscountSet', jsonb_build_object('shopMoney', e.r -> 'totalDiscountSet' -> 'shopMoney')) || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{product,id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{variant,id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null and f.line_items_more is not true
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_transactions_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('amountSet', jsonb_build_object('shopMoney', e.r -> 'amountSet' -> 'shopMoney'), 'id', e.r -> 'id', 'kind', e.r -> 'kind', 'status', e.r -> 'status', 'gateway', e.r -> 'gateway', 'test', e.r -> 'test', 'parentTransaction', jsonb_build_object('id', e.r -> 'parentTransaction' -> 'id'), 'processedAt', e.r -> 'processedAt') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_transactions_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_transactions(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_transactions as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_transactions_new as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where is_new),
    order_transactions_changed as (
        insert into public.order_transactions as t (
            connection_id, user_id, platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, kind, status, gateway, is_test, parent_platform_id, transaction_amount, processed_at, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_transactions_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, kind = excluded.kind, status = excluded.status, gateway = excluded.gateway, is_test = excluded.is_test, parent_platform_id = excluded.parent_platform_id, transaction_amount = excluded.transaction_amount, processed_at = excluded.processed_at, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_transactions_gone as (
        update public.order_transactions as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_transactions as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_transactions_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_transactions_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'carrier', e.r -> 'carrier', 'trackingInfo', e.r -> 'trackingInfo', 'trackingCode', e.r -> 'trackingCode', 'createdAt', e.r -> 'createdAt') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         private.gid_tail(e.r ->> 'id') as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;

create or replace function private.land_shopify_rest_orders(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash) is true as differs,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh
        from (
              select e.ord, e.raw, e.r ->> 'id' as platform_id, e.version as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     nullif(e.r -> 'line_items', 'null') as line_items_at,
                     nullif(e.r -> 'fulfillments', 'null') as order_fulfillments_at,
                     m.*
              from (select e.r, e.ord, jsonb_set(jsonb_set(e.r - array['line_items', 'fulfillments']::text[], '{customer}', private.members_of(e.r -> 'customer', array['id']), false), '{refunds}', private.members_of(e.r -> 'refunds', array['id']), false) as raw, greatest(private.moment(private.string_in(e.r, 'updated_at', 'updated_at', 'iso_time'), 'updated_at')) as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_shopify_rest_orders_orders(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.orders as t
            where t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    orders_new as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where is_new),
    orders_changed as (
        insert into public.orders as t (
            connection_id, user_id, platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_number, status, fulfillment_status, is_test, buyer_platform_id, payment_method, ordered_at, cancelled_at, discount_amount, subtotal_amount, shipping_amount, tax_amount, tip_amount, total_amount, current_total_amount, presentment_currency, presentment_total_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from fresh where differs
        on conflict (connection_id, platform_id) do update set order_number = excluded.order_number, status = excluded.status, fulfillment_status = excluded.fulfillment_status, is_test = excluded.is_test, buyer_platform_id = case when num_nonnulls(excluded.raw #>> '{customer,id}') = 0 then coalesce(t.buyer_platform_id, excluded.buyer_platform_id) else excluded.buyer_platform_id end, payment_method = excluded.payment_method, ordered_at = excluded.ordered_at, cancelled_at = excluded.cancelled_at, discount_amount = excluded.discount_amount, subtotal_amount = excluded.subtotal_amount, shipping_amount = excluded.shipping_amount, tax_amount = excluded.tax_amount, tip_amount = excluded.tip_amount, total_amount = excluded.total_amount, current_total_amount = excluded.current_total_amount, presentment_currency = excluded.presentment_currency, presentment_total_amount = excluded.presentment_total_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('price_set', jsonb_build_object('shop_money', jsonb_build_object('currency_code', e.r -> 'price_set' -> 'shop_money' -> 'currency_code')), 'id', e.r -> 'id', 'product_id', e.r -> 'product_id', 'variant_id', e.r -> 'variant_id', 'sku', e.r -> 'sku', 'name', e.r -> 'name', 'quantity', e.r -> 'quantity', 'current_quantity', e.r -> 'current_quantity', 'price', e.r -> 'price', 'total_discount', e.r -> 'total_discount') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.line_items_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_line_items(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.line_items as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    line_items_new as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where is_new),
    line_items_changed as (
        insert into public.line_items as t (
            connection_id, user_id, platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, listing_platform_id, product_platform_id, sku, title, quantity, current_quantity, price_amount, discount_amount, currency, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from line_items_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, listing_platform_id = case when num_nonnulls(excluded.raw #>> '{product_id}') = 0 then coalesce(t.listing_platform_id, excluded.listing_platform_id) else excluded.listing_platform_id end, product_platform_id = case when num_nonnulls(excluded.raw #>> '{variant_id}') = 0 then coalesce(t.product_platform_id, excluded.product_platform_id) else excluded.product_platform_id end, sku = excluded.sku, title = excluded.title, quantity = excluded.quantity, current_quantity = excluded.current_quantity, price_amount = excluded.price_amount, discount_amount = excluded.discount_amount, currency = excluded.currency, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    line_items_gone as (
        update public.line_items as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.line_items as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.line_items_at is not null
              and g.platform_id <> all (array(select n.platform_id from line_items_in as n))))),
    order_fulfillments_in as materialized (
        select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash or (n.parent_is_new and t.order_platform_id <> n.order_platform_id)) is true as differs
        from (
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as order_platform_id, f.source_updated_at, f.is_new as parent_is_new, jsonb_build_object('id', e.r -> 'id', 'status', e.r -> 'status', 'tracking_company', e.r -> 'tracking_company', 'tracking_number', e.r -> 'tracking_number', 'created_at', e.r -> 'created_at') || case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable') else '{}' end as raw, e.ord,
                         e.r ->> 'id' as platform_id
                  from fresh as f, jsonb_array_elements(f.order_fulfillments_at) with ordinality as e(r, ord) offset 0) as e,
                 lateral private.map_shopify_rest_orders_order_fulfillments(e.raw) as m offset 0) as n
        left join lateral (
            select t.platform_id, t.order_platform_id, t.source_updated_at, t.fetched_at, t.content_hash, t.is_deleted from public.order_fulfillments as t
            where (p_look_up_all or not n.parent_is_new) and t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true),
    order_fulfillments_new as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where is_new),
    order_fulfillments_changed as (
        insert into public.order_fulfillments as t (
            connection_id, user_id, platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, platform_id, order_platform_id, status, carrier, tracking_code, shipped_at, raw, source_updated_at, content_hash, p_fetched_at, job.run_id, false from order_fulfillments_in where differs
        on conflict (connection_id, platform_id) do update set order_platform_id = excluded.order_platform_id, status = excluded.status, carrier = excluded.carrier, tracking_code = excluded.tracking_code, shipped_at = excluded.shipped_at, raw = excluded.raw, source_updated_at = excluded.source_updated_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash, sync_run_id = excluded.sync_run_id, is_deleted = excluded.is_deleted
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1),
    order_fulfillments_gone as (
        update public.order_fulfillments as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.order_fulfillments as t
                where t.connection_id = job.connection_id and t.order_platform_id = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.order_fulfillments_at is not null
              and g.platform_id <> all (array(select n.platform_id from order_fulfillments_in as n)))))
    select coalesce(array_agg(n.platform_id order by n.ord), '{}'), count(*) filter (where n.is_new),
           (select count(*) from orders_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = 'id: missing';
    end if;
    return landed;
end $$;
