"""The service's own virtual environment, laid out by hand so that an image's can be made from outside.

A virtual environment is ``pyvenv.cfg``, ``bin/python3`` and a folder of packages. Wheels are unpacked by pip, for the
target's Python and machine where they are not this process's.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edgefuse import disk
from edgefuse.errors import InstallError
from edgefuse.install import pip
from edgefuse.install.target import Interpreter

_OLDEST_MANYLINUX, _ALIASES = 5, {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}  # Source: PEP 600


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an environment is made from."""

    python: Interpreter
    requirements: tuple[str, ...]
    """As pip takes them: wheels by path, packages by name."""
    constraints: Path | None
    wheelhouse: Path | None
    """Folder of wheels; the only source of packages where there is one."""


def build(folder: Path, recipe: Recipe, on_line: pip.OnLine | None) -> None:
    """Fill an empty folder with a virtual environment.

    Raises:
        InstallError: Packages are missing or do not fit the target.
    """
    packages = folder / packages_dir(recipe.python)
    python = recipe.python
    disk.write_atomically(
        folder / "pyvenv.cfg",
        f"home = {Path(python.path).parent}\ninclude-system-site-packages = false\n"
        f"version = {python.version[0]}.{python.version[1]}\n".encode(),
    )
    (folder / "bin").mkdir()
    (folder / "bin/python3").symlink_to(python.path)
    with TemporaryDirectory(dir=folder) as scratch:
        arguments = _install_arguments(packages, recipe)
        pip.run(*arguments, scratch=Path(scratch), doing="install edgefuse's packages", on_line=on_line)
    (folder / "share").symlink_to(Path(packages_dir(python)) / "share")


def packages_dir(python: Interpreter) -> str:
    """Give the folder of packages inside an environment."""
    return f"lib/python{python.version[0]}.{python.version[1]}/site-packages"


def write_command(folder: Path, python: str) -> None:
    """Put the ``edgefuse`` command into an environment; pip's would name the interpreter that pip ran under."""
    command = folder / "bin/edgefuse"
    text = f"#!{python}\nimport sys\n\nfrom edgefuse.__main__ import main\n\nsys.exit(main())\n"
    disk.write_atomically(command, text.encode())
    command.chmod(0o755)


def _install_arguments(packages: Path, recipe: Recipe) -> Sequence[str]:
    arguments = ["install", "--target", str(packages), "--only-binary=:all:", "--progress-bar=off"]
    if recipe.wheelhouse is not None:
        arguments += ["--no-index", "--find-links", str(recipe.wheelhouse)]
    if recipe.constraints is not None:
        arguments += ["--constraint", str(recipe.constraints)]
    if recipe.python.is_foreign:
        arguments += _foreign_tags(recipe.python)
    if recipe.python.version != sys.version_info[:2]:
        arguments.append("--no-compile")  # another Python could not load it
    return [*arguments, *recipe.requirements]


def _foreign_tags(python: Interpreter) -> list[str]:
    """Tell pip what wheels another machine or another Python takes.

    Raises:
        InstallError: The machine is one for which pip would choose other packages than for this one.
    """
    if python.machine not in ("x86_64", "aarch64"):
        raise InstallError(
            f"cannot install for {python.machine} from here: packages differ there; "
            "run edgefuse install-service on such a board"
        )
    if python.glibc is None:
        raise InstallError(f"cannot install for {python.path}: no GNU C library is beside it, and wheels need one")
    version = "".join(map(str, python.version))
    tags = ["--implementation", "cp", "--python-version", version]
    tags += [word for abi in (f"cp{version}", "abi3", "none") for word in ("--abi", abi)]
    for minor in range(python.glibc[1], _OLDEST_MANYLINUX - 1, -1):
        names = (f"manylinux_2_{minor}", *([_ALIASES[minor]] if minor in _ALIASES else []))
        tags += [word for name in names for word in ("--platform", f"{name}_{python.machine}")]
    return tags
