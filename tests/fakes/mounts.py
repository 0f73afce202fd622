"""File systems of a test's own: a command that is run as if a folder were another one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'

needs_mounts = pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0,
    reason="no user namespaces for a file system of this test's own",
)


def mounted(mount: str, folder: Path) -> list[str]:
    """Give what stands before a command, so that it and no other process finds ``folder`` mounted so."""
    return ["unshare", "-rm", "sh", "-c", mount, str(folder)]
