"""``edgefuse install-service``: the pipeline as a systemd service, on this machine or in an image's root folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

import msgspec
from tqdm import tqdm

from edgefuse.command import Command
from edgefuse.config.profile import Profile, choose_profile, find_profile, load_profiles
from edgefuse.errors import InstallError
from edgefuse.install import systemd
from edgefuse.install.models import fetch_models
from edgefuse.install.service import Installed, Request, install
from edgefuse.install.target import Target
from edgefuse.planning.host import read_host


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    installed: Installed
    missing_models: str
    """Why models are missing; empty where all are there."""
    is_running: bool


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", metavar="DIR", type=Path, default=Path("/"), help="root folder of an image")
    parser.add_argument("--profile", metavar="ID", help="kind of board; without it the one that matches this unit")
    parser.add_argument(
        "--wheelhouse", metavar="DIR", type=Path, help="folder of wheels to take instead of the network"
    )
    parser.add_argument("--now", action="store_true", help="start the service too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(options: argparse.Namespace) -> int:
    target = Target(options.root.resolve())
    if options.now and target.is_image:
        raise InstallError("cannot start the service in an image: leave out --now, it starts when the image boots")
    if options.wheelhouse is not None and not options.wheelhouse.is_dir():
        raise InstallError(f"cannot install from {options.wheelhouse}: it is not a folder")
    wheelhouse = options.wheelhouse.resolve() if options.wheelhouse is not None else None
    request = Request(target, _choose_profile(target, options.profile), wheelhouse)
    with tqdm(unit="package", disable=None, leave=False) as bar:
        installed = install(request, _show_step, lambda line: _show_package(bar, line))
    missing = fetch_models(target, wheelhouse)
    if not target.is_image:
        systemd.hand_over()
        if options.now and (installed.changed or not systemd.is_active()):
            _show_step("starting the service")
            systemd.start()
    report = Report(installed=installed, missing_models=missing, is_running=not target.is_image and systemd.is_active())
    print(msgspec.json.format(msgspec.json.encode(report), indent=1).decode() if options.json else describe(report))
    return 0


def _choose_profile(target: Target, profile_id: str | None) -> Profile:
    """Give the named profile, else the one that matches this unit; an image has no board yet to look at."""
    if profile_id is not None:
        return find_profile(profile_id)
    if target.is_image:
        raise InstallError(f"cannot tell for which board {target.root} is: name its profile with --profile")
    return choose_profile(load_profiles().values(), read_host())


def _show_step(text: str) -> None:
    tqdm.write(text, file=sys.stderr)


def _show_package(bar: tqdm[NoReturn], line: str) -> None:
    """Count the packages that pip looks at."""
    if line.startswith("Collecting "):
        bar.set_description(line.removeprefix("Collecting ").split(" ")[0], refresh=False)
        bar.update()


def describe(report: Report) -> str:
    """Give the report as people read it."""
    installed = report.installed
    lines = [f"changed {path}" for path in installed.changed] or ["nothing to change: it is installed already"]
    lines.append(f"edgefuse is in {installed.folder}, runs under {installed.python}, for {installed.profile}")
    if report.missing_models:
        lines.append(f"models are missing: {report.missing_models}\n    mend it, then: sudo edgefuse models fetch")
    lines.append(
        "the service is running: edgefuse status"
        if report.is_running
        else "the service starts at the next boot; look at /etc/edgefuse/edgefuse.yaml before"
    )
    return "\n".join(lines)


PLUGIN = Command(
    help="install the pipeline as a systemd service that starts at boot",
    example="sudo edgefuse install-service --now",
    add_arguments=_add_arguments,
    run=_run,
)
