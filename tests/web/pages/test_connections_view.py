"""The settings page says who is connected, when it was synced, what failed and what to do."""

from __future__ import annotations

from execution.catalog import PLATFORMS
from tests.web.pages.facts import CONNECTION, completed, failed, job, later, reader, status
from web.pages.connections_view import ConnectionView, afterwards_of, connections_view, farewell_of


def _card(*jobs: dict[str, object], **account: object) -> ConnectionView:
    return connections_view(status(*jobs, **account), reader(), available=["etsy", "printify"])[0]


def test_the_oldest_part_says_when_the_whole_was_synced() -> None:
    old = completed("orders") | {"finished_at": later(days=-3)}

    assert _card(old, completed("payments")).synced == "Nov 19, 2026"
    assert _card(completed("payments"), job()).synced == "Not yet"
    assert _card().synced == "Never"


def test_the_newest_round_says_when_it_was_looked_at() -> None:
    looked = completed("payments") | {"looked_at": later(minutes=-3)}

    assert _card(completed(), completed("payments")).looked == ""
    assert _card(completed(), looked).looked == "3 minutes ago"
    assert _card(completed() | {"looked_at": later(hours=-2)}, looked).looked == "3 minutes ago"


def test_what_is_read_once_more_was_complete_before() -> None:
    """A new reading takes nothing away: the last proof and what is held stay, also where it was stopped."""
    before = {"last_complete": {"at": later(hours=-3), "held": 1159}}

    running = _card(job("orders", **before), completed("payments"))
    stopped = _card(failed() | before, completed("payments"))

    assert (running.synced, running.entities[0].text) == ("3 hours ago", "1,159")
    assert (stopped.synced, stopped.entities[0].text) == ("3 hours ago", "1,159")


def test_the_card_says_what_random_old_pages_showed() -> None:
    sampled = {"compared": 12_000, "differences": 0, "at": later(days=-1)}

    (told,) = _card(completed("orders") | {"sampled": sampled}, completed("payments")).sampled

    assert (told.name, told.text[:46]) == ("Orders", "Fewer than 1 in 4,000 can differ from Etsy (95")
    assert _card(completed("orders") | {"sampled": sampled | {"compared": 2}}).sampled == ()


def test_when_it_was_synced_can_stand_inside_a_sentence() -> None:
    assert _card(completed() | {"finished_at": later(days=-3)}).synced_inside == "Nov 19, 2026"
    assert _card(completed() | {"finished_at": later(seconds=-3)}).synced_inside == "just now"
    assert _card(job()).synced_inside == "not yet"


def test_what_runs_is_shown_as_running() -> None:
    card = _card(completed(), job("payments"))

    assert (card.pill_text, card.running) == ("Syncing", "Syncing: 68% done")


def test_a_lost_access_says_what_to_do() -> None:
    card = _card(failed(), status="reconnect_needed")

    assert card.pill_text == "Reconnect needed"
    assert card.warning.endswith("Connect again to go on; nothing that is here is lost.")


def test_too_little_allowed_leads_to_reconnecting_as_well() -> None:
    """The connection works, and still only the seller can help."""
    assert _card(failed("orders", "history_limited", "Please reconnect your shop and allow it.")).asks_reconnect
    assert not _card(failed("orders", "incomplete", "Start this again.")).asks_reconnect


def test_a_failure_is_told_in_words() -> None:
    assert _card(failed("payments", "incomplete", "Start this again.")).failures == (
        "Payments and fees: Start this again.",
    )


def test_a_platform_without_an_application_key_cannot_be_connected() -> None:
    cards = {card.platform: card.state for card in connections_view(status(), reader(), available=["etsy", "printify"])}

    assert cards == {"etsy": "connected", "shopify": "soon", "printify": "not_connected", "square": "soon"}


def test_a_disconnected_shop_keeps_what_was_loaded() -> None:
    card = _card(completed(), status="disconnected")

    assert not card.is_connected
    assert card.entities[0].text == "1,159"


def test_what_stays_after_a_disconnect_is_said_as_it_is() -> None:
    """Where the platform asks for an erasure it is said before; where we cannot give access back, that."""
    texts = {name: (farewell_of(name), afterwards_of(name)) for name in PLATFORMS}

    erased = {
        name for name, (before, after) in texts.items() if "erase what was loaded" in before and "two days" in after
    }
    assert erased == {name for name, platform in PLATFORMS.items() if platform.revoke is not None}
    assert all("cannot give the access back" in texts[name][0] for name in set(PLATFORMS) - erased)


def test_who_disconnected_a_shop_is_not_told_of_failures() -> None:
    stopped = failed("orders", "disconnected", "You disconnected this shop. Connect it again to go on.")

    assert _card(stopped, status="disconnected").failures == ()


def test_a_pasted_token_that_ends_soon_is_told_with_its_day() -> None:
    """In the seller's own time zone: five hours before midnight in London is still the day before in New York."""
    facts = status(completed(), platform="printify")

    def advice(ends_at: str) -> str:
        cards = connections_view(facts, reader(), available=["printify"], token_ends={CONNECTION: ends_at})
        return next(card.advice for card in cards if card.platform == "printify")

    assert advice("2026-12-03T02:00:00+00:00") == (
        "The token that you pasted ends on Dec 2, 2026. Paste a new one before, so that no order is missed."
    )
    assert advice("2026-11-20T12:00:00+00:00").endswith("ended on Nov 20, 2026. Paste a new one to go on.")
    assert _card(completed()).advice == ""


def test_each_shop_of_a_platform_has_a_card_with_its_own_name_and_jobs() -> None:
    facts = status(completed(), failed("listings") | {"connection_id": "other"})
    other = facts["connections"][0] | {"connection_id": "other", "shop_id": "2", "shop_name": "Mugs"}
    facts["connections"].append(other | {"status": "reconnect_needed"})

    cards = [card for card in connections_view(facts, reader(), available=["etsy"]) if card.platform == "etsy"]

    assert [(card.key, card.title, card.connection_id) for card in cards] == [
        ("etsy", "Etsy (TeaAndTwine)", CONNECTION),
        ("etsy-2", "Etsy (Mugs)", "other"),
    ]
    assert [[fact.name for fact in card.entities] for card in cards] == [["Orders"], ["Listings"]]
    assert [bool(card.warning) for card in cards] == [False, True]


def test_a_shop_that_is_paused_says_so_and_not_that_it_syncs() -> None:
    paused = _card(job(status="waiting"), paused_at=later(hours=-1))

    assert (paused.pill, paused.pill_text) == ("parked", "Paused")
    assert paused.running.startswith("Paused: ")
