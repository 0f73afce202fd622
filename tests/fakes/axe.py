"""axe-core, which finds what keeps people from using a page: fetched by sha256, never part of the package."""

from __future__ import annotations

import json
from typing import Any  # JSON

from fakes.chromium import Page

from edgefuse.config.manifest import ModelFile, Source
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import fetch_media
from edgefuse.store.store import Store

AXE = ModelFile(
    name="axe.min.js",  # MPL-2.0; runs in the browser of a test
    sha256="29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
    size_bytes=653_780,
    source=Source(npm="axe-core@4.14.1", member="package/axe.min.js"),
)
SERIOUS = ("serious", "critical")


def load_axe(store: Store) -> str:
    """Give its source.

    Raises:
        FetchError: It cannot be had here, for want of npm or of a network.
    """
    with open_fetcher(store, lambda *_: None) as fetcher:
        return fetch_media(AXE, store, fetcher).read_text()


def find_obstacles(page: Page, axe: str, *rules: str) -> list[str]:
    """Give what axe finds serious or worse in what a page shows, each with where it is.

    Args:
        page: Where to look.
        axe: Its source.
        rules: Only these; without any, all of them.
    """
    page.call("Runtime.evaluate", expression=axe)  # past the page's own policy, which lets nobody else in
    options = json.dumps({"runOnly": rules} if rules else {})
    run = f"axe.run(document, {options}).then(found => JSON.stringify(found.violations))"
    found: list[dict[str, Any]] = json.loads(page.ask(run))
    return [
        f"{violation['impact']} {violation['id']}: {violation['help']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]
