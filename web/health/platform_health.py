"""How a platform is doing, from the counts of calls: a score, rates, latencies, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from execution.http.call_record import BOUNDS_MS

# Slower than this at the 95th percentile is worth a word.
_SLOW_MS = 5000
Facts = Mapping[str, Any]


def platform_health(platform: str, facts: Facts) -> dict[str, Any]:
    """Everything about one platform of `pipeline_health`'s answer."""
    calls = [row for row in facts["calls"] if row["platform"] == platform]
    whole = _summary(calls)
    names = sorted({row["endpoint"] for row in calls})
    circuits = [row for row in facts["circuits"] if row["platform"] == platform]
    blocked = [row for row in facts["blocked"] if row["platform"] == platform]
    parked = facts["parked"].get(platform, {"waiting": 0, "retries": 0, "next_at": None})
    ended = facts["ended"].get(platform, {"completed": 0, "with_rejects": 0, "failed": 0, "quarantined": 0})
    score = _score(whole, circuits, blocked)
    health = {
        "platform": platform,
        "status": _status(score, circuits),
        "score": score,
        **whole,
        "endpoints": [
            {"endpoint": name, **_summary([row for row in calls if row["endpoint"] == name])} for name in names
        ],
        "last_success_at": facts["last_success"].get(platform),
        "backoff": [{"until": row["until"], "reason": row["reason"]} for row in blocked[:5]],
        "parked": parked["waiting"],
        "queued_retries": parked["retries"],
        "next_retry_at": parked["next_at"],
        "circuits": [
            {name: row[name] for name in ("state", "reason", "failures", "since", "retry_at")} for row in circuits[:20]
        ],
        "jobs": ended,
        "reconnect_needed": facts["reconnect_needed"].get(platform, 0),
    }
    return health | {"recommendations": _advice(health)}


def percentile_ms(histogram: Sequence[int], share: float) -> int | None:
    """Within the bucket that holds it, by proportion; the last bucket says only "at least"."""
    total = sum(histogram)
    if not total:
        return None
    wanted, below = share * total, 0
    for number, count in enumerate(histogram):
        if count and below + count >= wanted:
            low = BOUNDS_MS[number - 1] if number else 0
            high = BOUNDS_MS[number] if number < len(BOUNDS_MS) else low
            return round(low + (high - low) * (wanted - below) / count)
        below += count
    return BOUNDS_MS[-1]


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts and times of some rows. Throttled calls are no failures of the endpoint, and counted apart."""
    by_outcome = {name: sum(int(r["calls"]) for r in rows if r["outcome"] == name) for name in _OUTCOMES}
    calls = sum(by_outcome.values())
    histogram = [sum(int(r["histogram"][at]) for r in rows) for at in range(len(BOUNDS_MS) + 1)]
    judged = calls - by_outcome["throttled"]
    return {
        "calls": calls,
        "success_rate": round(by_outcome["ok"] / judged, 4) if judged else None,
        "rate_limit_hits": by_outcome["throttled"],
        "failed": by_outcome["failed"] + by_outcome["lost"],
        "refused": by_outcome["refused"],
        "average_ms": round(sum(float(r["seconds"]) for r in rows) * 1000 / calls) if calls else None,
        "p95_ms": percentile_ms(histogram, 0.95),
    }


def _score(whole: Mapping[str, Any], circuits: Sequence[Any], blocked: Sequence[Any]) -> int:
    """100 is well. What nobody called is well as far as anybody knows."""
    score = 100.0 * (whole["success_rate"] if whole["success_rate"] is not None else 1.0)
    if whole["calls"]:
        score -= min(20.0, 50.0 * whole["rate_limit_hits"] / whole["calls"])
    if (whole["p95_ms"] or 0) > _SLOW_MS:
        score -= 15
    if blocked:
        score -= 10
    if circuits:
        score = min(score, 20)
    return max(0, round(score))


def _status(score: int, circuits: Sequence[Any]) -> str:
    if circuits or score < 50:
        return "down"
    return "ok" if score >= 85 else "degraded"


def _advice(health: Mapping[str, Any]) -> list[str]:
    """What a person on call should know or do, most urgent first."""
    advice = []
    if health["circuits"]:
        advice.append(
            f"The platform is away ({health['circuits'][0]['reason']}). Jobs wait without spending attempts and go on "
            "by themselves; look at the platform's status page."
        )
    if health["refused"] and health["refused"] > 0.2 * health["calls"]:
        advice.append("Many calls are refused: check the application's key and its scopes with the platform.")
    if health["success_rate"] is not None and health["success_rate"] < 0.95 and not health["circuits"]:
        judged = [one for one in health["endpoints"] if one["success_rate"] is not None]
        worst = min(judged, key=lambda one: one["success_rate"])
        advice.append(f"{worst['endpoint']} fails most ({worst['success_rate']:.0%} succeed).")
    if health["backoff"]:
        first = health["backoff"][0]
        advice.append(f"Calls are held back until {first['until']}: {first['reason'] or 'limits'}.")
    if health["calls"] and health["rate_limit_hits"] > 0.02 * health["calls"]:
        advice.append(
            "The rate limit is hit often: lower the limits in directives/rate_budgets.md, or ask for more quota."
        )
    if (health["p95_ms"] or 0) > _SLOW_MS:
        advice.append(f"Answers are slow: one in twenty takes longer than {health['p95_ms'] / 1000:.0f} s.")
    if health["jobs"]["quarantined"]:
        jobs = _counted(health["jobs"]["quarantined"], "job")
        advice.append(f"{jobs} in quarantine: workers died on one page. See docs/runbooks/jobs-quarantined.md.")
    if health["jobs"]["with_rejects"]:
        jobs = _counted(health["jobs"]["with_rejects"], "job")
        advice.append(f"{jobs} not whole: more was rejected than the directive allows. See `keeper rejected list`.")
    if health["reconnect_needed"]:
        advice.append(
            f"{_counted(health['reconnect_needed'], 'shop')} to be reconnected; the sellers' dashboards say so."
        )
    return advice or ["Nothing to do."]


def _counted(count: int, noun: str) -> str:
    """1 job is, 2 jobs are."""
    return f"{count} {noun} is" if count == 1 else f"{count} {noun}s are"


_OUTCOMES = ("ok", "throttled", "failed", "refused", "lost")
