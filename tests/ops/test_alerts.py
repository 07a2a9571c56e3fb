"""Alert rules: about what is told, with a severity, a summary and a runbook; each fires in the state that it is for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from execution.http.call_record import CallOutcome
from execution.process.heartbeat import MOVERS
from tests.ops.conftest import ROOT, rules_of
from tests.ops.exposition import REACHED, Exposition, calls, exposition, samples
from tests.ops.promql import matchers_of, unknown
from tests.web.health.test_thresholds import with_value
from web.health.readiness import Check
from web.health.thresholds import THRESHOLDS, Level

FILE = ROOT / "ops/alerts.yaml"
RULES = rules_of(FILE)
# Declared with a level that they never reach by themselves have no rule for it.
ALARMS = {(one.name, level) for one in THRESHOLDS for level in get_args(Level) if level == "degraded" or one.down} | {
    (f"no_{kind}", level) for kind in MOVERS for level in get_args(Level)
}


def _name(rule: dict[str, Any]) -> str:
    return f"{rule['alert']}-{rule['labels']['severity']}"


def test_rules_name_what_is_told(told: Exposition) -> None:
    assert len(told.labels) > 30
    assert {_name(rule): found for rule in RULES if (found := unknown(rule["expr"], told))} == {}


@pytest.mark.parametrize(
    "expression",
    ["max(keeper_jobs_queue)", "max by (job) (keeper_alarms)", 'keeper_alarms{name="no_worker"}',
     "rate(keeper_http_seconds_buckets[5m])"],
)  # fmt: skip
def test_a_planted_name_that_nobody_tells_is_found(expression: str) -> None:
    assert len(unknown(expression, Exposition.read(exposition()))) == 1


def test_values_that_rules_ask_for_are_told() -> None:
    """A misspelled alarm would never fire."""
    outcomes, alarms = set(get_args(CallOutcome)), {name for name, _ in ALARMS}
    known = {"alarm": alarms, "level": set(get_args(Level)), "outcome": outcomes, "part": {one.name for one in REACHED}}

    asked = [(label, value) for rule in RULES for _, label, value in matchers_of(rule["expr"])]

    assert len(asked) > 20
    assert [(label, value) for label, value in asked if label in known and value not in known[label]] == []


def test_every_threshold_has_its_rule() -> None:
    """`warning` for any level, `critical` where it is down: a new threshold cannot be forgotten here."""
    alarm = re.compile(r'keeper_alarms\{alarm="(\w+)"(?:, level="(down)")?\}')
    asked = {
        (name, "critical" if level else "warning"): rule["labels"]["severity"]
        for rule in RULES
        for name, level in alarm.findall(rule["expr"])
    }

    assert set(asked) == {(name, "critical" if level == "down" else "warning") for name, level in ALARMS}
    assert all(wanted == severity for (_, wanted), severity in asked.items())


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_a_rule_tells_what_whoever_is_woken_needs(rule: dict[str, Any]) -> None:
    told = rule["annotations"]

    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(told) == {"summary", "description", "runbook"}
    assert all(told.values())
    assert re.fullmatch(r"docs/runbooks/[a-z-]+\.md", told["runbook"])
    assert (ROOT / told["runbook"]).is_file()
    assert re.fullmatch(r"\d+[mhd]", rule["for"])


def test_no_two_rules_are_the_same_alert() -> None:
    assert len({_name(rule) for rule in RULES}) == len(RULES)


# ── each fires ──


def _counted(*, failed: int, slow: bool) -> list[dict[str, str]]:
    """A web process that answers: counters that rise by the minute."""
    route = 'route="/backfill/status"'
    rises = {f'keeper_http_answers_total{{{route},method="GET",status="200"}}': 100 - failed,
             f'keeper_http_answers_total{{{route},method="GET",status="500"}}': failed,
             # Not ready is an answer, and no fault of the process.
             'keeper_http_answers_total{route="/health/ready",method="GET",status="503"}': 60}  # fmt: skip
    for bound in ("0.1", "2.0", "5.0", "+Inf"):
        rises[f'keeper_http_seconds_bucket{{{route},le="{bound}"}}'] = 90 if slow and bound in ("0.1", "2.0") else 100
    return [{"series": name, "values": f"0+{5 * step}x330"} for name, step in rises.items()]


def _series(text: str, *, failed: int = 0, slow: bool = False) -> list[dict[str, str]]:
    """What Prometheus has of a state that lasts."""
    told = [(f"{name}{{{','.join(f'{k}={_quoted(v)}' for k, v in labels.items())}}}", value)
            for name, labels, value in samples(text) if not name.startswith("keeper_http_")]  # fmt: skip
    return [
        *({"series": name, "values": f"{value}+0x330"} for name, value in told),
        *_counted(failed=failed, slow=slow),
    ]


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _away(name: str) -> tuple[Check, ...]:
    return tuple(Check(name=one.name, ok=one.name != name) for one in REACHED)


def _silent(*kinds: str, queued: int = 0) -> dict[str, Any]:
    beats = {kind: {"alive": int(kind not in kinds), "age_seconds": 60.0} for kind in ("worker", "clock", "web")}
    return {"heartbeats": beats, "queue": {"queued": queued, "lag_seconds": 0}}


_CIRCUIT = {"platform": "etsy", "state": "open", "reason": "503", "failures": 3, "since": "x", "retry_at": "y"}
_REFUSED = [("KeeperCallsRefused", "warning"), ("KeeperPlatformUnwell", "warning")]
# A state, and all that fires in it.
STATES: dict[str, tuple[list[dict[str, str]], list[tuple[str, str]]]] = {
    "well": (_series(exposition()), []),
    "nobody tells": ([], [("KeeperMetricsAbsent", "critical")]),
    "database hangs": (_series(exposition(fault="no answer within 4 s")), [("KeeperDatabaseAway", "critical")]),
    "database refuses": (_series(exposition(checks=_away("database"))), [("KeeperDatabaseAway", "critical")]),
    "valkey away": (_series(exposition(checks=_away("valkey"))), [("KeeperValkeyAway", "warning")]),
    "no clock": (_series(exposition(_silent("clock"))), [("KeeperNoClock", "warning")]),
    "no clock, and work": (
        _series(exposition(_silent("clock", queued=1))), [("KeeperNoClock", "warning"), ("KeeperNoClock", "critical")]
    ),
    "no worker": (_series(exposition(_silent("worker"))), [("KeeperNoWorker", "warning")]),
    "no worker, and work": (
        _series(exposition(_silent("worker", queued=1))),
        [("KeeperNoWorker", "warning"), ("KeeperNoWorker", "critical")],
    ),
    "a circuit": (_series(exposition({"circuits": [_CIRCUIT]})), [("KeeperPlatformAway", "warning")]),
    "a bad hour": (
        _series(exposition({"calls": [calls("ok", 10), calls("failed", 90)]})), [("KeeperPlatformUnwell", "warning")]
    ),
    "a few refused": (_series(exposition({"calls": [calls("ok", 70), calls("refused", 30)]})), _REFUSED[:1]),
    "all refused": (
        _series(exposition({"calls": [calls("ok", 5), calls("refused", 95)]})),
        [*_REFUSED, ("KeeperCallsRefused", "critical")],
    ),
    "a handful of calls": (_series(exposition({"calls": [calls("ok", 10), calls("refused", 5)]})), []),
    "throttled": (
        _series(exposition({"calls": [calls("ok", 190), calls("throttled", 20)]})), [("KeeperRateLimitHit", "warning")]
    ),
    "no webhooks": (
        _series(exposition({"webhooks": {"etsy": {"shops": 3, "working": 2}}})),
        [("KeeperShopsWithoutWebhooks", "warning")],
    ),
    "errors": (_series(exposition(), failed=10), [("KeeperWebErrors", "critical")]),
    "slow": (_series(exposition(), slow=True), [("KeeperWebSlow", "warning")]),
}  # fmt: skip


def _of_threshold(name: str) -> dict[str, str]:
    """Which alert, by severity, an alarm has."""
    wanted = f'keeper_alarms{{alarm="{name}"'
    return {rule["labels"]["severity"]: rule["alert"] for rule in RULES if wanted in rule["expr"]}


def _states() -> dict[str, tuple[list[dict[str, str]], list[tuple[str, str]]]]:
    found = dict(STATES)
    for one in THRESHOLDS:
        for value, severities in ((one.degraded, ["warning"]), (one.down, ["warning", "critical"])):
            if value is not None:
                of = _of_threshold(one.name)
                state = _series(exposition(_facts(one.name, value)))
                found[f"{one.name} {value}"] = (state, [(of[severity], severity) for severity in severities])
    return found


def _facts(name: str, value: float) -> dict[str, Any]:
    facts: dict[str, Any] = with_value(name, value)
    for one in facts["lookbacks"]:
        one |= {"platform": "etsy", "entity": "orders", "used_seconds": 60, "learned_seconds": None}
    facts["lookbacks"] = [dict(one, entity=f"e{at}") for at, one in enumerate(facts["lookbacks"])]
    return facts


def test_the_states_make_every_rule_fire() -> None:
    fired = {pair for _, expected in _states().values() for pair in expected}

    assert fired == {(rule["alert"], rule["labels"]["severity"]) for rule in RULES}


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus' own tool. Skipped at a desk that has none; CI must have one."""
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is missing: it comes with the package prometheus")
        pytest.skip("promtool is not installed")
    return found


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_promtool_reads_the_rules(promtool: str) -> None:
    _run(promtool, "check", "rules", "--lint-fatal", str(FILE))


def test_each_alert_fires_in_its_state_and_no_other(promtool: str, tmp_path: Path) -> None:
    """Prometheus evaluates them over what the web process would tell in each state, for hours."""
    tests = [
        {
            "name": name,
            "interval": "5m",
            "input_series": series,
            "promql_expr_test": [
                {
                    "expr": 'sum by (alertname, severity) (ALERTS{alertstate="firing"} / ALERTS{alertstate="firing"})',
                    # What the clock mends within a day is no alarm before.
                    "eval_time": "27h" if name == "no webhooks" else "3h",
                    "exp_samples": [
                        {"labels": f'{{alertname="{alert}", severity="{severity}"}}', "value": 1}
                        for alert, severity in expected
                    ],
                }
            ],
        }
        for name, (series, expected) in _states().items()
    ]
    file = tmp_path / "alerts_test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": "5m", "tests": tests}))

    _run(promtool, "test", "rules", str(file))
