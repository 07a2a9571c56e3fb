"""Reading by page numbers against a list that moves under it: what it believes holds all that there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.errors import Retriable
from execution.pagination.page_body import Content
from execution.pagination.page_number import PageNumberPaginator
from execution.pagination.paginator import AuditCounts, Bounds, Incomplete, Position, ReadWindow
from execution.streams import PageNumberPages, Records, Stream

LIMIT = 5
MOST_CALLS = 600
BOUNDS = Bounds(start=0, end=999)
STREAM = Stream(
    name="things",
    path="/things.json",
    records=Records(name="things", table="things", key="id", updated=(), columns=()),
    records_at="data",
    pages=PageNumberPages(limit=LIMIT, most_pages=100),
)


@dataclass
class Provider:
    """A list of (time, key), newest first, in Laravel's envelope; changes happen before the nth request."""

    records: list[tuple[str, str]]
    changes: dict[int, Callable[[Provider], None]] = field(default_factory=dict)
    clamp: int = LIMIT
    short: bool = False
    # A page past the end shows the last one; whether it says which it shows.
    sticky: bool = False
    honest: bool = False
    tells_total: bool = False
    hides: tuple[str, ...] = ()
    calls: int = 0
    throughout: set[str] = field(default_factory=set)
    ever: set[str] = field(default_factory=set)
    # What the list held when the last answer was made.
    shown: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.throughout = {key for _, key in self.records}
        self.ever = set(self.throughout)

    def response(self, params: dict[str, object]) -> Content:
        self.calls += 1
        assert self.calls <= MOST_CALLS, "the reading does not end"
        if change := self.changes.get(self.calls):
            change(self)
        self.shown = {key for _, key in self.records}
        self.throughout &= self.shown
        self.ever |= self.shown
        page, size = int(str(params["page"])), min(int(str(params["limit"])), self.clamp)
        last = max(-(-len(self.records) // size), 1)
        if self.sticky:
            shown, page = page, min(page, last)
        rows = self.records[(page - 1) * size : page * size]
        whole = {"last_page": last, "per_page": size, "total": len(self.records)}
        if self.sticky and not self.honest:
            page = shown
        facts = {"current_page": page} | (
            {} if self.short else {name: fact for name, fact in whole.items() if name not in self.hides}
        )
        return Content(
            count=None if self.short and not self.tells_total else len(self.records),
            keys=tuple(key for _, key in rows),
            beside=tuple(time for time, _ in rows),
            facts=facts,
        )

    def add(self, key: str, position: int = 0) -> None:
        """A record that is made now."""
        self.records.insert(min(position, len(self.records)), (f"2026-11-22 {self.calls:04}", key))

    def remove(self, index: int) -> None:
        if self.records:
            del self.records[index % len(self.records)]


def list_of(size: int) -> list[tuple[str, str]]:
    return [(f"2025-01-01 {size - n:05}", f"k{n}") for n in range(size)]


@dataclass
class Reader:
    """Reads as `stream_step` does, and keeps what was committed, by pass."""

    provider: Provider
    passes: dict[int, set[str]] = field(default_factory=dict)

    def read(self, position: Position | None = None) -> Incomplete | None:
        paginator = PageNumberPaginator(STREAM)
        position = position or paginator.begin(BOUNDS)
        while not position.done:
            # The place survives its trip through the database.
            position = paginator.load(json.loads(json.dumps(position.dump())))
            content = self.provider.response(dict(paginator.request(position).params))
            decision = paginator.decide(position, content)
            self.passes.setdefault(position.pass_no, set()).update(content.keys)
            counts = AuditCounts(pass_keys=len(self.passes[position.pass_no]), window_keys=len(self.keys))
            position = decision.position
            if decision.closing:
                following = paginator.close(position, BOUNDS, counts)
                if isinstance(following, Incomplete):
                    return following
                position = following
        return None

    @property
    def keys(self) -> set[str]:
        return set().union(*self.passes.values())

    @property
    def last(self) -> set[str]:
        return self.passes[max(self.passes)]


SIZES = st.integers(0, 32)
AT_HEAD = st.one_of(st.tuples(st.just("remove"), st.integers(0, 40)), st.tuples(st.just("add"), st.just(0)))
ANYWHERE = st.one_of(st.tuples(st.just("remove"), st.integers(0, 40)), st.tuples(st.just("add"), st.integers(0, 40)))


def changes_of(change: st.SearchStrategy[tuple[str, int]]) -> st.SearchStrategy[dict[int, list[tuple[str, int]]]]:
    return st.dictionaries(st.integers(2, 20), st.lists(change, min_size=1, max_size=3), max_size=6)


def provider_of(size: int, changes: dict[int, list[tuple[str, int]]], clamp: int = LIMIT) -> Provider:
    def apply(call: int, steps: list[tuple[str, int]]) -> Callable[[Provider], None]:
        def change(provider: Provider) -> None:
            for number, (kind, value) in enumerate(steps):
                if kind == "remove":
                    provider.remove(value)
                else:
                    provider.add(f"new{call}.{number}", value)

        return change

    return Provider(list_of(size), {call: apply(call, steps) for call, steps in changes.items()}, clamp)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(size=SIZES, changes=changes_of(AT_HEAD), clamp=st.integers(1, LIMIT))
def test_rows_inserted_and_removed_while_paging_are_neither_missed_nor_left_over(
    size: int, changes: dict[int, list[tuple[str, int]]], clamp: int
) -> None:
    """What the last pass of a believed reading has seen is what the list held at its last answer, exactly."""
    reader = Reader(provider_of(size, changes, clamp))

    gave_up = reader.read()

    assert gave_up or reader.provider.throughout <= reader.keys <= reader.provider.ever
    assert gave_up or reader.provider.shown in (reader.last, reader.keys)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(size=SIZES, changes=changes_of(ANYWHERE))
def test_rows_inserted_anywhere_are_seen_to_break_the_order_and_no_row_is_missed(
    size: int, changes: dict[int, list[tuple[str, int]]]
) -> None:
    reader = Reader(provider_of(size, changes))

    gave_up = reader.read()

    assert gave_up or reader.provider.throughout <= reader.keys <= reader.provider.ever


@settings(max_examples=100, deadline=None, derandomize=True)
@given(size=SIZES, changes=changes_of(AT_HEAD), clamp=st.integers(1, LIMIT))
def test_an_envelope_without_a_total_is_believed_when_two_passes_agree(
    size: int, changes: dict[int, list[tuple[str, int]]], clamp: int
) -> None:
    reader = Reader(replace(provider_of(size, changes, clamp), short=True))

    gave_up = reader.read()

    assert gave_up or reader.provider.throughout <= reader.keys <= reader.provider.ever


@settings(max_examples=80, deadline=None, derandomize=True)
@given(size=SIZES, orders=st.lists(st.randoms(use_true_random=False), min_size=1, max_size=12))
def test_a_list_in_no_order_is_read_whole_or_refused(size: int, orders: list[object]) -> None:
    provider = provider_of(size, {})
    provider.changes = {call: lambda p, r=r: r.shuffle(p.records) for call, r in enumerate(orders, 2)}  # type: ignore[misc]
    reader = Reader(provider)

    gave_up = reader.read()

    assert gave_up or reader.keys == provider.throughout


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    pages=st.lists(
        st.tuples(st.none() | st.integers(0, 60), st.lists(st.integers(0, 30), max_size=LIMIT)), min_size=1, max_size=40
    )
)
def test_whatever_is_answered_the_reading_ends(pages: list[tuple[int | None, list[int]]]) -> None:
    class Liar(Provider):
        def response(self, params: dict[str, object]) -> Content:
            self.calls += 1
            assert self.calls <= 4 * (100 + 10), "the reading does not end"
            count, keys = pages[self.calls % len(pages)]
            facts = {"last_page": (count or 0) // 3, "per_page": (count or 0) % 7, "total": count}
            return Content(count=count, keys=tuple(map(str, keys)), facts=facts if count is not None else {})

    Reader(Liar([])).read()


def test_ten_thousand_orders_cost_a_thousand_calls_and_one_for_the_head() -> None:
    """With the certificate's own call 1,002 of the 1,010 that are allowed."""
    paginator = PageNumberPaginator(replace(STREAM, pages=PageNumberPages(limit=10)))
    records, asked, seen = list_of(10_000), list[int](), set[str]()
    position = paginator.begin(BOUNDS)

    while not position.done:
        page = int(str(paginator.request(position).params["page"]))
        rows = records[page * 10 - 10 : page * 10]
        asked.append(page)
        seen |= {key for _, key in rows}
        facts = {"current_page": page, "last_page": 1000, "per_page": 10, "total": 10_000}
        times = tuple(time for time, _ in rows)
        decision = paginator.decide(
            position, Content(count=10_000, keys=tuple(k for _, k in rows), beside=times, facts=facts)
        )
        position = decision.position
        if decision.closing:
            following = paginator.close(position, BOUNDS, AuditCounts(pass_keys=len(seen), window_keys=len(seen)))
            assert not isinstance(following, Incomplete)
            position = following

    assert asked == [*range(1, 1001), 1]
    assert len(seen) == 10_000


def test_orders_that_come_while_all_is_read_cost_their_own_pages_alone() -> None:
    """Twelve came: they stand on the first three pages, and the first is looked at once more."""
    reader = Reader(provider_of(30, {4: [("add", 0)] * 12}))

    gave_up = reader.read()

    assert gave_up is None
    assert len(reader.keys) == 42
    assert set(reader.passes) == {1}
    # Six pages, three that the shift adds, three of the head, one to see that no more came.
    assert reader.provider.calls == 6 + 3 + 3 + 1


def test_a_removed_row_that_a_new_one_makes_up_for_is_not_believed() -> None:
    """The total is what it was and as many keys came, but the second read shows who is there."""
    provider = provider_of(20, {3: [("remove", 1)], 5: [("add", 0)]})
    reader = Reader(provider)

    gave_up = reader.read()

    assert gave_up is None
    assert reader.last == provider.shown
    assert max(reader.passes) == 2


def test_a_list_in_no_order_is_believed_when_a_reading_brings_nothing_that_the_one_before_did_not() -> None:
    """One leaves and one comes in the middle: as many as announced, but not the same. The third reading repeats it."""
    provider = provider_of(20, {})
    provider.records.reverse()

    def one_leaves_and_one_comes(p: Provider) -> None:
        p.remove(0)
        p.add("new", 15)

    provider.changes = {6: one_leaves_and_one_comes}
    reader = Reader(provider)

    gave_up = reader.read()

    assert gave_up is None
    assert reader.last == provider.shown
    assert max(reader.passes) == 3


def test_without_a_total_a_removed_row_costs_one_more_reading() -> None:
    """The first reading skipped one, the second lacks the one that left; the third brings what the second did."""
    reader = Reader(replace(provider_of(20, {3: [("remove", 1)]}), short=True))

    gave_up = reader.read()

    assert gave_up is None
    assert reader.last == reader.provider.shown
    assert max(reader.passes) == 3


def test_what_came_between_the_reading_and_the_certificate_costs_the_head_and_not_the_list() -> None:
    reader = Reader(provider_of(30, {}))
    assert reader.read() is None
    reader.provider.add("late")
    before = reader.provider.calls

    doubtful = PageNumberPaginator(STREAM).reread(ReadWindow(part=0, start=None, end=None, passes=1), BOUNDS)
    gave_up = reader.read(doubtful)

    assert gave_up is None
    assert "late" in reader.last
    assert set(reader.passes) == {1}
    assert reader.provider.calls - before == 3


def test_a_page_of_another_number_is_no_page() -> None:
    """A platform that forgets the page would show the first one for ever."""
    paginator = PageNumberPaginator(STREAM)
    position = replace(paginator.begin(BOUNDS), page=3)

    with pytest.raises(Retriable, match="page 1 came where page 3"):
        paginator.decide(position, Content(count=9, keys=("a",), beside=("x",), facts={"current_page": 1}))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(size=SIZES, clamp=st.integers(1, LIMIT), honest=st.booleans(), tells_total=st.booleans())
def test_the_last_page_again_is_the_end(
    size: int,
    clamp: int,
    honest: bool,  # noqa: FBT001  hypothesis names it
    tells_total: bool,  # noqa: FBT001
) -> None:
    """A list without a last page that answers past its end with its last page, of whatever size."""
    provider = Provider(list_of(size), clamp=clamp, short=True, sticky=True, honest=honest)
    provider.tells_total = tells_total
    reader = Reader(provider)

    assert reader.read() is None
    assert reader.last == provider.throughout
    # Two passes, each with the page past the end.
    assert provider.calls <= 2 * (-(-size // clamp) + 3)


def test_a_total_without_a_size_of_page_does_not_end_the_reading() -> None:
    """Pages of one where five were asked for, and nobody says so: 32 pages, not 15."""
    provider = Provider(list_of(32), clamp=1)
    provider.hides = ("per_page", "last_page")
    reader = Reader(provider)

    assert reader.read() is None
    assert reader.keys == provider.throughout
