"""The ``link`` section of the site configuration: which broker, as whom, and what the fleet may ask for."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from edgefuse import paths
from edgefuse.errors import ConfigError

DEVICE_ID = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z"
"""A host name's label: fits certificates, topics and file names without escaping."""

Permission = Literal["snapshot", "collect-logs", "reboot"]
"""Commands that a site must allow by name: two give data of its people away, one stops the unit for a minute."""

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this unit takes part in a fleet; without the section it says nothing to anybody."""

    broker: str
    """``mqtts://HOST[:PORT]``, or ``mqtt://`` for a broker on this machine."""
    device_id: Annotated[str, msgspec.Meta(pattern=DEVICE_ID)]
    credentials: str | None = None
    """Folder of ``ca.pem device.pem device.key operators.json``; ``etc/edgefuse/link`` without it."""
    metered: bool = False
    """Traffic costs money: report once a minute, not every ten seconds."""
    allow: tuple[Permission, ...] = ()


class Broker(msgspec.Struct, frozen=True):
    """Where the broker listens."""

    host: str
    port: int
    has_tls: bool


def parse_broker(url: str) -> Broker:
    """Take a broker's address apart.

    Raises:
        ConfigError: It is no such address, or would send commands over a network in clear.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as e:
        raise ConfigError(f"cannot use broker '{url}': {e}") from e
    if parts.scheme not in _PORTS or not host or parts.path.strip("/"):
        raise ConfigError(f"cannot use broker '{url}': write mqtts://HOST or mqtts://HOST:PORT")
    if parts.username is not None:
        raise ConfigError(f"cannot use broker at '{host}': its address holds a user name; certificates name the device")
    if parts.scheme == "mqtt" and not _is_here(host):
        raise ConfigError(f"cannot use broker '{url}': what leaves this machine is encrypted; write mqtts://{host}")
    return Broker(host, port or _PORTS[parts.scheme], parts.scheme == "mqtts")


def credentials_dir(settings: LinkSettings) -> Path:
    """Give the folder of certificates and operators' keys."""
    return Path(settings.credentials) if settings.credentials else paths.config_dir() / "link"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
