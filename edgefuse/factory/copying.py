"""Copying files of which it is known what they must be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from edgefuse import disk
from edgefuse.errors import StoreError


def copy_file(source: Path, target: Path, sha256: str, expected: str) -> None:
    """Copy a file whole or not at all, unless it is there already; what somebody put in its place is replaced.

    Args:
        source: Is read once.
        target: Its folder is made.
        sha256: Of what it must be.
        expected: What that is, and what to do where it is something else.

    Raises:
        StoreError: It is something else, or cannot be read or written.
    """
    if target.is_file() and disk.hash_file(target) == sha256:
        return
    disk.write_chunks(target, _checked(source, sha256, expected))


def _checked(source: Path, sha256: str, expected: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in disk.read_chunks(source):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise StoreError(f"cannot use {source}: it is not {expected}")
