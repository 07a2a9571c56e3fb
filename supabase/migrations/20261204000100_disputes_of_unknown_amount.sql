-- A dispute of which nobody says what it took: a class of its own, whose days are rolled up anew (docs/decisions/043).

insert into private.money_classes (class, figure, part, waits) values ('disputes_unknown', 'disputes_unknown', 'counted', null);

-- mark_disputes: what a bank took back of an order is not known on the order's day.
create or replace function private.mark_disputes() returns trigger
language plpgsql security definer set search_path = '' as $$
declare touched private.touched_row[] := '{}';
begin
    if tg_op <> 'INSERT' then
        touched := array(select row(w.connection_id, null, w.order_platform_id, null)::private.touched_row from went as w);
    end if;
    if tg_op <> 'DELETE' then
        touched := touched || array(select row(c.connection_id, c.sync_run_id, c.order_platform_id, null)::private.touched_row from came as c);
    end if;
    perform private.mark_touched(tg_table_name, touched);
    return null;
end $$;

create trigger mark_money_come after insert on public.order_disputes referencing new table as came
    for each statement execute function private.mark_disputes();
create trigger mark_money_change after update on public.order_disputes referencing new table as came old table as went
    for each statement execute function private.mark_disputes();
create trigger mark_money_go after delete on public.order_disputes referencing old table as went
    for each statement execute function private.mark_disputes();

insert into private.money_marks (connection_id, table_name, hours)
select d.connection_id, 'order_disputes', array_agg(distinct date_bin('1 hour', o.ordered_at, '2000-01-01Z'))
from public.order_disputes as d
join public.orders as o on o.connection_id = d.connection_id and o.platform_id = d.order_platform_id
join public.connected_accounts as a on a.id = d.connection_id
where not d.is_deleted and o.ordered_at is not null
group by d.connection_id;
