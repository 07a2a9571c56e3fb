"""`keeper goods`: what goods cost, from a file: tried, saved, listed, removed and taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

from tests.cli.conftest import Keeper

FILE = "sku;cost;currency;valid_from\nMUG;12.50;USD;\nMUG;13;USD;2026-03-04\nCUP;;USD;\n"
COUNT = "select count(*) from private.goods_costs"


def test_a_file_is_tried_saved_and_taken_back(keeper: Keeper, db: psycopg.Connection[Any], tmp_path: Path) -> None:
    user = keeper("user create --email ada@example.com").out.strip()
    file = tmp_path / "costs.csv"
    file.write_text(FILE)

    tried = keeper(f"goods load {file} --user {user}")
    assert "It would save: 2 new, 0 changed, 0 as they were. Without a cost: 1." in tried.out
    assert "12.50 USD" in tried.out
    assert db.execute(COUNT).fetchone() == (0,)

    saved = json.loads(keeper(f"goods load {file} --user {user} --apply --json").out)
    assert (saved["created"], saved["bad"], db.execute(COUNT).fetchone()) == (2, [], (2,))
    listed = json.loads(keeper(f"goods list --user {user} --search mu --json").out)["costs"]
    assert [(one["key"], one["cost_amount"], one["valid_until"]) for one in listed] == [
        ("MUG", 1250, "2026-03-04"),
        ("MUG", 1300, None),
    ]
    assert "12.50 USD" in keeper(f"goods list --user {user}").out

    removed = json.loads(keeper(f"goods remove {listed[0]['id']} --user {user} --json").out)
    assert db.execute(COUNT).fetchone() == (1,)
    assert keeper(f"goods undo {saved['save_id']} --user {user}").refusal() == (
        "A later save changed the same, or its shop is gone. Take back the later one first; what belonged to a shop"
        " that is gone cannot come back."
    )
    for save in (removed["save_id"], saved["save_id"]):
        assert keeper(f"goods undo {save} --user {user}").status == 0
    assert db.execute(COUNT).fetchone() == (0,)


def test_a_file_with_a_wrong_row_is_not_saved(keeper: Keeper, db: psycopg.Connection[Any], tmp_path: Path) -> None:
    user = keeper("user create --email ada@example.com").out.strip()
    file = tmp_path / "costs.csv"
    file.write_text(FILE + "JUG;1,234;USD;\n")

    said = keeper(f"goods load {file} --user {user} --apply")

    assert said.status == 1
    assert "row 5, cost: is that a thousand?" in said.out
    assert "1 rows cannot be read, so nothing is saved." in said.out
    assert db.execute(COUNT).fetchone() == (0,)
    assert "cannot be read: No such file" in keeper(f"goods load {tmp_path}/none --user {user}").refusal()
    assert keeper(f"goods remove 1 --user {user}").refusal().startswith("None of these is there.")
