"""Filling the store of a target, so that the service finds its models there at its first start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edgefuse.install.target import Target
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment


def fetch_models(target: Target, wheelhouse: Path | None) -> str:
    """Run ``edgefuse models fetch`` for the target's store; wheels of models may lie in the wheelhouse too.

    Returns:
        The reason why models are missing; empty where all are there.
    """
    variables = {**child_environment(), "EDGEFUSE_ROOT": str(target.root)}
    if wheelhouse is not None:
        variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse)}
    done = subprocess.run(
        module_command(sys.executable, "edgefuse", "models", "fetch"),
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stderr.strip().splitlines()
    return (
        (lines[-1] if lines else f"exit code {done.returncode}").removeprefix("edgefuse: ") if done.returncode else ""
    )
