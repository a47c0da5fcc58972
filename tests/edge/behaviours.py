"""What the gateway does with a request, as a table: every row is tried at Envoy and at the middleware alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from menshen.sessions.keys import load_key_rings, sealed_keys
from menshen.sessions.sealed import SealedSessions
from tests.edge.conftest import OTHER_APPID, QQ_APPID, Stack
from tests.edge.processes import LATE

__all__ = ["BEHAVIOURS", "Behaviour", "expired"]

Headers = tuple[tuple[str, str], ...]

_MISSING = (401, 4001, "session_missing")
_INVALID = (401, 4001, "session_invalid")
_EXPIRED = (401, 4024, "session_expired")
_REVOKED = (401, 4024, "session_revoked")
_MALFORMED = (400, 4000, "malformed_request")
_TWO = (400, 4000, "ambiguous_credential")
_NOWHERE = (404, 4004, "no_such_route")

FORGED = "forged-by-client"


@dataclass(frozen=True)
class Behaviour:
    """A request and what becomes of it: ``refused``, or seen by the backend ``at`` a path, as by ``who``.

    ``brings`` makes the headers that hold a credential; ``target`` may have a place for one, ``{}``.
    """

    what: str
    target: str
    brings: Callable[[Stack], Headers] = lambda _: ()
    headers: Headers = ()
    method: str = "GET"
    body: bytes | None = None
    host: str | None = None
    refused: tuple[int, int, str] | None = None
    who: Literal["somebody", "nobody", "anybody"] = "anybody"
    at: str = ""
    handed: str = ""
    """A header of the answer that the client must get."""
    allow: str = ""
    within: float = 0
    """Seconds that a refusal may take to be known to every worker."""

    def try_at(self, stack: Stack) -> None:
        brought = self.brings(stack)
        headers, target = (*brought, *self.headers), self.target
        if "{}" in target:
            headers, target = self.headers, target.format(brought[0][1])
        deadline = time.monotonic() + (self.within and self.within + LATE)
        while True:
            reply = stack.gateway(target, *headers, method=self.method, body=self.body, host=self.host)
            if self.refused is None or reply.status != 200 or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        if self.refused is not None:
            assert reply.refusal == self.refused
            assert reply.headers.get("allow", "") == self.allow
            return
        assert reply.status == 200, reply.raw
        for credential in (FORGED, *(value.partition("=")[2] or value for _, value in brought)):
            assert credential.encode() not in reply.raw
        if self.at:
            assert f"{reply.json['path']}?{reply.json['query']}".rstrip("?") == self.at
        if self.who != "anybody":
            assert reply.identity
            assert any(reply.identity.values()) == (self.who == "somebody")
        if self.handed:
            assert reply.headers[self.handed]


def _header(make: Callable[[Stack], str], name: str = "user_session") -> Callable[[Stack], Headers]:
    return lambda stack: ((name, make(stack)),)


def _state(stack: Stack) -> str:
    return stack.log_in("zhangsan")


def expired(stack: Stack) -> str:
    """The gateway's own key, taken from its data directory, seals a state that ended a second ago."""
    sessions = SealedSessions(sealed_keys(load_key_rings(stack.data_dir / "keys")), lambda n: bytes(n))
    live = sessions.open(_state(stack).encode(), 0)
    return sessions.mint(replace(live, exp=live.iat - 1))


def _logged_out(stack: Stack) -> str:
    state = _state(stack)
    assert stack.gateway("/v1/logout", ("user_session", state), method="POST").json == {"ended": 1}
    return state


def _tampered(stack: Stack) -> str:
    state = _state(stack)
    return state[:40] + ("A" if state[40] != "A" else "B") + state[41:]


def _of_another_app(stack: Stack) -> str:
    reply = stack.gateway("/other/login", ("js_code", stack.code("zhangsan", OTHER_APPID)))
    return reply.headers["user_session"]


def _code(stack: Stack) -> str:
    return stack.code("zhangsan")


def _used(stack: Stack) -> str:
    code = _code(stack)
    assert stack.gateway("/mall/login", ("js_code", code)).status == 200
    return code


def _busy(stack: Stack) -> str:
    stack.fault(fault="-1", times=1)
    return _code(stack)


def _in_cookie(stack: Stack) -> Headers:
    login = stack.gateway("/cookie/in", ("Cookie", f"js_code={_code(stack)}"))
    return (("Cookie", f"a=1; {login.headers['set-cookie'].partition(';')[0]}"),)


def _in_query(stack: Stack) -> Headers:
    return (("", stack.gateway(f"/query/in?js_code={_code(stack)}").headers["user_session"]),)


_SIGNED_IN = _header(_state)
_FORGERIES = tuple(
    (spelling, FORGED)
    for name in ("x-menshen-user", "x-menshen-openid", "x-menshen-route", "x-menshen-tag-vip", "x-wx-openid")
    for spelling in (name, name.upper(), name.replace("-", "_"), name.replace("-", "."), name.replace("-", "_", 1))
)

_PATHS = {
    "/mall/static/..%2forders/1": _MALFORMED,
    "/mall/static/%2e%2e%2forders/1": _MALFORMED,
    "/mall/static/..%5corders/1": _MALFORMED,
    "/mall/static/;/orders/1": _MALFORMED,
    "/mall/static/a;x=1": _MALFORMED,
    "/mall/static/a%3Bx=1": _MALFORMED,
    "/mall/static/a%00": _MALFORMED,
    "/mall/static/%252e%252e/orders/1": _MALFORMED,
    "/mall/static/%25252forders": _MALFORMED,
    "/mall/static/%c0%ae%c0%ae/orders/1": _MALFORMED,
    "/mall/static/%ff": _MALFORMED,
    "/mall/static/../orders/1": _MISSING,
    "/mall/static/%2e%2e/orders/1": _MISSING,
    "/mall/static/..;/orders/1": _MISSING,
    "/mall/static/..;x=1/orders/1": _MISSING,
    "/mall/%6frders/1": _MISSING,
    "/%6dall/%6Frders/%31": _MISSING,
    "/mall//orders///1": _MISSING,
    "/mall/./orders/1": _MISSING,
    "/mall/static\\..\\orders\\1": _MISSING,
    "//mall/orders/1": _MISSING,
    "/mall/orders/1?x=/mall/static/": _MISSING,
    "/mallet": _NOWHERE,
    "/mall/static": _NOWHERE,
    "/mall/ORDERS/1": _NOWHERE,
    "/mall/orders/1/": _NOWHERE,
    "/nowhere?/mall/static/x": _NOWHERE,
    "/v1/nothing": _NOWHERE,
}

BEHAVIOURS = (
    Behaviour("a login", "/mall/login", _header(_code, "js_code"), who="somebody", handed="user_session"),
    Behaviour("a login of QQ", "/qq/login", lambda s: (("js_code", s.code("li", QQ_APPID, "qq")),), who="somebody"),
    Behaviour("a login by query", "/query/in?js_code={}&a=1", _header(_code), at="/query/in?a=1"),
    Behaviour("a check", "/mall/orders/1", _SIGNED_IN, who="somebody", at="/mall/orders/1"),
    Behaviour("a check by query", "/query/x?a=1&user_session={}", _in_query, who="somebody", at="/query/x?a=1"),
    Behaviour("a check by cookie", "/cookie/x", _in_cookie, who="somebody"),
    Behaviour("a prefix that is stripped", "/book/a?b=1", _header(_state, "sessionId"), at="/a?b=1", who="somebody"),
    Behaviour("no login state", "/mall/orders/1", refused=_MISSING),
    Behaviour("a forged state", "/mall/orders/1", headers=(("user_session", "forged"),), refused=_INVALID),
    Behaviour("a changed state", "/mall/orders/1", _header(_tampered), refused=_INVALID),
    Behaviour("a state of another app", "/mall/orders/1", _header(_of_another_app), refused=_INVALID),
    Behaviour("an expired state", "/mall/orders/1", _header(expired), refused=_EXPIRED),
    Behaviour("a state that was logged out", "/mall/orders/1", _header(_logged_out), refused=_REVOKED, within=1),
    Behaviour("two states", "/mall/orders/1", _SIGNED_IN, headers=(("user_session", "x"),), refused=_TWO),
    Behaviour("a used code", "/mall/login", _header(_used, "js_code"), refused=(401, 4022, "code_used")),
    Behaviour("an unknown code", "/mall/login", headers=(("js_code", "nobodys"),), refused=(401, 4022, "code_invalid")),
    Behaviour(
        "a code that is none", "/mall/login", headers=(("js_code", "a&b"),), refused=(400, 4000, "code_malformed")
    ),
    Behaviour("a busy platform", "/mall/login", _header(_busy, "js_code"), refused=(503, 4021, "platform_says_busy")),
    Behaviour(
        "a busy platform, in TSF's words",
        "/tsf/login",
        _header(_busy, "js_code"),
        refused=(401, 4021, "platform_says_busy"),
    ),
    Behaviour(
        "an AppSecret of the client's",
        "/mall/login",
        _header(_code, "js_code"),
        headers=(("secret", "x"),),
        refused=(400, 4000, "client_sent_secret"),
    ),
    Behaviour("nobody at an optional API", "/mall/news", who="nobody"),
    Behaviour("somebody at an optional API", "/mall/news", _SIGNED_IN, who="somebody"),
    Behaviour("a bad state at an optional API", "/mall/news", headers=(("user_session", "x"),), refused=_INVALID),
    Behaviour("somebody at a public API", "/mall/static/x", _SIGNED_IN, who="nobody"),
    Behaviour(
        "another method",
        "/mall/orders/1",
        method="DELETE",
        refused=(405, 4004, "method_not_allowed"),
        allow="GET, POST",
    ),
    Behaviour(
        "a method of the gateway's own API", "/v1/logout", refused=(405, 4004, "method_not_allowed"), allow="POST"
    ),
    Behaviour("a host that is named", "/any", host="NAMED.example.com.:80", at="/any"),
    Behaviour("a host that is not", "/any", host="other.example.com", refused=_NOWHERE),
    *(
        Behaviour(f"forged headers at {path}", path, brings, _FORGERIES, who=who)
        for path, brings, who in (
            ("/mall/orders/1", _SIGNED_IN, "somebody"),
            ("/mall/news", lambda _: (), "nobody"),
            ("/mall/static/x", lambda _: (), "nobody"),
        )
    ),
    *(Behaviour(f"the path {path}", path, refused=refused) for path, refused in _PATHS.items()),
)
