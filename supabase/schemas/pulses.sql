-- Pulses: a round whose call also shows whether there is news of other entities (docs/decisions/031).

-- put_off_shown: of these entities the round has shown that nothing is new, and it began where they were known: they need
-- not be read, but for what is read whole, and for what a pulse may miss.
create or replace function private.put_off_shown(job public.sync_jobs, p_woken text[]) returns void
language sql set search_path = '' as $$
    update private.sync_rounds as s
       set known_until = job.window_end,
           changes = private.faded(s.changes, s.known_until, job.window_end),
           days = private.faded(s.days, s.known_until, job.window_end)
                  + greatest(extract(epoch from job.window_end - s.known_until), 0)::double precision / 86400,
           due_at = least(job.window_end + t.lasts, c.updated_at + r.at_rest, s.whole_at)
      from private.round_terms() as t
      join private.round_rules as r on r.platform = t.platform and r.entity = t.entity
      join public.sync_cursors as c on c.connection_id = t.connection_id and c.entity = t.entity
     where s.connection_id = job.connection_id and job.cursor -> 'shown' ? s.entity and s.entity <> all (p_woken)
       and s.known_until >= job.window_start
       and t.connection_id = s.connection_id and t.entity = s.entity and r.pulse = job.entity;
    -- It has served, and may name a buyer.
    update public.sync_jobs as j set cursor = j.cursor - 'shown' where j.id = job.id and j.cursor ? 'shown';
$$;

-- waits_for_pulse: whether another entity's round is about to tell the news of this one. What is to be read whole is read.
create or replace function private.waits_for_pulse(p_connection_id uuid, p_entity text) returns boolean
language sql stable set search_path = '' as $$
    select exists (
        select from private.sync_rounds as s
        join public.connected_accounts as a on a.id = s.connection_id
        join private.round_rules as r on r.platform = a.platform and r.entity = s.entity
        join private.sync_rounds as p on p.connection_id = s.connection_id and p.entity = r.pulse
        where s.connection_id = p_connection_id and s.entity = p_entity
          and coalesce(s.whole_at > clock_timestamp(), true)
          and (p.due_at <= clock_timestamp()
               or private.open_since(p.connection_id, p.entity) > clock_timestamp() - interval '10 minutes'));
$$;
