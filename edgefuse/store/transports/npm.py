"""Packages of the npm registry, through the user's own npm and its configuration; none of their scripts is run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from edgefuse.errors import FetchError
from edgefuse.store.transport import Request, Transport, UnreachableError

# npm's own pauses between its tries let a person without a network wait for more than a minute.
_PATIENCE = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
_MISSING = frozenset({"E404", "ETARGET"})
_NO_NETWORK = frozenset({"EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT"})


class NpmTransport:
    """Downloads ``name@version`` as npm's own archive."""

    def fetch(self, request: Request) -> Path:
        """Download the archive."""
        npm = shutil.which("npm")
        if npm is None:
            raise UnreachableError("cannot run npm: it is not installed (on Debian: apt install npm)")
        flags = ("--ignore-scripts", *_PATIENCE, "--pack-destination", str(request.folder))
        command = [npm, "pack", *flags, request.address]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise _error(request.address, done.stderr)
        return next(request.folder.glob("*.tgz"))


def _error(address: str, complaint: str) -> FetchError:
    """Read npm's error code, which stands in a line of its own in all versions."""
    found = re.search(r"^npm \S+ code (\S+)$", complaint, re.MULTILINE)
    code = found[1] if found else "no code"
    if code in _NO_NETWORK:
        return UnreachableError(f"cannot reach the npm registry: {code}; check the network and `npm config list`")
    if code in _MISSING:
        return FetchError(f"cannot fetch {address} with npm: the registry has no such package or version ({code})")
    return FetchError(f"cannot fetch {address} with npm: it failed with {code}; try `npm pack {address}` by hand")


PLUGIN: Transport = NpmTransport()
