"""Tests of watching faces: what makes them fade."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from fakes.discs import FRAME_NS, packet
from fakes.parsing import FACE_LEVEL, HAIR_LEVEL, HAND_LEVEL, parsing_model, runs_of
from fakes.portraits import face_at, texture, turned_face

from edgefuse.clock import NS_PER_S
from edgefuse.vision.fusion.covering import Covering
from edgefuse.vision.fusion.watch import Watch
from edgefuse.vision.types import Face, Frame, Pixels

HEIGHT_PX, WIDTH_PX = 240, 320
PARSE_EVERY = 10
SCENE = texture(HEIGHT_PX, WIDTH_PX, seed=1, grain_px=40)
LEFT, RIGHT = face_at(90, 120, 60, track_id=1), face_at(230, 120, 60, track_id=2)


def frame(index: int, pixels: Pixels = SCENE) -> Frame:
    return packet(pixels, index).frame


def watch_one(faces: Iterable[Face], pixels: Pixels = SCENE) -> list[float]:
    watch = Watch()
    return [watch.opacities([face], {face.track_id}, frame(i, pixels))[0] for i, face in enumerate(faces)]


BARE = np.full((HEIGHT_PX, WIDTH_PX, 3), FACE_LEVEL, np.uint8)
BEHIND_A_HAND = BARE.copy()
BEHIND_A_HAND[125:] = HAND_LEVEL
BEHIND_A_THUMB = BARE.copy()
BEHIND_A_THUMB[125:145, 80:100] = HAND_LEVEL
"""Too small for the colours, not for the model."""


def watch_parsed(
    pictures: Iterable[Pixels], covering: Covering | None, parsed_frames: int = 1000, frame_ns: int = FRAME_NS
) -> list[float]:
    """Give the opacities; after so many frames the point asks for no model any more."""
    watch, shown = Watch(covering), []
    for index, pixels in enumerate(pictures):
        seen = packet(pixels, index, captured_ns=index * frame_ns).frame
        shown += watch.opacities([LEFT], {1}, seen, PARSE_EVERY if index < parsed_frames else None)
    watch.close()
    return shown


def test_a_face_that_shows_itself_is_fused_from_the_first_frame_on() -> None:
    assert watch_one([LEFT] * 40) == [1.0] * 40


@pytest.mark.parametrize(
    "worse",
    [
        turned_face(1.1),
        turned_face(-1.1),
        face_at(0, 60, 60),
        replace(LEFT, score=0.55),
    ],
    ids=["turned left", "turned right", "leaves the frame", "unsure"],
)
def test_a_face_that_can_no_longer_be_trusted_fades_out(worse: Face) -> None:
    shown = watch_one([*[LEFT] * 5, *[worse] * 4])
    assert shown[4] == 1 and shown[5] < 1 and shown[-1] == 0


def test_a_face_that_turns_a_little_is_fused() -> None:
    assert watch_one([turned_face(0.7)] * 5) == [1.0] * 5


def test_what_covers_a_face_fades_it_out_and_what_leaves_lets_it_in_again() -> None:
    watch, covered = Watch(), SCENE.copy()
    covered[140:185, 65:115] = (120, 125, 130)
    pictures = [*[SCENE] * 30, *[covered] * 10, *[SCENE] * 30]
    shown = [watch.opacities([LEFT], {1}, frame(i, pixels))[0] for i, pixels in enumerate(pictures)]
    assert shown[29] == 1 and shown[33:42] == [0] * 9 and shown[-1] == 1
    assert max(abs(a - b) for a, b in itertools.pairwise(shown)) < 0.34


def test_faces_that_cross_fade_out_and_come_back() -> None:
    watch = Watch()
    ways: Sequence[tuple[Face, Face]] = [
        (face_at(90 + 3 * i, 110, 30, track_id=1), face_at(230 - 3 * i, 130, 30, track_id=2)) for i in range(48)
    ]
    shown = [watch.opacities(faces, {1, 2}, frame(i)) for i, faces in enumerate(ways)]
    assert shown[0] == [1, 1] and shown[23] == [0, 0]


def test_a_face_that_is_no_longer_the_target_fades_out_and_the_new_one_fades_in() -> None:
    watch = Watch()
    before = [watch.opacities([LEFT, RIGHT], {1}, frame(i)) for i in range(5)]
    after = [watch.opacities([LEFT, RIGHT], {2}, frame(5 + i)) for i in range(30)]
    assert before[-1] == [1, 0] and after[-1] == [0, 1]
    jumps = np.abs(np.diff(np.array(before + after), axis=0))
    assert jumps.max() < 0.34


def test_a_face_that_was_gone_for_a_moment_fades_in() -> None:
    watch = Watch()
    watch.opacities([LEFT], {1}, frame(0))
    watch.opacities([], {1}, frame(1))
    shown = [watch.opacities([LEFT], {1}, frame(2 + i))[0] for i in range(30)]
    assert shown[0] == 0 and shown[-1] == 1


def test_a_face_that_was_gone_for_long_is_a_new_one() -> None:
    watch = Watch()
    watch.opacities([LEFT], {1}, frame(0))
    for i in range(1, 70):
        watch.opacities([], set(), frame(i))
    assert watch.opacities([LEFT], {1}, frame(70)) == [1]
    assert 70 * FRAME_NS > 2e9


def test_what_is_there_at_first_sight_pauses_once_the_model_has_seen_it() -> None:
    shown = watch_parsed([*[BEHIND_A_HAND] * 60, *[BARE] * 40], Covering(parsing_model()))
    assert shown[0] == 1 and shown[7:60] == [0] * 53 and shown[-1] == 1
    assert max(abs(a - b) for a, b in itertools.pairwise(shown)) < 0.34


@pytest.mark.parametrize("rate_hz", [30, 15])
def test_what_stays_for_long_still_covers_the_face_where_a_model_looks(rate_hz: int) -> None:
    pictures, frame_ns = [*[BARE] * 30, *[BEHIND_A_HAND] * 400], NS_PER_S // rate_hz
    assert watch_parsed(pictures, None, frame_ns=frame_ns)[-1] == 1
    assert watch_parsed(pictures, Covering(parsing_model()), frame_ns=frame_ns)[33:] == [0] * 397


def test_where_the_model_looks_no_more_the_colours_go_on_covering_the_face() -> None:
    pictures = [*[BARE] * 30, *[BEHIND_A_HAND] * 60]
    assert watch_parsed(pictures, Covering(parsing_model()), parsed_frames=50)[33:] == [0] * 57


@pytest.mark.parametrize("start", range(40, 40 + PARSE_EVERY))
def test_a_model_keeps_no_face_away_for_longer_than_its_colours_do(start: int) -> None:
    pictures = [*[BARE] * start, *[BEHIND_A_HAND] * 50, *[BEHIND_A_THUMB] * 2, *[BARE] * 30]
    assert watch_parsed(pictures, Covering(parsing_model())) == watch_parsed(pictures, None)


@pytest.mark.parametrize("away", range(1, 9))
def test_a_hand_that_is_soon_back_is_not_taken_for_the_face(away: int) -> None:
    pictures = [*[BARE] * 30, *[BEHIND_A_HAND] * 30, *[BARE] * away, *[BEHIND_A_HAND] * 60]
    assert watch_parsed(pictures, Covering(parsing_model()))[33:] == [0] * (87 + away)


def test_what_a_hand_leaves_behind_keeps_the_face_paused() -> None:
    pictures = [*[BARE] * 30, *[BEHIND_A_HAND] * 30, *[BEHIND_A_THUMB] * 40]
    assert watch_parsed(pictures, None)[-1] == 1
    assert watch_parsed(pictures, Covering(parsing_model()))[33:] == [0] * 67


def test_the_model_looks_at_targets_only() -> None:
    model = parsing_model()
    watch = Watch(Covering(model))
    for index in range(PARSE_EVERY):
        watch.opacities([LEFT, RIGHT], {RIGHT.track_id}, frame(index, BARE), PARSE_EVERY)
    watch.close()
    assert runs_of(model) == 1


def test_what_the_model_does_not_know_pauses_by_its_colours() -> None:
    hat = BARE.copy()
    hat[:125] = HAIR_LEVEL
    shown = watch_parsed([*[BARE] * 30, *[hat] * 40], Covering(parsing_model()))
    assert shown[29] == 1 and shown[33:] == [0] * 37
