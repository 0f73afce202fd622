"""Changes to a board's files that are all made or all taken back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from edgefuse import disk


class Changes:
    """Makes files, links and folders that are not there yet; an error in the ``with`` block undoes what it made.

    What is already as it should be is left alone and not counted.
    """

    def __init__(self) -> None:
        self.paths: list[Path] = []
        """What was made or replaced, in order."""
        self.folders: list[Path] = []
        """Those of them that are folders."""
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> Changes:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for undo in reversed(self._undo):
                undo()

    def put_file(self, path: Path, content: bytes) -> None:
        """Have this content in a file that everybody may read."""
        before = path.read_bytes() if path.is_file() else None
        if before == content:
            return
        self.make_folder(path.parent)
        self._note(path, path.unlink if before is None else lambda: disk.write_atomically(path, before))
        disk.write_atomically(path, content)

    def put_link(self, path: Path, target: str) -> None:
        """Have a link that leads to ``target``; an older link is replaced in one step."""
        before = _read_link(path)
        if before == target:
            return
        self.make_folder(path.parent)
        self._note(path, path.unlink if before is None else lambda: _switch(path, before))
        _switch(path, target)

    def make_folder(self, path: Path) -> None:
        """Have a folder, and those above it."""
        if path.is_dir():
            return
        self.make_folder(path.parent)
        self._note(path, path.rmdir)
        self.folders.append(path)
        path.mkdir(mode=0o755)

    def is_built(self, path: Path) -> bool:
        """Tell whether ``build_folder`` has finished there once."""
        return (path / _COMPLETE).is_file()

    def build_folder(self, path: Path, build: Callable[[Path], None]) -> None:
        """Have a folder that ``build`` fills; what an interrupted build left there is thrown away first."""
        shutil.rmtree(path, ignore_errors=True)
        self.make_folder(path)
        self._undo.append(lambda: _empty(path))
        build(path)
        disk.write_atomically(path / _COMPLETE, b"")

    def _note(self, path: Path, undo: Callable[[], None]) -> None:
        self.paths.append(path)
        self._undo.append(undo)


_COMPLETE = ".complete"


def _read_link(path: Path) -> str | None:
    return str(path.readlink()) if path.is_symlink() else None


def _switch(path: Path, target: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)
    disk.sync_folder(path.parent)


def _empty(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(exist_ok=True)  # the step that made the folder takes it away
