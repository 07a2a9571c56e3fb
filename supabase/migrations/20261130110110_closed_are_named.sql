-- close_gone names what it closed: of everything else the platform has to say twice that it is gone.

drop function public.close_gone(uuid,text,text,text[]);

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
    execute format('update public.%I set is_deleted = true where connection_id = $1 '
                   'and platform_id = any ($2) and not is_deleted', p_table) using job.connection_id, gone;
    return gone;
end $$;

revoke all on function public.close_gone(uuid, text, text, text[]) from public, anon, authenticated;

grant execute on function public.close_gone(uuid, text, text, text[]) to service_role;
