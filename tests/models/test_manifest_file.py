"""Writing manifests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from converting.manifest_file import write_variants

from edgefuse import paths
from edgefuse.config.manifest import load_manifests

SHIPPED = sorted(paths.manifest_dir().glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_are_as_the_tool_writes_them(path: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(path, tmp_path))
    (manifest,) = load_manifests(tmp_path)
    write_variants(copy, manifest.variants)
    assert copy.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


def test_what_stands_above_the_variants_is_kept_to_the_letter(tmp_path: Path) -> None:
    copy = Path(shutil.copy(SHIPPED[0], tmp_path))
    text = copy.read_text(encoding="utf-8")
    copy.write_text(f"# why: a comment\n{text}", encoding="utf-8")
    (manifest,) = load_manifests(tmp_path)
    write_variants(copy, manifest.variants[:1])
    assert copy.read_text(encoding="utf-8").startswith(f"# why: a comment\n{text.partition('variants:')[0]}variants:")
    assert load_manifests(tmp_path)[0].variants == manifest.variants[:1]
