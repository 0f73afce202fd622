"""The system that edgefuse is installed into: this machine, or an image's root folder of another one.

Nothing of an image is run: its Python and C library are read off its files, so that an arm64 card can be prepared on
an x86-64 computer.
"""

from __future__ import annotations

import os
import platform
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from edgefuse.errors import InstallError

OLDEST, NEWEST_MINOR = (3, 10), 14  # newest: wheels of the runtimes stop there
_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64"}  # Source: elf.h, EM_*
_HIDDEN = ("home", "root", "run", "tmp")  # from the service, by ProtectHome and PrivateTmp


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of the target."""

    path: str
    """As the target sees it."""
    version: tuple[int, int]
    machine: str
    glibc: tuple[int, int] | None
    """Nothing for a C library of another kind."""
    is_foreign: bool
    """Wheels that fit this process may not fit it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to install."""

    root: Path

    @property
    def is_image(self) -> bool:
        """Whether it is a folder, not the running system."""
        return self.root != Path("/")

    def path(self, path: str) -> Path:
        """Give the place of an absolute path of the target."""
        return self.root / path.lstrip("/")

    def find_interpreter(self) -> Interpreter:
        """Give the Python that the service will run under: the system's own, else the newest that is new enough.

        Raises:
            InstallError: There is none, or none is new enough.
        """
        found = [python for path in self._pythons() if (python := self._read_interpreter(path)) is not None]
        able = [python for python in found if python.version >= OLDEST]
        if able:
            return able[0]
        seen = ", ".join(f"{python.path} is {_show(python.version)}" for python in found) or "there is none"
        raise InstallError(
            f"cannot install the service: it needs Python {_show(OLDEST)} or newer in {self.path('/usr/bin')} "
            f"({seen}); install one there"
        )

    def find_python(self, version: tuple[int, int]) -> Interpreter | None:
        """Give a Python of exactly that version."""
        paths = (f"{folder}/python{_show(version)}" for folder in _FOLDERS)
        return next((python for path in paths if (python := self._read_interpreter(path)) is not None), None)

    def _pythons(self) -> list[str]:
        newest_first = [f"python3.{minor}" for minor in range(NEWEST_MINOR, OLDEST[1] - 1, -1)]
        system = [f"{folder}/{name}" for name in ("python3", *newest_first) for folder in _FOLDERS]
        return system if self.is_image else [*system, os.path.realpath(sys.executable)]

    def _read_interpreter(self, path: str) -> Interpreter | None:
        file = self._follow(path)
        match = re.fullmatch(r"python(\d)\.(\d+)", file.name)
        if match is None or not file.is_file() or file.relative_to(self.root).parts[0] in _HIDDEN:
            return None
        machine = _read_machine(file)
        if machine is None:
            return None
        version = int(match[1]), int(match[2])
        is_foreign = self.is_image or (version, machine) != (sys.version_info[:2], platform.machine())
        return Interpreter(path, version, machine, self._read_glibc(machine), is_foreign)

    def _follow(self, path: str) -> Path:
        """Follow links as the target would: an absolute one starts at its root."""
        file = self.path(path)
        for _ in range(8):
            if not file.is_symlink():
                break
            leads = str(file.readlink())
            file = self.path(leads) if leads.startswith("/") else Path(os.path.normpath(file.parent / leads))
        return file

    def _read_glibc(self, machine: str) -> tuple[int, int] | None:
        """Read the C library's version off the text that it prints when it is run."""
        triplet = "arm-linux-gnueabihf" if machine == "armv7l" else f"{machine}-linux-gnu"
        for folder in (f"/usr/lib/{triplet}", f"/lib/{triplet}", "/usr/lib64", "/lib64", "/usr/lib", "/lib"):
            file = self._follow(f"{folder}/libc.so.6")
            if file.is_file() and (match := re.search(rb"stable release version (\d+)\.(\d+)", file.read_bytes())):
                return int(match[1]), int(match[2])
        return None


_FOLDERS = ("/usr/bin", "/usr/local/bin")


def _read_machine(file: Path) -> str | None:
    """Read for which processor an executable file is; nothing where it is none."""
    with file.open("rb") as opened:
        header = opened.read(20)
    if not header.startswith(b"\x7fELF") or len(header) < 20:
        return None
    order = "<" if header[5] == 1 else ">"
    (machine,) = struct.unpack_from(f"{order}H", header, 18)
    return _MACHINES.get(machine, f"machine {machine}")


def _show(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
