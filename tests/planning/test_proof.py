import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from fakes.interpreter import write_interpreter
from fakes.planned import add_fake_variant, make_host, make_manifest, make_profile, make_release, make_variant
from msgspec.structs import replace

import edgefuse
from edgefuse.config.manifest import Source, Variant
from edgefuse.errors import FetchError, PlanError, StoreError
from edgefuse.planning import trial
from edgefuse.planning.plan import Plan
from edgefuse.planning.proof import absent_files, ensure_golden
from edgefuse.planning.tasks import REQUIRED_TASKS
from edgefuse.store.release import Release
from edgefuse.store.state import load_state, update_state
from edgefuse.store.store import Store
from edgefuse.store.transport import UnreachableError

HOST = make_host("fake")


def release_of(store: Store, *, promise: float) -> Release:
    """A detector whose first variant promises what the runtime may not give, and a second that is sound."""
    finder = make_manifest(
        "finder", "detect_faces", add_fake_variant(store, "a", promise=promise), add_fake_variant(store, "b")
    )
    return make_release(finder, make_manifest("mesh", "track_faces", add_fake_variant(store, "mesh", 192)))


def prove(
    release: Release,
    store: Store,
    folder: Path,
    python: str | None = None,
    provide: Callable[[Variant], None] = lambda _: None,
    *,
    wished_tasks: Collection[str] = (),
) -> Plan:
    return ensure_golden(
        make_profile("fake", worker_python=python),
        release,
        HOST,
        store,
        tasks=REQUIRED_TASKS,
        wished_tasks=wished_tasks,
        state=load_state(folder / "state.json"),
        state_path=folder / "state.json",
        provide=provide,
    )


def test_sound_models_pass_and_the_pass_is_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    made = prove(release_of(store, promise=1.0), store, tmp_path)
    assert [choice.variant for choice in made.choices] == ["a", "mesh"]
    assert [check.failure for check in load_state(tmp_path / "state.json").checks] == ["", ""]


def test_a_model_that_gives_something_else_is_replaced_by_the_next(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    made = prove(release_of(store, promise=3.0), store, tmp_path)
    assert [choice.variant for choice in made.choices] == ["b", "mesh"]
    (rejection,) = made.rejections
    assert rejection.reason.startswith("failed its golden check here: ")
    assert "differs by 2" in rejection.reason


def test_each_variant_that_is_chosen_is_provided_first_the_one_that_stands_in_too(tmp_path: Path) -> None:
    store, provided = Store(tmp_path / "store"), []
    prove(release_of(store, promise=3.0), store, tmp_path, provide=lambda variant: provided.append(variant.id))
    assert list(dict.fromkeys(provided)) == ["a", "mesh", "b"]


def test_what_was_checked_before_starts_no_child(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    release = release_of(store, promise=1.0)
    before = prove(release, store, tmp_path)
    deadly = write_interpreter(tmp_path / "python", "kill -SEGV $$")
    assert prove(release, store, tmp_path, deadly).choices == before.choices


def test_what_another_edgefuse_saw_fail_is_tried_again(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "store"), tmp_path / "state.json"
    prove(release_of(store, promise=3.0), store, tmp_path)
    update_state(path, lambda state: replace(state, checks=tuple(replace(c, edgefuse="0.0.9") for c in state.checks)))
    made = prove(release_of(store, promise=1.0), store, tmp_path)
    assert [choice.variant for choice in made.choices] == ["a", "mesh"]
    assert sorted(c.edgefuse for c in load_state(path).checks) == ["0.0.9", "0.0.9", edgefuse.__version__]


def test_a_check_that_cannot_be_kept_holds_for_this_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "state.lock").mkdir()  # so that nothing can be written, whoever runs the tests
    made = prove(release_of(store, promise=3.0), store, tmp_path)
    assert [choice.variant for choice in made.choices] == ["b", "mesh"]
    assert not (tmp_path / "state.json").exists()


def test_models_that_crash_do_not_take_the_caller_along(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    deadly = write_interpreter(tmp_path / "python", "kill -SEGV $$")
    with pytest.raises(PlanError, match="failed its golden check here: it crashed with SIGSEGV"):
        prove(release_of(store, promise=1.0), store, tmp_path, deadly)


def test_a_file_that_must_be_fetched_first_is_said_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    release = release_of(store, promise=1.0)
    with pytest.raises(StoreError, match="edgefuse models fetch"):
        prove(release, Store(tmp_path / "empty"), tmp_path)


def test_only_files_that_no_package_has_are_absent(tmp_path: Path) -> None:
    fetchable, made = make_variant("a"), make_variant("b", source=Source(converted_from="a"))
    release = make_release(make_manifest("finder", "detect_faces", fetchable, made))
    absent = absent_files(release, Store(tmp_path))
    assert list(absent) == [made.files[0].sha256]
    assert "tools/convert makes it" in absent[made.files[0].sha256]


def test_what_cannot_be_fetched_now_is_replaced_by_what_is_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, asked = Store(tmp_path / "store"), []
    release = release_of(store, promise=1.0)
    lost = release.find("finder", "a")
    store.remove(lost.files[0].sha256)

    def provide(variant: Variant) -> None:
        asked.append(variant.id)
        if not store.has_variant(variant):
            raise UnreachableError("no network")

    made = prove(release, store, tmp_path, provide=provide)
    assert [choice.variant for choice in made.choices] == ["b", "mesh"]
    assert [r.reason for r in made.rejections] == ["its file cannot be fetched now: no network"]
    assert asked == ["a", "b", "mesh", "b", "mesh"]
    assert [record.getMessage() for record in caplog.records] == [
        "going on without a model model=finder variant=a reason=no network"
    ]


def test_a_wish_that_cannot_be_fetched_is_gone_without(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    parser = make_manifest("parser", "parse_faces", add_fake_variant(store, "parser"), is_optional=True)
    release = make_release(*release_of(store, promise=1.0).manifests, parser)
    store.remove(parser.variants[0].files[0].sha256)

    def provide(variant: Variant) -> None:
        if not store.has_variant(variant):
            raise UnreachableError("no npm")

    made = prove(release, store, tmp_path, provide=provide, wished_tasks=("parse_faces",))
    assert [choice.variant for choice in made.choices] == ["a", "mesh"]
    assert [r.reason for r in made.rejections if r.model == "parser"] == ["its file cannot be fetched now: no npm"]


@pytest.mark.parametrize(("kind", "asked"), [(UnreachableError, ["a"]), (FetchError, ["a", "b"])])
def test_where_nothing_is_left_the_failed_fetch_is_told(
    tmp_path: Path, kind: type[FetchError], asked: list[str]
) -> None:
    """A way that is closed is not tried for every file, a package that is not there says nothing of the next."""
    release, tried = release_of(Store(tmp_path / "store"), promise=1.0), []

    def provide(variant: Variant) -> None:
        tried.append(variant.id)
        raise kind("cannot fetch")

    with pytest.raises(FetchError, match=r"^cannot fetch$"):
        prove(release, Store(tmp_path / "empty"), tmp_path, provide=provide)
    assert tried == asked


@pytest.mark.parametrize(
    "end",
    ["kill -KILL $$", "exec sleep 60", "echo 'OSError: [Errno 5] I/O error' >&2; exit 1"],
    ids=["out of memory", "out of time", "broken"],
)
def test_a_shortage_is_not_held_against_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """One file alone starves; for this run the next choice does."""
    monkeypatch.setattr(trial, "TIMEOUT_S", 5.0)
    store = Store(tmp_path / "store")
    release = release_of(store, promise=1.0)
    once = f'if [ ! -e {tmp_path}/mark ]; then touch {tmp_path}/mark; {end}; fi; exec {sys.executable} "$@"'
    made = prove(release, store, tmp_path, write_interpreter(tmp_path / "python", once))
    assert [choice.variant for choice in made.choices] == ["b", "mesh"]
    assert [choice.variant for choice in prove(release, store, tmp_path).choices] == ["a", "mesh"]
