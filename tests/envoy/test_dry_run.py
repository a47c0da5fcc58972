"""What the dry run says is where a real Envoy takes the request: a differential test over paths, hosts, tags, users."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from menshen.config.loading import Loaded
from menshen.documents.way import Nowhere, Question, Way
from menshen.envoy.dry_run import dry_run
from menshen.errors import MalformedRequest, MethodNotAllowed, NoSuchRoute, PathBlocked, Refusal
from menshen.gateway.wire import HEADER_UID
from tests.envoy.edge import Edge, Got
from tests.envoy.fakes import Received, Reply
from tests.envoy.versions import Versions, loaded, version_of, versioned_edge

_APIS = [
    {"name": "home", "path": "/"},
    {"name": "list", "path": "/orders", "methods": ["GET"]},
    {"name": "create", "path": "/orders", "methods": ["POST", "PUT"]},
    {"name": "order", "path": "/orders/{id}"},
    {"name": "lines", "path": "/orders/{id}/lines/{line}"},
    {"name": "comma", "path": "/a,b"},
    {"name": "static", "path": "/static/*"},
]
_RULES = [
    {
        "name": "both",
        "priority": 1,
        "when": [
            {"tag": "city", "op": "REGEX", "values": ["北...|sh.*|.*京"]},
            {"tag": "line", "op": "NOT_EQUAL", "values": [""]},
        ],
        "to": [{"version": "v2"}],
    },
    {
        "name": "either",
        "priority": 2,
        "relation": "OR",
        "when": [
            {"tag": "city", "op": "IN", "values": ["a b", "100%", "北京"]},
            {"tag": "beta", "op": "EQUAL", "values": ["yes"]},
            {"tag": "tier", "op": "EQUAL", "values": ["gold"]},
        ],
        "to": [{"version": "v3"}],
    },
    {"name": "off", "enabled": False, "priority": 0, "to": [{"version": "v3"}]},
    {"name": "rest", "priority": 3, "to": [{"version": "v2", "weight": 25}, {"version": "v3", "weight": 25}]},
]


def _document(upstream: Mapping[str, Any]) -> Loaded:
    return loaded(
        upstream,
        groups=[
            {"name": "mall", "prefix": "/mall", "apis": _APIS},
            {
                "name": "near",
                "prefix": "/mall",
                "hosts": ["shop.example.com"],
                "apis": [{"name": "any", "path": "/orders/{x}"}],
            },
            {
                "name": "wide",
                "prefix": "/mall",
                "hosts": ["*.example.com"],
                "apis": [{"name": "all", "path": "/static/*"}],
            },
            {
                "name": "back",
                "prefix": "/mall/admin",
                "strip_prefix": True,
                "apis": [{"name": "users", "path": "/users/{id}"}, {"name": "root", "path": "/"}],
            },
            {"name": "old", "prefix": "/old", "apis": [{"name": "all", "path": "/*"}]},
            {"name": "asked", "prefix": "/asked", "apis": [{"name": "all", "path": "/*", "access": "optional"}]},
            {"name": "mine", "prefix": "/me", "apis": [{"name": "all", "path": "/*"}]},
            {"name": "site", "prefix": "/", "hosts": ["www.example.org"], "apis": [{"name": "all", "path": "/*"}]},
        ],
        plugins=[
            {"name": "shop-login", "type": "WeChatMpLogin", "app": "shop"},
            {
                "name": "query-login",
                "type": "WeChatMpLogin",
                "app": "shop",
                "code": {"in": "query", "name": "code"},
                "session": {"name": "sid", "request_in": "query"},
            },
            {"name": "pages", "type": "Cors", "origins": ["https://shop.example.com"]},
            {
                "name": "lifted",
                "type": "Tag",
                "tags": [
                    {"in": "query", "name": "city"},
                    {"in": "path", "name": "/orders/{id}/lines/{line}", "tag": "line"},
                    {"in": "header", "name": "x-beta", "tag": "beta"},
                    {"in": "cookie", "name": "tier"},
                ],
            },
            {"name": "grey", "type": "Canary", "rules": _RULES},
            {
                "name": "moved",
                "type": "PathRewrite",
                "rules": [
                    {"regex": "/old/a/(.*)", "replacement": "/new/$1/a", "order": 1, "block": True},
                    {"regex": "/old/(x|y)", "replacement": "/z$1", "order": 2},
                    {"regex": "/old/o(.*)", "replacement": "/p/$1", "order": 3},
                ],
            },
        ],
        bindings=[
            *({"plugin": "lifted", "group": group} for group in ("mall", "back", "mine", "site")),
            *({"plugin": "grey", "group": group} for group in ("mall", "back", "mine", "site")),
            {"plugin": "moved", "group": "old"},
            {"plugin": "shop-login", "group": "mine"},
            {"plugin": "query-login", "group": "asked"},
            *({"plugin": "pages", "group": group} for group in ("mall", "old")),
        ],
    )


class Both:
    """No dataclass: the whole document would be in the text of every example."""

    def __init__(self, edge: Edge, versions: Versions, document: Loaded) -> None:
        self.edge = edge
        self.versions = versions
        self.document = document


def _brain(request: Received) -> Reply:
    return Reply(headers=((HEADER_UID, request.one("user_session") or ""),))


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with versioned_edge(_document) as (edge, versions, document):
        edge.brain.answer = _brain
        yield Both(edge, versions, document)


def _sent(both: Both, question: Question) -> Got:
    both.versions.reset()
    headers = [("user_session", question.user)] if question.user else []
    headers += [(name, value.encode().decode("latin-1")) for name, value in question.headers.items()]
    return both.edge.ask(question.path, headers, method=question.method, host=question.host)


def _agree(both: Both, question: Question) -> Way | Nowhere:
    got = _sent(both, question)
    request_id = got.all("x-saw-id")[0] if got.status == 200 else ""
    asked = Question(
        question.path, question.host, question.method, question.tags, question.user, request_id, question.headers
    )
    said = dry_run(both.document.document, both.document.snapshot, asked)
    if isinstance(said, Nowhere):
        assert said.refusal is not None
        reason = said.refusal.reason
        if question.method == "HEAD":
            assert got.status == said.refusal.status
        else:
            assert (got.status, got.refusal[2]) == (said.refusal.status, reason), (question, said)
        assert got.all("allow") == ([", ".join(said.allow)] if said.allow else [])
    else:
        assert got.status == 200, (question, said, got.body)
        at, received = both.versions.forwarded
        assert (version_of(got), received.target) == (said.choice.version, said.backend_path), (question, said)
        assert at == said.choice.version
        assert {told.tag: told.value for told in said.tags if told.value} == _tags_of(received)
    return said


def _tags_of(received: Received) -> dict[str, str]:
    start = "x-menshen-tag-"
    return {name.removeprefix(start): unquote(value) for name, value in received.headers if name.startswith(start)}


@pytest.mark.parametrize(
    ("path", "host", "method", "expected"),
    [
        ("/mall", "h", "GET", "mall/home"),
        ("/mall/", "h", "GET", "mall/home"),
        ("/mallet", "h", "GET", NoSuchRoute),
        ("/mall/orders", "h", "GET", "mall/list"),
        ("/mall/orders?x=/orders/1", "h", "POST", "mall/create"),
        ("/mall/orders", "h", "DELETE", MethodNotAllowed),
        ("/mall/orders/", "h", "GET", NoSuchRoute),
        ("/mall/orders/mine", "h", "GET", "mall/order"),
        ("/mall/orders/mine", "h", "POST", "mall/order"),
        ("/mall/orders/1", "h", "GET", "mall/order"),
        ("/mall/orders/1", "shop.example.com:8080", "GET", "near/any"),
        ("/mall/orders/1", "SHOP.example.com.", "GET", "near/any"),
        ("/mall/orders/1/lines/2", "shop.example.com", "GET", "mall/lines"),
        ("/mall/static/a/b", "h", "GET", "mall/static"),
        ("/mall/static/a", "a.b.example.com", "GET", "wide/all"),
        ("/mall/static/a", "shop.example.com", "GET", "wide/all"),
        ("/mall/static/a", "example.com", "GET", "mall/static"),
        ("/mall/static", "h", "GET", NoSuchRoute),
        ("/mall/a%2Cb", "h", "GET", "mall/comma"),
        ("/mall/a%2cb", "h", "GET", "mall/comma"),
        ("/mall/./static/../orders//mine", "h", "GET", "mall/order"),
        ("/mall/%6frders/mine", "h", "GET", "mall/order"),
        ("/mall/orders/a;b", "h", "GET", MalformedRequest),
        ("/mall/orders/a%2fb", "h", "GET", MalformedRequest),
        ("/mall/orders/北京", "h", "GET", MalformedRequest),
        ("/mall/admin", "h", "GET", "back/root"),
        ("/mall/admin/users/7?city=sh", "h", "GET", "back/users"),
        ("/mall/admin/nothing", "h", "GET", NoSuchRoute),
        ("/old/a/b/c?q=1", "h", "GET", "old/all"),
        ("/old/x", "h", "GET", "old/all"),
        ("/old/xx", "h", "GET", "old/all"),
        ("/old/onward", "h", "GET", "old/all"),
        ("/old/o../x", "h", "GET", MalformedRequest),
        ("/old/o/x", "h", "GET", MalformedRequest),
        ("/me/x", "h", "GET", "mine/all"),
        ("/asked/x?a=1&s%69d=2&sid=3&sid&b=%73&&code=x", "h", "GET", "asked/all"),
        ("/asked/x?&sid=3&", "h", "GET", "asked/all"),
        ("/asked/x?&", "h", "GET", "asked/all"),
        ("/mall/orders", "h", "OPTIONS", MethodNotAllowed),
        ("/anything", "www.example.org", "GET", "site/all"),
        ("/mall/orders", "www.example.org", "GET", "mall/list"),
        ("/anything", "h", "GET", NoSuchRoute),
        ("//", "www.example.org", "GET", MalformedRequest),
    ],
)
def test_a_request_is_taken_where_envoy_takes_it(
    path: str, host: str, method: str, expected: str | type[Refusal], both: Both
) -> None:
    if not path.isascii():
        assert isinstance(dry_run(both.document.document, both.document.snapshot, Question(path)), Nowhere)
        path = path.encode().decode("latin-1")
    said = _agree(both, Question(path, host, method))
    assert (said.route.id if isinstance(said, Way) else said.refusal) == expected


def test_a_blocked_path_names_the_api_that_blocks_it(both: Both) -> None:
    document = _blocking(both.versions.upstream())
    said = dry_run(document.document, document.snapshot, Question("/old/new/1"))
    assert isinstance(said, Nowhere)
    assert (said.refusal, said.api) == (PathBlocked, "old/all")


def _blocking(upstream: Mapping[str, Any]) -> Loaded:
    rules = [{"regex": "/old/a/(.*)", "replacement": "/old/new/$1", "block": True}]
    return loaded(
        upstream,
        groups=[{"name": "old", "prefix": "/old", "apis": [{"name": "all", "path": "/*"}]}],
        plugins=[{"name": "moved", "type": "PathRewrite", "rules": rules}],
        bindings=[{"plugin": "moved", "group": "old"}],
    )


_SEGMENT = st.one_of(
    st.sampled_from(
        [
            "mall",
            "orders",
            "mine",
            "lines",
            "static",
            "admin",
            "users",
            "old",
            "a",
            "x",
            "me",
            "a,b",
            "..",
            ".",
            "",
            "..;",
        ]
    ),
    st.text(string.ascii_letters + string.digits + "-._~!$&'()*+,=:@%;\\\"<>[]^`{|}", max_size=4),
    st.sampled_from(["%2e", "%2E%2e", "%61", "%c3%a9", "%C0", "%25", "%2f", "%5C", "%3B", "%", "%7E", "%zz", "%00"]),
)
_PATHS = st.lists(_SEGMENT, max_size=6).map(lambda segments: "/" + "/".join(segments))
_KNOWN_PATHS = st.sampled_from(
    ["/mall/orders", "/mall/orders/7", "/mall/orders/7/lines/5", "/mall/static/x", "/me/x", "/mall/admin/users/1"]
)
_VALUES = st.one_of(
    st.sampled_from(["", "sh", "shanghai", "xsh", "北京", "北", "a b", "100%", "yes", "x" * 128, "x" * 129, "a\nb"]),
    st.text(max_size=5),
)


def _percent(text: str) -> str:
    return "".join(f"%{octet:02X}" for octet in text.encode("utf-8", "surrogatepass"))


_QUERIES = st.one_of(
    st.none(),
    _VALUES.map(lambda value: f"city={_percent(value)}"),
    st.lists(
        st.tuples(
            st.sampled_from(["city", "c%69ty", "city+", "City", "", "x"]),
            st.sampled_from(
                ["", "=", "=sh", "=a+b", "=100%25", "=100%", "=%zz", "=%E5%8C%97%E4%BA%AC", "=%E5", "=%00", "=a=b"]
            ),
        ).map("".join),
        max_size=4,
    ).map("&".join),
    st.just("&".join(["x"] * 256 + ["city=sh"])),
)


_COOKIES = st.lists(
    st.sampled_from(
        ["tier=gold", 'tier="gold"', "tier = gold ", "tier", "tier=", "tier=silver", "Tier=x", 'tier="', "a=b=c", " "]
    ),
    min_size=1,
    max_size=3,
).map("; ".join)


def _question(
    path: str, query: str | None, beta: str | None, host: str, method: str, user: str, cookie: str | None = None
) -> Question:
    target = path if query is None else f"{path}?{query}"
    headers = {name: value for name, value in (("x-beta", beta), ("cookie", cookie)) if value is not None}
    return Question(target, host, method, {}, user, headers=headers)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    question=st.builds(
        _question,
        path=st.one_of(_KNOWN_PATHS, _PATHS),
        query=_QUERIES,
        beta=st.sampled_from([None, "yes", "no", " yes ", "北京", "x" * 129, ""]),
        host=st.sampled_from(["h", "shop.example.com", "x.example.com", "www.example.org", "example.com:80", "H."]),
        method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]),
        user=st.sampled_from(["", "u-1", "u-2", "u-3", "u-4"]),
        cookie=st.one_of(st.none(), _COOKIES),
    )
)
@example(question=Question("/mall/a/..;x/orders"))
@example(question=Question("/mall/%00/../orders"))
@example(question=Question("//", "www.example.org"))
@example(question=Question("/.///./", "www.example.org"))
@example(question=Question("/mall/a/.;/orders"))
@example(question=Question("/mall/a/%2e%2E;/orders"))
@example(question=Question("/mall/a/..%3B/orders"))
@example(question=Question("/mall/a\\..;x;y\\z/orders"))
@example(question=Question("/mall/a/..;x;y\\z/orders"))
@example(question=Question("/mall/a/..;x/../mall//orders/"))
@example(question=_question("/mall/orders/7/lines/5", "city=%E5%8C%97%E4%BA%AC", None, "h", "GET", ""))
@example(question=_question("/mall/orders/7", "city=%ED%A0%80", "yes", "h", "GET", ""))
def test_what_it_says_is_what_envoy_does(question: Question, both: Both) -> None:
    _agree(both, question)
