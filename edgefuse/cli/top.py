"""``edgefuse top``: a live view of this unit, and keys that steer it."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from dataclasses import replace

from edgefuse import clock
from edgefuse.cli._feed import INTERVAL_S, Feed, News, Outcome
from edgefuse.cli._frame import render
from edgefuse.cli._line import encode
from edgefuse.cli._screen import Screen, has_colours, pick_glyphs
from edgefuse.cli._supervisor import get_status
from edgefuse.cli._view import View, press
from edgefuse.command import Command
from edgefuse.supervisor.control import Status


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="print one frame and end, for scripts")


def _run(options: argparse.Namespace) -> int:
    status = get_status()
    view = View(status, _now_s()).with_status(status, _now_s())
    return _print_frame(view) if options.once else _watch(view)


def _now_s() -> float:
    return clock.now_ns() / clock.NS_PER_S


def _print_frame(view: View) -> int:
    """Print a frame as large as the terminal, 80 x 24 where there is none."""
    is_coloured = sys.stdout.isatty() and has_colours(os.environ)
    for line in render(view, *shutil.get_terminal_size(), pick_glyphs(os.environ))[:-1]:  # without the keys
        print(encode(line, is_coloured=is_coloured).rstrip())
    return 0


def _watch(view: View) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` is answered like Ctrl-C
    glyphs = pick_glyphs(os.environ)
    otherwise = "edgefuse top --once prints one frame"
    with Screen(is_coloured=has_colours(os.environ), otherwise=otherwise) as screen:
        feed = Feed(screen.wake)
        feed.start()
        while True:
            screen.show(render(view, *screen.size, glyphs))
            for key in screen.wait(timeout_s=INTERVAL_S):
                if key == "q":
                    return 0
                view = _press(view, key, feed)
            for news in feed.news():
                view = _learn(view, news)


def _press(view: View, key: str, feed: Feed) -> View:
    view, wish = press(view, key)
    if wish is None:
        return view
    feed.ask_for(wish)
    return replace(view, message=f"asked to {wish.aim} ...")


def _learn(view: View, news: News) -> View:
    if isinstance(news, Status):
        return view.with_status(news, _now_s())
    if isinstance(news, Outcome):
        return replace(view, message=news.text)
    return view.with_trouble(str(news), _now_s())


PLUGIN = Command(
    help="watch this unit live: heat, rate, stages, memory, points and events, each with its scale and its reason",
    example="edgefuse top",
    add_arguments=_add_arguments,
    run=_run,
)
