"""Opened models, bound to the tensor pool, by task and input size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast  # Any: numpy's bit widths, which do not matter here

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefuse import clock, in_flight
from edgefuse.config.manifest import Manifest, TensorSpec, Variant
from edgefuse.errors import PlanError, RuntimeRunError
from edgefuse.runtime import Session
from edgefuse.vision.pool import TensorPool
from edgefuse.vision.types import Pixels


@dataclass(slots=True, eq=False)
class Model:
    """One opened model: write ``inputs``, ``run``, read ``outputs``."""

    manifest: Manifest
    variant: Variant
    session: Session
    inputs: tuple[NDArray[np.generic], ...]
    """In the order of ``variant.inputs``; bound, so write into them and never replace them."""
    outputs: tuple[NDArray[np.generic], ...]
    """In the order of ``variant.outputs``; overwritten by the next run."""
    crumb: memoryview = field(default_factory=in_flight.crumb)
    """One byte that tells the supervisor that native code was at work, should this process die of it."""
    runs: int = 0
    """How often it ran."""
    spent_ns: int = 0
    """How long in all."""

    def run(self) -> None:
        """Run the session once.

        Raises:
            RuntimeRunError: The native code failed, or an output is not finite, which would pass every comparison.
        """
        self.crumb[0] = in_flight.RUNNING
        start_ns = clock.now_ns()
        try:
            self.session.run()
        finally:
            self.spent_ns += clock.now_ns() - start_ns
            self.crumb[0] = in_flight.IDLE
        self.runs += 1
        with np.errstate(invalid="ignore"):
            # A sum keeps every NaN and infinity and needs no array of booleans.
            sums = [np.add.reduce(output, axis=None, dtype=np.float32) for output in self.outputs]
        for spec, total in zip(self.variant.outputs, sums, strict=True):
            if not math.isfinite(total):
                raise RuntimeRunError(f"cannot use '{self.variant.id}': output {spec.name} is not finite")


def bind_model(manifest: Manifest, variant: Variant, session: Session, pool: TensorPool) -> Model:
    """Bind a session to tensors of the pool.

    Raises:
        RuntimeLoadError: The manifest's shapes differ from the file's.
    """
    inputs, outputs = (
        tuple(pool.tensor(manifest.task, f"{side}.{spec.name}", spec.shape, spec.dtype) for spec in specs)
        for side, specs in (("in", variant.inputs), ("out", variant.outputs))
    )
    session.bind(inputs, outputs)
    return Model(manifest, variant, session, inputs, outputs)


class Models:
    """The opened models of a pipeline."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._by_task: dict[str, list[Model]] = {}
        for model in models:
            self._by_task.setdefault(model.manifest.task, []).append(model)

    def model(self, task: str, size_px: int = 0) -> Model:
        """Give the model of a task whose input size is nearest to ``size_px``.

        Raises:
            PlanError: No model of that task was opened.
        """
        models = self._by_task.get(task)
        if not models:
            raise PlanError(f"cannot find a model for '{task}': none was opened; `edgefuse plan` says why")
        return min(models, key=lambda m: abs(m.variant.size_px - size_px))

    def __iter__(self) -> Iterator[Model]:
        """Give every opened model."""
        return itertools.chain.from_iterable(self._by_task.values())

    def has(self, task: str) -> bool:
        """Tell whether a model of that task was opened."""
        return task in self._by_task

    def close(self, keep: Collection[str] = ()) -> None:
        """Close every session but those of the tasks to keep."""
        for task in set(self._by_task).difference(keep):
            for model in self._by_task.pop(task):
                model.session.close()


class ImageInput:
    """Writes pictures into one image input of a model as its ``TensorSpec`` asks, without allocating."""

    def __init__(self, spec: TensorSpec, tensor: NDArray[np.generic]) -> None:
        self._is_planar = spec.layout == "nchw"
        self.height_px, self.width_px = spec.shape[2:4] if self._is_planar else spec.shape[1:3]
        self._is_rgb = spec.colour == "rgb"
        self._tensor = cast("NDArray[np.integer[Any] | np.floating[Any]]", tensor[0])
        self._turned: Pixels = np.zeros((self.height_px, self.width_px, 3), np.uint8)
        self._planes = tuple(np.zeros((self.height_px, self.width_px), np.uint8) for _ in range(3))
        self._is_single = spec.dtype == "float32"
        self._scale, self._offset = spec.scale, -spec.mean * spec.scale
        levels = np.arange(256, dtype=np.float32)
        is_float = np.issubdtype(tensor.dtype, np.floating)
        self._table = (levels * self._scale + self._offset if is_float else levels).astype(spec.dtype)

    def write(self, picture: Pixels) -> None:
        """Convert and copy a picture into the tensor.

        Args:
            picture: (height_px, width_px, 3) uint8 BGR, already at the input's size.
        """
        if self._is_planar:
            done = cv2.split(picture, self._planes)
            assert done[0] is self._planes[0]
            for plane, target in zip(self._planes[:: -1 if self._is_rgb else 1], self._tensor, strict=True):
                self._convert(plane, target)
        else:
            if self._is_rgb:
                turned = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=self._turned)
                assert turned is self._turned
                picture = self._turned
            self._convert(picture, self._tensor)

    def _convert(self, values: NDArray[np.uint8], target: NDArray[np.integer[Any] | np.floating[Any]]) -> None:
        if self._is_single:
            # The one call of OpenCV that scales, shifts and changes the type at once; a table takes twice as long.
            done = cv2.addWeighted(values, self._scale, values, 0, self._offset, dst=target, dtype=cv2.CV_32F)
        else:
            done = cv2.LUT(values, self._table, dst=target)
        assert done is target
