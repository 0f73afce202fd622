"""Having work that waits done in a thread, which ends with the process whatever it waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def call_in_thread(work: Callable[[], T]) -> T:
    """Give what ``work`` gives, or raise what it raises.

    asyncio and its kin wait at the end of a process for all their threads; a command may take half an hour.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():  # who asked is gone
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # is of that type where there is no error

    def run() -> None:
        try:
            result, error = work(), None
        except BaseException as e:  # raised again where it is waited for
            result, error = None, e
        with suppress(RuntimeError):  # the loop has ended, and with it who asked
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=run, name="console-work", daemon=True).start()
    return await future
