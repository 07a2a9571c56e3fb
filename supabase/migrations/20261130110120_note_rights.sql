-- What was granted is asked of the platform where a right that was thought to be there is refused.

-- note_rights: what the platform says now that the seller granted.
create or replace function public.note_rights(p_lease_id uuid, p_rights text[]) returns void
language plpgsql security definer set search_path = '' as $$
declare job public.sync_jobs := private.leased_job(p_lease_id);
begin
    update private.platform_tokens set rights = p_rights where connection_id = job.connection_id;
end $$;

revoke all on function public.note_rights(uuid, text[]) from public, anon, authenticated;

grant execute on function public.note_rights(uuid, text[]) to service_role;
