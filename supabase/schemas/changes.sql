-- Change records: what each run created, changed or deleted, with the values before, so that it can be taken back
-- (runs.sql, docs/decisions/030). Written by triggers in the statement that changes the rows: nothing is changed without.

-- A row each changed or deleted row, with the whole row as it was; of created ones, which had no values before, one for
-- all that a statement brought. Records of one row stand in the order of their ids.
create table private.row_changes (
    id bigint generated always as identity primary key,
    connection_id uuid not null,
    run_id uuid not null,
    table_name text not null,
    -- 'deleted': it stands as deleted; 'removed': it is not there any more, which only a rollback does.
    kind text not null check (kind in ('created', 'changed', 'deleted', 'removed')),
    keys text[] not null,
    before jsonb,
    at timestamptz not null default clock_timestamp(),
    check ((kind = 'created') = (before is null))
);
create index row_changes_of_run on private.row_changes (connection_id, run_id, table_name);
create index row_changes_of_row on private.row_changes (connection_id, table_name, (keys[1])) where before is not null;
create index row_changes_by_age on private.row_changes (at);

-- recording_for: the rollback that is changing rows now, if one is. Rows carry the run that changed them last; those that
-- a rollback restores carry again whom they had before it.
create or replace function private.recording_for() returns uuid
language sql stable as $$ select nullif(current_setting('keeper.rollback', true), '')::uuid $$;

-- record_changes: what a statement did to a synced table. Whoever changes a row for a run writes the run into it
-- (sync_run_id): the first change by a run is what there is a value before of. What only derives columns from other rows,
-- or erases, changes no row for a run, and is derived again, or not restored at all.
create or replace function private.record_changes() returns trigger
language plpgsql security definer set search_path = '' set enable_hashjoin = on as $$
declare undo uuid := private.recording_for();
begin
    if tg_op = 'INSERT' then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys)
        select c.connection_id, coalesce(undo, c.sync_run_id), tg_table_name, 'created', array_agg(c.platform_id)
        from came as c
        -- What lands in a shadow changes nothing that there is (full_refresh.sql).
        where c.user_id <> c.connection_id group by 1, 2;
    elsif tg_op = 'UPDATE' then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys, before)
        select w.connection_id, coalesce(undo, c.sync_run_id), tg_table_name,
               case when c.is_deleted and not w.is_deleted then 'deleted' else 'changed' end, array[w.platform_id], to_jsonb(w)
        from went as w join came as c on c.connection_id = w.connection_id and c.platform_id = w.platform_id
        where c.sync_run_id <> w.sync_run_id;
    elsif undo is not null then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys, before)
        select w.connection_id, undo, tg_table_name, 'removed', array[w.platform_id], to_jsonb(w) from went as w;
    end if;
    return null;
end $$;

-- forget_changes: of these rows, which are erased with their keys, no record is left either. `p_key`: the column that
-- names whose they are.
create or replace function private.forget_changes(p_connection_id uuid, p_table text, p_key text, p_ids text[]) returns void
language plpgsql set search_path = '' as $$
declare gone text[];
begin
    execute format('select array(select t.platform_id from public.%I as t where t.connection_id = $1 and t.%I = any ($2))',
                   p_table, p_key) into gone using p_connection_id, p_ids;
    with forgotten as (
        delete from private.row_changes as c
         where c.connection_id = p_connection_id and c.table_name = p_table and c.before ->> p_key = any (p_ids)
        returning c.keys[1] as key)
    select gone || array_agg(f.key) into gone from forgotten as f;
    update private.row_changes as c set keys = array(select k from unnest(c.keys) as k where k <> all (gone))
     where c.connection_id = p_connection_id and c.table_name = p_table and c.kind = 'created' and c.keys && gone;
end $$;
