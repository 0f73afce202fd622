"""The page in a real Chromium, as a person uses it, against a real console with simulated devices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from fakes.axe import find_obstacles, load_axe
from fakes.broker import BrokerMissingError
from fakes.certified import CertifiedClient
from fakes.chromium import Chromium, ChromiumMissingError, Page, chromium
from fakes.watched_fleet import WatchedFleet, watched_fleet

from edgefuse.errors import FetchError
from edgefuse.fleet.enrolment import enrol
from edgefuse.fleet.site import load_register
from edgefuse.link.credentials import install_credentials
from edgefuse.link.messages import Event, Inventory, State, encode
from edgefuse.link.topics import EVENT, INVENTORY, STATE, make_topic
from edgefuse.store.store import Store

DEVICES = 8
HOT = "sim-00001"
"""Finds every release too slow, and goes back."""
COOL = "sim-00004"
T = "2026-11-20T09:00:00Z"
PAGES = {"": COOL, f"devices/{COOL}": COOL, "releases": "two", "events": COOL, "audit": "log in"}
"""Where they are, and what each of them shows."""
PHONE_PX = (360, 740)
ROWS = "[...document.querySelectorAll('table.fleet tbody tr th a')].map(e => e.textContent)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """One browser for all tests; each has a login of its own."""
    try:
        with chromium() as browser:
            yield browser
    except ChromiumMissingError:
        pytest.skip("there is no Chromium on this machine, and none can be fetched")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedFleet]:
    """Eight devices, one of them hot."""
    try:
        with watched_fleet(tmp_path_factory.mktemp("watched"), DEVICES, "--hot", "1") as fleet:
            yield fleet
    except BrokerMissingError:
        pytest.skip("there is no mosquitto on this machine, and none can be fetched")


@pytest.fixture
def page(browser: Chromium, fleet: WatchedFleet) -> Page:
    """The page of the fleet, entered as an operator."""
    return enter(browser, fleet)


def enter(browser: Chromium, fleet: WatchedFleet, role: str = "operator") -> Page:
    """Enter by the address that the console printed."""
    page = browser.page()
    page.open(fleet.entrance(role))
    page.wait_for("table.fleet tbody th", COOL)
    return page


def go(page: Page, place: str, shown: str) -> None:
    """Go to a page by its address, and wait until it shows a text."""
    page.ask(f"location.hash = '#/{place}'")
    page.wait_for("main", shown)


def test_a_token_in_the_address_lets_one_in_and_does_not_stay_there(page: Page) -> None:
    assert "token" not in page.ask("location.href")
    assert page.ask(ROWS) == [f"sim-{number:05}" for number in range(1, DEVICES + 1)]
    assert "°C" in page.text and "fps" in page.text
    page.call("Page.reload")
    page.wait_for("table.fleet tbody th", COOL)  # the login holds without the token
    assert page.complaints == []


def test_without_a_token_nothing_is_shown_and_a_wrong_one_is_refused_in_words(
    browser: Chromium, fleet: WatchedFleet
) -> None:
    page = browser.page()
    page.open(fleet.address)
    page.wait_for("form.login label")
    page.click("#token")
    page.type("guess")
    page.press("Enter")
    assert "cannot log in" in page.wait_for("form.login .problem")
    assert "sim-0" not in page.text


def test_search_menus_and_counts_narrow_the_table_down_and_the_address_keeps_it(page: Page) -> None:
    page.press("/")
    page.type("00004")
    page.wait(f"({ROWS}).join() === '{COOL}'")
    assert f"1 of {DEVICES} devices" in page.wait_for(".found")
    assert "q=00004" in page.ask("location.hash")
    page.click(".filters a", "Clear")
    page.wait(f"({ROWS}).length === {DEVICES}")
    page.choose("select[aria-label='Filter by label']", "fault=hot")
    page.wait(f"({ROWS}).join() === '{HOT}'")
    page.click(".overview a", "offline")
    assert "No device fits" in page.wait_for(".empty p")


def test_the_table_is_ordered_by_a_click_and_walked_by_keys(page: Page) -> None:
    page.click("thead button", "Device")
    page.wait(f"({ROWS})[0] === 'sim-{DEVICES:05}'")
    assert page.ask("document.querySelector('thead .c-device').ariaSort") == "descending"
    page.ask("document.querySelector('table.fleet tbody a[tabindex=\"0\"]').focus()")
    page.press("ArrowDown")
    page.press("End")
    page.press("ArrowUp")
    assert page.ask("document.activeElement.textContent") == "sim-00002"
    page.press("Enter")
    assert page.wait_for("h1", "sim-00002")
    page.ask("document.querySelector('.skip').click()")
    assert page.ask("document.activeElement.id") == "content"
    assert page.wait_for("h1", "sim-00002")


def test_a_device_tells_its_figures_and_answers_a_command(page: Page) -> None:
    page.click("table.fleet tbody th a", COOL)
    page.wait_for(".tiles dd", "°C")
    page.wait_for(".facts dd", "all that point 0 allows")
    page.click(".commands button", "set-effect")
    page.choose("#arg-effect", "none")
    page.click("dialog button", "Send")
    assert page.wait_for("dialog .reply .chip") == "done"
    page.click("dialog button", "Close")
    page.wait_for("table.plain tr", "an operator pinned it")
    go(page, "audit", "set-effect")
    assert page.complaints == []


@pytest.mark.slow
def test_a_release_is_pushed_and_committed_and_a_hot_board_rolls_back(page: Page) -> None:
    for device in (COOL, HOT):
        go(page, "releases", "two")
        page.click("table.plain tr:first-child button", "Push")
        page.click("#push-device")
        page.type(device)
        page.wait_for(".met", "This meets 1 device, 1 of them connected now.")
        page.click("dialog button.grave", "Push")
        page.wait_for("dialog .told", "Pushed as deployment")
        page.click("dialog button", "Close")
    page.wait_for(".deployment .chip", "1 COMMITTED")
    page.wait_for(".deployment .chip", "1 ROLLED_BACK")
    for device, end in ((COOL, "COMMITTED"), (HOT, "ROLLED_BACK")):
        go(page, f"devices/{device}", end)
        page.wait_for("table.plain td", "slowdown")  # what its gates measured
    page.wait_for(".reason", "a frame takes longer than before")
    page.wait("document.querySelectorAll('.plot .line').length")  # temperature, rate, point, latency
    go(page, "?state=failed", HOT)
    assert page.ask(ROWS) == [HOT]


def test_a_viewer_sees_everything_and_is_offered_nothing(browser: Chromium, fleet: WatchedFleet) -> None:
    page = enter(browser, fleet, "viewer")
    go(page, f"devices/{COOL}", "You may look")
    go(page, "releases", "two")
    assert "Push" not in page.text


@pytest.mark.parametrize("is_dark", [False, True])
def test_nothing_keeps_people_from_using_any_page(page: Page, store: Store, is_dark: bool) -> None:
    try:
        axe = load_axe(store)
    except FetchError as e:
        pytest.skip(str(e))
    page.size(1280, 800, is_dark=is_dark)
    rules = ("color-contrast",) if is_dark else ()  # nothing else differs in the dark
    for place, shown in PAGES.items():
        go(page, place, shown)
        assert find_obstacles(page, axe, *rules) == [], place
    go(page, f"devices/{COOL}", COOL)
    page.click(".commands button", "pin-point")
    page.wait_for("dialog h2")
    assert find_obstacles(page, axe, *rules) == []


def test_every_page_fits_a_phone(page: Page) -> None:
    page.size(*PHONE_PX)
    for place, shown in PAGES.items():
        go(page, place, shown)
        assert page.ask("document.documentElement.scrollWidth") == PHONE_PX[0], place
    go(page, "releases", "two")
    page.click("button", "Push")
    assert page.ask("(dialog => dialog.scrollWidth <= dialog.clientWidth)(document.querySelector('dialog'))")


def test_what_a_device_says_never_becomes_markup(page: Page, fleet: WatchedFleet) -> None:
    markup = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    folder = fleet.folder.with_name("evil")
    install_credentials(enrol(fleet.folder, "evil"), folder, fleet.folder.stat())
    files = (folder / name for name in ("ca.pem", "device.pem", "device.key"))
    state = State(
        t=T, presence="online", version=markup, release=markup, service=markup, mode="normal", mqtt="5", boot="b"
    )
    inventory = Inventory(
        t=T,
        profile=markup,
        board=markup,
        host={markup: markup},
        runtimes={markup: markup},
        choices={markup: markup, "constructor": markup},
        rejections={markup: (markup,)},
    )
    event = Event(t=T, stream="s", n=1, level="error", kind=markup, text=markup)
    with closing(CertifiedClient(load_register(fleet.folder).port, *files)) as device:
        for topic, said in ((STATE, state), (INVENTORY, inventory), (EVENT, event)):
            device.publish(make_topic("evil", topic), encode(said))
        page.wait_for("table.fleet tbody tr", "<img src=x")
        for place in ("devices/evil", "events", "releases"):
            go(page, place, "<script>")
        assert page.ask("document.querySelectorAll('main script, main img[src=x]').length") == 0
        assert "owned" not in page.ask("document.title")
    assert page.complaints == []


def test_a_lost_console_is_told_and_asked_again(page: Page, fleet: WatchedFleet) -> None:
    fleet.stop()
    assert "What you see is old" in page.wait_for(".trouble")
    fleet.start()
    assert "The login is over" in page.wait_for("form.login .problem")  # logins end with the console
