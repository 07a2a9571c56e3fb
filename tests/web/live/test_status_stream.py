"""Lines that stay open: whose they are, and how many one user may have."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack

import pytest

from web.live.status_stream import MOST_STREAMS, StatusStream
from web.problems import Problem

PAGES = ("/backfill/events", "/backfill/live")


def first_event(texts):
    """The data of a stream's first event, whole. Who lets go of `texts` closes the stream."""
    result = []
    for text in texts:
        if text.startswith("data: "):
            result.append(text.removeprefix("data: "))
        elif result:
            break
    return "\n".join(result)


def refusal(api, page, header):
    """The answer to one line too many. A line counts once its first event is out, which is a moment later."""
    for _ in range(500):
        with api.stream("GET", page, headers=header) as line:
            if line.status_code != 200:
                return line
        time.sleep(0.02)
    raise AssertionError("a line too many was opened, again and again")


@pytest.fixture
def make_busy(api, make_seller, bearer):
    """A seller whose backfill is under way, so that the page has something to wait for."""

    def make():
        user = make_seller("etsy")
        assert api.post("/settings/backfill", json={}, headers=bearer(user)).status_code == 202
        return user

    return make


@pytest.mark.parametrize("page", PAGES)
def test_a_user_has_ten_lines_and_takes_none_from_others(api, make_busy, bearer, page):
    greedy, other = bearer(make_busy()), bearer(make_busy())

    with ExitStack() as open_lines:
        lines = [open_lines.enter_context(api.stream("GET", page, headers=greedy)) for _ in range(MOST_STREAMS)]
        texts = [line.iter_lines() for line in lines]
        assert all(first_event(text) for text in texts)
        refused = [refusal(api, path, greedy) for path in PAGES]
        theirs = open_lines.enter_context(api.stream("GET", page, headers=other))

        assert {answer.status_code for answer in refused} == {429}
        assert {answer.headers["retry-after"] for answer in refused} == {"10"}
        assert first_event(theirs.iter_lines())


def test_lines_that_come_at_the_same_moment_are_counted_too():
    """All of them are looked at before the first is open; a process that let them in would hold a thousand."""

    async def attack():
        stream = StatusStream(lambda users: {user: {"jobs": []} for user in users})
        lines = [stream.watch("eve") for _ in range(10 * MOST_STREAMS)]
        for _ in lines:
            stream.check_limit("eve")
        result = await asyncio.gather(*(anext(line, "ended") for line in lines))
        watchers = stream.watchers("eve")
        with pytest.raises(Problem) as full:
            stream.check_limit("eve")
        for line in lines:
            await line.aclose()
        stream.check_limit("eve")
        await stream.close()
        return result, watchers, full.value.status_code

    result, watchers, status = asyncio.run(attack())

    assert result.count("ended") == 9 * MOST_STREAMS
    assert (watchers, status) == (MOST_STREAMS, 429)


@pytest.mark.parametrize("page", PAGES)
def test_a_line_is_the_users_own_whatever_it_asks_for(api, db, make_busy, bearer, page):
    mine, theirs = make_busy(), make_busy()
    db.execute("update public.connected_accounts set shop_name = user_id::text")
    with api.stream("GET", "/backfill/events", headers=bearer(theirs)) as line:
        mark = next(text for text in line.iter_lines() if text.startswith("id: ")).removeprefix("id: ")
    asked = {**bearer(mine), "Last-Event-ID": mark, "X-User-Id": theirs}

    with api.stream("GET", page, params={"user_id": theirs, "sub": theirs}, headers=asked) as line:
        result = first_event(line.iter_lines())

    assert mine in result
    assert theirs not in result
