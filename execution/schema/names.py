"""The names that migrations make: what may be taken in a project that others share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from execution.schema.migration_files import Migration
from execution.schema.sql_text import statements

_MAKES = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:unlogged\s+)?"
    r"(table|view|materialized\s+view|sequence|function|procedure|type|domain)\s+(?:if\s+not\s+exists\s+)?"
    r'("?\w+"?(?:\."?\w+"?)?)',
    re.IGNORECASE,
)
# An index stands in the schema of its table; a trigger on a table that is not ours may meet one of its name there.
_INDEX = re.compile(
    r"create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?"
    r'("?\w+"?)\s+on\s+(?:only\s+)?("?\w+"?(?:\."?\w+"?)?)',
    re.IGNORECASE,
)
_TRIGGER = re.compile(
    r'create\s+(?:or\s+replace\s+)?trigger\s+("?\w+"?)\s+.*?\bon\s+("?(?:auth|storage|realtime)"?)\.',
    re.IGNORECASE | re.DOTALL,
)
_KINDS = {"function": "function", "procedure": "function", "type": "type", "domain": "type"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A name with its schema, and the catalog that it stands in: `relation`, `function`, `type` or `trigger`."""

    kind: str
    name: str


@cache
def made_by(migration: Migration) -> tuple[Made, ...]:
    """What the statements of a file make, in their order. What `do` blocks make is not seen."""
    return tuple(_made_in(migration.read()))


def _made_in(source: str) -> Iterator[Made]:
    for statement in statements(source):
        found = _MAKES.match(statement.text, statement.first)
        if found is not None:
            name = _bare(found[2])
            qualified = name if "." in name else f"public.{name}"
            yield Made(kind=_KINDS.get(found[1].lower(), "relation"), name=qualified)
        elif (found := _INDEX.match(statement.text, statement.first)) is not None:
            schema = _bare(found[2]).rpartition(".")[0] or "public"
            yield Made(kind="relation", name=f"{schema}.{_bare(found[1])}")
        elif (found := _TRIGGER.match(statement.text, statement.first)) is not None:
            yield Made(kind="trigger", name=f"{_bare(found[2])}.{_bare(found[1])}")


def _bare(name: str) -> str:
    return name.replace('"', "").lower()
