"""What the service needs on a board: packages for its profile's runtimes, and room for them."""

from __future__ import annotations

import shutil
from pathlib import Path

from edgefuse import paths
from edgefuse.config.profile import Profile
from edgefuse.errors import InstallError
from edgefuse.install.target import Interpreter, Target
from edgefuse.memory import BYTES_PER_MB

_EXTRAS = {"tflite": "tflite", "onnxruntime": "onnx", "openvino": "openvino"}
_UNPACKED_MB = {
    "": 330,
    "tflite": 40,
    "onnx": 90,
    "openvino": 200,
}  # du of environments at constraints/newest-py311.txt
_SPARE_MB = 200  # models, and what the system itself writes meanwhile


def name_requirement(wheel: Path, profile: Profile) -> str:
    """Give edgefuse's wheel with the extras of the profile's runtimes, as pip takes it.

    A profile with ``worker_python`` has its runtimes there; the supervisor's environment then needs none.
    """
    return f"{wheel}[{','.join(extras)}]" if (extras := _extras(profile)) else str(wheel)


def find_constraints(python: Interpreter, wheelhouse: Path | None) -> Path | None:
    """Give the versions that were tested together; a wheelhouse is a choice of versions itself."""
    path = paths.constraints_dir() / f"newest-py{python.version[0]}{python.version[1]}.txt"
    return path if wheelhouse is None and path.is_file() else None


def check_room(target: Target, profile: Profile) -> None:
    """Refuse a disk that is too small before anything is written to it.

    Raises:
        InstallError: The disk is too small.
    """
    needed_mb = sum(_UNPACKED_MB[extra] for extra in ("", *_extras(profile))) + _SPARE_MB
    folder = next(place for place in target.path("/opt/edgefuse/current").parents if place.is_dir())
    free_mb = shutil.disk_usage(folder).free // BYTES_PER_MB
    if free_mb < needed_mb:
        raise InstallError(
            f"cannot install the service: {folder} has {free_mb} MB free, and it needs {needed_mb} MB; make room there"
        )


def _extras(profile: Profile) -> tuple[str, ...]:
    if profile.worker_python is not None:
        return ()
    return tuple(sorted({_EXTRAS[rule.id] for rule in profile.runtimes if rule.id in _EXTRAS}))
