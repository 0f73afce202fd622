"""Which setting wins, and what a change of mind takes."""

from __future__ import annotations

import msgspec
import pytest

from edgefuse.config.profile import find_profile
from edgefuse.config.site import Site
from edgefuse.store.state import Pin, Pins
from edgefuse.supervisor.settings import Change, Wanted, compare, resolve

AT = "2026-01-01T00:00:00Z"
SITE = Site(source="pattern", sink="null")
NO_PINS = Pins()


def want(site: Site = SITE, pins: Pins = NO_PINS, governed_point: int = 0) -> Wanted:
    return resolve(site, find_profile("generic-x86-64"), pins, governed_point)


def change(**changes: object) -> Site:
    return msgspec.structs.replace(SITE, **changes)


def test_a_pin_wins_over_the_site_which_wins_over_the_governor() -> None:
    pins = Pins(point=Pin(1, AT))
    points = [want(change(pin_point=2), pins, 3), want(change(pin_point=2), governed_point=3), want(governed_point=3)]
    assert [w.point for w in points] == [1, 2, 3]
    assert [w.settings["point"].origin for w in points] == ["pin", "site", "governor"]


def test_nobody_wins_over_a_board_that_is_too_hot() -> None:
    wanted = resolve(SITE, find_profile("generic-x86-64"), Pins(point=Pin(0, AT)), 4, is_at_floor=True)
    assert (wanted.point, wanted.settings["point"].origin) == (4, "governor")


def test_the_default_is_told_from_the_same_effect_in_the_configuration() -> None:
    told = [want(SITE).settings["effect"], want(change(effect="anonymise")).settings["effect"]]
    assert [(setting.value, setting.origin) for setting in told] == [("anonymise", "default"), ("anonymise", "site")]


def test_the_cameras_password_is_for_the_worker_alone() -> None:
    wanted = want(change(source="rtsp://me:secret@camera/1?key=secret"))
    assert wanted.settings["source"].value == "rtsp://camera/1"  # status goes to the group, and to the fleet
    assert wanted.make_start().source == "rtsp://me:secret@camera/1?key=secret"


def test_a_point_below_the_ladder_is_its_last() -> None:
    assert want(change(pin_point=99)).point == 4


def test_a_pinned_effect_takes_only_its_own_settings_along() -> None:
    site = change(settings={"anonymise": {"method": "blur"}, "mark": {"text": "x"}, "fuse_mesh": {"gain": "1"}})
    start = want(site, Pins(effect=Pin("fuse_mesh", AT), face=Pin("/a.png", AT))).make_start()
    assert start.settings == {"mark": {"text": "x"}, "fuse_mesh": {"gain": "1", "face": '"/a.png"'}}


def test_a_face_is_left_out_where_the_effect_has_no_donor() -> None:
    assert want(SITE, Pins(face=Pin("/a.png", AT))).make_start().settings == {}


def test_the_memory_limit_is_the_sites_or_the_profiles() -> None:
    assert [want(change(memory_mb=300)).memory_mb, want().memory_mb] == [300, 1000]


@pytest.mark.parametrize(
    "site", [change(source="other"), change(sink="other"), change(memory_mb=500), change(profile="raspberry-pi-5")]
)
def test_what_a_worker_cannot_change_restarts_it(site: Site) -> None:
    assert compare(want(), want(site)).restart


def test_what_a_worker_can_change_does_not_restart_it() -> None:
    after = want(change(effect="none", pin_point=2), Pins(is_paused=Pin(True, AT)))
    assert compare(want(), after) == Change(effect=("none", {}))


def test_the_same_again_changes_nothing() -> None:
    assert compare(want(), want()) == Change()
