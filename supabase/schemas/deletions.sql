-- What is missing at a platform, and what is gone. A whole reading of a named domain that does not show a record is a first
-- sighting; one by another run, with no sign of it between, makes it gone, unless it were very many at once. Then
-- nothing goes, and a person is asked (docs/decisions/032).

create table private.missing_records (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    table_name text not null,
    platform_id text not null,
    -- Who missed it first, and when.
    run_id uuid not null,
    seen_at timestamptz not null,
    -- When another run missed it too.
    again_at timestamptz,
    -- By whom it was marked gone: that run can be taken back (restore_gone).
    gone_run uuid,
    gone_at timestamptz,
    primary key (connection_id, table_name, platform_id)
);
create index missing_records_gone on private.missing_records (gone_at) where gone_at is not null;
create index missing_records_of_run on private.missing_records (gone_run) where gone_run is not null;
comment on table private.missing_records is 'Records that a whole reading did not show: once, or gone since.';

create table private.held_deletions (
    id bigint generated always as identity primary key,
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    entity text not null,
    table_name text not null,
    -- What goes with a record: {table: the column that names the record}.
    children jsonb not null,
    run_id uuid not null,
    held bigint not null,
    stored bigint not null,
    held_at timestamptz not null default clock_timestamp(),
    -- 'over': the platform shows them again, or so many that the rest may go by itself.
    decision text check (decision in ('confirmed', 'dismissed', 'over')),
    decided_at timestamptz,
    check ((decision is null) = (decided_at is null))
);
create unique index held_deletions_open on private.held_deletions (connection_id, table_name) where decided_at is null;
create index held_deletions_by_age on private.held_deletions (decided_at) where decided_at is not null;
comment on table private.held_deletions is 'Very many records that seem to be gone: nothing of it goes until a person has decided.';

-- sight: of these rows, which a whole reading did not show, those that another run missed before, without a sign of them
-- since: a second sighting. The others are noted, for the first time or anew.
create or replace function private.sight(job public.sync_jobs, p_table text, p_ids text[]) returns text[]
language plpgsql set search_path = '' as $$
declare again text[];
begin
    -- What was fetched after it was missed was there.
    execute format('with again as (update private.missing_records as m set again_at = coalesce(m.again_at, clock_timestamp()) '
                   'from public.%I as t where t.connection_id = m.connection_id and t.platform_id = m.platform_id '
                   'and m.connection_id = $1 and m.table_name = $2 and m.platform_id = any ($3) and m.gone_at is null '
                   'and (m.run_id <> $4 or m.again_at is not null) and t.fetched_at <= m.seen_at returning m.platform_id) '
                   'select coalesce(array_agg(platform_id order by platform_id), %L) from again', p_table, '{}')
       into again using job.connection_id, p_table, p_ids, job.run_id;
    insert into private.missing_records as m (connection_id, table_name, platform_id, run_id, seen_at)
    select job.connection_id, p_table, i, job.run_id, clock_timestamp() from unnest(p_ids) as i where i <> all (again)
    on conflict (connection_id, table_name, platform_id) do update
       set run_id = excluded.run_id, seen_at = excluded.seen_at, again_at = null, gone_run = null, gone_at = null
     where m.run_id <> excluded.run_id or m.gone_at is not null;
    return again;
end $$;

-- unmiss: of the keys of one piece, those that are shown again are missing no more; nor is what was gone, and is here.
create or replace function private.unmiss(p_connection_id uuid, p_table text, p_missing text[], p_from text, p_bound text)
returns void language plpgsql set search_path = '' as $$
begin
    execute format('delete from private.missing_records as m using public.%I as t where m.connection_id = $1 '
                   'and m.table_name = $2 and m.platform_id >= $4 and ($5 is null or m.platform_id < $5) '
                   'and m.platform_id <> all ($3) and t.connection_id = m.connection_id '
                   'and t.platform_id = m.platform_id and not t.is_deleted', p_table)
        using p_connection_id, p_table, p_missing, p_from, p_bound;
end $$;

-- mark_gone: these records, and what goes with them (`p_children`, and whatever triggers take along), softly; noted, so that it
-- can be taken back.
create or replace function private.mark_gone(p_connection_id uuid, p_run_id uuid, p_table text, p_children jsonb, p_ids text[])
returns void language plpgsql set search_path = '' as $$
declare child record; t text;
begin
    if p_ids = '{}' then
        return;
    end if;
    execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                   'and platform_id = any ($2) and not is_deleted', p_table) using p_connection_id, p_ids, p_run_id;
    for child in select key as name, value as parent from jsonb_each_text(p_children) loop
        execute format('update public.%I set is_deleted = true, sync_run_id = $3 where connection_id = $1 '
                       'and %I = any ($2) and not is_deleted', child.name, child.parent)
            using p_connection_id, p_ids, p_run_id;
    end loop;
    -- Whatever this transaction marked.
    for t in select s.name from private.synced_tables as s order by s.name loop
        execute format('insert into private.missing_records as m (connection_id, table_name, platform_id, run_id, seen_at, '
                       'again_at, gone_run, gone_at) select connection_id, %L, platform_id, $2, now(), now(), $2, now() '
                       'from public.%I as t where connection_id = $1 and is_deleted and sync_run_id = $2 '
                       'and t.xmin = pg_current_xact_id()::xid '
                       'on conflict (connection_id, table_name, platform_id) do update '
                       'set gone_run = excluded.gone_run, gone_at = excluded.gone_at', t, t)
            using p_connection_id, p_run_id;
    end loop;
end $$;

-- hold_deletions: very many would go: nothing does, and it is a question to a person, told once. The newest numbers of it stand.
create or replace function private.hold_deletions(job public.sync_jobs, p_table text, p_children jsonb, p_held bigint, p_stored bigint)
returns void language plpgsql set search_path = '' as $$
declare question bigint;
begin
    update private.held_deletions set run_id = job.run_id, held = p_held, stored = p_stored
     where connection_id = job.connection_id and table_name = p_table and decided_at is null;
    if found then
        return;
    end if;
    insert into private.held_deletions (connection_id, entity, table_name, children, run_id, held, stored)
    values (job.connection_id, job.entity, p_table, p_children, job.run_id, p_held, p_stored) returning id into question;
    perform private.tell(job.user_id, 'deletions.held', jsonb_build_object(
        'connection_id', job.connection_id, 'platform', job.platform,
        'shop_id', (select a.shop_id from public.connected_accounts as a where a.id = job.connection_id), 'entity', job.entity,
        'run_id', job.run_id, 'deletion_id', question, 'held', p_held, 'stored', p_stored));
end $$;

-- sighting_rest: how soon a domain is read again of which a record was missed once. As directives/sync_orchestration.md declares.
create or replace function private.sighting_rest() returns interval
language sql immutable set search_path = '' as $$ select interval '1 hour' $$;

-- look_again: what this job missed for the first time is looked for again soon, and not at the next whole reading's time.
create or replace function private.look_again(job public.sync_jobs) returns void
language sql set search_path = '' as $$
    update private.sync_rounds as s
       set due_at = least(s.due_at, clock_timestamp() + private.sighting_rest()),
           whole_at = case when s.whole_at is not null then least(s.whole_at, clock_timestamp()) end
     where s.connection_id = job.connection_id and s.entity = job.entity
       and exists (select from private.missing_records as m
                   where m.connection_id = job.connection_id and m.run_id = job.run_id and m.again_at is null);
$$;

-- held_deletions: what waits for a person: of a user's shops, or of all without one.
create or replace function public.held_deletions(p_user_id uuid default null) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'id', h.id, 'connection_id', a.id, 'platform', a.platform, 'shop_id', a.shop_id, 'shop_name', a.shop_name,
               'entity', h.entity, 'table', h.table_name, 'held', h.held, 'stored', h.stored, 'held_at', h.held_at,
               'run_id', h.run_id) order by h.held_at, h.id), '[]')
    from private.held_deletions as h join public.connected_accounts as a on a.id = h.connection_id
    where h.decided_at is null and (p_user_id is null or a.user_id = p_user_id);
$$;
revoke all on function public.held_deletions(uuid) from public, anon, authenticated;
grant execute on function public.held_deletions(uuid) to service_role;

-- decide_deletions: a person says what held deletions are. 'confirmed': what is still missing goes, so many rows a call;
-- 'dismissed': nothing goes, and all are sighted anew. Answers {gone, done}; null where nothing of the user's is open.
create or replace function public.decide_deletions(p_user_id uuid, p_id bigint, p_decision text, p_rows int default 5000)
returns jsonb language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare held private.held_deletions; ids text[];
begin
    select h.* into held from private.held_deletions as h
     where h.id = p_id and h.decided_at is null
       and exists (select from public.connected_accounts as a where a.id = h.connection_id and a.user_id = p_user_id)
       for update;
    if not found then
        return null;
    end if;
    -- Of what was missed twice; not what was fetched since.
    execute format('select coalesce(array_agg(platform_id), %L) from (select m.platform_id from private.missing_records as m '
                   'join public.%I as t on t.connection_id = m.connection_id and t.platform_id = m.platform_id '
                   'where m.connection_id = $1 and m.table_name = $2 and m.again_at is not null and m.gone_at is null '
                   'and ($3 or t.fetched_at <= m.again_at) order by m.platform_id limit $4) as q', '{}', held.table_name)
       into ids using held.connection_id, held.table_name, p_decision = 'dismissed', p_rows;
    if p_decision = 'confirmed' then
        perform private.mark_gone(held.connection_id, held.run_id, held.table_name, held.children, ids);
    elsif p_decision = 'dismissed' then
        delete from private.missing_records where connection_id = held.connection_id and table_name = held.table_name
                                              and platform_id = any (ids);
    else
        raise exception using errcode = 'PT400', message = 'unknown_decision', detail = p_decision;
    end if;
    if cardinality(ids) < p_rows then
        update private.held_deletions set decision = p_decision, decided_at = clock_timestamp() where id = held.id;
    end if;
    return jsonb_build_object('gone', case p_decision when 'confirmed' then cardinality(ids) else 0 end,
                              'done', cardinality(ids) < p_rows);
end $$;
revoke all on function public.decide_deletions(uuid, bigint, text, int) from public, anon, authenticated;
grant execute on function public.decide_deletions(uuid, bigint, text, int) to service_role;

-- restore_gone: what a run of a user's marked gone comes back, so many rows a call. What the platform does not show then
-- is sighted anew. Answers {restored, done}; null for a run that is none of theirs.
create or replace function public.restore_gone(p_user_id uuid, p_run_id uuid, p_rows int default 5000) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare connection uuid; t text; ids text[]; restored bigint := 0; changed bigint; left_ int := p_rows;
begin
    select r.connection_id into connection from public.sync_runs as r where r.id = p_run_id and r.user_id = p_user_id;
    if not found then
        return null;
    end if;
    for t in select distinct table_name from private.missing_records where connection_id = connection and gone_run = p_run_id
             order by 1 loop
        with taken as (
            delete from private.missing_records where ctid = any (array(
                select ctid from private.missing_records
                where connection_id = connection and gone_run = p_run_id and table_name = t limit left_))
            returning platform_id)
        select coalesce(array_agg(platform_id), '{}') into ids from taken;
        -- Only what is as that run left it: what came, or went, since is another's.
        execute format('update public.%I set is_deleted = false where connection_id = $1 and platform_id = any ($2) '
                       'and is_deleted and sync_run_id = $3', t) using connection, ids, p_run_id;
        get diagnostics changed = row_count;
        restored := restored + changed;
        left_ := left_ - cardinality(ids);
        -- What an event closed is open again.
        delete from private.closed_objects where connection_id = connection and table_name = t and object_id = any (ids)
                                             and forgotten_at is null;
        exit when left_ <= 0;
    end loop;
    return jsonb_build_object('restored', restored, 'done', not exists (
        select from private.missing_records where connection_id = connection and gone_run = p_run_id));
end $$;
revoke all on function public.restore_gone(uuid, uuid, int) from public, anon, authenticated;
grant execute on function public.restore_gone(uuid, uuid, int) to service_role;
