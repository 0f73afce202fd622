"""What the actions of ``edgefuse fleet`` share."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import yaml

from edgefuse import paths
from edgefuse.cli import _group
from edgefuse.fleet.labels import ALL, Selector, parse_selector

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions

MAX_WAIT_S = 86_400.0
"""A broker keeps nothing for longer than a day."""


def add_action(
    actions: Actions, name: str, about: str, example: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add an action; ``example`` is what stands behind its name in a command line that works."""
    return _group.add_action(actions, name, about, f"fleet {name}{example}", run)


def add_site(parser: argparse.ArgumentParser) -> None:
    """Let the user name the site that an action works on."""
    parser.add_argument("--site", metavar="FOLDER", type=Path, help=f"made by init (default {paths.fleet_dir()})")


def add_selector(parser: argparse.ArgumentParser) -> None:
    """Let the user choose devices by their labels."""
    parser.add_argument("-l", dest="selector", metavar="LABELS", help="of devices: site=north,floor!=2,camera,!spare")


def wait_time(text: str) -> float:
    """Read how many seconds to wait.

    Raises:
        argparse.ArgumentTypeError: It is no such time.
    """
    try:
        wait_s = float(text)
    except ValueError:
        wait_s = math.nan
    if not 0 <= wait_s <= MAX_WAIT_S:
        raise argparse.ArgumentTypeError(f"'{text}' is no time to wait: give 0 to {MAX_WAIT_S:g} seconds")
    return wait_s


def find_selector(options: argparse.Namespace) -> Selector:
    """Give which devices are meant.

    Raises:
        ConfigError: It cannot be read.
    """
    return ALL if options.selector is None else parse_selector(options.selector)


def show_document(value: object, form: Literal["json", "yaml"]) -> str:
    """Give structs, lists and plain values as text for other programs; keys keep their order."""
    plain = json.loads(msgspec.json.encode(value))
    if form == "json":
        return json.dumps(plain, indent=1)
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)).rstrip()


def site_folder(options: argparse.Namespace) -> Path:
    """Give the folder of the site that is meant, as a whole path."""
    folder: Path | None = options.site
    return folder.resolve() if folder else paths.fleet_dir()
