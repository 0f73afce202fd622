"""The processes of the supervisor: each in a session of its own, reaped at once, and ended with all that it started.

``asyncio``'s own subprocesses are not used: before Python 3.12 they take a thread a child.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress

from edgefuse.planning.child import child_environment
from edgefuse.supervisor.cgroup import Group

_KILLED_S = 1.0
"""In which one that was killed is gone, unless the kernel holds it."""

OnEnded = Callable[[int], object]
"""Gets the return code as ``subprocess`` gives it: negative for a signal."""


class Children:
    """The processes that live now."""

    def __init__(self) -> None:
        self._living: dict[subprocess.Popen[bytes], OnEnded] = {}
        self.group: Group | None = None
        """Control group that they begin in, where there is one."""

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reap from now on whenever the system says that a child ended."""
        loop.add_signal_handler(signal.SIGCHLD, self.reap)

    def spawn(
        self, command: list[str], on_ended: OnEnded, *, inherit: Iterable[int] = (), output: int = 2, errors: int = 2
    ) -> subprocess.Popen[bytes]:
        """Start a process that reads nothing.

        Args:
            on_ended: Called once, in the loop, after the process was reaped.
            inherit: Descriptors that it keeps.
            output: Descriptor of its stdout; this process's stderr where nothing else is said.
            errors: Descriptor of its stderr, likewise.

        Raises:
            OSError: It cannot be started.
        """
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            pass_fds=tuple(inherit),
            start_new_session=True,  # Ctrl-C in a terminal is for the supervisor; and what it starts ends with it
            env=child_environment(),
        )
        self._living[child] = on_ended
        if self.group is not None:
            with suppress(OSError):
                self.group.add(child.pid)
        return child

    async def run(
        self, command: list[str], limit_s: float, *, inherit: Iterable[int] = (), output: int = 2, errors: int = 2
    ) -> int:
        """Run a process to its end and give its return code; one that nobody waits for any more is killed.

        Args:
            inherit: As of ``spawn``, as are the others.

        Raises:
            OSError: It cannot be started.
            asyncio.TimeoutError: It takes longer than ``limit_s``.
        """
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        child = self.spawn(command, ended.set_result, inherit=inherit, output=output, errors=errors)
        try:
            return await asyncio.wait_for(asyncio.shield(ended), limit_s)
        finally:
            if not ended.done():
                signal_group(child.pid, signal.SIGKILL)
                await asyncio.wait([ended], timeout=_KILLED_S)

    def reap(self) -> None:
        """Take the processes that ended, and end whatever they had started and left."""
        for child in list(self._living):
            if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            signal_group(child.pid, signal.SIGKILL)  # before it is reaped, its number is nobody else's
            self._living.pop(child)(child.wait())


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that was spawned here and to all that it started; those that are gone need none."""
    with suppress(ProcessLookupError, PermissionError):  # the latter where only zombies are left, on some systems
        os.killpg(pid, number)


def describe_end(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
