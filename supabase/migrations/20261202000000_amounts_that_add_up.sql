-- Shops whose days could not be rolled up.
create table private.money_refusals (
    connection_id uuid primary key,
    at timestamptz not null default clock_timestamp(),
    reason text not null
);

-- No amount beyond what can be added up lands any more; what is there already is not looked at.
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

select private.synced_table(s.name) from private.synced_tables as s;
