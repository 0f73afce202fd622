"""Updates from afar: wishes, files and reports over a real broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fakes.broker import Broker
from fakes.operator_station import Observer
from fakes.release_site import Site
from fakes.updating_unit import UpdatingUnit

from edgefuse.config.link import parse_broker
from edgefuse.fleet.repository import RepositoryService, find_published
from edgefuse.link.connection import Target
from edgefuse.link.messages import Deployment, Desired, State, decode, encode
from edgefuse.link.topics import DESIRED, make_topic

MakeUnit = Callable[..., UpdatingUnit]


@contextmanager
def repository(broker: Broker, site: Site) -> Iterator[None]:
    """Serve what was published."""
    target = Target("repository", parse_broker(broker.url), None, 60, is_lasting=False)
    service, stop = RepositoryService(target, find_published(site.published)), threading.Event()
    thread = threading.Thread(target=service.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


def wish(observer: Observer, release: str) -> None:
    desired = Desired(release=release, deployment="d1", seq=1)
    observer.publish(make_topic("dev1", DESIRED), encode(desired), is_retained=True)


def newest(observer: Observer) -> Deployment:
    return decode(observer.on("up/deployment")[-1], Deployment)


def link(broker: Broker) -> dict[str, str]:
    return {"broker": broker.url, "device_id": "dev1"}


def test_a_release_comes_over_the_broker_and_each_step_is_told(
    make_unit: MakeUnit, published: Site, broker: Broker, observer: Observer
) -> None:
    with repository(broker, published):
        make_unit(link=link(broker), repository="link")
        wish(observer, "good")
        observer.wait(lambda: observer.on("up/deployment") and newest(observer).state == "COMMITTED", 60.0)
    told = [decode(payload, Deployment) for payload in observer.on("up/deployment")]
    assert {"TRIAL", "COMMITTED"} <= {each.state for each in told}
    assert [each.seq for each in told] == sorted(each.seq for each in told)
    assert set(told[-1].gates) >= {"slowdown", "memory", "parity"} and told[-1].ended_at
    observer.wait(lambda: decode(observer.on("up/state")[-1], State).release == "good", 30.0)
    assert "update_committed" in [event.kind for event in observer.events()]


def test_what_happened_while_there_was_neither_broker_nor_power_is_told_later(
    make_unit: MakeUnit, broker: Broker, observer: Observer
) -> None:
    unit = make_unit(link=link(broker))
    wish(observer, "slow")
    observer.wait(lambda: observer.on("up/deployment"), 60.0)
    broker.kill()
    unit.running.wait(lambda s: s.deployment and s.deployment.deployment.step == "TRIAL")
    unit.kill("supervisor")
    unit.running.wait(lambda s: s.deployment and s.deployment.deployment.is_over)
    before = len(observer.on("up/deployment"))
    broker.start()
    observer.wait(lambda: len(observer.on("up/deployment")) > before, 60.0)
    assert newest(observer).state == "ROLLED_BACK" and "slowdown" in newest(observer).reason
