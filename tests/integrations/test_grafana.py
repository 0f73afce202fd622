"""The dashboard that ships, held against what the exporter gives; Grafana itself is not here."""

from __future__ import annotations

import json
import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from fakes.records import DEPLOYMENT, NOW_S, make_record, make_register

from edgefuse.fleet.controller import Counts
from edgefuse.fleet.metrics import look
from edgefuse.fleet.page import make_page

CHECKOUT = Path(__file__).resolve().parents[2]
BOARD: dict[str, Any] = json.loads((CHECKOUT / "integrations/grafana/edgefuse.json").read_text())  # Grafana's own form
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
PAGE = make_page(look([make_record(deployment=DEPLOYMENT)], make_register("door-3"), NOW_S), Counts())
EXPORTED = {*re.findall(r"^# TYPE (\w+)", PAGE, re.MULTILINE)}
VARIABLES = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
QUERIES += [variable["query"]["query"] for variable in VARIABLES.values() if variable["type"] == "query"]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_nothing_that_the_exporter_does_not_give(query: str) -> None:
    names = {*re.findall(r"edgefuse_\w+", query)}
    assert names
    assert names <= EXPORTED


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_uses_only_variables_that_there_are(query: str) -> None:
    assert {*re.findall(r"\$(\w+)", query)} <= {*VARIABLES, "__rate_interval"}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_reads_the_data_source_that_the_user_chose_and_has_a_unit(panel: dict[str, Any]) -> None:
    assert {panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])} == {
        "${datasource}"
    }
    properties = [entry for override in panel["fieldConfig"]["overrides"] for entry in override["properties"]]
    assert "unit" in panel["fieldConfig"]["defaults"] or [entry for entry in properties if entry["id"] == "unit"]


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for one, other in combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
    assert all(above["gridPos"]["y"] <= below["gridPos"]["y"] for above, below in pairwise(BOARD["panels"]))


def test_a_dashboard_is_found_again_by_its_id() -> None:
    assert (BOARD["uid"], BOARD["schemaVersion"]) == ("edgefuse", 39)
    assert "id" not in BOARD  # Grafana's own number, of another Grafana


def test_devices_are_chosen_by_name_and_by_label() -> None:
    assert [*VARIABLES] == ["datasource", "label", "device"]
    assert all(VARIABLES[name]["allValue"] == ".*" for name in ("label", "device"))
