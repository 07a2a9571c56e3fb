"""Reading against a list that moves under it: what it accepts as complete holds all that was there throughout."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from execution.http.messages import Request, Response
from execution.pagination.page_body import Content
from execution.pagination.paginator import AuditCounts, Bounds, Commit, Incomplete, ReadWindow
from execution.pagination.registry import paginator_of
from execution.streams import OffsetPages, Records, Stream, Window

LIMIT = 5
MOST_CALLS = 400


def stream(*, window: bool = False, split_above: int = 20, max_offset: int = 30) -> Stream:
    return Stream(
        name="things",
        path="/things",
        records=Records(name="things", table="things", key="id", updated=("updated",), columns=()),
        pages=OffsetPages(limit=LIMIT, max_offset=max_offset, split_above=split_above),
        window=Window(min_param="min", max_param="max", time_at="at", earliest=0) if window else None,
    )


@dataclass
class Provider:
    """A list of (time, key) in order, and changes that happen before the nth request."""

    records: list[tuple[int, str]]
    changes: dict[int, Callable[[Provider], None]] = field(default_factory=dict)
    # How much of a page the platform gives, by the number of the call; whether an offset past the end shows the end.
    most: Callable[[int], int] = lambda _: 10**9
    clamps: bool = False
    calls: int = 0
    # Keys that never left since the first request.
    throughout: set[str] = field(default_factory=set)
    ever: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.throughout = {key for _, key in self.records}
        self.ever = set(self.throughout)

    def response(self, params: Mapping[str, object]) -> Content:
        self.calls += 1
        assert self.calls <= MOST_CALLS, "the reading does not end"
        if change := self.changes.get(self.calls):
            change(self)
            here = {key for _, key in self.records}
            self.throughout &= here
            self.ever |= here
        low, high = (int(str(params.get(name, other))) for name, other in (("min", 0), ("max", 10**9)))
        inside = [key for at, key in self.records if low <= at <= high]
        offset, limit = int(str(params["offset"])), min(int(str(params["limit"])), self.most(self.calls))
        if self.clamps:
            offset = max(0, min(offset, len(inside) - limit))
        return Content(count=len(inside), keys=tuple(inside[offset : offset + limit]))

    def add(self, at: int, key: str) -> None:
        """Records come in the order of time; equal times stay in the order in which they came."""
        if key not in self.ever:
            position = sum(t <= at for t, _ in self.records)
            self.records.insert(position, (at, key))

    def remove(self, index: int) -> None:
        if self.records:
            del self.records[index % len(self.records)]


def read(a_stream: Stream, provider: Provider, end: int = 999) -> tuple[set[str], Incomplete | None]:
    """Read as `stream_step` does: the keys of committed pages, and whether the paginator gave up."""
    bounds, paginator = Bounds(start=0, end=end), paginator_of(a_stream)
    position = paginator.begin(bounds)
    committed: dict[tuple[int | None, int | None], dict[int, set[str]]] = {}
    while not position.done:
        # The place survives its trip through the database.
        position = paginator.load(json.loads(json.dumps(position.dump())))
        page = provider.response(paginator.request(position).params)
        decision = paginator.decide(position, page)
        if not isinstance(decision, Commit):
            position = decision.position
            continue
        passes = committed.setdefault((position.window_start, position.window_end), {})
        passes.setdefault(position.pass_no, set()).update(page.keys)
        of_pass, of_window = passes[position.pass_no], set().union(*passes.values())
        position = decision.position
        if decision.closing:
            counts = AuditCounts(pass_keys=len(of_pass), window_keys=len(of_window))
            following = paginator.close(position, bounds, counts)
            if isinstance(following, Incomplete):
                return all_keys(committed), following
            position = following
    return all_keys(committed), None


def all_keys(committed: dict[tuple[int | None, int | None], dict[int, set[str]]]) -> set[str]:
    return {key for passes in committed.values() for keys in passes.values() for key in keys}


SIZES = st.integers(0, 28)
CHANGE = st.one_of(
    st.tuples(st.just("remove"), st.integers(0, 40)),
    st.tuples(st.just("add"), st.integers(0, 900)),
)
CHANGES = st.dictionaries(st.integers(2, 14), st.lists(CHANGE, min_size=1, max_size=3), max_size=4)


def provider_of(size: int, changes: dict[int, list[tuple[str, int]]]) -> Provider:
    def apply(call: int, steps: list[tuple[str, int]]) -> Callable[[Provider], None]:
        def change(provider: Provider) -> None:
            for number, (kind, value) in enumerate(steps):
                if kind == "remove":
                    provider.remove(value)
                else:
                    provider.add(value, f"new{call}.{number}")

        return change

    records = [(30 * n, f"k{n}") for n in range(size)]
    return Provider(records, {call: apply(call, steps) for call, steps in changes.items()})


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(size=SIZES, changes=CHANGES)
def test_what_is_accepted_holds_every_record_that_was_there_throughout(
    size: int, changes: dict[int, list[tuple[str, int]]]
) -> None:
    provider = provider_of(size, changes)

    keys, gave_up = read(stream(), provider)

    assert gave_up or provider.throughout <= keys <= provider.ever


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(size=st.integers(0, 60), changes=CHANGES)
def test_halved_windows_hold_every_record_that_was_there_throughout(
    size: int, changes: dict[int, list[tuple[str, int]]]
) -> None:
    provider = provider_of(size, changes)
    provider.records = [(at // 2, key) for at, key in provider.records]

    keys, gave_up = read(stream(window=True), provider)

    assert gave_up or provider.throughout <= keys <= provider.ever


@settings(max_examples=500, deadline=None, derandomize=True)
@given(size=SIZES, orders=st.lists(st.randoms(use_true_random=False), min_size=1, max_size=12))
def test_a_list_that_changes_its_order_between_pages_is_read_whole_or_refused(size: int, orders: list[object]) -> None:
    provider = provider_of(size, {})
    provider.changes = {call: lambda p, r=r: r.shuffle(p.records) for call, r in enumerate(orders, 2)}  # type: ignore[misc]

    keys, gave_up = read(stream(), provider)

    assert gave_up or keys == provider.throughout


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    pages=st.lists(
        st.tuples(st.integers(0, 60), st.lists(st.integers(0, 30), max_size=LIMIT)), min_size=1, max_size=40
    ),
    windowed=st.booleans(),
)
def test_whatever_is_answered_the_reading_ends(pages: list[tuple[int, list[int]]], windowed: bool) -> None:  # noqa: FBT001
    class Liar(Provider):
        def response(self, params: Mapping[str, object]) -> Content:
            self.calls += 1
            assert self.calls <= 2000, "the reading does not end"
            count, keys = pages[self.calls % len(pages)]
            return Content(count=count, keys=tuple(map(str, keys)))

    liar = Liar([])

    # Twenty seconds may be halved into twenty windows, each read four times.
    read(stream(window=windowed), liar, end=19)

    assert liar.calls


@given(size=SIZES)
def test_a_quiet_list_is_read_once_with_one_record_of_overlap(size: int) -> None:
    provider = provider_of(size, {})

    keys, gave_up = read(stream(), provider)

    assert gave_up is None
    assert keys == provider.throughout
    assert provider.calls == max(1, -(-(size - 1) // (LIMIT - 1)))


def test_records_that_leave_and_come_until_count_and_keys_agree_do_not_hide_the_one_that_was_skipped() -> None:
    """Only the overlap tells: the count never changes, and the first pass brings exactly as many keys, without k5."""
    provider = provider_of(13, {})

    def two_leave_and_two_come(p: Provider) -> None:
        p.records = [*p.records[2:], (800, "new1"), (900, "new2")]

    def one_leaves_and_one_comes(p: Provider) -> None:
        p.records = [(0, "early"), *p.records[:-1]]

    provider.changes = {2: two_leave_and_two_come, 3: one_leaves_and_one_comes}

    keys, gave_up = read(stream(), provider)

    assert gave_up is None
    assert "k5" in provider.throughout <= keys


def test_a_record_that_comes_does_not_make_up_for_one_that_was_skipped() -> None:
    """Only the count tells: the pages join, and the first pass brings as many keys as were announced, without k5."""
    provider = Provider([(0, f"k{n}") for n in range(9)])

    def equal_times_change_their_order_and_one_comes(p: Provider) -> None:
        p.records[2], p.records[5] = p.records[5], p.records[2]
        p.records.append((0, "new"))

    provider.changes = {2: equal_times_change_their_order_and_one_comes}

    keys, gave_up = read(stream(), provider)

    assert gave_up is None
    assert "k5" in provider.throughout <= keys


@settings(max_examples=200, deadline=None, derandomize=True)
@given(size=st.integers(0, 60), sizes=st.lists(st.integers(1, 7), min_size=1, max_size=9), clamps=st.booleans())
def test_a_list_is_read_whole_however_little_of_a_page_is_given(
    size: int,
    sizes: list[int],
    clamps: bool,  # noqa: FBT001  hypothesis names it
) -> None:
    """Another limit than was asked for, another one each time, one record a page: pages are counted by what comes."""
    provider = provider_of(size, {})
    provider.most, provider.clamps = (lambda call: sizes[call % len(sizes)]), clamps

    keys, gave_up = read(stream(max_offset=1000, split_above=1000), provider)

    assert gave_up is None
    assert keys == provider.throughout


def test_what_stands_past_the_end_and_is_known_was_announced() -> None:
    """An offset past the end answers with the last record: the probe tells its key, and counts what was announced."""
    provider = provider_of(12, {})
    provider.clamps = True

    def send(request: Request) -> Response:
        content = provider.response(request.params)
        body = {"count": content.count, "results": [{"id": key} for key in content.keys]}
        return Response(status=200, body=json.dumps(body).encode(), headers={}, fetched_at=datetime.now(UTC))

    window = ReadWindow(part=0, start=None, end=None, passes=1, provider_count=12)
    probe = paginator_of(stream()).probe_count(send, Bounds(start=0, end=999), (window,))

    assert (probe.count, probe.past_end) == (12, ("k11",))
