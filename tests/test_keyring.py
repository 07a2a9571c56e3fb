"""A stored token opens only where, and for whom, it was stored."""

import base64
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.keyring import AssociatedData, Keyring, TokenUnreadable, key_id_of
from tests.worlds.leased import RING

PLACE = AssociatedData(user_id="u", platform="etsy", connection_id="a", field="access_token")
BLOB = Keyring.parse(RING, environment="test").encrypt("40010002.secret", PLACE)


def ring(*ids):
    return ",".join(f"{key_id}:{base64.urlsafe_b64encode(key_id.encode().ljust(32, b'.')).decode()}" for key_id in ids)


def test_a_token_comes_back_as_it_was():
    """What was encrypted decrypts in its own place, and the text fits a text column."""
    keyring = Keyring.parse(RING, environment="test")

    assert keyring.decrypt(BLOB, PLACE) == "40010002.secret"
    assert BLOB.startswith("v1|k1|")
    assert BLOB.isascii()
    assert "secret" not in BLOB


@pytest.mark.parametrize(
    "change", [{"user_id": "v"}, {"platform": "square"}, {"connection_id": "b"}, {"field": "refresh_token"}]
)
def test_a_moved_token_does_not_open(change):
    """A ciphertext copied to another user, platform, account or column is refused."""
    keyring = Keyring.parse(RING, environment="test")

    with pytest.raises(TokenUnreadable, match="moved from another row"):
        keyring.decrypt(BLOB, dataclasses.replace(PLACE, **change))


def test_neighbouring_parts_of_a_place_cannot_be_shifted():
    """('a|b', 'c') and ('a', 'b|c') are two places."""
    keyring = Keyring.parse(RING, environment="test")
    blob = keyring.encrypt("s", dataclasses.replace(PLACE, user_id="a|1:b", platform="c"))

    with pytest.raises(TokenUnreadable):
        keyring.decrypt(blob, dataclasses.replace(PLACE, user_id="a", platform="b|1:c"))


def test_another_environment_cannot_read():
    """A developer's laptop pointed at production's database cannot use its tokens."""
    with pytest.raises(TokenUnreadable, match="another environment than 'laptop'"):
        Keyring.parse(RING, environment="laptop").decrypt(BLOB, PLACE)


@given(position=st.integers(0, len(BLOB) - 1), letter=st.characters(codec="ascii"))
def test_any_changed_character_is_noticed(position, letter):
    """A flipped bit anywhere in the blob never gives a token, nor any error but ours."""
    changed = BLOB[:position] + letter + BLOB[position + 1 :]
    if changed == BLOB:
        return

    with pytest.raises(TokenUnreadable):
        Keyring.parse(RING, environment="test").decrypt(changed, PLACE)


@given(length=st.integers(0, len(BLOB) - 1))
def test_a_truncated_token_is_noticed(length):
    """A blob cut anywhere is refused."""
    with pytest.raises(TokenUnreadable):
        Keyring.parse(RING, environment="test").decrypt(BLOB[:length], PLACE)


def test_keys_rotate_without_a_gap():
    """A new key first in the ring encrypts; what the old one wrote still opens."""
    old = Keyring.parse(ring("k1"), environment="test")
    both = Keyring.parse(ring("k2", "k1"), environment="test")
    blob = old.encrypt("s", PLACE)

    assert both.decrypt(blob, PLACE) == "s"
    assert key_id_of(both.encrypt("s", PLACE)) == "k2"


def test_a_key_that_was_removed_too_early_is_named():
    """The line says which key to put back, and where."""
    blob = Keyring.parse(ring("k1"), environment="test").encrypt("s", PLACE)

    with pytest.raises(TokenUnreadable) as raised:
        Keyring.parse(ring("k2"), environment="test").decrypt(blob, PLACE)

    assert "encrypted with key 'k1', which TOKEN_KEYS no longer has: put it back at the end of the ring." in str(
        raised.value
    )


def test_the_same_token_never_looks_the_same():
    """A fresh nonce each time."""
    keyring = Keyring.parse(RING, environment="test")

    blobs = {keyring.encrypt("s", PLACE) for _ in range(100)}

    assert len(blobs) == 100


def test_a_token_has_one_spelling():
    """The spare bits of base64 belong to the blob too: every other last character is refused."""
    keyring = Keyring.parse(RING, environment="test")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    blobs = [keyring.encrypt("s" * length, PLACE) for length in (1, 2, 3)]

    for blob in blobs:
        for letter in letters.replace(blob[-1], ""):
            with pytest.raises(TokenUnreadable):
                keyring.decrypt(blob[:-1] + letter, PLACE)


def test_places_that_read_alike_are_two(keyring: Keyring) -> None:
    """Wherever a separator stands inside of a part: one place's ciphertext is nobody else's."""
    one = AssociatedData(user_id="a|1:b", platform="c", connection_id="d", field="access_token")
    other = AssociatedData(user_id="a", platform="1:b|c", connection_id="d", field="access_token")

    with pytest.raises(TokenUnreadable):
        keyring.decrypt(keyring.encrypt("secret", one), other)
