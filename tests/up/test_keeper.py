"""Programs that are kept running, by real processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fakes.up import PATIENCE_S

from edgefuse.errors import EdgefuseError
from edgefuse.planning.child import child_environment
from edgefuse.supervisor.children import Children
from edgefuse.up.keeper import Keeper
from edgefuse.up.parts import Part

Test = Callable[[Keeper], Awaitable[None]]


def keep(script: str, mark: Path, test: Test, *, limit_s: float = PATIENCE_S) -> list[str]:
    """Keep a shell script running, which is ready once ``mark`` is there, for a test; give what was told."""
    told: list[str] = []

    async def run() -> None:
        children = Children()
        children.watch(asyncio.get_running_loop())
        part = Part("broker", ["/bin/sh", "-c", script], mark.exists, limit_s)
        keeper = Keeper(part, children, told.append, is_verbose=False)
        try:
            await test(keeper)
        finally:
            await keeper.stop()

    asyncio.run(asyncio.wait_for(run(), PATIENCE_S))
    return told


def test_what_ends_too_often_ends_all_with_its_last_words(tmp_path: Path) -> None:
    async def test(keeper: Keeper) -> None:
        with pytest.raises(EdgefuseError, match=r"(?s)cannot go on: the broker ended \(exit code 7\).*port is gone"):
            await keeper.start()

    told = keep("echo port is gone >&2; exit 7", tmp_path / "never", test)
    assert told == ["the broker ended (exit code 7); starting it again\n  port is gone"] * 2


def test_what_dies_once_is_started_again(tmp_path: Path) -> None:
    async def test(keeper: Keeper) -> None:
        await keeper.start()

    first = f"[ -e {tmp_path}/first ] || {{ touch {tmp_path}/first; exit 1; }}"
    told = keep(f"{first}; touch {tmp_path}/mark; exec sleep 100", tmp_path / "mark", test)
    assert len(told) == 1


def test_what_does_not_want_to_end_is_killed(tmp_path: Path) -> None:
    async def test(keeper: Keeper) -> None:
        await keeper.start()
        start_s = time.monotonic()
        await keeper.stop()
        assert time.monotonic() - start_s < PATIENCE_S / 2

    assert keep(f"trap '' TERM; touch {tmp_path}/mark; sleep 100", tmp_path / "mark", test, limit_s=0.1) == []


def test_a_program_ends_with_the_one_that_started_it() -> None:
    code = (
        "import subprocess, sys; from edgefuse.up.parts import tied; "
        "print(subprocess.Popen(tied(['/bin/sleep', '100'])).pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment()
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    command = Path(f"/proc/{pid}/cmdline")
    deadline = time.monotonic() + PATIENCE_S
    while b"sleep" not in command.read_bytes().split(b"\0")[0]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    parent.kill()
    parent.communicate()
    while command.exists() and command.read_bytes():  # a zombie has no command line
        assert time.monotonic() < deadline
        time.sleep(0.01)
