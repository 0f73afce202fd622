"""Tests of following faces, in the world of discs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from fakes.discs import FRAME_NS, MESH_PX, POINT, disc_mesh, disc_models, draw_discs, packet, runs_of

from edgefuse.clock import NS_PER_S
from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import RuntimeRunError
from edgefuse.vision.model import Models
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages import detect_faces, track_faces
from edgefuse.vision.types import Attention, Face, Packet, Search

Disc = tuple[float, float, float]
LEFT, RIGHT = (90.0, 120.0, 40.0), (230.0, 120.0, 40.0)
NEVER = OperatingPoint(effect_px=64, detect_px=128, rate_hz=30.0, detect_every=1000)


class Finder:
    """Detector and tracker as the find thread runs them."""

    def __init__(self, models: Models | None = None, point: OperatingPoint = POINT, **options: object) -> None:
        self.models = models or disc_models()
        self.attention = Attention()
        self.point = point
        context = StageContext(self.models, (point,), 240, 320, self.attention)
        self._detect = detect_faces.DetectFaces(detect_faces.Options(), context)
        self._track = track_faces.TrackFaces(track_faces.Options(**options), context)  # type: ignore[arg-type]
        self._gap = context.gap
        self._index = -1

    def see(self, *discs: Disc, at_ns: int | None = None) -> Packet:
        self._index += 1
        frame = packet(draw_discs(*discs), self._index, self.point, at_ns)
        return self.track(self._detect.run(frame))

    def track(self, detected: Packet) -> Packet:
        return self._track.run(detected)

    def watch(self, scenes: Iterable[Sequence[Disc]]) -> list[Packet]:
        return [self.see(*scene) for scene in scenes]

    def watch_slowly(self, scenes: Iterable[Sequence[Disc]]) -> Iterator[Packet]:
        """See one scene after the other, and use the gap after each."""
        for scene in scenes:
            seen = self.see(*scene)
            self.use_gap()
            yield seen

    def use_gap(self) -> None:
        for work in self._gap:
            work()

    @property
    def searches(self) -> int:
        return runs_of(self.models, "detect_faces")


def ids(packet: Packet) -> list[int]:
    return [face.track_id for face in packet.faces]


def test_landmarks_lie_on_the_face() -> None:
    (face,) = Finder().see(LEFT).faces
    assert face.mesh is not None and face.track_id == 1 and face.score > 0.9
    np.testing.assert_allclose(face.mesh, disc_mesh(*LEFT), atol=1.5)
    np.testing.assert_allclose(face.box[[0, 1]], face.mesh.min(axis=0)[:2], atol=1e-3)
    assert face.eyes[0, 0] < LEFT[0] < face.eyes[1, 0]


def test_moving_faces_keep_their_ids_and_the_detector_rests() -> None:
    finder = Finder(point=NEVER)
    packets = finder.watch([[(90 + 2 * i, 120, 40), (230, 120 - i, 40)] for i in range(30)])
    assert {tuple(ids(p)) for p in packets} == {(1, 2)}
    assert finder.searches == 1
    assert [p.search for p in packets] == [Search.WHOLE] + [Search.TRACKED] * 29


def test_the_detector_looks_again_every_few_frames() -> None:
    finder = Finder()
    seen = [finder.searches for _ in finder.watch_slowly([[LEFT]] * 17)]
    assert [i for i in range(1, 17) if seen[i] > seen[i - 1]] == [5, 10, 15]


def test_a_search_for_newcomers_begins_when_the_frame_was_handed_on() -> None:
    finder = Finder()
    packets = finder.watch([[LEFT]] * 6)
    assert (packets[5].search, finder.searches) == (Search.TRACKED, 1)
    finder.use_gap()
    assert finder.searches == 2


@pytest.mark.parametrize("has_gap", [False, True])
def test_a_newcomer_is_taken_up_one_frame_after_the_search_that_found_it(has_gap: bool) -> None:
    finder = Finder()
    scenes = [[LEFT]] * 3 + [[LEFT, RIGHT]] * 4
    packets = list(finder.watch_slowly(scenes)) if has_gap else finder.watch(scenes)
    assert [ids(p) for p in packets] == [[1]] * 6 + [[1, 2]]


def test_a_followed_face_that_moves_on_during_a_search_is_not_taken_for_another() -> None:
    finder = Finder()
    packets = finder.watch([[(60 + 22 * i, 120, 30)] for i in range(9)])
    assert [ids(p) for p in packets] == [[1]] * 9
    assert all(p.search is Search.TRACKED for p in packets[1:])


def test_a_face_that_is_lost_during_a_search_is_looked_for_at_once() -> None:
    finder = Finder()
    finder.watch([[LEFT, RIGHT]] * 6)
    lost, searched = finder.see(RIGHT), finder.see(RIGHT)
    assert (ids(lost), lost.search) == ([2], Search.TRACKED)
    assert (ids(searched), searched.search) == ([2], Search.WHOLE)


def test_a_search_that_fails_in_the_gap_is_made_again_on_the_next_frame() -> None:
    finder = Finder()
    finder.watch([[LEFT]] * 6)
    session = finder.models.model("detect_faces").session
    works = session.look  # type: ignore[attr-defined]

    def fail(*_: object) -> None:
        raise RuntimeRunError("cannot run disc: it is broken")

    session.look = fail  # type: ignore[attr-defined]
    finder.use_gap()
    session.look = works  # type: ignore[attr-defined]
    seen = finder.see(LEFT, RIGHT)
    assert (ids(seen), seen.search) == ([1, 2], Search.WHOLE)


def test_where_an_effect_must_know_of_all_the_frame_waits_for_the_search() -> None:
    finder = Finder()
    finder.attention.search_every = 3
    packets = finder.watch([[LEFT]] * 7)
    assert [i for i, p in enumerate(packets) if p.search is Search.WHOLE] == [0, 3, 6]


def test_an_effect_may_ask_the_detector_to_look_more_often_but_not_less() -> None:
    searches = []
    for search_every in (1, 2, 50):
        finder = Finder()
        finder.attention.search_every = search_every
        finder.watch([[LEFT]] * 10)
        searches.append(finder.searches)
    assert searches == [10, 5, 2]


def test_a_new_face_is_taken_up_at_the_next_look_of_the_detector_where_an_effect_must_know() -> None:
    finder = Finder()
    finder.attention.search_every = 5
    packets = finder.watch([[LEFT]] * 3 + [[LEFT, RIGHT]] * 3)
    assert [ids(p) for p in packets] == [[1], [1], [1], [1], [1], [1, 2]]


def test_the_detector_looks_in_every_frame_while_there_is_no_face() -> None:
    packets = Finder(point=NEVER).watch([[]] * 4)
    assert all(p.search is Search.WHOLE and not p.faces for p in packets)


def test_a_lost_face_is_gone_at_once_and_looked_for_in_the_next_frame() -> None:
    finder = Finder(point=NEVER)
    finder.watch([[LEFT, RIGHT]] * 3)
    lost, searched = finder.see(RIGHT), finder.see(RIGHT)
    assert (ids(lost), lost.search) == ([2], Search.TRACKED)
    assert (ids(searched), searched.search) == ([2], Search.WHOLE)


def test_a_face_that_comes_back_soon_has_its_old_id() -> None:
    finder = Finder()
    finder.watch([[LEFT]] * 3 + [[]] * 5)
    assert ids(finder.see(LEFT)) == [1]


def test_a_face_that_comes_back_late_or_elsewhere_is_a_new_one() -> None:
    late = Finder()
    late.watch([[LEFT]] * 3 + [[]] * 3)
    assert ids(late.see(LEFT, at_ns=3 * NS_PER_S)) == [2]
    elsewhere = Finder()
    elsewhere.watch([[LEFT]] * 3 + [[]] * 3)
    assert ids(elsewhere.see(RIGHT)) == [2]


def test_a_face_without_landmarks_is_passed_on_and_searched_for_until_it_has_some() -> None:
    def see_no_mesh(_inputs: object, outputs: Sequence[np.ndarray]) -> None:
        outputs[1][:] = -5

    finder = Finder(disc_models(see_mesh=see_no_mesh), point=NEVER)
    for seen in finder.watch([[LEFT]] * 3):
        (face,) = seen.faces
        assert face.mesh is None and face.track_id == 0
        assert seen.search is Search.WHOLE


def test_no_more_faces_are_followed_than_asked_for_but_all_are_passed_on() -> None:
    seen = Finder(max_faces=1).see(LEFT, RIGHT)
    assert sorted(ids(seen)) == [0, 1]


def test_with_as_many_faces_as_may_be_followed_the_detector_rests() -> None:
    finder = Finder(max_faces=1)
    finder.watch([[LEFT, RIGHT]] * 12)
    assert finder.searches == 1


@pytest.mark.parametrize(
    ("low", "high"), [((-2, -3), (2, 1)), ((-0.1, -0.8), (1.5, 0.8))], ids=["around a small one", "behind a neighbour"]
)
def test_a_face_that_sticks_out_of_one_that_is_followed_is_passed_on_too(
    low: tuple[float, float], high: tuple[float, float]
) -> None:
    finder = Finder(point=NEVER)
    (followed,) = finder.watch([[LEFT]])[0].faces
    x, y, radius = LEFT
    box = np.array((x + low[0] * radius, y + low[1] * radius, x + high[0] * radius, y + high[1] * radius), np.float32)
    other = Face(box=box, score=0.9, eyes=np.array(((x, y), (x + radius, y)), np.float32))
    seen = finder.track(replace(packet(draw_discs(LEFT), 1), faces=(followed, other), search=Search.WHOLE))
    assert ids(seen) == [1, 0]
    np.testing.assert_array_equal(seen.faces[1].box, box)


def test_two_tracks_that_meet_on_one_face_become_the_older_one() -> None:
    finder = Finder(point=NEVER)
    finder.watch([[(100, 120, 30), (220, 120, 30)]] * 2)
    # The second face vanishes behind the first, close enough that its track finds the first.
    packets = finder.watch([[(100 + step, 120, 30), (220 - step, 120, 30)] for step in range(0, 28, 4)])
    packets += finder.watch([[(160, 120, 34)]] * 3)
    assert ids(packets[-1]) == [1, 0]


def test_the_landmark_model_rests_between_and_landmarks_move_on() -> None:
    point = OperatingPoint(effect_px=64, detect_px=128, rate_hz=30.0, detect_every=1000, mesh_every=2)
    finder = Finder(point=point, is_smoothed=False)
    scenes = [[(90 + 3 * i, 120, 40)] for i in range(20)]
    packets = finder.watch(scenes)
    assert runs_of(finder.models, "track_faces") == 10
    for scene, seen in list(zip(scenes, packets, strict=True))[3:]:
        mesh = seen.faces[0].mesh
        assert mesh is not None
        np.testing.assert_allclose(mesh, disc_mesh(*scene[0]), atol=1.5)


def test_a_source_that_starts_over_keeps_its_faces() -> None:
    finder = Finder(point=NEVER)
    finder.watch([[LEFT]] * 5)
    assert ids(finder.see(LEFT, at_ns=0)) == [1]


def test_after_a_model_failed_the_whole_frame_is_searched() -> None:
    finder = Finder(point=NEVER)
    finder.watch([[LEFT]] * 2)
    session = finder.models.model("track_faces").session
    works = session.look  # type: ignore[attr-defined]

    def fail(*_: object) -> None:
        raise RuntimeRunError("cannot run disc: it is broken")

    session.look = fail  # type: ignore[attr-defined]
    with pytest.raises(RuntimeRunError):
        finder.see(LEFT)
    session.look = works  # type: ignore[attr-defined]
    seen = finder.see(LEFT)
    assert (ids(seen), seen.search) == ([1], Search.WHOLE)


def test_a_face_that_leaves_the_frame_is_lost() -> None:
    finder = Finder(point=NEVER)
    packets = finder.watch([[(160 + 8 * i, 120, 40)] for i in range(30)])
    assert ids(packets[0]) == [1] and not packets[-1].faces


@pytest.mark.parametrize("step", [(6, 0), (-6, 0), (0, 6), (0, -6)])
def test_a_face_that_wanders_out_of_the_frame_is_lost_however_sure_the_model_is(step: tuple[float, float]) -> None:
    def see_it_wander(_inputs: object, outputs: Sequence[np.ndarray]) -> None:
        outputs[0].reshape(468, 3)[:] = disc_mesh(MESH_PX / 2 + step[0], MESH_PX / 2 + step[1], MESH_PX / 3)
        outputs[1][:] = 10

    finder = Finder(disc_models(see_mesh=see_it_wander), point=NEVER)
    packets = finder.watch([[(160, 120, 40)], *[[]] * 80])
    assert ids(packets[5]) == [1] and not packets[-1].faces


def test_while_a_face_has_no_landmarks_but_must_be_hidden_the_detector_looks_in_every_frame() -> None:
    finder = Finder(point=NEVER, max_faces=1)
    finder.attention.search_every = 1000
    packets = finder.watch([[LEFT, RIGHT]] * 4)
    assert all(seen.search is Search.WHOLE and len(seen.faces) == 2 for seen in packets)


def test_smoothing_does_not_change_where_the_model_looks() -> None:
    looks = []
    for is_smoothed in (False, True):
        finder = Finder(point=NEVER, is_smoothed=is_smoothed)
        finder.watch([[(90 + 3 * i, 120, 40)] for i in range(20)])
        looks.append(finder.models.model("track_faces").inputs[0])
    np.testing.assert_array_equal(*looks)


def test_smoothed_landmarks_tremble_less() -> None:
    draw = np.random.default_rng(0)
    scenes = [[tuple(np.array(LEFT) + draw.normal(0, 0.3, 3))] for _ in range(40)]
    spread = []
    for is_smoothed in (False, True):
        packets = Finder(point=NEVER, is_smoothed=is_smoothed).watch(scenes)  # type: ignore[arg-type]
        spread.append(np.std([p.faces[0].mesh for p in packets[10:]], axis=0).mean())
    assert spread[1] < 0.8 * spread[0]


def test_frames_may_come_at_any_pace() -> None:
    finder = Finder(point=NEVER)
    times_ns = np.cumsum([0, 1, 3, 1, 7, 1, 1, 2]) * FRAME_NS
    packets = [finder.see((90 + i, 120, 40), at_ns=int(t)) for i, t in enumerate(times_ns)]
    assert all(ids(p) == [1] for p in packets)


def test_a_face_behind_another_is_passed_on_where_it_may_be_and_looked_for() -> None:
    finder = Finder(point=NEVER)
    packets = finder.watch([[(60 + 4 * i, 110, 24), (260 - 4 * i, 130, 34)] for i in range(30)])
    hidden = [face for p in packets for face in p.faces if not face.track_id]
    assert hidden and all(face.mesh is None for face in hidden)
    x1, _, x2, _ = hidden[-1].box
    assert x1 < 60 + 4 * 29 < x2
    searched = [p.search is Search.WHOLE for p in packets]
    assert searched[-3:] == [True] * 3 and not any(searched[1:10])


def test_a_face_that_goes_behind_another_comes_out_with_its_id() -> None:
    finder = Finder()
    ways = [((60 + 4 * i, 110.0, 24.0), (260 - 4 * i, 130.0, 34.0)) for i in range(50)]
    packets = finder.watch(ways)
    assert ids(packets[0]) == [1, 2] or ids(packets[0]) == [2, 1]
    first, last = ({f.track_id: float(f.box[0]) for f in p.faces} for p in (packets[0], packets[-1]))
    assert len(first) == len(last) == 2 and any(0 in ids(p) for p in packets)
    assert sorted(first, key=first.__getitem__) == sorted(last, key=last.__getitem__)[::-1]
