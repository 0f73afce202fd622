"""Tests of the five points."""

import numpy as np
from fakes.discs import POINT, disc_mesh, disc_models, draw_discs, packet

from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages.align_faces import AlignFaces, Options
from edgefuse.vision.types import Attention, Face, Packet


def align(face: Face) -> Face:
    given = packet(draw_discs())
    stage = AlignFaces(Options(), StageContext(disc_models(), (POINT,), 240, 320, Attention()))
    return stage.run(Packet(given.frame, given.point, (face,))).faces[0]


def test_the_five_points_lie_where_they_belong_in_a_face() -> None:
    mesh = disc_mesh(160, 120, 50)
    points = align(Face(box=np.zeros(4, np.float32), score=1, eyes=mesh[:2, :2], mesh=mesh)).points
    assert points is not None
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    assert left_eye[0] < left_mouth[0] < nose[0] < right_mouth[0] < right_eye[0]
    assert left_eye[1] < nose[1] < left_mouth[1]
    # The canonical face is symmetric.
    np.testing.assert_allclose(left_eye + right_eye, (320, 2 * left_eye[1]), atol=0.1)
    np.testing.assert_allclose(nose[0], 160, atol=0.1)


def test_a_face_without_landmarks_keeps_the_points_of_its_detector() -> None:
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert align(Face(box=points[0], score=1, eyes=points[:2], points=points)).points is points
