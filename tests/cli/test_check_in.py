"""Every command makes sure of environment and keys before it does anything, as worker, clock and web do."""

from __future__ import annotations

import ast
from pathlib import Path
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
    f"user pause {USER}",
    f"user zone {USER} Europe/Riga",
    f"user resume {USER}",
    f"user export {USER} -",
    f"user delete {USER} --yes",
    "user tombstones",
    "user purge-tombstoned",
    "obligations list",
    "events list",
    f"events show {USER}",
    f"events resend {USER}",
    "events test",
    f"goods load costs.csv --user {USER}",
    f"goods list --user {USER}",
    f"goods remove 1 --user {USER}",
    f"goods undo {USER} --user {USER}",
    f"money days --user {USER}",
    f"money why --user {USER} --day 2026-03-04",
    f"money verify --user {USER}",
    f"money rebuild --user {USER}",
    f"money reclaim-tax --user {USER} --yes",
    "obligations settle 1 --outcome done",
    f"rebuild --user {USER}",
    f"connect etsy --user {USER} --shop-id 1 --access-token x",
    f"backfill start --user {USER}",
    f"backfill status --user {USER}",
    f"backfill watch --user {USER}",
    f"sync --user {USER}",
    f"square-bookings --user {USER} --location L1",
    f"runs list --user {USER}",
    "jobs list",
    f"jobs show {USER}",
    f"jobs retry {USER}",
    f"jobs cancel {USER} --yes",
    f"jobs run-now {USER}",
    "tenants",
    "platforms list",
    "platforms pause etsy",
    "platforms resume etsy",
    f"runs show {USER}",
    f"rollback {USER} --yes",
    f"refresh start --user {USER} --confirm Shop",
    f"refresh status --user {USER}",
    f"refresh cancel {USER} --user {USER}",
    "run --until-idle",
    f"deletions list --user {USER}",
    f"deletions confirm 1 --user {USER}",
    f"deletions dismiss 1 --user {USER}",
    f"restore {USER} --user {USER}",
    f"webhooks list --user {USER}",
    f"webhooks check --user {USER}",
    f"verify --user {USER}",
    "budget",
    f"costs --user {USER}",
    "recost --covers piece",
    f"remap --user {USER} --platform etsy",
    f"rejected list --user {USER}",
    f"rejected replay --user {USER}",
    f"rejected fetch --user {USER}",
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


# What makes the parts of a process without checking in: children of a worker that has, and the doctor, who tells what
# checking in would refuse.
_CHECKED_ELSEWHERE = {"execution/workers.py", "execution/doctor/examination.py"}
_ROOT = Path(cli.__file__).resolve().parents[1]


def unchecked(source: str) -> list[int]:
    """Lines that make an App, or ask for an unchecked one, in a function that does not check it in, or in none."""
    found = []
    module = ast.parse(source)
    inside = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    outside = ast.Module([node for node in module.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)], [])
    for function in (*inside, outside):
        if getattr(function, "name", "") != "unchecked_app":
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            names = [ast.unparse(call.func).rpartition(".")[2] for call in calls]
            if not {"check_boot", "wait_for_boot", "keys_status"} & set(names):
                found += [c.lineno for c, name in zip(calls, names, strict=True) if name in {"App", "unchecked_app"}]
    return found


def test_whoever_makes_the_parts_of_a_process_checks_in() -> None:
    files = [path for room in ("execution", "keeper", "web") for path in (_ROOT / room).rglob("*.py")]
    found = {str(path.relative_to(_ROOT)): unchecked(path.read_text()) for path in files}

    assert {file for file, lines in found.items() if lines} == _CHECKED_ELSEWHERE


@pytest.mark.parametrize("line", ["app = App(settings=s)", "return cli.unchecked_app().store"])
def test_parts_that_are_made_unchecked_are_found(line: str) -> None:
    assert unchecked(f"def command():\n    {line}") == [2]


def test_parts_that_a_module_makes_are_found() -> None:
    assert unchecked("app = App(settings=s)") == [1]
    assert unchecked("app = App(settings=s)\napp.check_boot()") == []
