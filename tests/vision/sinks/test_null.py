"""The sink that keeps nothing."""

import pytest

from edgefuse.errors import SinkError
from edgefuse.vision.sink import make_sink
from tests.fakes.clips import quarters, write_all


def test_it_takes_everything_at_any_pace() -> None:
    sink = make_sink("null")
    write_all(sink, [(quarters(), 0), (quarters(9, 9), 1)])
    assert not sink.is_live


def test_it_has_no_options() -> None:
    with pytest.raises(SinkError, match=r"^cannot open null:out\.mp4: it has no options; write it as null$"):
        make_sink("null:out.mp4")
