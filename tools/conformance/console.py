"""Run schemathesis against a real console of simulated devices."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from fakes.broker import BrokerMissingError
from fakes.watched_fleet import watched_fleet

DEVICES = 3
STREAM = "/api/changes"
"""It has no end; tests/console/test_changes.py reads it."""
ANSWER_S = 60
"""More than any simulated device takes for a command."""


def main() -> int:
    """Give schemathesis's exit code."""
    try:
        with tempfile.TemporaryDirectory() as folder, watched_fleet(Path(folder), DEVICES) as fleet:
            command = [
                Path(sys.executable).with_name("schemathesis"),
                "run",
                f"{fleet.address}/openapi.json",
                *("--header", f"Authorization: Bearer {fleet.tokens['operator']}"),
                *("--exclude-path", STREAM),
                *("--request-timeout", str(ANSWER_S)),
                *sys.argv[1:],
            ]
            return subprocess.run(command, cwd=folder, check=False).returncode
    except BrokerMissingError:
        print("tools/console_conformance: mosquitto is needed", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
