"""Wheels, through the user's own pip and its configuration; nothing is installed and nothing of a wheel is run."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from edgefuse.errors import FetchError
from edgefuse.interpreter import module_command
from edgefuse.store.transport import Request, Transport, UnreachableError

# A source distribution would run its own code, hence wheels only. What models need is data: neither the package's
# dependencies nor the Python versions that it wants matter.
_DOWNLOAD = ("download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python")

# Data files are the same in every wheel of a release, so a wheel for another machine serves where there is none for
# this one: these tags are the ones that nearly every compiled package is published for.
_ANOTHER_MACHINE = (
    *("--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "abi3", "--abi", "none"),
    *("--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64"),
)

_NO_NETWORK = ("Retrying (", "NewConnectionError", "ConnectTimeoutError", "NameResolutionError")


class PythonTransport:
    """Downloads ``name==version`` as a wheel."""

    def fetch(self, request: Request) -> Path:
        """Download the wheel for this interpreter, else one for another machine."""
        if importlib.util.find_spec("pip") is None:
            raise UnreachableError(f"cannot run pip: it is not installed ({sys.executable} -m ensurepip)")
        failed = _download(request)
        if "No matching distribution" in failed and not _is_unreachable(failed):
            failed = _download(request, *_ANOTHER_MACHINE)
        if _is_unreachable(failed):
            raise UnreachableError("cannot reach the package index with pip: check the network and `pip config list`")
        if failed:
            raise FetchError(f"cannot fetch {request.address} with pip: {_reason(failed)}")
        return next(request.folder.glob("*.whl"))


def _download(request: Request, *options: str) -> str:
    """Run pip; give what it complained about, or nothing."""
    arguments = (*_DOWNLOAD, *options, "--dest", str(request.folder), request.address)
    command = module_command(sys.executable, "pip", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stderr + f"\npip exited with code {done.returncode}" if done.returncode else ""


def _is_unreachable(complaint: str) -> bool:
    """Look for pip's retries: its last lines are the same as for a package that does not exist."""
    return any(word in complaint for word in _NO_NETWORK)


def _reason(complaint: str) -> str:
    """Make one line of pip's page."""
    if "No matching distribution" in complaint:
        return "no wheel of that version was found; check the network and `pip config list`"
    errors = [line.removeprefix("ERROR: ") for line in complaint.splitlines() if line.startswith("ERROR: ")]
    return errors[-1] if errors else complaint.strip().rpartition("\n")[2]


PLUGIN: Transport = PythonTransport()
