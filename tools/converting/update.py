"""Making the variants of a model anew, and measuring them: what ``tools/convert --update`` writes down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converting import crops, describe, gate, old_openvino, session
from converting.errors import ConvertError
from converting.gate import GATES, Measures, Result
from converting.recipe import RECIPES, Recipe
from converting.session import Outputs
from edgefuse.config.manifest import Manifest, Variant
from edgefuse.store.store import Store

SIDES = {"detect_faces": crops.FULL_FRAME, "track_faces": crops.LANDMARKS}
"""Tasks whose models look at faces, and what they look at."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the work needs besides a manifest."""

    store: Store
    folder: Path
    """Where new files go."""
    python: Path
    """Interpreter with the converters."""
    old_python: Path | None
    """Interpreter with OpenVINO 2022.3, where there is one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one converted variant did on one runtime."""

    model: str
    variant: str
    runtime: str
    reference: str
    measures: Measures


@dataclass(frozen=True, slots=True)
class Made:
    """A variant with its file, and what the reference of its family gives at its size."""

    variant: Variant
    path: Path
    reference: Result
    """On the crops; on the golden input where the model does not look at faces."""
    values: Outputs
    """The reference's, for the golden input."""


class Update:
    """The variants of one model."""

    def __init__(self, manifest: Manifest, tools: Tools, photo: Path) -> None:
        self._manifest = manifest
        self._tools = tools
        self._made: dict[str, Made] = {}
        self._scenes: NDArray[np.uint8] | None = None
        if manifest.task in SIDES:
            size_px = max(variant.size_px for variant in manifest.variants)
            self._scenes = crops.make_crops(photo, size_px, SIDES[manifest.task])
        self.findings: list[Finding] = []

    def run(self) -> tuple[Variant, ...]:
        """Give every variant with what was measured of it.

        Raises:
            ConvertError: A conversion failed or missed its gate.
        """
        for variant in self._manifest.variants:
            if variant.files[0].source.kind != "converted_from":
                self._keep_original(variant)
        for recipe in RECIPES:
            if recipe.model == self._manifest.id:
                self._convert(recipe)
        return tuple(
            describe.with_measured(made.variant, made.path, made.values, gate.ranges(made.reference.outputs))
            for made in self._made.values()
        )

    def _keep_original(self, variant: Variant) -> None:
        """Take a variant that came from a package as its own reference."""
        print(f"run          {self._manifest.id} {variant.id}", flush=True)
        self._remember(variant, self._tools.store.path_of(variant.files))

    def _convert(self, recipe: Recipe) -> None:
        """Make a variant, and hold it against its reference on every runtime."""
        print(f"convert      {recipe.model} {recipe.variant}: {recipe.edit} {recipe.source}", flush=True)
        source = self._made[recipe.source]
        path = recipe.make(self._tools.python, source.path, self._tools.folder)
        variant = describe.describe(recipe, path, source.variant)
        kind = "resize" if recipe.edit == "resize" else recipe.precision
        for runtime, outputs in self._runs(path, variant).items():
            measures = gate.measure(self._manifest, source.reference, Result(variant, outputs), GATES[kind])
            print(f"  on {runtime}: {measures}", flush=True)
            if misses := GATES[kind].misses(measures):
                reasons = "; ".join(misses)
                raise ConvertError(f"cannot accept {variant.id} of '{recipe.model}' on {runtime}: {reasons}")
            self.findings.append(Finding(recipe.model, variant.id, runtime, source.reference.variant.id, measures))
        self._tools.store.add_file(path)
        if recipe.edit == "resize":
            self._remember(variant, path)
        else:
            self._made[variant.id] = Made(variant, path, source.reference, source.values)

    def _remember(self, variant: Variant, path: Path) -> None:
        """Run a variant that is the reference of what is made from it."""
        runtime = session.runtimes_for(variant.format)[0]
        values = session.run_golden(runtime, path, variant)
        is_run_on_crops = self._scenes is not None
        outputs = session.run_crops(runtime, path, variant, self._crops(variant.size_px)) if is_run_on_crops else values
        self._made[variant.id] = Made(variant, path, Result(variant, outputs), values)

    def _runs(self, path: Path, variant: Variant) -> dict[str, Outputs]:
        """Give what a variant makes of the crops on every runtime that reads it."""
        scenes = self._crops(variant.size_px)
        names = session.runtimes_for(variant.format)
        results = {name: session.run_crops(name, path, variant, scenes) for name in names}
        if self._tools.old_python is not None and variant.format == "onnx":
            results[old_openvino.NAME] = old_openvino.run_crops(self._tools.old_python, path, variant, scenes)
        return results

    def _crops(self, size_px: int) -> NDArray[np.uint8]:
        """Give (N, size_px, size_px, 3) uint8 BGR crops, the same scenes at every size."""
        assert self._scenes is not None
        if size_px == self._scenes.shape[1]:
            return self._scenes
        return np.stack([cv2.resize(scene, (size_px, size_px), interpolation=cv2.INTER_AREA) for scene in self._scenes])
