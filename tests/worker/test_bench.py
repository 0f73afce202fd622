from edgefuse.worker.bench import Pace


def test_pace_is_what_came_since_the_row_before() -> None:
    now_ns = [0]
    pace = Pace(lambda: now_ns[0])
    for at_ms, frames in ((200, 10), (400, 40), (410, 41)):
        now_ns[0] = at_ms * 1_000_000
        pace.note(frames)
    assert pace.rows == [(0.2, 50.0), (0.4, 150.0)]  # the last look came too soon to tell a rate
