"""The onboarding webhook under attack and in trouble (reliability B9, rows 63 and 64; invariants I4 and I11)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.web.conftest import client, served

PATH = "/webhooks/onboarding"
OTHER = "whsec_" + base64.b64encode(b"another endpoint's secret").decode()


def body_of(user):
    return json.dumps({"type": "onboarding.completed", "data": {"user_id": user}}).encode()


def signature(secret, delivery, sent_at, body):
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    return "v1," + base64.b64encode(hmac.digest(key, f"{delivery}.{sent_at}.".encode() + body, hashlib.sha256)).decode()


def signed(secret, body, *, delivery=None, sent_at=None):
    delivery = delivery or f"msg_{uuid.uuid4().hex}"
    sent_at = str(int(time.time())) if sent_at is None else str(sent_at)
    return {
        "webhook-id": delivery,
        "webhook-timestamp": sent_at,
        "webhook-signature": signature(secret, delivery, sent_at, body),
        "content-type": "application/json",
    }


@pytest.fixture
def secret(web_env):
    return web_env["WEBHOOK_SECRET"]


def jobs_of(db, user):
    rows = db.execute("select entity, status from public.sync_jobs where user_id = %s order by position", [user])
    return rows.fetchall()


def test_a_signed_event_is_202_and_its_jobs_are_there(api, db, secret, make_seller):
    body = body_of(user := make_seller("etsy"))

    response = api.post(PATH, content=body, headers=signed(secret, body))

    assert response.status_code == 202
    assert {job["outcome"] for job in response.json()["jobs"]} == {"queued"}
    assert [status for _, status in jobs_of(db, user)] == ["queued", "waiting", "waiting", "waiting"]


def test_a_user_without_a_shop_is_welcome_too(api, db, secret, make_seller):
    """Connecting the first shop starts the backfill."""
    body = body_of(make_seller())

    response = api.post(PATH, content=body, headers=signed(secret, body))

    assert response.status_code == 202
    assert response.json() == {"run_ids": [], "jobs": []}


def _forgeries(secret, body):
    now = int(time.time())
    good = signed(secret, body)
    resigned = signed(secret, json.dumps(json.loads(body), indent=1).encode())
    return {
        "no signature": {k: v for k, v in good.items() if k != "webhook-signature"},
        "no id": {k: v for k, v in good.items() if k != "webhook-id"},
        "no timestamp": {k: v for k, v in good.items() if k != "webhook-timestamp"},
        "wrong secret": signed("x" * 43, body),
        "another endpoint's secret": signed(OTHER, body),
        "empty secret": signed("", body),
        "signature of another body": resigned,
        "signature of another id": {**good, "webhook-id": "msg_other"},
        "six minutes ago": signed(secret, body, sent_at=now - 360),
        "in six minutes": signed(secret, body, sent_at=now + 360),
        "timestamp in words": signed(secret, body, sent_at="now"),
        "timestamp with other digits": signed(secret, body, sent_at="٣"),
        "another version": {**good, "webhook-signature": good["webhook-signature"].replace("v1,", "v1a,")},
        "empty signature": {**good, "webhook-signature": "v1,"},
        "a shorter signature": {**good, "webhook-signature": good["webhook-signature"][:-2]},
        "many signatures": {**good, "webhook-signature": " ".join(["v1,AAAA"] * 500) + " " + good["webhook-signature"]},
    }


def test_what_is_not_signed_as_it_should_be_is_401_and_changes_nothing(api, db, secret, make_seller):
    body = body_of(user := make_seller("etsy"))
    forgeries = _forgeries(secret, body)

    answers = {
        name: api.post(PATH, content=body, headers={k: v.encode() for k, v in headers.items()}).status_code
        for name, headers in forgeries.items()
    }

    assert answers == dict.fromkeys(forgeries, 401)
    assert jobs_of(db, user) == []


def test_a_body_that_changed_by_one_byte_or_was_written_anew_is_refused(api, db, secret, make_seller):
    body = body_of(user := make_seller("etsy"))
    changed = body.replace(b'"type"', b'"Type"')
    rewritten = json.dumps(json.loads(body), separators=(",", ":")).encode()

    answers = [api.post(PATH, content=other, headers=signed(secret, body)) for other in (changed, rewritten, b"")]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert jobs_of(db, user) == []


def test_a_header_that_comes_twice_is_refused(api, secret, make_seller):
    body = body_of(make_seller("etsy"))
    good = signed(secret, body)

    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        twice = [*good.items(), (name, good[name])]
        assert api.post(PATH, content=body, headers=twice).status_code == 401


def test_nothing_is_parsed_before_it_is_verified(api):
    """Garbage without a signature is a matter of the signature, not of the garbage."""
    assert api.post(PATH, content=b"[" * 100_000).status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"data":{"user_id":"x"}}', b'{"data":{"user_id":7}}', b"{"]
)
def test_a_signed_body_that_names_no_user_is_400(api, secret, body, clean):
    assert api.post(PATH, content=body, headers=signed(secret, body)).status_code == 400


def test_a_signed_event_of_an_unknown_user_is_404_so_that_it_comes_again(api, secret):
    body = body_of(str(uuid.uuid4()))

    assert api.post(PATH, content=body, headers=signed(secret, body)).status_code == 404


def test_a_hundred_replays_get_one_answer_and_have_one_effect(api, db, secret, make_seller):
    body = body_of(user := make_seller("etsy"))
    headers = signed(secret, body, delivery="msg_once")
    first = api.post(PATH, content=body, headers=headers)
    db.execute("update public.sync_jobs set status = 'failed', error_code = 'x', finished_at = now()")

    with ThreadPoolExecutor(8) as pool:
        again = list(pool.map(lambda _: api.post(PATH, content=body, headers=headers), range(100)))

    assert {(answer.status_code, answer.text) for answer in again} == {(202, first.text)}
    assert [status for _, status in jobs_of(db, user)] == ["failed"] * 4


def test_two_deliveries_at_once_make_one_run(api, db, secret, make_seller):
    body = body_of(user := make_seller("etsy"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post(PATH, content=body, headers=signed(secret, body)), range(16)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({run for answer in answers for run in answer.json()["run_ids"]}) == 1
    assert len(jobs_of(db, user)) == 4


def test_old_and_new_secret_are_good_while_one_is_rotated_out(web_env, make_seller, secret, clean):
    body = body_of(make_seller("etsy"))
    with served(web_env, WEBHOOK_SECRET=f"{OTHER} {secret}") as url, client(url) as both:
        rotating = [both.post(PATH, content=body, headers=signed(one, body)).status_code for one in (OTHER, secret)]
    with served(web_env, WEBHOOK_SECRET=OTHER) as url, client(url) as rotated:
        after = [rotated.post(PATH, content=body, headers=signed(one, body)).status_code for one in (OTHER, secret)]

    assert rotating == [202, 202]
    assert after == [202, 401]


@pytest.mark.parametrize("setting", ["", ",", "{secret},", ", {secret} ,"])
def test_no_secret_and_a_comma_too_many_let_nobody_in(web_env, make_seller, secret, clean, setting):
    """What stands beside a comma is no secret: an empty one could be signed with by anybody."""
    body = body_of(make_seller("etsy"))
    value = setting.format(secret=secret)
    with served(web_env, WEBHOOK_SECRET=value, SUPABASE_WEBHOOK_SECRET=value) as url, client(url) as closed:
        assert closed.post(PATH, content=body, headers=signed("", body)).status_code == 401
        assert closed.post(PATH, content=body, headers={"X-Webhook-Secret": ""}).status_code == 401


def test_a_database_that_is_away_is_503_so_that_it_comes_again(web_env, secret):
    body = body_of(str(uuid.uuid4()))
    with served(web_env, SUPABASE_URL="http://127.0.0.1:9") as url, client(url) as lonely:
        response = lonely.post(PATH, content=body, headers=signed(secret, body))

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


def test_valkey_that_is_away_delays_nothing(web_env, db, secret, make_seller, clean):
    """Row 17: the bell is not heard, the clock rings later, and the caller does not wait."""
    body = body_of(user := make_seller("etsy"))
    with served(web_env, REDIS_URL="redis://127.0.0.1:9") as url, client(url) as quiet:
        began = time.monotonic()
        response = quiet.post(PATH, content=body, headers=signed(secret, body))
        took = time.monotonic() - began

    assert response.status_code == 202
    assert took < 2
    assert len(jobs_of(db, user)) == 4


# ── from a Supabase database webhook ──
FIRST, SECOND = "the-first-of-two-secrets", "the-second-of-two-secrets"


def event_of(user, kind="INSERT", **record):
    old = {"old_record": {"onboarding_completed": False}} if kind == "UPDATE" else {"old_record": None}
    return json.dumps(
        {"type": kind, "table": "profiles", "schema": "public", "record": {"user_id": user, **record}} | old
    ).encode()


@pytest.fixture(scope="module")
def supabase_url(web_env):
    with served(web_env, SUPABASE_WEBHOOK_SECRET=f"{FIRST} {SECOND}") as url:
        yield url


@pytest.fixture
def from_supabase(supabase_url):
    with client(supabase_url) as asking:
        yield lambda body, *secrets: asking.post(
            PATH, content=body, headers=[("X-Webhook-Secret", secret) for secret in secrets or (FIRST,)]
        )


def test_a_database_webhook_of_supabase_works_too(from_supabase, db, make_seller, clean):
    inserted, updated, both = make_seller("etsy"), make_seller("etsy"), make_seller("etsy")

    assert from_supabase(event_of(inserted)).status_code == 202
    assert from_supabase(event_of(updated, "UPDATE", onboarding_completed=True), SECOND).status_code == 202
    answers = [from_supabase(event_of(both)).text for _ in range(3)]

    assert len(jobs_of(db, inserted)) == len(jobs_of(db, updated)) == len(jobs_of(db, both)) == 4
    assert len(set(answers)) == 1


def test_other_events_of_the_database_ask_for_nothing(from_supabase, db, make_seller, clean):
    user = make_seller("etsy")
    other_table = json.dumps({"type": "INSERT", "table": "orders", "schema": "public", "record": {"user_id": user}})

    assert from_supabase(event_of(user, "UPDATE", onboarding_completed=False)).status_code == 202
    assert from_supabase(other_table.encode()).status_code == 202
    assert jobs_of(db, user) == []


@pytest.mark.parametrize(
    "secrets", [("",), ("s",), (f"{FIRST} {SECOND}",), ("s3",), (FIRST, "s3"), ("s3", FIRST), (FIRST, FIRST)]
)
def test_a_database_webhook_without_the_secret_is_nobody(from_supabase, db, make_seller, secrets, clean):
    """Twice is none: two readers might choose differently."""
    user = make_seller("etsy")

    assert from_supabase(event_of(user), *secrets).status_code == 401
    assert jobs_of(db, user) == []
