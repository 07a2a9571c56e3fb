"""Tokens signed with the project's own key pair (JWKS): ES256 and RS256, rotation, and the tricks with algorithms."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from execution.settings import Settings
from tests.heart.world import HastyClock
from tests.web.conftest import token_of
from web.problems import Problem
from web.sessions import Sessions


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
        self.keys, self.asked, outer = [], 0, self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                body = json.dumps({"keys": outer.keys}).encode()
                self.send_response(200 if self.path == "/auth/v1/.well-known/jwks.json" else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
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
    supabase.keys = [{"kty": "oct", "kid": "k1", "alg": "HS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}]

    assert refused(sessions, sign("ec", "k1"))
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
