"""A world in which faces are white discs on black, and the models that see and draw them.

The models are sessions like any other, bound to tensors; they look at the pixels that they are given, so that crops,
scales and colours must be right for them to find anything. The discs may be turned: what they look like does not tell.
"""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse.config.manifest import Licence, Manifest, ModelFile, Source, TensorSpec, Variant
from edgefuse.config.profile import OperatingPoint
from edgefuse.runtime import TensorInfo
from edgefuse.vision.face.canonical import load_canonical_face
from edgefuse.vision.model import Model, Models, bind_model
from edgefuse.vision.pool import Buffer, TensorPool
from edgefuse.vision.types import Frame, Packet, Pixels

Arrays = Sequence[NDArray[Any]]
Specs = tuple[TensorSpec, ...]
Look = Callable[[Arrays, Arrays], None]
"""Reads inputs, writes outputs."""

DETECT_PX, MESH_PX, EMBED_PX, PERSON_PX = 128, 192, 112, 256
POINT = OperatingPoint(effect_px=64, detect_px=DETECT_PX, rate_hz=30.0, detect_every=5, mesh_every=1)
FRAME_NS = 33_333_333

CANONICAL = load_canonical_face()


class FakeSession:
    """Runs a function instead of a network."""

    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()
    provider = "fake"

    def __init__(self, look: Look) -> None:
        self.look = look
        self.runs = 0
        self.is_open = True

    def bind(self, inputs: Arrays, outputs: Arrays) -> None:
        self._bound = inputs, outputs

    def run(self) -> None:
        self.runs += 1
        self.look(*self._bound)

    def close(self) -> None:
        self.is_open = False


def bound_model(task: Any, decoder: str, size_px: int, specs: tuple[Specs, Specs], look: Look) -> Model:
    """Describe a model with these inputs and outputs, and bind its session."""
    inputs, outputs = specs
    file = ModelFile(name="disc", sha256="0" * 64, size_bytes=1, source=Source(file="/nowhere"))
    variant = Variant(
        id="disc", format="fake", precision="fp32", size_px=size_px, files=(file,), inputs=inputs, outputs=outputs
    )
    licence = Licence(id="MIT", origin="made here", allows_commercial_use=True, allows_redistribution=True)
    manifest = Manifest(
        id="disc",
        title="Discs",
        task=task,
        decoder=decoder,
        licence=licence,
        variants=(variant,),
        embedding_space="disc",
    )
    return bind_model(manifest, variant, FakeSession(look), TensorPool())


def image(size_px: int) -> tuple[TensorSpec]:
    """Describe an image input of 0..1."""
    return (TensorSpec(name="image", shape=(1, size_px, size_px, 3), layout="nhwc", colour="rgb", scale=1 / 255),)


def disc_models(see_mesh: Look | None = None) -> Models:
    """Open all models; another mesh model may take the place of the one that sees discs."""
    boxes = (TensorSpec(name="boxes", shape=(1, 896, 16)), TensorSpec(name="logits", shape=(1, 896, 1)))
    mesh = (TensorSpec(name="mesh", shape=(1, 1, 1, 1404)), TensorSpec(name="logit", shape=(1, 1, 1, 1)))
    embedding = (TensorSpec(name="embedding", shape=(1, 8)),)
    noise, style = (TensorSpec(name="noise", shape=(1, 512)),), (TensorSpec(name="style", shape=(1, 512)),)
    person = (TensorSpec(name="person", shape=(1, 3, PERSON_PX, PERSON_PX), layout="nchw", colour="rgb"),)
    return Models(
        (
            bound_model("detect_faces", "blazeface", DETECT_PX, (image(DETECT_PX), boxes), _detect),
            bound_model("track_faces", "facemesh", MESH_PX, (image(MESH_PX), mesh), see_mesh or _see_mesh),
            bound_model("embed_faces", "embedder", EMBED_PX, (image(EMBED_PX), embedding), _embed),
            bound_model("make_person", "mapping", 1, (noise, style), _style),
            bound_model("make_person", "synthesis", PERSON_PX, (style, person), _draw_person),
        )
    )


def runs_of(models: Models, task: str) -> int:
    """Tell how often a model ran."""
    session = models.model(task).session
    assert isinstance(session, FakeSession)
    return session.runs


def disc_mesh(x_px: float, y_px: float, radius_px: float) -> NDArray[np.float32]:
    """Give the (468, 3) landmarks of the face that a disc is: the canonical face, centred, as wide as the disc."""
    low, high = CANONICAL.min(axis=0), CANONICAL.max(axis=0)
    mesh: NDArray[np.float32] = (CANONICAL - (low + high) / 2) * (2 * radius_px / (high - low)[:2].max())
    mesh += np.array((x_px, y_px, 0), np.float32)
    return mesh


def draw_discs(*discs: tuple[float, float, float], height_px: int = 240, width_px: int = 320) -> Pixels:
    """Draw x, y, radius each; drawn with sub-pixel accuracy, so that slow motion is smooth."""
    pixels: Pixels = np.zeros((height_px, width_px, 3), np.uint8)
    for x_px, y_px, radius_px in discs:
        centre = (round((x_px - 0.5) * 16), round((y_px - 0.5) * 16))
        cv2.circle(pixels, centre, round(radius_px * 16), (255, 255, 255), cv2.FILLED, cv2.LINE_AA, shift=4)
    return pixels


def packet(pixels: Pixels, index: int = 0, point: OperatingPoint = POINT, captured_ns: int | None = None) -> Packet:
    """Wrap pixels as the pipeline does; frames come at 30 a second unless a time is given."""
    buffer = Buffer(pixels.size)
    view = buffer.view(*pixels.shape[:2])
    view[:] = pixels
    return Packet(Frame(view, index, index * FRAME_NS if captured_ns is None else captured_ns, buffer), point)


def _discs(picture: NDArray[Any]) -> list[tuple[float, float, float]]:
    """Find x, y, radius of each white spot of an image of 0..1."""
    white = (picture[:, :, 1] > 0.5).astype(np.uint8)
    count, _, stats, centres = cv2.connectedComponentsWithStats(white)
    return [(*(centres[i] + 0.5), float(np.sqrt(stats[i, cv2.CC_STAT_AREA] / np.pi))) for i in range(1, count)]


def _detect(inputs: Arrays, outputs: Arrays) -> None:
    """Mark the anchor nearest to each disc."""
    boxes, logits = outputs[0][0], outputs[1][0, :, 0]
    logits[:] = -10
    cells = DETECT_PX // 8
    for x, y, radius in _discs(inputs[0][0]):
        column, row = (min(int(value // 8), cells - 1) for value in (x, y))
        anchor = (row * cells + column) * 2
        logits[anchor] = 3
        mesh = disc_mesh(x, y, radius)[:, :2] - ((column + 0.5) * 8, (row + 0.5) * 8)
        boxes[anchor, :8] = (*mesh.mean(axis=0), 1.6 * radius, 1.6 * radius, *mesh[33], *mesh[263])


def _see_mesh(inputs: Arrays, outputs: Arrays) -> None:
    """Lay the canonical face over the disc that is nearest to the middle, if one is there."""
    middle = MESH_PX / 2
    discs = sorted(_discs(inputs[0][0]), key=lambda disc: np.hypot(disc[0] - middle, disc[1] - middle))
    is_seen = bool(discs) and np.hypot(discs[0][0] - middle, discs[0][1] - middle) < middle * 0.6
    outputs[1].reshape(-1)[0] = 10 if is_seen else -10
    if is_seen:
        outputs[0].reshape(468, 3)[:] = disc_mesh(*discs[0])


def _embed(inputs: Arrays, outputs: Arrays) -> None:
    """Give the mean of the picture's columns, which is finite for every picture."""
    outputs[0][0] = inputs[0][0].mean(axis=(0, 2)).reshape(8, -1).mean(axis=1) + 0.1


def _style(inputs: Arrays, outputs: Arrays) -> None:
    """Give the noise itself."""
    outputs[0][:] = inputs[0]


def _draw_person(_inputs: Arrays, outputs: Arrays) -> None:
    """Draw one disc in red, green and blue, -1..1, with less of blue."""
    disc = draw_discs((PERSON_PX / 2, PERSON_PX / 2, PERSON_PX / 3), height_px=PERSON_PX, width_px=PERSON_PX)
    outputs[0][0] = (disc * (1, 1, 0.8)).transpose(2, 0, 1) / 127.5 - 1
