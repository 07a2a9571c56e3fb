-- Lookbacks are learned: how much later than its own time a record can be read at all says how far behind its bound the next
-- round has to begin (docs/decisions/035). Declared in directives/sync_orchestration.md; a test holds them equal.

-- Records that a round saw for the first time, by how far they lay behind the bound of the reading before, which should have seen
-- them: class 0 did not. Of all shops together, by week.
create table private.lateness (
    platform text not null,
    entity text not null,
    week date not null,
    class int not null check (class >= 0),
    records bigint not null,
    primary key (platform, entity, week, class)
);
create index lateness_by_age on private.lateness (week);
comment on table private.lateness is 'How late records can be read after their own time, by classes that grow by half.';

-- lateness_class: the class of a lateness: none, up to a minute, and each half as long again.
create or replace function private.lateness_class(p_late interval) returns int
language sql immutable as $$
    select case when p_late <= interval '0' then 0
           else 1 + ceil(round((ln(greatest(extract(epoch from p_late), 60) / 60) / ln(1.5))::numeric, 6))::int end;
$$;

-- class_end: the longest lateness that belongs to a class.
create or replace function private.class_end(p_class int) returns interval
language sql immutable as $$
    select case when p_class = 0 then interval '0' else make_interval(secs => 60 * 1.5 ^ (p_class - 1)) end;
$$;

-- lookback_terms: of so large a share of all records the longest lateness counts, times a margin; with fewer records than these
-- nothing is known.
create or replace function private.lookback_terms(out share double precision, out margin double precision, out fewest double precision)
language sql immutable as $$ select 0.999::double precision, 1.25::double precision, 1000::double precision $$;

-- note_lateness: of the keys of a page that came at `p_fetched_at` in a round: those that were new, or newer than what stood here.
-- What changed without a newer time of its own says nothing of times.
create or replace function private.note_lateness(job public.sync_jobs, p_keys text[], p_fetched_at timestamptz) returns void
language plpgsql set search_path = '' as $$
declare rule private.round_rules; bound timestamptz;
begin
    select * into rule from private.round_rules where platform = job.platform and entity = job.entity;
    if rule.timed_by is null then
        return;
    end if;
    bound := private.last_bound(job);
    execute format($sql$
        insert into private.lateness as kept (platform, entity, week, class, records)
        select $1, $2, date_trunc('week', clock_timestamp())::date, private.lateness_class($3 - t.%2$I), count(*)
        from public.%1$I as t
        where t.connection_id = $4 and t.platform_id = any ($5) and t.sync_run_id = $6 and t.fetched_at = $7 and t.%2$I is not null
          and not exists (select from private.row_changes as c
                          where c.connection_id = t.connection_id and c.table_name = %1$L and c.keys[1] = t.platform_id
                            and c.before is not null and c.run_id = $6 and (c.before ->> %2$L)::timestamptz >= t.%2$I)
        group by 4
        on conflict (platform, entity, week, class) do update set records = kept.records + excluded.records
    $sql$, rule.table_name, rule.timed_by)
    using job.platform, job.entity, bound, job.connection_id, p_keys, job.run_id, p_fetched_at;
end $$;

-- lookbacks: of every entity whose records have a time: what is declared (`floor`, `cap`), what was learned of how many records
-- (counting half in two weeks; null where they are too few), and how far behind its bound a round's successor begins.
create or replace function private.lookbacks(p_platform text default null, p_entity text default null) returns table (
        platform text, entity text, records double precision, learned interval, floor interval, cap interval, used interval)
language sql stable set search_path = '' as $$
    select r.platform, r.entity, coalesce(k.records, 0), k.learned, r.lookback, r.lookback_cap,
           least(r.lookback_cap, greatest(r.lookback, k.learned))
    from private.round_rules as r
    left join lateral (
        select max(a.records) as records,
               case when max(a.records) >= t.fewest then t.margin * private.class_end(min(a.class) filter (where a.later <= (1 - t.share) * a.records))
               end as learned
        from private.lookback_terms() as t, (
            select w.class, sum(w.n) over () as records, sum(w.n) over (order by w.class desc) - w.n as later
            from (select l.class, sum(private.faded(l.records, l.week, clock_timestamp())) as n from private.lateness as l
                  where l.platform = r.platform and l.entity = r.entity group by l.class) as w) as a
        group by t.fewest, t.margin) as k on true
    where r.timed_by is not null and r.platform = coalesce(p_platform, r.platform) and r.entity = coalesce(p_entity, r.entity);
$$;

-- lookback: how far behind its bound the successor of a reading of this entity begins.
create or replace function private.lookback(p_platform text, p_entity text) returns interval
language sql stable set search_path = '' as $$
    select coalesce((select l.used from private.lookbacks(p_platform, p_entity) as l),
                    (select r.lookback from private.round_rules as r where r.platform = p_platform and r.entity = p_entity),
                    interval '15 minutes');
$$;

-- lookback_facts: the same for health. `state`: 'unknown' with too few records; 'grown': longer than declared; 'over': longer than
-- a round may look back, so that whole readings alone find the last of them.
create or replace function public.lookback_facts() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'platform', l.platform, 'entity', l.entity, 'records', round(l.records),
               'learned_seconds', extract(epoch from l.learned), 'floor_seconds', extract(epoch from l.floor),
               'cap_seconds', extract(epoch from l.cap), 'used_seconds', extract(epoch from l.used),
               'state', case when l.learned is null then 'unknown' when l.learned > l.cap then 'over'
                        when l.learned > l.floor then 'grown' else 'declared' end) order by l.platform, l.entity), '[]')
    from private.lookbacks() as l;
$$;
revoke all on function public.lookback_facts() from public, anon, authenticated;
grant execute on function public.lookback_facts() to service_role;
