"""One sandbox in the foreground, in this very process."""

from __future__ import annotations

import importlib
import json
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Every platform that has a stand-in: its package under `sandbox`, run with `python -m`.
STAND_INS = ("etsy", "printify", "shopify", "square")
_LOOK_SECONDS = 0.01


def run_sandbox(platform: str, options: Sequence[str], tell: Callable[[dict[str, Any]], None]) -> int:
    """Run a sandbox until a signal comes; `tell` gets its facts once it listens. Answers the exit status."""
    main: Callable[[list[str]], int] = importlib.import_module(f"sandbox.{platform}.__main__").main
    ended = threading.Event()
    with tempfile.TemporaryDirectory(prefix="keeper-sandbox-") as folder:
        ready_file = Path(folder) / "ready.json"
        teller = threading.Thread(target=_tell_when_ready, args=(ready_file, ended, tell))
        teller.start()
        try:
            return main([*options, "--ready-file", str(ready_file)])
        finally:
            ended.set()
            teller.join()


def _tell_when_ready(ready_file: Path, ended: threading.Event, tell: Callable[[dict[str, Any]], None]) -> None:
    while not ready_file.exists():
        if ended.wait(_LOOK_SECONDS):
            return
    tell(json.loads(ready_file.read_text()))
