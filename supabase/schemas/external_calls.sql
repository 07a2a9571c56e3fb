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
