"""Tests of asking a model what lies before a face."""

from collections.abc import Iterator

import numpy as np
import pytest
from fakes.parsing import FACE_LEVEL, HAIR_LEVEL, HAND_LEVEL, parsing_model, runs_of
from fakes.portraits import face_at, turned_face

from edgefuse.vision.fusion.covering import LATE_FRAMES, Covering
from edgefuse.vision.model import Model
from edgefuse.vision.types import Face, Pixels

SIZE_PX = 300
FACE, OTHER = face_at(90, 150, 60, track_id=1), face_at(210, 150, 60, track_id=2)


def scene(level: int = FACE_LEVEL) -> Pixels:
    """Give a frame that is all face, but for the chins, which have another level."""
    pixels: Pixels = np.full((SIZE_PX, SIZE_PX, 3), FACE_LEVEL, np.uint8)
    pixels[160:] = level
    return pixels


@pytest.fixture
def model() -> Model:
    return parsing_model()


@pytest.fixture
def covering(model: Model) -> Iterator[Covering]:
    made = Covering(model)
    yield made
    made.close()


def shares(covering: Covering, pixels: Pixels, frames: int, *faces: Face, every: int | None = 10) -> list[float | None]:
    """Give what is known of the first face in so many frames."""
    known = []
    for _ in range(frames):
        covering.begin({face.track_id for face in faces})
        known.append(covering.share(faces[0].track_id))
        covering.look(faces, pixels, every)
    return known


def test_a_hand_is_told_a_fixed_number_of_frames_after_the_first_look(covering: Covering) -> None:
    told = shares(covering, scene(HAND_LEVEL), 10, FACE)
    assert told[:LATE_FRAMES] == [None] * LATE_FRAMES
    assert all(share is not None and share > 0.9 for share in told[LATE_FRAMES:])


@pytest.mark.parametrize("level", [FACE_LEVEL, HAIR_LEVEL], ids=["face", "hair"])
def test_face_and_hair_cover_nothing(covering: Covering, level: int) -> None:
    assert shares(covering, scene(level), 10, FACE)[LATE_FRAMES:] == [0] * (10 - LATE_FRAMES)


def test_the_next_look_tells_when_the_hand_has_left(covering: Covering) -> None:
    shares(covering, scene(HAND_LEVEL), 5, FACE)
    told = shares(covering, scene(), 10, FACE)
    assert told[0] is not None and told[0] > 0.9 and told[-1] == 0


def test_it_looks_every_so_many_frames_and_not_at_all_where_the_point_does_not_ask(
    covering: Covering, model: Model
) -> None:
    shares(covering, scene(HAND_LEVEL), 30, FACE, every=10)
    assert runs_of(model) == 3
    assert shares(covering, scene(HAND_LEVEL), 30, FACE, every=None)[1:] == [None] * 29
    assert runs_of(model) == 3


def test_faces_take_turns(covering: Covering, model: Model) -> None:
    shares(covering, scene(HAND_LEVEL), 2 * LATE_FRAMES + 1, FACE, OTHER)
    assert runs_of(model) == 2
    assert all((covering.share(face.track_id) or 0) > 0.9 for face in (FACE, OTHER))


def test_what_is_forgotten_is_looked_at_anew_and_an_answer_on_its_way_does_not_count(covering: Covering) -> None:
    shares(covering, scene(HAND_LEVEL), 2, FACE)
    covering.forget(FACE.track_id)
    told = shares(covering, scene(), 15, FACE, every=100)
    assert set(told[:LATE_FRAMES]) == {None} and set(told) == {None, 0}


def test_what_the_border_of_the_frame_would_go_on_with_covers_nothing(covering: Covering) -> None:
    pixels = scene()
    pixels[:, :2] = HAND_LEVEL
    share = shares(covering, pixels, 10, face_at(10, 150, 60))[-1]
    assert share is not None and share < 0.3


def test_what_slides_under_the_far_cheek_of_a_turned_head_covers_nothing(covering: Covering) -> None:
    pixels = scene()
    pixels[:, :128] = HAND_LEVEL
    assert shares(covering, pixels, 10, turned_face(0.5))[-1] == 0


def test_a_model_that_fails_says_nothing_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    covering = Covering(parsing_model(is_broken=True))
    assert shares(covering, scene(HAND_LEVEL), 40, FACE) == [None] * 40
    assert caplog.messages == ["cannot tell whether something covers a face: cannot run: broken"]
    covering.close()
