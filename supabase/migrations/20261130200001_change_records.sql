-- What each run changed is on record, with the values before; runs can be taken back.

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

alter table public.sync_runs drop constraint sync_runs_job_type_check;
alter table public.sync_runs add constraint sync_runs_job_type_check check (job_type in ('backfill', 'incremental', 'rollback'));
alter table public.sync_runs alter column created_at set default clock_timestamp();
alter table public.sync_runs add column undoes uuid[] not null default '{}';
alter table public.sync_runs add column undone_by uuid;
alter table public.sync_runs add constraint sync_runs_check check ((job_type = 'rollback') = (undoes <> '{}'));

-- Triggers and what they call.
create or replace function private.recording_for() returns uuid
language sql stable as $$ select nullif(current_setting('keeper.rollback', true), '')::uuid $$;

create or replace function private.record_changes() returns trigger
language plpgsql security definer set search_path = '' set enable_hashjoin = on as $$
declare undo uuid := private.recording_for();
begin
    if tg_op = 'INSERT' then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys)
        select c.connection_id, coalesce(undo, c.sync_run_id), tg_table_name, 'created', array_agg(c.platform_id)
        from came as c group by 1, 2;
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

create or replace function private.record_cursor() returns trigger
language plpgsql security definer set search_path = '' as $$
declare undo uuid := private.recording_for();
begin
    if tg_op = 'INSERT' then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys)
        values (new.connection_id, coalesce(undo, new.run_id), tg_table_name, 'created', array[new.entity]);
    elsif tg_op = 'UPDATE' and new.run_id <> old.run_id then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys, before)
        values (new.connection_id, coalesce(undo, new.run_id), tg_table_name, 'changed', array[old.entity], to_jsonb(old));
    elsif tg_op = 'DELETE' and undo is not null then
        insert into private.row_changes (connection_id, run_id, table_name, kind, keys, before)
        values (old.connection_id, undo, tg_table_name, 'removed', array[old.entity], to_jsonb(old));
    end if;
    return null;
end $$;

create or replace function private.synced_table(p_table text) returns void
language plpgsql set search_path = '' as $$
begin
    if not exists (select from private.synced_tables as s where s.name = p_table) then
        raise exception '% lacks one of the columns that every synced table has', p_table;
    end if;
    perform private.own_rows(p_table);
    execute format('create or replace trigger record_created after insert on public.%I referencing new table as came '
                   'for each statement execute function private.record_changes()', p_table);
    execute format('create or replace trigger record_changed after update on public.%I referencing new table as came '
                   'old table as went for each statement execute function private.record_changes()', p_table);
    execute format('create or replace trigger record_removed after delete on public.%I referencing old table as went '
                   'for each statement execute function private.record_changes()', p_table);
end $$;

create trigger record_cursor after insert or update or delete on public.sync_cursors
    for each row execute function private.record_cursor();
select private.synced_table(s.name) from private.synced_tables as s order by s.name;
