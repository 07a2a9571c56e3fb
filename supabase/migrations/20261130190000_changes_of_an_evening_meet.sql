-- Where two changes of one function met: replays settle what they mend, and wait for an erasure.

-- replay_rejected: try records again that were rejected or landed in part, after the mapping was mended: those of one of
-- the user's connections, or of all. No call to the platform.
create or replace function public.replay_rejected(p_user_id uuid, p_after bigint default 0, p_limit int default 100,
                                                  p_connection_id uuid default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare r public.rejected_records; job public.sync_jobs; one record; landed int := 0; refused int := 0; last bigint;
begin
    -- Before any record is held: an erasure takes both the other way round.
    perform private.bar_pages(c, false) from unnest(private.connections_of(p_user_id)) as c;
    for r in select * from public.rejected_records
             where connection_id = any (private.connections_of(p_user_id)) and status in ('open', 'partial') and id > p_after
               and (p_connection_id is null or connection_id = p_connection_id)
             order by id limit p_limit for update loop
        job.connection_id := r.connection_id;
        job.user_id := r.user_id;
        job.platform := r.platform;
        job.entity := r.entity;
        job.run_id := r.run_id;
        select * into one from private.land_one(job, r.shape, r.fetched_at, r.raw);
        if one.partial is not null then
            if r.status = 'open' then landed := landed + 1; else refused := refused + 1; end if;
            update public.rejected_records set status = 'partial', reason = one.partial, sqlstate = one.code where id = r.id;
        elsif one.reason is null then
            landed := landed + 1;
            update public.rejected_records set status = 'replayed', settled_at = clock_timestamp() where id = r.id;
        else
            refused := refused + 1;
            -- Of what was erased nothing is left to be read.
            update public.rejected_records set reason = one.reason, sqlstate = one.code where id = r.id and reason <> 'erased';
        end if;
        last := r.id;
    end loop;
    if landed > 0 then
        perform private.settle_rejects(p_user_id, case when p_connection_id is null
            then private.connections_of(p_user_id) else array[p_connection_id] end);
    end if;
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;
