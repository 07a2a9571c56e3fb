-- A time of a platform's that is none broke the look-ups of rounds: it is unknown. Of refunds without a version a round asks for its own orders'.

-- readable_moment: the same of a text that may be anything: what is no time is unknown, and stops nobody. What reads a
-- record again by its own times asks so; a record that lands is asked by `moment`.
create or replace function private.readable_moment(p_value text) returns timestamptz
language sql stable as $$
    select case when p_value !~ ('^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d'
                                 '(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):?[0-5]\d)$')
                  or p_value ~ '^\d{4}-(02-3|(02|04|06|09|11)-31)' then null
                when p_value ~ '^\d{4}-02-29'
                 and not (left(p_value, 4)::int % 4 = 0 and (left(p_value, 4)::int % 100 <> 0 or left(p_value, 4)::int % 400 = 0))
                then null
                else p_value::timestamptz end;
$$;

-- pending_shopify_refunds: refunds that an order names and that are not here, or here in another version. REST names an
-- order's refunds without their versions, and a version may be one that nobody can read: of those a full read asks for all,
-- and every other job for those of the orders that it has read.
create or replace function private.pending_shopify_refunds(job public.sync_jobs, p_after text, p_limit int)
returns setof text language sql stable set search_path = '' as $$
    with named as (
        select coalesce(private.gid_tail(r ->> 'id'), r ->> 'id') as id, o.platform_id as named_by,
               private.readable_moment(r ->> 'updatedAt') as updated_at
        from public.orders as o, jsonb_array_elements(o.raw -> 'refunds') as r
        where o.connection_id = job.connection_id and o.platform = 'shopify' and not o.is_deleted
          and (o.raw #>> '{refunds,0,id}') is not null)
    select distinct n.id from named as n
    left join public.order_refunds as f on f.connection_id = job.connection_id and not f.is_deleted
                                       and f.platform_id = n.id
    where n.id > p_after
      and (f.platform_id is null or n.updated_at <> f.source_updated_at
           or (n.updated_at is null and (private.reads_all(job) or n.named_by in (
                select r.key from private.read_keys(job, 'orders') as r
                union all
                select r.key from private.read_keys(job, 'rest_orders') as r))))
    order by 1 limit p_limit;
$$;
