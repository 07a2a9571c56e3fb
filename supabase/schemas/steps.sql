-- Steps of a job that stay inside the database: what is pending for a lookup, and derivations. The generic functions
-- dispatch by name, <verb>_<platform>_<name> (platforms/<platform>.sql). They read a whole shop at once, so they bring
-- their own statement timeout, which PostgREST puts before the call (since version 12).

-- next_lookups: ids that still want fetching, in order, after `p_after`.
create or replace function public.next_lookups(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.reading_job(p_lease_id); ids jsonb;
begin
    execute format('select coalesce(jsonb_agg(id order by id), ''[]'') from private.%I($1, $2, $3) as p(id)',
                   'pending_' || job.platform || '_' || p_name)
       into ids using job, p_after, p_limit;
    return ids;
end $$;
revoke all on function public.next_lookups(uuid, text, text, int) from public, anon, authenticated;
grant execute on function public.next_lookups(uuid, text, text, int) to service_role;

-- derive: one batch of a derivation; answers {rows, after}, with rows = 0 when it is done.
create or replace function public.derive(p_lease_id uuid, p_name text, p_after text, p_limit int) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.reading_job(p_lease_id); answer jsonb;
begin
    execute format('select private.%I($1, $2, $3)', 'derive_' || job.platform || '_' || p_name)
       into answer using job, p_after, p_limit;
    return answer;
end $$;
revoke all on function public.derive(uuid, text, text, int) from public, anon, authenticated;
grant execute on function public.derive(uuid, text, text, int) to service_role;
