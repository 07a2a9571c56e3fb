-- What a complete read did not show is gone.

-- created_after: whether a record was created after the moment that its listing was bounded by. Such a listing does not
-- show it, and a complete read up to the bound says nothing of it; it may be here all the same, because a webhook named
-- it and the job `changes` has read it.
create or replace function private.created_after(p_raw jsonb, p_members text[], p_moment timestamptz) returns boolean
language plpgsql stable set search_path = '' as $$
begin
    return exists (select 1 from unnest(p_members) as m where private.moment(p_raw ->> m, m) > p_moment);
exception when others then
    if not private.is_about_data(sqlstate) then
        raise;
    end if;
    return false;
end $$;

-- sweep_gone: after a complete read, rows that it did not show are gone: softly, and never very many at once. With a
-- time column only rows inside the job's window are judged. `p_last_pass`: the last pass over each window was complete
-- by itself, so that a record which left between two passes is seen to be gone. `p_children`: what goes with a record,
-- as {table: the column that names the record}. `p_created_at`: members of a record with its time of creation, where
-- the listing is bounded by it.
create or replace function public.sweep_gone(p_lease_id uuid, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                             p_max_share real default 0.3, p_always_allowed int default 20,
                                             p_children jsonb default '{}', p_created_at text[] default '{}') returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '120s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); gone text[]; stored bigint; inside text := 'true';
        child record;
begin
    if p_time_column <> '' then
        inside := format('t.%I >= $5 and t.%1$I < $6', p_time_column);
    end if;
    execute format($sql$
        with pages as (
            select keys, pass, max(pass) over (partition by part, window_start, window_end) as last_pass
            from public.sync_pages where job_id = $3 and stream = $4),
        judged as (
            select t.platform_id from public.%I as t
            where t.user_id = $1 and t.platform = $2 and not t.is_deleted and %s)
        select (select array_agg(platform_id) from (
                    select platform_id from judged
                    except
                    select k from pages, unnest(keys) as k where pass = last_pass or not $7) as unseen),
               (select count(*) from judged)
    $sql$, p_table, inside) into gone, stored
    using job.user_id, job.platform, job.id, p_stream, job.window_start, job.window_end + interval '1 second', p_last_pass;
    if cardinality(p_created_at) > 0 and gone is not null then
        execute format('select array_agg(platform_id) from public.%I where user_id = $1 and platform = $2 '
                       'and platform_id = any ($3) and not private.created_after(raw, $4, $5)', p_table)
           into gone using job.user_id, job.platform, gone, p_created_at, date_trunc('second', job.window_end);
    end if;
    if coalesce(cardinality(gone), 0) > greatest(p_always_allowed, stored * p_max_share) then
        return jsonb_build_object('gone', 0, 'held_back', cardinality(gone), 'stored', stored);
    end if;
    execute format('update public.%I set is_deleted = true, sync_run_id = $4 where user_id = $1 and platform = $2 '
                   'and platform_id = any ($3)', p_table) using job.user_id, job.platform, gone, job.run_id;
    for child in select key as name, value as parent from jsonb_each_text(p_children) where gone is not null loop
        execute format('update public.%I set is_deleted = true, sync_run_id = $4 where user_id = $1 and platform = $2 '
                       'and %I = any ($3) and not is_deleted', child.name, child.parent)
            using job.user_id, job.platform, gone, job.run_id;
    end loop;
    return jsonb_build_object('gone', coalesce(cardinality(gone), 0), 'held_back', 0, 'stored', stored);
end $$;
revoke all on function
    public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[])
    from public, anon, authenticated;
grant execute on function public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[]) to service_role;
