"""The catalog: lists, the search that shows what was deleted, and objects by their ids (sheet section 7)."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from sandbox.parts.responses import Doc, HttpResponse, ok
from sandbox.square.api import lists, single
from sandbox.square.api.context import Context
from sandbox.square.api.lists import Listing, Window
from sandbox.square.api_versions import shaped
from sandbox.square.data.timestamps import shortest
from sandbox.square.responses import invalid, not_found

TYPES = (
    "ITEM", "IMAGE", "CATEGORY", "ITEM_VARIATION", "TAX", "DISCOUNT", "MODIFIER_LIST", "MODIFIER", "PRICING_RULE",
    "PRODUCT_SET", "TIME_PERIOD", "MEASUREMENT_UNIT", "SUBSCRIPTION_PLAN", "SUBSCRIPTION_PLAN_VARIATION", "ITEM_OPTION",
    "ITEM_OPTION_VAL", "CUSTOM_ATTRIBUTE_DEFINITION", "QUICK_AMOUNTS_SETTINGS", "AVAILABILITY_PERIOD",
)  # fmt: skip
# What comes where no type is named: those that stand alone.
TOP_TYPES = ("ITEM", "CATEGORY", "TAX", "DISCOUNT", "MODIFIER_LIST", "MEASUREMENT_UNIT")
LIST_PAGE = 100
MOST_IDS = 1000
_QUERIES = ("sorted_attribute_query", "exact_query", "prefix_query")


def list_catalog(ctx: Context) -> HttpResponse:
    """Pages of a hundred, nothing deleted, no order that anybody promises."""
    types = tuple(each.strip().upper() for each in ctx.given.texts("types"))
    for each in types:
        if each not in TYPES:
            raise invalid("INVALID_ENUM_VALUE", f"`{each}` is not a valid enum value.", "types")
    listing = _listing(ctx, types or TOP_TYPES, LIST_PAGE)
    listing.terms.append(("deleted = 0", ()))
    if (version := ctx.given.whole("catalog_version")) is not None:
        listing.terms.append(("updated <= ?", (version,)))
    return lists.answer(ctx, listing)


def search_catalog(ctx: Context) -> HttpResponse:
    """What was changed behind `begin_time`, which is left out itself; tombstones where they are asked for."""
    given = ctx.given
    deleted = given.flag("include_deleted_objects")
    if deleted and given.flag("include_category_path_to_root"):
        detail = "include_deleted_objects and include_category_path_to_root cannot both be true."
        raise invalid("CONFLICTING_PARAMETERS", detail, "include_category_path_to_root")
    types = tuple(given.texts("object_types", known=TYPES)) or TOP_TYPES
    listing = _listing(ctx, types, given.ignored("limit", ctx.settings.catalog_page))
    if not deleted:
        listing.terms.append(("deleted = 0", ()))
    begin = given.time("begin_time")
    if begin is not None:
        listing.windows.append(Window("updated", begin, None, beyond=True))
    _search(ctx, listing)
    if given.flag("include_category_path_to_root"):
        listing.render = lambda raw: _with_path(ctx, raw)
    related = given.flag("include_related_objects")

    def extra(docs: list[bytes]) -> Doc:
        told: Doc = {"latest_time": shortest(ctx.store.newest("catalog"))}
        if related and (found := _related(ctx, docs)):
            told["related_objects"] = found
        return told

    return lists.answer(ctx, listing, extra)


def batch_retrieve(ctx: Context) -> HttpResponse:
    """Unknown ids are left out; deleted ones too, unless they are asked for."""
    ids = ctx.given.texts("object_ids", most=MOST_IDS)
    if not ids:
        raise invalid("MISSING_REQUIRED_PARAMETER", "Field must be set.", "object_ids")
    raws = ctx.store.several("catalog", ids)
    if not ctx.given.flag("include_deleted_objects"):
        raws = [raw for raw in raws if not orjson.loads(raw)["is_deleted"]]
    related = _related(ctx, raws) if ctx.given.flag("include_related_objects") else []
    return single.listed(ctx, "catalog", "objects", raws, {"related_objects": related})


def retrieve_object(ctx: Context) -> HttpResponse:
    raw = ctx.store.raw("catalog", ctx.ids["object_id"])
    if raw is None or orjson.loads(raw)["is_deleted"]:
        raise not_found(f"Catalog object with ID `{ctx.ids['object_id']}` not found.")
    told: Doc = {"object": orjson.loads(shaped("catalog", raw, ctx.version))}
    if ctx.given.flag("include_related_objects") and (related := _related(ctx, [raw])):
        told["related_objects"] = related
    return ok(told)


def info(_ctx: Context) -> HttpResponse:
    return ok(
        {
            "limits": {
                "batch_upsert_max_objects_per_batch": 1000,
                "batch_upsert_max_total_objects": 10000,
                "batch_retrieve_max_object_ids": MOST_IDS,
                "search_max_page_limit": 1000,
                "batch_delete_max_object_ids": 200,
            }
        }
    )


def _listing(ctx: Context, types: tuple[str, ...], limit: int) -> Listing:
    return Listing(
        kind="catalog",
        rows="objects",
        sort="id",
        limit=limit,
        cursor=ctx.cursor(),
        among={"state": types},
        nested="item_data.variations",
        year_of="updated",
    )


def _search(ctx: Context, listing: Listing) -> None:
    """The few queries that a name answers; the others are not imitated, and say so."""
    query = ctx.given.part("query", (), strict=False)
    for kind in query.fields:
        if kind not in _QUERIES:
            raise invalid("INVALID_VALUE", f"The sandbox does not know {kind}.", f"query.{kind}")
        told = query.part(kind, (), strict=False)
        if told.text("attribute_name") != "name":
            raise invalid("INVALID_VALUE", "The sandbox searches names alone.", told.path("attribute_name"))
        if kind == "sorted_attribute_query":
            listing.sort = "name"
            listing.descending = told.word("sort_order", ("ASC", "DESC"), "ASC") == "DESC"
            listing.terms.append(("name IS NOT NULL", ()))
        elif kind == "exact_query":
            listing.terms.append(("lower(name) = lower(?)", (told.text("attribute_value") or "",)))
        else:
            listing.terms.append(("instr(lower(name), lower(?)) = 1", (told.text("attribute_prefix") or "",)))


def _with_path(ctx: Context, raw: bytes) -> bytes:
    """Categories with the way to their root."""
    doc = orjson.loads(raw)
    data = doc.get("category_data")
    if data and data.get("root_category"):
        root = ctx.store.get("catalog", data["root_category"]) or {"category_data": {"name": ""}}
        data["path_to_root"] = [
            {"category_id": data["root_category"], "category_name": root["category_data"]["name"]},
        ]
    return orjson.dumps(doc)


def _related(ctx: Context, raws: Iterable[bytes]) -> list[Doc]:
    """What the objects name, each once: an item's categories, taxes, modifiers and pictures; a variation's item."""
    docs = [orjson.loads(raw) for raw in raws]
    mine = {doc["id"] for doc in docs}
    names = dict.fromkeys(name for doc in docs for name in _named(doc) if name not in mine)
    found = (orjson.loads(shaped("catalog", raw, ctx.version)) for raw in ctx.store.several("catalog", names))
    return [doc for doc in found if not doc["is_deleted"]]


def _named(doc: Doc) -> Iterable[str]:
    item = doc.get("item_data") or {}
    yield from (category["id"] for category in item.get("categories", ()))
    yield from item.get("tax_ids", ())
    yield from (told["modifier_list_id"] for told in item.get("modifier_list_info", ()))
    yield from item.get("image_ids", ())
    if "item_variation_data" in doc:
        yield doc["item_variation_data"]["item_id"]
    if "modifier_data" in doc:
        yield doc["modifier_data"]["modifier_list_id"]
