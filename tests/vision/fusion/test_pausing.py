"""Pausing on real faces, against the frames that were marked by eye."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from benching import pause
from benching.finding import VARIANTS, open_models, read_frames
from benching.looks import PARSER

from edgefuse.errors import FetchError
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import SECOND_CLIP, fetch_media
from edgefuse.store.store import Store


@pytest.fixture(scope="module")
def second_clip(store: Store) -> Path:
    try:
        with open_fetcher(store, lambda *_: None) as fetcher:
            return fetch_media(SECOND_CLIP, store, fetcher)
    except FetchError as e:
        pytest.skip(str(e))


def test_a_hand_on_the_chin_pauses_and_clear_frames_are_fused(default_clip: Path) -> None:
    score = pause.score(open_models("tflite"), "cap12", default_clip)
    assert score.clear_paused_share <= 0.05
    assert score.occluded_paused_share is not None and score.occluded_paused_share >= 0.95


def test_a_model_sees_a_hand_that_is_there_at_first_sight(
    default_clip: Path, fetch_from_npm: Callable[[str], None]
) -> None:
    fetch_from_npm("selfie-multiclass")
    models = open_models("tflite", (*VARIANTS, PARSER))
    resting = [replace(f, pixels=f.pixels.copy()) for f in read_frames(default_clip) if 1230 <= f.index < 1260]
    alone, helped = (pause.watch(models, resting, every)[0] for every in (None, 30))
    assert (alone > 0).all() and (helped[8:] == 0).all()


def test_talking_turning_and_walking_away_pauses_nothing(second_clip: Path) -> None:
    assert pause.score(open_models("tflite"), "cap13", second_clip).clear_paused_share <= 0.05
