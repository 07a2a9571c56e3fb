"""Every command makes sure of environment and keys before it does anything, as worker, clock and web do."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import typer.main

from execution import cli
from tests.cli.conftest import Keeper
from tests.test_house import _leaves

USER = "6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11"
COMMANDS = [
    "user create --email ada@example.com",
    "user find --email ada@example.com",
    f"user erase-buyer --user {USER} --buyer 1",
    "obligations list",
    "obligations settle 1 --outcome done",
    f"rebuild --user {USER}",
    f"connect etsy --user {USER} --shop-id 1 --access-token x",
    f"backfill start --user {USER}",
    f"backfill status --user {USER}",
    f"backfill watch --user {USER}",
    "run --until-idle",
    f"verify --user {USER}",
    "budget",
    f"costs --user {USER}",
    "recost --covers piece",
    f"remap --user {USER} --platform etsy",
    f"rejected list --user {USER}",
    f"rejected replay --user {USER}",
    f"admin --user {USER}",
    "web --port 1",
    "keys rotate",
]
# They have no database of Keeper yet, make one of their own, say what is wrong, or are tried as processes
# (tests/process/test_boot.py).
_OTHERS = {"migrate", "migrations export", "up", "sandbox", "demo", "doctor", "keys status", "worker", "clock"}
_WRITTEN = "select (select count(*) from auth.users), (select count(*) from private.admins)"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_another_environment_changes_nothing(
    keeper: Keeper, db: psycopg.Connection[Any], command: str
) -> None:
    """A token stored under another name would be lost to everybody else."""
    db.execute("update private.installation set environment = 'embedded'")
    before = db.execute(_WRITTEN).fetchone()

    refused = keeper(command, KEEPER_ENVIRONMENT="staging")

    assert "and KEEPER_ENVIRONMENT says 'staging'" in refused.refusal()
    assert refused.status == 2
    assert db.execute(_WRITTEN).fetchone() == before


def test_every_command_is_tried() -> None:
    cli.join_commands()
    commands = set(_leaves(typer.main.get_command(cli.cli)))

    assert {name for name in commands if not any(tried.startswith(name) for tried in COMMANDS)} == _OTHERS
