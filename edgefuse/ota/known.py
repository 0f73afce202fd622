"""What a device remembers of the metadata that it has verified: one file, replaced as a whole or not at all.

python-tuf keeps a folder of files; a power cut between two of them, or before they are on the disk, would let it forget
what it had seen and believe older metadata again. So it works on a copy.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Timestamp

from edgefuse import clock, disk, trusted_time
from edgefuse.ota.places import SIGNED_AT
from edgefuse.store.versioned import load_or_begin

VERSION = 1
ROOTS = "root_history/"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Verified metadata by file name, as python-tuf names them below its folder."""

    v: int = VERSION
    """Major version of this form, see ``edgefuse.store.versioned``."""
    files: dict[str, str] = {}

    def lay_out(self, folder: Path) -> None:
        """Write all files for python-tuf."""
        (folder / ROOTS).mkdir()
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")

    def roots_only(self) -> dict[str, str]:
        """Give the roots, each of which the one before has vouched for."""
        return {name: text for name, text in self.files.items() if name.startswith(ROOTS)}

    def follows(self, anchor: bytes) -> bool:
        """Tell whether all of this was verified from a pinned root file on; another site's file begins anew."""
        return anchor.decode(errors="replace") in self.roots_only().values()

    def find_floor(self) -> datetime:
        """Give a time that has passed: when the newest timestamp was signed, while its key is trusted.

        Nothing but verified metadata moves it. A wrong one ends with the key that signed it, see ``keys rotate``.
        """
        text = self.files.get("timestamp.json")
        if text is None or not self.roots_only():
            return trusted_time.FLOOR
        newest = max(self.roots_only(), key=lambda name: int(Path(name).name.partition(".")[0]))
        try:
            root = Metadata[Root].from_bytes(self.files[newest].encode()).signed
            timestamp = Metadata[Timestamp].from_bytes(text.encode())
            root.verify_delegate(Timestamp.type, timestamp.signed_bytes, timestamp.signatures)
        except RepositoryError:  # the key was rotated since
            return trusted_time.FLOOR
        return max(trusted_time.FLOOR, read_signed_at(timestamp.signed) or trusted_time.FLOOR)


def read_signed_at(timestamp: Timestamp) -> datetime | None:
    """Give when a timestamp was signed; nothing where it does not say so."""
    text = timestamp.unrecognized_fields.get(SIGNED_AT)
    try:
        return clock.parse_iso(text) if isinstance(text, str) else None
    except ValueError:
        return None


def collect(folder: Path) -> Known:
    """Read what python-tuf keeps in its folder; ``root.json`` is a link to one of the roots."""
    paths = (path for path in folder.rglob("*.json") if not path.is_symlink())
    return Known(files={str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(paths)})


def load_known(path: Path) -> Known:
    """Read what was kept; a device that has verified nothing yet has no file.

    A broken file is moved aside: the pinned root still holds, and updates must be able to mend things.

    Raises:
        StoreError: The file cannot be read or moved, or was written by a newer edgefuse.
    """
    return load_or_begin(path, Known, VERSION)


def save_known(path: Path, known: Known) -> None:
    """Keep it durably.

    Raises:
        StoreError: The disk is full or cannot be written; what was kept before stays.
    """
    disk.write_atomically(path, msgspec.json.encode(known))
