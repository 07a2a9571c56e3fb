"""`keeper up --sandbox`: a newcomer finds pages to open, a seller to sign in as, and shops to connect."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from sandbox.stack.processes import leftovers

PATIENCE_S = 120.0
_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)\s+and sign in as (\S+)")


def _invitation(up: subprocess.Popen[str]) -> tuple[str, str]:
    """The pages' address and whom to sign in as, as a person reads them on the terminal."""
    assert up.stdout is not None
    for line in up.stdout:
        if found := _ADDRESS.search(line):
            return found[1], found[2]
    assert up.stderr is not None
    raise AssertionError(f"the stack ended without an invitation: {up.stderr.read()}")


def test_a_newcomer_is_told_where_to_go_and_gets_in(tmp_path: Path) -> None:
    """Signed in, Etsy asks on a page of its own; after SIGTERM nothing is left, neither web nor workers."""
    argv = [sys.executable, "-P", "-m", "execution", "up", "--sandbox", "--port", "0", "--data", str(tmp_path / "data")]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3]), "COLUMNS": "200"}
    up = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url, email = _invitation(up)
        with httpx.Client(base_url=url, trust_env=False, timeout=30, follow_redirects=True) as browser:
            entered = browser.post("/login", data={"email": email})
            (token,) = set(re.findall(r'name="csrf_token" value="([^"]+)"', entered.text))
            asked = browser.post("/settings/connections/etsy/connect", data={"csrf_token": token})
    finally:
        up.send_signal(signal.SIGTERM)
        _, err = up.communicate(timeout=PATIENCE_S)

    assert entered.url.path == "/dashboard"
    assert asked.url.path == "/oauth/connect"
    assert "Grant access" in asked.text
    assert up.returncode == 0, err
    assert leftovers((tmp_path / "data").resolve()) == []
