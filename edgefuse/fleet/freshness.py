"""How long a report counts, which of two is newer, and which two are of one moment."""

from __future__ import annotations

from edgefuse.link.cadence import PERIODS_S
from edgefuse.link.messages import Deployment, PipelineReport, State, SystemReport

MISSED_REPORTS = 3
"""So many in a row make a device silent; reports are sent once, and one may be lost."""


def find_period_s(state: State | None) -> float:
    """Give the time between a device's reports; a watch makes it shorter and ends at any time, so it does not count."""
    return PERIODS_S["metered" if state is not None and state.mode == "metered" else "normal"]


def is_overdue(state: State | None, age_s: float) -> bool:
    """Tell whether the newest report is so old that nobody knows any more how the device is."""
    return age_s > MISSED_REPORTS * find_period_s(state)


def is_newer(report: SystemReport | PipelineReport, before: SystemReport | PipelineReport | None) -> bool:
    """Tell news from what a device kept while it was offline; its clock may be set back, and its count begins anew."""
    return before is None or report.t >= before.t or report.n > before.n


def is_newer_deployment(report: Deployment, before: Deployment | None) -> bool:
    """Likewise: bytes come without a new number, and a device that was set up anew counts from the beginning."""
    return before is None or report.seq >= before.seq or report.t > before.t


def is_paired(pipeline: PipelineReport, system: SystemReport) -> bool:
    """Tell whether a pipeline ran at the newest report: both have one number, and one of them may be on its way."""
    return abs(pipeline.n - system.n) <= 1
