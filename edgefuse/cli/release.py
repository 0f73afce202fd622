"""``edgefuse release``: from models to a release that devices trust; its actions are in ``_release_*.py``."""

from __future__ import annotations

import argparse

from edgefuse.cli import _release_build, _release_keys, _release_publish, _release_show
from edgefuse.command import Command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _release_build.add_actions(actions)
    _release_show.add_actions(actions)
    _release_keys.add_actions(actions)
    _release_publish.add_actions(actions)


def _run(options: argparse.Namespace) -> int:
    code: int = options.action(options)
    return code


PLUGIN = Command(
    help="build releases of models and settings, compare, sign, publish and verify them",
    example="edgefuse release build summer.yaml summer",
    add_arguments=_add_arguments,
    run=_run,
)
