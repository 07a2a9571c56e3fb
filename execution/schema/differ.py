"""What supabase/schemas say and no migration does yet, found in the catalogs of two databases.

One is built from the schema files, the other from the migrations. Functions that differ are written as a migration,
their text taken from the files. Everything else (tables, columns, indexes, policies, triggers, rows) may hold data or
lock a table, so a person writes it: the differ says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import psycopg

from execution.errors import UserError
from execution.schema.files import Function
from execution.schema.migrations import Connection
from execution.schema.snapshot import Snapshot, Thing, snapshot

_LONGEST = 300


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What is left to write: by hand first, then as a migration of functions."""

    by_hand: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.by_hand or self.statements)


def compare(said: Connection, made: Connection, functions: Mapping[str, Function]) -> Difference:
    """`said` is a database built from the schema files, `made` one built from the migrations; neither is changed.

    The statements are tried on `made`, so that what they would leave different is known, too.
    """
    wanted, present = snapshot(said), snapshot(made)
    missing = by_hand(wanted, present)
    if missing:
        return Difference(by_hand=missing)
    statements = tuple(function_changes(wanted, present, functions))
    try:
        with made.transaction(force_rollback=True):
            for statement in statements:
                made.execute(statement.encode())
            left = tuple(sentences(wanted, snapshot(made)))
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise UserError(f"The migration would fail: {reason}.", hint="Write what stands in its way by hand.") from error
    return Difference(by_hand=left, statements=() if left else statements)


def migration_text(name: str, statements: Iterable[str]) -> str:
    """The text of a migration with these statements."""
    title = f"-- {name.replace('_', ' ').capitalize()}: functions as supabase/schemas say them."
    return "\n\n".join([title, *statements]) + "\n"


def by_hand(wanted: Snapshot, present: Snapshot) -> tuple[str, ...]:
    """What only a person may write, a sentence each."""
    return tuple(sentences(_without_functions(wanted), _without_functions(present)))


def sentences(wanted: Snapshot, present: Snapshot) -> Iterator[str]:
    """What two databases hold otherwise, a sentence each; of a thing that is missing, its parts are not listed."""
    for thing in sorted(wanted.keys() | present.keys()):
        said, made = wanted.get(thing), present.get(thing)
        if said == made:
            continue
        what = f"{thing.kind} {thing.name}"
        if made is None and not _is_missing(thing.of, present):
            yield f"schemas have {what}, no migration makes it"
        elif said is None and not _is_missing(thing.of, wanted):
            yield f"migrations make {what}, schemas do not have it"
        elif said is not None and made is not None:
            yield f"{what} is {_short(said)} in schemas, {_short(made)} by migrations"


def _is_missing(name: str, present: Snapshot) -> bool:
    return bool(name) and not any(Thing(kind=kind, name=name) in present for kind in ("table", "type", "function"))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return f'"{text}"' if len(text) <= _LONGEST else f'"{text[:_LONGEST]}…"'


def _without_functions(found: Snapshot) -> Snapshot:
    return {thing: text for thing, text in found.items() if _function_of(thing) is None}


def _function_of(thing: Thing) -> str | None:
    """The function that this is, or is a grant or a comment on."""
    if thing.kind == "function":
        return _name(thing.name)
    if thing.kind == "grant" and "(" in thing.of:
        return _name(thing.of)
    if thing.kind == "comment" and thing.name.startswith("function "):
        return _name(thing.name.removeprefix("function "))
    return None


def _name(signature: str) -> str:
    return signature.partition("(")[0]


def function_changes(wanted: Snapshot, present: Snapshot, functions: Mapping[str, Function]) -> Iterator[str]:
    """The statements that turn the functions of `present` into those of `wanted`, in the order of the files."""
    said, made = _by_function(wanted), _by_function(present)
    for name, function in functions.items():
        if said[name] == made.get(name):
            continue
        before, after = _definitions(made.get(name, {})), _definitions(said[name])
        stale = [signature for signature, text in before.items() if _head(after.get(signature, "")) != _head(text)]
        # One that takes or returns something else cannot be replaced.
        yield from (f"drop function {signature};" for signature in stale)
        if before != after:
            yield function.text
        if stale or not before or before == after:
            yield from function.beside
    for name in made.keys() - said.keys():
        yield from (f"drop function {signature};" for signature in _definitions(made[name]))


def _by_function(found: Snapshot) -> dict[str, Snapshot]:
    """Each function with its grants and comments, by name."""
    named: dict[str, Snapshot] = {}
    for thing, text in found.items():
        name = _function_of(thing)
        if name is not None:
            named.setdefault(name, {})[thing] = text
    return named


def _definitions(of_one_function: Snapshot) -> dict[str, str]:
    return {thing.name: text for thing, text in of_one_function.items() if thing.kind == "function"}


def _head(definition: str) -> str:
    """What it takes and returns."""
    return definition.partition("\n LANGUAGE ")[0]
