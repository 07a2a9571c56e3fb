-- Others go on calling between two answers that tell what remains. Nothing expected them: of a key that others use too,
-- the last calls of a day could meet a refusal. Why it is so: directives/rate_budgets.md.

-- foreign_unseen: calls of others that no answer has told of yet. `p_expected`: how many they make in a day. The
-- platform's window moves in steps of up to an hour, by which as many have left it as have come.
create function private.foreign_unseen(budget private.api_budgets, p_expected bigint, p_now timestamptz) returns bigint
language plpgsql immutable set search_path = '' as $$
declare
    silent double precision := coalesce(least(3600, greatest(0, extract(epoch from p_now - budget.seen_at))), 0);
    steady double precision := p_expected * silent / 86400;
begin
    -- Three deviations of what comes by chance: one question in some hundreds meets more.
    return floor(steady + 3 * sqrt(steady));
end $$;

-- foreign_hold: how many calls of others to expect in any window that is still to come. On the first day what was seen
-- grows on at the pace seen so far; later the highest level of late counts, so that a dip is not taken for a gift. After
-- a silence at least what was seen and what may have come since.
create or replace function private.foreign_hold(budget private.api_budgets, p_now timestamptz) returns bigint
language plpgsql immutable set search_path = '' as $$
declare
    watched double precision := extract(epoch from p_now - budget.watched_from);
    more double precision := 0;
    expected bigint;
begin
    if watched < 86400 then
        -- A steady level goes up and down by an hour's calls (the platform's buckets) and by chance: that is no growth.
        more := greatest(0, budget.foreign_calls - budget.foreign_first * 25 / 24.0 - 2 * sqrt(budget.foreign_first))
                / greatest(watched, 600) * (86400 - watched);
        more := more + 2 * sqrt(more);
    end if;
    expected := greatest(budget.foreign_peak, budget.foreign_calls + ceil(more));
    return greatest(expected, budget.foreign_calls + private.foreign_unseen(budget, expected, p_now));
end $$;

-- foreign_patience: how long after the last answer or question one call asks whether calls of others are gone; null: none
-- does. Where the question itself may be the call too many, it is asked only if others have half of what is used: ours
-- leave without it.
create function private.foreign_patience(
    budget private.api_budgets, p_own bigint, p_others bigint, p_now timestamptz, p_per_day bigint) returns interval
language sql immutable set search_path = '' as $$
    select case
        when p_own + budget.foreign_calls + private.foreign_unseen(budget, p_others, p_now) < p_per_day then interval '15 minutes'
        when budget.foreign_calls >= p_own then interval '1 hour'
    end;
$$;

-- room: how many calls of the day a class may book now; none: when to come back, and why. `lent`: they belong to the
-- unused shares of others. A lent call comes back when it leaves the window, so shares are lent evenly over the day:
-- whoever wants his share back gets it at that pace from the first minute on, and an hour's worth of it at once.
create or replace function private.room(
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
    -- Only calls of others stand in the way, and only an answer can tell that they are gone: ask now and then.
    if available <= 0 and available + others > 0 and (p_class <> 'backfill' or backfill_left > 0) then
        lent := null;
        patience := private.foreign_patience(budget, calls.own, others, p_now, p_per_day);
        probe := coalesce(coalesce(budget.asked_at, '-infinity') <= p_now - patience, false);
        free := case when probe then 1 else 0 end;
        wake := least(wake, coalesce(budget.asked_at, p_now) + patience);
    end if;
    -- After a silence nobody knows what others did meanwhile: the first calls go one by one, until an answer has told.
    if budget.seen_at < p_now - interval '1 minute' then
        free := least(free, 1);
    end if;
end $$;
