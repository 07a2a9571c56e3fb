"""A record of every request that really came in, on disk, so that tests can judge calls and budgets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Any

import orjson

from sandbox.parts.responses import Doc


class RequestLog:
    """One NDJSON line a request, written before the answer leaves: who has the answer finds its line."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "requests.ndjson"
        self._file: BufferedRandom = self._path.open("w+b")
        self._written = 0

    def write(self, line: Doc) -> None:
        self._written += 1
        self._file.write(orjson.dumps({"n": self._written, **line}) + b"\n")

    def lines(self, wanted: dict[str, str]) -> Iterator[Doc]:
        """Requests in order, those that `since`, `path`, `status` and `shop` leave."""
        since = float(wanted.get("since", 0))
        path = re.compile(wanted.get("path", ""))
        status, shop = wanted.get("status"), wanted.get("shop")
        self._file.flush()
        with self._path.open("rb") as file:
            for raw in file:
                line: Doc = orjson.loads(raw)
                if (
                    line["at"] >= since
                    and path.search(line["path"])
                    and status in (None, str(line["status"]))
                    and shop in (None, str(line["shop_id"]))
                ):
                    yield line

    def summary(self, wanted: dict[str, str]) -> Doc:
        groups: dict[str, Counter[str]] = {key: Counter() for key in ("status", "operation", "token", "rate")}
        seconds: Counter[int] = Counter()
        times: list[Any] = []
        faults = refreshes = 0
        for line in self.lines(wanted):
            for key, counter in groups.items():
                counter[str(line[key])] += 1
            if line["rate"] not in ("free", "uncounted"):
                seconds[int(line["at"])] += 1
            faults += line["fault"] is not None
            refreshes += line["operation"] == "token:refresh_token"
            times = [times[0] if times else line["at"], line["at"]]
        return {
            "requests": groups["status"].total(),
            **{f"by_{key}": dict(counter) for key, counter in groups.items()},
            "faults": faults,
            "refresh_grants": refreshes,
            "max_in_one_second": max(seconds.values(), default=0),
            "first_at": times[0] if times else None,
            "last_at": times[1] if times else None,
        }

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._written = 0

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
