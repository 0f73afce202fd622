"""Measure how real and how stable fused faces look, on a clip scaled to 720 rows.

- own: the donor is the target. "each frame onto itself" is what fusing alone costs; "one frame onto all" is one donor
  over the clip; "the same, only bent" is that frame warped by the whole of its landmarks and nothing else: noise,
  expression and light that no donor of one photo can have. PSNR inside the hull, limit: 35 dB for the first.
- border: difference of colour (CIE Lab) between the skin just inside the hull and the unedited skin beside it, in units
  of the same difference in the clear frame; cheeks and jaw only, above is hair. Limit: 1.5.
- landmarks: distance of the landmarks found again in the fused frame, in shares of the inter-ocular distance.
  Limit: 2 %.
- flicker: difference from one frame to the next inside the hull, the earlier one bent onto the later one by its
  landmarks, in units of the same in the clear clip. Limit: 1.2.
- identity: frames in which MobileFaceNet finds the fused face more like the donor than like the target. Limit: 90 % of
  those in which the target looks at the camera.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from benching.faces import POINT, fetch_astronaut, fetch_people, find_faces
from benching.finding import open_models
from benching.judging import Judge, Seen, bend, border_step, flicker, inside_of, is_frontal
from edgefuse.errors import EdgefuseError
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import DEFAULT_CLIP, SECOND_CLIP, fetch_media
from edgefuse.store.store import open_store
from edgefuse.vision.fusion.donor import Donor, find_in_photo, make_donor
from edgefuse.vision.fusion.fuser import Fuser
from edgefuse.vision.fusion.parsing import find_hair
from edgefuse.vision.model import Models
from edgefuse.vision.types import Face, Frame, Pixels

LIMITS = {"own_db": 35.0, "border": 1.5, "landmarks": 0.02, "flicker": 1.2, "identity": 0.9}
PARSER = ("selfie-multiclass", "fp32-256-tflite")
AT_LEAST = ("own_db", "identity")
TRACK = 1
CLIPS = {"default": DEFAULT_CLIP, "second": SECOND_CLIP}


class Row(msgspec.Struct, frozen=True):
    """One donor; see the module for each column."""

    donor: str
    own_db: float | None = None
    once_db: float | None = None
    border: float | None = None
    landmarks: float | None = None
    flicker: float | None = None
    identity: float | None = None

    @property
    def is_met(self) -> bool:
        """Tell whether every limit holds."""
        values = {key: getattr(self, key) for key in LIMITS}
        return all(
            value is None or (value >= LIMITS[key] if key in AT_LEAST else value <= LIMITS[key])
            for key, value in values.items()
        )


@dataclass(slots=True)
class Sums:
    """What one donor's frames add up to."""

    border: list[tuple[float, float]] = field(default_factory=list)
    landmarks: list[float] = field(default_factory=list)
    flicker: list[tuple[float, float]] = field(default_factory=list)
    identity: list[bool] = field(default_factory=list)


def main() -> int:
    """Measure, print, and exit with 1 if a limit does not hold."""
    parser = argparse.ArgumentParser(
        prog="tools/bench/looks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", default="default", help="`default`, `second`, or a file (default %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3, 4, 12], help="synthetic donors")
    parser.add_argument("--every", type=int, default=10, metavar="N", help="look at every Nth frame and the one before")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    options = parser.parse_args()
    try:
        rows = measure(fetch(options.clip), tuple(options.seeds), options.every)
    except EdgefuseError as e:
        raise SystemExit(f"looks: {e}") from e
    print(msgspec.json.encode(rows).decode() if options.json else table(rows))
    return 0 if all(row.is_met for row in rows) else 1


def fetch(clip: str) -> Path:
    """Give the path of a clip."""
    if clip not in CLIPS:
        return Path(clip)
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        return fetch_media(CLIPS[clip], store, fetcher)


def measure(clip: Path, seeds: tuple[int, ...], every: int) -> list[Row]:
    """Fuse every donor onto the clip."""
    photos = {"astronaut": fetch_astronaut()} | {
        f"person {seed}": photo for seed, photo in zip(seeds, fetch_people(seeds), strict=True)
    }
    models = open_models("tflite")
    pairs = list(_pairs(find_faces(clip), every))
    frames = [frame for frame, _ in pairs]
    rows = [
        Row("each frame onto itself", own_db=psnr_db([(_fuse_own(seen, seen), seen) for seen in frames])),
        Row("one frame onto all", once_db=psnr_db([(_fuse_own(frames[0], seen), seen) for seen in frames[1:]])),
        Row("the same, only bent", once_db=psnr_db([(bend(frames[0], seen)[0], seen) for seen in frames[1:]])),
    ]
    rows += [_row(name, photo, models, pairs) for name, photo in photos.items()]
    return rows


def _pairs(seen: Iterable[tuple[Frame, Face]], every: int) -> Iterator[tuple[Seen, Seen]]:
    """Give neighbouring frames with their faces, now and then."""
    before: tuple[int, Seen] | None = None
    for frame, face in seen:
        if before is not None and before[0] == frame.index - 1 and frame.index % every == 0:
            yield before[1], (frame.pixels, face)
        before = frame.index, (frame.pixels, face)


def psnr_db(made: list[tuple[Pixels, Seen]]) -> float:
    """Compare pictures with what they were made for, inside the hulls."""
    squares = [
        float(((pixels.astype(np.float32) - wanted)[inside_of(face, wanted.shape, 1.0)] ** 2).mean())
        for pixels, (wanted, face) in made
    ]
    return 10 * float(np.log10(255**2 / np.mean(squares)))


def _fuse_own(donor: Seen, target: Seen) -> Pixels:
    return _fuse(_fuser(make_donor(*donor, POINT.effect_px), target[0]), *target)


def _row(name: str, photo: Path, models: Models, pairs: list[tuple[Seen, Seen]]) -> Row:
    found = find_in_photo(photo, models, POINT)
    judge, hair = Judge(models, *found), find_hair(*found, open_models("tflite", (PARSER,)))
    fuser, sums = _fuser(make_donor(*found, POINT.effect_px, hair), pairs[0][0][0]), Sums()
    for before, now in pairs:
        fused_before, fused = (_fuse(fuser, pixels, face) for pixels, face in (before, now))
        pixels, face = now
        sums.border.append((border_step(fused, face), border_step(pixels, face)))
        sums.landmarks.append(judge.landmark_error(fused, face))
        sums.flicker.append((flicker((fused_before, before[1]), (fused, face)), flicker(before, now)))
        if is_frontal(face):
            sums.identity.append(judge.is_more_like_donor(fused, pixels, face))
    fused_sum, clear_sum = np.sum(sums.border, axis=0)
    fused_flicker, clear_flicker = np.sum(sums.flicker, axis=0)
    return Row(
        name,
        border=float(fused_sum / clear_sum),
        landmarks=float(np.mean(sums.landmarks)),
        flicker=float(fused_flicker / clear_flicker),
        identity=float(np.mean(sums.identity)),
    )


def _fuser(donor: Donor, pixels: Pixels) -> Fuser:
    return Fuser((donor,), POINT.effect_px, *pixels.shape[:2], keeps_eyes_and_mouth=True)


def _fuse(fuser: Fuser, pixels: Pixels, face: Face) -> Pixels:
    assert face.mesh is not None
    fused: Pixels = pixels.copy()
    fuser.fuse(fused, face.mesh, TRACK, POINT.effect_px)
    return fused


def table(rows: list[Row]) -> str:
    """Give the rows for a person."""
    lines = [f"{'donor':24}{'own dB':>9}{'border':>9}{'landmarks':>11}{'flicker':>9}{'identity':>10}"]
    for row in rows:
        own, border, flick = (_or_dash(value, ".2f") for value in (row.own_db or row.once_db, row.border, row.flicker))
        landmarks, identity = _or_dash(row.landmarks, ".2%"), _or_dash(row.identity, ".1%")
        lines.append(f"{row.donor:24}{own:>9}{border:>9}{landmarks:>11}{flick:>9}{identity:>10}")
    return "\n".join(lines)


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


if __name__ == "__main__":
    raise SystemExit(main())
