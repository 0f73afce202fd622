"""``edgefuse up``: broker, supervisor, pipeline and link on this machine, in one command."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgefuse import paths
from edgefuse.cli._up_source import find_source, try_source
from edgefuse.cli._words import show_event
from edgefuse.cli.logs import new_events
from edgefuse.command import Command
from edgefuse.config.address import without_secrets
from edgefuse.config.link import LinkSettings
from edgefuse.config.site import DEFAULT_EFFECT, Site, site_path
from edgefuse.errors import EdgefuseError

if TYPE_CHECKING:
    from edgefuse.config.site import EffectName
    from edgefuse.supervisor.control import Event, Status

EFFECTS: tuple[EffectName, ...] = ("anonymise", "fuse_mesh", "none")
READY: tuple[EffectName, ...] = ("anonymise", "fuse_mesh")
"""Effects whose models are fetched the first time, so that going over to one waits for no download."""
_PAGE, _PAGE_PORT = "mjpeg:", 8080


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        help="a camera (/dev/video0, rtsp://…) or a video, which plays again and again; `default` is a clip of a real "
        "face (default: what it was the last time; the first time this machine's camera, without one the clip)",
    )
    parser.add_argument(
        "--effect", choices=EFFECTS, help=f"(default: what it was the last time; the first time {DEFAULT_EFFECT})"
    )


def _run(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` is answered like Ctrl-C
    if find_spec("cryptography") is None:
        raise EdgefuseError("cannot make certificates: cryptography is not installed; pip install 'edgefuse[up]'")
    from edgefuse.up.home import join, open_console, open_root, open_site
    from edgefuse.up.parts import broker_part, controller_part, supervisor_part
    from edgefuse.up.session import claimed, run

    has_own_root = "EDGEFUSE_ROOT" in os.environ
    root = open_root()
    with claimed():
        register = open_site(paths.fleet_dir())
        broker, broker_name = broker_part(paths.fleet_dir(), register)
        link = LinkSettings(broker=register.devices_url, device_id=join(paths.fleet_dir()))
        site = _configure(options, link)
        _tell(f"folder: {root}")
        _tell(f"source: {_describe(site.source)}")
        _tell(f"broker: {broker_name}, port {register.port} of this machine alone")
        _tell_others(site, link)
        console = open_console(paths.fleet_dir())
        address = console[1] if console else "pip install 'edgefuse[up]' brings one"
        watch = _Watch(_explain(site, link.device_id, address, root if has_own_root else None))
        parts = (broker, controller_part(console[0] if console else None), supervisor_part())
        asyncio.run(run(parts, _tell, watch.show, is_verbose=options.verbose))
    return 0


def _configure(options: argparse.Namespace, link: LinkSettings) -> Site:
    """Give the site configuration, written now where there is none, or the one that was written here shall change."""
    from edgefuse.up.configuration import load_configuration, write_configuration
    from edgefuse.up.ports import find_port

    wishes = {"--source": options.source, "--effect": options.effect}
    given = [name for name, value in wishes.items() if value is not None]
    before = load_configuration(site_path(), given)
    if before is not None and not given:
        return before
    site = Site(
        source=before.source if before and not options.source else find_source(options.source),
        sink=before.sink if before else f"{_PAGE}{find_port(_PAGE_PORT)}",
        effect=options.effect or (before.effect if before else DEFAULT_EFFECT),
        link=link,
    )
    if not try_source(site.source, str(site.effect)):
        raise EdgefuseError("cannot bring edgefuse up: the pipeline does not run; the reason is above")
    for effect in READY:
        if effect != site.effect and not try_source(site.source, effect):
            _tell(f"going on without {effect}")
    write_configuration(site_path(), site)
    return site


def _describe(source: str) -> str:
    """Name a source; a file of the store has a name that says nothing."""
    is_shipped = source.startswith(f"loop:{paths.state_dir()}") or source.startswith(f"loop:{paths.cache_dir()}")
    return "a clip of a real face, again and again" if is_shipped else without_secrets(source)


def _tell(text: str) -> None:
    print(text, flush=True)


def _tell_others(site: Site, link: LinkSettings) -> None:
    """Say where a person's own configuration keeps this machine from its fleet."""
    if site.link is None or site.link.broker != link.broker:
        _tell(
            f"{site_path()} is yours and does not link to this broker, so edgefuse fleet does not see this machine; "
            f"it takes\nlink:\n  broker: {link.broker}\n  device_id: {link.device_id}"
        )


def _explain(site: Site, device: str, console: str, root: Path | None) -> str:
    """Tell how to see and steer what runs.

    Args:
        site: What runs.
        device: What this machine is called.
        console: Where it is, with what logs in.
        root: The folder, where it is not the one that commands look into by themselves.
    """
    lines = ["", "it runs. In a browser:", f"  console       {console}"]
    if site.sink.startswith(_PAGE):
        lines.append(f"  pictures      http://localhost:{site.sink.rpartition(':')[2]}/")
    lines += [
        "From another terminal" + (f", after export EDGEFUSE_ROOT={root}:" if root else ":"),
        "  this machine  edgefuse fleet watch       or  edgefuse status",
        f"  command it    edgefuse fleet send {device} set-effect fuse_mesh",
        f"  what runs     {site_path()}",
        "Ctrl-C ends all of it; edgefuse up goes on with it.",
        "",
    ]
    return "\n".join(lines)


class _Watch:
    """Tells what happens, and once there are pictures, how to see and steer them."""

    def __init__(self, explanation: str) -> None:
        self._explanation = explanation
        self._seen: tuple[Event, ...] = ()
        self._is_delivering = False

    def show(self, status: Status) -> None:
        """Tell what is new."""
        for event in new_events(self._seen, status.events):
            _tell(show_event(event))
        self._seen = status.events
        if not self._is_delivering and status.heartbeat is not None and status.heartbeat.frames_out:
            self._is_delivering = True
            _tell(self._explanation)


PLUGIN = Command(
    help="run broker, supervisor, pipeline and link on this machine, with nothing to set up",
    example="edgefuse up --source /dev/video0",
    add_arguments=_add_arguments,
    run=_run,
)
