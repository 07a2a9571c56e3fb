-- Synced tables: those that hold what platforms sent. Each takes from one function what all of them need, and forgetting
-- finds them in the catalog: no list of names that could miss one (docs/decisions/023).

-- Those with the nine columns that every synced row carries. No list of names.
create view private.synced_tables as
    select c.oid, c.relname::text as name from pg_catalog.pg_class as c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and 9 = (select count(*) from pg_catalog.pg_attribute as a
                where a.attrelid = c.oid and not a.attisdropped
                  and a.attname in ('user_id', 'platform', 'platform_id', 'raw', 'source_updated_at', 'fetched_at',
                                    'content_hash', 'sync_run_id', 'is_deleted'));

-- synced_table: a table with the nine columns becomes one of what platforms sent: its rows are readable by who they belong
-- to, and by nobody else; a user's deletion takes them along (private.synced_tables). `p_closed_by`: platforms that tell
-- which of its records are gone; a page that was fetched before brings those back as deleted. Twice is as good as once.
create or replace function private.synced_table(p_table text, p_closed_by text[] default '{}') returns void
language plpgsql set search_path = '' as $$
begin
    if not exists (select from private.synced_tables as s where s.name = p_table) then
        raise exception '% lacks one of the columns that every synced table has', p_table;
    end if;
    execute format('alter table public.%I enable row level security, force row level security', p_table);
    if not exists (select from pg_catalog.pg_policies as p where p.schemaname = 'public' and p.tablename = p_table
                                                             and p.policyname = 'own_rows') then
        execute format('create policy own_rows on public.%I for select to authenticated '
                       'using (user_id = (select auth.uid()))', p_table);
    end if;
    execute format('grant select on public.%I to authenticated, service_role', p_table);
    if p_closed_by <> '{}' then
        execute format('create or replace trigger keep_gone before insert on public.%I for each row '
                       'when (new.platform = any (%L)) execute function private.keep_gone()', p_table, p_closed_by);
    end if;
end $$;

-- forget_user: a user's records go with the profile. (A foreign key on every row would cost a check a row.)
create or replace function private.forget_user() returns trigger
language plpgsql security definer set search_path = '' as $$
declare t text;
begin
    for t in select name from private.synced_tables order by name loop
        execute format('delete from public.%I where user_id = $1', t) using old.user_id;
    end loop;
    return old;
end $$;
create trigger forget_user after delete on public.profiles
    for each row execute function private.forget_user();
