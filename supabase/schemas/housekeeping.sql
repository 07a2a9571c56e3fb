-- What the clock does once a minute: rows whose life is over go, shops that left and are to be erased are, and users whose deletion
-- was begun go on going, all in small steps.

-- prune: of each table with a life (private.lives) at most so many rows whose time is over. Answers how many went, by
-- table. Harmless when run twice at once.
create or replace function private.prune(p_rows int) returns jsonb
language plpgsql set search_path = '' as $$
declare one record; deleted int; pruned jsonb := '{}';
begin
    for one in select * from private.lives() as l where l.life is not null order by l.table_name loop
        -- The moment as a value: an index is not read by what changes with every row.
        execute format('delete from %1$s where ctid = any (array(select t.ctid from %1$s as t where t.%2$I < $1 and %3$s '
                       'order by t.%2$I limit $2 for update skip locked))', one.table_name, one.aged_by,
                       coalesce('(' || one.only_if || ')', 'true'))
          using clock_timestamp() - one.life, p_rows;
        get diagnostics deleted = row_count;
        if deleted > 0 then
            pruned := pruned || jsonb_build_object(one.table_name, deleted);
        end if;
    end loop;
    return pruned;
end $$;

-- keep_house: one step of each, and of work that somebody began (work.sql). Answers what was done, and what is still asked of people and since when.
create or replace function public.keep_house(p_rows int default 500) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare erased int := private.erase_shops(p_rows * 4); work record := private.go_on_with(null, p_rows * 4);
        deleting int := private.go_on_deleting(p_rows * 4);
begin
    return jsonb_build_object('erased', erased, 'unfinished', work.left_, 'failed', work.failed, 'deleting', deleting, 'pruned', private.prune(p_rows)) || private.open_obligations();
end $$;
revoke all on function public.keep_house(int) from public, anon, authenticated;
grant execute on function public.keep_house(int) to service_role;
