"""The dashboard: of the shape that Grafana documents (its JSON model), and about what is told."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from tests.ops.conftest import ROOT
from tests.ops.exposition import Exposition
from tests.ops.promql import metrics_of, unknown

DASHBOARD: dict[str, Any] = json.loads((ROOT / "ops/dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]
# Grafana's own panels, and units of its list, that are used here.
_TYPES = {"row", "timeseries", "stat", "table"}
_UNITS = {"none", "short", "s", "bytes", "percentunit", "reqps", "bool_yes_no"}
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def _title(panel: dict[str, Any]) -> str:
    return str(panel["title"])


def _expressions(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def test_the_dashboard_names_what_is_told(told: Exposition) -> None:
    wrong = {_title(panel): found for panel in SHOWN for one in _expressions(panel) if (found := unknown(one, told))}

    assert wrong == {}


def test_the_dashboard_shows_every_metric(told: Exposition) -> None:
    """What is told is to be seen; a histogram by its buckets, a counter by its total."""
    shown = {name for panel in SHOWN for one in _expressions(panel) for name in metrics_of(one)}
    other = ("_created", "_count", "_sum")

    assert {name for name in told.labels if not name.endswith(other)} - shown == set()


def test_it_is_the_model_of_a_dashboard() -> None:
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}

    assert (DASHBOARD["title"], DASHBOARD["uid"]) == ("Keeper", "keeper")
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD, "the number of one installation"
    assert DASHBOARD["time"] == {"from": "now-6h", "to": "now"}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    assert variables["platform"]["datasource"] == _SOURCE
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


@pytest.mark.parametrize("panel", SHOWN, ids=_title)
def test_a_panel_is_whole(panel: dict[str, Any]) -> None:
    refs = [target["refId"] for target in panel["targets"]]

    assert panel["type"] in _TYPES
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["datasource"] == _SOURCE
    assert all(target["datasource"] == _SOURCE for target in panel["targets"])
    assert refs
    assert len(set(refs)) == len(refs)
    assert panel["fieldConfig"]["defaults"]["unit"] in _UNITS
    assert panel["fieldConfig"]["overrides"] == []


def test_panels_lie_on_the_grid_and_not_on_each_other() -> None:
    places = [panel["gridPos"] for panel in PANELS]

    assert all(at["x"] >= 0 and at["x"] + at["w"] <= 24 and at["w"] > 0 and at["h"] > 0 for at in places)
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        )  # fmt: skip
        assert apart, (one, other)
