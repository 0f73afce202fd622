"""What systemd is told."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgefuse.supervisor.notify import Notifier


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket that systemd listens to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(0.05)
        yield listening


def heard(systemd: socket.socket) -> list[str]:
    """Give all that was told."""
    messages = []
    try:
        while True:
            messages.append(systemd.recv(4096).decode())
    except TimeoutError:
        return messages


def variables(systemd: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": systemd.getsockname(), **more}


def test_the_watchdog_is_fed_twice_in_its_period(systemd: socket.socket) -> None:
    notifier = Notifier(variables(systemd, WATCHDOG_USEC="20000000"))
    for quarter in range(4 * 60):
        notifier.beat(1000 + quarter / 4)
    assert heard(systemd) == ["WATCHDOG=1"] * 6


def test_another_processs_watchdog_is_not_fed(systemd: socket.socket) -> None:
    other = str(os.getpid() + 1)
    Notifier(variables(systemd, WATCHDOG_USEC="20000000", WATCHDOG_PID=other)).beat(1000.0)
    assert heard(systemd) == []


def test_a_status_is_told_when_it_changes(systemd: socket.socket) -> None:
    notifier = Notifier(variables(systemd))
    for line in ("a", "a", "b"):
        notifier.status(line)
    assert heard(systemd) == ["STATUS=a", "STATUS=b"]


def test_a_reload_says_when_it_began(systemd: socket.socket) -> None:
    notifier = Notifier(variables(systemd))
    notifier.reloading()
    notifier.ready()
    reloading, ready = heard(systemd)
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=") and ready == "READY=1"


def test_a_beat_that_systemd_was_too_busy_for_is_sent_again(systemd: socket.socket) -> None:
    notifier = Notifier(variables(systemd, WATCHDOG_USEC="2000000"))
    now_s = 1000.0
    for _ in range(1000):  # far more than wait in any queue
        now_s += 1.0
        notifier.beat(now_s)
    waiting = len(heard(systemd))
    notifier.beat(now_s + 0.1)
    assert waiting < 1000 and heard(systemd) == ["WATCHDOG=1"]


def test_an_abstract_socket_is_found() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0edgefuse-test-{os.getpid()}")
        listening.settimeout(1)
        Notifier({"NOTIFY_SOCKET": f"@edgefuse-test-{os.getpid()}"}).ready()
        assert listening.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    notifier.beat(1.0)
