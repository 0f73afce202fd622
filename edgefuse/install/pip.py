"""Running pip, which belongs to the interpreter that edgefuse was started with; the target needs none."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from edgefuse.errors import InstallError
from edgefuse.interpreter import module_command

OnLine = Callable[[str], None]
"""Takes what pip says, line by line."""


def run(*arguments: str, scratch: Path, doing: str, on_line: OnLine | None = None) -> None:
    """Run pip and pass on what it says.

    Args:
        scratch: Folder for unpacked wheels; on the disk that they are for, because ``/tmp`` is often a piece of memory.
        doing: What the caller is about to do, for the error's text: ``build edgefuse's wheel``.

    Raises:
        InstallError: There is no pip, or it failed.
    """
    if importlib.util.find_spec("pip") is None:
        raise InstallError(
            f"cannot {doing}: {sys.executable} has no pip (apt install python3-pip, or {sys.executable} -m ensurepip)"
        )
    command = module_command(sys.executable, "pip", "--disable-pip-version-check", "--no-input", *arguments)
    said = []
    with subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None, "it was asked for"
        for line in process.stdout:
            said.append(line.strip())
            if on_line is not None:
                on_line(line.strip())
    if process.returncode:
        raise InstallError(f"cannot {doing}: pip: {_reason(said)}")


def _reason(said: list[str]) -> str:
    """Give the first complaint, which names the package; what follows it is about pip."""
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    return errors[0] if errors else next((line for line in reversed(said) if line), "it said nothing")
