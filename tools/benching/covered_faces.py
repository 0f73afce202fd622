"""Faces with something before them, and how strongly ``fuse_mesh`` fuses them then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from benching.faces import Target, enlarge, find_faces, follow_face
from benching.finding import open_models, read_frames
from benching.looks import PARSER
from benching.occluders import COMING, STAYING, Occluder, paint
from benching.pause import BEFORE, fetch_clips, surfaces
from edgefuse.vision.fusion.covering import Covering
from edgefuse.vision.fusion.parsing import TASK
from edgefuse.vision.fusion.watch import Watch
from edgefuse.vision.types import Face, Frame

HAND_FRAMES = (1090, 1116, 1160, 1187, 1188, 1189, 1230, 1303)
"""Of the default clip: clear, fingers on one jaw and the other, the hand closes over the chin, rests, has left."""
AT_FIRST = range(1230, 1251)
"""The hand is there in the first frame; the last one is shown."""
PARSE_EVERY = 30
START = 60
"""Of the way in, in the second clip."""
RESTING = START + COMING + STAYING - 1
PAINTED = (("skin", "mouth"), ("skin", "forehead"))
"""Surfaces and places."""

Seen = tuple[Frame, Face]


def covered_faces() -> Iterator[Target]:
    """Give faces behind a hand, a hand at first sight without and with the parsing model, and painted ones."""
    seen = list(find_faces())
    yield from (target for index, target in _fused(seen) if index in HAND_FRAMES)
    at_first = [(frame, face) for frame, face in seen if frame.index in AT_FIRST]
    for covering in (None, Covering(open_models("tflite", (PARSER,)).model(TASK))):
        *_, (_, target) = _fused(at_first, covering)
        yield target
    frames = [replace(frame, pixels=enlarge(frame.pixels)) for frame in read_frames(fetch_clips()["cap13"])]
    clear = list(follow_face(frames[START - BEFORE : START + 2 * COMING + STAYING]))
    for surface, place in PAINTED:
        painted = follow_face(_painted(clear, surface, place))
        yield next(target for index, target in _fused(painted) if index == RESTING)


def _painted(seen: Sequence[Seen], surface: str, place: str) -> list[Frame]:
    """Give frames in a row, clear until something comes."""
    clear, scene = seen[:BEFORE], seen[BEFORE:]
    meshes = [face.mesh for _, face in scene if face.mesh is not None]
    occluder = Occluder(surfaces(scene[0][0].pixels, meshes[0])[surface], place)
    painted = paint([frame.pixels for frame, _ in scene], meshes, occluder)
    return [frame for frame, _ in clear] + [
        replace(frame, pixels=pixels) for (frame, _), (pixels, _) in zip(scene, painted, strict=True)
    ]


def _fused(seen: Iterable[Seen], covering: Covering | None = None) -> Iterator[tuple[int, Target]]:
    """Give the face of each frame in a row, fused as strongly as it would be."""
    watch = Watch(covering)
    for frame, face in seen:
        (opacity,) = watch.opacities([face], {face.track_id}, frame, PARSE_EVERY)
        yield frame.index, Target(frame.pixels, face, opacity)
    watch.close()
