"""Requests to a local server whose sender has died while they were worked on."""

from __future__ import annotations

import time
from pathlib import Path

# proc_net_tcp: the peer has closed, this side has not. A request that is still being worked on looks like this.
_CLOSE_WAIT = "08"
_PATIENCE_S, _LOOK_S = 60.0, 0.005


def abandoned(port: int) -> int:
    """How many connections to this port are still open though their client is gone."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == _CLOSE_WAIT for row in rows)


def let_abandoned_end(port: int) -> None:
    """Wait until all that the dead have sent has been worked, as it is long before a lease of theirs ends."""
    until = time.monotonic() + _PATIENCE_S
    while abandoned(port):
        assert time.monotonic() < until, f"port {port} still works for the dead after {_PATIENCE_S:.0f} s"
        time.sleep(_LOOK_S)
