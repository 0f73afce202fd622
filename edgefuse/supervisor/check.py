"""Asking a child whether a worker would take a configuration: the supervisor knows no stage and no source."""

from __future__ import annotations

import asyncio
import os

import msgspec

from edgefuse.config.site import Site
from edgefuse.interpreter import module_command
from edgefuse.supervisor.children import Children, describe_end
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
        code = await children.run(command, TIMEOUT_S, inherit=(question,), output=answer)
        said = os.pread(answer, _MAX_BYTES, 0).decode(errors="replace").strip()
    except asyncio.TimeoutError:  # first, as it is an OSError from Python 3.11 on
        return (
            f"cannot check the configuration: no answer within {TIMEOUT_S:g} s; try again when the unit has less to do"
        )
    except OSError as e:
        return f"cannot check the configuration: {python}: {(e.strerror or str(e)).lower()}"
    finally:
        os.close(question)
        os.close(answer)
    if code == _WRONG:
        return said
    return "" if code == 0 else f"cannot check the configuration: {describe_end(code)}"
