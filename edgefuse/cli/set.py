"""``edgefuse set``: pin a setting of the running service over every configuration, or pause it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

from edgefuse.cli._supervisor import get_status, tell
from edgefuse.cli._words import show_origin
from edgefuse.command import Command
from edgefuse.errors import ConfigError
from edgefuse.supervisor.control import SetPaused, SetPin, Status, is_service_asked

Pinned = Literal["effect", "face", "point"]
_COMMANDS: dict[Pinned, str] = {"effect": "effect default", "face": "face default", "point": "pin-point auto"}
"""What takes a pin away."""
_PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"RIFF", b"II*\0", b"MM\0*")
"""JPEG, PNG, BMP, WebP, TIFF; whether there is one face on it only the worker can tell."""
_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")
"""From the service, by ``ProtectHome=`` and ``PrivateTmp=`` of its unit."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="SETTING", required=True)

    def add(name: str, about: str, example: str) -> argparse.ArgumentParser:
        epilog = f"example: edgefuse set {name}{example}"
        return actions.add_parser(name, help=about, description=about, epilog=epilog)

    effect = add("effect", "pin what is done to faces", " anonymise")
    effect.add_argument(
        "name", choices=("fuse_mesh", "anonymise", "none", "default"), help="default takes the pin away"
    )
    effect.set_defaults(action=_set_effect)

    face = add("face", "pin the donor of fuse_mesh", " /srv/donor.jpg")
    face.add_argument("photo", metavar="PHOTO|default", help="photo of one person; default takes the pin away")
    face.set_defaults(action=_set_face)

    point = add("pin-point", "pin the operating point in place of what the governor chooses", " 2")
    point.add_argument("point", metavar="N|auto", help="0 is the best; auto lets the governor choose again")
    point.set_defaults(action=_set_point)

    pause = add("pause", "let source and effect rest and deliver nothing; kept over restarts", "")
    pause.set_defaults(action=_set_paused, is_paused=True)

    resume = add("resume", "go on after a pause", "")
    resume.set_defaults(action=_set_paused, is_paused=False)


def _run(options: argparse.Namespace) -> int:
    options.action(options)
    return 0


def _set_effect(options: argparse.Namespace) -> None:
    _pin("effect", "" if options.name == "default" else options.name)


def _set_face(options: argparse.Namespace) -> None:
    _pin("face", "" if options.photo == "default" else str(_check_photo(Path(options.photo))))


def _check_photo(path: Path) -> Path:
    """Give the whole path of a photo, after looking at what can be told without decoding it.

    Raises:
        ConfigError: It is not there, cannot be read, or is no picture.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as e:
        reason = "no such file" if isinstance(e, FileNotFoundError) else (e.strerror or str(e)).lower()
        raise ConfigError(f"cannot use {path} as a face: {reason}; name a photo of one person") from e
    if is_service_asked() and str(path.resolve()).startswith(_HIDDEN):
        raise ConfigError(
            f"cannot use {path} as a face: the service sees neither homes nor /tmp; "
            f"sudo install -m 644 {path} /etc/edgefuse/ && edgefuse set face /etc/edgefuse/{path.name}"
        )
    if not start.startswith(_PICTURE_STARTS):
        raise ConfigError(
            f"cannot use {path} as a face: it is no JPEG, PNG, BMP, WebP or TIFF; name a photo of one person"
        )
    return path.resolve()


def _set_point(options: argparse.Namespace) -> None:
    point = "" if options.point == "auto" else options.point
    if point and not point.isdecimal():
        raise ConfigError(f"cannot pin point '{point}': expected a whole number from 0 on, or auto")
    ladder = get_status().ladder
    if point and int(point) >= len(ladder) > 0:
        raise ConfigError(f"cannot pin point {point}: the profile has points 0 to {len(ladder) - 1}")
    _pin("point", point)


def _pin(setting: Pinned, value: str) -> None:
    """Pin a setting or take its pin away, and tell what is in force now and what was."""
    before = get_status()
    tell(SetPin(setting=setting, value=value))
    print(f"{setting}: {_show(get_status(), setting)}; was {_show(before, setting)}")
    if value:
        print(f"it stays over restarts; to take it away: edgefuse set {_COMMANDS[setting]}")


def _show(status: Status, setting: Pinned) -> str:
    found = status.settings.get(setting)
    return f"{found.value or 'none'} ({show_origin(found)})" if found else "unknown"


def _set_paused(options: argparse.Namespace) -> None:
    tell(SetPaused(is_paused=options.is_paused))
    if options.is_paused:
        print("paused, over restarts too; to go on: edgefuse set resume")
    else:
        print("resumed")


PLUGIN = Command(
    help="pin effect, face or operating point of the running service, or pause it",
    example="edgefuse set effect anonymise",
    add_arguments=_add_arguments,
    run=_run,
)
