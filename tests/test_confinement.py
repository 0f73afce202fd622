"""What a confined process cannot do, and what it still can."""

from __future__ import annotations

import os
import platform
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from edgefuse.confinement import CALLS, make_filter
from edgefuse.planning.host import name_arch

CHECKOUT = Path(__file__).parents[1]
ARCHITECTURE = name_arch(platform.machine(), is_32_bit=sys.maxsize < 1 << 32)
ALLOWED, REFUSED = 0x7FFF0000, 0x00050001
START = f"""
import asyncio, os, resource, signal, socket, subprocess, sys, threading
from edgefuse.confinement import confine
resource.setrlimit(resource.RLIMIT_CORE, 2 * resource.getrlimit(resource.RLIMIT_CORE)[1:])  # most shells allow none
sys.stderr.write("".join(confine({ARCHITECTURE!r}, cpu_s=%s)))
"""
OPEN_SOCKETS = """
def attempt(family):
    try:
        socket.socket(family, socket.SOCK_DGRAM).close()
    except OSError as e:
        return e.strerror
    return "open"
print([attempt(f) for f in (socket.AF_INET, socket.AF_INET6, socket.AF_PACKET, socket.AF_UNIX, socket.AF_NETLINK)])
"""


def run_confined(lines: str, cpu_s: int = 60) -> subprocess.CompletedProcess[str]:
    """Run Python that confines itself and then does something."""
    return subprocess.run(
        [sys.executable, "-c", START % cpu_s + lines],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )


def said_by(lines: str) -> str:
    """Give what it prints; the kernel refused it no limit."""
    done = run_confined(lines)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.mark.parametrize(
    "lines",
    [
        OPEN_SOCKETS,
        f"subprocess.run([sys.executable, '-c', {'import socket' + OPEN_SOCKETS!r}], check=True)",
        f"t = threading.Thread(target=exec, args=({OPEN_SOCKETS!r}, dict(socket=socket))); t.start(); t.join()",
    ],
    ids=["itself", "child", "thread"],
)
def test_no_connection_leaves_the_unit(lines: str) -> None:
    no = os.strerror(1)
    assert said_by(lines) == str([no, no, no, "open", "open"])


def test_pipes_between_threads_and_processes_still_work() -> None:
    lines = "asyncio.run(asyncio.sleep(0)); a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))"
    assert said_by(lines) == "b'x'"


def test_no_memory_is_dumped_and_others_come_first() -> None:
    lines = "print(resource.getrlimit(resource.RLIMIT_CORE)[0], os.nice(0), open('/proc/self/oom_score_adj').read())"
    nice = min(19, os.nice(0) + 10)
    assert said_by(lines).split() == ["0", str(nice), "1000"]


def test_processor_time_is_limited_in_children_too() -> None:
    done = run_confined("subprocess.run([sys.executable, '-c', 'while True: pass'], check=True)", cpu_s=1)
    assert "died with <Signals.SIGXCPU: 24>" in done.stderr


def test_what_the_kernel_refuses_is_told_and_the_rest_is_limited() -> None:
    done = run_confined("print(confine('sparc', 60)); print(resource.getrlimit(resource.RLIMIT_CORE)[0])")
    assert done.stdout.splitlines() == ["('network: the calls of sparc are not known',)", "0"]


def decide(program: bytes, *, audit: int, number: int, argument: int) -> int:
    """Run the filter as the kernel would, on one call."""
    data = struct.pack("<IIQQ", number, audit, 0, argument)
    instructions = list(struct.iter_unpack("<HBBI", program))
    place, word = 0, 0
    while True:
        code, if_so, if_not, value = instructions[place]
        place += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (word,) = struct.unpack_from("<I", data, value)
        else:
            holds = word == value if code == 0x15 else word >= value
            place += if_so if holds else if_not


@pytest.mark.parametrize("architecture", CALLS)
def test_the_filter_refuses_sockets_on_every_architecture(architecture: str) -> None:
    """Only one of them is here: the others' filters are followed by hand."""
    calls = CALLS[architecture]
    program = make_filter(calls)

    def answer(number: int, argument: int = 0, audit: int = calls.audit) -> int:
        return decide(program, audit=audit, number=number, argument=argument)

    families = (socket.AF_INET, socket.AF_INET6, socket.AF_PACKET, 40)  # the last is AF_VSOCK
    assert {answer(calls.socket, family) for family in families} == {REFUSED}
    assert {answer(calls.socket, family) for family in (socket.AF_UNIX, socket.AF_NETLINK)} == {ALLOWED}
    assert {answer(number) for number in range(500) if number not in (calls.socket, 425)} == {ALLOWED}
    assert answer(425) == REFUSED, "io_uring opens sockets too"
    assert answer(calls.socket | 0x40000000, socket.AF_INET) == REFUSED
    assert answer(0, audit=0x40000003) == REFUSED, "calls of another instruction set have other numbers"


def test_the_number_of_the_call_here_is_the_kernels() -> None:
    """The filter would let sockets pass if the number were another's, so the kernel is asked for a socket by it."""
    lines = f"import ctypes; os.close(ctypes.CDLL(None).syscall({CALLS[ARCHITECTURE].socket}, 1, 2, 0)); print('open')"
    assert said_by(lines) == "open"
