"""The catalog: plain arrays, the same for every account (sheet section 6.2)."""

from __future__ import annotations

from sandbox.parts.responses import Doc, HttpResponse, ok
from sandbox.printify.catalog import (
    BLUEPRINTS,
    COLOURS,
    PROVIDERS,
    SIZES,
    Blueprint,
    Provider,
    blueprint,
    blueprint_doc,
    provider,
    provider_doc,
)
from sandbox.printify.responses import PrintifyError
from sandbox.printify.world import Call, World


def list_blueprints(_world: World, _call: Call) -> HttpResponse:
    return ok([blueprint_doc(found) for found in BLUEPRINTS.values()])


def get_blueprint(_world: World, call: Call) -> HttpResponse:
    return ok(blueprint_doc(_blueprint(call)))


def list_providers_of(_world: World, call: Call) -> HttpResponse:
    _blueprint(call)
    return ok([provider_doc(found, whole=False) for found in PROVIDERS])


def list_variants(_world: World, call: Call) -> HttpResponse:
    """No cost: that is on products and orders alone."""
    blueprint, found = _blueprint(call), _provider(call)
    pairs = [(colour, size) for colour in COLOURS for size in SIZES]
    variants: list[Doc] = [
        {
            "id": blueprint.number * 100 + number,
            "title": f"{colour} / {size}",
            "options": {"color": colour, "size": size},
            "placeholders": [{"position": "front", "decoration_method": "dtg", "height": 3995, "width": 3153}],
            "decoration_methods": ["dtg"],
        }
        for number, (colour, size) in enumerate(pairs)
    ]
    return ok({"id": found.number, "title": found.title, "variants": variants})


def list_providers(_world: World, _call: Call) -> HttpResponse:
    return ok([provider_doc(found, whole=True) for found in PROVIDERS])


def get_provider(_world: World, call: Call) -> HttpResponse:
    return ok(provider_doc(_provider(call), whole=True))


def _blueprint(call: Call) -> Blueprint:
    found = blueprint(int(call.ids["blueprint_id"]))
    if found is None:
        raise PrintifyError(404, "Not found")
    return found


def _provider(call: Call) -> Provider:
    found = provider(int(call.ids["print_provider_id"]))
    if found is None:
        raise PrintifyError(404, "Not found")
    return found
