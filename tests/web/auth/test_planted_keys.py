"""The attacks with keys of tokens are seen to fail, each through a hole of its own (reliability B8, row 58)."""

from __future__ import annotations

import math

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.holes import Hole, assert_seen, code
from tests.web.auth import test_jwks
from tests.web.auth.test_jwks import clock, elsewhere, keys, sessions, sign, supabase  # noqa: F401  fixtures
from web.auth import jwks
from web.auth.jwks import Jwks
from web.auth.sessions import Sessions

_key, _fetch, _usable, _get = Sessions._key, Jwks._fetch, jwks._usable, jwks.httpx.get
_hmac_key = jwt.algorithms.HMACAlgorithm.prepare_key


def key_along(self, header):
    """The key that a token brings along is taken for the project's."""
    return (jwt.PyJWK(header["jwk"]).key, "ES256") if "jwk" in header else _key(self, header)


def address_along(self, header):
    """The keys are asked of the address that a token names."""
    if "jku" not in header:
        return _key(self, header)
    return Jwks(header["jku"], self._jwks._clock).key(header["kid"], "ES256"), "ES256"


def every_id(self, key_id):
    """A token is its own witness: of an id that nobody knows, whatever key fits is right."""
    _fetch(self, key_id)
    self._keys.setdefault(key_id, next(iter(self._keys.values())))


def its_own_word(self, header):
    """The token says how it was signed, and the key of its id is used for that."""
    if header["alg"] == "none":
        return None, "none"
    if header["alg"] != "HS256" or "kid" not in header:
        return _key(self, header)
    self._jwks.known(header["kid"]) or self._jwks._refresh(header["kid"])
    _, key = self._jwks._keys[header["kid"]]
    return key if isinstance(key, bytes) else key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "HS256"


def any_secret(self, key):
    """The library's own guard against public keys as secrets is gone."""
    return key if isinstance(key, bytes) else _hmac_key(self, key)


def any_use(document):
    """What a key is for is not read."""
    return _usable({"keys": [{name: f[name] for name in f if name != "alg"} for f in document["keys"]]})


HOLES = [
    Hole(
        row=58,
        without="a key is the project's, not the token's",
        seen_by=test_jwks.test_a_key_that_the_project_does_not_publish_opens_nothing,
        plants=[code(Sessions, "_key", key_along)],
    ),
    Hole(
        row=58,
        without="keys come from the project, not from where a token says",
        seen_by=test_jwks.test_a_key_that_the_project_does_not_publish_opens_nothing,
        plants=[code(Sessions, "_key", address_along)],
    ),
    Hole(
        row=58,
        without="signatures are checked with the key",
        seen_by=test_jwks.test_a_key_that_the_project_does_not_publish_opens_nothing,
        plants=[code(jwt.algorithms.ECAlgorithm, "verify", lambda *_: True)],
    ),
    Hole(
        row=58,
        without="a key has one id",
        seen_by=test_jwks.test_made_up_key_ids_do_not_make_us_ask_each_time,
        plants=[code(Jwks, "_fetch", every_id)],
    ),
    Hole(
        row=58,
        without="keys come from the project's own host",
        seen_by=test_jwks.test_keys_are_asked_of_no_other_host,
        plants=[code(jwks.httpx, "get", lambda url, **rest: _get(url, **{**rest, "follow_redirects": True}))],
    ),
    Hole(
        row=58,
        without="the key says how it signs",
        seen_by=test_jwks.test_the_public_key_is_no_secret_to_sign_with,
        plants=[
            code(Sessions, "_key", its_own_word),
            code(jwt.algorithms.HMACAlgorithm, "prepare_key", any_secret),
        ],
    ),
    Hole(
        row=58,
        without="a token is signed",
        seen_by=test_jwks.test_the_public_key_is_no_secret_to_sign_with,
        plants=[
            code(Sessions, "_key", its_own_word),
            code(jwt.algorithms.NoneAlgorithm, "verify", lambda *_: True),
        ],
    ),
    Hole(
        row=58,
        without="a published secret is no key",
        seen_by=test_jwks.test_a_symmetric_key_in_the_public_set_is_no_key,
        plants=[
            code(Sessions, "_key", its_own_word),
            code(jwks, "_ALGORITHMS", {**jwks._ALGORITHMS, "oct": "HS256"}),
        ],
    ),
    Hole(
        row=58,
        without="a key is for what it says",
        seen_by=test_jwks.test_a_key_is_good_for_its_own_algorithm_alone,
        plants=[code(jwks, "_usable", any_use)],
    ),
    Hole(
        row=58,
        without="a withdrawn key is forgotten",
        seen_by=test_jwks.test_a_withdrawn_key_is_forgotten_though_nobody_brings_another,
        plants=[code(jwks, "_KEPT_S", math.inf)],
    ),
    Hole(
        row=58,
        without="keys that cannot be had are no verdict",
        seen_by=test_jwks.test_keys_that_cannot_be_had_are_no_verdict,
        plants=[code(jwks.httpx, "get", lambda *_, **__: jwks.httpx.Response(200, json={}, request=_NOTHING))],
    ),
]
_NOTHING = jwks.httpx.Request("GET", "http://127.0.0.1")


@pytest.mark.parametrize("hole", HOLES, ids=str)
def test_a_planted_hole_is_seen(hole, db, request):
    assert_seen(hole, db, request)
