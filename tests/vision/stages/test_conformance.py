"""What every stage must do, run over every file in ``edgefuse/vision/stages/``."""

import importlib
import itertools
import tracemalloc
import typing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from fakes.discs import FRAME_NS, POINT, disc_mesh, disc_models, draw_discs, packet

from edgefuse import registry
from edgefuse.config.manifest import Manifest
from edgefuse.vision import stages
from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.face.landmarks import five_points
from edgefuse.vision.pipeline import make_pipeline
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.stage import Stage, StageContext, StageType
from edgefuse.vision.types import Attention, Face, Packet, Search

PACKAGE = "edgefuse.vision.stages"
HEIGHT_PX, WIDTH_PX = 240, 320
SIZES = [(1, 1), (2, 3), (1, 50), (16, 16), (33, 7), (HEIGHT_PX, WIDTH_PX)]
LADDER = tuple(
    msgspec.structs.replace(POINT, effect_px=px, detect_every=every, mesh_every=1 + every % 2)
    for px, every in ((64, 6), (320, 1), (192, 3), (16, 2))
)
"""Not in order: what is prepared for the first point or the last alone would not do."""
GROWTH_LIMIT_BYTES = 16_384
"""Python's own caches and counters move a little; one forgotten mesh a frame would be six times as much."""


def face(x_px: float, y_px: float, radius_px: float, track_id: int = 1) -> Face:
    mesh = disc_mesh(x_px, y_px, radius_px)
    points = five_points(mesh)
    return Face(
        box=box_around(mesh), score=0.9, eyes=points[:2], mesh=mesh, points=points, track_id=track_id,
        embedding=np.full(8, 8**-0.5, np.float32),
    )  # fmt: skip


def bare(known: Face) -> Face:
    """Give the face as a detector alone knows it."""
    return Face(box=known.box, score=known.score, eyes=known.eyes)


FACES = {
    "none": (),
    "inside": (face(160, 120, 50),),
    "two that overlap": (face(140, 120, 50), face(180, 120, 50, track_id=2)),
    "over the left border": (face(0, 120, 50),),
    "over the lower right corner": (face(320, 240, 50),),
    "outside": (face(-200, 120, 50), face(160, 900, 50, track_id=2)),
    "larger than the frame": (face(160, 120, 400),),
    "smaller than a pixel": (face(160, 120, 0.2),),
    "detected only": (bare(face(160, 120, 50)), bare(face(310, 10, 30))),
}


@pytest.fixture(params=registry.names(PACKAGE))
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StageType:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    loaded: StageType = registry.load(PACKAGE, request.param)
    return loaded


@pytest.fixture
def stage(kind: StageType) -> Iterator[Stage]:
    context = StageContext(disc_models(), (POINT,), HEIGHT_PX, WIDTH_PX, Attention())
    made = kind.make(kind.options(), context)
    yield made
    made.close()


def scene(faces: tuple[Face, ...], index: int = 0, size: tuple[int, int] = (HEIGHT_PX, WIDTH_PX)) -> Packet:
    """Give a packet with discs in the picture and faces that are said to be there."""
    pixels = draw_discs((90, 120, 40), (230, 120, 40), height_px=size[0], width_px=size[1])
    blank = packet(pixels, index)
    return Packet(blank.frame, blank.point, faces, Search.WHOLE)


def test_options_have_defaults_and_a_schema(kind: StageType) -> None:
    options = kind.options()
    assert options.__struct_config__.frozen and options.__struct_config__.forbid_unknown_fields
    assert msgspec.json.encode(msgspec.json.schema(kind.options))
    assert msgspec.json.decode(msgspec.json.encode(options), type=kind.options) == options


def test_tasks_are_tasks_of_manifests(kind: StageType) -> None:
    assert set(kind.tasks) <= set(typing.get_args(typing.get_type_hints(Manifest)["task"]))


@pytest.mark.parametrize("faces", FACES)
def test_the_frame_is_passed_on_wherever_faces_are(stage: Stage, faces: str) -> None:
    for index in range(3):
        given = scene(FACES[faces], index)
        passed = stage.run(given)
        assert passed.frame is given.frame and passed.point is given.point


@pytest.mark.parametrize("size", SIZES)
def test_frames_may_have_any_size_up_to_the_largest(stage: Stage, size: tuple[int, int]) -> None:
    for index, faces in enumerate(FACES.values()):
        given = scene(faces, index, size)
        assert stage.run(given).frame.pixels.shape == (*size, 3)


def test_the_point_may_change_with_every_frame_and_every_size_of_face(kind: StageType) -> None:
    stage = kind.make(kind.options(), StageContext(disc_models(), LADDER, HEIGHT_PX, WIDTH_PX, Attention()))
    cases = itertools.product((8, 20, 60, 110, 400), (*LADDER, *reversed(LADDER)))
    for index, (radius_px, point) in enumerate(cases):
        given = replace(scene((face(160, 120, radius_px), face(60, 60, radius_px / 2, track_id=2)), index), point=point)
        passed = stage.run(given)
        assert passed.frame is given.frame and passed.point is point
    stage.close()


def test_only_compose_stages_draw_and_only_find_stages_know_faces(kind: StageType, stage: Stage) -> None:
    given = scene(FACES["inside"])
    pixels = given.frame.pixels.copy()
    passed = stage.run(given)
    if kind.thread == "find":
        np.testing.assert_array_equal(given.frame.pixels, pixels)
    else:
        assert passed.faces == given.faces and passed.search is given.search


def test_what_is_known_of_a_face_is_not_changed_in_place(stage: Stage) -> None:
    known = face(160, 120, 50)
    stage.run(scene((known,)))
    again = face(160, 120, 50)
    for name in ("box", "eyes", "mesh", "points", "embedding"):
        np.testing.assert_array_equal(getattr(known, name), getattr(again, name))


def test_memory_does_not_grow(stage: Stage) -> None:
    packets = [scene(faces, index) for index, faces in enumerate(list(FACES.values()) * 4)]
    tracemalloc.start()
    try:
        for given in packets:
            stage.run(given)
        before, _ = tracemalloc.get_traced_memory()
        for given in packets:
            stage.run(later(given, len(packets)))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < GROWTH_LIMIT_BYTES


def later(given: Packet, frames: int) -> Packet:
    """Give the same packet some frames later."""
    frame = given.frame
    moved = replace(frame, index=frame.index + frames, captured_ns=frame.captured_ns + frames * FRAME_NS)
    return replace(given, frame=moved)


def test_adding_a_stage_takes_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "invert.py").write_text(
        '''
"""Turns the picture into its negative."""

import msgspec

from edgefuse.vision.stage import StageType


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    strength: int = 255


class Invert:
    def __init__(self, options, context):
        self._strength = options.strength

    def run(self, packet):
        packet.frame.pixels[:] = self._strength - packet.frame.pixels
        return packet

    def close(self): ...


PLUGIN: StageType = StageType(Options, Invert, thread="compose")
''',
        encoding="utf-8",
    )
    monkeypatch.setattr(stages, "__path__", [*stages.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    options = registry.load(PACKAGE, "invert").options()
    pipeline = make_pipeline({"invert": options}, disc_models(), (POINT,), StreamFormat(WIDTH_PX, HEIGHT_PX, 30.0))
    given = scene(())
    before = given.frame.pixels.copy()
    pipeline.compose[0].stage.run(given)
    np.testing.assert_array_equal(given.frame.pixels, 255 - before)
