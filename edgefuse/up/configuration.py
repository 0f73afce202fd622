"""The site configuration that ``edgefuse up`` writes, for as long as nobody else has changed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from edgefuse import disk
from edgefuse.config.site import Site, load_site
from edgefuse.errors import ConfigError

_FIRST_LINE = (
    "# Written by edgefuse up ({digest}). Change what you like; from then on it is yours, and no program writes it."
)


def is_own(path: Path) -> bool:
    """Tell whether the file is there and is as ``edgefuse up`` wrote it."""
    if not path.exists():
        return False
    first, _, rest = disk.read_file(path).decode(errors="replace").partition("\n")
    return first == _FIRST_LINE.format(digest=_digest(rest))


def write_configuration(path: Path, site: Site) -> None:
    """Write the file: source, sink, effect and link.

    Raises:
        StoreError: It cannot be written.
    """
    assert site.link is not None
    rest = f"""\
source: {json.dumps(site.source)}
sink: {json.dumps(site.sink)}
effect: {site.effect}
link:
  broker: {site.link.broker}
  device_id: {site.link.device_id}
"""
    disk.write_atomically(path, f"{_FIRST_LINE.format(digest=_digest(rest))}\n{rest}".encode(), mode=0o600)


def load_configuration(path: Path, wishes: Sequence[str]) -> Site | None:
    """Give what stands in the file; nothing where it is not there.

    Args:
        path: Of the file.
        wishes: Options that were given; what a person wrote goes before them.

    Raises:
        ConfigError: The file does not fit, or is a person's, who wishes something else now.
    """
    if not path.exists():
        return None
    if wishes and not is_own(path):
        raise ConfigError(f"cannot use {' '.join(wishes)}: {path} is yours and says what runs; change it there")
    return load_site(path)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
