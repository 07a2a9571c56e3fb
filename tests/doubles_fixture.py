"""The database's functions as a worker calls them, Valkey, and a key ring."""

from collections.abc import Iterator

import pytest
import redis

from execution.keyring import Keyring
from execution.valkey import connect_valkey
from tests.doubles.rpc import DirectRpc
from tests.worlds.leased import RING


@pytest.fixture
def rpc(clean: None, env: dict[str, str]) -> Iterator[DirectRpc]:
    """The migrations' functions over plain connections, on empty tables."""
    direct = DirectRpc(env["DATABASE_URL"])
    yield direct
    direct.close()


@pytest.fixture
def valkey(clean: None, env: dict[str, str]) -> Iterator[redis.Redis]:
    client = connect_valkey(env["REDIS_URL"])
    yield client
    client.close()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.parse(RING, environment="test")
