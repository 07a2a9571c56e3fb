-- A synced table takes from one function what each of them needs, and forgetting finds them in the catalog: no list of
-- names that could miss one (docs/decisions/023).

-- synced_table: a table with the nine columns becomes one of what platforms sent: its rows are readable by who they belong
-- to, and by nobody else; a user's deletion takes them along (private.synced_tables). `p_closed_by`: platforms that tell
-- which of its records are gone; a page that was fetched before brings those back as deleted. Twice is as good as once.
create function private.synced_table(p_table text, p_closed_by text[] default '{}') returns void
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

select private.synced_table(t.name, coalesce(c.platforms, '{}'))
  from private.synced_tables as t
  left join (values ('orders', array['shopify']), ('listings', array['shopify']), ('listing_variants', array['shopify']),
                    ('customers', array['shopify']), ('printify_products', array['printify'])) as c (name, platforms)
         using (name);

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
drop trigger forget_printify_records on public.profiles;
drop trigger forget_shopify_records on public.profiles;
drop function private.forget_printify_records();
drop function private.forget_shopify_records();
