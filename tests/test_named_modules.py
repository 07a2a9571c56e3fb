"""Modules that docstrings and documents name exist: nobody is sent looking for one that was moved or renamed.

A file may be named with as many folders as it takes (`refresh.py`, `tokens/refresh.py`), a module with as many rooms
(`tokens.refresh`), and what a module or a class holds after its name (`keyring.Keyring`, `BackfillManager.start`).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("execution", "keeper", "web", "sandbox")
SOURCES = sorted(path for package in PACKAGES for path in ROOT.glob(f"{package}/**/*.py"))
ALL_FILES = [path.relative_to(ROOT) for path in (*SOURCES, *ROOT.glob("[tb]*/**/*.py"), *ROOT.glob("examples/*.py"))]
# What was decided, and what was changed, is told of the modules that there were.
DOCUMENTS = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("d*/*.md")) if path.parent.name != "decisions"
    and path.name != "CHANGELOG.md"
)  # fmt: skip
_FILE = re.compile(r"(?<![\w/.<>*-])((?:[\w.-]+/)*\w+\.py)\b")
_DOTTED = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\([^`]*\))?`")
_TABLE = re.compile(r"^create (?:unlogged )?table (?:if not exists )?(?:\w+\.)?(\w+)", re.MULTILINE)
# Files of other kinds, and hosts.
_ENDINGS = ("com", "json", "md", "sql", "toml", "txt", "yml")
# Of the database, beside its tables.
_SCHEMAS = ("auth", "private", "public", "supabase_migrations")
# Words with dots of another world: aliases in SQL, a group of entry points, fields of others' messages and objects.
_OTHERS = (
    "e.r", "extensions.search", "keeper.backfills", "keeper.connections", "keeper.platforms", "keeper.refreshes",
    "keeper.run_id", "keeper.runs", "keeper.users",
    "onboarding.completed", "backfill.completed", "backfill.failed", "connection.connected", "connection.disconnected",
    "connection.reconnect_needed", "deletions.held", "entity.incomplete", "keeper.test", "sync.completed",
    "tenant.deleted", "customer.deleted", "oauth.authorization.revoked",
    "render.yaml", "py.typed", "request.app", "Session.setup",
)  # fmt: skip


@cache
def tables() -> set[str]:
    return {name for path in ROOT.glob("supabase/schemas/**/*.sql") for name in _TABLE.findall(path.read_text())}


@cache
def held() -> dict[str, set[str]]:
    """What each module and each class defines, by its last name and, for modules, by all longer names."""
    found: dict[str, set[str]] = {}
    bases: list[tuple[str, set[str]]] = []
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        for start in range(len(parts)):
            found.setdefault(".".join(parts[start:]), set()).update(_defined(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(_defined(node))
                bases.append((node.name, {base.id for base in node.bases if isinstance(base, ast.Name)}))
    for name, of in bases:
        found[name].update(*(found.get(base, ()) for base in of))
    return found


def _defined(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    for one in node.body:
        if isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield one.name
        elif isinstance(one, ast.Assign | ast.AnnAssign):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def stale(text: str) -> list[str]:
    """Names of modules, and of what they hold, that nothing has."""
    files = [name for name in _FILE.findall(text) if not any(_ends_with(path, name) for path in ALL_FILES)]
    return files + [name for name in _DOTTED.findall(text) if not (_is_no_module(name) or _exists(name))]


def _ends_with(path: Path, name: str) -> bool:
    return f"/{path}".endswith(f"/{name}")


def _is_no_module(name: str) -> bool:
    first, last = name.partition(".")[0], name.rpartition(".")[2]
    elsewhere = first in _SCHEMAS or first in tables() or (first in sys.stdlib_module_names and first not in held())
    # A file is looked for as one.
    return elsewhere or last in _ENDINGS or last == "py" or name.startswith(_OTHERS)


def _exists(name: str) -> bool:
    """A module; or a name that a module or class has, also in one step more: a class of a module."""
    holder, _, last = name.rpartition(".")
    return name in held() or last in held().get(holder, ()) or last in held().get(holder.rpartition(".")[2], ())


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def test_docstrings_name_modules_that_there_are() -> None:
    found = [(path, name) for path in SOURCES for docstring in docstrings(path) for name in stale(docstring)]

    assert [(str(path.relative_to(ROOT)), name) for path, name in found] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_modules_that_there_are(document: Path) -> None:
    assert stale(document.read_text()) == []


@pytest.mark.parametrize(
    "name",
    [
        "walks.py",
        "tokens/refreshed.py",
        "execution/http/tokens.py",
        "walks.rising",
        "tokens.refreshed",
        "Platform.paths",
    ],
)
def test_a_planted_stale_name_is_found(name: str) -> None:
    """Alone, in a sentence, and with brackets; a file also without backquotes."""
    texts = [f"`{name}`", f"As `{name}` says.", f"See ``{name}()``."]

    assert [stale(text) for text in texts] == [[name]] * 3
    assert stale(f"({name})") == ([name] if name.endswith(".py") else [])


@pytest.mark.parametrize(
    "name",
    ["refresh.py", "tokens/refresh.py", "execution/tokens/refresh.py", "tokens.refresh", "keyring.Keyring",
     "BackfillManager.start", "Platform.paginators", "private.api_calls", "sync_jobs.cursor", "random.Random",
     "sync_<name>.py"],
)  # fmt: skip
def test_a_name_that_there_is_is_not(name: str) -> None:
    assert stale(f"`{name}`") == []
