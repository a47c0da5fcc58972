"""What clients hold stays with them: states and refresh tokens of every kind, searched for in every sink."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge.conftest import Stack
from tests.edge.processes import Client
from tests.edge.sessions import KINDS, session_stack
from tests.edge.test_reload import menshen


def _walk(stack: Stack) -> dict[str, str]:
    """Logins, refreshes and refusals of every kind; the credentials that were in play."""
    gateway: Client = stack.gateway
    planted = {}
    for kind in KINDS:
        login = gateway(f"/{kind}/login", ("js_code", stack.code(f"keeper-{kind}")), ("user-agent", "planted-agent"))
        state, token = login.headers["user_session"], login.headers["refresh_token"]
        refreshed = gateway.post_json("/v1/token", {"refresh_token": token})
        assert refreshed.status == 200, refreshed.raw
        planted |= {
            f"{kind} state": state,
            f"{kind} refresh token": token,
            f"refreshed {kind} state": refreshed.json["user_session"],
            f"rotated {kind} refresh token": refreshed.json["refresh_token"],
        }
        current = ("user_session", refreshed.json["user_session"])
        assert gateway("/v1/sessions", current).status == 200
        assert gateway(f"/{kind}/orders/1", current).status == 200
        assert gateway(f"/{kind}/orders/1", ("user_session", state + "x")).status == 401
        assert gateway.post_json("/v1/token", {"refresh_token": token + "x"}).status == 401
        assert gateway.post_json("/v1/token", {"refresh_token": token}).status == 401  # used before
        assert gateway("/v1/logout", current, method="POST").status == 200
    return planted


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, bytes]]:
    """Credentials by name, and sinks by name."""
    with session_stack(tmp_path_factory.mktemp("session-secrets")) as stack:
        planted = _walk(stack)
        token = (stack.data_dir / "admin.token").read_text().strip()
        keys = Path(stack.data_dir / "keys")
        planted["admin token"] = token
        for file in ("session-sealed", "session-signed", "refresh", "assertion"):
            planted[f"{file} key"] = _private_part((keys / f"{file}.json").read_text())
        admin = stack.admin
        bearer = ("authorization", f"Bearer {token}")
        sinks = {
            "menshen sessions list": menshen(stack, "sessions", "list", "--all").stdout.encode(),
            "menshen keys list": menshen(stack, "keys", "list").stdout.encode(),
            "admin API": admin("/v1/sessions?live=false", bearer).raw,
            "admin API without a token": admin("/v1/sessions").raw + admin("/v1/sessions", ("authorization", "x")).raw,
            "JWKS": admin("/.well-known/jwks.json").raw + admin("/.well-known/session-jwks.json").raw,
            "command lines": b"".join(p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()),
        }
    sinks["log"] = stack.serve.log.read_bytes()
    for path in stack.data_dir.rglob("*"):
        inside = str(path.relative_to(stack.data_dir))
        if path.is_file() and not inside.startswith("keys/") and inside != "admin.token":
            sinks[f"data directory: {inside}"] = path.read_bytes()
    return planted, sinks


def _private_part(ring: str) -> str:
    """The secret number of a ring's only key."""
    member = '"k"' if '"oct"' in ring else '"d"'
    return ring.split(member, 1)[1].split('"')[1]


def test_the_walk_left_traces_to_search(walked: tuple[dict[str, str], dict[str, bytes]]) -> None:
    _, sinks = walked
    assert b"planted-agent" in sinks["admin API"]
    assert sinks["menshen sessions list"].count(b"refresh_reuse") == len(KINDS)
    assert any(b"planted-agent" in content for sink, content in sinks.items() if "menshen.db" in sink)
    assert any("recent" in sink for sink in sinks)


def test_no_credential_is_in_any_sink(walked: tuple[dict[str, str], dict[str, bytes]]) -> None:
    planted, sinks = walked
    for name, secret in planted.items():
        assert len(secret) >= 32, name
        found = [sink for sink, content in sinks.items() if secret.encode() in content]
        assert not found, (name, found)


def test_the_operator_reads_no_openid_in_a_list_of_sessions(walked: tuple[dict[str, str], dict[str, bytes]]) -> None:
    _, sinks = walked
    assert b"openid" not in sinks["admin API"]
