-- The embedding service is told when so much seems to be gone that nothing goes.

-- hold_deletions: very many would go: nothing does, and it is a question to a person, told once. The newest numbers of it stand.
create or replace function private.hold_deletions(job public.sync_jobs, p_table text, p_children jsonb, p_held bigint, p_stored bigint)
returns void language plpgsql set search_path = '' as $$
declare question bigint;
begin
    update private.held_deletions set run_id = job.run_id, held = p_held, stored = p_stored
     where connection_id = job.connection_id and table_name = p_table and decided_at is null;
    if found then
        return;
    end if;
    insert into private.held_deletions (connection_id, entity, table_name, children, run_id, held, stored)
    values (job.connection_id, job.entity, p_table, p_children, job.run_id, p_held, p_stored) returning id into question;
    perform private.tell(job.user_id, 'deletions.held', jsonb_build_object(
        'connection_id', job.connection_id, 'platform', job.platform,
        'shop_id', (select a.shop_id from public.connected_accounts as a where a.id = job.connection_id), 'entity', job.entity,
        'run_id', job.run_id, 'deletion_id', question, 'held', p_held, 'stored', p_stored));
end $$;
