"""``edgefuse update``: which release is on its way to this unit, what came of those before, and ending one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import msgspec

from edgefuse.cli._sheet import lay_out
from edgefuse.cli._supervisor import get_status, tell
from edgefuse.cli._words import printable, show_deployment, show_time
from edgefuse.command import Command
from edgefuse.errors import EdgefuseError
from edgefuse.ota.deployment import Deployment
from edgefuse.ota.gates import Finding
from edgefuse.supervisor.control import CancelUpdate, DeploymentStatus, GetHistory, History, Refused, ask


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    def add(name: str, about: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=about, description=about, epilog=f"example: edgefuse update {name}")

    status = add("status", "tell how the newest deployment stands, and what was measured on trial")
    status.add_argument("--json", action="store_true", help="print JSON; null where there was none")
    status.set_defaults(action=_show_status)

    history = add("history", "tell what was installed here, the newest first, and what is not started again")
    history.add_argument("--json", action="store_true", help="print JSON")
    history.set_defaults(action=_show_history)

    cancel = add("cancel", "end the deployment that is under way; what ran before goes on")
    cancel.add_argument("--reason", default="", help="why, for whoever reads the history")
    cancel.set_defaults(action=_cancel)


def _run(options: argparse.Namespace) -> int:
    code: int = options.action(options)
    return code


def _show_status(options: argparse.Namespace) -> int:
    status = get_status().deployment
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(status), indent=1).decode())
    else:
        print(describe(status) if status is not None else "nothing was ever to be installed here")
    return 0


def _show_history(options: argparse.Namespace) -> int:
    reply = ask(GetHistory())
    if not isinstance(reply, History):
        raise EdgefuseError(f"cannot get the history: {reply.reason if isinstance(reply, Refused) else reply}")
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(reply), indent=1).decode())
    else:
        print(describe_history(reply))
    return 0


def _cancel(options: argparse.Namespace) -> int:
    tell(CancelUpdate(reason=options.reason))
    return 0


def describe(status: DeploymentStatus) -> str:
    """Give how a deployment stands as people read it."""
    return lay_out(_rows(status))


def _rows(status: DeploymentStatus) -> Iterator[tuple[str, Iterator[str]]]:
    deployment = status.deployment
    yield "release", iter([f"{deployment.release} (deployment {deployment.id})"])
    yield "state", _state(status)
    yield "times", _times(deployment)
    yield "gates", (_show_finding(finding) for finding in status.findings)


def _state(status: DeploymentStatus) -> Iterator[str]:
    yield show_deployment(status)
    if status.deployment.needs_restart:
        yield "memory does not hold both releases: the worker starts anew for the trial"


def _times(deployment: Deployment) -> Iterator[str]:
    end = f", ended {show_time(deployment.ended_at)}" if deployment.ended_at else ""
    yield f"begun {show_time(deployment.begun_at)}{end}"


def _show_finding(finding: Finding) -> str:
    return f"{finding.gate} {finding.verdict}: {finding.text}"


def describe_history(history: History) -> str:
    """Give the history as people read it, the newest first."""
    lines = [_tell(deployment) for deployment in reversed(history.deployments)]
    lines += [f"not started again: release {bad.release}, {bad.content[:12]}: {bad.reason}" for bad in history.bad]
    return "\n".join(printable(text) for text in lines) or "nothing was ever to be installed here"


def _tell(deployment: Deployment) -> str:
    at = show_time(deployment.ended_at or deployment.begun_at)
    reason = f": {deployment.reason}" if deployment.reason else ""
    return f"{at} {deployment.state:<11} release {deployment.release} (deployment {deployment.id}){reason}"


PLUGIN = Command(
    help="tell which release is on its way to this unit, what came of those before, or end one",
    example="edgefuse update status",
    add_arguments=_add_arguments,
    run=_run,
)
