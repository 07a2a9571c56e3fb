"""Tokens signed with the project's own key pair (JWKS): ES256 and RS256, rotation, and the tricks with algorithms."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from execution.settings import Settings
from tests.doubles.clocks import HastyClock
from tests.web.conftest import token_of
from web.auth import jwks
from web.auth.sessions import Sessions
from web.problems import Problem


@pytest.fixture(scope="module")
def keys():
    return {"ec": ec.generate_private_key(ec.SECP256R1()), "rsa": rsa.generate_private_key(65537, 2048)}


def as_jwk(key, kid):
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid}


class Supabase:
    """Serves a key set as Supabase Auth does, and counts how often it was asked."""

    def __init__(self):
        self.keys, self.asked, self.moved_to, outer = [], 0, "", self
        self.is_held, self.let_go = threading.Event(), threading.Event()
        self.let_go.set()

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                outer.is_held.set()
                outer.let_go.wait(30)
                body = json.dumps({"keys": outer.keys}).encode()
                found = self.path == "/auth/v1/.well-known/jwks.json"
                self.send_response(302 if outer.moved_to else 200 if found else 404)
                self.send_header("location", f"{outer.moved_to}{self.path}")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def supabase():
    serving = Supabase()
    yield serving
    serving.close()


@pytest.fixture
def elsewhere():
    """Another host that serves keys: an attacker's, or another project's."""
    serving = Supabase()
    yield serving
    serving.close()


@pytest.fixture
def clock():
    return HastyClock()


@pytest.fixture
def sessions(supabase, web_env, clock):
    return Sessions(Settings.load({**web_env, "SUPABASE_URL": supabase.url}), clock)


@pytest.fixture
def sign(web_env, supabase, keys):
    env = {**web_env, "SUPABASE_URL": supabase.url}

    def make(kind="ec", kid="k1", **changes):
        algorithm = "ES256" if kind == "ec" else "RS256"
        whole = {"key": keys[kind], "algorithm": algorithm, "headers": {"kid": kid}, **changes}
        return token_of(env, USER, **whole)

    return make


USER = str(uuid.uuid4())


def refused(sessions, token):
    with pytest.raises(Problem) as refusal:
        sessions.verify(token)
    return refusal.value.status_code == 401


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_token_of_the_projects_key_is_good(sessions, supabase, sign, keys, kind):
    supabase.keys = [as_jwk(keys[kind], "k1")]

    assert sessions.verify(sign(kind)).user_id == USER
    assert sessions.verify(sign(kind)).user_id == USER
    assert supabase.asked == 1


def test_the_shared_secret_goes_on_being_good(sessions, web_env, supabase):
    token = token_of({**web_env, "SUPABASE_URL": supabase.url}, USER)

    assert sessions.verify(token).user_id == USER
    assert supabase.asked == 0


def test_a_new_key_is_found_and_an_old_one_forgotten(sessions, supabase, sign, keys, clock):
    supabase.keys = [as_jwk(keys["ec"], "k1")]
    sessions.verify(sign("ec", "k1"))
    supabase.keys = [as_jwk(keys["rsa"], "k2")]
    clock.sleep(11)

    assert sessions.verify(sign("rsa", "k2")).user_id == USER
    assert refused(sessions, sign("ec", "k1"))


def test_a_withdrawn_key_is_forgotten_though_nobody_brings_another(sessions, supabase, sign, keys, clock):
    """Whoever stole the key brings no new one."""
    supabase.keys = [as_jwk(keys["ec"], "k1")]
    sessions.verify(sign("ec", "k1"))
    supabase.keys = []
    clock.sleep(601)

    assert sessions.needs_fetch(sign("ec", "k1"))
    assert refused(sessions, sign("ec", "k1"))


def test_keys_stay_good_while_no_newer_can_be_had(sessions, supabase, sign, keys, clock):
    """And not everybody who comes waits for the answer that is none."""
    supabase.keys = [as_jwk(keys["ec"], "k1")]
    sessions.verify(sign("ec", "k1"))
    supabase.keys = None
    clock.sleep(601)

    assert [sessions.verify(sign("ec", "k1")).user_id for _ in range(3)] == [USER] * 3
    assert supabase.asked == 2


def test_who_holds_an_old_key_does_not_wait_for_anothers_look(*, sessions, supabase, sign, keys, clock, monkeypatch):
    monkeypatch.setattr(jwks, "_ANSWER_S", 60)
    supabase.keys = [as_jwk(keys["ec"], "k1")]
    sessions.verify(sign("ec", "k1"))
    clock.sleep(601)
    supabase.is_held.clear()
    supabase.let_go.clear()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(sessions.verify, sign("ec", "k1"))
        try:
            assert supabase.is_held.wait(20)
            second = pool.submit(sessions.verify, sign("ec", "k1")).result(20)
        finally:
            supabase.let_go.set()

    assert second.user_id == first.result().user_id == USER


def strangers(sign, elsewhere):
    """Tokens of a key pair that is not the project's, each with another tale of where its key is to be found."""
    mine = ec.generate_private_key(ec.SECP256R1())
    address = f"{elsewhere.url}/auth/v1/.well-known/jwks.json"
    elsewhere.keys = [as_jwk(mine, kid) for kid in ("k1", "theirs", "made-up")]
    headers = {
        "under the project's id": {"kid": "k1"},
        "under an id that is unknown": {"kid": "made-up"},
        "under no id": {},
        "under an empty id": {"kid": ""},
        "under an address": {"kid": address},
        "under a path": {"kid": "../../../dev/null"},
        "with its key along": {"kid": "theirs", "jwk": as_jwk(mine, "theirs")},
        "with its key along, under the project's id": {"kid": "k1", "jwk": as_jwk(mine, "k1")},
        "with an address of keys": {"kid": "theirs", "jku": address},
        "with an address of a certificate": {"kid": "theirs", "x5u": address},
    }
    return {tale: sign("ec", key=mine, headers=header) for tale, header in headers.items()}


def test_a_key_that_the_project_does_not_publish_opens_nothing(sessions, supabase, sign, keys, elsewhere):
    supabase.keys = [as_jwk(keys["ec"], "k1")]

    for tale, token in strangers(sign, elsewhere).items():
        assert refused(sessions, token), tale
    assert elsewhere.asked == 0
    assert sessions.verify(sign("ec", "k1")).user_id == USER


def test_keys_are_asked_of_no_other_host(sessions, supabase, sign, keys, elsewhere):
    """Not even where the project's own address sends us there."""
    supabase.moved_to, elsewhere.keys = elsewhere.url, [as_jwk(keys["ec"], "k1")]

    with pytest.raises(Problem) as away:
        sessions.verify(sign("ec", "k1"))

    assert away.value.status_code == 503
    assert elsewhere.asked == 0


def test_made_up_key_ids_do_not_make_us_ask_each_time(sessions, supabase, sign, keys):
    supabase.keys = [as_jwk(keys["ec"], "k1")]

    assert all(refused(sessions, sign("ec", f"made-up-{number}")) for number in range(20))
    assert supabase.asked == 1


def test_the_public_key_is_no_secret_to_sign_with(sessions, supabase, sign, keys):
    """Confusion of algorithms: HS256 with the bytes of the public key."""
    supabase.keys = [as_jwk(keys["rsa"], "k1")]
    public = keys["rsa"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = sign("rsa").split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').decode().rstrip("=")
    signed = hmac.digest(public, f"{header}.{claims}".encode(), "sha256")
    forged = f"{header}.{claims}.{base64.urlsafe_b64encode(signed).decode().rstrip('=')}"

    assert refused(sessions, forged)
    assert refused(sessions, sign("rsa", key="", algorithm="none"))


def test_a_symmetric_key_in_the_public_set_is_no_key(sessions, supabase, sign):
    secret = b"secret-secret-secret-secret-secr"
    text = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    supabase.keys = [{"kty": "oct", "kid": "k1", "alg": "HS256", "k": text}]

    assert refused(sessions, sign("ec", "k1"))
    assert refused(sessions, sign(key=secret, algorithm="HS256"))
    assert not sessions._jwks.known("k1")


def test_a_key_is_good_for_its_own_algorithm_alone(sessions, supabase, sign, keys):
    supabase.keys = [{**as_jwk(keys["rsa"], "k1"), "alg": "PS256"}, as_jwk(keys["ec"], "k2")]

    assert refused(sessions, sign("rsa", "k1"))
    assert refused(sessions, sign("rsa", "k2"))


def test_keys_that_cannot_be_had_are_no_verdict(sessions, supabase, sign):
    """503: the sign-in may be good, nobody knows; and not everybody who comes waits for it."""
    token = sign("ec")
    supabase.keys = None

    for _ in range(3):
        with pytest.raises(Problem) as away:
            sessions.verify(token)
        assert away.value.status_code == 503
    assert supabase.asked == 1
