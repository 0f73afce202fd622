"""Questions to child processes: native code may crash, hang or leak there, and the caller only gets the reason.

The child keeps stdout for its answer alone; what libraries print goes to stderr.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

from edgefuse import clock, paths
from edgefuse.confinement import end_with_parent
from edgefuse.errors import EdgefuseError
from edgefuse.interpreter import module_command
from edgefuse.memory import resident_mb

_LOOK_S = 0.02  # between two looks at what a child holds; in that time it may take some 50 MB more


class ChildError(EdgefuseError):
    """A child process gave no answer; the text says how it ended."""


class ChildCrashedError(ChildError):
    """Native code took a child process along."""


class ChildStarvedError(ChildError):
    """A child process ran out of time or was killed, as when memory is short; another time it may do well."""


class ChildLimitError(ChildStarvedError):
    """A child process was killed for taking more time or memory than it was given."""


class ChildStoppedError(EdgefuseError):
    """A child process was stopped from outside, as at shutdown; that says nothing about what it was asked."""


_STOPPED = {-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP}


def ask_child(
    module: str,
    *arguments: str,
    question: bytes = b"",
    timeout_s: float,
    limit_mb: float | None = None,
    inherit: Iterable[int] = (),
    python: str | None = None,
) -> bytes:
    """Run ``python -m module`` and give its answer.

    Args:
        module: Its main block calls ``answer_parent``.
        question: What the child reads from stdin.
        timeout_s: The child is killed after that time.
        limit_mb: The child is killed when it holds more resident memory.
        inherit: Descriptors that it keeps.
        python: Interpreter, where it is not this one.

    Raises:
        ChildLimitError: The child hung, or took too much memory or processor time.
        ChildStarvedError: The child was killed by SIGKILL.
        ChildCrashedError: The child was ended by another signal.
        ChildError: The child failed or could not be started.
        ChildStoppedError: Somebody stopped it.
    """
    command = module_command(python or sys.executable, module, *arguments)
    with os.fdopen(os.memfd_create("edgefuse-question"), "r+b") as stdin:
        stdin.write(question)
        stdin.seek(0)
        try:
            child = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(inherit),
                env=child_environment(),
            )
        except OSError as e:
            raise ChildError(f"cannot run {command[0]}: {e.strerror}") from e
    with child:
        try:
            answer, errors = _hear(child, timeout_s, limit_mb)
        except BaseException:
            child.kill()
            raise
    if child.returncode in _STOPPED:
        raise ChildStoppedError(f"cannot finish {module}: it was stopped by {signal.Signals(-child.returncode).name}")
    if child.returncode == -signal.SIGXCPU:
        raise ChildLimitError("it took more processor time than it may")
    if child.returncode == -signal.SIGKILL:
        raise ChildStarvedError("it was killed by SIGKILL, most likely because memory ran out")
    if child.returncode < 0:
        raise ChildCrashedError(f"it crashed with {signal.Signals(-child.returncode).name}")
    if child.returncode > 0:
        raise ChildError(_describe_failure(child.returncode, errors))
    return answer


def _hear(child: subprocess.Popen[bytes], timeout_s: float, limit_mb: float | None) -> tuple[bytes, bytes]:
    """Give what a child writes to stdout and stderr, looking at what it holds now and then.

    Raises:
        ChildLimitError: It takes too much time or memory.
    """
    end_ns = clock.now_ns() + timeout_s * clock.NS_PER_S
    while True:
        left_s = max(0.0, (end_ns - clock.now_ns()) / clock.NS_PER_S)
        try:
            return child.communicate(timeout=left_s if limit_mb is None else min(left_s, _LOOK_S))
        except subprocess.TimeoutExpired as e:
            if clock.now_ns() >= end_ns:
                raise ChildLimitError(f"it gave no answer within {timeout_s:g} s") from e
            if limit_mb is not None and resident_mb(child.pid) > limit_mb:
                raise ChildLimitError(f"it took more than the {limit_mb:g} MB of memory that it may") from e


def answer_parent(make_answer: Callable[[], bytes]) -> NoReturn:
    """Make the answer with stdout turned to stderr, write it to the real stdout, and end, also where nobody waits."""
    end_with_parent()
    with os.fdopen(os.dup(1), "wb") as real_stdout:
        os.dup2(2, 1)
        real_stdout.write(make_answer())
    sys.stderr.flush()
    os._exit(0)  # libraries that are taken down with the interpreter may crash, which a model would be blamed for


def child_environment() -> dict[str, str]:
    """Let the child find this very package, in a checkout by its path; an installed one it finds by itself.

    An installed package's folder must not be passed on: another interpreter would load this one's native modules.
    """
    variables = dict(os.environ)
    if checkout := paths.checkout_dir():
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(checkout), os.environ.get("PYTHONPATH"))))
    return variables


def _describe_failure(code: int, stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return f"it failed with {lines[-1].strip()}" if lines else f"it ended with code {code}"
