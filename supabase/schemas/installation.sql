-- What a process asks before it works: whose database this is, which schema it has, and which code may work on it.

create table private.installation (
    only_one boolean primary key default true check (only_one),
    -- The environment that this database belongs to: recorded by the first process that starts.
    environment text,
    -- The newest migration that the oldest code brings which may still run here. A migration that takes something away
    -- (the contract after an expansion) raises it, one release after the code stopped needing it.
    oldest_code text not null
);
insert into private.installation (oldest_code) values ('20261125001000');
comment on table private.installation is 'One row: what every process of this installation has in common.';

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
revoke all on function public.check_in(text) from public, anon, authenticated;
grant execute on function public.check_in(text) to service_role;
