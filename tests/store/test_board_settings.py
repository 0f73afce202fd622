"""What a release changes of a profile."""

from __future__ import annotations

import msgspec
import pytest
from fakes.planned import make_manifest, make_profile, make_variant

from edgefuse.config.profile import OperatingPoint, Profile, Trip
from edgefuse.errors import StoreError
from edgefuse.store.board_settings import BoardSettings
from edgefuse.store.release import Release, decode_release, encode_release, hash_content

POINT = OperatingPoint(effect_px=128, detect_px=64, rate_hz=10, detect_every=9)


def make_board(*trips: Trip) -> Profile:
    """Describe a board with limits."""
    profile = make_profile("tflite", sizes_px=(128, 96))
    return msgspec.structs.replace(profile, zones=tuple(trip.zone for trip in trips), trips=trips)


def trip(zone: str, enter_c: float) -> Trip:
    return Trip(zone=zone, enter_c=enter_c, exit_c=enter_c - 5)


def make_release(**boards: BoardSettings) -> Release:
    manifests = (make_manifest("finder", "detect_faces", make_variant("a")),)
    return Release(id="7", counter=7, manifests=manifests, boards=boards or msgspec.UNSET)


def test_points_of_a_release_take_the_place_of_the_profiles() -> None:
    board = make_board(trip("cpu", 80))
    fitted = make_release(board=BoardSettings(ladder=(POINT,))).fit(board)
    assert fitted == msgspec.structs.replace(board, ladder=(POINT,))


@pytest.mark.parametrize(("brought_c", "holds_c"), [(70, 70), (80, 80), (95, 80)])
def test_limit_of_a_release_holds_where_it_is_lower(brought_c: float, holds_c: float) -> None:
    """A unit's owner may have lowered it further, in a profile of their own."""
    board = make_board(trip("cpu", 80), trip("npu", 90))
    fitted = make_release(board=BoardSettings(trips=(trip("cpu", brought_c), trip("gpu", 40)))).fit(board)
    assert fitted == msgspec.structs.replace(board, trips=(trip("cpu", holds_c), trip("npu", 90)))


def test_profile_that_a_release_does_not_name_stays_as_it_is() -> None:
    board = make_board(trip("cpu", 80))
    assert make_release(other=BoardSettings(ladder=(POINT,))).fit(board) == board
    assert make_release().fit(board) == board


def test_board_settings_are_content_and_releases_without_are_what_they_were() -> None:
    plain, changed = make_release(), make_release(board=BoardSettings(ladder=(POINT,)))
    # As before there were board settings: bad lists and signatures of then still hold.
    assert hash_content(plain) == "c9e07f90b2e88fdfa2923e0f3cb047bf8f3ae38154762c13c04b4131a39704a9"
    assert b"boards" not in encode_release(plain)
    assert hash_content(changed) != hash_content(plain)
    assert hash_content(make_release(board=BoardSettings(trips=(trip("cpu", 70),)))) != hash_content(changed)


def test_board_settings_travel_with_the_description() -> None:
    release = make_release(board=BoardSettings(ladder=(POINT,), trips=(trip("cpu", 70),)))
    assert decode_release(encode_release(release), "it") == release


def test_keys_of_a_later_edgefuse_are_ignored_and_what_makes_no_sense_is_refused() -> None:
    release = make_release(board=BoardSettings(ladder=(POINT,), trips=(trip("cpu", 70),)))
    description = encode_release(release)
    later = description.replace(b'"detect_px"', b'"later": 1, "detect_px"').replace(b'"zone"', b'"later": 1, "zone"')
    assert later != description and decode_release(later, "it") == release
    with pytest.raises(StoreError, match=r"cannot load it: .*exit_c must be below enter_c"):
        decode_release(description.replace(b"65", b"75"), "it")
