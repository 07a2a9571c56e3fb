-- A sample of what is sampled can be asked for: `keeper verify --sample` (docs/decisions/035).

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
