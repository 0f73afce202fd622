"""A unit with releases to be tried beside one another: of real models, and of fake ones that do as bad ones do."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import yaml
from fakes.planned import FREE, make_host, make_profile

from edgefuse.config.manifest import Manifest, ModelFile, Source, Task, TensorSpec, Variant
from edgefuse.config.profile import OperatingPoint, RuntimeRule
from edgefuse.planning.candidate import make_setup
from edgefuse.store.release import Release, save_release
from edgefuse.store.state import GoldenCheck, update_state
from edgefuse.store.store import Store

PROFILE, FAKE_PROFILE = "tried", "tried-fake"
"""Boards with and without a runtime for real models."""
SIZE_PX = 128
LADDER = tuple(OperatingPoint(effect_px=px, detect_px=SIZE_PX, rate_hz=30.0, detect_every=5) for px in (256, 192))
NOBODY = -10.0
"""Logit of no face."""
_OUTPUTS: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    "detect_faces": ("blazeface", {"boxes": (1, 896, 16), "logits": (1, 896, 1)}),
    "track_faces": ("facemesh", {"mesh": (1, 1, 1, 1404), "logit": (1, 1, 1, 1)}),
}


class TriedUnit:
    """Its root; release 0 is what ships."""

    def __init__(self, root: Path, shared: Path) -> None:
        """Set it up.

        Args:
            root: In force while it is used.
            shared: Root with real models and what is known of them.
        """
        state, known = (folder / "var/lib/edgefuse" for folder in (root, shared))
        self.store, self._real = Store(state / "store"), Store(known / "store")
        self._state = state / "state.json"
        state.mkdir(parents=True)
        if (known / "state.json").exists():
            shutil.copy(known / "state.json", self._state)
        devices = root / "etc/edgefuse/devices.d"
        devices.mkdir(parents=True)
        for profile_id, runtimes in ((PROFILE, ("tflite", "fake")), (FAKE_PROFILE, ("fake",))):
            rules = [RuntimeRule(id=runtime, threads=1) for runtime in runtimes]
            profile = make_profile(*rules, id=profile_id, sample=make_host(*runtimes))
            profile = msgspec.structs.replace(profile, ladder=LADDER)
            (devices / f"{profile_id}.yaml").write_text(yaml.safe_dump(msgspec.to_builtins(profile)))

    def add_real(self, release_id: str, manifests: Sequence[Manifest], **settings: dict[str, str]) -> Release:
        """Keep a release of shipped models."""
        for file in (file for manifest in manifests for variant in manifest.variants for file in variant.files):
            place = self.store.path(file.sha256)
            if self._real.has(file.sha256) and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(self._real.path(file.sha256))
        release = Release(id=release_id, counter=1, manifests=tuple(manifests), settings=settings)
        save_release(self.store, release)
        return release

    def add_fake(self, release_id: str, **flaws: object) -> Release:
        """Keep a release of fake models that see nobody, and whose detector has flaws (``edgefuse.runtimes.fake``)."""
        detector, tracker = self.fake_model("detect_faces", **flaws), self.fake_model("track_faces")
        release = Release(id=release_id, counter=1, manifests=(detector, tracker))
        save_release(self.store, release)
        return release

    def fake_model(self, task: Task, **flaws: object) -> Manifest:
        """Keep a model that sees nobody; it has passed its golden check."""
        decoder, shapes = _OUTPUTS[task]
        logits = [{"name": name, "shape": shape, "gain": 0.0, "offset": NOBODY} for name, shape in shapes.items()]
        image = {"name": "image", "shape": [1, SIZE_PX, SIZE_PX, 3]}
        content = json.dumps({"inputs": [image], "outputs": logits, **flaws}).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        file = ModelFile(name="net.json", sha256=sha256, size_bytes=len(content), source=Source(file="/nowhere"))
        self.store.add([content], file)
        variant = Variant(
            id="fake",
            format="fake",
            precision="fp32",
            size_px=SIZE_PX,
            files=(file,),
            inputs=(TensorSpec(name="image", shape=(1, SIZE_PX, SIZE_PX, 3), layout="nhwc", colour="rgb"),),
            outputs=tuple(TensorSpec(name=name, shape=shape) for name, shape in shapes.items()),
            memory_mb=1,
        )
        self._pass(variant)
        return Manifest(
            id=f"fake-{task[:5]}", title="Nobody", task=task, decoder=decoder, licence=FREE, variants=(variant,)
        )

    def _pass(self, variant: Variant) -> None:
        setup = make_setup(variant, "fake", "1", "cpu", 1)
        update_state(
            self._state, lambda state: state.with_check(GoldenCheck(setup=setup, checked_at="2026-11-20T12:00:00Z"))
        )
