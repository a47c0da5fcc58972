"""The dashboard and the alerts ask for what there is, and leave nothing out."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from docs.generate import ROOT, metric_meanings
from menshen.web.metrics import METRICS

_NAME = re.compile(r"\bmenshen_[a-z_]+")


def asked(expression: str) -> set[str]:
    """Metrics of an expression, by the names that they have here."""
    return {re.sub(r"_(bucket|count|sum|info)$", "", name) for name in _NAME.findall(expression)}


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/menshen.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    shown = set().union(*(asked(target["expr"]) for panel in panels for target in panel["targets"]))
    assert shown == {metric.name for metric in METRICS}
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for label in re.findall(r"\{\{(\w+)\}\}", json.dumps(panel["targets"])):
            known = {name for metric in METRICS for name in metric.labels} | {"instance"}
            assert label in known, panel["title"]


def test_no_two_panels_lie_on_each_other() -> None:
    panels = json.loads((ROOT / "deploy/grafana/menshen.json").read_text(encoding="utf-8"))["panels"]
    taken: set[tuple[int, int]] = set()
    for at in (panel["gridPos"] for panel in panels):
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("page", ["docs/how-to/metrics.md", "docs/how-to/metrics.zh-CN.md"])
def test_alerts_ask_for_metrics_and_labels_that_there_are(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    scrape, alerts = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    assert scrape["scrape_configs"][0]["static_configs"][0]["targets"]
    labels = {metric.name: {*metric.labels, "job", "le"} for metric in METRICS}
    for rule in alerts["groups"][0]["rules"]:
        for name, selector in re.findall(r"\b(menshen_[a-z_]+)(?:\{([^}]*)\})?", rule["expr"]):
            assert name in labels, rule["alert"]
            assert set(re.findall(r"(\w+)=", selector)) <= labels[name], rule["alert"]


def test_every_metric_has_a_chinese_meaning() -> None:
    assert set(metric_meanings()) == {metric.name for metric in METRICS}
