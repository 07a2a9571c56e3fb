"""An export holds every row that its owner may see and nothing else, in bounded memory, and proves itself."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from execution.app import App
from execution.errors import UserError
from execution.reports.export import Export, stream, write
from tests.schema.conftest import Tenants, tenants  # noqa: F401  a fixture
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.world import World

Db = psycopg.Connection[Any]
SECRETS = ("access_token", "refresh_token", "lease_id", "leased_by", "status_reason", "park_reason")


def export_of(app: App, user: str) -> Export:
    return Export(store=app.store, user_id=user, now=lambda: datetime.now(UTC))


def told(app: App, user: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream(export_of(app, user))]


def visible(db: Db, user: str) -> dict[str, int]:
    """What the user sees, as the user: rows by table, but for the audit of pages."""
    found = {}
    with db.transaction():
        names = db.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
            " and has_any_column_privilege('authenticated', oid, 'select') and relname <> 'sync_pages'"
        ).fetchall()
        db.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps({"sub": user})])
        db.execute("set local role authenticated")
        for (name,) in names:
            row = db.execute(f"select count(user_id) from public.{name}").fetchone()
            found[name] = int(row[0]) if row else 0
    return found


def test_it_is_what_its_owner_sees_and_holds_no_secret(app: App, db: Db, tenants: Tenants) -> None:  # noqa: F811
    lines = told(app, tenants.ann)
    manifest = lines.pop()["manifest"]

    counted = {one["table"]: one["rows"] for one in manifest["tables"]}
    assert counted == visible(db, tenants.ann)
    assert all(counted.values())
    assert len(lines) == sum(counted.values())
    assert tenants.bob not in json.dumps(lines)
    assert not any(name in line for line in lines for name in SECRETS)


def test_a_table_that_is_made_tomorrow_is_exported_too(app: App, db: Db, tenants: Tenants) -> None:  # noqa: F811
    db.execute("create table public.planted (like public.order_payments including all)")
    try:
        db.execute("insert into public.planted select * from public.order_payments")
        db.execute("select private.synced_table('planted')")
        counted = {one["table"]: one["rows"] for one in told(app, tenants.ann)[-1]["manifest"]["tables"]}
    finally:
        db.execute("drop table public.planted")

    assert counted["planted"] == 1


def test_a_folder_of_files_and_the_stream_say_the_same(
    world_of: Callable[[Shop], World], etsy: Etsy, tmp_path: Path, app: App
) -> None:
    world = world_of(etsy.shop(orders=30))
    world.run("orders")
    streamed = list(stream(export_of(app, world.user_id)))

    manifest = write(export_of(app, world.user_id), tmp_path / "new")

    files = {path.name: path for path in (tmp_path / "new").iterdir()}
    assert json.loads(files.pop("manifest.json").read_text()) == manifest
    assert {one["file"] for one in manifest["tables"] if one["rows"]} == files.keys()
    for one in manifest["tables"]:
        text = files[one["file"]].read_bytes() if one["file"] else b""
        assert hashlib.sha256(text).hexdigest() == one["sha256"]
        assert (text.count(b"\n"), len(text)) == (one["rows"], one["bytes"])
    assert b"".join(files[name].read_bytes() for name in sorted(files)) == b"".join(streamed[:-1])
    orders = [json.loads(line) for line in files["orders.ndjson"].read_bytes().splitlines()]
    assert {row["platform_id"] for row in orders} == world.stored("orders").keys()
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    with pytest.raises(UserError, match="is not empty"):
        write(export_of(app, world.user_id), tmp_path / "new")


def test_a_large_shop_takes_no_more_memory(app: App, db: Db, tenants: Tenants) -> None:  # noqa: F811
    """Twenty-four megabytes of rows go through in pages of one."""
    db.execute(
        "update public.orders set raw = jsonb_build_object('x', repeat('y', 20000)) where user_id = %s", [tenants.ann]
    )
    columns = ", ".join(name for name in tenants.ann_rows["public.orders"] if name != "platform_id")
    db.execute(
        f"insert into public.orders ({columns}, platform_id) select {columns}, 'n' || n from public.orders,"
        " generate_series(1, 1200) as n where user_id = %s",
        [tenants.ann],
    )
    size = rows = 0
    tracemalloc.start()
    for _, line in export_of(app, tenants.ann).lines():
        size, rows = size + len(line), rows + 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (rows > 1200, size > 24_000_000) == (True, True)
    # A page, and what its reading takes besides.
    assert peak < 20_000_000
