"""Hands ``bench --compare`` over to the checkout's tools: what a peer needs is no part of the package."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import edgefuse
from edgefuse.errors import ConfigError

_TOOLS = Path(edgefuse.__file__).resolve().parents[1] / "tools"
PASSED_ON = ("source", "frames", "point", "profile")


def compare(options: argparse.Namespace, tools: Path = _TOOLS) -> int:
    """Run the comparison and give its exit code.

    Args:
        options: Of ``edgefuse bench``; the effect does not matter, as only finding is compared.
        tools: Where a checkout has them.

    Raises:
        ConfigError: The tools are not here, or an option has no meaning here.
    """
    if not (tools / "benching/compare.py").is_file():
        raise ConfigError(
            f"cannot compare with {options.compare}: the package comes without the tools for it; "
            "use a checkout (pip install -e '.[dev]')"
        )
    if options.plot:
        raise ConfigError(f"cannot draw {options.plot}: a comparison has no plot; leave out --plot")
    given = {name: value for name in PASSED_ON if (value := getattr(options, name)) is not None}
    arguments = [f"--{name}={value}" for name, value in given.items()] + ["--json"] * options.json
    search_path = os.pathsep.join(filter(None, (str(tools), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "benching.compare", *arguments]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": search_path}, check=False).returncode
