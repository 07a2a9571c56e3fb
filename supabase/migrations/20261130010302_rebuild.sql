-- What is derived is derived again from its records, on demand and where a complete read shows that it falls short.

-- rebuild_short: a printer's orders have been read to their end: where there are not as many costs as its records say, they
-- are derived anew.
create or replace function private.rebuild_short() returns trigger
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts; batch jsonb := '{"after": ""}'; told bigint;
begin
    execute format('select count(*) from private.%I($1, %L, null)', 'cost_keys_' || new.platform, '')
       into told using new.connection_id;
    if told = (select count(*) from public.order_costs as c where c.connection_id = new.connection_id) then
        return null;
    end if;
    select * into connection from public.connected_accounts where id = new.connection_id;
    loop
        batch := private.rebuild(connection, batch ->> 'after', 500);
        exit when (batch ->> 'rows')::int = 0;
    end loop;
    return null;
end $$;
create trigger rebuild_short after update of status on public.sync_jobs
    for each row when (new.status = 'completed' and old.status <> 'completed' and new.platform = 'printify'
                       and new.entity = 'orders')
    execute function private.rebuild_short();

-- rebuild: a batch of what is derived of a shop, from its records alone, by key: of a printer its costs and their links, of
-- a channel what its orders cost. Answers {rows, after}, with rows = 0 when it is done. Calls no platform.
create or replace function private.rebuild(connection public.connected_accounts, p_after text, p_limit int) returns jsonb
language plpgsql set search_path = '' as $$
declare ids text[];
begin
    perform private.lock_costs(connection.user_id);
    if exists (select from private.cost_rules as r where r.source = connection.platform) then
        execute format('select array(select k from private.%I($1, $2, $3) as k)', 'cost_keys_' || connection.platform)
           into ids using connection.id, p_after, p_limit;
        perform private.costs_changed(connection.user_id, connection.id, connection.platform, ids);
        perform private.link_costs(connection.user_id, connection.id, ids);
    else
        ids := array(select o.platform_id from public.orders as o
                     where o.connection_id = connection.id and o.platform_id > p_after order by o.platform_id limit p_limit);
        perform private.settle_costs((select jsonb_agg(jsonb_build_object('connection_id', connection.id, 'id', i))
                                      from unnest(ids) as i));
    end if;
    return jsonb_build_object('rows', cardinality(ids), 'after', ids[cardinality(ids)]);
end $$;

-- rebuild_derived: the same for operators.
create or replace function public.rebuild_derived(p_user_id uuid, p_connection_id uuid, p_after text, p_limit int default 500)
returns jsonb language sql security definer set search_path = '' set statement_timeout = '50s' as $$
    select private.rebuild(private.connection_of(p_user_id, p_connection_id), p_after, p_limit);
$$;

revoke all on function public.rebuild_derived(uuid, uuid, text, int) from public, anon, authenticated;

grant execute on function public.rebuild_derived(uuid, uuid, text, int) to service_role;

-- cost_keys_printify: the orders that have a cost, or had one, in the order of their keys.
create or replace function private.cost_keys_printify(p_connection_id uuid, p_after text, p_limit int) returns setof text
language sql stable set search_path = '' as $$
    select o.platform_id from public.printify_orders as o
    where o.connection_id = p_connection_id and o.platform_id > p_after and not o.is_deleted
    union
    select c.source_id from public.order_costs as c where c.connection_id = p_connection_id and c.source_id > p_after
    order by 1 limit p_limit;
$$;
