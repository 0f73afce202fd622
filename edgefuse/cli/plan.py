"""``edgefuse plan``: what runs here and why, or what would run on another kind of board."""

from __future__ import annotations

import argparse

import msgspec

from edgefuse.cli._unit import format_table, probe_unit
from edgefuse.command import Command
from edgefuse.config.profile import find_profile
from edgefuse.planning.plan import Plan, Rejection, plan
from edgefuse.planning.proof import plan_unit
from edgefuse.store.release import current_release
from edgefuse.store.state import load_state, state_path
from edgefuse.store.store import open_store


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", metavar="ID", help="plan for a board of this kind from its sample facts, in place of this unit"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(options: argparse.Namespace) -> int:
    made = _plan_board(options.profile) if options.profile else _plan_here()
    print(msgspec.json.format(msgspec.json.encode(made), indent=1).decode() if options.json else describe(made))
    return 0


def _plan_board(profile_id: str) -> Plan:
    """Plan from a profile's sample, as if every file that can be made were there."""
    profile = find_profile(profile_id)
    return plan(profile, current_release(open_store()), profile.sample)


def _plan_here() -> Plan:
    store = open_store()
    release = current_release(store)
    profile, host = probe_unit()
    return plan_unit(profile, release, host, store, load_state(state_path()))


def describe(made: Plan) -> str:
    """Give a plan as people read it: the choices, then the rejections of each task by reason."""
    parts = [f"profile {made.profile}, release {made.release}", _describe_choices(made)]
    for task in dict.fromkeys(rejection.task for rejection in made.rejections):
        parts.append(_describe_rejections(task, [r for r in made.rejections if r.task == task]))
    return "\n\n".join(parts)


def _describe_choices(made: Plan) -> str:
    rows = [("task", "px", "model", "variant", "runs on", "threads", "basis", "why")]
    for choice in made.choices:
        speed = f" {choice.p50_ms:.2f} ms" if choice.p50_ms is not None else ""
        place = f"{choice.runtime} {choice.target}"
        basis = f"{choice.basis}{speed}"
        size, threads = str(choice.size_px), str(choice.threads)
        rows.append((choice.task, size, choice.model, choice.variant, place, threads, basis, choice.reason))
    return format_table(rows)


def _describe_rejections(task: str, rejections: list[Rejection]) -> str:
    """Put those with the same reason together, and variants of one model on one runtime on one line."""
    lines = [f"not chosen for {task}:"]
    for reason in dict.fromkeys(rejection.reason for rejection in rejections):
        lines.append(f"  {reason}:")
        variants: dict[tuple[str, str], list[str]] = {}
        for rejection in rejections:
            if rejection.reason == reason:
                place = f"{rejection.runtime} {rejection.target}"
                variants.setdefault((rejection.model, place), []).append(rejection.variant)
        lines += [f"    {model} {', '.join(of_model)} on {place}" for (model, place), of_model in variants.items()]
    return "\n".join(lines)


PLUGIN = Command(
    help="tell which model runs on which runtime, and why each other option does not",
    example="edgefuse plan --profile raspberry-pi-5",
    add_arguments=_add_arguments,
    run=_run,
)
