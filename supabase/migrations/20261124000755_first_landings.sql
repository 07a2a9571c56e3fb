-- What is new is inserted without being ready for a conflict, which costs a tenth less (docs/decisions/021). Two things can
-- make a row that was believed new stand there already: rejected records that are replayed meanwhile, and a child that came
-- with another record before. Then the records are landed once more, every row looked up.
--
-- The functions that land come after this, a file a platform. Those before them are ready for every conflict by themselves.

create or replace function private.land_records(job public.sync_jobs, p_stream text, p_fetched_at timestamptz,
                                                p_records jsonb)
returns private.landed language plpgsql set search_path = '' as $$
declare landed private.landed; name text := 'land_' || job.platform || '_' || p_stream;
begin
    perform private.lock_costs(job.user_id);
    begin
        execute format('select (l).* from private.%I($1, $2, $3) as l', name)
           into landed using job, p_fetched_at, p_records;
    exception when unique_violation then
        execute format('select (l).* from private.%I($1, $2, $3, p_look_up_all => true) as l', name)
           into landed using job, p_fetched_at, p_records;
    end;
    return landed;
end $$;
