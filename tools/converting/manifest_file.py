"""Writing manifests: people write what stands above ``variants:``, ``tools/convert --update`` writes the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any  # plain YAML values

import msgspec
import yaml

from edgefuse import disk
from edgefuse.config.manifest import Variant

MARK = "\nvariants:\n"


def write_variants(path: Path, variants: tuple[Variant, ...]) -> None:
    """Replace the variants of a manifest, which stand last in it; what stands above them is kept to the letter.

    Raises:
        StoreError: The file cannot be written.
    """
    head, mark, _ = path.read_text(encoding="utf-8").partition(MARK)
    plain = [_plain(variant) for variant in variants]
    text = yaml.dump(plain, default_flow_style=None, sort_keys=False, width=118, allow_unicode=True)
    disk.write_atomically(path, (head + mark + text).encode())


def _plain(value: Any) -> Any:
    """Turn structs into dicts without what is as by default, and tuples into lists."""
    if isinstance(value, msgspec.Struct):
        defaults = {f.name: {} if f.default is msgspec.NODEFAULT else f.default for f in msgspec.structs.fields(value)}
        given = ((name, getattr(value, name)) for name in defaults)
        return {name: _plain(item) for name, item in given if item != defaults[name]}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
