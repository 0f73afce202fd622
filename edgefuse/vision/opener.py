"""Opens the models that a plan chose and binds them to one tensor pool."""

from __future__ import annotations

import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from edgefuse import in_flight, paths, registry
from edgefuse.errors import RuntimeLoadError
from edgefuse.planning.plan import Choice, Plan
from edgefuse.runtime import Runtime, SessionOptions
from edgefuse.store.release import Release
from edgefuse.store.store import Store
from edgefuse.vision.model import Model, Models, bind_model
from edgefuse.vision.pool import TensorPool

logger = logging.getLogger(__name__)


def open_models(
    plan: Plan,
    release: Release,
    store: Store,
    tasks: Collection[str],
    *,
    crumbs: memoryview | None = None,
    at_once: int = 1,
) -> Models:
    """Open and warm every choice of the given tasks, all sizes of the ladder included.

    Args:
        crumbs: Bank that says, by the index of the choice, where native code is at work; see ``edgefuse.in_flight``.
        at_once: How many are opened at the same time.

    Raises:
        StoreError: A file is not in the store, or its content has changed.
        RuntimeMissingError: A runtime that was there when the plan was made is gone.
        RuntimeLoadError: A runtime refuses a file.
        RuntimeRunError: A model fails at its first run.
    """
    pool = TensorPool()
    wanted = {place: choice for place, choice in enumerate(plan.choices) if choice.task in tasks}
    variants = {place: release.find(choice.model, choice.variant) for place, choice in wanted.items()}
    # Begun last, the largest would keep all the others waiting.
    largest_first = sorted(variants, key=lambda place: -variants[place].memory_mb)

    def open_one(place: int) -> Model:
        model = _open_watched(wanted[place], release, store, pool, in_flight.crumb(crumbs, place))
        model.run()  # the first run compiles and allocates; frames must not wait for that
        return model

    with ThreadPoolExecutor(at_once, "open") as threads:
        opening = [threads.submit(open_one, place) for place in largest_first]
    failures = [error for future in opening if (error := future.exception())]
    models = Models(future.result() for future in opening if not future.exception())
    if failures:
        models.close()
        raise failures[0]
    return models


def _open_watched(choice: Choice, release: Release, store: Store, pool: TensorPool, crumb: memoryview) -> Model:
    crumb[0] = in_flight.OPENING
    try:
        model = _open(choice, release, store, pool)
    finally:
        crumb[0] = in_flight.IDLE
    model.crumb = crumb
    return model


def _open(choice: Choice, release: Release, store: Store, pool: TensorPool) -> Model:
    manifest, variant = release.manifest(choice.model), release.find(choice.model, choice.variant)
    runtime: Runtime = registry.load("edgefuse.runtimes", choice.runtime)
    options = SessionOptions(
        target=choice.target,
        threads=choice.threads,
        precision=variant.precision,
        cache_dir=paths.cache_dir() / "engines",
    )
    try:
        session = runtime.open(store.path_of(variant.files), options)
    except RuntimeLoadError:
        store.check(variant.files)
        raise
    logger.debug("opened model=%s variant=%s on=%s", choice.model, choice.variant, session.provider)
    return bind_model(manifest, variant, session, pool)
