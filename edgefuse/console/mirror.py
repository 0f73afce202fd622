"""The rows of all devices as of a moment ago, numbered by change, so that who has them is told only of what changes."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Collection
from pathlib import Path

import msgspec

from edgefuse import clock
from edgefuse.console.rows import Overview, Row, count, make_row
from edgefuse.fleet.database import Database
from edgefuse.fleet.latest import Lookout
from edgefuse.fleet.site import Register, load_register
from edgefuse.link.messages import encode

FRESH_S = 0.5
"""Who asks sooner gets what was read last, however many ask."""
GZIP_LEVEL = 1
"""A third larger than at level 6, in a fifth of the time."""


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, and up to which change they tell."""

    n: int
    """Number of the newest change; it grows, also when the console starts anew."""
    now_s: float
    """When the store was read, Unix time."""
    is_all: bool
    """Whatever is not here is there no longer; else only what has changed is here."""
    rows: list[Row]
    gone: list[str] = []
    """Devices that are in the site no longer."""


class Mirror:
    """Used by any thread; nobody reads the store while nobody asks."""

    def __init__(self, database: Database, folder: Path) -> None:
        """Show the devices of the site in a folder, as controllers know them."""
        self._path = folder / "site.json"
        self._lookout = Lookout(database)
        self._lock = threading.Lock()
        self._register: Register | None = None
        self._register_mark: tuple[int, int] | None = None
        self._shown: Register | None = None
        """The one that rows were made from last; the store may be away when another one is loaded."""
        self._looked_ns: int | None = None
        self._now_s = clock.wall_now().timestamp()
        self._first_n = self._n = int(self._now_s * 1000)  # above all numbers of an earlier start
        self._rows: dict[str, Row] = {}
        self._changed: dict[str, int] = {}
        """In which change each device, here or gone, became another one last."""
        self._packed = (0, b"")
        """All rows as they are sent, and when they were looked up."""

    def since(self, n: int | None) -> Rows:
        """Give what has changed after a change, or everything where nothing is known of that one.

        Raises:
            DatabaseError: The store cannot be read.
            ConfigError: The site cannot be read.
        """
        with self._lock:
            self._refresh()
            return self._everything() if n is None or not self._first_n <= n <= self._n else self._changes(n)

    def packed(self) -> bytes:
        """Give all rows as JSON under gzip, made once for each look at the store.

        Raises:
            DatabaseError: The store cannot be read.
            ConfigError: The site cannot be read.
        """
        with self._lock:
            looked_ns = self._refresh()
            if self._packed[0] != looked_ns:
                self._packed = looked_ns, gzip.compress(encode(self._everything()), GZIP_LEVEL)
            return self._packed[1]

    def overview(self) -> Overview:
        """Sum all devices up.

        Raises:
            DatabaseError: The store cannot be read.
            ConfigError: The site cannot be read.
        """
        everything = self.since(None)
        return count(everything.rows, everything.n, everything.now_s)

    def row(self, device: str) -> Row | None:
        """Give one device; nothing where it is not in the site.

        Raises:
            DatabaseError: The store cannot be read.
            ConfigError: The site cannot be read.
        """
        with self._lock:
            self._refresh()
            return self._rows.get(device)

    def _everything(self) -> Rows:
        return Rows(n=self._n, now_s=self._now_s, is_all=True, rows=list(self._rows.values()))

    def _changes(self, n: int) -> Rows:
        news = [device for device, changed_n in self._changed.items() if changed_n > n]
        return Rows(
            n=self._n,
            now_s=self._now_s,
            is_all=False,
            rows=[self._rows[device] for device in news if device in self._rows],
            gone=[device for device in news if device not in self._rows],
        )

    def _refresh(self) -> int:
        """Look at the store, unless somebody has just done so, and tell when that was."""
        now_ns, now_s = clock.now_ns(), clock.wall_now().timestamp()
        if self._looked_ns is None or now_ns - self._looked_ns >= FRESH_S * clock.NS_PER_S:
            register = self._load_register()
            self._take(register, self._lookout.look(), is_register_new=register is not self._shown)
            self._shown, self._looked_ns, self._now_s = register, now_ns, now_s
        return self._looked_ns

    def _load_register(self) -> Register:
        """Give the register, loaded only where it is another file: that of ten thousand devices takes a while."""
        mark = None
        if self._path.exists():
            stat = self._path.stat()
            mark = stat.st_ino, stat.st_mtime_ns
        if self._register is None or mark != self._register_mark:
            self._register, self._register_mark = load_register(self._path.parent), mark
        return self._register

    def _take(self, register: Register, news: Collection[str], *, is_register_new: bool) -> None:
        """Make rows anew where something is new, or a device has fallen silent; equal ones are no change."""
        before, n = self._rows, self._n + 1
        self._rows = {}
        for device, member in register.members.items():
            row, presence = before.get(device), self._lookout.judge(device)
            if row is None or is_register_new or device in news or row.presence not in {presence, "revoked"}:
                row = make_row(device, member, self._lookout.latest.get(device), presence)
            self._rows[device] = row
            if row != before.get(device):
                self._changed[device] = self._n = n
        for device in before.keys() - self._rows.keys():
            self._changed[device] = self._n = n
