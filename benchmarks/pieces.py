"""How long the statements take that look at or change a whole shop: all at once, and in pieces (docs/decisions/027).

    python -m benchmarks.pieces                     250,000 orders, some minutes
    python -m benchmarks.pieces --orders 20000      a quick look

Exit status 1 when the longest piece takes more than a fifth of what a statement may.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.big_shop import BigShop, Db, make
from execution.pieces import PIECE_ROWS
from execution.schema.migrations import migrate
from sandbox.stack import Stack

LONGEST_S = 10.0
_HELD = {"p_stream": "receipts", "p_table": "orders", "p_time_column": "ordered_at"}


def questions(shop: BigShop) -> dict[str, tuple[str, dict[str, Any]]]:
    """What is asked in pieces, by what is printed."""
    lease = {"p_lease_id": shop.lease}
    proofs = {
        f"prove {name}": ("prove", {**lease, "p_name": name})
        for name in ("line_items", "balance", "references", "buyers")
    }
    verify = {"p_user_id": shop.user, "p_connection_id": shop.shop, "p_entity": "orders", "p_proofs": ["line_items"]}
    return {
        "audit_read": ("audit_read", {**lease, **_HELD}),
        **proofs,
        "sweep_gone": (
            "sweep_gone",
            {**lease, **_HELD, "p_last_pass": False, "p_children": {"line_items": "order_platform_id"}},
        ),
        "verify_completed": ("verify_completed", {**_HELD, **verify}),
    }


def call(db: Db, function: str, arguments: dict[str, Any]) -> tuple[Any, float]:
    """The answer, and the seconds that it took."""
    named = ", ".join(f"{name} => %({name})s" for name in arguments)
    given = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in arguments.items()}
    began = time.perf_counter()
    row = db.execute(f"select public.{function}({named})".encode(), given).fetchone()
    return row and row[0], time.perf_counter() - began


def in_pieces(db: Db, function: str, arguments: dict[str, Any], rows: int | None) -> list[float]:
    """The seconds of each piece."""
    rest: dict[str, Any] = {}
    took = []
    while True:
        answer, seconds = call(db, function, {**arguments, "p_rest": rest, "p_rows": rows})
        took.append(seconds)
        if "rest" not in answer:
            return took
        rest = answer["rest"]


def until_none(db: Db, function: str, arguments: dict[str, Any]) -> list[float]:
    """The seconds of each step of work that answers how much is left."""
    took = []
    while True:
        left, seconds = call(db, function, arguments)
        took.append(seconds)
        if not left:
            return took


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("--orders", type=int, default=250_000)
    asked = wanted.parse_args()
    longest: list[float] = []

    def tell(name: str, took: list[float], whole: float | None = None) -> None:
        longest.append(max(took))
        at_once = "" if whole is None else f"{whole:.2f}"
        print(f"{name:24} {at_once:>8} {len(took):>7} {max(took):>9.2f} {sum(took):>8.2f}", flush=True)

    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(folder, durable=False, migrate=migrate).running() as stack,
        psycopg.connect(stack.env["DATABASE_URL"], autocommit=True, cursor_factory=psycopg.ClientCursor) as db,
    ):
        shop = make(db, asked.orders, printed=asked.orders // 10)
        print(
            f"{asked.orders:,} orders; seconds\n{'':24} {'at once':>8} {'pieces':>7} {'longest':>9} {'all':>8}",
            flush=True,
        )
        for name, (function, arguments) in questions(shop).items():
            if function == "verify_completed":
                call(db, "complete_job", {"p_lease_id": shop.lease, "p_certificate": {"distinct_keys": 0, "checks": []},
                                          "p_watermark": None})  # fmt: skip
            (whole,) = in_pieces(db, function, arguments, None)
            tell(name, in_pieces(db, function, arguments, PIECE_ROWS), whole)
        db.execute("insert into private.unfinished_work (connection_id, name) values (%s, 'rebuild')", [shop.printer])
        tell("costs, the first time", until_none(db, "finish_work", {"p_name": "rebuild"}))
        call(db, "set_cost_rule", {"p_source": "printify", "p_cost_covers": "line"})
        tell("set_cost_rule", until_none(db, "finish_work", {"p_name": "rebuild"}))
        stated = {"p_user_id": shop.user, "p_connection_id": shop.printer, "p_currency": "EUR"}
        _, first = call(db, "state_currency", stated)
        tell("state_currency", [first, *until_none(db, "finish_work", {"p_name": "restate"})])
        tell("cost_report", [call(db, "cost_report", {"p_user_id": shop.user})[1]])
        db.execute("update public.connected_accounts set status = 'disconnected' where id = %s", [shop.shop])
        tell("erase_connection", erased(db, shop))
    print(f"the longest: {max(longest):.1f} s (goal: {LONGEST_S:.0f} s)")
    sys.exit(0 if max(longest) <= LONGEST_S else 1)


def erased(db: Db, shop: BigShop) -> list[float]:
    took = []
    while True:
        is_gone, seconds = call(db, "erase_connection", {"p_user_id": shop.user, "p_connection_id": shop.shop})
        took.append(seconds)
        if is_gone:
            return took


if __name__ == "__main__":
    main()
