"""A clip that goes on and on: one file to the pipeline, one decoder, times that only grow."""

from __future__ import annotations

import math
from pathlib import Path

import av

from edgefuse.errors import SourceError


def write_endless(clip: Path, folder: Path, film_s: float) -> Path:
    """Write a list that FFmpeg plays as one film; nothing is decoded or copied.

    Opening the clip anew for each turn would not do: each new decoder settles in memory of its own.

    Args:
        clip: A video.
        folder: Where the list goes, and a link to the clip, because a list may only name its neighbours.
        film_s: How long the film lasts, at least.

    Raises:
        SourceError: The clip does not tell how long it is.
    """
    try:
        with av.open(f"file:{clip}") as container:
            clip_s = (container.duration or 0) / av.time_base
    except (av.FFmpegError, OSError) as e:
        raise SourceError(f"cannot read {clip}: {(e.strerror or str(e)).lower()}") from e
    if not clip_s:
        raise SourceError(f"cannot loop {clip}: it does not tell how long it is; write it as MP4")
    link = folder / f"clip{clip.suffix}"
    link.symlink_to(clip.resolve())
    film = folder / "film.ffconcat"
    film.write_text("ffconcat version 1.0\n" + f"file {link.name}\n" * math.ceil(film_s / clip_s))
    return film
