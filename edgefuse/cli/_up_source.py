"""What ``edgefuse up`` takes frames from: a source that goes on for ever, tried before anything is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edgefuse import paths
from edgefuse.cli._source import DEFAULT, resolve_source
from edgefuse.errors import EdgefuseError
from edgefuse.interpreter import module_command
from edgefuse.planning.cameras import find_cameras
from edgefuse.planning.child import child_environment


def find_source(wish: str | None) -> str:
    """Give the address of a source that goes on for ever.

    Args:
        wish: What the user said, if anything.

    Raises:
        EdgefuseError: The clip cannot be had.
    """
    if wish is None:
        cameras = find_cameras(paths.system_root())
        if cameras:
            return cameras[0].split()[0]
        print(
            "there is no camera here: a clip of a real face plays again and again (--source takes a camera later)",
            flush=True,
        )
    address = resolve_source(wish or DEFAULT)
    if address.startswith("photo:"):
        return f"loop:{_film(address)}"
    return f"loop:{Path(address).resolve()}" if Path(address).is_file() else address


def _film(photo: str) -> Path:
    """Make a clip of a photo that moves.

    Raises:
        EdgefuseError: That does not work.
    """
    clip = paths.cache_dir() / "photo.mp4"
    clip.parent.mkdir(parents=True, exist_ok=True)
    if not _run_pipeline("--source", photo, "--effect", "none", "--sink", str(clip)):
        raise EdgefuseError("cannot bring edgefuse up: the photo cannot be filmed; the reason is above")
    return clip


def try_source(source: str, effect: str) -> bool:
    """Run the pipeline for one frame: it fetches models with a progress bar, and says what is wrong with the source."""
    print(f"preparing {effect} (the first time its models are fetched)", flush=True)
    return _run_pipeline("--source", source, "--effect", effect, "--sink", "null", "--frames", "1")


def _run_pipeline(*arguments: str) -> bool:
    """Run ``edgefuse run`` beside this process, which shall hold no pixels; it says itself what goes wrong."""
    command = module_command(sys.executable, "edgefuse", "run", *arguments)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, env=child_environment(), check=False)
    return done.returncode == 0
