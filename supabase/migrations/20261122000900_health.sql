-- Health: what a process must know before it says that it is ready.

-- schema_version: the newest migration that is applied, by its number. Numbers have one length, so text compares them.
create function public.schema_version() returns text
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select max(version) from supabase_migrations.schema_migrations);
end $$;
revoke all on function public.schema_version() from public, anon, authenticated;
grant execute on function public.schema_version() to service_role;
