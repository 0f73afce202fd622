import pytest
from fakes.control import make_status, replace_beat

from edgefuse.cli._view import View, press
from edgefuse.supervisor.control import AnyRequest, SetPaused, SetPin, Status


def ask(keys: str, status: Status | None = None) -> AnyRequest | None:
    """Press keys and give what the last one asks for."""
    view, wish = View(status or make_status(), 0.0), None
    for key in keys:
        view, wish = press(view, key)
    return wish and wish.request


def test_plus_pins_the_next_better_point_and_minus_the_next_cooler() -> None:
    assert ask("+") == SetPin(setting="point", value="1")
    assert ask("-") == SetPin(setting="point", value="3")


@pytest.mark.parametrize(("point", "key"), [(0, "+"), (4, "-")])
def test_the_ladder_ends(point: int, key: str) -> None:
    assert ask(key, replace_beat(make_status(), point=point)) is None


def test_u_takes_the_pin_away() -> None:
    assert ask("u") == SetPin(setting="point", value="")


def test_p_pauses_and_resumes() -> None:
    assert ask("p") == SetPaused(is_paused=True)
    assert ask("p", replace_beat(make_status(), source="paused")) == SetPaused(is_paused=False)


@pytest.mark.parametrize(("key", "effect"), [("1", "fuse_mesh"), ("2", "anonymise"), ("3", "none"), ("0", "")])
def test_an_effect_is_chosen_with_two_keys(key: str, effect: str) -> None:
    assert ask(f"e{key}") == SetPin(setting="effect", value=effect)


@pytest.mark.parametrize("keys", ["e\x1b", "ep", "x", "?", "\x1b", "1"])
def test_other_keys_ask_for_nothing(keys: str) -> None:
    assert ask(keys) is None


def test_help_goes_away_with_the_next_key() -> None:
    view, _ = press(View(make_status(), 0.0), "?")
    assert view.is_helping
    assert not press(view, "x")[0].is_helping


def test_without_a_worker_points_cannot_be_stepped_through() -> None:
    assert ask("+", make_status(heartbeat=None)) is None


def test_history_has_an_end() -> None:
    view = View(make_status(), 0.0)
    for second in range(1200):
        view = view.with_status(make_status(), float(second))
    assert len(view.samples) == 500
