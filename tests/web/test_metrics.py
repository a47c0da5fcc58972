"""The page for Prometheus: every metric that is described, in a text that its own parser reads, and no secret."""

from __future__ import annotations

import re

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from menshen import __version__
from menshen.figures.readings import Readings
from menshen.web.metrics import METRICS, metrics_of

READINGS = Readings(
    totals={
        "decisions": {"allow": 5, "session_missing": 2},
        "api": {"ok": 1},
        "logins": {"shop ok": 3, "shop code_used": 1},
        "calls": {"wechat shop ok": 3},
        "call_ms": {"wechat 50": 2, "wechat 100": 1, "wechat us": 170_000},
        "requests": {"2xx": 8},
        "request_ms": {"1": 7, "inf": 1, "us": 90_000_000},
        "alone": {"route": 1},
        "routes": {"mall/order 2xx": 8},
    },
    upstreams={"orders": (1, 3)},
    connections=4,
    requests=2,
    envoy_up=True,
    envoy_restarts=1,
    workers=2,
    workers_running=2,
    revision=7,
    key_ages={"sealed": 86_400},
    revocations=3,
    sessions=12,
)


def families(readings: Readings) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics_of(readings).decode())}


def value(name: str, **labels: str) -> float:
    text = metrics_of(READINGS).decode()
    [found] = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return float(found)


def test_every_metric_that_is_described_is_there_and_no_other() -> None:
    described = {
        metric.name.removesuffix("_total") + ("_info" if metric.kind == "info" else ""): metric for metric in METRICS
    }
    found = families(READINGS)
    assert set(found) == set(described)
    for name, family in found.items():
        assert family.type == described[name].kind.replace("info", "gauge"), name
        assert family.documentation == described[name].help
        labels = {label for sample in family.samples for label in sample.labels}
        assert labels - {"le"} == set(described[name].labels), name


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("menshen_decisions_total", {"reason": "session_missing"}, 2),
        ("menshen_logins_total", {"app": "shop", "outcome": "code_used"}, 1),
        ("menshen_platform_calls_total", {"platform": "wechat", "app": "shop", "outcome": "ok"}, 3),
        ("menshen_platform_call_seconds_bucket", {"platform": "wechat", "le": "0.05"}, 2),
        ("menshen_platform_call_seconds_bucket", {"platform": "wechat", "le": "+Inf"}, 3),
        ("menshen_platform_call_seconds_sum", {"platform": "wechat"}, 0.17),
        ("menshen_request_seconds_bucket", {"le": "60"}, 7),
        ("menshen_request_seconds_count", {}, 8),
        ("menshen_request_seconds_sum", {}, 90),
        ("menshen_upstream_endpoints", {"upstream": "orders", "healthy": "true"}, 1),
        ("menshen_upstream_endpoints", {"upstream": "orders", "healthy": "false"}, 2),
        ("menshen_key_age_seconds", {"purpose": "sealed"}, 86_400),
        ("menshen_revision", {}, 7),
        ("menshen_sessions_live", {}, 12),
        ("menshen_envoy_restarts_total", {}, 1),
        ("menshen_build_info", {"version": __version__}, 1),
    ],
)
def test_a_number_is_the_one_that_was_counted(name: str, labels: dict[str, str], expected: float) -> None:
    assert value(name, **labels) == expected


def test_a_node_that_has_done_nothing_has_a_page() -> None:
    found = families(Readings())
    assert found["menshen_envoy_up"].samples[0].value == 0
    assert found["menshen_revision"].samples[0].value == 0
    assert found["menshen_sessions_live"].samples == []
    assert found["menshen_decisions"].samples == []


def test_apis_are_no_labels() -> None:
    """There may be thousands: each would be a series for ever."""
    assert "mall/order" not in metrics_of(READINGS).decode()


def test_names_are_those_of_prometheus() -> None:
    assert [metric.name for metric in METRICS if not re.fullmatch(r"menshen_[a-z]+(_[a-z]+)*", metric.name)] == []
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")
