"""What may be shown of an address."""

import pytest

from edgefuse.config.address import without_secrets


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://camera:554/1", "rtsp://camera:554/1"),
        ("rtsp://me:p@ss@camera/1", "rtsp://camera/1"),
        ("rtsp://camera", "rtsp://camera"),
        ("rtsp://camera/1?user=me&password=secret", "rtsp://camera/1"),
        ("/srv//clips/a@b?.mp4", "/srv//clips/a@b?.mp4"),
        ("loop:/srv//a@b/c.mp4", "loop:/srv//a@b/c.mp4"),
        ("null:", "null:"),
    ],
)
def test_secrets_are_left_out(address: str, shown: str) -> None:
    assert without_secrets(address) == shown
