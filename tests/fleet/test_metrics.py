"""What Prometheus is told of devices."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import pytest
from fakes.records import (
    DEPLOYMENT,
    NOW_S,
    PIPELINE,
    REPORTED_S,
    STATE,
    make_record,
    make_register,
    with_zones,
)

from edgefuse.fleet.controller import Counts
from edgefuse.fleet.exposition import Metric
from edgefuse.fleet.metrics import DEVICE_METRICS, MAX_CHARACTERS, MAX_ZONES, look
from edgefuse.fleet.page import make_page
from edgefuse.fleet.site import Member, Register
from edgefuse.fleet.store import DeviceRecord

SITE = make_register("door-3")


def show(*records: DeviceRecord, register: Register = SITE) -> list[str]:
    """Give the samples of devices."""
    page = make_page(look(records, register, NOW_S), Counts())
    return [line for line in page.splitlines() if not line.startswith(("#", "edgefuse_controller_"))]


def find(samples: Sequence[str], name: str) -> list[str]:
    """Give the samples of one metric."""
    return [sample for sample in samples if re.match(rf"edgefuse_{name}[{{ ]", sample)]


def test_a_page_has_every_figure_of_a_device() -> None:
    samples = show(make_record(deployment=DEPLOYMENT))
    assert samples == [
        'edgefuse_presence_info{device="door-3",presence="online"} 1',
        'edgefuse_device_info{device="door-3",profile="raspberry-pi-5",release="0",version="0.1.0"} 1',
        'edgefuse_label_info{device="door-3"} 1',
        'edgefuse_service_info{device="door-3",service="RUNNING"} 1',
        'edgefuse_deployment_info{device="door-3",release="7",state="ROLLED_BACK"} 1',
        'edgefuse_report_age_seconds{device="door-3"} 5.0',
        'edgefuse_report_period_seconds{device="door-3"} 10.0',
        'edgefuse_temperature_celsius{device="door-3",zone="cpu-thermal"} 51.5',
        'edgefuse_temperature_celsius{device="door-3",zone="gpu"} 49.0',
        'edgefuse_band_index{device="door-3"} 2',
        'edgefuse_throttled{device="door-3"} 1',
        'edgefuse_power_watts{device="door-3"} 4.2',
        'edgefuse_memory_bytes{device="door-3"} 180500000.0',
        'edgefuse_disk_free_bytes{device="door-3"} 9000000000.0',
        'edgefuse_source_fps{device="door-3"} 30.0',
        'edgefuse_pipeline_fps{device="door-3"} 29.8',
        'edgefuse_dropped_frames_total{device="door-3"} 2',
        'edgefuse_latency_seconds{device="door-3",percentile="50"} 0.02',
        'edgefuse_latency_seconds{device="door-3",percentile="95"} 0.028',
        'edgefuse_latency_seconds{device="door-3",percentile="99"} 0.032',
        'edgefuse_faces_per_frame{device="door-3"} 1.2',
        'edgefuse_point_index{device="door-3"} 1',
        'edgefuse_effect_info{device="door-3",effect="anonymise"} 1',
    ]


def test_samples_of_one_metric_stand_together_below_its_help_and_type() -> None:
    devices = look([make_record("door-3"), make_record("door-4")], make_register("door-3", "door-4"), NOW_S)
    lines = make_page(devices, Counts()).splitlines()
    begin = lines.index("# TYPE edgefuse_pipeline_fps gauge")
    assert lines[begin - 1] == "# HELP edgefuse_pipeline_fps Frames a second that are delivered."
    assert lines[begin + 1 : begin + 3] == [f'edgefuse_pipeline_fps{{device="door-{n}"}} 29.8' for n in (3, 4)]


def test_a_board_without_a_sensor_has_no_temperature_at_all() -> None:
    samples = show(make_record(system=with_zones()))
    assert not find(samples, "temperature_celsius")
    assert find(samples, "band_index")


def test_a_board_that_does_not_measure_its_power_has_no_sample_of_it() -> None:
    record = make_record()
    assert record.system is not None
    assert not find(show(make_record(system=msgspec.structs.replace(record.system, power_w=None))), "power_watts")


def test_a_device_without_a_running_pipeline_has_a_temperature_and_no_frame_rate() -> None:
    samples = show(make_record(pipeline=None, state=msgspec.structs.replace(STATE, service="FATAL")))
    assert find(samples, "temperature_celsius")
    assert not find(samples, "pipeline_fps")
    assert find(samples, "service_info") == ['edgefuse_service_info{device="door-3",service="FATAL"} 1']


def test_a_silent_device_has_an_age_and_no_figures() -> None:
    samples = show(make_record(presence="silent", reported_s=NOW_S - 90))
    assert find(samples, "report_age_seconds") == ['edgefuse_report_age_seconds{device="door-3"} 90.0']
    assert find(samples, "presence_info") == ['edgefuse_presence_info{device="door-3",presence="silent"} 1']
    assert not find(samples, "temperature_celsius")


def test_an_offline_device_has_no_figures_and_no_age() -> None:
    samples = show(make_record(presence="offline"))
    assert [sample.partition("{")[0] for sample in samples] == [
        "edgefuse_presence_info",
        "edgefuse_device_info",
        "edgefuse_label_info",
    ]


def test_a_device_that_is_back_has_no_figures_from_before() -> None:
    assert not find(show(make_record(reported_s=NOW_S - 3600)), "pipeline_fps")


def test_figures_of_a_metered_device_live_for_three_of_its_periods() -> None:
    state = msgspec.structs.replace(STATE, mode="metered")
    samples = show(make_record(state=state, reported_s=NOW_S - 170))
    assert find(samples, "pipeline_fps")
    assert find(samples, "report_period_seconds") == ['edgefuse_report_period_seconds{device="door-3"} 60.0']


def test_a_clock_that_was_set_back_makes_no_age_negative() -> None:
    assert find(show(make_record(reported_s=NOW_S + 5)), "report_age_seconds")[0].endswith(" 0.0")


def test_a_device_that_was_never_heard_of_is_unseen() -> None:
    assert show() == [
        'edgefuse_presence_info{device="door-3",presence="unseen"} 1',
        'edgefuse_label_info{device="door-3"} 1',
    ]


def test_strangers_and_revoked_devices_are_not_shown() -> None:
    register = make_register(door_4=Member(serial="a1", key_id="k1", is_revoked=True))
    assert show(make_record("door-4"), make_record("door-5"), register=register) == []


def test_labels_of_the_operator_name_a_device_each() -> None:
    register = make_register(door_3=Member(serial="a1", key_id="k1", labels={"site": "north", "spare": ""}))
    assert find(show(register=register), "label_info") == [
        'edgefuse_label_info{device="door-3"} 1',
        'edgefuse_label_info{device="door-3",label="site=north"} 1',
        'edgefuse_label_info{device="door-3",label="spare="} 1',
    ]


def test_no_device_can_fill_the_database_with_zones() -> None:
    samples = show(make_record(system=with_zones(**{f"zone{n:03}": 50.0 for n in range(1000)})))
    assert len(find(samples, "temperature_celsius")) == MAX_ZONES


def test_long_names_are_cut_and_stay_apart_from_each_other() -> None:
    long = "z" * MAX_CHARACTERS
    samples = find(show(make_record(system=with_zones(**{f"{long}a": 50.0, f"{long}b": 51.0}))), "temperature_celsius")
    assert samples == [f'edgefuse_temperature_celsius{{device="door-3",zone="{long}"}} 51.0']


def test_what_a_device_says_cannot_end_a_label() -> None:
    samples = find(show(make_record(system=with_zones(**{'a"} 1\nb\\': 50.0}))), "temperature_celsius")
    assert samples == ['edgefuse_temperature_celsius{device="door-3",zone="a\\"} 1\\nb\\\\"} 50.0']


def test_a_controller_adds_how_it_is() -> None:
    lines = make_page([], Counts(taken=7, unreadable=1, committed=4, delay_s=0.05, is_listening=True)).splitlines()
    assert "edgefuse_controller_messages_total 7" in lines
    assert "edgefuse_controller_safe_messages_total 4" in lines
    assert "edgefuse_controller_unreadable_messages_total 1" in lines
    assert "edgefuse_controller_delay_seconds 0.05" in lines
    assert "edgefuse_controller_listening 1" in lines
    assert "# TYPE edgefuse_controller_cpu_seconds_total counter" in lines


@pytest.mark.parametrize("metric", [metric.metric for metric in DEVICE_METRICS], ids=lambda metric: metric.name)
def test_a_name_tells_the_unit(metric: Metric) -> None:
    units = "celsius|seconds|bytes|watts|fps|per_frame|index|info|throttled|total"  # throttled is 0 or 1
    assert re.fullmatch(rf"edgefuse_[a-z_]*({units})", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")


def test_reports_are_as_old_as_their_arrival_says() -> None:
    (seen,) = look([make_record()], SITE, NOW_S)
    assert seen.age_s == NOW_S - REPORTED_S
    assert seen.pipeline is PIPELINE
