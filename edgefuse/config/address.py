"""What may be shown of an address."""

from __future__ import annotations

import re

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*:)//(?P<server>[^/]*)(?P<path>[^?]*)")


def without_secrets(address: str) -> str:
    """Give an address for messages: without user and password, and without a query, where many cameras want theirs.

    What is no URL, such as a file or a device, has none.
    """
    if (url := _URL.match(address)) is None:
        return address
    return f"{url['scheme']}//{url['server'].rpartition('@')[2]}{url['path']}"
