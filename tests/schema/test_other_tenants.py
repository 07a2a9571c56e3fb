"""Another tenant with the very same keys changes no answer of any function that tells a user, and is named in none.

The functions are found in the database: whoever adds one adds it to this test, or is told what is missing here. That it
would see a filter that is not there is tried in every run: each one is taken out of its function once.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.money.hand import NOON, Hand
from tests.worlds.users import make_user

Db = psycopg.Connection[Any]
_READERS = """
    select p.proname, p.proargnames, p.pronargs - p.pronargdefaults, pg_get_functiondef(p.oid) from pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.provolatile in ('s', 'i') and 'p_user_id' = any (p.proargnames)
    order by 1"""
# Helpers that functions ask for a user's shops.
_HELPERS = """
    select p.proname, pg_get_functiondef(p.oid) from pg_proc as p
    where p.pronamespace = 'private'::regnamespace
      and p.proname in ('connections_of', 'connection_of', 'filtered_shops')"""
_FILTER = re.compile(r"\b(?:\w+\.)?(?:user_id|id|under_way) = p_user_id\b")
# Filters whose absence no answer shows: beside another that holds as well, there for the sake of an index; or of the
# one row that says whether the user is there at all.
TWICE = {("orders_of", 2), ("money_record", 0), ("runs", 0), ("backfill_status", 0), ("find_connection", 0)}
# Answered by the shop, whoever of its tenants asks: what is registered at the platform is there once.
BY_SHOP = {("webhooks_of", 0)}
# What is asked with where a function wants to be told.
_WORDS: dict[str, list[Any]] = {
    "p_unit": ["day"], "p_zone": ["UTC"], "p_since": ["1970-01-01"], "p_first": ["2026-01-01"],
    "p_last": ["2026-12-31"],
    "p_day": [NOON.date()], "p_order": ["7"], "p_id": ["7"], "p_platform": ["etsy"], "p_shop_id": ["1"],
    "p_within_seconds": [1e9], "p_table": ["orders", "order_costs"],
}  # fmt: skip
_AMOUNT = 77_001


class Tenant(Hand):
    """A seller whose rows have the keys of another's; `mark` is in its texts and nowhere else."""

    def __init__(self, db: Db, mark: str, amount: int) -> None:
        super().__init__(db, "etsy", "shopify", "printify", user_id=make_user(db))
        self.mark = mark
        self.change("update public.connected_accounts set shop_name = %s where user_id = %s", mark, self.user_id)
        for platform in ("etsy", "shopify"):
            more = {"status": mark, "country": mark, "tax_amount": 0, "is_paid": True, "order_number": "7"}
            self.put(
                "orders",
                platform=platform,
                platform_id="7",
                total_amount=amount,
                item_total_amount=amount,
                ordered_at=NOON,
                **more,
            )
            line = {
                "title": f"{mark} 8",
                "sku": mark,
                "quantity": 1,
                "price_amount": amount,
                "listing_platform_id": "7",
            }
            self.put("line_items", platform=platform, platform_id="7", order_platform_id="7", **line)
        self.refund("7", amount // 2, platform_id="7", at=NOON + timedelta(days=1))
        self.entry("transaction", -amount // 3, "7", platform_id="7", sequence_number=7, at=NOON)
        self.put(
            "printify_orders", platform="printify", platform_id="7", order_type="manual", ordered_at=NOON, tax_amount=7
        )
        printed = {"cost_amount": amount // 4, "shipping_cost_amount": 5, "order_platform_id": "7"}
        self.put("printify_line_items", platform="printify", platform_id="7", **printed)
        if mark == "theirs":
            # A number that we have none of, and an administrator.
            self.order(amount, platform_id="8", order_number="8")
            self.change("insert into private.admins (user_id) values (%s)", self.user_id)
        self.zone("Asia/Kathmandu" if mark == "ours" else "Asia/Tokyo")
        run = uuid.uuid4()
        of_shop = [self.shops["etsy"], self.user_id]
        self.change(
            "insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)"
            " values (%s, %s, %s, 'backfill', %s)",
            run, *of_shop, mark,
        )  # fmt: skip
        self.change(
            "insert into public.sync_jobs (run_id, connection_id, user_id, platform, entity, job_type, error)"
            " values (%s, %s, %s, 'etsy', 'orders', 'backfill', %s)", run, *of_shop, mark,
        )  # fmt: skip
        self.change("select private.tell(%s, 'run.completed', %s)", self.user_id, Jsonb({"mark": mark}))
        self.change(
            "insert into private.platform_tokens (connection_id, access_token, refresh_token, expires_at)"
            " values (%s, 'v1|a|b|' || %s, null, now())", self.shops["etsy"], mark,
        )  # fmt: skip
        self.change(
            "insert into private.webhook_standings (connection_id, reason, due_at) values (%s, %s, now())",
            self.shops["etsy"], mark,
        )  # fmt: skip
        self.change(
            "insert into private.held_deletions (connection_id, entity, table_name, children, run_id, held, stored)"
            " values (%s, 'orders', %s, '[]', %s, 1, 1)", self.shops["etsy"], mark, run,
        )  # fmt: skip
        self.change(
            "insert into private.full_refreshes (id, connection_id, user_id, shadow_id, tables)"
            " values (%s, %s, %s, %s, '[]')",
            run, *of_shop, uuid.uuid4(),
        )  # fmt: skip
        said = {"kind": "sku", "key": mark, "valid_from": "2026-01-01", "currency": "USD", "cost_amount": 7}
        self.change("select public.save_goods_costs(%s, %s, %s)", self.user_id, mark, Jsonb([said]))
        self.prove()
        self.days()


@pytest.fixture
def tenants(db: Db) -> Iterator[tuple[Tenant, Tenant, dict[Any, Any]]]:
    """Us, the others, and what we were told before they were there."""
    with db.transaction(force_rollback=True):
        ours = Tenant(db, "ours", 30_000)
        alone = answers(db, ours, [ours])
        yield ours, Tenant(db, "theirs", _AMOUNT), alone


def answers(db: Db, ours: Tenant, of: list[Tenant], only: str | None = None) -> dict[Any, Any]:
    """What each function tells us, by what it was asked with. `of`: whose shops are named beside ours."""
    found: dict[Any, Any] = {}
    for name, arguments, wanted, _ in db.execute(_READERS).fetchall():
        if only not in (None, name):
            continue
        places = dict(enumerate(arguments))
        choices = [_choices(name, places[n], ours, of, needed=n < wanted) for n in range(len(arguments))]
        for chosen in product(*choices):
            given = {n: value for n, value in zip(arguments, chosen, strict=True) if value is not _LEFT_OUT}
            found[name, json.dumps(given, default=str, sort_keys=True)] = _ask(db, name, given)
    return found


_LEFT_OUT = object()


def _choices(name: str, argument: str, ours: Tenant, of: list[Tenant], *, needed: bool) -> list[Any]:
    shops = [shop for tenant in of for shop in tenant.shops.values()]
    match argument:
        case "p_user_id":
            return [ours.user_id]
        case "p_connection_id":
            return shops if needed else [_LEFT_OUT, *shops]
        case "p_connections" | "p_connection_ids":
            return [_LEFT_OUT, [uuid.UUID(shop) for shop in shops]]
        case "p_filter":
            return [Jsonb(chosen) for chosen in ({}, {"search": "#7"}, {"search": "8"}, {"connections": shops})]
    if not needed:
        return [_LEFT_OUT]
    assert argument in _WORDS, f"say in _WORDS what {name} is asked with as {argument}"
    return _WORDS[argument]


def _ask(db: Db, name: str, given: dict[str, Any]) -> Any:
    call = sql.SQL("select to_jsonb(public.{}({}))").format(
        sql.Identifier(name),
        sql.SQL(", ").join(sql.SQL("{} => {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in given),
    )
    try:
        with db.transaction():
            (told,) = db.execute(call, given).fetchone() or (None,)
    except psycopg.Error as refused:
        return str(refused.diag.message_primary).splitlines()[0].replace(str(given.get("p_connection_id")), "that shop")
    return _still(told)


def _still(told: Any) -> Any:
    """Without what changes from one look to the next."""
    if isinstance(told, dict):
        return {name: _still(value) for name, value in told.items() if not re.search(r"^now$|seconds", name)}
    return [_still(each) for each in told] if isinstance(told, list) else told


def leaks(db: Db, ours: Tenant, theirs: Tenant, alone: dict[Any, Any], only: str | None = None) -> set[str]:
    """Functions that tell us something else, or of them, now that they are there, or where their shops are named."""
    now = answers(db, ours, [ours], only)
    found = {name for (name, asked), told in now.items() if told != alone[name, asked]}
    words = ("theirs", theirs.user_id, *theirs.shops.values(), str(_AMOUNT))
    named = answers(db, ours, [ours, theirs], only)
    # Their shops are said back to us in no answer, and not even by a refusal.
    return found | {name for (name, _), told in named.items() if any(word in json.dumps(told) for word in words)}


def test_no_answer_knows_of_another_tenant(db: Db, tenants: tuple[Tenant, Tenant, dict[Any, Any]]) -> None:
    ours, theirs, alone = tenants

    assert leaks(db, ours, theirs, alone) == set()
    # What tells nothing of us either would be right without a look.
    silent = {name for name, _ in alone} - {
        name for (name, _), told in alone.items() if told not in (None, [], {}, False)
    }
    assert silent <= {"is_admin", *(name for name, _ in BY_SHOP)}


def test_each_filter_that_is_not_there_is_seen(db: Db, tenants: tuple[Tenant, Tenant, dict[Any, Any]]) -> None:
    ours, theirs, alone = tenants
    functions = [(name, source) for name, _, _, source in db.execute(_READERS).fetchall()]
    unseen, tried = set(), 0
    for name, source in (*functions, *db.execute(_HELPERS).fetchall()):
        for number, match in enumerate(_FILTER.finditer(source)):
            is_helper = (name, source) not in functions
            with db.transaction(force_rollback=True):
                db.execute((source[: match.start()] + "true" + source[match.end() :]).encode())
                if not leaks(db, ours, theirs, alone, None if is_helper else name):
                    unseen.add((name, number))
            tried += 1
    assert tried > 20
    assert unseen <= TWICE | BY_SHOP
