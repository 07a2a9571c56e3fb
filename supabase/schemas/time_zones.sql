-- Time zones: in which zone a shop's days begin, by whom it was said, and since when. A day is never one of UTC by chance: where
-- nobody has said a zone there is none, and what is taken instead is called a guess.

create table public.shop_time_zones (
    connection_id uuid not null,
    user_id uuid not null,
    valid_from timestamptz not null,
    -- A name of the IANA's.
    zone text not null,
    said_by text not null check (said_by in ('platform', 'seller', 'guess')),
    said_at timestamptz not null default clock_timestamp(),
    primary key (connection_id, said_by, valid_from)
);
select private.own_rows('shop_time_zones');
comment on table public.shop_time_zones is 'The zones of each shop: who says which, from when on.';

-- is_time_zone: whether it is the name of a zone, as the IANA writes it.
create or replace function private.is_time_zone(p_zone text) returns boolean
language sql stable set search_path = '' as $$
    select (p_zone ~ '^[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+)+$' or p_zone = 'UTC')
       and exists (select from pg_catalog.pg_timezone_names as z where z.name = p_zone);
$$;

-- note_time_zone: who says that a shop's days begin in this zone. The first that anybody says was always so; another one later
-- is so from then on, or from `p_from`. A seller's word without a time corrects what the seller said before.
create or replace function private.note_time_zone(connection public.connected_accounts, p_zone text, p_said_by text,
                                                  p_from timestamptz default null) returns void
language plpgsql set search_path = '' as $$
declare last public.shop_time_zones;
begin
    select * into last from public.shop_time_zones as z
     where z.connection_id = connection.id and z.said_by = p_said_by order by z.valid_from desc limit 1;
    if last.zone = p_zone and p_from is null then
        return;
    end if;
    if p_said_by <> 'platform' and p_from is null then
        delete from public.shop_time_zones as z where z.connection_id = connection.id and z.said_by = p_said_by;
        last := null;
    end if;
    insert into public.shop_time_zones as z (connection_id, user_id, valid_from, zone, said_by)
    values (connection.id, connection.user_id,
            case when last.zone is null then '-infinity' else coalesce(p_from, clock_timestamp()) end, p_zone, p_said_by)
    on conflict (connection_id, said_by, valid_from) do update set zone = excluded.zone, said_at = excluded.said_at;
end $$;

-- zones_of: in which zone a shop's days are, from when until when, and who says so: the platform, else the seller, else the user's other
-- shops where they are all in one ('other_shop'), else a guess. The first is taken for all time before it. Where nobody says one it is UTC,
-- and `said_by` null.
create or replace function private.zones_of(p_connection_id uuid)
returns table (since timestamptz, until timestamptz, zone text, said_by text) language sql stable set search_path = '' as $$
    with heard as (
        select z.*, z.connection_id = p_connection_id as is_own, array_position('{platform,seller,guess}'::text[], z.said_by) as place
        from public.connected_accounts as a
        join public.connected_accounts as b on b.user_id = a.user_id
        join public.shop_time_zones as z on z.connection_id = b.id
        where a.id = p_connection_id and (z.said_by <> 'guess' or b.id = a.id)),
    best as (
        select h.*, last_value(h.zone) over (partition by h.connection_id order by h.valid_from
                                             rows between current row and unbounded following) as now_
        from (select h.*, min(h.place) over (partition by h.connection_id, h.is_own and h.place = 3) as first from heard as h) as h
        where h.place = h.first),
    ranked as (
        select b.valid_from, b.zone, case when b.is_own then b.said_by else 'other_shop' end as said_by,
               rank() over (order by case when not b.is_own then 2 when b.said_by = 'guess' then 3 else 1 end, b.connection_id) as place
        from best as b
        where b.is_own or (select count(distinct o.now_) from best as o where not o.is_own) = 1)
    select case when row_number() over w = 1 then '-infinity' else r.valid_from end, lead(r.valid_from, 1, 'infinity'::timestamptz) over w,
           r.zone, r.said_by
    from ranked as r where r.place = 1 window w as (order by r.valid_from)
    union all
    select '-infinity', 'infinity', 'UTC', null where not exists (select from ranked);
$$;

-- zone_now: that of today, and who says so; no row where nobody does.
create or replace function private.zone_now(p_connection_id uuid) returns table (zone text, said_by text)
language sql stable as $$
    select z.zone, z.said_by from private.zones_of(p_connection_id) as z where z.said_by is not null and z.since <= now() and now() < z.until;
$$;

-- say_time_zone: what the platform tells of a user's shop at connecting, or what the seller says of it, where the platform
-- tells none. `p_from`: since when; null: always.
create or replace function public.say_time_zone(p_user_id uuid, p_connection_id uuid, p_zone text, p_said_by text default 'seller',
                                                p_from timestamptz default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare connection public.connected_accounts := private.connection_of(p_user_id, p_connection_id);
begin
    if not private.is_time_zone(p_zone) then
        raise exception using errcode = 'PT400', message = 'unknown_time_zone', detail = p_zone,
            hint = 'Write it like Europe/Riga or America/New_York.';
    end if;
    if p_said_by = 'seller' and exists (select from public.shop_time_zones as z
                                        where z.connection_id = connection.id and z.said_by = 'platform') then
        raise exception using errcode = 'PT409', message = 'time_zone_told', detail = connection.platform,
            hint = 'It is changed where the shop is.';
    end if;
    perform private.note_time_zone(connection, p_zone, p_said_by, p_from);
    return jsonb_build_object('connection_id', connection.id, 'zone', (select z.zone from private.zone_now(connection.id) as z));
end $$;
revoke all on function public.say_time_zone(uuid, uuid, text, text, timestamptz) from public, anon, authenticated;
grant execute on function public.say_time_zone(uuid, uuid, text, text, timestamptz) to service_role;

-- tell_time_zone: what the platform tells whoever holds the lease: it may have changed.
create or replace function public.tell_time_zone(p_lease_id uuid, p_zone text) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id); connection public.connected_accounts;
begin
    select * into connection from public.connected_accounts where id = job.connection_id;
    if private.is_time_zone(p_zone) then
        perform private.note_time_zone(connection, p_zone, 'platform');
    end if;
end $$;
revoke all on function public.tell_time_zone(uuid, text) from public, anon, authenticated;
grant execute on function public.tell_time_zone(uuid, text) to service_role;

-- time_zones: of each shop of a user the zone that its days are counted in, and who says so: 'platform', 'seller', 'guess',
-- 'other_shop', or null where nobody does.
create or replace function public.time_zones(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object('connection_id', a.id, 'zone', z.zone, 'said_by', z.said_by)
                              order by a.platform, a.shop_name, a.shop_id), '[]')
    from public.connected_accounts as a left join lateral private.zone_now(a.id) as z on true where a.user_id = p_user_id;
$$;
revoke all on function public.time_zones(uuid) from public, anon, authenticated;
grant execute on function public.time_zones(uuid) to service_role;
