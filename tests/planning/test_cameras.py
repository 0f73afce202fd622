import struct
from pathlib import Path

import pytest

from edgefuse.planning.cameras import can_capture, find_cameras, video_nodes

CAPTURE, CAPTURE_MPLANE, OUTPUT, METADATA, DEVICE_CAPS = 0x1, 0x1000, 0x2, 0x800000, 0x80000000


@pytest.mark.parametrize(
    ("all_nodes", "this_node", "expected"),
    [
        (CAPTURE | METADATA | DEVICE_CAPS, CAPTURE, True),
        (CAPTURE | METADATA | DEVICE_CAPS, METADATA, False),
        (CAPTURE_MPLANE | DEVICE_CAPS, CAPTURE_MPLANE, True),
        (CAPTURE, 0, True),
        (OUTPUT, 0, False),
    ],
)
def test_what_the_driver_says_of_this_node_counts_where_it_says_so(
    all_nodes: int, this_node: int, *, expected: bool
) -> None:
    capability = struct.pack("16s32s32sIII12x", b"uvcvideo", b"Camera", b"usb-1", 0x060100, all_nodes, this_node)
    assert can_capture(capability) is expected


def test_a_file_that_is_no_video_node_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/video0").touch()
    assert find_cameras(tmp_path) == ()


def test_nodes_are_listed_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    for name in ("video10", "video2"):
        (tmp_path / "dev" / name).touch()
    assert [node.name for node in video_nodes(tmp_path)] == ["video2", "video10"]
