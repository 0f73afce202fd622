"""Installing the service: first everything that may fail, then one switch.

    /opt/edgefuse/<version>-<hash>/   the environment, built under its final name and never changed after
    /opt/edgefuse/current             link to it; the unit starts what it leads to
    /usr/share/edgefuse               link to the data inside
    /usr/local/bin/edgefuse           link to the command inside
    /etc/...                          unit, user, folders, udev rule; edgefuse.yaml only where there is none

The hash names all that goes in, so that the same again is found and left alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgefuse.config.profile import Profile
from edgefuse.install import package, pip, requirement, systemd
from edgefuse.install.build import Build, OnStep
from edgefuse.install.changes import Changes
from edgefuse.install.layout import COMMAND, CURRENT, DATA, ENVIRONMENT, FOLDERS, HOME, SITE, UNIT_FILES, is_own_command
from edgefuse.install.target import Target
from edgefuse.install.worker_environment import find_worker_environment


@dataclass(frozen=True, slots=True)
class Request:
    """What to install, and where."""

    target: Target
    profile: Profile
    wheelhouse: Path | None = None


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation did."""

    folder: str
    """Of the environment, as the target sees it."""
    profile: str
    python: str
    changed: tuple[str, ...]
    """Paths that were made or replaced; nothing where all was as it should be."""


def install(request: Request, on_step: OnStep, on_line: pip.OnLine | None = None) -> Installed:
    """Put the service onto the target and enable it; an error leaves the target as it was.

    Raises:
        InstallError: It cannot be installed; the text has the reason.
    """
    target = request.target
    systemd.check(target, "install")
    python = target.find_interpreter()
    worker = find_worker_environment(target, request.profile)
    requirement.check_sources(request.profile, python, request.wheelhouse)
    before = _read_current(target)
    with tempfile.TemporaryDirectory(prefix="edgefuse-") as scratch, Changes() as changes:
        on_step("making edgefuse's wheel")
        wheel = package.bring_wheel(Path(scratch), request.wheelhouse)
        build = Build(target, request.profile, python, worker, wheel, request.wheelhouse)
        folder = target.path(f"{HOME}/{build.name()}")
        if not changes.is_built(folder):
            requirement.check_room(target, request.profile)
            changes.build_folder(folder, lambda place: build.run(place, on_step, on_line))
        _put_files(changes, target, folder)
        if worker is not None:
            changes.put_link(target.path(f"{HOME}/{worker.name}"), f"current/{worker.name}")
        _remember_folders(changes, target)
        changes.put_link(target.path(CURRENT), folder.name)
        if changes.paths or not systemd.is_enabled(target):
            on_step("telling systemd")
            systemd.adopt(target)
    if changes.paths:
        _remove_older(target, keep={folder.name, before})
    return Installed(
        folder=f"{HOME}/{folder.name}",
        profile=request.profile.id,
        python=python.path,
        changed=tuple(f"/{path.relative_to(target.root)}" for path in changes.paths),
    )


def _put_files(changes: Changes, target: Target, folder: Path) -> None:
    """Let everything outside ``/opt/edgefuse`` lead into it."""
    units = folder / "share/edgefuse/systemd"
    for name, path in UNIT_FILES.items():
        changes.put_file(target.path(path), (units / name).read_bytes())
    if not target.path(SITE).exists():
        changes.put_file(target.path(SITE), (units / "edgefuse.yaml").read_bytes())
    changes.put_link(target.path(DATA), f"../../{CURRENT.lstrip('/')}/share/edgefuse")
    if not os.path.lexists(target.path(COMMAND)) or is_own_command(target.path(COMMAND)):
        changes.put_link(target.path(COMMAND), f"../../../{CURRENT.lstrip('/')}/bin/edgefuse")


def _remember_folders(changes: Changes, target: Target) -> None:
    """Add to the list of folders that are there because of the service."""
    path = target.path(FOLDERS)
    known = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    made = [f"/{folder.relative_to(target.root)}" for folder in changes.folders]
    outside = [folder for folder in made if not folder.startswith(HOME)]
    changes.put_file(path, "".join(f"{folder}\n" for folder in dict.fromkeys([*known, *outside])).encode())


def _read_current(target: Target) -> str:
    """Give the name of the environment that is in use; empty where there is none."""
    link = target.path(CURRENT)
    return str(link.readlink()) if link.is_symlink() else ""


def _remove_older(target: Target, keep: set[str]) -> None:
    """Keep the environment in use and the one before it: its service may still run, and may be wanted back."""
    for folder in target.path(HOME).iterdir():
        if ENVIRONMENT.fullmatch(folder.name) and folder.name not in keep:
            shutil.rmtree(folder)
