-- Web processes give signs of life as workers and the clock do.

alter table private.heartbeats drop constraint heartbeats_kind_check;
alter table private.heartbeats add constraint heartbeats_kind_check check (kind in ('worker', 'clock', 'web'));
comment on table private.heartbeats is 'When each process was last seen; a day is kept.';

-- heartbeats: by kind, how many processes were seen within three beats, and how long ago the last one was.
create or replace function public.heartbeats() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (
        select jsonb_object_agg(kinds.kind, jsonb_build_object('alive', seen.alive, 'age_seconds', seen.age))
        from unnest(array['worker', 'clock', 'web']) as kinds(kind)
        cross join lateral (
            select count(*) filter (where h.at > clock_timestamp() - interval '30 seconds') as alive,
                   extract(epoch from clock_timestamp() - max(h.at)) as age
            from private.heartbeats as h where h.kind = kinds.kind) as seen);
end $$;
revoke all on function public.heartbeats() from public, anon, authenticated;
grant execute on function public.heartbeats() to service_role;
