"""The control socket under friendly and hostile clients."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from fakes.unit_status import STATUS

from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import AnyRequest, Done, GetStatus, Refused, Reply, SetPaused, Told, Watch
from edgefuse.supervisor.server import MAX_CLIENTS, MAX_REQUEST_BYTES, Server

Talk = Callable[[Path], Awaitable[None]]


async def _perform(request: AnyRequest) -> Reply:
    return Done()


@asynccontextmanager
async def _listening(path: Path) -> AsyncIterator[Path]:
    server = Server(path, lambda: STATUS, _perform)
    await server.open()
    try:
        yield path
    finally:
        await server.close()


def _with_server(folder: Path, talk: Talk) -> None:
    async def session() -> None:
        async with _listening(folder / "control.sock") as path:
            await asyncio.wait_for(talk(path), 20)

    asyncio.run(session())


async def _ask(path: Path, line: bytes) -> Reply:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 22)
    writer.write(line)
    try:
        return msgspec.json.decode(await reader.readline(), type=Reply)
    finally:
        writer.close()


def _line(request: AnyRequest) -> bytes:
    return msgspec.json.encode(request) + b"\n"


def test_a_status_is_told(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        assert await _ask(path, _line(GetStatus())) == Told(STATUS)

    _with_server(tmp_path, talk)


def test_what_changes_something_is_done(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        assert await _ask(path, _line(SetPaused(is_paused=True))) == Done()

    _with_server(tmp_path, talk)


def test_watching_tells_again_and_again(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(_line(Watch(interval_s=0)))
        for _ in range(3):
            assert msgspec.json.decode(await reader.readline(), type=Reply) == Told(STATUS)
        writer.close()

    _with_server(tmp_path, talk)


DEEP = b'{"ask":"status","why":' + b"[" * 20_000 + b"]" * 20_000 + b"}\n"


@pytest.mark.parametrize("line", [b"{}\n", b"\xff\n", b'{"ask":"reboot"}\n', b"[" * 5000 + b"\n", DEEP])
def test_nonsense_is_refused(tmp_path: Path, line: bytes) -> None:
    async def talk(path: Path) -> None:
        assert isinstance(await _ask(path, line), Refused)

    _with_server(tmp_path, talk)


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        assert isinstance(await _ask(path, b"x" * (4 * MAX_REQUEST_BYTES)), Refused)

    _with_server(tmp_path, talk)


def test_silent_clients_and_clients_that_take_nothing_hold_up_nobody(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        silent = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CLIENTS // 2)]
        for connection in silent:
            connection.connect(str(path))
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(str(path))
        deaf.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                deaf.send(_line(GetStatus()))
        assert await _ask(path, _line(GetStatus())) == Told(STATUS)
        for connection in (*silent, deaf):
            connection.close()

    _with_server(tmp_path, talk)


def test_a_client_that_reads_late_gets_every_reply_whole(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 22)
        writer.write(_line(GetStatus()) * 2000)  # whose replies no socket holds
        for _ in range(2000):
            assert msgspec.json.decode(await reader.readline(), type=Reply) == Told(STATUS)
        writer.close()

    _with_server(tmp_path, talk)


def test_too_many_clients_are_sent_away(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        many = [await asyncio.open_unix_connection(str(path)) for _ in range(MAX_CLIENTS)]
        reader, writer = await asyncio.open_unix_connection(str(path))
        assert await reader.read() == b""
        for _, other in (*many, (reader, writer)):
            other.close()

    _with_server(tmp_path, talk)


def test_a_dead_supervisors_socket_is_taken_over(tmp_path: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "control.sock"))
    stale.close()

    async def talk(path: Path) -> None:
        assert await _ask(path, _line(GetStatus())) == Told(STATUS)

    _with_server(tmp_path, talk)


def test_a_living_supervisors_socket_is_left_alone(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        with pytest.raises(EdgefuseError, match="another supervisor"):
            await Server(path, lambda: STATUS, _perform).open()
        assert await _ask(path, _line(GetStatus())) == Told(STATUS)

    _with_server(tmp_path, talk)


def test_the_socket_is_for_owner_and_group_only_and_gone_afterwards(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660

    before = os.umask(0)
    try:
        _with_server(tmp_path, talk)
    finally:
        os.umask(before)
    assert not (tmp_path / "control.sock").exists()
