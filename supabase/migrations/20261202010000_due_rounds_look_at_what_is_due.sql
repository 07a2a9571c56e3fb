-- Who is next is worked out for what is due, not for all shops at every beat: at 10,000 shops a beat cost 100 ms and more.

-- due_rounds: of a platform, what is due: first whom a promise would be broken to, then whom a call saves the most. Its time is
-- asked of the terms too: they are worked out for what is due, and not for all shops at every beat.
create or replace function private.due_rounds(p_platform text, p_most int) returns table (
        connection_id uuid, entity text, user_id uuid, lasts interval)
language sql set search_path = '' as $$
    select s.connection_id, s.entity, t.user_id, t.lasts
    from private.sync_rounds as s join private.round_terms() as t on t.connection_id = s.connection_id and t.entity = s.entity
    where s.due_at <= (select clock_timestamp()) and t.due_at <= (select clock_timestamp()) and t.platform = p_platform
    order by t.known_until + t.every < (select clock_timestamp()) desc,
             t.worth * extract(epoch from (select clock_timestamp()) - t.known_until)::double precision ^ 2 / t.calls desc
    limit greatest(p_most, 0) for update of s skip locked;
$$;
