"""Keys rotate while workers run: lazily and in bulk, with the proof of what still needs an old key."""

import base64
import random

import httpx
import pytest

from execution.errors import Snooze
from execution.http.transport import HttpTransport
from execution.keyring import Keyring
from execution.platforms.etsy.platform import ETSY
from execution.token_manager import TokenManager
from execution.tokens.key_rotation import as_text, keys_status, rotate_keys
from execution.tokens.refresh import Refresher
from execution.tokens.stored_pair import rewrap
from tests.doubles.clocks import HandClock
from tests.doubles.token_server import TokenServer
from tests.doubles.transports import by_hand, etsy_settings
from tests.threads import many
from tests.worlds.leased import RING, connect_seller

NEW = "k2:" + base64.urlsafe_b64encode(b"2" * 32).decode().rstrip("=")
OLD_RING = Keyring.parse(RING, environment="test")
BOTH = Keyring.parse(f"{NEW},{RING}", environment="test")
NEW_RING = Keyring.parse(NEW, environment="test")


def manager(store, ring, seller, endpoint=None, clock=None):
    clock = clock or HandClock()
    refresher = Refresher(
        store=store, keyring=ring, platform=ETSY, settings=etsy_settings(), clock=clock,
        transport=HttpTransport(clock, transport=by_hand(endpoint or TokenServer())),
    )  # fmt: skip
    return TokenManager(refresher=refresher, chance=random.Random(7), lease_id=seller.lease_id)


@pytest.fixture
def seller(db, rpc):
    return connect_seller(db, rpc, OLD_RING)


def test_a_token_that_passes_by_is_encrypted_anew(rpc, seller):
    """Lazily: whoever reads with a newer ring leaves the pair under its first key, and the version as it was."""
    before = rpc.rpc("read_tokens", p_lease_id=seller.lease_id)

    manager(rpc, BOTH, seller).access_token()

    assert rpc.rpc("token_keys") == {"k2": 2}
    assert rpc.rpc("read_tokens", p_lease_id=seller.lease_id)["version"] == before["version"]
    assert manager(rpc, NEW_RING, seller).access_token() == "40010002.first"


def test_all_tokens_are_encrypted_anew_in_bulk(db, rpc):
    """Old and mixed pairs, with and without a refresh token; a second time there is nothing to do."""
    for number in range(5):
        connect_seller(db, rpc, OLD_RING, refresh=None if number == 0 else f"r{number}")
    rewrap(rpc, BOTH, rpc.rpc("tokens_of_other_keys", p_key_id="k2", p_after=None, p_limit=2))

    result = rotate_keys(rpc, BOTH)
    again = rotate_keys(rpc, BOTH)

    assert rpc.rpc("token_keys") == {"k2": 9}
    assert 5 <= result["replaced"] <= 6
    assert (result["ok"], result["removable"], again["replaced"]) == (True, ["k1"], 0)
    assert "Nothing needs k1 any more." in as_text(result)


def test_rotation_goes_on_in_batches(db, rpc, monkeypatch):
    """More pairs than one batch, and none is missed."""
    monkeypatch.setattr("execution.tokens.key_rotation._BATCH", 2)
    for _ in range(5):
        connect_seller(db, rpc, OLD_RING)

    assert rotate_keys(rpc, BOTH)["replaced"] == 10


def test_the_status_proves_what_still_needs_an_old_key(db, rpc, seller):
    """By key id, from the database itself; a key that is needed is never called removable."""
    connect_seller(db, rpc, BOTH, refresh=None)

    result = keys_status(rpc, BOTH)

    assert result["keys"] == [{"id": "k2", "tokens": 1, "first": True}, {"id": "k1", "tokens": 2, "first": False}]
    assert (result["missing"], result["removable"], result["ok"]) == ([], [], True)


def test_a_key_that_was_taken_out_too_early_is_named(rpc, seller):
    """The status says which, a rotation touches nothing that it cannot read, and the job waits instead of failing."""
    result, rotated = keys_status(rpc, NEW_RING), rotate_keys(rpc, NEW_RING)

    assert (result["missing"], result["ok"]) == ([{"id": "k1", "tokens": 2}], False)
    assert (rotated["replaced"], rotated["ok"]) == (0, False)
    assert "which TOKEN_KEYS no longer has" in rotated["unreadable"][0]["reason"]
    with pytest.raises(Snooze, match="'k1', which TOKEN_KEYS no longer has"):
        manager(rpc, NEW_RING, seller).access_token()
    assert manager(rpc, BOTH, seller).access_token() == "40010002.first"


def test_a_refresh_that_came_between_wins(rpc, seller):
    """Read, refreshed by someone else, written: the newer token is not put back to the older one."""
    rows = rpc.rpc("tokens_of_other_keys", p_key_id="k2", p_after=None, p_limit=10)
    renewed = manager(rpc, OLD_RING, seller).renew(rejected="40010002.first")

    assert rewrap(rpc, BOTH, rows) == 0
    assert manager(rpc, OLD_RING, seller).access_token() == renewed == "40010002.access-1"


def test_a_refresh_under_way_stores_its_pair_all_the_same(db, rpc, seller):
    """Rotation changes no version, so the holder of a claim is not shut out."""
    endpoint = TokenServer()
    endpoint.after = lambda: rotate_keys(rpc, BOTH)

    assert manager(rpc, BOTH, seller, endpoint).renew(rejected="40010002.first") == "40010002.access-1"
    assert keys_status(rpc, BOTH)["removable"] == ["k1"]


def test_workers_read_and_refresh_while_keys_rotate(db, rpc):
    """Eight workers in a loop of reads and refreshes, four rotations there and back: nobody ever fails."""
    sellers = [connect_seller(db, rpc, OLD_RING, refresh=f"r{n}") for n in range(8)]
    back = Keyring.parse(f"{RING},{NEW}", environment="test")
    issued = iter(range(10**6))

    def endpoint(request):
        number = next(issued)
        return httpx.Response(200, json={"access_token": f"a{number}", "refresh_token": f"r{number}", "expires_in": 9})

    def work(number):
        if number == 8:
            return [rotate_keys(rpc, ring)["ok"] for _ in range(4) for ring in (BOTH, back)]
        for _ in range(15):
            tokens = manager(rpc, BOTH, sellers[number], endpoint)
            tokens.renew(rejected=tokens.access_token())
        return [True]

    with many(9, work) as ended:
        assert ended == [[True]] * 8 + [[True] * 8]

    assert rotate_keys(rpc, BOTH)["ok"]
    assert keys_status(rpc, BOTH)["removable"] == ["k1"]
