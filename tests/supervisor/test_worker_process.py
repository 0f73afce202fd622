"""The supervisor's end of the socket pair, over a worker that reads late."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from fakes.interpreter import write_interpreter

from edgefuse import ipc
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.worker_process import MAX_UNSENT_BYTES, End, WorkerProcess

START = ipc.Start(source="pattern", sink="null", effect="none")
ORDER = ipc.SetEffect(id=1, effect="anonymise", settings={"anonymise": {"method": "pixelate" * 20}})
LATE_READER = """
import pathlib, socket, sys, time
folder = pathlib.Path(__file__).parent
while not (folder / "may_read").exists():
    time.sleep(0.01)
connection = socket.socket(fileno=int(sys.argv[sys.argv.index("--ipc") + 1]))
data = b""
while b"Stop" not in data[-100:]:
    data += connection.recv(1 << 16)
(folder / "heard").write_bytes(data)
"""


BABBLER = """
import socket, sys, time
connection = socket.socket(fileno=int(sys.argv[sys.argv.index("--ipc") + 1]))
connection.sendall(bytes.fromhex("{line}") + b"\\n")
time.sleep(60)
"""


async def start(folder: Path, program: str = LATE_READER) -> tuple[WorkerProcess, asyncio.Future[End]]:
    """Start a worker; without a program of its own it reads when a file says that it may."""
    loop = asyncio.get_running_loop()
    children, ended = Children(), loop.create_future()
    children.watch(loop)
    (folder / "worker.py").write_text(program)
    python = write_interpreter(folder / "python", f'exec {sys.executable} -I -S {folder / "worker.py"} "$@"')
    return WorkerProcess(children, python, START, lambda _: None, ended.set_result), ended


def test_what_does_not_fit_into_the_socket_at_once_arrives_whole_and_in_order(tmp_path: Path) -> None:
    async def session() -> None:
        worker, ended = await start(tmp_path)
        sent = [START, *[ORDER] * 3000, ipc.Stop()]  # twice what a socket takes
        for message in sent[1:]:
            worker.send(message)
        (tmp_path / "may_read").touch()
        await asyncio.wait_for(ended, 30)
        assert list(ipc.LineReader(ipc.ToWorker).feed((tmp_path / "heard").read_bytes())) == sent

    asyncio.run(session())


def test_a_worker_that_never_reads_is_killed(tmp_path: Path) -> None:
    async def session() -> None:
        worker, ended = await start(tmp_path)
        for _ in range(3 * MAX_UNSENT_BYTES // len(ipc.encode(ORDER))):
            worker.send(ORDER)
        assert (await asyncio.wait_for(ended, 30)).code == -signal.SIGKILL

    asyncio.run(session())


@pytest.mark.parametrize("line", [b"no message", b'{"is":"Failed","reason":"\xff"}', b'{"is":' + b"[" * 99_999])
def test_a_worker_that_talks_nonsense_is_killed(tmp_path: Path, line: bytes) -> None:
    async def session() -> None:
        _, ended = await start(tmp_path, BABBLER.replace("{line}", line.hex()))
        assert (await asyncio.wait_for(ended, 30)).code == -signal.SIGKILL

    asyncio.run(session())
