"""What a repository would bring, from memory and without signatures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from edgefuse.config.manifest import ModelFile
from edgefuse.ota.refusal import TrustError
from edgefuse.ota.repository import OfferedDelta

CHUNK_BYTES = 500
"""So that a file comes in some pieces."""


class MemoryRepository:
    """Stands in for ``edgefuse.ota.repository.Repository`` where files are fetched."""

    def __init__(self, contents: Mapping[str, bytes], deltas: Mapping[tuple[str, str], bytes]) -> None:
        """Have files by sha256, and deltas by the sha256 of what they lead to and of their base."""
        self._contents, self._deltas = contents, deltas

    def list_deltas(self, _: str, file: ModelFile) -> tuple[OfferedDelta, ...]:
        """List the deltas that lead to a file."""
        return tuple(
            OfferedDelta(base, f"{target}.from.{base}", len(content), hashlib.sha256(content).hexdigest())
            for (target, base), content in self._deltas.items()
            if target == file.sha256
        )

    def read_file(self, _: str, file: ModelFile, begin: Iterable[bytes] = ()) -> Iterator[bytes]:
        """Give the rest of a file."""
        return _read_rest(self._contents[file.sha256], begin)

    def read_delta(self, delta: OfferedDelta, begin: Iterable[bytes] = ()) -> Iterator[bytes]:
        """Give the rest of a delta."""
        target, _, base = delta.place.partition(".from.")
        return _read_rest(self._deltas[target, base], begin)


def _read_rest(content: bytes, begin: Iterable[bytes]) -> Iterator[bytes]:
    here = b"".join(begin)
    for offset in range(len(here), len(content), CHUNK_BYTES):
        yield content[offset : offset + CHUNK_BYTES]
    if here != content[: len(here)]:
        raise TrustError("cannot use it: its beginning is that of another file")
