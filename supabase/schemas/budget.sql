-- The day's calls: the ledger, shares of the classes, lending, blocks of calls, shares of errors. Why it is here and
-- not in Valkey: directives/rate_budgets.md. Every clock is the database's; a bucket is five minutes, the window is the
-- rolling 24 hours.

create table private.api_budgets (
    scope text primary key,
    -- What the platform's headers told; null until they do.
    per_second bigint check (per_second > 0),
    per_day bigint check (per_day > 0),
    asked_at timestamptz,
    blocked_until timestamptz,
    -- While Valkey is away: the steady stream of calls is used up to here.
    paced_until timestamptz,
    -- Valkey hands out the slots of the second until here; before that Postgres must not.
    valkey_until timestamptz,
    -- External calls in the platform's own window, by the counts that its answers told.
    external_calls bigint not null default 0,
    external_first bigint not null default 0,
    external_peak bigint not null default 0,
    watched_from timestamptz,
    seen_at timestamptz,
    -- The unused shares of others are lent evenly over the day, up to here.
    lent_until timestamptz,
    -- Backfills have asked: from then on for a day their share is kept for them.
    backfill_asked_at timestamptz,
    blocked_reason text,
    -- Shadow mode: what would have been refused.
    would_refuse bigint not null default 0,
    made_at timestamptz not null default clock_timestamp()
);
create index api_budgets_by_age on private.api_budgets (made_at);
comment on table private.api_budgets is 'A scope: calls that a platform counts together. Its row is the lock of the ledger.';

create table private.api_calls (
    scope text not null references private.api_budgets (scope) on delete cascade,
    bucket timestamptz not null,
    class text not null check (class in ('live', 'incremental', 'backfill', 'sample', 'external')),
    reserved bigint not null default 0,
    returned bigint not null default 0,
    -- Of those booked here: calls out of the unused shares of others.
    lent bigint not null default 0,
    primary key (scope, bucket, class),
    check (returned between 0 and reserved)
);
create index api_calls_by_age on private.api_calls (bucket);
comment on table private.api_calls is 'The day''s call ledger. reserved - returned counts as sent, whatever became of it.';

create table private.call_blocks (
    id uuid primary key,
    scope text not null references private.api_budgets (scope) on delete cascade,
    class text not null,
    bucket timestamptz not null,
    -- What each call moved lent_until on by; null where nothing was lent.
    lent interval,
    calls int not null,
    closed boolean not null default false
);
comment on table private.call_blocks is 'Reservations by the id that the worker chose, so that a repeat after a lost answer changes nothing.';
create index call_blocks_by_age on private.call_blocks (bucket);

create table private.person_calls (
    scope text not null,
    user_id uuid not null references public.profiles (user_id) on delete cascade,
    hour timestamptz not null,
    calls int not null,
    primary key (scope, hour, user_id)
);
create index person_calls_by_user on private.person_calls (user_id);
create index person_calls_by_age on private.person_calls (hour);
comment on table private.person_calls is 'Calls that persons caused by asking, by the hour. A day is kept; what they cost is in api_calls.';

create table private.api_answers (
    scope text not null references private.api_budgets (scope) on delete cascade,
    bucket timestamptz not null,
    answers bigint not null default 0,
    errors bigint not null default 0,
    primary key (scope, bucket)
);
create index api_answers_by_age on private.api_answers (bucket);
comment on table private.api_answers is 'How many answers were errors, for platforms that limit the share.';

-- lock_scope: the scope's row, made where it is missing, locked until the transaction ends.
create or replace function private.lock_scope(p_scope text) returns private.api_budgets
language plpgsql set search_path = '' as $$
declare budget private.api_budgets;
begin
    select * into budget from private.api_budgets where scope = p_scope for update;
    if not found then
        insert into private.api_budgets (scope) values (p_scope) on conflict do nothing;
        select * into budget from private.api_budgets where scope = p_scope for update;
    end if;
    return budget;
end $$;

-- bucket_of: the start of the five minutes that a moment lies in.
create or replace function private.bucket_of(p_moment timestamptz) returns timestamptz
language sql immutable set search_path = '' as $$
    select date_bin('5 minutes', p_moment, '2000-01-01 00:00:00+00'::timestamptz);
$$;

-- window_frees_at: when so many buckets have left the window that at most p_keep calls of these classes remain.
create or replace function private.window_frees_at(p_scope text, p_now timestamptz, p_classes text[], p_keep bigint)
returns timestamptz language sql stable set search_path = '' as $$
    select coalesce(max(bucket) + interval '24 hours 5 minutes', p_now)
    from (select bucket, sum(sum(reserved - returned)) over (order by bucket desc) as from_here
          from private.api_calls
          where scope = p_scope and class = any (p_classes) and bucket > p_now - interval '24 hours 5 minutes'
          group by bucket) as buckets
    where from_here > p_keep;
$$;

-- calls_used: what the window holds by class. `sure`: ours that the platform counts for certain, whatever its buckets
-- (up to an hour long) and however late its count: neither about to leave its window nor perhaps unsent.
create or replace function private.calls_used(
    p_scope text, p_now timestamptz,
    out live bigint, out incremental bigint, out backfill bigint, out own bigint, out sure bigint, out lent bigint)
language sql stable set search_path = '' as $$
    select coalesce(sum(calls) filter (where class = 'live'), 0), coalesce(sum(calls) filter (where class = 'incremental'), 0),
           coalesce(sum(calls) filter (where class = 'backfill'), 0), coalesce(sum(calls), 0),
           coalesce(sum(calls) filter (where bucket > p_now - interval '23 hours'
                                         and bucket < private.bucket_of(p_now) - interval '5 minutes'), 0),
           coalesce(sum(lent), 0)
    from (select class, bucket, reserved - returned as calls, lent from private.api_calls
          where scope = p_scope and class <> 'external' and bucket > p_now - interval '24 hours 5 minutes') as window_;
$$;

-- available_calls: how many calls of the day a class may book now; none: when to come back, and why. `lent`: they
-- belong to the unused shares of others. A lent call comes back when it leaves the window, so shares are lent evenly
-- over the day: whoever wants his share back gets it at that pace from the first minute on, and an hour's worth of it
-- at once.
create or replace function private.available_calls(
    budget private.api_budgets, p_class text, p_wanted int, p_now timestamptz, p_per_day bigint,
    p_backfill_share double precision, p_live_share double precision, p_day_margin double precision,
    out free bigint, out lent interval, out probe boolean, out wake timestamptz, out reason text, out used bigint)
language plpgsql stable set search_path = '' as $$
declare
    calls record := private.calls_used(budget.scope, p_now);
    external_ bigint := private.external_hold(budget, p_now);
    usable bigint := greatest(1, floor(p_per_day * (1 - p_day_margin)));
    backfill_limit bigint := floor(p_per_day * p_backfill_share);
    live_left bigint := greatest(0, floor(p_per_day * p_live_share)::bigint - calls.live);
    backfill_left bigint := greatest(0, backfill_limit - calls.backfill);
    available bigint := usable - calls.own - external_;
    -- Worth coming back for: a five-hundredth of the day.
    need bigint := least(p_wanted, ceil(usable / 500.0));
    own constant text[] := '{live,incremental,backfill,sample}';
    kept bigint := 0; floor_ bigint; patience interval;
begin
    used := calls.own + budget.external_calls;
    probe := false;
    reason := 'the daily calls are used up';
    if p_class = 'backfill' then
        kept := live_left;
    elsif p_class = 'incremental' then
        kept := live_left + case when budget.backfill_asked_at > p_now - interval '24 hours' then backfill_left else 0 end;
    elsif p_class = 'sample' then
        kept := live_left + case when budget.backfill_asked_at > p_now - interval '24 hours' then backfill_left else 0 end
                + ceil(p_per_day * (private.sampling_terms()).reserve)::bigint;
    end if;
    floor_ := least(kept, ceil(p_per_day * p_live_share / 24)::bigint);
    -- What is lent already stays lent until it leaves the window: it need not be kept a second time.
    free := available - greatest(floor_, kept - calls.lent);
    wake := private.window_frees_at(budget.scope, p_now, own,
                                    greatest(0, usable - external_ - greatest(floor_, kept - calls.lent) - need));
    if p_class = 'incremental' and free <= 0 and kept > calls.lent then
        lent := interval '24 hours' / kept;
        free := least(floor(extract(epoch from p_now - greatest(coalesce(budget.lent_until, p_now), p_now - interval '1 hour'))
                            / extract(epoch from lent))::bigint,
                      available - floor_);
        wake := least(wake, p_now + least(interval '15 minutes', greatest(lent * need, interval '1 minute')));
    end if;
    if p_class = 'backfill' and backfill_left < free then
        free := backfill_left;
        if free <= 0 then
            reason := 'the share of backfills in the daily calls is used up';
            wake := greatest(wake, private.window_frees_at(budget.scope, p_now, '{backfill}',
                                                           backfill_limit - least(need, backfill_limit)));
        end if;
    end if;
    if p_class = 'sample' then
        -- What is left over, of which nothing is lent, and no more of the day than their share; within an hour more may be.
        free := least(available - kept, floor(p_per_day * (private.sampling_terms()).share)::bigint
                                        - private.sampled_calls(budget.scope, p_now));
        reason := 'no calls of the day are left over';
        wake := p_now + interval '1 hour';
    end if;
    -- How many external calls are expected changes with every answer that somebody gets.
    if free <= 0 and free + external_ > 0 and (p_class <> 'backfill' or backfill_left > 0) then
        wake := least(wake, p_now + interval '15 minutes');
    end if;
    -- Only external calls stand in the way, and only an answer can tell that they are gone: ask now and then.
    if p_class <> 'sample' and available <= 0 and available + external_ > 0 and (p_class <> 'backfill' or backfill_left > 0) then
        lent := null;
        patience := private.external_patience(budget, calls.own, external_, p_now, p_per_day);
        probe := coalesce(coalesce(budget.asked_at, '-infinity') <= p_now - patience, false);
        free := case when probe then 1 else 0 end;
        wake := least(wake, coalesce(budget.asked_at, p_now) + patience);
    end if;
    -- After a silence nobody knows what others did meanwhile: the first calls go one by one, until an answer has told.
    if budget.seen_at < p_now - interval '1 minute' then
        free := least(free, 1);
    end if;
end $$;

-- reserve_calls: a block of calls of the day before any of them is sent, or the time to come back. `p_seen`: the last
-- limits that an answer told this process. Blocks shrink as the day runs out, so that the last calls are shared. A
-- block ends ten seconds before its bucket does, so that no call is sent in a later bucket than it is booked in.
create or replace function public.reserve_calls(
    p_block_id uuid, p_scope text, p_class text, p_wanted int, p_per_second bigint, p_per_day bigint,
    p_backfill_share double precision, p_live_share double precision default 0, p_day_margin double precision default 0,
    p_seen jsonb default null, p_shadow boolean default false) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    spot timestamptz := private.bucket_of(now_ + interval '15 seconds');
    day_limit bigint; granted_ int := 0; available record; wake timestamptz; reason_ text := ''; shadowed text; lent_ interval;
    block private.call_blocks;
begin
    if p_wanted < 1 or p_class not in ('live', 'incremental', 'backfill', 'sample') then
        raise exception using errcode = 'PT400', message = 'wrong_reservation';
    end if;
    if p_seen is not null then
        budget := private.note_limits(budget, now_, (p_seen ->> 'per_second')::bigint, (p_seen ->> 'per_day')::bigint,
                                      (p_seen ->> 'remaining_today')::bigint);
    end if;
    day_limit := coalesce(budget.per_day, p_per_day);
    select * into block from private.call_blocks where id = p_block_id;
    if found then
        spot := block.bucket;
        granted_ := case when block.closed then 0 else block.calls end;
        wake := now_;
    else
        if budget.blocked_until > now_ then
            wake := budget.blocked_until;
            reason_ := coalesce(budget.blocked_reason, 'the platform says that the daily calls are used up');
        elsif day_limit is null then
            granted_ := p_wanted;
        else
            if p_class = 'backfill' then
                update private.api_budgets set backfill_asked_at = now_
                 where scope = p_scope and coalesce(backfill_asked_at, '-infinity') < now_ - interval '10 minutes';
            end if;
            available := private.available_calls(budget, p_class, p_wanted, now_, day_limit, p_backfill_share, p_live_share,
                                                 p_day_margin);
            granted_ := greatest(0, least(p_wanted, greatest(available.free / 10, 1), available.free));
            wake := available.wake;
            reason_ := available.reason;
            lent_ := available.lent;
            update private.api_budgets
               set asked_at = case when available.probe then now_ else asked_at end,
                   lent_until = case when available.lent is not null
                                then greatest(coalesce(lent_until, now_), now_ - interval '1 hour') + available.lent * granted_
                                else lent_until end
             where scope = p_scope and (available.probe or available.lent is not null);
        end if;
        if granted_ = 0 and p_shadow then
            shadowed := reason_;
            granted_ := p_wanted;
            update private.api_budgets set would_refuse = would_refuse + granted_ where scope = p_scope;
        end if;
        if granted_ > 0 then
            insert into private.call_blocks (id, scope, class, bucket, calls, lent)
            values (p_block_id, p_scope, p_class, spot, granted_, lent_);
            insert into private.api_calls as ledger (scope, bucket, class, reserved, lent)
            values (p_scope, spot, p_class, granted_, case when lent_ is null then 0 else granted_ end)
            on conflict (scope, bucket, class) do update
               set reserved = ledger.reserved + excluded.reserved, lent = ledger.lent + excluded.lent;
        end if;
    end if;
    return jsonb_build_object(
        'granted', granted_,
        'expires_in_seconds', extract(epoch from spot + interval '4 minutes 50 seconds' - now_),
        'wake_at', case when granted_ = 0 then wake end,
        'wake_in_seconds', case when granted_ = 0 then greatest(1, extract(epoch from wake - now_)) end,
        'reason', case when granted_ = 0 then reason_ end,
        'would_refuse', shadowed,
        'used', case when day_limit is null then null else
            (select used.own + budget.external_calls from private.calls_used(p_scope, now_) as used) end,
        'per_second', coalesce(budget.per_second, p_per_second),
        'per_day', day_limit);
end $$;
revoke all on function
    public.reserve_calls(uuid, text, text, int, bigint, bigint, double precision, double precision, double precision, jsonb, boolean)
    from public, anon, authenticated;
grant execute on function
    public.reserve_calls(uuid, text, text, int, bigint, bigint, double precision, double precision, double precision, jsonb, boolean)
    to service_role;

-- return_calls: unused calls of a block go back, once, while its bucket lasts. Later they stay counted as spent.
create or replace function public.return_calls(p_block_id uuid, p_unused int) returns boolean
language plpgsql security definer set search_path = '' as $$
declare block private.call_blocks; scope_ text; unused int;
begin
    select scope into scope_ from private.call_blocks where id = p_block_id;
    perform private.lock_scope(scope_) where scope_ is not null;
    update private.call_blocks set closed = true
     where id = p_block_id and not closed and bucket + interval '5 minutes' > clock_timestamp()
    returning * into block;
    if block.id is null then
        return false;
    end if;
    unused := greatest(0, least(p_unused, block.calls));
    update private.api_calls
       set returned = returned + unused, lent = lent - case when block.lent is null then 0 else unused end
     where scope = block.scope and bucket = block.bucket and class = block.class;
    update private.api_budgets set lent_until = lent_until - block.lent * unused
     where scope = block.scope and block.lent is not null;
    return true;
end $$;
revoke all on function public.return_calls(uuid, int) from public, anon, authenticated;
grant execute on function public.return_calls(uuid, int) to service_role;

-- block_scope: nobody calls for so long, at most a day; the longer of two blocks stands.
create or replace function public.block_scope(p_scope text, p_seconds double precision, p_reason text default null)
returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    until timestamptz := clock_timestamp() + make_interval(secs => greatest(1, least(p_seconds, 86400)));
begin
    if until > coalesce(budget.blocked_until, '-infinity') then
        update private.api_budgets set blocked_until = until, blocked_reason = p_reason where scope = p_scope;
        return until;
    end if;
    return budget.blocked_until;
end $$;
revoke all on function public.block_scope(text, double precision, text) from public, anon, authenticated;
grant execute on function public.block_scope(text, double precision, text) to service_role;

-- count_answers: keep the share of errors in the last hour under what the platform allows. With fewer than a hundred
-- answers the share is taken of a hundred: one bad answer in three is no trend. Answers how long nobody calls now.
create or replace function public.count_answers(
    p_scope text, p_answers int, p_errors int, p_pause_share double precision, p_stop_share double precision)
returns double precision language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    share double precision; wait double precision := 0;
begin
    insert into private.api_answers as kept (scope, bucket, answers, errors)
    values (p_scope, private.bucket_of(now_), p_answers, p_errors)
    on conflict (scope, bucket) do update
       set answers = kept.answers + excluded.answers, errors = kept.errors + excluded.errors;
    select sum(errors)::double precision / greatest(100, sum(answers)) into share from private.api_answers
     where scope = p_scope and bucket > now_ - interval '1 hour';
    if p_errors > 0 and share >= p_pause_share then
        wait := case when share >= p_stop_share then 3600 else 300 end;
        perform public.block_scope(p_scope, wait, format('%s %% of the platform''s answers are errors: held before it refuses us',
                                                         round((share * 100)::numeric, 1)));
    end if;
    return wait;
end $$;
revoke all on function
    public.count_answers(text, int, int, double precision, double precision)
    from public, anon, authenticated;
grant execute on function public.count_answers(text, int, int, double precision, double precision) to service_role;

-- count_person_call: one more call that a person causes by asking. Answers the seconds until it may be, 0 where it may be
-- now: nobody takes more of the day than one person's share, and what could as well not be asked (p_optional) no more
-- than the share of all persons together.
create or replace function public.count_person_call(
    p_user_id uuid, p_scope text, p_optional boolean, p_per_day bigint, p_person_share double precision,
    p_people_share double precision) returns int
language plpgsql security definer set search_path = '' as $$
declare budget private.api_budgets := private.lock_scope(p_scope); now_ timestamptz := clock_timestamp();
        day_limit bigint := coalesce(budget.per_day, p_per_day); own bigint; everybodys bigint; oldest timestamptz;
begin
    select coalesce(sum(calls) filter (where user_id = p_user_id), 0), coalesce(sum(calls), 0),
           min(hour) filter (where user_id = p_user_id)
    into own, everybodys, oldest
    from private.person_calls where scope = p_scope and hour > now_ - interval '1 day';
    if own >= greatest(10, day_limit * p_person_share)
       or (p_optional and everybodys >= greatest(10, day_limit * p_people_share)) then
        return greatest(60, ceil(extract(epoch from coalesce(oldest, now_) + interval '1 day' - now_)))::int;
    end if;
    insert into private.person_calls as kept (scope, user_id, hour, calls)
    select p_scope, user_id, date_trunc('hour', now_), 1 from public.profiles where user_id = p_user_id
    on conflict (scope, hour, user_id) do update set calls = kept.calls + 1;
    return 0;
end $$;
revoke all on function public.count_person_call(uuid, text, boolean, bigint, double precision, double precision)
    from public, anon, authenticated;
grant execute on function public.count_person_call(uuid, text, boolean, bigint, double precision, double precision)
    to service_role;
