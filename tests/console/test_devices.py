"""What the API tells of devices, over real sockets, from a store as controllers fill it."""

from __future__ import annotations

import gzip
import json
from typing import Any  # JSON

import msgspec
import pytest
from console.conftest import DEVICES, Place
from fakes.console import Client
from fakes.records import DEPLOYMENT, INVENTORY, PIPELINE, STATE, SYSTEM
from fakes.sayings import EVENT

from edgefuse.fleet.site import Member


def rows(client: Client) -> dict[str, Any]:
    """Give the rows by device."""
    return {row["device"]: row for row in client.ask("/api/devices").json["rows"]}


def test_a_row_has_what_a_device_said_last(place: Place, viewer: Client) -> None:
    place.say("door-3", STATE, INVENTORY, SYSTEM, PIPELINE, DEPLOYMENT)
    row = rows(viewer)["door-3"]
    told = {
        "presence": "online",
        "temp_c": 51.5,
        "band": "hot",
        "is_throttled": True,
        "power_w": 4.2,
        "fps": 29.8,
        "fps_in": 30.0,
        "latency_p95_ms": 28.0,
        "point": 1,
        "effect": "anonymise",
        "release": "0",
        "service": "RUNNING",
        "profile": "raspberry-pi-5",
        "board": "Raspberry Pi 5 Model B Rev 1.0",
        "version": "0.1.0",
    }
    assert {key: row[key] for key in told} == told
    assert row["reported_s"] == pytest.approx(row["since_s"], abs=60)
    deployment = {"release": "7", "state": "ROLLED_BACK", "is_over": True}
    assert {key: row["deployment"][key] for key in deployment} == deployment


def test_a_device_that_was_never_heard_of_is_there_without_figures(viewer: Client) -> None:
    assert {name: row["presence"] for name, row in rows(viewer).items()} == dict.fromkeys(DEVICES, "unseen")


def test_a_device_that_is_offline_has_no_figures_but_what_it_was(place: Place, viewer: Client) -> None:
    place.say("door-3", STATE, SYSTEM, PIPELINE)
    place.say("door-3", msgspec.structs.replace(STATE, presence="offline"))
    row = rows(viewer)["door-3"]
    assert (row["presence"], row["temp_c"], row["fps"], row["release"]) == ("offline", None, None, "0")
    assert row["reported_s"] is not None


def test_of_a_device_that_the_site_trusts_no_longer_nothing_is_told(place: Place, viewer: Client) -> None:
    place.say("door-3", STATE, SYSTEM)
    place.enrol("door-4", door_3=Member(serial="a1", key_id="k1", is_revoked=True))
    row = rows(viewer)["door-3"]
    assert (row["presence"], row["temp_c"], row["release"]) == ("revoked", None, None)
    assert viewer.ask("/api/devices/door-3").json["system"] is None


def test_a_stranger_at_the_broker_is_no_device(place: Place, viewer: Client) -> None:
    place.say("stranger", STATE, SYSTEM)
    assert "stranger" not in rows(viewer)
    for path in ("", "/series?metric=fps", "/status", "/picture"):
        assert viewer.ask(f"/api/devices/stranger{path}").status == 404


def test_all_devices_come_packed_for_who_can_unpack_them(place: Place, viewer: Client) -> None:
    place.say("door-3", STATE)
    packed = viewer.ask("/api/devices", Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.content))["rows"] == viewer.ask("/api/devices").json["rows"]


def test_the_overview_counts(place: Place, viewer: Client) -> None:
    place.say("door-3", STATE, SYSTEM, msgspec.structs.replace(PIPELINE, fps=20.0), DEPLOYMENT)
    overview = viewer.ask("/api/overview").json
    counted = {
        "devices": 2,
        "presence": {"online": 1, "unseen": 1},
        "bands": {"hot": 1},
        "throttled": 1,
        "slow": 1,
        "services": {"RUNNING": 1},
        "releases": {"0": 1},
        "deployments": {"ROLLED_BACK": 1},
    }
    assert {key: overview[key] for key in counted} == counted
    assert overview["oldest"]["device"] == "door-3"


def test_a_device_has_all_that_is_kept_of_it(place: Place, viewer: Client) -> None:
    place.say("door-3", STATE, INVENTORY, SYSTEM, PIPELINE, DEPLOYMENT)
    told = viewer.ask("/api/devices/door-3").json
    assert told["system"]["temp_c"] == {"cpu-thermal": 51.5, "gpu": 49.0}
    assert told["pipeline"]["latency_ms"] == {"p50": 20.0, "p95": 28.0, "p99": 32.0}
    assert told["inventory"]["rejections"] == {"yunet": ["f32 on openvino: the runtime is not installed"]}
    assert told["deployment"]["id"] == "d1"
    assert told["is_here"] is False


def test_a_series_has_a_point_for_each_step_with_reports(place: Place, viewer: Client) -> None:
    place.say("door-3", SYSTEM, msgspec.structs.replace(SYSTEM, n=2, temp_c={"cpu": 61.5}))
    series = viewer.ask("/api/devices/door-3/series?metric=temp_c").json
    assert series["metric"] == "temp_c"
    told = [{key: point[key] for key in ("mean", "min", "max", "n")} for point in series["points"]]
    assert told == [{"mean": 56.5, "min": 51.5, "max": 61.5, "n": 2}]


@pytest.mark.parametrize(
    "query",
    ["", "metric=wisdom", "metric=fps&step_s=0", "metric=fps&since_s=nan", "metric=fps&x=1", "metric=fps&metric=fps"],
)
def test_a_series_that_there_cannot_be_is_refused(query: str, viewer: Client) -> None:
    answer = viewer.ask(f"/api/devices/door-3/series?{query}")
    assert answer.status == 400
    assert answer.json["error"].startswith("cannot ")


def test_events_come_in_both_orders(place: Place, viewer: Client) -> None:
    for n in range(3):
        place.say("door-3", msgspec.structs.replace(EVENT, n=n, text=f"event {n}"))
    place.say("door-4", EVENT)
    first = viewer.ask("/api/events?device=door-3&limit=2").json["events"]
    assert [event["text"] for event in first] == ["event 0", "event 1"]
    rest = viewer.ask(f"/api/events?device=door-3&after={first[-1]['id']}").json["events"]
    assert [event["text"] for event in rest] == ["event 2"]
    last = viewer.ask("/api/events/last?limit=2").json["events"]
    assert [event["device"] for event in last] == ["door-4", "door-3"]


def test_a_site_that_is_gone_is_told_and_does_not_end_the_console(place: Place, viewer: Client) -> None:
    (place.folder / "site.json").rename(place.folder / "away")
    answer = viewer.ask("/api/devices")
    assert answer.status == 503
    assert "cannot load site" in answer.json["error"]
    (place.folder / "away").rename(place.folder / "site.json")
    assert viewer.ask("/api/devices").status == 200
