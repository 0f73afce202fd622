"""Having a release checked by a process of its own, under the worker's interpreter, before it sees a frame."""

from __future__ import annotations

import asyncio
import os

from edgefuse.errors import EdgefuseError
from edgefuse.ota.actions import Work
from edgefuse.ota.checked import MAX_REPORT_BYTES, check_command, conclude, read_report
from edgefuse.ota.events import Checked, Failed
from edgefuse.ota.moves import LIMITS_S
from edgefuse.store.release import release_path
from edgefuse.store.store import Store
from edgefuse.supervisor.children import Children, describe_end
from edgefuse.supervisor.steering import Steering
from edgefuse.supervisor.supervision import Supervision


async def check_release(
    work: Work, children: Children, steering: Steering, supervision: Supervision, store: Store
) -> Checked | Failed:
    """Do the work of SELFTEST; where nobody waits for it any more, the process is ended."""
    unit, wanted = steering.unit, steering.wanted
    if unit is None or wanted is None:
        return Failed(work.seq, "cannot check the release: the configuration of this unit cannot be read")
    report = os.memfd_create("edgefuse-report")
    try:
        command = check_command(
            unit.python(),
            release_path(store, work.deployment.release),
            report,
            profile=unit.site.profile,
            memory_mb=unit.site.memory_mb,
        )
        code = await children.run(command, LIMITS_S["SELFTEST"][1], inherit=(report,))
        said = os.pread(report, MAX_REPORT_BYTES, 0)
    except asyncio.TimeoutError:  # first, as it is an OSError from Python 3.11 on
        return Failed(work.seq, "the check of the release did not come to an end")  # a model that hangs is told apart
    except (OSError, EdgefuseError) as e:
        return Failed(work.seq, f"cannot check the release: {e}")
    finally:
        os.close(report)
    held_mb = supervision.beat.rss_mb if supervision.beat else 0.0
    return conclude(work.seq, read_report(said, describe_end(code)), wanted.memory_mb - held_mb)
