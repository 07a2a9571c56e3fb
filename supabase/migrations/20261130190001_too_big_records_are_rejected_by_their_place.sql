-- A record that is bigger than a body may be is rejected by its place or key: `land_one_by_one` takes what was never fetched.

-- land_one_by_one: for a page that holds a poison record. Each record lands, in part if need be, or is rejected, by
-- itself. `p_records` is a list of {key, raw (base64), read, unreadable, refused}; `refused`: why it was never fetched.
create or replace function private.land_one_by_one(job public.sync_jobs, p_stream text, p_shape text, p_fetched_at timestamptz,
                                                   p_records jsonb, out landed private.landed, out rejected int)
language plpgsql set search_path = '' as $$
declare item record; bytes bytea; kept bytea; one record;
begin
    landed := row('{}'::text[], 0, 0, 0, 0)::private.landed;
    rejected := 0;
    for item in select e.value ->> 'key' as key, e.value ->> 'raw' as raw, e.value ->> 'read' as read,
                       e.value ->> 'refused' as refused,
                       array(select jsonb_array_elements_text(e.value -> 'unreadable')) as unreadable
                from jsonb_array_elements(p_records) with ordinality as e(value, ord) order by e.ord loop
        bytes := decode(item.raw, 'base64');
        if item.refused is null then
            select * into one from private.land_one(job, p_shape, p_fetched_at, bytes, item.read, item.unreadable);
        else
            select null::private.landed as landed, item.refused as reason, '54000' as code, null::text as partial into one;
        end if;
        kept := case when one.reason is null then bytes else private.told_of(job, item.key, p_fetched_at, bytes) end;
        if one.landed is not null then
            landed.keys := landed.keys || (one.landed).keys;
            landed.created := landed.created + (one.landed).created;
            landed.updated := landed.updated + (one.landed).updated;
            landed.unchanged := landed.unchanged + (one.landed).unchanged;
            landed.stale := landed.stale + (one.landed).stale;
        else
            rejected := rejected + 1;
            landed.keys := landed.keys || coalesce(item.key, 'rejected:' || md5(kept));
        end if;
        continue when one.reason is null or (one.landed).stale > 0;
        insert into public.rejected_records as r (connection_id, user_id, platform, entity, stream, shape, run_id,
                                                  platform_id, status, reason, sqlstate, raw, fetched_at)
        values (job.connection_id, job.user_id, job.platform, job.entity, p_stream, p_shape, job.run_id, item.key,
                case when one.landed is null then 'open' else 'partial' end,
                case when kept = bytes then coalesce(one.partial, one.reason) else 'erased' end, one.code, kept, p_fetched_at)
        on conflict (connection_id, stream, raw_md5) do update
           set status = excluded.status, settled_at = null, reason = excluded.reason, sqlstate = excluded.sqlstate,
               shape = excluded.shape, fetched_at = excluded.fetched_at, run_id = excluded.run_id;
    end loop;
end $$;
