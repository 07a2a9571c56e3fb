"""`python -m execution.sync_<platform>`: one platform's whole history of one user, from one command."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import execution
from execution.catalog import BUILT_IN
from tests.cli.conftest import Keeper
from tests.standins.etsy import Etsy

NAMES = sorted(platform.name for platform in BUILT_IN)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(whole_env: dict[str, str]) -> Run:
    def run(*argv: str, **changes: str) -> subprocess.CompletedProcess[str]:
        command, env = [sys.executable, "-m", *argv], {**os.environ, **whole_env, **changes}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    return run


def test_each_platform_has_one_which_says_what_it_loads() -> None:
    """They differ in the platform alone: what they do is written once."""
    found = sorted(path.stem.removeprefix("sync_") for path in Path(execution.__file__).parent.glob("sync_*.py"))
    with warnings.catch_warnings():
        # One that brings a command of its own may have been joined to the command line already.
        warnings.simplefilter("ignore", RuntimeWarning)
        modules = [runpy.run_module(f"execution.sync_{name}") for name in NAMES]

    # The orchestrator is of all.
    assert sorted({*found} - {"orchestrator"}) == NAMES
    for platform, module in zip(sorted(BUILT_IN, key=lambda one: one.name), modules, strict=True):
        assert module["ENTITIES"] == platform.entities()
        assert f"python -m execution.sync_{platform.name} --user ID" in module["__doc__"]


def test_it_starts_and_works_the_platforms_backfill(keeper: Keeper, etsy: Etsy, run: Run) -> None:
    shop = etsy.shop(orders=12)
    paid = len(etsy.truth(shop, "receipts", paid="true"))
    user = keeper("user create --email ada@example.com").out.strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")

    worked = run("execution.sync_etsy", "--user", user, "--entity", "orders", "--json")

    assert worked.returncode == 0, worked.stderr
    assert [(job["entity"], job["outcome"]) for job in json.loads(worked.stdout)["jobs"]] == [("orders", "queued")]
    status = json.loads(keeper(f"backfill status --user {user} --json").out)
    assert status["jobs"][0]["certificate"]["distinct_keys"] == paid


def test_it_checks_in_before_it_does_anything(keeper: Keeper, run: Run) -> None:
    user = keeper("user create --email ada@example.com").out.strip()

    refused = run("execution.sync_etsy", "--user", user, KEEPER_ENVIRONMENT="staging")

    assert refused.returncode == 2
    assert "and KEEPER_ENVIRONMENT says 'staging'" in refused.stderr


def test_what_is_wrong_is_one_line_under_its_own_name(keeper: Keeper, run: Run) -> None:
    user = keeper("user create --email ada@example.com").out.strip()

    unknown, untold = run("execution.sync_shopify", "--user", user), run("execution.sync_shopify")

    assert (unknown.returncode, untold.returncode) == (2, 2)
    assert unknown.stderr == f"User {user} has not connected shopify. Run `keeper connect shopify` first.\n"
    assert "See `python -m execution.sync_shopify --help`." in untold.stderr
