import os

from edgefuse.in_flight import OPENING, PLACES, RUNNING, clear_in_flight, make_in_flight, map_in_flight, read_in_flight


def test_what_a_worker_was_at_is_still_there_when_it_is_gone() -> None:
    descriptor = make_in_flight()
    if (child := os.fork()) == 0:
        crumbs = map_in_flight(descriptor)
        crumbs[3], crumbs[PLACES + 5] = RUNNING, OPENING
        os.abort()
    os.waitpid(child, 0)
    assert read_in_flight(descriptor) == {3: "running", 5: "opening"}
    clear_in_flight(descriptor)
    assert read_in_flight(descriptor) == {}
    os.close(descriptor)
