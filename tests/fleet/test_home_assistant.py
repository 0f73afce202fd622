"""What Home Assistant is told of a device; its own schemas are tried by tools/home_assistant_schema."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes.records import INVENTORY, PIPELINE, STATE, SYSTEM

import edgefuse
from edgefuse.fleet.home_assistant import describe, discovery_topic, find_device, make_discovery
from edgefuse.link.messages import Desired
from edgefuse.link.topics import parse_topic

GOLDEN = Path(__file__).with_name("home_assistant_discovery.json")
TOLD: dict[str, Any] = json.loads(make_discovery("door-3", describe("door-3", STATE, INVENTORY)))  # as it is sent
COMPONENTS: dict[str, dict[str, Any]] = TOLD["components"]
SAID = {type(message): json.loads(msgspec.json.encode(message)) for message in (STATE, SYSTEM, PIPELINE)}
SAID[Desired] = json.loads(msgspec.json.encode(Desired(release="7", deployment="d1", seq=1)))

UNITS = {"temperature": "°C", "data_size": "MB", "duration": "ms"}
"""Home Assistant converts units of these classes, and refuses others."""


def test_a_device_is_told_as_home_assistant_has_accepted_it() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    golden["origin"]["sw_version"] = edgefuse.__version__
    assert golden == TOLD


def test_a_device_is_told_on_a_topic_of_its_own() -> None:
    assert discovery_topic("door-3") == "homeassistant/device/edgefuse_door-3/config"
    assert find_device("homeassistant/device/edgefuse_door-3/config") == "door-3"


@pytest.mark.parametrize(
    "topic", ["homeassistant/status", "homeassistant/device/lamp/config", "edgefuse_door-3/config"]
)
def test_topics_of_others_are_of_no_device(topic: str) -> None:
    assert find_device(topic) is None


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_reads_what_the_device_says(name: str) -> None:
    component = COMPONENTS[name]
    pairs = [("state_topic", "value_template")]
    pairs += [("json_attributes_topic", "json_attributes_template")] if "json_attributes_topic" in component else []
    pairs += [("latest_version_topic", "latest_version_template")] if "latest_version_topic" in component else []
    for topic, template in pairs:
        address = parse_topic(component[topic])
        assert address.device == "door-3"
        assert address.topic.content is not None
        for path in re.findall(r"value_json\.(\w+(?:\.p\d+)?)", component[template]):
            key, _, part = path.partition(".")
            value = SAID[address.topic.content][key]  # raises KeyError where there is none
            assert not part or part in value


@pytest.mark.parametrize("name", COMPONENTS)
def test_figures_have_the_unit_of_their_class(name: str) -> None:
    component = COMPONENTS[name]
    kind = component.get("device_class")
    if kind in UNITS:
        assert component["unit_of_measurement"] == UNITS[kind]
    if kind == "enum":
        assert component["options"] == ["cool", "warm", "hot", "critical"]
        assert "state_class" not in component  # refused together


@pytest.mark.parametrize("name", COMPONENTS)
def test_only_what_is_retained_lasts_for_ever(name: str) -> None:
    component = COMPONENTS[name]
    is_retained = parse_topic(component["state_topic"]).topic.is_retained
    assert ("expire_after" in component) is not is_retained


def test_every_component_has_an_id_and_a_name_of_its_own() -> None:
    ids = {component["unique_id"] for component in COMPONENTS.values()}
    assert ids == {f"edgefuse_door-3_{name}" for name in COMPONENTS}
    assert max(Counter(component["name"] for component in COMPONENTS.values()).values()) == 1


def test_a_device_whose_inventory_is_not_known_has_no_model() -> None:
    about = json.loads(make_discovery("door-3", describe("door-3", STATE, None)))["device"]
    assert about == {"identifiers": ["edgefuse_door-3"], "name": "door-3", "sw_version": "0.1.0"}
