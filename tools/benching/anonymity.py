"""Look for the person in an anonymised clip: does a detector find a face there, and is it the one of the clear clip?

Every frame is looked at by YuNet and BlazeFace. What they take for a face is compared with the face of the clear frame
by MobileFaceNet. Two pictures of one person have a cosine of about .8, of two persons of about 0; up to .3 hair, ears
and shoulders alone can give. With the method mesh faces are found, and shall be, but never the person. Outside of
what is hidden the clip must be as it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benching.command import run_bench
from benching.finding import VARIANTS, fetch_clip, open_models, read_frames
from benching.synthetic_people import draw_strangers
from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import EdgefuseError
from edgefuse.vision.face.geometry import region_around
from edgefuse.vision.face.landmarks import five_points
from edgefuse.vision.face.mesh_model import MeshModel
from edgefuse.vision.face.track import REGION_MARGIN
from edgefuse.vision.model import Models
from edgefuse.vision.pipeline import Pipeline, make_pipeline
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages import align_faces, anonymise, detect_faces, embed_faces, track_faces
from edgefuse.vision.types import Attention, Face, Frame, Packet, Pixels

LIMIT_COSINE = 0.3
LIMIT_DB = 40.0
MIN_SCORE = 0.5
"""Of the judging detectors; as edgefuse's own."""
HIDDEN_BORDER_PX = 8
"""Around hidden pixels, not compared: an encoder spreads a hard edge over the blocks that it crosses."""
POINT = OperatingPoint(effect_px=256, detect_px=128, rate_hz=30.0, detect_every=10)
YUNET, MOBILEFACENET = ("yunet", "fp32-640-onnx"), ("mobilefacenet", "fp32-112-tflite")

Embedding = NDArray[np.float32]


class Report(msgspec.Struct, frozen=True):
    """What the judges found."""

    method: str
    frames: int
    found: dict[str, int]
    """Frames in which each detector took something for a face."""
    worst_cosine: float | None
    """Nothing where no detector took anything for a face that the clear frame has."""
    worst_frame: int | None
    outside_db: float | None
    """PSNR of what is not hidden, over all frames; nothing where every bit is as it was."""

    @property
    def is_met(self) -> bool:
        """Tell whether the bar is met."""
        is_hidden = self.worst_cosine is None or self.worst_cosine <= LIMIT_COSINE
        return is_hidden and (self.outside_db is None or self.outside_db >= LIMIT_DB)


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that a detector took for a face."""

    detector: str
    embedding: Embedding


class Judge:
    """The detectors and the embedder that look for a person."""

    def __init__(self, finding: Models, height_px: int, width_px: int) -> None:
        yunet, embedder = open_models("onnxruntime", (YUNET,)), open_models("tflite", (MOBILEFACENET,))
        self._detectors = {
            "yunet": detect_faces.Detector(yunet.model("detect_faces")),
            "blazeface": detect_faces.Detector(finding.model("detect_faces")),
        }
        self._mesh = MeshModel(finding.model("track_faces"))
        context = StageContext(embedder, (POINT,), height_px, width_px, Attention())
        self._embed = embed_faces.EmbedFaces(embed_faces.Options(renew_s=0.0), context)

    def look(self, frame: Frame) -> list[Sighting]:
        """Give all that any detector takes for a face."""
        return [
            Sighting(name, self._embedding(frame, face))
            for name, detector in self._detectors.items()
            for face in detector.detect(frame.pixels, MIN_SCORE)
        ]

    def _embedding(self, frame: Frame, face: Face) -> Embedding:
        points = face.points
        if points is None:
            region = region_around(face.box, face.eyes, REGION_MARGIN)
            points = five_points(self._mesh.read(frame.pixels, region)[0])
        known = Packet(frame, POINT, (replace(face, points=points, track_id=1),))
        embedding = self._embed.run(known).faces[0].embedding
        assert embedding is not None
        return embedding


def main() -> int:
    """Measure, print, and exit with 1 if the bar is not met."""
    parser = argparse.ArgumentParser(prog="tools/bench/anonymity", description=__doc__)
    parser.add_argument("--method", choices=get_args(anonymise.Method), default="pixelate")
    parser.add_argument("--anonymised", type=Path, help="judge this clip, which edgefuse made of the default clip")
    _, report = run_bench(parser, lambda options: measure(options.method, options.anonymised), describe)
    return 0 if report.is_met else 1


def measure(method: anonymise.Method, anonymised: Path | None = None, judge_every: int = 1) -> Report:
    """Anonymise the default clip and judge it, or the clip that was made of it."""
    clip, models = fetch_clip(), open_models("tflite", (*VARIANTS, MOBILEFACENET))
    if method == "mesh":
        draw_strangers()
    height, width = next(read_frames(clip)).pixels.shape[:2]
    judge, pipeline = Judge(models, height, width), _pipeline(models, method, height, width)
    found, worst, squares, values, frames = dict.fromkeys(("yunet", "blazeface"), 0), None, 0.0, 0, 0
    for clear, hidden, made in _pairs(clip, pipeline, anonymised):
        frames += 1
        outside = _outside(clear.pixels, hidden)
        squares += float(((clear.pixels.astype(np.float32) - made.pixels)[outside] ** 2).sum())
        values += 3 * int(outside.sum())
        if clear.index % judge_every:
            continue
        sightings = judge.look(made)
        for name in {sighting.detector for sighting in sightings}:
            found[name] += 1
        true = judge.look(clear) if sightings else []
        cosines = [(round(float(s.embedding @ t.embedding), 4), clear.index) for s in sightings for t in true]
        worst = max(cosines if worst is None else (worst, *cosines), default=None)
    outside_db = None if squares == 0 else 10 * float(np.log10(255**2 * values / squares))
    cosine, index = worst or (None, None)
    return Report(method, frames, found, cosine, index, outside_db)


def describe(report: Report) -> str:
    """Give the report for a person."""
    found = ", ".join(f"{name} {count}" for name, count in report.found.items())
    nearest = "none found"
    if report.worst_cosine is not None:
        nearest = f"cosine {report.worst_cosine:.3f} in frame {report.worst_frame}"
    outside = "every bit as it was" if report.outside_db is None else f"{report.outside_db:.1f} dB"
    return (
        f"{report.method}: {report.frames} frames; frames with something like a face: {found}\n"
        f"nearest to the person: {nearest} (limit {LIMIT_COSINE}); outside: {outside} (limit {LIMIT_DB:g} dB)"
    )


def _pipeline(models: Models, method: anonymise.Method, height_px: int, width_px: int) -> Pipeline:
    options: dict[str, msgspec.Struct] = {
        "detect_faces": detect_faces.Options(),
        "track_faces": track_faces.Options(),
        "align_faces": align_faces.Options(),
        **({"embed_faces": embed_faces.Options()} if method == "mesh" else {}),
        "anonymise": anonymise.Options(method=method),
    }
    return make_pipeline(options, models, (POINT,), StreamFormat(width_px, height_px, 25.0))


def _pairs(clip: Path, pipeline: Pipeline, anonymised: Path | None) -> Iterator[tuple[Frame, Pixels, Frame]]:
    """Give each frame clear, as anonymised here, and as it is to be judged."""
    made = None if anonymised is None else read_frames(anonymised)
    for frame in read_frames(clip):
        clear = replace(frame, pixels=frame.pixels.copy())
        packet = Packet(frame, POINT)
        for named in (*pipeline.find, *pipeline.compose):
            packet = named.stage.run(packet)
        judged = frame if made is None else next(made, None)
        if judged is None:
            raise EdgefuseError(f"cannot judge {anonymised}: it ends before frame {frame.index}")
        yield clear, frame.pixels, judged
    if made is not None and next(made, None) is not None:
        raise EdgefuseError(f"cannot judge {anonymised}: it has more frames than {clip.name}")


def _outside(clear: Pixels, hidden: Pixels) -> NDArray[np.bool_]:
    """Tell which pixels are not hidden, nor so near to hidden ones that an encoder mixes them."""
    is_hidden = (clear != hidden).any(axis=2).astype(np.uint8)
    side = 2 * HIDDEN_BORDER_PX + 1
    closed = cv2.dilate(is_hidden, np.ones((side, side), np.uint8))
    return np.asarray(closed == 0)


if __name__ == "__main__":
    raise SystemExit(main())
