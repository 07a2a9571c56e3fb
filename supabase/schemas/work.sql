-- Work over a whole shop that takes longer than a statement may (docs/decisions/027): whoever begins it may carry it on, and
-- the clock does, so that nothing stays half done when somebody dies.

-- unfinished_work: `after` is the last key that is done.
create table private.unfinished_work (
    connection_id uuid not null references public.connected_accounts (id) on delete cascade,
    name text not null check (name in ('rebuild', 'restate', 'drop_shadows')),
    after text not null default '',
    begun_at timestamptz not null default clock_timestamp(),
    primary key (connection_id, name)
);

-- begin_work: from the beginning, also where it was half done.
create or replace function private.begin_work(p_connection_id uuid, p_name text) returns void
language sql set search_path = '' as $$
    insert into private.unfinished_work (connection_id, name) values (p_connection_id, p_name)
    on conflict (connection_id, name) do update set after = '', begun_at = excluded.begun_at;
$$;

-- go_on: a step of so many rows. Answers whether nothing is left.
create or replace function private.go_on(p_connection_id uuid, p_name text, p_rows int) returns boolean
language plpgsql set search_path = '' as $$
declare work private.unfinished_work; connection public.connected_accounts; step jsonb;
begin
    select * into work from private.unfinished_work where connection_id = p_connection_id and name = p_name for update;
    if not found then
        return true;
    end if;
    select * into connection from public.connected_accounts where id = p_connection_id;
    execute format('select private.%I($1, $2, $3)', p_name) into step using connection, work.after, p_rows;
    if (step ->> 'rows')::int < p_rows then
        delete from private.unfinished_work where connection_id = p_connection_id and name = p_name;
        return true;
    end if;
    update private.unfinished_work set after = step ->> 'after' where connection_id = p_connection_id and name = p_name;
    return false;
end $$;

-- is_passing: an error of the moment (a deadlock, a lock, connections, a full disk, a shutdown): the same again may be done. A statement that takes
-- too long is none.
create or replace function private.is_passing(p_sqlstate text) returns boolean
language sql immutable set search_path = '' as $$
    select left(p_sqlstate, 2) in ('08', '40', '53', '55', '57', '58') and p_sqlstate <> '57014';
$$;

-- go_on_with: a step of the oldest work, of one name or of any. Answers how much is left, and what failed of what nobody waits for.
create or replace function private.go_on_with(p_name text, p_rows int, out left_ int, out failed text)
language plpgsql set search_path = '' as $$
declare w private.unfinished_work;
begin
    select * into w from private.unfinished_work as u where p_name is null or u.name = p_name
     -- What is only swept up waits for what somebody waits for.
     order by u.name = 'drop_shadows', u.begun_at, u.connection_id limit 1;
    if found then
        begin
            perform private.go_on(w.connection_id, w.name, p_rows);
        exception when others or query_canceled then
            if p_name is not null or private.is_passing(sqlstate) then
                raise;
            end if;
            -- One shop's work that cannot be done keeps no other's, nor the house, from going on.
            failed := format('%s of %s: %s', w.name, w.connection_id, sqlerrm);
            update private.unfinished_work set begun_at = clock_timestamp() where connection_id = w.connection_id and name = w.name;
        end;
    end if;
    left_ := (select count(*) from private.unfinished_work as u where p_name is null or u.name = p_name);
end $$;

-- finish_work: the same for whoever began it, in one call after another until nothing is left.
create or replace function public.finish_work(p_name text, p_rows int default 2000) returns int
language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select g.left_ from private.go_on_with(p_name, p_rows) as g;
$$;
revoke all on function public.finish_work(text, int) from public, anon, authenticated;
grant execute on function public.finish_work(text, int) to service_role;
