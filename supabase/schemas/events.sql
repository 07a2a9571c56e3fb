-- Events out: what the service that embeds Keeper is told. Each is a row that is written in the very transaction that it
-- tells of, and is sent afterwards (execution/events/), at least once, in the order of its tenant (docs/decisions/033). A row
-- holds ids, codes and counts: no secret, and nothing of a buyer.

create table private.outbox (
    -- What receivers know it by, however often it comes.
    id uuid primary key default gen_random_uuid(),
    -- The order in which a tenant's events are told.
    seq bigint generated always as identity unique,
    -- No foreign key: that a tenant is deleted is told after it was.
    user_id uuid not null,
    type text not null,
    data jsonb not null,
    happened_at timestamptz not null default clock_timestamp(),
    -- When it is tried next, and who has it in hand until when.
    due_at timestamptz not null default clock_timestamp(),
    leased_until timestamptz,
    -- From here on the time counts after which it is given up.
    retried_from timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    -- Of the attempts since then; the wait grows with them.
    failures int not null default 0,
    -- Of the last attempt: the stable word of why it failed, and whether whoever listens was away altogether.
    failure text,
    is_away boolean not null default false,
    outcome text check (outcome in ('sent', 'given_up')),
    ended_at timestamptz,
    check ((outcome is null) = (ended_at is null))
);
comment on table private.outbox is 'What the embedding service is told, in the transaction that it tells of.';
create index outbox_due on private.outbox (due_at, seq) where ended_at is null;
create index outbox_waiting on private.outbox (user_id, seq) where ended_at is null;
create index outbox_longest on private.outbox (retried_from) where ended_at is null;
create index outbox_failing on private.outbox (retried_from) where ended_at is null and failures > 0;
create index outbox_given_up on private.outbox (ended_at) where outcome = 'given_up';
create index outbox_of_user on private.outbox (user_id, seq);
create index outbox_by_age on private.outbox (happened_at);

-- tell: one event. The lock on the row that changed orders the events of one thing.
create or replace function private.tell(p_user_id uuid, p_type text, p_data jsonb) returns void
language sql set search_path = '' as $$
    insert into private.outbox (user_id, type, data) values (p_user_id, p_type, p_data);
$$;

-- tell_connection: a shop is connected, is disconnected, or may not be read any more.
create or replace function private.tell_connection() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.tell(new.user_id, 'connection.' || new.status, jsonb_build_object(
        'connection_id', new.id, 'platform', new.platform, 'shop_id', new.shop_id));
    return null;
end $$;
create trigger tell_connection after insert on public.connected_accounts
    for each row execute function private.tell_connection();
create trigger tell_status after update of status on public.connected_accounts
    for each row when (new.status <> old.status) execute function private.tell_connection();

-- tell_backfill: all of a user's backfill jobs have ended. One that ended so before is not told again.
create or replace function private.tell_backfill() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform private.tell(new.user_id, case when new.backfill_status = 'failed' then 'backfill.failed' else 'backfill.completed' end,
        jsonb_build_object('status', new.backfill_status, 'entities', (
            select coalesce(jsonb_agg(jsonb_build_object(
                       'connection_id', n.connection_id, 'platform', n.platform, 'shop_id', a.shop_id, 'entity', n.entity,
                       'status', n.status, 'code', n.error_code, 'records', coalesce(c.distinct_keys - c.rejected, n.records_done),
                       'rejected', n.records_rejected) order by n.platform, a.shop_id, n.position), '[]')
            from (select distinct on (connection_id, entity) * from public.sync_jobs
                  where user_id = new.user_id and job_type = 'backfill'
                  order by connection_id, entity, created_at desc, id) as n
            join public.connected_accounts as a on a.id = n.connection_id
            left join public.certificates as c on c.id = n.certificate_id)));
    return null;
end $$;
create trigger tell_backfill after update of backfill_status on public.profiles
    for each row when (new.backfill_status <> old.backfill_status
                       and new.backfill_status in ('completed', 'completed_with_rejects', 'failed'))
    execute function private.tell_backfill();

-- tell_ended: an entity could not be read to its proof (once, until the reason is another one), or a round brought something.
-- A round that brought nothing is told where a person asked for it, or where the one before it had failed.
create or replace function private.tell_ended() returns trigger
language plpgsql security definer set search_path = '' as $$
declare before public.sync_jobs; facts jsonb; seen record; gone bigint;
begin
    if new.job_type = 'refresh' then
        -- Nothing of the shop has changed.
        return null;
    end if;
    select * into before from public.sync_jobs as j
     where j.connection_id = new.connection_id and j.entity = new.entity and j.id <> new.id and j.finished_at is not null
       and j.job_type not in ('refresh', 'sample')
     order by j.created_at desc limit 1;
    facts := jsonb_build_object('connection_id', new.connection_id, 'platform', new.platform, 'shop_id', (
                 select a.shop_id from public.connected_accounts as a where a.id = new.connection_id),
                 'entity', new.entity, 'run_id', new.run_id);
    -- That a shop was disconnected is told of the shop.
    if new.status <> 'completed' and new.job_type <> 'sample' and new.error_code <> 'disconnected' and new.error_code is distinct from before.error_code then
        perform private.tell(new.user_id, 'entity.incomplete', facts || jsonb_build_object(
            'status', new.status, 'code', new.error_code, 'records', new.records_done, 'rejected', new.records_rejected));
    end if;
    if new.job_type = 'backfill' or new.certificate_id is null then
        return null;
    end if;
    select coalesce(sum(g.created), 0) as created, coalesce(sum(g.updated), 0) as updated, coalesce(sum(g.rejected), 0) as rejected
      into seen from public.sync_pages as g where g.job_id = new.id;
    select coalesce(sum((c #>> '{detail,gone}')::bigint), 0) into gone
      from public.certificates as k, jsonb_array_elements(k.checks) as c
     where k.id = new.certificate_id and c ->> 'name' = 'gone';
    if seen.created + seen.updated + seen.rejected + gone > 0
       or before.id is not null and before.certificate_id is null
       or exists (select from public.sync_runs as r where r.id = new.run_id and r.trigger not in ('round', 'webhook')) then
        perform private.tell(new.user_id, 'sync.completed', facts || jsonb_build_object(
            'created', seen.created, 'updated', seen.updated, 'deleted', gone, 'rejected', seen.rejected));
    end if;
    return null;
end $$;
create trigger tell_ended after update of status on public.sync_jobs
    for each row when (old.finished_at is null and new.finished_at is not null) execute function private.tell_ended();

-- tell_deleted: a tenant is gone, and whatever was still to be told of it: only that is. Not before what is in hand has
-- left it.
create or replace function private.tell_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
declare in_hand timestamptz;
begin
    with gone as (delete from private.outbox where user_id = old.user_id returning leased_until)
    select max(g.leased_until) into in_hand from gone as g;
    insert into private.outbox (user_id, type, data, due_at)
    values (old.user_id, 'tenant.deleted', '{}', greatest(in_hand, clock_timestamp()));
    return null;
end $$;
create trigger tell_deleted after delete on public.profiles
    for each row execute function private.tell_deleted();

-- next_event: whose turn it is in a tenant's line.
create or replace function private.next_event(p_user_id uuid) returns private.outbox
language sql stable set search_path = '' as $$
    select o from private.outbox as o where o.user_id = p_user_id and o.ended_at is null order by o.seq limit 1;
$$;

-- claim_events: events that are due, at most one a tenant, leased for so long. An event behind another one of its tenant waits
-- until that one's next try, so that it is looked at no more often. What could not be told for `p_give_up_seconds` is given up:
-- the next one's turn has come. Two who claim get different ones.
create or replace function public.claim_events(p_limit int, p_lease_seconds double precision, p_give_up_seconds double precision)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare now_ timestamptz := clock_timestamp(); one private.outbox; head private.outbox; claimed jsonb := '[]';
begin
    for one in update private.outbox as o set outcome = 'given_up', ended_at = now_
               where o.id = any (array(
                   select g.id from private.outbox as g
                   where g.ended_at is null and g.retried_from < now_ - make_interval(secs => p_give_up_seconds)
                     and g.due_at <= now_ and coalesce(g.leased_until, now_) <= now_
                   order by g.retried_from limit 500 for update skip locked))
               returning o.* loop
        perform private.wake_next_event(one.user_id);
    end loop;
    for one in select * from private.outbox as o
               where o.ended_at is null and o.due_at <= now_ and coalesce(o.leased_until, now_) <= now_
               order by o.due_at, o.seq limit 500 for update skip locked loop
        exit when jsonb_array_length(claimed) >= p_limit;
        head := private.next_event(one.user_id);
        if head.id = one.id then
            update private.outbox
               set leased_until = now_ + make_interval(secs => p_lease_seconds), attempts = attempts + 1
             where id = one.id returning * into one;
            claimed := claimed || to_jsonb(one);
        else
            update private.outbox
               set due_at = greatest(head.due_at, head.leased_until, now_ + interval '1 second') where id = one.id;
        end if;
    end loop;
    return claimed;
end $$;
revoke all on function public.claim_events(int, double precision, double precision) from public, anon, authenticated;
grant execute on function public.claim_events(int, double precision, double precision) to service_role;

-- wake_next_event: the one before it has ended.
create or replace function private.wake_next_event(p_user_id uuid) returns void
language sql set search_path = '' as $$
    update private.outbox set due_at = least(due_at, clock_timestamp())
     where id = (private.next_event(p_user_id)).id and failures = 0;
$$;

-- settle_event: what became of an attempt. `p_failure` null: it was received. `p_is_away`: nobody listened, so that it says
-- nothing of this event; whoever waits for that is tried again once one was received. Answers false where the attempt was
-- another's by then.
create or replace function public.settle_event(p_id uuid, p_attempt int, p_failure text default null,
                                               p_delay_seconds double precision default 0, p_is_away boolean default false)
returns boolean language plpgsql security definer set search_path = '' as $$
declare event private.outbox; now_ timestamptz := clock_timestamp();
begin
    update private.outbox
       set leased_until = null, failure = p_failure, is_away = p_failure is not null and p_is_away,
           failures = case when p_failure is null then 0 else failures + 1 end,
           due_at = now_ + make_interval(secs => greatest(p_delay_seconds, 0)),
           outcome = case when p_failure is null then 'sent' end, ended_at = case when p_failure is null then now_ end
     where id = p_id and attempts = p_attempt and ended_at is null
    returning * into event;
    if event.id is null then
        return false;
    end if;
    if p_failure is null then
        perform private.wake_next_event(event.user_id);
        update private.outbox set due_at = now_
         where id = any (array(select o.id from private.outbox as o
                               where o.ended_at is null and o.is_away and o.due_at > now_ and o.leased_until is null
                               order by o.due_at limit 100 for update skip locked));
    end if;
    return true;
end $$;
revoke all on function public.settle_event(uuid, int, text, double precision, boolean) from public, anon, authenticated;
grant execute on function public.settle_event(uuid, int, text, double precision, boolean) to service_role;

-- events_out: what was told and what waits, the newest first, a page at a time: before a number of the order. Of one user, of one
-- kind, in one state (waiting, sent, given_up), or one event by its id.
create or replace function public.events_out(p_user_id uuid default null, p_type text default null, p_state text default null,
                                             p_id uuid default null, p_before bigint default null, p_limit int default 50)
returns jsonb language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(to_jsonb(o) || jsonb_build_object('state', coalesce(o.outcome, 'waiting')) order by o.seq desc), '[]')
    from (select * from private.outbox as e
          where (p_user_id is null or e.user_id = p_user_id) and (p_type is null or e.type = p_type)
            and (p_state is null or coalesce(e.outcome, 'waiting') = p_state) and (p_id is null or e.id = p_id)
            and (p_before is null or e.seq < p_before)
          order by e.seq desc limit least(p_limit, 1000)) as o;
$$;
revoke all on function public.events_out(uuid, text, text, uuid, bigint, int) from public, anon, authenticated;
grant execute on function public.events_out(uuid, text, text, uuid, bigint, int) to service_role;

-- resend_events: these once more, or all that were given up and happened since. Under the ids that they had, and before what
-- happened later. Answers how many.
create or replace function public.resend_events(p_ids uuid[] default '{}', p_given_up_since timestamptz default null) returns int
language sql security definer set search_path = '' as $$
    with again as (
        update private.outbox
           set outcome = null, ended_at = null, due_at = clock_timestamp(), retried_from = clock_timestamp(), failures = 0,
               failure = null, is_away = false
         where coalesce(leased_until, '-infinity') <= clock_timestamp()
           and (id = any (p_ids) or outcome = 'given_up' and happened_at >= p_given_up_since)
        returning 1)
    select count(*)::int from again;
$$;
revoke all on function public.resend_events(uuid[], timestamptz) from public, anon, authenticated;
grant execute on function public.resend_events(uuid[], timestamptz) to service_role;

-- outbox_facts: how many wait and for how long the first has; for how long one was tried and not received, which no one is where nobody
-- is told; and how many were given up in a day: for metrics and alarms.
create or replace function private.outbox_facts() returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'waiting', (select count(*) from (select 1 from private.outbox where ended_at is null limit 10000) as w),
        'lag_seconds', coalesce((select greatest(0, extract(epoch from clock_timestamp() - min(o.retried_from)))
                                 from private.outbox as o where o.ended_at is null), 0),
        'failing_seconds', coalesce((select greatest(0, extract(epoch from clock_timestamp() - min(o.retried_from)))
                                     from private.outbox as o where o.ended_at is null and o.failures > 0), 0),
        'given_up', (select count(*) from (select 1 from private.outbox
                                           where outcome = 'given_up' and ended_at > clock_timestamp() - interval '1 day'
                                           limit 10000) as g));
$$;
