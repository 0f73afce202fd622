"""The configuration that ``edgefuse up`` writes, until a person does."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefuse.config.link import LinkSettings
from edgefuse.config.site import Site
from edgefuse.errors import ConfigError
from edgefuse.up.configuration import is_own, load_configuration, write_configuration

LINK = LinkSettings(broker="mqtts://localhost:8883", device_id="door-3")
SITE = Site(source='loop:/a "b": c.mp4', sink="mjpeg:8080", effect="none", link=LINK)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "etc/edgefuse.yaml"
    write_configuration(path, SITE)
    assert is_own(path)
    assert load_configuration(path, ["--source"]) == SITE
    assert path.stat().st_mode & 0o077 == 0  # a camera's address may hold a password


def test_nothing_is_read_where_nothing_is(tmp_path: Path) -> None:
    assert load_configuration(tmp_path / "edgefuse.yaml", ["--source"]) is None


def test_what_a_person_changed_is_theirs(tmp_path: Path) -> None:
    path = tmp_path / "edgefuse.yaml"
    write_configuration(path, SITE)
    path.write_text(path.read_text().replace("effect: none", "effect: anonymise"))
    assert not is_own(path)
    changed = load_configuration(path, [])
    assert changed is not None
    assert changed.effect == "anonymise"
    with pytest.raises(ConfigError, match=r"cannot use --source: .* is yours and says what runs; change it there"):
        load_configuration(path, ["--source"])
