"""What several commands share: probing this unit with a progress bar, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NoReturn

from tqdm import tqdm

from edgefuse.config.host import Host
from edgefuse.config.profile import Profile, choose_profile, find_profile, load_profiles
from edgefuse.planning.probe import probe_host, runtimes_to_probe


def probe_unit(profile_id: str | None = None) -> tuple[Profile, Host]:
    """Probe this unit, and give the profile of that id, else the one that matches.

    Raises:
        ConfigError: There is no such profile, or none matches.
    """
    named = find_profile(profile_id) if profile_id is not None else None
    host = probe_with_bar(named)
    return named or choose_profile(load_profiles().values(), host), host


def probe_with_bar(profile: Profile | None = None) -> Host:
    """Probe this unit; on a terminal a bar counts the runtimes."""
    with probing_bar() as bar:
        if profile is not None:
            bar.total = len(runtimes_to_probe(profile))
        return probe_host(profile=profile, on_probed=lambda _: bar.update())


def probing_bar() -> tqdm[NoReturn]:
    """Make a bar, for a terminal only, that counts runtimes."""
    return tqdm(desc="probing runtimes", unit="runtime", disable=None, leave=False)


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Align the columns of rows of equal length."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_format_row(row, widths) for row in rows)


def _format_row(row: Sequence[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
