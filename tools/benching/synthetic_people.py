"""Synthetic people side by side, each changing into the next; they are nobody."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from edgefuse import registry
from edgefuse.runtime import Runtime, SessionOptions
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.release import current_release
from edgefuse.store.store import open_store
from edgefuse.vision.fusion.person import TASK, draw_person, load_person, make_styles
from edgefuse.vision.fusion.strangers import missing_seeds
from edgefuse.vision.model import Model, Models, bind_model
from edgefuse.vision.pool import TensorPool
from edgefuse.vision.types import Pixels

FRAMES_A_CHANGE = 60
"""Two seconds from one person to the next."""


def open_models() -> Models:
    """Open the two networks that make people on OpenVINO; the store is filled first."""
    store, pool = open_store(), TensorPool()
    runtime: Runtime = registry.load("edgefuse.runtimes", "openvino")
    opened: list[Model] = []
    with open_fetcher(store, lambda *_: None) as fetcher:
        for manifest in current_release(store).manifests:
            if manifest.task == TASK:
                variant = manifest.variants[0]
                for file in variant.files:
                    fetcher.fetch(file)
                session = runtime.open(store.path_of(variant.files), SessionOptions())
                opened.append(bind_model(manifest, variant, session, pool))
    return Models(opened)


def draw_strangers() -> None:
    """Draw the people whose faces ``anonymise`` lays over others, unless they were drawn before."""
    if seeds := missing_seeds():
        models = open_models()
        for seed in seeds:
            load_person(seed, models)


def draw_people(models: Models, count: int, faces: int, size: tuple[int, int]) -> Iterator[Pixels]:
    """Give the frames of a clip, the same on every run.

    Args:
        models: With the task ``make_person``.
        count: How many frames.
        faces: How many people stand side by side.
        size: Height and width of a frame.
    """
    changes = count // FRAMES_A_CHANGE + 2
    styles = make_styles(range(faces * changes), models)
    for index in range(count):
        change, step = divmod(index, FRAMES_A_CHANGE)
        share = np.float32(step / FRAMES_A_CHANGE)
        portraits = [
            draw_person(styles[first] + share * (styles[first + 1] - styles[first]), models)
            for first in (face * changes + change for face in range(faces))
        ]
        yield _side_by_side(portraits, size)


def _side_by_side(portraits: list[Pixels], size: tuple[int, int]) -> Pixels:
    """Put square portraits into the middle of equal columns, before a blur of the first."""
    height_px, width_px = size
    small = cv2.resize(portraits[0], (32, 18), interpolation=cv2.INTER_AREA)
    frame = np.asarray(cv2.resize(cv2.blur(small, (9, 9)), (width_px, height_px)), np.uint8)
    column_px = width_px // len(portraits)
    side_px = min(height_px, column_px)
    top = (height_px - side_px) // 2
    for index, portrait in enumerate(portraits):
        left = index * column_px + (column_px - side_px) // 2
        frame[top : top + side_px, left : left + side_px] = cv2.resize(
            portrait, (side_px, side_px), interpolation=cv2.INTER_AREA
        )
    return frame
