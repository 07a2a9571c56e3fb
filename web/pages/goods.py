"""The page of own goods' costs: what was said, and rows that are pasted, checked and saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from execution import goods_costs
from execution.errors import UserError
from execution.goods_costs import ALWAYS, BadRow
from web import goods, messages
from web.auth.current_user import User, UserDep
from web.context import Web, WebDep
from web.pages import render
from web.pages.formats import Formats
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
    skipped: int = 0
    bad: Sequence[BadRow] = ()
    mistake: str = ""

    @property
    def may_be_saved(self) -> bool:
        return not self.bad and not self.mistake and bool(self.counts["created"] + self.counts["changed"])


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
        found = goods_costs.read(rows.encode(), shops=shops_of(web, user.id))
    except UserError as error:
        checked = Checked(counts={}, mistake=messages.PROBLEMS[error.code])
        return _page(request, web, user, rows=rows, checked=checked)
    if action == "save" and found.costs and not found.bad:
        saved = goods.save(web, user.id, found.costs)
        return RedirectResponse(f"{HERE}?saved={saved['save_id']}", 303)
    counts = goods_costs.compare(web.app.store, user.id, found.costs)
    return _page(request, web, user, rows=rows, checked=Checked(counts=counts, skipped=found.skipped, bad=found.bad))


@router.post(HERE + "/{cost_id}/remove")
def remove(cost_id: int, user: UserDep, web: WebDep) -> Response:
    if not 0 < cost_id < 2**63:
        raise Problem(404, "no_such_cost")
    removed = goods.remove(web, user.id, [cost_id])
    return RedirectResponse(f"{HERE}?saved={removed['save_id']}", 303)


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
    saved: str = "",
    undone: str = "",
) -> Response:
    formats = render.formats_of(request)
    found = goods_costs.listed(web.app.store, user.id, search=search, after=after, limit=_ROWS)
    notice = "Saved. The days on which these were sold are counted again within minutes." if saved else ""
    notice = "Taken back." if undone else notice
    return render.page(
        request,
        "report_costs.html",
        user=user,
        status=422 if checked and (checked.bad or checked.mistake) else 200,
        formats=formats,
        notice=render.Notice(tone="good", text=notice) if notice else None,
        saved=_id(saved) if saved else "",
        search=search,
        rows=rows,
        checked=checked,
        most_told=_MOST_TOLD,
        costs=[_told(one, formats, titles_of(shops_of(web, user.id))) for one in found],
        more_href=f"{HERE}?search={search}&after={found[-1]['id']}" if len(found) == _ROWS else "",
    )


def _told(one: Mapping[str, Any], formats: Formats, titles: Mapping[str, str]) -> dict[str, Any]:
    shop = titles.get(one["connection_id"] or "", "") if one["kind"] == "listing" else "all shops"
    amount = one["cost_amount"]
    until = one["valid_until"] and formats.day(date.fromisoformat(one["valid_until"]))
    since = "always" if one["valid_from"] == ALWAYS.isoformat() else formats.day(date.fromisoformat(one["valid_from"]))
    return {
        "id": one["id"],
        "name": one["key"],
        "of": "SKU, " + shop if one["kind"] == "sku" else "Listing, " + shop,
        "since": since,
        "until": until or "",
        "cost": "not known" if amount is None else formats.money(amount, one["currency"]),
    }


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Problem(404, "no_such_save") from None


def _plain(text: str) -> str:
    return text.replace("\0", "").strip()[:80]
