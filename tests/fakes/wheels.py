"""Small wheels, and root folders of systems to install them into."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from fakes.planned import make_profile

from edgefuse.install.service import Installed, Request, install
from edgefuse.install.target import Target

CHECKOUT = Path(__file__).parents[2]
PACKAGES = ("msgspec", "ai-edge-litert", "onnxruntime")
"""What the small edgefuse needs, with and without extras."""


def make_wheel(
    folder: Path, name: str, version: str, files: Mapping[str, bytes] = {}, metadata: Sequence[str] = ()
) -> Path:
    """Write a wheel that pip installs; a package without files has a module that is empty."""
    stem = f"{name.replace('-', '_')}-{version}"
    wheel = folder / f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    entries = {
        **(files or {f"{name.replace('-', '_').lower()}.py": b""}),
        f"{info}/METADATA": "\n".join(
            ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, "")
        ).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in entries.items():
            archive.writestr(path, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in (*entries, f"{info}/RECORD")))
    return wheel


def make_edgefuse(folder: Path, version: str = "9.9.0") -> Path:
    """Write a wheel that has edgefuse's name, its units and its versions, and hardly any code."""
    data = f"edgefuse-{version}.data/data/share/edgefuse"
    shipped = [path for name in ("systemd", "constraints") for path in sorted((CHECKOUT / name).iterdir())]
    files = {f"{data}/{path.relative_to(CHECKOUT)}": path.read_bytes() for path in shipped}
    needs = ("msgspec", "ai-edge-litert; extra == 'tflite'", "onnxruntime; extra == 'onnx'")
    metadata = ("Provides-Extra: tflite", "Provides-Extra: onnx", *(f"Requires-Dist: {need}" for need in needs))
    return make_wheel(folder, "edgefuse", version, {"edgefuse/__init__.py": b"", **files}, metadata)


def make_wheelhouse(folder: Path, version: str = "9.9.0") -> Path:
    """Fill a folder with the small edgefuse and all that it needs."""
    folder.mkdir(exist_ok=True)
    make_edgefuse(folder, version)
    for name in PACKAGES:
        make_wheel(folder, name, "1.0")
    return folder


def make_image(folder: Path, pythons: Sequence[str] = ("3.11",), machine: int = 183) -> Path:
    """Lay out a system as far as an installation looks at it.

    Args:
        folder: Is made.
        pythons: Versions; the first is the system's own.
        machine: Of its programs, as in elf.h; 183 is aarch64.
    """
    programs = folder / "usr/bin"
    programs.mkdir(parents=True)
    for version in pythons:
        add_python(folder, f"/usr/bin/python{version}", machine)
    if pythons:
        (programs / "python3").symlink_to(f"python{pythons[0]}")
    for name in ("usr/lib/systemd", "var/lib", "var/cache"):
        (folder / name).mkdir(parents=True)
    (folder / "usr/lib/systemd/systemd").touch()
    library = folder / "usr/lib/aarch64-linux-gnu/libc.so.6"
    library.parent.mkdir()
    library.write_bytes(b"\x7fELF...GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n")
    return folder


def add_python(folder: Path, path: str, machine: int = 183) -> None:
    """Put a program there that is as much of a Python as can be told from outside."""
    file = folder / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\x7fELF\x02\x01" + bytes(12) + struct.pack("<H", machine) + bytes(44))


def put(image: Path, wheelhouse: Path) -> Installed:
    """Install the service into an image."""
    request = Request(Target(image), make_profile("tflite", id="board"), wheelhouse)
    return install(request, on_step=lambda _: None)


def list_tree(folder: Path) -> dict[str, bytes | str]:
    """Give what is in a folder: content of files, targets of links, and folders."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else (path.read_bytes() if path.is_file() else "folder")
        for path in sorted(folder.rglob("*"))
    }
