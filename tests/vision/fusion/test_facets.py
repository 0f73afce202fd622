"""Tests of how the triangles of a face are seen."""

import numpy as np
import pytest
from fakes.discs import disc_mesh

from edgefuse.vision.face.face_mesh import load_face_mesh
from edgefuse.vision.fusion.facets import OUTSIDE, make_facets
from edgefuse.vision.types import Points

MESH = disc_mesh(100, 100, 90)


def turned(degrees: float) -> Points:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return np.asarray((MESH - MESH.mean(axis=0)) @ turn.T + MESH.mean(axis=0), np.float32)


def test_the_thin_mesh_covers_the_face_with_every_edge_shared() -> None:
    topology = load_face_mesh()
    edges = [tuple(sorted((int(t[i]), int(t[i - 1])))) for t in topology.thin_triangles for i in range(3)]
    counts = {edge: edges.count(edge) for edge in set(edges)}
    rim = {tuple(sorted(pair)) for pair in zip(topology.oval.tolist(), np.roll(topology.oval, 1).tolist(), strict=True)}
    assert {edge for edge, count in counts.items() if count == 1} == rim
    assert set(counts.values()) == {1, 2}


def test_lids_and_lips_are_all_there() -> None:
    topology = load_face_mesh()
    needed = {int(p) for group in (*topology.eyes, topology.lips, topology.mouth, topology.oval) for p in group}
    assert needed <= set(topology.thin_triangles.ravel().tolist())


def test_on_a_face_that_looks_at_the_camera_nearly_all_is_well_seen() -> None:
    facets = make_facets(MESH)
    assert (facets.facing[:OUTSIDE] == 1).mean() > 0.85 and facets.is_drawn.mean() > 0.9


@pytest.mark.parametrize("degrees", [50, -50])
def test_the_far_rim_of_a_turned_head_is_not_seen(degrees: float) -> None:
    mesh = turned(degrees)
    facets = make_facets(mesh)
    hidden = facets.facing[:OUTSIDE] < 0.05
    assert 0.05 < hidden.mean() < 0.5
    nose_x = float(mesh[1, 0])
    centres = facets.corners[:, 0, :OUTSIDE].mean(axis=0)[hidden]
    is_far = centres > mesh[:, 0].mean() if nose_x > mesh[:, 0].mean() else centres < mesh[:, 0].mean()
    assert is_far.mean() > 0.9


def test_what_is_outside_is_never_seen() -> None:
    facets = make_facets(MESH)
    assert facets.facing[OUTSIDE] == 0 and not facets.is_drawn[OUTSIDE]


@pytest.mark.parametrize("mesh", [np.zeros_like(MESH), MESH * np.float32(1e-3)])
def test_a_mesh_without_area_shows_nothing(mesh: Points) -> None:
    facets = make_facets(mesh)
    assert np.isfinite(facets.facing).all() and not facets.is_drawn.any()
