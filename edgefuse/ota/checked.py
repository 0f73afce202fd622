"""The check of a release before it sees a frame: how it is asked for, what it says, and what follows from that.

The supervisor starts ``check_command`` and reads one JSON line, a ``CheckReport``, from the descriptor that it names.
The process opens no model itself but looks after children that do, so it has something to say whatever becomes of them.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgefuse.interpreter import module_command
from edgefuse.ota.events import Checked, Failed, Fault

LIMIT_S = 900.0
"""What each model may take; TensorRT builds an engine for minutes on a small board."""
MAX_REPORT_BYTES = 1 << 20
_STAGES_MB = 20
"""What the stages of a second pipeline hold beside its models."""


class CheckedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model that was opened and gave what it should."""

    task: str
    model: str
    variant: str
    runtime: str
    target: str
    deviation: float | None
    """Largest difference from the golden outputs; nothing where this very setup had passed before."""
    run_ms: float
    """Median time of a run, beside whatever else this unit was doing."""


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the check of a release says."""

    error: str = ""
    """Why the release must not be tried; empty where it may."""
    fault: Fault = "failed"
    """Whose that is: ``bad rejected`` the release's, ``failed`` this unit's."""
    models: tuple[CheckedModel, ...] = ()
    needs_mb: int = 0
    """What its models hold beside those that run now, at the most while they are opened."""
    refused: tuple[str, ...] = ()
    """Limits that the kernel here does not set."""


def check_command(
    python: str,
    release: Path,
    answer: int,
    *,
    profile: str | None = None,
    memory_mb: int | None = None,
    limit_s: float = LIMIT_S,
) -> list[str]:
    """Give the command that checks a release.

    Args:
        python: Interpreter of the worker.
        release: Description in the store.
        answer: Inherited descriptor that the report is written to.
        profile: Profile to use in place of the one that matches.
        memory_mb: What the worker may use, in place of what the profile says.
        limit_s: What each model may take.
    """
    options = ["--check-release", str(release), "--answer", str(answer), "--limit-s", f"{limit_s:g}"]
    if profile is not None:
        options += ["--profile", profile]
    if memory_mb is not None:
        options += ["--memory-mb", str(memory_mb)]
    return module_command(python, "edgefuse.worker", *options)


def read_report(said: bytes, how_ended: str) -> CheckReport:
    """Give what the check said; without a report, somebody ended it, which says nothing about the release.

    Args:
        said: What stood at the descriptor when the process had ended.
        how_ended: In words, ``exit code 1``, ``SIGKILL``.
    """
    try:
        return msgspec.json.decode(said, type=CheckReport)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return CheckReport(error=f"the check ended without a report: {how_ended}")


def conclude(seq: int, report: CheckReport, room_mb: float) -> Checked | Failed:
    """Turn a report into the answer to the work of SELFTEST.

    Args:
        seq: Of the ``Work``.
        report: Of its check.
        room_mb: What the worker that runs may still take.
    """
    if report.error:
        return Failed(seq, report.error, report.fault)
    return Checked(seq, needs_restart=report.needs_mb + _STAGES_MB > room_mb)
