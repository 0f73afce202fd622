"""What the fleet may ask of this unit: the link's actions, done as the control socket does them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from edgefuse import paths
from edgefuse.errors import EdgefuseError
from edgefuse.interpreter import module_command
from edgefuse.link.commands import (
    Action,
    CancelUpdate,
    CollectLogs,
    GetStatus,
    Outcome,
    Pause,
    PinPoint,
    Reboot,
    RestartWorker,
    Resume,
    SetEffect,
    SetFace,
    Tune,
)
from edgefuse.link.commands import TakeSnapshot as SendSnapshot
from edgefuse.link.messages import Desired, PipelineReport, SystemReport
from edgefuse.supervisor.children import Children, describe_end
from edgefuse.supervisor.control import AnyRequest, Refused, Reply, SetPaused, SetPin, Status, TakeSnapshot
from edgefuse.supervisor.control import CancelUpdate as AskToCancel
from edgefuse.supervisor.supervision import Supervision
from edgefuse.supervisor.telling import make_pipeline_report, make_system_report
from edgefuse.supervisor.updating import Updating

EVENTS_IN_STATUS = 10
LOG_BYTES = 900_000
"""Of the journal's end, which is below what the fleet takes."""
REBOOT_AFTER_S = 3.0
"""In which the reply gets away."""
TUNE_S = 1700.0
"""Less than the link waits, so that the child is ended, not left behind."""
_LOGIND = ("busctl", "call", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
_SYNTHETIC = re.compile(r"^person-[0-9]+\Z")


class Remote:
    """The port of the link; in the supervisor's loop."""

    def __init__(
        self,
        status: Callable[[], Status],
        perform: Callable[[AnyRequest], Awaitable[Reply]],
        supervision: Supervision,
        children: Children,
        updating: Updating,
    ) -> None:
        """Take how this unit is asked, changed and updated, and what other programs are run by."""
        self._status, self._perform, self._supervision = status, perform, supervision
        self._children, self._updating = children, updating

    def make_reports(self, n: int) -> tuple[SystemReport, PipelineReport | None]:
        """Say how machine and pipeline are."""
        status = self._status()
        system = make_system_report(status, n)
        if status.heartbeat is None:
            return system, None
        return system, make_pipeline_report(status, status.heartbeat, self._supervision.size_px, n)

    async def perform(self, action: Action) -> Outcome:
        """Do what an operator asked for.

        Raises:
            EdgefuseError: It cannot be done.
        """
        if isinstance(action, GetStatus):
            return Outcome(result=msgspec.Raw(msgspec.json.encode(_shorten(self._status()))))
        if isinstance(action, RestartWorker):
            self._supervision.restart("restarted by an operator of the fleet")
            return Outcome()
        if isinstance(action, SendSnapshot):
            path = paths.run_dir() / "fleet-snapshot.jpg"
            await self._ask(TakeSnapshot(path=str(path)))
            return Outcome(file=path, file_kind="snapshot")
        if (request := _find_request(action)) is not None:
            await self._ask(request)
            return Outcome()
        return await self._run(action)

    def wish(self, desired: Desired) -> None:
        """Take note of the release that the fleet would like to see here."""
        self._updating.wish(desired.release, desired.deployment, desired.seq)

    def take_chunk(self, payload: bytes) -> None:
        """Pass on what a repository sent."""
        self._updating.take_chunk(payload)

    async def _ask(self, request: AnyRequest) -> None:
        reply = await self._perform(request)
        if isinstance(reply, Refused):
            raise EdgefuseError(reply.reason)

    async def _run(self, action: Action) -> Outcome:
        """Do what takes another program."""
        if isinstance(action, CollectLogs):
            return await self._collect_logs(action.lines)
        if isinstance(action, Tune):
            await self._run_program(module_command(sys.executable, "edgefuse", "tune", "--quick"), TUNE_S)
            return Outcome()
        assert isinstance(action, Reboot)
        await self._reboot()
        return Outcome()

    async def _collect_logs(self, lines: int) -> Outcome:
        journal = ["journalctl", "--unit=edgefuse", f"--lines={lines}", "--output=short-iso", "--no-pager"]
        path = Path(paths.run_dir(), "fleet-logs.txt")
        path.write_bytes((await self._run_program(journal, 20.0))[-LOG_BYTES:])
        return Outcome(file=path, file_kind="logs")

    async def _reboot(self) -> None:
        """Have the system end, in a moment.

        Raises:
            EdgefuseError: It does not let the service's user do that.
        """
        if b'"yes"' not in await self._run_program([*_LOGIND, "CanReboot"], 10.0):
            raise EdgefuseError("cannot reboot: this system does not let the service's user do that (docs/link.md)")
        asyncio.get_running_loop().call_later(
            REBOOT_AFTER_S, self._children.spawn, ["systemctl", "reboot"], lambda _: None
        )

    async def _run_program(self, command: list[str], limit_s: float) -> bytes:
        """Run a program and give what it printed; it ends with this process.

        Raises:
            EdgefuseError: It is not there, fails, or takes too long.
        """
        output, errors = (os.memfd_create(f"edgefuse-{name}") for name in ("output", "errors"))
        try:
            code = await self._children.run(command, limit_s, output=output, errors=errors)
            printed, said = (os.pread(file, os.fstat(file).st_size, 0) for file in (output, errors))
        except asyncio.TimeoutError as e:  # first, as it is an OSError from Python 3.11 on
            raise EdgefuseError(f"cannot run {command[0]}: it takes longer than {limit_s:g} s") from e
        except OSError as e:
            raise EdgefuseError(f"cannot run {command[0]}: {(e.strerror or str(e)).lower()}") from e
        finally:
            os.close(output)
            os.close(errors)
        if code != 0:
            lines = said.decode(errors="replace").strip().splitlines() or [describe_end(code)]
            raise EdgefuseError(f"cannot run {' '.join(command[-2:])}: {lines[-1]}")
        return printed


def _shorten(status: Status) -> Status:
    """Leave out what the inventory says already, so that a reply stays small."""
    return msgspec.structs.replace(status, plan=None, events=status.events[-EVENTS_IN_STATUS:])


def _find_request(action: Action) -> AnyRequest | None:
    """Give what the control socket would be asked."""
    if isinstance(action, CancelUpdate):
        return AskToCancel(reason=action.reason)
    if isinstance(action, PinPoint):
        return SetPin(setting="point", value="" if action.point is None else str(action.point))
    if isinstance(action, SetEffect):
        return SetPin(setting="effect", value=action.effect)
    if isinstance(action, SetFace):
        return SetPin(setting="face", value=_find_donor(action.face) if action.face else "")
    if isinstance(action, Pause | Resume):
        return SetPaused(is_paused=isinstance(action, Pause))
    return None


def _find_donor(face: str) -> str:
    """Find an installed donor; only people who do not exist, as nobody can tell from afar who has agreed.

    Raises:
        EdgefuseError: There is none of that name.
    """
    path = paths.cache_dir() / f"donors/{face}.png"
    if not _SYNTHETIC.match(face) or not path.is_file():
        raise EdgefuseError(f"cannot pin face '{face}': no synthetic person of that name is installed on this unit")
    return str(path)
