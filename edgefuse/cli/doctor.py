"""``edgefuse doctor``: what this unit is, what is wrong with it, and the command that mends it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any  # builtins between a struct and YAML

import msgspec
import yaml

from edgefuse.cli._unit import format_table, probe_with_bar
from edgefuse.command import Command
from edgefuse.config.host import Host, RuntimeFact, ZoneFact
from edgefuse.config.profile import Profile
from edgefuse.errors import PlanError
from edgefuse.planning.cameras import video_nodes
from edgefuse.planning.diagnosis import Findings, Problem, diagnose
from edgefuse.planning.plan import Plan
from edgefuse.planning.probe import matching_profile
from edgefuse.planning.proof import plan_unit
from edgefuse.store.release import current_release
from edgefuse.store.state import load_state, state_path
from edgefuse.store.store import open_store


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    is_healthy: bool
    """The main job can run."""
    profile: str | None
    host: Host
    problems: tuple[Problem, ...]
    plan: Plan | None


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print JSON")
    forms.add_argument("--sample", action="store_true", help="print the facts as the `sample:` of a new profile")


def _run(options: argparse.Namespace) -> int:
    host = probe_with_bar()
    if options.sample:
        print(format_sample(host), end="")
        return 0
    profile = matching_profile(host)
    findings, made = _examine(host, profile)
    problems = diagnose(findings)
    report = Report(
        is_healthy=not any(problem.is_blocking for problem in problems),
        profile=profile.id if profile else None,
        host=host,
        problems=problems,
        plan=made,
    )
    print(msgspec.json.format(msgspec.json.encode(report), indent=1).decode() if options.json else describe(report))
    return 0 if report.is_healthy else 1


def _examine(host: Host, profile: Profile | None) -> tuple[Findings, Plan | None]:
    """Try to plan, and look at what the plan needs."""
    nodes = video_nodes(Path("/"))
    locked = tuple(str(node) for node in nodes if not os.access(node, os.R_OK | os.W_OK))
    findings = Findings(host=host, profile=profile, locked_cameras=locked)
    if profile is None:
        return findings, None
    store = open_store()
    release = current_release(store)
    try:
        made = plan_unit(profile, release, host, store, load_state(state_path()))
    except PlanError as e:
        return msgspec.structs.replace(findings, plan_failure=str(e)), None
    chosen = [c for c in made.choices if not store.has_variant(release.find(c.model, c.variant))]
    needed = tuple(dict.fromkeys(c.model for c in chosen if not release.manifest(c.model).is_optional))
    return msgspec.structs.replace(findings, missing_models=needed), made


def format_sample(host: Host) -> str:
    """Give the facts as YAML for a profile: what is there and works."""
    usable = tuple(fact for fact in host.runtimes if fact.is_usable)
    facts = _without_empty(msgspec.to_builtins(msgspec.structs.replace(host, runtimes=usable)))
    return yaml.safe_dump({"sample": facts}, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)


def _without_empty(facts: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is a default anyway, in the facts about runtimes and zones too."""
    kept = {key: value for key, value in facts.items() if value and key != "is_usable"}
    for key in ("runtimes", "zones"):
        if key in kept:
            kept[key] = [_without_empty(fact) for fact in kept[key]]
    return kept


def describe(report: Report) -> str:
    """Give the report as people read it."""
    host = report.host
    limit = f", {host.memory_limit_mb} MB allowed" if host.memory_limit_mb is not None else ""
    rows = [
        ("board", f"{host.board or 'unknown'} ({host.arch}, {host.cores} cores, {host.memory_mb} MB{limit})"),
        ("system", f"{host.os}, Python {host.python}, glibc {host.glibc or 'none'}"),
        ("profile", report.profile or "none matches"),
        ("runtimes", "; ".join(_describe_runtime(fact) for fact in host.runtimes if fact.is_usable) or "none"),
        ("gpus", ", ".join(host.gpus) or "none"),
        ("cameras", ", ".join(host.cameras) or "none"),
        ("zones", ", ".join(map(_describe_zone, host.zones)) or "none"),
    ]
    if report.plan is not None:
        rows += [
            ("plan", f"{c.task} at {c.size_px} px: {c.model} on {c.runtime} {c.target}") for c in report.plan.choices
        ]
    problems = [f"{'!' if p.is_blocking else '-'} {p.text}\n    {p.remedy}" for p in report.problems]
    verdict = (
        "edgefuse can run here" if report.is_healthy else "edgefuse cannot run here before what is marked ! is mended"
    )
    return "\n\n".join([format_table(rows), *problems, verdict])


def _describe_runtime(fact: RuntimeFact) -> str:
    return f"{fact.id} {fact.version} on {', '.join(fact.targets)}"


def _describe_zone(zone: ZoneFact) -> str:
    return f"{zone.name} {'?' if zone.temp_c is None else f'{zone.temp_c:.1f}'} C"


PLUGIN = Command(
    help="tell what this unit has, what is wrong with it, and what mends it",
    example="edgefuse doctor",
    add_arguments=_add_arguments,
    run=_run,
)
