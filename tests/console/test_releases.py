"""What is published, as the console tells it, from a repository that a vault has signed."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.release_site import Site

from edgefuse.console.releases import Published, list_releases
from edgefuse.errors import StoreError


@pytest.fixture
def published(tmp_path: Path) -> Site:
    """A site that has published release ``one``."""
    site = Site(tmp_path)
    site.start()
    return site


def test_releases_that_are_published_are_listed_the_newest_first(published: Site) -> None:
    assert list_releases(published.published).releases == [Published(id="one", counter=1)]
    published.release("two", 2, "b")
    told = list_releases(published.published)
    assert told.releases == [Published(id="two", counter=2), Published(id="one", counter=1)]
    assert told.reason == ""


def test_a_server_that_publishes_nothing_says_how_it_would() -> None:
    told = list_releases(None)
    assert told.releases == []
    assert "--repository FOLDER" in told.reason


def test_what_is_published_and_cannot_be_read_is_told(published: Site) -> None:
    (published.metadata / "timestamp.json").write_text("{}")
    with pytest.raises(StoreError, match=r"cannot read .*timestamp.json: .*; publish it again"):
        list_releases(published.published)
