"""Files: a video, a picture, or a folder of pictures."""

from __future__ import annotations

from pathlib import Path

from edgefuse.vision.media.picture_files import SUFFIXES, PictureFiles
from edgefuse.vision.media.video_file import VideoFile
from edgefuse.vision.source import Source, SourceType


def make_file_source(path: str) -> Source:
    """Make the source for a path, taken whole: nothing in it is an option."""
    place = Path(path)
    if place.is_dir() or place.suffix.lower() in SUFFIXES:
        return PictureFiles(place)
    return VideoFile(place)


PLUGIN: SourceType = make_file_source
