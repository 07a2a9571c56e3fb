"""Mutations to come: each request that matches brings them nearer; the last one sets them off."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.parts.responses import Doc


@dataclass(kw_only=True)
class Scheduled:
    """A mutation that waits for requests: once for so many, or again for every so many, `times` times."""

    number: int
    shop_id: int
    path: re.Pattern[str]
    requests: int
    left: int
    times: int
    wanted: Doc


class Schedule:
    """`{"after": {"requests": n, "path": regex}}` strikes once; `{"every": {"requests": n, "path": regex, "times": m}}`
    strikes at each nth matching request, m times or without end.
    """

    def __init__(self) -> None:
        self._last = 0
        self.waiting: list[Scheduled] = []

    def add(self, shop_id: int, wanted: Doc) -> int:
        """Take a mutation that has `after` or `every`; ValueError where its words make no sense."""
        once = "after" in wanted
        when = wanted["after" if once else "every"]
        requests = int(when.get("requests", 1))
        if requests < 1:
            raise ValueError("requests must be at least 1")
        self._last += 1
        self.waiting.append(
            Scheduled(
                number=self._last,
                shop_id=shop_id,
                path=re.compile(when.get("path", "")),
                requests=requests,
                left=requests,
                times=1 if once else int(when.get("times", 10**9)),
                wanted={name: value for name, value in wanted.items() if name not in ("after", "every")},
            )
        )
        return self._last

    def tick(self, path: str) -> list[Scheduled]:
        """Count a request that was answered; give what is due."""
        due = []
        for scheduled in self.waiting:
            scheduled.left -= bool(scheduled.path.search(path))
            if scheduled.left <= 0:
                due.append(scheduled)
                scheduled.left = scheduled.requests
                scheduled.times -= 1
        if due:
            self.waiting = [scheduled for scheduled in self.waiting if scheduled.times > 0]
        return due
