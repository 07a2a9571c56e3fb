"""From a shell, against any Etsy at ETSY_API_BASE_URL: the whole way of one seller."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import psycopg

from tests.cli.conftest import Keeper
from tests.standins.etsy import Etsy


def test_a_seller_from_first_word_to_proof(keeper: Keeper, etsy: Etsy) -> None:
    """create, connect, start, run, status, verify: JSON on standard output alone, and the source's own numbers."""
    shop = etsy.shop(orders=150)
    paid = len(etsy.truth(shop, "receipts", paid="true"))

    user = json.loads(keeper("user create --email ada@example.com --plan pro --json").out)["user_id"]
    tokens = f"--access-token {shop.access_token} --refresh-token {shop.refresh_token} --expires-at 4102444800"
    account = json.loads(keeper(f"connect etsy --user {user} --shop-id {shop.id} {tokens} --json").out)
    started = json.loads(keeper(f"backfill start --user {user} --json").out)
    worked = keeper("run --until-idle --json")
    status = json.loads(keeper(f"backfill status --user {user} --json").out)
    verified = keeper(f"verify --user {user} --json")

    assert account["shop_id"] == shop.id
    assert [job["outcome"] for job in started["jobs"]] == ["queued"] * 4
    assert json.loads(worked.out)["next_due"] is None
    assert status["backfill_status"] == "completed"
    assert status["jobs"][0]["certificate"]["distinct_keys"] == paid
    assert verified.status == 0
    assert json.loads(verified.out)["ok"] is True


def test_a_user_who_is_there_keeps_the_plan(keeper: Keeper) -> None:
    """Asking for somebody's id takes no plan away; naming one changes it."""
    made = json.loads(keeper("user create --email ada@example.com --plan pro --json").out)

    asked = json.loads(keeper("user create --email ADA@example.com --json").out)
    moved = json.loads(keeper("user create --email ada@example.com --plan starter --json").out)

    assert (asked["user_id"], asked["plan"]) == (made["user_id"], "pro")
    assert (moved["user_id"], moved["plan"]) == (made["user_id"], "starter")
    assert json.loads(keeper("user create --email bob@example.com --json").out)["plan"] == "free"


def test_starting_twice_makes_no_second_job(keeper: Keeper, etsy: Etsy) -> None:
    """A double click is told that the job is there already."""
    shop = etsy.shop(orders=5)
    user = keeper("user create --email ada@example.com").out.strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")
    keeper(f"backfill start --user {user}")

    again = keeper(f"backfill start --user {user}")

    assert again.out.splitlines()[0] == "etsy orders: already running"


def test_a_rejected_record_can_be_looked_at_and_tried_again(keeper: Keeper, etsy: Etsy) -> None:
    """It stands in the list with its reason; a replay with the same mapping refuses it again and keeps it."""
    shop = etsy.shop(orders=8)
    etsy.fault("bad_json", flavour="nul", field="transactions.0.title", path="/receipts$", query="limit=100")
    user = keeper("user create --email ada@example.com").out.strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")
    keeper(f"backfill start --user {user} --entity orders")
    keeper("run --until-idle")

    listed = keeper(f"rejected list --user {user}")
    replayed = keeper(f"rejected replay --user {user}")

    assert listed.out.count("\n") == 1
    assert "etsy receipts" in listed.out
    assert replayed.out == "0 records landed, 1 were refused again.\n"
    assert replayed.status == 1


def test_a_rejected_record_is_read_from_its_platform_once_more(keeper: Keeper, etsy: Etsy) -> None:
    """Once it was mended there it is no rejected record any more; what cannot be asked for is told what to do."""
    shop = etsy.shop(orders=8)
    etsy.fault("bad_json", flavour="nul", field="transactions.0.title", path="/receipts$", query="limit=100", times=1)
    etsy.fault("bad_json", flavour="nul", path="listings$", query="state=active&limit=100", times=1)
    user = keeper("user create --email ada@example.com").out.strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")
    keeper(f"backfill start --user {user} --entity orders --entity listings")
    keeper("run --until-idle")

    fetched = keeper(f"rejected fetch --user {user} --entity orders")
    keeper("run --until-idle")
    left = keeper(f"rejected fetch --user {user}")
    none = keeper(f"rejected fetch --user {user} --entity orders")

    assert (fetched.out, fetched.status) == ("etsy receipts: 1 queued\n", 0)
    again = f"keeper backfill start --user {user} --platform etsy --shop {shop.id} --entity listings --again"
    assert left.out == f"etsy listings: 1 cannot be asked for by id; `{again}` reads all anew\n"
    assert left.status == 1
    assert (none.out, none.status) == ("No rejected records.\n", 0)
    assert keeper(again.removeprefix("keeper ")).status == 0


def test_who_looks_for_a_user_makes_none(keeper: Keeper, db: psycopg.Connection[Any]) -> None:
    user = keeper("user create --email ada@example.com").out.strip()

    assert keeper("user find --email ada@example.com").out.strip() == user
    mistyped = keeper("user find --email adda@example.com")

    assert (mistyped.status, mistyped.out) == (2, "")
    assert "There is no user with the address adda@example.com" in mistyped.err
    assert db.execute("select count(*) from public.profiles").fetchone() == (1,)


def test_a_level_of_the_log_that_there_is_not_is_refused(keeper: Keeper) -> None:
    said = keeper("--help", LOG_LEVEL="foo")

    assert (said.status, said.out) == (2, "")
    assert "LOG_LEVEL is 'foo': write debug, info" in said.err


def test_one_platforms_status_tells_of_that_platform_alone(
    keeper: Keeper, etsy: Etsy, db: psycopg.Connection[Any]
) -> None:
    """Also of its failures: another platform's are no news here."""
    shop = etsy.shop(orders=5)
    user = keeper("user create --email ada@example.com").out.strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")
    keeper(f"backfill start --user {user} --entity orders")
    etsy.control("POST", "/tokens/revoke")
    for _ in range(2):
        # A refusal is believed when it is said twice, with time between.
        keeper("run --until-idle --wait 0")
        db.execute("update public.sync_jobs set run_after = clock_timestamp() where status = 'parked'")

    of_etsy, of_other = (
        json.loads(keeper(f"backfill status --user {user} --platform {name} --json").out)
        for name in ("etsy", "printify")
    )

    assert [failure["entity"] for failure in of_etsy["failures"]] == ["orders"]
    assert (of_other["jobs"], of_other["failures"]) == ([], [])


def test_a_missing_package_stops_one_command_only() -> None:
    """Where the sandbox's packages are not installed, `keeper up` says so in one line, and the rest works."""
    without = "import sys; sys.modules['sandbox.stack'] = None; from execution.cli import main; "

    up, helped = (
        subprocess.run(
            [sys.executable, "-c", f"{without}sys.argv = ['keeper', *{words!r}]; main()"],
            capture_output=True,
            text=True,
            check=False,
        )
        for words in (["up"], ["user", "--help"])
    )

    assert (up.returncode, up.stdout) == (2, "")
    assert up.stderr == "`keeper up` needs the package sandbox.stack. Run `pip install 'keeper[sandbox]'`.\n"
    assert helped.returncode == 0
    assert "create" in helped.stdout


def test_a_machines_proxy_is_not_asked(keeper: Keeper, etsy: Etsy) -> None:
    """Proxy variables of the machine change nothing: our database and the platform are spoken to directly."""
    proxy = "http://127.0.0.1:9"
    shop = etsy.shop(orders=5)

    created = keeper("user create --email ada@example.com", HTTP_PROXY=proxy, ALL_PROXY=proxy)
    connect = f"connect etsy --user {created.out.strip()} --shop-id {shop.id} --access-token {shop.access_token}"
    connected = keeper(connect, HTTP_PROXY=proxy, ALL_PROXY=proxy)

    assert (created.status, connected.status) == (0, 0), created.err + connected.err


def test_an_access_token_that_ended_on_its_way_here_is_refreshed(keeper: Keeper, etsy: Etsy) -> None:
    """Where the refresh token is dead as well, both are asked for anew, and nothing is connected."""
    shop = etsy.shop(orders=5)
    user = keeper("user create --email ada@example.com").out.strip()
    pair = etsy.control("POST", "/tokens", shop_id=int(shop.id), expires_in=-60)
    words = f"connect etsy --user {user} --shop-id {shop.id} --access-token {pair['access_token']}"

    alone = keeper(words)
    dead = keeper(f"{words} --refresh-token 1.dead")
    whole = keeper(f"{words} --refresh-token {pair['refresh_token']}")
    status = keeper(f"backfill status --user {user}")

    assert (alone.status, dead.status, whole.status, status.status) == (2, 2, 0, 0), (alone, dead, whole)
    assert "Etsy rejects the access token and the refresh token" in dead.err
    assert "Etsy rejects the access token" in alone.err
