"""What happened is what is told: the same numbers for Prometheus, for the admin API, and after a worker was killed."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.edge.conftest import Stack, running_stack

WITHIN = 60.0
"""Seconds that figures may take: a worker tells every second, Envoy is asked every other, for APIs every tenth."""

Samples = dict[str, float]
"""``name{label=value,…}`` -> value."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One that has answered nothing yet."""
    with running_stack(tmp_path_factory.mktemp("figures")) as stack:
        yield stack


def scraped(stack: Stack) -> Samples:
    reply = stack.admin("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    found: Samples = {}
    for family in text_string_to_metric_families(reply.raw.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def figures(stack: Stack) -> Any:
    token = (stack.data_dir / "admin.token").read_text().strip()
    reply = stack.admin("/v1/figures", ("authorization", f"Bearer {token}"))
    assert reply.status == 200, reply.raw
    return reply.json


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.2)
    return holds()


def forty(stack: Stack) -> None:
    """Forty requests: 3 logins of which one fails, 28 with a good state, 5 with none, 3 with a bad one, 1 nowhere."""
    state = stack.log_in("zhangsan")
    stack.log_in("lisi")
    with stack.faulty(fault="-1"):
        assert stack.gateway("/mall/login", ("js_code", stack.code("wangwu"))).status == 503
    for number in range(28):
        assert stack.gateway(f"/mall/orders/{number}", ("user_session", state)).status == 200
    for _ in range(5):
        assert stack.gateway("/mall/orders/1").status == 401
    for _ in range(3):
        assert stack.gateway("/mall/orders/1", ("user_session", state[:-4] + "AAAA")).status == 401
    assert stack.gateway("/nowhere").status == 404


def test_forty_requests_are_forty_everywhere(gateway: Stack) -> None:
    forty(gateway)
    assert until(lambda: figures(gateway)["now"]["requests"] == 40 and bool(figures(gateway)["now"]["apis"]))
    now = figures(gateway)["now"]
    assert now["by_status"] == {"2xx": 30, "4xx": 9, "5xx": 1}
    assert now["success"] == 30 / 40
    assert now["logins"] == {"ok": 2, "platform_says_busy": 1}
    assert now["decisions"] == {
        "allow": 28,
        "session_missing": 5,
        "session_invalid": 3,
        "login": 2,
        "platform_says_busy": 1,
    }
    assert now["alone"] == {"route": 1}
    assert [each["reason"] for each in now["errors"]] == ["session_missing", "session_invalid", "platform_says_busy"]
    assert now["apis"] == [
        {"api": "mall/order", "requests": 28, "failed": 0},
        {"api": "mall/login", "requests": 2, "failed": 0},
    ]
    assert now["apps"] == [
        {"app": "shop", "platform": "wechat", "calls": 3, "failed": 1, "reasons": {"platform_says_busy": 1}}
    ]
    assert until(lambda: figures(gateway)["now"]["p99_ms"] is not None)
    assert 0 < figures(gateway)["now"]["p50_ms"] <= figures(gateway)["now"]["p99_ms"] < 5000

    samples = scraped(gateway)
    for name, value in {
        "menshen_requests_total{status=2xx}": 30,
        "menshen_requests_total{status=4xx}": 9,
        "menshen_requests_total{status=5xx}": 1,
        "menshen_request_seconds_count{}": 40,
        "menshen_decisions_total{reason=allow}": 28,
        "menshen_decisions_total{reason=session_missing}": 5,
        "menshen_logins_total{app=shop,outcome=ok}": 2,
        "menshen_logins_total{app=shop,outcome=platform_says_busy}": 1,
        "menshen_platform_calls_total{app=shop,outcome=ok,platform=wechat}": 2,
        "menshen_platform_call_seconds_count{platform=wechat}": 3,
        "menshen_envoy_refusals_total{by=route}": 1,
        "menshen_upstream_endpoints{healthy=true,upstream=orders}": 1,
        "menshen_upstream_endpoints{healthy=false,upstream=orders}": 0,
        "menshen_revision{}": 1,
        "menshen_envoy_up{}": 1,
        "menshen_workers_running{}": 1,
        "menshen_database_up{}": 1,
    }.items():
        assert samples.get(name) == value, name
    assert 0 <= samples["menshen_key_age_seconds{purpose=sealed}"] < 600


def test_the_overview_shows_the_same(gateway: Stack) -> None:
    """Whoever sets the console up comes to it; the browser's part of it is fresh every two seconds."""
    stdout = gateway.serve.process.stdout
    assert stdout is not None
    token = stdout.readline().split()[-1].decode()
    form = gateway.admin("/console/setup")
    visit = form.headers["set-cookie"].partition(";")[0]
    [csrf] = set(re.findall(r'name="csrf" value="([0-9a-f]{64})"', form.raw.decode()))
    password = "planted-password-of-the-owner"
    fields = {"csrf": csrf, "token": token, "name": "laoli", "password": password, "again": password}
    signed = gateway.admin(
        "/console/setup",
        ("cookie", visit),
        ("content-type", "application/x-www-form-urlencoded"),
        method="POST",
        body=urlencode(fields).encode(),
    )
    assert signed.status == 303, signed.raw
    cookie = signed.headers["set-cookie"].partition(";")[0]
    said = ("Success 75.0 %", "session_missing 5", "platform_says_busy 1", "mall/order 28", "1 of 1 healthy")
    for path in ("/console/", "/console/overview/now"):
        assert until(lambda path=path: all(each in words(gateway, path, cookie) for each in said))  # type: ignore[misc]
        assert "shop wechat unwell 3 calls, 1 failed" in words(gateway, path, cookie)
        assert password not in words(gateway, path, cookie)


def words(stack: Stack, path: str, cookie: str) -> str:
    """What a visitor reads on a page."""
    page = stack.admin(path, ("cookie", cookie), ("accept-language", "en"))
    assert page.status == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.raw.decode()))


def test_counters_survive_a_worker_that_is_killed(gateway: Stack) -> None:
    before = scraped(gateway)["menshen_decisions_total{reason=session_missing}"]
    [worker] = _workers(gateway)
    os.kill(worker, signal.SIGKILL)
    assert until(lambda: _workers(gateway) not in ([], [worker]) and gateway.gateway("/mall/orders/1").status == 401)
    assert until(lambda: scraped(gateway)["menshen_decisions_total{reason=session_missing}"] > before)
    after = scraped(gateway)
    assert after["menshen_decisions_total{reason=allow}"] == 28
    assert after["menshen_logins_total{app=shop,outcome=ok}"] == 2


def test_counters_survive_envoy(gateway: Stack) -> None:
    before = scraped(gateway)
    [envoy] = _children(gateway.serve.pid, "envoy")
    os.kill(envoy, signal.SIGKILL)
    assert until(lambda: _children(gateway.serve.pid, "envoy") not in ([], [envoy]) and _answers(gateway))
    name = "menshen_requests_total{status=2xx}"
    assert gateway.gateway("/mall/static/x").status == 200
    assert until(lambda: scraped(gateway)[name] > before[name])
    after = scraped(gateway)
    assert after["menshen_envoy_restarts_total{}"] == 1
    counters = [key for key in before if "_total{" in key or "_count{" in key or "_bucket{" in key]
    assert [key for key in counters if after[key] < before[key]] == []


def test_a_day_is_there_after_a_restart_and_readiness_tells_more(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:
        assert stack.gateway("/mall/static/x").status == 200
        assert until(lambda: figures(stack)["now"]["requests"] == 1)
        assert stack.admin("/readyz").json == {"workers": True, "envoy": True, "database": True, "revision": 1}
    with running_stack(tmp_path) as stack:
        day = figures(stack)["day"]
        assert (day["requests"], day["by_status"]) == (1, {"2xx": 1})
        points = figures(stack)["points"]
        assert len(points) == 144
        assert sum(point["requests"] for point in points) == 1


def test_no_client_reaches_the_admin_socket_or_the_figures(gateway: Stack) -> None:
    """Attack class 47: Envoy's own interface, and ours, at the address that is open to all."""
    socket = gateway.data_dir / "envoy" / "admin.sock"
    assert socket.is_socket()
    assert socket.stat().st_mode & 0o077 == 0
    assert socket.parent.stat().st_mode & 0o077 == 0
    for path in ("/stats", "/config_dump", "/clusters", "/quitquitquit", "/metrics", "/v1/figures", "/readyz"):
        assert gateway.gateway(path).status == 404
        assert gateway.gateway(path, host="envoy").status == 404
        assert gateway.gateway(path, host="127.0.0.1").status == 404
    assert gateway.admin("/stats").status == 404
    assert gateway.admin("/v1/figures").status == 401
    listening = {port for pid in _children(gateway.serve.pid, "envoy") for port in _listening(pid)}
    assert listening == {gateway.gateway.port}


def test_labels_are_names_and_reasons_and_nothing_of_a_request(gateway: Stack) -> None:
    gateway.gateway("/mall/planted-path/openid-1234")
    gateway.gateway("/mall/orders/1", ("user_session", "planted-state"))
    gateway.gateway("/mall/login", ("js_code", "planted-code"))
    time.sleep(2.5)
    text = gateway.admin("/metrics").raw.decode()
    assert "planted" not in text
    values = {value for label in re.findall(r'="([^"]*)"', text) for value in [label]}
    assert [value for value in values if not re.fullmatch(r"[a-z0-9_.@+-]+|\+Inf", value, re.IGNORECASE)] == []


def _answers(stack: Stack) -> bool:
    try:
        return stack.gateway("/mall/static/x").status == 200
    except OSError:
        return False


def _workers(stack: Stack) -> list[int]:
    return _children(stack.serve.pid, "menshen.node.worker")


def _children(pid: int, word: str) -> list[int]:
    found = []
    for name in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            command = Path(f"/proc/{name}/cmdline").read_bytes()
        except FileNotFoundError:
            continue
        if word.encode() in (command if "." in word else command.split(b"\0")[0]):
            found.append(int(name))
    return found


def _listening(pid: int) -> set[int]:
    """TCP ports on which a process listens."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
        except FileNotFoundError:
            continue
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
