"""Who asks at the same moment shares a query, and nobody gets what was true before they asked."""

from __future__ import annotations

import asyncio

from web.live.coalescing import Coalescer


def test_looks_are_shared_only_by_those_who_asked_before_they_began():
    """Whoever asks while a query is under way is answered by the next one: never by what was true before they asked."""
    queries = []

    def query(users):
        queries.append(sorted(users))
        return {user: {"query": len(queries)} for user in users if user != "nobody"}

    async def ask():
        coalescer = Coalescer(query)
        first = [asyncio.create_task(coalescer.of(user)) for user in ("ann", "bob", "ann", "nobody")]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        later = asyncio.create_task(coalescer.of("ann"))
        return [*await asyncio.gather(*first), await later]

    assert asyncio.run(ask()) == [{"query": 1}, {"query": 1}, {"query": 1}, None, {"query": 2}]
    assert queries == [["ann", "bob", "nobody"], ["ann"]]


def test_a_look_that_fails_fails_for_all_who_waited_and_not_for_the_next():
    def query(users):
        if "ann" in users:
            raise ValueError("away")
        return {user: {} for user in users}

    async def ask():
        coalescer = Coalescer(query)
        failed = await asyncio.gather(coalescer.of("ann"), coalescer.of("bob"), return_exceptions=True)
        return failed, await coalescer.of("bob")

    failed, after = asyncio.run(ask())

    assert [str(error) for error in failed] == ["away", "away"]
    assert after == {}
