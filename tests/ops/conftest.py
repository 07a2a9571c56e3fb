"""The files of `ops/`, and the metrics that a real web process tells after a real backfill."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.exposition import Exposition, everything
from tests.web.conftest import client, served, web_env, worker  # noqa: F401  fixtures
from tests.worlds.world import make_world

ROOT = Path(__file__).resolve().parents[2]


def rules_of(path: Path) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load(path.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture
def told(web_env, worker, db, etsy) -> Exposition:  # noqa: F811
    """Every metric with its labels: what a real process told, and what it would after weeks."""
    world = make_world(worker, db, (etsy, etsy.shop(orders=3)))
    world.run()
    with served(web_env) as url, client(url) as asking:
        for _ in range(100):
            text = asking.get("/metrics").text
            if "keeper_jobs_queued" in text:
                break
            time.sleep(0.02)
    return Exposition.read(text) | Exposition.read(everything())
