"""The alert rules that ship, held against what the exporter gives and judged by Prometheus's own promtool."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from fakes.records import DEPLOYMENT, NOW_S, make_record, make_register

from edgefuse.fleet.controller import Counts
from edgefuse.fleet.metrics import look
from edgefuse.fleet.page import make_page

CHECKOUT = Path(__file__).resolve().parents[2]
SHIPPED = CHECKOUT / "integrations/prometheus"
PAGE = make_page(look([make_record(deployment=DEPLOYMENT)], make_register("door-3"), NOW_S), Counts())
EXPRESSIONS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load((SHIPPED / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
MISSING = 2
"""Exit code of tools/prometheus; promtool's own are 1 and 3."""


def promtool(*arguments: str | Path, given: str = "") -> None:
    """Run promtool, which must find nothing wrong; skip where there is none."""
    command = [CHECKOUT / "tools/prometheus", "promtool", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode == MISSING:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", EXPRESSIONS)
def test_an_alert_asks_for_nothing_that_the_exporter_does_not_give(alert: str) -> None:
    exported = re.findall(r"^# TYPE (\w+)", PAGE, re.MULTILINE)
    assert set(re.findall(r"edgefuse_\w+", EXPRESSIONS[alert])) <= {*exported}


def test_promtool_finds_the_configuration_and_its_rules_in_order() -> None:
    promtool("check", "config", SHIPPED / "prometheus.yml")


def test_alerts_fire_when_they_should_and_not_else() -> None:
    promtool("test", "rules", Path(__file__).with_name("alerts_test.yml"))


def test_promtool_finds_a_page_in_order() -> None:
    promtool("check", "metrics", given=PAGE)


def test_every_alert_is_tried() -> None:
    tried = yaml.safe_load(Path(__file__).with_name("alerts_test.yml").read_text())["tests"]
    fired = {rule["alertname"] for test in tried for rule in test["alert_rule_test"] if rule["exp_alerts"]}
    assert fired == {*EXPRESSIONS}
