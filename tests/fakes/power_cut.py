"""What a disk may hold after a power cut: every state that the operations of real code allow, not a sample.

``Recorder`` sees what code does below a folder: after each call that changes names, and before each that syncs, it
compares the folder with what it was. ``crash_states`` plays the operations on a disk that keeps its promises to the
letter and no others:

- what was written to a file is there for certain after an fsync of that file; before, the old content, the new, or
  a torn one is there (half of it, zeros of its length, its second half alone);
- a name that was made, renamed or removed is as wished for certain after an fsync of its folder; before, any of the
  changes of that folder may be there and any others not, in any order; a rename within a folder is one change, one
  across folders two;
- a folder whose own name is lost takes all that is in it with it.

Source:
    Pillai et al., All File Systems Are Not Created Equal, OSDI 2014: what file systems reorder, and that applications
    may count on no more than this.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from unittest import mock

_CHANGING = ("replace", "rename", "unlink", "remove", "mkdir", "rmdir", "symlink", "link")
_SYNCING = ("fsync", "fdatasync")


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one folder changed at once: each to a node, or to nothing."""

    folder: int
    changes: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A file got other content."""

    file: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Sync:
    """A file or a folder was synced."""

    node: int


Operation: TypeAlias = Names | Content | Sync
State: TypeAlias = tuple[tuple[str, bytes | str | None], ...]
"""By path: content of a file, nothing for a folder, and for a second name of a file its first one."""


class Killed(BaseException):
    """The process is gone."""


@dataclass
class _Look:
    """A folder at one moment."""

    folders: dict[int, dict[str, int]] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)


class Recorder:
    """Sees what happens below a folder while ``recording``."""

    def __init__(self, root: Path, forgets: Callable[[Path], bool] = lambda _: False) -> None:
        """Look at the folder; all of it counts as synced.

        Args:
            root: The folder.
            forgets: Whether a sync of that path is one that the code does not make: to plant a defect.
        """
        self._root = root
        self._forgets = forgets
        self._held: dict[int, int] = {}
        """A descriptor for each node, so that no number is used twice."""
        self.folders: set[int] = set()
        """Those of the nodes that are folders."""
        self.first = self._last = self._look()
        self.operations: list[Operation] = []
        self.kill_at: int | None = None
        """After so many operations the process is killed."""
        self._said: list[tuple[int, int]] = []

    def say(self, number: int) -> None:
        """Note that something was said to the world, which a power cut does not take back."""
        self._said.append((len(self.operations), number))

    def said_before(self, count: int) -> int:
        """Give what was said last before so many operations had begun; 0 where nothing was."""
        return max((number for at, number in self._said if at <= count), default=0)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what the body does; a kill ends it."""
        with mock.patch.multiple(
            os,
            **{name: self._changing(getattr(os, name)) for name in _CHANGING},
            **{name: self._syncing(getattr(os, name)) for name in _SYNCING},
        ):
            try:
                yield
                self._compare()
            except Killed:
                self.kill_at = None
                self._compare()

    def close(self) -> None:
        """Let go of what is held."""
        for descriptor in self._held.values():
            os.close(descriptor)

    def _changing(self, call: Callable[..., object]) -> Callable[..., object]:
        def changing(*args: object, **kwargs: object) -> object:
            self._step()
            result = call(*args, **kwargs)
            self._compare()
            return result

        return changing

    def _syncing(self, call: Callable[[int], None]) -> Callable[[int], None]:
        def syncing(descriptor: int) -> None:
            self._step()
            node, path = os.fstat(descriptor).st_ino, Path(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
            if node in self._held and not self._forgets(path):
                self.operations.append(Sync(node))

        return syncing  # in memory there is nothing to sync

    def _step(self) -> None:
        self._compare()
        if self.kill_at is not None and len(self.operations) >= self.kill_at:
            raise Killed

    def _compare(self) -> None:
        """Add the operations that lead from the last look to this one."""
        look = self._look()
        for folder, names in look.folders.items():
            before = self._last.folders.get(folder, {})
            changed = [name for name in {**before, **names} if before.get(name) != names.get(name)]
            if changed:
                self.operations.append(Names(folder, tuple((name, names.get(name)) for name in changed)))
        for file, content in look.files.items():
            if self._last.files.get(file, b"") != content:
                self.operations.append(Content(file, content))
        self._last = look

    def _look(self) -> _Look:
        look = _Look()
        for folder, _, files in os.walk(self._root):
            node = self._hold(Path(folder))
            self.folders.add(node)
            look.folders[node] = {entry.name: self._hold(Path(entry.path)) for entry in os.scandir(folder)}
            for name in files:
                path = Path(folder, name)
                look.files[self._hold(path)] = path.read_bytes()
        return look

    def _hold(self, path: Path) -> int:
        node = path.stat(follow_symlinks=False).st_ino
        if node not in self._held:
            self._held[node] = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        return node

    @property
    def root_node(self) -> int:
        """Give the node of the folder."""
        return self._hold(self._root)


class _Disk:
    """What is certain, and what is under way."""

    def __init__(self, recorder: Recorder) -> None:
        self._root = recorder.root_node
        self._folders = recorder.folders
        self._names = {folder: dict(recorder.first.folders.get(folder, {})) for folder in recorder.folders}
        self._contents = dict(recorder.first.files)
        self._name_changes: dict[int, list[Names]] = {}
        self._content_changes: dict[int, list[bytes]] = {}

    def take(self, operation: Operation) -> None:
        """Let an operation happen."""
        match operation:
            case Names(folder):
                self._name_changes.setdefault(folder, []).append(operation)
            case Content(file, content):
                self._content_changes.setdefault(file, []).append(content)
            case Sync(node):
                for change in self._name_changes.pop(node, []):
                    _apply(self._names[node], change)
                if contents := self._content_changes.pop(node, []):
                    self._contents[node] = contents[-1]

    def states(self) -> Iterator[State]:
        """Give all that may be there after a power cut now; some come twice."""
        folders, files = list(self._name_changes), list(self._content_changes)
        for names in itertools.product(*(self._names_of(folder) for folder in folders)):
            for contents in itertools.product(*(self._contents_of(file) for file in files)):
                by_folder = {**self._names, **dict(zip(folders, names, strict=True))}
                by_file = {**self._contents, **dict(zip(files, contents, strict=True))}
                yield _find_tree(self._root, by_folder, by_file)

    def _names_of(self, folder: int) -> list[dict[str, int]]:
        """Give what names a folder may have: any of the changes, whatever the order."""
        found: list[dict[str, int]] = []
        changes = self._name_changes[folder]
        for is_there in itertools.product((True, False), repeat=len(changes)):
            names = dict(self._names[folder])
            for change in itertools.compress(changes, is_there):
                _apply(names, change)
            if names not in found:
                found.append(names)
        return found

    def _contents_of(self, file: int) -> list[bytes]:
        """Give what content a file may have: the old, each of the new, and torn ones of the newest."""
        changes = self._content_changes[file]
        whole, half = changes[-1], len(changes[-1]) // 2
        torn = (whole[:half], bytes(len(whole)), bytes(half) + whole[half:])
        return list(dict.fromkeys((self._contents.get(file, b""), *changes, *torn)))


def crash_states(recorder: Recorder) -> Iterator[tuple[int, State]]:
    """Give every state that a power cut may leave, once, each with what was said by then."""
    disk = _Disk(recorder)
    seen: set[tuple[int, State]] = set()
    for count in range(len(recorder.operations) + 1):
        if count:
            disk.take(recorder.operations[count - 1])
        said = recorder.said_before(count)
        for state in disk.states():
            if (said, state) not in seen:
                seen.add((said, state))
                yield said, state


def lay_out(state: State, folder: Path) -> None:
    """Make a folder that holds what a power cut left."""
    for path, content in state:
        if content is None:
            (folder / path).mkdir()
        elif isinstance(content, str):
            (folder / path).hardlink_to(folder / content)
        else:
            (folder / path).write_bytes(content)


def _apply(names: dict[str, int], change: Names) -> None:
    for name, node in change.changes:
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _find_tree(root: int, names: dict[int, dict[str, int]], contents: dict[int, bytes]) -> State:
    found: dict[str, bytes | str | None] = {}
    first: dict[int, str] = {}

    def walk(folder: int, prefix: str) -> None:
        for name, node in sorted(names[folder].items()):
            path = prefix + name
            if node in names:
                found[path] = None
                walk(node, path + "/")
            else:
                found[path] = first[node] if node in first else contents.get(node, b"")
                first.setdefault(node, path)

    walk(root, "")
    return tuple(found.items())
