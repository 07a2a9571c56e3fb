"""What is particular to a platform stands in its package: outside of it no code and no text of code names one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from execution.catalog import ANNOUNCED, BUILT_IN

ROOT = Path(__file__).resolve().parents[2]
NAMES = tuple(platform.name for platform in (*BUILT_IN, *ANNOUNCED.values()))
# The entries that the directives name, one a platform; and the registry, which names each once.
ENTRIES = {f"execution/sync_{name}.py" for name in NAMES}
REGISTRY = "execution/catalog.py"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def modules() -> list[Path]:
    homes = tuple(ROOT / "execution" / "platforms" / name for name in NAMES)
    found = sorted(path for folder in ("execution", "web") for path in (ROOT / folder).rglob("*.py"))
    return [
        path for path in found if not any(path.is_relative_to(home) for home in homes) and named(path) not in ENTRIES
    ]


def files_of_pages() -> list[Path]:
    """What browsers get: templates, styles, scripts, pictures; not what others wrote."""
    folders = (ROOT / "web" / "templates", ROOT / "web" / "static")
    return sorted(
        path for folder in folders for path in folder.rglob("*") if path.is_file() and path.parent.name != "vendor"
    )


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def words_of(source: str) -> Iterator[tuple[int, str]]:
    """Every name and every text of a module, with its line; docstrings and comments may tell why something is so."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, _DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield line, text
            case ast.Constant(value=bytes(raw)):
                yield line, raw.decode("latin-1")
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text) | ast.keyword(arg=str(text)):
                yield line, text
            case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text) | ast.ClassDef(name=text):
                yield line, text
            case ast.ImportFrom(module=str(text)):
                yield line, text
            case ast.alias(name=text, asname=other):
                yield line, f"{text} {other or ''}"


def named_in(source: str) -> list[tuple[int, str]]:
    return [(line, word) for line, word in words_of(source) if any(name in word.lower() for name in NAMES)]


@pytest.mark.parametrize("path", modules(), ids=named)
def test_no_module_outside_a_platforms_package_names_one(path: Path) -> None:
    if named(path) == REGISTRY:
        pytest.skip("the registry")
    assert named_in(path.read_text()) == []


@pytest.mark.parametrize("path", files_of_pages(), ids=named)
def test_no_template_and_no_style_names_one(path: Path) -> None:
    """Not even in a comment: what is particular to a platform comes from its package (`SellerWords`)."""
    lines = path.read_text().lower().splitlines()
    assert [line for line in lines if any(name in line for name in NAMES)] == []


def sql_files() -> list[Path]:
    homes = tuple(ROOT / "supabase" / "schemas" / home for home in ("platforms", "mapping"))
    found = sorted((ROOT / "supabase" / "schemas").rglob("*.sql"))
    # HTML's names of characters: a square is one.
    return [path for path in found if path.parent not in homes and path.name != "reference.sql"]


def named_in_sql(text: str) -> list[str]:
    """The lines of code that name one; a comment may tell why something is so."""
    code = [line.partition("--")[0].lower() for line in text.splitlines()]
    return [line for line in code if any(name in line for name in NAMES)]


@pytest.mark.parametrize("path", sql_files(), ids=named)
def test_no_sql_outside_a_platforms_own_files_names_one(path: Path) -> None:
    assert named_in_sql(path.read_text()) == []


def test_a_planted_name_in_sql_is_found() -> None:
    assert named_in_sql("select 1 -- Etsy's way\nwhere platform <> 'etsy'") == ["where platform <> 'etsy'"]


def test_the_registry_names_each_platform_to_list_it_and_no_more() -> None:
    """An import, and a place in BUILT_IN or ANNOUNCED."""
    found = named_in((ROOT / REGISTRY).read_text())

    listed = {platform.name.upper() for platform in (*BUILT_IN, *ANNOUNCED.values())}
    imports = {f"execution.platforms.{name.lower()}.platform" for name in listed} | {f"{name} " for name in listed}
    assert {word for _, word in found} == imports | listed
    # BUILT_IN names each once; ANNOUNCED once as key and once as value.
    assert sum(word in listed for _, word in found) == len(BUILT_IN) + 2 * len(ANNOUNCED)


@pytest.mark.parametrize(
    "planted",
    [
        "HOSTS = ['www.etsy.com']",
        "def of_printify(): ...",
        "import execution.platforms.shopify.api",
        "from execution.platforms.shopify import api",
        "x = settings.etsy_token_url",
        "call(square=1)",
        "text = f'{name} at Etsy'",
        "RAW = b'Shopify'",
    ],
)
def test_a_planted_name_is_found(planted: str) -> None:
    assert named_in(planted)


def test_a_reason_may_be_told() -> None:
    assert named_in('"""Printify allows 5 %."""\n# Etsy, too\nX = 1\n') == []
