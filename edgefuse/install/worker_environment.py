"""The worker's own environment, for boards whose runtime wants an older Python: the Neural Compute Stick 2.

The profile's ``worker_python`` is then a script, because the vendor's archive must be on the loader's path before
Python starts. One that lies outside ``/opt/edgefuse``, or is there already, is the owner's own and is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgefuse import disk, paths
from edgefuse.config.profile import Profile
from edgefuse.errors import InstallError
from edgefuse.install import environment, pip
from edgefuse.install.target import Interpreter, Target

HOME = PurePosixPath("/opt/edgefuse")


@dataclass(frozen=True, slots=True)
class _Vendor:
    """A vendor's archive that a worker needs, and what runs with it."""

    setup: str
    """Script of the archive that sets the loader's path."""
    python: tuple[int, int]
    constraints: str
    """Versions that work together with it; its own package is left out, the archive brings it."""
    package: str
    title: str


_VENDORS = {
    "ncs2": _Vendor(
        setup="/opt/intel/openvino_2022/setupvars.sh",
        python=(3, 10),
        constraints="openvino-2022.3-py310.txt",
        package="openvino",
        title="Intel's OpenVINO 2022.3 LTS archive",
    )
}


@dataclass(frozen=True, slots=True)
class WorkerEnvironment:
    """What to build for one profile."""

    name: str
    """Of its folder below ``/opt/edgefuse``, as in ``worker_python``."""
    python: Interpreter
    vendor: _Vendor

    def build(self, folder: Path, wheel: Path, wheelhouse: Path | None, on_line: pip.OnLine | None) -> None:
        """Make ``<name>/python`` and the environment behind it inside ``folder``.

        Raises:
            InstallError: Packages are missing or do not fit.
        """
        own = folder / self.name / "venv"
        own.mkdir(parents=True)
        requirements = (str(wheel), *_pins(self.vendor))
        environment.build(own, environment.Recipe(self.python, requirements, None, wheelhouse), on_line)
        script = folder / self.name / "python"
        line = f'. {self.vendor.setup} >/dev/null\nexec {HOME}/{self.name}/venv/bin/python3 "$@"\n'
        disk.write_atomically(script, f"#!/bin/bash\n{line}".encode())
        script.chmod(0o755)


def find_worker_environment(target: Target, profile: Profile) -> WorkerEnvironment | None:
    """Tell what to build for the profile's ``worker_python``; nothing where it has none or the owner made one.

    Raises:
        InstallError: The vendor's archive or the Python that it wants is missing.
    """
    if profile.worker_python is None:
        return None
    path = PurePosixPath(profile.worker_python)
    vendor = _VENDORS.get(path.parent.name) if path.parent.parent == HOME else None
    if vendor is None or _is_owners(target, path):
        return None
    if not target.path(vendor.setup).is_file():
        raise InstallError(
            f"cannot install the service for '{profile.id}': its worker needs {vendor.title}, and "
            f"{target.path(vendor.setup)} is not there; unpack it there, or choose another profile with --profile"
        )
    python = target.find_python(vendor.python)
    if python is None:
        raise InstallError(
            f"cannot install the service for '{profile.id}': its worker needs Python "
            f"{'.'.join(map(str, vendor.python))} in {target.path('/usr/bin')}; install it there"
        )
    return WorkerEnvironment(path.parent.name, python, vendor)


def _is_owners(target: Target, path: PurePosixPath) -> bool:
    folder = target.path(str(path.parent))
    return folder.is_dir() and not folder.is_symlink()


def _pins(vendor: _Vendor) -> Sequence[str]:
    lines = (paths.constraints_dir() / vendor.constraints).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "==" in line and not line.startswith((f"{vendor.package}==", "#"))]
