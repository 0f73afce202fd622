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
# du of an environment with the versions of constraints/newest-py311.txt, x86-64, compiled.
_UNPACKED_MB = {"": 392, "tflite": 70, "onnx": 80, "openvino": 190}
_ON_GPU = "onnxruntime-gpu"
_SPARE_MB = 200  # models, and what the system itself writes meanwhile


def name_requirements(wheel: Path, profile: Profile) -> tuple[str, ...]:
    """Give edgefuse's wheel with the extras of the profile's runtimes, as pip takes it.

    A profile with ``worker_python`` has its runtimes there; the supervisor's environment then needs none.
    """
    extras = [extra for extra in _extras(profile) if not (extra == "onnx" and _is_on_gpu(profile))]
    own = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
    return (own, _ON_GPU) if _is_on_gpu(profile) else (own,)


def find_constraints(python: Interpreter, wheelhouse: Path | None) -> Path | None:
    """Give the versions that were tested together; a wheelhouse is a choice of versions itself."""
    path = paths.constraints_dir() / f"newest-py{python.version[0]}{python.version[1]}.txt"
    return path if wheelhouse is None and path.is_file() else None


def check_sources(profile: Profile, python: Interpreter, wheelhouse: Path | None) -> None:
    """Refuse to take a package from pip's index that only looks like the right one.

    Raises:
        InstallError: The board's runtime must come from its vendor.
    """
    # The index has one for ARM, without TensorRT and without kernels for Jetsons; it imports all the same.
    if _is_on_gpu(profile) and python.machine == "aarch64" and wheelhouse is None:
        raise InstallError(
            f"cannot install the service for '{profile.id}': its ONNX Runtime with TensorRT is in NVIDIA's index only; "
            f"put that wheel ({_ON_GPU}) and those of docs/service.md into a folder, and name it with --wheelhouse"
        )


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


def _is_on_gpu(profile: Profile) -> bool:
    targets = {rule.target for rule in profile.runtimes if rule.id == "onnxruntime"}
    return profile.worker_python is None and bool(targets & {"cuda", "tensorrt"})


def _extras(profile: Profile) -> tuple[str, ...]:
    if profile.worker_python is not None:
        return ()
    return tuple(sorted({_EXTRAS[rule.id] for rule in profile.runtimes if rule.id in _EXTRAS}))
