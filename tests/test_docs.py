"""What the documents name exists, and what exists they name: a reader is not sent looking for what is gone."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from execution.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(chain(ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"), ROOT.glob("directives/*.md")), key=str)
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
README = (ROOT / "README.md").read_text()
SCHEMAS = "\n".join(path.read_text() for path in sorted(ROOT.glob("supabase/schemas/**/*.sql")))
# The other way of writing a variable that several platforms have.
_SAME_WITH = re.compile("(PRINTIFY|SHOPIFY|SQUARE)_(API_BASE|TOKEN)_URL")


def _named(text: str, word: str) -> bool:
    return re.search(rf"[`,:\s]{re.escape(word)}`", text) is not None


def test_every_table_has_its_place_in_the_architecture() -> None:
    tables = set(re.findall(r"^create (?:unlogged )?table (?:public\.)?((?:private\.)?[a-z_]+)", SCHEMAS, re.MULTILINE))

    assert len(tables) > 40
    assert [name for name in sorted(tables) if not _named(ARCHITECTURE, name)] == []


def test_every_function_that_is_called_has_its_place_in_the_architecture() -> None:
    functions = set(re.findall(r"^create (?:or replace )?function public\.([a-z_]+)", SCHEMAS, re.MULTILINE))

    assert len(functions) > 60
    assert [name for name in sorted(functions) if not _named(ARCHITECTURE, name)] == []


def test_every_module_of_the_package_has_its_place_in_the_architecture() -> None:
    modules = {path.stem for path in ROOT.glob("execution/**/*.py")} - {"__init__"}

    assert len(modules) > 60
    # Those of a room may be named with it: `budget.report`.
    assert [name for name in sorted(modules) if not re.search(rf"[`.]{name}`", ARCHITECTURE)] == []


def test_every_variable_is_in_the_readme() -> None:
    variables = Settings.variables()

    unnamed = [name for name in sorted(variables) if not _named(README, name)]

    assert [name for name in unnamed if not _SAME_WITH.fullmatch(name)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_points_to_is_there(document: Path) -> None:
    """Links, and paths in backquotes."""
    text = document.read_text()
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if not link.startswith("http")]
    paths = re.findall(r"`((?:execution|web|sandbox|tests|docs|directives|supabase|benchmarks|tools)/[\w./-]+)`", text)

    assert [link for link in links if not (document.parent / link).exists()] == []
    assert [path for path in paths if not (ROOT / path).exists()] == []
