"""The comparison with MediaPipe: its arithmetic, and the bar that edgefuse is not slower."""

from pathlib import Path

import numpy as np
import pytest
from benching import make_clip
from benching.compare import Comparison, Spread, describe, measure, sum_up
from benching.comparing import TIMING, Block
from benching.peer import MediaPipe
from converting.errors import ConvertError

from edgefuse.cli._plan import probe_board
from edgefuse.store.store import Store

FRAMES = 240
TRIES = 3


def timings(times_ms: list[float], is_found: list[bool]) -> np.ndarray:
    made = np.zeros(len(times_ms), TIMING)
    made["wall_s"] = made["cpu_s"] = np.array(times_ms) / 1e3
    made["is_found"], made["alone_s"] = is_found, 0.5e-3
    return made


def block(ours: np.ndarray, theirs: np.ndarray, whole_s: float = 1.0) -> Block:
    return Block(ours, ours, theirs, whole_s, whole_s)


def test_ratio_is_of_a_whole_block_and_overhead_of_its_median_frame() -> None:
    blocks = [block(timings([1, 1, 4], [True] * 3), timings([3, 3, 3], [True] * 3), whole_s=0.018)]
    comparison = sum_up(blocks, "a.mp4", (4, 3), ("a",))
    found = comparison.one_face
    assert (found.ratio.median, found.overhead.median, found.overhead_in_all) == pytest.approx((1.5, 2.0, 4.0))
    assert (comparison.fuse_mesh.ratio.median, comparison.fuse_mesh.frame_ms) == pytest.approx((0.5, 6.0))


def test_only_frames_that_mediapipe_answers_are_asked_for() -> None:
    blocks = [block(timings([1] * 4, [True, False, True, True]), timings([2] * 4, [True, True, True, False]))]
    comparison = sum_up(blocks, "a.mp4", (4, 3), ("a",))
    assert comparison.one_face.answered == pytest.approx(2 / 3)
    assert "66.7%" in describe(comparison)


@pytest.mark.parametrize(("quartiles", "is_noisy"), [((1.4, 1.6), False), ((1.0, 1.8), True)])
def test_blocks_that_scatter_are_called_noisy(quartiles: tuple[float, float], is_noisy: bool) -> None:
    assert Spread(0.9, quartiles, 1.5, 2.0).is_noisy is is_noisy


@pytest.fixture(scope="module")
def clip(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "astronaut-720p.mp4"
    make_clip.write(path, make_clip.make("astronaut", FRAMES, 1, path))
    return path


@pytest.fixture(scope="module")
def needs_mediapipe() -> None:
    try:
        with MediaPipe(48, 64) as peer:
            peer.find(1)
    except ConvertError as e:
        pytest.skip(str(e))


@pytest.mark.slow
@pytest.mark.usefixtures("needs_mediapipe")
def test_finding_is_no_slower_than_mediapipe_and_misses_nothing(clip: Path) -> None:
    """Decided by the median block of the first run whose blocks agree, see ``Spread.is_noisy``.

    Where the machine lets no run of three have its peace, processor time decides: both spend theirs one thread a model.
    """
    board = probe_board(None)
    for _ in range(TRIES):
        comparison = measure(board, clip)
        if not comparison.one_face.ratio.is_noisy:
            break
    assert comparison.one_face.answered >= 0.99 and comparison.newcomers.answered >= 0.99
    assert speed(comparison) >= 1, describe(comparison)


def speed(c: Comparison) -> float:
    found = c.one_face
    return c.mediapipe.cpu_ms / found.times.cpu_ms if found.ratio.is_noisy else found.ratio.median
