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

-- unseen: of the rows of one piece, how many there are, and which of them a complete read did not show. Arguments as of
-- sweep_gone.
create or replace function private.unseen(job public.sync_jobs, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                          p_created_at text[], p_from text, p_bound text, p_since timestamptz,
                                          out gone text[], out stored bigint)
language plpgsql set search_path = '' as $$
declare inside text := 'true';
begin
    if p_time_column <> '' then
        inside := format('t.%I >= $4 and t.%1$I < $5', p_time_column);
    end if;
    execute format($sql$
        with pages as (
            select keys, pass, max(pass) over (partition by part, window_start, window_end) as last_pass
            from public.sync_pages where job_id = $2 and stream = $3),
        judged as (
            select t.platform_id from public.%I as t
            where t.connection_id = $1 and not t.is_deleted and t.platform_id >= $7 and ($8 is null or t.platform_id < $8) and %s)
        select coalesce((select array_agg(platform_id) from (
                    select platform_id from judged
                    except
                    select k from pages, unnest(keys) as k
                    where (pass = last_pass or not $6) and k >= $7 and ($8 is null or k < $8)) as unseen), '{}'),
               (select count(*) from judged)
    $sql$, p_table, inside) into gone, stored
    using job.connection_id, job.id, p_stream, job.window_start, job.window_end + interval '1 second', p_last_pass, p_from, p_bound;
    if cardinality(p_created_at) > 0 and gone <> '{}' then
        execute format('select coalesce(array_agg(platform_id), %L) from public.%I where connection_id = $1 '
                       'and platform_id = any ($2) and not private.created_after(raw, $3, $4)', '{}', p_table)
           into gone using job.connection_id, gone, p_created_at, date_trunc('second', job.window_end);
    end if;
    if p_since is not null and gone <> '{}' then
        -- Older ones the source has forgotten, and of one whose time cannot be read nobody knows.
        execute format('select coalesce(array_agg(platform_id), %L) from public.%I where connection_id = $1 '
                       'and platform_id = any ($2) and private.created_after(raw, $3, $4)', '{}', p_table)
           into gone using job.connection_id, gone, p_created_at, p_since;
    end if;
end $$;

-- sweep_gone: after a complete read of a shop, its rows that it did not show are missing, and those that another run missed too
-- are gone (deletions.sql): softly, and never very many at once. With a time column only rows inside the job's window are
-- judged. `p_last_pass`: the last pass over each window was complete by itself, so that a record which left between two passes
-- is seen to be gone. `p_children`: what goes with a record, as {table: the column that names the record}. `p_created_at`:
-- members of a record with its time of creation, where the listing is bounded by it. `p_since`: the source remembers nothing
-- that was created before. In pieces (proofs.sql): all are counted before one goes, and never do more go than were counted.
create or replace function public.sweep_gone(p_lease_id uuid, p_stream text, p_table text, p_time_column text, p_last_pass boolean,
                                             p_max_share real default 0.3, p_always_allowed int default 20,
                                             p_children jsonb default '{}', p_created_at text[] default '{}',
                                             p_rest jsonb default '{}', p_rows int default null,
                                             p_since timestamptz default null) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); found_ record; bound text; again text[];
        start text := coalesce(p_rest ->> 'from', ''); counts jsonb := coalesce(p_rest -> 'counts', '{}');
        swept bigint := (p_rest ->> 'swept')::bigint; gone bigint; stored bigint; missing bigint; is_too_many boolean;
begin
    if job.shadow_id is not null then
        return private.note_sweep(job, jsonb_build_object('stream', p_stream, 'table', p_table, 'time_column', p_time_column,
            'last_pass', p_last_pass, 'max_share', p_max_share, 'always_allowed', p_always_allowed, 'children', p_children,
            'created_at', to_jsonb(p_created_at), 'since', p_since));
    end if;
    bound := private.key_bound(p_table, job.connection_id, start, p_rows);
    found_ := private.unseen(job, p_stream, p_table, p_time_column, p_last_pass, p_created_at, start, bound, p_since);
    again := private.sight(job, p_table, found_.gone);
    if swept is null then
        perform private.unmiss(job.connection_id, p_table, found_.gone, start, bound);
        counts := private.add_counts(counts, jsonb_build_object('gone', cardinality(again), 'stored', found_.stored,
                                     'missing', cardinality(found_.gone) - cardinality(again)));
        if bound is not null then
            return jsonb_build_object('rest', jsonb_build_object('from', bound, 'counts', counts));
        end if;
    end if;
    gone := (counts ->> 'gone')::bigint;
    stored := (counts ->> 'stored')::bigint;
    missing := (counts ->> 'missing')::bigint;
    is_too_many := gone > greatest(p_always_allowed, stored * p_max_share)
                   or coalesce(swept, 0) + cardinality(again) > gone;
    if is_too_many then
        gone := greatest(gone - coalesce(swept, 0), cardinality(again));
        perform private.hold_deletions(job, p_table, p_children, gone, stored);
        return jsonb_build_object('gone', coalesce(swept, 0), 'held_back', gone, 'stored', stored, 'missing', missing);
    end if;
    if swept is null and start <> '' then
        -- Counted to the end; from the beginning again.
        return jsonb_build_object('rest', jsonb_build_object('from', '', 'counts', counts, 'swept', 0));
    end if;
    perform private.mark_gone(job.connection_id, job.run_id, p_table, p_children, again);
    swept := coalesce(swept, 0) + cardinality(again);
    if bound is not null then
        return jsonb_build_object('rest', jsonb_build_object('from', bound, 'counts', counts, 'swept', swept));
    end if;
    -- What was too many has come back, or so much of it that the rest went by itself.
    update private.held_deletions set decision = 'over', decided_at = clock_timestamp()
     where connection_id = job.connection_id and table_name = p_table and decided_at is null;
    return jsonb_build_object('gone', swept, 'held_back', 0, 'stored', stored, 'missing', missing);
end $$;
revoke all on function
    public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[], jsonb, int, timestamptz)
    from public, anon, authenticated;
grant execute on function public.sweep_gone(uuid, text, text, text, boolean, real, int, jsonb, text[], jsonb, int, timestamptz)
    to service_role;
