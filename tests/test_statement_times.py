"""Hosted Supabase ends a statement after a minute: nothing of ours counts on more (docs/decisions/027)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import psycopg
import pytest

from execution import store
from web import app as web_app

ROOT = Path(__file__).resolve().parent.parent
LONGEST_S = 50.0
# What Store adds for the way there and back.
MARGIN_S = 5.0
# Any way of saying it: `set statement_timeout = '50s'`, `to 50000`, `-c statement_timeout=50s`, set_config(…, '50s').
SAID = re.compile(
    r"(?:statement|transaction)_timeout['\"]?\s*(?:=|to\b|,|:)\s*['\"]?"
    r"(?P<number>[\d.]+|default)\s*(?P<unit>us|ms|s|min|h|d)?\b",
    re.IGNORECASE,
)
UNITS = {"us": 1e-6, "ms": 1e-3, None: 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
# A migration is run by a person over a connection of its own, and an index of a large table cannot be made in pieces.
MAY = {("execution/schema/migrations.py", "set local statement_timeout = 0")}
FOLDERS = ("execution", "keeper", "web", "sandbox", "tools", "supabase/schemas")


def seconds(number: str, unit: str | None) -> float:
    """None at all is for ever."""
    if number.lower() == "default":
        return float("inf")
    return float(number) * UNITS[unit.lower() if unit else None] or float("inf")


def too_long(text: str) -> list[str]:
    return [found[0] for found in SAID.finditer(text) if seconds(found["number"], found["unit"]) > LONGEST_S]


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".sql", ".py", ".toml", ".conf"} and "node_modules" not in path.parts:
                yield path


def functions(db: psycopg.Connection[Any]) -> dict[str, float]:
    """Every function of ours that has a limit of its own, whichever migration gave it one."""
    rows = db.execute(
        "select p.oid::regprocedure::text, split_part(c, '=', 2) from pg_proc as p, unnest(p.proconfig) as c"
        " where c like 'statement_timeout=%' and p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)"
    ).fetchall()
    return {name: _config(value) for name, value in rows}


def roles(db: psycopg.Connection[Any]) -> dict[str, float]:
    rows = db.execute(
        "select coalesce(r.rolname, 'all'), split_part(c, '=', 2) from pg_db_role_setting as s"
        " left join pg_roles as r on r.oid = s.setrole, unnest(s.setconfig) as c where c like 'statement_timeout=%'"
    ).fetchall()
    return {name: _config(value) for name, value in rows}


def _config(value: str) -> float:
    said = SAID.fullmatch(f"statement_timeout={value}")
    assert said, value
    return seconds(said["number"], said["unit"])


def longer(limits: dict[str, float]) -> list[str]:
    return [name for name, limit in limits.items() if limit > LONGEST_S]


def test_no_file_says_a_longer_time() -> None:
    found = {(str(path.relative_to(ROOT)), said) for path in sources() for said in too_long(path.read_text())}

    assert {(name, said.strip()) for name, said in found} == {
        (name, said.removeprefix("set local ")) for name, said in MAY
    }


def test_no_function_and_no_role_of_a_migrated_database_has_a_longer_time(db: psycopg.Connection[Any]) -> None:
    """Of the database itself: a migration may have said what no schema file does."""
    assert longer(functions(db)) == []
    assert longer(roles(db)) == []
    assert len(functions(db)) > 10


@pytest.mark.parametrize(
    "planted",
    [
        "set statement_timeout = '120s'",
        "set statement_timeout to '2min'",
        "SET LOCAL statement_timeout = 0",
        "options='-c statement_timeout=61000'",
        "set_config('statement_timeout', '10min', true)",
        "alter role service_role set statement_timeout = '51s'",
        '{"statement_timeout": "1h"}',
        "set statement_timeout = default",
    ],
)
def test_a_longer_time_is_found_however_it_is_said(planted: str) -> None:
    assert too_long(planted)


@pytest.mark.parametrize(
    "sound", ["set statement_timeout = '50s'", "statement_timeout=8000", "statement_timeout to '3s'"]
)
def test_a_time_that_fits_is_not(sound: str) -> None:
    assert not too_long(sound)


def test_a_planted_function_is_found(db: psycopg.Connection[Any]) -> None:
    with db.transaction(force_rollback=True):
        db.execute(
            "create function private.planted() returns int language sql set statement_timeout = '1min' as 'select 1'"
        )

        assert longer(functions(db)) == ["private.planted()"]


def _says_how_long(node: ast.AST) -> TypeGuard[ast.keyword | ast.AnnAssign]:
    match node:
        case ast.keyword(arg="answer_s") | ast.AnnAssign(target=ast.Name(id="answer_s")):
            return True
    return False


def waits(tree: ast.AST) -> Iterator[float]:
    """What a Patience is told to wait, by name or by number; what is not written out is not judged here."""
    numbers = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, float | int)
    }
    for node in ast.walk(tree):
        value = node.value if _says_how_long(node) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, float | int):
            yield float(value.value)
        elif isinstance(value, ast.Name) and value.id in numbers:
            yield float(numbers[value.id])


def test_nobody_waits_longer_than_a_statement_and_its_way() -> None:
    """And the longest waits longer than the longest statement: an answer that comes is never thrown away."""
    found = [wait for path in sources() if path.suffix == ".py" for wait in waits(ast.parse(path.read_text()))]

    assert max(found) == store.AS_LONG_AS_IT_TAKES.answer_s == LONGEST_S + MARGIN_S
    assert max(web_app.PATIENCE.answer_s, web_app.HEALTH_PATIENCE.answer_s) < LONGEST_S
    assert len(found) >= 4


def test_a_longer_wait_is_found() -> None:
    planted = "_LONG_S = 130.0\nclass P:\n    answer_s: float = _LONG_S\nPatience(answer_s=200)"

    assert sorted(waits(ast.parse(planted))) == [130.0, 200.0]
