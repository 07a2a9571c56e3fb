"""Bad input: one line that says what to do, exit status not 0, nothing half-written."""

from __future__ import annotations

import base64
import os
import uuid
from typing import Any

import psycopg
import pytest

from sandbox.standalone import STAND_INS
from tests.cli.conftest import Keeper
from tests.standins.etsy import Etsy

# Nobody listens there.
NOWHERE = "127.0.0.1:9"


@pytest.fixture
def ada(keeper: Keeper) -> str:
    """A user, as the command prints it."""
    return keeper("user create --email ada@example.com").out.strip()


@pytest.fixture
def connected(keeper: Keeper, ada: str, etsy: Etsy) -> str:
    shop = etsy.shop(orders=5)
    said = keeper(f"connect etsy --user {ada} --shop-id {shop.id} --access-token {shop.access_token}")
    assert said.status == 0, said.err
    return ada


def _written(db: psycopg.Connection[Any]) -> list[Any]:
    """What a refused command must not have made."""
    tables = ("connected_accounts", "private.platform_tokens", "sync_jobs", "sync_runs")
    return [row[0] for table in tables for row in db.execute(f"select count(*) from {table}")]


@pytest.mark.parametrize(
    ("words", "result"),
    [
        ("nonsense", "No such command 'nonsense'. See `keeper --help`."),
        ("connect etsy --shop-id 1 --access-token x", "Missing option '--user'. See `keeper connect --help`."),
        ("run", "`keeper run` needs --until-idle."),
        ("backfill status --user nope", "'nope' is not a user id."),
        ("user create --email ada@example.com --plan gold", "Unknown plan 'gold'. Choose one of: enterprise, pro"),
        ("user create --email nonsense", "The user was not created:"),
        ("sandbox ebay", f"There is no sandbox for 'ebay'. Choose one of: {', '.join(STAND_INS)}."),
        ("recost --covers box", "A cost covers no 'box'. Choose one of: piece, line."),
        ("recost --covers line --source etsy", "'etsy' is no source of costs. Choose one of: printify."),
        ("clock --every fast", "See `keeper clock --help`."),
        ("clock --every -1", "greater than or equal to 0.05. See `keeper clock --help`."),
        ("worker --processes 0", "greater than or equal to 1. See `keeper worker --help`."),
        ("worker --threads 0", "greater than or equal to 1. See `keeper worker --help`."),
        ("run --until-idle --wait -1", "greater than or equal to 0. See `keeper run --help`."),
        ("backfil", "Did you mean 'backfill'? See `keeper --help`."),
    ],
)
def test_what_is_typed_wrong_is_told(keeper: Keeper, words: str, result: str) -> None:
    """The line names what is wrong and what would be right."""
    said = keeper(words)

    assert result in said.refusal()
    assert said.status == 2


@pytest.mark.parametrize(
    "words",
    ["backfill start", "backfill status", "verify", "costs", "rejected list", "rejected replay", "rejected fetch"],
)
def test_an_unknown_user_is_refused_everywhere(keeper: Keeper, words: str) -> None:
    """A user id that nobody has is no empty answer."""
    nobody = uuid.uuid4()

    said = keeper(f"{words} --user {nobody}")

    assert f"There is no user {nobody}." in said.refusal()
    assert "keeper user create" in said.err


@pytest.mark.parametrize(
    ("words", "result"),
    [
        (
            "connect shopfoo --shop-id 1 --access-token x",
            "Unknown platform 'shopfoo'. Choose one of: etsy, printify, shopify, square.",
        ),
        ("backfill start --platform shopfoo", "Unknown platform 'shopfoo'."),
        ("backfill start --entity nonsense", "Unknown entity 'nonsense' of etsy. Choose one of: orders, listings,"),
        ("remap --platform etsy --entity nonsense", "Unknown entity 'nonsense' of etsy."),
        ("connect etsy --shop-id 1 --access-token x --expires-at soon", "'soon' is no time."),
    ],
)
def test_an_unknown_platform_or_entity_is_refused(
    keeper: Keeper, connected: str, db: psycopg.Connection[Any], words: str, result: str
) -> None:
    """The line lists those there are, and no job is queued."""
    before = _written(db)

    said = keeper(f"{words} --user {connected}")

    assert result in said.refusal()
    assert _written(db) == before


def test_a_backfill_needs_a_shop(keeper: Keeper, ada: str, db: psycopg.Connection[Any]) -> None:
    """Nothing to queue is an error that says how to connect."""
    said = keeper(f"backfill start --user {ada}")

    assert "has no connected shop. Run `keeper connect` first." in said.refusal()
    assert _written(db) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"SUPABASE_URL": None, "TOKEN_KEYS": None}, "SUPABASE_URL is missing, TOKEN_KEYS is missing:"),
        ({"SUPABASE_URL": "not-an-address"}, "SUPABASE_URL is not a http:// or https:// address"),
        ({"TOKEN_KEYS": "junk"}, "TOKEN_KEYS"),
        ({"SUPABASE_URL": f"http://{NOWHERE}"}, "Check SUPABASE_URL."),
        ({"SUPABASE_SERVICE_ROLE_KEY": "nonsense"}, "SUPABASE_SERVICE_ROLE_KEY"),
        ({"HISTORY_WINDOW": "a while"}, "HISTORY_WINDOW is not a window like all, 2y, 18mo or 90d"),
    ],
)
@pytest.mark.parametrize("words", ["user create --email bob@example.com", "backfill status --user {ada}"])
def test_a_wrong_environment_is_told_by_name(
    keeper: Keeper, ada: str, words: str, changes: dict[str, str | None], result: str
) -> None:
    """Every variable that is missing or wrong is named, all together."""
    said = keeper(words.format(ada=ada), **changes)

    assert result in said.refusal()


@pytest.mark.parametrize("words", ["budget", "keys status", "backfill status", "rejected list", "verify", "costs"])
def test_a_database_that_is_away_is_told_alike_by_every_command(keeper: Keeper, ada: str, words: str) -> None:
    whose = "" if words in ("budget", "keys status") else f" --user {ada}"
    said = keeper(words + whose, SUPABASE_URL=f"http://{NOWHERE}")

    assert (said.status, said.refusal()) == (
        2,
        "The database does not answer (ConnectError). Check SUPABASE_URL.",
    )


def test_migrate_says_when_the_database_is_away(keeper: Keeper) -> None:
    """PostgreSQL away, and DATABASE_URL missing, are two different lines."""
    away = keeper("migrate", DATABASE_URL=f"postgresql://{NOWHERE}/postgres")
    missing = keeper("migrate", DATABASE_URL=None)

    assert "Check DATABASE_URL;" in away.refusal()
    assert "DATABASE_URL is missing:" in missing.refusal()


def test_valkey_away_queues_nothing(keeper: Keeper, connected: str, db: psycopg.Connection[Any]) -> None:
    """A backfill whose bell nobody would hear is not started from a terminal."""
    before = _written(db)

    said = keeper(f"backfill start --user {connected}", REDIS_URL=f"redis://{NOWHERE}")

    assert "Nothing was queued. Valkey: does not answer" in said.refusal()
    assert "Check REDIS_URL." in said.err
    assert _written(db) == before


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"ETSY_SHARED_SECRET": None}, "ETSY_KEYSTRING is set without ETSY_SHARED_SECRET: set both."),
        ({"ETSY_SHARED_SECRET": None, "ETSY_KEYSTRING": None}, "ETSY_KEYSTRING and ETSY_SHARED_SECRET are missing:"),
        ({"ETSY_SHARED_SECRET": "wrong"}, "Check the application key and its secret."),
    ],
)
def test_a_key_without_its_secret_connects_nothing(
    keeper: Keeper,
    ada: str,
    etsy: Etsy,
    db: psycopg.Connection[Any],
    *,
    changes: dict[str, str | None],
    result: str,
) -> None:
    """Half a key, none, and a wrong one: told apart, and nothing stored."""
    shop = etsy.shop(orders=5)

    said = keeper(f"connect etsy --user {ada} --shop-id {shop.id} --access-token {shop.access_token}", **changes)

    assert result in said.refusal()
    assert _written(db) == [0, 0, 0, 0]


def test_someone_elses_shop_is_refused(keeper: Keeper, ada: str, etsy: Etsy, db: psycopg.Connection[Any]) -> None:
    """The platform says whose token it is; the shop id on the command line does not decide."""
    mine, other = etsy.shop(orders=5), etsy.shop(orders=5)

    said = keeper(f"connect etsy --user {ada} --shop-id {other.id} --access-token {mine.access_token}")

    assert f"Shop {other.id} belongs to someone else: this token is for shop {mine.id}" in said.refusal()
    assert mine.access_token not in said.err
    assert _written(db) == [0, 0, 0, 0]


def test_a_name_that_is_no_shops_is_refused(keeper: Keeper, ada: str, db: psycopg.Connection[Any]) -> None:
    """Shopify's address is made of the shop's name: what is none is told before anything is asked."""
    application = {"SHOPIFY_CLIENT_ID": "id", "SHOPIFY_CLIENT_SECRET": "secret"}

    said = keeper(f"connect shopify --user {ada} --shop-id 1 --access-token x", **application)

    assert said.refusal() == "'1' is no shop at Shopify. Write it as the platform does, like name.myshopify.com."
    assert _written(db) == [0, 0, 0, 0]


def test_a_job_that_waits_for_a_key_is_told(keeper: Keeper, connected: str) -> None:
    """With a ring that cannot read the stored tokens, working does not look like being done."""
    keeper(f"backfill start --user {connected}")
    other_ring = "k9:" + base64.urlsafe_b64encode(os.urandom(32)).decode()

    said = keeper("run --until-idle --wait 0", TOKEN_KEYS=other_ring)

    assert "TOKEN_KEYS lacks" in said.refusal()
    assert said.status == 2
