"""Asking a child whether a worker would take a configuration: the supervisor knows no stage and no source."""

from __future__ import annotations

import asyncio
import os
import subprocess

import msgspec

from edgefuse.config.site import Site
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment
from edgefuse.supervisor.children import describe_end
from edgefuse.supervisor.worker_process import MODULE

TIMEOUT_S = 120.0  # runtimes are probed, which takes a second, and far longer from a cold card
_WRONG = 2
"""Exit code of the child that found something wrong."""


async def check_site(python: str, site: Site) -> str:
    """Give what is wrong with a configuration, a line a mistake; empty where nothing is."""
    return await asyncio.to_thread(_check, python, site)


def _check(python: str, site: Site) -> str:
    file = os.memfd_create("edgefuse-site")  # no folder is needed that can be written
    try:
        os.write(file, msgspec.json.encode(site))  # which is YAML too
        done = subprocess.run(
            module_command(python, MODULE, "--check-config", f"/dev/fd/{file}"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=TIMEOUT_S,
            check=False,
            pass_fds=(file,),
            env=child_environment(),
        )
    except OSError as e:
        return f"cannot check the configuration: {e.filename or python}: {(e.strerror or str(e)).lower()}"
    except subprocess.TimeoutExpired:
        return f"cannot check the configuration: no answer within {TIMEOUT_S:g} s"
    finally:
        os.close(file)
    if done.returncode == _WRONG:
        return done.stdout.decode(errors="replace").strip()
    return "" if done.returncode == 0 else f"cannot check the configuration: {describe_end(done.returncode)}"
