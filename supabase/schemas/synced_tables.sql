-- Synced tables: those that hold what platforms sent. Each takes from one function what all of them need, and forgetting
-- finds them in the catalog: no list of names that could miss one (docs/decisions/023).

-- Those with the ten columns that every synced row carries. No list of names.
create view private.synced_tables as
    select c.oid, c.relname::text as name from pg_catalog.pg_class as c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and 10 = (select count(*) from pg_catalog.pg_attribute as a
                where a.attrelid = c.oid and not a.attisdropped
                  and a.attname in ('connection_id', 'user_id', 'platform', 'platform_id', 'raw', 'source_updated_at',
                                    'fetched_at', 'content_hash', 'sync_run_id', 'is_deleted'));

-- derived_columns: columns of a synced table that are worked out from other rows, by triggers, whatever changes those.
create or replace function private.derived_columns(p_table text) returns text[]
language sql immutable as $$
    select case p_table when 'orders' then '{cost_amount,cost_currency,cost_source,cost_state}'::text[] else '{}' end;
$$;

-- most_money: no amount of a shop is greater, in the smallest unit of its currency. What is, nobody could add up.
create or replace function private.most_money() returns bigint
language sql immutable as $$ select 1000000000000000 $$;

-- synced_table: a table with the ten columns becomes one of what platforms sent: its rows are readable by who they belong
-- to, and by nobody else; the end of their connection takes them along (private.synced_tables); what a run does to them is
-- on record (changes.sql); no amount in it is beyond what can be added up. Twice is as good as once.
create or replace function private.synced_table(p_table text) returns void
language plpgsql set search_path = '' as $$
declare sums text;
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
    select string_agg(format('%I between -%s and %s', a.attname, private.most_money(), private.most_money()), ' and ' order by a.attnum) into sums
      from pg_catalog.pg_attribute as a
     where a.attrelid = format('public.%I', p_table)::regclass and a.attnum > 0 and not a.attisdropped
       and a.attname like '%\_amount' and a.attname <> all (private.derived_columns(p_table));
    execute format('alter table public.%I drop constraint if exists %I', p_table, p_table || '_add_up');
    if sums is not null then
        execute format('alter table public.%I add constraint %I check (%s) not valid', p_table, p_table || '_add_up', sums);
    end if;
end $$;

-- closed_by_events: a platform tells which of its records in a table are gone; a page that was fetched before brings
-- those back as deleted. Children (variants) go with the parent that they name. No event closes a record of a table that
-- was not named here (accept_platform_event).
create or replace function private.closed_by_events(p_table text, p_platform text, p_parent text default null,
                                                    p_parent_column text default null) returns void
language plpgsql set search_path = '' as $$
begin
    execute format('create or replace trigger %I before insert on public.%I for each row when (new.platform = %L) '
                   'execute function private.keep_gone(%L, %L)', 'keep_gone_' || p_platform, p_table, p_platform,
                   coalesce(p_parent, p_table), coalesce(p_parent_column, 'platform_id'));
    if p_parent is not null then
        execute format('create or replace trigger %I after update of is_deleted on public.%I for each row '
                       'when (new.is_deleted and not old.is_deleted and new.platform = %L) '
                       'execute function private.take_children(%L, %L)', 'take_' || p_table || '_' || p_platform, p_parent,
                       p_platform, p_table, p_parent_column);
    end if;
end $$;

-- Whatever belongs to a connection and is not held by a foreign key to it, or may be too much for one statement: what
-- platforms sent, and what is declared beside it (private.lives). Never by a column's name alone: a table may name a
-- connection that it only points to, as a cost names its order's.
create view private.of_connections as
    select format('public.%I', s.name) as name from private.synced_tables as s
    union
    select l.table_name from private.lives() as l where l.belongs_to = 'connection';

-- forget_connection: a connection's records go with it, whether its user is forgotten or the shop alone. (A foreign key
-- on every row would cost a check a row.)
create or replace function private.forget_connection() returns trigger
language plpgsql security definer set search_path = '' as $$
declare t text; scopes uuid[] := private.scopes_of(old.id);
begin
    for t in select name from private.of_connections order by name loop
        execute format('delete from %s where connection_id = any ($1)', t) using scopes;
    end loop;
    return old;
end $$;
create trigger forget_connection after delete on public.connected_accounts
    for each row execute function private.forget_connection();
