"""The 468-point face mesh: which points make its triangles and its outlines.

Points are numbered as MediaPipe numbers them; ``face_mesh.json`` says where the table is from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgefuse.vision.face.landmarks import LEFT_EYE, MESH_POINTS, RIGHT_EYE

Indices = NDArray[np.intp]
"""(N,) intp: numbers of mesh points."""

CHIN = 152


@dataclass(frozen=True, slots=True)
class FaceMesh:
    """The mesh's topology, the same for every face."""

    triangles: NDArray[np.intp]
    """(898, 3); on a face that looks at the camera they turn counter-clockwise in the picture, y down."""
    thin_triangles: NDArray[np.intp]
    """(T, 3), some 300 that nearly do as well, chosen by ``tools/thin_mesh``; outline, lids and lips are all there."""
    oval: Indices
    """Outline of the whole mesh, in drawing order, as are the others."""
    eyes: tuple[Indices, Indices]
    """Edges of the lids: of the eye on the left of the picture, then of the one on the right."""
    lips: Indices
    """Outer edge of the lips."""
    mouth: Indices
    """Their inner edge."""
    skin: Indices
    """Points that see nothing but skin: without the outline, where hair hangs, and without eyes and lips."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: str
    oval: list[int]
    lips: list[int]
    mouth: list[int]
    triangles: list[tuple[int, int, int]]
    thin_triangles: list[tuple[int, int, int]]


@cache
def load_face_mesh() -> FaceMesh:
    """Load the table that ships beside this module; the arrays are shared, so nobody writes into them."""
    table = msgspec.json.decode(Path(__file__).with_suffix(".json").read_bytes(), type=_Table)
    other = {*table.oval, *LEFT_EYE, *RIGHT_EYE, *table.lips, *table.mouth}
    return FaceMesh(
        triangles=np.array(table.triangles, np.intp),
        thin_triangles=np.array(table.thin_triangles, np.intp),
        oval=np.array(table.oval, np.intp),
        eyes=(np.array(LEFT_EYE, np.intp), np.array(RIGHT_EYE, np.intp)),
        lips=np.array(table.lips, np.intp),
        mouth=np.array(table.mouth, np.intp),
        skin=np.array(sorted(set(range(MESH_POINTS)) - other), np.intp),
    )
