"""Files: a video (``out.mp4``), a picture (``out.png``), or numbered pictures (``out/``, ``out/%d.jpg``)."""

from __future__ import annotations

from pathlib import Path

from edgefuse.errors import SinkError
from edgefuse.vision.media import picture_writer
from edgefuse.vision.media.picture_writer import PictureWriter
from edgefuse.vision.media.recording import Recording
from edgefuse.vision.sink import Sink, SinkType

_FORMS = "choose .mp4 (video), .png or .jpg (one picture), or a folder with / at its end (numbered pictures)"


def make_file_sink(address: str) -> Sink:
    """Make the sink for a path, taken whole: nothing in it is an option.

    Raises:
        SinkError: Its kind is unknown, it is a folder, or the folder that it lies in is missing.
    """
    path = Path(address) / f"{picture_writer.NUMBER}.png" if address.endswith("/") else Path(address)
    if path.is_dir():
        raise SinkError(f"cannot write {address}: it is a folder; write {address}/ for numbered pictures in it")
    suffix = path.suffix.lower()
    if suffix != ".mp4" and suffix not in picture_writer.SUFFIXES:
        kind = f'unknown kind "{path.suffix}"' if path.suffix else "it has no ending"
        raise SinkError(f"cannot write {address}: {kind}; {_FORMS}")
    is_numbered = picture_writer.NUMBER in path.name
    # A folder of pictures is made when it is opened; what it lies in must be there.
    folder = path.parent.parent if is_numbered else path.parent
    if not folder.is_dir():
        raise SinkError(f"cannot write {address}: folder {folder} does not exist; mkdir -p {folder}")
    return Recording(path) if suffix == ".mp4" else PictureWriter(path)


PLUGIN: SinkType = make_file_sink
