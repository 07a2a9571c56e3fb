"""The folder of migrations, as the Supabase CLI and a reader expect it."""

from __future__ import annotations

import re
from datetime import datetime

from execution.schema.migration_files import FOLDER as MIGRATIONS
from execution.schema.sql_text import statements

FILES = sorted(MIGRATIONS.glob("*"))


def test_names_are_moments_in_order_with_words():
    names = [path.name for path in FILES]
    matches = [re.fullmatch(r"(\d{14})_([a-z0-9]+(?:_[a-z0-9]+)*)\.sql", name) for name in names]

    assert all(matches), names
    versions = [match[1] for match in matches if match]
    assert len(set(versions)) == len(versions) > 5
    assert all(datetime.strptime(version, "%Y%m%d%H%M%S") for version in versions)  # noqa: DTZ007  only its form counts


def test_each_says_first_what_it_is_for():
    assert [path.name for path in FILES if not path.read_text().startswith("-- ")] == []


DROPPED = (["drop", "function"], ["drop", "index"], ["drop", "trigger"])


def test_nothing_is_taken_from_code_that_still_runs():
    """Old processes work on the new schema during a deploy: only what they do not name is dropped (functions to be made
    again with more, indexes, triggers), and constraints, to be made again wider or looser; a foreign key that goes
    refuses nobody's rows.
    """
    taken_back = re.compile(r"\b(drop|rename|truncate)\b", re.IGNORECASE)
    for path in FILES:
        made_again = set(re.findall(r"add constraint (\w+)\s+check", path.read_text()))
        for statement in statements(path.read_text()):
            heads = [token.lower() for token in statement.tokens if not token.startswith(("'", "$"))]
            pairs = zip(heads, [*heads[1:], ""], strict=True)
            found = [word for word, after in pairs if taken_back.fullmatch(word) and after != "not"]
            dropped = re.findall(r"drop constraint (\w+)", " ".join(heads))
            checks = [name for name in dropped if not name.endswith("_fkey")]
            if heads[:2] == ["alter", "table"] and len(dropped) == len(found) and made_again.issuperset(checks):
                continue
            assert not found or heads[:2] in DROPPED, f"{path.name}:{statement.line}"


def test_no_statement_needs_to_stand_outside_a_transaction():
    """Each file is one transaction: whole or not at all."""
    alone = re.compile(r"vacuum|reindex|(create|drop) (database|tablespace)|concurrently|alter system", re.IGNORECASE)
    for path in FILES:
        for statement in statements(path.read_text()):
            assert not alone.match(" ".join(statement.tokens[:2])), f"{path.name}:{statement.line}"
            assert "concurrently" not in [token.lower() for token in statement.tokens[:4]], path.name


def test_migrations_make_no_roles_and_nothing_in_auth():
    """Hosted Supabase brings those; a trigger on auth.users is all that it allows."""
    for path in FILES:
        text = "\n".join(" ".join(statement.tokens).lower() for statement in statements(path.read_text()))
        assert not re.search(r"create (role|user) |alter role |create (table|function|schema) auth\b", text), path.name


def test_the_seed_runs_and_changes_nothing(clean, db):
    """`supabase db reset` looks for this file; it may run on a database with rows in it."""
    seed = (MIGRATIONS.parent / "seed.sql").read_text()

    db.execute(seed)
    db.execute(seed)

    assert db.execute("select count(*) from public.profiles").fetchone() == (0,)
