-- What is new is inserted without being ready for a conflict, which costs a tenth less (docs/decisions/021). Two things can
-- make a row that was believed new stand there already: another job's page that committed in between, and a child that
-- came with another record before. Then the records are landed once more, every row looked up.

create or replace function private.land_records(job public.sync_jobs, p_stream text, p_fetched_at timestamptz,
                                                p_records jsonb)
returns private.landed language plpgsql set search_path = '' as $$
declare
    landed private.landed;
    land text := format('select (l).* from private.%I($1, $2, $3, $4) as l', 'land_' || job.platform || '_' || p_stream);
begin
    perform private.lock_costs(job.user_id);
    begin
        execute land into landed using job, p_fetched_at, p_records, false;
    exception when unique_violation then
        execute land into landed using job, p_fetched_at, p_records, true;
    end;
    return landed;
end $$;
