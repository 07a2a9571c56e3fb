-- Records that are mapped anew: rejected ones, and all after a corrected mapping.

-- replay_rejected: try rejected records again, after the mapping was mended. No call to the platform.
create or replace function public.replay_rejected(p_user_id uuid, p_after bigint default 0, p_limit int default 100)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare r public.rejected_records; job public.sync_jobs; one record; landed int := 0; refused int := 0; last bigint;
begin
    for r in select * from public.rejected_records
             where user_id = p_user_id and status = 'open' and id > p_after order by id limit p_limit for update loop
        job.user_id := r.user_id;
        job.platform := r.platform;
        job.entity := r.entity;
        job.run_id := r.run_id;
        select * into one from private.land_one(job, r.stream, r.fetched_at, r.raw);
        if one.reason is null then
            landed := landed + 1;
            update public.rejected_records set status = 'replayed', settled_at = clock_timestamp() where id = r.id;
        else
            refused := refused + 1;
            update public.rejected_records set reason = one.reason, sqlstate = one.code where id = r.id;
        end if;
        last := r.id;
    end loop;
    return jsonb_build_object('landed', landed, 'refused', refused, 'after', last);
end $$;
revoke all on function public.replay_rejected(uuid, bigint, int) from public, anon, authenticated;
grant execute on function public.replay_rejected(uuid, bigint, int) to service_role;

-- remap_records: derive the typed columns again from raw, in batches by key. No call to the platform.
create or replace function public.remap_records(p_user_id uuid, p_platform text, p_stream text, p_table text, p_after text,
                                                p_limit int default 1000) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare answer jsonb;
begin
    execute format('select private.%I($1, $2, $3, $4)', 'remap_' || p_platform || '_' || p_stream || '_' || p_table)
       into answer using p_user_id, p_platform, p_after, p_limit;
    return answer;
end $$;
revoke all on function public.remap_records(uuid, text, text, text, text, int) from public, anon, authenticated;
grant execute on function public.remap_records(uuid, text, text, text, text, int) to service_role;
