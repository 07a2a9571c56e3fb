-- Budgets for several platforms: shares of the classes, lending, calls of others as a level, shares of errors, and who
-- paces the second. Why it is so: directives/rate_budgets.md. Every clock is the database's.

alter table private.api_budgets
    -- Calls of others in the platform's own window, by the counts that its answers told.
    add column foreign_calls bigint not null default 0,
    add column foreign_first bigint not null default 0,
    add column foreign_peak bigint not null default 0,
    add column watched_from timestamptz,
    add column seen_at timestamptz,
    -- The unused shares of others are lent evenly over the day, up to here.
    add column lent_until timestamptz,
    -- Backfills have asked: from then on for a day their share is kept for them.
    add column backfill_asked_at timestamptz,
    add column blocked_reason text,
    -- Valkey hands out the slots of the second until here; before that Postgres must not.
    add column valkey_until timestamptz,
    -- Shadow mode: what would have been refused.
    add column would_refuse bigint not null default 0;

-- What each call of the block moved lent_until on by; null where nothing was lent.
alter table private.call_blocks add column lent interval;
-- Of the calls booked here: those out of the unused shares of others.
alter table private.api_calls add column lent bigint not null default 0;

create table private.api_answers (
    scope text not null references private.api_budgets (scope) on delete cascade,
    bucket timestamptz not null,
    answers bigint not null default 0,
    errors bigint not null default 0,
    primary key (scope, bucket)
);
comment on table private.api_answers is 'How many answers were errors, for platforms that limit the share.';

create table private.api_buckets (
    scope text not null references private.api_budgets (scope) on delete cascade,
    kind text not null check (kind in ('points', 'calls')),
    level double precision not null,
    at timestamptz not null,
    primary key (scope, kind)
);
comment on table private.api_buckets is 'Buckets of points and calls while Valkey is away: never fuller than the platform''s.';

-- calls_used: what the window holds by class. `sure`: ours that the platform counts for certain, whatever its buckets
-- (up to an hour long) and however late its count: neither about to leave its window nor perhaps unsent.
create function private.calls_used(
    p_scope text, p_now timestamptz,
    out live bigint, out incremental bigint, out backfill bigint, out own bigint, out sure bigint, out lent bigint)
language sql stable set search_path = '' as $$
    select coalesce(sum(calls) filter (where class = 'live'), 0), coalesce(sum(calls) filter (where class = 'incremental'), 0),
           coalesce(sum(calls) filter (where class = 'backfill'), 0), coalesce(sum(calls), 0),
           coalesce(sum(calls) filter (where bucket > p_now - interval '23 hours'
                                         and bucket < private.bucket_of(p_now) - interval '5 minutes'), 0),
           coalesce(sum(lent), 0)
    from (select class, bucket, reserved - returned as calls, lent from private.api_calls
          where scope = p_scope and class <> 'foreign' and bucket > p_now - interval '24 hours 5 minutes') as window_;
$$;

-- foreign_hold: how many calls of others to expect in any window that is still to come. On the first day what was seen
-- grows on at the pace seen so far; later the highest level of late counts, so that a dip is not taken for a gift.
create function private.foreign_hold(budget private.api_budgets, p_now timestamptz) returns bigint
language plpgsql immutable set search_path = '' as $$
declare
    watched double precision := extract(epoch from p_now - budget.watched_from);
    more double precision := 0;
begin
    if watched < 86400 then
        -- A steady level goes up and down by an hour's calls (the platform's buckets) and by chance: that is no growth.
        more := greatest(0, budget.foreign_calls - budget.foreign_first * 25 / 24.0 - 2 * sqrt(budget.foreign_first))
                / greatest(watched, 600) * (86400 - watched);
        more := more + 2 * sqrt(more);
    end if;
    return greatest(budget.foreign_peak, budget.foreign_calls + ceil(more))::bigint;
end $$;

-- note_limits: adopt what an answer told, at once, up or down. What the platform counts beyond our ledger was called by
-- somebody else. Answers overtake each other and windows differ, so the level moves only as far as the count proves.
create function private.note_limits(
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
        budget.foreign_calls := least(greatest(budget.foreign_calls, low), high);
        if budget.watched_from is null or budget.seen_at < p_now - interval '24 hours' then
            budget.watched_from := p_now;
            budget.foreign_first := budget.foreign_calls;
        end if;
        budget.foreign_peak := least(greatest(budget.foreign_peak, budget.foreign_calls),
                                     budget.foreign_calls + ceil(2 * sqrt(budget.foreign_calls)));
        budget.seen_at := p_now;
        budget.asked_at := p_now;
    end if;
    update private.api_budgets
       set per_second = budget.per_second, per_day = budget.per_day, foreign_calls = budget.foreign_calls,
           foreign_first = budget.foreign_first, foreign_peak = budget.foreign_peak,
           watched_from = budget.watched_from, seen_at = budget.seen_at, asked_at = budget.asked_at
     where scope = budget.scope;
    return budget;
end $$;

-- room: how many calls of the day a class may book now; none: when to come back, and why. `lent`: they belong to the
-- unused shares of others. A lent call comes back when it leaves the window, so shares are lent evenly over the day:
-- whoever wants his share back gets it at that pace from the first minute on, and an hour's worth of it at once.
create function private.room(
    budget private.api_budgets, p_class text, p_wanted int, p_now timestamptz, p_per_day bigint,
    p_backfill_share double precision, p_live_share double precision, p_day_margin double precision,
    out free bigint, out lent interval, out probe boolean, out wake timestamptz, out reason text, out used bigint)
language plpgsql stable set search_path = '' as $$
declare
    calls record := private.calls_used(budget.scope, p_now);
    others bigint := private.foreign_hold(budget, p_now);
    usable bigint := greatest(1, floor(p_per_day * (1 - p_day_margin)));
    backfill_limit bigint := floor(p_per_day * p_backfill_share);
    live_left bigint := greatest(0, floor(p_per_day * p_live_share)::bigint - calls.live);
    backfill_left bigint := greatest(0, backfill_limit - calls.backfill);
    available bigint := usable - calls.own - others;
    -- Worth coming back for: a five-hundredth of the day.
    need bigint := least(p_wanted, ceil(usable / 500.0));
    own constant text[] := '{live,incremental,backfill}';
    kept bigint := 0; floor_ bigint; patience interval;
begin
    used := calls.own + budget.foreign_calls;
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
                                    greatest(0, usable - others - greatest(floor_, kept - calls.lent) - need));
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
    -- What is expected of others changes with every answer that somebody gets.
    if free <= 0 and free + others > 0 and (p_class <> 'backfill' or backfill_left > 0) then
        wake := least(wake, p_now + interval '15 minutes');
    end if;
    -- Only calls of others stand in the way, and only an answer can tell that they are gone: ask now and then; less
    -- often where the platform's own count leaves no room for the question.
    if available <= 0 and available + others > 0 and (p_class <> 'backfill' or backfill_left > 0) then
        lent := null;
        patience := case when calls.own + budget.foreign_calls < p_per_day then interval '15 minutes' else interval '1 hour' end;
        probe := coalesce(budget.asked_at, '-infinity') <= p_now - patience;
        free := case when probe then 1 else 0 end;
        wake := least(wake, coalesce(budget.asked_at, p_now) + patience);
    end if;
    -- After a silence nobody knows what others did meanwhile: the first calls go one by one, until an answer has told.
    if budget.seen_at < p_now - interval '1 minute' then
        free := least(free, 1);
    end if;
end $$;

drop function public.reserve_calls(uuid, text, text, int, bigint, bigint, double precision);
-- reserve_calls: a block of calls of the day before any of them is sent, or the time to come back. `p_seen`: the last
-- limits that an answer told this process. Blocks shrink as the day runs out, so that the last calls are shared. A block
-- ends ten seconds before its bucket does, so that no call is sent in a later bucket than it is booked in.
create function public.reserve_calls(
    p_block_id uuid, p_scope text, p_class text, p_wanted int, p_per_second bigint, p_per_day bigint,
    p_backfill_share double precision, p_live_share double precision default 0, p_day_margin double precision default 0,
    p_seen jsonb default null, p_shadow boolean default false) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    spot timestamptz := private.bucket_of(now_ + interval '15 seconds');
    day_limit bigint; granted_ int := 0; room record; wake timestamptz; reason_ text := ''; shadowed text; lent_ interval;
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
            room := private.room(budget, p_class, p_wanted, now_, day_limit, p_backfill_share, p_live_share, p_day_margin);
            granted_ := greatest(0, least(p_wanted, greatest(room.free / 10, 1), room.free));
            wake := room.wake;
            reason_ := room.reason;
            lent_ := room.lent;
            update private.api_budgets
               set asked_at = case when room.probe then now_ else asked_at end,
                   lent_until = case when room.lent is not null
                                then greatest(coalesce(lent_until, now_), now_ - interval '1 hour') + room.lent * granted_
                                else lent_until end
             where scope = p_scope and (room.probe or room.lent is not null);
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
            (select used.own + budget.foreign_calls from private.calls_used(p_scope, now_) as used) end,
        'per_second', coalesce(budget.per_second, p_per_second),
        'per_day', day_limit);
end $$;

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

-- report_limits: what an answer's headers told, between two reservations.
create or replace function public.report_limits(
    p_scope text, p_per_second bigint, p_per_day bigint, p_remaining_today bigint) returns void
language plpgsql security definer set search_path = '' as $$
begin
    perform private.note_limits(private.lock_scope(p_scope), clock_timestamp(), p_per_second, p_per_day, p_remaining_today);
end $$;

drop function public.block_scope(text, double precision);
-- block_scope: nobody calls for so long, at most a day; the longer of two blocks stands.
create function public.block_scope(p_scope text, p_seconds double precision, p_reason text default null) returns timestamptz
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

-- count_answers: keep the share of errors in the last hour under what the platform allows. With fewer than a hundred
-- answers the share is taken of a hundred: one bad answer in three is no trend. Answers how long nobody calls now.
create function public.count_answers(
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

-- lease_pacing: Valkey may hand out the second's slots for so long. Where its state was lost, or Postgres has handed out
-- slots meanwhile, everything is quiet until whoever has a slot has used it (nobody books more than two seconds ahead).
create function public.lease_pacing(p_scope text, p_seconds double precision, p_state_kept boolean) returns jsonb
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
    return jsonb_build_object('quiet_seconds', extract(epoch from quiet));
end $$;

-- paced_by_valkey: how long Postgres must not pace: Valkey may, and whoever has a slot of it may be on his way.
create function private.paced_by_valkey(budget private.api_budgets, p_now timestamptz) returns double precision
language sql immutable set search_path = '' as $$
    select greatest(0, extract(epoch from greatest(budget.blocked_until, budget.valkey_until + interval '2 seconds') - p_now));
$$;

drop function public.pace_call(text, bigint, double precision, double precision);
-- pace_call: the next slot of the second while Valkey is away. The same rule as execution/pacing.lua.
create function public.pace_call(
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

-- pace_cost: what a call costs, out of a bucket of points or calls, while Valkey is away. Starts without credit, and
-- takes every call for as dear as it was asked: never fuller than the platform's own bucket.
create function public.pace_cost(
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
    select * into bucket from private.api_buckets where scope = p_scope and kind = p_kind;
    level_ := least(p_maximum, coalesce(bucket.level + p_restore * greatest(0, extract(epoch from now_ - bucket.at)), p_keep));
    wait := greatest(0, (p_cost + least(p_keep, greatest(0, p_maximum - p_cost)) - level_) / p_restore);
    level_ := level_ - case when wait <= p_longest_wait_seconds then p_cost else 0 end;
    insert into private.api_buckets (scope, kind, level, at) values (p_scope, p_kind, level_, now_)
    on conflict (scope, kind) do update set level = excluded.level, at = excluded.at;
    return jsonb_build_object('booked', wait <= p_longest_wait_seconds, 'wait_seconds', wait);
end $$;

-- bucket_seen: the platform's own bucket is emptier than ours: others use it too.
create function public.bucket_seen(p_scope text, p_kind text, p_available double precision) returns void
language sql security definer set search_path = '' as $$
    update private.api_buckets set level = least(level, p_available) where scope = p_scope and kind = p_kind;
$$;

do $$
declare f regprocedure;
begin
    foreach f in array array[
        'public.reserve_calls(uuid, text, text, int, bigint, bigint, double precision, double precision, double precision, jsonb, boolean)',
        'public.block_scope(text, double precision, text)',
        'public.count_answers(text, int, int, double precision, double precision)',
        'public.lease_pacing(text, double precision, boolean)',
        'public.pace_call(text, double precision, double precision, double precision)',
        'public.pace_cost(text, text, double precision, double precision, double precision, double precision, double precision)',
        'public.bucket_seen(text, text, double precision)']::regprocedure[] loop
        execute format('revoke all on function %s from public, anon, authenticated', f);
        execute format('grant execute on function %s to service_role', f);
    end loop;
end $$;
