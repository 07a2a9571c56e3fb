"""What is secret is compared in constant time, everywhere (reliability B9, row 63): how soon a guess is refused tells
nothing of how much of it was right.

Times on two noisy cores prove nothing either way. So it is watched what is compared with what, and by whom.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import re
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from execution.catalog import PLATFORMS
from execution.http import signatures
from execution.platforms.printify import webhooks as printify
from execution.platforms.shopify import webhooks as shopify
from execution.platforms.shopify.consent import SHOPIFY_CONSENT
from tests.holes import Hole, assert_seen, code
from tests.web.conftest import client, served
from tests.web.routes.test_onboarding import OTHER, signature
from web import connecting
from web.auth import csrf
from web.health import routes as health
from web.routes import onboarding

ROOT = Path(__file__).resolve().parents[3]
ETSY, SHOPIFY, PRINTIFY = "etsys-webhook-secret", "shpss_0123456789abcdef", "printifys-webhook-secret"
SUPABASE, SCRAPER = "supabases-secret-one supabases-secret-two", "the-scrapers-token"
SECRETS = {
    "ETSY_WEBHOOK_SECRET": ETSY,
    "SHOPIFY_CLIENT_ID": "id",
    "SHOPIFY_CLIENT_SECRET": SHOPIFY,
    "PRINTIFY_WEBHOOK_SECRET": PRINTIFY,
    "SUPABASE_WEBHOOK_SECRET": SUPABASE,
    "METRICS_TOKEN": SCRAPER,
}
BODY = b'{"a": 1}'


@pytest.fixture(scope="module")
def guarded_url(web_env):
    both = f"{web_env['WEBHOOK_SECRET']} {OTHER}"
    with served(web_env, **{**SECRETS, "WEBHOOK_SECRET": both}) as url:
        yield url


@pytest.fixture
def compared(monkeypatch):
    """Every pair that is compared in constant time, as text."""
    pairs, real = [], hmac.compare_digest

    def watched(one, other):
        pairs.append((_text(one), _text(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    return pairs


def _text(value):
    return value if isinstance(value, str) else value.decode("latin-1")


def base64_of(secret):
    return signatures.base64_hmac(secret.encode(), BODY)


# ── every entrance of the web process ──


def test_all_signatures_of_a_delivery_are_compared_with_all_secrets(guarded_url, web_env, compared):
    """Two of each, the right one first: none is left out once it is found, so the number tells nothing either."""
    sent_at, secrets = str(int(time.time())), (web_env["WEBHOOK_SECRET"], OTHER)
    right = [signature(secret, "msg_1", sent_at, BODY).removeprefix("v1,") for secret in secrets]
    given = [right[0], "A" * 43 + "="]
    headers = {"webhook-id": "msg_1", "webhook-timestamp": sent_at, "webhook-signature": f"v1,{given[0]} v1,{given[1]}"}

    with client(guarded_url) as asking:
        asking.post("/webhooks/onboarding", content=BODY, headers=headers)

    assert set(compared) >= {(one, other) for one in given for other in right}


FORGED = "forged-" + "x" * 60
ENTRANCES = {
    "supabase": ("/webhooks/onboarding", {"X-Webhook-Secret": FORGED}, SUPABASE.split()),
    "printify": (
        "/webhooks/printify",
        {"X-Pfy-Signature": FORGED},
        ["sha256=" + hmac.digest(PRINTIFY.encode(), BODY, hashlib.sha256).hex()],
    ),
    "shopify": ("/webhooks/shopify", {"X-Shopify-Hmac-Sha256": FORGED}, [base64_of(SHOPIFY)]),
}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_forged_signature_is_compared_in_constant_time(guarded_url, compared, entrance):
    path, headers, right = ENTRANCES[entrance]

    with client(guarded_url) as asking:
        response = asking.post(path, content=BODY, headers=headers)

    assert response.status_code == 401
    assert set(compared) >= {(FORGED, other) for other in right}


def test_etsys_signature_is_compared_in_constant_time(guarded_url, compared):
    sent_at = str(int(time.time()))
    right = signature(ETSY, "msg_1", sent_at, BODY).removeprefix("v1,")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": sent_at, "webhook-signature": f"v1,{FORGED}"}

    with client(guarded_url) as asking:
        response = asking.post("/webhooks/etsy", content=BODY, headers=headers)

    assert response.status_code == 401
    assert (FORGED, right) in compared


def test_a_pages_token_is_compared_in_constant_time(sign_in, make_user, compared):
    browser = sign_in(make_user())
    right = browser.headers["X-CSRF-Token"]

    refused = [
        browser.post("/logout", headers={"X-CSRF-Token": FORGED}),
        browser.post("/logout", data={"csrf_token": FORGED}, headers={"X-CSRF-Token": ""}),
    ]

    assert [answer.status_code for answer in refused] == [403, 403]
    assert compared.count((FORGED, right)) == 2


def test_the_scrapers_token_is_compared_in_constant_time(guarded_url, compared):
    with client(guarded_url) as asking:
        refused = asking.get("/metrics", headers={"Authorization": f"Bearer {FORGED}"})
        allowed = asking.get("/metrics", headers={"Authorization": f"Bearer {SCRAPER}"})

    assert (refused.status_code, allowed.status_code) == (404, 200)
    assert (f"Bearer {FORGED}", f"Bearer {SCRAPER}") in compared


def test_the_signature_of_shopifys_way_back_is_compared_in_constant_time(compared):
    now = int(time.time())
    query = {"code": "c0de", "shop": "tea-house.myshopify.com", "state": "s", "timestamp": str(now)}
    right = hmac.new(SHOPIFY.encode(), urlencode(sorted(query.items()), quote_via=quote).encode(), "sha256").hexdigest()

    genuine = connecting.PLATFORMS["shopify"].consent.is_genuine
    result = [genuine({**query, "hmac": given}, [SHOPIFY], now) for given in (FORGED, right)]

    assert result == [False, True]
    assert compared == [(FORGED, right), (right, right)]


# ── and no other way, anywhere ──

# Words of names that hold what nobody may guess. A consent's state is looked up by its hash, in the database.
_SECRET = re.compile(r"secret|signature|signed|hmac|digest|csrf|password|_token$|^token$", re.IGNORECASE)
# Compared for what they are to us, with nobody's guess: the token that a platform has just issued with our own; what is
# said of a SQL function by its signature, which is its name and its arguments.
_OURS = {
    "newer != access_token",
    "position.had == _digest(content.keys)",
    "issued.refresh_token != pair.refresh",
    "_head(after.get(signature, '')) != _head(text)",
}


def equalities(source):
    """Every comparison by `==`, `!=` or `in` of something whose name says that it is secret."""
    for found in ast.walk(ast.parse(source)):
        if not isinstance(found, ast.Compare) or isinstance(found.ops[0], ast.Is | ast.IsNot):
            continue
        sides = [found.left, *found.comparators]
        if any(_SECRET.search(name) for side in sides for name in _names(side)) and not _is_about_shape(sides):
            yield ast.unparse(found)


def _names(side):
    """What a side of a comparison calls itself; what it counts or looks up in another is not itself."""
    if isinstance(side, ast.Call):
        return [*_names(side.func), *(name for argument in side.args for name in _names(argument))]
    if isinstance(side, ast.Attribute):
        return [side.attr, *_names(side.value)]
    return [side.id] if isinstance(side, ast.Name) else []


def _is_about_shape(sides):
    """A length, or a word that stands in the code: nobody guesses those."""
    return any(
        isinstance(side, ast.Constant)
        or (isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "len")
        for side in sides
    )


def test_no_secret_is_compared_by_equality():
    files = [path for room in ("web", "execution") for path in sorted((ROOT / room).rglob("*.py"))]
    found = {f"{path.relative_to(ROOT)}: {text}" for path in files for text in equalities(path.read_text())}

    assert len(files) > 100
    assert {line for line in found if line.partition(": ")[2] not in _OURS} == set()


PLANTED = [
    "given == _base64_hmac(secret, body)",
    "if header != wanted_signature: return",
    "found = signature in wanted",
    "request.headers.get('x') == settings.webhook_secret.get_secret_value()",
    "return hmac.new(key, body).hexdigest() == given",
    "csrf.token(claims) == given",
]


@pytest.mark.parametrize("line", PLANTED)
def test_a_planted_equality_is_seen(line):
    assert list(equalities(f"def check(web):\n    {line}"))


# ── the same with the keeper gone ──


def by_equality(given, wanted):
    given = list(given)
    return any(one == other for one in given for other in wanted)


def first_that_fits(given, wanted):
    """In constant time each, but it stops at the first: the time tells which secret it was."""
    return any(hmac.compare_digest(one.encode(), other.encode()) for one in given for other in wanted)


async def csrf_by_equality(self, request, claims):
    given = request.headers.get(csrf.HEADER, "") or str((await request.form()).get(csrf.FIELD) or "")
    if given != self.token(claims):
        raise csrf._cross_site("")


def scraper_by_equality(request, settings):
    if request.headers.get("authorization") != f"Bearer {settings.metrics_token.get_secret_value()}":
        raise health.Problem(404, "not_found")


def genuine_by_equality(query, secrets, now):
    rest = sorted((name, value) for name, value in query.items() if name != "hmac")
    message = urlencode(rest, quote_via=quote)
    return query["hmac"] in [hmac.new(one.encode(), message.encode(), "sha256").hexdigest() for one in secrets]


UNWATCHED = {"shopify": replace(PLATFORMS["shopify"], consent=replace(SHOPIFY_CONSENT, is_genuine=genuine_by_equality))}
HOLES = [
    *(
        Hole(
            row=63,
            without=f"a signature is compared in constant time ({kind})",
            seen_by=test_all_signatures_of_a_delivery_are_compared_with_all_secrets,
            plants=[code(signatures, "any_equal", weak)],
        )
        for kind, weak in {"by equality": by_equality, "until it fits": first_that_fits}.items()
    ),
    *(
        Hole(
            row=63,
            without=f"a signature is compared in constant time ({entrance})",
            seen_by=test_a_forged_signature_is_compared_in_constant_time,
            plants=[code(place, "any_equal", by_equality)],
            given={"entrance": entrance},
        )
        for entrance, place in {"supabase": onboarding, "printify": printify, "shopify": shopify}.items()
    ),
    Hole(
        row=63,
        without="Etsy's signature is compared in constant time",
        seen_by=test_etsys_signature_is_compared_in_constant_time,
        plants=[code(signatures, "any_equal", by_equality)],
    ),
    Hole(
        row=62,
        without="a page's token is compared in constant time",
        seen_by=test_a_pages_token_is_compared_in_constant_time,
        plants=[code(csrf.Csrf, "check", csrf_by_equality)],
    ),
    Hole(
        row=63,
        without="the scraper's token is compared in constant time",
        seen_by=test_the_scrapers_token_is_compared_in_constant_time,
        plants=[code(health, "_check_scraper", scraper_by_equality)],
    ),
    Hole(
        row=50,
        without="the way back's signature is compared in constant time",
        seen_by=test_the_signature_of_shopifys_way_back_is_compared_in_constant_time,
        plants=[code(connecting, "PLATFORMS", UNWATCHED)],
    ),
]


@pytest.mark.parametrize("hole", HOLES, ids=str)
def test_a_planted_hole_is_seen(hole, db, request, clean):
    assert_seen(hole, db, request)
