-- In a project that others share, the newest row of the record may be theirs: it says nothing about our schema.

drop function public.schema_version();

-- schema_version: the newest migration that is applied of those that the asking code knows, by number. Others' rows
-- stand in the same record, and their numbers say nothing about our schema. Numbers have one length, so text compares them.
create or replace function public.schema_version(p_known text[] default null) returns text
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select max(version) from supabase_migrations.schema_migrations where p_known is null or version = any (p_known));
end $$;

revoke all on function public.schema_version(text[]) from public, anon, authenticated;

grant execute on function public.schema_version(text[]) to service_role;

-- check_in: record the environment if nobody has; answer what the process must compare itself with.
create or replace function public.check_in(p_environment text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare here private.installation;
begin
    update private.installation set environment = p_environment where environment is null;
    select * into here from private.installation;
    return jsonb_build_object('environment', here.environment, 'oldest_code', here.oldest_code,
        'schema', public.schema_version(),
        'applied', (select coalesce(jsonb_agg(version order by version), '[]') from supabase_migrations.schema_migrations));
end $$;
