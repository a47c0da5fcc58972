"""Plugin types of the installation: which hold, what breaks one, and what a document learns of them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from menshen.config.custom_types import NotCompiled, PluginRoute
from menshen.gateway.plugin_loading import InstalledTypes, installed_types
from menshen.gateway.plugins import EnvoyMessage, Pass
from tests.gateway.plugin_types import MUTATION, Level, Noted, Package, Point, types_of

ROUTE = PluginRoute("mall/order", "mall", "order", "/mall/orders/{id}", ("GET",))


def broken(made: Any, name: str = "Level") -> str:
    installed = types_of(**{name: made}).installed(name)
    assert installed is not None
    assert (installed.code is None) == bool(installed.broken)
    known = types_of(**{name: made}).get(name)
    assert known is not None
    assert known.broken == installed.broken
    return installed.broken


def changed(**attributes: Any) -> type:
    return type("Changed", (Level,), attributes)


def test_a_type_is_a_class_or_an_object() -> None:
    for made in (Level, Level()):
        installed = types_of(Level=made).installed("Level")
        assert installed is not None
        assert installed.code is not None
        assert (installed.packages, installed.broken) == (("package-of-Level 1",), "")
        assert installed.code.headers == ("x-menshen-plugin-level", "x-free")


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    loaded: list[str] = []

    class Watched(Point):
        def load(self) -> Any:
            loaded.append(self.name)
            return super().load()

    types = InstalledTypes(lambda: [Watched("A", Level), Watched("B", Level)])  # type: ignore[list-item]
    assert types.names() == ["A", "B"]
    assert types.get("C") is None
    assert types.installed("C") is None
    assert loaded == []
    assert types.get("A") is types.get("A")
    assert loaded == ["A"]


def test_those_of_this_installation_are_found_once() -> None:
    assert installed_types() is installed_types()


class Fails:
    def __init__(self) -> None:
        raise RuntimeError("planted-secret")


class Odd:
    @property
    def Parameters(self) -> Any:  # noqa: N802
        raise KeyError("planted-secret")


async def later(_: object, __: object) -> Pass:
    return Pass()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (ImportError("planted-secret", name="a_module"), "it cannot be loaded: ImportError"),
        (SystemExit("planted-secret"), "it cannot be loaded: SystemExit"),
        (RuntimeError("planted-secret"), "it cannot be loaded: RuntimeError"),
        (Fails, "it cannot be loaded: RuntimeError at "),
        (Odd, "it cannot be loaded: KeyError at "),
        (None, "Parameters is no pydantic model"),
        (changed(Parameters=dict), "Parameters is no pydantic model"),
        (changed(Parameters=Level.Parameters()), "Parameters is no pydantic model"),
        (changed(decide=None), "decide is no plain function"),
        (changed(decide=later), "decide is no plain function"),
        (changed(headers="x-a"), "headers is no tuple of texts"),
        (changed(headers=["x-a"]), "headers is no tuple of texts"),
        (changed(headers=(b"x-a",)), "headers is no tuple of texts"),
        (changed(headers=tuple(f"x-{n}" for n in range(17))), "headers has more than 16 names"),
        (changed(headers=("X-A",)), "headers has 'X-A', which it may not have"),
        (changed(headers=("x a",)), "headers has 'x a', which it may not have"),
        (changed(headers=("x-menshen-user",)), "headers has 'x-menshen-user', which it may not have"),
        (changed(headers=("x_menshen_route",)), "headers has 'x_menshen_route', which it may not have"),
        (changed(headers=(":path",)), "headers has ':path', which it may not have"),
        (changed(headers=("host",)), "headers has 'host', which it may not have"),
        (changed(headers=("x\n",)), "headers has 'a name', which it may not have"),
        (changed(headers=("x-a", "x_a")), "headers has a name twice"),
        (changed(response_headers=("set-cookie",)), "response_headers has 'set-cookie', which it may not have"),
        (changed(response_headers=("x-menshen-code",)), "response_headers has 'x-menshen-code'"),
        (changed(reads=("cookie",)), "reads has 'cookie', which it may not have"),
        (changed(reads=("x-menshen-route",)), "reads has 'x-menshen-route', which it may not have"),
        (changed(reads=("secret",)), "reads has 'secret', which it may not have"),
        (changed(cookies=("a b",)), "cookies has 'a b', which it may not have"),
        (changed(tags=("Level",)), "tags has 'Level', which it may not have"),
        (changed(tags=("t" * 33,)), "tags has 'ttt"),
        (changed(envoy_filter=EnvoyMessage(f"{MUTATION}.HeaderMutation")), "envoy_filter and envoy come together"),
        (changed(envoy=lambda *_: None), "envoy_filter and envoy come together"),
        (changed(envoy=lambda *_: None, envoy_filter="x"), "envoy_filter is no EnvoyMessage of these: envoy."),
    ],
)
def test_a_type_that_does_not_hold_is_broken(made: Any, why: str) -> None:
    said = broken(made)
    assert said.startswith(why)
    assert "planted" not in said


@pytest.mark.parametrize("name", ["Tag", "Jwt", "WeChatMpLogin", "QQMPLogin"])
def test_a_type_cannot_take_a_name_of_ours(name: str) -> None:
    assert broken(Level, name) == "a type of Menshen's own has this name"


@pytest.mark.parametrize("name", ["my-type", "1st", "T" * 61, "类型"])
def test_a_type_has_a_name_that_a_document_can_write(name: str) -> None:
    assert broken(Level, name) == "a type's name is 1 to 60 letters and digits, with a letter first"


def test_a_type_does_not_have_the_name_of_a_login_plugin_that_a_package_brings() -> None:
    points = [Point("AcmeMpLogin", Level, Package("one"))]
    installed = InstalledTypes(lambda: points, {"AcmeMpLogin": "acme"}).installed("AcmeMpLogin")  # type: ignore[arg-type,return-value]
    assert installed is not None
    assert installed.broken == "the login plugin of the platform acme has this name"


def test_two_packages_with_one_name_are_both_named() -> None:
    points = [Point("Level", Level, Package("one", "2")), Point("Level", Level, Package("another", "1"))]
    installed = InstalledTypes(lambda: points).installed("Level")  # type: ignore[arg-type,return-value]
    assert installed is not None
    assert installed.packages == ("another 1", "one 2")
    assert installed.broken == "several packages bring it: another 1, one 2"


@pytest.mark.parametrize(
    ("parameters", "path", "message"),
    [
        ({"level": "1"}, "level", "must be a whole number"),
        ({"level": 1.5}, "level", "must be a whole number"),
        ({"level": True}, "level", "must be a whole number"),
        ({"levels": 1}, "levels", "unknown key"),
        ({"names": "a"}, "names", "must be a list"),
        ({"names": [1]}, "names[0]", "must be text"),
        ({"word": "bad"}, "word", "must be another word"),
        ({"word": "breaks"}, "", "the type's own check of them broke: RuntimeError at "),
    ],
)
def test_parameters_are_held_to_the_model_strictly(parameters: dict[str, Any], path: str, message: str) -> None:
    known = types_of(Level=Level).get("Level")
    assert known is not None
    (problem,) = known.problems(parameters)
    assert problem.path == path
    assert problem.message.startswith(message)
    assert problem.message_zh
    assert "planted" not in problem.message


def test_a_model_that_is_not_strict_itself_is_read_strictly() -> None:
    class Inner(BaseModel, extra="allow"):
        a: int

    class Loose(BaseModel, extra="ignore", strict=False):
        inner: Inner

    known = types_of(Level=changed(Parameters=Loose)).get("Level")
    assert known is not None
    assert [p.path for p in known.problems({"inner": {"a": 1, "b": 2}})] == ["inner.b"]
    assert [p.path for p in known.problems({"inner": {"a": "1"}, "c": 1})] == ["inner.a", "c"]
    assert list(known.problems({"inner": {"a": 1}})) == []


def test_the_envoy_part_is_compiled_of_checked_parameters() -> None:
    known = types_of(Noted=Noted).get("Noted")
    assert known is not None
    part = known.compiled({"word": "note"}, ROUTE)
    assert part is not None
    assert part.filter == {"@type": f"type.googleapis.com/{MUTATION}.HeaderMutation"}
    (mutation,) = part.route["mutations"]["response_mutations"]
    assert mutation["append"]["header"] == {"key": "x-note", "value": "note /mall/orders/{id}"}
    assert known.compiled({"word": "none"}, ROUTE) is None
    plain = types_of(Level=Level).get("Level")
    assert plain is not None
    assert plain.compiled({}, ROUTE) is None


@pytest.mark.parametrize(
    "answer", ["text", {"a": 1}, EnvoyMessage("envoy.extensions.filters.http.csrf.v3.CsrfPolicy"), later]
)
def test_a_compile_step_that_breaks_is_no_part(answer: Any) -> None:
    for step in (lambda *_: answer, None):
        kind = type("Broken", (Noted,), {} if step is None else {"envoy": step})
        known = types_of(Noted=kind).get("Noted")
        assert known is not None
        with pytest.raises(NotCompiled) as failed:
            known.compiled({"word": "raise"}, ROUTE)
        assert "planted" not in str(failed.value)
