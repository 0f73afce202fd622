"""Tests of the debugging view."""

import numpy as np
import pytest
from fakes.discs import POINT, disc_mesh, disc_models, draw_discs, packet

from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.face.landmarks import five_points
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages.draw_faces import DETECTED, FOLLOWED, MESH, TEXT, DrawFaces, Options
from edgefuse.vision.types import Attention, Face, Packet, Pixels


def draw(face: Face, height_px: int = 240, width_px: int = 320) -> Pixels:
    given = packet(draw_discs(height_px=height_px, width_px=width_px))
    stage = DrawFaces(Options(), StageContext(disc_models(), (POINT,), height_px, width_px, Attention()))
    return stage.run(Packet(given.frame, given.point, (face,))).frame.pixels


def test_landmarks_and_box_are_drawn_where_they_are() -> None:
    mesh = disc_mesh(160, 120, 60)
    box = box_around(mesh)
    pixels = draw(Face(box=box, score=1, eyes=five_points(mesh)[:2], mesh=mesh, track_id=3))
    x, y = np.round(mesh[152, :2]).astype(int)
    assert tuple(pixels[y, x]) in (MESH, FOLLOWED)
    assert tuple(pixels[int(box[3]), 160]) in (FOLLOWED, MESH)
    assert not pixels[:30].any()


def test_a_face_that_nobody_follows_looks_different() -> None:
    box = np.array((50, 50, 100, 100), np.float32)
    pixels = draw(Face(box=box, score=1, eyes=box.reshape(2, 2)))
    assert tuple(pixels[100, 75]) == DETECTED


@pytest.mark.parametrize(("height_px", "area_px"), [(300, 1), (720, 4), (1080, 9)])
def test_dots_grow_with_the_frame_or_an_encoder_that_halves_colour_would_lose_them(
    height_px: int, area_px: int
) -> None:
    mesh = np.full((468, 3), -100, np.float32)
    mesh[0] = 100
    eyes = mesh[1:3, :2]
    pixels = draw(Face(box=np.full(4, -100, np.float32), score=1, eyes=eyes, mesh=mesh), height_px, 2 * height_px)
    assert (pixels == MESH).all(axis=2).sum() == area_px


def test_label_of_a_face_at_the_border_stays_in_the_frame() -> None:
    box = np.array((-50, -80, 100, 100), np.float32)
    pixels = draw(Face(box=box, score=1, eyes=box.reshape(2, 2), track_id=1))
    ground = (pixels == FOLLOWED).all(axis=2)
    assert ground[:20, :50].mean() > 0.5
    assert (pixels[:20, :50] == TEXT).all(axis=2).any()
