"""The ``edgefuse`` command as a user starts it: a process of its own, with its own environment and folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


class Started(subprocess.Popen[str]):
    """A command that runs, and does not outlive a test that fails meanwhile."""

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self.kill()  # `Popen` would wait for it, for ever
        super().__exit__(kind, *rest)  # type: ignore[arg-type]  # passed on as they are


def start(*arguments: str, folder: Path, **environment: str) -> Started:
    """Start the command in a folder, with variables added to the environment; Ctrl-C works in it."""
    return Started(
        [sys.executable, "-m", "edgefuse", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """Run the command and give its exit code, what it printed, and what it said on stderr."""
    with start(*arguments, folder=folder, **environment) as process:
        out, err = finish(process)
    return process.returncode, out, err


def finish(process: subprocess.Popen[str], timeout_s: float = 120.0) -> tuple[str, str]:
    """Wait for the end of a command and give what it printed; one that hangs is killed, and the test fails."""
    try:
        return process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def refuse(*arguments: str, folder: Path, **environment: str) -> str:
    """Run a command that must refuse its input and leave the folder as it is; give what it said."""
    before = sorted(folder.rglob("*"))
    code, out, err = run(*arguments, folder=folder, **environment)
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
    assert sorted(folder.rglob("*")) == before
    return err.strip()
