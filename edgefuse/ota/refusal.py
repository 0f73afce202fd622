"""What python-tuf raises, in words that say who must act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
    UnsignedMetadataError,
)

from edgefuse.errors import EdgefuseError, FetchError, StoreError

_MEANINGS: Mapping[type[RepositoryError], str] = {
    BadVersionNumberError: "it offers older metadata than this device has seen, or parts that do not belong together",
    ExpiredMetadataError: "its publisher must sign anew, unless the clock of this device is wrong",
    UnsignedMetadataError: "too few of the keys that may do so have signed",
}


class TrustError(EdgefuseError):
    """A repository does not prove what it offers; it must not be used, and asking it again does not help."""


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Turn what the body raises into ``cannot <what>: <reason>``.

    Raises:
        TrustError: The repository does not prove what it offers.
        FetchError: It cannot be reached, or is too slow.
        StoreError: What was verified cannot be written.
    """
    try:
        yield
    except DownloadLengthMismatchError as e:
        raise TrustError(f"cannot {what}: {e}") from e
    except DownloadError as e:
        raise FetchError(f"cannot {what} now: {_describe(e)}; try again later") from e
    except RepositoryError as e:
        raise TrustError(f"cannot {what}: {_explain(e)}") from e
    except OSError as e:
        raise StoreError(f"cannot {what}: {e.strerror}") from e


def _explain(error: RepositoryError) -> str:
    meaning = _MEANINGS.get(type(error))
    return f"{meaning} ({error})" if meaning else str(error)


def _describe(error: DownloadError) -> str:
    """Give what python-tuf says, or what it says it about."""
    return str(error.__cause__ or error) or type(error).__name__
