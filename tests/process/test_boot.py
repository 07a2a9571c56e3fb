"""A process refuses to work where nothing good can come of it, in one line that says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from execution.app import App
from execution.errors import UserError
from execution.keyring import Keyring
from execution.process import boot
from execution.schema.migration_files import known_versions, newest_version
from execution.tokens import key_rotation
from tests.worlds.leased import RING

OTHER_RING = "k9:" + "A" * 42 + "E"


@pytest.fixture(autouse=True)
def as_it_was(app: App, db: Any) -> Iterator[None]:
    """What belongs to the installation outlives a test's rows: put it back."""
    before = db.execute("select environment, oldest_code from private.installation").fetchone()
    yield
    db.execute("update private.installation set environment = %s, oldest_code = %s", before)
    app.valkey.config_set("maxmemory-policy", "noeviction")


def keyring(environment: str) -> Keyring:
    return Keyring.parse(RING, environment=environment)


def test_the_first_process_says_whose_database_this_is_and_others_must_agree(app: App, db: Any) -> None:
    """A laptop pointed at production's database stops before it touches anything (row 76)."""
    db.execute("update private.installation set environment = null")
    boot.check(app.store, app.valkey, keyring("production"))
    boot.check(app.store, app.valkey, keyring("production"))

    with pytest.raises(UserError, match="belongs to the environment 'production', and KEEPER_ENVIRONMENT says 'desk'"):
        boot.check(app.store, app.valkey, keyring("desk"))


def test_an_old_schema_is_refused_and_a_newer_one_is_not(app: App, db: Any) -> None:
    """Migrations go before code; during a deploy old code works on the new schema."""
    with pytest.raises(UserError, match="needs 20991231000000: run `keeper migrate` first"):
        boot.check(app.store, app.valkey, app.keyring, code="20991231000000")

    db.execute("update private.installation set oldest_code = '20200101000000'")
    boot.check(app.store, app.valkey, app.keyring, code="20200101000000")
    boot.check(app.store, app.valkey, app.keyring, code=newest_version())


def test_rows_of_others_say_nothing_about_our_schema(app: App, db: Any) -> None:
    """A project's own newer migration is no reason to believe that ours were applied, nor to stop."""
    record = "supabase_migrations.schema_migrations"
    db.execute(f"insert into {record} (version, name) values ('30001231000000', 'theirs')")
    ours = db.execute(
        f"delete from {record} where version = %s returning version, name, statements", [newest_version()]
    )
    row = ours.fetchone()
    try:
        with pytest.raises(UserError, match="run `keeper migrate` first"):
            boot.check(app.store, app.valkey, app.keyring)
        assert app.store.rpc("schema_version", p_known=known_versions()) < newest_version()
    finally:
        db.execute(f"insert into {record} (version, name, statements) values (%s, %s, %s)", row)
    boot.check(app.store, app.valkey, app.keyring)
    db.execute(f"delete from {record} where name = 'theirs'")


def test_an_older_migration_that_was_never_applied_is_missed(app: App, db: Any) -> None:
    """It turned up late, and the newest of all is there: code must not run on a schema with a hole."""
    record = "supabase_migrations.schema_migrations"
    hole = known_versions()[-2]
    row = db.execute(f"delete from {record} where version = %s returning version, name, statements", [hole]).fetchone()
    try:
        with pytest.raises(UserError, match=f"lacks the migration {hole}.*run `keeper migrate` first"):
            boot.check(app.store, app.valkey, app.keyring)
        # Code that does not bring it does not need it.
        boot.check(app.store, app.valkey, app.keyring, code=known_versions()[-3])
    finally:
        db.execute(f"insert into {record} (version, name, statements) values (%s, %s, %s)", row)


def test_code_that_is_older_than_the_schema_allows_is_refused(app: App, db: Any) -> None:
    """After a contracting migration, code that still needs what is gone must not start."""
    db.execute("update private.installation set oldest_code = %s", [newest_version()])

    with pytest.raises(UserError, match="deploy the current release"):
        boot.check(app.store, app.valkey, app.keyring, code="20200101000000")
    boot.check(app.store, app.valkey, app.keyring)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
def test_a_valkey_that_evicts_is_refused(app: App, policy: str) -> None:
    """It would forget the pace of the second without an error (row 16)."""
    app.valkey.config_set("maxmemory-policy", policy)

    with pytest.raises(UserError, match=f"maxmemory-policy {policy}"):
        boot.check(app.store, app.valkey, app.keyring)


def test_a_valkey_that_is_away_is_no_reason_to_stop(app: App) -> None:
    """Workers get along without it, slower."""
    from execution.valkey import connect_valkey  # noqa: PLC0415

    boot.check(app.store, connect_valkey("redis://127.0.0.1:1/0"), app.keyring)


def test_a_ring_that_lacks_a_key_which_tokens_need_is_refused(app: App, world_of: Any, etsy: Any) -> None:
    """Before the first job waits for it."""
    world_of(etsy.shop(5))
    ring = Keyring.parse(OTHER_RING, environment=app.keyring.environment)

    with pytest.raises(UserError, match=r"TOKEN_KEYS lacks '\w+' \(2 tokens\)"):
        boot.check(app.store, app.valkey, ring)
    boot.check(app.store, app.valkey, app.keyring)


def test_a_key_of_the_same_name_with_other_bytes_is_refused(app: App, world_of: Any, etsy: Any) -> None:
    """A key is proven by what it opens; so is the environment, which is part of the proof."""
    world_of(etsy.shop(5))
    other = Keyring.parse(f"{app.keyring.newest}:" + "A" * 42 + "E", environment=app.keyring.environment)

    with pytest.raises(UserError, match=rf"TOKEN_KEYS has another key under the name '{app.keyring.newest}'"):
        boot.check(app.store, app.valkey, other)
    assert key_rotation.keys_status(app.store, other)["wrong"] == [app.keyring.newest]
    boot.check(app.store, app.valkey, app.keyring)


def test_a_damaged_token_is_no_reason_to_doubt_the_key(app: App, db: Any, world_of: Any, etsy: Any) -> None:
    """Its connection waits, the others go on."""
    world_of(etsy.shop(5))
    world_of(etsy.shop(5))
    db.execute(
        "update private.platform_tokens set access_token = overlay(access_token placing 'AAAAAAAA' from 40)"
        " where connection_id = (select max(connection_id::text)::uuid from private.platform_tokens)"
    )

    boot.check(app.store, app.valkey, app.keyring)


STARTED = [
    *(f"execution {command}" for command in ("worker", "clock", "web --port 1")),
    # By hand, past our own command.
    "dramatiq execution.worker_main --processes 1 --threads 1 --skip-logging",
]


@pytest.mark.parametrize("module", ["execution web", "web"])
def test_a_port_that_is_none_is_told_in_one_line(product_env: dict[str, str], module: str) -> None:
    """However a host starts it; a box of four lines is no line of a log."""
    env = {**os.environ, **product_env, "PORT": "eight"}
    argv = [sys.executable, "-m", *module.split()]

    ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "PORT" in ended.stderr


@pytest.mark.parametrize("module", STARTED)
def test_a_process_that_refuses_says_so_in_one_line(app: App, product_env: dict[str, str], module: str) -> None:
    """Exit status 2, one line on standard error that says what to do, and no job was touched."""
    boot.check(app.store, app.valkey, app.keyring)
    env = {**os.environ, **product_env, "KEEPER_ENVIRONMENT": "somewhere-else", "LOG_LEVEL": "critical"}

    ended = subprocess.run(
        [sys.executable, "-m", *module.split()],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    # Dramatiq tells in a line of its own that its child ended.
    (line,) = (one for one in ended.stderr.splitlines() if not one.startswith("Worker with PID"))
    assert "correct KEEPER_ENVIRONMENT" in line
