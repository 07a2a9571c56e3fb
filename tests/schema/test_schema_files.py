"""supabase/schemas as a reader expects it: a function once, its promise above it, its grants beside it."""

from __future__ import annotations

import re
import shutil
from collections import Counter

import pytest

from execution.errors import UserError
from execution.schema.files import FOLDER, functions, schema_files
from execution.schema.sql_text import statements

FILES = schema_files()
FUNCTIONS = functions(FILES)
GENERATED = "schemas/mapping/"


@pytest.fixture
def folder(tmp_path):
    """A copy of supabase/ to spoil."""
    shutil.copytree(FOLDER / "schemas", tmp_path / "schemas")
    shutil.copy(FOLDER / "config.toml", tmp_path)
    return tmp_path


def test_each_function_is_defined_once():
    """By the text alone, so that nothing hides behind how the files are read."""
    text = "\n".join(path.read_text() for path in FOLDER.glob("schemas/**/*.sql"))
    defined = re.findall(r"^create (?:or replace )?function ([\w.]+)", text, re.MULTILINE | re.IGNORECASE)

    assert len(defined) > 200
    assert [name for name, times in Counter(defined).items() if times > 1] == []
    assert set(defined) == set(FUNCTIONS)


def test_each_file_says_first_what_it_is_about():
    assert [path.name for path in FOLDER.glob("schemas/**/*.sql") if not path.read_text().startswith("-- ")] == []


def test_each_function_says_first_what_it_promises():
    named = {
        name: function.text.startswith(f"-- {name.partition('.')[2]}: ")
        for name, function in FUNCTIONS.items()
        if not function.file.startswith(GENERATED)
    }

    assert len(named) > 150
    assert [name for name, is_there in named.items() if not is_there] == []


def test_each_function_of_the_api_has_its_grants_beside_it():
    for name, function in FUNCTIONS.items():
        beside = [text.split()[0] for text in function.beside if not text.startswith("comment")]
        assert beside == (["revoke", "grant"] if name.startswith("public.") else []), name


def test_every_function_can_be_written_into_a_migration_as_it_stands():
    assert [name for name, one in FUNCTIONS.items() if "\ncreate or replace function" not in f"\n{one.text}"] == []


def test_a_statement_grants_on_one_function():
    """Else it would belong to none."""
    for file in FILES:
        for statement in file.statements:
            if statement.tokens[0] in {"grant", "revoke"} and "function" in statement.tokens:
                assert statement.text.count("public.") == 1, f"{file.name}:{statement.line}"


def test_tables_are_not_altered_but_for_row_level_security():
    """What a table is stands in one place. A reference in a circle can only come later."""
    allowed = re.compile(r"alter (default privileges|table \S+ ((enable|force) row level security|add foreign key))")
    for file in FILES:
        for statement in file.statements:
            words = " ".join(statement.text[statement.first :].split())
            assert not words.startswith("alter") or allowed.match(words), f"{file.name}:{statement.line}"


def test_a_function_with_two_definitions_is_refused(folder):
    with (folder / "schemas" / "proofs.sql").open("a") as file:
        file.write((folder / "schemas" / "claim.sql").read_text())

    with pytest.raises(
        UserError, match=r"public\.claim_job is defined twice: in schemas/claim\.sql and in schemas/proo"
    ):
        functions(schema_files(folder))


def test_a_file_that_is_not_listed_is_refused(folder):
    (folder / "schemas" / "forgotten.sql").write_text("select 1;")

    with pytest.raises(UserError, match=r"does not list schemas/forgotten\.sql"):
        schema_files(folder)


def test_a_file_that_is_listed_and_gone_is_refused(folder):
    (folder / "schemas" / "claim.sql").unlink()

    with pytest.raises(UserError, match=r"lists \./schemas/claim\.sql, and there is no such file"):
        schema_files(folder)


def test_the_baseline_says_the_same_statements():
    """Until a first migration is added behind it, and in the order of the files."""
    baseline = sorted((FOLDER / "migrations").glob("20261125*.sql"))
    ours = [statement.tokens for file in FILES for statement in file.statements]

    assert len(baseline) == 10
    if len(baseline) == len(list((FOLDER / "migrations").glob("*.sql"))):
        assert [one.tokens for path in baseline for one in statements(path.read_text())] == ours
