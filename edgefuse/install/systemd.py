"""Asking systemd: on this machine, or about an image's folder, where nothing is started."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from edgefuse.errors import InstallError
from edgefuse.install.target import Target

UNIT = "edgefuse.service"


def check(target: Target, aim: str) -> None:
    """Refuse where the service could not be changed or would never be started.

    Args:
        target: Where it is.
        aim: For the error's text: ``install`` or ``uninstall``.

    Raises:
        InstallError: There is no systemd, or this process may not change the system.
    """
    if target.is_image:
        places = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
        if not any(os.path.lexists(target.path(place)) for place in places):
            raise InstallError(f"cannot {aim} the service in {target.root}: there is no systemd in it")
        if not os.access(target.root, os.W_OK):
            raise InstallError(f"cannot {aim} the service in {target.root}: permission denied; sudo may do it")
    elif not Path("/run/systemd/system").is_dir():
        raise InstallError(f"cannot {aim} the service: systemd does not run here; in an image: --root DIR")
    elif os.geteuid() != 0:
        raise InstallError(f"cannot {aim} the service: only root can; put sudo before the command")
    for tool in ("systemctl", "systemd-sysusers"):
        if shutil.which(tool) is None:
            raise InstallError(f"cannot {aim} the service: {tool} is missing; install systemd on this machine")


def call(target: Target, tool: str, *arguments: str) -> None:
    """Run a systemd tool on the target.

    Raises:
        InstallError: It failed; the text has its reason.
    """
    run(tool, *([f"--root={target.root}"] if target.is_image else []), *arguments)


def run(*command: str) -> None:
    """Run a tool of the system.

    Raises:
        InstallError: It is missing or failed; the text has its reason.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as e:
        raise InstallError(f"cannot run `{' '.join(command)}`: {e.strerror}") from e
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InstallError(f"cannot run `{' '.join(command)}`: {reason[0]}")


def is_enabled(target: Target) -> bool:
    """Tell whether the service comes with the next boot."""
    return os.path.lexists(target.path(f"/etc/systemd/system/multi-user.target.wants/{UNIT}"))


def is_active() -> bool:
    """Tell whether the service runs, or is on its way."""
    done = subprocess.run(["systemctl", "--quiet", "is-active", UNIT], check=False)
    return done.returncode == 0


def adopt(target: Target) -> None:
    """Make the user, let systemd and udev read the new files, and enable the service.

    Raises:
        InstallError: A tool failed.
    """
    if not (target.is_image and _is_listed(target.path("/etc/passwd"))):  # only root could change its files again
        call(target, "systemd-sysusers", "edgefuse.conf")
    if not target.is_image:
        reload()
    call(target, "systemctl", "enable", "--quiet", UNIT)


def hand_over() -> None:
    """Give the service the folders that root's commands have filled.

    Raises:
        InstallError: A tool failed.
    """
    run("systemd-tmpfiles", "--create", "edgefuse.conf")


def abandon(target: Target) -> None:
    """Stop the service and disable it.

    Raises:
        InstallError: A tool failed.
    """
    call(target, "systemctl", "disable", "--quiet", *([] if target.is_image else ["--now"]), UNIT)


def reload() -> None:
    """Let systemd and udev of this machine read what has changed.

    Raises:
        InstallError: A tool failed.
    """
    this_machine = Target(Path("/"))
    call(this_machine, "systemctl", "daemon-reload")
    if Path("/run/udev/control").exists():  # containers have none
        run("udevadm", "control", "--reload")
        run("udevadm", "trigger", "--subsystem-match=usb", "--attr-match=idVendor=03e7")  # one that is plugged in


def start() -> None:
    """Start the service, or start it anew where it runs an older environment; waits until it says that it is ready.

    Raises:
        InstallError: It did not start.
    """
    call(Target(Path("/")), "systemctl", "restart", UNIT)


def remove_user(target: Target) -> list[str]:
    """Remove user and group; give their names where they were there.

    Raises:
        InstallError: A tool failed.
    """
    removed = []
    for kind, file, tool in (("user", "passwd", "userdel"), ("group", "group", "groupdel")):
        if _is_listed(target.path(f"/etc/{file}")):
            where = ["--prefix", str(target.root)] if target.is_image else []
            run(tool, *where, "edgefuse")
            removed.append(f"{kind} edgefuse")
    return removed


def _is_listed(file: Path) -> bool:
    return file.is_file() and any(
        line.startswith("edgefuse:") for line in file.read_text(encoding="utf-8").splitlines()
    )
