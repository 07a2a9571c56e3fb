"""Reports: orders, products, profit and loss by month, each as a page and a file; and what is behind a number, down to
the platform's record.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from execution import daily_financial_roll as roll
from execution import money_lists
from execution.money_lists import MOST, Filter
from web.auth.current_user import User, UserDep
from web.context import Web, WebDep
from web.cursors import AfterDay, AfterOrder, AfterProduct, cursor, place_of
from web.pages import render, reports_view
from web.pages.exports import Rows, download
from web.pages.formats import Formats
from web.pages.money import ALL, PRESETS, Range, range_of
from web.pages.money_words import SETS, days_text, link, name_of, standing, unclassified_words
from web.pages.profit_and_loss import Statement, statements
from web.pages.shop_names import titles_of
from web.problems import Problem
from web.user_facts import shops_of, summed

router = APIRouter()
_ROWS = 50
_RULES = roll.MoneyRules.load()
File = Literal["csv", "xlsx"]


class Asked:
    """What the address says: from when to when, and what is filtered. Nonsense filters nothing."""

    def __init__(  # noqa: PLR0917  what an address may say
        self,
        request: Request,
        range: str = "",  # noqa: A002
        since: Annotated[str, Query(alias="from")] = "",
        until: Annotated[str, Query(alias="to")] = "",
        platform: Annotated[list[str] | None, Query()] = None,
        country: str = "",
        status: str = "",
        search: str = "",
        listing: str = "",
        by: str = "",
        currency: str = "",
        after: str = "",
    ) -> None:
        self.formats = render.formats_of(request)
        self.range_key, self.since, self.until = range, since, until
        self.platforms = [_plain(one) for one in platform or () if one]
        self.country, self.status, self.listing = _plain(country).upper()[:2], _plain(status), _plain(listing)
        self.search, self.by = _plain(search), "variant" if by == "variant" else ""
        self.currency = currency
        self.after = after[:600]

    def range(self, default: str = "") -> Range:
        today = self.formats.now.astimezone(self.formats.zone).date()
        return range_of(self.range_key or default, today, since=self.since, until=self.until)

    def filter(self, chosen: Range) -> Filter:
        return Filter(
            platforms=self.platforms,
            first=chosen.first,
            last=chosen.last if chosen.first else None,
            countries=[self.country] if self.country else (),
            statuses=[self.status] if self.status else (),
            search=self.search,
            listing=self.listing,
            by=self.by,
        )

    def query(self, chosen: Range) -> dict[str, Any]:
        """What links of the page keep."""
        return {
            **chosen.query,
            "platform": self.platforms,
            "country": self.country,
            "status": self.status,
            "search": self.search,
            "listing": self.listing,
            "by": self.by,
            "currency": self.currency,
        }


AskedDep = Annotated[Asked, Depends()]


@router.get("/reports/orders")
async def orders(request: Request, user: UserDep, web: WebDep, asked_: AskedDep) -> Response:
    chosen = asked_.range(ALL)
    found = await _ask(
        web, user, _orders_page(web, user, asked_.filter(chosen), _place(AfterOrder, asked_.after), _ROWS)
    )
    rows = found["orders"]
    return await _page(
        request,
        web,
        user,
        asked_,
        chosen,
        "report_orders.html",
        title="Orders",
        head=reports_view.ORDER_HEAD,
        rows=reports_view.orders_table(rows, asked_.formats),
        statuses=sorted({row["status"] for row in rows if row["status"]}),
        looked_until=found["looked_until"]
        and len(rows) < _ROWS
        and asked_.formats.day(datetime.fromisoformat(found["looked_until"])),
        more_href=_more(reports_view.ORDERS, asked_, chosen, found["next"]),
    )


@router.get("/reports/orders.{kind}")
async def orders_file(kind: File, user: UserDep, web: WebDep, asked_: AskedDep) -> Response:
    chosen = asked_.range(ALL)
    page = partial(_orders_page, web, user, asked_.filter(chosen))
    return await download(
        user.id,
        name="orders",
        kind=kind,
        title="Orders",
        head=reports_view.ORDER_FILE,
        pages=_pages(web, user, page, "orders", reports_view.order_cells),
    )


@router.get("/reports/products")
async def products(request: Request, user: UserDep, web: WebDep, asked_: AskedDep) -> Response:
    chosen = asked_.range()
    found = await _ask(
        web, user, _products_page(web, user, asked_.filter(chosen), _place(AfterProduct, asked_.after), _ROWS)
    )
    return await _page(
        request,
        web,
        user,
        asked_,
        chosen,
        "report_products.html",
        title="Products",
        rows=reports_view.products_table(found["products"], asked_.formats, chosen),
        more_href=_more(reports_view.PRODUCTS, asked_, chosen, found["next"]),
        switch=[
            (name, link(reports_view.PRODUCTS, **(asked_.query(chosen) | {"by": by})), by == asked_.by)
            for name, by in (("By product", ""), ("By variant", "variant"))
        ],
    )


@router.get("/reports/products.{kind}")
async def products_file(kind: File, user: UserDep, web: WebDep, asked_: AskedDep) -> Response:
    page = partial(_products_page, web, user, asked_.filter(asked_.range()))
    return await download(
        user.id,
        name="products",
        kind=kind,
        title="Products",
        head=reports_view.PRODUCT_FILE,
        pages=_pages(web, user, page, "products", reports_view.product_cells),
    )


@router.get("/reports/profit-and-loss")
async def profit_and_loss(request: Request, user: UserDep, web: WebDep, asked_: AskedDep) -> Response:
    chosen = asked_.range()
    found, told = await _months(web, user, asked_, chosen)
    shown = next((one for one in told if one.currency == asked_.currency), told[0] if told else None)
    return await _page(
        request,
        web,
        user,
        asked_,
        chosen,
        "report_profit_and_loss.html",
        title="Profit and loss",
        facts=found,
        statement=shown,
        parts=_parts(shown, asked_, chosen) if shown else [],
        months=[asked_.formats.month(month) for month in shown.months] if shown else [],
        open_days={asked_.formats.month(date.fromisoformat(one["month"])): one["open_days"] for one in found["months"]},
        currencies=[
            (one.currency, link(reports_view.STATEMENT, **(asked_.query(chosen) | {"currency": one.currency})))
            for one in told
        ],
    )


@router.get("/reports/profit-and-loss.{kind}")
async def profit_and_loss_file(kind: File, user: UserDep, web: WebDep, asked_: AskedDep) -> Response:
    _, told = await _months(web, user, asked_, asked_.range())

    async def pages() -> AsyncIterator[Rows]:
        yield list(reports_view.statement_cells(told))

    return await download(
        user.id,
        name="profit-and-loss",
        kind=kind,
        title="Profit and loss",
        head=reports_view.statement_head(told) if told else ("Currency", "Line", "Total"),
        pages=pages(),
    )


@router.get("/reports/behind")
async def behind(  # noqa: PLR0917
    request: Request,
    user: UserDep,
    web: WebDep,
    asked_: AskedDep,
    figure: Annotated[list[str] | None, Query()] = None,
    class_: Annotated[list[str] | None, Query(alias="class")] = None,
) -> Response:
    """The days behind a number of a page, each with its events."""
    chosen, figures = _own(asked_), [one for one in figure or () if one not in SETS]
    classes = [*(class_ or ()), *(one for name in figure or () for one in SETS.get(name, ()))]
    wanted = {
        "figures": list(map(_plain, figures)),
        "classes": list(map(_plain, classes)),
        "platforms": asked_.platforms,
        "currency": _plain(asked_.currency),
    }
    found = await _ask(
        web,
        user,
        (
            ("behind", repr(wanted), chosen, asked_.after),
            lambda: money_lists.behind(
                web.app.store,
                user.id,
                first=chosen.begins,
                last=chosen.last,
                chosen={name: value for name, value in wanted.items() if value},
                after=_place(AfterDay, asked_.after),
                limit=_ROWS,
            ),
        ),
    )
    kept = asked_.query(chosen) | {"figure": figure, "class": class_}
    return await _page(
        request,
        web,
        user,
        asked_,
        chosen,
        "report_behind.html",
        title=", ".join(map(name_of, figure or class_ or ["profit"])),
        days=days_text(chosen.first, chosen.last, asked_.formats),
        rows=reports_view.behind_table(found["days"], asked_.formats),
        more_href=link(reports_view.BEHIND, **kept, after=cursor(found["next"])) if found["next"] else "",
    )


@router.get("/reports/events")
async def events(  # noqa: PLR0917
    request: Request,
    user: UserDep,
    web: WebDep,
    connection_id: UUID,
    day: date,
    class_: Annotated[list[str] | None, Query(alias="class")] = None,
    after: str = "",
) -> Response:
    """The events of a day of a shop, each with the record that says so."""
    formats = render.formats_of(request)
    found = await _ask(
        web,
        user,
        (
            ("events", connection_id, day, repr(class_), after),
            lambda: roll.events(
                web.app.store,
                user.id,
                connection_id=str(connection_id),
                day=day,
                classes=None if class_ is None else list(map(_plain, class_)),
                after=_plain(after) or None,
                limit=_ROWS,
            ),
        ),
    )
    here = {"connection_id": connection_id, "day": day, "class": class_}
    return render.page(
        request,
        "report_events.html",
        user=user,
        formats=formats,
        title=", ".join(map(name_of, class_ or ["All events"])),
        day=formats.day(day),
        rows=reports_view.events_table(found["events"], formats),
        more_href=link(reports_view.EVENTS, **here, after=found["next"]) if found["next"] else "",
    )


@router.get("/reports/order")
async def order(
    request: Request,
    user: UserDep,
    web: WebDep,
    connection_id: UUID,
    order_id: Annotated[str, Query(alias="id", max_length=400)],
) -> Response:
    """One order: what it came to, and every event that belongs to it."""
    formats = render.formats_of(request)
    ask = partial(money_lists.order, web.app.store, user.id, str(connection_id), _plain(order_id))
    found = await _ask(web, user, (("order", connection_id, order_id), lambda: {"order": ask()}))
    one = found["order"]
    if one is None:
        raise Problem(404, "no_such_record")
    of_shop = {name: one[name] for name in ("connection_id", "platform", "shop_id", "shop_name")}
    return render.page(
        request,
        "report_order.html",
        user=user,
        formats=formats,
        order=one,
        number=reports_view.number_of(one),
        order_day=date.fromisoformat(one["day"]),
        shop=titles_of([one])[one["connection_id"]],
        total=reports_view.UNKNOWN
        if one["total_amount"] is None
        else formats.money(one["total_amount"], one["currency"]),
        figures=[
            (name_of(name), reports_view.UNKNOWN if value is None else formats.money(value, one["currency"]))
            for name, value in one["figures"].items()
            if value != 0 or name == "profit"
        ],
        missing=reports_view.missing_text(one["missing"]),
        rows=reports_view.events_table([{**event, **of_shop} for event in one["events"]], formats, of_order=True),
        record=link(reports_view.RECORD, connection_id=connection_id, table="orders", id=one["platform_id"]),
    )


@router.get("/reports/record")
async def record(  # noqa: PLR0917
    request: Request,
    user: UserDep,
    web: WebDep,
    connection_id: UUID,
    table: Annotated[str, Query(max_length=80)],
    row_id: Annotated[str, Query(alias="id", max_length=400)],
) -> Response:
    """The row behind an event, and what the platform sent."""
    formats = render.formats_of(request)
    ask = partial(money_lists.record, web.app.store, user.id, str(connection_id), _plain(table), _plain(row_id))
    found = (await _ask(web, user, (("record", connection_id, table, row_id), lambda: {"record": ask()})))["record"]
    if found is None:
        raise Problem(404, "no_such_record")
    return render.page(
        request,
        "report_record.html",
        user=user,
        formats=formats,
        table=_plain(table),
        row_id=_plain(row_id),
        rows=reports_view.record_rows(found, formats),
        raw=json.dumps(found["raw"], indent=2, ensure_ascii=False, sort_keys=True) if found.get("raw") else "",
    )


Question = tuple[Any, Callable[[], dict[str, Any]]]


async def _ask(web: Web, user: User, question: Question) -> dict[str, Any]:
    return await summed(web, user.id, *question)


def _orders_page(web: Web, user: User, chosen: Filter, after: Mapping[str, Any] | None, limit: int) -> Question:
    ask = partial(money_lists.orders, web.app.store, user.id, chosen, after=after, limit=limit)
    return ("orders", repr(chosen), repr(after), limit), ask


def _products_page(web: Web, user: User, chosen: Filter, after: Mapping[str, Any] | None, limit: int) -> Question:
    ask = partial(money_lists.products, web.app.store, user.id, chosen, after=after, limit=limit)
    return ("products", repr(chosen), repr(after), limit), ask


async def _pages(
    web: Web, user: User, page: Callable[..., Question], name: str, cells: Callable[[Mapping[str, Any]], Sequence[Any]]
) -> AsyncIterator[Rows]:
    """All that is listed, a page of the database's at a time."""
    after: Mapping[str, Any] | None = None
    while True:
        found = await _ask(web, user, page(after, MOST))
        yield [tuple(cells(one)) for one in found[name]]
        after = found["next"]
        if after is None:
            return


def _parts(shown: Statement, asked_: Asked, chosen: Range) -> list[tuple[str, tuple[reports_view.LineView, ...]]]:
    parts = (("Profit", shown.profit), ("Beside the profit", shown.beside), ("Counted", shown.counted))
    return [
        (
            name,
            reports_view.statement_rows(part, shown, asked_.formats, last=chosen.last, platforms=asked_.platforms),
        )
        for name, part in parts
    ]


async def _facts(web: Web, user: User, asked_: Asked, chosen: Range) -> dict[str, Any]:
    """The time's sums by month, up to where it is proved, and what is open."""
    wanted = Filter(platforms=asked_.platforms)
    ask = partial(money_lists.months, web.app.store, user.id, first=chosen.begins, last=chosen.last, chosen=wanted)
    return await _ask(web, user, (("months", chosen, repr(wanted)), ask))


async def _months(web: Web, user: User, asked_: Asked, chosen: Range) -> tuple[dict[str, Any], tuple[Statement, ...]]:
    found = await _facts(web, user, asked_, chosen)
    return found, statements(found["sums"], _RULES.figures, first=chosen.first, last=chosen.last)


async def _page(  # noqa: PLR0917
    request: Request,
    web: Web,
    user: User,
    asked_: Asked,
    chosen: Range,
    template: str,
    facts: dict[str, Any] | None = None,
    **values: Any,
) -> Response:
    """A page with its time, its platforms, up to where it is proved, and the files of the same."""
    shops = await run_in_threadpool(shops_of, web, user.id)
    facts = facts or await _facts(web, user, asked_, chosen)
    here, kept = request.url.path, asked_.query(chosen)
    return render.page(
        request,
        template,
        user=user,
        formats=asked_.formats,
        chosen=chosen,
        kept=kept,
        presets=[
            (name, link(here, **(kept | {"from": "", "to": "", "range": key})), key == chosen.key)
            for key, name in PRESETS.items()
        ],
        own=[
            (name, value)
            for name, one in kept.items()
            for value in (one if isinstance(one, list) else [one])
            if value and name not in ("range", "from", "to")
        ],
        platforms=reports_view.platform_choices(shops),
        standing=standing(facts, asked_.formats),
        unclassified=_unclassified(facts, asked_.formats),
        exports=[(kind.upper(), link(f"{here}.{kind}", **kept)) for kind in ("csv", "xlsx")],
        link=link,
        numbers=lambda names: [(name, True) for name in names],
        **values,
    )


def _unclassified(facts: Mapping[str, Any], formats: Formats) -> str:
    of: dict[str, list[int]] = {}
    for row in facts["sums"]:
        if row["figure"] == "unclassified":
            one = of.setdefault(row["currency"], [0, 0])
            one[0], one[1] = one[0] + row["events"], one[1] + row["amount"]
    return unclassified_words([(number, amount, currency) for currency, (number, amount) in of.items()], formats)


def _own(asked_: Asked) -> Range:
    """A link to what is behind a number names its days."""
    asked_.range_key = asked_.range_key or ("own" if asked_.since else "")
    return asked_.range()


def _more(path: str, asked_: Asked, chosen: Range, place: Mapping[str, Any] | None) -> str:
    return link(path, **asked_.query(chosen), after=cursor(place)) if place else ""


def _place(kind: type[BaseModel], after: str) -> dict[str, Any] | None:
    """Where the page before ended. What is none of ours is no place."""
    try:
        return place_of(kind, after)
    except ValueError:
        return None


def _plain(text: str) -> str:
    """What the database takes: it has no NUL."""
    return text.replace("\0", "").strip()[:400]
