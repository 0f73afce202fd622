"""Tests of where a face is not plain skin."""

import numpy as np
import pytest
from fakes.discs import disc_mesh

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.features import BROW, draw_features, mirror_points, plain_skin, smile_of

MESH = disc_mesh(100, 100, 90)


@pytest.mark.parametrize(("open_px", "smile"), [(0.0, 0.0), (40.0, 1.0)])
def test_a_smile_is_told_by_how_far_the_lips_part(open_px: float, smile: float) -> None:
    topology, mesh = load_face_mesh(), MESH.copy()
    inner = mesh[topology.mouth, 1]
    middle = inner.mean()
    mesh[topology.mouth, 1] = middle + np.sign(inner - middle) * open_px / 2
    mesh[topology.lips, 1] += np.sign(mesh[topology.lips, 1] - middle) * (open_px / 2 + 4)
    assert smile_of(mesh) == smile


def test_points_of_one_side_mirror_those_of_the_other() -> None:
    topology = load_face_mesh()
    left, right = topology.eyes
    assert set(mirror_points()[left].tolist()) == set(right.tolist())


def test_plain_skin_has_neither_brows_nor_lips() -> None:
    assert not set(plain_skin().tolist()) & {*BROW, *mirror_points()[list(BROW)].tolist(), *load_face_mesh().lips}


def test_features_are_drawn_where_they_are() -> None:
    drawn = draw_features((200, 200, 3), MESH)
    seen = {point: int(drawn[tuple(np.rint(MESH[point, 1::-1]).astype(int))]) for point in (105, 13, 2, 151, 50, 152)}
    assert seen == {105: 255, 13: 255, 2: 255, 151: 0, 50: 0, 152: 0}
