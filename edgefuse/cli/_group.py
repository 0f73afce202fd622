"""Commands that consist of actions, such as ``edgefuse fleet enrol`` and ``edgefuse release build``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgefuse.command import Command

if TYPE_CHECKING:
    Actions = argparse._SubParsersAction[argparse.ArgumentParser]  # argparse has no public name for it


def make_group(about: str, example: str, *parts: Callable[[Actions], None]) -> Command:
    """Make a command of actions, which ``parts`` add with ``add_action``."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        actions = parser.add_subparsers(metavar="ACTION", required=True)
        for add_actions in parts:
            add_actions(actions)

    return Command(help=about, example=example, add_arguments=add_arguments, run=_run)


def add_action(
    actions: Actions, name: str, about: str, example: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add an action; ``example`` is a command line that works, without ``edgefuse``."""
    parser = actions.add_parser(name, help=about, description=about, epilog=f"example: edgefuse {example}")
    parser.set_defaults(action=run)
    return parser


def _run(options: argparse.Namespace) -> int:
    code: int = options.action(options)
    return code
