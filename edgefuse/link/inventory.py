"""What a device is and what was decided for it, in the link's words."""

from __future__ import annotations

from collections.abc import Mapping

from edgefuse.config.host import Host, RuntimeFact
from edgefuse.link.messages import Inventory
from edgefuse.planning.plan import Choice, Plan, Rejection


def make_inventory(t: str, host: Host, board: str, runtimes: tuple[RuntimeFact, ...], plan: Plan) -> Inventory:
    """Say what a unit is and runs.

    Args:
        t: Wall time.
        host: Facts of the unit.
        board: Its name for people.
        runtimes: As they were found on it.
        plan: Whose choices and rejections are told.
    """
    facts = {"arch": host.arch, "os": host.os, "python": host.python, "cores": host.cores, "memory_mb": host.memory_mb}
    return Inventory(
        t=t,
        profile=plan.profile,
        board=board,
        host={name: str(fact) for name, fact in facts.items() if fact},
        runtimes={fact.id: fact.version if fact.is_usable else fact.reason for fact in runtimes},
        choices={_key(choice): _name(choice) for choice in plan.choices},
        rejections=_group(plan.rejections),
        passed_over={_key(c): tuple(map(_explain, c.passed_over)) for c in plan.choices if c.passed_over},
    )


def _key(choice: Choice) -> str:
    return f"{choice.task} {choice.size_px}"


def _name(choice: Choice) -> str:
    return f"{choice.model} {choice.variant} on {choice.runtime} {choice.target}"


def _explain(rejection: Rejection) -> str:
    return f"{rejection.model} {rejection.variant} on {rejection.runtime} {rejection.target}: {rejection.reason}"


def _group(rejections: tuple[Rejection, ...]) -> Mapping[str, tuple[str, ...]]:
    grouped: dict[str, tuple[str, ...]] = {}
    for rejection in rejections:
        line = f"{rejection.variant} on {rejection.runtime}: {rejection.reason}"
        grouped[rejection.model] = (*grouped.get(rejection.model, ()), line)
    return grouped
