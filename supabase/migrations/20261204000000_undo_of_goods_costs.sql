-- Undo of goods costs: functions as supabase/schemas say them.

-- undo_goods_costs: what a save changed is as it was before it. Not where a later one changed the same: that is taken back first. Nor where
-- what would come back has been said anew since, or its shop is gone.
create or replace function public.undo_goods_costs(p_user_id uuid, p_save_id uuid) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '50s' as $$
declare save uuid := gen_random_uuid(); changes private.goods_cost_changes[];
begin
    perform from public.profiles where user_id = p_user_id for no key update;
    changes := array(select c from private.goods_cost_changes as c where c.user_id = p_user_id and c.save_id = p_save_id);
    if changes = '{}' then
        raise exception using errcode = 'PT404', message = 'no_such_save', detail = p_save_id::text,
            hint = 'A save can be taken back for ninety days.';
    end if;
    if exists (select from unnest(changes) as c left join private.goods_costs as g on g.id = c.cost_id
               where to_jsonb(g) is distinct from c.after)
       or exists (select from unnest(changes) as c cross join lateral jsonb_populate_record(null::private.goods_costs, c.before) as r
                  where c.after is null
                    and (r.connection_id is not null and not exists (select from public.connected_accounts as a where a.id = r.connection_id)
                         or exists (select from private.goods_costs as g
                                    where g.user_id = r.user_id and g.kind = r.kind and g.key = r.key and g.valid_from = r.valid_from
                                      and g.connection_id is not distinct from r.connection_id))) then
        raise exception using errcode = 'PT409', message = 'costs_changed_since', detail = p_save_id::text,
            hint = 'Take back the later save first. What belonged to a shop that is gone cannot come back.';
    end if;
    perform set_config('keeper.save_of_costs', save::text, true);
    delete from private.goods_costs as g using unnest(changes) as c where g.id = c.cost_id and c.before is null;
    update private.goods_costs as g
       set currency = r.currency, cost_amount = r.cost_amount, save_id = r.save_id, saved_at = r.saved_at, saved_by = r.saved_by
      from unnest(changes) as c cross join lateral jsonb_populate_record(null::private.goods_costs, c.before) as r
     where g.id = c.cost_id and c.before is not null;
    insert into private.goods_costs overriding system value
    select r.* from unnest(changes) as c cross join lateral jsonb_populate_record(null::private.goods_costs, c.before) as r
    where c.after is null;
    perform private.mark_goods_costs(save);
    return jsonb_build_object('undone', cardinality(changes), 'save_id', save);
end $$;
