"""What a deployment asks for; who performs it answers with an event that bears the same ``seq``."""

from __future__ import annotations

from dataclasses import dataclass

from edgefuse.ota.deployment import Deployment, Step


@dataclass(frozen=True, slots=True)
class Work:
    """Do the work of a step, from the beginning or from where it was left: after a restart it is asked for again."""

    step: Step
    seq: int
    deployment: Deployment
    """As the journal has it, but for when it began."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End what was asked for before: helpers are ended, the worker goes back to the current release."""


Action = Work | Stop
