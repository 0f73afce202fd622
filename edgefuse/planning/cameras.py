"""Cameras: the video nodes that capture pictures, as their drivers tell.

One camera makes several nodes (metadata, encoders, converters), so that ``/dev/video*`` alone says little.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

# Source: linux/videodev2.h. v4l2_capability: driver, card, bus_info, version, capabilities, device_caps, reserved.
_CAPABILITY = struct.Struct("16s32s32sIII12x")
_QUERYCAP = 2 << 30 | _CAPABILITY.size << 16 | ord("V") << 8
_VIDEO_CAPTURE = 0x0000_0001
_VIDEO_CAPTURE_MPLANE = 0x0000_1000
_DEVICE_CAPS = 0x8000_0000


def find_cameras(root: Path) -> tuple[str, ...]:
    """List the nodes that capture pictures, as ``/dev/video0 (name)``.

    Args:
        root: Folder that stands for ``/``.
    """
    return tuple(f"/dev/{node.name} ({_name(root, node)})" for node in video_nodes(root) if _captures(node))


def video_nodes(root: Path) -> tuple[Path, ...]:
    """List every video node, in the order of their numbers."""
    return tuple(sorted(root.glob("dev/video[0-9]*"), key=lambda node: int(node.name.removeprefix("video"))))


def can_capture(capability: bytes) -> bool:
    """Tell from a driver's ``struct v4l2_capability`` whether this node captures pictures."""
    _, _, _, _, all_nodes, this_node = _CAPABILITY.unpack(capability)
    flags = this_node if all_nodes & _DEVICE_CAPS else all_nodes
    return bool(flags & (_VIDEO_CAPTURE | _VIDEO_CAPTURE_MPLANE))


def _captures(node: Path) -> bool:
    try:
        descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    except OSError:  # no permission, or unplugged in this moment
        return False
    try:
        return can_capture(fcntl.ioctl(descriptor, _QUERYCAP, bytes(_CAPABILITY.size)))
    except OSError:  # not a video node at all
        return False
    finally:
        os.close(descriptor)


def _name(root: Path, node: Path) -> str:
    try:
        return (root / "sys/class/video4linux" / node.name / "name").read_text().strip()
    except OSError:
        return "no name"
