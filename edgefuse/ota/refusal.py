"""What python-tuf raises, in words that say who must act."""

from __future__ import annotations

import http
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.serialization import DeserializationError

from edgefuse.errors import EdgefuseError, FetchError, StoreError

_MEANINGS: Mapping[type[RepositoryError], str] = {
    BadVersionNumberError: "it offers older metadata than this device has seen, or parts that do not belong together",
    ExpiredMetadataError: "its publisher must sign anew, unless the clock of this device is wrong",
    DeserializationError: "something that is no metadata answers in its place, as a proxy or a log-in page does",
    UnsignedMetadataError: "too few of the keys that may do so have signed",
}
_ABSENT = (
    http.HTTPStatus.NOT_FOUND,
    http.HTTPStatus.GONE,
    http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,  # it is shorter than what has come of it
)


class TrustError(EdgefuseError):
    """A repository does not prove what it offers; it must not be used, and asking it again does not help."""


class UnprovenError(TrustError):
    """A repository does not prove what it offers now; its publisher, or the way to it, may mend that."""


class AbsentError(FetchError):
    """A repository does not have what somebody vouches for, or not all of it."""


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Turn what the body raises into ``cannot <what>: <reason>``.

    Raises:
        UnprovenError: What the repository has signed has expired, or something else answers in its place.
        TrustError: The repository does not prove what it offers.
        AbsentError: It does not have that.
        FetchError: It cannot be reached, or is too slow.
        StoreError: What was verified cannot be written.
    """
    try:
        yield
    except DownloadLengthMismatchError as e:
        raise TrustError(f"cannot {what}: {e}") from e
    except DownloadError as e:
        is_absent = isinstance(e, DownloadHTTPError) and e.status_code in _ABSENT
        kind = AbsentError if is_absent else FetchError
        raise kind(f"cannot {what} now: {e}; try again later") from e
    except (ExpiredMetadataError, DeserializationError) as e:
        raise UnprovenError(f"cannot {what}: {_explain(e)}") from e
    except RepositoryError as e:
        raise TrustError(f"cannot {what}: {_explain(e)}") from e
    except OSError as e:
        raise StoreError(f"cannot {what}: {e.strerror}") from e


def _explain(error: RepositoryError) -> str:
    meaning = _MEANINGS.get(type(error))
    return f"{meaning} ({error})" if meaning else str(error)
