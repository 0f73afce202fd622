"""The plan: which model variant runs on which runtime, and why each other option does not."""

from __future__ import annotations

from typing import Literal

import msgspec


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One variant on one runtime that will be used for a task."""

    task: str
    model: str
    variant: str
    size_px: int
    precision: str
    runtime: str
    target: str
    threads: int
    basis: Literal["expected", "measured"]
    """Whether the order among the possible choices was measured on this unit or is what the profile expects."""
    p50_ms: float | None = None
    """Median time of one run, where it was measured."""
    reason: str = ""


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """One variant on one runtime that will not be used."""

    task: str
    model: str
    variant: str
    runtime: str
    target: str
    reason: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What will run here."""

    v: int = 1
    profile: str
    release: str
    worker_python: str | None = None
    choices: tuple[Choice, ...]
    rejections: tuple[Rejection, ...]
