"""The real process under senders that mean harm: its memory stays, and others are answered as if nothing were.

A few seconds in every run, with the run's seed; `KEEPER_HOSTILE_SECONDS=120` takes two minutes.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import client, wait_for

SECONDS = float(os.environ.get("KEEPER_HOSTILE_SECONDS", "4"))
SEED = os.environ.get("KEEPER_HOSTILE_SEED") or str(random.SystemRandom().randrange(10**6))
LINES = 200
MOST_MORE_MB = 64
# Who asks waits at most until every hostile line has had its turn; a turn may take as much as this many plain looks.
MOST_LOOKS_A_TURN = 4


@pytest.fixture
def process(web_env, tmp_path):
    """The web process as it is deployed: (pid, address)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "web", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(argv, env={**os.environ, **web_env}, stderr=log) as web:
        try:
            wait_for(f"http://127.0.0.1:{port}", tries=3000)
            yield web.pid, f"http://127.0.0.1:{port}"
        finally:
            web.terminate()


def memory_mb(pid):
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024


def asked(url):
    """`/health/live` over a line of its own, by as little as the machine can do for it."""
    try:
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=10) as line:
            line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return line.recv(65536)
    except OSError as error:
        return repr(error).encode()


def warmed_up(url):
    """What the first requests load once is not what an attack takes."""
    with client(url) as asking:
        for path in ("/health/ready", "/health/data-pipeline", "/login", "/openapi.json", "/nowhere", "/dashboard") * 3:
            asking.get(path)


def worked_ms(pid):
    """What the process has worked since it began (Linux makes a clock's name of a process's id)."""
    return time.clock_gettime(~pid << 3 | 2) * 1000


def plain_look_ms(pid, url):
    """What a look takes of the process while nobody else asks: the measure for this machine, today."""
    before = worked_ms(pid)
    for _ in range(LINES):
        asked(url)
    return (worked_ms(pid) - before) / LINES


def p99(values):
    return sorted(values)[int(len(values) * 0.99)]


def test_hostile_senders_cost_others_neither_memory_nor_time(process, tmp_path):
    """A look takes what the process itself works until it answers: what else this machine does is not its doing."""
    pid, url = process
    warmed_up(url)
    plain = plain_look_ms(pid, url)
    start = most = memory_mb(pid)
    argv = ["nice", sys.executable, "-m", "tests.web.hostile_http", url, SEED, str(SECONDS), str(LINES)]
    waited, worked, failures = [], [], []

    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as attack:
        while attack.poll() is None:
            began, before = time.monotonic(), worked_ms(pid)
            answer = asked(url)
            took = worked_ms(pid) - before
            # A standstill counts for everybody who would have asked in it, one in 20 ms.
            worked.extend([took] * (1 + int(took / 20)))
            waited.append((time.monotonic() - began) * 1000)
            if not answer.startswith(b"HTTP/1.1 200"):
                failures.append(answer[:20])
            most = max(most, memory_mb(pid))
        played = attack.stdout.read().strip()

    told = (
        f"seed {SEED}, {SECONDS:.0f} s, {LINES} lines: memory {start:.0f} MB, at most {most:.0f} MB; "
        f"{len(worked)} looks, p99 {p99(worked):.0f} ms of work, worst {max(worked):.0f} ms, plain {plain:.2f} ms; "
        f"by the clock p50 {median(waited):.0f} ms, p99 {p99(waited):.0f} ms; {played}"
    )
    print(told)
    assert failures == [], told
    # Whatever they sent or left behind, it was no fault of ours.
    assert "request_failed" not in (tmp_path / "log").read_text()
    assert most - start <= MOST_MORE_MB, told
    assert p99(worked) <= LINES * MOST_LOOKS_A_TURN * plain, told
