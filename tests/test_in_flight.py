import os
import subprocess
import sys

from edgefuse.in_flight import PLAN_PLACES, make_in_flight, read_in_flight

DYING_WORKER = """
import os, sys
from edgefuse.in_flight import OPENING, PLAN_PLACES, RUNNING, map_in_flight, places_of_plan
first, second = map_in_flight(int(sys.argv[1]))
first[3], places_of_plan(second, PLAN_PLACES)[5] = RUNNING, OPENING
os.abort()
"""


def test_what_a_worker_was_at_is_still_there_when_it_is_gone() -> None:
    descriptor = make_in_flight()
    subprocess.run([sys.executable, "-c", DYING_WORKER, str(descriptor)], pass_fds=(descriptor,), check=False)
    assert read_in_flight(descriptor) == {3: "running", PLAN_PLACES + 5: "opening"}
    os.close(descriptor)
