import msgspec
import pytest
from fakes.control import FakeSupervisor, make_status

from edgefuse.__main__ import main
from edgefuse.cli._chart import ASCII
from edgefuse.cli._frame import render
from edgefuse.cli._line import plain
from edgefuse.cli._view import View
from edgefuse.cli.status import describe
from edgefuse.ota.bad_list import Bad
from edgefuse.ota.deployment import Deployment
from edgefuse.ota.gates import Finding
from edgefuse.supervisor.control import CancelUpdate, DeploymentStatus, History

SLOW = Finding(gate="slowdown", verdict="FAIL", text="26.0 ms against 20.0 ms in band cool at point 0", value=1.3)
FETCHING = DeploymentStatus(
    seq=4,
    deployment=Deployment(id="d2", release="2", step="FETCH", begun_at="2026-11-20T08:47:02Z"),
    done_bytes=25,
    total_bytes=100,
)
ROLLED_BACK = Deployment(
    id="d1", release="1", step="CLEANUP", end="ROLLED_BACK", is_over=True, reason="slowdown: too slow",
    begun_at="2026-11-19T08:47:02Z", ended_at="2026-11-19T09:47:02Z",
)  # fmt: skip


def test_status_tells_how_far_it_is_and_what_it_waits_for(
    supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.status = make_status(deployment=FETCHING)
    assert main(["update", "status"]) == 0
    assert capsys.readouterr().out == (
        "release   2 (deployment d2)\nstate     FETCH 25%\ntimes     begun 11-20 08:47:02\n"
    )
    waiting = msgspec.structs.replace(FETCHING.deployment, step="PREFLIGHT", reason="waits: the link is metered")
    supervisor.status = make_status(deployment=DeploymentStatus(seq=5, deployment=waiting))
    main(["update", "status"])
    assert "state     PREFLIGHT: waits: the link is metered\n" in capsys.readouterr().out


def test_status_tells_what_was_measured(supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor.status = make_status(deployment=DeploymentStatus(seq=9, deployment=ROLLED_BACK, findings=(SLOW,)))
    assert main(["update", "status"]) == 0
    out = capsys.readouterr().out
    assert "slowdown FAIL: 26.0 ms against 20.0 ms" in out and "ended 11-19 09:47:02" in out


def test_a_unit_that_was_never_updated_says_so(supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["update", "status"]) == main(["update", "history"]) == 0
    assert capsys.readouterr().out == "nothing was ever to be installed here\n" * 2
    assert main(["update", "status", "--json"]) == 0
    assert capsys.readouterr().out == "null\n"


def test_history_begins_with_the_newest_and_names_what_is_bad(
    supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = Bad(content="ab" * 32, release="1", reason="slowdown: too slow")
    supervisor.history = History((ROLLED_BACK, FETCHING.deployment), (bad,))
    assert main(["update", "history"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "11-20 08:47:02 FETCH       release 2 (deployment d2)",
        "11-19 09:47:02 ROLLED_BACK release 1 (deployment d1): slowdown: too slow",
        "not started again: release 1, abababababab: slowdown: too slow",
    ]
    assert main(["update", "history", "--json"]) == 0
    assert len(msgspec.json.decode(capsys.readouterr().out)["deployments"]) == 2


def test_an_update_is_cancelled_with_a_reason_or_the_refusal_is_told(
    supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["update", "cancel", "--reason", "not today"]) == 0
    assert supervisor.requests == [CancelUpdate(reason="not today")]
    supervisor.refusal = "cannot cancel an update: none is under way"
    assert main(["update", "cancel"]) == 2
    assert "none is under way" in capsys.readouterr().err


def test_status_and_top_have_a_line_of_it() -> None:
    status = make_status(deployment=FETCHING)
    assert "update    release 2 FETCH 25%" in describe(status)
    assert "release 0 (update to 2: FETCH 25%), up" in plain(render(View(status, 0.0), 132, 43, ASCII)[0])
    over = make_status(deployment=DeploymentStatus(seq=9, deployment=ROLLED_BACK))
    assert "update to" not in plain(render(View(over, 0.0), 132, 43, ASCII)[0])
