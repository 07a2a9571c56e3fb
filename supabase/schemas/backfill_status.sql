-- What a seller is told of a backfill.

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
                       'sampled', private.sampled(j.connection_id, j.entity),
                       'last_complete', case when j.status <> 'completed' then (
                           select jsonb_build_object('at', k.issued_at, 'held', k.distinct_keys - k.rejected)
                           from public.certificates as k
                           where k.connection_id = j.connection_id and k.entity = j.entity and k.is_whole
                             and not exists (select from public.sync_jobs as n where n.id = k.job_id and n.job_type = 'sample')
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
revoke all on function public.backfill_status(uuid) from public, anon, authenticated;
grant execute on function public.backfill_status(uuid) to service_role;

-- backfill_statuses: the status of many users at once, for those who watch.
create or replace function public.backfill_statuses(p_user_ids uuid[]) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select coalesce(jsonb_object_agg(id, public.backfill_status(id)), '{}') from unnest(p_user_ids) as id);
end $$;
revoke all on function public.backfill_statuses(uuid[]) from public, anon, authenticated;
grant execute on function public.backfill_statuses(uuid[]) to service_role;
