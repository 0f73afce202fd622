"""The ``edgefuse`` command: finds the subcommands in ``edgefuse/cli/`` by file name."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import edgefuse
from edgefuse import log, registry
from edgefuse.command import INTERRUPTED, Command
from edgefuse.errors import EdgefuseError

_EXIT_CODES = (
    "exit codes: 0 done; 1 done, and something is wrong (doctor, models verify, audit, fleet send, fleet update); "
    "2 cannot be done, stderr says why; 3 a device did not reply in time (fleet send); 130 interrupted by Ctrl-C or "
    "kill, what was written until then is complete"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and give the process's exit code."""
    parser = argparse.ArgumentParser(prog="edgefuse", description=edgefuse.__doc__, epilog=_EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"edgefuse {edgefuse.__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens, to stderr")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name in _commands(sys.argv[1:] if arguments is None else arguments):
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
    try:
        return _run(parser, arguments)
    except EdgefuseError as e:
        print(f"edgefuse: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # at its end Python would try once more to write what is left
        return 0
    except PermissionError as e:
        print(f"edgefuse: cannot open {e.filename}: permission denied; run as its owner or mend it", file=sys.stderr)
        return 2


def _commands(arguments: Sequence[str]) -> Sequence[str]:
    """Give the file of the command that is named, so that no other is loaded; all of them where none is."""
    names = registry.names("edgefuse.cli")
    named = next((word for word in arguments if not word.startswith("-")), "")
    return [name for name in names if name.replace("_", "-") == named] or names


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    try:
        options = parser.parse_args(arguments)
    finally:
        sys.stdout.flush()  # --help and --version end here
    if "run" not in options:
        parser.print_help()
        return 2
    log.start(is_verbose=options.verbose)
    code: int = options.run(options)
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main())
