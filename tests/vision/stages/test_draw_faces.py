"""Tests of the debugging view."""

import numpy as np
from fakes.discs import POINT, disc_mesh, disc_models, draw_discs, packet

from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.face.landmarks import five_points
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages.draw_faces import DETECTED, FOLLOWED, MESH, DrawFaces, Options
from edgefuse.vision.types import Attention, Face, Packet, Pixels


def draw(face: Face) -> Pixels:
    given = packet(draw_discs())
    stage = DrawFaces(Options(), StageContext(disc_models(), (POINT,), 240, 320, Attention()))
    return stage.run(Packet(given.frame, given.point, (face,))).frame.pixels


def test_landmarks_and_box_are_drawn_where_they_are() -> None:
    mesh = disc_mesh(160, 120, 60)
    box = box_around(mesh)
    pixels = draw(Face(box=box, score=1, eyes=five_points(mesh)[:2], mesh=mesh, track_id=3))
    x, y = np.round(mesh[152, :2]).astype(int)
    assert tuple(pixels[y, x]) in (MESH, FOLLOWED)
    assert tuple(pixels[int(box[3]), 160]) in (FOLLOWED, MESH)
    assert not pixels[:40].any()


def test_a_face_that_nobody_follows_looks_different() -> None:
    box = np.array((50, 50, 100, 100), np.float32)
    pixels = draw(Face(box=box, score=1, eyes=box.reshape(2, 2)))
    assert tuple(pixels[100, 75]) == DETECTED
