"""Decoding one picture file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgefuse.vision.types import Pixels


def read_picture(path: Path) -> Pixels:
    """Decode a picture: 8 bits a channel, without alpha, turned as its EXIF data says.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a picture, damaged, or larger than OpenCV takes.
    """
    data = path.read_bytes()
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as e:
        raise ValueError("the picture is damaged or too large") from e
    if picture is None:
        raise ValueError("the picture is damaged")
    return np.asarray(picture, np.uint8)
