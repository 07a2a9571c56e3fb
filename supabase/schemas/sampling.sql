-- Sampled truth: of the day's calls that nobody wants a few read old pages once more, at random places, and compare. What is found says how
-- much can differ of what no round would see (docs/decisions/035). Declared in directives/sync_orchestration.md.

create table private.samples (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    entity text not null,
    due_at timestamptz not null,
    -- Records that were compared, and those of them that differed, as they counted at `sampled_at`: half in two weeks.
    compared double precision not null default 0,
    differences double precision not null default 0,
    sampled_at timestamptz,
    differed_at timestamptz,
    primary key (connection_id, entity)
);
create index samples_due on private.samples (due_at);
comment on table private.samples is 'What random old pages of each entity showed, and when the next one is read.';

-- sampling_terms: `share`: of a day that all shops share samples take so much at most; `reserve`: so much more of it has to be left
-- over beside what is kept for live calls and backfills; `every`: how long an entity of a shop is left alone; `most`: of a
-- platform so many are open at once.
create or replace function private.sampling_terms(out share double precision, out reserve double precision, out every interval, out most int)
language sql immutable as $$ select 0.02::double precision, 0.2::double precision, interval '6 hours', 5 $$;

-- sampled_calls: how many calls of the day samples have had.
create or replace function private.sampled_calls(p_scope text, p_now timestamptz) returns bigint
language sql stable set search_path = '' as $$
    select coalesce(sum(c.reserved - c.returned), 0)::bigint from private.api_calls as c
    where c.scope = p_scope and c.class = 'sample' and c.bucket > p_now - interval '24 hours 5 minutes';
$$;

-- leftover_calls: of a platform whose day all shops share, how many calls are left over for samples now; null where shops do not.
create or replace function private.leftover_calls(p_platform text) returns bigint
language sql stable set search_path = '' as $$
    select (select min((private.available_calls(b, 'sample', 1, clock_timestamp(), coalesce(b.per_day, p.per_day), p.backfill_share,
                                                p.live_share, 0)).free)
            from private.api_budgets as b where b.scope like p.platform || ':app:%' and b.blocked_until is null)
    from private.round_prices as p where p.platform = p_platform;
$$;

-- queue_sample: a sample of an entity of a shop, after everything else; none where the shop is paused, was never read, or has one open.
create or replace function private.queue_sample(p_connection_id uuid, p_entity text, p_trigger text) returns boolean
language plpgsql set search_path = '' as $$
declare run uuid := gen_random_uuid(); connection public.connected_accounts; place int;
begin
    select * into connection from public.connected_accounts where id = p_connection_id and status = 'connected';
    select r.position into place from private.round_rules as r where r.platform = connection.platform and r.entity = p_entity;
    if connection.id is null or private.is_paused(p_connection_id)
       or exists (select from public.sync_jobs as j where j.connection_id = p_connection_id and j.job_type = 'sample'
                                                      and j.entity = p_entity and j.finished_at is null)
       or not exists (select from public.sync_cursors as c where c.connection_id = p_connection_id and c.entity = p_entity) then
        return false;
    end if;
    insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)
    values (run, p_connection_id, connection.user_id, 'sample', p_trigger);
    insert into public.sync_jobs (user_id, connection_id, run_id, platform, entity, job_type, priority, position, created_at)
    values (connection.user_id, p_connection_id, run, connection.platform, p_entity, 'sample', 1000, place, clock_timestamp());
    perform private.promote_next(p_connection_id, 'sample');
    return true;
end $$;

-- sample_now: of each sampled entity of these shops of a user's a sample, whoever's turn it is. Answers how many were queued, and what has
-- been compared of each so far.
create or replace function public.sample_now(p_user_id uuid, p_connection_ids uuid[], p_queue boolean) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare queued int := 0;
begin
    perform 1 from public.profiles where user_id = p_user_id for no key update;
    if p_queue then
        select count(*) filter (where private.queue_sample(s.connection_id, s.entity, 'verification')) into queued
          from private.samples as s join public.connected_accounts as a on a.id = s.connection_id
         where a.user_id = p_user_id and s.connection_id = any (p_connection_ids);
    end if;
    return jsonb_build_object('queued', queued, 'entities', (
        select coalesce(jsonb_agg(jsonb_build_object('connection_id', s.connection_id, 'entity', s.entity,
                                                     'compared', coalesce(private.faded(s.compared, s.sampled_at, clock_timestamp()), 0),
                                                     'differences', coalesce(private.faded(s.differences, s.sampled_at, clock_timestamp()), 0))
                                  order by a.platform, a.shop_id, s.entity), '[]')
        from private.samples as s join public.connected_accounts as a on a.id = s.connection_id
        where a.user_id = p_user_id and s.connection_id = any (p_connection_ids)));
end $$;
revoke all on function public.sample_now(uuid, uuid[], boolean) from public, anon, authenticated;
grant execute on function public.sample_now(uuid, uuid[], boolean) to service_role;

-- queue_due_samples: who was sampled longest ago, as far as the line of its platform has places and its day has calls. It waits for nobody.
create or replace function private.queue_due_samples() returns int
language plpgsql set search_path = '' as $$
declare place text; one record; queued int := 0; terms record := private.sampling_terms();
begin
    if not exists (select from private.samples where due_at <= (select clock_timestamp())) then
        return 0;
    end if;
    for place in select distinct platform from private.round_rules where sampled_from is not null order by platform loop
        continue when coalesce(private.leftover_calls(place), 1) <= 0;
        for one in
            select s.connection_id, s.entity, a.user_id
            from private.samples as s
            join public.connected_accounts as a on a.id = s.connection_id
            join private.round_rules as r on r.platform = a.platform and r.entity = s.entity
            where s.due_at <= (select clock_timestamp()) and a.platform = place and a.status = 'connected'
            order by s.due_at
            limit greatest(0, terms.most - (select count(*) from public.sync_jobs as j
                                            where j.platform = place and j.job_type = 'sample' and j.finished_at is null))
            for update of s skip locked loop
            perform 1 from public.profiles where user_id = one.user_id for no key update skip locked;
            continue when not found;
            update private.samples set due_at = clock_timestamp() + terms.every
             where connection_id = one.connection_id and entity = one.entity;
            queued := queued + private.queue_sample(one.connection_id, one.entity, 'sample')::int;
        end loop;
    end loop;
    return queued;
end $$;

-- plan_samples: an entity that is proven is sampled from then on.
create or replace function private.plan_samples(job public.sync_jobs) returns void
language sql set search_path = '' as $$
    insert into private.samples (connection_id, entity, due_at)
    select job.connection_id, job.entity, clock_timestamp() + t.every
    from private.round_rules as r, private.sampling_terms() as t
    where r.platform = job.platform and r.entity = job.entity and r.sampled_from is not null
    on conflict (connection_id, entity) do nothing;
$$;

-- sample_place: a record of ours at random: {key, at, before, rows}; `at` is when it happened, `before` how many stand before it
-- in the order of keys. Null: there is none.
create or replace function public.sample_place(p_lease_id uuid, p_table text, p_time_column text) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); stored bigint; spot bigint; place jsonb;
begin
    execute format('select count(*) from public.%I where connection_id = $1 and not is_deleted', p_table)
       into stored using job.connection_id;
    spot := floor(random() * stored);
    execute format('select jsonb_build_object(''key'', platform_id, ''at'', %s) from public.%I '
                   'where connection_id = $1 and not is_deleted order by platform_id offset $2 limit 1',
                   case when p_time_column = '' then 'null' else format('extract(epoch from %I)::bigint', p_time_column) end, p_table)
       into place using job.connection_id, spot;
    return place || jsonb_build_object('before', spot, 'rows', stored);
end $$;
revoke all on function public.sample_place(uuid, text, text) from public, anon, authenticated;
grant execute on function public.sample_place(uuid, text, text) to service_role;

-- audit_sample: of the records that came with the page of the job in hand: how many were compared, and how many of them differed, by
-- themselves or in one of their children ({table: the column that names the record}). What changed so lately that rounds have still
-- to see it, or ask for it by its age, is neither: `news`.
create or replace function public.audit_sample(p_lease_id uuid, p_table text, p_children jsonb) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); keys text[]; touched text[]; more text[]; child record; answer jsonb;
        settled timestamptz;
begin
    select array_agg(distinct k) into keys from public.sync_pages as g, unnest(g.keys) as k where g.job_id = job.id;
    select private.last_bound(job) - r.sampled_from into settled from private.round_rules as r
     where r.platform = job.platform and r.entity = job.entity;
    execute format('select array_agg(platform_id) from public.%I where connection_id = $1 and platform_id = any ($2) '
                   'and sync_run_id = $3', p_table) into touched using job.connection_id, keys, job.run_id;
    for child in select key as name, value as parent from jsonb_each_text(p_children) loop
        execute format('select array_agg(%I) from public.%I where connection_id = $1 and %I = any ($2) and sync_run_id = $3',
                       child.parent, child.name, child.parent) into more using job.connection_id, keys, job.run_id;
        touched := coalesce(touched, '{}') || coalesce(more, '{}');
    end loop;
    execute format('select jsonb_build_object(''compared'', count(*) filter (where source_updated_at <= $3), '
                   '''differences'', count(*) filter (where source_updated_at <= $3 and platform_id = any ($4)), '
                   '''news'', count(*) filter (where source_updated_at > $3)) '
                   'from public.%I where connection_id = $1 and platform_id = any ($2)', p_table)
       into answer using job.connection_id, coalesce(keys, '{}'), settled, coalesce(touched, '{}');
    return answer;
end $$;
revoke all on function public.audit_sample(uuid, text, jsonb) from public, anon, authenticated;
grant execute on function public.audit_sample(uuid, text, jsonb) to service_role;

-- settle_sample: what a sample showed is added to what was known, in the transaction that ends its job. Where something differed the
-- entity is read whole at once. One that changed nothing leaves nothing else behind.
create or replace function private.settle_sample(job public.sync_jobs, p_is_proven boolean) returns void
language plpgsql set search_path = '' as $$
declare found_ record; now_ timestamptz := clock_timestamp();
begin
    select coalesce(sum((c #>> '{detail,compared}')::bigint), 0) as compared,
           coalesce(sum((c #>> '{detail,differences}')::bigint), 0) as differences
      into found_ from public.certificates as k, jsonb_array_elements(k.checks) as c
     where p_is_proven and k.job_id = job.id and c ->> 'name' = 'sample';
    update private.samples as s
       set compared = coalesce(private.faded(s.compared, s.sampled_at, now_), 0) + found_.compared,
           differences = coalesce(private.faded(s.differences, s.sampled_at, now_), 0) + found_.differences,
           sampled_at = now_, differed_at = case when found_.differences > 0 then now_ else s.differed_at end
     where s.connection_id = job.connection_id and s.entity = job.entity and found_.compared > 0;
    update private.sync_rounds as s set whole_at = least(s.whole_at, now_), due_at = least(s.due_at, now_)
     where s.connection_id = job.connection_id and s.entity = job.entity and found_.differences > 0;
    if exists (select from public.sync_pages as g where g.job_id = job.id and g.created + g.updated + g.rejected > 0)
       or exists (select from private.row_changes as c where c.connection_id = job.connection_id and c.run_id = job.run_id) then
        return;
    end if;
    delete from public.sync_jobs where id = job.id;
    delete from public.sync_runs where id = job.run_id;
end $$;

-- sampled: what was sampled of an entity, as it counts now; null where nothing was.
create or replace function private.sampled(p_connection_id uuid, p_entity text) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object('compared', private.faded(s.compared, s.sampled_at, clock_timestamp()),
                              'differences', private.faded(s.differences, s.sampled_at, clock_timestamp()),
                              'at', s.sampled_at, 'differed_at', s.differed_at)
    from private.samples as s
    where s.connection_id = p_connection_id and s.entity = p_entity and s.sampled_at is not null;
$$;

-- sampling_facts: for health, of all shops: what was compared by platform, and how many entities differed within a week.
create or replace function private.sampling_facts() returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'platforms', coalesce(jsonb_object_agg(p.platform, jsonb_build_object('compared', p.compared, 'differences', p.differences)), '{}'),
        'differed', coalesce(sum(p.differed), 0))
    from (select a.platform, sum(private.faded(s.compared, s.sampled_at, clock_timestamp())) as compared,
                 sum(private.faded(s.differences, s.sampled_at, clock_timestamp())) as differences,
                 count(*) filter (where s.differed_at > clock_timestamp() - interval '7 days') as differed
          from private.samples as s join public.connected_accounts as a on a.id = s.connection_id
          where s.sampled_at is not null group by a.platform) as p;
$$;
