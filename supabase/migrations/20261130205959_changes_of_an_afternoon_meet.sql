-- Functions that several changes of one afternoon touched; the first five of what is missing, always the same; what a pulse showed goes with its use.

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

-- put_off_shown: of these entities the round has shown that nothing is new, and it began where they were known: they need
-- not be read, but for what is read whole, and for what a pulse may miss.
create or replace function private.put_off_shown(job public.sync_jobs, p_woken text[]) returns void
language sql set search_path = '' as $$
    update private.sync_rounds as s
       set known_until = job.window_end,
           changes = private.faded(s.changes, s.known_until, job.window_end),
           days = private.faded(s.days, s.known_until, job.window_end)
                  + greatest(extract(epoch from job.window_end - s.known_until), 0)::double precision / 86400,
           due_at = least(job.window_end + t.lasts, c.updated_at + r.at_rest, s.whole_at)
      from private.round_terms() as t
      join private.round_rules as r on r.platform = t.platform and r.entity = t.entity
      join public.sync_cursors as c on c.connection_id = t.connection_id and c.entity = t.entity
     where s.connection_id = job.connection_id and job.cursor -> 'shown' ? s.entity and s.entity <> all (p_woken)
       and s.known_until >= job.window_start
       and t.connection_id = s.connection_id and t.entity = s.entity and r.pulse = job.entity;
    -- It has served, and may name a buyer.
    update public.sync_jobs as j set cursor = j.cursor - 'shown' where j.id = job.id and j.cursor ? 'shown';
$$;

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
        'tables', private.table_sizes(),
        'webhooks', public.webhook_counts(),
        'deletions_held', (select count(*) from (select from private.held_deletions where decided_at is null limit 10000) as h),
        'events', private.outbox_facts(),
        'reconnect_needed', (
            select coalesce(jsonb_object_agg(platform, accounts), '{}') from (
                select platform, count(*) as accounts
                from (select platform from public.connected_accounts where status = 'reconnect_needed' limit 10000) as a
                group by platform) as by_platform));
end $$;

-- restore_cursors: watermarks as they were before these runs. Where a later run has moved one on, it goes back to where the
-- first of these began: the next round reads that again. An entity that they loaded is not loaded any more.
create or replace function private.restore_cursors(p_connection_id uuid, p_runs uuid[], p_rollback uuid) returns void
language plpgsql set search_path = '' as $$
declare one record; was public.sync_cursors; now_ public.sync_cursors;
begin
    for one in select distinct on (c.keys[1]) c.keys[1] as entity, c.before, c.id from private.row_changes as c
               where c.connection_id = p_connection_id and c.run_id = any (p_runs) and c.table_name = 'sync_cursors'
               order by c.keys[1], c.id loop
        delete from public.sync_cursors as c
         where c.connection_id = p_connection_id and c.entity = one.entity and one.before is null;
        continue when one.before is null;
        was := jsonb_populate_record(null::public.sync_cursors, one.before);
        select * into now_ from public.sync_cursors as c where c.connection_id = p_connection_id and c.entity = one.entity;
        if exists (select from private.row_changes as c join public.sync_runs as r on r.id = c.run_id
                   where c.connection_id = p_connection_id and c.table_name = 'sync_cursors' and c.keys = array[one.entity]
                     and c.id > one.id and private.counts_since(r, p_runs)) then
            was.watermark := least(was.watermark, now_.watermark);
            was.run_id := p_rollback;
        elsif not exists (select from public.sync_runs as r where r.id = was.run_id) then
            was.run_id := p_rollback;
        end if;
        insert into public.sync_cursors as c select was.*
        on conflict (connection_id, entity) do update
           set watermark = excluded.watermark, run_id = excluded.run_id, updated_at = excluded.updated_at;
        -- What a pulse shows is held against what is here.
        update private.sync_rounds as s set known_until = was.watermark
         where s.connection_id = p_connection_id and s.entity = one.entity and s.known_until > was.watermark;
    end loop;
    -- Rounds begin from a watermark.
    delete from private.sync_rounds as s using private.round_rules as r, public.connected_accounts as a
     where s.connection_id = p_connection_id and a.id = p_connection_id and r.platform = a.platform and r.entity = s.entity
       and not exists (select from public.sync_cursors as c where c.connection_id = p_connection_id and c.entity = r.entity);
    insert into private.sync_rounds (connection_id, entity, due_at, whole_at)
    select a.id, r.entity, 'infinity', clock_timestamp() + r.whole
      from public.connected_accounts as a join private.round_rules as r on r.platform = a.platform
     where a.id = p_connection_id
       and exists (select from public.sync_cursors as c where c.connection_id = a.id and c.entity = r.entity)
    on conflict do nothing;
    update private.sync_rounds as s set due_at = clock_timestamp() + t.promised
      from private.round_terms() as t
     where s.connection_id = p_connection_id and s.due_at = 'infinity'
       and t.connection_id = s.connection_id and t.entity = s.entity;
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
        where o.connection_id = job.connection_id and o.entity = 'orders'
          and o.job_type = job.job_type
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
            'first_cut', (select coalesce(jsonb_agg(platform_id), '[]') from (select * from cut order by 1 limit 5) as c)))
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
            'first_missing', (select coalesce(jsonb_agg(id), '[]') from (select * from missing order by 1 limit 5) as m)));
$$;
