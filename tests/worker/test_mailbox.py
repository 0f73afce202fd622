import threading
from collections.abc import Callable

from edgefuse.worker.mailbox import Mailbox


def in_thread(body: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread


def test_newest_item_displaces_the_older_one() -> None:
    mailbox = Mailbox[int](is_lossless=False)
    assert mailbox.put(1) is None
    assert mailbox.put(2) == 1
    assert mailbox.take() == 2


def test_lossless_giver_waits_until_the_item_is_taken() -> None:
    mailbox = Mailbox[int](is_lossless=True)
    mailbox.put(1)
    giver = in_thread(lambda: mailbox.put(2))
    assert mailbox.take() == 1
    giver.join(5)
    assert not giver.is_alive()
    assert mailbox.take() == 2


def test_lossless_giver_waits_only_when_every_place_is_taken() -> None:
    mailbox = Mailbox[int](is_lossless=True, places=3)
    for i in range(3):
        mailbox.put(i)
    giver = in_thread(lambda: mailbox.put(3))
    giver.join(0.05)
    assert giver.is_alive()
    assert [mailbox.take() for _ in range(4)] == [0, 1, 2, 3]


def test_last_item_can_be_taken_after_close() -> None:
    mailbox = Mailbox[int](is_lossless=True)
    mailbox.put(1)
    mailbox.close()
    assert (mailbox.take(), mailbox.take()) == (1, None)


def test_item_put_after_close_comes_back() -> None:
    mailbox = Mailbox[int](is_lossless=True)
    mailbox.close()
    assert mailbox.put(1) == 1


def test_close_frees_a_waiting_taker() -> None:
    mailbox = Mailbox[int](is_lossless=False)
    taker = in_thread(mailbox.take)
    mailbox.close()
    taker.join(5)
    assert not taker.is_alive()


def test_close_frees_a_waiting_giver() -> None:
    mailbox = Mailbox[int](is_lossless=True)
    mailbox.put(1)
    refused: list[int | None] = []
    giver = in_thread(lambda: refused.append(mailbox.put(2)))
    mailbox.close()
    giver.join(5)
    assert refused == [2]


def test_order_is_kept_and_nothing_lost_between_two_threads() -> None:
    mailbox = Mailbox[int](is_lossless=True)

    def give() -> None:
        for i in range(2000):
            mailbox.put(i)
        mailbox.close()

    in_thread(give)
    assert list(iter(mailbox.take, None)) == list(range(2000))


def test_rest_lasts_until_the_taker_is_back_for_more() -> None:
    mailbox = Mailbox[int](is_lossless=True)
    mailbox.put(1)
    rester = in_thread(mailbox.rest)
    assert mailbox.take() == 1
    rester.join(0.05)
    assert rester.is_alive()  # the taker still works on it
    in_thread(mailbox.take)
    rester.join(5)
    assert not rester.is_alive()


def test_rest_ends_where_nobody_will_take_any_more() -> None:
    mailbox = Mailbox[int](is_lossless=True)
    mailbox.put(1)
    rester = in_thread(mailbox.rest)
    mailbox.close()
    rester.join(5)
    assert not rester.is_alive()
