"""Building what lies below ``/opt/edgefuse``: one folder, named by all that goes into it."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgefuse.config.profile import Profile
from edgefuse.errors import InstallError
from edgefuse.install import environment, package, pip, requirement
from edgefuse.install.layout import CURRENT
from edgefuse.install.target import Interpreter, Target
from edgefuse.install.worker_environment import WorkerEnvironment

OnStep = Callable[[str], None]
"""Takes what is done next."""


@dataclass(frozen=True, slots=True)
class Build:
    """What an environment is built from."""

    target: Target
    profile: Profile
    python: Interpreter
    worker: WorkerEnvironment | None
    wheel: Path
    wheelhouse: Path | None

    def name(self) -> str:
        """Give the folder's name: the version, and a hash of everything that decides what is in it."""
        constraints = requirement.find_constraints(self.python, self.wheelhouse)
        house = sorted(self.wheelhouse.iterdir()) if self.wheelhouse is not None else []
        parts = (
            package.digest(self.wheel).hex(),
            *requirement.name_requirements(Path("edgefuse"), self.profile),
            repr((self.python, self.worker)),
            constraints.read_text(encoding="utf-8") if constraints is not None else "",
            *(f"{file.name} {file.stat().st_size}" for file in house if file.suffix == ".whl"),
        )
        return f"{package.read_version(self.wheel)}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:12]}"

    def run(self, folder: Path, on_step: OnStep, on_line: pip.OnLine | None) -> None:
        """Fill the folder.

        Raises:
            InstallError: Packages are missing or do not fit, or what was built does not start.
        """
        on_step(f"installing packages into {folder}")
        recipe = environment.Recipe(
            self.python,
            requirement.name_requirements(self.wheel, self.profile),
            requirement.find_constraints(self.python, self.wheelhouse),
            self.wheelhouse,
        )
        environment.build(folder, recipe, on_line)
        environment.write_command(folder, f"{CURRENT}/bin/python3")
        if self.worker is not None:
            on_step(f"installing packages of the worker into {folder / self.worker.name}")
            self.worker.build(folder, self.wheel, self.wheelhouse, on_line)
        if not self.target.is_image:
            _try_out(folder)


def _try_out(folder: Path) -> None:
    """Load what the unit starts, once, before anything leads to it."""
    done = subprocess.run(
        [folder / "bin/python3", "-IB", "-c", "import edgefuse.supervisor.daemon"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise InstallError(f"cannot install the service: what was built in {folder} does not start: {reason}")
