-- Baseline of budget, written once from supabase/schemas (docs/decisions/022).

-- budget.sql

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
    would_refuse bigint not null default 0
);
comment on table private.api_budgets is 'A scope: calls that a platform counts together. Its row is the lock of the ledger.';

create table private.api_calls (
    scope text not null references private.api_budgets (scope) on delete cascade,
    bucket timestamptz not null,
    class text not null check (class in ('live', 'incremental', 'backfill', 'external')),
    reserved bigint not null default 0,
    returned bigint not null default 0,
    -- Of those booked here: calls out of the unused shares of others.
    lent bigint not null default 0,
    primary key (scope, bucket, class),
    check (returned between 0 and reserved)
);
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

create table private.api_answers (
    scope text not null references private.api_budgets (scope) on delete cascade,
    bucket timestamptz not null,
    answers bigint not null default 0,
    errors bigint not null default 0,
    primary key (scope, bucket)
);
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
    own constant text[] := '{live,incremental,backfill}';
    kept bigint := 0; floor_ bigint; patience interval;
begin
    used := calls.own + budget.external_calls;
    probe := false;
    reason := 'the daily calls are used up';
    if p_class = 'backfill' then
        kept := live_left;
    elsif p_class = 'incremental' then
        kept := live_left + case when budget.backfill_asked_at > p_now - interval '24 hours' then backfill_left else 0 end;
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
    -- How many external calls are expected changes with every answer that somebody gets.
    if free <= 0 and free + external_ > 0 and (p_class <> 'backfill' or backfill_left > 0) then
        wake := least(wake, p_now + interval '15 minutes');
    end if;
    -- Only external calls stand in the way, and only an answer can tell that they are gone: ask now and then.
    if available <= 0 and available + external_ > 0 and (p_class <> 'backfill' or backfill_left > 0) then
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
    if p_wanted < 1 or p_class not in ('live', 'incremental', 'backfill') then
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
            delete from private.call_blocks where bucket < now_ - interval '1 day';
            delete from private.api_calls where scope = p_scope and bucket < now_ - interval '7 days';
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
    delete from private.api_answers where scope = p_scope and bucket < now_ - interval '1 day';
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

-- external_calls.sql

-- Calls that others make with the same key, and the limits that answers tell. Others go on calling between two answers
-- that tell what remains. Why it is so: directives/rate_budgets.md.

-- external_unseen: external calls that no answer has told of yet. `p_expected`: how many they make in a day. The
-- platform's window moves in steps of up to an hour, by which as many have left it as have come.
create or replace function private.external_unseen(budget private.api_budgets, p_expected bigint, p_now timestamptz)
returns bigint
language plpgsql immutable set search_path = '' as $$
declare
    silent double precision := coalesce(least(3600, greatest(0, extract(epoch from p_now - budget.seen_at))), 0);
    steady double precision := p_expected * silent / 86400;
begin
    -- Three deviations of what comes by chance: one question in some hundreds meets more.
    return floor(steady + 3 * sqrt(steady));
end $$;

-- external_hold: how many external calls to expect in any window that is still to come. On the first day what was seen
-- grows on at the pace seen so far; later the highest level of late counts, so that a dip is not taken for a gift.
-- After a silence at least what was seen and what may have come since.
create or replace function private.external_hold(budget private.api_budgets, p_now timestamptz) returns bigint
language plpgsql immutable set search_path = '' as $$
declare
    watched double precision := extract(epoch from p_now - budget.watched_from);
    more double precision := 0;
    expected bigint;
begin
    if watched < 86400 then
        -- A steady level goes up and down by an hour's calls (the platform's buckets) and by chance: that is no growth.
        more := greatest(0, budget.external_calls - budget.external_first * 25 / 24.0 - 2 * sqrt(budget.external_first))
                / greatest(watched, 600) * (86400 - watched);
        more := more + 2 * sqrt(more);
    end if;
    expected := greatest(budget.external_peak, budget.external_calls + ceil(more));
    return greatest(expected, budget.external_calls + private.external_unseen(budget, expected, p_now));
end $$;

-- external_patience: how long after the last answer or question one call asks whether external calls are gone; null:
-- none does. Where the question itself may be the call too many, it is asked only if others have half of what is used:
-- ours leave without it.
create or replace function private.external_patience(
    budget private.api_budgets, p_own bigint, p_external bigint, p_now timestamptz, p_per_day bigint) returns interval
language sql immutable set search_path = '' as $$
    select case
        when p_own + budget.external_calls + private.external_unseen(budget, p_external, p_now) < p_per_day
        then interval '15 minutes'
        when budget.external_calls >= p_own then interval '1 hour'
    end;
$$;

-- note_limits: adopt what an answer told, at once, up or down. What the platform counts beyond our ledger was called by
-- somebody else. Answers overtake each other and windows differ, so the level moves only as far as the count proves.
create or replace function private.note_limits(
    budget private.api_budgets, p_now timestamptz, p_per_second bigint, p_per_day bigint, p_remaining bigint)
returns private.api_budgets language plpgsql set search_path = '' as $$
declare used record; theirs bigint; low bigint; high bigint;
begin
    budget.per_second := coalesce(p_per_second, budget.per_second);
    budget.per_day := coalesce(p_per_day, budget.per_day);
    if p_remaining is not null and budget.per_day is not null then
        used := private.calls_used(budget.scope, p_now);
        theirs := greatest(0, budget.per_day - p_remaining);
        low := greatest(0, theirs - used.own);
        high := greatest(low, theirs - used.sure);
        budget.external_calls := least(greatest(budget.external_calls, low), high);
        if budget.watched_from is null or budget.seen_at < p_now - interval '24 hours' then
            budget.watched_from := p_now;
            budget.external_first := budget.external_calls;
        end if;
        budget.external_peak := least(greatest(budget.external_peak, budget.external_calls),
                                     budget.external_calls + ceil(2 * sqrt(budget.external_calls)));
        budget.seen_at := p_now;
        budget.asked_at := p_now;
    end if;
    update private.api_budgets
       set per_second = budget.per_second, per_day = budget.per_day, external_calls = budget.external_calls,
           external_first = budget.external_first, external_peak = budget.external_peak,
           watched_from = budget.watched_from, seen_at = budget.seen_at, asked_at = budget.asked_at
     where scope = budget.scope;
    return budget;
end $$;

-- report_limits: what an answer's headers told, between two reservations.
create or replace function public.report_limits(
    p_scope text, p_per_second bigint, p_per_day bigint, p_remaining_today bigint) returns void
language plpgsql security definer set search_path = '' as $$
begin
    perform private.note_limits(private.lock_scope(p_scope), clock_timestamp(), p_per_second, p_per_day, p_remaining_today);
end $$;
revoke all on function public.report_limits(text, bigint, bigint, bigint) from public, anon, authenticated;
grant execute on function public.report_limits(text, bigint, bigint, bigint) to service_role;

-- limits_of: the limits that the platform's headers told for a scope; null where they told none yet.
create or replace function public.limits_of(p_scope text) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object('per_second', per_second, 'per_day', per_day)
    from private.api_budgets where scope = p_scope;
$$;
revoke all on function public.limits_of(text) from public, anon, authenticated;
grant execute on function public.limits_of(text) to service_role;

-- pacing.sql

-- The second's calls: who hands out its slots, Valkey or Postgres.
--
-- Buckets change hands between the two without credit, as slots of the second do. What one of them remembers of a
-- bucket is worth nothing once the other has drawn from it: time would have refilled it, the other's calls did not.

create table private.api_buckets (
    scope text not null references private.api_budgets (scope) on delete cascade,
    kind text not null check (kind in ('points', 'calls')),
    level double precision not null,
    at timestamptz not null,
    primary key (scope, kind)
);
comment on table private.api_buckets is 'Buckets of points and calls while Valkey is away: never fuller than the platform''s.';

-- lease_pacing: Valkey may hand out the second's slots for so long. Where its state was lost, or Postgres has handed
-- out slots meanwhile, everything is quiet until whoever has a slot has used it (nobody books more than two seconds
-- ahead). `buckets_drawn`: Postgres drew from the scope's buckets within the hour that Valkey remembers them, so a
-- lease that lapsed meanwhile starts without them.
create or replace function public.lease_pacing(p_scope text, p_seconds double precision, p_state_kept boolean)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    horizon constant interval := interval '2 seconds';
    -- `least` passes over nulls: what never was must count as over.
    quiet interval := greatest(interval '0', least(coalesce(budget.paced_until, now_) - now_, horizon));
begin
    if not p_state_kept then
        quiet := greatest(quiet, least(coalesce(budget.valkey_until, now_ - horizon) + horizon - now_, horizon));
    end if;
    update private.api_budgets set valkey_until = now_ + make_interval(secs => p_seconds) where scope = p_scope;
    return jsonb_build_object(
        'quiet_seconds', extract(epoch from quiet),
        'buckets_drawn', exists (select from private.api_buckets where scope = p_scope and at > now_ - interval '1 hour'));
end $$;
revoke all on function public.lease_pacing(text, double precision, boolean) from public, anon, authenticated;
grant execute on function public.lease_pacing(text, double precision, boolean) to service_role;

-- paced_by_valkey: how long Postgres must not pace: Valkey may, and whoever has a slot of it may be on his way.
create or replace function private.paced_by_valkey(budget private.api_budgets, p_now timestamptz)
returns double precision
language sql immutable set search_path = '' as $$
    select greatest(0, extract(epoch from greatest(budget.blocked_until, budget.valkey_until + interval '2 seconds') - p_now));
$$;

-- pace_call: the next slot of the second while Valkey is away. The same rule as execution/budget/pacing.lua.
create or replace function public.pace_call(
    p_scope text, p_per_second double precision, p_safety_margin double precision, p_longest_wait_seconds double precision)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    limit_ double precision := coalesce(budget.per_second, p_per_second);
    rate double precision := limit_ * (1 - p_safety_margin);
    step interval := make_interval(secs => 1 / rate);
    burst double precision := greatest(1, floor((limit_ - rate) / 2));
    longest interval := make_interval(secs => p_longest_wait_seconds);
    used timestamptz := budget.paced_until;
    wait interval;
    elsewhere double precision := private.paced_by_valkey(budget, now_);
begin
    if elsewhere > 0 then
        return jsonb_build_object('booked', false, 'wait_seconds', elsewhere);
    end if;
    -- Unknown, left over from an earlier absence, or a clock that went back: go on without credit.
    if used is null or used < now_ - interval '1 second'
       or used > now_ + interval '2 seconds' + (burst + 1) * step + interval '1 s' then
        used := now_ + burst * step;
    end if;
    used := greatest(used, now_) + step;
    wait := greatest(interval '0', used - burst * step - now_);
    if wait <= longest then
        update private.api_budgets set paced_until = used where scope = p_scope;
    end if;
    return jsonb_build_object('booked', wait <= longest, 'wait_seconds', extract(epoch from wait));
end $$;
revoke all on function
    public.pace_call(text, double precision, double precision, double precision)
    from public, anon, authenticated;
grant execute on function public.pace_call(text, double precision, double precision, double precision) to service_role;

-- pace_cost: what a call costs, out of a bucket of points or calls, while Valkey is away. Starts without credit, and
-- takes every call for as dear as it was asked: never fuller than the platform's own bucket. A bucket that Valkey may
-- have drawn from since starts without credit too; and Valkey begins again when the calls that wait here are on their
-- way.
create or replace function public.pace_cost(
    p_scope text, p_kind text, p_maximum double precision, p_restore double precision, p_cost double precision,
    p_keep double precision, p_longest_wait_seconds double precision)
returns jsonb language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    bucket private.api_buckets; level_ double precision; wait double precision;
begin
    wait := private.paced_by_valkey(budget, now_);
    if wait > 0 then
        return jsonb_build_object('booked', false, 'wait_seconds', wait);
    end if;
    select * into bucket from private.api_buckets
     where scope = p_scope and kind = p_kind and at > coalesce(budget.valkey_until, '-infinity');
    level_ := least(p_maximum, coalesce(bucket.level + p_restore * greatest(0, extract(epoch from now_ - bucket.at)), p_keep));
    wait := greatest(0, (p_cost + least(p_keep, greatest(0, p_maximum - p_cost)) - level_) / p_restore);
    if wait <= p_longest_wait_seconds then
        level_ := level_ - p_cost;
        update private.api_budgets set paced_until = greatest(paced_until, now_ + make_interval(secs => wait))
         where scope = p_scope;
    end if;
    insert into private.api_buckets (scope, kind, level, at) values (p_scope, p_kind, level_, now_)
    on conflict (scope, kind) do update set level = excluded.level, at = excluded.at;
    return jsonb_build_object('booked', wait <= p_longest_wait_seconds, 'wait_seconds', wait);
end $$;
revoke all on function
    public.pace_cost(text, text, double precision, double precision, double precision, double precision, double precision)
    from public, anon, authenticated;
grant execute on function
    public.pace_cost(text, text, double precision, double precision, double precision, double precision, double precision)
    to service_role;

-- bucket_seen: the platform's own bucket is emptier than ours: others use it too.
create or replace function public.bucket_seen(p_scope text, p_kind text, p_available double precision) returns void
language sql security definer set search_path = '' as $$
    update private.api_buckets set level = least(level, p_available) where scope = p_scope and kind = p_kind;
$$;
revoke all on function public.bucket_seen(text, text, double precision) from public, anon, authenticated;
grant execute on function public.bucket_seen(text, text, double precision) to service_role;

-- budget_report.sql

-- Who used what, what is reserved, when it frees, and when waiting backfills will be done. For operators alone.

-- scope_report: one scope's day.
create or replace function private.scope_report(budget private.api_budgets, p_now timestamptz) returns jsonb
language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'scope', budget.scope, 'platform', split_part(budget.scope, ':', 1),
        'per_second', budget.per_second, 'per_day', budget.per_day,
        'used', jsonb_build_object('live', used.live, 'incremental', used.incremental, 'backfill', used.backfill,
                                   'external', budget.external_calls),
        'lent', used.lent, 'expected_external', private.external_hold(budget, p_now),
        'reserved', (select coalesce(jsonb_agg(jsonb_build_object('class', class, 'calls', calls, 'bucket', bucket)
                                               order by bucket), '[]')
                     from private.call_blocks
                     where scope = budget.scope and not closed and bucket + interval '5 minutes' > p_now),
        'frees', (select coalesce(jsonb_agg(jsonb_build_object('at', at, 'calls', calls) order by at), '[]')
                  from (select bucket + interval '24 hours 5 minutes' as at, sum(reserved - returned)::bigint as calls
                        from private.api_calls
                        where scope = budget.scope and class <> 'external' and reserved > returned
                          and bucket > p_now - interval '24 hours 5 minutes'
                        group by bucket order by bucket limit 12) as soon),
        'blocked_until', case when budget.blocked_until > p_now then budget.blocked_until end,
        'blocked_reason', case when budget.blocked_until > p_now then budget.blocked_reason end,
        'would_refuse', budget.would_refuse, 'seen_at', budget.seen_at,
        'errors_in_the_last_hour', (select coalesce(sum(errors), 0) from private.api_answers
                                    where scope = budget.scope and bucket > p_now - interval '1 hour'))
    from private.calls_used(budget.scope, p_now) as used;
$$;

-- budget_report: each scope of a platform (all when null) with its day, and each platform's waiting work and its
-- tenants.
create or replace function public.budget_report(p_platform text default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare now_ timestamptz := clock_timestamp();
begin
    return jsonb_build_object(
        'now', now_,
        'scopes', (select coalesce(jsonb_agg(private.scope_report(b, now_) order by b.scope), '[]')
                   from private.api_budgets as b
                   where p_platform is null or split_part(b.scope, ':', 1) = p_platform),
        'tenants', (select coalesce(jsonb_agg(to_jsonb(t) order by t.calls desc), '[]')
                    from (select user_id, platform, class, sum(calls)::bigint as calls from private.tenant_calls
                          where hour > now_ - interval '24 hours' and (p_platform is null or platform = p_platform)
                          group by user_id, platform, class order by sum(calls) desc limit 50) as t),
        'waiting', (select coalesce(jsonb_agg(to_jsonb(w) order by w.platform), '[]')
                    from (select platform, count(distinct connection_id) as shops, count(*) as jobs,
                                 count(*) filter (where status = 'parked') as parked,
                                 min(run_after) as next_wake,
                                 -- What a job still needs, by what it took for what is done; unknown before it has begun.
                                 sum(case when done > 0.02 then ceil(calls_used / done * (1 - done)) end)::bigint
                                     as calls_left,
                                 count(*) filter (where coalesce(done, 0) <= 0.02) as jobs_unknown
                          from (select *, least(1, coalesce(fraction, records_done::double precision / nullif(records_total, 0))) as done
                                from public.sync_jobs
                                where status in ('waiting', 'queued', 'running', 'parked') and job_type = 'backfill'
                                  and (p_platform is null or platform = p_platform) limit 100000) as open_
                          group by platform) as w));
end $$;
revoke all on function public.budget_report(text) from public, anon, authenticated;
grant execute on function public.budget_report(text) to service_role;

-- breakers.sql

-- Circuit breakers, one a budget's scope: what all workers together know of a platform that is away.

create table private.circuit_breakers (
    scope text primary key,
    reason text not null,
    failures int not null default 1,
    opened_at timestamptz not null default clock_timestamp(),
    retry_at timestamptz not null default clock_timestamp(),
    -- Half open: who may try, and until when.
    probe uuid,
    probe_until timestamptz,
    check ((probe is null) = (probe_until is null))
);

-- ask_breaker: 'closed', 'open' (come back in so many seconds), or 'probe': half open, and it is you who tries.
create or replace function public.ask_breaker(p_scope text, p_probe uuid, p_probe_seconds double precision default 90)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare breaker private.circuit_breakers; moment timestamptz := clock_timestamp();
begin
    select * into breaker from private.circuit_breakers where scope = p_scope;
    if not found then
        return jsonb_build_object('state', 'closed');
    end if;
    if breaker.retry_at <= moment then
        update private.circuit_breakers set probe = p_probe, probe_until = moment + make_interval(secs => p_probe_seconds)
         where scope = p_scope and retry_at <= moment and (probe is null or probe = p_probe or probe_until <= moment);
        if found then
            return jsonb_build_object('state', 'probe');
        end if;
    end if;
    return jsonb_build_object('state', 'open', 'reason', breaker.reason, 'since', breaker.opened_at,
        'wait_seconds', greatest(5, extract(epoch from breaker.retry_at - moment)));
end $$;
revoke all on function public.ask_breaker(text, uuid, double precision) from public, anon, authenticated;
grant execute on function public.ask_breaker(text, uuid, double precision) to service_role;

-- open_breaker: the platform is away. Each failed probe doubles the wait; others that find out at the same time do not.
create or replace function public.open_breaker(p_scope text, p_reason text, p_first_seconds double precision default 15,
                                               p_longest_seconds double precision default 600) returns double precision
language plpgsql security definer set search_path = '' as $$
declare breaker private.circuit_breakers; moment timestamptz := clock_timestamp();
begin
    insert into private.circuit_breakers as b (scope, reason, failures, opened_at, retry_at)
    values (p_scope, left(p_reason, 500), 1, moment, moment + make_interval(secs => p_first_seconds))
    on conflict (scope) do update
       set reason = excluded.reason, failures = b.failures + 1, probe = null, probe_until = null,
           retry_at = moment + make_interval(secs => least(p_first_seconds * 2 ^ least(b.failures, 20), p_longest_seconds))
     where b.retry_at <= moment;
    select * into breaker from private.circuit_breakers where scope = p_scope;
    return extract(epoch from breaker.retry_at - moment);
end $$;
revoke all on function
    public.open_breaker(text, text, double precision, double precision)
    from public, anon, authenticated;
grant execute on function public.open_breaker(text, text, double precision, double precision) to service_role;

-- close_breaker: the platform answers again. True for the one who found out.
create or replace function public.close_breaker(p_scope text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
    delete from private.circuit_breakers where scope = p_scope;
    return found;
end $$;
revoke all on function public.close_breaker(text) from public, anon, authenticated;
grant execute on function public.close_breaker(text) to service_role;

-- breakers: the platforms that are away, for health and people.
create or replace function public.breakers() returns jsonb
language sql stable security definer set search_path = '' as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'scope', scope, 'state', case when retry_at > clock_timestamp() then 'open' else 'half_open' end,
               'reason', reason, 'failures', failures, 'since', opened_at, 'retry_at', retry_at) order by scope), '[]')
    from (select * from private.circuit_breakers order by scope limit 1000) as b;
$$;
revoke all on function public.breakers() from public, anon, authenticated;
grant execute on function public.breakers() to service_role;
