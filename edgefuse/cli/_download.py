"""Progress of downloads, shared by the commands that fetch."""

from __future__ import annotations

import sys
from typing import NoReturn

from tqdm import tqdm


class DownloadBars:
    """One progress bar a package, on a terminal; a line a package everywhere."""

    def __init__(self) -> None:
        self._bars: dict[str, tqdm[NoReturn]] = {}  # they count and iterate over nothing

    def __enter__(self) -> DownloadBars:
        return self

    def __exit__(self, *_: object) -> None:
        for bar in self._bars.values():
            bar.close()

    def show(self, name: str, done_bytes: int, total_bytes: int | None) -> None:
        """Draw one more step of a download."""
        if name not in self._bars:
            print(f"fetching {name}", file=sys.stderr)
            self._bars[name] = tqdm(unit="B", unit_scale=True, disable=None, leave=False)
        bar = self._bars[name]
        bar.total = total_bytes
        bar.update(done_bytes - bar.n)
