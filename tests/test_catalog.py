"""What the platforms hold is a value of each process, made from its settings."""

from __future__ import annotations

import pytest

from execution.app import App
from execution.catalog import BUILT_IN, CATALOG, PLATFORMS, Catalog, register
from execution.errors import UserError
from execution.settings import Settings
from execution.streams import Derivation
from tests.test_settings import WHOLE


def first_steps(app, platform="shopify"):
    return [entity.steps[0].name for entity in app.catalog.of(platform)]


def test_two_processes_read_shopify_each_by_its_own_setting():
    """Made side by side, in any order: neither changes what the other reads."""
    by_graphql = App(settings=Settings.load(WHOLE))
    by_rest = App(settings=Settings.load({**WHOLE, "SHOPIFY_READ": "rest"}))

    before, rest = first_steps(by_graphql), first_steps(by_rest)

    assert rest == ["rest_orders", "products", "variants", "rest_customers"]
    assert before == first_steps(by_graphql) == ["orders", "products", "variants", "customers"]
    assert by_rest.catalog.find("shopify", "orders").steps[0].name == "rest_orders"


def test_entities_have_the_same_names_whichever_way_they_are_read():
    """The directive's job table and the job rows name them alike."""
    rest = Catalog(readings={"shopify": "rest"})

    assert {p: [e.name for e in rest.of(p)] for p in PLATFORMS} == {
        p: [e.name for e in CATALOG.of(p)] for p in PLATFORMS
    }


def test_a_platform_of_the_same_name_is_refused():
    """Two packages that call themselves alike would share rows."""
    with pytest.raises(ValueError, match="there is a platform etsy already"):
        register(PLATFORMS["etsy"])

    assert PLATFORMS["etsy"] is BUILT_IN[0]


@pytest.mark.parametrize(("platform", "entity", "known"), [("ebay", "orders", "etsy"), ("etsy", "colours", "orders")])
def test_what_is_unknown_is_told_with_what_is_known(platform, entity, known):
    with pytest.raises(UserError) as refused:
        CATALOG.find(platform, entity)

    assert known in str(refused.value)


def test_nothing_of_printifys_is_asked_for_that_has_a_limit_of_its_own():
    """Its catalog and publishing do (sheet, section 4); the budget knows one rate an account."""
    steps = [step for entity in [*CATALOG.of("printify"), CATALOG.find("printify", "changes")] for step in entity.steps]
    paths = {step.path for step in steps if not isinstance(step, Derivation)}

    assert paths
    assert {path.split("/")[3].partition(".")[0] for path in paths} <= {"orders", "products"}
    assert all(path.startswith("/shops/{shop_id}/") and "publish" not in path for path in paths)
