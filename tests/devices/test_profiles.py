"""Every shipped profile, as data."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec
import pytest

from edgefuse import paths, registry
from edgefuse.config import loader
from edgefuse.config.manifest import load_manifests
from edgefuse.config.profile import Profile, choose_profile, match_score
from edgefuse.planning.plan import plan
from edgefuse.planning.tasks import REQUIRED_TASKS
from edgefuse.store.release import Release

PROFILES = loader.load_folder(paths.profile_dirs()[1], Profile)  # those that ship, whatever this user has
SHIPPED_RELEASE = Release(id="0", counter=0, manifests=load_manifests(paths.manifest_dir()))
EACH = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
ON_DEVICE = pytest.mark.parametrize(
    "profile", [p for p in PROFILES.values() if not p.is_planned_only], ids=lambda p: p.id
)
TARGETS = {
    "tflite": {"cpu", "gpu", "nnapi"},
    "onnxruntime": {"cpu", "cuda", "tensorrt"},
    "openvino": {"cpu", "gpu", "npu", "myriad"},
}


def numbers(value: object) -> Iterator[float]:
    """Find every number in plain values, booleans left out."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def written(profile: Profile) -> dict[str, object]:
    """Give what the file says, without what is default in a profile and in its rules."""
    plain = msgspec.to_builtins(profile)
    plain["runtimes"] = [{k: v for k, v in rule.items() if k in {"threads", "max_opset"}} for rule in plain["runtimes"]]
    return {key: value for key, value in plain.items() if key != "origin"}


@EACH
def test_its_sample_chooses_it_among_all_and_nothing_ties(profile: Profile) -> None:
    scores = sorted((match_score(p.match, profile.sample) for p in PROFILES.values()), reverse=True)
    assert choose_profile(PROFILES.values(), profile.sample).id == profile.id
    assert scores[0] > scores[1]


@EACH
def test_every_group_with_numbers_says_where_they_are_from(profile: Profile) -> None:
    groups = written(profile)
    assert {key for key, value in groups.items() if any(numbers(value))} <= set(profile.origin)
    assert set(profile.origin) <= set(groups)
    assert all(len(text) > 20 for text in profile.origin.values())


@EACH
def test_runtimes_exist_and_end_on_the_processor(profile: Profile) -> None:
    assert {rule.id for rule in profile.runtimes} <= set(registry.names("edgefuse.runtimes"))
    assert all(rule.target in TARGETS[rule.id] for rule in profile.runtimes)
    assert profile.runtimes[-1].target == "cpu"
    places = [(rule.id, rule.target) for rule in profile.runtimes]
    assert len(set(places)) == len(places)


@EACH
def test_its_sample_has_every_runtime_and_target_that_it_asks_for(profile: Profile) -> None:
    for rule in profile.runtimes:
        fact = profile.sample.runtime(rule.id)
        assert fact is not None and fact.is_usable and fact.formats and fact.version
        assert rule.target in fact.targets


@EACH
def test_shipped_models_run_on_its_first_runtime_at_every_size_of_its_ladder(profile: Profile) -> None:
    made = plan(profile, SHIPPED_RELEASE, profile.sample)
    first = profile.runtimes[0]
    needed = [choice for task in REQUIRED_TASKS for choice in made.choices_for(task)]
    assert {(choice.runtime, choice.target) for choice in needed} == {(first.id, first.target)}
    assert {c.size_px for c in made.choices_for("detect_faces")} == {point.detect_px for point in profile.ladder}


@EACH
def test_no_session_takes_more_threads_than_half_of_the_cores_or_two(profile: Profile) -> None:
    assert all((rule.threads or 1) <= max(2, profile.sample.cores // 2) for rule in profile.runtimes)


@EACH
def test_the_worker_fits_the_sample_and_leaves_it_a_third(profile: Profile) -> None:
    assert profile.memory_mb <= profile.sample.memory_mb * 2 / 3


@ON_DEVICE
def test_a_board_is_watched_and_trips_before_it_slows_itself_down(profile: Profile) -> None:
    assert profile.zones and profile.trips
    assert all(4 <= trip.enter_c - trip.exit_c <= 10 for trip in profile.trips)
    assert all(60 <= trip.enter_c <= 90 for trip in profile.trips)  # above lies what chips do about it themselves


@ON_DEVICE
def test_its_sample_has_a_zone_for_some_trip_and_is_cool(profile: Profile) -> None:
    watched = [
        (zone, trip) for trip in profile.trips for zone in profile.sample.zones if fnmatchcase(zone.name, trip.zone)
    ]
    assert watched
    assert all(zone.temp_c is not None and zone.temp_c < trip.exit_c for zone, trip in watched)


@EACH
def test_it_claims_no_run_on_hardware_that_was_not_there(profile: Profile) -> None:
    assert (profile.hardware == "run") == (profile.id == "generic-x86-64")


def test_only_the_stick_needs_another_interpreter_and_takes_one_request() -> None:
    special = {p.id: p for p in PROFILES.values() if p.worker_python}
    assert list(special) == ["intel-nuc-ncs2"]
    stick = special["intel-nuc-ncs2"].runtimes[0]
    assert (stick.target, stick.precisions, stick.needs_static_shapes, stick.max_opset, stick.max_requests) == (
        "myriad",
        ("fp16",),
        True,
        13,
        1,
    )
