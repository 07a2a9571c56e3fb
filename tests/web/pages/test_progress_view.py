"""What a seller reads while a history arrives."""

from __future__ import annotations

import re

import pytest

from tests.web.pages.facts import completed, failed, job, later, reader, status, with_rejects
from web.pages.progress_view import ProgressView, progress_view


def _seen(*jobs: dict[str, object], **account: object) -> ProgressView:
    return progress_view(status(*jobs, **account), reader())


def _line(*jobs: dict[str, object]) -> tuple[str, str]:
    entity = _seen(*jobs).shops[0].entities[0]
    return entity.label, entity.detail


def test_a_running_entity_tells_what_how_much_and_how_long() -> None:
    label, detail = _line(job())

    assert label == "Syncing orders… 450/1,200"
    assert detail == "About 5 minutes left"


def test_where_nothing_moves_nothing_is_said_to_start_in_a_moment() -> None:
    """No worker or no clock gives a sign of life: that is ours, and no figure that stands still explains it."""
    facts = status(job(status="queued", started_at=None, records_done=0), job("payments", "waiting"))

    moving, still = (progress_view({**facts, "stands_still": stands}, reader()) for stands in (False, True))

    assert moving.shops[0].entities[0].detail == "Starts in a moment"
    assert still.shops[0].entities[0].detail == "Waits for us"
    assert still.subline == (
        "Nothing moves at the moment. That is on our side, and nothing of yours is lost: it goes on by itself."
    )
    assert "on our side" not in moving.subline


def test_a_used_up_day_says_when_it_goes_on() -> None:
    """The quota is nobody's fault and nobody's work: it says until when."""
    parked = job(
        status="parked",
        run_after=later(hours=18, minutes=10),
        park_code="day_used_up",
    )

    label, detail = _line(parked)

    assert label == "Orders paused at 450/1,200"
    assert detail.startswith("Etsy lets us read only so much a day. Continues tomorrow 6:10\u202fAM.")
    assert _seen(parked).headline == "Paused, and going on by itself"


def test_a_short_wait_is_no_pause() -> None:
    waits = job(status="parked", run_after=later(seconds=2), park_code="second_used_up")

    assert _line(waits) == ("Syncing orders… 450/1,200", "Etsy asked us to go slower. Continues in a few seconds.")


@pytest.mark.parametrize(
    "reason", ["Etsy answered 502: <html>Bad Gateway", "unexpected KeyError", "TOKEN_KEYS has no key k1", "", None]
)
def test_a_reason_for_engineers_never_reaches_a_seller(reason: str | None) -> None:
    _, detail = _line(job(status="parked", run_after=later(minutes=9), park_reason=reason))

    assert not re.search(r"502|html|KeyError|TOKEN_KEYS", detail)
    assert "Continues at" in detail


def test_pages_that_overlap_never_show_more_than_there_is() -> None:
    assert _line(job(records_done=1210))[0] == "Checking orders… 1,200/1,200"


def test_what_is_complete_shows_its_proof() -> None:
    platform = _seen(completed(rejected=2, distinct_keys=1159)).shops[0]

    (line,) = platform.certificate
    assert platform.is_proven
    assert (line.announced, line.held, line.aside) == ("1,159", "1,157", "2 records were unreadable and kept aside")
    assert line.span == "Nov 22, 2023 to Nov 21, 2026"
    assert platform.checks == ("What we hold is as many as the platform counts",)


@pytest.mark.parametrize(
    ("aside", "said"),
    [
        ((0, 0), ("All that came could be read",)),
        ((1, 0), ("Of what came, all but a few records could be read",)),
        ((0, 2), ("Of what came, all but a few records could be read",)),
    ],
)
def test_all_is_said_to_be_read_where_all_was(aside: tuple[int, int], said: tuple[str, ...]) -> None:
    checks = [{"name": "rejects", "ok": True, "detail": {}}]
    jobs = [
        completed(entity, rejected=n, checks=checks) for entity, n in zip(("orders", "listings"), aside, strict=True)
    ]

    assert _seen(*jobs).shops[0].checks == said


def test_nothing_is_called_proven_before_its_last_entity_is() -> None:
    view = _seen(completed(), job("payments"))

    assert not view.shops[0].is_proven
    assert view.state == "open"


def test_what_comes_with_another_entity_asks_for_nothing_of_its_own() -> None:
    """Customers follow orders: the seller is told of the orders alone, unless those are good by now."""
    follows = failed("customers", "source_incomplete", "They come with the orders.")

    both = _seen(failed("orders"), follows)
    alone = _seen(completed("orders"), follows)

    assert [(trouble.what, trouble.action) for trouble in both.troubles] == [("Orders", "reconnect")]
    assert both.subline == "What to do is said below."
    assert [(trouble.what, trouble.action) for trouble in alone.troubles] == [("Customers", "retry")]
    assert alone.subline == "The rest is here. What to do is said below."


def test_a_lost_access_leads_to_reconnecting_and_a_failure_to_trying_again() -> None:
    troubles = _seen(failed(), failed("listings"), failed("payments", "incomplete", "Start this again.")).troubles

    assert [(t.what, t.action, t.message) for t in troubles] == [
        ("Orders, Listings", "reconnect", "Please reconnect."),
        ("Payments and fees", "retry", "Start this again."),
    ]


def test_a_shop_that_was_disconnected_is_not_said_to_be_all_here() -> None:
    seen = _seen(completed(), status="disconnected")

    assert seen.headline == "Disconnected: nothing new arrives"
    assert "Disconnected, so that nothing new arrives: Etsy." in seen.subline


def test_a_shop_that_was_disconnected_is_connected_again_not_tried_again() -> None:
    """Trying again leads nowhere while nothing is connected."""
    stopped = failed("payments", "disconnected", "You disconnected this shop. Connect it again to go on.")

    assert [t.action for t in _seen(stopped, status="disconnected").troubles] == ["connect"]
    assert [t.action for t in _seen(stopped).troubles] == ["retry"]


def test_a_second_reading_is_not_told_as_a_first() -> None:
    """Nothing is on its way that is here already; one part that never was makes it a first one."""
    before = {"last_complete": {"at": later(hours=-3), "held": 1159}}

    assert _seen(job(**before), completed("payments")).headline == "Everything is being read once more"
    assert _seen(job(**before), job("payments")).headline == "Your history is on its way"


def test_a_count_without_a_total_is_a_sign_of_life() -> None:
    """Lookups count too, so the number would shrink when the proof comes."""
    assert _line(job("payments", records_done=10602, records_total=None))[0] == (
        "Syncing payments and fees… 10,602 read"
    )


def test_a_platform_that_tells_no_count_is_said_to_tell_none() -> None:
    counted = _seen(completed()).shops[0]
    uncounted = _seen(completed(), completed("payments", provider_count=None)).shops[0]

    assert not counted.is_partly_counted
    assert uncounted.is_partly_counted
    assert [line.announced for line in uncounted.certificate] == ["1,159", ""]


def test_platforms_stand_in_the_order_of_the_connections() -> None:
    facts = status()
    others = [facts["connections"][0] | {"platform": name, "connection_id": name} for name in ("printify", "shopify")]

    view = progress_view(facts | {"connections": [*facts["connections"], *others]}, reader())

    assert [p.platform for p in view.shops] == ["etsy", "shopify", "printify"]


def test_what_failed_is_not_done_however_much_of_it_was_read() -> None:
    view = _seen(completed(), failed("payments", "history_limited", "Please reconnect your shop and allow it."))

    assert view.percent == 50
    assert view.shops[0].entities[1].percent_text == "stopped"
    assert view.troubles[0].action == "reconnect"


def test_a_failure_without_words_still_says_what_to_do() -> None:
    assert "start it again" in _seen(failed(code="brand_new", message="")).troubles[0].message


def test_what_is_read_aloud_changes_in_steps() -> None:
    """A listener hears of a quarter, not of every page."""
    spoken = {_seen(job(records_done=done)).spoken for done in range(0, 1200, 10)}

    assert len(spoken) == 4


def test_the_whole_is_open_as_long_as_anything_moves() -> None:
    assert _seen(job(), failed("payments")).is_open
    assert not _seen(completed(), failed("payments")).is_open
    assert _seen(completed(), failed("payments")).state == "failed"


def test_a_user_without_a_shop_is_told_what_to_do() -> None:
    view = progress_view(status() | {"connections": []}, reader())

    assert (view.state, view.is_open) == ("empty", False)


def test_a_shop_that_was_never_read_is_not_said_to_be_here() -> None:
    facts = status(completed())
    unread = {
        "connection_id": "2",
        "platform": "printify",
        "shop_id": "1",
        "shop_name": "Prints",
        "status": "connected",
    }

    view = progress_view(facts | {"connections": [*facts["connections"], unread]}, reader())

    assert view.headline == "What was read is here, and proven"
    assert view.subline.endswith("Not read yet: Printify.")
    assert progress_view(facts, reader()).headline == "Everything is here, and proven"


def test_each_shop_of_a_platform_stands_by_itself() -> None:
    """What one of them has to do is not said of the other."""
    facts = status(completed(), failed("orders") | {"connection_id": "other"})
    facts["connections"].append(facts["connections"][0] | {"connection_id": "other", "shop_name": "Mugs"})

    view = progress_view(facts, reader())

    assert [(shop.key, shop.shop_name, shop.state) for shop in view.shops] == [
        ("etsy", "TeaAndTwine", "completed"),
        ("etsy-2", "Mugs", "failed"),
    ]
    assert [(trouble.title, trouble.key, trouble.connection_id) for trouble in view.troubles] == [
        ("Etsy (Mugs)", "etsy-2", "other")
    ]


def test_what_could_not_be_read_has_no_tick_and_is_said_with_what_to_do() -> None:
    view = _seen(with_rejects(), completed("listings"))

    (shop,) = view.shops
    assert (view.state, view.headline) == ("completed_with_rejects", "Some of it could not be read")
    assert (shop.state, shop.state_text, shop.is_proven, shop.is_short) == ("failed", "Not all of it", False, True)
    assert (shop.entities[0].label, shop.entities[0].detail) == (
        "Orders not complete: 0 here",
        "10 of 10 records could not be read.",
    )
    assert [(t.what, t.message, t.action) for t in view.troubles] == [
        ("Orders", "10 of 10 records could not be read.", "retry")
    ]
    assert "10 of 10 records could not be read." in view.spoken


def test_who_is_paused_is_told_so_and_not_that_it_goes_on_by_itself() -> None:
    shown = _seen(job(status="waiting"), paused_at=later(hours=-1))

    assert shown.headline == "Syncing is paused"
    assert "what happens meanwhile is read later" in shown.subline
    assert [(shop.state_text, shop.entities[0].detail) for shop in shown.shops] == [("Paused", "Paused")]
