"""``edgefuse fleet console``: who may log in at the console."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edgefuse.cli._fleet_actions import add_action, add_site, site_folder
from edgefuse.cli._sheet import lay_out
from edgefuse.console.tokens import load_tokens, make_token, revoke_token
from edgefuse.errors import ConfigError
from edgefuse.fleet.audit import find_user, note_act
from edgefuse.fleet.site import load_register

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions

DAY_S = 86_400.0


def add_actions(actions: Actions) -> None:
    """Add what lets people in."""
    about = "make and revoke tokens, by which people and programs log in at the console"
    console = add_action(actions, "console", about, " token anna --role viewer --expires-days 30", _token)
    console.usage = "%(prog)s token [NAME] [options]"
    console.add_argument("noun", metavar="token", choices=("token",))
    console.add_argument("name", metavar="NAME", nargs="?", help="whom it is for; without it, all tokens are listed")
    console.add_argument("--role", choices=("viewer", "operator"), help="(default viewer, which may only look)")
    console.add_argument("--expires-days", metavar="N", type=float, help="(default: it holds until it is revoked)")
    console.add_argument("--revoke", action="store_true", help="end it, and log out whoever logged in by it")
    add_site(console)


def _token(options: argparse.Namespace) -> int:
    folder = site_folder(options)
    load_register(folder)  # no tokens are made where there is no site
    makes = options.role is not None or options.expires_days is not None
    if (options.name is None and (makes or options.revoke)) or (options.revoke and makes):
        raise ConfigError(
            "cannot tell what to do: expected NAME [--role ROLE] [--expires-days N], NAME --revoke, or nothing"
        )
    if options.name is None:
        tokens = load_tokens(folder)
        print(
            lay_out((token.name, [f"{token.role}, made {token.made_at}, {_end(token.expires_at)}"]) for token in tokens)
        )
    elif options.revoke:
        revoke_token(folder, options.name)
        note_act(folder, find_user(), "revoke token", detail=options.name, outcome="done")
    else:
        if options.expires_days is not None and not 0 < options.expires_days <= 36_500:
            raise ConfigError(f"cannot make a token for {options.expires_days:g} days: give a number above 0")
        lifetime_s = None if options.expires_days is None else options.expires_days * DAY_S
        print(make_token(folder, options.name, role := options.role or "viewer", lifetime_s))
        note_act(folder, find_user(), "make token", detail=f"{options.name}, {role}", outcome="done")
    return 0


def _end(expires_at: str) -> str:
    return f"until {expires_at}" if expires_at else "until it is revoked"
