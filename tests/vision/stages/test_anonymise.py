"""Tests of hiding faces in frames; what is hidden when is tested with ``edgefuse.vision.cover.veil``."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from benching.anonymity import measure
from fakes.discs import POINT, disc_models, packet
from fakes.portraits import face_at, hull_mask, texture

from edgefuse.errors import EdgefuseError
from edgefuse.vision.model import Models
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages import detect_faces, track_faces
from edgefuse.vision.stages.anonymise import PLUGIN, Anonymise, Method, Options
from edgefuse.vision.types import Attention, Face, Packet, Pixels, Search

HEIGHT_PX, WIDTH_PX = 360, 480
FACE = face_at(240, 180, 80)
NOWHERE = Face(box=np.full(4, np.nan, np.float32), score=0.9, eyes=np.zeros((2, 2), np.float32))


def make(attention: Attention | None = None, **options: object) -> Anonymise:
    context = StageContext(disc_models(), (POINT,), HEIGHT_PX, WIDTH_PX, attention or Attention())
    return Anonymise(msgspec.convert(options, Options), context)


def hidden(
    stage: Anonymise, *faces: Face, search: Search = Search.WHOLE, index: int = 0, seed: int = 1
) -> tuple[Pixels, np.ndarray]:
    """Give a frame as it leaves, and which of its pixels were changed."""
    before = texture(HEIGHT_PX, WIDTH_PX, seed)
    blank = packet(before, index)
    after = stage.run(Packet(blank.frame, blank.point, faces, search)).frame.pixels
    return after, (before != after).any(axis=2)


def is_whole(changed: np.ndarray) -> bool:
    return bool(changed.mean() > 0.99)


@pytest.mark.parametrize("method", ["solid", "pixelate", "blur"])
def test_all_faces_are_hidden_and_nothing_far_from_them_is_touched(method: str) -> None:
    faces = (face_at(120, 180, 60), face_at(360, 180, 60, track_id=2), face_at(240, 40, 20, track_id=0))
    _, changed = hidden(make(method=method), *faces)
    for face in faces:
        assert changed[hull_mask(face, HEIGHT_PX, WIDTH_PX)].mean() > 0.99
    assert not changed[:, :15].any() and not changed[300:].any() and not changed[:, 465:].any()


def test_the_first_frames_are_hidden_until_a_detector_has_looked() -> None:
    stage = make()
    assert is_whole(hidden(stage, search=Search.NONE)[1])
    assert is_whole(hidden(stage, search=Search.FAILED, index=1)[1])
    assert not hidden(stage, search=Search.WHOLE, index=2)[1].any()


def test_a_lost_face_stays_hidden_then_the_frame_is_then_all_is_clear() -> None:
    stage = make(hold_s=1.0)
    hidden(stage, FACE)
    place = hull_mask(FACE, HEIGHT_PX, WIDTH_PX)
    held = hidden(stage, search=Search.TRACKED, index=25)[1]
    assert held[place].mean() > 0.99 and not is_whole(held)
    assert is_whole(hidden(stage, search=Search.TRACKED, index=40)[1])
    assert not hidden(stage, search=Search.WHOLE, index=41)[1].any()


def test_a_failure_with_a_face_held_keeps_it_hidden() -> None:
    stage = make()
    hidden(stage, FACE)
    changed = hidden(stage, search=Search.FAILED, index=1)[1]
    assert changed[hull_mask(FACE, HEIGHT_PX, WIDTH_PX)].mean() > 0.99


def test_a_face_whose_place_is_no_number_hides_the_whole_frame() -> None:
    stage = make()
    hidden(stage)
    assert is_whole(hidden(stage, NOWHERE, index=1)[1])


def test_a_followed_face_shows_the_same_colours_whatever_is_below() -> None:
    stage = make()
    first, _ = hidden(stage, FACE, seed=1)
    second, _ = hidden(stage, FACE, index=1, seed=2)
    place = hull_mask(FACE, HEIGHT_PX, WIDTH_PX)
    np.testing.assert_array_equal(first[place], second[place])


def test_colours_are_forgotten_with_the_face() -> None:
    stage = make(hold_s=0.5)
    first, _ = hidden(stage, FACE, seed=1)
    for index in range(1, 60):
        hidden(stage, index=index)
    later, _ = hidden(stage, FACE, index=60, seed=2)
    place = hull_mask(FACE, HEIGHT_PX, WIDTH_PX)
    assert (first[place] != later[place]).any()


def test_faces_that_nobody_follows_show_the_same_colours_too() -> None:
    stage, face = make(), face_at(240, 180, 80, track_id=0)
    first, _ = hidden(stage, face, seed=1)
    second, _ = hidden(stage, face, index=1, seed=2)
    np.testing.assert_array_equal(first[180, 200:280], second[180, 200:280])


@pytest.mark.parametrize(("search_every", "searched"), [(1, [0, 1, 2, 3, 4, 5]), (3, [0, 3])])
def test_the_tracker_searches_as_often_as_the_effect_asks(search_every: int, searched: list[int]) -> None:
    attention = Attention()
    context = StageContext(disc_models(), (POINT,), HEIGHT_PX, WIDTH_PX, attention)
    find = (
        detect_faces.DetectFaces(detect_faces.Options(), context),
        track_faces.TrackFaces(track_faces.Options(), context),
    )
    make(attention, search_every=search_every)
    seen = []
    for index in range(6):
        given = packet(np.full((HEIGHT_PX, WIDTH_PX, 3), 0, np.uint8), index)
        given.frame.pixels[100:200, 100:200] = 255
        for stage in find:
            given = stage.run(given)
        if given.search is Search.WHOLE:
            seen.append(index)
    assert seen == searched


@pytest.mark.usefixtures("root")
def test_with_a_mesh_everybody_wears_a_stranger_and_nothing_of_what_was_there() -> None:
    stage, plain = make(method="mesh"), make(method="pixelate")
    first, changed = hidden(stage, FACE, seed=1)
    assert changed[hull_mask(FACE, HEIGHT_PX, WIDTH_PX)].mean() > 0.99
    assert (first != hidden(plain, FACE, seed=1)[0]).any()
    # The same colours as in the first frame, whatever is below in the second: only they may be of the face.
    again = hidden(stage, FACE, index=1, seed=2)[0]
    place = hull_mask(FACE, HEIGHT_PX, WIDTH_PX)
    np.testing.assert_array_equal(first[place], again[place])


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("mesh", [None, np.full((468, 3), np.nan, np.float32)], ids=["none", "nan"])
def test_a_face_without_a_usable_mesh_is_pixelated(mesh: np.ndarray | None) -> None:
    face = replace(FACE, mesh=mesh)
    shown = hidden(make(method="mesh"), face)[0]
    np.testing.assert_array_equal(shown, hidden(make(method="pixelate"), face)[0])


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("score", [0.9, 0.5])
def test_a_held_face_and_an_unsure_one_are_pixelated(score: float) -> None:
    masked, plain = make(method="mesh"), make(method="pixelate")
    face = replace(FACE, score=score)
    hidden(masked, face), hidden(plain, face)
    lost = () if score == 0.9 else (face,)
    for index in (1, 2):
        shown, expected = (hidden(stage, *lost, index=index)[0] for stage in (masked, plain))
        np.testing.assert_array_equal(shown, expected)


@pytest.mark.usefixtures("root")
def test_nobody_wears_a_stranger_while_the_whole_frame_is_hidden() -> None:
    shown = hidden(make(method="mesh"), FACE, NOWHERE, search=Search.FAILED)[0]
    np.testing.assert_array_equal(shown, hidden(make(method="pixelate"), FACE, NOWHERE, search=Search.FAILED)[0])


@pytest.mark.usefixtures("root")
def test_without_models_for_strangers_the_other_way_is_named() -> None:
    models = Models(m for m in disc_models() if m.manifest.task != "make_person")
    context = StageContext(models, (POINT,), HEIGHT_PX, WIDTH_PX, Attention())
    with pytest.raises(EdgefuseError, match=r"anonymise\.method=pixelate"):
        Anonymise(Options(method="mesh"), context)


@pytest.mark.usefixtures("root")
def test_models_for_strangers_are_asked_for_until_they_were_drawn() -> None:
    asked = PLUGIN.preparing_tasks
    assert asked(Options()) == () and asked(Options(method="mesh")) == ("make_person",)
    make(method="mesh")
    assert asked(Options(method="mesh")) == ()
    assert PLUGIN.wanted_stages(Options(method="mesh")) == ("embed_faces",) and PLUGIN.wanted_stages(Options()) == ()


@pytest.mark.usefixtures("root")
def test_strangers_can_be_drawn_before_the_stage_is_made() -> None:
    PLUGIN.prepare(Options(), Models(()))
    PLUGIN.prepare(Options(method="mesh"), Models(m for m in disc_models() if m.manifest.task == "make_person"))
    assert PLUGIN.preparing_tasks(Options(method="mesh")) == ()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pixelate", "mesh"])
def test_nobody_finds_the_person_of_the_default_clip(default_clip: Path, method: Method) -> None:
    assert default_clip.is_file()
    report = measure(method, judge_every=10)
    assert report.frames == 1337
    assert report.worst_cosine is None or report.worst_cosine <= 0.3
    assert report.outside_db is None
