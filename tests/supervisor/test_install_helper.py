"""The install helper as the supervisor starts it, where it ends while chunks still come."""

from __future__ import annotations

import asyncio
import os
import signal

from edgefuse.config.updates import UpdateSettings
from edgefuse.ota.deployment import Deployment
from edgefuse.ota.events import Failed
from edgefuse.ota.wire import Job
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.install_helper import MAX_UNSENT_BYTES, InstallHelper

JOB = Job(
    step="REFRESH",
    seq=7,
    deployment=Deployment(id="d1", release="one", step="REFRESH"),
    settings=UpdateSettings(),
    trusted_time=None,
    profile=None,
    memory_mb=None,
)


def test_chunks_for_a_helper_that_died_are_dropped() -> None:
    async def outlive() -> None:
        children = Children()
        children.watch(asyncio.get_running_loop())
        helper = InstallHelper(children, JOB, lambda _: None, lambda _: None)
        os.kill(helper.pid, signal.SIGSTOP)
        for _ in range(2 * MAX_UNSENT_BYTES >> 16):
            helper.take_chunk(bytes(1 << 16))  # more than waits
        os.kill(helper.pid, signal.SIGKILL)
        answer = await helper.finish()
        assert isinstance(answer, Failed) and answer.fault == "later"
        helper.take_chunk(bytes(1 << 16))

    asyncio.run(outlive())
