"""Runs a scenario as a unit of the booted machine, tells the console, and switches the machine off.

A check named ``reboot`` runs on both sides of one; what was done before is kept in ``/checks/progress.json``.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from unit import CheckError

PROGRESS = Path("/checks/progress.json")
MARK = "@@"  # the host picks the lines that begin with it out of what else the console shows


def main() -> None:
    """Run the checks that are left of a scenario: ``guest.py SCENARIO [NAME ...]``."""
    scenario, *names = sys.argv[1:]
    checks = [check for check in importlib.import_module(scenario).SCENARIO if not names or check.__name__ in names]
    try:
        done = json.loads(PROGRESS.read_text()) if PROGRESS.is_file() else []
        for check in checks:
            if check.__name__ in done:
                continue
            if check.__name__ == "reboot" and "before reboot" not in done:
                _remember([*done, "before reboot"])
                _switch("reboot")
            if not _try(check):
                break
            done = [*done, check.__name__]
            _remember(done)
        else:
            _say("all")
    finally:
        _switch("poweroff")


def _try(check: Callable[[], str]) -> bool:
    """Run one check and tell how it went."""
    start_s = time.monotonic()
    name = check.__name__.replace("_", "-")
    try:
        told, mark = check(), "ok    "
    except CheckError as e:
        told, mark = str(e), "FAILED"
    except Exception as e:  # a mistake in a check must not leave a machine that runs for ever
        told, mark = repr(e), "FAILED"
    _say(f"{mark} {name:<18} {time.monotonic() - start_s:6.1f} s  {told}")
    if mark == "FAILED":
        journal = subprocess.run(
            ["journalctl", "--unit", "edgefuse", "--lines", "60", "--no-pager"],
            capture_output=True,
            text=True,
            check=False,
        )
        for line in journal.stdout.splitlines():
            _say(f"    {line}")
    return mark == "ok    "


def _remember(done: list[str]) -> None:
    PROGRESS.write_text(json.dumps(done))


def _say(line: str) -> None:
    with Path("/dev/console").open("w", encoding="utf-8") as console:
        console.write("".join(f"{MARK} {row}\n" for row in line.splitlines()))


def _switch(how: str) -> None:
    subprocess.run(["systemctl", how], check=True)
    time.sleep(600)  # systemd ends this process


if __name__ == "__main__":
    main()
