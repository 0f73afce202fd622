"""Tests of embeddings and how often they are made."""

import numpy as np
import pytest
from fakes.discs import POINT, disc_mesh, disc_models, draw_discs, packet, runs_of

from edgefuse.clock import NS_PER_S
from edgefuse.vision.face.geometry import box_around
from edgefuse.vision.face.landmarks import five_points
from edgefuse.vision.model import Models
from edgefuse.vision.stage import StageContext
from edgefuse.vision.stages.embed_faces import EmbedFaces, Options
from edgefuse.vision.types import Attention, Face, Packet


def known_face(track_id: int) -> Face:
    mesh = disc_mesh(160, 120, 50)
    points = five_points(mesh)
    return Face(box=box_around(mesh), score=1, eyes=points[:2], mesh=mesh, points=points, track_id=track_id)


def make(models: Models, **options: float) -> EmbedFaces:
    return EmbedFaces(Options(**options), StageContext(models, (POINT,), 240, 320, Attention()))


def run(stage: EmbedFaces, *track_ids: int, at_s: float = 0) -> Packet:
    given = packet(draw_discs((160, 120, 50)), captured_ns=int(at_s * NS_PER_S))
    return stage.run(Packet(given.frame, given.point, tuple(map(known_face, track_ids))))


def test_an_embedding_has_length_one() -> None:
    embedding = run(make(disc_models()), 1).faces[0].embedding
    assert embedding is not None and embedding.dtype == np.float32
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-6)


def test_it_is_kept_for_a_while_and_then_renewed() -> None:
    models = disc_models()
    stage = make(models, renew_s=0.5)
    for at_s in (0, 0.2, 0.4, 0.6, 0.8):
        assert run(stage, 1, at_s=at_s).faces[0].embedding is not None
    assert runs_of(models, "embed_faces") == 2


def test_each_track_has_its_own() -> None:
    models = disc_models()
    stage = make(models)
    run(stage, 1, 2)
    run(stage, 1, 2, at_s=0.1)
    assert runs_of(models, "embed_faces") == 2


def test_a_track_that_ended_is_forgotten() -> None:
    models = disc_models()
    stage = make(models)
    for index, track_ids in enumerate(((1,), (), (1,))):
        run(stage, *track_ids, at_s=0.1 * index)
    assert runs_of(models, "embed_faces") == 2


def test_a_face_that_nobody_follows_gets_none() -> None:
    assert run(make(disc_models()), 0).faces[0].embedding is None
