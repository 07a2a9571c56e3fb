"""The page of own goods' costs: what was said, and rows that are pasted, checked and saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from execution import goods_costs, goods_files
from execution.goods_costs import ALWAYS, Preview
from execution.goods_files import BadRow
from web import goods
from web.auth.current_user import User, UserDep
from web.context import Web, WebDep
from web.pages import render
from web.pages.formats import Formats
from web.pages.money_words import link
from web.pages.shop_names import titles_of
from web.problems import Problem
from web.user_facts import shops_of

router = APIRouter()
HERE = "/reports/products/costs"
_ROWS, _MOST_TOLD = 100, 20


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What pasted rows would do, or why they do nothing."""

    counts: Mapping[str, int]
    previews: Sequence[Mapping[str, Any]] = ()
    skipped: int = 0
    bad: Sequence[BadRow] = ()
    mistake: str = ""

    @property
    def may_be_saved(self) -> bool:
        return not self.bad and not self.mistake and bool(self.counts["created"] + self.counts["changed"])


@dataclass(frozen=True, kw_only=True)
class One:
    """The form of one cost: what was typed, and what is wrong with a field of it."""

    kind: str = "sku"
    key: str = ""
    shop: str = ""
    cost: str = ""
    currency: str = ""
    valid_from: str = ""
    field: str = ""
    mistake: str = ""

    def cells(self) -> dict[str, str]:
        """As a row of a file would say it. A SKU is that of all shops: the form keeps a shop for a listing alone."""
        is_listing = self.kind == "listing"
        return {
            "listing" if is_listing else "sku": self.key,
            "shop": self.shop if is_listing else "",
            "cost": self.cost,
            "currency": self.currency,
            "valid_from": self.valid_from,
        }


# Where the mistake of a column stands in the form.
_FIELDS = {"sku": "key", "listing": "key"}


@router.get(HERE)
def show(  # noqa: PLR0917  FastAPI passes by name
    request: Request, user: UserDep, web: WebDep, search: str = "", after: int = 0, saved: str = "", undone: str = ""
) -> Response:
    return _page(request, web, user, search=_plain(search), after=max(0, min(after, 2**62)), saved=saved, undone=undone)


@router.post(HERE)
def say(
    request: Request,
    user: UserDep,
    web: WebDep,
    rows: Annotated[str, Form()] = "",
    action: Annotated[str, Form()] = "check",
) -> Response:
    """Check what was pasted; save it where nothing is wrong with it."""
    try:
        found = goods.read(web, user.id, rows.encode())
    except Problem as problem:
        checked = Checked(counts={}, mistake=problem.detail)
        return _page(request, web, user, rows=rows, checked=checked)
    if action == "save" and found.costs and not found.bad:
        saved = goods.save(web, user.id, found.costs)
        return RedirectResponse(link(HERE, saved=saved["save_id"]), 303)
    previews = goods_costs.compare(web.app.store, user.id, found.costs)
    checked = Checked(
        counts=goods_costs.counts(previews),
        previews=_previews(previews, render.formats_of(request), shops_of(web, user.id)),
        skipped=found.skipped,
        bad=found.bad,
    )
    return _page(request, web, user, rows=rows, checked=checked)


@router.post(HERE + "/one")
def say_one(  # noqa: PLR0917  FastAPI passes by name
    request: Request,
    user: UserDep,
    web: WebDep,
    kind: Annotated[str, Form()] = "sku",
    key: Annotated[str, Form()] = "",
    shop: Annotated[str, Form()] = "",
    cost: Annotated[str, Form()] = "",
    currency: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
) -> Response:
    """Save one cost. What is wrong comes back at its field, with what was typed."""
    typed = One(kind=kind, key=key[:400], shop=shop, cost=cost[:40], currency=currency[:8], valid_from=valid_from[:20])
    found = goods_files.read_one(typed.cells(), shops=shops_of(web, user.id))
    if isinstance(found, BadRow):
        field = _FIELDS.get(found.column, found.column)
        return _page(request, web, user, one=replace(typed, field=field, mistake=_sentence(found.reason)))
    saved = goods.save(web, user.id, [found])
    return RedirectResponse(link(HERE, saved=saved["save_id"]), 303)


@router.post(HERE + "/{cost_id}/remove")
def remove(cost_id: int, user: UserDep, web: WebDep) -> Response:
    if not 0 < cost_id < 2**63:
        raise Problem(404, "no_such_cost")
    removed = goods.remove(web, user.id, [cost_id])
    return RedirectResponse(link(HERE, saved=removed["save_id"]), 303)


@router.post(HERE + "/undo")
def undo(user: UserDep, web: WebDep, save_id: Annotated[str, Form()] = "") -> Response:
    goods.undo(web, user.id, _id(save_id))
    return RedirectResponse(f"{HERE}?undone=yes", 303)


def _page(
    request: Request,
    web: Web,
    user: User,
    *,
    search: str = "",
    after: int = 0,
    rows: str = "",
    checked: Checked | None = None,
    one: One | None = None,
    saved: str = "",
    undone: str = "",
) -> Response:
    formats = render.formats_of(request)
    found = goods_costs.listed(web.app.store, user.id, search=search, after=after, limit=_ROWS)
    shops = shops_of(web, user.id)
    titles = titles_of(shops)
    notice = "Saved. The days on which these were sold are counted again within minutes." if saved else ""
    notice = "Taken back." if undone else notice
    return render.page(
        request,
        "report_costs.html",
        user=user,
        status=422 if one or (checked and (checked.bad or checked.mistake)) else 200,
        formats=formats,
        notice=render.Notice(tone="good", text=notice) if notice else None,
        saved=_id(saved) if saved else "",
        search=search,
        rows=rows,
        checked=checked,
        one=one or One(),
        shops=[(shop["connection_id"], titles[shop["connection_id"]]) for shop in shops],
        most_told=_MOST_TOLD,
        costs=[_told(said, formats, titles) for said in found],
        more_href=link(HERE, search=search, after=found[-1]["id"]) if len(found) == _ROWS else "",
    )


def _told(one: Mapping[str, Any], formats: Formats, titles: Mapping[str, str]) -> dict[str, Any]:
    until = one["valid_until"] and formats.day(date.fromisoformat(one["valid_until"]))
    return {
        "id": one["id"],
        "name": one["key"],
        "of": _of(one, titles),
        "since": _since(one, formats),
        "until": until or "",
        "cost": _price(one, formats),
    }


def _previews(
    found: Sequence[Preview], formats: Formats, shops: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Of what would change, the first hundred."""
    titles = titles_of(shops)
    moved = [one.as_json() for one in found if one.outcome != "unchanged"]
    return [
        {
            "row": one["row"],
            "name": one["key"],
            "of": _of(one, titles),
            "since": _since(one, formats),
            "before": _price(one["before"], formats) if one["before"] else "nothing",
            "after": _price(one, formats),
        }
        for one in moved[:_ROWS]
    ]


def _of(one: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    return "SKU, all shops" if one["kind"] == "sku" else "Listing, " + titles.get(one["connection_id"] or "", "")


def _since(one: Mapping[str, Any], formats: Formats) -> str:
    since = date.fromisoformat(one["valid_from"])
    return "always" if since == ALWAYS else formats.day(since)


def _price(one: Mapping[str, Any], formats: Formats) -> str:
    return "not known" if one["cost_amount"] is None else formats.money(one["cost_amount"], one["currency"])


def _sentence(reason: str) -> str:
    """Reasons go on from the name of a column: alone they begin with a capital."""
    return reason[:1].upper() + reason[1:] + ("" if reason.endswith(("?", ".")) else ".")


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Problem(404, "no_such_save") from None


def _plain(text: str) -> str:
    return text.replace("\0", "").strip()[:80]
