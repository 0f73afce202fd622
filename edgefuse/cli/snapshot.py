"""``edgefuse snapshot``: a picture of what the running service delivers."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from edgefuse import disk
from edgefuse.cli._supervisor import tell
from edgefuse.command import Command
from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import TakeSnapshot, asked_socket

_ENDINGS = (".png", ".jpg", ".jpeg")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="name.png or name.jpg, replaced where it exists")


def _run(options: argparse.Namespace) -> int:
    """Let the service write where it may, and copy that with this user's rights."""
    path: Path = options.file.resolve()
    if not path.parent.is_dir():
        raise EdgefuseError(f"cannot write {options.file}: folder {path.parent} does not exist; mkdir -p {path.parent}")
    if path.suffix.lower() not in _ENDINGS:
        raise EdgefuseError(
            f"cannot write {options.file}: it is no picture; end its name with one of {', '.join(_ENDINGS)}"
        )
    taken = asked_socket().with_name(f"snapshot{path.suffix}")
    tell(TakeSnapshot(path=str(taken)))
    disk.write_atomically(path, _read(taken))
    with suppress(PermissionError):  # the group may look into the folder, not write; there is one such file, in memory
        taken.unlink(missing_ok=True)
    print(f"wrote {options.file}: a frame as it was delivered")
    return 0


def _read(taken: Path) -> bytes:
    """Read what the service wrote.

    Raises:
        EdgefuseError: Somebody else has taken it away.
    """
    try:
        return taken.read_bytes()
    except FileNotFoundError as e:
        raise EdgefuseError("cannot save the picture: another `edgefuse snapshot` was faster; ask again") from e


PLUGIN = Command(
    help="save the next frame that the running service delivers, as it is delivered",
    example="edgefuse snapshot now.png",
    add_arguments=_add_arguments,
    run=_run,
)
