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
    removed += [layout.COMMAND] if _is_ours(target) and _remove(target.path(layout.COMMAND)) else []
    if is_purge:
        removed += systemd.remove_user(target)
    folders = _made_folders(target)
    removed += [layout.HOME] if _remove(target.path(layout.HOME)) else []  # last: this very code may run from there
    for folder in reversed(folders):
        with suppress(OSError):  # something else is in it by now
            folder.rmdir()
    if removed and not target.is_image:
        systemd.reload()
    return Removed(removed=tuple(removed), kept=tuple(path for path in owned if target.path(path).exists()))


def _made_folders(target: Target) -> list[Path]:
    """Give the folders that the installation made for its files."""
    path = target.path(layout.FOLDERS)
    names = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [target.path(name) for name in names]


def _is_ours(target: Target) -> bool:
    command = target.path(layout.COMMAND)
    return command.is_symlink() and layout.CURRENT.lstrip("/") in str(command.readlink())


def _remove(path: Path) -> bool:
    """Remove a file, a link or a folder with all that is in it; tell whether it was there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        return False
    return True
