"""``edgefuse fleet home-assistant``: what Home Assistant needs to read the site's devices."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edgefuse import disk
from edgefuse.cli._fleet_actions import add_action, add_site, site_folder
from edgefuse.cli._fleet_enrolment import need_certificates, tell_broker
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.site import load_register

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions


def add_actions(actions: Actions) -> None:
    """Add what lets Home Assistant in."""
    about = "let Home Assistant read all devices; a certificate that it had before is refused from now on"
    letting = add_action(actions, "home-assistant", about, "", _let_in)
    letting.add_argument(
        "folder",
        metavar="FOLDER",
        type=Path,
        nargs="?",
        default=Path("home-assistant"),
        help="to make (default %(default)s)",
    )
    letting.add_argument("--end", action="store_true", help="let it in no longer")
    add_site(letting)


def _let_in(options: argparse.Namespace) -> int:
    need_certificates()
    from edgefuse.fleet.enrolment import let_in_home_assistant, shut_out_home_assistant

    site, target = site_folder(options), options.folder
    if options.end:
        shut_out_home_assistant(site)
        print("Home Assistant is let in no longer")
        tell_broker(site)
        return 0
    register = load_register(site)
    if target.exists():
        raise EdgefuseError(f"cannot write {target}: it exists; remove it or name another folder")
    with disk.writing(target):
        target.mkdir(mode=0o700)
    try:
        identity = let_in_home_assistant(site)
    except BaseException:
        target.rmdir()
        raise
    disk.write_atomically(target / "ca.pem", disk.read_file(site / "ca.pem"))
    disk.write_atomically(target / "client.pem", identity.certificate_pem)
    disk.write_atomically(target / "client.key", identity.key_pem, mode=0o600)
    print(
        f"wrote {target}/ca.pem client.pem client.key; the key is a secret: remove it here once Home Assistant has it"
    )
    print(
        f"in Home Assistant: Settings, Devices & services, Add integration, MQTT: {register.host}, port {register.port}"
    )
    print("then restart edgefuse fleet serve, which tells it of the devices (docs/integrations.md)")
    tell_broker(site)
    return 0
