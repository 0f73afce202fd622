"""``edgefuse up``: broker, supervisor, pipeline and link on this machine, in one command."""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgefuse import paths
from edgefuse.cli._source import DEFAULT, resolve_source
from edgefuse.cli._words import show_event
from edgefuse.cli.logs import new_events
from edgefuse.command import Command
from edgefuse.config.link import LinkSettings
from edgefuse.config.site import DEFAULT_EFFECT, Site, site_path
from edgefuse.errors import EdgefuseError
from edgefuse.interpreter import module_command
from edgefuse.planning.cameras import find_cameras
from edgefuse.planning.child import child_environment

if TYPE_CHECKING:
    from edgefuse.config.site import EffectName
    from edgefuse.supervisor.control import Event, Status

EFFECTS: tuple[EffectName, ...] = ("anonymise", "fuse_mesh", "none")
_PAGE = "mjpeg:"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    about = "kept for the next time, as is --effect; a camera (/dev/video0, rtsp://…), or a video, which plays for ever"
    parser.add_argument(
        "--source", help=f"{about} (the first time: this machine's camera, else a clip of a real face, `default`)"
    )
    parser.add_argument("--effect", choices=EFFECTS, help=f"(the first time: {DEFAULT_EFFECT})")


def _run(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` is answered like Ctrl-C
    if find_spec("cryptography") is None:
        raise EdgefuseError("cannot make certificates: cryptography is not installed; pip install 'edgefuse[up]'")
    from edgefuse.up.home import join, open_root, open_site
    from edgefuse.up.parts import broker_part, supervisor_part
    from edgefuse.up.session import claimed, run

    root = open_root()
    with claimed():
        register = open_site(paths.fleet_dir())
        broker, broker_name = broker_part(paths.fleet_dir(), register)
        link = LinkSettings(broker=register.devices_url, device_id=join(paths.fleet_dir()))
        site = _configure(options, link)
        _tell(f"folder: {root}")
        _tell(f"source: {site.source}")
        _tell(f"broker: {broker_name}, port {register.port} of this machine alone")
        _tell_others(site, link)
        watch = _Watch(site, link.device_id)
        asyncio.run(run((broker, supervisor_part()), _tell, watch.show, is_verbose=options.verbose))
    return 0


def _configure(options: argparse.Namespace, link: LinkSettings) -> Site:
    """Give the site configuration, written now where there is none, or the one that was written here shall change."""
    from edgefuse.up.configuration import load_configuration, write_configuration
    from edgefuse.up.home import PAGE_PORT, find_port

    wishes = {"--source": options.source, "--effect": options.effect}
    given = [name for name, value in wishes.items() if value is not None]
    before = load_configuration(site_path(), given)
    if before is not None and not given:
        return before
    site = Site(
        source=before.source if before and not options.source else _find_source(options.source),
        sink=before.sink if before else f"{_PAGE}{find_port(PAGE_PORT)}",
        effect=options.effect or (before.effect if before else DEFAULT_EFFECT),
        link=link,
    )
    for effect in dict.fromkeys((site.effect, *EFFECTS)):  # all, so that a change of effect waits for no download later
        _try(site.source, str(effect))
    write_configuration(site_path(), site)
    return site


def _find_source(wish: str | None) -> str:
    """Give the address of a source that goes on for ever."""
    if wish is None:
        cameras = find_cameras(paths.system_root())
        if cameras:
            return cameras[0].split()[0]
        _tell("there is no camera here: a clip of a real face plays again and again (--source takes a camera later)")
    address = resolve_source(wish or DEFAULT)
    if address.startswith("photo:"):
        return f"loop:{_film(address)}"
    return f"loop:{Path(address).resolve()}" if Path(address).is_file() else address


def _film(photo: str) -> Path:
    """Make a clip of a photo that moves."""
    clip = paths.cache_dir() / "photo.mp4"
    clip.parent.mkdir(parents=True, exist_ok=True)
    _edgefuse("--source", photo, "--effect", "none", "--sink", str(clip))
    return clip


def _try(source: str, effect: str) -> None:
    """Run the pipeline for one frame: it fetches models with a progress bar, and says what is wrong with the source."""
    _tell(f"preparing {effect}")
    _edgefuse("--source", source, "--effect", effect, "--sink", "null", "--frames", "1")


def _edgefuse(*arguments: str) -> None:
    """Run ``edgefuse run`` beside this process, which shall hold no pixels; it says itself what goes wrong.

    Raises:
        EdgefuseError: Something did.
    """
    command = module_command(sys.executable, "edgefuse", "run", *arguments)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, env=child_environment(), check=False)
    if done.returncode:
        raise EdgefuseError("cannot bring edgefuse up: the pipeline does not run; the reason is above")


def _tell(text: str) -> None:
    print(text, flush=True)


def _tell_others(site: Site, link: LinkSettings) -> None:
    """Say where a person's own configuration keeps this machine from its fleet."""
    if site.link is None or site.link.broker != link.broker:
        _tell(
            f"{site_path()} is yours and does not link to this broker, so edgefuse fleet does not see this machine; "
            f"it takes\nlink:\n  broker: {link.broker}\n  device_id: {link.device_id}"
        )


class _Watch:
    """Tells what happens, and once there are pictures, how to see and steer them."""

    def __init__(self, site: Site, device: str) -> None:
        self._site, self._device = site, device
        self._seen: tuple[Event, ...] = ()
        self._is_delivering = False

    def show(self, status: Status) -> None:
        """Tell what is new."""
        for event in new_events(self._seen, status.events):
            _tell(show_event(event))
        self._seen = status.events
        if not self._is_delivering and status.heartbeat is not None and status.heartbeat.frames_out:
            self._is_delivering = True
            _tell(self._explain())

    def _explain(self) -> str:
        lines = ["", "it runs. From another terminal:"]
        if self._site.sink.startswith(_PAGE):
            port = self._site.sink.rpartition(":")[2]
            lines.append(f"  pictures     http://localhost:{port}/")
        lines += [
            "  this machine edgefuse fleet watch     (edgefuse fleet list; edgefuse status has the details)",
            f"  command it   edgefuse fleet send {self._device} set-effect fuse_mesh",
            f"  what runs    {site_path()}",
            "Ctrl-C ends all of it; edgefuse up goes on with it.",
            "",
        ]
        return "\n".join(lines)


PLUGIN = Command(
    help="run broker, supervisor, pipeline and link on this machine, with nothing to set up",
    example="edgefuse up --source /dev/video0",
    add_arguments=_add_arguments,
    run=_run,
)
