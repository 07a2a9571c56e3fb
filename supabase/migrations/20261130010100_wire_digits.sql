-- A currency has ISO 4217's digits: what platforms write. Amounts that are here already are scaled with their currency.

alter table private.currencies drop constraint currencies_code_check, drop constraint currencies_digits_check;
alter table private.currencies add constraint currencies_code_check check (code ~ '^[A-Z]{3,4}$'),
    add constraint currencies_digits_check check (digits between 0 and 6);

do $$
declare t record; changed text := $list$(values
        ('AFN', 0, 2), ('ALL', 0, 2), ('IQD', 0, 3), ('IRR', 0, 2), ('KPW', 0, 2), ('LAK', 0, 2), ('LBP', 0, 2),
        ('MGA', 0, 2), ('MMK', 0, 2), ('MRO', 0, 2), ('RSD', 0, 2), ('SLL', 0, 2), ('SOS', 0, 2), ('STD', 0, 2),
        ('SYP', 0, 2), ('TMM', 0, 2), ('XAG', 2, 6), ('XAU', 2, 6), ('XBA', 2, 6), ('XBB', 2, 6), ('XBC', 2, 6),
        ('XBD', 2, 6), ('XDR', 2, 6), ('XPD', 2, 6), ('XPT', 2, 6), ('XSU', 2, 6), ('XTS', 2, 6), ('XUA', 2, 6),
        ('XXX', 2, 6), ('YER', 0, 2), ('ZMK', 0, 2), ('ZWD', 0, 2)) as h(code, before, after)$list$;
begin
    for t in select c.table_name as name,
                    string_agg(format('%1$I = %1$I * (10 ^ (h.after - h.before))::int', c.column_name), ', ') as sets
             from information_schema.columns as c
             where c.table_schema = 'public' and c.data_type = 'bigint' and c.column_name like '%\_amount'
               -- These count in another currency than the row's.
               and c.column_name not in ('presentment_total_amount', 'cost_amount')
               and exists (select from private.synced_tables as s where s.name = c.table_name)
               and exists (select from information_schema.columns as k
                           where k.table_schema = 'public' and k.table_name = c.table_name and k.column_name = 'currency')
               -- A printer's cents are stored as they came, whatever the currency is.
               and not exists (select from information_schema.columns as k
                               where k.table_schema = 'public' and k.table_name = c.table_name
                                 and k.column_name = 'currency_assumed')
             group by 1 loop
        execute format('update public.%I as r set %s from %s where h.code = r.currency', t.name, t.sets, changed);
    end loop;
    execute format('update public.orders as r set presentment_total_amount = r.presentment_total_amount '
                   '* (10 ^ (h.after - h.before))::int from %s where h.code = r.presentment_currency '
                   'and r.presentment_total_amount is not null', changed);
    execute format('update private.currencies as c set digits = h.after from %s where h.code = c.code', changed);
end $$;

delete from private.currencies where code in (
    'XAG', 'XAU', 'XBA', 'XBB', 'XBC', 'XBD', 'XDR', 'XPD', 'XPT', 'XSU', 'XTS', 'XUA', 'XXX');
insert into private.currencies (code, digits) values
    ('JEP', 2), ('KID', 2), ('USDC', 6), ('XAD', 2);

-- digits_of: the digits of a currency's smallest unit. A code that is not listed counts in millionths: a currency that
-- nobody here has heard of is no reason to lose money (execution/currencies.py).
create or replace function private.digits_of(p_currency text) returns int
language sql stable set search_path = '' as $$
    select coalesce((select c.digits from private.currencies as c where c.code = p_currency), 6);
$$;

-- minor_units: a fraction of whole numbers as a whole number of the currency's smallest unit, or an error. Never a
-- float, never rounded: `numeric` divides large numbers inexactly, so nothing is divided before it is known to go.
create or replace function private.minor_units(p_value numeric, p_divisor numeric, p_currency text, p_path text)
returns bigint
language plpgsql stable set search_path = '' as $$
declare units numeric;
begin
    if p_value is null then
        return null;
    end if;
    if coalesce(p_currency, '') = '' then
        raise exception using errcode = 'PT422', message = format('%s: money of no currency', p_path);
    end if;
    if p_value in ('NaN', 'Infinity', '-Infinity') then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_value);
    end if;
    units := p_value * (10 ^ private.digits_of(p_currency))::int;
    if mod(units, p_divisor) <> 0 then
        raise exception using errcode = 'PT422', message = format('%s: %s %s is no whole number of its smallest unit',
            p_path, trim_scale(p_value / p_divisor), p_currency);
    end if;
    return div(units, p_divisor)::bigint;
end $$;

-- cost_report: totals by platform and currency, and what could not be linked, by reason, the newest p_limit of each
-- kind; of all of the user's connections, or of some.
create or replace function public.cost_report(p_user_id uuid, p_limit int default 20, p_connections uuid[] default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set statement_timeout = '120s' as $$
begin
    return (
        with money as materialized (
            select m.*, a.shop_id, a.shop_name
            from private.order_profits(p_user_id) as m join public.connected_accounts as a on a.id = m.connection_id
            where p_connections is null or m.connection_id = any (p_connections)),
        totals as (
            select m.platform, m.currency, count(*) as orders,
                   count(*) filter (where m.cost_state = 'linked') as linked,
                   count(*) filter (where m.cost_state = 'no_cost_yet') as no_cost_yet,
                   count(*) filter (where m.cost_state = 'ambiguous') as ambiguous,
                   count(*) filter (where m.cost_state = 'linked' and not m.one_currency) as two_currencies,
                   count(m.profit) as with_profit,
                   coalesce(sum(m.revenue) filter (where m.profit is not null), 0) as revenue,
                   coalesce(sum(m.refunds) filter (where m.profit is not null), 0) as refunds,
                   coalesce(sum(m.fees) filter (where m.profit is not null), 0) as fees,
                   coalesce(sum(m.cost) filter (where m.profit is not null), 0) as cost,
                   coalesce(sum(m.profit), 0) as profit,
                   count(*) filter (where m.profit < 0) as at_a_loss
            from money as m group by 1, 2),
        spent as (
            select c.source, c.currency, c.state, coalesce(c.reason, '') as reason, count(*) as count,
                   sum(c.production_amount + c.shipping_amount) as cost
            from public.order_costs as c
            where c.user_id = p_user_id and (p_connections is null or c.connection_id = any (p_connections))
            group by 1, 2, 3, 4),
        open_ones as (
            select c.*, a.shop_id, row_number() over (partition by c.state order by c.ordered_at desc nulls last, c.source_id) as place
            from public.order_costs as c join public.connected_accounts as a on a.id = c.connection_id
            where c.user_id = p_user_id and c.state <> 'linked'
              and (p_connections is null or c.connection_id = any (p_connections)))
        select jsonb_build_object(
            'rules', public.cost_rules(),
            'digits', (select coalesce(jsonb_object_agg(k.code, private.digits_of(k.code)), '{}')
                       from (select currency from money union select cost_currency from money
                             union select currency from spent) as k(code) where k.code is not null),
            'totals', (select coalesce(jsonb_agg(to_jsonb(t) order by t.platform, t.currency), '[]') from totals as t),
            'spent', (select coalesce(jsonb_agg(to_jsonb(s) order by s.source, s.state, s.reason, s.currency), '[]')
                      from spent as s),
            'open', (
                select coalesce(jsonb_agg(jsonb_build_object(
                           'source', c.source, 'shop_id', c.shop_id, 'source_id', c.source_id, 'state', c.state, 'reason', c.reason,
                           'order_type', c.order_type, 'reference', c.reference, 'label', c.label,
                           'reprint_of', c.reprint_of, 'ordered_at', c.ordered_at, 'currency', c.currency,
                           'cost', c.production_amount + c.shipping_amount,
                           'candidates', (
                               select coalesce(jsonb_agg(jsonb_build_object('platform', k.platform, 'shop_id', a.shop_id,
                                                                            'platform_id', k.order_platform_id)
                                                         order by k.platform, k.order_platform_id, a.shop_id), '[]')
                               from private.cost_links as k
                               join public.connected_accounts as a on a.id = k.order_connection_id
                               where k.connection_id = c.connection_id and k.source_id = c.source_id))
                       order by c.state, c.place), '[]')
                from open_ones as c where c.place <= p_limit),
            'orders', (
                select coalesce(jsonb_agg(to_jsonb(n) order by n.ordered_at desc, n.platform_id), '[]')
                from (select * from money as m where m.cost_state <> 'no_cost_yet' or m.cost_source is not null
                      order by m.ordered_at desc, m.platform_id limit p_limit) as n)));
end $$;
