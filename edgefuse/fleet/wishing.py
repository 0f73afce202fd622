"""Wishing for releases: what the broker holds for each device, as a hint; signed metadata decides what goes live."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from edgefuse.errors import ConfigError
from edgefuse.fleet.numbers import reserve_numbers
from edgefuse.fleet.session import Session
from edgefuse.link.messages import Desired, encode
from edgefuse.link.topics import DESIRED, make_topic

HOLD_S = 60.0
"""For the broker to have ten thousand wishes."""


def make_wish(folder: Path, release: str, deployment: str | None) -> Desired:
    """Give a wish that is newer than all that this site had before.

    Args:
        folder: Of the site.
        release: Its id.
        deployment: Its id; nothing for one of its own.

    Raises:
        ConfigError: One of the ids is none.
        EdgefuseError: The site's folder cannot be read or written.
    """
    id = deployment or f"d{secrets.token_hex(8)}"
    try:
        return msgspec.convert({"release": release, "deployment": id, "seq": reserve_numbers(folder)}, Desired)
    except msgspec.ValidationError as e:
        raise ConfigError(
            f"cannot wish for release '{release}' by deployment '{id}': a release's id has a-z, 0-9, . and -, that of "
            "a deployment letters, digits, _ and -; 64 characters at most"
        ) from e


def wish(session: Session, devices: Sequence[str], desired: Desired) -> None:
    """Have the broker hold a wish for devices.

    Raises:
        BrokerError: The connection is lost; some devices may have the wish.
    """
    _hold(session, devices, encode(desired))


def take_back(session: Session, devices: Sequence[str]) -> None:
    """Have the broker hold no wish any more; what devices have begun they go on with.

    Raises:
        BrokerError: The connection is lost; some devices may still have a wish.
    """
    _hold(session, devices, b"")


def _hold(session: Session, devices: Iterable[str], payload: bytes) -> None:
    session.hold([(make_topic(device, DESIRED), payload) for device in devices], HOLD_S)
