-- A process proves that it has a key by opening something: another key of the same name passed for it.

-- key_samples: the newest pairs of each key that holds an access token, p_each of them: to try whether a process has the
-- key itself, and not another one of the same name.
create or replace function public.key_samples(p_each int) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_object_agg(key_id, pairs), '{}') from (
        select s.access_key_id as key_id, jsonb_agg(private.tokens_as_json(s.connection_id)) as pairs
        from (select access_key_id, connection_id,
                     row_number() over (partition by access_key_id order by issued_at desc, connection_id) as place
              from private.platform_tokens) as s
        where s.place <= p_each group by s.access_key_id) as sampled;
$$;
revoke all on function public.key_samples(int) from public, anon, authenticated;
grant execute on function public.key_samples(int) to service_role;
