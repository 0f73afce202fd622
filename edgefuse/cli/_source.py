"""Where frames come from when a person says ``default``."""

from __future__ import annotations

import sys

from edgefuse.cli._download import DownloadBars
from edgefuse.errors import FetchError
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, DEFAULT_CLIP, fetch_media
from edgefuse.store.store import open_store

DEFAULT = "default"


def resolve_source(address: str) -> str:
    """Give an address as it stands, but for ``default`` fetch the default clip.

    Where there is no npm, which the clip comes from, the photo of a real face moves instead.

    Raises:
        FetchError: Neither can be had.
    """
    if address != DEFAULT:
        return address
    store = open_store()
    with DownloadBars() as bars, open_fetcher(store, bars.show) as fetcher:
        try:
            return str(fetch_media(DEFAULT_CLIP, store, fetcher))
        except FetchError as e:
            print(f"default clip: {e}\ndefault clip: using a moving photo instead", file=sys.stderr)
            return f"photo:{fetch_media(ASTRONAUT, store, fetcher)}"
