"""How Square's lists are read: what came is whole, or the reading says that it is not; and at no needless call."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from execution.errors import Refusal, Retriable
from execution.pagination.paginator import Bounds
from execution.pagination.registry import paginator_of
from execution.platforms.square import streams
from execution.platforms.square.cursors import BOOKING_WINDOW
from execution.platforms.square.pages import in_order
from execution.streams import Stream
from tests.platforms.square.shelf import BOUNDS, Row, Shelf, answer, moment, read, rows

DAY = 86_400


def timed(count: int, **more: object) -> Shelf:
    return Shelf(root="customers", records=rows(count), size=100, **more)  # type: ignore[arg-type]


def listed(count: int, **more: object) -> Shelf:
    return Shelf(root="loyalty_accounts", records=rows(count), size=200, **more)  # type: ignore[arg-type]


def keys(shelf: Shelf) -> set[str]:
    return {one["id"] for one in shelf.records}


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 199, 250])
@pytest.mark.parametrize("pause", [0, 1])
def test_a_list_by_time_is_read_to_its_end_at_a_record_more_a_page(count: int, pause: int) -> None:
    """And its newest record, with the count, is asked for from the other side. No cursor is ever sent."""
    shelf = timed(count)

    reading = read(streams.CUSTOMERS, shelf, pause=bool(pause))

    assert (reading.keys, reading.gave_up) == (keys(shelf), None)
    assert reading.calls == 1 + max(0, -(-(count - 100) // 99)) + 1
    assert not any("cursor" in asked for asked in shelf.asked)


def test_thirty_thousand_orders_cost_no_call_more_than_their_seams() -> None:
    shelf = Shelf(root="orders", records=rows(30_000, every=60), size=1000)

    reading = read(streams.ORDERS, shelf, bounds=Bounds(start=BOUNDS.start, end=BOUNDS.start + 2_000_000))

    assert len(reading.keys) == 30_000
    assert reading.calls == 31 + 1


def cut(number: int, page: list[Row], rest: int) -> tuple[list[Row], int]:
    """After 120 records the list says that it has ended."""
    del number, rest
    kept = [one for one in page if one["id"] < "L0k00120"]
    return kept, int(len(kept) == len(page) and bool(kept))


def one_lost_at_each_end(number: int, page: list[Row], rest: int) -> tuple[list[Row], int]:
    """Every page but the last lacks its last record."""
    del number
    return (page[:-1] if rest else page), rest


TIMED_DEFECTS = {"cut": cut, "one_lost": one_lost_at_each_end}


@pytest.mark.parametrize("name", TIMED_DEFECTS)
def test_a_list_by_time_that_is_cut_is_not_believed(name: str) -> None:
    """Its newest record is known from the other side, and its count."""
    shelf = timed(250, page_of=TIMED_DEFECTS[name])

    reading = read(streams.CUSTOMERS, shelf)

    assert reading.gave_up or reading.keys == keys(shelf)


def test_a_page_that_comes_empty_once_is_asked_for_again() -> None:
    """Nothing of it is lost: the next page begins where the last one ended."""
    lost: list[int] = []

    def once(number: int, page: list[Row], rest: int) -> tuple[list[Row], int]:
        if number == 0 and rest and len(page) == 100 and page[0]["id"] == "L0k00099" and not lost:
            lost.append(number)
            return [], rest
        return page, rest

    shelf = timed(250, page_of=once)

    reading = read(streams.CUSTOMERS, shelf)

    assert lost
    assert (reading.keys == keys(shelf)) or reading.gave_up


def test_a_list_that_is_said_to_be_empty_once_is_asked_from_the_other_side() -> None:
    """Then its count and its newest record say that it is not, and it is read again."""
    shelf = timed(50)
    shelf.page_of = lambda _number, page, rest: ([], 0) if len(shelf.asked) == 1 else (page, rest)

    reading = read(streams.CUSTOMERS, shelf)

    assert (reading.keys, reading.gave_up) == (keys(shelf), None)


def test_more_records_of_one_time_than_a_page_holds_are_passed_by_the_cursor() -> None:
    """Imported at one moment: the filter alone would bring the same page for ever."""
    shelf = timed(0)
    same = moment(BOUNDS.start + 5000)
    shelf.records = [*rows(30), *({"id": f"x{n:03}", "created_at": same, "location_id": "L0"} for n in range(260))]
    shelf.records += [{"id": "z", "created_at": moment(BOUNDS.start + 9_000_000), "location_id": "L0"}]

    for pause in (False, True):
        shelf.asked.clear()
        reading = read(streams.CUSTOMERS, shelf, pause=pause)
        assert (reading.keys, reading.gave_up) == (keys(shelf), None)


def test_a_dead_cursor_begins_again_where_its_filter_does() -> None:
    shelf = timed(0)
    same = moment(BOUNDS.start + 5000)
    shelf.records = [{"id": f"x{n:03}", "created_at": same, "location_id": "L0"} for n in range(260)]
    shelf.dead_after = 3

    reading = read(streams.CUSTOMERS, shelf)

    assert (reading.keys, reading.gave_up) == (keys(shelf), None)
    assert shelf.dead_after is None


def test_a_list_in_no_order_is_followed_by_its_cursor() -> None:
    """Whatever order was asked for: by time it would lose what comes late."""
    shelf = Shelf(root="payouts", records=rows(250), size=100, shuffled=True)
    random.Random(7).shuffle(shelf.records)

    reading = read(streams.PAYOUTS, shelf)

    assert (reading.keys, reading.gave_up) == (keys(shelf), None)


def test_what_goes_while_a_list_is_read_hides_nothing() -> None:
    """Records that were read already are deleted: the next page begins at a time, and not at a place."""
    shelf = timed(250)

    def go(one: Shelf) -> None:
        del one.records[:60]

    shelf.before = {2: go}

    reading = read(streams.CUSTOMERS, shelf)

    assert reading.gave_up is None
    assert reading.keys >= keys(shelf)


def test_every_location_is_asked_for_by_name_and_ten_at_most_in_a_search() -> None:
    places = tuple(f"L{n}" for n in range(9)) + tuple(f"M{n}" for n in range(4))
    records = [one for place in places for one in rows(3, location=place)]
    orders = Shelf(root="orders", records=records, size=1000, locations=places)
    payments = Shelf(root="payments", records=records, size=100, locations=places)

    by_ten, by_one = read(streams.ORDERS, orders), read(streams.PAYMENTS, payments)

    assert by_ten.keys == by_one.keys == keys(orders)
    assert {part for part, _, _ in by_ten.windows} == {0, 1}
    assert [len(asked["location_ids"]) for asked in orders.asked] == [10, 10, 3, 3]
    assert {part for part, _, _ in by_one.windows} == set(range(13))
    assert [asked["location_id"] for asked in payments.asked[::2]] == list(places)


def test_what_a_default_would_cut_is_said_in_every_call() -> None:
    payments = Shelf(root="payments", records=rows(1), size=100)
    refunds = Shelf(root="refunds", records=rows(1), size=100)
    orders = Shelf(root="orders", records=rows(1), size=1000)
    for stream, shelf in ((streams.PAYMENTS, payments), (streams.REFUNDS, refunds), (streams.ORDERS, orders)):
        read(stream, shelf)

    start = moment(BOUNDS.start).replace(".000", "")
    assert {asked["begin_time"] for asked in (*payments.asked[:1], *refunds.asked[:1])} == {start}
    assert payments.asked[0]["sort_field"] == refunds.asked[0]["sort_field"] == "CREATED_AT"
    query = orders.asked[0]["query"]
    assert list(query["filter"]["date_time_filter"]) == ["created_at"]
    assert query["sort"] == {"sort_field": "CREATED_AT", "sort_order": "ASC"}


@pytest.mark.parametrize("count", [0, 1, 199, 200, 450])
def test_a_list_that_nothing_proves_is_read_twice_and_otherwise(count: int) -> None:
    shelf = listed(count)

    reading = read(streams.LOYALTY_ACCOUNTS, shelf, pause=True)

    assert (reading.keys, reading.gave_up) == (keys(shelf), None)
    # What fitted into one page is two the second time.
    again = {199: 100, 200: 101}.get(count, 199)
    assert [asked["limit"] for asked in shelf.asked if "cursor" not in asked] == [200, again]


def first_page_alone(number: int, page: list[Row], rest: int) -> tuple[list[Row], int]:
    del number, rest
    return page, 0


def second_page_lost(number: int, page: list[Row], rest: int) -> tuple[list[Row], int]:
    return ([] if number == 1 else page), rest


@pytest.mark.parametrize("defect", [first_page_alone, second_page_lost])
def test_a_list_by_cursor_that_is_cut_is_not_believed(defect: object) -> None:
    """Seams fall on other places the second time, so that what is lost is something else."""
    reading = read(streams.LOYALTY_ACCOUNTS, listed(450, page_of=defect))

    assert reading.gave_up is not None
    assert "loyalty_accounts" in reading.gave_up.reason


def short_by_three(number: int, page: list[Row], rest: int) -> tuple[list[Row], int]:
    del number
    return page[:-3], rest


def test_a_single_page_that_comes_short_is_not_believed() -> None:
    assert read(
        streams.TEAM_MEMBERS, Shelf(root="team_members", records=rows(9), size=200, page_of=short_by_three)
    ).gave_up


@pytest.mark.parametrize("stream", [streams.LOYALTY_ACCOUNTS, streams.CATEGORIES])
def test_cursors_that_die_as_they_are_given_out_end_the_reading(stream: Stream) -> None:
    shelf = Shelf(root=paginator_of(stream).records_at, records=rows(450), size=200, always_dead=True)

    assert read(stream, shelf).gave_up


@pytest.mark.parametrize("stream", [streams.LOYALTY_ACCOUNTS, streams.CUSTOMERS])
@pytest.mark.parametrize("circle", ["same_page", "from_its_beginning", "empty"])
def test_cursors_that_lead_round_in_a_circle_end_the_reading(stream: Stream, circle: str) -> None:
    """Not by the number of pages, which a large list has: by what they bring."""
    shelf = Shelf(root=paginator_of(stream).records_at, records=rows(150), size=100)
    first, second = shelf.records[:100], shelf.records[100:]
    told = {"same_page": (first, first), "from_its_beginning": (first, second), "empty": ([], [])}[circle]
    shelf.page_of = lambda number, _page, _rest: (told[number % 2], 1)

    assert read(stream, shelf).gave_up


def test_a_dead_cursor_of_a_list_without_a_filter_begins_the_list_again() -> None:
    shelf = listed(450, dead_after=2)

    reading = read(streams.LOYALTY_ACCOUNTS, shelf)

    assert (reading.keys, reading.gave_up) == (keys(shelf), None)


def test_a_count_is_known_by_what_it_counts() -> None:
    records = [
        {"catalog_object_id": f"v{n}", "location_id": place, "state": "IN_STOCK", "calculated_at": moment(BOUNDS.start)}
        for n in range(3)
        for place in ("L1", "L2")
    ]
    for one in records:
        one["id"] = one["catalog_object_id"]
    shelf = Shelf(root="counts", records=records, size=1000)

    assert read(streams.COUNTS, shelf).keys == {f"v{n}:{place}:IN_STOCK" for n in range(3) for place in ("L1", "L2")}


@pytest.mark.parametrize("body", [{"orders": []}, {"customers": [], "x": 1}, {"message": "hello"}])
def test_an_answer_without_its_list_is_empty_only_where_nothing_else_stands_in_it(body: Row) -> None:
    paginator = paginator_of(streams.VENDORS)

    with pytest.raises(Retriable):
        paginator.whole(answer(body), "vendors")  # type: ignore[attr-defined]
    assert paginator.read(paginator.whole(answer({}), "vendors")).keys == ()  # type: ignore[attr-defined]


def test_appointments_are_read_in_windows_that_square_takes_past_and_to_come() -> None:
    records = [
        {"id": f"b{n}", "start_at": moment(BOUNDS.start + n * 11 * DAY + 0.5), "location_id": "L0"} for n in range(80)
    ]
    # At the very seams, and within the second before them, whichever of the two windows has them.
    seams = [BOUNDS.start + n * BOOKING_WINDOW - before for n in range(1, 4) for before in (0, 0.5)]
    records += [{"id": f"s{n}", "start_at": moment(at), "location_id": "L0"} for n, at in enumerate(seams)]
    ahead = BOUNDS.end + 300 * DAY
    records.append({"id": "ahead", "start_at": moment(ahead), "location_id": "L0"})
    shelf = Shelf(root="bookings", records=records, size=1000, time="start_at")

    reading = read(streams.BOOKINGS, shelf)

    assert (reading.keys, reading.gave_up) == (keys(shelf), None)
    for asked in shelf.asked:
        (start, _), (end, _) = in_order(asked["start_at_min"]) or (0, ""), in_order(asked["start_at_max"]) or (0, "")
        assert 0 < end - start <= 31 * DAY
    whole = BOUNDS.end + 400 * DAY - BOUNDS.start
    assert reading.calls == -(-whole // BOOKING_WINDOW)


def test_appointments_of_others_that_may_not_be_seen_are_not_taken_for_none() -> None:
    """The list is short and says nothing of it."""
    shelf = Shelf(root="bookings", records=[], size=1000, time="start_at", scopes=("APPOINTMENTS_READ",))

    with pytest.raises(Refusal) as refused:
        read(streams.BOOKINGS, shelf)

    assert (refused.value.code, refused.value.facts) == ("right_missing", {"right": "APPOINTMENTS_ALL_READ"})


def test_a_window_of_more_appointments_than_a_page_holds_is_read_to_its_end() -> None:
    shelf = Shelf(root="bookings", records=rows(70, time="start_at"), size=30, time="start_at")
    bounds = Bounds(start=BOUNDS.start, end=BOUNDS.start + DAY)

    assert read(streams.BOOKINGS, shelf, bounds=bounds).keys == keys(shelf)


CLEAN = (streams.CUSTOMERS, streams.REFUNDS, streams.LOYALTY_ACCOUNTS, streams.CATEGORIES, streams.PAYMENTS)


@pytest.mark.parametrize("seed", range(60))
def test_no_sound_list_is_doubted_whatever_its_size_and_its_times(seed: int) -> None:
    draw = random.Random(seed)
    for stream in CLEAN:
        shelf = shop(stream, draw)
        reading = read(stream, shelf, pause=draw.random() < 0.5)
        assert (reading.gave_up, reading.keys) == (None, keys(shelf)), stream.name


def shop(stream: Stream, draw: random.Random) -> Shelf:
    """A list of any size, with times that stand still now and then."""
    at, records = float(BOUNDS.start + 1), []
    places = ("L0", "L1", "L2")
    for n in range(draw.choice((0, 1, 30, 100, 101, 260))):
        at += draw.choice((0, 0, 0.001, 1, 4000))
        records.append({"id": f"k{n:04}", "created_at": moment(at), "location_id": draw.choice(places)})
    size = min(draw.choice((7, 30, 100)), paginator_of(stream).pages.usual)  # type: ignore[attr-defined]
    return replace(Shelf(root=paginator_of(stream).records_at, records=records, size=size), locations=places)
