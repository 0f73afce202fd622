"""Asking a child whether a worker would take a configuration: the supervisor knows no stage and no source."""

from __future__ import annotations

import asyncio
import os
import signal

import msgspec

from edgefuse.config.site import Site
from edgefuse.interpreter import module_command
from edgefuse.supervisor.children import Children, describe_end, signal_group
from edgefuse.supervisor.worker_process import MODULE

TIMEOUT_S = 120.0  # runtimes may have to be probed, which takes a second, and far longer from a cold card
_WRONG = 2
"""Exit code of the child that found something wrong."""
_MAX_BYTES = 1 << 16


async def check_site(children: Children, python: str, site: Site) -> str:
    """Give what is wrong with a configuration, a line a mistake; empty where nothing is."""
    question, answer = (os.memfd_create(f"edgefuse-{name}") for name in ("question", "answer"))
    try:
        os.write(question, msgspec.json.encode(site))  # which is YAML too
        command = module_command(python, MODULE, "--check-config", f"/dev/fd/{question}")
        code = await _run(children, command, question, answer)
        said = os.pread(answer, _MAX_BYTES, 0).decode(errors="replace").strip()
    except OSError as e:
        return f"cannot check the configuration: {python}: {(e.strerror or str(e)).lower()}"
    except asyncio.TimeoutError:
        return f"cannot check the configuration: no answer within {TIMEOUT_S:g} s"
    finally:
        os.close(question)
        os.close(answer)
    if code == _WRONG:
        return said
    return "" if code == 0 else f"cannot check the configuration: {describe_end(code)}"


async def _run(children: Children, command: list[str], question: int, answer: int) -> int:
    """Run the child and give its exit code.

    Raises:
        OSError: It cannot be started.
        TimeoutError: It takes too long; it is killed.
    """
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    child = children.spawn(command, end, inherit=(question,), output=answer)
    try:
        return await asyncio.wait_for(ended, TIMEOUT_S)
    finally:
        if ended.cancelled():
            signal_group(child.pid, signal.SIGKILL)
