"""Plugin types of an installation, in a whole gateway with the packages really installed beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.conftest import APPID, Stack, running_stack
from tests.edge.processes import REPOSITORY, Reply
from tests.edge.sessions import sessions_of
from tests.edge.test_forgery import spellings

FAULTS = ("raise", "exit", "undeclared", "break", "chinese", "text", "later", "sleep")

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 20}}
groups:
  - name: mall
    prefix: /mall
    upstream: orders
    apis:
      - {{name: login, path: /login}}
      - {{name: plain, path: /plain/*}}
      - {{name: open, path: /open/*}}
      - {{name: closed, path: /closed}}
      - {{name: probe, path: /probe/*}}
      - {{name: silent, path: /silent}}
      - {{name: news, path: /news, access: optional}}
      - {{name: note, path: /note}}
      - {{name: here, path: /here}}
      - {{name: slowed, path: /slowed}}
      - {{name: no, path: /no}}
      - {{name: no-words, path: /no-words}}
FAULT_APIS
  - name: two
    prefix: /two
    upstream: orders
    apis: [{{name: both, path: /both}}, {{name: public, path: /public, access: public}}]
  - {{name: alone, prefix: /alone, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: signed, prefix: /signed, upstream: orders, apis: [{{name: in, path: /in}}, {{name: no, path: /no}}]}}
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop}}
  - {{name: signed-login, type: WeChatMpLogin, app: shop, session: {{name: signed_state, kind: signed}}}}
  - {{name: always, type: OpeningHours, parameters: {{opens: "00:00", closes: "24:00", tell_closing: true}}}}
  - {{name: never, type: OpeningHours, parameters: {{opens: "00:00", closes: "00:00"}}}}
  - {{name: tells, type: Probe, parameters: {{sign: first}}}}
  - {{name: tells-too, type: Probe, parameters: {{sign: second}}}}
  - {{name: silent, type: Probe, parameters: {{does: nothing}}}}
  - {{name: "no", type: Probe, parameters: {{does: refuse, says: "planted words: not today"}}}}
  - {{name: no-words, type: Probe, parameters: {{does: refuse}}}}
  - {{name: noted, type: Noted, parameters: {{note: "${{NOTE}}"}}}}
  - {{name: here, type: SameOrigin, parameters: {{}}}}
  - {{name: slowed, type: Slowed, parameters: {{kib: 128}}}}
FAULT_PLUGINS
bindings:
  - {{plugin: shop-login, group: mall}}
  - {{plugin: signed-login, group: signed}}
  - {{plugin: always, api: mall/open}}
  - {{plugin: never, api: mall/closed}}
  - {{plugin: tells, api: mall/probe}}
  - {{plugin: silent, api: mall/silent}}
  - {{plugin: tells, api: mall/news}}
  - {{plugin: noted, api: mall/note}}
  - {{plugin: here, api: mall/here}}
  - {{plugin: slowed, api: mall/slowed}}
  - {{plugin: "no", api: mall/no}}
  - {{plugin: no-words, api: mall/no-words}}
  - {{plugin: tells, group: two}}
  - {{plugin: tells-too, api: two/both}}
  - {{plugin: tells, group: alone}}
  - {{plugin: "no", api: signed/no}}
FAULT_BINDINGS
"""
for mark, line in (
    ("FAULT_APIS", "      - {{{{name: {0}, path: /{0}}}}}"),
    ("FAULT_PLUGINS", "  - {{{{name: does-{0}, type: Probe, parameters: {{{{does: {0}}}}}}}}}"),
    ("FAULT_BINDINGS", "  - {{{{plugin: does-{0}, api: mall/{0}}}}}"),
):
    DOCUMENT = DOCUMENT.replace(mark, "\n".join(line.format(fault) for fault in FAULTS))

PATHS = {
    "plain": "/mall/plain/x",
    "probe": "/mall/probe/x",
    "silent": "/mall/silent",
    "optional": "/mall/news",
    "two": "/two/both",
    "public": "/two/public",
    "alone": "/alone/x",
    "envoy": "/mall/note",
}
HEADERS = ("x-menshen-plugin-probe", "x-menshen-plugin-shop", "x-menshen-plugin-note", "x-probe", "x-menshen-tag-probe")


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The example as pip installs it, and the types of the tests as pip would have left them."""
    directory = tmp_path_factory.mktemp("installed")
    site = directory / "site"
    example = directory / "example"
    shutil.copytree(REPOSITORY / "examples/plugins/opening-hours", example)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", site, example], check=True)
    information = site / "probes-3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: probes\nVersion: 3\n")
    types = ("Probe", "Noted", "SameOrigin", "Slowed", "Mistaken", "Unfinished")
    lines = [f"{name} = probe_types:{name}" for name in types]
    lines += ["Tag = probe_types:Probe", "Gone = no_such_module:Gone"]
    (information / "entry_points.txt").write_text("[menshen.plugins]\n" + "\n".join(lines) + "\n")
    shutil.copy(REPOSITORY / "tests/edge/probe_types.py", site)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))
        patch.setenv("NOTE", "100%% noted")
        yield


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("plugins"), DOCUMENT, "--workers", "2") as running:
        yield running


@pytest.fixture(scope="module")
def state(stack: Stack) -> tuple[str, str]:
    return "user_session", stack.log_in("zhangsan")


def menshen(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "menshen", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)


def told(reply: Reply) -> dict[str, Any]:
    """What the probe was shown, as it told the backend."""
    shown: dict[str, Any] = json.loads(reply.seen["x-menshen-plugin-probe"])
    return shown


def log_of(stack: Stack, event: str, **fields: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in stack.serve.log.read_text().splitlines() if line.startswith("{"))
    return [each for each in lines if event in each.values() and fields.items() <= each.items()]


def test_the_example_lets_through_and_tells_the_backend(stack: Stack, state: tuple[str, str]) -> None:
    reply = stack.gateway("/mall/open/x", state)
    assert reply.status == 200, reply.raw
    assert reply.seen["x-menshen-plugin-shop"] == "open"
    assert reply.seen["x-menshen-tag-shop"] == "open"
    assert "menshen.shop=open" in reply.seen["baggage"]
    assert "untrusted" not in reply.seen["baggage"]
    assert "x-menshen-plugin-shop" not in stack.gateway("/mall/plain/x", state).seen


def test_the_example_refuses_in_its_own_words(stack: Stack, state: tuple[str, str]) -> None:
    reply = stack.gateway("/mall/closed", state)
    assert reply.refusal == (403, 4003, "plugin_refused")
    assert reply.json["message"] == "Closed at the moment. 当前不在营业时间。"


def test_a_refusal_without_words_has_the_usual_ones(stack: Stack, state: tuple[str, str]) -> None:
    assert stack.gateway("/mall/no", state).json["message"] == "planted words: not today"
    reply = stack.gateway("/mall/no-words", state)
    assert reply.refusal == (403, 4003, "plugin_refused")
    assert reply.json["message"] == "The request was refused. 请求被拒绝。"
    assert log_of(stack, "plugin_refused", plugin="no-words", type="Probe", detail="said for the log")


def test_a_guard_is_asked_after_the_login_only(stack: Stack) -> None:
    for path in ("/mall/closed", "/mall/probe/x", "/mall/raise", "/mall/note"):
        assert stack.gateway(path).refusal == (401, 4001, "session_missing")
        assert stack.gateway(path, ("user_session", "forged")).refusal == (401, 4001, "session_invalid")


def test_what_a_plugin_is_shown(stack: Stack, state: tuple[str, str]) -> None:
    reply = stack.gateway(
        "/mall/probe/a%20b/c?x=%20y&signed_state=hidden&signed%5fstate=hidden&SIGNED_STATE=hidden&x=2",
        state,
        ("X-Wanted", "yes"),
        ("X-Other", "no"),
        ("Cookie", "wanted=crumb; other=no"),
        method="PUT",
    )
    shown = told(reply)
    identity = shown.pop("identity")
    now = shown.pop("now")
    assert shown == {
        "route": "mall/probe",
        "group": "mall",
        "api": "probe",
        "method": "PUT",
        "path": "/mall/probe/a%20b/c",
        "query": "x=%20y&x=2",
        "headers": {"x-wanted": "yes"},
        "cookies": {"wanted": "crumb"},
        "ip": "127.0.0.1",
        "request_id": reply.seen["x-request-id"],
        "sign": "first",
    }
    assert identity["uid"] == reply.identity["x-menshen-user"]
    assert identity["session"] == reply.identity["x-menshen-session"]
    assert (identity["platform"], identity["app"], identity["appid"]) == ("wechat", "shop", APPID)
    assert isinstance(now, float)
    assert state[1] not in reply.seen["x-menshen-plugin-probe"]
    assert reply.seen["x-menshen-tag-probe"] == "a%20b%3Bc=d"


def test_nobody_is_logged_in_on_an_optional_route_and_where_no_login_is(stack: Stack, state: tuple[str, str]) -> None:
    assert told(stack.gateway("/mall/news"))["identity"] is None
    assert told(stack.gateway("/mall/news", state))["identity"]["app"] == "shop"
    assert told(stack.gateway("/alone/x"))["identity"] is None


def test_of_a_group_and_its_api_both_are_asked_and_the_later_counts(stack: Stack) -> None:
    assert told(stack.gateway("/two/both"))["sign"] == "second"


def test_a_public_api_has_none(stack: Stack) -> None:
    reply = stack.gateway("/two/public")
    assert (reply.seen["x-menshen-plugin-probe"], reply.seen["x-probe"]) == ("", "")
    assert "x-menshen-tag-probe" not in reply.seen


def test_what_a_plugin_does_not_set_is_empty(stack: Stack, state: tuple[str, str]) -> None:
    reply = stack.gateway("/mall/silent", state)
    assert (reply.seen["x-menshen-plugin-probe"], reply.seen["x-probe"]) == ("", "")
    assert "x-menshen-tag-probe" not in reply.seen


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("name", HEADERS)
def test_class_53_a_client_cannot_forge_what_plugins_say(
    kind: str, name: str, stack: Stack, state: tuple[str, str]
) -> None:
    forged = [(spelling, "forged-value") for spelling in spellings(name)]
    reply = stack.gateway(PATHS[kind], state, *forged, ("baggage", "menshen.probe=forged-value"))
    assert reply.status == 200, reply.raw
    assert b"forged-value" not in reply.raw


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plugin_that_fails_lets_nobody_in_and_the_log_names_it(
    fault: str, stack: Stack, state: tuple[str, str]
) -> None:
    reply = stack.gateway(f"/mall/{fault}", state)
    assert reply.refusal == (503, 5025, "plugin_failed")
    assert b"planted" not in reply.raw
    (line,) = log_of(stack, "plugin_failed", plugin=f"does-{fault}", type="Probe", request_id=reply.json["request_id"])
    assert line["why"]
    assert "planted-secret" not in stack.serve.log.read_text()
    assert stack.gateway("/mall/plain/x", state).status == 200


def test_a_slow_plugin_is_named(stack: Stack, state: tuple[str, str]) -> None:
    assert stack.gateway("/mall/sleep", state).refusal == (503, 5025, "plugin_failed")
    assert log_of(stack, "plugin_slow", plugin="does-sleep", type="Probe")[0]["milliseconds"] >= 1000


@pytest.mark.parametrize(
    ("path", "refusal"),
    [("/mall/closed", (403, 4003, "plugin_refused")), ("/mall/raise", (503, 5025, "plugin_failed"))],
)
def test_a_login_that_a_plugin_refuses_gives_no_login_state(
    path: str, refusal: tuple[int, int, str], stack: Stack
) -> None:
    user = f"refused-at-{path.rpartition('/')[2]}"
    state = stack.log_in(user)
    before = sessions_of(stack, state)
    assert len(before) == 1
    reply = stack.gateway(path, ("js_code", stack.code(user)))
    assert reply.refusal == refusal
    assert "user_session" not in reply.headers
    assert "set-cookie" not in reply.headers
    assert len(sessions_of(stack, state)) == 1


def test_a_login_that_a_plugin_lets_through_is_one(stack: Stack) -> None:
    reply = stack.gateway("/mall/probe/x", ("js_code", stack.code("newcomer")))
    assert told(reply)["identity"]["uid"] == reply.identity["x-menshen-user"] != ""
    assert told(reply)["query"] == ""
    again = stack.gateway("/mall/plain/x", ("user_session", reply.headers["user_session"]))
    assert again.identity["x-menshen-user"] == reply.identity["x-menshen-user"]


def test_the_brain_is_asked_also_where_envoy_knows_the_login_state(stack: Stack) -> None:
    reply = stack.gateway("/signed/in", ("js_code", stack.code("lisi")))
    state = ("signed_state", reply.headers["signed_state"])
    assert stack.gateway("/signed/in", state).status == 200
    assert stack.gateway("/signed/no", state).refusal == (403, 4003, "plugin_refused")


def test_envoy_does_what_the_example_compiles(stack: Stack, state: tuple[str, str]) -> None:
    assert stack.gateway("/mall/open/x", state).headers["x-shop-closes"] == "24:00"
    for path in ("/mall/closed", "/mall/plain/x"):
        assert "x-shop-closes" not in stack.gateway(path, state).headers


def test_a_filter_of_envoys_refuses_in_our_words(stack: Stack, state: tuple[str, str]) -> None:
    own, other = ("Origin", f"http://{stack.gateway.host}:{stack.gateway.port}"), ("Origin", "http://evil.example.com")
    assert stack.gateway("/mall/here", state, own, method="POST", body=b"x").status == 200
    reply = stack.gateway("/mall/here", state, other, method="POST", body=b"x")
    assert reply.refusal == (403, 4003, "origin_refused")
    assert stack.gateway("/mall/plain/x", state, other, method="POST", body=b"x").status == 200
    assert stack.gateway("/mall/here", own, method="POST", body=b"x").refusal == (401, 4001, "session_missing")


def test_a_filter_of_envoys_slows_bodies_down(stack: Stack, state: tuple[str, str]) -> None:
    body, started = b"x" * 262_144, time.monotonic()
    assert stack.gateway("/mall/slowed", state, method="POST", body=body).json["body_bytes"] == len(body)
    assert time.monotonic() - started > 1


def test_envoy_writes_the_headers_of_a_type_on_its_routes_alone(stack: Stack, state: tuple[str, str]) -> None:
    reply = stack.gateway("/mall/note", state)
    assert reply.seen["x-menshen-plugin-note"] == "100% noted"
    assert reply.headers["x-note"] == "on mall/note"
    other = stack.gateway("/mall/plain/x", state)
    assert "x-note" not in other.headers
    assert "x-menshen-plugin-note" not in other.seen


def test_the_installed_types_are_listed() -> None:
    listed = menshen("plugins")
    assert listed.returncode == 1
    rows = {line.split("  ")[0]: line for line in listed.stdout.splitlines()}
    assert rows["OpeningHours"] == "OpeningHours  menshen-opening-hours 1.0.0  ok"
    assert rows["Probe"] == "Probe  probes 3  ok"
    assert rows["Unfinished"] == "Unfinished  probes 3  broken: Parameters is no pydantic model"
    assert rows["Tag"] == "Tag  probes 3  broken: a type of Menshen's own has this name"
    assert rows["Gone"].startswith("Gone  probes 3  broken: it cannot be loaded: ModuleNotFoundError")
    assert rows["Gone"].endswith(" of no_such_module")


HOLDS = """\
version: 1
upstreams: [{name: orders, endpoints: ["127.0.0.1:9001"]}]
groups: [{name: mall, prefix: /mall, upstream: orders, apis: [{name: all, path: /*}]}]
plugins:
  - {name: it, type: TYPE, parameters: PARAMETERS}
bindings: [{plugin: it, group: mall}]
"""


@pytest.mark.parametrize(
    ("kind", "parameters", "line"),
    [
        ("Unfinished", "{}", "plugins[0].type: the plugin type 'Unfinished' is broken: Parameters is no pydantic"),
        ("Gone", "{}", "plugins[0].type: the plugin type 'Gone' is broken: it cannot be loaded: ModuleNotFoundError"),
        ("Missing", "{}", "plugins[0].type: no plugin type is named 'Missing' here; is its package installed?"),
        ("OpeningHours", '{opens: "09:00"}', "plugins[0].parameters.closes: this key is required"),
        (
            "OpeningHours",
            '{opens: "09:00", closes: "25:00"}',
            'plugins[0].parameters.closes: must be a time of day such as "09:00"',
        ),
        ("OpeningHours", '{opens: "00:00", closes: "01:00", open: 1}', "plugins[0].parameters.open: unknown key"),
        ("Noted", "{note: raise}", "plugins[0].parameters: the plugin type 'Noted' cannot be compiled for Envoy"),
    ],
)
def test_a_document_that_a_type_does_not_hold_is_refused(kind: str, parameters: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / "menshen.yaml"
    file.write_text(HOLDS.replace("TYPE", kind).replace("PARAMETERS", parameters))
    checked = menshen("check", str(file))
    assert checked.returncode == 1
    assert checked.stdout.startswith(line)
    assert len(checked.stdout.splitlines()) == 1
    assert "planted" not in checked.stdout


@pytest.mark.parametrize(
    "parameters",
    [
        '{note: "%ENVIRONMENT(HOME)%"}',
        '{note: "%REQ(user_session)%"}',
        '{note: "50%"}',
        '{note: "a\\r\\nx-menshen-user: forged"}',
        "{note: forged, names: x-menshen-user}",
        '{note: /mall/plain, names: ":path"}',
        "{note: forged, names: X-Menshen-Route}",
    ],
)
def test_class_49_nothing_that_a_document_says_is_run_or_expanded_by_envoy(parameters: str, tmp_path: Path) -> None:
    file = tmp_path / "menshen.yaml"
    file.write_text(HOLDS.replace("TYPE", "Noted").replace("PARAMETERS", parameters))
    checked = menshen("check", str(file))
    assert checked.returncode == 1
    assert checked.stdout.startswith("plugins[0].parameters: the plugin type 'Noted' cannot be compiled for Envoy")
    assert "forged" not in checked.stdout


def applied(stack: Stack, name: str, plugin: dict[str, Any]) -> None:
    """Make a revision with another plugin of this name the active one."""
    document = stack.config.read_text()
    line = next(each for each in document.splitlines() if f"name: {name}," in each)
    changed = stack.data_dir.parent / "changed.yaml"
    changed.write_text(document.replace(line, f"  - {json.dumps({'name': name, **plugin})}"))
    result = menshen("apply", str(changed), "--data-dir", str(stack.data_dir))
    assert result.returncode == 0, result.stdout + result.stderr


def within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not (holds := done()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds


def test_class_49_parameters_stay_texts(stack: Stack) -> None:
    """What looks like a template, an expression or a format reaches ``decide`` as it was written."""
    odd = "{{7*7}} {0.__class__} %s %REQ(x)% __import__('os') $(id) ' ; drop"
    applied(stack, "tells-too", {"type": "Probe", "parameters": {"sign": odd}})
    assert within(60, lambda: told(stack.gateway("/two/both"))["sign"] == odd)


def test_a_message_that_envoy_does_not_take_leaves_the_running_revision(stack: Stack, state: tuple[str, str]) -> None:
    assert not log_of(stack, "revision_refused")
    applied(stack, "noted", {"type": "Mistaken", "parameters": {}})
    assert within(60, lambda: bool(log_of(stack, "revision_refused")))
    assert "Envoy refused" in log_of(stack, "revision_refused")[0]["why"]
    assert stack.gateway("/mall/note", state).seen["x-menshen-plugin-note"] == "100% noted"
    assert stack.gateway("/mall/note").refusal == (401, 4001, "session_missing")
