"""Plugins of installed types at work: what each is shown, what it may say, and that a broken one lets nobody in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from menshen.config.route_rules import CustomRules
from menshen.config.snapshot import Route, Snapshot
from menshen.errors import PluginFailed, PluginRefused
from menshen.gateway.plugin_loading import InstalledTypes
from menshen.gateway.plugin_steps import SLOW, TOO_LONG, RoutePlugins, plugins_of_routes
from menshen.gateway.plugins import Pass, PluginRequest, Refuse
from menshen.gateway.request import AuthRequest, RequestLine
from menshen.gateway.wire import stamp
from menshen.sessions.claims import SessionClaims
from tests.gateway.plugin_types import Answers, Level, types_of
from tests.gateway.samples import NOW, plugin, route

LINE = RequestLine(b"POST", b"example.com", b"/mall/order%20s")
HEADERS = {
    b"x-level": b"gold",
    b"x-other": b"no",
    b"cookie": b"crumb=c; other=no",
    b"user_session": b"a-login-state",
    b"x-menshen-client": b"192.0.2.7",
}
CLAIMS = SessionClaims(
    sid="s1", sub="u1", platform="wechat", appid="wx1", openid="o1", unionid="n1", iat=1, exp=2, claims={"tier": "gold"}
)


class Clock:
    """Seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def rules(kind: str = "Level", name: str = "", **changes: Any) -> CustomRules:
    names: dict[str, Any] = {
        "headers": ("x-menshen-plugin-level", "x-free"),
        "tags": ("level",),
        "reads": ("x-level",),
        "cookies": ("crumb",),
    }
    return CustomRules(name or kind.lower(), kind, **{**names, **changes})


def plugins(
    types: InstalledTypes, *custom: CustomRules, clock: Callable[[], float] = lambda: 0.0, **changes: Any
) -> RoutePlugins:
    snapshot = Snapshot(routes=(replace(the_route(), custom=custom, **changes),)).sealed()
    (made,) = plugins_of_routes([snapshot], types, clock).values()
    return made


def the_route() -> Route:
    return route("order", plugin())


def ask(made: RoutePlugins, query: bytes = b"", claims: SessionClaims | None = CLAIMS) -> dict[str, str]:
    request = AuthRequest("mall/order@c", HEADERS, query, request_id="r1", found=((b"x-before", b"1"),))
    found = made.admit(request, LINE, claims, NOW).found
    assert found[0] == (b"x-before", b"1")
    return {name.decode(): value.decode("latin-1") for name, value in found[1:]}


def answering(decide: Callable[[Any, PluginRequest], Any], clock: Callable[[], float] = lambda: 0.0) -> RoutePlugins:
    named = {"headers": ("x-free",), "tags": ("free",), "reads": (), "cookies": ()}
    return plugins(types_of(Answers=Answers(decide)), rules("Answers", "the-plugin", **named), clock=clock)


def test_what_it_says_reaches_the_backend_and_what_it_does_not_is_empty() -> None:
    assert ask(plugins(types_of(Level=Level), rules(parameters={"level": 7}))) == {
        "x-menshen-plugin-level": "",
        "x-free": "7",
        "x-menshen-tag-level": "gold",
    }


def test_what_it_is_shown() -> None:
    seen: list[PluginRequest] = []
    kind = type("Watches", (Level,), {"decide": lambda _, __, request: seen.append(request) or Pass()})
    ask(plugins(types_of(Level=kind), rules()), b"a=1&User_Session=hidden&js%5Fcode=hidden&b")
    (request,) = seen
    assert (request.route, request.group, request.api) == (the_route().id, the_route().group, the_route().api)
    assert (request.method, request.path, request.query) == ("POST", "/mall/order%20s", "a=1&b")
    assert (request.headers, request.cookies) == ({"x-level": "gold"}, {"crumb": "c"})
    assert (request.ip, request.request_id, request.now) == ("192.0.2.7", "r1", NOW)
    identity = request.identity
    assert identity is not None
    assert (identity.uid, identity.session, identity.openid, identity.unionid) == ("u1", "s1", "o1", "n1")
    assert (identity.app, identity.claims) == (plugin().app.name, {"tier": "gold"})
    assert "a-login-state" not in repr(request)


def test_without_a_login_there_is_no_identity() -> None:
    seen: list[Any] = []
    kind = type("Watches", (Level,), {"decide": lambda _, __, request: seen.append(request.identity) or Pass()})
    ask(plugins(types_of(Level=kind), rules()), claims=None)
    ask(plugins(types_of(Level=kind), rules(), login=None))
    assert seen == [None, None]


def test_a_cookie_that_came_twice_is_not_shown() -> None:
    seen: list[Mapping[str, str]] = []
    kind = type("Watches", (Level,), {"decide": lambda _, __, request: seen.append(request.cookies) or Pass()})
    made = plugins(types_of(Level=kind), rules())
    made.admit(AuthRequest("r", {b"cookie": b"crumb=a; crumb=b"}), LINE, None, NOW)
    assert seen == [{}]


def test_all_are_asked_in_order_and_the_first_refusal_ends_it() -> None:
    asked: list[str] = []

    def says(answer: Any, name: str) -> Answers:
        return Answers(lambda _, __: asked.append(name) or answer)

    types = types_of(
        A=says(Pass({"x-free": "a"}), "A"),
        B=says(Pass({"x-free": "b"}), "B"),
        C=says(Refuse("no"), "C"),
        D=says(Pass(), "D"),
    )
    named = {"headers": ("x-free",), "tags": ("free",)}
    assert ask(plugins(types, rules("A", **named), rules("B", **named), rules("D", **named)))["x-free"] == "b"
    assert asked == ["A", "B", "D"]
    asked.clear()
    with pytest.raises(PluginRefused):
        ask(plugins(types, rules("A", **named), rules("C", **named), rules("D", **named)))
    assert asked == ["A", "C"]


@pytest.mark.parametrize(
    ("message", "text"),
    [("Members only.", "Members only."), ("", ""), ("a\r\nb\u202e\x00", "ab"), ("会" * 300, "会" * 200)],
)
def test_a_refusal_is_told_in_words_that_people_can_read(message: str, text: str) -> None:
    with pytest.raises(PluginRefused) as refused:
        ask(answering(lambda _, __: Refuse(message)))
    assert refused.value.detail == text


def test_a_detail_is_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with pytest.raises(PluginRefused) as refused:
        ask(answering(lambda _, __: Refuse("no", "too early")))
    assert refused.value.detail == "no"
    (line,) = [record for record in caplog.records if record.message == "plugin_refused"]
    assert (line.plugin, line.type, line.detail) == ("the-plugin", "Answers", "too early")  # type: ignore[attr-defined]


def raises(_: object, __: object) -> Any:
    raise RuntimeError("planted-secret")


def exits(_: object, __: object) -> Any:
    sys.exit("planted-secret")


def cancels(_: object, __: object) -> Any:
    raise asyncio.CancelledError


async def _later() -> Pass:
    return Pass()


class Lying(Pass):
    pass


class Breaking(Mapping[str, str]):
    """A mapping whose reading is code of the plugin's."""

    def __getitem__(self, _: str) -> str:
        raise RuntimeError("planted-secret")

    def __iter__(self) -> Iterator[str]:
        return iter(("x-free",))

    def __len__(self) -> int:
        return 1


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "decide",
    [
        *(raises, exits, cancels, lambda *_: _later()),
        *(lambda *_, answer=answer: answer for answer in (None, True, "planted-secret", b"", {}, Pass, Lying())),
        *(
            lambda *_, headers=headers: Pass(headers)
            for headers in (
                *({"x-menshen-user": "u"}, {"X-Free": "a"}, {"x-other": "a"}, {"x-free": 1}, {"x-free": None}),
                *({1: "a"}, [("x-free", "a")], "x-free", None, Breaking(), {"x-free": Text("a")}),
                *({"x-free": bad} for bad in ("a\r\nb", "a\nb", "a\x00", "会员", "\x7f", "x" * 4097)),
            )
        ),
        *(
            lambda *_, tags=tags: Pass(tags=tags)
            for tags in ({"other": "a"}, {"free": "a\n"}, {"free": "x" * 129}, {"free": 1}, {"free": "\ud800"}, None)
        ),
        *(lambda *_, args=args: Refuse(*args) for args in ((1,), (None,), ("a", 1), (Text("a"),))),
    ],
)
def test_a_plugin_that_fails_refuses_and_is_named(decide: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(PluginFailed) as failed:
        ask(answering(decide))
    assert failed.value.detail.startswith("the-plugin (Answers): ")
    (line,) = [record for record in caplog.records if record.message == "plugin_failed"]
    assert (line.plugin, line.type, line.request_id) == ("the-plugin", "Answers", "r1")  # type: ignore[attr-defined]
    assert "planted" not in str(vars(line)) + failed.value.detail


def test_any_mapping_of_texts_is_an_answer() -> None:
    assert ask(answering(lambda *_: Pass(MappingProxyType({"x-free": "\xe9\t~"}), {"free": "会 员"}))) == {
        "x-free": "\xe9\t~",
        "x-menshen-tag-free": "%E4%BC%9A%20%E5%91%98",
    }


def test_a_slow_one_is_named_now_and_then_and_one_that_is_too_slow_counts_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, took = Clock(), [SLOW]

    def decide(_: object, __: object) -> Pass:
        clock.now += took[0]
        return Pass()

    made = answering(decide, clock)
    for _ in range(5):
        ask(made)
    slow = [record for record in caplog.records if record.message == "plugin_slow"]
    assert [(line.plugin, line.type, line.milliseconds) for line in slow] == [("the-plugin", "Answers", 20)]  # type: ignore[attr-defined]
    clock.now += 60
    ask(made)
    assert len([record for record in caplog.records if record.message == "plugin_slow"]) == 2
    took[0] = TOO_LONG
    with pytest.raises(PluginFailed):
        ask(made)


def test_parameters_are_read_once_for_a_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []

    class Parameters(Level.Parameters):
        def model_post_init(self, _: object) -> None:
            read.append(self)

    types = types_of(Level=type("Counts", (Level,), {"Parameters": Parameters}))
    routes = tuple(replace(the_route(), id=f"mall/{n}", custom=(rules(),)) for n in range(3))
    snapshot = Snapshot(routes=(*routes, the_route())).sealed()
    made = plugins_of_routes([snapshot], types, lambda: 0.0)
    assert set(made) == {stamp(each.id, snapshot.checksum) for each in routes}
    for each in made.values():
        ask(each)
        ask(each)
    assert len(read) == 1


def test_plugins_of_older_revisions_keep_their_own_parameters() -> None:
    snapshots = [
        Snapshot(routes=(replace(the_route(), custom=(rules(parameters={"level": level}),)),)).sealed()
        for level in (1, 2)
    ]
    made = plugins_of_routes(snapshots, types_of(Level=Level), lambda: 0.0)
    assert [ask(each)["x-free"] for each in made.values()] == ["1", "2"]


@pytest.mark.parametrize(
    ("types", "parameters", "why"),
    [
        (types_of(), {}, "its type is not installed here"),
        (types_of(Level=RuntimeError("planted-secret")), {}, "its type is broken: it cannot be loaded: RuntimeError"),
        (types_of(Level=Level), {"level": "planted-secret"}, "its type does not take the parameters"),
        (types_of(Level=Level), {"word": "breaks"}, "its type does not take the parameters: "),
    ],
)
def test_a_worker_that_cannot_ask_a_plugin_refuses_its_routes_and_says_which(
    types: InstalledTypes, parameters: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = plugins(types, rules(name="the-plugin", parameters=parameters))
    with pytest.raises(PluginFailed) as failed:
        ask(made)
    assert failed.value.detail.startswith(f"the-plugin (Level): {why}"[:190])
    events = [(record.message, record.plugin, record.type) for record in caplog.records]  # type: ignore[attr-defined]
    assert events == [("plugin_broken", "the-plugin", "Level"), ("plugin_failed", "the-plugin", "Level")]
    assert "planted" not in str([vars(record) for record in caplog.records]) + failed.value.detail
