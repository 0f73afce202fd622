import threading

from edgefuse.worker.turnstile import Turnstile


def start_entering(turnstile: Turnstile) -> threading.Thread:
    thread = threading.Thread(target=turnstile.enter, daemon=True)
    thread.start()
    return thread


def test_third_waits_for_one_of_two_to_leave() -> None:
    turnstile = Turnstile(2)
    turnstile.enter()
    turnstile.enter()
    third = start_entering(turnstile)
    third.join(0.05)
    assert third.is_alive()
    turnstile.leave()
    third.join(5)
    assert not third.is_alive()


def test_opening_lets_everybody_through() -> None:
    turnstile = Turnstile(0)
    waiting = [start_entering(turnstile) for _ in range(2)]
    turnstile.open()
    for thread in waiting:
        thread.join(5)
        assert not thread.is_alive()
