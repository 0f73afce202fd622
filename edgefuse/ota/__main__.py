"""``python -m edgefuse.ota``: the install helper, which does one job of the supervisor's and ends.

It alone holds what a repository sends: python-tuf, cryptography, and numpy while a delta is rebuilt. It may be killed
at any moment, and ends by itself when the supervisor is gone.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from edgefuse import disk, log, paths
from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import StoreError
from edgefuse.memory import share_one_heap
from edgefuse.ota.events import Failed
from edgefuse.ota.fetching import Transport, open_fetcher
from edgefuse.ota.helper import Helper
from edgefuse.ota.relay import Relay, RelayEndedError, RelayFetcher
from edgefuse.ota.throttle import ThrottledFetcher
from edgefuse.ota.wire import FrameError, HelperAnswer, Job, Kind

NICENESS = 10
"""The pipeline comes first; an update has hours."""
LOOK_S = 60.0


def main() -> int:
    """Do the job that comes over the socket, and give the exit code."""
    parser = argparse.ArgumentParser(prog="edgefuse.ota", description=__doc__)
    parser.add_argument("--socket", type=int, metavar="FD", required=True, help="inherited end of a socket pair")
    options = parser.parse_args()
    log.start(is_verbose=False)
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to hear, and its end is this one's
    share_one_heap()
    with socket.socket(fileno=options.socket) as sock:
        threading.Thread(target=_end_with_supervisor, args=(sock,), daemon=True).start()
        relay = Relay(sock)

        def tell(answer: HelperAnswer) -> None:
            relay.send(Kind.ANSWER, msgspec.json.encode(answer))

        with suppress(RelayEndedError):  # nobody wants this work any more
            tell(_work(_receive_job(relay), relay, tell))
    return 0


def _work(job: Job, relay: Relay, tell: Callable[[HelperAnswer], None]) -> HelperAnswer:
    """Do the job, and give what came of it."""
    scratch = paths.run_dir() / "ota"
    try:
        with disk.writing(scratch):
            _use_scratch(scratch)
            return Helper(job, _open_transport(job.settings, relay), tell).run()
    except StoreError as e:
        return Failed(job.seq, str(e))


def _end_with_supervisor(sock: socket.socket) -> None:
    """Wait until the other end is closed, whatever this process does meanwhile, and end it at once."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    poll.poll()
    os._exit(0)


def _receive_job(relay: Relay) -> Job:
    """Wait for the first frame.

    Raises:
        RelayEndedError: The supervisor is gone.
        FrameError: It says something else.
    """
    while (frame := relay.receive(LOOK_S)) is None:
        pass
    kind, payload = frame
    if kind is not Kind.JOB:
        raise FrameError(f"cannot begin: the first frame is a {kind.name}")
    return msgspec.json.decode(payload, type=Job)


def _use_scratch(folder: Path) -> None:
    """Let temporary files lie where the next helper clears them away: this one may be killed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)


def _open_transport(settings: UpdateSettings, relay: Relay) -> Transport:
    """Give the way to the repository that the site has chosen."""
    if settings.repository == "link":
        return RelayFetcher(relay, settings)
    fetcher, limit_kb_per_s = open_fetcher(settings.repository), settings.limit_kb_per_s
    return fetcher if limit_kb_per_s is None else ThrottledFetcher(fetcher, limit_kb_per_s * 1000)


if __name__ == "__main__":
    sys.exit(main())
