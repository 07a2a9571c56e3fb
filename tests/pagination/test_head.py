"""The newest of a list by its pages, down to a moment: whatever stands where a time should, nothing newer is missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from execution.pagination.head import HeadPaginator
from execution.pagination.page_body import Content
from execution.pagination.paginator import AuditCounts, Bounds, Incomplete
from execution.streams import HeadPages, Records, Stream

LIMIT, SINCE, NEWEST = 4, 1_700_000_000, 1_700_100_000
BOUNDS = Bounds(start=SINCE, end=NEWEST)
STREAM = Stream(
    name="things",
    path="/things.json",
    records=Records(name="things", table="things", key="id", updated=(), columns=()),
    pages=HeadPages(limit=LIMIT),
)
# What a platform may put in the place of a time: nothing, no text, words, a day, one without an offset, one of no year.
NO_TIME = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=12),
    st.sampled_from(["", "soon", "2023-11-14", "2023-11-14 22:13:20", "0001-01-01 00:00:00+14:00", "9999-99-99 00:00"]),
)


def written(seconds: int) -> str:
    """As the platform writes it, which sorts as it means."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}+00:00"


def read(listed: list[tuple[object, str]]) -> tuple[set[str], int]:
    """Whose keys came, and in how many calls; the list stands still."""
    paginator, seen, calls = HeadPaginator(STREAM), set[str](), 0
    position = paginator.begin(BOUNDS)
    pages = max(-(-len(listed) // LIMIT), 1)
    while not position.done:
        calls += 1
        assert calls <= 6 * (pages + 6), "the reading does not end"
        rows = listed[(position.page - 1) * LIMIT : position.page * LIMIT]
        facts = {"current_page": position.page, "last_page": pages, "per_page": LIMIT, "total": len(listed)}
        keys = tuple(key for _, key in rows)
        decision = paginator.decide(
            position, Content(count=len(listed), keys=keys, beside=tuple(t for t, _ in rows), facts=facts)
        )
        seen |= set(keys)
        position = decision.position
        if decision.closing:
            following = paginator.close(position, BOUNDS, AuditCounts(pass_keys=len(seen), window_keys=len(seen)))
            assert not isinstance(following, Incomplete), following.reason
            position = following
    return seen, calls


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    ages=st.lists(st.integers(0, 150_000), max_size=24),
    spoiled=st.dictionaries(st.integers(0, 23), NO_TIME, max_size=6),
)
def test_a_time_that_is_none_is_read_past_and_nothing_newer_is_missed(
    ages: list[int], spoiled: dict[int, object]
) -> None:
    moments = [NEWEST - age for age in sorted(ages)]
    listed = [(spoiled.get(n, written(moment)), f"k{n}") for n, moment in enumerate(moments)]

    seen, _ = read(listed)

    assert seen >= {f"k{n}" for n, moment in enumerate(moments) if moment >= SINCE}


def test_it_is_read_no_further_than_it_must() -> None:
    moments = [NEWEST - timedelta(hours=hour).seconds for hour in range(5)] + [SINCE - n for n in range(1, 40)]
    listed = [(written(moment), f"k{n}") for n, moment in enumerate(moments)]

    assert read(listed)[1] == 2


def test_where_the_last_time_of_a_page_is_none_the_next_page_is_read() -> None:
    moments = [NEWEST - 60 * n for n in range(3)] + [SINCE - n for n in range(1, 9)]
    listed = [(written(moment), f"k{n}") for n, moment in enumerate(moments)]
    spoiled = [*listed[:3], ("", listed[3][1]), *listed[4:]]

    assert read(listed)[1] == 1
    assert read(spoiled) == ({key for _, key in listed}, 3)
