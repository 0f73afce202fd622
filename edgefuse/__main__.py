"""The ``edgefuse`` command: finds the subcommands in ``edgefuse/cli/`` by file name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import edgefuse
from edgefuse import log, registry
from edgefuse.command import Command
from edgefuse.errors import EdgefuseError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and give the process's exit code."""
    parser = argparse.ArgumentParser(prog="edgefuse", description=edgefuse.__doc__)
    parser.add_argument("--version", action="version", version=f"edgefuse {edgefuse.__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens, to stderr")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in registry.names("edgefuse.cli"):
        command: Command = registry.load("edgefuse.cli", name)
        child = commands.add_parser(
            name.replace("_", "-"),
            help=command.help,
            description=command.help,
            epilog=f"example: {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(child)
        child.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    log.start(is_verbose=options.verbose)
    try:
        code: int = options.run(options)
    except EdgefuseError as e:
        print(f"edgefuse: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
