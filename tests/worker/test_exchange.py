"""Another pipeline between two frames."""

from __future__ import annotations

from collections import Counter

from fakes.streams import FakeSink, FakeSource, FakeStage, sleeping

from edgefuse.config.profile import OperatingPoint
from edgefuse.vision.pipeline import NamedStage, Pipeline
from edgefuse.vision.types import Packet
from edgefuse.worker.loop import Loop

LADDER = (OperatingPoint(effect_px=256, detect_px=128, rate_hz=1000.0, detect_every=1),)
FRAMES = 60
CHANGE_AT = 20


def test_a_frame_goes_through_one_pipeline_and_none_is_lost() -> None:
    went: list[tuple[int, str]] = []

    def make(name: str) -> Pipeline:
        def note(packet: Packet) -> Packet:
            went.append((packet.frame.index, name))
            if packet.frame.index == CHANGE_AT and name == "old":
                loop.set_pipeline(new)
            return sleeping([0.001])(packet)

        return Pipeline((NamedStage("find", FakeStage(note)),), (NamedStage(name, FakeStage(note)),))

    old, new = make("old"), make("new")
    source, sink = FakeSource(FRAMES), FakeSink()
    loop = Loop(source, source.open(), sink, old, LADDER)
    loop.run(lambda _: None, interval_s=0.01)
    assert sink.indices == list(range(FRAMES))
    assert set(Counter(went).values()) == {2}  # find and compose
    names = [name for _, name in sorted(set(went))]
    assert len(names) == FRAMES
    assert names == sorted(names, reverse=True)  # old, and from some frame on new
    assert loop.delivered_by is new
    assert {"find", "old", "new"} <= set(loop.stage_times)
