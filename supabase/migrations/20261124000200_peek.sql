-- A seller asks what a backfill would cost: the platform is asked for counts, and there is no job whose lease could
-- stand for the tokens. Who asks comes from a verified session, as everywhere outside of workers.

-- peek_tokens: the tokens of a user's own connection, as read_tokens answers them, and since when the shop exists.
-- For one question at once: nothing that is peeked at is refreshed or kept. Null where nothing is connected.
create function public.peek_tokens(p_user_id uuid, p_platform text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
    return (select private.tokens_as_json(a.id) || jsonb_build_object('shop_created_at', a.shop_created_at)
            from public.connected_accounts as a where a.user_id = p_user_id and a.platform = p_platform);
end $$;

revoke all on function public.peek_tokens(uuid, text) from public, anon, authenticated;
grant execute on function public.peek_tokens(uuid, text) to service_role;
