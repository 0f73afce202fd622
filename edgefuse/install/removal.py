"""Taking the service off: what the owner wrote and the unit gathered stays, and with purge not even that."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from edgefuse.install import layout, systemd
from edgefuse.install.target import Target


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What a removal did."""

    removed: tuple[str, ...]
    """Paths, as the target sees them; nothing where there was nothing."""
    kept: tuple[str, ...]


def uninstall(target: Target, *, is_purge: bool) -> Removed:
    """Stop the service, disable it and remove its parts.

    Args:
        target: What it is installed on.
        is_purge: Configuration, state, user and group too.

    Raises:
        InstallError: This process may not, or systemd refuses.
    """
    systemd.check(target, "uninstall")
    if target.path(layout.UNIT_FILES["edgefuse.service"]).exists():
        systemd.abandon(target)
    owned = (layout.CONFIG, layout.STATE, layout.DROP_INS)
    parts = (*layout.UNIT_FILES.values(), layout.HARDWARE_WATCHDOG, layout.DATA, layout.CACHE, layout.RUN)
    removed = [path for path in (*parts, *(owned if is_purge else ())) if _remove(target.path(path))]
    command = target.path(layout.COMMAND)
    removed += [layout.COMMAND] if layout.is_own_command(command) and _remove(command) else []
    if is_purge:
        removed += systemd.remove_user(target)
    folders = _made_folders(target)
    # Last, because this very code may run from there.
    removed += [layout.HOME] if _remove_home(target.path(layout.HOME), is_purge=is_purge) else []
    for folder in reversed(folders):
        with suppress(OSError):  # something else is in it by now
            folder.rmdir()
    if removed and not target.is_image:
        systemd.reload()
    return Removed(removed=tuple(removed), kept=tuple(path for path in owned if target.path(path).exists()))


def _remove_home(home: Path, *, is_purge: bool) -> bool:
    """Remove what was built; a worker's environment that the owner made goes only with a purge."""
    if is_purge or not home.is_dir():
        return _remove(home)
    for entry in home.iterdir():
        if not entry.is_dir() or entry.is_symlink() or layout.ENVIRONMENT.fullmatch(entry.name):
            _remove(entry)
    if not any(home.iterdir()):
        home.rmdir()
    return True


def _made_folders(target: Target) -> list[Path]:
    """Give the folders that the installation made for its files."""
    path = target.path(layout.FOLDERS)
    names = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [target.path(name) for name in names]


def _remove(path: Path) -> bool:
    """Remove a file, a link or a folder with all that is in it; tell whether it was there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        return False
    return True
