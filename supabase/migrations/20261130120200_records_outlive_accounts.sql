-- What an administrator did, and what was asked of us and settled, stays when an account goes, and names nobody then
-- (docs/decisions/028). And a budget that nobody has used for long goes.

alter table private.api_budgets add column made_at timestamptz not null default clock_timestamp();
create index api_budgets_by_age on private.api_budgets (made_at);

alter table private.admin_actions drop constraint admin_actions_user_id_fkey, drop constraint admin_actions_subject_id_fkey;
alter table private.admin_actions alter column user_id drop not null;
alter table private.admin_actions add column actor text, add column subject text;
update private.admin_actions
   set actor = left(encode(sha256(convert_to(user_id::text, 'UTF8')), 'hex'), 16),
       subject = left(encode(sha256(convert_to(coalesce(subject_id, user_id)::text, 'UTF8')), 'hex'), 16);
alter table private.admin_actions alter column actor set not null, alter column subject set not null;
alter table private.admin_actions
    add constraint admin_actions_user_id_fkey foreign key (user_id) references public.profiles (user_id) on delete set null,
    add constraint admin_actions_subject_id_fkey foreign key (subject_id) references public.profiles (user_id) on delete set null;
create index admin_actions_of_user on private.admin_actions (user_id);
create index admin_actions_of_subject on private.admin_actions (subject_id);

alter table private.privacy_requests drop constraint privacy_requests_user_id_fkey;
alter table private.privacy_requests alter column user_id drop not null;
alter table private.privacy_requests
    add constraint privacy_requests_user_id_fkey foreign key (user_id) references public.profiles (user_id) on delete set null;
create index privacy_requests_of_user on private.privacy_requests (user_id);

-- pseudonym: what stays of somebody, or of a shop, in a record that outlives them: who knows the id can find it, and nobody
-- finds the id by it.
create or replace function private.pseudonym(p_id text) returns text
language sql immutable set search_path = '' as $$
    select left(encode(sha256(convert_to(p_id, 'UTF8')), 'hex'), 16);
$$;

-- leave_records: an account goes, and all that it held: whatever was asked about its shops is done by that. The records
-- stay, without anything that says whose they were.
create or replace function private.leave_records() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.settle(r.id, 'erased with the account') from private.privacy_requests as r where r.user_id = old.user_id;
    update private.privacy_requests
       set connection_id = null, shop_id = private.pseudonym(platform || ':' || shop_id), subject = '{}'
     where user_id = old.user_id;
    update private.admin_actions set details = details - 'shop_id' where subject_id = old.user_id and details ? 'shop_id';
    return old;
end $$;
create trigger leave_records before delete on public.profiles
    for each row execute function private.leave_records();
