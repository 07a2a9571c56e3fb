-- What the API may see at all.  Runs unchanged on hosted Supabase (Postgres 15, 17) and on the embedded stack (18).

-- What the API must not show lives in `private`: tokens, the call ledger, helpers.
create schema if not exists private;
revoke all on schema private from public;
-- A new table or function is closed until a migration opens it.
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke execute on functions from public, anon, authenticated, service_role;
alter default privileges revoke execute on functions from public;
