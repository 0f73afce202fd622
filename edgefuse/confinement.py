"""Limits of a process that opens files from elsewhere, and of all that it starts; and of its life.

They keep a model that goes wrong from taking the unit along: no connections, no memory dumps onto the card, no
processor time that the running pipeline wants, and first in line when memory runs out. How much memory and time a
process may take, who starts it decides (``edgefuse.planning.child``). Processes are not counted: the kernel counts all
of the user's, so that a person who opens a window would make a model fail; systemd counts those of the service.

Source: prctl(2), seccomp(2), getrlimit(2), proc_pid_oom_score_adj(5); the kernel's linux/seccomp.h, linux/filter.h,
linux/audit.h and, by architecture, asm/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NICER_BY = 10  # a tenth of the weight of a pipeline that wants all cores, so that it still comes to an end
_FIRST_TO_GO = "1000"
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 1, 38, 22, 2
_LOAD_WORD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, …
_INSTRUCTION = struct.Struct("=HBBI")  # struct sock_filter
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16  # in struct seccomp_data; low half, all are little-endian
_IO_URING_SETUP = 425  # everywhere; it opens sockets that no filter sees
_OTHER_NUMBERS = 0x40000000  # from here on x86-64 has its calls again, for the x32 ABI


@dataclass(frozen=True, slots=True)
class Calls:
    """What a filter must know of an architecture."""

    audit: int
    """AUDIT_ARCH_…"""
    socket: int
    """Number of the call that opens sockets."""


CALLS = {
    "x86_64": Calls(0xC000003E, 41),
    "aarch64": Calls(0xC00000B7, 198),
    "armv7l": Calls(0x40000028, 281),
}
"""By the architecture of the program, which a 64-bit kernel may run with 32 bits."""


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def end_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Have this process sent a signal when the thread that has started it is gone, where the kernel does that."""
    with suppress(OSError):
        _prctl(_PR_SET_PDEATHSIG, number)


def confine(architecture: str, cpu_s: float) -> tuple[str, ...]:
    """Limit this process and those that it will start, for good; to be called before it has threads.

    Args:
        architecture: Of this program, as ``edgefuse.planning.host.name_arch`` names it.
        cpu_s: Processor time that each process may take.

    Returns:
        What the kernel here refuses to limit, in words; everything goes on without.
    """
    limits: dict[str, Callable[[], object]] = {
        "network": lambda: _forbid_network(architecture),
        "processor time": lambda: _limit(resource.RLIMIT_CPU, max(1, round(cpu_s))),
        "memory dumps": lambda: _limit(resource.RLIMIT_CORE, 0),
        "priority": lambda: os.nice(_NICER_BY),
        "memory shortage": lambda: Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO),
    }
    return tuple(filter(None, (_refusal(name, set_limit) for name, set_limit in limits.items())))


def _refusal(name: str, set_limit: Callable[[], object]) -> str:
    try:
        set_limit()
    except OSError as e:
        return f"{name}: {(e.strerror or str(e)).lower()}"
    return ""


def _limit(what: int, most: int) -> None:
    """Lower a limit; one that is lower already stays.

    Raises:
        OSError: The kernel refuses.
    """
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if soft == resource.RLIM_INFINITY else min(most, soft), hard))


def _forbid_network(architecture: str) -> None:
    """Make opening a socket fail, but for those to programs and to the kernel of this unit.

    Raises:
        OSError: The kernel has no filters, or does not let this process set one.
    """
    if architecture not in CALLS or sys.byteorder != "little":
        raise OSError(errno.ENOSYS, f"the calls of {architecture} are not known")
    program = make_filter(CALLS[architecture])
    argument = _Program(len(program) // _INSTRUCTION.size, program)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(argument))


def _prctl(option: int, first: int, second: int | None = None) -> None:
    """Ask the kernel for a change of this process.

    Raises:
        OSError: It refuses.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
    if prctl(option, first, second, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def make_filter(calls: Calls) -> bytes:
    """Give the instructions of the filter: what is loaded or done, how many to skip if so, how many if not, a value."""
    instructions = (
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 0, 7, calls.audit),  # another instruction set has other numbers
        (_LOAD_WORD, 0, 0, _NUMBER_AT),
        (_JUMP_IF_AT_LEAST, 5, 0, _OTHER_NUMBERS),
        (_JUMP_IF_EQUAL, 4, 0, _IO_URING_SETUP),
        (_JUMP_IF_EQUAL, 0, 4, calls.socket),
        (_LOAD_WORD, 0, 0, _FIRST_ARGUMENT_AT),
        (_JUMP_IF_EQUAL, 2, 0, socket.AF_UNIX),
        (_JUMP_IF_EQUAL, 1, 0, socket.AF_NETLINK),  # libusb asks the kernel for the Neural Compute Stick
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    )
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in instructions)
