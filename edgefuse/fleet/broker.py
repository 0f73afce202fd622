"""The configuration of a site's broker, mosquitto 2: who may connect, as whom, and what each may read and write.

Devices and operators have a listener each. A device's certificate decides its client id, so that it cannot take another
device's session; operators, who run several commands at once, choose theirs, so no device's certificate is taken there.
"""

from __future__ import annotations

import getpass
import os
import signal
from contextlib import suppress
from pathlib import Path

from edgefuse.fleet import home_assistant
from edgefuse.fleet.site import HOME_ASSISTANT, OPERATOR, Register
from edgefuse.link.connection import MAX_PACKET_BYTES
from edgefuse.link.topics import DESIRED, PIPELINE, PREFIX, STATE, SYSTEM

MARKER_PREFIX = "ef/v1/fleet"
"""Commands write to themselves here, to learn that the broker has sent everything that came before."""

_CONFIGURATION = """\
# Made by edgefuse fleet init; run it as the owner of this folder: mosquitto -c {folder}/mosquitto.conf
user {user}
pid_file {folder}/broker/mosquitto.pid
set_tcp_nodelay true
allow_anonymous false
acl_file {folder}/acl
max_packet_size {limit}
persistence true
persistence_location {folder}/broker/
autosave_interval 30

# What waits for a controller that is away (edgefuse fleet serve), in memory and in the file of persistence: 10,000
# devices tell of some 10,000 events in five minutes, of 700 bytes each here. The bytes also limit what is held for
# somebody new: 7 kB a device. Nobody uses as much memory but an enrolled device that is out to do it.
max_queued_messages 100000
max_queued_bytes 1073741824
# Sent on before the first is acknowledged, which takes up to a tenth of a second: 20 would be 200 messages a second.
max_inflight_messages 1000
# Who was away for a day finds nothing that waited; over MQTT 3.1.1 only the broker can say so.
persistent_client_expiration 1d

# Devices
listener {devices_port}{address}
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
crlfile {folder}/revoked.pem
require_certificate true
use_identity_as_username true
use_username_as_clientid true

# Operators
listener {operators_port}{address}
cafile {folder}/operator.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
require_certificate true
use_identity_as_username true
"""

_RULES = f"""\
# Made by edgefuse fleet; %u is the common name of the certificate.
pattern write {PREFIX}/%u/up/#
pattern read {PREFIX}/%u/dn/#

user {OPERATOR}
topic read {PREFIX}/+/up/#
topic write {PREFIX}/+/dn/#
topic readwrite {MARKER_PREFIX}/#
"""


_HOME_ASSISTANT_RULES = f"""
user {HOME_ASSISTANT}
topic read {PREFIX}/+/{STATE.name}
topic read {PREFIX}/+/{SYSTEM.name}
topic read {PREFIX}/+/{PIPELINE.name}
topic read {PREFIX}/+/{DESIRED.name}
topic read {home_assistant.PREFIX}/#
topic write {home_assistant.BIRTH_TOPIC}

user {OPERATOR}
topic read {home_assistant.BIRTH_TOPIC}
topic readwrite {home_assistant.DISCOVERY_TOPICS}
"""


def make_configuration(folder: Path, register: Register) -> str:
    """Give ``mosquitto.conf`` for a site in that folder.

    A broker that is started as root becomes another user, who may not read the keys, unless it is told to stay root.
    """
    return _CONFIGURATION.format(
        folder=folder,
        user=getpass.getuser(),
        limit=MAX_PACKET_BYTES,
        devices_port=register.port,
        operators_port=register.operators_broker.port,
        address=" 127.0.0.1" if register.is_local else "",
    )


def make_rules(register: Register) -> str:
    """Give the file ``acl``: a revoked device that is still connected may read and write nothing from now on."""
    revoked = [device for device, member in register.members.items() if member.is_revoked]
    guest = _HOME_ASSISTANT_RULES if register.home_assistant else ""
    return _RULES + guest + "".join(f"\nuser {device}\ntopic deny {PREFIX}/{device}/#\n" for device in revoked)


def reload_broker(folder: Path) -> bool:
    """Have this site's broker read its files again; tell whether it runs on this machine."""
    mosquitto = (folder / "broker/mosquitto.pid", folder / "mosquitto.conf")
    return any(_reload(pid, argument) for pid, argument in (mosquitto, (embedded_pid_path(folder), folder)))


def embedded_pid_path(folder: Path) -> Path:
    """Give the place where the broker of ``edgefuse.fleet.embedded`` notes its process."""
    return folder / "broker/embedded.pid"


def _reload(pid_path: Path, argument: Path) -> bool:
    """Tell a broker that was started with this argument; the file may name another process after a power cut."""
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        pid = int(pid_path.read_text())
        if os.fsencode(argument) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            os.kill(pid, signal.SIGHUP)
            return True
    return False
