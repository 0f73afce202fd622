"""Questions to child processes: native code may crash, hang or leak there, and the caller only gets the reason.

The child keeps stdout for its answer alone; what libraries print goes to stderr.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

from edgefuse import paths
from edgefuse.errors import EdgefuseError
from edgefuse.interpreter import module_command


class ChildError(EdgefuseError):
    """A child process gave no answer; the text says how it ended."""


class ChildStarvedError(ChildError):
    """A child process ran out of time or was killed, as when memory is short; another time it may do well."""


class ChildStoppedError(EdgefuseError):
    """A child process was stopped from outside, as at shutdown; that says nothing about what it was asked."""


_STOPPED = {-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP}


def ask_child(
    module: str, *arguments: str, question: bytes = b"", timeout_s: float, python: str | None = None
) -> bytes:
    """Run ``python -m module`` and give its answer.

    Args:
        module: Its main block calls ``answer_parent``.
        question: What the child reads from stdin.
        timeout_s: The child is killed after that time.
        python: Interpreter, where it is not this one.

    Raises:
        ChildStarvedError: The child hung, or was killed by SIGKILL.
        ChildError: The child crashed, failed or could not be started.
        ChildStoppedError: Somebody stopped it.
    """
    command = module_command(python or sys.executable, module, *arguments)
    try:
        done = subprocess.run(
            command, input=question, capture_output=True, timeout=timeout_s, check=False, env=child_environment()
        )
    except subprocess.TimeoutExpired as e:
        raise ChildStarvedError(f"it gave no answer within {timeout_s:g} s") from e
    except OSError as e:
        raise ChildError(f"cannot run {command[0]}: {e.strerror}") from e
    if done.returncode in _STOPPED:
        raise ChildStoppedError(f"cannot finish {module}: it was stopped by {signal.Signals(-done.returncode).name}")
    if done.returncode == -signal.SIGKILL:
        raise ChildStarvedError("it was killed by SIGKILL, most likely because memory ran out")
    if done.returncode != 0:
        raise ChildError(_describe_end(done.returncode, done.stderr))
    return done.stdout


def answer_parent(make_answer: Callable[[], bytes]) -> None:
    """Make the answer with stdout turned to stderr, then write it to the real stdout."""
    with os.fdopen(os.dup(1), "wb") as real_stdout:
        os.dup2(2, 1)
        real_stdout.write(make_answer())


def child_environment() -> dict[str, str]:
    """Let the child find this very package, in a checkout by its path; an installed one it finds by itself.

    An installed package's folder must not be passed on: another interpreter would load this one's native modules.
    """
    variables = dict(os.environ)
    if checkout := paths.checkout_dir():
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(checkout), os.environ.get("PYTHONPATH"))))
    return variables


def _describe_end(code: int, stderr: bytes) -> str:
    if code < 0:
        return f"it crashed with {signal.Signals(-code).name}"
    lines = stderr.decode(errors="replace").strip().splitlines()
    return f"it failed with {lines[-1].strip()}" if lines else f"it ended with code {code}"
