-- How often a user may do what. The database's clock alone counts.

-- How often a user did what since the window began.
create table private.rate_limits (
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    action text not null,
    began_at timestamptz not null,
    times int not null,
    primary key (user_id, action)
);

-- count_action: whether the user may do this once more in the window; the database's clock alone.
create or replace function public.count_action(p_user_id uuid, p_action text, p_most int, p_seconds int) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare counted private.rate_limits; now_ timestamptz := clock_timestamp();
        length_ interval := make_interval(secs => p_seconds);
begin
    insert into private.rate_limits as r (user_id, action, began_at, times)
    select user_id, p_action, now_, 1 from public.profiles where user_id = p_user_id
    on conflict (user_id, action) do update
       set began_at = case when r.began_at + length_ <= now_ then now_ else r.began_at end,
           times = case when r.began_at + length_ <= now_ then 1 else least(r.times, p_most) + 1 end
    returning * into counted;
    if counted.user_id is null then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    return jsonb_build_object('allowed', counted.times <= p_most, 'left', greatest(0, p_most - counted.times),
        'retry_after_seconds', ceil(extract(epoch from counted.began_at + length_ - now_))::int);
end $$;
revoke all on function public.count_action(uuid, text, int, int) from public, anon, authenticated;
grant execute on function public.count_action(uuid, text, int, int) to service_role;
