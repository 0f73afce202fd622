"""One ``edgefuse up`` from its start to its end: broker, then what connects to it; the other way round at the end."""

from __future__ import annotations

import asyncio
import fcntl
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from edgefuse import disk, paths
from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.control import Status
from edgefuse.up.keeper import Keeper
from edgefuse.up.parts import Part, ask_status

LOOK_S = 0.5
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The last comes when its terminal is closed."""


@contextmanager
def claimed() -> Iterator[None]:
    """Keep every other ``edgefuse up`` out of this folder.

    Raises:
        EdgefuseError: One is there, or a supervisor that somebody started alone.
    """
    path = paths.run_dir() / "up.lock"
    with disk.writing(path):
        file = path.open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise EdgefuseError(
                f"cannot bring edgefuse up: it is up in {paths.root()} already (edgefuse status); Ctrl-C there ends it"
            ) from e
        if ask_status() is not None:
            raise EdgefuseError(
                f"cannot bring edgefuse up: a supervisor runs in {paths.root()} already (edgefuse status); end it first"
            )
        yield


async def run(
    parts: Sequence[Part], tell: Callable[[str], None], show: Callable[[Status], None], *, is_verbose: bool
) -> None:
    """Run programs in this order until SIGINT, SIGTERM or SIGHUP, and end them in the other.

    Args:
        parts: What to run.
        tell: Gets what happens to them, in words.
        show: Gets the supervisor's status, again and again.
        is_verbose: All that they say goes to stderr.

    Raises:
        EdgefuseError: One cannot be started, or ends again and again.
    """
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[None] = loop.create_future()
    children = Children()
    children.watch(loop)
    for number in _ENDING:
        loop.add_signal_handler(number, ending.cancel)
    keepers = [Keeper(part, children, tell, is_verbose=is_verbose) for part in parts]
    work = asyncio.create_task(_work(keepers, show))
    ends = [ending, work, *(keeper.failed for keeper in keepers)]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends[1:]:
            if end.done():
                end.result()
        tell("ending")
    finally:
        work.cancel()
        for keeper in reversed(keepers):
            await keeper.stop()


async def _work(keepers: Sequence[Keeper], show: Callable[[Status], None]) -> None:
    for keeper in keepers:
        await keeper.start()
    while True:
        status = await asyncio.to_thread(ask_status)
        if status is not None:  # else it may just be starting again
            show(status)
        await asyncio.sleep(LOOK_S)
