"""``menshen integrate``: what it prints, and what it will not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.edge.processes import REPOSITORY

DOCUMENT = """\
version: 1
apps: [{name: shop, platform: wechat, appid: wx4f4bc4dec97d474b, secret: "planted-appsecret-of-shop"}]
upstreams: [{name: orders, endpoints: ["127.0.0.1:9001"]}]
groups: [{name: mall, prefix: /mall, upstream: orders, apis: [{name: order, path: "/orders/{id}"}]}]
plugins: [{name: shop-login, type: WeChatMpLogin, app: shop%s}]
bindings: [{plugin: shop-login, group: mall}]
"""


def integrate(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "menshen", "integrate", *arguments, "--data-dir", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=180,
    )


def written(tmp_path: Path, more: str = "") -> str:
    file = tmp_path / "menshen.yaml"
    file.write_text(DOCUMENT % more)
    return str(file)


def test_a_file_is_printed_without_a_node_and_without_its_secrets(tmp_path: Path) -> None:
    run = integrate(tmp_path, "nginx", "--config", written(tmp_path), "--verify", "192.0.2.7:8083")
    assert run.returncode == 0, run.stderr
    assert "192.0.2.7:8083" in run.stdout
    assert "planted-appsecret" not in run.stdout
    assert not (tmp_path / "data").exists()


def test_what_only_envoy_can_do_is_named_and_nothing_is_printed(tmp_path: Path) -> None:
    file = written(tmp_path, ", code: {in: body, name: code}, respond: gateway")
    run = integrate(tmp_path, "nginx", "--config", file)
    assert (run.returncode, run.stdout) == (1, "")
    assert "mall/order: a login code in the body" in run.stderr


@pytest.mark.parametrize(("file", "exit_code"), [("missing.yaml", 2), ("bad.yaml", 1)])
def test_a_document_that_is_none_is_said(file: str, exit_code: int, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("version: 1\nunknown: 1\n")
    run = integrate(tmp_path, "nginx", "--config", str(tmp_path / file))
    assert (run.returncode, run.stdout) == (exit_code, "")
    assert "Traceback" not in run.stderr


def test_the_secret_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = (integrate(tmp_path, "nginx", "--secret") for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stdout.startswith("proxy_set_header x-menshen-proxy ")


@pytest.mark.parametrize("proxy", ["nginx", "caddy", "haproxy"])
def test_a_gateway_that_asks_by_tls_is_told_whom_to_trust_and_what_to_show(proxy: str, tmp_path: Path) -> None:
    options = ("--verify-ca", "/etc/ca.pem", "--client-cert", "/etc/own.pem", "--client-key", "/etc/own.key")
    run = integrate(
        tmp_path,
        proxy,
        "--config",
        written(tmp_path),
        "--verify",
        "menshen.internal:8083",
        "--listen=[::]:80",
        *options,
    )
    assert run.returncode == 0, run.stderr
    asked = [line for line in run.stdout.splitlines() if "/etc/ca.pem" in line]
    assert len(asked) == 2  # the question, and the user API
    assert "/etc/own.pem" in run.stdout
    assert "menshen.internal" in run.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--verify-name", "menshen.internal"), "--verify-ca"),
        (("--verify-ca", "/etc/ca.pem"), "--verify-name"),  # the default address is none of a certificate's names
        (("--verify-ca", "/etc/ca.pem; include /etc/passwd", "--verify-name", "a"), "not printed"),
        (("--verify-ca", "/etc/ca.pem", "--verify-name", "a", "--client-cert", "/etc/own.pem"), "the other"),
    ],
)
def test_options_of_tls_that_do_not_go_together_print_nothing(
    options: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run = integrate(tmp_path, "nginx", "--config", written(tmp_path), *options)
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
