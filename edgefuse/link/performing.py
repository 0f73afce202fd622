"""Having the daemon do what an operator asked for: bounded in time, and every failure an outcome."""

from __future__ import annotations

import asyncio
import logging

from edgefuse.errors import EdgefuseError
from edgefuse.link.commands import DEFAULT_LIMIT_S, LIMITS_S, Action, Outcome, Port

logger = logging.getLogger(__name__)


async def perform(port: Port, action: Action) -> Outcome:
    """Do it, in the daemon's loop, and say what came of it."""
    limit_s = LIMITS_S.get(type(action), DEFAULT_LIMIT_S)
    try:
        return await asyncio.wait_for(port.perform(action), limit_s)
    except asyncio.TimeoutError:
        return Outcome(is_done=False, reason=f"it took longer than {limit_s:.0f} s")
    except EdgefuseError as e:
        return Outcome(is_done=False, reason=str(e))
    except Exception:  # a defect in one command must not cost the link, nor leave its sender without an answer
        logger.exception("command failed action=%s", type(action).__name__)
        return Outcome(is_done=False, reason="edgefuse failed at it; its journal says how")
