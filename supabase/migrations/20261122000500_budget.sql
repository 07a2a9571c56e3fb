-- The day's call ledger and the reserve of calls. Why it is here and not in Valkey: directives/rate_budgets.md.
-- Every clock below is the database's; a bucket is five minutes, the window is the rolling 24 hours.

create table private.api_budgets (
    scope text primary key,
    -- What the platform's headers told; null until they do.
    per_second bigint check (per_second > 0),
    per_day bigint check (per_day > 0),
    asked_at timestamptz,
    blocked_until timestamptz,
    -- While Valkey is away: the steady stream of calls is used up to here.
    paced_until timestamptz
);
comment on table private.api_budgets is 'A scope: calls that a platform counts together. Its row is the lock of the ledger.';

create table private.api_calls (
    scope text not null references private.api_budgets (scope) on delete cascade,
    bucket timestamptz not null,
    class text not null check (class in ('live', 'incremental', 'backfill', 'foreign')),
    reserved bigint not null default 0,
    returned bigint not null default 0,
    primary key (scope, bucket, class),
    check (returned between 0 and reserved)
);
comment on table private.api_calls is 'The day''s call ledger. reserved - returned counts as sent, whatever became of it.';

create table private.call_blocks (
    id uuid primary key,
    scope text not null references private.api_budgets (scope) on delete cascade,
    class text not null,
    bucket timestamptz not null,
    calls int not null,
    closed boolean not null default false
);
comment on table private.call_blocks is 'Reservations by the id that the worker chose, so that a repeat after a lost answer changes nothing.';
create index call_blocks_by_age on private.call_blocks (bucket);

-- lock_scope: the scope's row, made where it is missing, locked until the transaction ends.
create function private.lock_scope(p_scope text) returns private.api_budgets
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
create function private.bucket_of(p_moment timestamptz) returns timestamptz
language sql immutable set search_path = '' as $$
    select date_bin('5 minutes', p_moment, '2000-01-01 00:00:00+00'::timestamptz);
$$;

-- calls_in_window: calls of these classes in every bucket that is not yet wholly older than 24 hours. Buckets in the
-- future count too: a clock that went back must not give calls away.
create function private.calls_in_window(p_scope text, p_now timestamptz, p_classes text[]) returns bigint
language sql stable set search_path = '' as $$
    select coalesce(sum(reserved - returned), 0)::bigint from private.api_calls
    where scope = p_scope and class = any (p_classes) and bucket > p_now - interval '24 hours 5 minutes';
$$;

-- window_frees_at: when so many buckets have left the window that at most p_keep calls of these classes remain.
create function private.window_frees_at(p_scope text, p_now timestamptz, p_classes text[], p_keep bigint)
returns timestamptz language sql stable set search_path = '' as $$
    select coalesce(max(bucket) + interval '24 hours 5 minutes', p_now)
    from (select bucket, sum(sum(reserved - returned)) over (order by bucket desc) as from_here
          from private.api_calls
          where scope = p_scope and class = any (p_classes) and bucket > p_now - interval '24 hours 5 minutes'
          group by bucket) as buckets
    where from_here > p_keep;
$$;

-- reserve_calls: a block of calls of the day before any of them is sent, or the time to come back.
-- Blocks shrink as the day runs out, so that the last calls are shared. A block ends ten seconds before its bucket
-- does, so that no call is sent in a later bucket than it is booked in.
create function public.reserve_calls(
    p_block_id uuid, p_scope text, p_class text, p_wanted int, p_per_second bigint, p_per_day bigint,
    p_backfill_share double precision) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    own constant text[] := '{live,incremental,backfill}';
    everyone constant text[] := '{live,incremental,backfill,foreign}';
    day_limit bigint := coalesce(budget.per_day, p_per_day);
    backfill_limit bigint := floor(day_limit * p_backfill_share);
    spot timestamptz := private.bucket_of(now_ + interval '15 seconds');
    free_ bigint; granted_ int; need bigint; wake timestamptz; reason_ text := ''; block private.call_blocks;
begin
    if p_wanted < 1 or p_class <> all (own) then
        raise exception using errcode = 'PT400', message = 'wrong_reservation';
    end if;
    select * into block from private.call_blocks where id = p_block_id;
    if found then
        spot := block.bucket;
        granted_ := case when block.closed then 0 else block.calls end;
        wake := now_;
    elsif budget.blocked_until > now_ then
        granted_ := 0;
        wake := budget.blocked_until;
        reason_ := 'the platform says that the daily calls are used up';
    else
        free_ := day_limit - private.calls_in_window(p_scope, now_, everyone);
        need := least(p_wanted, day_limit);
        wake := private.window_frees_at(p_scope, now_, everyone, day_limit - need);
        reason_ := 'the daily calls are used up';
        if free_ <= 0 and private.calls_in_window(p_scope, now_, own) < day_limit then
            -- Only calls of others stand in the way, and only an answer can tell that they are gone: ask now and then.
            if coalesce(budget.asked_at, '-infinity') <= now_ - interval '15 minutes' then
                free_ := 1;
                update private.api_budgets set asked_at = now_ where scope = p_scope;
            end if;
            wake := least(wake, coalesce(budget.asked_at, now_) + interval '15 minutes');
        end if;
        if p_class = 'backfill' and backfill_limit - private.calls_in_window(p_scope, now_, '{backfill}') < free_ then
            free_ := backfill_limit - private.calls_in_window(p_scope, now_, '{backfill}');
            if free_ <= 0 then
                reason_ := 'the share of backfills in the daily calls is used up';
                need := least(p_wanted, backfill_limit);
                wake := greatest(wake, private.window_frees_at(p_scope, now_, '{backfill}', backfill_limit - need));
            end if;
        end if;
        granted_ := greatest(0, least(p_wanted, greatest(free_ / 10, 1), free_));
        if granted_ > 0 then
            insert into private.call_blocks (id, scope, class, bucket, calls)
            values (p_block_id, p_scope, p_class, spot, granted_);
            insert into private.api_calls as ledger (scope, bucket, class, reserved)
            values (p_scope, spot, p_class, granted_)
            on conflict (scope, bucket, class) do update set reserved = ledger.reserved + excluded.reserved;
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
        'per_second', coalesce(budget.per_second, p_per_second),
        'per_day', day_limit);
end $$;

-- return_calls: unused calls of a block go back, once, while its bucket lasts. Later they stay counted as spent.
create function public.return_calls(p_block_id uuid, p_unused int) returns boolean
language plpgsql security definer set search_path = '' as $$
declare block private.call_blocks; scope_ text;
begin
    select scope into scope_ from private.call_blocks where id = p_block_id;
    perform private.lock_scope(scope_) where scope_ is not null;
    update private.call_blocks set closed = true
     where id = p_block_id and not closed and bucket + interval '5 minutes' > clock_timestamp()
    returning * into block;
    if block.id is null then
        return false;
    end if;
    update private.api_calls set returned = returned + greatest(0, least(p_unused, block.calls))
     where scope = block.scope and bucket = block.bucket and class = block.class;
    return true;
end $$;

-- report_limits: adopt what the platform's headers say at once, up or down. What it counts beyond our ledger was called
-- by somebody else: booked as foreign, and taken back when its count falls by more than late answers can explain.
create function public.report_limits(
    p_scope text, p_per_second bigint, p_per_day bigint, p_remaining_today bigint) returns void
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    now_ timestamptz := clock_timestamp();
    day_limit bigint := coalesce(p_per_day, budget.per_day);
    here timestamptz := private.bucket_of(now_);
    theirs bigint; ours bigint; late bigint; excess bigint; row_ record;
begin
    update private.api_budgets
       set per_second = coalesce(p_per_second, per_second), per_day = day_limit,
           asked_at = case when p_remaining_today is null then asked_at else now_ end
     where scope = p_scope;
    if p_remaining_today is null or day_limit is null then
        return;
    end if;
    theirs := greatest(0, day_limit - p_remaining_today);
    ours := private.calls_in_window(p_scope, now_, '{live,incremental,backfill,foreign}');
    if theirs > ours then
        insert into private.api_calls as ledger (scope, bucket, class, reserved)
        values (p_scope, here, 'foreign', theirs - ours)
        on conflict (scope, bucket, class) do update set reserved = ledger.reserved + excluded.reserved;
        return;
    end if;
    select coalesce(sum(reserved - returned), 0) into late from private.api_calls
     where scope = p_scope and class <> 'foreign' and bucket >= here - interval '5 minutes';
    excess := ours - theirs - late;
    for row_ in select bucket, reserved - returned as calls from private.api_calls
                where scope = p_scope and class = 'foreign' and reserved > returned
                  and bucket > now_ - interval '24 hours 5 minutes' order by bucket desc loop
        exit when excess <= 0;
        update private.api_calls set returned = returned + least(excess, row_.calls)
         where scope = p_scope and class = 'foreign' and bucket = row_.bucket;
        excess := excess - row_.calls;
    end loop;
end $$;

-- block_scope: the platform refuses everything for so long; nobody asks before, at most a day.
create function public.block_scope(p_scope text, p_seconds double precision) returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare
    budget private.api_budgets := private.lock_scope(p_scope);
    until timestamptz := clock_timestamp() + make_interval(secs => greatest(1, least(p_seconds, 86400)));
begin
    update private.api_budgets set blocked_until = greatest(until, budget.blocked_until) where scope = p_scope
    returning blocked_until into until;
    return until;
end $$;

-- pace_call: the next slot of the second while Valkey is away. The same rule as execution/pacing.lua.
create function public.pace_call(
    p_scope text, p_per_second bigint, p_safety_margin double precision, p_longest_wait_seconds double precision)
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
begin
    if budget.blocked_until > now_ then
        return jsonb_build_object('booked', false, 'wait_seconds', extract(epoch from budget.blocked_until - now_));
    end if;
    -- Unknown, left over from an earlier absence, or a clock that went back: go on without credit.
    if used is null or used < now_ - interval '1 second' or used > now_ + longest + (burst + 1) * step + interval '1 s' then
        used := now_ + burst * step;
    end if;
    used := greatest(used, now_) + step;
    wait := greatest(interval '0', used - burst * step - now_);
    if wait <= longest then
        update private.api_budgets set paced_until = used where scope = p_scope;
    end if;
    return jsonb_build_object('booked', wait <= longest, 'wait_seconds', extract(epoch from wait));
end $$;

-- limits_of: the limits that the platform's headers told for a scope; null where they told none yet.
create function public.limits_of(p_scope text) returns jsonb
language sql stable security definer set search_path = '' as $$
    select jsonb_build_object('per_second', per_second, 'per_day', per_day)
    from private.api_budgets where scope = p_scope;
$$;

do $$
declare f regprocedure;
begin
    foreach f in array array[
        'public.reserve_calls(uuid, text, text, int, bigint, bigint, double precision)',
        'public.return_calls(uuid, int)', 'public.report_limits(text, bigint, bigint, bigint)',
        'public.block_scope(text, double precision)',
        'public.pace_call(text, bigint, double precision, double precision)',
        'public.limits_of(text)']::regprocedure[] loop
        execute format('revoke all on function %s from public, anon, authenticated', f);
        execute format('grant execute on function %s to service_role', f);
    end loop;
end $$;
