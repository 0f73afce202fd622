"""Whom to connect to, from the site configuration and the credentials that enrolment wrote."""

from __future__ import annotations

import ssl

from edgefuse.config.link import LinkSettings, credentials_dir, parse_broker
from edgefuse.errors import ConfigError
from edgefuse.link.connection import Target

KEEPALIVE_S = 60
METERED_KEEPALIVE_S = 240
"""Below the five minutes after which mobile networks forget a connection."""


def make_target(settings: LinkSettings, will_topic: str, will_payload: bytes) -> Target:
    """Give everything that a connection needs.

    Raises:
        ConfigError: The broker's address is wrong, or a certificate or key cannot be read.
    """
    broker = parse_broker(settings.broker)
    return Target(
        device=settings.device_id,
        broker=broker,
        tls=_make_tls(settings) if broker.has_tls else None,
        keepalive_s=METERED_KEEPALIVE_S if settings.metered else KEEPALIVE_S,
        will_topic=will_topic,
        will_payload=will_payload,
    )


def _make_tls(settings: LinkSettings) -> ssl.SSLContext:
    folder = credentials_dir(settings)
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(str(folder / "device.pem"), str(folder / "device.key"))
    except OSError as e:  # ssl's own errors too
        raise ConfigError(
            f"cannot use the credentials in {folder}: {e.strerror or e}; enrol this device (edgefuse join)"
        ) from e
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
