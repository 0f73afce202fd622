"""Heat of accelerators that only their runtime can ask, such as the Neural Compute Stick."""

from __future__ import annotations

from edgefuse import registry
from edgefuse.planning.plan import Plan
from edgefuse.runtime import Runtime


def read_temps_c(plan: Plan) -> dict[str, float]:
    """Read the accelerators of a plan, by target; a processor's heat is the supervisor's to read."""
    temps_c: dict[str, float] = {}
    for name in {choice.runtime for choice in plan.choices if choice.target != "cpu"}:
        runtime: Runtime = registry.load("edgefuse.runtimes", name)
        temps_c.update(runtime.read_temps_c())
    return temps_c
