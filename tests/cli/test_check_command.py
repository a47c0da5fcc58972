from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from menshen.cli.check import check

SOUND = """\
version: 1
apps: [{name: shop, platform: wechat, appid: wx1, secret: "${SHOP_APPSECRET}"}]
upstreams: [{name: orders, endpoints: ["127.0.0.1:9001"]}]
groups:
  - name: mall
    prefix: /mall
    upstream: orders
    apis: [{name: login, path: /login}, {name: order, path: "/orders/{id}"}]
plugins: [{name: shop-login, type: WeChatMpLogin, app: shop}]
bindings: [{plugin: shop-login, group: mall}]
"""

app = typer.Typer()
app.command()(check)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_APPSECRET", "canary-secret-value")
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    path = tmp_path / "menshen.yaml"
    path.write_text(SOUND, encoding="utf-8")
    return path


def test_a_sound_document_is_one_line(file: Path) -> None:
    result = CliRunner().invoke(app, [str(file)])
    assert result.exit_code == 0
    assert result.output.startswith("ok: 1 apps, 1 groups, 2 APIs, 1 plugins, checksum ")
    assert len(result.output.splitlines()) == 1


def test_every_problem_is_a_line(file: Path) -> None:
    file.write_text(SOUND.replace("app: shop", "app: shopp").replace("upstream: orders", "upstream: x\n    pfx: 1"))
    result = CliRunner().invoke(app, [str(file)])
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.output.splitlines()] == [
        "groups[0].pfx",
        "groups[0].upstream",
        "plugins[0].app",
    ]
    assert result.output.isascii()


def test_chinese_is_added_in_a_chinese_locale(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    file.write_text(SOUND.replace("version: 1", "version: 2"))
    result = CliRunner().invoke(app, [str(file)])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("version: must be 1")
    assert "必须是 1" in line


def test_a_variable_that_is_not_set_is_named_and_no_value_is_shown(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "canary" not in CliRunner().invoke(app, [str(file)]).output
    monkeypatch.delenv("SHOP_APPSECRET")
    result = CliRunner().invoke(app, [str(file)])
    assert result.exit_code == 1
    assert result.output == "apps[0].secret: the environment variable SHOP_APPSECRET is not set\n"


def test_a_file_that_cannot_be_read_is_exit_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "none.yaml")])
    assert result.exit_code == 2
    assert "No such file" in result.stderr
