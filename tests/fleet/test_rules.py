"""The rules of the file ``acl``, as mosquitto understands them."""

from __future__ import annotations

import pytest

from edgefuse.errors import ConfigError
from edgefuse.fleet.broker import make_rules
from edgefuse.fleet.embedded.rules import parse_rules
from edgefuse.fleet.site import OPERATOR, Member, Register

SITE = Register(
    host="localhost",
    port=8883,
    key_id="k",
    members={"a": Member(serial="1", key_id="k"), "gone": Member(serial="2", key_id="k", is_revoked=True)},
)
OWN, OTHERS = "ef/v1/d/a", "ef/v1/d/b"


@pytest.mark.parametrize(
    ("user", "access", "topic", "is_allowed"),
    [
        ("a", "write", f"{OWN}/up/state", True),
        ("a", "write", f"{OWN}/up", True),
        ("a", "read", f"{OWN}/up/state", False),
        ("a", "read", f"{OWN}/dn/cmd", True),
        ("a", "write", f"{OWN}/dn/cmd", False),
        ("a", "write", f"{OTHERS}/up/state", False),
        ("a", "write", f"{OWN}/up/repo/req", True),
        ("a", "write", f"{OWN}/up/deployment", True),
        ("a", "read", f"{OWN}/dn/desired", True),
        ("a", "read", f"{OWN}/dn/repo/r1", True),
        ("a", "write", f"{OWN}/dn/desired", False),
        ("a", "write", f"{OTHERS}/up/repo/req", False),
        ("a", "read", f"{OTHERS}/dn/repo/r1", False),
        (OPERATOR, "write", f"{OWN}/dn/desired", True),
        (OPERATOR, "write", f"{OWN}/dn/repo/r1", True),
        (OPERATOR, "read", f"{OWN}/up/deployment", True),
        (OPERATOR, "read", f"{OWN}/up/repo/req", True),
        ("a", "read", f"{OTHERS}/dn/cmd", False),
        ("a", "read", "ef/v1/d", False),
        ("gone", "write", "ef/v1/d/gone/up/state", False),
        ("gone", "read", "ef/v1/d/gone/dn/cmd", False),
        (OPERATOR, "read", f"{OWN}/up/reply/c1", True),
        (OPERATOR, "write", f"{OWN}/dn/cmd", True),
        (OPERATOR, "write", f"{OWN}/up/state", False),
        (OPERATOR, "read", f"{OWN}/up", True),
    ],
)
def test_rules_of_a_site_are_kept(user: str, access: str, topic: str, is_allowed: bool) -> None:
    assert parse_rules(make_rules(SITE)).may(user, access, topic) is is_allowed


@pytest.mark.parametrize("line", ["topic read a", "user", "pattern allow a", "nonsense", "pattern read a b"])
def test_what_is_no_rule_is_told(line: str) -> None:
    with pytest.raises(ConfigError, match=f"acl:2: '{line}' is no rule"):
        parse_rules(f"# comment\n{line}\n")
