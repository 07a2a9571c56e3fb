"""Orders, products, months and what is behind a figure, as text with links, and as rows of a file. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from web import messages
from web.pages.formats import Formats
from web.pages.money import Range
from web.pages.money_words import MISSING, link, name_of
from web.pages.profit_and_loss import Line, Statement, end_of
from web.pages.shop_names import titles_of
from web.sheets import Amount, Cell

Row = Mapping[str, Any]
UNKNOWN = "–"
ORDERS, ORDER, PRODUCTS, STATEMENT = (
    "/reports/orders",
    "/reports/order",
    "/reports/products",
    "/reports/profit-and-loss",
)
BEHIND, EVENTS, RECORD = "/reports/behind", "/reports/events", "/reports/record"
_COUNTED = frozenset({"order", "uncosted", "fees_unknown", "disputes_unknown"})
# What a table of orders shows; the rest is on the order's own page, and in a file.
_SHOWN = ("gross_sales", "discounts", "reversals", "shipping", "fees", "cost_of_goods", "profit")
_OTHER = ("other_income", "labels", "disputes", "taxes", "tips")
ORDER_HEAD = tuple(map(name_of, _SHOWN))
PRODUCT_FILE = (
    "Shop", "Product", "Variant", "SKU", "Title", "Currency", "Units", "Revenue", "Discounts", "Refunds",
    "Cost of goods", "Cost of shipping", "Margin", "Units without a cost", "Not known",
)  # fmt: skip
ORDER_FILE = (
    "Day", "Order", "Shop", "Status", "Country", "Items", "SKUs", "Pieces", "Currency", "Total",
    *map(name_of, (*_SHOWN, *_OTHER)), "Not known",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A row of a table: its first cell with where it leads, a line under it, and the others."""

    name: str
    href: str
    note: str
    cells: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Value:
    """A text, or a number that leads to what is behind it. `note`: what is not known."""

    text: str
    href: str = ""
    note: str = ""
    is_number: bool = True


def missing_text(names: Sequence[str]) -> str:
    return "; ".join(MISSING.get(name, name) for name in names)


def number_of(order: Row) -> str:
    number = str(order["order_number"] or order["platform_id"])
    return number if number.startswith("#") else f"#{number}"


def items_text(items: Sequence[Row]) -> str:
    return ", ".join(f"{item['quantity']} × {item['title'] or 'Untitled'}" for item in items)


def order_href(order: Row) -> str:
    return link(ORDER, connection_id=order["connection_id"], id=order["platform_id"])


def orders_table(orders: Sequence[Row], formats: Formats) -> tuple[Cells, ...]:
    titles = titles_of(orders)
    return tuple(
        Cells(
            name=number_of(one),
            href=order_href(one),
            note=f"{formats.day(date.fromisoformat(one['day']))} · {titles[one['connection_id']]}",
            cells=(
                Value(
                    text=items_text(one["items"]) or UNKNOWN,
                    note=" · ".join(filter(None, (one["status"], one["country"]))),
                    is_number=False,
                ),
                *(_amount(one["figures"][name], one["currency"], formats) for name in _SHOWN[:-1]),
                _amount(one["figures"]["profit"], one["currency"], formats, note=missing_text(one["missing"])),
            ),
        )
        for one in orders
    )


def _amount(minor: int | None, currency: str, formats: Formats, *, note: str = "", href: str = "") -> Value:
    if minor is None:
        return Value(text=UNKNOWN, note=f"unknown: {note}" if note else "")
    return Value(text=formats.money(minor, currency), href=href)


def order_cells(order: Row) -> tuple[Cell, ...]:
    """One line of a file. What is not known is empty, and named in the last cell."""

    def money(minor: int | None) -> Cell:
        return None if minor is None else Amount(minor, order["currency"])

    return (
        date.fromisoformat(order["day"]), number_of(order), order["shop_name"] or order["shop_id"], order["status"],
        order["country"], items_text(order["items"]), ", ".join(i["sku"] for i in order["items"] if i["sku"]),
        sum(int(item["quantity"]) for item in order["items"]), order["currency"], money(order["total_amount"]),
        *(money(order["figures"][name]) for name in (*_SHOWN, *_OTHER)), missing_text(order["missing"]),
    )  # fmt: skip


def products_table(products: Sequence[Row], formats: Formats, chosen: Range) -> tuple[Cells, ...]:
    titles = titles_of(products)
    return tuple(
        Cells(
            name=one["title"] or ("Of no item that is known" if not one["product"] else "Untitled"),
            href=_of_product(one, chosen),
            note=" · ".join(filter(None, (one["sku"], titles[one["connection_id"]]))),
            cells=(
                Value(text=formats.number(one["units"]), href=_of_product(one, chosen)),
                *(
                    _amount(one[name], one["currency"], formats, href=_of_product(one, chosen))
                    for name in ("revenue", "refunds", "cost_of_goods")
                ),
                _amount(
                    one["margin"], one["currency"], formats, note=_lacking(one, formats), href=_of_product(one, chosen)
                ),
                Value(text=_share(one["margin"], one["revenue"] + one["refunds"])),
            ),
        )
        for one in products
    )


def _of_product(product: Row, chosen: Range) -> str:
    """The orders in which it was sold."""
    listing = product["listing_platform_id"]
    return link(ORDERS, listing=listing, **chosen.query) if listing else ""


def _lacking(product: Row, formats: Formats) -> str:
    if product["uncosted_units"]:
        return f"cost of {formats.number(product['uncosted_units'])} of {formats.number(product['units'])}"
    return missing_text(product["missing"])


def _share(part: int | None, whole: int) -> str:
    return UNKNOWN if part is None or whole <= 0 else f"{round(part * 1000 / whole) / 10:.1f}%"


def product_cells(product: Row) -> tuple[Cell, ...]:
    def money(name: str) -> Cell:
        return None if product[name] is None else Amount(product[name], product["currency"])

    return (
        product["shop_name"] or product["shop_id"], product["listing_platform_id"], product["variant_platform_id"],
        product["sku"], product["title"], product["currency"], product["units"],
        *map(money, ("revenue", "discounts", "refunds", "cost_of_goods", "cost_of_shipping", "margin")),
        product["uncosted_units"], missing_text(product["missing"]),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LineView:
    name: str
    kind: str
    cells: tuple[Value, ...]


def statement_rows(
    lines: Sequence[Line], statement: Statement, formats: Formats, *, last: date, platforms: Sequence[str]
) -> tuple[LineView, ...]:
    """Lines in which something is, each number with the days behind it. What is nothing leads nowhere."""
    return tuple(
        LineView(
            name=line.name,
            kind=line.kind,
            cells=tuple(
                Value(
                    text=_line_text(value, line, statement.currency, formats),
                    href=link(
                        BEHIND,
                        figure=line.figures,
                        class_=line.classes,
                        currency=statement.currency,
                        platform=platforms,
                        **{"from": months[0].isoformat(), "to": min(end_of(months[-1]), last).isoformat()},
                    )
                    if value
                    else "",
                )
                for value, months in (
                    *((value, (month,)) for value, month in zip(line.values, statement.months, strict=True)),
                    (line.total, statement.months),
                )
            ),
        )
        for line in lines
        if line.is_told
    )


def _line_text(value: int | None, line: Line, currency: str, formats: Formats) -> str:
    if value is None:
        return UNKNOWN
    return formats.number(value) if line.is_number else formats.money(value, currency)


def statement_head(statements: Sequence[Statement]) -> tuple[str, ...]:
    return ("Currency", "Line", *(f"{month:%Y-%m}" for month in statements[0].months), "Total")


def statement_cells(statements: Sequence[Statement]) -> Iterator[tuple[Cell, ...]]:
    """Every line of every currency, also where nothing is in it: a file of another time has the same lines."""
    for one in statements:
        for line in one.lines:
            values = (*line.values, line.total)
            name = f"  {line.name}" if line.kind == "part" else line.name
            yield (one.currency, name, *(v if v is None or line.is_number else Amount(v, one.currency) for v in values))


def behind_table(days: Sequence[Row], formats: Formats) -> tuple[Cells, ...]:
    titles = titles_of(days)
    return tuple(
        Cells(
            name=formats.day(date.fromisoformat(one["day"])),
            href=link(EVENTS, connection_id=one["connection_id"], day=one["day"], class_=one["class"]),
            note=titles[one["connection_id"]],
            cells=(
                Value(text=name_of(one["class"]), is_number=False),
                Value(text=formats.number(one["events"])),
                Value(text=formats.money(one["amount"], one["currency"])),
                Value(text=one["state"] or UNKNOWN, is_number=False),
            ),
        )
        for one in days
    )


def events_table(events: Sequence[Row], formats: Formats, *, of_order: bool = False) -> tuple[Cells, ...]:
    """Each with the record that says so; `of_order`: all are one order's."""
    return tuple(
        Cells(
            name=formats.moment(datetime.fromisoformat(one["at"])),
            href=link(RECORD, connection_id=one["connection_id"], table=one["source_table"], id=one["source_id"]),
            note=one["detail"] or "",
            cells=(
                Value(text=name_of(one["class"]), is_number=False),
                *(() if of_order else (_order_of(one),)),
                # What only counts is no money.
                Value(text="–" if one["class"] in _COUNTED else formats.money(one["amount"], one["currency"])),
            ),
        )
        for one in events
    )


def _order_of(event: Row) -> Value:
    order = event["order_platform_id"]
    if not order:
        return Value(text=UNKNOWN, is_number=False)
    return Value(
        text=f"Order {order}", href=link(ORDER, connection_id=event["connection_id"], id=order), is_number=False
    )


def record_rows(record: Row, formats: Formats) -> tuple[tuple[str, str], ...]:
    """Columns of a row as it is kept; money as its owner reads it."""
    currency = str(record.get("currency") or "")
    return tuple(
        (name.replace("_", " ").capitalize(), _field(name, value, currency, formats))
        for name, value in record.items()
        if name != "raw" and value is not None
    )


def _field(name: str, value: Any, currency: str, formats: Formats) -> str:
    if name.endswith("_amount") and currency and isinstance(value, int):
        return formats.money(value, currency)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_at"):
        return formats.moment(datetime.fromisoformat(str(value)).astimezone(UTC))
    return str(value)


def platform_choices(shops: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    return tuple((name, messages.platform_title(name)) for name in sorted({one["platform"] for one in shops}))
