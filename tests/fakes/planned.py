"""Small boards and releases to plan with, and a release of models that the ``fake`` runtime really runs."""

import hashlib
import json
from collections.abc import Sequence

from edgefuse.config.host import Host, RuntimeFact
from edgefuse.config.manifest import (
    GoldenOutput,
    Licence,
    Manifest,
    ModelFile,
    Source,
    TensorSpec,
    Variant,
)
from edgefuse.config.profile import Match, OperatingPoint, Profile, RuntimeRule
from edgefuse.store.release import Release
from edgefuse.store.store import Store

FREE = Licence(id="MIT", origin="made here", allows_commercial_use=True, allows_redistribution=True)
CLOSED = Licence(id="CC-BY-NC-4.0", origin="made here", allows_commercial_use=False, allows_redistribution=True)
FORMATS = {
    "tflite": ("tflite",),
    "onnxruntime": ("onnx",),
    "openvino": ("onnx", "openvino_ir", "tflite"),
    "fake": ("fake",),
}


def make_host(*runtimes: str, cores: int = 4, **facts: object) -> Host:
    """Describe a unit on which these runtimes work on ``cpu``."""
    found = tuple(RuntimeFact(id=r, version="1", targets=("cpu",), formats=FORMATS[r]) for r in runtimes)
    return Host(arch="x86_64", cores=cores, memory_mb=4000, runtimes=found, **facts)


def make_profile(*rules: RuntimeRule | str, sizes_px: Sequence[int] = (128,), **keys: object) -> Profile:
    """Describe a board with these runtimes, in order, and a ladder of these detector sizes."""
    ladder = tuple(OperatingPoint(effect_px=256, detect_px=px, rate_hz=30, detect_every=5) for px in sizes_px)
    given = {"id": "board", "title": "A board", "memory_mb": 1000, "sample": make_host("tflite"), **keys}
    return Profile(
        match=Match(arch=("x86_64",)),
        runtimes=tuple(RuntimeRule(id=r) if isinstance(r, str) else r for r in rules),
        zones=(),
        trips=(),
        ladder=ladder,
        origin={},
        **given,
    )


def make_variant(variant_id: str, size_px: int = 128, **keys: object) -> Variant:
    """Describe a variant; the first parts of its id are precision, size and format unless ``keys`` say otherwise."""
    content = variant_id.encode()
    source = keys.pop("source", Source(file=f"/nowhere/{variant_id}"))
    file = ModelFile(
        name=variant_id, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content), source=source
    )
    given = {"format": "tflite", "precision": "fp32", "inputs": (), "outputs": (), "memory_mb": 10, **keys}
    return Variant(id=variant_id, size_px=size_px, files=(file,), **given)


def make_manifest(model_id: str, task: str, *variants: Variant, licence: Licence = FREE, **keys: object) -> Manifest:
    """Describe a model."""
    return Manifest(id=model_id, title=model_id, task=task, decoder="none", licence=licence, variants=variants, **keys)


def make_release(*manifests: Manifest) -> Release:
    """Describe a release of these models; a tracker is added where there is none."""
    if not any(m.task == "track_faces" for m in manifests):
        manifests += (make_manifest("mesh", "track_faces", make_variant("mesh-tflite", 192)),)
    return Release(id="7", counter=7, manifests=manifests)


def add_fake_variant(
    store: Store, variant_id: str, size_px: int = 128, *, promise: float = 1.0, blanks: bytes = b"", **flaws: object
) -> Variant:
    """Put a model for the ``fake`` runtime into a store; its output is 1 everywhere, what it promises may differ.

    Args:
        store: Where it goes.
        variant_id: Its id, and what its input is called.
        size_px: Its input size.
        promise: What its golden values say.
        blanks: Stand behind the model, so that it has any size.
        flaws: ``run_ms growth_kb fault``, see ``edgefuse.runtimes.fake``.
    """
    model = {
        "inputs": [{"name": "image", "shape": [1, 4, 4, 2]}],
        "outputs": [{"name": "score", "shape": [1, 8], "gain": 0.0, "offset": 1.0}],
    }
    image = {**model["inputs"][0], "name": f"image-{variant_id}"}
    content = json.dumps({**model, "inputs": [image], **flaws}).encode() + blanks
    file = ModelFile(
        name=f"{variant_id}.json",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        source=Source(file=f"/nowhere/{variant_id}.json"),
    )
    store.add([content], file)
    return Variant(
        id=variant_id,
        format="fake",
        precision="fp32",
        size_px=size_px,
        files=(file,),
        inputs=(TensorSpec(name=f"image-{variant_id}", shape=(1, 4, 4, 2), layout="nhwc"),),
        outputs=(TensorSpec(name="score", shape=(1, 8)),),
        golden={"score": GoldenOutput(values=(promise,) * 8, tolerance=1e-3)},
        memory_mb=1,
    )
