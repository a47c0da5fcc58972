"""``menshen doctor``, the real command: on a healthy installation, and on one with each kind of failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.installed import PLANTED, document, install, listening
from tests.edge.conftest import APPID
from tests.edge.processes import REPOSITORY, Client, command
from tests.ports import free_port

WRONG = "planted-and-not-the-right-secret"
PAGE = "mp.weixin.qq.com > 开发管理 > 开发设置"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """It is its own backend: whoever answers will do."""
    log = tmp_path_factory.mktemp("doctor") / "emulator.log"
    with command(["-m", "menshen", "emulator", "--listen", "127.0.0.1:0"], log) as running:
        client = Client(running.origin)
        client.post_json("/emulator/wechat/apps", {"appid": APPID, "secret": PLANTED})
        yield client


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


def run(directory: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    addresses = () if "--listen" in arguments else ("--listen", f"127.0.0.1:{free_port()}")
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "menshen", "doctor", "--data-dir", str(directory)),
            *(*addresses, "--admin", f"127.0.0.1:{free_port()}", *arguments),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "LANG": "C.UTF-8", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert PLANTED not in ran.stdout + ran.stderr
    assert WRONG not in ran.stdout + ran.stderr
    return ran


def sound(emulator: Client) -> str:
    return document(emulator.origin, emulator.origin.removeprefix("http://"))


def test_a_healthy_installation(directory: Path, emulator: Client) -> None:
    install(directory, sound(emulator))
    ran = run(directory)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert f"ok       app shop  wechat takes {APPID} and its AppSecret" in lines


def test_for_machines(directory: Path, emulator: Client) -> None:
    install(directory, sound(emulator))
    told: dict[str, Any] = json.loads(run(directory, "--json").stdout)
    assert told["status"] == "ok"
    (app,) = [finding for finding in told["findings"] if finding["check"] == "app"]
    assert app == {
        "check": "app",
        "subject": "shop",
        "status": "ok",
        "trouble": "",
        "found": f"wechat takes {APPID} and its AppSecret",
        "found_zh": f"wechat 接受 {APPID} 及其 AppSecret",
        "advice": "",
        "advice_zh": "",
    }


def test_a_wrong_secret_in_both_languages(directory: Path, emulator: Client) -> None:
    install(directory, sound(emulator).replace(PLANTED, "${SHOP_APPSECRET}"), {"SHOP_APPSECRET": WRONG})
    ran = run(directory, "--app", "shop", SHOP_APPSECRET=WRONG)
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        f"FAILED   app shop  the AppSecret is not the one of {APPID} (40125)",
        f"    → Copy the AppSecret again from {PAGE}, set SHOP_APPSECRET and restart serve.",
    ]
    ran = run(directory, "--app", "shop", SHOP_APPSECRET=WRONG, LANG="zh_CN.UTF-8")
    assert ran.stdout.splitlines() == [
        f"异常    app shop  AppSecret 不属于 {APPID}（40125）",
        f"    → 从 {PAGE} 重新复制 AppSecret，设置环境变量 SHOP_APPSECRET 并重启 serve。",
    ]
    assert run(directory, "--app", "shop", SHOP_APPSECRET=PLANTED).returncode == 0


def test_a_warning_is_no_failure(directory: Path, emulator: Client) -> None:
    install(directory, sound(emulator))
    assert emulator.post_json("/emulator/wechat/faults", {"fault": "40164", "api": "token"}).status == 200
    ran = run(directory)
    assert ran.returncode == 0
    assert "warning  app shop" in ran.stdout
    assert "IP 白名单" in ran.stdout


def test_a_document_that_is_not_applied_yet(directory: Path, emulator: Client, tmp_path: Path) -> None:
    install(directory, sound(emulator))
    file = tmp_path / "menshen.yaml"
    file.write_text(sound(emulator).replace("upstream: orders", "upstream: nobody"))
    ran = run(directory, "--config", str(file))
    assert ran.returncode == 1
    assert "FAILED   configuration  groups[0].upstream: " in ran.stdout


def test_many_failures_at_once(directory: Path, tmp_path: Path) -> None:
    """Each is found, whatever the others are."""
    nobody = free_port()
    tls = f"listener: {{tls: {{certificate: {tmp_path}/chain.pem, key: {tmp_path}/key.pem}}}}\n"
    install(directory, document(f"http://127.0.0.1:{nobody}", f"127.0.0.1:{nobody}") + tls)
    (directory / "keys/assertion.json").chmod(0o644)
    with listening() as taken:
        ran = run(directory, "--listen", f"127.0.0.1:{taken}", "--json")
    assert ran.returncode == 1
    troubles = {(each["check"], each["trouble"]) for each in json.loads(ran.stdout)["findings"] if each["trouble"]}
    assert troubles == {
        ("files", "key_file_open"),
        ("keys", "keys_broken"),
        ("envoy", "envoy_refuses"),
        ("ports", "port_taken"),
        ("certificates", "certificate_unreadable"),
        ("upstream", "upstream_down"),
        ("app", "platform_unreachable"),
    }


def test_nothing_there(tmp_path: Path) -> None:
    ran = run(tmp_path / "nowhere")
    assert ran.returncode == 1
    assert "there is no data directory" in ran.stdout
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "arguments", [("--app", "nobody"), ("--config", "/nowhere.yaml"), ("--listen", "here"), ("--no-such-option",)]
)
def test_wrong_usage(directory: Path, arguments: tuple[str, ...]) -> None:
    ran = run(directory, *arguments)
    assert ran.returncode == 2
    assert ran.stderr
