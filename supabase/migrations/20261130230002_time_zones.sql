-- In which zone a shop's days begin, and who says so.

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

-- shop_zone: the zone of a shop at a time: the platform's word, else the seller's, else that of the user's other shops where
-- it is one, else a guess. Null: nobody knows.
create or replace function private.shop_zone(p_connection_id uuid, p_at timestamptz default now()) returns text
language sql stable set search_path = '' as $$
    select coalesce(
        (select z.zone from public.shop_time_zones as z
          where z.connection_id = p_connection_id and z.valid_from <= p_at and z.said_by in ('platform', 'seller')
          order by z.said_by, z.valid_from desc limit 1),
        (select min(o.zone) from public.connected_accounts as a
           join public.connected_accounts as b on b.user_id = a.user_id and b.id <> a.id,
           lateral (select z.zone from public.shop_time_zones as z
                     where z.connection_id = b.id and z.valid_from <= p_at and z.said_by in ('platform', 'seller')
                     order by z.said_by, z.valid_from desc limit 1) as o
          where a.id = p_connection_id having count(distinct o.zone) = 1),
        (select z.zone from public.shop_time_zones as z
          where z.connection_id = p_connection_id and z.valid_from <= p_at and z.said_by = 'guess'
          order by z.valid_from desc limit 1));
$$;

-- shop_day: the day of a shop that a time lies in; null where nobody knows its zone.
create or replace function private.shop_day(p_connection_id uuid, p_at timestamptz) returns date
language sql stable set search_path = '' as $$
    select (p_at at time zone private.shop_zone(p_connection_id, p_at))::date;
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
    return jsonb_build_object('connection_id', connection.id, 'zone', private.shop_zone(connection.id));
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
    select coalesce(jsonb_agg(jsonb_build_object(
               'connection_id', a.id, 'zone', private.shop_zone(a.id),
               'said_by', coalesce((select z.said_by from public.shop_time_zones as z
                                     where z.connection_id = a.id and z.said_by in ('platform', 'seller') order by z.said_by limit 1),
                                   case when private.shop_zone(a.id) is not null then coalesce(
                                       (select 'guess' from public.shop_time_zones as z
                                         where z.connection_id = a.id and z.said_by = 'guess' and z.zone = private.shop_zone(a.id) limit 1),
                                       'other_shop') end))
           order by a.platform, a.shop_name, a.shop_id), '[]')
    from public.connected_accounts as a where a.user_id = p_user_id;
$$;

revoke all on function public.time_zones(uuid) from public, anon, authenticated;

grant execute on function public.time_zones(uuid) to service_role;
