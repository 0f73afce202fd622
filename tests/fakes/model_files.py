"""Small models and the packages that carry them: real wheels, npm archives and manifests around a few bytes."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import msgspec
import yaml

from edgefuse.config.manifest import Licence, Manifest, ModelFile, Source, Variant

CONTENT = b"not really a network, but the store does not look inside" * 40


def model_file(content: bytes = CONTENT, name: str = "net.tflite", **source: str) -> ModelFile:
    """Describe a file as a manifest would; without a source it lies on this machine."""
    return ModelFile(
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        source=Source(**(source or {"file": f"/nowhere/{name}"})),
    )


def variant(*files: ModelFile, variant_id: str = "fp32-128") -> Variant:
    """Describe a variant of these files."""
    return Variant(id=variant_id, format="tflite", precision="fp32", size_px=128, files=files, inputs=(), outputs=())


def manifest(*variants: Variant, model_id: str = "tiny", is_optional: bool = False) -> Manifest:
    """Describe a model with these variants."""
    licence = Licence(id="MIT", origin="made here", allows_commercial_use=True, allows_redistribution=True)
    return Manifest(
        id=model_id,
        title="A tiny model",
        task="detect_faces",
        decoder="none",
        licence=licence,
        variants=variants,
        is_optional=is_optional,
    )


def write_manifests(folder: Path, *manifests: Manifest) -> None:
    """Make a folder of shipped manifests."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in manifests:
        (folder / f"{each.id}.yaml").write_text(yaml.safe_dump(msgspec.to_builtins(each)), encoding="utf-8")


def write_wheel(
    folder: Path, members: dict[str, bytes], name: str = "tiny_model", version: str = "1.0", tag: str = "py3-none-any"
) -> Path:
    """Make a wheel that pip accepts, with these files inside."""
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def make_tar(members: dict[str, bytes], compression: str = "gz") -> bytes:
    """Make a tar archive, compressed by ``gz``, ``bz2`` or ``xz``, with these files inside."""
    buffer = io.BytesIO()
    with tarfile.open(None, f"w:{compression}", buffer) as archive:  # type: ignore[call-overload] # any of the three
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
