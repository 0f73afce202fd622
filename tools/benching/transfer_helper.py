"""The install helper's transport alone: it brings a file and does nothing with it, as paho's client does."""

from __future__ import annotations

import socket
import sys

import msgspec

from edgefuse.ota.events import Done, Progressed
from edgefuse.ota.relay import Relay, RelayFetcher
from edgefuse.ota.wire import Job, Kind

PATIENCE_S = 60.0


def main() -> None:
    """Bring the file whose place the job has in place of a release."""
    with socket.socket(fileno=int(sys.argv[sys.argv.index("--socket") + 1])) as sock:
        relay = Relay(sock)
        frame = relay.receive(PATIENCE_S)
        assert frame is not None
        job = msgspec.json.decode(frame[1], type=Job)
        relay.send(Kind.ANSWER, msgspec.json.encode(Progressed(job.seq, 0, 0)))
        for _ in RelayFetcher(relay, job.settings).fetch(job.deployment.release):
            pass
        relay.send(Kind.ANSWER, msgspec.json.encode(Done(job.seq)))


if __name__ == "__main__":
    main()
