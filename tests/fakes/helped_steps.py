"""Steps of the install helper, done in this process: of a release ``two`` with another detector."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fakes.helped_unit import DETECTOR, HelpedUnit

from edgefuse.ota.deployment import Step
from edgefuse.ota.events import Failed, Progressed
from edgefuse.ota.fetching import open_fetcher
from edgefuse.ota.helper import Helper
from edgefuse.ota.parts import Part, parts_folder
from edgefuse.ota.wire import HelperAnswer

NEW = DETECTOR + b"and what it has learned since" * 200


class Doing:
    """Does steps in this process, on a unit for which release ``two`` was published."""

    def __init__(self, unit: HelpedUnit, **keys: object) -> None:
        self.unit = unit
        self.two = unit.publish("two", 2, NEW, **keys)
        self.progress: list[Progressed] = []

    def do(self, *steps: Step, **changes: object) -> HelperAnswer:
        """Do steps, and give the last answer."""
        for step in steps:
            job = self.unit.make_job(step, "two", **changes)
            answer = Helper(job, open_fetcher(self.unit.settings.repository), self.progress.append).run()
        return answer

    def fail(self, *steps: Step, **changes: object) -> tuple[str, str]:
        """Do steps of which the last fails; give whose fault that is, and why."""
        failed = self.do(*steps, **changes)
        assert isinstance(failed, Failed)
        return failed.fault, failed.reason

    @property
    def published(self) -> Path:
        """Where the repository has the new detector."""
        return self.unit.site.published / "targets/models/detect_faces" / self.sha256

    @property
    def sha256(self) -> str:
        """Of the new detector."""
        return hashlib.sha256(NEW).hexdigest()

    @property
    def part(self) -> Part:
        """What has come of it."""
        return Part(parts_folder(self.unit.store), self.sha256)

    @property
    def delta(self) -> Part:
        """What has come of a delta from the old one."""
        return Part(parts_folder(self.unit.store), self.sha256, hashlib.sha256(DETECTOR).hexdigest())

    @property
    def published_delta(self) -> Path:
        """Where the repository has it."""
        return self.published.with_name(f"{self.sha256}.from.{self.delta.base_sha256}")
