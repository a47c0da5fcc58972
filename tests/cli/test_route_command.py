from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from menshen.cli.revisions import apply
from menshen.cli.route import route
from menshen.config.buckets import bucket

DOCUMENT = """\
version: 1
apps: [{name: shop, platform: wechat, appid: wx1, secret: "${SHOP_APPSECRET}"}]
upstreams:
  - name: orders
    endpoints: ["127.0.0.1:9001"]
    versions: [{name: v2, endpoints: ["[::1]:9002", "127.0.0.1:9003"]}]
groups:
  - name: mall
    prefix: /mall
    strip_prefix: true
    upstream: orders
    apis:
      - {name: login, path: /login}
      - {name: order, path: "/orders/{id}", methods: [GET]}
      - {name: news, path: /news, access: public}
  - name: old
    prefix: /old
    upstream: orders
    apis: [{name: all, path: /*}]
  - {name: up, prefix: /up, upstream: orders, apis: [{name: all, path: /*}]}
plugins:
  - {name: shop-login, type: WeChatMpLogin, app: shop, session: {kind: signed}}
  - {name: near, type: IpAccess, allow: [10.0.0.0/8]}
  - {name: lifted, type: Tag, tags: [{in: query, name: city}, {in: header, name: x-beta, tag: beta}]}
  - name: grey
    type: Canary
    rules:
      - name: testers
        priority: 1
        when: [{tag: city, values: [北京]}, {tag: beta, values: ["1"]}]
        to: [{version: v2}]
      - {name: some, priority: 2, to: [{version: v2, weight: 10}]}
  - {name: moved, type: PathRewrite, rules: [{regex: "/old/a/(.*)", replacement: "/old/b/$1", block: true}]}
  - {name: upward, type: PathRewrite, rules: [{regex: "/up/o(.*)", replacement: "/x/$1"}]}
bindings:
  - {plugin: upward, group: up}
  - {plugin: shop-login, group: mall}
  - {plugin: near, group: mall}
  - {plugin: lifted, group: mall}
  - {plugin: grey, api: mall/order}
  - {plugin: moved, group: old}
"""

app = typer.Typer()
app.command()(route)
applying = typer.Typer()
applying.command()(apply)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_APPSECRET", "planted-secret-value")
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    path = tmp_path / "menshen.yaml"
    path.write_text(DOCUMENT, encoding="utf-8")
    return path


def ask(file: Path, *arguments: str, code: int = 0) -> list[str]:
    result = CliRunner().invoke(app, ["--config", str(file), *arguments])
    assert result.exit_code == code, result.output
    assert "planted" not in result.output
    return result.output.splitlines()


def ask_json(file: Path, *arguments: str, code: int = 0) -> dict[str, object]:
    found: dict[str, object] = json.loads("\n".join(ask(file, "--json", *arguments, code=code)))
    return found


def _user(*, low: bool) -> str:
    return next(uid for uid in map(str, range(1000)) if (bucket("grey/some", uid) < 10) is low)


def test_where_a_user_goes_and_why(file: Path) -> None:
    uid = _user(low=True)
    assert ask(file, "--path", "/mall/orders/7?x=1", "--user", uid) == [
        "GET /mall/orders/7?x=1, host *",
        "API: mall/order (/mall/orders/{id}, GET)",
        "guard: near (IpAccess), asked by Envoy alone",
        "guard: shop-login (WeChatMpLogin), asked by Envoy alone",
        f"user: {uid}",
        "plugin: shop-login (WeChatMpLogin), bound to mall",
        "plugin: near (IpAccess), bound to mall",
        "plugin: lifted (Tag), bound to mall",
        "plugin: grey (Canary), bound to mall/order",
        "tag: city is not there (a client chooses it)",
        "tag: beta is not there (a client chooses it)",
        'canary: grey/testers does not fit: city EQUAL "北京": no, it is ""; beta EQUAL "1": no, it is "" [AND]',
        "canary: grey/some fits: it has no condition",
        f"bucket: {bucket('grey/some', uid)}, by the user; v2 0-9, default 10-99",
        "goes to: orders, version v2: [::1]:9002, 127.0.0.1:9003",
        "path there: /orders/7?x=1",
    ]


def test_the_same_in_chinese(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    uid = _user(low=False)
    lines = ask(file, "--path", "/mall/orders/7", "--user", uid)
    assert lines[0] == "GET /mall/orders/7，主机 *"
    assert f"桶：{bucket('grey/some', uid)}，按用户；v2 0-9, default 10-99" in lines
    assert "去向：orders，版本 default：127.0.0.1:9001" in lines
    assert all("：" in line or "，" in line for line in lines)


def test_tags_are_given_or_lifted(file: Path) -> None:
    lifted = ask_json(file, "--path", "/mall/orders/7?city=%E5%8C%97%E4%BA%AC", "--tag", "beta=1", "--tag", "no=x")
    given = ask_json(file, "--path", "/mall/orders/7", "--tag", "beta=1", "--tag", "city=北京")
    for told in (lifted, given):
        assert (told["version"], told["rule"], told["by"]) == ("v2", "testers", "nobody")
        assert {"tag": "city", "value": "北京", "untrusted": True} in told["tags"]  # type: ignore[operator]
    assert lifted["ignored_tags"] == ["no"]


def test_a_header_makes_its_tag(file: Path) -> None:
    told = ask_json(file, "--path", "/mall/orders/7?city=%E5%8C%97%E4%BA%AC", "--header", "X-Beta=1")
    assert (told["version"], told["rule"]) == ("v2", "testers")


def test_without_a_user_a_weighted_choice_is_told_as_one(file: Path) -> None:
    told = ask_json(file, "--path", "/mall/orders/7")
    assert (told["version"], told["by"], told["bucket"]) == (None, "request", None)
    assert set(told["endpoints"]) == {"v2", "default"}  # type: ignore[call-overload]
    assert "may go to: orders, version v2 (10 %): [::1]:9002, 127.0.0.1:9003" in ask(file, "--path", "/mall/orders/7")
    known = ask_json(file, "--path", "/mall/orders/7", "--request-id", _user(low=True))
    assert (known["version"], known["by"]) == ("v2", "request")


def test_a_public_api_knows_no_user(file: Path) -> None:
    lines = ask(file, "--path", "/mall/news", "--user", "u-1")
    assert "guard: near (IpAccess), asked by Envoy alone" in lines
    assert "user: nobody is known, no login plugin is effective here" in lines
    assert not any("shop-login" in line for line in lines if line.startswith("guard"))


@pytest.mark.parametrize(
    ("arguments", "refusal", "why"),
    [
        (["--path", "/mall/nothing"], "404 no_such_route (4004)", "below /mall the APIs of mall are asked"),
        (["--path", "/nowhere"], "404 no_such_route (4004)", "no group is published there"),
        (["--path", "/mall/orders/7", "--method", "PUT"], "405 method_not_allowed (4004)", "other methods: GET"),
        (["--path", "/mall/orders/a%2fb"], "400 malformed_request (4000)", "more than one way"),
        (["--path", "/mall/orders/a;b"], "400 malformed_request (4000)", "more than one way"),
        (["--path", "no-slash"], "400 malformed_request (4000)", "more than one way"),
        (["--path", "/old/b/1"], "400 path_blocked (4000)", "rewrite of the API old/all blocks"),
        (["--path", "/up/o../x"], "400 malformed_request (4000)", "rewrite of the API up/all would make an ambiguous"),
    ],
)
def test_what_the_gateway_refuses_is_exit_1_and_has_a_reason(
    arguments: list[str], refusal: str, why: str, file: Path
) -> None:
    lines = ask(file, *arguments, code=1)
    assert lines[1] == f"refused: {refusal}"
    assert lines[2].startswith("why: ")
    assert why in lines[2]
    told = ask_json(file, *arguments, code=1)
    assert told["goes"] == "nowhere"


def test_the_gateways_own_api_goes_to_nobodys_backend(file: Path) -> None:
    assert ask(file, "--path", "/v1/logout", "--method", "POST")[1] == "goes to: the gateway's own API for clients"
    assert ask_json(file, "--path", "/v1/logout", "--method", "POST")["goes"] == "gateway"


def test_rewritten_paths_are_shown(file: Path) -> None:
    assert ask_json(file, "--path", "/old/a/x/y?q=1")["backend_path"] == "/old/b/x/y?q=1"
    assert ask_json(file, "--path", "/old/x")["backend_path"] == "/old/x"


def test_what_is_given_cannot_move_the_cursor(file: Path) -> None:
    lines = ask(file, "--path", "/mall/orders/7", "--user", "u\x1b[2J", "--tag", "x\x1b=1")
    assert "\x1b" not in "".join(lines)


def test_the_active_revision_is_asked_where_no_file_is_given(file: Path, tmp_path: Path) -> None:
    data_dir = ["--data-dir", str(tmp_path / "data")]
    empty = CliRunner().invoke(app, ["--path", "/mall/news", *data_dir])
    assert (empty.exit_code, empty.stderr) == (1, "no revision yet: menshen apply FILE\n")
    assert CliRunner().invoke(applying, [str(file), *data_dir]).exit_code == 0
    asked = CliRunner().invoke(app, ["--path", "/mall/news", *data_dir])
    assert asked.exit_code == 0
    assert "API: mall/news (/mall/news)" in asked.output.splitlines()


def test_a_file_that_does_not_hold_or_is_not_there(file: Path, tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["--path", "/", "--config", str(tmp_path / "none.yaml")]).exit_code == 2
    file.write_text(DOCUMENT.replace("version: v2}", "version: v9}"), encoding="utf-8")
    result = CliRunner().invoke(app, ["--path", "/", "--config", str(file)])
    assert result.exit_code == 1
    assert "has no version 'v9'" in result.stderr


@pytest.mark.parametrize("text", ["x", "=1"])
@pytest.mark.parametrize("option", ["--tag", "--header"])
def test_a_tag_and_a_header_are_pairs(option: str, text: str, file: Path) -> None:
    assert CliRunner().invoke(app, ["--path", "/", "--config", str(file), option, text]).exit_code == 2
