"""Planted secrets: every flow and many failures are run, then every sink is searched for them (security rule 8)."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.edge.conftest import OTHER_APPID, OTHER_SECRET, QQ_APPID, QQ_SECRET, SECRET, Stack, running_stack
from tests.edge.processes import Reply
from tests.edge.test_reload import menshen


def _walk(stack: Stack) -> tuple[dict[str, str], list[Reply]]:
    """Logins, checks and failures; the secrets that were in play and what clients were answered."""
    gateway = stack.gateway
    code = stack.code("zhangsan")
    login = gateway("/mapped/login", ("js_code", code))
    state = login.headers["user_session"]
    planted = {
        "AppSecret": SECRET,
        "AppSecret from the environment": OTHER_SECRET,
        "QQ AppSecret": QQ_SECRET,
        "session_key": login.seen["x-session-key"],
        "code": code,
        "login state": state,
    }
    answers = [
        gateway("/mapped/login", ("js_code", code)),
        gateway("/mall/orders/1", ("user_session", state + "x")),
        gateway("/mall/orders/1", ("user_session", state), ("user_session", state)),
        gateway("/other/login", ("js_code", stack.code("zhangsan", OTHER_APPID))),
        gateway("/qq/login", ("js_code", stack.code("zhangsan", QQ_APPID, "qq"))),
        gateway("/mall/login", ("js_code", stack.code("zhangsan")), ("secret", SECRET)),
        gateway(f"/mall/login?secret={SECRET}", ("js_code", stack.code("zhangsan"))),
        gateway("/wrong/login", ("js_code", stack.code("zhangsan"))),
        gateway("/dead/login", ("js_code", "dead-code")),
    ]
    for fault in ("-1", "40226", "45011", "truncated", "502", "html", "huge", "redirect", "control_characters"):
        stack.fault(fault=fault, times=1)
        answers.append(gateway("/mall/login", ("js_code", stack.code("zhangsan"))))
    return planted, answers


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, bytes]]:
    """Secrets by name, and sinks by name."""
    directory = tmp_path_factory.mktemp("secrets")
    with running_stack(directory) as stack:
        planted, answers = _walk(stack)
        config = stack.config.read_text()
        stack.config.write_text("version: 1\nplugins: [")
        stack.config.write_text(config.replace(f'secret: "{SECRET}"', f'secret: "{SECRET}"\n  oops', 1))
        sinks = {
            "errors and headers to clients": b"".join(
                a.raw + str(a.headers).encode() for a in answers if a.status != 200
            ),
            "menshen export": menshen(stack, "export").stdout.encode(),
            "menshen envoy-config": menshen(stack, "envoy-config").stdout.encode(),
            "menshen revisions": menshen(stack, "revisions").stdout.encode(),
            "admin": b"".join(stack.admin(path).raw for path in ("/.well-known/jwks.json", "/readyz", "/metrics")),
            "command lines": b"".join(p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()),
        }
    sinks["log"] = stack.serve.log.read_bytes()
    for path in stack.data_dir.rglob("*"):
        if path.is_file() and path.suffix != ".sock":
            sinks[f"data directory: {path.relative_to(stack.data_dir)}"] = path.read_bytes()
    return planted, sinks


def test_the_walk_left_traces_to_search(walked: tuple[dict[str, str], dict[str, bytes]]) -> None:
    _, sinks = walked
    assert b"login_refused" in sinks["log"]
    assert any(name.endswith("menshen.db") for name in sinks)
    assert any("routes.json" in name for name in sinks)
    assert len(sinks["errors and headers to clients"]) > 1000


def test_no_secret_is_in_any_sink(walked: tuple[dict[str, str], dict[str, bytes]]) -> None:
    planted, sinks = walked
    for name, secret in planted.items():
        spellings = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}
        for sink, content in sinks.items():
            for spelling in spellings:
                assert spelling.encode() not in content, f"{name} in {sink}"


def test_private_files_are_private(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:
        for name in ("master.key", "keys/session-sealed.json", "keys/assertion.json"):
            assert (stack.data_dir / name).stat().st_mode & 0o077 == 0, name
        assert stack.data_dir.stat().st_mode & 0o077 == 0
