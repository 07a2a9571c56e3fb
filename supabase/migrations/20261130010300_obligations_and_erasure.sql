-- Obligations and erasure: what platforms ask of us is seen and settled, an erasure reaches all that names a person, and
-- every table's life is declared. Columns and triggers first, functions as supabase/schemas say them.

alter table public.connected_accounts add column status_since timestamptz not null default clock_timestamp();
alter table private.platform_events add column says_gone boolean not null default false;
alter table private.closed_objects add column for_good boolean not null default false;
alter table private.privacy_requests
    add column connection_id uuid,
    add column effect text not null default 'request' check (effect in ('request', 'redact_customer', 'redact_shop')),
    add column outcome text;
-- A topic tells what was asked, whichever platform's.
update private.privacy_requests as r
   set effect = case r.topic when 'shop/redact' then 'redact_shop' when 'customers/redact' then 'redact_customer'
                             else 'request' end,
       connection_id = (select a.id from public.connected_accounts as a where a.user_id = r.user_id
                           and a.platform = r.platform and a.shop_id = r.shop_id),
       outcome = case when r.done_at is not null then 'erased' end;
create index privacy_requests_open on private.privacy_requests (received_at) where done_at is null;
create index privacy_requests_done on private.privacy_requests (done_at) where done_at is not null;
create index closed_objects_forgotten on private.closed_objects (connection_id) where forgotten_at is not null;
create index closed_objects_by_age on private.closed_objects (gone_at) where gone_at is not null;
create index admin_actions_by_age on private.admin_actions (at);
create index sync_runs_by_age on public.sync_runs (created_at);
create index rejected_records_by_age on public.rejected_records (fetched_at);
create index api_calls_by_age on private.api_calls (bucket);
create index api_answers_by_age on private.api_answers (bucket);

drop trigger keep_forgotten on public.customers;

-- lives: `belongs_to` says whose end takes it along: a connection's, a user's, or nobody's (service, reference). `life`,
-- counted from `aged_by`, is when the clock takes it; `only_if` spares rows (`t` is the row). Without a life, `bounded`
-- says what keeps the table small.
create or replace function private.lives() returns table (
        table_name text, belongs_to text, life interval, aged_by text, only_if text, bounded text)
language sql immutable set search_path = '' as $$
    values
    ('public.profiles', 'user', null::interval, null, null, 'one a user'),
    ('public.connected_accounts', 'user', null, null, null, 'one a shop of a user'),
    ('private.admins', 'user', null, null, null, 'one a user'),
    ('private.admin_actions', 'user', '3 years', 'at', null, null),
    ('private.rate_limits', 'user', null, null, null, 'one a user and action'),
    ('private.oauth_states', 'user', '1 hour', 'expires_at', null, null),
    ('private.privacy_requests', 'user', '3 years', 'done_at', null, null),
    ('private.tenant_calls', 'user', '30 days', 'hour', null, null),
    ('private.platform_tokens', 'connection', null, null, null, 'one a connection'),
    ('public.sync_cursors', 'connection', null, null, null, 'one an entity'),
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
    ('public.order_costs', 'connection', null, null, null, 'one an order of a printer'),
    ('private.cost_links', 'connection', null, null, null, 'one an order of a printer, and each that it may be'),
    -- Senders repeat for days, and people replay by hand: a month is remembered.
    ('private.webhook_deliveries', 'service', '30 days', 'received_at', null, null),
    ('private.call_minutes', 'service', '2 days', 'minute', null, null),
    ('private.api_calls', 'service', '7 days', 'bucket', null, null),
    ('private.api_answers', 'service', '1 day', 'bucket', null, null),
    ('private.call_blocks', 'service', '1 day', 'bucket', null, null),
    ('private.api_budgets', 'service', null, null, null, 'one a scope'),
    ('private.api_buckets', 'service', null, null, null, 'one a scope'),
    ('private.circuit_breakers', 'service', null, null, null, 'one a scope that is away'),
    ('private.installation', 'reference', null, null, null, 'one row'),
    ('private.virtual_clock', 'reference', null, null, null, 'one row'),
    ('private.plan_weights', 'reference', null, null, null, 'one a plan'),
    ('private.sales_channels', 'reference', null, null, null, 'one a platform'),
    ('private.cost_rules', 'reference', null, null, null, 'one a platform'),
    ('private.currencies', 'reference', null, null, null, 'one a currency'),
    ('private.html_entities', 'reference', null, null, null, 'one a name');
$$;

create view private.of_connections as
    select format('public.%I', s.name) as name from private.synced_tables as s
    union
    select l.table_name from private.lives() as l where l.belongs_to = 'connection';

-- note_status: since when a connection is as it is.
create or replace function private.note_status() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.status_since := clock_timestamp();
    return new;
end $$;

create trigger note_status before update of status on public.connected_accounts
    for each row when (new.status <> old.status) execute function private.note_status();

-- keep_erased: who is forgotten stays so, whatever page comes: one that was fetched before, and for good every one. The
-- trigger's arguments: the table whose record is forgotten, the column that names it, and the columns to empty; without
-- any, rows go whose very key says who it was. One look a statement where nobody was ever forgotten.
create or replace function private.keep_erased() returns trigger
language plpgsql security definer set search_path = '' as $$
declare emptied text; wanted text; found_ boolean;
begin
    if not exists (select from private.closed_objects as k
                   where k.connection_id = (select c.connection_id from came as c limit 1) and k.forgotten_at is not null) then
        return null;
    end if;
    select string_agg(format('%I = null', tg_argv[n]), ', ') into emptied from generate_series(2, tg_nargs - 1) as n;
    wanted := format('select c.connection_id, c.platform_id from came as c join private.closed_objects as k '
                     'on k.connection_id = c.connection_id and k.table_name = %L and k.object_id = c.%I '
                     'where (k.for_good or k.forgotten_at > c.fetched_at) and c.raw <> %L', tg_argv[0], tg_argv[1], '{}');
    execute format('select exists (%s)', wanted) into found_;
    -- An update of no row would come here again.
    if found_ then
        execute format(case when emptied is null then 'delete from public.%1$I as t '
                                                else 'update public.%1$I as t set raw = %2$L, content_hash = 0, %3$s ' end
                       || 'where (t.connection_id, t.platform_id) in (%4$s)', tg_table_name, '{}', emptied, wanted);
    end if;
    return null;
end $$;

-- stays_erased: a table takes part in keep_erased.
create or replace function private.stays_erased(p_table text, p_closed text, p_column text, p_clears text[]) returns void
language plpgsql set search_path = '' as $$
declare verb text; arguments text;
begin
    select string_agg(quote_literal(a), ', ') into arguments from unnest(p_closed || (p_column || p_clears)) as a;
    foreach verb in array array['insert', 'update'] loop
        execute format('create or replace trigger %I after %s on public.%I referencing new table as came '
                       'for each statement execute function private.keep_erased(%s)', 'keep_erased_' || verb, verb, p_table,
                       arguments);
    end loop;
end $$;

select private.stays_erased('customers', 'customers', 'platform_id', '{name,email}');
select private.stays_erased('order_refunds', 'orders', 'order_platform_id', '{reason}');
select private.stays_erased('order_fulfillments', 'orders', 'order_platform_id', '{tracking_code}');
select private.stays_erased('printify_shipments', 'printify_orders', 'order_platform_id', '{}');

-- forget_connection: a connection's records go with it, whether its user is forgotten or the shop alone. (A foreign key
-- on every row would cost a check a row.)
create or replace function private.forget_connection() returns trigger
language plpgsql security definer set search_path = '' as $$
declare t text;
begin
    for t in select name from private.of_connections order by name loop
        execute format('delete from %s where connection_id = $1', t) using old.id;
    end loop;
    return old;
end $$;

-- begin_oauth: remember a consent that is being asked for, for ten minutes; answers until when.
create or replace function public.begin_oauth(p_state_hash text, p_user_id uuid, p_platform text, p_details jsonb,
                                              p_seconds int default 600) returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare until timestamptz := clock_timestamp() + make_interval(secs => p_seconds);
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    insert into private.oauth_states (state_hash, user_id, platform, details, expires_at)
    values (p_state_hash, p_user_id, p_platform, p_details, until);
    return until;
end $$;

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
    values (new.user_id, new.platform, new.job_type, date_trunc('hour', now_), calls_)
    on conflict (user_id, platform, class, hour) do update set calls = kept.calls + excluded.calls;
    return new;
end $$;

-- remap: the typed columns of a shop's rows in a synced table, derived again from raw by the map function of a shape, in batches by key.
-- `p_columns` are those to set, each with the members of which one shows it: where the record has none of them, what is
-- stored stays. Not on the way of any page, so that its statement is put together here.
create or replace function private.remap(connection public.connected_accounts, p_shape text, p_table text, p_columns jsonb, p_after text,
                                         p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare sets text; stored text; mapped text; answer jsonb;
begin
    if not exists (select from private.synced_tables as s where s.name = p_table) then
        raise exception using errcode = 'PT404', message = 'not_synced', detail = p_table;
    end if;
    select string_agg(format('%I = %s', v.name, v.value), ', '), string_agg(format('t.%I', v.name), ', '),
           string_agg(v.value, ', ')
      into sets, stored, mapped
      from (select c.name, case when s.shown is null then format('m.%I', c.name)
                                else format('case when num_nonnulls(%2$s) = 0 then coalesce(t.%1$I, m.%1$I) else m.%1$I end',
                                            c.name, s.shown) end as value
            from jsonb_each(p_columns) as c(name, shown_by), lateral (
                select string_agg(format('t.raw #>> %L', string_to_array(path, '.')), ', ') as shown
                from jsonb_array_elements_text(c.shown_by) as path) as s) as v;
    execute format($sql$
        with batch as materialized (
            select t.ctid, t.platform_id, t.raw from public.%1$I as t
            where t.connection_id = $1 and t.platform_id > $2 order by t.platform_id limit $3),
        -- Of what was erased nothing can be derived.
        mapped as materialized (select b.ctid, m.* from batch as b, lateral private.%2$I(b.raw) as m where b.raw <> '{}'),
        changed as (
            update public.%1$I as t set %3$s from mapped as m
             where t.ctid = m.ctid and (%4$s) is distinct from (%5$s)
            returning 1)
        select jsonb_build_object('rows', (select count(*) from batch), 'changed', (select count(*) from changed),
                                  'after', (select max(platform_id) from batch))
    $sql$, p_table, concat_ws('_', 'map', connection.platform, p_shape, p_table), sets, stored, mapped)
       into answer using connection.id, p_after, p_limit;
    return answer;
end $$;

-- disconnect_shop: jobs end, tokens go, what was read stays. No other connection is touched, and no other user's of the same
-- shop. Answers the ciphertexts, so that the platform can be told as well, and whether this was the shop's last
-- connection: an app that is taken out of a shop is taken from all who connected it. Null where nothing is connected.
-- Twice is harmless.
create or replace function public.disconnect_shop(p_user_id uuid, p_connection_id uuid, p_reason text default 'you disconnected it',
                                                  p_seller_message text default null)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts; tokens jsonb; job public.sync_jobs;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    select * into connection from public.connected_accounts
     where id = p_connection_id and user_id = p_user_id for update;
    if not found then
        return null;
    end if;
    -- Of two who leave one shop at the same moment one is the last.
    perform pg_advisory_xact_lock(hashtextextended(format('keeper shop %s %s', connection.platform, connection.shop_id), 0));
    delete from private.platform_tokens where connection_id = connection.id
    returning jsonb_build_object('access_token', access_token, 'refresh_token', refresh_token) into tokens;
    update public.connected_accounts set status = 'disconnected', status_reason = p_reason where id = connection.id;
    -- Those in line first, so that ending the head moves nobody up. A worker that holds a lease loses it here.
    for job in select * from public.sync_jobs where connection_id = connection.id
                 and status in ('waiting', 'queued', 'running', 'parked')
               order by (status = 'waiting') desc, position for update loop
        perform private.end_job(job, 'failed', 'disconnected', 'the shop was disconnected', p_seller_message,
                                null);
    end loop;
    return jsonb_build_object('connection_id', connection.id, 'platform', connection.platform, 'shop_id', connection.shop_id, 'tokens', tokens,
        'is_last', not exists (
            select from public.connected_accounts as a where a.platform = connection.platform
               and a.shop_id = connection.shop_id and a.id <> connection.id and a.status <> 'disconnected'));
end $$;

-- forget_some: the same in steps of so many rows, for shops that hold more than one statement should delete. Answers
-- whether nothing is left.
create or replace function private.forget_some(p_connection_id uuid, p_rows int) returns boolean
language plpgsql set search_path = '' as $$
declare t text; deleted int; left_ int := p_rows;
begin
    perform private.await_pages(p_connection_id);
    -- Pages first, in steps: with a run go its jobs and certificates, and they have pointed at each other.
    for t in select b.name from private.of_connections as b order by b.name = 'public.sync_pages' desc, b.name desc loop
        execute format('delete from %s where ctid = any (array(select ctid from %1$s where connection_id = $1 limit $2))', t)
          using p_connection_id, left_;
        get diagnostics deleted = row_count;
        left_ := left_ - deleted;
        if left_ <= 0 then
            return false;
        end if;
    end loop;
    perform private.forget_shop(p_connection_id);
    return true;
end $$;

-- erasure_after: how long a shop must have been away before it may be erased. Platforms ask for it two days after a shop
-- has left; whoever ends a connection and asks for it at once is no platform.
create or replace function private.erasure_after() returns interval
language sql immutable set search_path = '' as $$ select interval '40 hours' $$;

-- is_left: whether we know by ourselves that the shop has left: its connection ended long enough ago, or its platform
-- takes our token no more.
create or replace function private.is_left(connection public.connected_accounts) returns boolean
language sql stable set search_path = '' as $$
    select connection.status = 'reconnect_needed'
        or (connection.status = 'disconnected'
            and connection.status_since <= clock_timestamp() - private.erasure_after());
$$;

-- settle: an obligation is done. Whom it was about is told no longer.
create or replace function private.settle(p_id bigint, p_outcome text) returns void
language sql set search_path = '' as $$
    update private.privacy_requests set done_at = clock_timestamp(), outcome = left(p_outcome, 500), subject = '{}'
     where id = p_id and done_at is null;
$$;

-- oblige: keep what is asked of a connection, and do what can be done now.
create or replace function private.oblige(connection public.connected_accounts, p_topic text, p_effect text, p_ids text[],
                                          p_subject jsonb, p_email text) returns void
language plpgsql set search_path = '' as $$
declare request private.privacy_requests;
begin
    -- The same once more, while the first waits, is the same.
    select * into request from private.privacy_requests as r
     where r.connection_id = connection.id and r.effect = p_effect and r.subject = p_subject and r.done_at is null limit 1;
    if not found then
        insert into private.privacy_requests (user_id, connection_id, platform, shop_id, topic, effect, subject)
        values (connection.user_id, connection.id, connection.platform, connection.shop_id, p_topic, p_effect, p_subject)
        returning * into request;
    end if;
    if p_effect = 'redact_customer' then
        -- Of somebody whom we cannot find people have to make sure.
        if private.erase_buyer(connection, p_ids, p_email, private.orders_named(p_subject), false) then
            perform private.settle(request.id, 'erased');
        end if;
    elsif p_effect = 'redact_shop' then
        perform private.erase_left(request.id, 5000);
    end if;
end $$;

-- orders_named: the orders that a platform wants forgotten with their buyer.
create or replace function private.orders_named(p_subject jsonb) returns text[]
language sql immutable set search_path = '' as $$
    select coalesce(array_agg(o #>> '{}'), '{}')
    from jsonb_array_elements(case when jsonb_typeof(p_subject -> 'orders_to_redact') = 'array'
                                   then p_subject -> 'orders_to_redact' else '[]' end) as o;
$$;

-- erase_left: carry an erasure of a shop on by so many rows, once the shop has left. Answers whether it is settled. One
-- that is connected is never erased, nor one that came back in the middle.
create or replace function private.erase_left(p_request_id bigint, p_rows int) returns boolean
language plpgsql set search_path = '' as $$
declare connection public.connected_accounts; request private.privacy_requests;
begin
    select * into request from private.privacy_requests where id = p_request_id and done_at is null;
    select * into connection from public.connected_accounts where id = request.connection_id for update;
    if request.id is null or connection.id is not null and not private.is_left(connection) then
        return false;
    end if;
    if connection.id is null or private.forget_some(connection.id, p_rows) then
        -- With the shop goes whatever else was asked about it.
        perform private.settle(r.id, case when connection.id is null then 'nothing was held' else 'erased' end)
           from private.privacy_requests as r where r.connection_id = request.connection_id and r.done_at is null;
        return true;
    end if;
    return false;
end $$;

-- erase_shops: what the clock does about shops that have left: a step of each.
create or replace function private.erase_shops(p_rows int) returns int
language plpgsql set search_path = '' as $$
declare request bigint; settled int := 0;
begin
    for request in select r.id from private.privacy_requests as r
                    left join public.connected_accounts as a on a.id = r.connection_id
                   where r.done_at is null and r.effect = 'redact_shop' and (a.id is null or private.is_left(a))
                   order by r.received_at limit 5 loop
        settled := settled + private.erase_left(request, p_rows)::int;
    end loop;
    return settled;
end $$;

-- open_obligations: how many, and how old the oldest is: for metrics and alarms.
create or replace function private.open_obligations() returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('open', count(*), 'oldest_seconds',
                              coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0))
    from (select received_at from private.privacy_requests where done_at is null order by received_at limit 10000) as r;
$$;

-- obligations: what is open, the oldest first, with what each waits for; all with those that were settled.
create or replace function public.obligations(p_all boolean default false) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
                   'id', r.id, 'user_id', r.user_id, 'connection_id', r.connection_id, 'platform', r.platform,
                   'shop_id', r.shop_id, 'topic', r.topic, 'effect', r.effect, 'subject', r.subject,
                   'received_at', r.received_at, 'done_at', r.done_at, 'outcome', r.outcome,
                   'age_days', floor(extract(epoch from coalesce(r.done_at, clock_timestamp()) - r.received_at) / 86400)::int,
                   'waits_for', case when r.done_at is not null then null
                                     when r.effect <> 'redact_shop' then 'people'
                                     when a.status = 'connected' then 'shop_is_connected'
                                     when a.status = 'disconnected' and not private.is_left(a) then 'forty_hours'
                                     else 'clock' end)
               order by r.received_at, r.id), '[]')
        from private.privacy_requests as r left join public.connected_accounts as a on a.id = r.connection_id
        where p_all or r.done_at is null);
end $$;

revoke all on function public.obligations(boolean) from public, anon, authenticated;

grant execute on function public.obligations(boolean) to service_role;

-- settle_obligation: people have done what was asked, and say how. Answers false where nothing of that number is open.
create or replace function public.settle_obligation(p_id bigint, p_outcome text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    perform 1 from private.privacy_requests where id = p_id and done_at is null for update;
    if not found then
        return false;
    end if;
    perform private.settle(p_id, p_outcome);
    return true;
end $$;

revoke all on function public.settle_obligation(bigint, text) from public, anon, authenticated;

grant execute on function public.settle_obligation(bigint, text) to service_role;

-- accept_delivery: a signed delivery and the jobs that it asks for, in one transaction; a repeat gets the same answer.
create or replace function public.accept_delivery(p_source text, p_delivery_id text, p_user_id uuid, p_trigger text, p_jobs jsonb)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare result jsonb := jsonb_build_object('run_ids', '[]'::jsonb, 'jobs', '[]'::jsonb);
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    -- A repeat that comes while the first is under way waits here for its end.
    insert into private.webhook_deliveries (source, delivery_id, user_id) values (p_source, p_delivery_id, p_user_id)
    on conflict do nothing;
    if not found then
        return (select answer || jsonb_build_object('repeat', true) from private.webhook_deliveries
                where source = p_source and delivery_id = p_delivery_id);
    end if;
    if jsonb_array_length(p_jobs) > 0 then
        result := public.queue_jobs(p_user_id, 'backfill', p_trigger, p_jobs, false);
    end if;
    update private.webhook_deliveries set answer = result where source = p_source and delivery_id = p_delivery_id;
    return result || jsonb_build_object('repeat', false);
end $$;

-- events_worked: a completed job has read everything that had come before it began. What came later has a job to come.
create or replace function private.events_worked() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update private.platform_events set worked_at = clock_timestamp()
     where connection_id = new.connection_id and worked_at is null and received_at < new.started_at;
    return new;
end $$;

-- close_gone: of these objects, for which a job has just asked, the platform showed none; those that a delivery said to be
-- deleted are. Of all others nobody said so: they stay as they are. A page that was fetched before brings nothing back.
create or replace function public.close_gone(p_lease_id uuid, p_kind text, p_table text, p_object_ids text[]) returns int
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); gone text[];
begin
    select coalesce(array_agg(e.object_id order by e.object_id), '{}') into gone from private.platform_events as e
     where e.connection_id = job.connection_id and e.kind = p_kind and e.object_id = any (p_object_ids)
       and e.says_gone and e.worked_at is null;
    if gone = '{}' then
        return 0;
    end if;
    if not exists (select from pg_catalog.pg_trigger where tgrelid = format('public.%I', p_table)::regclass
                                                       and tgname = 'keep_gone_' || job.platform) then
        raise exception using errcode = 'PT400', message = 'table_not_closed_by_events', detail = p_table,
            hint = 'Name it with private.closed_by_events in the platform''s schema file.';
    end if;
    insert into private.closed_objects as c (connection_id, table_name, object_id, gone_at)
    select job.connection_id, p_table, o.named, clock_timestamp() from unnest(gone) as o (named)
    on conflict (connection_id, table_name, object_id) do update set gone_at = excluded.gone_at;
    execute format('update public.%I set is_deleted = true where connection_id = $1 '
                   'and platform_id = any ($2) and not is_deleted', p_table) using job.connection_id, gone;
    return cardinality(gone);
end $$;

revoke all on function public.close_gone(uuid, text, text, text[]) from public, anon, authenticated;

grant execute on function public.close_gone(uuid, text, text, text[]) to service_role;

-- read_again: objects that a delivery named are asked for by a job, before any backfill's slice: it is one call or a few.
-- While it runs, it will run again.
create or replace function private.read_again(connection public.connected_accounts, p_kind text, p_object_ids text[],
                                              p_topic text, p_says_gone boolean) returns void
language plpgsql set search_path = '' as $$
begin
    insert into private.platform_events as e (connection_id, kind, object_id, topic, says_gone)
    select connection.id, p_kind, o.named, p_topic, p_says_gone from unnest(p_object_ids) as o (named) order by o.named
    on conflict (connection_id, kind, object_id) where worked_at is null do update
       set received_at = clock_timestamp(), topic = excluded.topic, says_gone = e.says_gone or excluded.says_gone;
    perform public.queue_jobs(connection.user_id, 'incremental', 'webhook', jsonb_build_array(
        jsonb_build_object('platform', connection.platform, 'connection_id', connection.id, 'entity', 'changes',
                           'priority', -100, 'position', 0)), true);
end $$;

drop function public.accept_platform_event(text,text,text,text,text,text,text[],text,timestamp with time zone,jsonb,text,text);

-- accept_platform_event: one delivery, whatever it asks for, in one transaction; a repeat has no effect. What it names
-- is of a shop: each connection of that shop has the effect, whoever's it is, and nobody is told what the platform did
-- not say. Of a shop that nobody connected nothing is kept.
--   p_effect: 'read' (objects of p_kind again), 'gone' (read again, and if they are not there, deleted), 'disconnect',
--             'redact_customer', 'redact_shop', 'request' (for people)
--   p_email: a customer to be forgotten may be named by that alone
--   p_seller_message: what the seller reads of the entities that end with a connection
create or replace function public.accept_platform_event(
    p_platform text, p_delivery_id text, p_shop_id text, p_topic text, p_effect text, p_kind text default null,
    p_object_ids text[] default '{}', p_happened_at timestamptz default null, p_subject jsonb default '{}',
    p_email text default null, p_seller_message text default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts; connections int := 0;
begin
    if not exists (select from public.connected_accounts where platform = p_platform and shop_id = p_shop_id) then
        return jsonb_build_object('repeat', false, 'connections', 0);
    end if;
    insert into private.webhook_deliveries (source, delivery_id) values (p_platform, p_delivery_id)
    on conflict do nothing;
    if not found then
        return jsonb_build_object('repeat', true, 'connections', 0);
    end if;
    for connection in select * from public.connected_accounts
                    where platform = p_platform and shop_id = p_shop_id
                      and (status = 'connected' or p_effect like 'redact%' or p_effect = 'request')
                    order by user_id loop
        connections := connections + 1;
        case p_effect
            when 'read', 'gone' then
                perform private.read_again(connection, p_kind, p_object_ids, p_topic, p_effect = 'gone');
            when 'disconnect' then
                -- A late delivery must not end a connection that was made after what it tells of.
                if coalesce(p_happened_at, clock_timestamp()) >= connection.connected_at then
                    perform public.disconnect_shop(connection.user_id, connection.id, 'our app was removed from the shop',
                                                   p_seller_message);
                end if;
            else
                perform private.oblige(connection, p_topic, p_effect, p_object_ids, p_subject, p_email);
        end case;
    end loop;
    return jsonb_build_object('repeat', false, 'connections', connections);
end $$;

revoke all on function
    public.accept_platform_event(text, text, text, text, text, text, text[], timestamptz, jsonb, text, text)
    from public, anon, authenticated;

grant execute on function
    public.accept_platform_event(text, text, text, text, text, text, text[], timestamptz, jsonb, text, text)
    to service_role;

-- reserve_calls: a block of calls of the day before any of them is sent, or the time to come back. `p_seen`: the last
-- limits that an answer told this process. Blocks shrink as the day runs out, so that the last calls are shared. A
-- block ends ten seconds before its bucket does, so that no call is sent in a later bucket than it is booked in.
create or replace function public.reserve_calls(
    p_block_id uuid, p_scope text, p_class text, p_wanted int, p_per_second bigint, p_per_day bigint,
    p_backfill_share double precision, p_live_share double precision default 0, p_day_margin double precision default 0,
    p_seen jsonb default null, p_shadow boolean default false) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    spot timestamptz := private.bucket_of(now_ + interval '15 seconds');
    day_limit bigint; granted_ int := 0; available record; wake timestamptz; reason_ text := ''; shadowed text; lent_ interval;
    block private.call_blocks;
begin
    if p_wanted < 1 or p_class not in ('live', 'incremental', 'backfill') then
        raise exception using errcode = 'PT400', message = 'wrong_reservation';
    end if;
    if p_seen is not null then
        budget := private.note_limits(budget, now_, (p_seen ->> 'per_second')::bigint, (p_seen ->> 'per_day')::bigint,
                                      (p_seen ->> 'remaining_today')::bigint);
    end if;
    day_limit := coalesce(budget.per_day, p_per_day);
    select * into block from private.call_blocks where id = p_block_id;
    if found then
        spot := block.bucket;
        granted_ := case when block.closed then 0 else block.calls end;
        wake := now_;
    else
        if budget.blocked_until > now_ then
            wake := budget.blocked_until;
            reason_ := coalesce(budget.blocked_reason, 'the platform says that the daily calls are used up');
        elsif day_limit is null then
            granted_ := p_wanted;
        else
            if p_class = 'backfill' then
                update private.api_budgets set backfill_asked_at = now_
                 where scope = p_scope and coalesce(backfill_asked_at, '-infinity') < now_ - interval '10 minutes';
            end if;
            available := private.available_calls(budget, p_class, p_wanted, now_, day_limit, p_backfill_share, p_live_share,
                                                 p_day_margin);
            granted_ := greatest(0, least(p_wanted, greatest(available.free / 10, 1), available.free));
            wake := available.wake;
            reason_ := available.reason;
            lent_ := available.lent;
            update private.api_budgets
               set asked_at = case when available.probe then now_ else asked_at end,
                   lent_until = case when available.lent is not null
                                then greatest(coalesce(lent_until, now_), now_ - interval '1 hour') + available.lent * granted_
                                else lent_until end
             where scope = p_scope and (available.probe or available.lent is not null);
        end if;
        if granted_ = 0 and p_shadow then
            shadowed := reason_;
            granted_ := p_wanted;
            update private.api_budgets set would_refuse = would_refuse + granted_ where scope = p_scope;
        end if;
        if granted_ > 0 then
            insert into private.call_blocks (id, scope, class, bucket, calls, lent)
            values (p_block_id, p_scope, p_class, spot, granted_, lent_);
            insert into private.api_calls as ledger (scope, bucket, class, reserved, lent)
            values (p_scope, spot, p_class, granted_, case when lent_ is null then 0 else granted_ end)
            on conflict (scope, bucket, class) do update
               set reserved = ledger.reserved + excluded.reserved, lent = ledger.lent + excluded.lent;
        end if;
    end if;
    return jsonb_build_object(
        'granted', granted_,
        'expires_in_seconds', extract(epoch from spot + interval '4 minutes 50 seconds' - now_),
        'wake_at', case when granted_ = 0 then wake end,
        'wake_in_seconds', case when granted_ = 0 then greatest(1, extract(epoch from wake - now_)) end,
        'reason', case when granted_ = 0 then reason_ end,
        'would_refuse', shadowed,
        'used', case when day_limit is null then null else
            (select used.own + budget.external_calls from private.calls_used(p_scope, now_) as used) end,
        'per_second', coalesce(budget.per_second, p_per_second),
        'per_day', day_limit);
end $$;

-- count_answers: keep the share of errors in the last hour under what the platform allows. With fewer than a hundred
-- answers the share is taken of a hundred: one bad answer in three is no trend. Answers how long nobody calls now.
create or replace function public.count_answers(
    p_scope text, p_answers int, p_errors int, p_pause_share double precision, p_stop_share double precision)
returns double precision language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    share double precision; wait double precision := 0;
begin
    insert into private.api_answers as kept (scope, bucket, answers, errors)
    values (p_scope, private.bucket_of(now_), p_answers, p_errors)
    on conflict (scope, bucket) do update
       set answers = kept.answers + excluded.answers, errors = kept.errors + excluded.errors;
    select sum(errors)::double precision / greatest(100, sum(answers)) into share from private.api_answers
     where scope = p_scope and bucket > now_ - interval '1 hour';
    if p_errors > 0 and share >= p_pause_share then
        wait := case when share >= p_stop_share then 3600 else 300 end;
        perform public.block_scope(p_scope, wait, format('%s %% of the platform''s answers are errors: held before it refuses us',
                                                         round((share * 100)::numeric, 1)));
    end if;
    return wait;
end $$;

-- record_calls: add a batch of a process's counts.
create or replace function public.record_calls(p_calls jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
    insert into private.call_minutes as m (platform, minute, endpoint, outcome, calls, seconds, histogram)
    select c.platform, date_trunc('minute', clock_timestamp() - make_interval(secs => c.age_seconds)), c.endpoint,
           c.outcome, sum(c.calls), sum(c.seconds),
           array[sum(c.histogram[1]), sum(c.histogram[2]), sum(c.histogram[3]), sum(c.histogram[4]),
                 sum(c.histogram[5]), sum(c.histogram[6]), sum(c.histogram[7]), sum(c.histogram[8]),
                 sum(c.histogram[9]), sum(c.histogram[10]), sum(c.histogram[11]), sum(c.histogram[12]),
                 sum(c.histogram[13])]::bigint[]
    from jsonb_to_recordset(p_calls) as c(platform text, endpoint text, outcome text, age_seconds double precision,
                                          calls bigint, seconds double precision, histogram bigint[])
    group by 1, 2, 3, 4
    order by 1, 2, 3, 4
    on conflict (platform, minute, endpoint, outcome) do update
       set calls = m.calls + excluded.calls, seconds = m.seconds + excluded.seconds,
           histogram = (select array_agg(a + b order by n)
                        from unnest(m.histogram, excluded.histogram) with ordinality as both_(a, b, n));
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
        'parked', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('waiting', count(*), 'retries', count(*) filter (where attempts > 0),
                           'next_at', min(run_after)) as facts
                from (select platform, attempts, run_after from public.sync_jobs where status = 'parked'
                      order by run_after limit 10000) as p group by platform) as by_platform),
        'ended', (
            select coalesce(jsonb_object_agg(platform, facts), '{}') from (
                select platform, jsonb_build_object('completed', count(*) filter (where status = 'completed'),
                           'failed', count(*) filter (where status = 'failed'),
                           'quarantined', count(*) filter (where status = 'quarantined')) as facts
                from (select platform, status from public.sync_jobs where finished_at > since
                      order by finished_at desc limit 10000) as e group by platform) as by_platform),
        'last_sync_at', (
            select max(finished_at) from (select finished_at, status from public.sync_jobs where finished_at is not null
                                          order by finished_at desc limit 1000) as e where status = 'completed'),
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
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;

-- personal_parts: where a buyer's orders leave text that may name a person: the table, the column that names the order
-- or the refund, and the columns that are emptied. `raw` is emptied everywhere. What stays in typed columns is the
-- seller's or the platform's: numbers, titles, times, amounts. Records about people and of printers: erase_buyer.
create or replace function private.personal_parts() returns table (name text, of_refund boolean, key text, clears text[])
language sql immutable set search_path = '' as $$
    values ('orders', false, 'platform_id', '{}'::text[]),
           ('line_items', false, 'order_platform_id', '{}'),
           ('order_refunds', false, 'order_platform_id', '{reason}'),
           ('order_refund_lines', true, 'refund_platform_id', '{}'),
           ('order_fulfillments', false, 'order_platform_id', '{tracking_code}'),
           ('order_transactions', false, 'order_platform_id', '{}'),
           ('order_payments', false, 'order_platform_id', '{}'),
           ('payments', false, 'order_platform_id', '{description}');
$$;

-- empty_part: the text of these records goes, the figures stay.
create or replace function private.empty_part(p_connection_id uuid, p_table text, p_key text, p_ids text[], p_clears text[])
returns void language plpgsql set search_path = '' as $$
begin
    execute format('update public.%I set raw = %L, content_hash = 0%s where connection_id = $1 and %I = any ($2)', p_table,
                   '{}', (select string_agg(format(', %I = null', c), '') from unnest(p_clears) as c), p_key)
        using p_connection_id, p_ids;
end $$;

-- erase_buyer: nothing that names these buyers is left of this shop, nor of printers that made their orders: people,
-- orders with all that came with them, records that could not be mapped. Answers whether we knew whom to erase.
-- `p_email` alone may name them; `p_orders` are orders to erase whoever's they are.
create or replace function private.erase_buyer(connection public.connected_accounts, p_ids text[], p_email text, p_orders text[],
                                               p_for_good boolean) returns boolean
language plpgsql set search_path = '' as $$
declare buyers text[] := p_ids; orders text[]; refunds text[]; part record; named text[];
begin
    perform private.await_pages(connection.id);
    if cardinality(buyers) = 0 then
        select coalesce(array_agg(c.platform_id), '{}') into buyers from public.customers as c
         where c.connection_id = connection.id and lower(c.email) = lower(p_email);
    end if;
    select coalesce(array_agg(o.platform_id), '{}') into orders from public.orders as o
     where o.connection_id = connection.id and (o.buyer_platform_id = any (buyers) or o.platform_id = any (p_orders));
    -- An order that could not be mapped may have brought a payment all the same.
    orders := array(select unnest(orders) union select unnest(p_orders)
                    union select r.platform_id from public.rejected_records as r
                           where r.connection_id = connection.id and r.platform_id is not null
                             and private.names_one(r.raw, buyers));
    refunds := array(select r.platform_id from public.order_refunds as r
                     where r.connection_id = connection.id and r.order_platform_id = any (orders));
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
    for part in select * from private.personal_parts() loop
        perform private.empty_part(connection.id, part.name, part.key, case when part.of_refund then refunds else orders end,
                                   part.clears);
    end loop;
    for part in select k.connection_id, r.source, array_agg(distinct k.source_id) as ids
                from private.cost_links as k
                join public.connected_accounts as a on a.id = k.connection_id
                join private.cost_rules as r on r.source = a.platform
                where k.order_connection_id = connection.id and k.order_platform_id = any (orders)
                group by k.connection_id, r.source loop
        execute format('select private.%I($1, $2)', 'erase_orders_' || part.source) using part.connection_id, part.ids;
    end loop;
    -- What a printer's record names could not be linked where it could not be mapped.
    perform private.forget_rejected(a.id, named) from public.connected_accounts as a where a.user_id = connection.user_id;
    return cardinality(buyers) > 0;
end $$;

-- names_one: whether bytes that could not be mapped name one of these: a number, or an address in whatever case. What is
-- shorter than any platform's number of a person stands in every record.
create or replace function private.names_one(p_raw bytea, p_named text[]) returns boolean
language sql immutable set search_path = '' as $$
    select exists (select from unnest(p_named) as n
                   where length(n) >= 5 and encode(p_raw, 'escape') ~* ('(^|[^0-9a-z])' || regexp_replace(n, '[^[:alnum:]]', '\\\&', 'g')
                                                     || '($|[^0-9a-z])'));
$$;

-- forget_rejected: records that could not be mapped and that name one of these, as their key or in their bytes.
create or replace function private.forget_rejected(p_connection_id uuid, p_named text[]) returns void
language sql set search_path = '' as $$
    delete from public.rejected_records as r
     where r.connection_id = p_connection_id and (r.platform_id = any (p_named) or private.names_one(r.raw, p_named));
$$;

-- erase_buyer: the same for operators, in each of a user's shops of a platform that knows the buyer, or in one. By the
-- platform's number of the buyer, or by an address; for good. Answers how many orders and people were erased.
create or replace function public.erase_buyer(p_user_id uuid, p_connection_id uuid, p_buyer text default null,
                                              p_email text default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id); known boolean;
begin
    known := private.erase_buyer(connection, case when p_buyer is null then '{}' else array[p_buyer] end, p_email, '{}', true);
    return jsonb_build_object(
        'connection_id', connection.id, 'platform', connection.platform, 'shop_id', connection.shop_id, 'known', known,
        'orders', (select count(*) from public.orders as o
                   where o.connection_id = connection.id and o.raw = '{}'
                     and (o.buyer_platform_id = p_buyer
                          or o.buyer_platform_id in (select k.object_id from private.closed_objects as k
                                                     where k.connection_id = connection.id and k.table_name = 'customers'
                                                       and k.forgotten_at >= transaction_timestamp()))));
end $$;

revoke all on function public.erase_buyer(uuid, uuid, text, text) from public, anon, authenticated;

grant execute on function public.erase_buyer(uuid, uuid, text, text) to service_role;

-- prune: of each table with a life (private.lives) at most so many rows whose time is over. Answers how many went, by
-- table. Harmless when run twice at once.
create or replace function private.prune(p_rows int) returns jsonb
language plpgsql set search_path = '' as $$
declare one record; deleted int; pruned jsonb := '{}';
begin
    for one in select * from private.lives() as l where l.life is not null order by l.table_name loop
        -- The moment as a value: an index is not read by what changes with every row.
        execute format('delete from %1$s where ctid = any (array(select t.ctid from %1$s as t where t.%2$I < $1 and %3$s '
                       'order by t.%2$I limit $2 for update skip locked))', one.table_name, one.aged_by,
                       coalesce('(' || one.only_if || ')', 'true'))
          using clock_timestamp() - one.life, p_rows;
        get diagnostics deleted = row_count;
        if deleted > 0 then
            pruned := pruned || jsonb_build_object(one.table_name, deleted);
        end if;
    end loop;
    return pruned;
end $$;

-- keep_house: one step of both. Answers what was done, and what is still asked of people and since when.
create or replace function public.keep_house(p_rows int default 500) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare erased int := private.erase_shops(p_rows * 10);
begin
    return jsonb_build_object('erased', erased, 'pruned', private.prune(p_rows)) || private.open_obligations();
end $$;

revoke all on function public.keep_house(int) from public, anon, authenticated;

grant execute on function public.keep_house(int) to service_role;

-- erase_orders_printify: what names the buyer of these orders goes; of the record stays which order one prints again.
create or replace function private.erase_orders_printify(p_connection_id uuid, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
begin
    update public.printify_orders
       set region = null, content_hash = 0, raw = jsonb_strip_nulls(jsonb_build_object('metadata', jsonb_build_object(
               'reprinted_order_ids', raw #> '{metadata,reprinted_order_ids}')))
     where connection_id = p_connection_id and platform_id = any (p_ids);
    insert into private.closed_objects as c (connection_id, table_name, object_id, forgotten_at, for_good)
    select p_connection_id, 'printify_orders', o.id, clock_timestamp(), true from unnest(p_ids) as o (id) order by o.id
    on conflict (connection_id, table_name, object_id) do update set forgotten_at = excluded.forgotten_at, for_good = true;
    perform private.empty_part(p_connection_id, 'printify_line_items', 'order_platform_id', p_ids, '{}');
    -- Its number is a part of its key.
    delete from public.printify_shipments where connection_id = p_connection_id and order_platform_id = any (p_ids);
end $$;

drop function private.keep_forgotten();

drop function private.forget_customers(uuid,text[]);
