"""`keeper doctor`: each line is seen to be well, and seen to fail by what it is about alone."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
import redis

from execution.doctor import addresses, stores
from execution.doctor.lines import Line
from execution.settings import Settings
from tests.cli.conftest import Keeper
from tests.standins.etsy import Etsy
from tests.test_settings import WHOLE
from tests.web.conftest import served

NOWHERE = "http://127.0.0.1:1"
OTHER_KEY = "0123456789abcdef0123456789abcdef0123456789a"
Examined = Callable[..., dict[str, dict[str, str]]]


@pytest.fixture
def examined(keeper: Keeper) -> Examined:
    """The lines by name; an exit status that does not agree with them is told."""

    def run(**changes: str | None) -> dict[str, dict[str, str]]:
        said = keeper("doctor --json", **changes)
        facts = json.loads(said.out)
        lines = {line["name"]: line for line in facts["checks"]}
        assert said.status == (1 if any(line["status"] == "failed" for line in lines.values()) else 0)
        assert facts["ok"] == (said.status == 0)
        assert all(line["advice"] for line in lines.values() if line["status"] in ("failed", "warning"))
        return lines

    return run


@pytest.fixture
def connected(keeper: Keeper, etsy: Etsy) -> str:
    """A shop whose tokens are stored."""
    shop = etsy.shop(orders=3)
    user = keeper("user create --email ada@example.com").out.strip()
    words = f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}"
    assert keeper(f"{words} --refresh-token {shop.refresh_token}").status == 0
    return user


def status_of(lines: dict[str, dict[str, str]], *names: str) -> list[str]:
    return [lines[name]["status"] for name in names]


@pytest.fixture
def alive(db: psycopg.Connection[Any], clean: None) -> None:
    for kind in ("worker", "clock", "web"):
        db.execute("select public.record_heartbeat(%s, 'a process')", [kind])


def test_where_all_is_well_nothing_fails(
    examined: Examined, keeper: Keeper, whole_env: dict[str, str], alive: None
) -> None:
    with served(whole_env) as url:
        lines = examined(PUBLIC_URL=url)
        shown = keeper("doctor", PUBLIC_URL=url)

    assert {name for name, line in lines.items() if line["status"] == "failed"} == set()
    well = ("settings", "database", "environment", "schema", "valkey", "valkey policy", "valkey TLS", "etsy key")
    clocks = ("clock of the database", "clock of Valkey", "process clock", "process web", "process worker")
    assert set(status_of(lines, *well, *clocks, "web address", "webhook /webhooks/onboarding")) == {"ok"}
    assert {line["status"] for name, line in lines.items() if name.startswith("webhook /")} == {"ok"}
    assert lines["printify key"]["found"] == "not set"
    assert shown.status == 0
    assert re.search(r"^ok +etsy key: Etsy takes it$", shown.out, re.MULTILINE)
    # Nothing secret, whatever was said.
    text = json.dumps(lines) + shown.out + shown.err
    secrets = ("SUPABASE_SERVICE_ROLE_KEY", "TOKEN_KEYS", "ETSY_SHARED_SECRET", "DATABASE_URL", "REDIS_URL")
    assert [name for name in secrets if whole_env[name] in text] == []


def test_the_call_that_proves_a_key_is_booked_as_a_live_one(examined: Examined, keeper: Keeper, etsy: Etsy) -> None:
    examined()

    (scope,) = json.loads(keeper("budget --platform etsy --json").out)["scopes"]
    assert scope["used"]["live"] == 1


def test_settings_that_are_not_whole_are_told_and_the_rest_is_not_checked(examined: Examined) -> None:
    lines = examined(TOKEN_KEYS="k1:short", REDIS_URL=None)

    assert "TOKEN_KEYS" in lines["settings"]["found"]
    assert "REDIS_URL" in lines["settings"]["found"]
    assert {line["status"] for name, line in lines.items() if name != "settings"} == {"not checked"}


@pytest.mark.parametrize("change", [{"SUPABASE_URL": NOWHERE}, {"SUPABASE_SERVICE_ROLE_KEY": "x" * 40}])
def test_a_database_that_does_not_answer_or_refuses(examined: Examined, change: dict[str, str]) -> None:
    lines = examined(**change)

    assert lines["database"]["status"] == "failed"
    assert set(status_of(lines, "schema", "keys", "processes", "etsy key")) == {"not checked"}
    assert lines["valkey"]["status"] == "ok"


def test_another_environment_and_an_older_schema(
    examined: Examined, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    examined()
    monkeypatch.setattr(stores, "newest_version", lambda: "99991231235959")

    lines = examined(KEEPER_ENVIRONMENT="staging")

    assert status_of(lines, "environment", "schema") == ["failed", "failed"]
    assert "keeper migrate" in lines["schema"]["advice"]


def test_a_key_that_opens_nothing_and_one_that_is_missing(
    examined: Examined, keeper: Keeper, connected: str, whole_env: dict[str, str]
) -> None:
    name, _, _ = whole_env["TOKEN_KEYS"].partition(":")

    right = examined()
    wrong, missing = examined(TOKEN_KEYS=f"{name}:{OTHER_KEY}"), examined(TOKEN_KEYS=f"other:{OTHER_KEY}")

    assert right[f"key {name}"]["status"] == "ok"
    assert "opens what is stored" in right[f"key {name}"]["found"]
    assert "opens none" in wrong[f"key {name}"]["found"]
    assert "TOKEN_KEYS lacks it" in missing[f"key {name}"]["found"]
    assert (wrong[f"key {name}"]["status"], missing[f"key {name}"]["status"]) == ("failed", "failed")


def test_the_status_of_keys_is_no_success_where_one_opens_nothing(
    keeper: Keeper, connected: str, whole_env: dict[str, str]
) -> None:
    """The same name with other bytes: each of its tokens is lost until the right key is back."""
    name, _, _ = whole_env["TOKEN_KEYS"].partition(":")

    right, wrong = keeper("keys status"), keeper("keys status", TOKEN_KEYS=f"{name}:{OTHER_KEY}")

    assert (right.status, wrong.status) == (0, 1)
    assert f"{name}: opens nothing of what is stored under its name: put the right key back." in wrong.out
    assert "opens nothing" not in right.out


def test_a_valkey_that_is_away_and_one_that_forgets(examined: Examined, whole_env: dict[str, str]) -> None:
    away = examined(REDIS_URL="redis://127.0.0.1:1/0")
    with redis.Redis.from_url(whole_env["REDIS_URL"]) as valkey:
        valkey.config_set("maxmemory-policy", "allkeys-lru")
        try:
            forgets = examined()
        finally:
            valkey.config_set("maxmemory-policy", "noeviction")

    assert status_of(away, "valkey", "valkey policy") == ["failed", "not checked"]
    assert status_of(forgets, "valkey", "valkey policy") == ["ok", "failed"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("rediss://x.example/0", "ok"),
        ("rediss://x.example/0?ssl_cert_reqs=none", "warning"),
        ("redis://x.example/0", "warning"),
        ("redis://127.0.0.1/0", "ok"),
        ("unix:///run/valkey", "ok"),
    ],
)
def test_how_valkey_is_spoken_with(url: str, status: str) -> None:
    assert stores._encryption(Settings.load(WHOLE | {"REDIS_URL": url})).status == status


@pytest.mark.parametrize(
    ("ahead", "status"), [(0, "ok"), (2, "ok"), (7, "warning"), (-7, "warning"), (90, "failed"), (-90, "failed")]
)
def test_a_clock_that_goes_wrong_is_told_by_how_much(ahead: float, status: str) -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC)

    class Now:
        def now(self) -> datetime:
            return now + timedelta(seconds=0.5)

    line = stores._apart("clock", now.timestamp() + ahead, now, Now())  # type: ignore[arg-type]

    assert line.status == status
    if abs(ahead) > 5:
        assert re.match(rf"{abs(ahead) - 0.5:.1f} s ahead" if ahead > 0 else rf"{-ahead:.1f} s behind", line.found)


@pytest.mark.parametrize("kind", ["worker", "clock", "web"])
def test_a_process_that_gives_no_sign_of_life(
    examined: Examined, db: psycopg.Connection[Any], alive: None, kind: str
) -> None:
    # A web process of other tests in this one may give its own sign in between.
    for _ in range(5):
        db.execute("update private.heartbeats set at = at - interval '1 hour' where kind = %s", [kind])
        lines = examined()
        if lines[f"process {kind}"]["status"] == "failed":
            break

    assert lines[f"process {kind}"]["status"] == "failed"
    assert f"`keeper {kind}`" in lines[f"process {kind}"]["advice"]
    assert [n for n, line in lines.items() if n.startswith("process") and line["status"] == "failed"] == [
        f"process {kind}"
    ]


def test_an_application_key_that_is_refused_half_set_or_not_to_be_proven(examined: Examined, etsy: Etsy) -> None:
    refused = examined(ETSY_SHARED_SECRET="not the secret")
    half = examined(ETSY_SHARED_SECRET=None)
    unset = examined(ETSY_SHARED_SECRET=None, ETSY_KEYSTRING=None, PRINTIFY_APP_ID="app")
    away = examined(ETSY_API_BASE_URL=NOWHERE)

    assert refused["etsy key"]["status"] == half["etsy key"]["status"] == "failed"
    assert "API key" in refused["etsy key"]["found"]
    assert (unset["etsy key"]["status"], unset["etsy key"]["found"]) == ("not checked", "not set")
    assert "without a seller" in unset["printify key"]["found"]
    assert away["etsy key"]["status"] == "warning"


@contextmanager
def _answering(
    get: tuple[int, bytes], post: tuple[int, bytes], location: str = "https://elsewhere.example/"
) -> Iterator[str]:
    """Somebody who answers every GET and every POST alike."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, status: int, body: bytes) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("location", location)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer(*get)

        def do_POST(self) -> None:
            self._answer(*post)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


LIVE = (200, b'{"status": "live"}')
REFUSED = (401, b'{"code": "not_signed"}')


def looked_at(url: str) -> dict[str, Line]:
    settings = Settings.load(WHOLE | {"PUBLIC_URL": url})
    return {line.name: line for line in addresses.of_public_url(settings, ["/webhooks/x"])}


@pytest.mark.parametrize(
    ("get", "post", "result"),
    [
        (LIVE, REFUSED, ("ok", "ok")),
        ((200, b"<html>"), REFUSED, ("failed", "not checked")),
        ((404, b""), REFUSED, ("failed", "not checked")),
        ((503, LIVE[1]), REFUSED, ("failed", "not checked")),
        ((301, b""), REFUSED, ("failed", "not checked")),
        (LIVE, (401, b"a password, please"), ("ok", "failed")),
        (LIVE, (403, b'{"code": "not_signed"}'), ("ok", "failed")),
        (LIVE, (200, b"{}"), ("ok", "failed")),
        (LIVE, (308, b""), ("ok", "failed")),
        (LIVE, (502, b""), ("ok", "failed")),
    ],
)
def test_whoever_else_answers_at_our_address_is_not_taken_for_us(
    get: tuple[int, bytes], post: tuple[int, bytes], result: tuple[str, str]
) -> None:
    with _answering(get, post) as url:
        lines = looked_at(url)

    assert (lines["web address"].status, lines["webhook /webhooks/x"].status) == result


def test_an_address_that_leads_to_ours_is_not_ours() -> None:
    """What is delivered there would have to follow, and no platform does."""
    with _answering(LIVE, REFUSED) as ours, _answering((301, b""), (308, b""), f"{ours}/health/live") as url:
        lines = looked_at(url)

    assert "301, to another address" in lines["web address"].found


def test_an_address_where_nobody_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    lines = looked_at(f"http://127.0.0.1:{port}")

    assert lines["web address"].status == "failed"
    assert "ConnectError" in lines["web address"].found


@pytest.mark.parametrize(
    ("changes", "name", "status"),
    [
        ({"DATABASE_URL": "postgresql://a:b@db.abcdefgh.supabase.co:5432/postgres"}, "DATABASE_URL", "warning"),
        ({"DATABASE_URL": "postgresql://a:b@aws-0.pooler.supabase.com:6543/postgres"}, "DATABASE_URL", "failed"),
        ({"DATABASE_URL": "postgresql://a:b@aws-0.pooler.supabase.com:5432/postgres"}, "DATABASE_URL", "ok"),
        ({"DATABASE_URL": ""}, "DATABASE_URL", "not checked"),
        ({"SUPABASE_URL": "http://x.example"}, "SUPABASE_URL", "failed"),
        ({"SUPABASE_URL": "https://x.example"}, "SUPABASE_URL", "ok"),
        ({}, "METRICS_TOKEN", "not checked"),
        ({"METRICS_TOKEN": "x"}, "METRICS_TOKEN", "ok"),
        ({}, "WEBHOOK_SECRET", "not checked"),
    ],
)
def test_addresses_and_what_is_missed_later(changes: dict[str, str], name: str, status: str) -> None:
    lines = {line.name: line for line in addresses.of_settings(Settings.load(WHOLE | changes))}

    assert lines[name].status == status
    assert "a:b" not in lines[name].found


def test_without_an_address_of_our_own_nobody_can_connect() -> None:
    (line,) = addresses.of_public_url(Settings.load(WHOLE), [])
    # On somebody's own machine the address is the one that they typed.
    (here,) = addresses.of_public_url(Settings.load(WHOLE | {"KEEPER_ENVIRONMENT": "embedded"}), [])

    assert (line.name, line.status) == ("PUBLIC_URL", "warning")
    assert (here.name, here.status) == ("PUBLIC_URL", "not checked")


def test_an_address_of_ours_that_is_not_encrypted_is_told() -> None:
    """Platforms deliver to nothing else; on this machine nothing leaves it."""
    lines = looked_at("http://keeper.invalid")
    with _answering(LIVE, REFUSED) as url:
        here = looked_at(url)

    assert (lines["PUBLIC_URL"].status, "https://" in lines["PUBLIC_URL"].advice) == ("failed", True)
    assert "PUBLIC_URL" not in here
