"""The ladder of every shipped profile: each row saves work, and what it gives up comes in a sensible order.

The cost model is for choosing rows; tools/bench/ladder measures them over the real pipeline.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from edgefuse import paths
from edgefuse.config import loader
from edgefuse.config.profile import OperatingPoint, Profile

PROFILES = loader.load_folder(paths.profile_dirs()[1], Profile)  # those that ship, whatever this user has
EACH = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
SLOWEST_CAMERA_HZ = 25.0

# Milliseconds of one x86-64 thread: what LiteRT or OpenVINO took for each detector and for FaceMesh, and a line
# through the mesh fusion prototype's 3.95 ms at 256 px and 2.75 ms at 192 px.
DETECT_MS = {640: 5.7, 320: 1.2, 192: 2.1, 128: 0.66}
MESH_MS = 0.75
PARSE_MS = 43.0
EFFECT_MS, EFFECT_MS_PER_PX2 = 1.2, 4.2e-5


def cost_ms(point: OperatingPoint, fixed_ms: float, face_px: int) -> float:
    """Estimate processor time for a second of video from a slow camera.

    Args:
        point: Row of a ladder.
        fixed_ms: Decoding, copies and tracking of one frame.
        face_px: Size of the face in the picture, which bounds what the effect costs.
    """
    effect_ms = EFFECT_MS + EFFECT_MS_PER_PX2 * min(point.effect_px, face_px) ** 2
    parse_ms = PARSE_MS / point.parse_every if point.parse_every else 0.0
    detect_ms, mesh_ms = DETECT_MS[point.detect_px] / point.detect_every, MESH_MS / point.mesh_every
    frame_ms = fixed_ms + detect_ms + mesh_ms + parse_ms + effect_ms
    return frame_ms * min(point.rate_hz, SLOWEST_CAMERA_HZ)


@EACH
@pytest.mark.parametrize("face_px", [64, 256, 1024])
@pytest.mark.parametrize("fixed_ms", [0.5, 10.0])
def test_each_row_saves_15_percent_of_the_row_above(profile: Profile, fixed_ms: float, face_px: int) -> None:
    costs = [cost_ms(point, fixed_ms, face_px) for point in profile.ladder]
    assert all(below <= 0.85 * above for above, below in pairwise(costs)), costs


@EACH
def test_no_row_is_better_in_anything_than_the_row_above(profile: Profile) -> None:
    for above, below in pairwise(profile.ladder):
        assert below.effect_px <= above.effect_px
        assert below.detect_px <= above.detect_px
        assert below.rate_hz < above.rate_hz


@EACH
def test_a_new_face_waits_less_than_half_a_second_for_the_detector(profile: Profile) -> None:
    assert all(point.detect_every / point.rate_hz < 0.5 for point in profile.ladder)


@EACH
def test_it_has_four_to_six_rows_down_to_a_safe_crawl(profile: Profile) -> None:
    assert 4 <= len(profile.ladder) <= 6
    assert 5 <= profile.ladder[-1].rate_hz <= 8


@EACH
def test_only_a_board_with_cores_to_spare_parses_and_only_while_it_is_cool(profile: Profile) -> None:
    assert all(point.parse_every is None for point in profile.ladder[1:])
    assert profile.ladder[0].parse_every is None or profile.sample.cores >= 6


@EACH
def test_detectors_exist_and_the_large_one_needs_an_accelerator(profile: Profile) -> None:
    sizes = {point.detect_px for point in profile.ladder}
    assert sizes <= DETECT_MS.keys()
    assert 640 not in sizes or profile.runtimes[0].target != "cpu"
