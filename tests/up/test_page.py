"""The console's page of ``edgefuse up``: a newcomer's first minute, with a real device and its live picture."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.chromium import ChromiumMissingError, chromium
from fakes.live_page import HIDDEN, write_still
from fakes.up import Up

from edgefuse.up.home import make_name

DEVICE = make_name(socket.gethostname())
_FACE = """(() => {
  const image = document.querySelector('.picture img');
  if (!image?.naturalWidth) return null;
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight), drawing = canvas.getContext('2d');
  drawing.drawImage(image, 0, 0);
  return [...drawing.getImageData(170, 60, 110, 130).data];
})()"""
"""Pixels of the face in the picture, see ``fakes.live_page``."""
_CHANGE = f"{_FACE}.reduce((sum, value, i) => sum + Math.abs(value - window.before[i]), 0) / window.before.length"


@pytest.mark.slow
def test_a_newcomer_sees_this_machine_and_hides_a_face(up: Callable[..., Up], astronaut: Path, tmp_path: Path) -> None:
    running = up("--source", str(write_still(astronaut, tmp_path / "film.mp4")), "--effect", "none")
    running.wait_for_frames()
    (entrance,) = re.findall(r"console +(http\S+#token=\S+)", running.text)
    try:
        with chromium() as browser:
            page = browser.page()
            page.open(entrance)
            page.click("table.fleet tbody th a", DEVICE)
            page.wait_for(".tiles dd", "fps")
            page.wait(f"window.before = {_FACE}")
            page.click(".commands button", "set-effect")
            page.choose("#arg-effect", "anonymise")
            page.click("dialog button", "Send")
            assert page.wait_for("dialog .reply .chip") == "done"
            page.wait(f"{_CHANGE} > {HIDDEN}")
            page.click("dialog button", "Close")
            page.wait_for(".bars li", "detect_faces")  # what its stages take
            page.wait_for("table.plain tr", "an operator pinned it")
            assert page.complaints == []
    except ChromiumMissingError:
        pytest.skip("there is no Chromium on this machine, and none can be fetched")
