#!/usr/bin/env python3
"""A stand-in for rpicam-vid and gst-launch-1.0: writes I420 pictures and dies as it is told.

The environment says how: ``CAMERA_FRAMES`` pictures (luma counts up from 50), then ``CAMERA_END``: ``die`` with a word
on stderr, ``hang``, or ``deaf`` (goes on and ignores the polite signal). ``CAMERA_LOG`` gets what it was called with.
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

arguments = sys.argv[1:]
if log := os.environ.get("CAMERA_LOG"):
    Path(log).write_text(json.dumps({"program": Path(sys.argv[0]).name, "arguments": arguments, "pid": os.getpid()}))
width, height = (int(re.search(rf"{name}[= ](\d+)", " ".join(arguments))[1]) for name in ("width", "height"))
end = os.environ.get("CAMERA_END", "die")
if end == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
frames = 10**9 if end == "deaf" else int(os.environ.get("CAMERA_FRAMES", "3"))
for index in range(frames):
    sys.stdout.buffer.write(bytes([50 + index % 150]) * (width * height) + b"\x80" * (width * height // 2))
    sys.stdout.buffer.flush()
if end == "hang":
    time.sleep(60)
sys.stderr.write("starting\n")
sys.exit("ERROR: the ribbon cable is loose")
