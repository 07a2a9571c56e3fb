-- Consent at a platform's page, begun and come back from.

-- A consent that has been begun: single-use, bound to user and platform. Only the hash of the state is kept.
create table private.oauth_states (
    state_hash text primary key,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    platform text not null,
    details jsonb not null default '{}'::jsonb,
    expires_at timestamptz not null
);
create index oauth_states_by_age on private.oauth_states (expires_at);

-- begin_oauth: remember a consent that is being asked for, for ten minutes; answers until when.
create or replace function public.begin_oauth(p_state_hash text, p_user_id uuid, p_platform text, p_details jsonb,
                                              p_seconds int default 600) returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare until timestamptz := clock_timestamp() + make_interval(secs => p_seconds);
begin
    if not exists (select 1 from public.profiles where user_id = p_user_id) then
        raise exception using errcode = 'PT404', message = 'unknown_user', hint = 'Create the user first.';
    end if;
    insert into private.oauth_states (state_hash, user_id, platform, details, expires_at)
    values (p_state_hash, p_user_id, p_platform, p_details, until);
    return until;
end $$;
revoke all on function public.begin_oauth(text, uuid, text, jsonb, int) from public, anon, authenticated;
grant execute on function public.begin_oauth(text, uuid, text, jsonb, int) to service_role;

-- finish_oauth: what was begun with this state by this user for this platform; once. Null for everything else.
create or replace function public.finish_oauth(p_state_hash text, p_user_id uuid, p_platform text) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare found_ private.oauth_states;
begin
    delete from private.oauth_states
     where state_hash = p_state_hash and user_id = p_user_id and platform = p_platform
    returning * into found_;
    if found_.expires_at > clock_timestamp() then
        return found_.details;
    end if;
    return null;
end $$;
revoke all on function public.finish_oauth(text, uuid, text) from public, anon, authenticated;
grant execute on function public.finish_oauth(text, uuid, text) to service_role;
