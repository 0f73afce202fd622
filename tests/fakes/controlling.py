"""Controllers at work: a broker, an empty database, somebody who says what devices say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import msgspec
from fakes.broker import Broker
from fakes.sayings import EVENT
from fakes.sender import Sender

from edgefuse.config.link import parse_broker
from edgefuse.fleet.controller import Controller
from edgefuse.fleet.database import open_database
from edgefuse.fleet.listening import Listening
from edgefuse.fleet.store import Store

PATIENCE_S = 60.0
INFLIGHT = "max_inflight_messages 1000"
"""As ``edgefuse fleet init`` writes it."""


def wait_for(is_so: Callable[[], object]) -> None:
    """Wait until something is so in the store, of which it gives no sign."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def events(count: int, first: int = 0) -> list[msgspec.Struct]:
    """Give events with numbers."""
    return [msgspec.structs.replace(EVENT, n=first + n) for n in range(count)]


class Place:
    """A broker, an empty database, a sender, and controllers at work."""

    def __init__(self, broker: Broker, url: str) -> None:
        self.broker = broker
        self.url = url
        self.database = open_database(url)
        self.store = Store(self.database)
        self.sender = Sender(broker.port)
        self.probes = 0
        """Events that were sent to see whether somebody hears them."""

    @contextmanager
    def controlling(self, name: str = "one", *, url: str = "") -> Iterator[Controller]:
        """Run a controller, which hears devices when this begins."""
        with closing(open_database(self.url)) as database:
            listening = Listening(name, parse_broker(url or self.broker.url), None)
            controller = Controller(database, listening, name)
            with running(controller):
                wait_for(lambda: controller.counts.is_listening)
                wait_for(lambda: self._is_heard(controller))
                yield controller

    def _is_heard(self, controller: Controller) -> bool:
        """Tell whether a controller hears events: nobody keeps those for a session that is not there yet."""
        self.probes += 1
        self.sender.say(EVENT, device="probe")
        return controller.counts.committed > 0

    def numbers(self, device: str = "a") -> list[int]:
        """Give the numbers of the events that are in the store."""
        return [record.event.n for record in self.store.events(device, limit=10_000)]

    def close(self) -> None:
        self.sender.close()
        self.database.close()


@contextmanager
def running(controller: Controller) -> Iterator[None]:
    """Run a controller in a thread, as ``serve`` does."""
    stop = threading.Event()
    thread = threading.Thread(target=controller.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
