"""Virtual environments of pinned packages below ``.cache/``, for programs that do not get along with edgefuse's own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from converting.errors import ConvertError
from edgefuse import disk

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache/convert"

CONVERTERS = "convert"
"""tf2onnx and onnx2tf; runs on Python 3.11 and 3.12, the only ones with TensorFlow 2.21 beside numpy 1.26."""
OPENVINO_2022 = "openvino-2022.3-py310"
"""OpenVINO 2022.3 LTS and what a worker needs on it; runs on Python 3.10."""
MEDIAPIPE = "mediapipe"
"""MediaPipe 0.10.14, which ``tools/bench/mesh_agreement`` compares with."""
VERSIONS = {CONVERTERS: ("3.11", "3.12"), OPENVINO_2022: ("3.10",), MEDIAPIPE: ("3.12", "3.11", "3.10", "3.9")}


def make(name: str, python: Path = Path(sys.executable)) -> Path:
    """Give the interpreter of an environment, made at first use and again when its pins change; one maker at a time.

    Args:
        name: Of the file in ``constraints/``.
        python: Interpreter that it is made with.

    Raises:
        ConvertError: Python or pip cannot make it; says what to do.
    """
    pins = REPOSITORY / f"constraints/{name}.txt"
    folder = CACHE / f"{name}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    inside, mark = folder / "bin/python", folder / "complete"
    if mark.exists():
        return inside
    with disk.locked(CACHE / f"{folder.name}.lock"):
        if not mark.exists():  # another may have made it while this one waited
            _require_version(name, python)
            _install(pins, folder, python)
            mark.touch()
    return inside


def _install(pins: Path, folder: Path, python: Path) -> None:
    """Make an environment of what is pinned, in the place of one that was half made."""
    print(f"environment  installing {pins.relative_to(REPOSITORY)} into {folder}", file=sys.stderr)
    # Every package is pinned: pip need not resolve, and takes onnx2tf, whose limit is stricter than its code.
    flags = ("--quiet", "--disable-pip-version-check", "--no-deps", "--ignore-requires-python", "--only-binary=:all:")
    try:
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", *flags, "-r", pins], check=True)
    except (subprocess.CalledProcessError, OSError) as e:
        raise ConvertError(
            f"cannot make {folder}: {e}\n"
            "It needs Python's venv (Debian: apt install python3-venv), a package index and up to 2 GB of disk."
        ) from e


def _require_version(name: str, python: Path) -> None:
    """Refuse an interpreter that has no wheels of what is pinned."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        found = subprocess.run([python, "-c", question], check=True, capture_output=True, text=True).stdout.strip()
    except (subprocess.CalledProcessError, OSError) as e:
        raise ConvertError(f"cannot run {python}: {e}") from e
    if found not in VERSIONS[name]:
        wanted = " or ".join(VERSIONS[name])
        raise ConvertError(f"cannot install constraints/{name}.txt for Python {found}: it needs {wanted}")
