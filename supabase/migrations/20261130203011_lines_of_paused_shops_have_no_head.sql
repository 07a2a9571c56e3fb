-- A shop that is paused has no head of its line; who was deleted gets no profile; deletions go on with the house; exports.

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

-- create_profile: a user of auth.users is a user of the product: whoever signs up gets a profile. Who was deleted does not, whatever a
-- backup brings back.
create or replace function private.create_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (user_id)
    select new.id where not exists (select from private.tombstones as t
                                    where t.digest = private.digest_of(new.id) and t.deleted_at is not null)
    on conflict do nothing;
    return new;
end $$;

-- promote_next: put the next entity of a shop's line at the head, once the one before it has ended. A shop that is paused has none.
create or replace function private.promote_next(p_connection_id uuid, p_job_type text) returns void
language sql set search_path = '' as $$
    update public.sync_jobs set status = 'queued', served_at = clock_timestamp()
    where id = (
        select id from public.sync_jobs
        where connection_id = p_connection_id and job_type = p_job_type and status = 'waiting'
        order by position, created_at limit 1)
    and not exists (
        select 1 from public.sync_jobs
        where connection_id = p_connection_id and job_type = p_job_type
          and status in ('queued', 'running', 'parked'))
    and not private.is_paused(p_connection_id);
$$;

-- exported_tables: each with what its rows belong to, a connection or the user, and its key.
create or replace function private.exported_tables() returns table (name text, of_connection boolean, columns text[], keys text[], types text[])
language sql stable set search_path = '' as $$
    select c.relname::text, exists (select from pg_catalog.pg_attribute as a
                                    where a.attrelid = c.oid and a.attname = 'connection_id' and not a.attisdropped),
           array(select a.attname::text from pg_catalog.pg_attribute as a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                   and has_column_privilege('authenticated', c.oid, a.attnum, 'select') order by a.attnum),
           k.keys, k.types
      from pg_catalog.pg_class as c,
           lateral (select array_agg(a.attname::text order by o.n) as keys,
                           array_agg(format_type(a.atttypid, a.atttypmod) order by o.n) as types
                      from pg_catalog.pg_index as i, unnest(i.indkey::int[]) with ordinality as o(number, n)
                      join pg_catalog.pg_attribute as a on a.attnum = o.number
                     where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid) as k
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and has_any_column_privilege('authenticated', c.oid, 'select') and c.relname <> 'sync_pages'
     order by 1;
$$;

-- export_tables: their names, and whether their rows belong to a connection.
create or replace function public.export_tables() returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_agg(jsonb_build_object('table', t.name, 'of_connection', t.of_connection) order by t.name)
    from private.exported_tables() as t;
$$;

revoke all on function public.export_tables() from public, anon, authenticated;

grant execute on function public.export_tables() to service_role;

-- export_rows: rows of one table in the order of its key, after one: so many, or so many bytes of them, and one at least. Answers
-- {rows, after}; no rows: that was all.
create or replace function public.export_rows(p_user_id uuid, p_table text, p_connection_id uuid default null, p_after text[] default null,
                                              p_rows int default 500, p_bytes bigint default 1000000) returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '50s' as $$
declare t record; keys text; whose text := 't.user_id = $1'; answer jsonb;
begin
    select * into t from private.exported_tables() as e where e.name = p_table;
    if not found then
        raise exception using errcode = 'PT400', message = 'not_exported', detail = p_table;
    end if;
    keys := (select string_agg(format('t.%I', k), ', ') from unnest(t.keys) as k);
    if t.of_connection then
        whose := whose || ' and t.connection_id = $2';
    end if;
    if p_after is not null then
        whose := whose || format(' and (%s) > (%s)', keys, (
            select string_agg(format('%L::%s', a.value, a.type), ', ' order by a.n)
            from unnest(p_after, t.types) with ordinality as a(value, type, n)));
    end if;
    execute format($sql$
        with page as (
            select row_number() over (order by %1$s) as n, array[%2$s] as key, to_jsonb(r) as record
            from public.%3$I as t, lateral (select %4$s) as r where %5$s order by %1$s limit $3),
        cut as (select *, sum(octet_length(p.record::text)) over (order by p.n) as bytes from page as p)
        select jsonb_build_object('rows', coalesce(jsonb_agg(c.record order by c.n), '[]'),
                                  'after', (array_agg(to_jsonb(c.key) order by c.n desc))[1])
        from cut as c where c.n = 1 or c.bytes <= $4
    $sql$, keys, (select string_agg(format('t.%I::text', k), ', ') from unnest(t.keys) as k), p_table,
        (select string_agg(format('t.%I', c), ', ') from unnest(t.columns) as c), whose)
       into answer using p_user_id, p_connection_id, p_rows, p_bytes;
    return answer;
end $$;

revoke all on function public.export_rows(uuid, text, uuid, text[], int, bigint) from public, anon, authenticated;

grant execute on function public.export_rows(uuid, text, uuid, text[], int, bigint) to service_role;

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

-- tokens_of_connection: the tokens of a connection without a job. A seller asks what a backfill would cost: the
-- platform is asked for counts, and there is no job whose lease could stand for the tokens. Who asks comes from a
-- verified session, as everywhere outside of workers.
create or replace function public.tokens_of_connection(p_user_id uuid, p_connection_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select private.tokens_as_json(a.id) || jsonb_build_object(
                    'shop_created_at', a.shop_created_at, 'is_paused', private.is_paused(a.id))
            from public.connected_accounts as a where a.id = p_connection_id and a.user_id = p_user_id);
end $$;

-- keep_house: one step of each, and of work that somebody began (work.sql). Answers what was done, and what is still asked of people and since when.
create or replace function public.keep_house(p_rows int default 500) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare erased int := private.erase_shops(p_rows * 4); left_ int := private.go_on_with(null, p_rows * 4);
        deleting int := private.go_on_deleting(p_rows * 4);
begin
    return jsonb_build_object('erased', erased, 'unfinished', left_, 'deleting', deleting, 'pruned', private.prune(p_rows)) || private.open_obligations();
end $$;
