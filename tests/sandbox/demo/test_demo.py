"""The demo as a person runs it: it ends well, says what it survived, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE_S = 240.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _start(folder: Path, *words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-P", "-m", "execution", "demo", *words]
    env = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def _ours(folder: Path) -> list[str]:
    """Processes that carry our folder in their environment: everything that the demo started."""
    mark = str(folder).encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


def test_the_demo_completes_through_faults_and_leaves_nothing(folder: Path) -> None:
    """Three sellers, four platforms: every fault struck, one record was rejected, all the rest is there and proven, and
    costs are linked; exit 0, no process, no folder.
    """
    demo = _start(folder, "--orders", "600", "--json")

    out, err = demo.communicate(timeout=PATIENCE_S)

    assert demo.returncode == 0, err
    result = json.loads(out)
    assert result["ok"] is True
    assert all(fault["times"] >= 1 for fault in result["struck"]), result["struck"]
    assert result["refreshes"] == 1
    assert len(result["rejected"]) == 1
    act = result["second_act"]
    # Whether a round or a webhook is first depends on how long it all takes: webhooks are asked for within a minute.
    assert {(seen["platform"], table) for seen in act["rounds"] for table in seen["tables"]} >= {
        ("etsy", "payments"), ("etsy", "orders"), ("etsy", "listings"), ("printify", "printify_orders"),
        ("shopify", "orders"), ("shopify", "listings"),
    }, act  # fmt: skip
    assert sum(seen["deleted"] for seen in act["rounds"]) >= 1
    assert act["undone"]["again"] == act["undone"]["removed"] + act["undone"]["restored"] > 0
    jobs = {(job["platform"], job["entity"]): job for job in result["first"]["status"]["jobs"]}
    assert {platform for platform, _ in jobs} == {"etsy", "printify", "shopify"}
    assert {job["platform"] for job in result["second"]["status"]["jobs"]} == {"etsy"}
    assert {job["platform"] for job in result["third"]["status"]["jobs"]} == {"square"}
    # A counter in three places, and a salon.
    assert result["counted"]["locations"] == 4
    assert min(result["counted"].values()) > 0, result["counted"]
    orders = jobs["etsy", "orders"]["certificate"]
    # The strange record landed in part: it is an order, and its bytes are kept with the reason.
    assert result["figures"]["orders"] == orders["provider_count"]
    assert result["least_calls"] < result["calls"]["etsy"]
    assert sum(book["amount"] for book in result["figures"]["ledger"]) == result["figures"]["balance"]
    for total in result["costs"]["totals"]:
        assert total["linked"] > total["orders"] * 0.6
        assert total["profit"] == total["revenue"] - total["refunds"] - total["fees"] - total["cost"]
    assert {total["platform"] for total in result["costs"]["totals"]} == {"etsy", "shopify"}
    assert _ours(folder) == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, *([signal.SIGTERM] if os.environ.get("KEEPER_ALL_DEATHS") else [])])
def test_a_signal_in_the_middle_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    """The exit status names the signal; stack, sandbox, workers and clock are gone."""
    demo = _start(folder, "--orders", "900")
    assert demo.stdout is not None
    line = ""
    while "onboarding" not in line:
        line = demo.stdout.readline()
        assert line, demo.stderr and demo.stderr.read()

    demo.send_signal(number)
    _, err = demo.communicate(timeout=PATIENCE_S)

    assert demo.returncode == 128 + number, err
    assert "nothing is left running" in err
    assert _ours(folder) == []
    assert list(folder.iterdir()) == []


def test_a_dead_worker_is_no_quiet_end(folder: Path) -> None:
    """A process that dies by itself fails the demo, which says so and stops the others; the logs stay."""
    demo = _start(folder, "--orders", "900")
    deadline = time.monotonic() + PATIENCE_S
    while not (clock := _pid_of("execution clock", folder)):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    os.kill(clock, signal.SIGKILL)
    _, err = demo.communicate(timeout=PATIENCE_S)

    assert demo.returncode == 1
    assert "the clock ended" in err
    assert _ours(folder) == []
    assert [child.name for child in next(folder.iterdir()).iterdir() if child.name == "logs"] == ["logs"]


def _pid_of(words: str, folder: Path) -> int:
    """The process that runs `python -m words`, of those that the demo started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_text().replace("\0", " ")
                if f"-m {words}" in line and str(folder).encode() in (entry / "environ").read_bytes():
                    return int(entry.name)
            except OSError:
                continue
    return 0
