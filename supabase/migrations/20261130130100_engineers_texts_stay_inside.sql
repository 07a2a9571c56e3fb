-- What engineers read may say anything: end users see codes and the words that were written for them.

revoke select on public.connected_accounts from authenticated;
grant select (id, user_id, platform, shop_id, shop_name, currency, stated_currency, shop_created_at, status, status_since,
              connected_at)
    on public.connected_accounts to authenticated;
comment on column public.connected_accounts.status_reason is 'For engineers; users are told by the status.';
revoke select (park_reason) on public.sync_jobs from authenticated;
grant select (park_code) on public.sync_jobs to authenticated;
revoke select on public.rejected_records from authenticated;
grant select (id, connection_id, user_id, platform, entity, stream, shape, run_id, platform_id, status, raw, raw_md5,
              fetched_at, first_seen_at, settled_at)
    on public.rejected_records to authenticated;
update public.profiles
   set backfill_failures = (select jsonb_agg(f - 'error') from jsonb_array_elements(backfill_failures) as f)
 where backfill_failures <> '[]';

-- settle_profile: once no backfill job of the user is open, say how the backfill ended. What only follows another entity
-- does not make the whole a failure. The profile is the user's own to read: codes and their words, not what engineers read.
create or replace function private.settle_profile(p_user_id uuid) returns void
language plpgsql set search_path = '' as $$
declare failures jsonb;
begin
    if exists (select 1 from public.sync_jobs
               where user_id = p_user_id and job_type = 'backfill'
                 and status in ('waiting', 'queued', 'running', 'parked')) then
        return;
    end if;
    select coalesce(jsonb_agg(jsonb_build_object('platform', a.platform, 'connection_id', a.id, 'shop_id', a.shop_id,
               'shop_name', a.shop_name, 'entity', n.entity, 'status', n.status, 'code', n.error_code,
               'message', n.seller_message) order by a.platform, a.shop_id, n.position), '[]')
      into failures
      from (select distinct on (connection_id, entity) * from public.sync_jobs
            where user_id = p_user_id and job_type = 'backfill'
            order by connection_id, entity, created_at desc, id) as n
      join public.connected_accounts as a on a.id = n.connection_id
     where n.status <> 'completed';
    update public.profiles
       set backfill_status = case
               when failures = '[]' then 'completed'
               when exists (select from jsonb_array_elements(failures) as f
                            where f ->> 'status' <> 'completed_with_rejects' and f ->> 'code' <> 'source_incomplete')
                    or not failures @> '[{"status": "completed_with_rejects"}]' then 'failed'
               else 'completed_with_rejects' end,
           backfill_completed_at = case when failures = '[]' then clock_timestamp() end,
           backfill_failures = failures
     where user_id = p_user_id;
end $$;
