"""Many policies of one path, a brain that judges by each of them, and what clients try on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from menshen.config.login_rules import CodeAt
from menshen.config.route_rules import (
    Action,
    CanaryRule,
    ClientTag,
    Condition,
    CorsRules,
    CustomRules,
    EnvoyPart,
    IpRules,
    KeyPairRules,
    LimitRule,
    OAuthRules,
    Parameter,
    RewriteRule,
    Share,
    TokenAt,
    TransformRules,
)
from menshen.config.snapshot import Endpoint, Listener, Route, Snapshot, TracingRules, Upstream, Version
from menshen.gateway.wire import API_PREFIX, HEADER_ROUTE
from tests.envoy.edge import deny
from tests.envoy.fakes import Received, Reply
from tests.envoy.issuer import issued, jwt_rules
from tests.envoy.samples import BY_BODY, BY_HEADER, BY_QUERY, CLOUDRUN, plugin, route, sample, state
from tests.envoy.signed import BY_QUERY as SIGNED_IN_QUERY
from tests.envoy.signed import KEY, KEYS, OTHER, RENEWED, SIGNED, public, token

__all__ = ["FORGED", "KEY_SETS", "POLICIES", "PROBES", "Judge", "Policy", "Probe", "seen_by_backend"]

PATH: Final = "/orders"
GOOD = "good-state"
SIGNED_STATE = token(level="7")
SIGNED_QUERY = token()
FORGED_STATE = token(("k1", *OTHER[1:]))
TOKEN = issued(role="buyer")
FORGED_TOKEN = issued(("partner-1", *KEY[1:]))

KEY_SETS: Final = {"all": KEYS, "rotated": public(KEY, OTHER), "withdrawn": public(OTHER), "none": ""}


@dataclass(frozen=True)
class Policy:
    """What one revision says of the path, and by which keys; ``other`` sends its upstream to the other backend."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    listener: Listener = Listener(client_api="")  # noqa: RUF009  (frozen)
    tracing: TracingRules | None = None
    other: bool = False
    versions: bool = False
    keys: str = "all"

    def snapshot(self, first: Endpoint, second: Endpoint) -> Snapshot:
        here, there = (second, first) if self.other else (first, second)
        versions = (Version("next", (there,)),) if self.versions else ()
        routes = (route("mall", "orders", PATH, **{"login": None, **self.changes}),)
        upstreams = (Upstream("orders", (here,), versions=versions),)
        return sample(routes=routes, upstreams=upstreams, listener=self.listener, tracing=self.tracing)


def _alike(name: str, code: str, login_state: str) -> Any:
    return plugin(name, CodeAt("header", code), state(login_state, "header"), BY_BODY.identity)


_MUTATION = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
_CUSTOM = CustomRules(
    "stamp",
    "Stamp",
    headers=("x-stamp",),
    reads=("x-pass",),
    envoy=EnvoyPart(
        {"@type": _MUTATION},
        {
            "@type": f"{_MUTATION}PerRoute",
            "mutations": {"request_mutations": [{"append": {"header": {"key": "x-stamp", "value": "ours"}}}]},
        },
    ),
)
_PAGES = CorsRules("pages", ("https://shop.example.com",), ("GET",), (), (), credentials=True, max_age=600)
_COLOUR = TransformRules("colour", (), (Action(100, "ours", "", "x-colour"),))
_COLOUR_TAG = TransformRules("colour-tag", (), (Action(100, "ours", "colour", ""),))
_LANE = ClientTag("lane", Parameter("header", "x-lane"))
_NEXT = CanaryRule("next", "rollout", (Share("next", 100),), (("lane", Condition("EQUAL", ("blue",))),))
_OAUTH = OAuthRules("members", "http://c.example.com/check", "POST", TokenAt("header", "authorization", "Bearer "), 2.0)
_OFFICE = IpRules("office", ("203.0.113.0/24",), ())
_NOT_HERE = IpRules("not-here", (), ("127.0.0.0/8",))
_CLOUD = replace(SIGNED, name="signed-cloud", identity=CLOUDRUN, claims=())
_ELSEWHERE = replace(SIGNED, name="signed-else", session=replace(SIGNED.session, name="user_session", refresh=None))
_REQUIRED: Any = {"access": "required"}


def _with(login: Any, **changes: Any) -> dict[str, Any]:
    names = tuple(dict.fromkeys(header for _, header in (*login.identity, *login.claims)))
    return {"login": login, "access": "required", "identity_headers": names, **changes}


POLICIES: Final[dict[str, Policy]] = {
    "public": Policy(),
    "public, no identity": Policy({"identity_headers": ()}),
    "sealed": Policy(_with(BY_HEADER)),
    "sealed, optional": Policy(_with(BY_HEADER, access="optional")),
    "sealed, other backend": Policy(_with(BY_HEADER), other=True),
    "public, other backend": Policy(other=True),
    "sealed in query": Policy(_with(BY_QUERY)),
    "code in body": Policy(_with(BY_BODY)),
    "sealed, own headers": Policy(_with(_alike("own", "js_code", "user_session"))),
    "sealed, other names": Policy(_with(_alike("names", "code", "x-login"))),
    "signed": Policy(_with(SIGNED)),
    "signed, optional": Policy(_with(SIGNED, access="optional")),
    "signed, keys rotated": Policy(_with(SIGNED), keys="rotated"),
    "signed, key withdrawn": Policy(_with(SIGNED), keys="withdrawn"),
    "signed, no keys": Policy(_with(SIGNED), keys="none"),
    "signed, cloud headers": Policy(_with(_CLOUD)),
    "signed, other name": Policy(_with(_ELSEWHERE)),
    "signed in query": Policy(_with(SIGNED_IN_QUERY)),
    "signed, renewed": Policy(_with(RENEWED)),
    "token": Policy({**_REQUIRED, "jwt": jwt_rules()}),
    "token, optional": Policy({"access": "optional", "jwt": jwt_rules()}),
    "token in query": Policy({**_REQUIRED, "jwt": jwt_rules(token=TokenAt("query", "token"))}),
    "token, other claims": Policy({**_REQUIRED, "jwt": jwt_rules(claims=(("sub", "x-menshen-user"),))}),
    "token, then signed": Policy(_with(SIGNED, jwt=jwt_rules())),
    "office": Policy({"ip_access": (_OFFICE,)}),
    "office, behind a proxy": Policy({"ip_access": (_OFFICE,)}, Listener(client_api="", trusted_hops=1)),
    "not here": Policy({"ip_access": (_NOT_HERE,)}),
    "office, sealed": Policy(_with(BY_HEADER, ip_access=(_OFFICE,))),
    "limited": Policy({"limits": (LimitRule("one", "api", 900, 900),)}),
    "limited by user": Policy(_with(SIGNED, limits=(LimitRule("one", "user", 900, 900),))),
    "oauth": Policy({**_REQUIRED, "oauth": _OAUTH}),
    "key pair": Policy({**_REQUIRED, "key_pair": KeyPairRules("servers", (), 300, 65_536, "x-menshen-caller")}),
    "own plugin": Policy({**_REQUIRED, "custom": (_CUSTOM,), "identity_headers": ("x-stamp",)}),
    "pages": Policy(_with(BY_HEADER, cors=_PAGES)),
    "public pages": Policy({"cors": _PAGES}),
    "coloured": Policy({"transforms": (_COLOUR,)}),
    "coloured, sealed": Policy(_with(BY_HEADER, transforms=(_COLOUR_TAG,))),
    "canary": Policy({"tags": (_LANE,), "canary": (_NEXT,)}, versions=True),
    "canary, sealed": Policy(_with(BY_HEADER, tags=(_LANE,), canary=(_NEXT,)), versions=True, other=True),
    "canary, signed": Policy(_with(SIGNED, tags=(_LANE,), canary=(_NEXT,)), versions=True),
    "other host": Policy(_with(BY_HEADER, hosts=("other.example",))),
    "other prefix": Policy({"prefix": "/"}),
    "stripped prefix": Policy(_with(BY_HEADER, strip_prefix=True)),
    "rewritten": Policy({"rewrites": (RewriteRule("/mall/(.*)", "/new/$1", 1),)}),
    "rewritten, sealed": Policy(
        _with(BY_HEADER, rewrites=(RewriteRule("/mall/orders", "/mall/admin", 1, block=True),))
    ),
    "behind a proxy": Policy(_with(BY_HEADER), Listener(client_api="", trusted_hops=1)),
    "traced": Policy(_with(BY_HEADER), tracing=TracingRules()),
    "traced, public": Policy(tracing=TracingRules(accept=False)),
    "client api": Policy(_with(SIGNED), Listener()),
    "post only": Policy({"methods": ("POST",)}),
}


class Judge:
    """The brain: by the stamp's revision and nothing else. What it lets in has an identity of that revision."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Snapshot]] = {}

    def learn(self, name: str, snapshot: Snapshot) -> None:
        self._known.setdefault(snapshot.checksum, (name, snapshot))

    def __call__(self, request: Received) -> Reply:
        if request.target.startswith(f"{API_PREFIX}/"):
            return Reply(200, (), json.dumps({"api": request.target.split("/")[3:]}).encode())
        name, checksum = (request.one(HEADER_ROUTE) or "@").rsplit("@", 1)
        if checksum not in self._known or not name.startswith("mall/orders"):
            return deny(503, {"code": 5001, "reason": "route_stale"})
        policy, snapshot = self._known[checksum]
        (asked,) = snapshot.routes
        if asked.oauth is not None and request.one("authorization") != f"Bearer {GOOD}":
            return deny(401, {"code": 4001, "reason": "token"})
        if asked.key_pair is not None and request.one("authorization") != GOOD:
            return deny(401, {"code": 4001, "reason": "key_pair"})
        if asked.custom and request.one("x-pass") != GOOD:
            return deny(403, {"code": 4003, "reason": "custom"})
        found = _state_of(asked, request)
        if asked.login is not None and found not in (GOOD, SIGNED_STATE, SIGNED_QUERY):
            if found is None and asked.access == "optional":
                return Reply(headers=tuple((each, "") for each in asked.identity_headers))
            return deny(401, {"code": 4001, "reason": "state"})
        return Reply(headers=tuple((each, f"brain, {policy}") for each in asked.identity_headers))


def _state_of(asked: Route, request: Received) -> str | None:
    if asked.login is None:
        return None
    rules = asked.login.session
    if rules.request_in == "header":
        return request.one(rules.name.lower())
    query = dict(pair.partition("=")[::2] for pair in request.target.partition("?")[2].split("&"))
    return query.get(rules.name)


FORGED: Final = tuple(
    (name, "forged")
    for name in (
        *("x-menshen-user", "X_Menshen_User", "x.menshen.openid", "x-menshen-openid", "x-menshen-session"),
        *("account", "mp_open.id", "mp-open-id", "x-app-name", "x-source", "x-user-level", "x_user_level"),
        *("x-wx-openid", "x-wx-appid", "x_wx_source", "x-partner-user", "x_partner_role", "x-stamp", "x.stamp"),
        *("x-colour", "x_colour", "x-menshen-tag-colour", "x-menshen-tag-lane", "x-menshen-route", "x-menshen-sid"),
        *("x-menshen-auth", "x-menshen-uid", "x-menshen-client", "x-envoy-original-path", "x-original-url"),
        *("x-forwarded-host", "traceparent", "x-request-id", "x-menshen-path", "x-menshen-bucket-0"),
    )
)


@dataclass(frozen=True)
class Probe:
    headers: tuple[tuple[str, str], ...] = ()
    target: str = "/mall/orders"
    method: str = "GET"
    host: str = "h"

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        return (*FORGED, ("baggage", "colour=forged,lane=forged"), *self.headers)


PROBES: Final[dict[str, Probe]] = {
    "nothing": Probe(),
    "sealed": Probe((("user_session", GOOD),)),
    "sealed, other name": Probe((("x-login", GOOD),)),
    "sealed in query": Probe(target=f"/mall/orders?token={GOOD}&x=1"),
    "signed": Probe((("state", SIGNED_STATE), ("state2", SIGNED_STATE))),
    "signed, other name": Probe((("user_session", SIGNED_STATE),)),
    "signed in query": Probe(target=f"/mall/orders?token={SIGNED_QUERY}"),
    "forged states": Probe((("state", FORGED_STATE), ("state2", FORGED_STATE), ("user_session", FORGED_STATE))),
    "forged in query": Probe(target=f"/mall/orders?token={FORGED_STATE}"),
    "token": Probe((("authorization", f"Bearer {TOKEN}"),)),
    "token in query": Probe(target=f"/mall/orders?token={TOKEN}"),
    "forged token": Probe((("authorization", f"Bearer {FORGED_TOKEN}"),)),
    "token and signed": Probe((("authorization", f"Bearer {TOKEN}"), ("state", SIGNED_STATE))),
    "member": Probe((("authorization", f"Bearer {GOOD}"), ("x-pass", GOOD))),
    "server": Probe((("authorization", GOOD), ("x-pass", "bad"))),
    "office": Probe((("x-forwarded-for", "203.0.113.7"), ("user_session", GOOD))),
    "blue": Probe((("x-lane", "blue"), ("user_session", GOOD))),
    "blue, forged": Probe((("x-lane", "blue"), ("state", FORGED_STATE), ("user_session", "bad"))),
    "preflight": Probe(
        (("origin", "https://shop.example.com"), ("access-control-request-method", "GET")), method="OPTIONS"
    ),
    "page": Probe((("origin", "https://shop.example.com"), ("cookie", "sid=bad"))),
    "rewritten path": Probe(target="/mall/admin"),
    "plain path": Probe(target="/orders"),
    "other host": Probe((("user_session", GOOD),), host="other.example"),
    "call": Probe((("state", FORGED_STATE),), target="/v1/session"),
}

_CHANGING = ("x-request-id", "traceparent", "tracestate")


def seen_by_backend(name: str, request: Received) -> Reply:
    """An answer that says what the backend ``name`` received, but for what is of one request alone."""
    headers = sorted((key, "*" if key in _CHANGING else value) for key, value in request.headers)
    said = {"backend": name, "target": request.target, "method": request.method, "headers": headers}
    return Reply(200, (("content-type", "application/json"),), json.dumps(said).encode())
