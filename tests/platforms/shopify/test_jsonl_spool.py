"""A file of lines on disk: joined whatever the order, taken up where it broke, and left to nobody."""

from __future__ import annotations

import json
import os
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.errors import Retriable
from execution.platforms.shopify.jsonl_spool import Spool, private_folder

NESTED = {"LineItem": "lineItems"}


def root(number: int) -> dict[str, object]:
    return {"id": f"gid://shopify/Order/{number}", "name": f"#{number}"}


def child(number: int, parent: int) -> dict[str, object]:
    return {"id": f"gid://shopify/LineItem/{number}", "title": 'a "b"', "__parentId": f"gid://shopify/Order/{parent}"}


def encoded(lines: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counts=st.lists(st.integers(0, 4), max_size=12),
    seed=st.integers(0, 10**6),
    size=st.integers(1, 90),
    newline=st.booleans(),
)
def test_children_join_their_parents_in_any_order(
    tmp_path: Path, counts: list[int], seed: int, size: int, *, newline: bool
) -> None:
    """However the lines are shuffled, and wherever the wire cuts them."""
    lines = [root(n) for n in range(len(counts))]
    lines += [child(100 * n + k, n) for n, count in enumerate(counts) for k in range(count)]
    random.Random(seed).shuffle(lines)
    data = encoded(lines) if newline else encoded(lines).rstrip(b"\n")

    with Spool(f"op-{seed}", folder=tmp_path) as spool:
        spool.fill(iter(pieces(data, size)), lambda: False)
        joined = [json.loads(line) for line in spool.joined(0, 100, NESTED)]
        result = spool.whole, spool.bytes, spool.count()
        spool.remove()

    assert result == (True, len(data), (len(lines), len(counts)))
    assert sorted(record["id"] for record in joined) == sorted(str(root(n)["id"]) for n in range(len(counts)))
    for record in joined:
        number = int(record["id"].rpartition("/")[2])
        kids = {node["id"]: node for node in record["lineItems"]["nodes"]}
        assert kids.keys() == {child(100 * number + k, number)["id"] for k in range(counts[number])}
        assert all("__parentId" not in node for node in kids.values())


def test_a_file_that_broke_goes_on_at_its_last_whole_line(tmp_path: Path) -> None:
    """A worker died, or the wire broke: another process with this disk asks for the rest alone."""
    data = encoded([root(n) for n in range(1200)])

    def broken() -> object:
        yield from pieces(data[:40_000], 700)
        raise Retriable("the wire broke")

    with Spool("op", folder=tmp_path) as first, pytest.raises(Retriable):
        first.fill(broken(), lambda: False)  # type: ignore[arg-type]
    with Spool("op", folder=tmp_path) as second:
        kept = second.bytes
        second.fill(iter([data[kept:]]), lambda: False)
        rows = [json.loads(row)["name"] for row in second.joined(0, 2000, {})]

    assert 0 < kept <= 40_000
    assert data[:kept].endswith(b"\n")
    assert rows == [f"#{n}" for n in range(1200)]


def test_two_processes_never_read_one_file(tmp_path: Path) -> None:
    with Spool("op", folder=tmp_path), pytest.raises(Retriable, match="another process"):
        Spool("op", folder=tmp_path)


def test_a_file_that_drips_is_left_when_the_time_is_over(tmp_path: Path) -> None:
    """Far from a whole batch, but with a line in hand: it is kept, and the next stretch goes on behind it."""
    data, taken = encoded([root(n) for n in range(5)]), 0

    def drip() -> Iterator[bytes]:
        nonlocal taken
        for piece in pieces(data, 10):
            taken += 1
            yield piece

    with Spool("op", folder=tmp_path) as spool:
        spool.fill(drip(), lambda: True)
        kept = spool.bytes, spool.lines, spool.whole
        spool.fill(iter([data[spool.bytes :]]), lambda: False)

        assert kept == (len(encoded([root(0)])), 1, False)
        assert taken == -(-kept[0] // 10)
        assert (spool.count(), spool.whole) == ((5, 5), True)


def test_a_torn_spool_starts_over(tmp_path: Path) -> None:
    """A power cut may tear it: then the file is fetched again from its start."""
    with Spool("op", folder=tmp_path) as spool:
        spool.fill(iter([encoded([root(1)])]), lambda: False)
    (path,) = tmp_path.glob("*.spool")
    path.write_bytes(b"torn" * 2000)

    with Spool("op", folder=tmp_path) as again:
        assert (again.bytes, again.whole) == (0, False)


def test_a_line_that_is_no_json_is_no_record(tmp_path: Path) -> None:
    with Spool("op", folder=tmp_path) as spool, pytest.raises(Retriable, match="no JSON"):
        spool.fill(iter([b'{"id": 1\n']), lambda: False)


def test_what_was_forgotten_is_removed(tmp_path: Path) -> None:
    with Spool("old", folder=tmp_path) as spool:
        spool.fill(iter([encoded([root(1)])]), lambda: False)
    (old,) = tmp_path.glob("*.spool")
    os.utime(old, (1, 1))

    with Spool("new", folder=tmp_path):
        assert not old.exists()


def test_no_one_else_can_read_the_spool() -> None:
    """The lines hold what a seller's buyers bought."""
    assert private_folder().stat().st_mode & 0o077 == 0


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Twenty times the lines take the memory of one twentieth. Other threads of this process only ever add to what is
    traced: the least of some tries is the spool's own.
    """

    def peak(count: int) -> int:
        return min(traced(count, number) for number in range(4))

    def traced(count: int, number: int) -> int:
        with Spool(f"op-{count}-{number}", folder=tmp_path) as spool:
            tracemalloc.start()
            spool.fill((encoded([child(n, n % 50)]) for n in range(count)), lambda: False)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    assert peak(20_000) < 1.5 * peak(1_000)
