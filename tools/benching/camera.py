"""A camera: plays a clip in a loop to an RTSP server, 30 frames a second, until it is ended."""

from __future__ import annotations

import sys
import time

import numpy as np

from edgefuse import clock
from edgefuse.cli._source import resolve_source
from edgefuse.vision.pool import Buffer
from edgefuse.vision.sink import make_sink
from edgefuse.vision.source import StreamFormat, make_source
from edgefuse.vision.types import Frame

RATE_HZ = 30.0


def main() -> None:
    """Push to the address that is named, from the clip that is named."""
    url, clip = sys.argv[1:]
    source, sink = make_source(resolve_source(clip)), make_sink(url)
    size = source.open()
    sink.open(StreamFormat(size.width_px, size.height_px, RATE_HZ, is_live=True))
    buffer = Buffer(size.width_px * size.height_px * 3)
    start_ns, index = clock.now_ns(), 0
    while True:
        capture = source.read(buffer)
        if capture is None:
            source.close()
            source.open()
            continue
        due_ns = start_ns + round(index / RATE_HZ * clock.NS_PER_S)
        time.sleep(max(0.0, (due_ns - clock.now_ns()) / clock.NS_PER_S))
        sink.write(Frame(np.ascontiguousarray(capture.pixels), index, due_ns - start_ns, buffer))
        index += 1


if __name__ == "__main__":
    main()
