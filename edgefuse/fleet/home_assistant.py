"""Home Assistant finds every device by itself: what it is told of each is retained at the broker.

It then reads what the devices say themselves, so nothing is sent twice. It only reads: commands must be signed, and it
has no key to sign with.

Source:
    https://www.home-assistant.io/integrations/mqtt#device-discovery-payload, and the schemas of Home Assistant 2025.4
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

import edgefuse
from edgefuse.fleet.freshness import MISSED_REPORTS
from edgefuse.link.cadence import PERIODS_S
from edgefuse.link.messages import Band, Inventory, State, encode
from edgefuse.link.topics import DESIRED, PIPELINE, STATE, SYSTEM, Topic, make_topic

PREFIX = "homeassistant"
BIRTH_TOPIC = f"{PREFIX}/status"
DISCOVERY_TOPICS = f"{PREFIX}/device/+/config"
BIRTH = b"online"
"""Home Assistant says this on the topic of its birth, and wants to be told of all devices again."""

_EXPIRE_S = round(MISSED_REPORTS * PERIODS_S["metered"])
"""Older figures are shown as unavailable; the same for all devices, because one may change its mode."""


class Component(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entity, in Home Assistant's words; what depends on the device is filled in for each."""

    platform: Literal["sensor", "binary_sensor", "update"]
    name: str
    value_template: str
    unique_id: str = ""
    state_topic: str = ""
    device_class: str = ""
    state_class: str = ""
    unit_of_measurement: str = ""
    suggested_display_precision: int | None = None
    options: tuple[str, ...] = ()
    entity_category: str = ""
    expire_after: int = 0
    json_attributes_topic: str = ""
    json_attributes_template: str = ""
    latest_version_topic: str = ""
    latest_version_template: str = ""


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device, in Home Assistant's words."""

    identifiers: tuple[str, ...]
    name: str
    sw_version: str
    model: str = ""
    model_id: str = ""


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What Home Assistant is told of one device."""

    device: About
    origin: Mapping[str, str]
    availability_topic: str
    availability_template: str
    qos: Literal[1]
    components: Mapping[str, Component]


@dataclass(frozen=True, slots=True)
class Entity:
    """One row of the table: what Home Assistant shows, and where the device says it."""

    topic: Topic
    component: Component


def _measure(name: str, key: str, unit: str, digits: int, device_class: str = "") -> Component:
    return Component(
        platform="sensor",
        name=name,
        value_template=f"{{{{ value_json.{key} }}}}",
        unit_of_measurement=unit,
        device_class=device_class,
        state_class="measurement",
        suggested_display_precision=digits,
    )


def _tell_problem(name: str, condition: str) -> Component:
    template = f"{{{{ 'ON' if {condition} else 'OFF' }}}}"
    return Component(
        platform="binary_sensor",
        name=name,
        value_template=template,
        device_class="problem",
        entity_category="diagnostic",
    )


_TEMPERATURE = msgspec.structs.replace(
    _measure("Temperature", "temp_c", "°C", 1, "temperature"),
    value_template="{{ value_json.temp_c.values() | max if value_json.temp_c else none }}",
    json_attributes_template="{{ value_json.temp_c | tojson }}",
)
"""Of the hottest zone, with all zones as attributes; unknown on a board without a sensor."""

_BAND = Component(
    platform="sensor",
    name="Band",
    value_template="{{ value_json.band }}",
    device_class="enum",
    options=get_args(Band),
)
_EFFECT = Component(platform="sensor", name="Effect", value_template="{{ value_json.effect }}")
_SERVICE = Component(
    platform="sensor", name="Service", value_template="{{ value_json.service }}", entity_category="diagnostic"
)
_RELEASE = Component(
    platform="update",
    name="Release",
    value_template="{{ value_json.release }}",
    latest_version_template="{{ value_json.release }}",
)
"""Installed and desired; unknown until the fleet desires a release of this device."""

ENTITIES: Mapping[str, Entity] = {
    "temperature": Entity(SYSTEM, _TEMPERATURE),
    "band": Entity(SYSTEM, _BAND),
    "throttled": Entity(SYSTEM, _tell_problem("Throttled", "value_json.throttled")),
    "memory": Entity(SYSTEM, _measure("Memory", "mem_mb", "MB", 0, "data_size")),
    "disk_free": Entity(SYSTEM, _measure("Free disk", "disk_free_mb", "MB", 0, "data_size")),
    "fps": Entity(PIPELINE, _measure("Frame rate", "fps", "fps", 1)),
    "latency_p95": Entity(PIPELINE, _measure("Latency p95", "latency_ms.p95", "ms", 0, "duration")),
    "point": Entity(PIPELINE, _measure("Operating point", "point", "", 0)),
    "effect": Entity(PIPELINE, _EFFECT),
    "service": Entity(STATE, _SERVICE),
    "problem": Entity(STATE, _tell_problem("Problem", "value_json.service in ['BACKOFF', 'FATAL']")),
    "release": Entity(STATE, _RELEASE),
}
"""By the last part of their unique ids, which never change: Home Assistant keeps names and history by them."""


def discovery_topic(device: str) -> str:
    """Give where Home Assistant is told of a device; an empty message there takes the device away."""
    return f"{PREFIX}/device/{_identify(device)}/config"


def find_device(topic: str) -> str | None:
    """Give the device that is told of on a topic; nothing where it is none of ours."""
    name = topic.removeprefix(f"{PREFIX}/device/").removesuffix("/config")
    device = name.removeprefix(_identify(""))
    return device if topic == discovery_topic(device) else None


def describe(device: str, state: State, inventory: Inventory | None) -> About:
    """Say what a device is."""
    return About(
        identifiers=(_identify(device),),
        name=device,
        sw_version=state.version,
        model=inventory.board if inventory else "",
        model_id=inventory.profile if inventory else "",
    )


def make_discovery(device: str, about: About) -> bytes:
    """Say what Home Assistant can show of a device, as it is published."""
    told = Discovery(
        device=about,
        origin={"name": "edgefuse", "sw_version": edgefuse.__version__},
        availability_topic=make_topic(device, STATE),
        availability_template="{{ value_json.presence }}",
        qos=1,
        components={key: _make_component(device, key, entity) for key, entity in ENTITIES.items()},
    )
    return encode(told)


def _make_component(device: str, key: str, entity: Entity) -> Component:
    topic, component = make_topic(device, entity.topic), entity.component
    return msgspec.structs.replace(
        component,
        unique_id=f"{_identify(device)}_{key}",
        state_topic=topic,
        expire_after=0 if entity.topic.is_retained else _EXPIRE_S,
        json_attributes_topic=topic if component.json_attributes_template else "",
        latest_version_topic=make_topic(device, DESIRED) if component.latest_version_template else "",
    )


def _identify(device: str) -> str:
    return f"edgefuse_{device}"
