"""Tests of fusing a donor onto faces."""

import itertools
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from fakes.discs import POINT, disc_models, packet
from fakes.parsing import HAND_LEVEL, parsing_model, runs_of
from fakes.portraits import face_at, hull_mask, psnr_db, texture

from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.vision.fusion.person import person_path
from edgefuse.vision.fusion.reference import load_reference
from edgefuse.vision.model import Models
from edgefuse.vision.pipeline import load_options, stage_names
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages import fuse_mesh
from edgefuse.vision.stages.fuse_mesh import FuseMesh, Options
from edgefuse.vision.types import Attention, Face, Packet, Pixels, Search

HEIGHT_PX, WIDTH_PX = 360, 480
FACE = face_at(240, 180, 110)


def bright(height_px: int, width_px: int, seed: int) -> Pixels:
    """Draw a texture that the models of discs take for white."""
    return np.asarray(160 + texture(height_px, width_px, seed).astype(int) // 6, np.uint8)


def portrait(seed: int = 1) -> Pixels:
    """Draw the person of ``FACE`` before black."""
    picture = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    disc = cv2.circle(np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8), (240, 180), 110, 255, -1) > 0
    picture[disc] = bright(HEIGHT_PX, WIDTH_PX, seed)[disc]
    return picture


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "donor.png"
    cv2.imwrite(str(path), portrait())
    return str(path)


def point_of(effect_px: int) -> OperatingPoint:
    return msgspec.structs.replace(POINT, effect_px=effect_px)


def make(photo: str, effect_px: int = 256, **options: object) -> FuseMesh:
    context = StageContext(disc_models(), (point_of(effect_px),), HEIGHT_PX, WIDTH_PX, Attention())
    return FuseMesh(msgspec.convert({"face": photo, **options}, Options), context)


def passed(stage: FuseMesh, pixels: Pixels, *faces: Face, effect_px: int = 256, index: int = 0) -> Packet:
    blank = packet(pixels, index, point_of(effect_px))
    return stage.run(Packet(blank.frame, blank.point, faces, Search.WHOLE))


def fused(stage: FuseMesh, pixels: Pixels, *faces: Face, effect_px: int = 256, index: int = 0) -> Pixels:
    return passed(stage, pixels, *faces, effect_px=effect_px, index=index).frame.pixels


def changed(before: Pixels, after: Pixels) -> np.ndarray:
    return np.asarray((before != after).any(axis=2))


def test_a_donor_fused_onto_itself_looks_as_before(photo: str) -> None:
    target = portrait()
    result = fused(make(photo), target, FACE)
    inside = hull_mask(FACE, HEIGHT_PX, WIDTH_PX)
    assert psnr_db(result[inside], target[inside]) > 35


def test_another_face_takes_the_donors_features(photo: str) -> None:
    target, donor = portrait(seed=2), portrait(seed=1)
    result = fused(make(photo), target, FACE)
    middle = (slice(150, 210), slice(205, 275))
    far, near = (float(np.corrcoef(p[middle].ravel(), donor[middle].ravel())[0, 1]) for p in (target, result))
    assert near > 0.9 > far


@pytest.mark.parametrize("x_px", [240, 80, 400])
@pytest.mark.parametrize("y_px", [180, 90, 270])
def test_pixels_outside_of_the_hull_keep_every_bit(photo: str, x_px: int, y_px: int) -> None:
    target, face = texture(HEIGHT_PX, WIDTH_PX, seed=5), face_at(x_px, y_px, 110)
    difference = changed(target, fused(make(photo), target, face))
    inside = cv2.dilate(hull_mask(face, HEIGHT_PX, WIDTH_PX).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert difference[inside].mean() > 0.5
    assert not difference[~inside].any()


def test_a_face_larger_than_the_frame_is_fused_as_far_as_it_is_seen(photo: str) -> None:
    target = texture(HEIGHT_PX, WIDTH_PX, seed=5)
    assert changed(target, fused(make(photo), target, face_at(240, 180, 230))).mean() > 0.5


@pytest.mark.parametrize("effect_px", [360, 192, 64])
def test_the_result_is_coarser_where_the_point_asks_for_less(photo: str, effect_px: int) -> None:
    target, face = portrait(), face_at(240, 180, 160)
    result = fused(make(photo, effect_px), target, face, effect_px=effect_px)
    fine = fused(make(photo, 360), target, face, effect_px=360)
    assert psnr_db(result, fine) > 22


def test_a_smaller_point_works_on_smaller_memory(photo: str) -> None:
    sizes = []
    for effect_px in (512, 128):
        tracemalloc.start()
        stage = make(photo, effect_px)
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        stage.close()
    assert sizes[1] < 0.5 * sizes[0]


def test_a_frame_allocates_nothing_of_the_size_of_the_work_picture(photo: str) -> None:
    stage, target, face = make(photo, 512), texture(HEIGHT_PX, WIDTH_PX, seed=5), face_at(240, 180, 230)
    given = packet(target, 0, point_of(512))
    known = Packet(given.frame, given.point, (face,), Search.WHOLE)
    stage.run(known)
    tracemalloc.start()
    stage.run(known)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All triangles' corners and maps together; one map of the work picture alone has 700 kB.
    assert peak < 600_000


def test_only_the_surest_face_is_fused_unless_all_are_asked_for(photo: str) -> None:
    target = texture(HEIGHT_PX, WIDTH_PX, seed=5)
    left, right = face_at(110, 180, 80, track_id=1, score=0.92), face_at(370, 180, 80, track_id=2, score=0.95)
    best = changed(target, fused(make(photo), target, left, right))
    both = changed(target, fused(make(photo, targets="all"), target, left, right))
    assert not best[:, :240].any() and best[:, 240:].any()
    assert both[:, :240].any() and both[:, 240:].any()


def test_a_surer_face_without_a_mesh_does_not_keep_another_from_being_fused(photo: str) -> None:
    target = texture(HEIGHT_PX, WIDTH_PX, seed=5)
    detected = replace(face_at(110, 180, 80, track_id=0, score=0.95), mesh=None)
    result = fused(make(photo), target, detected, face_at(370, 180, 80, track_id=1, score=0.9))
    difference = changed(target, result)
    assert difference[:, 240:].any() and not difference[:, :240].any()


def test_the_choice_among_equally_sure_faces_does_not_jump(photo: str) -> None:
    stage, target = make(photo), texture(HEIGHT_PX, WIDTH_PX, seed=5)
    for index, (one, two) in enumerate([(0.96, 0.95), (0.95, 0.96), (0.85, 0.99)]):
        faces = (face_at(370, 180, 80, track_id=2, score=two), face_at(110, 180, 80, track_id=1, score=one))
        difference = changed(target, fused(stage, target, *faces, index=index))
        assert difference[:, :240].any() and not difference[:, 240:].any()


def test_a_face_that_leaves_the_frame_fades_out(photo: str) -> None:
    stage, target = make(photo), texture(HEIGHT_PX, WIDTH_PX, seed=5)
    changes = [
        np.abs(fused(stage, target, face_at(240 - 40 * i, 180, 110), index=i).astype(int) - target).sum()
        for i in range(10)
    ]
    assert changes[0] > 0 == changes[-1]
    fading = [change for change in changes if change]
    assert all(after < 1.2 * before for before, after in itertools.pairwise(fading))


def test_something_that_covers_the_face_is_seen(photo: str) -> None:
    stage, target = make(photo), portrait(seed=2)
    for index in range(20):
        fused(stage, target, FACE, index=index)
    covered = target.copy()
    covered[220:275, 195:285] = (90, 40, 20)
    results = [passed(stage, covered, FACE, index=20 + index) for index in range(4)]
    np.testing.assert_array_equal(results[-1].frame.pixels, covered)
    assert [result.passed_over for result in (results[0], results[-1])] == [0, 1]


def broken_mesh(value: float) -> Face:
    face = face_at(240, 180, 110)
    assert face.mesh is not None
    face.mesh[7, 1] = value
    return face


@pytest.mark.parametrize(
    "face",
    [
        Face(box=FACE.box, score=0.9, eyes=FACE.eyes),
        broken_mesh(np.nan),
        broken_mesh(np.inf),
        broken_mesh(1e9),
        face_at(240, 180, 4),
    ],
    ids=["no mesh", "nan", "infinite", "out of range", "tiny"],
)
def test_a_face_without_a_mesh_to_trust_is_left_as_it_is_and_counted(photo: str, face: Face) -> None:
    target = texture(HEIGHT_PX, WIDTH_PX, seed=5)
    result = passed(make(photo), target, face)
    np.testing.assert_array_equal(result.frame.pixels, target)
    assert result.passed_over == 1


def test_an_unsure_face_is_left_as_it_is(photo: str) -> None:
    target = texture(HEIGHT_PX, WIDTH_PX, seed=5)
    np.testing.assert_array_equal(fused(make(photo), target, face_at(240, 180, 110, score=0.4)), target)


def test_the_donor_follows_the_light_slowly_so_that_noise_does_not_flicker(photo: str) -> None:
    stage, target = make(photo), portrait(seed=2)
    middle = (slice(150, 210), slice(205, 275))
    first = fused(stage, target, FACE)[middle].mean()
    darker = np.asarray(target * 0.8, np.uint8)
    second = fused(stage, darker, FACE, index=1)[middle].mean()
    settled = [fused(stage, darker, FACE, index=i)[middle].mean() for i in range(2, 60)][-1]
    assert abs(second - first) < 0.15 * abs(settled - first)
    assert settled < 0.85 * first


def test_a_still_face_is_fused_the_same_in_every_frame(photo: str) -> None:
    stage, target = make(photo), portrait(seed=2)
    first = fused(stage, target, FACE)
    np.testing.assert_array_equal(fused(stage, target, FACE, index=1), first)


def test_a_donor_without_a_face_is_refused_when_the_stage_is_made(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.zeros((300, 300, 3), np.uint8))
    with pytest.raises(EdgefuseError, match="no face found"):
        make(str(tmp_path / "wall.png"))


def test_models_for_a_person_are_asked_for_only_when_there_is_no_donor(photo: str, root: Path) -> None:
    asked = fuse_mesh.PLUGIN.preparing_tasks
    assert asked(Options(face=photo)) == ("parse_faces",)
    assert asked(Options(seed=29)) == ("parse_faces", "make_person")
    FuseMesh(Options(seed=29), StageContext(disc_models(), (POINT,), HEIGHT_PX, WIDTH_PX, Attention()))
    assert asked(Options(seed=29)) == ("parse_faces",) and root.exists()
    person_path(29).with_suffix(".hair.png").touch()
    assert asked(Options(seed=29)) == ()


def test_the_donor_can_be_drawn_before_the_stage_is_made(photo: str, root: Path) -> None:
    fuse_mesh.PLUGIN.prepare(Options(face=photo), Models(()))
    assert not root.exists()
    fuse_mesh.PLUGIN.prepare(Options(), Models(m for m in disc_models() if m.manifest.task == "make_person"))
    assert fuse_mesh.PLUGIN.preparing_tasks(Options()) == ("parse_faces",)


def test_only_the_person_of_the_reference_is_fused(photo: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "me.png"), portrait(seed=2))
    stage = make(photo, targets="reference", reference=str(tmp_path / "me.png"))
    me = load_reference(tmp_path / "me.png", disc_models(), POINT)
    target = texture(HEIGHT_PX, WIDTH_PX, seed=5)
    left, right = (
        replace(face_at(x_px, 180, 80, track_id), embedding=embedding)
        for x_px, track_id, embedding in ((110, 1, -me), (370, 2, me))
    )
    difference = changed(target, fused(stage, target, left, right))
    assert not difference[:, :240].any() and difference[:, 240:].any()


@pytest.mark.parametrize(("parse_every", "is_looked_at"), [(5, True), (None, False)])
def test_a_model_looks_for_what_covers_faces_where_the_point_asks_for_it(
    photo: str, parse_every: int | None, is_looked_at: bool
) -> None:
    point, parser = msgspec.structs.replace(POINT, parse_every=parse_every), parsing_model()
    context = StageContext(Models([*disc_models(), parser]), (point,), HEIGHT_PX, WIDTH_PX, Attention())
    stage = FuseMesh(Options(face=photo), context)
    before, target = runs_of(parser), np.full((HEIGHT_PX, WIDTH_PX, 3), HAND_LEVEL, np.uint8)
    for index in range(10):
        made = stage.run(Packet(packet(target.copy(), index, point).frame, point, (FACE,), Search.WHOLE))
    stage.close()
    assert not any(thread.name.startswith("parse") for thread in threading.enumerate())
    assert (runs_of(parser) > before) is is_looked_at is (made.passed_over == 1)
    assert fuse_mesh.PLUGIN.lasting_tasks((POINT, point)) == ("parse_faces",) * is_looked_at


def test_embeddings_are_made_only_where_a_person_is_looked_for() -> None:
    wanted = {"fuse_mesh": {"targets": "reference", "reference": "me.png"}}
    names = stage_names("fuse_mesh", wanted)
    assert names.index("align_faces") < names.index("embed_faces") < names.index("fuse_mesh")
    assert "embed_faces" not in stage_names("fuse_mesh")


@pytest.mark.parametrize("options", [{"targets": "reference"}, {"reference": "me.png"}])
def test_a_reference_without_its_option_is_refused(photo: str, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="set both targets=reference and reference=PHOTO"):
        make(photo, **options)


def test_settings_are_checked_against_the_schema() -> None:
    loaded = load_options({"fuse_mesh": fuse_mesh.PLUGIN}, {"fuse_mesh": {"seed": "2", "targets": "all"}})
    assert loaded["fuse_mesh"] == Options(seed=2, targets="all")
