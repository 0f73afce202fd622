"""What people are shown to write into the site configuration is what a worker takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakes.planned import make_release

from edgefuse.config.profile import find_profile
from edgefuse.config.site import load_site
from edgefuse.worker.request import RunRequest, check_request

ROOT = Path(__file__).parents[2]


def shipped() -> str:
    """Give the file that the installation writes, with the settings that it only proposes."""
    text = (ROOT / "systemd/edgefuse.yaml").read_text()
    settings = re.search(r"^# (settings:) .*\n# (.*)\n", text, re.MULTILINE)
    assert settings
    return f"{text}\n{settings[1]}\n{settings[2]}\n"


def documented() -> str:
    """Give the example of the docs."""
    block = re.search(r"```yaml\n(source:.*?)```", (ROOT / "docs/supervisor.md").read_text(), re.DOTALL)
    assert block
    return block[1]


@pytest.mark.parametrize("text", [shipped(), documented()], ids=["shipped", "documented"])
def test_an_example_fits(text: str, tmp_path: Path) -> None:
    path = tmp_path / "edgefuse.yaml"
    path.write_text(text)
    site = load_site(path)
    assert site.settings and site.effect is not None
    request = RunRequest(site.source, site.sink, site.effect, site.settings, site.pin_point or 0)
    check_request(request, find_profile("generic-x86-64"), make_release())
