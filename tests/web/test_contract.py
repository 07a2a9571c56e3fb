"""The OpenAPI document against the real application: no input brings a 5xx, and nothing unannounced is answered."""

from __future__ import annotations

import json
import re
import uuid
import warnings

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.web.conftest import NOBODYS_KEY, client, served, token_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.failures import FailureGroup
    from schemathesis.specs.openapi.checks import status_code_conformance

# Long-lived or without a body to judge; each has tests of its own.
_LEFT_OUT = ("/backfill/events", "/metrics")
_EXAMPLES = 8
# Ends that break parsers and databases; schemathesis alone seldom comes upon them.
NASTY = [
    "\x00",
    "a\x00b",
    "\ud800",
    "'",
    '"',
    "%00",
    "../",
    "\u202e",
    "٣",
    "1e309",
    "-1",
    "9" * 40,
    "eq.1",
    "*",
    "a,b)",
]


@pytest.fixture(scope="module")
def document(web_url):
    with client(web_url) as asking:
        return asking.get("/openapi.json").json()


def operations_of(document, *, only=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schema = schemathesis.openapi.from_dict(document)
        for found in schema.get_all_operations():
            operation = found.ok()
            if (only is None and operation.path not in _LEFT_OUT) or operation.path == only:
                yield operation


def ask(http, case, headers):
    """Send one made-up case as it is; what cannot even be sent is no case."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return case.call(base_url=str(http.base_url).rstrip("/"), headers=headers, timeout=20)


def faults_of(document, http, headers, *, only=None):
    """Every operation with made-up input; answers what was a fault of ours, or not as the document says."""
    found: list[str] = []
    asked: list[str] = []
    for operation in operations_of(document, only=only):
        _calm(given(case=operation.as_strategy())(lambda case: _judge(case, http, headers, found, asked)))()
    assert asked, "a check of nothing proves nothing"
    return found


def _calm(attack):
    return settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )(attack)


def _judge(case, http, headers, found, asked):
    answer = ask(http, case, headers)
    asked.append(case.operation.path)
    for check in (not_a_server_error, status_code_conformance):
        try:
            case.validate_response(answer, checks=[check])
        except FailureGroup as failure:
            place = f"{case.operation.method.lower()} {case.operation.path}"
            found.append(f"{place} {answer.status_code}: {failure}")


def test_every_operation_is_described_with_its_errors_and_examples(document):
    operations = [(path, verb, each) for path, verbs in document["paths"].items() for verb, each in verbs.items()]

    assert len(operations) > 20
    for path, verb, each in operations:
        # The function's name is no summary: "Recent Orders".
        assert re.fullmatch(r"[A-Z0-9](?=.* ).*[^.]", each["summary"]), (verb, path)
        assert not each["summary"].istitle(), (verb, path)
        assert each.get("description"), (verb, path)
        guarded = "security" in each
        assert guarded <= ("401" in each["responses"]), (verb, path)
        for status, answer in each["responses"].items():
            if (status.startswith("4") and status != "422") or (status == "503" and path != "/health/ready"):
                assert "application/problem+json" in answer["content"], (verb, path, status)
    bodies = [each["requestBody"]["content"] for _, _, each in operations if "requestBody" in each]
    assert bodies


def test_no_input_brings_a_fault_of_ours(document, api, make_seller, bearer):
    headers = bearer(make_seller("etsy"))

    assert faults_of(document, api, headers) == []


def test_a_planted_fault_is_found(document, web_env, clean):
    """The check is alive: a process whose key the database refuses answers 500, and that is reported."""
    key = token_of(web_env, str(uuid.uuid4()))
    with served(web_env, SUPABASE_SERVICE_ROLE_KEY=NOBODYS_KEY) as url, client(url) as weak:
        found = faults_of(document, weak, {"Authorization": f"Bearer {key}"}, only="/backfill/status")

    assert any(line.startswith("get /backfill/status 500") for line in found), found


TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.integers().map(str))


def test_nasty_texts_in_every_place_bring_no_fault_of_ours(api, make_seller, bearer):
    """Zero bytes and their like, which made-up cases seldom hold (reliability, section C)."""
    headers, found = bearer(make_seller("etsy")), []
    as_json = {**headers, "Content-Type": "application/json"}

    @settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def attack(text):
        body = {"platform": text, "entities": [text], "since": text}
        bare = text.encode("utf-8", "surrogatepass")
        answers = [
            api.post(
                "/settings/backfill", content=_json(body), headers={**headers, "Content-Type": "application/json"}
            ),
            api.post("/settings/backfill", content=_json({"entities": [text]}), headers=as_json),
            api.get("/backfill/status", params={"platform": bare}, headers=headers),
            api.get("/oauth/etsy/callback", params={"state": bare, "code": bare}, headers=headers),
            api.get("/dashboard/figures", params={"zone": bare, "since": bare}, headers=headers),
            *(
                api.get(path, params={"search": bare, "platform": bare, "status": bare, "after": bare}, headers=headers)
                for path in ("/orders", "/products", "/reports/orders", "/reports/products", "/reports/behind")
            ),
            api.post("/connect-etsy", data={"shop": bare, "return_to": bare}, headers=headers),
            api.post("/connect-printify/token", data={"access_token": bare, "shop_id": bare}, headers=headers),
            api.post("/dev/session", content=_json({"email": text}), headers={"Content-Type": "application/json"}),
        ]
        found.extend(f"{a.request.method} {a.request.url} {a.status_code}" for a in answers if a.status_code >= 500)

    given(TEXTS)(attack)()

    assert found == []


def _json(body):
    """As other languages write it: half a character is a text to them."""
    return json.dumps(body).encode()
