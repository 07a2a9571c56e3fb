-- Key rotation: which keys the stored tokens need, and encrypting them anew while workers run.

-- token_keys: how many ciphertexts each key id holds; the proof, before a key leaves the ring, that nobody needs it.
create or replace function public.token_keys() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_object_agg(key_id, held), '{}') from (
        select key_id, count(*) as held from private.platform_tokens as t
        cross join lateral (values (t.access_key_id), (t.refresh_key_id)) as ids (key_id)
        where key_id is not null group by key_id) as counted;
$$;
revoke all on function public.token_keys() from public, anon, authenticated;
grant execute on function public.token_keys() to service_role;

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

-- tokens_of_other_keys: a batch of pairs of which one at least is not under this key, in the order of connections.
create or replace function public.tokens_of_other_keys(p_key_id text, p_after uuid, p_limit int) returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(private.tokens_as_json(connection_id) order by connection_id), '[]') from (
        select connection_id from private.platform_tokens
        where (access_key_id <> p_key_id or refresh_key_id <> p_key_id) and (p_after is null or connection_id > p_after)
        order by connection_id limit p_limit) as batch;
$$;
revoke all on function public.tokens_of_other_keys(text, uuid, int) from public, anon, authenticated;
grant execute on function public.tokens_of_other_keys(text, uuid, int) to service_role;

-- rewrap_tokens: replace ciphertexts by ones of the same secrets, each only where it is still the one that was read:
-- a refresh that came between wins. Versions stay, so a refresh under way stores its pair all the same.
create or replace function public.rewrap_tokens(p_changes jsonb) returns int
language plpgsql security definer set search_path = '' as $$
declare change record; replaced int := 0;
begin
    for change in select * from jsonb_to_recordset(p_changes) as c(connection_id uuid, field text, old text, new text)
                  order by connection_id, field loop
        update private.platform_tokens
           set access_token = case when change.field = 'access_token' then change.new else access_token end,
               refresh_token = case when change.field = 'refresh_token' then change.new else refresh_token end
         where connection_id = change.connection_id
           and case change.field when 'access_token' then access_token = change.old
                                 when 'refresh_token' then refresh_token = change.old else false end;
        replaced := replaced + found::int;
    end loop;
    return replaced;
end $$;
revoke all on function public.rewrap_tokens(jsonb) from public, anon, authenticated;
grant execute on function public.rewrap_tokens(jsonb) to service_role;
