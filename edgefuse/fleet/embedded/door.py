"""Who is let in: a certificate decides the user name, and for devices the client id, whatever the client says."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # amqtt comes without types

from amqtt.adapters import BufferReader
from amqtt.errors import AMQTTError, CodecError, MQTTError, NoDataError
from amqtt.mqtt.connect import ConnectPacket

from edgefuse import disk
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.embedded.rules import Rules, parse_rules
from edgefuse.fleet.site import load_register

_CONNECT = 1
_LEVEL_AT = 6
"""Place of the protocol's level, after its name with its length."""
_LEVEL = 4
"""MQTT 3.1.1."""
UNKNOWN_LEVEL = bytes((0x20, 2, 0, 1))
NOT_AUTHORIZED = bytes((0x20, 2, 0, 5))
"""Answers to CONNECT. Source: MQTT 3.1.1, 3.2.2.3."""


class RefusedError(EdgefuseError):
    """A client is not let in."""

    def __init__(self, reason: str, answer: bytes = b"") -> None:
        super().__init__(f"cannot let a client in: {reason}")
        self.answer = answer
        """What it is told; nothing where it is only hung up on."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What the site's folder says of its clients."""

    rules: Rules
    revoked: frozenset[int]
    """Serials of certificates."""


def load_trust(folder: Path) -> Trust:
    """Read who may do what, and who may nothing any more.

    Raises:
        ConfigError: There is no site, or its files cannot be read.
    """
    text = disk.read_file(folder / "acl").decode()
    return Trust(parse_rules(text), frozenset(int(serial, 16) for serial in load_register(folder).revoked))


@dataclass(frozen=True, slots=True)
class Door:
    """One listener."""

    port: int
    authority: str
    """File of the certificate that its clients must be signed by."""
    names_clients: bool
    """The certificate decides the client id."""

    def make_tls(self, folder: Path) -> ssl.SSLContext:
        """Prepare TLS with certificates at both ends.

        Raises:
            ConfigError: A certificate or key cannot be read.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(folder / "broker.pem", folder / "broker.key")
            context.load_verify_locations(folder / self.authority)
        except OSError as e:  # ssl's own errors too
            raise ConfigError(f"cannot use the broker's certificate in {folder}: {e.strerror or e}") from e
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    async def admit(self, first: bytes, writer: asyncio.StreamWriter, trust: Trust) -> tuple[bytes, int]:
        """Give the first packet as amqtt shall see it, and how long the client may be silent, in seconds.

        Raises:
            RefusedError: The client is not let in.
        """
        user, serial = _identify(writer)
        if serial in trust.revoked:
            raise RefusedError(f"{user} is revoked")
        connect = await _parse(first)
        if connect.will_flag and not trust.rules.may(user, "write", connect.will_topic or ""):
            raise RefusedError(f"{user} has a will for a topic of others", NOT_AUTHORIZED)
        keepalive_s = int(connect.keep_alive)
        connect.variable_header.keep_alive = 0  # the wire sees to it
        connect.variable_header.username_flag, connect.variable_header.password_flag = True, False
        connect.payload.username = user
        if self.names_clients:
            connect.payload.client_id = user
        return bytes(connect.to_bytes()), keepalive_s


async def _parse(first: bytes) -> Any:
    body = first[next(at for at in range(1, len(first)) if first[at] < 0x80) + 1 :] if len(first) > 1 else b""
    if first[0] >> 4 != _CONNECT or len(body) <= _LEVEL_AT:
        raise RefusedError("its first packet is no CONNECT")
    if body[_LEVEL_AT] != _LEVEL:
        raise RefusedError("it speaks another version of MQTT", UNKNOWN_LEVEL)
    try:
        return await ConnectPacket.from_stream(BufferReader(first))
    except (AMQTTError, CodecError, MQTTError, NoDataError, UnicodeDecodeError) as e:
        raise RefusedError(f"its first packet is malformed: {e}") from e


def _identify(writer: asyncio.StreamWriter) -> tuple[str, int]:
    """Give common name and serial of a client's certificate."""
    certificate = writer.get_extra_info("peercert")
    names = [value for part in certificate["subject"] for key, value in part if key == "commonName"]
    if len(names) != 1:
        raise RefusedError("its certificate has no name")
    return names[0], int(certificate["serialNumber"], 16)
